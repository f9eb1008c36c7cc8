// database.go: the verbs that work on a whole database instead of a key. They need every shard held, but for Scan.

package shards

import (
	"math/rand/v2"

	"respite/keyspace"
	"respite/value"
)

// Len counts the keys of the current database on the shards held, those past their deadline but not yet removed
// included; timed is how many of them have a deadline.
func (tx *Tx) Len(db int) (keys, timed int) {
	tx.eachShard(func(s *shard) {
		keys += s.dbs[db].space.Len()
		timed += s.dbs[db].timed()
	})
	return keys, timed
}

// Each calls fn with every key of the current database on the shards held, until fn returns false. Keys past their
// deadline are left out. Fn must not write.
func (tx *Tx) Each(fn func(key []byte, it Item) bool) {
	goOn := true
	tx.eachShard(func(s *shard) {
		d := s.dbs[tx.db]
		d.space.Each(func(ref keyspace.Ref) bool {
			goOn = goOn && (tx.overdue(d, ref) || fn(d.space.Key(ref), Item{d, ref}))
			return goOn
		})
	})
}

func (tx *Tx) overdue(d *db, ref keyspace.Ref) bool {
	return d.space.HasTimer(ref) && d.space.Deadline(uint32(ref)) < tx.Now()
}

// Scan goes on from a cursor over about count keys of one shard of the current database, and returns the cursor to go on
// from, 0 at the end. A cursor is a position on a shard times the number of shards, plus the shard; positions follow the
// order of hashes, which growing and shrinking tables do not change, and cursors stay below 2^48. One that no Scan
// returned is as good as any other. Every key present from the first call to the last is returned at least once. Keys past their deadline are
// removed, not returned.
func (tx *Tx) Scan(cursor uint64, count int, fn func(key []byte, it Item)) uint64 {
	n := uint64(len(tx.g.shards))
	s := tx.g.shards[cursor%n]
	d := s.dbs[tx.db]
	var dead []keyspace.Ref
	next := d.space.Scan(cursor/n, count, func(ref keyspace.Ref) {
		if tx.overdue(d, ref) {
			dead = append(dead, ref)
			return
		}
		fn(d.space.Key(ref), Item{d, ref})
	})
	for _, ref := range dead {
		tx.pass(s, d, ref)
	}
	switch {
	case next != 0:
		return next*n + cursor%n
	case s.index+1 < len(tx.g.shards):
		return uint64(s.index + 1)
	}
	return 0
}

const randomTries = 100 // before RANDOMKEY gives up on finding a key that has not expired

// Random returns some key of the current database: a shard by its share of the keys, then any of its keys.
func (tx *Tx) Random() (key []byte, ok bool) {
	for range randomTries {
		total, _ := tx.Len(tx.db)
		if total == 0 {
			return nil, false
		}
		s, d, ref := tx.pick(rand.IntN(total))
		if !tx.overdue(d, ref) {
			return d.space.Key(ref), true
		}
		tx.pass(s, d, ref)
	}
	return nil, false
}

// pick finds a random key on the shard that holds the nth key of the database.
func (tx *Tx) pick(nth int) (from *shard, d *db, ref keyspace.Ref) {
	tx.eachShard(func(s *shard) {
		n := s.dbs[tx.db].space.Len()
		if from == nil && nth < n {
			from, d = s, s.dbs[tx.db]
		}
		nth -= n
	})
	return from, d, d.space.Random(rand.Uint64())
}

// FlushDB empties a database on the shards held and returns how many keys went. It costs the same for any number of
// keys: the shards' turns give the memory back.
func (tx *Tx) FlushDB(db int) (removed int) {
	tx.breakReplaced(db, db)
	tx.eachShard(func(s *shard) {
		old := s.dbs[db]
		removed += old.space.Len()
		s.abandon(old)
		s.survey.emptied(db)
		s.dbs[db] = s.g.newDB(s.seed)
		s.touch(s.dbs[db])
	})
	tx.count(removed)
	tx.flushed(db)
	tx.wakeDB(db, false)
	return removed
}

// forget leaves what a database that was emptied held to the shard's turns. Slots and pre-images of past transactions may go on pointing to the
// database until they are used again, so it must not keep the memory from being collected.
func (s *shard) forget(d *db) {
	s.charge(-d.used)
	s.gone = append(s.gone, d.space)
	d.space, d.wheel, d.fields = keyspace.New(s.seed), nil, value.Schedule{}
	d.used = d.space.Used() // of no account any more, should it be settled later
}

// clearAway goes on giving back what emptied databases held until the turn, begun at start, has lasted long enough, and reports whether
// there is more.
func (s *shard) clearAway(start int64) (more bool) {
	for len(s.gone) > 0 {
		last := len(s.gone) - 1
		if !s.gone[last].Dismantle(1) {
			s.gone[last] = nil
			s.gone = s.gone[:last]
		}
		if s.g.clock()-start > turnTime {
			break
		}
	}
	return len(s.gone) > 0
}

// SwapDB exchanges two databases. One with itself is counted as a change and is none.
func (tx *Tx) SwapDB(a, b int) {
	tx.count(1)
	if a == b {
		return
	}
	tx.breakReplaced(a, b)
	tx.breakReplaced(b, a)
	tx.eachShard(func(s *shard) {
		s.dbs[a], s.dbs[b] = s.dbs[b], s.dbs[a]
		s.survey.swapped(a, b)
	})
	tx.flushed(a)
	tx.flushed(b)
	tx.wakeDB(a, true)
	tx.wakeDB(b, true)
}

// count adds n changes, of no key, to the count of one of the shards held.
func (tx *Tx) count(n int) {
	tx.eachShard(func(s *shard) { s.stats.Dirty += int64(n); n = 0 })
}

func (tx *Tx) flushed(db int) {
	tx.changes++
	if tx.g.tracked.Load() > 0 {
		tx.voidAll()
	}
	if tx.g.observer != nil {
		tx.g.observer.Flushed(tx, db)
	}
}

// Rename gives a key a new name, both on shards that are held; the value moves without being read. Whatever the new
// name held is gone. The caller says Changed for both.
func (tx *Tx) Rename(from, to []byte) {
	src, dst := tx.Write(from), tx.Write(to)
	dst.Delete()
	sameShard := src.d == dst.d
	if sameShard {
		src.d.forget(src.ref)
		src.place(src.d.space.Rename(src.ref, to))
		dst.ref = src.ref
		dst.arrive(dst.Item().Kind())
		src.ref = 0
		tx.note(dst.db, to, EventNew)
		return
	}
	tx.Copy(src.Item(), dst)
	src.Delete()
}

// putCopy is Put of a copy of what an item holds.
func (s *Slot) putCopy(it Item) {
	kind, v := it.Kind(), s.d.space.CopyValue(it.d.space, it.Kind(), it.Value())
	done := false
	defer func() {
		if !done && kind.OwnsNodes() {
			s.d.space.Abandon(kind, v)
		}
	}()
	s.Put(kind, v)
	done = true
}

// longCopy is how many entries of a collection it takes long to copy.
const longCopy = 4096

// Copy puts an item, with its deadline, into a slot of another key. The item's own key must not be open for change.
func (tx *Tx) Copy(it Item, dst *Slot) {
	deadline, timed := it.Deadline()
	if it.View().Entries() >= longCopy {
		tx.Long()
	}
	dst.putCopy(it)
	dst.SetRecency(it.Recency())
	dst.Persist()
	if timed {
		dst.SetDeadline(deadline)
	}
}
