// full.go: what becomes of a collection when its arena is full. Every change asks first whether there are pages enough for all that it
// may need, and panics with keyspace.ErrFull before it has changed anything if there are not; so it never ends half-way. Who makes
// several changes before it saves where its trees are saves them before it panics. Removals never fail for want of room: they
// leave nodes as large as they are.
//
// What is put together apart from a key is given up by who does it, on whatever way he leaves.

package value

import "respite/keyspace"

// Pages of nodes that must be left.
const (
	tightPages = 8   // for nodes to be made smaller, or joined
	treePages  = 40  // for a change of a tree: three nodes a level, at most
	editPages  = 128 // for a change of a collection, which is several trees
)

// lacks reports whether there are not enough pages left for a change.
func lacks(nodes *keyspace.Nodes, pages int) bool { return nodes.Left() < pages }

// need panics if there are not enough pages left for a change of the tree.
func (t *tree) need(pages int) {
	if lacks(t.nodes, pages) {
		panic(keyspace.ErrFull)
	}
}

// giveUp gives up what a tree has that no record tells of.
func (t *tree) giveUp() {
	if t.root != 0 {
		t.nodes.Doom(t.root)
		t.root = 0
	}
}
