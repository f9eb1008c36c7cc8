// evict.go: room for a write when memory is short. The budget is the whole server's; a shard gives keys of its own, so
// eviction needs no other shard. Candidates are sampled near a random place of the table, and the worst goes.

package shards

import (
	"math"
	"math/rand/v2"

	"respite/keyspace"
)

const (
	maxEvictions = 128 // keys that one command may have to wait for
	evictSweep   = 256 // nodes of evicted collections that it frees
)

// MakeRoom evicts from the held shard until memory is within its limit, and reports whether it is (or some headway was
// made, so that the command may go on). The executor calls it before a command that may use more memory.
func (tx *Tx) MakeRoom() bool {
	if tx.limits.MaxMemory == 0 || !tx.over() || tx.g.keeping.Load() {
		return true
	}
	if tx.limits.Policy.Order == NoEviction {
		return false
	}
	evicted, start := 0, tx.g.clock()
	defer func() { tx.limits.spiked(spikeEviction, tx.g.clock()-start) }()
	tx.eachShard(func(s *shard) {
		most := maxEvictions
		if s.frozen != nil {
			most = 1 // it may be kept for the snapshot, and nothing is gained yet
		}
		if s.freeing {
			s.freeEvicted()
		}
		for evicted < most && tx.g.freeing.Load() == 0 && tx.over() && s.evictOne(tx) {
			evicted++
			s.freeEvicted()
		}
	})
	return evicted > 0 || tx.g.freeing.Load() > 0 || !tx.over()
}

// freeEvicted frees nodes of a collection that was evicted. A large one takes several commands and turns; until it is gone no shard
// evicts more, since what it will have freed is not counted yet.
func (s *shard) freeEvicted() {
	left := evictSweep
	for _, d := range s.dbs {
		if left > 0 && d.space.Doomed() {
			s.touch(d)
			d.space.Sweep(left)
			left = 0
		}
	}
	s.publish()
	s.noteFreeing(true)
}

// noteFreeing notes whether evicted collections are still to be freed; what is to be freed for another reason counts only if there were any.
func (s *shard) noteFreeing(evicted bool) {
	doomed := false
	for _, d := range s.dbs {
		doomed = doomed || d.space.Doomed()
	}
	switch {
	case doomed && evicted && !s.freeing:
		s.freeing = true
		s.g.freeing.Add(1)
	case !doomed && s.freeing:
		s.freeing = false
		s.g.freeing.Add(-1)
	}
}

// IsShort reports whether more memory is used than may be.
func (g *Group) IsShort() bool {
	l := g.limits.Load()
	return l.MaxMemory != 0 && g.exceeds(l.free())
}

func (tx *Tx) over() bool { return tx.g.exceeds(tx.limits.free()) }

// free is how much keys and values may take, in bytes.
func (l *Limits) free() int64 {
	if l.Overhead == nil {
		return l.MaxMemory
	}
	return l.MaxMemory - l.Overhead()
}

// evictOne removes the worst of a few sampled keys of a random database that has any.
func (s *shard) evictOne(tx *Tx) bool {
	first := rand.IntN(len(s.dbs))
	for i := range s.dbs {
		index := (first + i) % len(s.dbs)
		d := s.dbs[index]
		if ref := tx.worst(d); ref != 0 {
			s.evict(tx, index, d, ref)
			return true
		}
	}
	return false
}

// evictDue evicts without a command that asks for memory: a limit that has been lowered is kept soon. It reports whether more
// is to go.
func (s *shard) evictDue(now int64) (more bool) {
	tx := &s.tx
	if !tx.limits.evicts() || !tx.over() || s.g.keeping.Load() {
		return false
	}
	tx.Begin(0, now)
	defer tx.End()
	return tx.MakeRoom() && tx.over()
}

func (s *shard) evict(tx *Tx, index int, d *db, ref keyspace.Ref) {
	was := tx.db
	tx.db = index
	key := d.space.Key(ref)
	tx.preImage(s, d, key, ref)
	d.remove(ref)
	s.stats.Evicted++
	tx.changed(s, key, EventEvicted)
	quiet := tx.quiet
	tx.Step(was) // now the key's memory is free, and counted so
	tx.quiet = quiet
	s.publish()
}

// worst samples keys of one database and returns the one to evict, 0 if none qualifies.
func (tx *Tx) worst(d *db) (worst keyspace.Ref) {
	if d.space.Len() == 0 || (tx.limits.Policy.Volatile && d.timed() == 0) {
		return 0
	}
	low := int64(math.MinInt64)
	for range 1 + sampleRetries {
		d.space.Sample(rand.Uint64(), tx.limits.Samples, func(ref keyspace.Ref) {
			if tx.limits.Policy.Volatile && !d.space.HasTimer(ref) {
				return
			}
			if score := tx.score(d, ref); score > low || worst == 0 {
				low, worst = score, ref
			}
		})
		if worst != 0 {
			return worst
		}
	}
	return 0
}

const sampleRetries = 63 // samples taken in search of a key with a deadline

// score orders candidates: the highest goes first.
func (tx *Tx) score(d *db, ref keyspace.Ref) int64 {
	switch tx.limits.Policy.Order {
	case LeastRecent:
		return tx.Idle(d.space.Recency(ref))
	case LeastFrequent:
		return lfuMax - int64(tx.Frequency(d.space.Recency(ref)))
	case SoonestDeadline:
		return -d.space.Deadline(uint32(ref))
	default:
		return 0
	}
}
