package command

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/config"
	"respite/proto"
	"respite/shards"
	"respite/value"
)

const testListKey = "list"

// putList makes a key of another type than string.
func (r *keysRig) putList() {
	key := []byte(testListKey)
	var need shards.Mask
	need.Set(r.exec.group.Route(key))
	r.exec.group.Run(need, 0, func(tx *shards.Tx) {
		slot := tx.Write(key)
		slot.Put(value.MakeKind(value.List, value.Raw), []byte("x"))
		tx.Changed(key, shards.EventSet)
	})
	r.events = nil
}

// Each command tells of exactly the changes that it makes.
func TestStringEvents(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"GET a", nil},
		{"SET a 1", []string{"0 set a"}},
		{"SET a 1 EX 10", []string{"0 set a", "0 expire a"}},
		{"SET a 1 NX", nil},
		{"SET nokey 1 XX", nil},
		{"SETNX a 1", nil},
		{"SETNX b 1", []string{"0 set b"}},
		{"SETEX a 10 1", []string{"0 set a", "0 expire a"}},
		{"PSETEX a 10 1", []string{"0 set a", "0 expire a"}},
		{"GETSET a 1", []string{"0 set a"}},
		{"GETDEL a", []string{"0 del a"}},
		{"GETDEL nokey", nil},
		{"GETEX a", nil},
		{"GETEX a PERSIST", nil},
		{"GETEX timed PERSIST", []string{"0 persist timed"}},
		{"GETEX a EX 10", []string{"0 expire a"}},
		{"GETEX a EXAT 1", []string{"0 del a"}},
		{"MSET a 1 b 2", []string{"0 set a", "0 set b"}},
		{"MSETNX b 1 a 2", nil},
		{"MSETNX b 1 c 2", []string{"0 set b", "0 set c"}},
		{"APPEND a 1", []string{"0 append a"}},
		{"SETRANGE a 1 x", []string{"0 setrange a"}},
		{"INCR a", []string{"0 incrby a"}},
		{"DECRBY a 5", []string{"0 incrby a"}},
		{"INCRBYFLOAT a 0.5", []string{"0 incrbyfloat a"}},
		{"LCS a timed", nil},
	} {
		r := newKeysRig(t)
		r.do(0, "SET a 10")
		r.do(0, "SET timed 1 EX 100")
		r.events = nil
		r.do(0, c.line)
		require.Equal(t, c.want, r.events, c.line)
	}
}

// A lifetime makes a SET one change of two events.
func TestSetWithLifetimeIsOneChange(t *testing.T) {
	r := newKeysRig(t)
	dirty := func() (n int64) {
		r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) { n = tx.Stats().Dirty })
		return n
	}
	r.do(0, "SET a 1 EX 10")
	require.EqualValues(t, 1, dirty())
}

// Lookups that write leave the counters of hits and misses alone, as Redis's do.
func TestStringHits(t *testing.T) {
	r := newKeysRig(t)
	for _, line := range []string{
		"SET a 1", "INCR a", "APPEND a 1", "SETRANGE a 0 1", "SETNX a 1", "MSETNX a 1 b 2", "INCRBYFLOAT a 1", // none
		"GET a", "GETSET a 1", "SET a 1 GET", "STRLEN a", "GETRANGE a 0 0", "GETEX a", "MGET a nokey", "GETDEL a", // 8, 1
		"GET a", "LCS a b", // 0, 3
	} {
		r.do(0, line)
	}
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) {
		require.EqualValues(t, 8, tx.Stats().Hits)
		require.EqualValues(t, 4, tx.Stats().Misses)
	})
}

