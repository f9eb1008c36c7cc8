// tree_change.go: insertion into trees and removal from them.

package value

import "respite/keyspace"

// put sets the value of a key, and reports whether the key is new.
func (t *tree) put(key, val []byte) (isNew bool) {
	c, found := t.find(key)
	if found {
		c.replace(val)
		return false
	}
	t.insert(&c, key, val)
	return true
}

// insert puts an entry where find said that its key would stand.
func (t *tree) insert(c *cursor, key, val []byte) {
	for done := t.insertAt(c, key, val); !done; {
		again, _ := t.find(key) // not into c, which would make every tree live on the heap
		done = t.insertAt(&again, key, val)
	}
}

// insertRank puts an entry without a key before the one of a rank, or, with rank len, behind the last.
func (t *tree) insertRank(rank int, val []byte) {
	for c := t.at(rank); !t.insertAt(&c, nil, val); {
		c = t.at(rank)
	}
}

// twins are the two nodes that one has become: the left one stands where it stood, sep separates them.
type twins struct {
	left, right uint32
	sep         separator
}

// separator is a key for a node above the leaves, and its head.
type separator struct {
	key      []byte
	head     uint32
	indirect bool
}

// indirectMark is the value of an entry above the leaves that has no separator.
var indirectMark = []byte{1}

// mark is the value of the separator's entry.
func (s *separator) mark() []byte {
	if s.indirect {
		return indirectMark
	}
	return nil
}

// entryBytes is what the separator's entry takes, its slot apart.
func (s *separator) entryBytes() int { return entryBytes(len(s.key), len(s.mark())) }

// separatorAt is the separator of an entry of a page above the leaves, as it stands there.
func separatorAt(p page, i int) separator {
	key, mark := p.entry(i)
	return separator{key: key, head: p.head(i), indirect: len(mark) > 0}
}

// insertAt puts an entry where the cursor is, or makes room and reports that it did not: the cursor is no place any more then.
func (t *tree) insertAt(c *cursor, key, val []byte) (done bool) {
	t.need(treePages)
	size := entryBytes(len(key), len(val))
	if c.depth < 0 {
		t.root = t.newLeaf(key, val)
		t.len++
		return true
	}
	at := *c.leaf()
	n := t.page(at.node).count()
	if p, ok := t.roomAt(at, n, size); ok {
		p.insert(int(at.at), key, val)
		c.count(1)
		return true
	}
	if at.at == 0 || int(at.at) == n {
		t.grow(c, t.beside(at, n, key, val))
		t.len++
		return true
	}
	middle := int(at.at)
	if size < maxLeaf/sparseShare {
		middle = t.page(at.node).middle()
	}
	t.grow(c, t.divide(at.node, middle))
	return false
}

// beside puts an entry that belongs before or behind all those of a full leaf into a leaf of its own. Whoever puts entries in
// order so leaves full leaves behind.
func (t *tree) beside(at step, n int, key, val []byte) twins {
	fresh, p := t.newLeaf(key, val), t.page(at.node)
	if int(at.at) == n {
		return twins{at.node, fresh, between(p.key(n-1), key)}
	}
	return twins{fresh, at.node, between(key, p.key(0))}
}

// divide moves the entries of a node from the middle on to a new one, and gives the room of the old one back.
func (t *tree) divide(node uint32, middle int) twins {
	level, p := t.level(node), t.page(node)
	n := p.count()
	right := t.newPage(level, p.form(), p.bytesOf(middle, n)-p.slotBytes())
	page(t.nodes.Write(right)).appendFrom(p, middle, n)
	var sep separator
	if level == 0 {
		sep = between(p.key(middle-1), p.key(middle))
	} else {
		sep = separatorAt(p, middle)
	}
	p = t.nodes.Write(node)
	for i := n - 1; i >= middle; i-- {
		p.remove(i)
	}
	sep.key = append([]byte(nil), sep.key...) // it may stand in what is given back now
	t.fit(node)
	return twins{node, right, sep}
}

