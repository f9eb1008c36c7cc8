// list_end.go: one end of a list, to look at the element there and then to take it out, or to put it into another list first.

package value

// ListEnd is the element at one end of a list that is open for change. It ends with the list's next change, other than Take.
type ListEnd struct {
	cell Cell
	at   End
	elem Element
	pos  int // in a listpack
	tree listTree
	way  treeEnd // to the element in a tree
	near bool    // way is one
}

// Open opens an end of a list that is not empty.
func (e *ListEnd) Open(c Cell, at End) {
	v := c.View()
	e.cell, e.at, e.near = c, at, false
	switch {
	case v.Kind != kindListTree && at == Left:
		l := Listpack(v.Bytes)
		e.pos = l.First()
		e.elem = l.At(e.pos)
	case v.Kind != kindListTree:
		l := Listpack(v.Bytes)
		e.pos = l.Last()
		e.elem = l.At(e.pos)
	default:
		e.openTree(v)
	}
}

func (e *ListEnd) openTree(v View) {
	e.pos = ListpackEnd
	e.tree = openListTree(v)
	if e.near = e.way.find(&e.tree.tree, e.at == Right); e.near {
		_, text := e.way.entry()
		e.elem = Element{Text: text}
		return
	}
	l := ListOf(v)
	e.elem = l.End(e.at)
}

// Element is the element. It is valid until the transaction ends or the list is changed, other than by Take.
func (e *ListEnd) Element() Element { return e.elem }

// Take takes the element out, makes a listpack of a list that has become small enough for one, and returns how many elements are left;
// size is list-max-listpack-size.
func (e *ListEnd) Take(size int) (left int) {
	if e.pos != ListpackEnd {
		ListpackDelete(e.cell, e.pos, 1)
		return Listpack(e.cell.View().Bytes).Len()
	}
	if !e.near || !e.way.pop(&e.tree.tree) {
		if left = ListPop(e.cell, e.at, 1); left > 0 {
			ListShrink(e.cell, size)
		}
		return left
	}
	e.tree.shrunk(e.elem.Text)
	e.tree.save(e.cell.Mutable())
	if half := listLimitOf(size).half(); half.mayBeOneNode(e.tree.len) {
		ListShrink(e.cell, size)
	}
	return e.tree.len
}

// PushTo puts the element into another list, present or not, at an end of that.
func (e *ListEnd) PushTo(c Cell, at End, size int) {
	text := e.elem.Text
	if e.elem.IsInt {
		text = e.elem.Append(nil)
	}
	if v := c.View(); v.Kind == kindListTree {
		pushToTree(c, v, at, [][]byte{text})
		return
	}
	ListGrow(c, size, 1, e.countedLen())
	ListPush(c, at, text)
}

// countedLen is how long the element is to ListGrow.
func (e *ListEnd) countedLen() int {
	if e.pos != ListpackEnd {
		return e.elem.Len()
	}
	return countedLen(e.elem)
}
