package keyspace

import (
	"encoding/binary"
	"unsafe"
)

// The block of an entry, in this order:
//
//	header    8 bytes: recency 24 | epoch 16 | kind 8 | flags 8 | key length 8, from the high bits down
//	timer    16 bytes if flagRoom: deadline int64, next uint32, prev uint32
//	length    2 bytes of value length, or 4 bytes of side number if flagLarge
//	extension 4 bytes of key length if the header says keyExtended
//	key       the bytes, or 4 bytes of side number if flagSideKey
//	value     the bytes; nothing if flagLarge
//
// Invariant: a block is of the class that its header and lengths ask for (blockBytes), or, once its value has been made shorter, of one that is
// larger by a third at most (holds). The upper half of the header of a free or retired block is a link; kind, flags and key length survive retirement.

// Ref names an entry: its block in the arena. It changes when the entry moves. 0 is never valid.
type Ref uint32

// Kind is the type and encoding of a value; their meaning is the caller's.
type Kind uint8

// MakeKind builds a Kind from a type and an encoding, both 0 to 15.
func MakeKind(typ, encoding uint8) Kind { return Kind(typ<<4 | encoding&0xf) }

// Type returns the type, 0 to 15.
func (k Kind) Type() uint8 { return uint8(k) >> 4 }

// Encoding returns the encoding, 0 to 15.
func (k Kind) Encoding() uint8 { return uint8(k) & 0xf }

// FirstOwning is the first encoding whose values own nodes (see Nodes); all from there on do.
const FirstOwning = 8

// OwnsNodes reports whether values of this kind own nodes.
func (k Kind) OwnsNodes() bool { return k.Encoding() >= FirstOwning }

const (
	headerBytes = 8
	timerBytes  = 16
	lengthBytes = 2
	numberBytes = 4 // a side number, and the extended key length

	headerFlags   = 8
	headerKind    = 16
	headerEpoch   = 24
	headerRecency = 40
	headerLink    = 32
	headerLow     = 1<<headerLink - 1

	keyLengthMask = 0xff
	keyExtended   = 0xff // key length of keys longer than 254 bytes
	epochMask     = 0xffff

	// RecencyMask bounds what SetRecency keeps: 24 bits.
	RecencyMask = 1<<24 - 1

	// The values of flagRoom and flagLarge are the bytes that they add in front of the key (16 and 2): see keyOffset.
	flagTimer   = 1 << headerFlags
	flagLarge   = (numberBytes - lengthBytes) << headerFlags
	flagShared  = 4 << headerFlags
	flagSideKey = 8 << headerFlags
	flagRoom    = timerBytes << headerFlags
	flagKept    = 32 << headerFlags // only a snapshot needs the block
	flagRetired = 64 << headerFlags
	flagFree    = 128 << headerFlags

	// LargeValue is the length from which a value lives in a byte slice of its own.
	LargeValue = 4096
	// maxInlineKey is the longest key that is kept in the block.
	maxInlineKey = 2048
)

// raw is the page as bytes: the only use of unsafe here. The array has the page's size and lifetime, any byte of it may be read or written.
func (p *page) raw() *[pageBytes]byte { return (*[pageBytes]byte)(unsafe.Pointer(p)) }

// keyOffset returns where the key part (extension included) begins, in bytes from the block's start.
func keyOffset(header uint64) uint32 {
	return headerBytes + lengthBytes + uint32(header>>headerFlags)&((flagRoom|flagLarge)>>headerFlags)
}

// lengthOffset returns where the value's length or side number stands.
func lengthOffset(header uint64) uint32 {
	return headerBytes + uint32(header>>headerFlags)&(flagRoom>>headerFlags)
}

// keyBytes returns what the key part occupies for a key of n bytes.
func keyBytes(n int) uint32 {
	switch {
	case n < keyExtended:
		return uint32(n)
	case n <= maxInlineKey:
		return numberBytes + uint32(n)
	default:
		return numberBytes + numberBytes
	}
}

// blockBytes returns the exact size of the block with this header, key length and value length.
func blockBytes(header uint64, keyLen, valueLen int) uint32 {
	size := keyOffset(header) + keyBytes(keyLen)
	if header&flagLarge == 0 {
		size += uint32(valueLen)
	}
	return size
}

// block is a resolved Ref.
type block struct {
	page   *page
	off    uint32 // of the header, in words
	header uint64
}

func (s *Space) block(ref Ref) block {
	p, off := s.arena.at(ref)
	return block{p, off, p[off]}
}

// uint32At reads a number of the block's bookkeeping at a byte offset from its start.
func (b block) uint32At(at uint32) uint32 {
	at += b.off * wordBytes
	return binary.LittleEndian.Uint32(b.page.raw()[at : at+numberBytes])
}

