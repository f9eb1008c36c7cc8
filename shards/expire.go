// expire.go: keys go when their deadline has passed: at once when somebody touches them (Tx.find), and soon by the
// shard's own turns. A turn is one message like any other and bounded, so that a million keys that expire in the same
// second delay nobody by more than a turn; while more is due the shard rests a moment between turns.

package shards

import (
	"hash/maphash"
	"math"
	"time"

	"respite/expiry"
	"respite/keyspace"
	"respite/value"
)

const (
	turnTime  = 200_000 // ns that a turn goes on expiring keys, a transaction after the other
	turnWork  = 128     // units of wheel work in one of those: some 20 microseconds
	turnRest  = 1       // ms between turns while more is due, so that others get at the processors
	minRest   = 10      // ms between turns when nothing is overdue: deadlines near each other share a turn
	idleClean = 64      // blocks moved by compaction in a turn
	sweepWork = 16      // nodes of collections that are gone freed between two looks at the clock: a page falls empty, which takes 60 microseconds
)

// The events of LATENCY that shards tell of, by Redis's names.
const (
	spikeExpiry   = "expire-cycle"
	spikeEviction = "eviction-cycle"
)

// timers is the keyspace as the wheel sees it.
type timers = *keyspace.Space

func (g *Group) newDB(seed maphash.Seed) *db {
	d := &db{space: keyspace.New(seed)}
	d.space.Poison = g.poison
	if g.maxArena > 0 {
		d.space.Limit(g.maxArena)
	}
	d.space.Nodes().Children = value.Children
	return d
}

// timed is how many keys have a deadline.
func (d *db) timed() int {
	if d.wheel == nil {
		return 0
	}
	return d.wheel.Len()
}

// needWheel makes the wheel of a database whose first key gets a deadline; now is in unix milliseconds.
func (d *db) needWheel(now int64) {
	if d.wheel != nil {
		return
	}
	d.wheel = expiry.New[timers](d.space, now)
	d.space.OnMove = func(old, moved keyspace.Ref) { d.wheel.Moved(uint32(old), uint32(moved)) }
}

// expire removes one key whose deadline has passed.
func (s *shard) expire(tx *Tx, d *db, ref keyspace.Ref) {
	key := d.space.Key(ref) // the bytes stay until the transaction ends
	tx.preImage(s, d, key, ref)
	d.remove(ref)
	s.stats.Expired++
	tx.changed(s, key, EventExpired)
}

// turn is the shard's own message: expire what is due, then free some nodes, and move a few blocks if too much is free.
func (s *shard) turn() {
	tx := &s.tx
	tx.limits, tx.client = s.g.limits.Load(), 0
	start := s.g.clock()
	s.armed = math.MaxInt64
	more := false
	for i, d := range s.dbs {
		if d.used != 0 { // else it was never written
			more = s.turnOf(i, d, start) || more
		}
	}
	s.noteFreeing(false)
	tx.limits.spiked(spikeExpiry, s.g.clock()-start)
	s.surveyTurn(start / millisecond)
	more = s.letGo(start) || more
	more = s.clearAway(start) || more
	more = s.tidyInterest(tx.limits) || more
	more = s.evictDue(start) || more
	s.stats.ExpiryTurns++
	s.stats.ExpiryTurnsNS += s.g.clock() - start
	if more {
		s.rest(s.g.clock()/millisecond, turnRest)
	}
}

// turnOf is the part of a turn, begun at start, that is one database's. It reports whether more is to be done soon.
func (s *shard) turnOf(index int, d *db, start int64) (more bool) {
	s.touch(d)
	if keeps := s.g.keepsExpired(); !keeps && d.timed() > 0 {
		more = s.expireFor(index, d, start)
	}
	if keeps := s.g.keepsExpired(); !keeps && d.fields.Len() > 0 {
		more = s.expireFieldsFor(index, d, start) || more
	}
	more = s.sweepFor(d, start) || more
	_, moving := d.space.Compact(idleClean)
	return more || moving
}

// sweepFor frees nodes of collections that are gone until the turn, begun at start, has lasted long enough, and reports whether there are
// more.
func (s *shard) sweepFor(d *db, start int64) (more bool) {
	for d.space.Sweep(sweepWork) {
		if s.g.clock()-start > turnTime {
			return true
		}
	}
	return false
}

// rest sets the timer for a turn in so many milliseconds.
func (s *shard) rest(now, ms int64) {
	s.armed = now + ms
	s.timer.Reset(time.Duration(ms) * time.Millisecond)
}

// expireFor removes keys of one database until none is due or the turn, begun at start, has lasted long enough, and
// reports whether more are due.
func (s *shard) expireFor(index int, d *db, start int64) (more bool) {
	for s.expireDue(index, d, start) {
		if s.g.clock()-start > turnTime {
			return true
		}
	}
	return false
}

// expireDue removes keys of one database in a transaction of its own, and reports whether more are due.
func (s *shard) expireDue(index int, d *db, now int64) (more bool) {
	tx := &s.tx
	tx.Begin(index, now)
	defer tx.End()
	_, more = d.wheel.Due(tx.Now()-1, turnWork, func(ref uint32) {
		s.stats.ExpiredStale++
		s.expireFired(tx, d, keyspace.Ref(ref))
	})
	return more
}

// expireFired removes a key that the wheel has let go of already.
func (s *shard) expireFired(tx *Tx, d *db, ref keyspace.Ref) {
	key := d.space.Key(ref)
	tx.preImage(s, d, key, ref)
	d.forget(ref)
	d.space.Delete(ref)
	s.stats.Expired++
	tx.changed(s, key, EventExpired)
}

// arm sets the timer for what the databases just written need: their next deadline, or soon if much of one is free.
func (s *shard) arm() {
	next := int64(math.MaxInt64) // never
	if s.frozen != nil && s.frozen.closed || len(s.gone) > 0 || s.freeing {
		next = 0 // at once
	}
	for _, d := range s.touched {
		if d.space.Wasteful() || d.space.Doomed() {
			next = 0
		}
		if s.g.keepsExpired() {
			continue
		}
		if d.timed() > 0 {
			if at, ok := d.wheel.Next(); ok {
				next = min(next, at+1)
			}
		}
		if at, ok := d.fields.Next(); ok {
			next = min(next, at+1)
		}
	}
	next = min(next, s.survey.due())
	if next >= s.armed { // and the clock need not be read
		return
	}
	now := s.g.clock() / millisecond
	if at := max(next, now+minRest); at < s.armed {
		s.rest(now, at-now)
	}
}

// reclaim frees what the transaction let go of.
func (s *shard) reclaim() {
	for _, d := range s.touched {
		d.space.Reclaim()
	}
}

// ExpiryLag is how late the most overdue key or field of the transaction's shards is, in milliseconds.
func (tx *Tx) ExpiryLag() (ms int64) {
	tx.eachShard(func(s *shard) {
		for _, d := range s.dbs {
			if d.timed() > 0 {
				ms = max(ms, d.wheel.Lag(tx.Now()))
			}
			if at, ok := d.fields.Next(); ok {
				ms = max(ms, tx.Now()-at)
			}
		}
	})
	return ms
}
