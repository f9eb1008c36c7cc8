// string.go: how a string is laid out in the keyspace. A value that prints as a 64-bit integer is kept as that integer
// in 8 bytes (encoding int); text of at most EmbStrMax bytes that was written whole is embstr, all other text raw.
// The difference between the last two is only what OBJECT ENCODING reports, and clients look at it.

package value

import (
	"encoding/binary"
	"strconv"

	"respite/keyspace"
	"respite/text"
)

// EmbStrMax is the longest text, in bytes, that OBJECT ENCODING calls embstr (OBJ_ENCODING_EMBSTR_SIZE_LIMIT of Redis).
const EmbStrMax = 44

const (
	intSize   = 8  // bytes of an integer in the keyspace
	maxIntLen = 20 // characters of the longest 64-bit integer, with its sign
)

// The kinds of a string.
const (
	KindInt    = keyspace.Kind(uint8(String)<<encodingBits | uint8(Int))
	KindEmbStr = keyspace.Kind(uint8(String)<<encodingBits | uint8(EmbStr))
	KindRaw    = keyspace.Kind(uint8(String)<<encodingBits | uint8(Raw))
)

// EncodeString chooses the encoding of b as SET does and returns the bytes to keep: b itself, or the 8 bytes of its
// integer written into scratch.
func EncodeString(b []byte, scratch *[8]byte) (keyspace.Kind, []byte) {
	if len(b) <= maxIntLen {
		if n, ok := text.ParseInt(b); ok {
			return KindInt, EncodeInt(n, scratch)
		}
	}
	if len(b) <= EmbStrMax {
		return KindEmbStr, b
	}
	return KindRaw, b
}

// EncodeInt writes n into scratch as the keyspace keeps it.
func EncodeInt(n int64, scratch *[8]byte) []byte {
	binary.LittleEndian.PutUint64(scratch[:], uint64(n))
	return scratch[:]
}

// DecodeInt reads what EncodeInt wrote.
func DecodeInt(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b[:intSize])) }

// StringBytes returns the text of a kept string: kept itself, or the digits of an int appended to scratch.
func StringBytes(k keyspace.Kind, kept, scratch []byte) []byte {
	if k != KindInt {
		return kept
	}
	return strconv.AppendInt(scratch, DecodeInt(kept), 10)
}

// StringLen returns the length in bytes of a kept string's text.
func StringLen(k keyspace.Kind, kept []byte) int {
	if k != KindInt {
		return len(kept)
	}
	var digits [maxIntLen]byte
	return len(strconv.AppendInt(digits[:0], DecodeInt(kept), 10))
}

// StringElement returns a string as an element: of an int, the number.
func StringElement(v View) Element {
	if v.Kind == KindInt {
		return Element{Int: DecodeInt(v.Bytes), IsInt: true}
	}
	return Element{Text: v.Bytes}
}
