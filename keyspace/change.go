package keyspace

import "slices"

// Changes to an existing entry. A change after which the block is of the right class happens in place; any other writes a new block, lets the index
// point to it and retires the old one, whose bytes stay readable until Reclaim.

// Replace gives the entry a new value and kind; key, timer, recency and epoch stay. It returns the entry, which may have moved.
// val is copied and may be a view of the old value. Nodes that the old value owns are left to Sweep.
func (s *Space) Replace(ref Ref, kind Kind, val []byte) (Ref, error) {
	b := s.block(ref)
	old := s.ownedBy(b)
	ref, err := s.replace(ref, b, kind, val)
	if err == nil {
		s.doom(old)
	}
	return ref, err
}

func (s *Space) replace(ref Ref, b block, kind Kind, val []byte) (Ref, error) {
	if b.header&flagLarge == 0 && len(val) < LargeValue {
		return s.replaceInline(ref, b, kind, val)
	}
	if b.header&flagLarge != 0 && len(val) >= LargeValue {
		s.replaceLarge(b, kind, val)
		return ref, nil
	}
	if len(val) >= LargeValue {
		val = slices.Clone(val)
	}
	return s.rewrite(ref, b, withKind(b.header, kind), s.newValue(val))
}

// ReplaceOwned is Replace, but a value of LargeValue bytes and more is adopted, its spare capacity included: the caller gives it up.
func (s *Space) ReplaceOwned(ref Ref, kind Kind, val []byte) (Ref, error) {
	if len(val) < LargeValue {
		return s.Replace(ref, kind, val)
	}
	b := s.block(ref)
	if b.header&flagLarge != 0 {
		s.side.set(b.valueNumber(), val)
		b.setHeader(withKind(b.header, kind) &^ flagShared)
		return ref, nil
	}
	old := s.ownedBy(b)
	ref, err := s.rewrite(ref, b, withKind(b.header, kind), s.newValue(val))
	if err == nil {
		s.doom(old)
	}
	return ref, err
}

func (s *Space) replaceInline(ref Ref, b block, kind Kind, val []byte) (Ref, error) {
	at := b.valueOffset()
	if classFor(at+uint32(len(val))) != s.arena.class(ref) {
		return s.rewrite(ref, b, withKind(b.header, kind), part{data: val, length: len(val)})
	}
	b.setHeader(withKind(b.header, kind))
	b.setValueLen(len(val))
	copy(b.bytes(at, uint32(len(val))), val)
	return ref, nil
}

// replaceLarge overwrites a large value by another, using its slice again if that is private and of a fitting size.
func (s *Space) replaceLarge(b block, kind Kind, val []byte) {
	number := b.valueNumber()
	old := s.side.get(number)
	if b.header&flagShared == 0 && len(val) <= cap(old) && len(val) >= cap(old)/2 {
		old = old[:len(val)]
		copy(old, val)
	} else {
		old = slices.Clone(val)
	}
	s.side.set(number, old)
	b.setHeader(withKind(b.header, kind) &^ flagShared)
}

// rewrite writes the entry into a new block with the given header and value. The old value's side entry, unless it is carried over, is retired.
// If there is no room, the new value's is, and nothing else changes.
func (s *Space) rewrite(ref Ref, b block, header uint64, value part) (Ref, error) {
	carried := value.number != 0 && b.header&flagLarge != 0 && value.number == b.valueNumber()
	if header&flagTimer == 0 {
		header &^= flagRoom
	}
	if !carried {
		header &^= flagShared
	}
	moved := s.create(header, s.keyPart(b), value)
	if moved == 0 {
		if !carried {
			s.retireParts(value)
		}
		return 0, ErrFull
	}
	s.index.move(s.hash(s.Key(ref)), ref, moved)
	s.settle(ref, b, moved)
	if b.header&flagLarge != 0 && !carried {
		s.side.retire(b.valueNumber())
	}
	return moved, nil
}

