// bits.go: arithmetic over the bits of a string. Bit 0 is the highest bit of the first byte, as SETBIT counts them; a
// range of bits is half open and lies within the string. What touches every byte goes eight at a time.

package value

import (
	"encoding/binary"
	"math/bits"
)

const (
	byteBits  = 8
	wordBytes = 8
	wordBits  = wordBytes * byteBits
)

// Bit is the bit at a position, false past the end of b.
func Bit(b []byte, at int64) bool {
	i := at / byteBits
	return i < int64(len(b)) && b[i]&bitMask(at) != 0
}

// SetBit sets or clears the bit at a position, which must be within b.
func SetBit(b []byte, at int64, on bool) {
	if on {
		b[at/byteBits] |= bitMask(at)
	} else {
		b[at/byteBits] &^= bitMask(at)
	}
}

// bitMask has the one bit of a byte that a position means.
func bitMask(at int64) byte { return 1 << (byteBits - 1 - at%byteBits) }

// edges cuts a range of bits that is not empty into the whole bytes between and the partial bytes at its ends: head is
// what the range has of byte first, tail what it has of byte last. Within one byte the two are the same.
func edges(from, to int64) (first, last int64, head, tail byte) {
	first, last = from/byteBits, (to-1)/byteBits
	head = 0xff >> (from % byteBits)
	tail = 0xff << (byteBits - 1 - (to-1)%byteBits)
	if first == last {
		head &= tail
		tail = head
	}
	return first, last, head, tail
}

// CountBits counts the bits from from to to that are set.
func CountBits(b []byte, from, to int64) int64 {
	if from >= to {
		return 0
	}
	first, last, head, tail := edges(from, to)
	n := bits.OnesCount8(b[first] & head)
	if first == last {
		return int64(n)
	}
	n += bits.OnesCount8(b[last] & tail)
	return int64(n + onesCount(b[first+1:last]))
}

// onesCount counts the set bits of whole bytes. Four words a turn keep the processor's counters busy.
func onesCount(b []byte) (n int) {
	for ; len(b) >= 4*wordBytes; b = b[4*wordBytes:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b)) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[wordBytes:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[2*wordBytes:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[3*wordBytes:]))
	}
	for ; len(b) >= wordBytes; b = b[wordBytes:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b))
	}
	for _, c := range b {
		n += bits.OnesCount8(c)
	}
	return n
}

// FindBit is the position of the first bit from from to to that is as asked for, -1 if there is none.
func FindBit(b []byte, on bool, from, to int64) int64 {
	if from >= to {
		return -1
	}
	first, last, head, tail := edges(from, to)
	flip := byte(0xff) // what turns the bit that is looked for into a one
	if on {
		flip = 0
	}
	if c := (b[first] ^ flip) & head; c != 0 {
		return positionIn(c, first)
	}
	if first == last {
		return -1
	}
	if i := skipBytes(b[first+1:last], flip); i < last-first-1 {
		return positionIn(b[first+1+i]^flip, first+1+i)
	}
	if c := (b[last] ^ flip) & tail; c != 0 {
		return positionIn(c, last)
	}
	return -1
}

// positionIn is the position of the highest set bit of c, which stands for byte i.
func positionIn(c byte, i int64) int64 { return i*byteBits + int64(bits.LeadingZeros8(c)) }

// skipBytes is how many bytes at the beginning of b are same, which is 0 or 0xff.
func skipBytes(b []byte, same byte) int64 {
	word := uint64(int8(same)) // all bytes of it
	i := 0
	for ; i+4*wordBytes <= len(b); i += 4 * wordBytes {
		four := b[i : i+4*wordBytes]
		if (binary.LittleEndian.Uint64(four)^word)|(binary.LittleEndian.Uint64(four[wordBytes:])^word)|
			(binary.LittleEndian.Uint64(four[2*wordBytes:])^word)|(binary.LittleEndian.Uint64(four[3*wordBytes:])^word) != 0 {
			break
		}
	}
	for i+wordBytes <= len(b) && binary.LittleEndian.Uint64(b[i:]) == word {
		i += wordBytes
	}
	for i < len(b) && b[i] == same {
		i++
	}
	return int64(i)
}

// BitOp is how BITOP combines strings.
type BitOp uint8

// The operations of several strings.
const (
	BitAnd BitOp = iota
	BitOr
	BitXor
)

// Combine makes dst the result of op on dst and src. A shorter src counts as filled up with zeros; a longer one is not
// allowed.
func (op BitOp) Combine(dst, src []byte) {
	n := len(src) - len(src)%wordBytes
	words := binary.LittleEndian
	switch op {
	case BitAnd:
		clear(dst[len(src):])
		for i := 0; i < n; i += wordBytes {
			words.PutUint64(dst[i:], words.Uint64(dst[i:])&words.Uint64(src[i:]))
		}
	case BitOr:
		for i := 0; i < n; i += wordBytes {
			words.PutUint64(dst[i:], words.Uint64(dst[i:])|words.Uint64(src[i:]))
		}
	case BitXor:
		for i := 0; i < n; i += wordBytes {
			words.PutUint64(dst[i:], words.Uint64(dst[i:])^words.Uint64(src[i:]))
		}
	}
	for i := n; i < len(src); i++ {
		dst[i] = op.byte(dst[i], src[i])
	}
}

func (op BitOp) byte(a, b byte) byte {
	switch op {
	case BitAnd:
		return a & b
	case BitOr:
		return a | b
	default:
		return a ^ b
	}
}

// Invert makes dst src with every bit flipped; both are of the same length.
func Invert(dst, src []byte) {
	for ; len(src) >= wordBytes; dst, src = dst[wordBytes:], src[wordBytes:] {
		binary.LittleEndian.PutUint64(dst, ^binary.LittleEndian.Uint64(src))
	}
	for i, c := range src {
		dst[i] = ^c
	}
}
