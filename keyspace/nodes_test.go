package keyspace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const linkLevel = 1 // in these tests: the payload is numbers of nodes that the node owns

// linked makes nodes of linkLevel own those that their payload names.
func linked(s *Space) *Space {
	s.Nodes().Children = func(level uint8, payload []byte, visit func(at int)) {
		for at := 0; level == linkLevel && at < len(payload); at += numberBytes {
			visit(at)
		}
	}
	return s
}

// branch makes a node that owns others.
func branch(n *Nodes, children ...uint32) uint32 {
	number, payload := n.New(linkLevel, len(children)*numberBytes)
	for i, c := range children {
		binary.LittleEndian.PutUint32(payload[i*numberBytes:], c)
	}
	return number
}

func leafNode(n *Nodes, content string) uint32 {
	number, payload := n.New(0, len(content))
	copy(payload, content)
	return number
}

func TestNodesAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := linked(newSpace())
		n := s.Nodes()
		model := map[uint32][]byte{}
		size := func(t *rapid.T) int {
			return rapid.SampledFrom([]int{0, 1, 100, 101, 1000, PageNode, PageNode + 1, MaxNode, MaxNode + 1, 100_000}).Draw(t, "size")
		}
		pick := func(t *rapid.T) (uint32, bool) {
			if len(model) == 0 {
				return 0, false
			}
			numbers := make([]uint32, 0, len(model))
			for number := range model {
				numbers = append(numbers, number)
			}
			slices.Sort(numbers)
			return rapid.SampledFrom(numbers).Draw(t, "node"), true
		}
		fill := func(payload []byte) []byte {
			for i := range payload {
				payload[i] = byte(rand.Uint32())
			}
			return slices.Clone(payload)
		}
		t.Repeat(map[string]func(*rapid.T){
			"new": func(t *rapid.T) {
				number, payload := n.New(0, size(t))
				require.NotContains(t, model, number)
				model[number] = fill(payload)
			},
			"write": func(t *rapid.T) {
				if number, ok := pick(t); ok {
					model[number] = fill(n.Write(number))
				}
			},
			"resize": func(t *rapid.T) {
				if number, ok := pick(t); ok {
					payload := n.Resize(number, size(t))
					kept := min(len(payload), len(model[number]))
					require.True(t, bytes.Equal(model[number][:kept], payload[:kept]))
					model[number] = fill(payload)
				}
			},
			"free": func(t *rapid.T) {
				if number, ok := pick(t); ok {
					view := n.Read(number)
					n.Free(number)
					require.True(t, bytes.Equal(model[number], view), "readable until Reclaim")
					delete(model, number)
				}
			},
			"reclaim": func(*rapid.T) { s.Reclaim() },
			"compact": func(t *rapid.T) {
				s.Reclaim()
				for class := range uint8(numClasses) {
					c := &n.arena.classes[class]
					if c.pages*pageBlocks[class]-c.live >= pageBlocks[class] {
						n.arena.evacuate(class, 100, n.transfer)
					}
				}
			},
			"": func(t *rapid.T) {
				require.NoError(t, s.Check())
				for number, want := range model {
					require.True(t, bytes.Equal(want, n.Read(number)), "node %d", number)
				}
			},
		})
	})
}

// TestOwnedNodesAreFreed deletes and overwrites values that own nodes, and sweeps them step by step.
func TestOwnedNodesAreFreed(t *testing.T) {
	owning := MakeKind(1, FirstOwning)
	record := func(roots ...uint32) []byte {
		v := []byte{byte(len(roots)), 0, 0, 0}
		for _, root := range roots {
			v = binary.LittleEndian.AppendUint32(v, root)
			v = append(v, 0, 0, 0, 0)
		}
		return v
	}
	s := linked(newSpace())
	n := s.Nodes()
	tree := func() uint32 {
		children := make([]uint32, 500)
		for i := range children {
			children[i] = leafNode(n, fmt.Sprint("leaf", i))
		}
		return branch(n, branch(n, children...), leafNode(n, "large"+string(make([]byte, MaxNode))))
	}
	gone := func() {
		t.Helper()
		require.True(t, s.Doomed())
		turns := 1
		for s.Sweep(50) {
			turns++
			require.NoError(t, s.Check())
		}
		require.GreaterOrEqual(t, turns, 10)
		require.False(t, s.Doomed())
		require.Zero(t, s.Stats().Nodes)
		require.NoError(t, s.Check())
	}

	ref, err := s.Insert([]byte("k"), owning, record(tree(), 0))
	require.NoError(t, err)
	require.Greater(t, s.Size(ref, 0), 500*24)
	s.Delete(ref)
	gone()

	ref, err = s.Insert([]byte("k"), owning, record(tree()))
	require.NoError(t, err)
	ref, err = s.Replace(ref, MakeKind(1, 1), []byte("a string"))
	require.NoError(t, err)
	gone()

	ref, err = s.Replace(ref, owning, record(tree(), tree()))
	require.NoError(t, err)
	ref, err = s.Rename(ref, []byte("a longer name"))
	require.NoError(t, err)
	ref, err = s.AddTimer(ref)
	require.NoError(t, err)
	require.False(t, s.Doomed(), "what moves keeps its nodes")
	_, err = s.ReplaceOwned(ref, MakeKind(1, 1), make([]byte, LargeValue))
	require.NoError(t, err)
	gone()
}

// TestCopyValue copies a value that owns nodes to another space.
func TestCopyValue(t *testing.T) {
	s, other := linked(newSpace()), linked(newSpace())
	root := branch(s.Nodes(), leafNode(s.Nodes(), "a"), branch(s.Nodes(), leafNode(s.Nodes(), "b")))
	v := append([]byte{1, 0, 0, 0}, binary.LittleEndian.AppendUint32(nil, root)...)
	v = append(v, 1, 2, 3, 4)
	for range 3 {
		leafNode(other.Nodes(), "so that numbers differ")
	}
	c := other.CopyValue(s, MakeKind(1, FirstOwning), v)
	require.Equal(t, v[8:], c[8:])
	n := other.Nodes()
	top := n.Read(binary.LittleEndian.Uint32(c[RootsOffset:]))
	require.Equal(t, "a", string(n.Read(binary.LittleEndian.Uint32(top))))
	below := n.Read(binary.LittleEndian.Uint32(top[numberBytes:]))
	require.Equal(t, "b", string(n.Read(binary.LittleEndian.Uint32(below))))
	require.Equal(t, 4, s.Stats().Nodes)
	require.NoError(t, other.Check())
	require.Equal(t, "plain", string(other.CopyValue(s, MakeKind(1, 1), []byte("plain"))))
}
