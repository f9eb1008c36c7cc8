// page.go: the layout of a tree's node. A page holds entries in order, each a key and a value. The entries' bytes stand where
// there was room, from the front; where they begin stands in slots at the back, in the order of the entries, so that to
// insert or remove one moves a few bytes for each that follows, and not their contents.
//
//	count 2 | top 2 | waste 2 | entries ... free ... | slot n-1 | ... | slot 1 | slot 0
//	entry: key length, value length (varints), key, value
//	slot: where the entry begins 2 | head 4, in pages of trees that have keys | child 4, count 4, above the leaves
//
// top is where the free room begins, waste how many bytes below it belong to entries that are gone. A page with a single entry that is
// too large for a normal one is as long as it must be, and takes no others.
//
// A head is the first four bytes of the entry's key, as a number that compares as they do: of a hash, all of it. A search goes over heads,
// which stand side by side, and looks at a key only where the heads are equal. Without them each step of it was a cache miss,
// about twelve for an insertion into a table of 400,000 members. Above the leaves what leads on stands there too: entries are
// separators alone, and seldom looked at.

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

	// What a slot has behind the entry's place.
	slotHead  = 2
	slotChild = slotHead + headBytes
	slotBelow = slotChild + 4
	headBytes = 4
	moreAbove = 8 // child and count

	// The highest bits of the count say what the slots have.
	headedBit = 15
	innerBit  = 14
	formMask  = 1<<headedBit | 1<<innerBit

	// topOfLarge stands for the top of a page that is longer than two bytes can say: it has no room.
	topOfLarge = 0xffff
)

func (p page) u16(at int) int       { return int(binary.LittleEndian.Uint16(p[at:])) }
func (p page) putU16(at int, v int) { binary.LittleEndian.PutUint16(p[at:], uint16(v)) }

// pageForm is what slots have.
type pageForm int

// The forms of pages.
const (
	listLeaf  pageForm = 0
	keyedLeaf pageForm = 1 << headedBit
	innerNode pageForm = 1<<headedBit | 1<<innerBit
)

// leafOf is the form of a leaf whose first entry has this key.
func leafOf(key []byte) pageForm {
	if len(key) > 0 {
		return keyedLeaf
	}
	return listLeaf
}

// slotBytes is how long a slot is.
func (f pageForm) slotBytes() int {
	return slotHead + int(f)>>headedBit*headBytes + int(f)>>innerBit&1*moreAbove
}

func (p page) form() pageForm { return pageForm(p.u16(pageCount) & formMask) }
func (p page) count() int     { return p.u16(pageCount) &^ formMask }
func (p page) isHeaded() bool { return p.u16(pageCount)>>headedBit != 0 }
func (p page) slotBytes() int { return pageForm(p.u16(pageCount)).slotBytes() }

// putCount sets the number of entries.
func (p page) putCount(n int) { p.putU16(pageCount, p.u16(pageCount)&formMask|n) }

// clear makes the page an empty one.
func (p page) clear(f pageForm) {
	p.putU16(pageCount, int(f))
	p.putU16(pageTop, pageHeader)
	p.putU16(pageWaste, 0)
}

// child returns which node the ith entry of a page above the leaves leads to, and how many entries are below that.
func (p page) child(i int) (node uint32, below int) {
	slot := p[len(p)-innerNode.slotBytes()*(i+1):]
	return binary.LittleEndian.Uint32(slot[slotChild:]), int(binary.LittleEndian.Uint32(slot[slotBelow:]))
}

// below is the place of the number of entries below the ith child.
func (p page) below(i int) *counter {
	at := len(p) - innerNode.slotBytes()*(i+1) + slotBelow
	return (*counter)(p[at : at+4])
}

// setChild says where the ith entry of a page above the leaves leads.
func (p page) setChild(i int, node uint32, below int) {
	slot := p[len(p)-innerNode.slotBytes()*(i+1):]
	binary.LittleEndian.PutUint32(slot[slotChild:], node)
	binary.LittleEndian.PutUint32(slot[slotBelow:], uint32(below))
}

// counter is the number of entries below a child, where it stands.
type counter [4]byte

func (c *counter) add(n int) {
	binary.LittleEndian.PutUint32(c[:], uint32(int(binary.LittleEndian.Uint32(c[:]))+n))
}

func (p page) slotAt(i int) int { return len(p) - p.slotBytes()*(i+1) }

// headOf is the head of a key.
func headOf(key []byte) uint32 {
	if len(key) >= headBytes {
		return binary.BigEndian.Uint32(key)
	}
	var b [headBytes]byte
	copy(b[:], key)
	return binary.BigEndian.Uint32(b[:])
}

