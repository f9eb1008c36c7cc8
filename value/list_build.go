// list_build.go: a list that is put together apart from any key, and then takes the place of what one has. It is a tree of the key's
// nodes from the start, and becomes a listpack at the end if it would be a single node of a quicklist: so Redis makes the list that SORT stores.

package value

import "respite/keyspace"

// ListBuild is a list that is being put together. Discard must follow, whether it has been moved or not.
type ListBuild struct{ t listTree }

// BuildList begins a list among these nodes.
func BuildList(nodes *keyspace.Nodes) ListBuild {
	return ListBuild{listTree{tree: tree{nodes: nodes}}}
}

// Push puts an element in behind the others.
func (b *ListBuild) Push(elem []byte) { b.t.insert(b.t.len, elem) }

// Len returns the number of elements.
func (b *ListBuild) Len() int { return b.t.len }

// MoveTo puts the list, which must have elements, in the place of whatever a cell has; size is list-max-listpack-size.
func (b *ListBuild) MoveTo(c Cell, size int) {
	limit := listLimitOf(size)
	if limit.mayBeOneNode(b.t.len) && limit.isOneNode(b.t.packed, b.t.len) {
		c.Put(kindListPacked, b.t.pack())
		return
	}
	c.Put(kindListTree, listRecord)
	b.t.save(c.Mutable())
	b.t.root = 0
}

// Discard gives up what has not been moved.
func (b *ListBuild) Discard() {
	b.t.giveUp()
}
