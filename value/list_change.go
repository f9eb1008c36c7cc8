// list_change.go: lists, open for change. Every function works on a Cell. To add elements takes two steps, as in Redis: ListGrow makes
// the list, and a tree of a listpack that would become too large; then the elements are put in. So does taking some out:
// then ListShrink makes a listpack of a tree that has become small, unless nothing is left.

package value

import (
	"slices"

	"respite/keyspace"
)

// The kinds of a list.
const (
	kindListPacked = keyspace.Kind(uint8(List)<<encodingBits | uint8(Packed))
	kindListTree   = keyspace.Kind(uint8(List)<<encodingBits | uint8(QuickList))
)

// emptyListpack is what a new list is before its first element is put in.
var emptyListpack = EmptyListpack()

// ListGrow makes a list, present or not, ready for n more elements, whose texts have so many bytes altogether; size is
// list-max-listpack-size.
func ListGrow(c Cell, size, n, bytes int) {
	v, limit := c.View(), listLimitOf(size)
	switch v.Kind {
	case 0:
		if limit.exceeded(listpackEmptySize+bytes, n) {
			c.Put(kindListTree, listRecord)
		} else {
			c.Put(kindListPacked, emptyListpack)
		}
	case kindListPacked:
		if limit.exceeded(len(v.Bytes)+bytes, Listpack(v.Bytes).Len()+n) {
			unpackList(c, v)
		}
	}
}

// unpackList makes a tree of a listpack.
func unpackList(c Cell, v View) {
	l := Listpack(v.Bytes)
	t := listTree{tree: tree{nodes: v.Nodes}}
	done := false
	defer func() {
		if !done {
			t.giveUp()
		}
	}()
	var scratch IntText
	for at := l.First(); at != ListpackEnd; at = l.Next(at) {
		t.insert(t.len, l.At(at).Bytes(&scratch))
	}
	c.Put(kindListTree, listRecord)
	done = true
	t.save(c.Mutable())
}

// ListShrink makes a listpack of a tree that is small enough for one, by half; size is list-max-listpack-size.
func ListShrink(c Cell, size int) {
	v := c.View()
	if v.Kind != kindListTree {
		return
	}
	t, limit := openListTree(v), listLimitOf(size).half()
	if !limit.mayBeOneNode(t.len) {
		return
	}
	if t.packed == 0 {
		t.packed = listpackEmptySize + t.measure(0, t.len)
		t.save(c.Mutable())
	}
	if limit.isOneNode(t.packed, t.len) {
		c.Put(kindListPacked, t.pack())
	}
}

// ListExtend is ListGrow and ListPush in one: it looks at a large list once.
func ListExtend(c Cell, at End, size, bytes int, elems ...[]byte) (n int) {
	if v := c.View(); v.Kind == kindListTree {
		return pushToTree(c, v, at, elems)
	}
	ListGrow(c, size, len(elems), bytes)
	return ListPush(c, at, elems...)
}

// ListPush puts elements in at one end, one after the other, and returns how many there are then. The elements must not be views of the
// same list.
func ListPush(c Cell, at End, elems ...[]byte) (n int) {
	v := c.View()
	if v.Kind == kindListTree {
		return pushToTree(c, v, at, elems)
	}
	place := ListpackEnd
	if at == Left {
		place = Listpack(v.Bytes).First()
		if len(elems) > 1 {
			elems = slices.Clone(elems)
			slices.Reverse(elems)
		}
	}
	ListpackInsert(c, place, elems...)
	return Listpack(c.View().Bytes).Len()
}

func pushToTree(c Cell, v View, at End, elems [][]byte) (n int) {
	t := openListTree(v)
	for _, elem := range elems {
		if lacks(t.nodes, editPages) {
			t.save(c.Mutable())
			panic(keyspace.ErrFull)
		}
		t.push(at, elem)
	}
	t.save(c.Mutable())
	return t.len
}

// ListInsert puts an element in before the one of an index, and returns how many there are then.
func ListInsert(c Cell, index int, elem []byte) (n int) {
	v := c.View()
	if v.Kind == kindListTree {
		t := openListTree(v)
		t.insert(index, elem)
		t.save(c.Mutable())
		return t.len
	}
	ListpackInsert(c, Listpack(v.Bytes).Seek(index), elem)
	return Listpack(c.View().Bytes).Len()
}

// ListSet replaces the element of an index.
func ListSet(c Cell, index int, elem []byte) {
	v := c.View()
	if v.Kind == kindListTree {
		t := openListTree(v)
		t.replace(index, elem)
		t.save(c.Mutable())
		return
	}
	ListpackReplace(c, Listpack(v.Bytes).Seek(index), elem)
}

// ListDelete takes n elements out from an index on, and returns how many are left.
func ListDelete(c Cell, index, n int) (left int) {
	v := c.View()
	if v.Kind == kindListTree {
		t := openListTree(v)
		if n > 0 {
			t.remove(index, n)
			t.save(c.Mutable())
		}
		return t.len
	}
	if n > 0 {
		ListpackDelete(c, Listpack(v.Bytes).Seek(index), n)
	}
	return Listpack(c.View().Bytes).Len()
}

// ListPop takes n elements out at one end, and returns how many are left.
func ListPop(c Cell, at End, n int) (left int) {
	if at == Left {
		return ListDelete(c, 0, n)
	}
	l := ListOf(c.View())
	return ListDelete(c, l.Len()-n, n)
}

// ListRemove takes up to limit elements that match out, the first ones from one end on, and returns how many those were and how many are
// left.
func ListRemove(c Cell, m *Matcher, limit int, from End) (removed, left int) {
	v := c.View()
	if v.Kind == kindListTree {
		t := openListTree(v)
		removed = t.removeEqual(m, limit, from)
		t.save(c.Mutable())
		return removed, t.len
	}
	if from == Left {
		removed = removeForward(c, m, limit)
	} else {
		removed = removeBackward(c, m, limit)
	}
	return removed, Listpack(c.View().Bytes).Len()
}

func removeForward(c Cell, m *Matcher, limit int) (removed int) {
	l := Listpack(c.Mutable())
	for at := l.First(); at != ListpackEnd && removed < limit; {
		if !m.Is(l.At(at)) {
			at = l.Next(at)
			continue
		}
		at = ListpackDelete(c, at, 1)
		l = c.Mutable()
		removed++
	}
	return removed
}

func removeBackward(c Cell, m *Matcher, limit int) (removed int) {
	l := Listpack(c.Mutable())
	for at := l.Last(); at != ListpackEnd && removed < limit; {
		before := l.Prev(at)
		if m.Is(l.At(at)) {
			ListpackDelete(c, at, 1)
			l = c.Mutable()
			removed++
		}
		at = before
	}
	return removed
}
