// tree.go: what every large collection is made of: a B+tree with counts, over the keyspace's nodes (page.go is one node).
// Entries are pairs of bytes, in the order of their keys, compared byte by byte; a list's have no keys, and are in the order in
// which they were put. So a hash table is a tree by hash, a sorted set one by score, a stream one by id: what differs
// is how keys are written.
//
// Nodes of level 0 are leaves. An entry of a node above leads to a child, with how many entries are below that, and its
// key is a separator: no key below that child is less, every key below the one before is. The first separator of a node is
// not looked at. A separator is the shortest that will do; where even that is long, it is left out (indirect), and the child's first
// key is taken instead.
//
// A change of one entry changes one leaf and the counts above it, and now and then splits or merges nodes on that path.

package value

import (
	"bytes"
	"encoding/binary"

	"respite/keyspace"
)

// tree is a B+tree. The zero root is an empty one.
type tree struct {
	nodes  *keyspace.Nodes
	root   uint32
	leaves uint8 // what the level of its leaves is marked with: 0, or owning
	len    int
}

// The levels of nodes: 0 of a tree's leaves, and of others the height above them. Leaves whose values own nodes are marked. Two further
// levels are of nodes that stand in no tree, but are owned by the values of one.
const (
	owning      = 0x80 // mark of a leaf whose values begin with the number of a node that they own
	levelBytes  = 0x40 // a node of bytes that own nothing
	levelRecord = 0x41 // a node whose payload is a record of trees, as a key's value is
)

const (
	maxLeaf  = keyspace.PageNode // bytes of a leaf
	maxInner = 2048              // bytes of a node above: a search looks at few entries of it, but to find one by its rank looks at half of the counts
	maxDepth = 24                // levels: a node above the leaves that is not the root has two children at least

	maxSeparator = 255 // bytes; longer ones are indirect

	// A node is merged with its neighbour when it is used less than a sparseShare-th, and both fill at most fullParts of fullOf.
	sparseShare = 4
	fullParts   = 3
	fullOf      = 4
)

func compare(a, b []byte) int { return bytes.Compare(a, b) }

func maxPage(level uint8) int {
	if level == 0 {
		return maxLeaf
	}
	return maxInner
}

// Children implements keyspace.Nodes.Children for trees, and what their values own.
func Children(level uint8, payload []byte, visit func(at int)) {
	switch level {
	case 0, levelBytes:
		return
	case levelRecord:
		recordChildren(payload, visit)
		return
	}
	p := page(payload)
	for i := range p.count() {
		if p.form() == innerNode {
			visit(p.slotAt(i) + slotChild)
			continue
		}
		_, val, _ := p.bounds(i)
		visit(val)
	}
}

// recordChildren visits the roots of a record's trees.
func recordChildren(record []byte, visit func(at int)) {
	for i := range int(record[0]) {
		if at := keyspace.RootsOffset + i*keyspace.RootBytes; binary.LittleEndian.Uint32(record[at:]) != 0 {
			visit(at)
		}
	}
}

func (t *tree) page(node uint32) page { return t.nodes.Read(node) }

// level is how far above the leaves a node is.
func (t *tree) level(node uint32) uint8 { return t.nodes.Level(node) &^ owning }

// cursor is a place in a tree: a way from the root to an entry of a leaf, or behind the last. It ends with the next change.
type cursor struct {
	t     *tree
	depth int // of the leaf; -1 in an empty tree
	path  [maxDepth]step
}

type step struct {
	node uint32
	at   int32
}

func (c *cursor) leaf() *step { return &c.path[c.depth] }

// index is which entry of its leaf the cursor is at.
func (c *cursor) index() int { return int(c.path[c.depth].at) }

// isEnd reports whether the cursor is behind the last entry of its leaf.
func (c *cursor) isEnd() bool {
	return c.depth < 0 || c.index() >= c.t.page(c.leaf().node).count()
}

// entry returns the key and value that the cursor is at.
func (c *cursor) entry() (key, val []byte) { return c.t.page(c.leaf().node).entry(c.index()) }

// find returns the place of a key, or where it would stand. Where it would stand behind the last entry of a leaf, the cursor does too.
func (t *tree) find(key []byte) (c cursor, found bool) {
	c = cursor{t: t, depth: -1}
	for node, n := t.root, t.len; node != 0; {
		level, payload := t.nodes.Look(node)
		p := page(payload)
		c.depth++
		if level&^owning == 0 {
			p.expect(n)
			i, found := p.search(key, n)
			c.path[c.depth] = step{node, int32(i)}
			return c, found
		}
		i := t.searchInner(p, key)
		c.path[c.depth] = step{node, int32(i)}
		node, n = p.child(i)
	}
	return c, false
}

