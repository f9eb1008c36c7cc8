package keyspace

// Timers: the room that an entry has for its place in the wheel of package expiry. Deadline and links mean nothing here; they
// travel with the entry. References are plain uint32 in the wheel's methods because the wheel knows no Ref.

// HasTimer reports whether the entry has a timer.
func (s *Space) HasTimer(ref Ref) bool { return s.block(ref).header&flagTimer != 0 }

// AddTimer makes room for a timer, with deadline and links zero, and returns the entry, which usually moves. It does nothing
// if there is a timer. Views of the entry taken before stay readable until Reclaim: a block is never shifted in place.
func (s *Space) AddTimer(ref Ref) (Ref, error) {
	b := s.block(ref)
	switch {
	case b.header&flagTimer != 0:
		return ref, nil
	case b.header&flagRoom != 0:
		*b.deadline(), *b.links() = 0, 0
		b.setHeader(b.header | flagTimer)
		return ref, nil
	}
	return s.rewrite(ref, b, b.header|flagTimer|flagRoom, s.valuePart(b))
}

// DropTimer ends the entry's timer, which its owner has unlinked before, and returns the entry. It moves if it fits a smaller class then;
// otherwise it keeps the room for the next timer.
func (s *Space) DropTimer(ref Ref) Ref {
	b := s.block(ref)
	if b.header&flagTimer == 0 {
		return ref
	}
	b.header &^= flagTimer
	b.setHeader(b.header)
	if classFor(b.exactBytes()-timerBytes) == s.arena.class(ref) {
		return ref
	}
	moved, err := s.rewrite(ref, b, b.header, s.valuePart(b))
	if err != nil {
		return ref
	}
	return moved
}

// Deadline returns the timer's deadline in milliseconds.
func (s *Space) Deadline(ref uint32) int64 {
	return int64(*s.block(Ref(ref)).deadline())
}

// SetDeadline changes the deadline of an entry with a timer.
func (s *Space) SetDeadline(ref uint32, ms int64) {
	*s.block(Ref(ref)).deadline() = uint64(ms)
}

// Links returns the timer's neighbours, as the wheel set them.
func (s *Space) Links(ref uint32) (next, prev uint32) {
	links := *s.block(Ref(ref)).links()
	return uint32(links), uint32(links >> 32)
}

// SetLinks changes the neighbours of an entry with a timer.
func (s *Space) SetLinks(ref, next, prev uint32) {
	*s.block(Ref(ref)).links() = uint64(prev)<<32 | uint64(next)
}
