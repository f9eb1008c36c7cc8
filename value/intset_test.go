package value

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func ints(s Intset) []int64 {
	all := []int64{}
	for i := range s.Len() {
		all = append(all, s.At(i))
	}
	return all
}

// capturedIntsets are intsets out of DUMP payloads of redis-server 7.0.15, by the members in the order of SADD.
var capturedIntsets = []struct {
	bytes string
	added []int64
}{
	{"02000000 03000000 fdff 0100 c800", []int64{1, -3, 200}},
	{"04000000 03000000 fdffffff 01000000 70110100", []int64{1, -3, 70000}},
	{"04000000 03000000 90eefeff 01000000 03000000", []int64{1, 3, -70000}},
	{
		"08000000 04000000 0000000000000080 fdffffffffffffff 0100000000000000 7011010000000000",
		[]int64{1, -3, 70000, math.MinInt64},
	},
}

func TestIntsetIsThatOfRedis(t *testing.T) {
	for _, c := range capturedIntsets {
		room := &strictRoom{EmptyIntset()}
		for _, n := range c.added {
			require.True(t, IntsetAdd(room, n))
		}
		require.Equal(t, hex.EncodeToString(unhex(t, c.bytes)), hex.EncodeToString(room.b))
		require.NoError(t, Intset(room.b).Check())
	}
}

func TestIntsetKeepsItsWidth(t *testing.T) {
	room := &strictRoom{unhex(t, capturedIntsets[3].bytes)}
	require.True(t, IntsetRemove(room, math.MinInt64))
	require.False(t, IntsetRemove(room, math.MinInt64))
	require.Equal(t, unhex(t, "08000000 03000000 fdffffffffffffff 0100000000000000 7011010000000000"), room.b)
}

func TestIntsetWidths(t *testing.T) {
	for n, width := range map[int64]int{
		math.MinInt16: 2, math.MaxInt16: 2, math.MinInt16 - 1: 4, math.MaxInt16 + 1: 4,
		math.MinInt32: 4, math.MaxInt32: 4, math.MinInt32 - 1: 8, math.MaxInt32 + 1: 8, math.MinInt64: 8, math.MaxInt64: 8,
	} {
		for _, first := range [][]int64{nil, {0}, {math.MinInt16, 0, math.MaxInt16}} {
			room := &strictRoom{EmptyIntset()}
			for _, m := range first {
				IntsetAdd(room, m)
			}
			require.Equal(t, !slices.Contains(first, n), IntsetAdd(room, n))
			require.False(t, IntsetAdd(room, n))
			require.Equal(t, width, Intset(room.b).width(), n)
			require.True(t, Intset(room.b).Has(n))
			require.NoError(t, Intset(room.b).Check())
		}
	}
}

func TestIntsetCheckRefuses(t *testing.T) {
	for name, damaged := range map[string]string{
		"nothing":          "",
		"too short":        "02000000000000",
		"no such width":    "0300000000000000",
		"width zero":       "0000000001000000",
		"wide width":       "0201000000000000",
		"too many stated":  "02000000 02000000 0100",
		"too few stated":   "02000000 00000000 0100",
		"far too many":     "08000000 ffffffff 0100000000000000",
		"half a member":    "04000000 01000000 0100",
		"not ascending":    "02000000 02000000 0200 0100",
		"twice":            "02000000 02000000 0100 0100",
		"unsigned order":   "02000000 02000000 0100 ffff",
		"length too great": "02000000 01000000 0100 00",
	} {
		require.ErrorIs(t, Intset(unhex(t, damaged)).Check(), ErrIntset, name)
	}
	require.NoError(t, Intset(EmptyIntset()).Check())
}

func TestIntsetBehavesLikeASet(t *testing.T) {
	numbers := rapid.OneOf(rapid.Int64Range(-5, 5), rapid.Map(rapid.Int16(), func(n int16) int64 { return int64(n) }),
		rapid.Map(rapid.Int32(), func(n int32) int64 { return int64(n) }), rapid.Int64())
	rapid.Check(t, func(t *rapid.T) {
		room, model := &strictRoom{EmptyIntset()}, []int64{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n := numbers.Draw(t, "n")
				i, found := slices.BinarySearch(model, n)
				require.Equal(t, !found, IntsetAdd(room, n))
				if !found {
					model = slices.Insert(model, i, n)
				}
			},
			"remove": func(t *rapid.T) {
				n := numbers.Draw(t, "n")
				if len(model) > 0 && rapid.Bool().Draw(t, "present") {
					n = rapid.SampledFrom(model).Draw(t, "member")
				}
				i, found := slices.BinarySearch(model, n)
				require.Equal(t, found, IntsetRemove(room, n))
				if found {
					model = slices.Delete(model, i, i+1)
				}
			},
			"search": func(t *rapid.T) {
				n := numbers.Draw(t, "n")
				i, found := slices.BinarySearch(model, n)
				pos, has := Intset(room.b).Search(n)
				require.Equal(t, []any{i, found}, []any{pos, has})
			},
			"": func(t *rapid.T) {
				require.NoError(t, Intset(room.b).Check())
				require.Equal(t, model, ints(room.b))
			},
		})
	})
}

func FuzzIntset(f *testing.F) {
	for _, c := range capturedIntsets {
		f.Add(unhex(f, c.bytes), int64(70000))
	}
	f.Fuzz(func(t *testing.T, b []byte, n int64) {
		if Intset(b).Check() != nil {
			return
		}
		model := ints(b)
		room := &strictRoom{bytes.Clone(b)}
		i, found := slices.BinarySearch(model, n)
		require.Equal(t, found, Intset(b).Has(n))
		require.Equal(t, !found, IntsetAdd(room, n))
		require.NoError(t, Intset(room.b).Check())
		if !found {
			model = slices.Insert(model, i, n)
		}
		require.Equal(t, model, ints(room.b))
		require.True(t, IntsetRemove(room, n))
		require.NoError(t, Intset(room.b).Check())
		require.Equal(t, slices.Delete(model, i, i+1), ints(room.b))
	})
}

func TestIntsetEditsAllocateNothing(t *testing.T) {
	room := &Buffer{B: EmptyIntset()}
	for n := range int64(64) {
		IntsetAdd(room, n*1000)
	}
	IntsetAdd(room, math.MaxInt64)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		IntsetRemove(room, 5000)
		IntsetAdd(room, 5000)
	}))
}

func BenchmarkIntset(b *testing.B) {
	room := &Buffer{B: EmptyIntset()}
	for n := range int64(512) {
		IntsetAdd(room, n*3)
	}
	b.Run("has", func(b *testing.B) {
		for i := int64(0); b.Loop(); i++ {
			Intset(room.B).Has(i % 1536)
		}
	})
	b.Run("remove and add", func(b *testing.B) {
		for b.Loop() {
			IntsetRemove(room, 300)
			IntsetAdd(room, 300)
		}
	})
}
