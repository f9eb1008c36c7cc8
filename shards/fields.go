// fields.go: fields of hashes that expire. A hash with deadlines is registered in its database's schedule under the earliest of them, or
// one that was it once: when that time has come, a turn of the shard takes the fields that are due and registers the hash anew.
//
// The invariant: a registered hash is in the schedule under the time that its value says and under no other, and that time is not after any
// deadline. Whoever lets a value go calls forget before; Slot.Put registers what it puts, so that renamed, copied and restored hashes are
// registered where they come to be; a handler that has set deadlines calls Slot.Schedule. Handlers that put deadlines off or take
// them need do nothing: the turn that comes too early finds nothing.

package shards

import (
	"respite/keyspace"
	"respite/value"
)

// fieldsAtOnce is how many due fields of a large hash are removed between two looks at the clock: some 40 microseconds.
const fieldsAtOnce = 16

// forget takes an entry that is about to go, or to be overwritten, out of the schedule.
func (d *db) forget(ref keyspace.Ref) {
	if value.IsTimed(d.space.Kind(ref)) {
		d.unregister(ref)
	}
}

func (d *db) unregister(ref keyspace.Ref) {
	if at := value.Registered(Item{d, ref}.View()); at != 0 {
		d.fields.Remove(at, d.space.Key(ref))
	}
}

// Schedule says that fields of the hash have got deadlines: it will be looked at when the earliest has passed.
func (s *Slot) Schedule() {
	if s.ref == 0 || !value.IsTimed(s.Item().Kind()) {
		return
	}
	v := s.View()
	earliest, at := value.EarliestDeadline(v), value.Registered(v)
	if earliest != 0 && (at == 0 || earliest < at) {
		s.register(at, earliest)
	}
}

// register moves the hash in the schedule, from one time to another; 0 is none.
func (s *Slot) register(from, to int64) {
	if from != 0 {
		s.d.fields.Remove(from, s.key)
	}
	if to != 0 {
		s.d.fields.Add(s.d.space.Nodes(), to, s.key)
	}
	value.SetRegistered(s, to)
}

// arrive registers a hash that has just been put here, whatever it says of where it came from.
func (s *Slot) arrive(k keyspace.Kind) {
	if value.IsTimed(k) {
		s.register(0, value.EarliestDeadline(s.View()))
	}
}

// FieldsExpired says that n fields of a hash were removed because their deadlines had passed.
func (tx *Tx) FieldsExpired(key []byte, n int) {
	s, _ := tx.home(key)
	s.fieldsExpired(tx, key, n)
}

func (s *shard) fieldsExpired(tx *Tx, key []byte, n int) {
	s.stats.ExpiredFields += int64(n)
	tx.changed(s, key, EventHExpired)
}

// expireFieldsFor removes due fields of one database until none is left or the turn, begun at start, has lasted long enough, and
// reports whether more are due.
func (s *shard) expireFieldsFor(index int, d *db, start int64) (more bool) {
	for {
		at, ok := d.fields.Next()
		if !ok || at >= start/millisecond {
			return false
		}
		s.expireFieldsOf(index, d, at, start)
		if s.g.clock()-start > turnTime {
			return true
		}
	}
}

// expireFieldsOf takes the first hash of the schedule, in a transaction of its own, and removes due fields of it as long as the turn has time.
func (s *shard) expireFieldsOf(index int, d *db, at, start int64) {
	tx := &s.tx
	tx.Begin(index, start)
	defer tx.End()
	first, _ := d.fields.First()
	s.key = append(s.key[:0], first...)
	ref := tx.find(s, d, s.key)
	if ref == 0 || !value.IsTimed(d.space.Kind(ref)) || value.Registered(Item{d, ref}.View()) != at {
		d.fields.Remove(at, s.key) // the key has expired, or a failed command has left this behind
		return
	}
	tx.preImage(s, d, s.key, ref)
	slot := tx.hold(d, s.key, ref)
	h := value.OpenHash(slot, tx.Encoding())
	removed, more := h.RemoveDue(tx.Now(), fieldsAtOnce) // a few whatever the time, lest keys that expire leave no turn to fields
	for more && s.g.clock()-start <= turnTime {
		n := 0
		n, more = h.RemoveDue(tx.Now(), fieldsAtOnce)
		removed += n
	}
	s.afterExpiry(tx, slot, removed, h.Len())
}

// afterExpiry registers a hash of which fields have been removed anew, tells of it, and drops one that has left fields.
func (s *shard) afterExpiry(tx *Tx, slot *Slot, removed, left int) {
	if left > 0 {
		v := slot.View()
		slot.register(value.Registered(v), value.EarliestDeadline(v))
	}
	if removed > 0 {
		s.fieldsExpired(tx, slot.key, removed)
	}
	if left == 0 {
		slot.Delete()
		tx.Also(slot.key, EventDel)
	}
}
