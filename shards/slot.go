// slot.go: a key that is open for change. Handlers check everything before they open one, so no error follows a Write.

package shards

import (
	"respite/keyspace"
	"respite/value"
)

// ErrFull is what a Slot panics with when a shard's arena has no room left; the executor answers it as out of memory.
var ErrFull = keyspace.ErrFull

// Slot is one key of an open transaction, present or not, open for change.
type Slot struct {
	tx  *Tx
	d   *db
	db  int // d's number
	key []byte
	ref keyspace.Ref
}

// Exists reports whether the key is there.
func (s *Slot) Exists() bool { return s.ref != 0 }

// Item views what the key holds; only if it exists.
func (s *Slot) Item() Item { return Item{s.d, s.ref} }

// View is Item for the data types. With Mutable, Resize, Put and SetKind it makes a slot the value.Cell that a collection is changed in.
func (s *Slot) View() value.View {
	var e keyspace.Entry
	if s.ref != 0 {
		e = s.d.space.Entry(s.ref)
	}
	return value.View{Kind: e.Kind, Bytes: e.Value, Nodes: s.d.space.Nodes()}
}

// Put sets the key to a copy of v. A deadline stays: Persist drops it.
func (s *Slot) Put(k keyspace.Kind, v []byte) {
	if s.ref == 0 {
		s.place(s.d.space.Insert(s.key, k, v))
		s.created()
	} else {
		s.d.forget(s.ref)
		s.place(s.d.space.Replace(s.ref, k, v))
	}
	s.arrive(k)
}

// PutOwned is Put for a v that the keyspace may keep as its own instead of copying it: a string's.
func (s *Slot) PutOwned(k keyspace.Kind, v []byte) {
	if s.ref == 0 {
		s.place(s.d.space.InsertOwned(s.key, k, v))
		s.created()
		return
	}
	s.d.forget(s.ref)
	s.place(s.d.space.ReplaceOwned(s.ref, k, v))
}

// created is what follows the appearance of a key.
func (s *Slot) created() {
	s.tx.fresh(s.d, s.ref)
	s.tx.note(s.db, s.key, EventNew)
}

// Resize makes the value n bytes long, keeping what fits and filling with zeros, and returns it for change in place.
func (s *Slot) Resize(n int) []byte {
	ref, view, err := s.d.space.Resize(s.ref, n)
	s.place(ref, err)
	return view
}

// Mutable returns the value for change in place.
func (s *Slot) Mutable() []byte { return s.d.space.Mutable(s.ref) }

// SetKind changes what the key's bytes are taken for.
func (s *Slot) SetKind(k keyspace.Kind) { s.d.space.SetKind(s.ref, k) }

// SetRecency sets the 24 bits of access time or frequency.
func (s *Slot) SetRecency(r uint32) { s.d.space.SetRecency(s.ref, r) }

// SetIdle makes the key one that was last used so many seconds ago. Under an LFU policy nothing happens.
func (s *Slot) SetIdle(seconds int64) {
	if !s.tx.Frequent() {
		s.SetRecency((s.tx.clock24() - uint32(seconds)) & recencyMask)
	}
}

// SetFrequency sets the counter of accesses of an LFU policy. Under another one nothing happens.
func (s *Slot) SetFrequency(counter uint8) {
	if s.tx.Frequent() {
		s.SetRecency(s.tx.minutes16()<<8 | uint32(counter))
	}
}

// SetDeadline makes the key expire at a time in unix milliseconds.
func (s *Slot) SetDeadline(ms int64) {
	if s.d.space.HasTimer(s.ref) {
		s.d.wheel.Reset(uint32(s.ref), ms)
		return
	}
	s.d.needWheel(s.tx.Now())
	s.place(s.d.space.AddTimer(s.ref))
	s.d.wheel.Add(uint32(s.ref), ms)
}

// Persist drops the deadline and reports whether there was one.
func (s *Slot) Persist() bool {
	if s.ref == 0 || !s.d.space.HasTimer(s.ref) {
		return false
	}
	s.d.wheel.Remove(uint32(s.ref))
	s.ref = s.d.space.DropTimer(s.ref)
	return true
}

// Delete removes the key and reports whether it was there.
func (s *Slot) Delete() bool {
	if s.ref == 0 {
		return false
	}
	s.d.remove(s.ref)
	s.ref = 0
	return true
}

func (s *Slot) place(ref keyspace.Ref, err error) {
	if err != nil {
		panic(ErrFull)
	}
	s.ref = ref
}

// remove takes a key and its deadlines out of the database.
func (d *db) remove(ref keyspace.Ref) {
	d.forget(ref)
	if d.space.HasTimer(ref) {
		d.wheel.Remove(uint32(ref))
	}
	d.space.Delete(ref)
}