// between is the shortest separator of two keys of which the first is less; of equal ones, which are a list's, none.
func between(a, b []byte) separator {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	switch {
	case n < len(b) && n < maxSeparator:
		return separator{key: b[:n+1], head: headOf(b[:n+1])}
	case n == len(b):
		return separator{}
	}
	return separator{head: headOf(b), indirect: true}
}

// grow tells the nodes above that the cursor's leaf has become two. The tree has the same number of entries below the leaf's place or
// one more: counts are made anew.
func (t *tree) grow(c *cursor, two twins) {
	for d := c.depth - 1; ; d-- {
		if d < 0 {
			t.raise(two)
			return
		}
		at := c.path[d]
		t.recount(at, two.left)
		split := t.adopt(at, two)
		if split == nil {
			c.recountAbove(d)
			return
		}
		two = *split
	}
}

// raise makes a new root over two nodes.
func (t *tree) raise(two twins) {
	root := t.newPage(t.level(two.left)+1, innerNode, innerNode.slotBytes()+2*entryBytes(0, 0)+two.sep.entryBytes())
	t.root = root
	for i, node := range [...]uint32{two.left, two.right} {
		sep := separator{}
		if i == 1 {
			sep = two.sep
		}
		p, _ := t.room(root, sep.entryBytes())
		p.insertChild(i, &sep, node, t.total(node))
	}
}

// recount makes the entry of a node above the leaves lead to a child and have the number of entries below that.
func (t *tree) recount(at step, node uint32) {
	page(t.nodes.Write(at.node)).setChild(int(at.at), node, t.total(node))
}

// adopt puts the right one of two nodes behind the left one into the node above. If that has to be divided for it, its two halves
// are returned.
func (t *tree) adopt(at step, two twins) *twins {
	size, below := two.sep.entryBytes(), t.total(two.right)
	if p, ok := t.room(at.node, size); ok {
		p.insertChild(int(at.at)+1, &two.sep, two.right, below)
		return nil
	}
	halves := t.divide(at.node, t.page(at.node).middle())
	to, i := halves.left, int(at.at)+1
	if n := t.page(halves.left).count(); i > n {
		to, i = halves.right, i-n
	}
	p, _ := t.room(to, size)
	p.insertChild(i, &two.sep, two.right, below)
	return &halves
}

// total is how many entries are below a node.
func (t *tree) total(node uint32) (n int) {
	p := t.page(node)
	if t.level(node) == 0 {
		return p.count()
	}
	for i := range p.count() {
		_, count := p.child(i)
		n += count
	}
	return n
}

// count adds to the counts on the way to the cursor, and to the tree's.
func (c *cursor) count(n int) {
	c.t.len += n
	for d := range c.depth {
		page(c.t.nodes.Write(c.path[d].node)).below(int(c.path[d].at)).add(n)
	}
}

// recountAbove makes the counts above a level of the path anew.
func (c *cursor) recountAbove(d int) {
	for d--; d >= 0; d-- {
		c.t.recount(c.path[d], c.path[d+1].node)
	}
}

// newLeaf makes a leaf with one entry.
func (t *tree) newLeaf(key, val []byte) uint32 {
	leaf := t.newPage(0, leafOf(key), entryBytes(len(key), len(val)))
	page(t.nodes.Write(leaf)).insert(0, key, val)
	return leaf
}

// newPage makes an empty node with room for one entry of so many bytes.
func (t *tree) newPage(level uint8, form pageForm, size int) uint32 {
	if level == 0 {
		level = t.leaves
	}
	node, payload := t.nodes.New(level, roomy(pageHeader+form.slotBytes()+size))
	page(payload).clear(form)
	return node
}

// roomy is the length of a page that needs n bytes: all of its block.
func roomy(n int) int {
	if n > maxLeaf {
		return n
	}
	return min(keyspace.Room(n), maxLeaf)
}

