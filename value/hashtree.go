// hashtree.go: the table of large hashes, sets and sorted sets: a tree ordered by the hashes of its members. The key of an entry
// is the hash, most significant byte first, and the member, so that members of the same hash are neighbours; what the member is mapped to
// is the entry's value. A scan's cursor is a place in the order of hashes, which no change of the tree moves.

package value

import (
	"encoding/binary"
)

type hashTree struct{ tree }

const (
	hashBytes = 4

	// shortKey is how long a key may be that is put together without an allocation, its hash included.
	shortKey = 128
)

// keyScratch is where a short key is put together.
type keyScratch [shortKey]byte

// key is the key of a member's entry.
func (t *hashTree) key(member []byte, scratch *keyScratch) []byte {
	return append(binary.BigEndian.AppendUint32(scratch[:0], t.nodes.Hash(member)), member...)
}

// get returns what a member is mapped to. It is valid until the tree is changed.
func (t *hashTree) get(member []byte) (val []byte, found bool) {
	var scratch keyScratch
	c, found := t.find(t.key(member, &scratch))
	if !found {
		return nil, false
	}
	_, val = c.entry()
	return val, true
}

// put maps a member to a value, and reports whether it is new.
func (t *hashTree) put(member, val []byte) (isNew bool) {
	var scratch keyScratch
	key := t.key(member, &scratch)
	c, found := t.find(key)
	if found {
		c.replace(val)
		return false
	}
	t.insert(&c, key, val)
	return true
}

// remove takes a member out, and reports whether it was there.
func (t *hashTree) remove(member []byte) bool {
	var scratch keyScratch
	c, found := t.find(t.key(member, &scratch))
	if found {
		c.remove()
	}
	return found
}

// member is the member and value at a place.
func (c *cursor) member() (member, val []byte) {
	key, val := c.entry()
	return key[hashBytes:], val
}

// each calls fn with every member and value, in no order that means anything, until it returns false. fn must not change the tree.
func (t *hashTree) each(fn func(member, val []byte) bool) {
	c := t.at(0)
	for ok := !c.isEnd(); ok; ok = c.next() {
		if !fn(c.member()) {
			return
		}
	}
}

// scan calls fn for about count members from a cursor on, and returns the cursor to go on from, 0 at the end. Cursors are at most 1<<32.
// Every member that is there from the first call to the last is seen at least once. fn must not change the tree.
func (t *hashTree) scan(from uint64, count int, fn func(member, val []byte)) (next uint64) {
	if from>>(8*hashBytes) != 0 {
		return 0
	}
	var key [hashBytes]byte
	binary.BigEndian.PutUint32(key[:], uint32(from))
	c := t.seek(key[:])
	last := uint32(0)
	for seen := 0; !c.isEnd(); seen++ {
		k, _ := c.entry()
		hash := binary.BigEndian.Uint32(k)
		if seen >= count && hash != last {
			return uint64(hash)
		}
		last = hash
		fn(c.member())
		if !c.next() {
			break
		}
	}
	return 0
}
