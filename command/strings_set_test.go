package command

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func words(line string) (args [][]byte) {
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	return args
}

func TestSetOptions(t *testing.T) {
	ex := func(amount string, unit int64, absolute bool) lifetime {
		return lifetime{amount: []byte(amount), unit: unit, absolute: absolute}
	}
	for _, c := range []struct {
		line string
		want setOptions
	}{
		{"", setOptions{}},
		{"nx GET", setOptions{ifAbsent: true, get: true}},
		{"Xx xx", setOptions{ifPresent: true}},
		{"keepttl", setOptions{keepTTL: true}},
		{"EX 10", setOptions{lifetime: ex("10", 1000, false)}},
		{"px 10 NX", setOptions{lifetime: ex("10", 1, false), ifAbsent: true}},
		{"EXAT 10 EXAT 11", setOptions{lifetime: ex("11", 1000, true)}},
		{"PXAT x", setOptions{lifetime: ex("x", 1, true)}}, // the number is looked at when all words are known
	} {
		var o setOptions
		require.NoError(t, o.parse(words(c.line)), c.line)
		require.Equal(t, c.want, o, c.line)
	}
	for _, line := range []string{
		"NX XX", "XX NX", "EX", "EX 1 PX 1", "EX 1 EXAT 1", "PX 1 PXAT 1", "KEEPTTL EX 1", "EX 1 KEEPTTL", "PERSIST", "x", "GET EX",
	} {
		var o setOptions
		require.ErrorIs(t, o.parse(words(line)), errSyntax, line)
	}
}

func TestGetexOptions(t *testing.T) {
	for _, line := range []string{"", "PERSIST", "persist PERSIST", "EX 1", "PXAT 1"} {
		var o getexOptions
		require.NoError(t, o.parse(words(line)), line)
	}
	for _, line := range []string{"PERSIST EX 1", "EX 1 PERSIST", "KEEPTTL", "NX", "EX"} {
		var o getexOptions
		require.ErrorIs(t, o.parse(words(line)), errSyntax, line)
	}
}

// Words in any order never get past the parser with both a lifetime and KEEPTTL, or with both NX and XX.
func TestSetOptionsNeverContradictEachOther(t *testing.T) {
	pool := []string{"NX", "XX", "GET", "KEEPTTL", "EX", "PX", "EXAT", "PXAT", "1", "2"}
	rapid.Check(t, func(t *rapid.T) {
		line := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pool), 0, 6).Draw(t, "words"), " ")
		var o setOptions
		if o.parse(words(line)) != nil {
			return
		}
		require.False(t, o.ifAbsent && o.ifPresent)
		require.False(t, o.keepTTL && o.lifetime.given())
	})
}

func TestLifetimes(t *testing.T) {
	const now = rigStart / int64(time.Millisecond)
	invalid := func(name string) string { return "-ERR invalid expire time in '" + name + "' command" }
	for _, c := range []struct {
		line, want string
		deadline   int64
	}{
		{"SET a 2 EX 10", "+OK", now + 10_000},
		{"SET a 2 PX 10", "+OK", now + 10},
		{"SET a 2 EXAT 1800000000", "+OK", 1_800_000_000_000},
		{"SET a 2 PXAT 1800000000123", "+OK", 1_800_000_000_123},
		{"SET a 2", "+OK", -1},
		{"SET a 2 KEEPTTL", "+OK", now + 100_000},
		{"SET a 2 NX EX 10", "$-1", now + 100_000},
		{"SETEX a 10 2", "+OK", now + 10_000},
		{"PSETEX a 10 2", "+OK", now + 10},
		{"GETSET a 2", "$1 1", -1},
		{"MSET a 2", "+OK", -1},
		{"APPEND a 2", ":2", now + 100_000},
		{"SETRANGE a 0 2", ":1", now + 100_000},
		{"INCR a", ":2", now + 100_000},
		{"INCRBYFLOAT a 1", "$1 2", now + 100_000},
		{"GETEX a", "$1 1", now + 100_000},
		{"GETEX a PX 10", "$1 1", now + 10},
		{"GETEX a PERSIST", "$1 1", -1},
		{"GETEX a EXAT 1", "$1 1", -2},
		{"GETEX a PXAT " + fmt.Sprint(now), "$1 1", -2},
		{"GETEX a PXAT " + fmt.Sprint(now+1), "$1 1", now + 1},
		{"SET a 2 EX 0", invalid("set"), now + 100_000},
		{"SET a 2 PX -1", invalid("set"), now + 100_000},
		{"SET a 2 EX 9223372036854775", invalid("set"), now + 100_000},
		{"SET a 2 EXAT 9223372036854775", "+OK", 9_223_372_036_854_775_000},
		{"SET a 2 EXAT 9223372036854776", invalid("set"), now + 100_000},
		{"SET a 2 PX 9223372036854775807", invalid("set"), now + 100_000},
		{"SET a 2 PXAT 9223372036854775807", "+OK", 9_223_372_036_854_775_807},
		{"SETEX a 0 2", invalid("setex"), now + 100_000},
		{"PSETEX a -1 2", invalid("psetex"), now + 100_000},
		{"GETEX a EX 0", invalid("getex"), now + 100_000},
		{"SET a 2 EX 1.5", "-" + string(errNotInteger), now + 100_000},
	} {
		r := newKeysRig(t)
		r.do(0, "SET a 1 EX 100")
		require.Equal(t, c.want, r.do(0, c.line), c.line)
		require.Equal(t, fmt.Sprint(":", c.deadline), r.do(0, "PEXPIRETIME a"), c.line)
	}
}

// GETEX looks at the number only if there is a key.
func TestGetexOfNoKey(t *testing.T) {
	r := newKeysRig(t)
	require.Equal(t, "$-1", r.do(0, "GETEX nokey EX -1"))
	require.Equal(t, "-"+string(errSyntax), r.do(0, "GETEX nokey EX 1 PERSIST"))
}

func TestMSetTakesTheLastOfAKeyNamedTwice(t *testing.T) {
	r := newKeysRig(t)
	r.play([]keysStep{
		{"MSET a 1 b 2 a 3", "+OK"},
		{"MGET a b nokey a", "*4 $1 3 $1 2 $-1 $1 3"},
		{"MSETNX c 1 c 2", ":1"},
		{"GET c", "$1 2"},
		{"MSETNX d 1 c 2", ":0"},
		{"EXISTS d", ":0"},
	})
}
