// bitfield.go: integers of 1 to 64 bits at any bit of a string, the highest bit first, as BITFIELD has them. Signed ones
// are two's complement of up to 64 bits, unsigned ones have at most 63, so that every value is an int64.

package value

// BitField is a type of integer.
type BitField struct {
	Signed bool
	Width  int // bits
}

// MaxSignedWidth and MaxUnsignedWidth are the widest bit fields, in bits.
const (
	MaxSignedWidth   = wordBits
	MaxUnsignedWidth = wordBits - 1
)

// Load reads the integer at a bit of b. What lies past the end of b is zeros.
func (f BitField) Load(b []byte, at int64) int64 {
	var v uint64
	for left := int64(f.Width); left > 0; {
		low := byteBits - at%byteBits // bits of this byte from at on
		take := min(left, low)
		c := uint64(0)
		if i := at / byteBits; i < int64(len(b)) {
			c = uint64(b[i]) >> (low - take) & (1<<take - 1)
		}
		v = v<<take | c
		at, left = at+take, left-take
	}
	return f.wrap(v)
}

// Store writes the integer at a bit of b, which must reach that far.
func (f BitField) Store(b []byte, at, n int64) {
	v, end := uint64(n), at+int64(f.Width)
	for left := int64(f.Width); left > 0; {
		last := (end - 1) / byteBits
		shift := byteBits - 1 - (end-1)%byteBits // of the lowest bit to write in this byte
		take := min(left, byteBits-shift)
		mask := byte(1<<take-1) << shift
		b[last] = b[last]&^mask | byte(v<<shift)&mask
		v >>= take
		end, left = end-take, left-take
	}
}

// wrap is the value of the field's width that has the low bits of v.
func (f BitField) wrap(v uint64) int64 {
	spare := wordBits - f.Width
	if f.Signed {
		return int64(v<<spare) >> spare
	}
	return int64(v << spare >> spare)
}

// Overflow says what becomes of a value that its field cannot hold.
type Overflow uint8

// The ways to treat an overflow.
const (
	OverflowWrap Overflow = iota // the low bits stay
	OverflowSat                  // the nearest value that fits
	OverflowFail                 // nothing is written
)

// Add is n + by, fitted into the field; ok is false if it does not fit and the overflow is to fail. A value to set is
// fitted by adding 0. Where n does not fit, its sum counts as being on the side that n is on.
func (f BitField) Add(n, by int64, o Overflow) (sum int64, ok bool) {
	over, nearest := f.overflow(n, by)
	switch {
	case !over:
		return n + by, true
	case o == OverflowWrap:
		return f.wrap(uint64(n) + uint64(by)), true
	case o == OverflowSat:
		return nearest, true
	default:
		return 0, false
	}
}

// overflow reports whether n + by does not fit, and which end of the field's range is nearest then.
func (f BitField) overflow(n, by int64) (over bool, nearest int64) {
	if f.Signed {
		return f.signedOverflow(n, by)
	}
	most := uint64(1)<<f.Width - 1
	switch v := uint64(n); {
	case v > most || by > 0 && uint64(by) > most-v: // a negative n is a large unsigned one
		return true, int64(most)
	case by < 0 && uint64(-by) > v:
		return true, 0
	}
	return false, 0
}

func (f BitField) signedOverflow(n, by int64) (over bool, nearest int64) {
	most := int64(1)<<(f.Width-1) - 1
	least := -most - 1
	// The distance to the upper end wraps for values far below the lower one, which then count as too large: Redis
	// saturates them so.
	room := int64(uint64(most) - uint64(n))
	narrow := f.Width < MaxSignedWidth
	switch {
	case n > most || (narrow || n >= 0 && by > 0) && by > room:
		return true, most
	case n < least || (narrow || n < 0 && by < 0) && by < least-n:
		return true, least
	}
	return false, 0
}
