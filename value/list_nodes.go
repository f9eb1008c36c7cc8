// list_nodes.go: lists that are made whole, out of elements or out of the nodes of a quicklist as payloads have them, and the nodes that a list is
// written as. Whether a list that was read is packed follows Redis's rule: it makes a quicklist, and a listpack of that if it has but one node
// within list-max-listpack-size.

package value

// nodeOverhead is what Redis adds to an element's length to estimate its entry (SIZE_ESTIMATE_OVERHEAD of quicklist.c).
const nodeOverhead = 8

// ListBuilder makes the list of a cell that is empty. Elements and nodes that it is given must stay as they are until Done.
type ListBuilder struct {
	cell  Cell
	limit listLimit
	pack  Buffer // the list, as long as it is one node
	n     int    // elements in pack
	large bool
	tree  listTree // the list from then on
}

// NewList begins a list; size is list-max-listpack-size.
func NewList(c Cell, size int) *ListBuilder {
	return &ListBuilder{cell: c, limit: listLimitOf(size), tree: listTree{tree: tree{nodes: c.View().Nodes}}}
}

// Add puts an element in at the end.
func (b *ListBuilder) Add(elem []byte) {
	if !b.large && b.n == 0 {
		b.pack.B = EmptyListpack()
	}
	if !b.large && b.n > 0 && b.limit.exceeded(len(b.pack.B)+len(elem)+nodeOverhead, b.n+1) {
		b.enlarge()
	}
	if b.large {
		b.append(elem)
		return
	}
	ListpackInsert(&b.pack, ListpackEnd, elem)
	b.n++
}

// AddNode puts the elements of a listpack in at the end, which is examined before. It may have none.
func (b *ListBuilder) AddNode(pack []byte) error {
	l := Listpack(pack)
	if err := l.Check(); err != nil {
		return err
	}
	switch n := l.Len(); {
	case n == 0:
		return nil
	case !b.large && b.n == 0:
		b.pack.B, b.n = pack, n
		return nil
	case !b.large:
		b.enlarge()
	}
	b.appendAll(l)
	return nil
}

// AddPlain puts an element in at the end that is a node of its own, so that the list is large.
func (b *ListBuilder) AddPlain(elem []byte) {
	if !b.large {
		b.enlarge()
	}
	b.append(elem)
}

// Done puts the list into the cell, unless it is empty, and returns how many elements it has.
func (b *ListBuilder) Done() (n int) {
	switch {
	case b.large:
		return b.tree.len
	case b.n == 0:
		return 0
	case len(b.pack.B) <= b.limit.bytes && b.n <= b.limit.count:
		b.cell.Put(kindListPacked, b.pack.B)
		return b.n
	}
	b.enlarge()
	return b.tree.len
}

// enlarge makes a tree of what there is.
func (b *ListBuilder) enlarge() {
	b.large = true
	b.cell.Put(kindListTree, listRecord)
	if b.n > 0 {
		b.appendAll(b.pack.B)
	}
	b.pack.B = nil
}

func (b *ListBuilder) appendAll(l Listpack) {
	var scratch IntText
	for at := l.First(); at != ListpackEnd; at = l.Next(at) {
		b.append(l.At(at).Bytes(&scratch))
	}
}

// append puts an element into the tree. The record is kept right all the time, so that who gives the list up frees all of it.
func (b *ListBuilder) append(elem []byte) {
	b.tree.insert(b.tree.len, elem)
	b.tree.save(b.cell.Mutable())
}

// EachNode calls fn with the list as the listpacks that Redis would keep it in as a quicklist, which are valid until fn returns; size is
// list-max-listpack-size.
func (l *ListView) EachNode(size int, fn func(pack []byte)) {
	if l.pack != nil {
		fn(l.pack)
		return
	}
	limit, node, n := listLimitOf(size), Buffer{B: EmptyListpack()}, 0
	w := l.Walk(0, Right)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		if n > 0 && limit.exceeded(len(node.B)+len(e.Text)+nodeOverhead, n+1) {
			fn(node.B)
			node.B, n = append(node.B[:0], emptyListpack...), 0
		}
		ListpackInsert(&node, ListpackEnd, e.Text)
		n++
	}
	fn(node.B)
}