// A refused command has changed nothing and has told nobody of a change.
func TestRefusedStringCommandsChangeNothing(t *testing.T) {
	const wrongType = "-" + string(errWrongType)
	for _, c := range []struct{ line, want string }{
		{"GET list", wrongType},
		{"SET list 1 GET", wrongType},
		{"GETSET list 1", wrongType},
		{"GETDEL list", wrongType},
		{"GETEX list EX 1", wrongType},
		{"GETRANGE list 0 1", wrongType},
		{"SETRANGE list 0 1", wrongType},
		{"SETRANGE list 0 " + strings.Repeat("x", 100), wrongType},
		{"APPEND list 1", wrongType},
		{"STRLEN list", wrongType},
		{"INCR list", wrongType},
		{"DECRBY list 1", wrongType},
		{"INCRBYFLOAT list 1", wrongType},
		{"MGET list a", "*2 $-1 $1 1"},
		{"SET list 1 EX 0 GET", "-ERR invalid expire time in 'set' command"},
		{"GETEX list EX 0", wrongType},
		{"GETEX list EX 1 PERSIST", "-" + string(errSyntax)},
		{"INCRBY list x", "-" + string(errNotInteger)},
		{"INCRBYFLOAT list x", wrongType},
		{"SETRANGE list -1 x", "-" + string(errOffset)},
		{"GETRANGE list x 1", "-" + string(errNotInteger)},
		{"LCS list list NOSUCH", "-" + string(errLCSType)},
		{"SETNX list 1", ":0"},
		{"MSETNX b 1 list 2", ":0"},
		{"LCS list a", "-" + string(errLCSType)},
		{"LCS a list LEN", "-" + string(errLCSType)},
		{"INCRBY a 9223372036854775807", "-" + string(errOverflow)},
		{"DECRBY a -9223372036854775808", "-" + string(errDecrOverflow)},
		{"INCRBYFLOAT a inf", "-" + string(errNaN)},
		{"INCRBYFLOAT a 1x", "-" + string(errNotFloat)},
		{"SETRANGE a -1 x", "-" + string(errOffset)},
		{"SETRANGE a 1048576 x", "-" + string(errTooLong)},
		{"SETRANGE a 9223372036854775807 x", "-" + string(errTooLong)},
		{"MSET a 2 b", "-ERR wrong number of arguments for 'mset' command"},
		{"MSETNX c 2 b", "-ERR wrong number of arguments for 'msetnx' command"},
	} {
		r := newKeysRig(t)
		require.NoError(t, r.exec.config.Set(config.Pair{Name: "proto-max-bulk-len", Value: "1048576"}))
		r.do(0, "SET a 1")
		r.putList()
		require.Equal(t, c.want, r.do(0, c.line), c.line)
		require.Empty(t, r.events, c.line)
		require.Equal(t, "$1 1", r.do(0, "GET a"), c.line)
		require.Equal(t, "+list", r.do(0, "TYPE list"), c.line)
		require.Equal(t, ":0", r.do(0, "EXISTS b c"), c.line)
	}
}

// A string may grow to proto-max-bulk-len and no further.
func TestStringLengthLimit(t *testing.T) {
	const limit = 1 << 20
	r := newKeysRig(t)
	require.NoError(t, r.exec.config.Set(config.Pair{Name: "proto-max-bulk-len", Value: strconv.Itoa(limit)}))
	r.run(0, "SET", "a", strings.Repeat("x", limit-2))
	require.Equal(t, "-"+string(errTooLong), r.do(0, "APPEND a 123"))
	require.Equal(t, fmt.Sprint(":", limit), r.do(0, "APPEND a 12"))
	require.Equal(t, "-"+string(errTooLong), r.do(0, "APPEND a 3"))
	require.Equal(t, fmt.Sprint(":", limit), r.run(0, "APPEND", "a", ""))
	require.Equal(t, fmt.Sprint(":", limit), r.do(0, "SETRANGE a 1048575 z"))
	require.Equal(t, "-"+string(errTooLong), r.do(0, "SETRANGE a 1048575 zz"))
	require.Equal(t, "$3 12z", strings.Replace(r.do(0, "GETRANGE a -3 -1"), "x1z", "12z", 1))
}

func TestStringEncodings(t *testing.T) {
	long := strings.Repeat("x", value.EmbStrMax+1)
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"SET a 12"}, "int"},
		{[]string{"SET a 012"}, "embstr"},
		{[]string{"SET a " + long}, "raw"},
		{[]string{"SET a 12", "APPEND a 3"}, "raw"},
		{[]string{"APPEND a 12"}, "int"},
		{[]string{"APPEND a x"}, "embstr"},
		{[]string{"SET a x", "APPEND a y"}, "raw"},
		{[]string{"SET a 12", "SETRANGE a 0 3"}, "raw"},
		{[]string{"SETRANGE a 0 3"}, "raw"},
		{[]string{"SET a 12", "APPEND a 3", "INCR a"}, "int"},
		{[]string{"SET a 12", "INCRBYFLOAT a 1"}, "embstr"},
		{[]string{"INCRBYFLOAT a 1e60"}, "raw"},
	} {
		r := newKeysRig(t)
		for _, line := range c.lines {
			r.do(0, line)
		}
		require.Equal(t, fmt.Sprintf("$%d %s", len(c.want), c.want), r.do(0, "OBJECT ENCODING a"), c.lines)
	}
}

