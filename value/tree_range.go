// tree_range.go: the removal of many entries that follow each other. Nodes that lose all their entries are given up whole, without being
// looked at: of what is left in place, a node or two a level are changed.

package value

// removeRange takes the entries of the ranks from to to-1 out.
func (t *tree) removeRange(from, to int) {
	switch {
	case from >= to:
		return
	case from == 0 && to == t.len:
		t.nodes.Doom(t.root)
		t.root = 0
	default:
		t.cut(t.root, from, to)
		t.lower()
	}
	t.len -= to - from
}

// cut takes the entries from to to-1 out of those below a node, which has others too.
func (t *tree) cut(node uint32, from, to int) {
	if t.level(node) == 0 {
		page(t.nodes.Write(node)).removeRun(from, to)
		t.fit(node)
		return
	}
	first, last := t.cutChildren(node, from, to)
	for i := last; i >= first; i-- {
		t.joinNeighbour(node, i)
	}
	t.fit(node)
}

// cutChildren cuts the children of a node, and gives up those that have nothing left. It returns the first and the last that were cut, of which
// there are two at most.
func (t *tree) cutChildren(node uint32, from, to int) (first, last int) {
	first, last = 0, -1
	p := page(t.nodes.Write(node))
	for i, before := 0, 0; i < p.count() && before < to; {
		below, count := p.child(i)
		low, high := max(from-before, 0), min(to-before, count)
		before += count
		switch {
		case low >= high:
			i++
		case high-low == count:
			t.nodes.Doom(below)
			p.remove(i)
		default:
			t.cut(below, low, high)
			p.below(i).add(low - high)
			if last < 0 {
				first = i
			}
			last = i
			i++
		}
	}
	return first, last
}

// joinNeighbour joins a sparse child of a node with the one before or behind it, if they leave room.
func (t *tree) joinNeighbour(node uint32, i int) {
	p := t.page(node)
	if i >= p.count() {
		return
	}
	below, _ := p.child(i)
	if !t.isSparse(below) {
		return
	}
	if i+1 < p.count() && t.joinChildren(node, i) {
		return
	}
	if i > 0 {
		t.joinChildren(node, i-1)
	}
}

// removeRun takes the entries from to to-1 out. Their bytes stay where they are.
func (p page) removeRun(from, to int) {
	n, gone, size := p.count(), to-from, p.slotBytes()
	p.putU16(pageWaste, p.u16(pageWaste)+p.bytesOf(from, to)-gone*size)
	last := p.slotAt(n - 1)
	copy(p[last+gone*size:], p[last:p.slotAt(to-1)])
	p.putCount(n - gone)
}
