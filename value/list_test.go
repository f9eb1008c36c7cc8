package value

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/keyspace"
)

// listMachine compares a list with a slice, and its encoding with what the limit says.
type listMachine struct {
	cell  testCell
	size  int
	model []string
}

func anyElement(t *rapid.T) string {
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return strings.Repeat("x", rapid.SampledFrom([]int{0, 63, 64, 126, 127, 128, 1000, 2040, 4000, 4096, 9000, 70_000}).Draw(t, "length"))
	case 1:
		return rapid.String().Draw(t, "text")
	case 2:
		return strconv.FormatInt(rapid.Int64().Draw(t, "n"), 10)
	}
	return strconv.Itoa(rapid.IntRange(0, 20).Draw(t, "small"))
}

func anySize(t *rapid.T) int {
	return rapid.SampledFrom([]int{-2, -1, -5, -100, math.MinInt32, 0, 1, 2, 5, 100, math.MaxInt32}).Draw(t, "size")
}

// grow makes room and expects a tree exactly if Redis would make a quicklist.
func (m *listMachine) grow(t *rapid.T, elems ...string) (all [][]byte) {
	added := 0
	for _, e := range elems {
		all = append(all, []byte(e))
		added += len(e)
	}
	bytes := listpackEmptySize
	if v := m.cell.View(); v.Kind == kindListPacked {
		bytes = len(v.Bytes)
	}
	wasTree := m.cell.View().Kind == kindListTree
	ListGrow(&m.cell, m.size, len(elems), added)
	exceeded := m.size < 0 && bytes+added > 4096<<min(-m.size-1, 4) ||
		m.size >= 0 && (bytes+added > 8192 || len(m.model)+len(elems) > max(m.size, 1))
	require.Equal(t, wasTree || exceeded, m.cell.View().Kind == kindListTree)
	return all
}

// shrunk ends a removal, and expects a listpack if the elements fit half of one.
func (m *listMachine) shrunk(t *rapid.T) {
	if len(m.model) == 0 {
		m.cell.drop()
		return
	}
	bytes := len(packed(m.model...))
	wasTree := m.cell.View().Kind == kindListTree
	ListShrink(&m.cell, m.size)
	fits := m.size < 0 && bytes <= 2048<<min(-m.size-1, 4) ||
		m.size >= 0 && len(m.model) <= max(m.size, 1)/2 && (bytes <= 8192 || len(m.model) == 1)
	require.Equal(t, wasTree && !fits, m.cell.View().Kind == kindListTree)
}

func (m *listMachine) push(t *rapid.T) {
	elems := rapid.SliceOfN(rapid.Custom(anyElement), 1, 60).Draw(t, "elems")
	at := End(rapid.IntRange(0, 1).Draw(t, "end"))
	all := m.grow(t, elems...)
	if at == Left {
		turned := slices.Clone(elems)
		slices.Reverse(turned)
		m.model = append(turned, m.model...)
	} else {
		m.model = append(m.model, elems...)
	}
	require.Equal(t, len(m.model), ListPush(&m.cell, at, all...))
	require.Equal(t, elems[0], string(all[0]), "the arguments are left alone")
}

// index draws the index of an element; ok is false if there is none.
func (m *listMachine) index(t *rapid.T) (i int, ok bool) {
	if len(m.model) == 0 {
		return 0, false
	}
	return rapid.IntRange(0, len(m.model)-1).Draw(t, "index"), true
}

func (m *listMachine) insert(t *rapid.T) {
	if i, ok := m.index(t); ok {
		elem := anyElement(t)
		m.grow(t, elem)
		m.model = slices.Insert(m.model, i, elem)
		require.Equal(t, len(m.model), ListInsert(&m.cell, i, []byte(elem)))
	}
}

func (m *listMachine) set(t *rapid.T) {
	if i, ok := m.index(t); ok {
		elem := anyElement(t)
		m.grow(t, elem)
		m.model[i] = elem
		ListSet(&m.cell, i, []byte(elem))
		m.shrunk(t)
	}
}

