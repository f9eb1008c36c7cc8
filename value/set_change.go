// set_change.go: sets that are open for change, and how their encoding follows what comes in.

package value

import (
	"math/rand/v2"
	"slices"

	"respite/keyspace"
	"respite/text"
)

const (
	// maxIntset is the most members that Redis lets an intset have, whatever the configuration says.
	maxIntset = 1 << 30

	// smallIntset is how many bytes an intset may have for its change into a listpack to need no allocation.
	smallIntset = 512
)

// SetEdit is a set that is open for change. What it does shows in its cell when Save has been called. Its trees' cursors keep it on the
// heap: who edits often should have one to use again.
type SetEdit struct {
	cell   Cell
	limits *Limits
	kind   keyspace.Kind
	len    int
	tree   hashTree
	packed bool // it shall not become a tree
	full   bool // and would have had to
}

// EditSet opens the set that a cell has.
func EditSet(cell Cell, limits *Limits) SetEdit {
	s := MembersOf(cell.View())
	return SetEdit{cell: cell, limits: limits, kind: s.kind, len: s.len, tree: s.tree}
}

// NewSet begins a set in a draft, in an encoding; a tree will be made of these nodes.
func NewSet(d *Draft, nodes *keyspace.Nodes, limits *Limits, e Encoding) SetEdit {
	d.Begin(nodes)
	s := SetEdit{cell: d, limits: limits, kind: MakeKind(Set, e), tree: hashTree{tree{nodes: nodes}}}
	switch e {
	case Ints:
		d.Put(s.kind, EmptyIntset())
	case Packed:
		d.Put(s.kind, EmptyListpack())
	default:
		d.Put(s.kind, newRecord(1, 0))
	}
	return s
}

// EncodingOfNewSet is what a set begins in that is made for so many members, of which this is the first.
func EncodingOfNewSet(first []byte, members int, limits *Limits) Encoding {
	n := int64(members)
	if n <= limits.SetMaxIntsetEntries {
		if _, ok := text.ParseInt(first); ok {
			return Ints
		}
	}
	if n <= limits.SetMaxListpackEntries {
		return Packed
	}
	return HashTable
}

// Expect makes a packed set a tree if so many members, which are about to come, would alone be too many for it.
func (s *SetEdit) Expect(members int) {
	n := int64(members)
	if s.kind == KindSetPacked && n > s.limits.SetMaxListpackEntries || s.kind == KindSetInts && n > s.limits.SetMaxIntsetEntries {
		s.spread()
	}
}

// KeepPacked makes the set one that does not become a tree: Add then does nothing and says no, and from then on Full says yes.
func (s *SetEdit) KeepPacked() { s.packed = true }

// Full reports whether a member did not come in that needed a tree.
func (s *SetEdit) Full() bool { return s.full }

// Len returns the number of members.
func (s *SetEdit) Len() int { return s.len }

// Members is the set as it is now, until its next change.
func (s *SetEdit) Members() Members {
	s.Save()
	return MembersOf(s.cell.View())
}

// Save puts what has become of the set into its cell.
func (s *SetEdit) Save() {
	if s.kind == KindSetTable {
		s.tree.save(s.cell.Mutable(), 0)
	}
}

// MoveTo puts a set out of a draft in the place of whatever another cell has; it must have members.
func (s *SetEdit) MoveTo(to Cell) {
	s.Save()
	v := s.cell.View()
	to.Put(v.Kind, v.Bytes)
	s.tree.root = 0
}

// Discard gives up a set in a draft that has not been moved.
func (s *SetEdit) Discard() {
	if s.kind == KindSetTable {
		s.tree.giveUp()
	}
}

// Add adds a member and reports whether it is new.
func (s *SetEdit) Add(member []byte) bool {
	switch s.kind {
	case KindSetInts:
		if n, ok := text.ParseInt(member); ok {
			return s.addInt(n)
		}
		return s.addToInts(member)
	case KindSetPacked:
		return s.addToPacked(member)
	}
	return s.addToTree(member)
}

