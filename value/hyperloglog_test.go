package value

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// header is the beginning of a sketch with an encoding and a cardinality that is out of date.
func header(encoding byte) string {
	return hllMagic + string([]byte{encoding}) + "\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x80"
}

func sparse(runs string) HyperLogLog { return HyperLogLog(header(hllSparse) + runs) }

func TestNewHyperLogLog(t *testing.T) {
	h := NewHyperLogLog()
	require.Equal(t, "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff", string(h))
	require.True(t, IsHyperLogLog(h))
	n, ok := h.Cached()
	require.True(t, ok)
	require.Zero(t, n)
	n, err := h.Count()
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestIsHyperLogLog(t *testing.T) {
	dense := header(hllDense) + strings.Repeat("\x00", Registers*registerBits/byteBits)
	for _, s := range []string{dense, header(hllSparse), header(hllSparse) + "anything"} {
		require.True(t, IsHyperLogLog([]byte(s)))
	}
	for _, s := range []string{"", "HYLL", header(hllSparse)[:15], "hyll" + dense[4:], header(2) + "\x7f\xff", dense + "\x00", dense[:len(dense)-1], header(hllDense)} {
		require.False(t, IsHyperLogLog([]byte(s)))
	}
}

// The hash is that of Redis: these are the registers that it chooses, and the runs that it sees.
func TestElements(t *testing.T) {
	for text, want := range map[string]SketchMark{
		"":          {5938, 2},
		"a":         {12711, 2},
		"abcdefg":   {5634, 2},
		"abcdefgh":  {1383, 1},
		"abcdefghi": {6903, 1},
	} {
		require.Equal(t, want, SketchMarkOf([]byte(text)), "%q", text)
	}
}

// model is a sketch by its description: the most of each register.
type model map[int]uint8

func (m model) add(b []byte) {
	e := SketchMarkOf(b)
	m[e.index] = max(m[e.index], e.rank)
}

func (m model) registers() (r RegisterSet) {
	for i, v := range m {
		r[i] = v
	}
	return r
}

// hllElements draws elements that are many, and elements that come again.
func hllElements(t *rapid.T) (all [][]byte) {
	seed := rapid.Uint64().Draw(t, "seed")
	random := rand.New(rand.NewPCG(seed, 0))
	among := rapid.SampledFrom([]uint64{10, 1000, math.MaxUint64}).Draw(t, "among")
	for range rapid.IntRange(0, 300).Draw(t, "count") {
		all = append(all, fmt.Appendf(nil, "e%d", random.Uint64N(among)))
	}
	return all
}

// registersOf are the registers of a sound sketch.
func registersOf(t require.TestingT, h HyperLogLog) (r RegisterSet) {
	require.True(t, IsHyperLogLog(h))
	require.NoError(t, h.Merge(&r))
	return r
}

// Sketches of both forms and every size have the registers that their description says.
func TestSketchesAgreeWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{0, 20, 100, 1000, 3000, 20000}).Draw(t, "limit")
		h, m := NewHyperLogLog(), model{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				all := hllElements(t)
				before, changed := m.registers(), 0
				for _, b := range all {
					last := m.registers()
					if m.add(b); last != m.registers() {
						changed++
					}
				}
				rest, err := h.Unseen(all)
				require.NoError(t, err)
				require.Equal(t, before != m.registers(), len(rest) > 0)
				added := 0
				h, added, err = h.Add(rest, limit)
				require.NoError(t, err)
				require.Equal(t, changed, added)
				_, known := h.Cached()
				require.False(t, known)
			},
			"raise": func(t *rapid.T) {
				var to RegisterSet
				for range rapid.IntRange(0, 50).Draw(t, "registers") {
					i := rapid.IntRange(0, Registers-1).Draw(t, "register")
					to[i] = max(to[i], uint8(rapid.IntRange(0, patternBits+1).Draw(t, "value")))
					m[i] = max(m[i], to[i])
				}
				var err error
				h, err = h.Raise(&to, limit)
				require.NoError(t, err)
			},
			"": func(t *rapid.T) {
				want := m.registers()
				require.True(t, want == registersOf(t, h))
				n, err := h.Count()
				require.NoError(t, err)
				require.Equal(t, want.Count(), n)
				require.True(t, h.IsDense() || len(h) <= max(limit, len(NewHyperLogLog())))
				dense, err := h.Dense()
				require.NoError(t, err)
				require.True(t, want == registersOf(t, dense))
				require.Equal(t, h[hllCardAt:hllHeaderBytes], dense[hllCardAt:hllHeaderBytes])
				n, err = dense.Count()
				require.NoError(t, err)
				require.Equal(t, want.Count(), n)
			},
		})
	})
}

