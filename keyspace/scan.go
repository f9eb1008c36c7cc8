package keyspace

// Walks over the index. All but Sample and Random go in hash order, which neither growth nor splits, merges or moves change: that is what lets
// a scan go on from a bare hash position after any number of changes.

const (
	scanEnd = uint64(1) << hashBits
	// randomTries is how many slots Random draws before it takes the next entry from where it is. In a segment that is not sparse a draw
	// fails 7 times in 8 at worst, so it hardly ever comes to that.
	randomTries = 128
	// sparseShare: a segment with less than one slot in 8 in use is counted through instead of drawn from.
	sparseShare = 8
)

// Scan calls fn for the entries from a position on, about count of them, and returns the position to go on from, 0 when all have been seen.
// A position is below 1<<40. Every entry that is present from a scan's first call to its last is seen at least once. fn must not change the Space's set of entries.
func (s *Space) Scan(cursor uint64, count int, fn func(Ref)) (next uint64) {
	last, seen := uint64(0), 0
	count = max(count, 1)
	for from := cursor; from < scanEnd; {
		g := s.index.segment(uint32(from))
		for pos, end := g.seek(uint32(from)), g.slots(); pos < end; pos++ {
			slot := *g.at(pos)
			if slot == 0 {
				continue
			}
			if seen >= count && uint64(slotHash(slot)) != last {
				return last + 1
			}
			fn(slotRef(slot))
			last = uint64(slotHash(slot))
			seen++
		}
		from = from&^(span(g.depth)-1) + span(g.depth)
		if seen >= count && from < scanEnd {
			return from
		}
	}
	return 0
}

// Each calls fn for every entry until it returns false. fn must not change the Space's set of entries.
func (s *Space) Each(fn func(Ref) bool) {
	for from := uint64(0); from < scanEnd; {
		g := s.index.segment(uint32(from))
		for pos, end := uint32(0), g.slots(); pos < end; pos++ {
			if slot := *g.at(pos); slot != 0 && !fn(slotRef(slot)) {
				return
			}
		}
		from = from&^(span(g.depth)-1) + span(g.depth)
	}
}

// Random returns an entry drawn nearly uniformly by r, a random number; 0 if there is none.
func (s *Space) Random(r uint64) Ref {
	if s.Len() == 0 {
		return 0
	}
	for range randomTries {
		r = mix(r)
		g := s.index.segment(uint32(r >> 32))
		if g.count == 0 {
			continue
		}
		if uint32(g.count) < g.slots()/sparseShare {
			return slotRef(g.nth(uint32(r) % uint32(g.count)))
		}
		if slot := *g.at(uint32(r) % g.slots()); slot != 0 {
			return slotRef(slot)
		}
	}
	var ref Ref
	s.Sample(r, 1, func(found Ref) { ref = found })
	return ref
}

// mix is the output function of the SplitMix64 generator (Steele, Lea, Flood 2014): it spreads r over all bits.
func mix(r uint64) uint64 {
	r += 0x9e3779b97f4a7c15
	r = (r ^ r>>30) * 0xbf58476d1ce4e5b9
	r = (r ^ r>>27) * 0x94d049bb133111eb
	return r ^ r>>31
}

// Sample calls fn for up to n different entries that follow a place chosen by r, a random number: cheap, and random enough to choose
// what to evict. fn must not change the Space's set of entries.
func (s *Space) Sample(r uint64, n int, fn func(Ref)) {
	n = min(n, s.Len())
	from := mix(r) >> 32
	for n > 0 {
		g := s.index.segment(uint32(from))
		end := from&^(span(g.depth)-1) + span(g.depth)
		for pos, slots := g.seek(uint32(from)), g.slots(); pos < slots && n > 0; pos++ {
			if slot := *g.at(pos); slot != 0 {
				fn(slotRef(slot))
				n--
			}
		}
		from = end % scanEnd
	}
}