// head is the ith head of a page that has them.
func (p page) head(i int) uint32 {
	return binary.LittleEndian.Uint32(p[p.slotAt(i)+slotHead:])
}

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

// used is how many bytes of the page its entries take, with their slots and its header.
func (p page) used() int {
	if p.u16(pageTop) == topOfLarge {
		return len(p)
	}
	return p.u16(pageTop) - p.u16(pageWaste) + p.slotBytes()*p.count()
}

// free is how many bytes there are between entries and slots.
func (p page) free() int {
	if p.u16(pageTop) == topOfLarge {
		return 0
	}
	return len(p) - p.slotBytes()*p.count() - p.u16(pageTop)
}

// insert puts an entry before the ith. It must have room for it and its slot.
func (p page) insert(i int, key, val []byte) { p.insertHeaded(i, headOf(key), key, val) }

// insertChild puts a child in before the ith entry of a page above the leaves, behind a separator.
func (p page) insertChild(i int, sep *separator, node uint32, below int) {
	p.insertHeaded(i, sep.head, sep.key, sep.mark())
	p.setChild(i, node, below)
}

// insertHeaded is insert for an entry whose head is not that of the key that stands in it.
func (p page) insertHeaded(i int, head uint32, key, val []byte) {
	n, at := p.count(), p.u16(pageTop)
	size := p.slotBytes()
	last, slot := len(p)-size*(n+1), len(p)-size*(i+1)
	copy(p[last:], p[last+size:slot+size])
	p.putSlot(slot, size, at, head)
	at = p.putEntry(at, key, val)
	p.putU16(pageTop, min(at, topOfLarge))
	p.putCount(n + 1)
}

// putSlot writes a slot of so many bytes.
func (p page) putSlot(slot, size, at int, head uint32) {
	p.putU16(slot, at)
	if size > slotHead {
		binary.LittleEndian.PutUint32(p[slot+slotHead:], head)
	}
}

// putEntry writes an entry and returns where it ends.
func (p page) putEntry(at int, key, val []byte) int {
	if len(key)|len(val) < 0x80 {
		p[at], p[at+1] = byte(len(key)), byte(len(val))
		at += 2
	} else {
		at += binary.PutUvarint(p[at:], uint64(len(key)))
		at += binary.PutUvarint(p[at:], uint64(len(val)))
	}
	at += copy(p[at:], key)
	return at + copy(p[at:], val)
}

// remove takes the ith entry out. Its bytes stay where they are.
func (p page) remove(i int) {
	n, size := p.count(), p.slotBytes()
	key, val, end := p.bounds(i)
	p.putU16(pageWaste, p.u16(pageWaste)+entryBytes(val-key, end-val))
	last, slot := len(p)-size*n, len(p)-size*(i+1)
	copy(p[last+size:], p[last:slot])
	p.putCount(n - 1)
}

// appendFrom adds the entries from to to-1 of another page of the same form at the end; there must be room.
func (p page) appendFrom(other page, from, to int) {
	n, at, size := p.count(), p.u16(pageTop), p.slotBytes()
	for i := from; i < to; i++ {
		k, v := other.entry(i)
		slot, old := len(p)-size*(n+1), len(other)-size*(i+1)
		p.putU16(slot, at)
		copy(p[slot+slotHead:slot+size], other[old+slotHead:old+size])
		at = p.putEntry(at, k, v)
		n++
	}
	p.putU16(pageTop, min(at, topOfLarge))
	p.putCount(n)
}

// expect says that a leaf which is about to be searched has n entries, as the page above says of it. Where a search looks first follows
// from that alone, so it need not wait for the leaf's header, which is a cache miss of its own: both are under way at once, the header
// for this comparison.
func (p page) expect(n int) {
	if p.count() != n {
		panic("value: a leaf has not as many entries as are counted above it")
	}
}

// search returns the first of a leaf's n entries whose key is not below the given one, and whether it is equal.
func (p page) search(key []byte, n int) (i int, found bool) {
	if p.isHeaded() {
		return p.searchHeads(headOf(key), key, 0, n)
	}
	low, high := 0, n
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

// searchHeads is search between two slots.
func (p page) searchHeads(head uint32, key []byte, low, high int) (i int, found bool) {
	size, end := keyedLeaf.slotBytes(), len(p)+slotHead
	for low < high {
		mid := int(uint(low+high) >> 1)
		switch h := binary.LittleEndian.Uint32(p[end-size*(mid+1):]); {
		case h < head:
			low = mid + 1
		case h > head:
			high = mid
		default:
			switch c := compare(p.key(mid), key); {
			case c < 0:
				low = mid + 1
			case c == 0:
				return mid, true
			default:
				high = mid
			}
		}
	}
	return low, false
}