func (b block) putUint32(at, v uint32) {
	at += b.off * wordBytes
	binary.LittleEndian.PutUint32(b.page.raw()[at:at+numberBytes], v)
}

// bytes is a view of n bytes of the block from a byte offset.
func (b block) bytes(at, n uint32) []byte {
	at += b.off * wordBytes
	return b.page.raw()[at : at+n : at+n]
}

// valueLen returns the length of an inline value.
func (b block) valueLen() uint32 {
	at := b.off*wordBytes + lengthOffset(b.header)
	return uint32(binary.LittleEndian.Uint16(b.page.raw()[at : at+lengthBytes]))
}

func (b block) setValueLen(n int) {
	at := b.off*wordBytes + lengthOffset(b.header)
	binary.LittleEndian.PutUint16(b.page.raw()[at:at+lengthBytes], uint16(n))
}

// keyLen returns the key's length and where its bytes (or its side number) begin.
func (b block) keyLen() (n, at uint32) {
	at = keyOffset(b.header)
	n = uint32(b.header & keyLengthMask)
	if n == keyExtended {
		return b.uint32At(at), at + numberBytes
	}
	return n, at
}

// valueOffset returns where an inline value begins.
func (b block) valueOffset() uint32 {
	n, at := b.keyLen()
	if b.header&flagSideKey != 0 {
		return at + numberBytes
	}
	return at + n
}

// inlineValue is a view of a value that is not large.
func (b block) inlineValue() []byte {
	return b.bytes(b.valueOffset(), b.valueLen())
}

// exactBytes returns the block's exact size, which its class holds.
func (b block) exactBytes() uint32 {
	if b.header&flagLarge != 0 {
		return b.valueOffset()
	}
	return b.valueOffset() + b.valueLen()
}

// valueNumber returns the side number of a large value.
func (b block) valueNumber() uint32 { return b.uint32At(lengthOffset(b.header)) }

// keyNumber returns the side number of a key that is not inline.
func (b block) keyNumber() uint32 { return b.uint32At(keyOffset(b.header) + numberBytes) }

func (b block) setHeader(header uint64) { b.page[b.off] = header }

// deadline and links are the words of the timer; they exist if flagRoom is set.
func (b block) deadline() *uint64 { return &b.page[b.off+1] }
func (b block) links() *uint64    { return &b.page[b.off+2] }

// part is a key or value on its way into a block: bytes to copy in, or the number of a side entry that holds them.
type part struct {
	data   []byte
	number uint32 // 0: inline
	length int    // of an inline value (data may be shorter, the rest is zero) or of a key
}

// write fills a fresh block. Room for a timer is zeroed; header's key length, flagLarge and flagSideKey follow from the parts.
func (s *Space) write(ref Ref, header uint64, key, value part) {
	p, off := s.arena.at(ref)
	b := block{p, off, header}
	b.setHeader(header)
	if header&flagRoom != 0 {
		*b.deadline(), *b.links() = 0, 0
	}
	at := keyOffset(header)
	if header&keyLengthMask == keyExtended {
		b.putUint32(at, uint32(key.length))
		at += numberBytes
	}
	if key.number != 0 {
		b.putUint32(at, key.number)
		at += numberBytes
	} else {
		at += uint32(copy(b.bytes(at, uint32(key.length)), key.data))
	}
	if value.number != 0 {
		b.putUint32(lengthOffset(header), value.number)
		return
	}
	b.setValueLen(value.length)
	room := b.bytes(at, uint32(value.length))
	clear(room[copy(room, value.data):])
}

// create allocates and writes a block; header brings recency, epoch, kind and the timer flags. It returns 0 when the arena is full.
func (s *Space) create(header uint64, key, value part) Ref {
	header &^= keyLengthMask | flagLarge | flagSideKey | flagRetired
	header |= uint64(min(key.length, keyExtended))
	if key.number != 0 {
		header |= flagSideKey
	}
	if value.number != 0 {
		header |= flagLarge
	} else {
		header &^= flagShared
	}
	ref := s.arena.alloc(classFor(blockBytes(header, key.length, value.length)))
	if ref != 0 {
		s.write(ref, header, key, value)
	}
	return ref
}

// keyPart and valuePart carry the parts of an existing block over to a new one.
func (s *Space) keyPart(b block) part {
	n, at := b.keyLen()
	if b.header&flagSideKey != 0 {
		return part{number: b.keyNumber(), length: int(n)}
	}
	return part{data: b.bytes(at, n), length: int(n)}
}

func (s *Space) valuePart(b block) part {
	if b.header&flagLarge != 0 {
		return part{number: b.valueNumber()}
	}
	v := b.inlineValue()
	return part{data: v, length: len(v)}
}
