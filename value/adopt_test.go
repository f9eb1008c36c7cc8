package value

import (
	"hash/maphash"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/keyspace"
)

// A list that is built, of elements or of the nodes of another, has those elements, whatever the limit, and its nodes give them back.
func TestListsFromNodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elems := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 200), 1, 300).Draw(t, "elements")
		sizes := rapid.SampledFrom([]int{-5, -2, -1, 0, 1, 2, 7, 128, 100_000})
		space := keyspace.New(maphash.MakeSeed())
		space.Nodes().Children = Children

		var whole, parts Draft
		whole.Begin(space.Nodes())
		b := NewList(&whole, sizes.Draw(t, "size"))
		for _, elem := range elems {
			b.Add(elem)
		}
		require.Equal(t, len(elems), b.Done())
		require.NoError(t, Check(whole.View()))

		parts.Begin(space.Nodes())
		size := sizes.Draw(t, "size of nodes")
		b = NewList(&parts, size)
		l := ListOf(whole.View())
		l.EachNode(size, func(pack []byte) { require.NoError(t, b.AddNode(append([]byte(nil), pack...))) })
		require.Equal(t, len(elems), b.Done())
		require.NoError(t, Check(parts.View()))

		for _, d := range []*Draft{&whole, &parts} {
			l := ListOf(d.View())
			require.Equal(t, len(elems), l.Len())
			w := l.Walk(0, Right)
			for _, elem := range elems {
				e, ok := w.Next()
				require.True(t, ok)
				require.True(t, e.Equal(elem))
			}
			d.Discard()
		}
		for space.Sweep(1 << 20) {
		}
		require.Zero(t, space.Stats().Nodes)
	})
}

// TestAdoptRefuses tests that a refusal leaves the cell alone. What is refused is in the fixtures of package rdb.
func TestAdoptRefuses(t *testing.T) {
	odd := Buffer{EmptyListpack()}
	ListpackInsert(&odd, ListpackEnd, []byte("a"))
	twice := Buffer{EmptyListpack()}
	ListpackInsert(&twice, ListpackEnd, []byte("a"), []byte("1"), []byte("a"), []byte("1"))
	for name, adopt := range map[string]func(d *Draft) error{
		"odd hash":       func(d *Draft) error { return AdoptHash(d, &Limits{}, odd.B) },
		"odd sorted set": func(d *Draft) error { return AdoptSortedSet(d, &Limits{}, odd.B) },
		"hash":           func(d *Draft) error { return AdoptHash(d, &Limits{}, twice.B) },
		"sorted set":     func(d *Draft) error { return AdoptSortedSet(d, &Limits{}, twice.B) },
		"set":            func(d *Draft) error { return AdoptSet(d, &Limits{}, twice.B) },
		"empty set":      func(d *Draft) error { return AdoptSet(d, &Limits{}, EmptyListpack()) },
		"empty intset":   func(d *Draft) error { return AdoptIntset(d, &Limits{}, EmptyIntset()) },
	} {
		var d Draft
		require.ErrorIs(t, adopt(&d), ErrUnsound, name)
		require.Zero(t, d.View().Kind, name)
	}
	var d Draft
	require.ErrorIs(t, AdoptHash(&d, &Limits{}, odd.B[:3]), ErrListpack)
	require.ErrorIs(t, AdoptIntset(&d, &Limits{}, odd.B[:3]), ErrIntset)
}
