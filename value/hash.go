// hash.go: hashes. A small one is a listpack of fields and their values in turn, in the order in which the fields came; a large one is a
// hash tree that maps fields to values. Once a field has got a deadline, both are of another kind, which hash_timed.go is about: here
// it is met only in branches that a hash without deadlines does not take.
//
// The invariant of a packed one: fields are distinct, and each has a value. When it becomes large is Redis's rule: with a field or
// value longer than HashMaxListpackValue, with more fields than HashMaxListpackEntries, or at once with a command that brings more
// fields than those, be they distinct or not (HashCell.Expect).

package value

import (
	"fmt"
	"math"

	"respite/keyspace"
)

// The kinds of a hash.
const (
	KindHashPacked = keyspace.Kind(uint8(Hash)<<encodingBits | uint8(Packed))
	KindHashTable  = keyspace.Kind(uint8(Hash)<<encodingBits | uint8(HashTable))
)

// hashStride is how many elements of the listpack a field takes.
const hashStride = 2

// HashView is a hash to read. What its methods return is valid until the hash is changed.
type HashView struct {
	packed Listpack // nil if it is large
	from   int      // of the first field in packed that is shown
	stride int      // how many elements of packed a field takes
	places []int    // of the fields that are shown, once Index was called: positions in packed, or ranks in tree
	tree   hashTree
	record []byte // of a large one with deadlines; else nil
	now    int64  // fields with deadlines before are hidden
	hidden int    // how many fields are
	missed bool   // Get has met one of them
}

// ViewHash opens a hash to read, of which nothing is hidden.
func ViewHash(v View) HashView { return ViewHashAt(v, math.MinInt64) }

// ViewHashAt opens a hash to read as it is at a time in unix milliseconds: fields whose deadlines have passed are not there, but for Len.
func ViewHashAt(v View, now int64) HashView {
	switch v.Kind {
	case KindHashPacked:
		pack := Listpack(v.Bytes)
		return HashView{packed: pack, from: pack.First(), stride: hashStride}
	case KindHashTable:
		return HashView{tree: hashTree{v.treeAt(0)}}
	}
	return viewTimedHash(v, now)
}

// Len returns the number of fields, those included that are hidden.
func (h *HashView) Len() int {
	if h.packed != nil {
		return h.packed.Len() / h.stride
	}
	return h.tree.len
}

// Shown returns the number of fields that are not hidden.
func (h *HashView) Shown() int { return h.Len() - h.hidden }

// IsPacked reports whether the hash is a listpack.
func (h *HashView) IsPacked() bool { return h.packed != nil }

// find returns the position of a field in a packed hash, or ListpackEnd.
func (h *HashView) find(field []byte) int {
	return h.packed.Find(h.from, field, h.stride-1)
}

// Get returns the value of a field; ok is false if there is no such field.
func (h *HashView) Get(field []byte) (val Element, ok bool) {
	if h.hidden > 0 && h.hides(field) {
		h.missed = true
		return val, false
	}
	if h.packed == nil {
		text, ok := h.tree.get(field)
		return Element{Text: text}, ok
	}
	at := h.find(field)
	if at == ListpackEnd {
		return val, false
	}
	return h.packed.At(h.packed.Next(at)), true
}

// Each calls fn with every field that is shown and its value until it returns false: in the order in which they came if the hash is packed
// and none has a deadline, else in any.
func (h *HashView) Each(fn func(field, val Element) bool) {
	switch {
	case h.packed == nil && h.hidden > 0:
		h.eachShown(func(_ int, field, val []byte) bool { return fn(Element{Text: field}, Element{Text: val}) })
		return
	case h.packed == nil:
		h.tree.each(func(field, val []byte) bool { return fn(Element{Text: field}, Element{Text: val}) })
		return
	}
	for at := h.from; at != ListpackEnd; {
		val := h.packed.Next(at)
		if !fn(h.packed.At(at), h.packed.At(val)) {
			return
		}
		at = h.after(val)
	}
}

// after is the position of the field behind the one whose value is at a position.
func (h *HashView) after(val int) int {
	at := h.packed.Next(val)
	if h.stride > hashStride && at != ListpackEnd {
		at = h.packed.Next(at)
	}
	return at
}

// At returns the field of a rank in the order of Each, from 0, and its value. Of a large hash that hides fields it needs Index.
func (h *HashView) At(rank int) (field, val Element) {
	if h.places != nil {
		rank = h.places[rank]
	}
	if h.packed == nil {
		c := h.tree.at(rank)
		field, val := c.member()
		return Element{Text: field}, Element{Text: val}
	}
	at := rank
	if h.places == nil {
		at = h.seek(rank)
	}
	return h.packed.At(at), h.packed.At(h.packed.Next(at))
}

// seek is the position in packed of the field of a rank.
func (h *HashView) seek(rank int) int {
	if h.stride > hashStride {
		return h.packed.Seek(registration + h.stride*(h.hidden+rank))
	}
	return h.packed.Seek(hashStride * rank)
}

// Index prepares for many calls of At a hash that is packed, each of which walks through the hash otherwise, or that hides fields.
func (h *HashView) Index() {
	if h.packed == nil && h.hidden == 0 {
		return
	}
	h.places = make([]int, 0, h.Shown())
	if h.packed == nil {
		h.eachShown(func(rank int, _, _ []byte) bool { h.places = append(h.places, rank); return true })
		return
	}
	for at := h.from; at != ListpackEnd; at = h.after(h.packed.Next(at)) {
		h.places = append(h.places, at)
	}
}

