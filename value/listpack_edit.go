// listpack_edit.go: changes of a listpack. All of them are one splice: the bytes of some entries give way to the bytes of
// others, with one Resize and one move of what follows. Growing resizes first and shrinking moves first, so that the
// entries are never cut.

package value

import (
	"encoding/binary"
	"slices"
)

// Room is where a packed value lives and is changed: the slot of a key, or a Buffer.
type Room interface {
	// Mutable returns the bytes for change in place.
	Mutable() []byte
	// Resize makes them n bytes long, keeping what fits, and returns them for change in place. What new bytes hold is
	// not said, and earlier views end.
	Resize(n int) []byte
}

// Buffer is a Room of its own, for building values. Its length is the value's, and spare capacity is kept.
type Buffer struct{ B []byte }

// Mutable returns the bytes.
func (b *Buffer) Mutable() []byte { return b.B }

// Resize makes the buffer n bytes long.
func (b *Buffer) Resize(n int) []byte {
	if more := n - len(b.B); more > 0 {
		b.B = slices.Grow(b.B, more)
	}
	b.B = b.B[:n]
	return b.B
}

// ListpackInsert inserts elements, in their order, before the one at a position, which the first of them then has;
// ListpackEnd appends. The elements must not be views of the same room.
func ListpackInsert(r Room, at int, elems ...[]byte) {
	if at == ListpackEnd {
		at = len(r.Mutable()) - 1
	}
	splice(r, at, at, 0, elems)
}

// ListpackReplace puts elem in the place of the element at a position. It must not be a view of the same room.
func ListpackReplace(r Room, at int, elem []byte) {
	end := at + Listpack(r.Mutable()).entryLen(at)
	elems := [1][]byte{elem}
	splice(r, at, end, 1, elems[:])
}

// ListpackDelete removes count elements from a position on, or as many as there are, and returns the position of what
// follows.
func ListpackDelete(r Room, at, count int) int {
	l := Listpack(r.Mutable())
	end, removed := at, 0
	for ; removed < count && l[end] != listpackTerminator; removed++ {
		end += l.entryLen(end)
	}
	return splice(r, at, end, removed, nil).orEnd(at)
}

// splice replaces the bytes from at to end, which are those of so many entries, by the entries of elems, and returns the
// listpack as it is then.
func splice(r Room, at, end, removed int, elems [][]byte) Listpack {
	written := 0
	for _, elem := range elems {
		written += entrySize(elem)
	}
	b := r.Mutable()
	old := len(b)
	size, after := old+written-(end-at), at+written
	if size > old {
		b = r.Resize(size)
	}
	if after != end {
		copy(b[after:], b[end:old])
	}
	for _, elem := range elems {
		at += putEntry(b[at:], elem)
	}
	putListpackHeader(b[:size], len(elems)-removed)
	if size < old {
		b = r.Resize(size)
	}
	return b
}

// putListpackHeader makes the header of l right, whose number of elements has changed by more. A number that the header
// could not hold is counted again once so few bytes are left that it must fit.
func putListpackHeader(l Listpack, more int) {
	binary.LittleEndian.PutUint32(l, uint32(len(l)))
	n := l.header()
	switch {
	case n != listpackUncounted:
		n = min(n+more, listpackUncounted)
	case len(l)-listpackEmptySize < listpackUncounted*minEntry:
		n = l.count()
	}
	binary.LittleEndian.PutUint16(l[listpackCountAt:], uint16(n))
}
