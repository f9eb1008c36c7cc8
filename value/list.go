// list.go: lists, to read. A small one is a listpack; a large one is a single tree without keys (listtree.go), whose entries are the
// elements' texts in order. list_change.go changes them, and says when a list is which.

package value

import "respite/text"

// End is one end of a list.
type End uint8

// The ends of a list.
const (
	Left End = iota
	Right
)

// ListView is a list to read, valid as long as the View that it was opened over.
type ListView struct {
	pack Listpack // nil if the list is a tree
	tree tree
	n    int
}

// ListOf opens a list. A view of nothing is an empty one.
func ListOf(v View) (l ListView) {
	switch {
	case EncodingOf(v.Kind) == QuickList:
		l.tree = v.treeAt(0)
		l.n = l.tree.len
	case v.Bytes != nil:
		l.pack = v.Bytes
		l.n = l.pack.Len()
	}
	return l
}

// Len is the number of elements.
func (l *ListView) Len() int { return l.n }

// At returns the element of an index from 0 to Len()-1.
func (l *ListView) At(index int) Element {
	if l.pack != nil {
		return l.pack.At(l.pack.Seek(index))
	}
	c := l.tree.at(index)
	_, val := c.entry()
	return Element{Text: val}
}

// End returns the element at one end of a list that is not empty.
func (l *ListView) End(at End) Element {
	if at == Left {
		return l.At(0)
	}
	return l.At(l.n - 1)
}

// CountedLen is how long an element of this list is to ListGrow when it moves to another: Redis gets integers out of a quicklist as such, and does
// not count them (listTypeTryConvertListpack).
func (l *ListView) CountedLen(e Element) int {
	if l.pack == nil {
		return countedLen(e)
	}
	return e.Len()
}

// countedLen is CountedLen of an element of a tree.
func countedLen(e Element) int {
	if _, isInt := text.ParseInt(e.Text); isInt {
		return 0
	}
	return e.Len()
}

// ListWalk goes over the elements of a list, from one on, towards one end.
type ListWalk struct {
	pack Listpack
	at   int // in pack
	tree treeWalk
	left bool
}

// treeWalk goes over the entries of a tree, and looks at its leaves' pages once each.
type treeWalk struct {
	c    cursor
	leaf page
	i, n int // in the leaf, and how many it has
}

// Walk begins a walk towards an end with the element of an index. An index that no element has ends it at once.
func (l *ListView) Walk(index int, towards End) (w ListWalk) {
	w.left = towards == Left
	w.at = ListpackEnd
	switch {
	case index < 0 || index >= l.n:
	case l.pack != nil:
		w.pack, w.at = l.pack, l.pack.Seek(index)
	default:
		w.tree.c = l.tree.at(index)
		w.tree.enter()
	}
	return w
}

// enter makes the leaf that the cursor is in the walk's.
func (w *treeWalk) enter() {
	at := w.c.leaf()
	w.leaf, w.i = w.c.t.page(at.node), int(at.at)
	w.n = w.leaf.count()
}

// Next returns the next element; ok is false behind the last.
func (w *ListWalk) Next() (e Element, ok bool) {
	switch {
	case w.at != ListpackEnd:
		e = w.pack.At(w.at)
		if w.left {
			w.at = w.pack.Prev(w.at)
		} else {
			w.at = w.pack.Next(w.at)
		}
		return e, true
	case w.tree.n == 0:
		return e, false
	case w.left:
		e.Text, ok = w.tree.prev()
	default:
		e.Text, ok = w.tree.next()
	}
	return e, ok
}

func (w *treeWalk) next() (val []byte, ok bool) {
	if w.i >= w.n {
		if !w.c.nextLeaf() {
			return nil, false
		}
		w.enter()
	}
	_, val = w.leaf.entry(w.i)
	w.i++
	return val, true
}

func (w *treeWalk) prev() (val []byte, ok bool) {
	if w.i < 0 {
		w.c.leaf().at = 0
		if !w.c.prev() {
			return nil, false
		}
		w.enter()
	}
	_, val = w.leaf.entry(w.i)
	w.i--
	return val, true
}

// Matcher tells elements that are equal to a text.
type Matcher struct {
	text  []byte
	n     int64
	isInt bool
}

// Match is a matcher of a text.
func Match(b []byte) Matcher {
	n, isInt := text.ParseInt(b)
	return Matcher{text: b, n: n, isInt: isInt}
}

// Is reports whether the element's text is the matcher's.
func (m *Matcher) Is(e Element) bool {
	if e.IsInt {
		return m.isInt && m.n == e.Int
	}
	return string(m.text) == string(e.Text)
}

// Find returns the index of the first element that matches, from an index on towards an end; -1 if there is none.
func (l *ListView) Find(m *Matcher, from int, towards End) int {
	step := 1
	if towards == Left {
		step = -1
	}
	w := l.Walk(from, towards)
	for i := from; ; i += step {
		e, ok := w.Next()
		switch {
		case !ok:
			return -1
		case m.Is(e):
			return i
		}
	}
}