// Scan calls fn for about count fields from a cursor on, and returns the cursor to go on from, 0 at the end. A packed hash is returned
// whole, whatever the cursor. Every field that is there from the first call to the last is seen at least once.
func (h *HashView) Scan(cursor uint64, count int, fn func(field, val Element)) (next uint64) {
	if h.packed == nil {
		return h.tree.scan(cursor, count, func(field, val []byte) {
			if h.hidden == 0 || !h.hides(field) {
				fn(Element{Text: field}, Element{Text: val})
			}
		})
	}
	h.Each(func(field, val Element) bool { fn(field, val); return true })
	return 0
}

// HashCell is a hash that is open for change.
type HashCell struct {
	cell   Cell
	limits *Limits
	tree   hashTree // of a large one
	large  bool
	timed  bool // fields may have deadlines
	fields int  // of a packed one
	bytes  int  // of a packed one when it was opened
}

// OpenHash opens the hash in a cell for change; an empty cell becomes an empty hash.
func OpenHash(cell Cell, limits *Limits) HashCell {
	h := HashCell{cell: cell, limits: limits}
	switch v := cell.View(); {
	case v.Bytes == nil:
		cell.Put(KindHashPacked, EmptyListpack())
	case v.Kind == KindHashTable:
		h.tree, h.large = hashTree{v.treeAt(0)}, true
	case v.Kind != KindHashPacked:
		h.openTimed(v)
	default:
		h.fields, h.bytes = Listpack(v.Bytes).Len()/hashStride, len(v.Bytes)
	}
	return h
}

// Expect tells which fields and values, in turn, are about to be set: with many of them or with a long one, the hash becomes large at
// once.
func (h *HashCell) Expect(pairs [][]byte) {
	if h.large {
		return
	}
	total, long := h.bytes, int64(len(pairs)/hashStride) > h.limits.HashMaxListpackEntries
	for _, b := range pairs {
		long = long || h.isLong(b)
		total += len(b)
	}
	if long || total > ListpackMax {
		h.enlarge()
	}
}

// ExpectFields tells how many fields are about to be set in an empty hash: with many of them it becomes large at once.
func (h *HashCell) ExpectFields(n int) {
	if !h.large && int64(n) > h.limits.HashMaxListpackEntries {
		h.enlarge()
	}
}

func (h *HashCell) isLong(b []byte) bool { return int64(len(b)) > h.limits.HashMaxListpackValue }

// Set gives a field a value and takes its deadline, and reports whether the field is new.
func (h *HashCell) Set(field, val []byte) (isNew bool) {
	isNew = h.SetKeeping(field, val)
	if h.timed && !isNew {
		h.Persist(field)
	}
	return isNew
}

// SetKeeping gives a field a value, leaves it its deadline, and reports whether the field is new.
func (h *HashCell) SetKeeping(field, val []byte) (isNew bool) {
	if !h.large && (h.isLong(field) || h.isLong(val)) {
		h.enlarge()
	}
	if h.large {
		isNew = h.tree.put(field, val)
		h.save()
		return isNew
	}
	pack := Listpack(h.cell.Mutable())
	if at := h.find(pack, field); at != ListpackEnd {
		ListpackReplace(h.cell, pack.Next(at), val)
	} else {
		h.append(field, val)
		h.fields++
		isNew = true
	}
	if int64(h.fields) > h.limits.HashMaxListpackEntries {
		h.enlarge()
	}
	return isNew
}

// append puts a field, which is not there, behind the others of a packed hash.
func (h *HashCell) append(field, val []byte) {
	if h.timed {
		ListpackInsert(h.cell, ListpackEnd, field, val, noDeadline)
		return
	}
	ListpackInsert(h.cell, ListpackEnd, field, val)
}

// find returns the position of a field in a packed hash, or ListpackEnd.
func (h *HashCell) find(pack Listpack, field []byte) int {
	if h.timed {
		return findTimed(pack, field)
	}
	return pack.Find(pack.First(), field, hashStride-1)
}

// Remove takes a field out, and reports whether it was there.
func (h *HashCell) Remove(field []byte) bool {
	if h.large {
		found := h.tree.remove(field)
		if found {
			h.save()
		}
		if found && h.timed {
			h.forget(field)
		}
		return found
	}
	at := h.find(h.cell.Mutable(), field)
	if at == ListpackEnd {
		return false
	}
	ListpackDelete(h.cell, at, h.stride())
	h.fields--
	return true
}

// stride is how many elements of the listpack a field takes.
func (h *HashCell) stride() int {
	if h.timed {
		return timedStride
	}
	return hashStride
}

// Len returns the number of fields.
func (h *HashCell) Len() int {
	if h.large {
		return h.tree.len
	}
	return h.fields
}

func (h *HashCell) save() { h.tree.save(h.cell.Mutable(), 0) }

// enlarge makes a tree of a packed hash. The bytes of its elements stay where they are until the cell is put anew.
func (h *HashCell) enlarge() {
	v := h.cell.View()
	if h.timed {
		h.enlargeTimed(v)
		return
	}
	h.tree, h.large = hashTree{tree{nodes: v.Nodes}}, true
	done := false
	defer func() {
		if !done {
			h.tree.giveUp()
		}
	}()
	var fieldDigits, valDigits IntText
	packed := ViewHash(v)
	packed.Each(func(field, val Element) bool {
		h.tree.put(field.Bytes(&fieldDigits), val.Bytes(&valDigits))
		return true
	})
	h.cell.Put(KindHashTable, newRecord(1, 0))
	done = true
	h.save()
}

// checkHash looks for damage in a packed hash: of the listpack, or a field without a value.
func checkHash(l Listpack) error {
	if err := l.Check(); err != nil {
		return err
	}
	if n := l.Len(); n%hashStride != 0 {
		return fmt.Errorf("%w: %d elements are no fields with values", ErrListpack, n)
	}
	return nil
}