// What one addition makes of the runs, case by case.
func TestSparseRuns(t *testing.T) {
	for _, c := range []struct {
		runs string
		e    SketchMark
		want string
	}{
		{"\x7f\xff", SketchMark{0, 1}, "v:1,1 Z:16383"},
		{"\x7f\xff", SketchMark{16383, 1}, "Z:16383 v:1,1"},
		{"\x7f\xff", SketchMark{64, 2}, "z:64 v:2,1 Z:16319"},
		{"\x7f\xff", SketchMark{65, 2}, "Z:65 v:2,1 Z:16318"},
		{"\x7f\xff", SketchMark{16383 - 64, 2}, "Z:16319 v:2,1 z:64"},
		{"\x00\x7f\xfe", SketchMark{0, 3}, "v:3,1 Z:16383"},                       // one zero
		{"\x40\x00\x7f\xfe", SketchMark{0, 3}, "v:3,1 Z:16383"},                   // one zero, written long
		{"\x80\x7f\xfe", SketchMark{0, 3}, "v:3,1 Z:16383"},                       // one value
		{"\x80\x7f\xfe", SketchMark{0, 1}, "v:1,1 Z:16383"},                       // no change
		{"\x83\x7f\xfb", SketchMark{0, 2}, "v:2,1 v:1,3 Z:16380"},                 // a value run, at its ends and within
		{"\x83\x7f\xfb", SketchMark{3, 2}, "v:1,3 v:2,1 Z:16380"},                 //
		{"\x83\x7f\xfb", SketchMark{1, 2}, "v:1,1 v:2,1 v:1,2 Z:16380"},           //
		{"\x80\x7f\xfe", SketchMark{1, 1}, "v:1,2 Z:16382"},                       // joined with the one before
		{"\x83\x7f\xfb", SketchMark{4, 1}, "v:1,4 v:1,1 Z:16379"},                 // which is full
		{"\x00\x82\x7f\xfb", SketchMark{0, 1}, "v:1,4 Z:16380"},                   // joined with the one behind
		{"\x80\x00\x81\x7f\xfb", SketchMark{1, 1}, "v:1,4 Z:16380"},               // with both
		{"\x80\x80\x00\x80\x80\x7f\xfa", SketchMark{2, 1}, "v:1,1 v:1,4 Z:16379"}, // five are looked at, from the one before
	} {
		h, _, err := sparse(c.runs).raise(c.e, 3000)
		require.NoError(t, err)
		require.Equal(t, c.want, string(h.AppendRuns(nil)), "%q", c.runs)
	}
}

func TestPromotion(t *testing.T) {
	const full = hllHeaderBytes + 2 // bytes of a new sketch
	for _, c := range []struct {
		e     SketchMark
		limit int
		dense bool
	}{
		{SketchMark{5, 32}, 3000, false},
		{SketchMark{5, 33}, 3000, true},
		{SketchMark{5, 1}, full + 1, true},
		{SketchMark{5, 1}, full + 2, false},
		{SketchMark{100, 1}, full + 2, true},
		{SketchMark{100, 1}, full + 3, false},
		{SketchMark{0, 1}, full, true},
		{SketchMark{0, 1}, 0, true},
		{SketchMark{0, 0}, 0, false},
	} {
		h, _, err := NewHyperLogLog().raise(c.e, c.limit)
		require.NoError(t, err)
		require.Equal(t, c.dense, h.IsDense(), c)
		require.Equal(t, c.e.rank, registersOf(t, h)[c.e.index])
	}
}

// What a sketch lacks, or has too much of, is found out when that matters.
func TestCorruptSketches(t *testing.T) {
	for _, runs := range []string{"", "\x7f", "\x7f\xfe", "\x7f\xff\x00", "\x7f\xff\x80", "\x7f\xff\x40", "\x80", strings.Repeat("\x7f\xff", 3), "\x7f\xfd\x83"} {
		h := sparse(runs)
		var registers RegisterSet
		require.ErrorIs(t, h.Merge(&registers), ErrCorruptHyperLogLog, "%q", runs)
		_, err := h.Count()
		require.ErrorIs(t, err, ErrCorruptHyperLogLog, "%q", runs)
		_, err = h.Dense()
		require.ErrorIs(t, err, ErrCorruptHyperLogLog, "%q", runs)
		_, _, err = h.raise(SketchMark{3, 40}, 3000)
		require.ErrorIs(t, err, ErrCorruptHyperLogLog, "%q", runs)
	}
	_, _, err := sparse("\x05").raise(SketchMark{6, 1}, 3000)
	require.ErrorIs(t, err, ErrCorruptHyperLogLog)
	h, _, err := sparse("\x05").raise(SketchMark{5, 1}, 3000)
	require.NoError(t, err, "the register is there")
	require.Equal(t, "z:5 v:1,1", string(h.AppendRuns(nil)))
}

