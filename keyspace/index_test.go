package keyspace

import (
	"fmt"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The index never reads a key, so it can be tested with hashes of any shape.

func checkIndex(ix *index) error {
	c := checker{s: &Space{index: *ix}}
	return c.layout(func(uint32, Ref) error { return nil })
}

func contents(ix *index) (slots []uint64) {
	for from := uint64(0); from < scanEnd; {
		g := ix.segment(uint32(from))
		slots = g.gather(slots)
		from += span(g.depth)
	}
	return slots
}

func TestIndexShapes(t *testing.T) {
	// Each shape maps a counter's bits to a hash: spread, crowded at either end, and in a few dense groups.
	shapes := map[string]func(x uint32) uint32{
		"spread":      func(x uint32) uint32 { return x },
		"low end":     func(x uint32) uint32 { return x >> 16 },
		"high end":    func(x uint32) uint32 { return ^(x >> 16) },
		"low half":    func(x uint32) uint32 { return x >> 8 },
		"groups":      func(x uint32) uint32 { return x&7<<29 | x>>14 },
		"equal pairs": func(x uint32) uint32 { return x &^ 0xffff },
	}
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) { exerciseIndex(t, shape) })
	}
}

// exerciseIndex fills an index to the number where the regions are cut in crowded shapes, and empties it again.
func exerciseIndex(t *testing.T, shape func(uint32) uint32) {
	const n = 20_000
	ix := newIndex()
	var want []uint64
	for i := uint32(1); i <= n; i++ {
		hash := shape(i * 2654435761)
		require.True(t, ix.insert(hash, Ref(i)), "number %d", i)
		want = append(want, makeSlot(hash, Ref(i)))
	}
	require.NoError(t, checkIndex(&ix))
	got := contents(&ix)
	sorted := append([]uint64{}, want...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	sort.Slice(got, func(i, j int) bool { return got[i] < got[j] })
	require.Equal(t, sorted, got)
	for i, slot := range want {
		ix.remove(slotHash(slot), slotRef(slot))
		if i%5000 == 0 {
			require.NoError(t, checkIndex(&ix))
		}
	}
	require.NoError(t, checkIndex(&ix))
	require.Zero(t, ix.len)
	require.Equal(t, 1, ix.segments)
	require.Equal(t, 1, ix.chunks)
	require.Less(t, ix.entries, 1<<(rootBits+joinBits)+1)
}

func TestDirectoryIsCutIntoRegions(t *testing.T) {
	ix := newIndex()
	n := 0
	for ; len(ix.regions) == 1; n++ {
		require.True(t, ix.insert(uint32(n)<<6, Ref(n+1)))
	}
	require.Len(t, ix.regions, 1<<rootBits)
	require.NoError(t, checkIndex(&ix))
	for i := range ix.regions {
		require.LessOrEqual(t, len(ix.regions[i].dir), 1<<regionBits)
	}
	for n--; n >= 0; n-- {
		ix.remove(uint32(n)<<6, Ref(n+1))
	}
	require.Len(t, ix.regions, 1)
	require.NoError(t, checkIndex(&ix))
}

func TestIndexRefusesWhatItCannotDivide(t *testing.T) {
	ix := newIndex()
	n := 0
	for ix.insert(1<<32-1, Ref(n+1)) {
		n++
	}
	require.NoError(t, checkIndex(&ix))
	require.Equal(t, n, ix.len)
	require.Len(t, contents(&ix), n)
	require.True(t, ix.insert(5, 1), "elsewhere there is room")
}

func TestIndexAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ix := newIndex()
		model := map[uint64]bool{}
		shift := rapid.IntRange(0, 20).Draw(t, "shift")
		next := Ref(0)
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				seed := rapid.Uint32().Draw(t, "seed")
				for i := range rapid.Uint32Range(1, 900).Draw(t, "n") {
					hash := (seed + i) * 2654435761 >> shift
					next++
					if ix.insert(hash, next) {
						model[makeSlot(hash, next)] = true
					}
				}
			},
			"remove": func(t *rapid.T) {
				n := rapid.IntRange(1, 3000).Draw(t, "n")
				for _, slot := range contents(&ix)[:min(n, ix.len)] {
					ix.remove(slotHash(slot), slotRef(slot))
					delete(model, slot)
				}
			},
			"remove one": func(t *rapid.T) {
				slots := contents(&ix)
				if len(slots) == 0 {
					t.Skip("empty")
				}
				slot := slots[rapid.IntRange(0, len(slots)-1).Draw(t, "at")]
				ix.remove(slotHash(slot), slotRef(slot))
				delete(model, slot)
			},
			"": func(t *rapid.T) {
				if err := checkIndex(&ix); err != nil {
					t.Fatal(err)
				}
				got := contents(&ix)
				if len(got) != len(model) {
					t.Fatalf("holds %d, want %d", len(got), len(model))
				}
				for _, slot := range got {
					if !model[slot] {
						t.Fatalf("holds %#x", slot)
					}
				}
			},
		})
	})
}

func TestClasses(t *testing.T) {
	require.Equal(t, uint16(maxBlockWords), classWords[numClasses-1])
	largest := blockBytes(flagRoom, maxInlineKey, LargeValue-1)
	require.LessOrEqual(t, largest, uint32(maxBlockWords*wordBytes))
	want := []uint16{}
	for words := 2; len(want) < numClasses; {
		want = append(want, uint16(words))
		if words < fineWords {
			words++
			continue
		}
		words = max(words+1, words*9/8)
		words = pageWords / (pageWords / words)
	}
	require.Equal(t, want, classWords[:])
	for size := uint32(1); size <= maxBlockWords*wordBytes; size++ {
		class := classFor(size)
		require.GreaterOrEqual(t, classBytes(class), int64(size))
		if class > 0 {
			require.Less(t, classBytes(class-1), int64(size), fmt.Sprint(size))
		}
	}
}