func (m *listMachine) delete(t *rapid.T) {
	if i, ok := m.index(t); ok {
		n := rapid.IntRange(0, len(m.model)-i).Draw(t, "n")
		m.model = slices.Delete(m.model, i, i+n)
		require.Equal(t, len(m.model), ListDelete(&m.cell, i, n))
		m.shrunk(t)
	}
}

func (m *listMachine) pop(t *rapid.T) {
	if _, ok := m.index(t); ok {
		n := rapid.IntRange(1, min(len(m.model), 40)).Draw(t, "n")
		left := ListPop(&m.cell, Right, n)
		m.model = m.model[:len(m.model)-n]
		require.Equal(t, len(m.model), left)
		m.shrunk(t)
	}
}

// take takes elements out one by one at an end, after each of them was put into another list.
func (m *listMachine) take(t *rapid.T) {
	if _, ok := m.index(t); !ok {
		return
	}
	at := End(rapid.IntRange(0, 1).Draw(t, "end"))
	other := testCell{space: m.cell.space}
	var moved []string
	for range rapid.IntRange(1, min(len(m.model), 300)).Draw(t, "n") {
		i := 0
		if at == Right {
			i = len(m.model) - 1
		}
		var e ListEnd
		e.Open(&m.cell, at)
		e.PushTo(&other, Right, m.size)
		require.Equal(t, m.model[i], string(e.Element().Append(nil)))
		moved, m.model = append(moved, m.model[i]), slices.Delete(m.model, i, i+1)
		require.Equal(t, len(m.model), e.Take(m.size))
		m.cell.space.Reclaim()
	}
	l := ListOf(other.View())
	require.True(t, slices.Equal(moved, walked(&l, 0, Right)))
	require.NoError(t, Check(other.View()))
	other.drop()
	m.shrunk(t)
}

func (m *listMachine) removeEqual(t *rapid.T) {
	i, ok := m.index(t)
	if !ok {
		return
	}
	elem, from := m.model[i], End(rapid.IntRange(0, 1).Draw(t, "end"))
	limit := rapid.SampledFrom([]int{1, 2, 5, math.MaxInt}).Draw(t, "limit")
	match := Match([]byte(elem))
	want := m.withoutEqual(elem, limit, from)
	removed, left := ListRemove(&m.cell, &match, limit, from)
	require.Equal(t, len(m.model)-len(want), removed)
	require.Equal(t, len(want), left)
	m.model = want
	m.shrunk(t)
}

func (m *listMachine) withoutEqual(elem string, limit int, from End) (left []string) {
	all := slices.Clone(m.model)
	if from == Right {
		slices.Reverse(all)
	}
	for _, e := range all {
		if e == elem && limit > 0 {
			limit--
			continue
		}
		left = append(left, e)
	}
	if from == Right {
		slices.Reverse(left)
	}
	return left
}

func (m *listMachine) check(t *rapid.T) {
	m.cell.space.Reclaim()
	v := m.cell.View()
	if m.cell.ref != 0 {
		require.NoError(t, Check(v))
	}
	l := ListOf(v)
	require.Equal(t, len(m.model), l.Len())
	require.True(t, slices.Equal(m.model, walked(&l, 0, Right)), "from left to right")
	turned := walked(&l, l.Len()-1, Left)
	slices.Reverse(turned)
	require.True(t, slices.Equal(m.model, turned), "from right to left")
	if i, ok := m.index(t); ok {
		require.Equal(t, m.model[i], string(l.At(i).Append(nil)))
		match := Match([]byte(m.model[i]))
		require.Equal(t, slices.Index(m.model, m.model[i]), l.Find(&match, 0, Right))
		require.Equal(t, m.model[i:], walked(&l, i, Right))
	}
}

func walked(l *ListView, from int, towards End) (all []string) {
	w := l.Walk(from, towards)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		all = append(all, string(e.Append(nil)))
	}
	return all
}

func TestListAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &listMachine{cell: testCell{space: newTestSpace()}, size: anySize(t)}
		t.Repeat(map[string]func(*rapid.T){
			"push": m.push, "pushMore": m.push, "insert": m.insert, "set": m.set, "delete": m.delete, "pop": m.pop, "take": m.take,
			"removeEqual": m.removeEqual, "": m.check,
			"limit": func(t *rapid.T) { m.size = anySize(t) },
		})
		if m.cell.ref != 0 {
			m.cell.drop()
		}
		for m.cell.space.Sweep(1000) {
		}
		require.Zero(t, m.cell.space.Stats().Nodes)
	})
}

// TestListWalksEndAtOnce walks from where no element is.
func TestListWalksEndAtOnce(t *testing.T) {
	for _, n := range []int{0, 3, 5000} {
		cell := testCell{space: newTestSpace()}
		for i := range n {
			elem := strconv.AppendInt(nil, int64(i), 10)
			ListGrow(&cell, -1, 1, len(elem))
			ListPush(&cell, Right, elem)
		}
		l := ListOf(cell.View())
		require.Equal(t, n, l.Len())
		for _, from := range []int{-1, n, n + 1} {
			for _, towards := range []End{Left, Right} {
				w := l.Walk(from, towards)
				_, ok := w.Next()
				require.False(t, ok)
			}
		}
	}
}

// TestLongListForgetsItsPackedSize goes up to where the size is not kept any more, and down to a listpack again.
func TestLongListForgetsItsPackedSize(t *testing.T) {
	cell := testCell{space: newTestSpace()}
	push := func(n int) {
		for i := range n {
			elem := strconv.AppendInt(nil, int64(i%7), 10)
			ListGrow(&cell, -2, 1, len(elem))
			ListPush(&cell, Left, elem)
		}
		cell.space.Reclaim()
		require.NoError(t, Check(cell.View()))
	}
	known := func() bool { t := openListTree(cell.View()); return t.packed != 0 }
	push(maxMeasured)
	require.True(t, known())
	push(1)
	require.False(t, known())
	ListPop(&cell, Right, 1)
	push(100)
	require.False(t, known())
	for left := ListOf(cell.View()).n; left > 2043; left-- {
		ListPop(&cell, Right, 1)
		ListShrink(&cell, -2)
		require.Equal(t, left-1 > 2044, cell.View().Kind == kindListTree, left)
	}
	require.NoError(t, Check(cell.View()))
}

// TestLeavesAtEndsStayUntilTheyAreEmpty pops at either end of a list of several leaves, and then of one that is a single leaf, which gives
// room back.
func TestLeavesAtEndsStayUntilTheyAreEmpty(t *testing.T) {
	s := newTestSpace()
	tr := tree{nodes: s.Nodes()}
	for range 1000 {
		tr.insertRank(tr.len, []byte("element:00000001"))
	}
	pop := func(last bool) (p page, done bool) {
		var e treeEnd
		require.True(t, e.find(&tr, last))
		done = e.pop(&tr)
		s.Reclaim()
		require.NoError(t, tr.check())
		return e.leaf, done
	}
	for _, last := range []bool{false, true} {
		p, _ := pop(last)
		for n := p.count(); n > 1; n-- {
			same, done := pop(last)
			require.True(t, done)
			require.Equal(t, &p[0], &same[0])
		}
		_, done := pop(last)
		require.False(t, done, "the last entry of a leaf takes the leaf along")
		rank := 0
		if last {
			rank = tr.len - 1
		}
		tr.removeRange(rank, rank+1)
		s.Sweep(100)
	}
	tr.removeRange(0, tr.len-100)
	s.Sweep(100)
	for popped := true; popped; {
		require.Equal(t, uint8(0), tr.level(tr.root))
		_, popped = pop(false)
	}
	require.Greater(t, tr.len, 1, "left to who gives room back")
}

