// intset.go: a set of 64-bit integers in one piece of memory, in which small sets of integers are kept. The format is,
// byte for byte, that of Redis, so that DUMP and RDB files take the bytes as they are:
//
//	4 bytes   width of a member: 2, 4 or 8 bytes
//	4 bytes   number of members
//	members   ascending, each once
//
// All numbers are little-endian. The width is the one that the widest member ever added needs: it never shrinks.

package value

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Intset is a view of a packed set of integers, for reading.
type Intset []byte

// ErrIntset is what every error of Intset.Check wraps.
var ErrIntset = errors.New("value: damaged intset")

const (
	intsetHeader  = 8 // bytes before the first member
	intsetCountAt = 4 // offset of the number of members

	width16, width32, width64 = 2, 4, 8
)

// EmptyIntset returns a new intset without members.
func EmptyIntset() []byte { return []byte{width16, 0, 0, 0, 0, 0, 0, 0} }

// Len returns the number of members.
func (s Intset) Len() int { return int(binary.LittleEndian.Uint32(s[intsetCountAt:])) }

// width is the number of bytes of a member.
func (s Intset) width() int { return int(s[0]) }

// At returns the member with an index, counted from 0 in ascending order.
func (s Intset) At(i int) int64 { return intsetMember(s, s.width(), i) }

// Has reports whether n is a member.
func (s Intset) Has(n int64) bool {
	_, found := s.Search(n)
	return found
}

// Search returns the index of n, or the one that n would get.
func (s Intset) Search(n int64) (pos int, found bool) {
	low, high, width := 0, s.Len(), s.width()
	if high > 0 && n > intsetMember(s, width, high-1) {
		return high, false
	}
	for low < high {
		middle := int(uint(low+high) / 2)
		if intsetMember(s, width, middle) < n {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < s.Len() && intsetMember(s, width, low) == n
}

// Check examines bytes of unknown origin whole: width, number, order. If it returns nil, nothing that this package does
// with them panics. A set without members is sound. Errors wrap ErrIntset.
func (s Intset) Check() error {
	if len(s) < intsetHeader {
		return fmt.Errorf("%w: %d bytes are too few", ErrIntset, len(s))
	}
	width := binary.LittleEndian.Uint32(s)
	if width != width16 && width != width32 && width != width64 {
		return fmt.Errorf("%w: members of %d bytes", ErrIntset, width)
	}
	stated := binary.LittleEndian.Uint32(s[intsetCountAt:])
	if uint64(stated)*uint64(width) != uint64(len(s)-intsetHeader) {
		return fmt.Errorf("%w: %d members of %d bytes are stated in %d bytes", ErrIntset, stated, width, len(s))
	}
	for i := 1; i < int(stated); i++ {
		if s.At(i-1) >= s.At(i) {
			return fmt.Errorf("%w: member %d is not greater than the one before", ErrIntset, i)
		}
	}
	return nil
}

// IntsetAdd adds n and reports whether it was missing.
func IntsetAdd(r Room, n int64) bool {
	s := Intset(r.Mutable())
	if width := widthFor(n); width > s.width() {
		intsetWiden(r, width, n)
		return true
	}
	pos, found := s.Search(n)
	if found {
		return false
	}
	old, width, count := len(s), s.width(), s.Len()
	b := r.Resize(old + width)
	at := intsetHeader + pos*width
	copy(b[at+width:], b[at:old])
	putIntsetMember(b, width, pos, n)
	putIntsetHeader(b, width, count+1)
	return true
}

// intsetWiden gives every member a new width and adds n, which did not fit the old one: it is less or greater than all.
// Members only move to the right, so the last goes first.
func intsetWiden(r Room, width int, n int64) {
	old := Intset(r.Mutable())
	oldWidth, count, shift := old.width(), old.Len(), 0
	if n < 0 {
		shift = 1
	}
	b := r.Resize(intsetHeader + (count+1)*width)
	for i := count - 1; i >= 0; i-- {
		putIntsetMember(b, width, i+shift, intsetMember(b, oldWidth, i))
	}
	if n < 0 {
		putIntsetMember(b, width, 0, n)
	} else {
		putIntsetMember(b, width, count, n)
	}
	putIntsetHeader(b, width, count+1)
}

// IntsetRemove removes n and reports whether it was there.
func IntsetRemove(r Room, n int64) bool {
	s := Intset(r.Mutable())
	pos, found := s.Search(n)
	if !found {
		return false
	}
	width := s.width()
	at := intsetHeader + pos*width
	copy(s[at:], s[at+width:])
	putIntsetHeader(s, width, s.Len()-1)
	r.Resize(len(s) - width)
	return true
}

func widthFor(n int64) int {
	switch {
	case fits(n, 16):
		return width16
	case fits(n, 32):
		return width32
	default:
		return width64
	}
}

func intsetMember(b []byte, width, i int) int64 {
	at := b[intsetHeader+i*width:]
	switch width {
	case width16:
		return int64(int16(binary.LittleEndian.Uint16(at)))
	case width32:
		return int64(int32(binary.LittleEndian.Uint32(at)))
	default:
		return int64(binary.LittleEndian.Uint64(at))
	}
}

func putIntsetMember(b []byte, width, i int, n int64) {
	at := b[intsetHeader+i*width:]
	switch width {
	case width16:
		binary.LittleEndian.PutUint16(at, uint16(n))
	case width32:
		binary.LittleEndian.PutUint32(at, uint32(n))
	default:
		binary.LittleEndian.PutUint64(at, uint64(n))
	}
}

func putIntsetHeader(b []byte, width, count int) {
	binary.LittleEndian.PutUint32(b, uint32(width))
	binary.LittleEndian.PutUint32(b[intsetCountAt:], uint32(count))
}
