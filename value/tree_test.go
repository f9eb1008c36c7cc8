package value

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/keyspace"
)

// newTestSpace is a space whose freed blocks are poisoned at every Reclaim.
func newTestSpace() *keyspace.Space {
	s := keyspace.New(maphash.MakeSeed())
	s.Poison = true
	s.Nodes().Children = Children
	return s
}

type pair struct{ key, val string }

// treeMachine compares a tree with a sorted slice.
type treeMachine struct {
	space *keyspace.Space
	tree  tree
	model []pair
}

func (m *treeMachine) place(key string) (int, bool) {
	return slices.BinarySearchFunc(m.model, key, func(p pair, key string) int { return strings.Compare(p.key, key) })
}

// anyTreeKey draws keys of which many are near each other, some share long beginnings, and some are large.
func anyTreeKey(t *rapid.T) string {
	stem := rapid.SampledFrom([]string{"", "a", "\x00", strings.Repeat("p", 300), strings.Repeat("q", 5000)}).Draw(t, "stem")
	return "k" + stem + rapid.StringN(0, 4, 8).Draw(t, "key")
}

func anyTreeValue(t *rapid.T) string {
	n := rapid.SampledFrom([]int{0, 1, 20, 127, 128, 600, 1100, 4000, 4090, 7000, 70_000}).Draw(t, "length")
	return strings.Repeat("v", n)
}

func (m *treeMachine) put(t *rapid.T) {
	key, val := anyTreeKey(t), anyTreeValue(t)
	i, found := m.place(key)
	require.Equal(t, !found, m.tree.put([]byte(key), []byte(val)))
	if found {
		m.model[i].val = val
	} else {
		m.model = slices.Insert(m.model, i, pair{key, val})
	}
}

func (m *treeMachine) remove(t *rapid.T) {
	if len(m.model) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.model)-1).Draw(t, "which")
	c, found := m.tree.find([]byte(m.model[i].key))
	require.True(t, found)
	require.Equal(t, i, c.rank())
	c.remove()
	m.model = slices.Delete(m.model, i, i+1)
}

// run removes a run of entries, which empties nodes.
func (m *treeMachine) run(t *rapid.T) {
	if len(m.model) == 0 {
		return
	}
	from := rapid.IntRange(0, len(m.model)-1).Draw(t, "from")
	n := rapid.IntRange(1, len(m.model)-from).Draw(t, "n")
	for range n {
		c := m.tree.at(from)
		c.remove()
	}
	m.model = slices.Delete(m.model, from, from+n)
}

func (m *treeMachine) check(t *rapid.T) {
	m.space.Reclaim()
	require.NoError(t, m.tree.check())
	require.Equal(t, len(m.model), m.tree.len)
	for i, want := range m.model {
		c := m.tree.at(i)
		key, val := c.entry()
		require.True(t, string(key) == want.key && string(val) == want.val, "entry %d", i)
	}
	m.walk(t)
}

// walk goes through the tree both ways.
func (m *treeMachine) walk(t *rapid.T) {
	i := 0
	c := m.tree.at(0)
	for ok := !c.isEnd(); ok; ok = c.next() {
		key, _ := c.entry()
		require.Equal(t, m.model[i].key, string(key))
		i++
	}
	require.Equal(t, len(m.model), i)
	c = m.tree.at(m.tree.len)
	for c.prev() {
		i--
		key, _ := c.entry()
		require.Equal(t, m.model[i].key, string(key))
	}
	require.Zero(t, i)
}

func TestTreeAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newTestSpace()
		m := &treeMachine{space: s, tree: tree{nodes: s.Nodes()}}
		t.Repeat(map[string]func(*rapid.T){"put": m.put, "putMore": m.put, "remove": m.remove, "run": m.run, "": m.check})
	})
}

// TestTreeSeek looks for keys that are there and keys that are not.
func TestTreeSeek(t *testing.T) {
	s := newTestSpace()
	tr := tree{nodes: s.Nodes()}
	key := func(i int) []byte { return fmt.Appendf(nil, "%06d", i) }
	for _, i := range rand.Perm(5000) {
		require.True(t, tr.put(key(2*i), nil))
	}
	require.NoError(t, tr.check())
	for i := range 10_000 {
		c := tr.seek(key(i))
		if i == 9999 {
			require.True(t, c.isEnd())
			break
		}
		got, _ := c.entry()
		require.Equal(t, key((i+1)/2*2), got)
		require.Equal(t, (i+1)/2, c.rank())
	}
}

