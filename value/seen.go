// seen.go: which texts have been met, for a union that is written while it is found. The texts stay where they were written; what is kept
// of each is a hash and a place, without pointers.

package value

import "hash/maphash"

// Seen is a set of texts that stand somewhere at positions.
type Seen struct {
	seed  maphash.Seed // its own, so that clients cannot foresee what collides
	text  func(pos int) []byte
	slots []uint64 // open addressing: hash 32 | index into places plus one 32; 0 is free
	at    []int    // positions, in the order of their coming
}

const leastSeen = 128 // slots

// NewSeen returns an empty one. Text returns the text at a position.
func NewSeen(text func(pos int) []byte) *Seen {
	return &Seen{seed: maphash.MakeSeed(), text: text, slots: make([]uint64, leastSeen)}
}

// Add notes that a text stands at a position, or will at once. It reports whether the text is new; if it is not, nothing is noted.
func (s *Seen) Add(b []byte, pos int) bool {
	hash := uint32(maphash.Bytes(s.seed, b))
	slot, found := s.find(b, hash)
	if found {
		return false
	}
	s.at = append(s.at, pos)
	*slot = uint64(hash)<<32 | uint64(len(s.at))
	if len(s.at) > len(s.slots)/2 {
		s.grow()
	}
	return true
}

// find returns the slot of a text, or the one that it would get.
func (s *Seen) find(b []byte, hash uint32) (slot *uint64, found bool) {
	mask := len(s.slots) - 1
	for i := int(hash) & mask; ; i = (i + 1) & mask {
		switch v := s.slots[i]; {
		case v == 0:
			return &s.slots[i], false
		case v>>32 == uint64(hash) && string(s.text(s.at[uint32(v)-1])) == string(b):
			return &s.slots[i], true
		}
	}
}

func (s *Seen) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	mask := len(s.slots) - 1
	for _, v := range old {
		if v == 0 {
			continue
		}
		i := int(v>>32) & mask
		for s.slots[i] != 0 {
			i = (i + 1) & mask
		}
		s.slots[i] = v
	}
}
