// listpack_entry.go: how one element lies in a listpack. An entry is its payload and the length of the payload, written
// so that it can be read from the right. The first byte of the payload tells the form, and the shortest form that
// holds the element is the one that is written:
//
//	0xxxxxxx  integer 0 to 127                    10llllll  text of up to 63 bytes
//	110xxxxx  13-bit integer and 1 byte more      1110llll  text of up to 4095 bytes, 1 byte more of length
//	F1 to F4  16, 24, 32, 64-bit integer          F0        text, 4 bytes of length
//
// The 13-bit integer and the 12-bit length are big-endian, the others little-endian. Integers are two's complement.

package value

import (
	"encoding/binary"
	"strconv"

	"respite/text"
)

// Element is one element of a listpack: a text, or an integer that stands for its decimal text.
type Element struct {
	Text  []byte // a view into the listpack, valid until it is changed; only if !IsInt
	Int   int64  // only if IsInt
	IsInt bool
}

// IntText is room for the decimal text of any 64-bit integer.
type IntText [maxIntLen]byte

// Append appends the element's text.
func (e Element) Append(dst []byte) []byte {
	if e.IsInt {
		return strconv.AppendInt(dst, e.Int, 10)
	}
	return append(dst, e.Text...)
}

// Bytes returns the element's text: the view, or digits that it writes into scratch.
func (e Element) Bytes(scratch *IntText) []byte {
	if e.IsInt {
		return strconv.AppendInt(scratch[:0], e.Int, 10)
	}
	return e.Text
}

// Len returns the length of the element's text in bytes.
func (e Element) Len() int {
	if !e.IsInt {
		return len(e.Text)
	}
	size, rest := 1, uint64(e.Int)
	if e.Int < 0 {
		size, rest = 2, -rest
	}
	for ; rest >= 10; rest /= 10 {
		size++
	}
	return size
}

// Equal reports whether the element's text is b.
func (e Element) Equal(b []byte) bool {
	if !e.IsInt {
		return string(e.Text) == string(b)
	}
	n, ok := text.ParseInt(b)
	return ok && n == e.Int
}

// The first byte of an entry, or its fixed high bits.
const (
	entryInt13  = 0xC0
	entryInt16  = 0xF1
	entryInt24  = 0xF2
	entryInt32  = 0xF3
	entryInt64  = 0xF4
	entryText6  = 0x80
	entryText12 = 0xE0
	entryText32 = 0xF0
)

// The bounds of the forms.
const (
	maxInt7    = 1<<7 - 1
	maxText6   = 1<<6 - 1
	maxText12  = 1<<12 - 1
	maxBackLen = 5 // bytes of the longest back-length
	minEntry   = 2 // bytes of the shortest entry
)

func isShortText(first byte) bool { return first&^maxText6 == entryText6 }

func shortTextLen(first byte) int { return int(first & maxText6) }

func isIntEntry(first byte) bool {
	return first <= maxInt7 || first&0xE0 == entryInt13 || first >= entryInt16
}

// prefixLen is how many bytes of an entry it takes to know its length; 0 if no entry begins like this.
func prefixLen(first byte) int {
	switch {
	case first < entryText12:
		return 1
	case first < entryText32:
		return 2
	case first == entryText32:
		return 5
	case first <= entryInt64:
		return 1
	default:
		return 0
	}
}

// payloadLen is the length of the payload at a position.
func (l Listpack) payloadLen(at int) int {
	switch first := l[at]; {
	case first <= maxInt7:
		return 1
	case isShortText(first):
		return 1 + shortTextLen(first)
	case first < entryText12:
		return 2
	case first < entryText32:
		return 2 + int(first&0x0F)<<8 + int(l[at+1])
	case first == entryText32:
		return 5 + int(binary.LittleEndian.Uint32(l[at+1:]))
	case first == entryInt64:
		return 9
	default:
		return 3 + int(first-entryInt16)
	}
}

// entryLen is the length of the entry at a position, its back-length included. Walks live on it being inlined.
func (l Listpack) entryLen(at int) int {
	if size := entryLens[l[at]]; size != 0 {
		return int(size)
	}
	return l.longEntryLen(at)
}

func (l Listpack) longEntryLen(at int) int {
	payload := l.payloadLen(at)
	return payload + backLenSize(payload)
}

// entryLens is entryLen by the first byte, where that is enough to know it; 0 elsewhere.
var entryLens = func() (lens [256]uint8) {
	for first := range lens {
		if b := [1]byte{byte(first)}; prefixLen(b[0]) == 1 {
			lens[first] = uint8(Listpack(b[:]).payloadLen(0) + 1)
		}
	}
	return lens
}()

