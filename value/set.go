// set.go, set_change.go and set_algebra.go are sets. A small one is an intset or a listpack in the bytes of its key; a large one is a
// hashTree of its members, mapped to nothing. Which it is changes exactly where Redis 7.2 changes it: an intset that gets a text becomes a
// listpack if that has room, else a tree; and what outgrows its limit becomes a tree. Never back, except where a command makes the set anew.
//
// This file reads. Members are Elements: integers where the set has them as such, so that sets of integers meet without being printed.

package value

import (
	"math/rand/v2"

	"respite/keyspace"
	"respite/text"
)

// The kinds of a set.
const (
	KindSetInts   = keyspace.Kind(uint8(Set)<<encodingBits | uint8(Ints))
	KindSetPacked = keyspace.Kind(uint8(Set)<<encodingBits | uint8(Packed))
	KindSetTable  = keyspace.Kind(uint8(Set)<<encodingBits | uint8(HashTable))
)

// Members is a set to read. It is valid until the set's key is written. The zero Members is a set without any.
type Members struct {
	kind   keyspace.Kind
	len    int
	packed []byte   // an intset or a listpack
	tree   hashTree // its nodes are known whatever the encoding
}

// MembersOf reads a set; a view of an absent key is a set without members.
func MembersOf(v View) Members {
	s := Members{kind: v.Kind, packed: v.Bytes}
	s.tree.nodes = v.Nodes
	switch v.Kind {
	case KindSetInts:
		s.len = Intset(v.Bytes).Len()
	case KindSetPacked:
		s.len = Listpack(v.Bytes).Len()
	case KindSetTable:
		s.tree = hashTree{v.treeAt(0)}
		s.len = s.tree.len
	}
	return s
}

// Len returns the number of members.
func (s *Members) Len() int { return s.len }

// Has reports whether a text is a member.
func (s *Members) Has(member []byte) bool {
	switch s.kind {
	case KindSetInts:
		n, ok := text.ParseInt(member)
		return ok && Intset(s.packed).Has(n)
	case KindSetPacked:
		l := Listpack(s.packed)
		return l.Find(l.First(), member, 0) != ListpackEnd
	case KindSetTable:
		return s.tree.has(member)
	}
	return false
}

// has is Has for a member of another set.
func (s *Members) has(e Element, scratch *IntText) bool {
	if s.kind == KindSetInts {
		n, ok := e.integer()
		return ok && Intset(s.packed).Has(n)
	}
	return s.Has(e.Bytes(scratch))
}

// find returns the position of a member, as MemberIter has it.
func (s *Members) find(e Element, scratch *IntText) (pos int, found bool) {
	switch s.kind {
	case KindSetInts:
		if n, ok := e.integer(); ok {
			return Intset(s.packed).Search(n)
		}
	case KindSetPacked:
		l := Listpack(s.packed)
		pos = l.Find(l.First(), e.Bytes(scratch), 0)
		return pos, pos != ListpackEnd
	case KindSetTable:
		var key keyScratch
		c, found := s.tree.find(s.tree.key(e.Bytes(scratch), &key))
		if found {
			pos = c.rank()
		}
		return pos, found
	}
	return 0, false
}

// integer is the integer whose canonical text the element is.
func (e Element) integer() (n int64, ok bool) {
	if e.IsInt {
		return e.Int, true
	}
	return text.ParseInt(e.Text)
}

// at returns the member of a rank, in the order of MemberIter.
func (s *Members) at(rank int) Element {
	switch s.kind {
	case KindSetInts:
		return Element{Int: Intset(s.packed).At(rank), IsInt: true}
	case KindSetPacked:
		l := Listpack(s.packed)
		return l.At(l.Seek(rank))
	}
	c := s.tree.at(rank)
	member, _ := c.member()
	return Element{Text: member}
}

// Random returns a member, each as likely as any other. There must be one.
func (s *Members) Random() Element { return s.at(rand.IntN(s.len)) }

// floydShare is how many times as large as a sample a set must be for members to be drawn one by one: a smaller one is gone through once.
const floydShare = 3

// Sample calls fn with count different members, at most all, each as likely as any other, in an order that means nothing.
func (s *Members) Sample(count int, fn func(Element)) {
	if s.kind == KindSetPacked || count > s.len/floydShare {
		s.split(count, fn, func(Element) {})
		return
	}
	// Robert Floyd's way to draw without repetition (Bentley, "More Programming Pearls", column 13).
	drawn := make(map[int]struct{}, count)
	for last := s.len - count; last < s.len; last++ {
		rank := rand.IntN(last + 1)
		if _, again := drawn[rank]; again {
			rank = last
		}
		drawn[rank] = struct{}{}
		fn(s.at(rank))
	}
}

// split goes over the set once and calls fn with count members, drawn like those of Sample, and rest with the others.
func (s *Members) split(count int, fn, rest func(Element)) {
	left := s.len
	it := s.Iter()
	for ; it.Next(); left-- {
		if rand.IntN(left) < count {
			count--
			fn(it.Element())
		} else {
			rest(it.Element())
		}
	}
}

// Scan calls fn for about count members from a cursor on and returns the cursor to go on from, 0 at the end. A packed set comes whole.
func (s *Members) Scan(cursor uint64, count int, fn func(Element)) (next uint64) {
	if s.kind == KindSetTable {
		return s.tree.scan(cursor, count, func(member, _ []byte) { fn(Element{Text: member}) })
	}
	it := s.Iter()
	for it.Next() {
		fn(it.Element())
	}
	return 0
}

// MemberIter goes over the members of a set: of an intset in ascending order, of a listpack in that of their coming, of a tree in none
// that means anything. It ends with the next change of the set.
type MemberIter struct {
	kind   keyspace.Kind
	packed []byte
	pos    int // index of an integer, offset of an entry, rank in a tree
	len    int

	path cursor // in a tree, to leaf
	leaf page
	at   int // in leaf
}

// Iter returns an iterator before the first member.
func (s *Members) Iter() MemberIter {
	it := MemberIter{kind: s.kind, packed: s.packed, pos: -1, len: s.len}
	if s.kind == KindSetTable && s.len > 0 {
		it.path = s.tree.at(0)
		it.leaf, it.at = s.tree.page(it.path.leaf().node), -1
	}
	return it
}

// Next moves to the next member and reports whether there is one.
func (it *MemberIter) Next() bool {
	switch it.kind {
	case KindSetPacked:
		return it.nextEntry()
	case KindSetTable:
		return it.nextInTree()
	}
	it.pos++
	return it.pos < it.len
}

func (it *MemberIter) nextEntry() bool {
	l := Listpack(it.packed)
	if it.pos < 0 {
		it.pos = l.First()
	} else {
		it.pos = l.Next(it.pos)
	}
	return it.pos != ListpackEnd
}

func (it *MemberIter) nextInTree() bool {
	it.pos++
	it.at++
	if it.pos >= it.len {
		return false
	}
	if it.at >= it.leaf.count() {
		it.path.nextLeaf()
		it.leaf, it.at = it.path.t.page(it.path.leaf().node), 0
	}
	return true
}

// Element returns the member that the iterator is at.
func (it *MemberIter) Element() Element {
	switch it.kind {
	case KindSetInts:
		return Element{Int: Intset(it.packed).At(it.pos), IsInt: true}
	case KindSetPacked:
		return Listpack(it.packed).At(it.pos)
	}
	return Element{Text: it.leaf.key(it.at)[hashBytes:]}
}
