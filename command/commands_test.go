package command

import (
	"testing"

	"github.com/stretchr/testify/require"

	"respite/proto"
)

// described is what describe and its like write, in one line of RESP2.
func described(t *testing.T, write func(*Call)) string {
	t.Helper()
	return newServerRig(t).described(write)
}

func (r *serverRig) described(write func(*Call)) string {
	r.t.Helper()
	c := &Call{Reply: &proto.Reply{}, Server: r.exec}
	c.Reply.Reset(2)
	write(c)
	return replyText(r.t, c.Reply)
}

func TestDescribeKeys(t *testing.T) {
	for _, tc := range []struct {
		spec KeySpec
		want []string
	}{
		{
			KeySpec{Flags: RO | Access, First: 1, Last: -1, Step: 2, Limit: 2, Notes: "why"},
			[]string{"notes", "why", "RO", "access", "index", ":1", "range", "lastkey", ":-1", "keystep", ":2", "limit", ":2"},
		},
		{
			KeySpec{Flags: RW, First: 2, Keyword: "keys", Last: -1, Step: 1},
			[]string{"RW", "keyword", "KEYS", "startfrom", ":2", "range"},
		},
		{
			KeySpec{Flags: OW, First: 1, KeyNum: true, KeyFirst: 1, Step: 1},
			[]string{"OW", "index", "keynum", "keynumidx", ":0", "firstkey", ":1", "keystep", ":1"},
		},
	} {
		got := described(t, func(c *Call) { c.describeKeys(&tc.spec) })
		from := 0
		for _, word := range tc.want {
			at := indexFrom(got, word, from)
			require.GreaterOrEqual(t, at, 0, "%q is not in its place in %q", word, got)
			from = at + len(word)
		}
	}
}

func TestLegacyRange(t *testing.T) {
	for _, tc := range []struct {
		name              string
		specs             []KeySpec
		first, last, step int
	}{
		{"no keys", nil, 0, 0, 0},
		{"one key", keys(RO, 1, 1, 1), 1, 1, 1},
		{"all the rest", keys(RO, 1, -1, 1), 1, -1, 1},
		{"pairs", keys(OW, 1, -1, 2), 1, -1, 2},
		{"two beside each other", []KeySpec{{First: 1, Step: 1}, {First: 2, Step: 1}}, 1, 2, 1},
		{"a counted list after a key", []KeySpec{{First: 1, Step: 1}, {First: 2, KeyNum: true, Step: 1}}, 1, 1, 1},
		{"behind a keyword", []KeySpec{{First: 1, Keyword: "STREAMS", Last: -1, Step: 1}}, 0, 0, 0},
	} {
		r := Row{Keys: tc.specs}
		first, last, step := r.legacyRange()
		require.Equal(t, [3]int{tc.first, tc.last, tc.step}, [3]int{first, last, step}, tc.name)
	}
}

func TestDocsOfADeprecatedCommand(t *testing.T) {
	row := Row{full: "old", Doc: "Is old.", Since: "1.0.0", Group: "sorted_set", Deprecated: "2.0.0", Instead: "`NEW`", System: true}
	require.Equal(t, "*2 $3 old *12 $7 summary $7 Is old. $5 since $5 1.0.0 $5 group $10 sorted-set "+
		"$9 doc_flags *2 +deprecated +syscmd $16 deprecated_since $5 2.0.0 $11 replaced_by $5 `NEW` ",
		described(t, func(c *Call) { c.Reply.Map(1); c.document(&row) }))
}

func TestGetKeysRefusals(t *testing.T) {
	r := newServerRig(t)
	for line, want := range map[string]string{
		"COMMAND GETKEYS nosuch x":       "-ERR Invalid command specified\r\n",
		"COMMAND GETKEYS config":         "-ERR Invalid command specified\r\n",
		"COMMAND GETKEYS config x":       "-ERR Invalid command specified\r\n",
		"COMMAND GETKEYS ping":           "-ERR The command has no key arguments\r\n",
		"COMMAND GETKEYS get":            "-ERR Invalid number of arguments specified for command\r\n",
		"COMMAND GETKEYS get a b":        "-ERR Invalid number of arguments specified for command\r\n",
		"COMMAND GETKEYS mset a 1 b":     "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
		"COMMAND GETKEYS":                "-ERR wrong number of arguments for 'command|getkeys' command\r\n",
		"COMMAND GETKEYS memory usage k": "*1\r\n$1\r\nk\r\n",
	} {
		require.Equal(t, want, r.do(line), line)
	}
}

func TestGetKeysAndFlagsOfSet(t *testing.T) {
	r := newServerRig(t)
	require.Equal(t, "*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+OW\r\n+update\r\n", r.do("COMMAND GETKEYSANDFLAGS SET k v EX 1"))
	require.Equal(t, "*1\r\n*2\r\n$1\r\nk\r\n*3\r\n+RW\r\n+access\r\n+update\r\n", r.do("COMMAND GETKEYSANDFLAGS SET k v get"))
	require.Equal(t, "*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+OW\r\n+update\r\n", r.do("COMMAND GETKEYSANDFLAGS SET k get"), "a value is no option")
}

// What is renamed away is gone from COMMAND; what has a new name keeps the name that clients know it by.
func TestCommandsThatWereRenamed(t *testing.T) {
	r := newServerRig(t)
	before := len(r.exec.table.top())
	table, err := NewTable(map[string]string{"config": "", "debug": "xyzzy"})
	require.NoError(t, err)
	require.Len(t, table.top(), before-1)
	require.Nil(t, table.Named("config"))
	require.Equal(t, "debug", table.Named("xyzzy").FullName())
}

// Every row can be described and documented, in both protocols.
func TestEveryRowIsDescribed(t *testing.T) {
	r := newServerRig(t)
	for _, row := range r.exec.table.all {
		require.NotEmpty(t, row.categories(), row.full)
		require.NotEmpty(t, r.described(func(c *Call) { c.describe(row) }))
		require.Contains(t, r.described(func(c *Call) { c.document(row) }), row.Doc)
	}
}
