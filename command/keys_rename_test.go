package command

import (
	"strconv"
	"strings"
	"testing"
)

func TestRenameCopyMoveRefusals(t *testing.T) {
	const notInt32 = "-ERR value is out of range, value must between -2147483648 and 2147483647"
	r := newKeysRig(t)
	r.play([]keysStep{
		{"SET a 1", "+OK"},
		{"RENAME nokey nokey", "-ERR no such key"},
		{"RENAMENX nokey a", "-ERR no such key"},
		{"RENAMENX a a", ":0"},
		{"COPY a a", "-ERR source and destination objects are the same"},
		{"COPY a a DB 0 REPLACE", "-ERR source and destination objects are the same"},
		{"COPY a a DB 1 DB 0", "-ERR source and destination objects are the same"},
		{"COPY a b DB", "-ERR syntax error"},
		{"COPY a b NOSUCH DB 99", "-ERR syntax error"},
		{"COPY a b DB 99 NOSUCH", "-ERR DB index is out of range"},
		{"COPY a b DB -1", "-ERR DB index is out of range"},
		{"COPY a b DB x", "-ERR value is not an integer or out of range"},
		{"COPY a b DB 2147483648", notInt32},
		{"MOVE a 0", "-ERR source and destination objects are the same"},
		{"MOVE a 2147483647", "-ERR DB index is out of range"},
		{"MOVE a -2147483649", notInt32},
		{"EXISTS a b", ":1"},
	})
}

// What a copy holds is its own: later writes to one key do not show in the other.
func TestCopyIsDetached(t *testing.T) {
	for name, text := range map[string]string{"small": "text", "large": strings.Repeat("x", 10_000)} {
		t.Run(name, func(t *testing.T) {
			r := newKeysRig(t)
			r.play([]keysStep{
				{"SET a " + text, "+OK"},
				{"COPY a b", ":1"},
				{"SETRANGE a 0 Y", ":" + strconv.Itoa(len(text))},
				{"GETRANGE b 0 0", "$1 " + text[:1]},
				{"GETRANGE a 0 0", "$1 Y"},
			})
		})
	}
}
