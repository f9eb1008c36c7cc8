package command

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/proto"
	"respite/shards"
	"respite/value"
)

func newSortRig(t rigTB) *keysRig {
	r := newKeysRig(t)
	limits := r.exec.group.Limits()
	limits.Encoding = value.Limits{
		SetMaxIntsetEntries: 512, SetMaxListpackEntries: 128, SetMaxListpackValue: 64,
		ZsetMaxListpackEntries: 128, ZsetMaxListpackValue: 64, ListMaxListpackSize: -2,
	}
	r.exec.group.SetLimits(limits)
	r.do(0, "RPUSH list 3 1 2")
	r.do(0, "ZADD zset 1 b 2 a")
	r.do(0, "MSET w_1 30 w_2 20 text t")
	r.events = nil
	return r
}

// SORT tells of what it stores, and of nothing else: not of the sorted set that becomes a large one.
func TestSortEvents(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"SORT list", nil},
		{"SORT zset ALPHA", nil},
		{"SORT_RO zset ALPHA", nil},
		{"SORT list STORE new", []string{"0 sortstore new"}},
		{"SORT list STORE list", []string{"0 sortstore list"}},
		{"SORT list BY w_* GET w_* STORE w_1", []string{"0 sortstore w_1"}},
		{"SORT zset ALPHA STORE text", []string{"0 sortstore text"}},
		{"SORT nokey STORE text", []string{"0 del text"}},
		{"SORT list LIMIT 3 1 STORE list", []string{"0 del list"}},
		{"SORT nokey STORE new", nil},
		{"SORT zset STORE text", nil}, // no numbers
	} {
		t.Run(c.line, func(t *testing.T) {
			r := newSortRig(t)
			r.do(0, c.line)
			require.Equal(t, c.want, r.events)
		})
	}
}

// What is sorted and what the patterns name counts as read; an element itself and a pattern without an asterisk name nothing.
func TestSortHits(t *testing.T) {
	r := newSortRig(t)
	r.do(0, "SORT list")                                                    // 1, 0
	r.do(0, "SORT list BY w_* GET # GET constant")                          // 1+2, 1
	r.do(0, "SORT list GET w_*->f BY nosort STORE new")                     // 1+2, 1
	r.do(0, "SORT list GET x_* LIMIT 0 1")                                  // 1, 1
	r.do(0, "SORT nokey BY w_* GET w_*")                                    // 0, 1
	require.Equal(t, "-ERR syntax error", r.do(0, "SORT list WHAT BY w_*")) // 0, 0
	var stats shards.Stats
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) { stats = tx.Stats() })
	require.EqualValues(t, 1+3+3+1, stats.Hits)
	require.EqualValues(t, 1+1+1+1, stats.Misses)
}

// A command has all shards if and only if it reads keys that it does not name.
func TestSortRoams(t *testing.T) {
	r := newSortRig(t)
	for line, want := range map[string]bool{
		"SORT list":                          false,
		"SORT list BY nosort GET # GET x":    false,
		"SORT list BY w_*":                   true,
		"SORT list GET w_*":                  true,
		"SORT list GET # GET h_*->f":         true,
		"SORT list STORE w_*":                false,
		"SORT list BY x\x00*":                false,
		"SORT list BY w_* WHAT":              false, // is refused
		"SORT_RO list DESC GET *":            true,
		"SORT_RO list STORE new GET *":       false, // is refused
		"SORT list STORE limit GET w_*":      true,
		"SORT list STORE get BY nosort":      false,
		"SORT list LIMIT 0 1 STORE by GET #": false,
	} {
		words := strings.Split(line, " ")
		args := make([][]byte, len(words))
		for i, word := range words {
			args[i] = []byte(word)
		}
		row := r.exec.table.Lookup(args)
		require.Equal(t, want, row.Roams(args), line)
		r.do(0, line) // touches nothing that it does not hold
	}
}

func TestSortPatterns(t *testing.T) {
	for pattern, want := range map[string]sortPattern{
		"#":           {itself: true},
		"#\x00*":      {itself: true},
		"##":          {},
		"":            {},
		"a->b":        {},
		"*":           {varies: true},
		"a*b*c":       {varies: true, before: []byte("a"), after: []byte("b*c")},
		"a*->":        {varies: true, before: []byte("a"), after: []byte("->")},
		"a*->f":       {varies: true, before: []byte("a"), field: []byte("f")},
		"a->*b->c->d": {varies: true, before: []byte("a->"), after: []byte("b"), field: []byte("c->d")},
		"*->f\x00g":   {varies: true, field: []byte("f\x00g")},
		"*\x00->f":    {varies: true, after: []byte("\x00->f")},
		"*->\x00f":    {varies: true, after: []byte("->\x00f")},
	} {
		got := parseSortPattern([]byte(pattern))
		require.Equal(t, want.varies, got.varies, pattern)
		require.Equal(t, want.itself, got.itself, pattern)
		require.Equal(t, string(want.before), string(got.before), pattern)
		require.Equal(t, string(want.after), string(got.after), pattern)
		require.Equal(t, string(want.field), string(got.field), pattern)
	}
}

