// zset_range.go: ranges of a sorted set by score and by member. A range is turned into ranks, so that to count, to return and to remove
// one begin alike.

package value

import (
	"encoding/binary"
)

// ScoreRange is a range of scores; an end that is left out (Ex) does not belong to it.
type ScoreRange struct {
	Min, Max     float64
	MinEx, MaxEx bool
}

func (r *ScoreRange) isEmpty() bool {
	return r.Min > r.Max || r.Min == r.Max && (r.MinEx || r.MaxEx)
}

// begun reports whether a score is not before the range, ended whether it is behind it.
func (r *ScoreRange) begun(score float64) bool { return score > r.Min || score == r.Min && !r.MinEx }
func (r *ScoreRange) ended(score float64) bool { return score > r.Max || score == r.Max && r.MaxEx }

// ScoreSpan returns the rank of the first member whose score is in a range, and how many there are.
func (s SortedSet) ScoreSpan(r ScoreRange) (from, n int) {
	switch {
	case r.isEmpty() || s.Len() == 0:
		return 0, 0
	case s.isPacked():
		return s.list().scoreSpan(&r)
	}
	t := s.byScore()
	from = t.rankOfScore(r.Min, r.MinEx)
	return from, t.rankOfScore(r.Max, !r.MaxEx) - from
}

// rankOfScore returns how many members have a score below the given one, or, with behind, not above it.
func (t *tree) rankOfScore(score float64, behind bool) int {
	first := ordered(score)
	if behind {
		first++
	}
	var key [scoreBytes]byte
	binary.BigEndian.PutUint64(key[:], first)
	c, _ := t.find(key[:])
	return c.rank()
}

func (l Listpack) scoreSpan(r *ScoreRange) (from, n int) {
	at := l.First()
	for ; at != ListpackEnd; at = l.Next(l.Next(at)) {
		if r.begun(l.scoreAt(l.Next(at))) {
			break
		}
		from++
	}
	for ; at != ListpackEnd && !r.ended(l.scoreAt(l.Next(at))); at = l.Next(l.Next(at)) {
		n++
	}
	return from, n
}

// LexBound is an end of a range of members: a text, or what is before or behind all texts.
type LexBound struct {
	Text      []byte
	Ex        bool // the text itself does not belong to the range
	Unlimited int8 // -1: before all texts, 1: behind all
}

// compare tells a member that is before the bound from one behind it.
func (b *LexBound) compare(member []byte) int {
	if b.Unlimited != 0 {
		return -int(b.Unlimited)
	}
	return compare(member, b.Text)
}

// LexRange is a range of members. It means something only if all scores are equal.
type LexRange struct{ Min, Max LexBound }

func (r *LexRange) isEmpty() bool {
	if r.Min.Unlimited > 0 || r.Max.Unlimited < 0 {
		return true
	}
	if r.Min.Unlimited < 0 || r.Max.Unlimited > 0 {
		return false
	}
	c := compare(r.Min.Text, r.Max.Text)
	return c > 0 || c == 0 && (r.Min.Ex || r.Max.Ex)
}

func (r *LexRange) begun(member []byte) bool {
	c := r.Min.compare(member)
	return c > 0 || c == 0 && !r.Min.Ex
}

func (r *LexRange) ended(member []byte) bool {
	c := r.Max.compare(member)
	return c > 0 || c == 0 && r.Max.Ex
}

// LexSpan returns the rank of the first member of a range, or in reverse of the last, with the first skip ones left out, and how many
// there are from there on.
func (s SortedSet) LexSpan(r LexRange, skip int, reverse bool) (from, n int) {
	switch {
	case r.isEmpty() || s.Len() == 0:
		return 0, 0
	case s.isPacked():
		return s.list().lexSpan(&r, skip, reverse)
	}
	t := s.byScore()
	first, behind := t.rankOfMember(&r.Min, r.Min.Ex), t.rankOfMember(&r.Max, !r.Max.Ex)
	if n = behind - first - skip; n <= 0 {
		return 0, 0
	}
	if reverse {
		return behind - 1 - skip, n
	}
	return first + skip, n
}

// rankOfMember returns how many members are before a bound, or, with behind, not behind it. All are taken to have the first one's score.
func (t *tree) rankOfMember(b *LexBound, behind bool) int {
	switch {
	case b.Unlimited < 0:
		return 0
	case b.Unlimited > 0:
		return t.len
	}
	c := t.at(0)
	key, _ := c.entry()
	var scratch keyScratch
	c, found := t.find(append(append(scratch[:0], key[:scoreBytes]...), b.Text...))
	rank := c.rank()
	if found && behind {
		rank++
	}
	return rank
}

// lexSpan goes from the end where the range begins, so that where scores differ it finds what Redis finds.
func (l Listpack) lexSpan(r *LexRange, skip int, reverse bool) (from, n int) {
	var scratch IntText
	if reverse {
		return l.lexSpanBack(r, skip)
	}
	if r.ended(l.At(l.First()).Bytes(&scratch)) || !r.begun(l.At(l.Seek(-2)).Bytes(&scratch)) {
		return 0, 0
	}
	at := l.First()
	for ; at != ListpackEnd && !r.begun(l.At(at).Bytes(&scratch)); at = l.Next(l.Next(at)) {
		from++
	}
	if at == ListpackEnd || r.ended(l.At(at).Bytes(&scratch)) {
		return 0, 0
	}
	for ; skip > 0 && at != ListpackEnd; skip-- {
		at, from = l.Next(l.Next(at)), from+1
	}
	for ; at != ListpackEnd && !r.ended(l.At(at).Bytes(&scratch)); at = l.Next(l.Next(at)) {
		n++
	}
	return from, n
}

func (l Listpack) lexSpanBack(r *LexRange, skip int) (from, n int) {
	var scratch IntText
	if r.ended(l.At(l.First()).Bytes(&scratch)) || !r.begun(l.At(l.Seek(-2)).Bytes(&scratch)) {
		return 0, 0
	}
	at := l.Seek(-2)
	for from = l.Len()/2 - 1; at != ListpackEnd && r.ended(l.At(at).Bytes(&scratch)); at = l.before(at) {
		from--
	}
	if at == ListpackEnd || !r.begun(l.At(at).Bytes(&scratch)) {
		return 0, 0
	}
	for ; skip > 0 && at != ListpackEnd; skip-- {
		at, from = l.before(at), from-1
	}
	for ; at != ListpackEnd && r.begun(l.At(at).Bytes(&scratch)); at = l.before(at) {
		n++
	}
	return from, n
}

// before is the position of the member before the one at a position.
func (l Listpack) before(at int) int {
	if at = l.Prev(at); at == ListpackEnd {
		return at
	}
	return l.Prev(at)
}