// AddElement is Add for a member of another set.
func (s *SetEdit) AddElement(e Element) bool {
	if e.IsInt && s.kind == KindSetInts {
		return s.addInt(e.Int)
	}
	var scratch IntText
	return s.Add(e.Bytes(&scratch))
}

func (s *SetEdit) addToTree(member []byte) bool {
	var scratch keyScratch
	key := s.tree.key(member, &scratch)
	c, found := s.tree.find(key)
	if found {
		return false
	}
	if lacks(s.tree.nodes, editPages) {
		s.Save()
		panic(keyspace.ErrFull)
	}
	s.tree.insert(&c, key, nil)
	s.len++
	return true
}

func (s *SetEdit) addToPacked(member []byte) bool {
	l := Listpack(s.cell.Mutable())
	switch {
	case l.Find(l.First(), member, 0) != ListpackEnd:
		return false
	case s.len < s.mostPacked() && s.isShort(len(member)) && l.Fits(len(member)):
		ListpackInsert(s.cell, ListpackEnd, member)
		s.len++
		return true
	}
	return s.spread() && s.addToTree(member)
}

func (s *SetEdit) mostPacked() int      { return int(s.limits.SetMaxListpackEntries) }
func (s *SetEdit) isShort(n int) bool   { return int64(n) <= s.limits.SetMaxListpackValue }
func (s *SetEdit) mostInts() int        { return int(min(s.limits.SetMaxIntsetEntries, maxIntset)) }
func (s *SetEdit) ints() Intset         { return s.cell.Mutable() }
func textOf(n int64, t *IntText) []byte { return Element{Int: n, IsInt: true}.Bytes(t) }

func (s *SetEdit) addInt(n int64) bool {
	if s.len >= s.mostInts() {
		var scratch IntText
		return !s.ints().Has(n) && s.spread() && s.addToTree(textOf(n, &scratch))
	}
	if !IntsetAdd(s.cell, n) {
		return false
	}
	s.len++
	return true
}

// addToInts adds a text that is no integer to an intset, which ceases to be one.
func (s *SetEdit) addToInts(member []byte) bool {
	if s.len < s.mostPacked() && s.isShort(len(member)) && s.fitPacked(len(member)) {
		s.pack()
		ListpackInsert(s.cell, ListpackEnd, member)
		s.len++
		return true
	}
	return s.spread() && s.addToTree(member)
}

// fitPacked reports whether the members of an intset fit a listpack with a text of so many bytes. All are taken to be as long as the
// longer one of the least and the greatest, as Redis does.
func (s *SetEdit) fitPacked(more int) bool {
	if s.len == 0 {
		return true
	}
	ints := s.ints()
	low, high := ints.At(0), ints.At(s.len-1)
	longest := max(Element{Int: low, IsInt: true}.Len(), Element{Int: high, IsInt: true}.Len())
	entry := max(intPayload(low), intPayload(high)) + backLenSize(1)
	return s.isShort(longest) && Listpack(nil).Fits(listpackEmptySize+entry*s.len+more)
}

// pack makes an intset a listpack.
func (s *SetEdit) pack() {
	var room [smallIntset]byte
	var scratch IntText
	ints := Intset(append(room[:0], s.ints()...))
	copy(s.cell.Resize(listpackEmptySize), EmptyListpack())
	s.kind = KindSetPacked
	s.cell.SetKind(s.kind)
	for i := range ints.Len() {
		ListpackInsert(s.cell, ListpackEnd, textOf(ints.At(i), &scratch))
	}
}

// spread makes a packed set a tree, unless it shall stay packed.
func (s *SetEdit) spread() bool {
	if s.packed {
		s.full = true
		return false
	}
	old, scratch := MembersOf(s.cell.View()), IntText{}
	done := false
	defer func() {
		if !done {
			s.tree.giveUp()
		}
	}()
	s.len = 0
	it := old.Iter()
	for it.Next() {
		s.addToTree(it.Element().Bytes(&scratch))
	}
	s.cell.Put(KindSetTable, newRecord(1, 0))
	s.kind = KindSetTable
	done = true
	s.Save()
	return true
}

