// hash.go: hashes. A small one is a listpack of fields and their values in turn, in the order in which the fields came; a large one is a
// hash tree that maps fields to values.
//
// The invariant of a packed one: fields are distinct, and each has a value. When it becomes large is Redis's rule: with a field or
// value longer than HashMaxListpackValue, with more fields than HashMaxListpackEntries, or at once with a command that brings more
// fields than those, be they distinct or not (HashCell.Expect).

package value

import (
	"fmt"

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
	places []int    // of the fields in packed, once Index was called
	tree   hashTree
}

// ViewHash opens a hash to read.
func ViewHash(v View) HashView {
	if v.Kind == KindHashPacked {
		return HashView{packed: Listpack(v.Bytes)}
	}
	return HashView{tree: hashTree{v.treeAt(0)}}
}

// Len returns the number of fields.
func (h *HashView) Len() int {
	if h.packed != nil {
		return h.packed.Len() / hashStride
	}
	return h.tree.len
}

// IsPacked reports whether the hash is a listpack.
func (h *HashView) IsPacked() bool { return h.packed != nil }

// find returns the position of a field in a packed hash, or ListpackEnd.
func (h *HashView) find(field []byte) int {
	return h.packed.Find(h.packed.First(), field, hashStride-1)
}

// Get returns the value of a field; ok is false if there is no such field.
func (h *HashView) Get(field []byte) (val Element, ok bool) {
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

// Each calls fn with every field and its value until it returns false: in the order in which they came if the hash is packed, else in any.
func (h *HashView) Each(fn func(field, val Element) bool) {
	if h.packed == nil {
		h.tree.each(func(field, val []byte) bool { return fn(Element{Text: field}, Element{Text: val}) })
		return
	}
	for at := h.packed.First(); at != ListpackEnd; {
		val := h.packed.Next(at)
		if !fn(h.packed.At(at), h.packed.At(val)) {
			return
		}
		at = h.packed.Next(val)
	}
}

// At returns the field of a rank in the order of Each, from 0, and its value.
func (h *HashView) At(rank int) (field, val Element) {
	if h.packed == nil {
		c := h.tree.at(rank)
		field, val := c.member()
		return Element{Text: field}, Element{Text: val}
	}
	at := 0
	if h.places != nil {
		at = h.places[rank]
	} else {
		at = h.packed.Seek(hashStride * rank)
	}
	return h.packed.At(at), h.packed.At(h.packed.Next(at))
}

// Index prepares a packed hash for many calls of At, each of which walks through the hash otherwise.
func (h *HashView) Index() {
	if h.packed == nil {
		return
	}
	h.places = make([]int, 0, h.Len())
	for at := h.packed.First(); at != ListpackEnd; at = h.packed.Next(h.packed.Next(at)) {
		h.places = append(h.places, at)
	}
}

// Scan calls fn for about count fields from a cursor on, and returns the cursor to go on from, 0 at the end. A packed hash is returned
// whole, whatever the cursor. Every field that is there from the first call to the last is seen at least once.
func (h *HashView) Scan(cursor uint64, count int, fn func(field, val Element)) (next uint64) {
	if h.packed == nil {
		return h.tree.scan(cursor, count, func(field, val []byte) { fn(Element{Text: field}, Element{Text: val}) })
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
	fields int // of a packed one
	bytes  int // of a packed one when it was opened
}

// OpenHash opens the hash in a cell for change; an empty cell becomes an empty hash.
func OpenHash(cell Cell, limits *Limits) HashCell {
	h := HashCell{cell: cell, limits: limits}
	switch v := cell.View(); {
	case v.Bytes == nil:
		cell.Put(KindHashPacked, EmptyListpack())
	case v.Kind == KindHashTable:
		h.tree, h.large = hashTree{v.treeAt(0)}, true
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

// Set gives a field a value, and reports whether the field is new.
func (h *HashCell) Set(field, val []byte) (isNew bool) {
	if !h.large && (h.isLong(field) || h.isLong(val)) {
		h.enlarge()
	}
	if h.large {
		isNew = h.tree.put(field, val)
		h.save()
		return isNew
	}
	p := HashView{packed: h.cell.Mutable()}
	if at := p.find(field); at != ListpackEnd {
		ListpackReplace(h.cell, p.packed.Next(at), val)
	} else {
		ListpackInsert(h.cell, ListpackEnd, field, val)
		h.fields++
		isNew = true
	}
	if int64(h.fields) > h.limits.HashMaxListpackEntries {
		h.enlarge()
	}
	return isNew
}

// Remove takes a field out, and reports whether it was there.
func (h *HashCell) Remove(field []byte) bool {
	if h.large {
		found := h.tree.remove(field)
		if found {
			h.save()
		}
		return found
	}
	p := HashView{packed: h.cell.Mutable()}
	at := p.find(field)
	if at == ListpackEnd {
		return false
	}
	ListpackDelete(h.cell, at, hashStride)
	h.fields--
	return true
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