// At returns the element at a position.
func (l Listpack) At(at int) Element {
	first := l[at]
	if isShortText(first) {
		return l.textAt(at+1, shortTextLen(first))
	}
	if isIntEntry(first) {
		return Element{Int: l.intAt(at), IsInt: true}
	}
	prefix := prefixLen(first)
	return l.textAt(at+prefix, l.payloadLen(at)-prefix)
}

func (l Listpack) textAt(at, size int) Element {
	return Element{Text: l[at : at+size : at+size]}
}

// intAt reads the integer at a position. Widths without a Go type are shifted to the top of a wider one and back, which
// extends their sign.
func (l Listpack) intAt(at int) int64 {
	b := l[at:]
	switch first := b[0]; {
	case first <= maxInt7:
		return int64(first)
	case first < entryText12:
		return int64(int16(binary.BigEndian.Uint16(b)<<3)) >> 3
	case first == entryInt16:
		return int64(int16(binary.LittleEndian.Uint16(b[1:])))
	case first == entryInt24:
		return int64(int32(binary.LittleEndian.Uint32(b))) >> 8 // the first byte falls off
	case first == entryInt32:
		return int64(int32(binary.LittleEndian.Uint32(b[1:])))
	default:
		return int64(binary.LittleEndian.Uint64(b[1:]))
	}
}

// EntrySize returns how many bytes elem takes in a listpack.
func (l Listpack) EntrySize(elem []byte) int { return entrySize(elem) }

func entrySize(elem []byte) int {
	payload := 0
	if n, ok := text.ParseInt(elem); ok {
		payload = intPayload(n)
	} else {
		payload = textPayload(len(elem))
	}
	return payload + backLenSize(payload)
}

func intPayload(n int64) int {
	switch {
	case n >= 0 && n <= maxInt7:
		return 1
	case fits(n, 13):
		return 2
	case fits(n, 16):
		return 3
	case fits(n, 24):
		return 4
	case fits(n, 32):
		return 5
	default:
		return 9
	}
}

// fits reports whether n is a two's complement number of so many bits.
func fits(n int64, bits uint) bool { return n>>(bits-1) == n>>63 }

func textPayload(size int) int {
	switch {
	case size <= maxText6:
		return 1 + size
	case size <= maxText12:
		return 2 + size
	default:
		return 5 + size
	}
}

// putEntry writes the entry of elem to the start of dst and returns its length.
func putEntry(dst, elem []byte) int {
	payload := 0
	if n, ok := text.ParseInt(elem); ok {
		payload = putInt(dst, n)
	} else {
		payload = putText(dst, elem)
	}
	return payload + putBackLen(dst[payload:], payload)
}

func putInt(dst []byte, n int64) int {
	size := intPayload(n)
	switch size {
	case 1:
		dst[0] = byte(n)
	case 2:
		dst[0], dst[1] = entryInt13|byte(n>>8)&0x1F, byte(n)
	case 9:
		dst[0] = entryInt64
		binary.LittleEndian.PutUint64(dst[1:], uint64(n))
	default:
		dst[0] = entryInt16 + byte(size-3)
		for i := 1; i < size; i++ {
			dst[i] = byte(n)
			n >>= 8
		}
	}
	return size
}

func putText(dst, elem []byte) int {
	size := len(elem)
	switch {
	case size <= maxText6:
		dst[0] = entryText6 | byte(size)
		return 1 + copy(dst[1:], elem)
	case size <= maxText12:
		dst[0], dst[1] = entryText12|byte(size>>8), byte(size)
		return 2 + copy(dst[2:], elem)
	default:
		dst[0] = entryText32
		binary.LittleEndian.PutUint32(dst[1:], uint32(size))
		return 5 + copy(dst[5:], elem)
	}
}

// backLenSize is how many bytes the back-length of a payload takes. Each holds 7 bits, but Redis moves on to one byte
// more a little early, from 3 bytes on, and so must this.
func backLenSize(payload int) int {
	switch {
	case payload <= 1<<7-1:
		return 1
	case payload < 1<<14-1:
		return 2
	case payload < 1<<21-1:
		return 3
	case payload < 1<<28-1:
		return 4
	default:
		return maxBackLen
	}
}

// putBackLen writes the back-length of a payload: the leftmost byte holds the highest bits, and every byte but that one
// has its top bit set, which tells a reader from the right to go on.
func putBackLen(dst []byte, payload int) int {
	size := backLenSize(payload)
	for i := size - 1; i > 0; i-- {
		dst[i] = byte(payload) | 0x80
		payload >>= 7
	}
	dst[0] = byte(payload)
	return size
}

// backLen reads the back-length that ends before at.
func (l Listpack) backLen(at int) int {
	payload := 0
	for shift := 0; ; shift += 7 {
		at--
		payload |= int(l[at]&0x7F) << shift
		if l[at] < 0x80 {
			return payload
		}
	}
}
