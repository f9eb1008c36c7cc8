package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/shards"
	"respite/value"
)

// sketchOf is a sparse sketch with some runs, whose count is out of date.
func sketchOf(runs string) string {
	return "HYLL\x01\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x80" + runs
}

const (
	emptyRuns   = "\x7f\xff"
	corruptRuns = "\x7f\xfe"
)

// newSketchRig has a sketch of one element at a, a corrupt one at bad, a text at text and a list.
func newSketchRig(t rigTB) *keysRig {
	r := newKeysRig(t)
	r.do(0, "PFADD a x")
	r.run(0, "SET", "bad", sketchOf(corruptRuns))
	r.do(0, "SET text abc")
	r.do(0, "SET int 12")
	r.putList()
	return r
}

// Each command tells of exactly the changes that it makes.
func TestHyperLogLogEvents(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"PFADD a x", nil},
		{"PFADD a", nil},
		{"PFADD a x y", []string{"0 pfadd a"}},
		{"PFADD b", []string{"0 pfadd b"}},
		{"PFADD b x", []string{"0 pfadd b"}},
		{"PFCOUNT a", []string{"0  a"}},
		{"PFCOUNT b", nil},
		{"PFCOUNT a b", nil},
		{"PFMERGE a", []string{"0 pfadd a"}},
		{"PFMERGE b", []string{"0 pfadd b"}},
		{"PFMERGE b a", []string{"0 pfadd b"}},
		{"PFDEBUG ENCODING a", nil},
		{"PFDEBUG DECODE a", nil},
		{"PFDEBUG TODENSE a", []string{"0  a"}},
		{"PFDEBUG GETREG a", []string{"0  a"}},
	} {
		r := newSketchRig(t)
		r.events = nil
		r.do(0, c.line)
		require.Equal(t, c.want, r.events, c.line)
	}
	r := newSketchRig(t)
	r.do(0, "PFCOUNT a")
	r.events = nil
	r.do(0, "PFCOUNT a")
	require.Empty(t, r.events, "the count is known")
}

// A refused command has changed nothing and has told nobody of a change.
func TestRefusedHyperLogLogCommandsChangeNothing(t *testing.T) {
	const (
		wrongType = "-" + string(errWrongType)
		notSketch = "-" + string(errNotSketch)
		corrupt   = "-" + string(errCorruptSketch)
	)
	for _, c := range []struct{ line, want string }{
		{"PFADD list", wrongType},
		{"PFADD text x", notSketch},
		{"PFADD int x", notSketch},
		{"PFADD bad", ":0"},
		{"PFCOUNT list", wrongType},
		{"PFCOUNT a list", wrongType},
		{"PFCOUNT text", notSketch},
		{"PFCOUNT a int", notSketch},
		{"PFCOUNT bad", corrupt},
		{"PFCOUNT a bad", corrupt},
		{"PFCOUNT bad text", corrupt},
		{"PFMERGE list", wrongType},
		{"PFMERGE a list", wrongType},
		{"PFMERGE list a", wrongType},
		{"PFMERGE a text", notSketch},
		{"PFMERGE a bad", corrupt},
		{"PFMERGE bad a", corrupt},
		{"PFMERGE nosuch a bad", corrupt},
		{"PFDEBUG ENCODING list", wrongType},
		{"PFDEBUG NOSUCH text", notSketch},
		{"PFDEBUG NOSUCH a", "-ERR Unknown PFDEBUG subcommand 'NOSUCH'"},
		{"PFDEBUG GETREG nosuch", "-" + string(errNoSketch)},
		{"PFDEBUG GETREG bad", corrupt},
		{"PFDEBUG TODENSE bad", corrupt},
	} {
		r := newSketchRig(t)
		before := r.do(0, "GET a")
		r.events = nil
		require.Equal(t, c.want, r.do(0, c.line), c.line)
		require.Empty(t, r.events, c.line)
		require.Equal(t, before, r.do(0, "GET a"), c.line)
		require.Equal(t, bulk(sketchOf(corruptRuns)), r.do(0, "GET bad"), c.line)
		require.Equal(t, "+list", r.do(0, "TYPE list"), c.line)
		require.Equal(t, ":0", r.do(0, "EXISTS nosuch"), c.line)
	}
}

// Of a PFADD that finds its sketch corrupt on the way nothing stays.
func TestPfaddOfACorruptSketchIsWhole(t *testing.T) {
	r := newKeysRig(t)
	first := value.SketchMarkOf([]byte("a"))
	second := value.SketchMarkOf([]byte("d"))
	require.NotEqual(t, first, second)
	half := sketchOf("\x7f\xfe") // lacks the last register
	r.run(0, "SET", "bad", half)
	for i := range 100_000 {
		args := []string{"PFADD", "bad", "a", fmt.Sprint(i)}
		if got := r.run(0, args...); got[0] == '-' {
			require.Equal(t, "-"+string(errCorruptSketch), got)
			require.Equal(t, bulk(half), r.do(0, "GET bad"))
			return
		}
		r.run(0, "SET", "bad", half)
	}
	require.Fail(t, "no element has met the missing register")
}

