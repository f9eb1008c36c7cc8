package keyspace

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// forest runs a Space of entries that own trees of two levels beside a map from keys to the contents of their leaves.
type forest struct {
	s      *Space
	model  map[string][]string
	open   *Snapshot
	frozen map[string][]string
}

var owningKind = MakeKind(1, FirstOwning)

func newForest() *forest {
	f := &forest{s: linked(newSpace()), model: map[string][]string{}}
	f.s.nodes.epoch = lastEpoch - 1 // so that it wraps around
	return f
}

func recordOf(root uint32) []byte {
	record := binary.LittleEndian.AppendUint32([]byte{1, 0, 0, 0}, root)
	return append(record, 0, 0, 0, 0)
}

func leavesOf(n *Nodes, record []byte) (contents []string) {
	top := n.Read(rootAt(record, RootsOffset))
	for at := 0; at < len(top); at += numberBytes {
		contents = append(contents, string(n.Read(binary.LittleEndian.Uint32(top[at:]))))
	}
	return contents
}

func (f *forest) content(t *rapid.T) string {
	size := rapid.SampledFrom([]int{0, 1, 100, 101, 1000, MaxNode, MaxNode + 1, 20_000}).Draw(t, "size")
	return strings.Repeat(fmt.Sprint(rand.IntN(10)), size)
}

func (f *forest) pick(t *rapid.T) (key string, ref Ref) {
	if len(f.model) == 0 {
		t.Skip("no key yet")
	}
	key = rapid.SampledFrom(slices.Sorted(maps.Keys(f.model))).Draw(t, "key")
	ref = f.s.Find([]byte(key))
	f.s.Keep(ref)
	return key, ref
}

func (f *forest) plant(t *rapid.T) {
	key := fmt.Sprint(rapid.IntRange(0, 50).Draw(t, "new key"))
	if f.model[key] != nil {
		t.Skip("taken")
	}
	var contents []string
	var numbers []uint32
	for range rapid.IntRange(1, 20).Draw(t, "leaves") {
		contents = append(contents, f.content(t))
		numbers = append(numbers, leafNode(f.s.Nodes(), contents[len(contents)-1]))
	}
	_, err := f.s.Insert([]byte(key), owningKind, recordOf(branch(f.s.Nodes(), numbers...)))
	require.NoError(t, err)
	f.model[key] = contents
}

// change rewrites a leaf: in place, or in another size.
func (f *forest) change(t *rapid.T) {
	key, ref := f.pick(t)
	n, contents := f.s.Nodes(), f.model[key]
	i := rapid.IntRange(0, len(contents)-1).Draw(t, "leaf")
	leaf := binary.LittleEndian.Uint32(n.Read(rootAt(f.s.Value(ref), RootsOffset))[i*numberBytes:])
	if rapid.Bool().Draw(t, "in place") {
		contents[i] = strings.Repeat("w", len(contents[i]))
		copy(n.Write(leaf), contents[i])
		return
	}
	contents[i] = f.content(t)
	copy(n.Resize(leaf, len(contents[i])), contents[i])
}

// add puts a leaf at the end of an entry's.
func (f *forest) add(t *rapid.T) {
	key, ref := f.pick(t)
	n := f.s.Nodes()
	f.model[key] = append(f.model[key], f.content(t))
	leaf := leafNode(n, f.model[key][len(f.model[key])-1])
	root := rootAt(f.s.Value(ref), RootsOffset)
	old := len(n.Read(root))
	binary.LittleEndian.PutUint32(n.Resize(root, old+numberBytes)[old:], leaf)
}

// cut takes the first leaf away, at once or later.
func (f *forest) cut(t *rapid.T) {
	key, ref := f.pick(t)
	if len(f.model[key]) < 2 {
		t.Skip("the last leaf")
	}
	f.model[key] = slices.Clone(f.model[key][1:])
	n, root := f.s.Nodes(), rootAt(f.s.Value(ref), RootsOffset)
	top := n.Write(root)
	leaf := binary.LittleEndian.Uint32(top)
	copy(top, top[numberBytes:])
	n.Resize(root, len(top)-numberBytes)
	if rapid.Bool().Draw(t, "at once") {
		n.Free(leaf)
	} else {
		n.Doom(leaf)
	}
}

func (f *forest) fell(t *rapid.T) {
	key, ref := f.pick(t)
	f.s.Delete(ref)
	delete(f.model, key)
}