// ToInts makes a set in a draft, all of whose members are integers, an intset, unless they are too many.
func (s *SetEdit) ToInts() {
	if s.kind == KindSetInts || s.len > s.mostInts() {
		return
	}
	all := s.Members()
	numbers := make([]int64, 0, s.len)
	it := all.Iter()
	for it.Next() {
		n, _ := it.Element().integer()
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	s.Discard()
	s.kind = KindSetInts
	s.cell.Put(s.kind, EmptyIntset())
	for _, n := range numbers {
		IntsetAdd(s.cell, n)
	}
}

// Remove takes a member out and reports whether it was there.
func (s *SetEdit) Remove(member []byte) (found bool) {
	switch s.kind {
	case KindSetInts:
		n, ok := text.ParseInt(member)
		found = ok && IntsetRemove(s.cell, n)
	case KindSetPacked:
		l := Listpack(s.cell.Mutable())
		at := l.Find(l.First(), member, 0)
		if found = at != ListpackEnd; found {
			ListpackDelete(s.cell, at, 1)
		}
	default:
		found = s.tree.remove(member)
	}
	if found {
		s.len--
	}
	return found
}

// RemoveElement is Remove for a member of another set.
func (s *SetEdit) RemoveElement(e Element) bool {
	var scratch IntText
	return s.Remove(e.Bytes(&scratch))
}

// Pop takes count members out, fewer than all or one, each as likely as any other, after calling fn with it.
func (s *SetEdit) Pop(count int, fn func(Element)) {
	switch {
	case s.kind == KindSetTable:
		for range count {
			s.popFromTree(fn)
		}
	case count == 1:
		s.popOne(fn)
	default:
		s.thin(count, fn)
	}
}

func (s *SetEdit) popFromTree(fn func(Element)) {
	c := s.tree.at(rand.IntN(s.len))
	member, _ := c.member()
	fn(Element{Text: member})
	c.remove()
	s.len--
}

// popOne is Pop of one member of a packed set.
func (s *SetEdit) popOne(fn func(Element)) {
	rank := rand.IntN(s.len)
	s.len--
	if s.kind == KindSetInts {
		n := s.ints().At(rank)
		fn(Element{Int: n, IsInt: true})
		IntsetRemove(s.cell, n)
		return
	}
	l := Listpack(s.cell.Mutable())
	at := l.Seek(rank)
	fn(l.At(at))
	ListpackDelete(s.cell, at, 1)
}

// thin is Pop for packed sets: one walk, in which those that stay move together.
func (s *SetEdit) thin(count int, fn func(Element)) {
	b := s.cell.Mutable()
	at, to := intsetHeader, intsetHeader
	if s.kind == KindSetPacked {
		at, to = listpackHeader, listpackHeader
	}
	left := s.len
	s.len -= count
	for gone := 0; left > 0; left-- {
		e, size := s.packedAt(b, at)
		if rand.IntN(left) < count-gone {
			gone++
			fn(e)
		} else {
			copy(b[to:], b[at:at+size])
			to += size
		}
		at += size
	}
	if s.kind == KindSetInts {
		putIntsetHeader(b, Intset(b).width(), s.len)
	} else {
		b[to] = listpackTerminator
		to++
		putListpackHeader(b[:to], -count)
	}
	s.cell.Resize(to)
}

// Renew puts in the set's place a new one of so many of its members, drawn as in Pop, and calls fn with the others. It costs less than Pop
// where few stay. The edit is over then.
func (s *SetEdit) Renew(d *Draft, stay int, fn func(Element)) {
	old, from := s.Members(), Packed
	if s.kind == KindSetInts {
		from = Ints
	}
	fresh := NewSet(d, s.tree.nodes, s.limits, from)
	defer fresh.Discard()
	old.split(stay, func(e Element) { fresh.AddElement(e) }, fn)
	fresh.MoveTo(s.cell)
}

// packedAt is the member that begins at an offset of a packed set, and how many bytes it takes there.
func (s *SetEdit) packedAt(b []byte, at int) (e Element, size int) {
	if s.kind == KindSetPacked {
		l := Listpack(b)
		return l.At(at), l.entryLen(at)
	}
	width := Intset(b).width()
	return Element{Int: intsetMember(b[at-intsetHeader:], width, 0), IsInt: true}, width
}
