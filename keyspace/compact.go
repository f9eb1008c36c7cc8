package keyspace

import "math/bits"

// Compaction: entries of the sparsest pages move to fuller pages of their class, until the sparse pages are empty and go back.

const (
	// compactFloor and compactShare are what must be free before compaction starts: 1 MiB and an eighth of the arena.
	compactFloor = 1 << 20
	compactShare = 8
)

// Compact moves up to budget entries out of sparse pages if much of the arena is free, and tells how many it moved and whether there is
// more to do. It runs between transactions: what was retired is reclaimed first, and all views end.
func (s *Space) Compact(budget int) (moved int, more bool) {
	s.Reclaim()
	for moved < budget {
		class, ok := s.arena.wasteful()
		if !ok {
			return moved, false
		}
		n := s.evacuate(class, budget-moved)
		if n == 0 {
			return moved, false
		}
		moved += n
	}
	_, more = s.arena.wasteful()
	return moved, more
}

// Wasteful reports whether Compact has something to do. It costs next to nothing while little is free.
func (s *Space) Wasteful() bool {
	_, ok := s.arena.wasteful()
	return ok
}

// wasteful returns the class with the most free bytes among those that could do with a page less, if enough is free to care.
func (a *arena) wasteful() (class uint8, ok bool) {
	free := int64(a.pages)*pageBytes - a.liveBytes
	if free < compactFloor || free < int64(a.pages)*pageBytes/compactShare {
		return 0, false
	}
	most := int64(0)
	for i := range a.classes {
		c := &a.classes[i]
		blocks := int64(pageBlocks[i])
		idle := int64(c.pages)*blocks - int64(c.live)
		if bytes := idle * classBytes(uint8(i)); idle >= blocks && bytes > most {
			class, most, ok = uint8(i), bytes, true
		}
	}
	return class, ok
}

// evacuate moves up to budget entries out of the sparsest page of the class. The page leaves the lists meanwhile, so that none
// moves within it; the other pages of a wasteful class have room for them all.
func (s *Space) evacuate(class uint8, budget int) (moved int) {
	a := &s.arena
	num := a.sparsest(class)
	m, c := a.meta(num), &a.classes[class]
	a.unlink(num, m, c)
	words := uint32(classWords[class])
	for off := uint32(0); off < uint32(m.bump) && moved < budget; off += words {
		ref := Ref(num<<pageShift | off)
		if s.block(ref).header&flagFree == 0 {
			s.transfer(ref, a.alloc(class), words)
			moved++
		}
	}
	a.link(num, m, c)
	s.reclaim()
	return moved
}

// sparsest returns a page of the class's lowest bucket; the class must have a page with room.
func (a *arena) sparsest(class uint8) uint32 {
	c := &a.classes[class]
	return c.buckets[bits.TrailingZeros8(c.filled)]
}

// transfer copies a block to a fresh one of the same class and puts that in its place.
func (s *Space) transfer(from, to Ref, words uint32) {
	b, dst := s.block(from), s.block(to)
	copy(dst.page[dst.off:dst.off+words], b.page[b.off:b.off+words])
	s.index.move(s.hash(s.Key(from)), from, to)
	s.settle(from, b, to)
}
