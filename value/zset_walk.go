// zset_walk.go: going over the members of a sorted set, by rank or, for ZSCAN, by hash.

package value

import "respite/text"

// Walk says which members to go over: N of them from the one of rank From on, towards the end or, in Reverse, the beginning.
// All those ranks must be there.
type Walk struct {
	From, N int
	Reverse bool
	// Scores says that scores are wanted. Without, those of a small set are not read and given as 0.
	Scores bool
}

// Skip leaves out the first n members of the walk, which has been found as if it led towards the end. In Reverse it begins with the last.
func (w *Walk) Skip(n int) {
	if w.Reverse {
		w.From += w.N - 1 - n
	} else {
		w.From += n
	}
	w.N = max(w.N-n, 0)
}

// Walk calls fn with members in their order until it returns false. It goes down to the first and from there to the others one by one.
func (s SortedSet) Walk(w Walk, fn func(member Element, score float64) bool) {
	switch {
	case w.N <= 0:
	case s.isPacked():
		s.list().walk(w, fn)
	case w.Reverse:
		s.walkBack(w, fn)
	default:
		s.walkOn(w, fn)
	}
}

func (s SortedSet) walkOn(w Walk, fn func(member Element, score float64) bool) {
	t := s.byScore()
	for c, more := t.at(w.From), true; more; more = c.nextLeaf() {
		p := t.page(c.leaf().node)
		for i := c.index(); i < p.count(); i++ {
			key, val := p.entry(i)
			if w.N == 0 || !fn(Element{Text: key[scoreBytes:]}, unordered(key, val)) {
				return
			}
			w.N--
		}
	}
}

func (s SortedSet) walkBack(w Walk, fn func(member Element, score float64) bool) {
	t := s.byScore()
	for c, more := t.at(w.From), true; more; more = c.prev() {
		p := t.page(c.leaf().node)
		for i := c.index(); i >= 0; i-- {
			key, val := p.entry(i)
			if w.N == 0 || !fn(Element{Text: key[scoreBytes:]}, unordered(key, val)) {
				return
			}
			w.N--
		}
		c.leaf().at = 0
	}
}

func (l Listpack) walk(w Walk, fn func(member Element, score float64) bool) {
	at := l.Seek(2 * w.From)
	for ; w.N > 0; w.N-- {
		score, scoreAt := 0.0, l.Next(at)
		if w.Scores {
			score = l.scoreAt(scoreAt)
		}
		if !fn(l.At(at), score) || w.N == 1 {
			return
		}
		if w.Reverse {
			at = l.Prev(l.Prev(at))
		} else {
			at = l.Next(scoreAt)
		}
	}
}

// Scan calls fn for about count members and their scores from a cursor on, and returns the cursor to go on from, 0 at the end. Scores
// are in the form that ZSCAN has for them. Elements are valid until fn returns. A small set is gone over whole, whatever the cursor.
func (s SortedSet) Scan(cursor uint64, count int, fn func(member, score Element)) (next uint64) {
	if s.isPacked() {
		l := s.list()
		for at := l.First(); at != ListpackEnd; {
			score := l.Next(at)
			fn(l.At(at), l.At(score))
			at = l.Next(score)
		}
		return 0
	}
	t := s.byMember()
	var digits []byte
	return t.scan(cursor, count, func(member, val []byte) {
		digits = text.AppendFloat17(digits[:0], getScore(val))
		fn(Element{Text: member}, Element{Text: digits})
	})
}
