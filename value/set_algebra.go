// set_algebra.go: intersections, unions and differences of sets: as iterators for replies, which are written as members are found, and
// as changes of a set that will be stored. What is stored is made in the order in which Redis makes it, because its encoding depends on that.

package value

import "slices"

// Intersection goes over the members that all of some sets have.
type Intersection struct {
	MemberIter
	others  []Members
	scratch IntText
}

// Intersect returns the intersection of sets, one at least. It sorts them: the smallest is gone over.
func Intersect(sets []Members) Intersection {
	slices.SortStableFunc(sets, func(a, b Members) int { return a.len - b.len })
	return Intersection{MemberIter: sets[0].Iter(), others: sets[1:]}
}

// Next moves to the next common member and reports whether there is one.
func (x *Intersection) Next() bool {
	for x.MemberIter.Next() {
		if x.inAll(x.Element()) {
			return true
		}
	}
	return false
}

func (x *Intersection) inAll(e Element) bool {
	for i := range x.others {
		if !x.others[i].has(e, &x.scratch) {
			return false
		}
	}
	return true
}

// Encoding is what the intersection begins in when it is stored.
func (x *Intersection) Encoding() Encoding {
	if x.kind == KindSetInts {
		return Ints
	}
	return Packed
}

// Difference goes over the members of a set that none of some others has.
type Difference struct {
	MemberIter
	others  []Members // to be asked about every member; none if marks are made
	marks   []uint64  // a bit a position: what some other set has
	scratch IntText
}

// Subtract returns the difference of the first set and the others, which it sorts. It either asks the others about each member of
// the first, or, if those are many and small, asks the first about each member of theirs.
func Subtract(sets []Members) Difference {
	d := Difference{MemberIter: sets[0].Iter()}
	if asksOthers(sets) {
		d.others = sets[1:]
		// The largest is the likeliest to have a member.
		slices.SortStableFunc(d.others, func(a, b Members) int { return b.len - a.len })
		return d
	}
	first := &sets[0]
	d.marks = make([]uint64, max(first.len, len(first.packed))/64+1)
	for i := range sets[1:] {
		it := sets[1+i].Iter()
		for it.Next() {
			if pos, found := first.find(it.Element(), &d.scratch); found {
				d.marks[pos/64] |= 1 << (pos % 64)
			}
		}
	}
	return d
}

// asksOthers chooses between the two ways as Redis does. To ask the others is held to be half as dear.
func asksOthers(sets []Members) bool {
	asked, all := 0, 0
	for i := range sets {
		if sets[i].len > 0 {
			asked += sets[0].len
			all += sets[i].len
		}
	}
	return asked/2 <= all
}

// Next moves to the next member that stays and reports whether there is one.
func (d *Difference) Next() bool {
	for d.MemberIter.Next() {
		if !d.isOut() {
			return true
		}
	}
	return false
}

// isOut reports whether one of the others has the member that the iterator is at.
func (d *Difference) isOut() bool {
	if d.marks != nil {
		return d.marks[d.pos/64]>>(d.pos%64)&1 != 0
	}
	e := d.Element()
	for i := range d.others {
		if d.others[i].has(e, &d.scratch) {
			return true
		}
	}
	return false
}

// AddIntersection adds what is common to some sets. If that is only integers, the result is an intset where it may be.
func (s *SetEdit) AddIntersection(x *Intersection) {
	onlyInts := true
	for x.Next() {
		e := x.Element()
		if onlyInts {
			_, onlyInts = e.integer()
		}
		s.AddElement(e)
	}
	if onlyInts && s.len > 0 {
		s.ToInts()
	}
}

// AddUnion adds the members of all sets.
func (s *SetEdit) AddUnion(sets []Members) {
	for i := range sets {
		it := sets[i].Iter()
		for it.Next() {
			s.AddElement(it.Element())
		}
	}
}

// AddDifference adds the members of the first set that no other one has.
func (s *SetEdit) AddDifference(sets []Members) {
	if asksOthers(sets) {
		d := Subtract(sets)
		for d.Next() {
			s.AddElement(d.Element())
		}
		return
	}
	s.AddUnion(sets[:1])
	for i := 1; i < len(sets) && s.len > 0; i++ {
		it := sets[i].Iter()
		for it.Next() {
			s.RemoveElement(it.Element())
		}
	}
}