// searchInner returns the last child whose separator is not above the key. The head of an indirect separator is that of the key that was the
// child's first when it became a child. The first key may be greater now: where keys between the two belong only has to be the same
// every time.
func (t *tree) searchInner(p page, key []byte) int {
	return t.searchSeparators(p, headOf(key), key, 1, p.count())
}

// searchSeparators is searchInner among the children from low-1 up to and without high.
func (t *tree) searchSeparators(p page, head uint32, key []byte, low, high int) int {
	end := len(p) + slotHead
	for low < high {
		mid := int(uint(low+high) >> 1)
		h := binary.LittleEndian.Uint32(p[end-innerNode.slotBytes()*(mid+1):])
		if h < head || h == head && compare(t.separator(p, mid), key) <= 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 1
}

// separator returns the ith separator of a node above the leaves.
func (t *tree) separator(p page, i int) []byte {
	sep, mark := p.entry(i)
	if len(mark) == 0 {
		return sep
	}
	node, _ := p.child(i)
	return t.firstKey(node)
}

func (t *tree) firstKey(node uint32) []byte {
	for t.level(node) > 0 {
		node, _ = t.page(node).child(0)
	}
	return t.page(node).key(0)
}

// seek returns the place of the first entry whose key is not below the given one.
func (t *tree) seek(key []byte) cursor {
	c, _ := t.find(key)
	c.settle()
	return c
}

// settle moves a cursor that is behind the last entry of its leaf to the first of the next leaf, if there is one.
func (c *cursor) settle() {
	if c.depth >= 0 && c.isEnd() {
		c.nextLeaf()
	}
}

// at returns the place of the entry of a rank, from 0; of len, behind the last.
func (t *tree) at(rank int) (c cursor) {
	c = cursor{t: t, depth: -1}
	for node, total := t.root, t.len; node != 0; {
		level, payload := t.nodes.Look(node)
		p := page(payload)
		c.depth++
		if level&^owning == 0 {
			c.path[c.depth] = step{node, int32(rank)}
			return c
		}
		i := 0
		i, rank = childOfRank(p, rank, total)
		c.path[c.depth] = step{node, int32(i)}
		node, total = p.child(i)
	}
	return c
}

// childOfRank returns which child the entry of a rank is below, and its rank there; total is how many entries are below the node. It
// counts from the nearer end.
func childOfRank(p page, rank, total int) (i, rest int) {
	n := p.count()
	if rank <= total/2 {
		for i = 0; i < n-1; i++ {
			_, count := p.child(i)
			if rank < count {
				break
			}
			rank -= count
		}
		return i, rank
	}
	for i = n - 1; i > 0; i-- {
		_, count := p.child(i)
		if rank >= total-count {
			break
		}
		total -= count
	}
	_, count := p.child(i)
	return i, rank - (total - count)
}

// rank returns how many entries are before the cursor.
func (c *cursor) rank() int {
	if c.depth < 0 {
		return 0
	}
	rank := c.index()
	for d := range c.depth {
		p := c.t.page(c.path[d].node)
		for i := range int(c.path[d].at) {
			_, count := p.child(i)
			rank += count
		}
	}
	return rank
}

// next moves to the next entry and reports whether there is one. After the last one the cursor is behind it.
func (c *cursor) next() bool {
	c.leaf().at++
	return !c.isEnd() || c.nextLeaf()
}

// nextLeaf moves to the first entry of the next leaf, if there is one.
func (c *cursor) nextLeaf() bool {
	d := c.depth - 1
	for d >= 0 && int(c.path[d].at)+1 >= c.t.page(c.path[d].node).count() {
		d--
	}
	if d < 0 {
		return false
	}
	c.path[d].at++
	c.descend(d, func(page) int { return 0 })
	return true
}

// prev moves to the entry before and reports whether there is one.
func (c *cursor) prev() bool {
	if c.depth < 0 {
		return false
	}
	if c.leaf().at > 0 {
		c.leaf().at--
		return true
	}
	d := c.depth - 1
	for d >= 0 && c.path[d].at == 0 {
		d--
	}
	if d < 0 {
		return false
	}
	c.path[d].at--
	c.descend(d, func(p page) int { return p.count() - 1 })
	return true
}

// descend fills in the path below level d, taking the entry that pick says of each node.
func (c *cursor) descend(d int, pick func(page) int) {
	for ; d < c.depth; d++ {
		node, _ := c.t.page(c.path[d].node).child(int(c.path[d].at))
		c.path[d+1] = step{node, int32(pick(c.t.page(node)))}
	}
}
