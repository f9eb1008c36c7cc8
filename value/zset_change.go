// zset_change.go: changes of a sorted set. A small one becomes large when it has more members than Limits say, or when a member that is
// longer than they say comes in, and stays it.

package value

import (
	"math"

	"respite/text"
)

// AddMode are the conditions of an addition, as ZADD has them.
type AddMode struct {
	IfAbsent  bool // NX: scores that are there stay
	IfPresent bool // XX: no new members
	IfGreater bool // GT: scores that are there only rise
	IfLess    bool // LT: they only fall
	Increment bool // the score is added to the one that is there
}

// Added is what became of an addition.
type Added uint8

// What can become of an addition.
const (
	NotAdded  Added = iota // a condition does not hold
	SameScore              // the member has that score
	NewScore
	NewMember
)

// decide returns the score that a member shall have which is there with another, and what that is to be called.
func (m *AddMode) decide(old, score float64) (float64, Added) {
	if m.IfAbsent {
		return old, NotAdded
	}
	if m.Increment {
		score += old
	}
	switch {
	case m.IfGreater && score <= old || m.IfLess && score >= old:
		return old, NotAdded
	case score == old:
		return score, SameScore
	}
	return score, NewScore
}

// PrepareSortedSet makes a cell that is empty a sorted set, or one that is a sorted set fit, for so many members to come of which the
// first is so long.
func PrepareSortedSet(cell Cell, lim *Limits, members, length int) {
	v := cell.View()
	isFit := int64(members) <= lim.ZsetMaxListpackEntries
	switch {
	case v.Kind == kindZSetPacked && !isFit:
		unpackSortedSet(cell)
	case v.Kind != 0:
	case isFit && int64(length) <= lim.ZsetMaxListpackValue:
		cell.Put(kindZSetPacked, EmptyListpack())
	default:
		cell.Put(kindZSetTrees, newRecord(zsetTrees, 0))
	}
}

// UnpackSortedSet makes a sorted set a large one, if it is small, whatever its size: SORT does that to what it sorts.
func UnpackSortedSet(cell Cell) {
	if cell.View().Kind == kindZSetPacked {
		unpackSortedSet(cell)
	}
}

// unpackSortedSet turns a small set into a large one.
func unpackSortedSet(cell Cell) {
	s := OpenSortedSet(cell.View())
	b := newZSetBuilder(s.v)
	defer b.discard()
	var scratch IntText
	s.Walk(Walk{N: s.Len(), Scores: true}, func(m Element, score float64) bool {
		b.append(m.Bytes(&scratch), score)
		return true
	})
	b.moveTo(cell)
}

// SortedSetAdd gives a member a score, if the conditions hold; the cell must have been prepared. It returns the score that the member has
// then, if it is there. An increment must not lead to NaN.
func SortedSetAdd(cell Cell, lim *Limits, member []byte, score float64, m *AddMode) (float64, Added) {
	v := cell.View()
	if v.Kind != kindZSetPacked {
		return addToTrees(cell, v, member, score, m)
	}
	l := Listpack(v.Bytes)
	if at := l.findMember(member); at != ListpackEnd {
		now, did := m.decide(l.scoreAt(l.Next(at)), score)
		if did == NewScore {
			ListpackDelete(cell, at, 2)
			packMember(cell, member, now)
		}
		return now, did
	}
	if m.IfPresent {
		return 0, NotAdded
	}
	if int64(l.Len()/2) >= lim.ZsetMaxListpackEntries || int64(len(member)) > lim.ZsetMaxListpackValue || !l.Fits(len(member)) {
		unpackSortedSet(cell)
		return addToTrees(cell, cell.View(), member, score, m)
	}
	packMember(cell, member, score)
	return score, NewMember
}

// packMember puts a member, which is not there, into a listpack.
func packMember(cell Cell, member []byte, score float64) {
	l := Listpack(cell.Mutable())
	at := l.First()
	for at != ListpackEnd && !l.isBehind(at, member, score) {
		at = l.Next(l.Next(at))
	}
	var digits scoreText
	ListpackInsert(cell, at, member, packedScore(&digits, score))
}

// isBehind reports whether the member at a position belongs behind another.
func (l Listpack) isBehind(at int, member []byte, score float64) bool {
	other := l.scoreAt(l.Next(at))
	if other != score {
		return other > score
	}
	var scratch IntText
	return compare(l.At(at).Bytes(&scratch), member) > 0
}

// scoreText is room for the text of any score.
type scoreText [32]byte