// sliceOf is GETRANGE by its description, byte by byte.
func sliceOf(s string, start, end int64) string {
	n := int64(len(s))
	if start < 0 && end < 0 && start > end {
		return ""
	}
	at := func(i int64) int64 {
		if i < 0 {
			return max(i+n, 0)
		}
		return i
	}
	var out []byte
	for i := range n {
		if i >= at(start) && i <= at(end) {
			out = append(out, s[i])
		}
	}
	return string(out)
}

func TestByteRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringN(0, 12, -1).Draw(t, "text")
		edge := rapid.OneOf(rapid.Int64Range(-15, 15), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
		start, end := edge.Draw(t, "start"), edge.Draw(t, "end")
		from, to := byteRange(start, end, len(s))
		require.Equal(t, sliceOf(s, start, end), s[from:to])
	})
}

// bulk is a reply as the rig shows it.
func bulk(s string) string { return strings.TrimSuffix(fmt.Sprintf("$%d %s", len(s), s), " ") }

// modelText draws texts on both sides of every length at which they are kept in another way.
func modelText() *rapid.Generator[string] {
	lengths := []int{0, 1, 8, value.EmbStrMax, value.EmbStrMax + 1, 300, 4095, 4096, proto.BigArg}
	return rapid.OneOf(
		rapid.SampledFrom([]string{"0", "-7", "12345678", "9223372036854775807", "-9223372036854775808", "007"}),
		rapid.Custom(func(t *rapid.T) string {
			letter := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "letter")
			return strings.Repeat(letter, rapid.SampledFrom(lengths).Draw(t, "length"))
		}),
	)
}

// Strings of every encoding and size, changed in every way, read like those of a plain map.
func TestStringsAgreeWithModel(t *testing.T) {
	key := rapid.SampledFrom([]string{"a", "b", "c"})
	rapid.Check(t, func(t *rapid.T) {
		r := newKeysRig(t)
		m := map[string]string{}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				k, v := key.Draw(t, "key"), modelText().Draw(t, "text")
				m[k] = v
				require.Equal(t, "+OK", r.run(0, "SET", k, v))
			},
			"append": func(t *rapid.T) {
				k, v := key.Draw(t, "key"), modelText().Draw(t, "text")
				m[k] += v
				require.Equal(t, fmt.Sprint(":", len(m[k])), r.run(0, "APPEND", k, v))
			},
			"setrange": func(t *rapid.T) {
				k, v := key.Draw(t, "key"), modelText().Draw(t, "text")
				at := rapid.SampledFrom([]int{0, 3, 44, 4090, 5000}).Draw(t, "offset")
				if v != "" {
					b := append([]byte(m[k]), make([]byte, max(at+len(v)-len(m[k]), 0))...)
					copy(b[at:], v)
					m[k] = string(b)
				}
				require.Equal(t, fmt.Sprint(":", len(m[k])), r.run(0, "SETRANGE", k, strconv.Itoa(at), v))
			},
			"incr": func(t *rapid.T) {
				k := key.Draw(t, "key")
				n, err := strconv.ParseInt(m[k], 10, 64)
				if got := r.run(0, "INCR", k); got[0] == ':' {
					require.True(t, err == nil || m[k] == "")
					m[k] = strconv.FormatInt(n+1, 10)
					require.Equal(t, ":"+m[k], got)
				}
			},
			"getset": func(t *rapid.T) {
				k, v := key.Draw(t, "key"), modelText().Draw(t, "text")
				want := "$-1"
				if old, ok := m[k]; ok {
					want = bulk(old)
				}
				m[k] = v
				require.Equal(t, want, r.run(0, "SET", k, v, "GET"))
			},
			"getdel": func(t *rapid.T) {
				k := key.Draw(t, "key")
				want := "$-1"
				if old, ok := m[k]; ok {
					want = bulk(old)
				}
				delete(m, k)
				require.Equal(t, want, r.run(0, "GETDEL", k))
			},
			"": func(t *rapid.T) {
				for k, v := range m {
					require.Equal(t, bulk(v), r.run(0, "GET", k))
					require.Equal(t, bulk(sliceOf(v, 1, -2)), r.run(0, "GETRANGE", k, "1", "-2"))
				}
				require.Equal(t, fmt.Sprint(":", len(m)), r.do(0, "EXISTS a b c"))
			},
		})
	})
}