// Counts of made-up registers, as redis-server converts them.
func TestImpossibleCounts(t *testing.T) {
	dense, err := NewHyperLogLog().Dense()
	require.NoError(t, err)
	for i := range Registers {
		dense.denseAdd(SketchMark{i, maxRegister})
	}
	n, err := dense.Count()
	require.NoError(t, err)
	require.Equal(t, uint64(1<<63), n)
}

func TestCheckHyperLogLog(t *testing.T) {
	require.NoError(t, CheckHyperLogLog(rand.New(rand.NewPCG(1, 2))))
}

// Whatever bytes a client sets, nothing panics, and what can be counted stays countable. The body of a dense sketch is
// repeated up to its length, for large inputs are slow to minimize.
func FuzzHyperLogLog(f *testing.F) {
	for _, runs := range []string{"\x7f\xff", "\x83\x7f\xfb", "\x40", "", "\x80\x80\x00\x80\x80\x7f\xfa", "\x7f\xff\x00", "\x7f\xfd\x83"} {
		f.Add(false, []byte(runs), []byte("abc"), uint16(3000))
		f.Add(true, []byte(runs), []byte("abc"), uint16(17))
	}
	const maxBody = 4096 // bytes: long sparse sketches are slow
	f.Fuzz(func(t *testing.T, dense bool, body, words []byte, limit uint16) {
		body = body[:min(len(body), maxBody)]
		h := sparse(string(body))
		if dense {
			full := bytes.Repeat(append(body, 0), hllDenseBytes/(len(body)+1)+1)
			h = HyperLogLog(header(hllDense) + string(full[:hllDenseBytes-hllHeaderBytes]))
		}
		require.True(t, IsHyperLogLog(h))
		fuzzSketch(t, h, bytes.Split(words, []byte("b")), int(limit))
	})
}

// fuzzSketch does all that can be done with a sketch, sound or not.
func fuzzSketch(t *testing.T, h HyperLogLog, all [][]byte, limit int) {
	var registers RegisterSet
	broken := h.Merge(&registers)
	n, err := h.Count()
	require.Equal(t, broken, err)
	if !h.IsDense() {
		h.AppendRuns(nil)
	}
	rest, err := h.Unseen(all)
	require.True(t, err == nil || broken != nil)
	after, _, err := HyperLogLog(bytes.Clone(h)).Add(rest, limit)
	require.True(t, err == nil || broken != nil)
	if broken != nil {
		return
	}
	require.Equal(t, registers.Count(), n)
	for _, word := range all {
		e := SketchMarkOf(word)
		registers[e.index] = max(registers[e.index], e.rank)
	}
	require.True(t, registers == registersOf(t, after))
	raised, err := HyperLogLog(bytes.Clone(h)).Raise(&registers, limit)
	require.NoError(t, err)
	require.True(t, registers == registersOf(t, raised))
}

func BenchmarkHyperLogLogCount(b *testing.B) {
	h := NewHyperLogLog()
	var err error
	for i := range 100_000 {
		h, _, err = h.Add([][]byte{fmt.Append(nil, i)}, 3000)
		require.NoError(b, err)
	}
	b.Run("dense", func(b *testing.B) {
		for b.Loop() {
			_, _ = h.Count()
		}
	})
	b.Run("merge", func(b *testing.B) {
		var r RegisterSet
		for b.Loop() {
			_ = h.Merge(&r)
		}
	})
}

// BenchmarkHyperLogLogAdd fills sparse sketches up to where they become dense.
func BenchmarkHyperLogLogAdd(b *testing.B) {
	h := NewHyperLogLog()
	var err error
	n := 0
	for b.Loop() {
		if h, _, err = h.Add([][]byte{fmt.Append(nil, n)}, 3000); err != nil {
			b.Fatal(err)
		}
		if n++; h.IsDense() {
			h = NewHyperLogLog()
		}
	}
}
