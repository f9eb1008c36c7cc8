// finder.go: rows by the name that a client sent, in whatever case: once a command, so without lowering, allocating or
// hashing more than eight bytes.

package command

import (
	"encoding/binary"
	"math/bits"
)

// finder is a hash table of names with open addressing. It does not change once built.
type finder struct {
	slots []named
	shift int // a hash's upper bits are a slot
}

// named is a row under a name in lower case; a slot without a row is free.
type named struct {
	name string
	row  *Row
}

const (
	finderRoom = 4                  // slots a name, about
	golden     = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio: multiplication by it fills the upper bits
	lowerCase  = 0x2020202020202020 // what makes the letters of eight bytes small, and two other bytes equal at worst
)

func newFinder(rows map[string]*Row) finder {
	size := bits.Len(uint(len(rows) * finderRoom))
	f := finder{slots: make([]named, 1<<size), shift: 64 - size}
	for name, row := range rows {
		at := nameHash([]byte(name)) >> f.shift
		for f.slots[at].row != nil {
			at = (at + 1) % uint64(len(f.slots))
		}
		f.slots[at] = named{name, row}
	}
	return f
}

// find returns the row of that name, nil if there is none.
func (f *finder) find(name []byte) *Row {
	for at := nameHash(name) >> f.shift; ; at = (at + 1) % uint64(len(f.slots)) {
		n := &f.slots[at]
		if n.row == nil || equalFold(name, n.name) {
			return n.row
		}
	}
}

// nameHash is the hash of a name, whatever its case: of its length and its first eight bytes.
func nameHash(name []byte) uint64 {
	var head uint64
	if len(name) >= 8 {
		head = binary.LittleEndian.Uint64(name)
	} else {
		for i, c := range name {
			head |= uint64(c) << (8 * i)
		}
	}
	return ((head | lowerCase) ^ uint64(len(name))) * golden
}