// settle takes an entry's timer along to its new block, tells OnMove, and retires the old block.
func (s *Space) settle(ref Ref, b block, moved Ref) {
	if to := s.block(moved); b.header&to.header&flagTimer != 0 {
		*to.deadline(), *to.links() = *b.deadline(), *b.links()
		if s.OnMove != nil {
			s.OnMove(ref, moved)
		}
	}
	s.arena.retire(ref)
}

// Resize makes the value n bytes long: the old content is kept, new bytes are zero. It returns the entry, which may have moved, and a
// view of the value that may be written to. Large values grow with spare capacity and are copied once if they are shared.
func (s *Space) Resize(ref Ref, n int) (Ref, []byte, error) {
	b := s.block(ref)
	switch large := b.header&flagLarge != 0; {
	case large && n >= LargeValue:
		number := b.valueNumber()
		s.side.set(number, resized(s.side.get(number), n, b.header&flagShared != 0))
		b.setHeader(b.header &^ flagShared)
		return ref, s.side.get(number), nil
	case large:
		return s.resizeMoving(ref, b, part{data: s.side.get(b.valueNumber())[:n], length: n})
	case n >= LargeValue:
		val := make([]byte, n)
		copy(val, b.inlineValue())
		return s.resizeMoving(ref, b, s.newValue(val))
	default:
		return s.resizeInline(ref, b, n)
	}
}

// holds reports whether a block of a class may stay that of an entry of so many bytes: if they fit, and fill three quarters of it.
//
// Collections that lose elements one by one stay where they are until then. When they moved to the next smaller class each time, which is
// an eighth away, every second LPOP of a list of ten elements took a block, copied, found the index's slot and gave a block back.
func holds(class uint8, size uint32) bool {
	fit := classFor(size)
	return fit == class || fit < class && 4*uint32(classWords[fit]) >= 3*uint32(classWords[class])
}

func (s *Space) resizeInline(ref Ref, b block, n int) (Ref, []byte, error) {
	at, old := b.valueOffset(), b.valueLen()
	if !holds(s.arena.class(ref), at+uint32(n)) {
		val := b.bytes(at, min(uint32(n), old))
		return s.resizeMoving(ref, b, part{data: val, length: n})
	}
	b.setValueLen(n)
	val := b.bytes(at, uint32(n))
	if uint32(n) > old {
		clear(val[old:])
	}
	return ref, val, nil
}

func (s *Space) resizeMoving(ref Ref, b block, value part) (Ref, []byte, error) {
	moved, err := s.rewrite(ref, b, b.header, value)
	if err != nil {
		return 0, nil, err
	}
	return moved, s.Value(moved), nil
}

// Mutable returns a view of the value that may be written to, of unchanged length. A shared large value is copied first.
func (s *Space) Mutable(ref Ref) []byte {
	b := s.block(ref)
	if b.header&flagShared != 0 {
		number := b.valueNumber()
		s.side.set(number, slices.Clone(s.side.get(number)))
		b.setHeader(b.header &^ flagShared)
	}
	return s.valueOf(b)
}

// Rename gives the entry another key, which must not be present. Value, kind, timer, recency and epoch stay.
func (s *Space) Rename(ref Ref, newKey []byte) (Ref, error) {
	b := s.block(ref)
	header := b.header
	if header&flagTimer == 0 {
		header &^= flagRoom
	}
	key := s.newKey(newKey)
	moved := s.create(header, key, s.valuePart(b))
	if moved == 0 {
		s.retireParts(key)
		return 0, ErrFull
	}
	if !s.index.insert(s.hash(newKey), moved) {
		s.arena.retire(moved)
		s.retireParts(key)
		return 0, ErrFull
	}
	s.index.remove(s.hash(s.Key(ref)), ref)
	s.settle(ref, b, moved)
	if b.header&flagSideKey != 0 {
		s.side.retire(b.keyNumber())
	}
	return moved, nil
}
