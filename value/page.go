// page.go: the layout of a tree's node. A page holds entries in order, each a key and a value. The entries' bytes stand where
// there was room, from the front; where they begin stands in slots of two bytes at the back, in the order of the entries, so that to
// insert or remove one moves two bytes for each that follows, and not their contents.
//
//	count 2 | top 2 | waste 2 | entries ... free ... | slot n-1 | ... | slot 1 | slot 0
//	entry: key length, value length (varints), key, value
//
// top is where the free room begins, waste how many bytes below it belong to entries that are gone. A page with a single entry that is
// too large for a normal one is as long as it must be, and takes no others.

package value

import (
	"encoding/binary"
	"math/bits"
)

type page []byte

const (
	pageCount  = 0
	pageTop    = 2
	pageWaste  = 4
	pageHeader = 6
	slotBytes  = 2

	// topOfLarge stands for the top of a page that is longer than two bytes can say: it has no room.
	topOfLarge = 0xffff
)

func (p page) u16(at int) int       { return int(binary.LittleEndian.Uint16(p[at:])) }
func (p page) putU16(at int, v int) { binary.LittleEndian.PutUint16(p[at:], uint16(v)) }

func (p page) count() int { return p.u16(pageCount) }

// clear makes the page an empty one.
func (p page) clear() {
	p.putU16(pageCount, 0)
	p.putU16(pageTop, pageHeader)
	p.putU16(pageWaste, 0)
}

func (p page) slotAt(i int) int { return len(p) - slotBytes*(i+1) }

// bounds returns where the ith key begins, where it ends and its value begins, and where that ends.
func (p page) bounds(i int) (key, val, end int) {
	at := p.u16(p.slotAt(i))
	k, v := int(p[at]), int(p[at+1])
	at += 2
	if k|v >= 0x80 {
		k, v, at = p.longLengths(at - 2)
	}
	return at, at + k, at + k + v
}

// entry returns the ith key and value.
func (p page) entry(i int) (key, val []byte) {
	k, v, end := p.bounds(i)
	return p[k:v:v], p[v:end:end]
}

// longLengths reads the lengths of an entry at a position, and where its key begins.
func (p page) longLengths(at int) (k, v, key int) {
	n, used := binary.Uvarint(p[at:])
	at += used
	m, used := binary.Uvarint(p[at:])
	return int(n), int(m), at + used
}

func (p page) key(i int) []byte {
	k, v, _ := p.bounds(i)
	return p[k:v:v]
}

// entryBytes is what an entry takes, its slot apart.
func entryBytes(key, val int) int { return uvarintBytes(key) + uvarintBytes(val) + key + val }

func uvarintBytes(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }

// pageBytes is how long a page must be that holds n entries of so many bytes altogether.
func pageBytes(n, entries int) int { return pageHeader + n*slotBytes + entries }

// used is how many bytes of the page its entries take, with their slots and its header.
func (p page) used() int {
	if p.u16(pageTop) == topOfLarge {
		return len(p)
	}
	return p.u16(pageTop) - p.u16(pageWaste) + slotBytes*p.count()
}

// free is how many bytes there are between entries and slots.
func (p page) free() int {
	if p.u16(pageTop) == topOfLarge {
		return 0
	}
	return len(p) - slotBytes*p.count() - p.u16(pageTop)
}

// insert puts an entry before the ith. It must have room for it and its slot.
func (p page) insert(i int, key, val []byte) {
	n, at := p.count(), p.u16(pageTop)
	last := p.slotAt(n)
	copy(p[last:], p[last+slotBytes:p.slotAt(i)+slotBytes])
	p.putU16(p.slotAt(i), at)
	at += binary.PutUvarint(p[at:], uint64(len(key)))
	at += binary.PutUvarint(p[at:], uint64(len(val)))
	at += copy(p[at:], key)
	at += copy(p[at:], val)
	p.putU16(pageTop, min(at, topOfLarge))
	p.putU16(pageCount, n+1)
}

// remove takes the ith entry out. Its bytes stay where they are.
func (p page) remove(i int) {
	n := p.count()
	k, v := p.entry(i)
	p.putU16(pageWaste, p.u16(pageWaste)+entryBytes(len(k), len(v)))
	last := p.slotAt(n - 1)
	copy(p[last+slotBytes:], p[last:p.slotAt(i)])
	p.putU16(pageCount, n-1)
}

// appendFrom adds the entries from to to-1 of another page at the end; there must be room.
func (p page) appendFrom(other page, from, to int) {
	for i := from; i < to; i++ {
		k, v := other.entry(i)
		p.insert(p.count(), k, v)
	}
}

// search returns the first entry whose key is not below the given one, and whether it is equal.
func (p page) search(key []byte) (i int, found bool) {
	low, high := 0, p.count()
	for low < high {
		mid := int(uint(low+high) >> 1)
		switch c := compare(p.key(mid), key); {
		case c < 0:
			low = mid + 1
		case c == 0:
			return mid, true
		default:
			high = mid
		}
	}
	return low, false
}