// TestSortLarge sorts large collections in every way, and stores them.
func TestSortLarge(t *testing.T) {
	const n = 20_000
	r := newSortRig(t)
	var sorted []string
	for i := range n {
		sorted = append(sorted, strconv.Itoa(i))
	}
	mixed := slices.Clone(sorted)
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	scored := []string{"ZADD", "z"}
	weights := []string{"MSET"}
	for i, m := range mixed {
		scored = append(scored, strconv.Itoa(i), m)
		weights = append(weights, "weight:"+sorted[i], strconv.Itoa(n-i))
	}
	r.run(0, append([]string{"RPUSH", "l"}, mixed...)...)
	r.run(0, append([]string{"SADD", "s"}, mixed...)...)
	r.run(0, scored...)
	r.run(0, weights...)
	lettered := slices.Sorted(slices.Values(sorted))
	backwards := slices.Clone(sorted)
	slices.Reverse(backwards)
	for _, key := range []string{"l", "s", "z"} {
		for options, want := range map[string][]string{
			"": sorted, " DESC": backwards, " ALPHA": lettered, " BY weight:*": backwards, " LIMIT 100 50": sorted[100:150],
			" BY weight:* DESC LIMIT 19990 100": sorted[19990:],
		} {
			line := "SORT " + key + options
			_, got := sortElements(r.do(0, line))
			require.True(t, slices.Equal(want, got), line)
			require.Equal(t, ":"+strconv.Itoa(len(want)), r.do(0, line+" STORE stored"))
			_, got = sortElements(r.do(0, "LRANGE stored 0 -1"))
			require.True(t, slices.Equal(want, got), line)
		}
	}
	_, got := sortElements(r.do(0, "SORT z BY nosort"))
	require.True(t, slices.Equal(mixed, got))
	require.Equal(t, ":"+strconv.Itoa(n), r.do(0, "SORT z BY nosort STORE z"))
	_, got = sortElements(r.do(0, "LRANGE z 0 -1"))
	require.True(t, slices.Equal(mixed, got))
}

// sortElements are an array's elements, which have no spaces, and what stands before the first.
func sortElements(reply string) (head string, all []string) {
	words := strings.Fields(reply)
	for i := 2; i < len(words); i += 2 {
		all = append(all, words[i])
	}
	return words[0], all
}

// BenchmarkSort sorts a list of a million numbers.
func BenchmarkSort(b *testing.B) {
	const n, push = 1_000_000, 1000
	exec := benchServer(b, 2)
	s := exec.NewSession(quietConn{})
	defer s.Close()
	random := rand.New(rand.NewPCG(1, 2))
	var fill []byte
	for range n / push {
		words := []string{"RPUSH", "list"}
		for range push {
			words = append(words, strconv.Itoa(random.IntN(benchKeys)))
		}
		fill = proto.AppendCommand(fill, words...)
	}
	w := bufio.NewWriter(io.Discard)
	playAll(b, s, fill, w)
	for _, options := range []string{"", "ALPHA", "LIMIT 0 10", "BY nosort", "BY key:00000000000*", "STORE stored"} {
		b.Run(fmt.Sprintf("%q", options), func(b *testing.B) {
			command := proto.AppendCommand(nil, append([]string{"SORT", "list"}, strings.Fields(options)...)...)
			b.ReportAllocs()
			for b.Loop() {
				playAll(b, s, command, w)
			}
		})
	}
}

// playAll runs commands until there are no more.
func playAll(b *testing.B, s *Session, commands []byte, w *bufio.Writer) {
	b.Helper()
	r, limits := proto.NewReader(strings.NewReader(string(commands))), s.Limits()
	for {
		args, ok, err := r.Next(&limits)
		require.NoError(b, err)
		if ok {
			require.NoError(b, s.Do(args, w))
			continue
		}
		require.NoError(b, s.Flush(w))
		if err := r.Fill(); err != nil {
			return
		}
	}
}