// TestRemoveRange cuts ranges out of trees of several levels, with keys and without, and counts the nodes that are left.
func TestRemoveRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newTestSpace()
		tr := tree{nodes: s.Nodes()}
		hasKeys := rapid.Bool().Draw(t, "keys")
		var model []pair
		for i := range rapid.SampledFrom([]int{1, 50, 3000, 20_000}).Draw(t, "n") {
			p := pair{val: strings.Repeat("v", i*7919%60)}
			if i%1000 == 999 {
				p.val = strings.Repeat("large", 1000)
			}
			if hasKeys {
				p.key = fmt.Sprintf("key:%08d", i)
				tr.put([]byte(p.key), []byte(p.val))
			} else {
				tr.insertRank(tr.len, []byte(p.val))
			}
			model = append(model, p)
		}
		for range 6 {
			from := rapid.IntRange(0, len(model)).Draw(t, "from")
			to := rapid.IntRange(from, len(model)).Draw(t, "to")
			tr.removeRange(from, to)
			model = slices.Delete(model, from, to)
			for s.Sweep(1000) {
			}
			require.NoError(t, tr.check())
			require.Equal(t, len(model), tr.len)
			i := 0
			for c := tr.at(0); i < len(model); c.next() {
				key, val := c.entry()
				require.True(t, model[i].key == string(key) && model[i].val == string(val), "entry %d", i)
				i++
			}
			if len(model) == 0 {
				require.Zero(t, s.Stats().Nodes)
				return
			}
			require.Less(t, s.Stats().Nodes, 4+len(model)/10)
		}
	})
}

// TestRemoveRangeGivesUpWholeNodes expects a large cut to look at few nodes.
func TestRemoveRangeGivesUpWholeNodes(t *testing.T) {
	s := newTestSpace()
	tr := tree{nodes: s.Nodes()}
	for range 200_000 {
		tr.insertRank(tr.len, []byte("element"))
	}
	s.Reclaim()
	nodes := s.Stats().Nodes
	tr.removeRange(1000, 199_000)
	require.Greater(t, s.Stats().Nodes, nodes-10, "swept later")
	for s.Sweep(100) {
	}
	require.NoError(t, tr.check())
	require.Less(t, s.Stats().Nodes, 10)
}

func BenchmarkList(b *testing.B) {
	elem := []byte("element:00000001")
	for _, n := range []int{100, 1_000_000} {
		s := keyspace.New(maphash.MakeSeed())
		s.Nodes().Children = Children
		cell := &testCell{space: s}
		push := func(at End) {
			ListGrow(cell, -2, 1, len(elem))
			ListPush(cell, at, elem)
		}
		for range n {
			push(Right)
		}
		s.Reclaim()
		pop := func(at End) {
			ListPop(cell, at, 1)
			ListShrink(cell, -2)
			s.Reclaim()
		}
		name := func(what string) string { return fmt.Sprintf("%s/%d", what, n) }
		b.Run(name("push and pop at the other end"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				push(Left)
				pop(Right)
			}
		})
		b.Run(name("push and pop at the same end"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				push(Left)
				pop(Left)
			}
		})
		for _, m := range []int{100, 600} {
			b.Run(name(fmt.Sprintf("range of %d", m)), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					l := ListOf(cell.View())
					w := l.Walk(l.Len()/2, Right)
					for range m {
						w.Next()
					}
				}
			})
		}
		b.Run(name("index in the middle"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l := ListOf(cell.View())
				l.At(l.Len() / 2)
			}
		})
	}
	b.Run("push 1000000", func(b *testing.B) {
		for b.Loop() {
			s := keyspace.New(maphash.MakeSeed())
			s.Nodes().Children = Children
			cell := &testCell{space: s}
			for range 1_000_000 {
				ListGrow(cell, -2, 1, len(elem))
				ListPush(cell, Right, elem)
				s.Reclaim()
			}
			b.ReportMetric(float64(s.Used())/1e6, "bytes/element")
		}
	})
}