func (f *forest) compact(t *rapid.T) {
	f.s.Reclaim()
	a := &f.s.nodes.arena
	for class := range uint8(numClasses) {
		c := &a.classes[class]
		if c.pages*pageBlocks[class]-c.live >= pageBlocks[class] {
			a.evacuate(class, rapid.IntRange(1, 300).Draw(t, "budget"), f.s.nodes.transfer)
		}
	}
}

func (f *forest) freeze(t *rapid.T) {
	if f.open != nil {
		t.Skip("one is open")
	}
	f.s.Reclaim()
	var err error
	f.open, err = f.s.Freeze()
	require.NoError(t, err)
	f.frozen = map[string][]string{}
	for key, contents := range f.model {
		f.frozen[key] = slices.Clone(contents)
	}
}

func (f *forest) step(t *rapid.T) {
	if f.open == nil {
		t.Skip("no snapshot")
	}
	stop := rapid.IntRange(-1, 5).Draw(t, "visits")
	more, err := f.open.Step(rapid.IntRange(1, 40).Draw(t, "budget"), func(e *Frozen) bool {
		want, ok := f.frozen[string(e.Key)]
		require.True(t, ok, "%q does not belong to the snapshot, or comes twice", e.Key)
		require.True(t, slices.Equal(want, leavesOf(e.Nodes, e.Value)), "leaves of %q", e.Key)
		if stop--; stop == 0 {
			return false
		}
		delete(f.frozen, string(e.Key))
		return true
	})
	require.NoError(t, err)
	if !more {
		require.Empty(t, f.frozen)
		f.open = nil
	}
}

func (f *forest) check(t *rapid.T) {
	require.NoError(t, f.s.Check())
	for key, contents := range f.model {
		require.True(t, slices.Equal(contents, leavesOf(f.s.Nodes(), f.s.Value(f.s.Find([]byte(key))))), "leaves of %q", key)
	}
	if f.open == nil {
		require.Zero(t, f.s.nodes.kept)
	}
}

// TestSnapshotOfTrees changes, frees, dooms, sweeps and moves nodes under a snapshot. At the end nothing is left of it.
func TestSnapshotOfTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newForest()
		t.Repeat(map[string]func(*rapid.T){
			"plant":   f.plant,
			"change":  f.change,
			"change2": f.change,
			"add":     f.add,
			"cut":     f.cut,
			"fell":    f.fell,
			"sweep":   func(t *rapid.T) { f.s.Sweep(rapid.IntRange(1, 10).Draw(t, "nodes")) },
			"reclaim": func(*rapid.T) { f.s.Reclaim() },
			"compact": f.compact,
			"freeze":  f.freeze,
			"step":    f.step,
			"":        f.check,
		})
		for more := f.open != nil; more; {
			more, _ = f.open.Step(10, nil)
		}
		for key := range f.model {
			f.s.Delete(f.s.Find([]byte(key)))
		}
		for f.s.Sweep(100) {
			require.NoError(t, f.s.Check())
		}
		f.s.Reclaim()
		require.NoError(t, f.s.Check())
		require.Zero(t, f.s.nodes.arena.liveBytes, "no block is left")
		require.Zero(t, f.s.nodes.side.bytes)
		require.Zero(t, f.s.Stats().Nodes)
	})
}

// TestReadingASnapshotCostsNothing sees to it that a table of which nothing was kept is shared, and that what was copied is given back.
func TestReadingASnapshotCostsNothing(t *testing.T) {
	f := newForest()
	n := f.s.Nodes()
	var leaves []uint32
	for i := range 3000 {
		leaves = append(leaves, leafNode(n, fmt.Sprint(i)))
	}
	_, err := f.s.Insert([]byte("k"), owningKind, recordOf(branch(n, leaves[:1000]...)))
	require.NoError(t, err)
	_, err = f.s.Insert([]byte("l"), owningKind, recordOf(branch(n, leaves[1000:]...)))
	require.NoError(t, err)
	used := f.s.Used()
	sn, err := f.s.Freeze()
	require.NoError(t, err)
	require.Equal(t, used, f.s.Used())
	n.Write(leaves[0])
	require.Equal(t, used+classBytes(classFor(nodeBytes(1)))+nodeChunk*wordBytes, f.s.Used())
	n.Write(leaves[0])
	n.Write(leaves[1])
	require.Equal(t, used+2*classBytes(classFor(nodeBytes(1)))+nodeChunk*wordBytes, f.s.Used())
	for more := true; more; {
		more, err = sn.Step(64, func(*Frozen) bool { return true })
		require.NoError(t, err)
		require.NoError(t, f.s.Check())
	}
	f.s.Reclaim()
	require.Equal(t, used, f.s.Used())
}
