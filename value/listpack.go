// listpack.go, listpack_entry.go and listpack_edit.go are the listpack: a sequence of texts in one piece of memory, in
// which small lists, hashes, sets and sorted sets are kept. The format is, byte for byte, that of Redis 7, so that DUMP
// and RDB files take the bytes as they are:
//
//	4 bytes   length of the whole, little-endian
//	2 bytes   number of elements, little-endian; 65535 means "count them"
//	entries   see listpack_entry.go
//	1 byte    0xFF
//
// Text that is the canonical form of a 64-bit integer is kept as that integer.
//
// This file reads. A position is the offset of an entry's first byte; it holds until the listpack is changed. Whatever
// comes from outside passes Check first: the other methods trust the bytes.

package value

import (
	"encoding/binary"
	"errors"
	"fmt"

	"respite/text"
)

// Listpack is a view of a packed sequence of elements, for reading.
type Listpack []byte

// ListpackEnd is the position that no element has: where a walk ends in either direction, and where an append goes.
const ListpackEnd = -1

// ListpackMax is how long, in bytes, Redis lets a listpack become. Callers change the encoding before (see Fits).
const ListpackMax = 1 << 30

// ErrListpack is what every error of Check wraps.
var ErrListpack = errors.New("value: damaged listpack")

const (
	listpackHeader     = 6 // bytes before the first entry
	listpackCountAt    = 4 // offset of the number of elements
	listpackTerminator = 0xFF
	listpackEmptySize  = listpackHeader + 1
	listpackUncounted  = 0xFFFF // number of elements that says "count them"
)

// EmptyListpack returns a new listpack without elements.
func EmptyListpack() []byte {
	return []byte{listpackEmptySize, 0, 0, 0, 0, 0, listpackTerminator}
}

// Len returns the number of elements. It takes a walk where the header cannot hold the number, from 65535 on.
func (l Listpack) Len() int {
	if n := l.header(); n != listpackUncounted {
		return n
	}
	return l.count()
}

// header is the number of elements that the header states.
func (l Listpack) header() int { return int(binary.LittleEndian.Uint16(l[listpackCountAt:])) }

func (l Listpack) count() int {
	n := 0
	for at := listpackHeader; l[at] != listpackTerminator; at += l.entryLen(at) {
		n++
	}
	return n
}

// First returns the position of the first element.
func (l Listpack) First() int { return l.orEnd(listpackHeader) }

// Last returns the position of the last element.
func (l Listpack) Last() int { return l.Prev(len(l) - 1) }

// Next returns the position after that of an element.
func (l Listpack) Next(at int) int { return l.orEnd(at + l.entryLen(at)) }

// Prev returns the position before that of an element.
func (l Listpack) Prev(at int) int {
	if at == listpackHeader {
		return ListpackEnd
	}
	payload := l.backLen(at)
	return at - payload - backLenSize(payload)
}

// orEnd is an offset between entries as a position.
func (l Listpack) orEnd(at int) int {
	if l[at] == listpackTerminator {
		return ListpackEnd
	}
	return at
}

// Seek returns the position of the element with an index, negative from the end (-1 is the last), or ListpackEnd if
// there is none. It walks from the nearer end.
func (l Listpack) Seek(index int) int {
	if n := l.header(); n != listpackUncounted {
		if index < 0 {
			index += n
		}
		if index < 0 || index >= n {
			return ListpackEnd
		}
		if index > n/2 {
			index -= n
		}
	}
	if index < 0 {
		return l.seekBack(index)
	}
	at := l.First()
	for ; index > 0 && at != ListpackEnd; index-- {
		at = l.Next(at)
	}
	return at
}

func (l Listpack) seekBack(index int) int {
	at := l.Last()
	for ; index < -1 && at != ListpackEnd; index++ {
		at = l.Prev(at)
	}
	return at
}

// Find returns the position of the first element that equals elem, looking at the one at from and then at every
// (skip+1)th, or ListpackEnd. From may be ListpackEnd.
func (l Listpack) Find(from int, elem []byte, skip int) int {
	n, isInt := text.ParseInt(elem)
	for at := from; at != ListpackEnd; {
		first := l[at]
		size := l.entryLen(at)
		switch {
		case isShortText(first):
			if size == len(elem)+minEntry && string(l[at+1:at+size-1]) == string(elem) {
				return at
			}
		case isIntEntry(first):
			if isInt && l.intAt(at) == n {
				return at
			}
		default:
			if string(l.At(at).Text) == string(elem) {
				return at
			}
		}
		at += size
		for s := skip; s > 0 && l[at] != listpackTerminator; s-- {
			at += l.entryLen(at)
		}
		at = l.orEnd(at)
	}
	return ListpackEnd
}

// Fits reports whether add more bytes of entries leave the listpack within ListpackMax.
func (l Listpack) Fits(add int) bool { return add <= ListpackMax-len(l) }

// Check examines bytes of unknown origin whole: lengths, back-lengths, number of elements, terminator. If it returns
// nil, nothing that this package does with them panics. An empty listpack is sound, and integers need not be kept in
// their shortest form. Errors wrap ErrListpack.
func (l Listpack) Check() error {
	if len(l) < listpackEmptySize {
		return fmt.Errorf("%w: %d bytes are too few", ErrListpack, len(l))
	}
	if stated := binary.LittleEndian.Uint32(l); uint64(stated) != uint64(len(l)) {
		return fmt.Errorf("%w: header states %d bytes, there are %d", ErrListpack, stated, len(l))
	}
	end, n := len(l)-1, 0
	if l[end] != listpackTerminator {
		return fmt.Errorf("%w: no terminator", ErrListpack)
	}
	for at := listpackHeader; at != end; n++ {
		size := l[:end].soundEntry(at)
		if size == 0 {
			return fmt.Errorf("%w: bad entry at byte %d", ErrListpack, at)
		}
		at += size
	}
	if stated := l.header(); stated != listpackUncounted && stated != n {
		return fmt.Errorf("%w: header states %d elements, there are %d", ErrListpack, stated, n)
	}
	return nil
}

// soundEntry returns the length of the entry at a position, its back-length included, or 0 unless it is sound and lies
// wholly in l, which is without its terminator here.
func (l Listpack) soundEntry(at int) int {
	prefix := prefixLen(l[at])
	if prefix == 0 || prefix > len(l)-at {
		return 0
	}
	payload := l.payloadLen(at)
	if payload > len(l)-at-1 {
		return 0
	}
	var expected [maxBackLen]byte
	size := putBackLen(expected[:], payload)
	back := l[at+payload:]
	if size > len(back) || string(back[:size]) != string(expected[:size]) {
		return 0
	}
	return payload + size
}
