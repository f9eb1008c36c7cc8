// pause.go: times in which shards take no key away by themselves, for CLIENT PAUSE: what a replica or a backup is to find must not change under it.
// A key past its deadline is not found, as ever, but stays where it is; and no key is evicted.
//
// The invariant: a key is in its table once. Whoever opens a key that such a time has hidden from it (Tx.hid) takes that one away first.

package shards

import "respite/keyspace"

// KeepKeys begins such a time, or ends it. From its end on, what is due goes as usual.
func (g *Group) KeepKeys(on bool) {
	if g.keeping.Swap(on) && !on {
		g.Tick()
	}
}

// keepsExpired reports whether keys and fields past their deadlines stay until somebody touches them, or for longer.
func (g *Group) keepsExpired() bool { return g.limits.Load().KeepExpired || g.keeping.Load() }

// KeepsExpired reports whether what is past its deadline is to be hidden only, and not removed.
func (tx *Tx) KeepsExpired() bool { return tx.g.keeping.Load() }

// pass removes a key that is past its deadline, or hides it.
func (tx *Tx) pass(s *shard, d *db, ref keyspace.Ref) {
	if tx.g.keeping.Load() {
		tx.hid = true
		return
	}
	s.expire(tx, d, ref)
}

// findToWrite finds a key that is about to be written.
func (tx *Tx) findToWrite(s *shard, d *db, key []byte) keyspace.Ref {
	ref := tx.find(s, d, key)
	if ref == 0 && tx.hid {
		tx.unhide(s, d, key)
	}
	return ref
}

// unhide removes a key that was not found only because it is past its deadline.
func (tx *Tx) unhide(s *shard, d *db, key []byte) {
	if ref := d.space.Find(key); ref != 0 {
		s.expire(tx, d, ref)
	}
}
