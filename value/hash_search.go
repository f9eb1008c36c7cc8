// hash_search.go: the way to a member of a hash tree. Hashes are spread evenly, so where one stands in a page can be guessed from its
// distance to the page's bounds, which are the separators on the way: the guess is off by the root of the number of entries or so. What is
// looked at then stands side by side, where halving a leaf's slots met three cache lines one after the other; of a table of
// 300,000 members, which no cache near the processor holds, that was a fifth of an insertion.
//
// A guess only says where to begin. Should the hashes of a page be spread otherwise, the steps from there double, and the rest is halved
// as in any tree.

package value

import "encoding/binary"

// hashSpan is the range of hashes that a page may hold: from low up to and without high.
type hashSpan struct{ low, high uint64 }

// allHashes is that of a root.
var allHashes = hashSpan{0, 1 << (8 * hashBytes)}

// guess is which of n slots a hash probably has.
func (s hashSpan) guess(head uint32, n int) int {
	return int((uint64(head) - s.low) * uint64(n) / (s.high - s.low))
}

// guessedStep is how many slots the first step from a guess goes over.
const guessedStep = 4

// near returns bounds, no wider than low and high are, between which the slots of a head begin and end, or would stand. It
// looks from a guess on.
func (p page) near(head uint32, guess, low, high, size int) (from, to int) {
	end := len(p) + slotHead - size
	h, step := binary.LittleEndian.Uint32(p[end-size*guess:]), guessedStep
	switch {
	case h < head:
		low = guess + 1
		for at := guess + step; at < high; at += step {
			if h = binary.LittleEndian.Uint32(p[end-size*at:]); h > head {
				return low, at
			}
			if h == head {
				break
			}
			low, step = at+1, 2*step
		}
	case h > head:
		high = guess
		for at := guess - step; at >= low; at -= step {
			if h = binary.LittleEndian.Uint32(p[end-size*at:]); h < head {
				return at + 1, high
			}
			if h == head {
				break
			}
			high, step = at, 2*step
		}
	}
	return low, high
}

// find returns the place of the key of a member's entry, or where it would stand, as tree.find does.
func (t *hashTree) find(key []byte) (c cursor, found bool) {
	c = cursor{t: &t.tree, depth: -1}
	head, span := headOf(key), allHashes
	for node, n := t.root, t.len; node != 0; {
		level, payload := t.nodes.Look(node)
		p := page(payload)
		c.depth++
		i, found := 0, false
		if level == 0 {
			i, found = t.searchLeaf(p, n, head, key, span)
			c.path[c.depth] = step{node, int32(i)}
			return c, found
		}
		i, span = t.searchAbove(p, head, key, span)
		c.path[c.depth] = step{node, int32(i)}
		node, n = p.child(i)
	}
	return c, false
}

// has reports whether a member is there. It is find without the way to the place.
func (t *hashTree) has(member []byte) bool {
	var scratch keyScratch
	key := t.key(member, &scratch)
	head, span := headOf(key), allHashes
	for node, n := t.root, t.len; node != 0; {
		level, payload := t.nodes.Look(node)
		p := page(payload)
		i := 0
		if level == 0 {
			_, found := t.searchLeaf(p, n, head, key, span)
			return found
		}
		i, span = t.searchAbove(p, head, key, span)
		node, n = p.child(i)
	}
	return false
}

// searchLeaf is page.search.
func (t *hashTree) searchLeaf(p page, n int, head uint32, key []byte, span hashSpan) (i int, found bool) {
	p.expect(n)
	low, high := p.near(head, min(span.guess(head, n), n-1), 0, n, keyedLeaf.slotBytes())
	return p.searchHeads(head, key, low, high)
}

// searchAbove is tree.searchInner, and returns the range of hashes below the child as well.
func (t *hashTree) searchAbove(p page, head uint32, key []byte, span hashSpan) (i int, below hashSpan) {
	n := p.count()
	if n > 1 {
		low, high := p.near(head, max(min(span.guess(head, n), n-1), 1), 1, n, innerNode.slotBytes())
		i = t.searchSeparators(p, head, key, low, high)
	}
	if i > 0 {
		span.low = uint64(p.head(i))
	}
	if i+1 < n {
		span.high = uint64(p.head(i+1)) + 1
	}
	return i, span
}
