package value

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/keyspace"
)

// TestHashSearchFindsWhatTreesFind asks the search that guesses for the places of keys whose hashes are spread in any way: evenly, as
// those of members are, or all in one corner, with many that are equal.
func TestHashSearchFindsWhatTreesFind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newTestSpace()
		h := hashTree{tree{nodes: s.Nodes()}}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		spreads := []func() uint32{
			random.Uint32,
			func() uint32 { return random.Uint32() & 0xff },
			func() uint32 { return random.Uint32() | 0xffffff00 },
			func() uint32 { return uint32(1) << random.IntN(32) },
			func() uint32 { return random.Uint32() &^ 0xffffff },
		}
		key := func() []byte {
			k := binary.BigEndian.AppendUint32(nil, spreads[random.IntN(len(spreads))]())
			return fmt.Append(k, random.IntN(20))
		}
		val := make([]byte, rapid.SampledFrom([]int{0, 16, 900}).Draw(t, "length"))
		for range rapid.IntRange(0, 3000).Draw(t, "entries") {
			h.tree.put(key(), val)
			if random.IntN(4) == 0 {
				if c, found := h.tree.find(key()); found {
					c.remove()
				}
			}
			s.Reclaim()
		}
		for range 500 {
			k := key()
			want, there := h.tree.find(k)
			got, found := h.find(k)
			require.Equal(t, there, found)
			require.Equal(t, want.depth, got.depth)
			require.Equal(t, want.path, got.path)
		}
	})
}

func BenchmarkHashSearch(b *testing.B) {
	const members = 1_000_000
	s := keyspace.New(maphash.MakeSeed())
	s.Nodes().Children = Children
	h := hashTree{tree{nodes: s.Nodes()}}
	names := make([][]byte, members)
	for i := range names {
		names[i] = fmt.Appendf(nil, "element:%08d", i)
		h.put(names[i], names[i])
		s.Reclaim()
	}
	var scratch keyScratch
	b.Run("guess", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			h.find(h.key(names[i*7919%members], &scratch))
		}
	})
	b.Run("halve", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			h.tree.find(h.key(names[i*7919%members], &scratch))
		}
	})
}
