// tree_end.go: what is put in and taken out at the ends of a tree, as lists and the pops of sorted sets do nearly always. The way to an end
// needs neither keys nor ranks, so it is kept with the counts along it, and the change is made on the spot: a
// push to a list of 400,000 elements took a third of its command's time before, mostly to go down twice.
//
// Whatever is not as simple as that (a leaf without room, or with one entry; the only leaf, if it is so empty that it is to give room back;
// a snapshot that may need copies) is refused before anything is changed, and left to tree_change.go.

package value

// endLevels is how many levels above the leaves the short way has: some 10^8 leaves.
const endLevels = 4

// treeEnd is the way to the first or the last leaf of a tree. It ends with the next change of the tree that it does not make.
type treeEnd struct {
	leaf   page
	last   bool
	levels int
	counts [endLevels]*counter // on the way, from the root's
}

// find goes to an end; ok is false if that is to be left to others.
func (e *treeEnd) find(t *tree, last bool) (ok bool) {
	e.last, e.levels = last, 0
	if !t.nodes.InPlace() {
		return false
	}
	for node := t.root; node != 0; {
		level, payload := t.nodes.Look(node)
		p := page(payload)
		if level&^owning == 0 {
			e.leaf = p
			return true
		}
		if e.levels == endLevels {
			return false
		}
		i := p.end(last)
		e.counts[e.levels] = p.below(i)
		e.levels++
		node, _ = p.child(i)
	}
	return false
}

// end is the index of the first or the last entry.
func (p page) end(last bool) int {
	if last {
		return p.count() - 1
	}
	return 0
}

// entry is the entry at the end.
func (e *treeEnd) entry() (key, val []byte) { return e.leaf.entry(e.leaf.end(e.last)) }

// count adds to the counts on the way, and to the tree's.
func (e *treeEnd) count(t *tree, n int) {
	t.len += n
	for _, c := range e.counts[:e.levels] {
		c.add(n)
	}
}

// push puts an entry in beyond the end, if the leaf has room for it.
func (e *treeEnd) push(t *tree, key, val []byte) (done bool) {
	if e.leaf.free() < entryBytes(len(key), len(val))+e.leaf.slotBytes() {
		return false
	}
	i := 0
	if e.last {
		i = e.leaf.count()
	}
	e.leaf.insert(i, key, val)
	e.count(t, 1)
	return true
}

// pop takes the entry at the end out, unless it is the last of its leaf. The entry's bytes stay until the tree's next change.
//
// A leaf that is not the only one stays as long as it is until it is empty: who takes entries out at an end goes on there as a rule.
// When such a leaf became shorter at a half, a quarter and so on, nearly each of its entries was copied once.
func (e *treeEnd) pop(t *tree) (done bool) {
	p := e.leaf
	n, i := p.count(), p.end(e.last)
	if n == 1 || e.levels == 0 && isRoomy(len(p), p.used()) {
		return false
	}
	p.remove(i)
	e.count(t, -1)
	return true
}

// pushEnd puts an entry in before all others, or, last, behind them, if that is simple.
func (t *tree) pushEnd(last bool, key, val []byte) (done bool) {
	var e treeEnd
	return e.find(t, last) && e.push(t, key, val)
}
