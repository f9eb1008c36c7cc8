package keyspace

import "math/bits"

// Compaction: blocks of the sparsest pages move to fuller pages of their class, until the sparse pages are empty and go back.

const (
	// compactFloor and compactShare are what must be free before compaction starts: 1 MiB and an eighth of the arena.
	compactFloor = 1 << 20
	compactShare = 8
)

// Compact moves up to budget entries and nodes out of sparse pages if much of their arena is free, and tells how many it moved and
// whether there is more to do. It runs between transactions: what was retired is reclaimed first, and all views end.
func (s *Space) Compact(budget int) (moved int, more bool) {
	s.Reclaim()
	moved = s.compact(&s.arena, budget, s.transfer) + s.compact(&s.nodes.arena, budget, s.nodes.transfer)
	return moved, s.Wasteful()
}

// Wasteful reports whether Compact has something to do. It costs next to nothing while little is free.
func (s *Space) Wasteful() bool {
	_, entries := s.arena.wasteful()
	_, nodes := s.nodes.arena.wasteful()
	return entries || nodes
}

// compact moves up to budget blocks of one arena. transfer copies a block of so many words to a fresh one, puts that in its place and
// retires it.
func (s *Space) compact(a *arena, budget int, transfer func(from, to Ref, words uint32)) (moved int) {
	for moved < budget {
		class, ok := a.wasteful()
		if !ok {
			break
		}
		n := a.evacuate(class, budget-moved, transfer)
		s.reclaim()
		if n == 0 {
			break
		}
		moved += n
	}
	return moved
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

// evacuate moves up to budget blocks out of the sparsest page of the class. The page leaves the lists meanwhile, so that none
// moves within it; the other pages of a wasteful class have room for them all.
func (a *arena) evacuate(class uint8, budget int, transfer func(from, to Ref, words uint32)) (moved int) {
	num := a.sparsest(class)
	m, c := a.meta(num), &a.classes[class]
	a.unlink(num, m, c)
	words := uint32(classWords[class])
	for off := uint32(0); off < uint32(m.bump) && moved < budget; off += words {
		ref := Ref(num<<pageShift | off)
		if p, at := a.at(ref); p[at]&flagFree == 0 {
			transfer(ref, a.alloc(class), words)
			moved++
		}
	}
	a.link(num, m, c)
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
	if b.header&flagKept != 0 {
		s.snapshot.patch(to, s.block(to))
		s.arena.retire(from)
		return
	}
	s.index.move(s.hash(s.Key(from)), from, to)
	s.settle(from, b, to)
}