// room makes room in a node for an entry of so many bytes and its slot, unless the node would become too large. It is not written to then:
// that would cost a copy for a snapshot.
func (t *tree) room(node uint32, size int) (p page, ok bool) {
	p = t.page(node)
	size += p.slotBytes()
	if p.free() >= size {
		return t.nodes.Write(node), true
	}
	need := p.used() + size
	if need > maxPage(t.level(node)) {
		return p, false
	}
	return t.rebuild(node, need), true
}

// roomAt is room for an entry at a place of a leaf that has n. Who puts one at either end is likely to put the next ones there too, so
// a leaf that must grow for it grows by half at once. By an eighth at a time it was copied 30 times before it was full, which was a
// tenth of the time of pushes to a long list.
func (t *tree) roomAt(at step, n, size int) (p page, ok bool) {
	p = t.nodes.Write(at.node)
	whole := size + p.slotBytes()
	if p.free() >= whole {
		return p, true
	}
	need := p.used() + whole
	if at.at != 0 && int(at.at) != n || need > maxLeaf {
		return t.room(at.node, size)
	}
	return t.rebuild(at.node, min(need+need/2, maxLeaf)), true
}

// rebuild writes a node anew, without waste and as long as needed for so many bytes.
func (t *tree) rebuild(node uint32, need int) page {
	old, size := t.page(node), roomy(need)
	switch {
	case size == len(old):
		return t.tidy(node)
	case size > len(old) && old.u16(pageWaste) == 0:
		return t.widen(node, size)
	}
	p := page(t.nodes.Resize(node, size)) // the old bytes stay until the end of the transaction: this is another block
	p.clear(old.form())
	p.appendFrom(old, 0, old.count())
	return p
}

// tidy is rebuild of a node that stays as long as it is.
func (t *tree) tidy(node uint32) page {
	var scratch [maxLeaf]byte
	p := page(t.nodes.Write(node))
	old := page(scratch[:copy(scratch[:], p)])
	p.clear(old.form())
	p.appendFrom(old, 0, old.count())
	return p
}

// widen makes a node without waste longer: its entries stay, and the slots move to the end.
func (t *tree) widen(node uint32, size int) page {
	old := t.page(node)
	was, slots := len(old), old.slotBytes()*old.count()
	p := page(t.nodes.Resize(node, size))
	copy(p[size-slots:], p[was-slots:was])
	return p
}

// fit gives room back that a node does not need.
func (t *tree) fit(node uint32) {
	p := t.page(node)
	if need := p.used(); len(p) <= maxLeaf && isRoomy(len(p), need) && !lacks(t.nodes, tightPages) {
		t.rebuild(node, need)
	}
}

// isRoomy reports whether a page of so many bytes is at least twice as long as one must be that uses used of them.
func isRoomy(size, used int) bool { return used <= size/2 && roomy(used) <= size/2 }

// bytesOf is how many bytes the entries from to to-1 take with their slots.
func (p page) bytesOf(from, to int) (n int) {
	for i := from; i < to; i++ {
		k, v := p.entry(i)
		n += entryBytes(len(k), len(v))
	}
	return n + (to-from)*p.slotBytes()
}

// middle is where to divide a page of two entries or more into halves of about as many bytes.
func (p page) middle() int {
	half := (p.used() - pageHeader) / 2
	n, bytes := p.count(), 0
	for i := range n - 1 {
		if bytes += p.bytesOf(i, i+1); bytes >= half {
			return i + 1
		}
	}
	return n - 1
}

// replace gives the entry at the cursor another value. The cursor is no place any more.
func (c *cursor) replace(val []byte) {
	at, t := *c.leaf(), c.t
	key, old := t.page(at.node).entry(int(at.at))
	if len(old) == len(val) {
		_, old = page(t.nodes.Write(at.node)).entry(int(at.at))
		copy(old, val)
		return
	}
	t.need(editPages) // more than to put the entry back will ask for
	key = append([]byte(nil), key...)
	if t.page(at.node).count() == 1 {
		c.replaceOnly(key, val)
		return
	}
	rank := 0
	if len(key) == 0 {
		rank = c.rank()
	}
	page(t.nodes.Write(at.node)).remove(int(at.at))
	c.count(-1)
	if len(key) == 0 {
		t.insertRank(rank, val)
		return
	}
	t.insert(c, key, val)
}