// TestTreeWithoutKeys is a list: entries are where they were put.
func TestTreeWithoutKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newTestSpace()
		tr := tree{nodes: s.Nodes()}
		var model []string
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				at := rapid.IntRange(0, len(model)).Draw(t, "at")
				for range rapid.IntRange(1, 40).Draw(t, "n") {
					v := anyTreeValue(t)
					tr.insertRank(at, []byte(v))
					model = slices.Insert(model, at, v)
				}
			},
			"ends": func(t *rapid.T) {
				v := anyTreeValue(t)
				tr.insertRank(0, []byte(v))
				tr.insertRank(tr.len, []byte(v))
				model = slices.Insert(append(model, v), 0, v)
			},
			"replace": func(t *rapid.T) {
				if len(model) > 0 {
					at, v := rapid.IntRange(0, len(model)-1).Draw(t, "at"), anyTreeValue(t)
					c := tr.at(at)
					c.replace([]byte(v))
					model[at] = v
				}
			},
			"remove": func(t *rapid.T) {
				if len(model) > 0 {
					at := rapid.IntRange(0, len(model)-1).Draw(t, "at")
					c := tr.at(at)
					c.remove()
					model = slices.Delete(model, at, at+1)
				}
			},
			"": func(t *rapid.T) {
				s.Reclaim()
				require.NoError(t, tr.check())
				require.Equal(t, len(model), tr.len)
				for i, want := range model {
					c := tr.at(i)
					_, val := c.entry()
					require.True(t, string(val) == want, "entry %d", i)
				}
			},
		})
	})
}

// TestTreeIsFreed frees trees step by step and expects nothing to be left; copies are independent.
func TestTreeIsFreed(t *testing.T) {
	s, other := newTestSpace(), newTestSpace()
	tr := tree{nodes: s.Nodes()}
	var key [4]byte
	for i := range 100_000 {
		binary.BigEndian.PutUint32(key[:], uint32(i)*2_654_435_761)
		tr.put(key[:], bytes.Repeat([]byte{byte(i)}, i%30))
	}
	tr.put([]byte("large"), make([]byte, 1<<20))
	require.NoError(t, tr.check())
	second := tree{nodes: other.Nodes(), root: s.Nodes().Copy(tr.root, other.Nodes()), len: tr.len}
	require.NoError(t, second.check())
	require.Greater(t, s.Stats().NodeBytes, int64(100_000*(4+2+2+14)))
	require.Equal(t, s.Stats().Nodes, other.Stats().Nodes)

	s.Nodes().Doom(tr.root)
	turns := 0
	for s.Sweep(100) {
		turns++
	}
	require.Greater(t, turns, 5)
	require.Zero(t, s.Stats().Nodes)
	require.NoError(t, second.check())
	for second.len > 0 {
		c := second.at(rand.IntN(second.len))
		c.remove()
		if second.len%10_000 == 0 {
			require.NoError(t, second.check())
		}
		other.Reclaim()
	}
	require.Zero(t, other.Stats().Nodes)
	require.Zero(t, other.Stats().LargeBytes)
}

func BenchmarkTree(b *testing.B) {
	const entries = 100_000
	keys := make([][]byte, entries)
	for i := range keys {
		keys[i] = binary.BigEndian.AppendUint32(nil, rand.Uint32())
		keys[i] = fmt.Appendf(keys[i], "element:%08d", i)
	}
	s := keyspace.New(maphash.MakeSeed())
	s.Nodes().Children = Children
	tr := tree{nodes: s.Nodes()}
	b.Run("insert", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if i%entries == 0 && tr.root != 0 {
				s.Nodes().Doom(tr.root)
				s.Sweep(entries)
				tr.root, tr.len = 0, 0
			}
			tr.put(keys[i%entries], nil)
			s.Reclaim()
		}
	})
	for _, k := range keys {
		tr.put(k, nil)
	}
	s.Reclaim()
	b.Logf("%.1f bytes an entry", float64(s.Stats().NodeBytes)/float64(tr.len))
	b.Run("find", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, ok := tr.find(keys[i%entries]); !ok {
				b.Fatal("absent")
			}
		}
	})
	b.Run("at", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			tr.at(i * 7919 % entries)
		}
	})
	b.Run("ends", func(b *testing.B) {
		list := tree{nodes: s.Nodes()}
		val := []byte("element:00000001")
		for b.Loop() {
			list.insertRank(0, val)
			s.Reclaim()
		}
	})
}