// packedScore is the entry that a score has in a listpack.
func packedScore(dst *scoreText, score float64) []byte {
	if score == 0 {
		score = 0 // a negative zero loses its sign
	}
	return text.AppendFloat(dst[:0], score)
}

// zsetEditor is a large sorted set that is being changed.
type zsetEditor struct {
	order   tree
	members hashTree
}

func editZSet(v View) zsetEditor {
	return zsetEditor{v.treeAt(zsetByScore), hashTree{v.treeAt(zsetByMember)}}
}

// save writes where the trees are now into their record.
func (e *zsetEditor) save(record []byte) {
	e.order.save(record, zsetByScore)
	e.members.save(record, zsetByMember)
}

// place puts a member into the order.
func (e *zsetEditor) place(member []byte, score float64) {
	var scratch keyScratch
	e.order.put(orderKey(score, member, &scratch), orderValue(score))
}

// displace takes a member out of the order.
func (e *zsetEditor) displace(member []byte, score float64) {
	var scratch keyScratch
	if c, found := e.order.find(orderKey(score, member, &scratch)); found {
		c.remove()
	}
}

func addToTrees(cell Cell, v View, member []byte, score float64, m *AddMode) (float64, Added) {
	e := editZSet(v)
	var scratch keyScratch
	var val [scoreBytes]byte
	e.order.need(editPages)
	key := e.members.key(member, &scratch)
	c, found := e.members.find(key)
	did := NewMember
	if found {
		_, old := c.entry()
		before := getScore(old)
		if score, did = m.decide(before, score); did != NewScore {
			return score, did
		}
		c.replace(putScore(&val, score))
		e.displace(member, before)
	} else {
		if m.IfPresent {
			return 0, NotAdded
		}
		e.members.insert(&c, key, putScore(&val, score))
	}
	e.place(member, score)
	e.save(cell.Mutable())
	return score, did
}

// SortedSetRemove takes a member out and reports whether it was there.
func SortedSetRemove(cell Cell, member []byte) bool {
	v := cell.View()
	if v.Kind == kindZSetPacked {
		l := Listpack(v.Bytes)
		if l.First() == ListpackEnd {
			return false
		}
		at := l.findMember(member)
		if at != ListpackEnd {
			ListpackDelete(cell, at, 2)
		}
		return at != ListpackEnd
	}
	e := editZSet(v)
	var scratch keyScratch
	c, found := e.members.find(e.members.key(member, &scratch))
	if !found {
		return false
	}
	_, val := c.entry()
	score := getScore(val)
	c.remove()
	e.displace(member, score)
	e.save(cell.Mutable())
	return true
}

// SortedSetRemoveSpan takes n members out from the one of a rank on; all of them must be there.
func SortedSetRemoveSpan(cell Cell, from, n int) {
	v := cell.View()
	if n <= 0 {
		return
	}
	if v.Kind == kindZSetPacked {
		ListpackDelete(cell, Listpack(v.Bytes).Seek(2*from), 2*n)
		return
	}
	e := editZSet(v)
	if n < manyRemoved {
		for range n {
			e.removeRank(from)
		}
	} else {
		e.removeSpan(from, n)
	}
	e.save(cell.Mutable())
}

// manyRemoved is how many members are taken out of the order together.
const manyRemoved = 32

// removeSpan takes members out that follow each other: from the table of members one by one, from the order all together.
func (e *zsetEditor) removeSpan(from, n int) {
	c := e.order.at(from)
	for range n {
		key, _ := c.entry()
		e.members.remove(key[scoreBytes:])
		c.next()
	}
	e.order.removeRange(from, from+n)
}

// removeRank takes the member of a rank out. At either end, where members are popped, that is mostly done on the way to it.
func (e *zsetEditor) removeRank(rank int) {
	var way treeEnd
	if (rank == 0 || rank == e.order.len-1) && way.find(&e.order, rank > 0) {
		e.removeEnd(&way, rank)
		return
	}
	c := e.order.at(rank)
	key, _ := c.entry()
	e.members.remove(key[scoreBytes:])
	c.remove()
}

// removeEnd takes the member out that a way to an end leads to, and that is of this rank.
func (e *zsetEditor) removeEnd(way *treeEnd, rank int) {
	key, _ := way.entry()
	e.members.remove(key[scoreBytes:])
	if !way.pop(&e.order) {
		c := e.order.at(rank)
		c.remove()
	}
}

// SumIsNaN reports whether two scores have no sum.
func SumIsNaN(a, b float64) bool { return math.IsNaN(a + b) }