// replaceOnly makes the leaf of a single entry anew, so that it may become large or cease to be.
func (c *cursor) replaceOnly(key, val []byte) {
	form := leafOf(key)
	p := page(c.t.nodes.Resize(c.leaf().node, roomy(pageHeader+form.slotBytes()+entryBytes(len(key), len(val)))))
	p.clear(form)
	p.insert(0, key, val)
}

// remove takes the entry at the cursor out of the tree. The cursor is no place any more.
func (c *cursor) remove() {
	t, at := c.t, *c.leaf()
	c.count(-1)
	if t.page(at.node).count() == 1 {
		c.drop(c.depth)
		return
	}
	p := page(t.nodes.Write(at.node))
	p.remove(int(at.at))
	switch used := p.used(); {
	case used < maxLeaf/sparseShare:
		c.merge(c.depth)
		t.lower()
		t.fit(c.leaf().node)
	case isRoomy(len(p), used):
		t.fit(at.node)
	}
}

// drop frees an empty node of the path, and those above it that are empty then. A root with one child gives way to it.
func (c *cursor) drop(d int) {
	t := c.t
	for ; d > 0; d-- {
		t.nodes.Free(c.path[d].node)
		above := c.path[d-1]
		p := page(t.nodes.Write(above.node))
		p.remove(int(above.at))
		if p.count() > 0 {
			c.merge(d - 1)
			t.lower()
			return
		}
	}
	t.nodes.Free(t.root)
	t.root = 0
}

// lower frees roots that have only one child.
func (t *tree) lower() {
	for t.level(t.root) > 0 && t.page(t.root).count() == 1 {
		old := t.root
		t.root, _ = t.page(old).child(0)
		t.nodes.Free(old)
	}
}

// merge puts the entries of a sparse node of the path and of one of its neighbours into one of the two, if they leave room there. The
// path has what is left; only its nodes are to be relied on then.
func (c *cursor) merge(d int) {
	if d == 0 || !c.t.isSparse(c.path[d].node) {
		return
	}
	t, above := c.t, c.path[d-1]
	left := min(int(above.at), t.page(above.node).count()-2)
	if left < 0 || !t.joinChildren(above.node, left) {
		return
	}
	c.path[d].node, _ = t.page(above.node).child(left)
	c.merge(d - 1)
}

// isSparse reports whether a node has so few bytes used that it is to be merged.
func (t *tree) isSparse(node uint32) bool {
	return t.page(node).used() < maxPage(t.level(node))/sparseShare
}

// joinChildren joins the ith child of a node with the one behind it, if they leave some room.
func (t *tree) joinChildren(node uint32, i int) bool {
	p := t.page(node)
	a, _ := p.child(i)
	b, _ := p.child(i + 1)
	if !t.join(a, b, separatorAt(p, i+1)) {
		return false
	}
	page(t.nodes.Write(node)).remove(i + 1)
	t.recount(step{node, int32(i)}, a)
	return true
}

// join moves the entries of b, which follow those of a, to a and frees b, if they leave some room. sep is what separates the two.
func (t *tree) join(a, b uint32, sep separator) bool {
	level, pa, pb := t.level(a), t.page(a), t.page(b)
	need := pa.used() + pb.used() - pageHeader
	if level > 0 {
		need += sep.entryBytes()
	}
	if need > maxPage(level)*fullParts/fullOf || lacks(t.nodes, tightPages) {
		return false
	}
	p := t.rebuild(a, need)
	if level > 0 {
		// b's first separator was not looked at.
		node, below := pb.child(0)
		p.insertChild(p.count(), &sep, node, below)
		p.appendFrom(pb, 1, pb.count())
	} else {
		p.appendFrom(pb, 0, pb.count())
	}
	t.nodes.Free(b)
	return true
}