// Only commands that may change a sketch make it raw, and even those that then find it corrupt.
func TestEncodingOfSketches(t *testing.T) {
	for line, want := range map[string]string{
		"GET k":              "embstr",
		"PFCOUNT k nosuch":   "embstr",
		"PFMERGE d k":        "embstr",
		"PFADD k":            "raw",
		"PFCOUNT k":          "raw",
		"PFDEBUG ENCODING k": "raw",
		"PFMERGE k":          "raw",
	} {
		r := newKeysRig(t)
		r.run(0, "SET", "k", sketchOf(emptyRuns))
		r.do(0, line)
		require.Equal(t, bulk(want), r.do(0, "OBJECT ENCODING k"), line)
	}
	r := newKeysRig(t)
	r.run(0, "SET", "k", sketchOf(corruptRuns))
	r.do(0, "PFCOUNT k")
	require.Equal(t, bulk("raw"), r.do(0, "OBJECT ENCODING k"))
}

// Lookups that write leave the counters of hits and misses alone, as Redis's do.
func TestHyperLogLogHits(t *testing.T) {
	r := newKeysRig(t)
	for _, line := range []string{
		"PFADD a x", "PFADD a y", "PFDEBUG ENCODING a", // none
		"PFCOUNT a", "PFCOUNT a nosuch", "PFMERGE b a", // 3, 2
	} {
		r.do(0, line)
	}
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) {
		require.EqualValues(t, 3, tx.Stats().Hits)
		require.EqualValues(t, 2, tx.Stats().Misses)
	})
}

// A dense sketch changes in place. After a reply that references it, it is copied, and the reply keeps what it had.
func TestDenseSketchesAreInPlace(t *testing.T) {
	r := newKeysRig(t)
	r.do(0, "PFADD a x")
	r.do(0, "PFDEBUG TODENSE a")
	change := func() {
		for i := range 200 {
			r.do(0, fmt.Sprint("PFADD a ", i))
			r.do(0, "PFCOUNT a")
		}
	}
	require.Less(t, allocated(change), uint64(200*12_000))
	var shared []byte
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) {
		it, ok := tx.Read([]byte("a"))
		require.True(t, ok)
		shared, ok = it.Share()
		require.True(t, ok)
	})
	kept := string(shared)
	r.do(0, "PFADD a another")
	require.Equal(t, kept, string(shared))
	require.NotEqual(t, bulk(kept), r.do(0, "GET a"))
}

// Sketches over all shards count what plain sets count, within the error of the theory.
func TestHyperLogLogsAgreeWithSets(t *testing.T) {
	key := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	rapid.Check(t, func(t *rapid.T) {
		r := newKeysRig(t)
		m := map[string]map[string]bool{}
		of := func(k string) map[string]bool {
			if m[k] == nil {
				m[k] = map[string]bool{}
			}
			return m[k]
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				k, from, n := key.Draw(t, "key"), rapid.IntRange(0, 1500).Draw(t, "from"), rapid.IntRange(0, 100).Draw(t, "n")
				args := []string{"PFADD", k}
				for i := range n {
					args = append(args, fmt.Sprint(from+i))
					of(k)[args[len(args)-1]] = true
				}
				r.run(0, args...)
			},
			"merge": func(t *rapid.T) {
				to, from := key.Draw(t, "to"), key.Draw(t, "from")
				require.Equal(t, "+OK", r.run(0, "PFMERGE", to, from))
				for e := range of(from) {
					of(to)[e] = true
				}
			},
			"": func(t *rapid.T) {
				all := map[string]bool{}
				for k, set := range m {
					for e := range set {
						all[e] = true
					}
					requireAbout(t, len(set), r.do(0, "PFCOUNT "+k))
				}
				requireAbout(t, len(all), r.do(0, "PFCOUNT a b c d"))
			},
		})
	})
}

// requireAbout compares a count with the truth: three in a hundred are five standard errors.
func requireAbout(t require.TestingT, want int, got string) {
	var n int
	_, err := fmt.Sscanf(got, ":%d", &n)
	require.NoError(t, err, got)
	require.InDelta(t, want, n, 2+0.03*float64(want))
}

func TestPfselftest(t *testing.T) {
	r := newServerRig(t)
	require.Equal(t, "+OK", strings.TrimSpace(r.do("PFSELFTEST")))
}
