package value

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A list that is built is what the same list would be that was pushed and has shrunk to its size, whatever stood in its place, and gives
// up its nodes if it is not moved.
func TestListBuild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := testCell{space: newTestSpace()}
		if rapid.Bool().Draw(t, "replaces") {
			ListGrow(&cell, 1, 2, 0)
			ListPush(&cell, Right, []byte("a"), []byte("b"))
		}
		elems := rapid.SliceOfN(rapid.Custom(anyElement), 1, 300).Draw(t, "elems")
		size := anySize(t)
		list := BuildList(cell.View().Nodes)
		for _, e := range elems {
			list.Push([]byte(e))
		}
		require.Equal(t, len(elems), list.Len())
		isMoved := rapid.Bool().Draw(t, "moved")
		if isMoved {
			list.MoveTo(&cell, size)
		}
		list.Discard()
		if isMoved {
			v := cell.View()
			require.NoError(t, Check(v))
			l := ListOf(v)
			require.Equal(t, elems, walked(&l, 0, Right))
			packed, limit := packedLen(elems), listLimitOf(size)
			require.Equal(t, limit.isOneNode(packed, len(elems)), v.Kind == kindListPacked)
		}
		if cell.ref != 0 {
			cell.drop()
		}
		for cell.space.Sweep(1000) {
		}
		require.Zero(t, cell.space.Stats().Nodes)
	})
}

func packedLen(elems []string) (n int) {
	b := Buffer{EmptyListpack()}
	for _, e := range elems {
		ListpackInsert(&b, ListpackEnd, []byte(e))
	}
	return len(b.B)
}

// TestListBuildLong builds one whose listpack would be longer than any.
func TestListBuildLong(t *testing.T) {
	cell := testCell{space: newTestSpace()}
	list := BuildList(cell.View().Nodes)
	defer list.Discard()
	elem := []byte(strings.Repeat("x", 100))
	for range maxMeasured + 1 {
		list.Push(elem)
	}
	list.MoveTo(&cell, -5)
	require.Equal(t, kindListTree, cell.View().Kind)
	require.NoError(t, Check(cell.View()))
}
