// limits.go: what shards need of the configuration, one immutable value behind an atomic pointer that each message
// loads once, and the counters that a shard keeps of itself.

package shards

import "respite/value"

// Policy is how keys are chosen for eviction.
type Policy struct {
	Volatile bool // only keys with a deadline
	Order    EvictionOrder
}

// EvictionOrder says which of the sampled keys goes first.
type EvictionOrder uint8

// The orders of maxmemory-policy. NoEviction refuses writes instead.
const (
	NoEviction EvictionOrder = iota
	LeastRecent
	LeastFrequent
	AnyKey
	SoonestDeadline
)

// Limits are the settings that shards obey.
type Limits struct {
	MaxMemory    int64 // bytes; 0: none
	Policy       Policy
	Samples      int   // keys looked at for one eviction
	LFULogFactor int   // lfu-log-factor
	LFUDecay     int64 // lfu-decay-time, minutes
	KeepExpired  bool  // no active expiry (DEBUG SET-ACTIVE-EXPIRE 0): keys expire when they are touched
	HotEvery     int64 // of so many commands one is looked at for hot keys; 0: none
	Overhead     func() int64
	Spike        int64                           // nanoseconds from which work that no command asked for is told of; 0: never
	Spiked       func(event string, nanos int64) // tells of it; must not wait
	Encoding     value.Limits
	Notices      *Notices // keyspace notifications; nil: none
	TrackedKeys  int64    // keys that clients have read, of all shards, that are remembered for them; 0: no limit
}

// SetLimits replaces the limits; messages that start later obey the new ones.
func (g *Group) SetLimits(l Limits) {
	if old := g.limits.Swap(&l); old.KeepExpired && !l.KeepExpired || l.evicts() && g.exceeds(l.MaxMemory) {
		g.Tick()
	}
	g.boundInterest(&l)
}

// spiked tells of work that no command asked for, if it was long.
func (l *Limits) spiked(event string, nanos int64) {
	if l.Spike > 0 && nanos >= l.Spike {
		l.Spiked(event, nanos)
	}
}

// evicts reports whether keys go when memory is short.
func (l *Limits) evicts() bool { return l.MaxMemory != 0 && l.Policy.Order != NoEviction }

// Limits returns the limits in force.
func (g *Group) Limits() Limits { return *g.limits.Load() }

// Stats are the counters of a shard, since the start or the last reset.
type Stats struct {
	Hits, Misses  int64
	Expired       int64 // keys removed because their deadline had passed
	ExpiredStale  int64 // of those, by the shard's own turns
	ExpiredFields int64 // fields of hashes removed because their deadlines had passed
	Evicted       int64
	Dirty         int64 // changes that commands made, counted as Redis counts them
	ExpiryTurns   int64
	ExpiryTurnsNS int64 // time spent in them
}

func (s *Stats) add(o Stats) {
	s.Hits += o.Hits
	s.Misses += o.Misses
	s.Expired += o.Expired
	s.ExpiredStale += o.ExpiredStale
	s.ExpiredFields += o.ExpiredFields
	s.Evicted += o.Evicted
	s.Dirty += o.Dirty
	s.ExpiryTurns += o.ExpiryTurns
	s.ExpiryTurnsNS += o.ExpiryTurnsNS
}

// Stats adds up the counters of the shards that the transaction holds.
func (tx *Tx) Stats() (sum Stats) {
	tx.eachShard(func(s *shard) { sum.add(s.stats) })
	return sum
}

// ResetStats zeroes the counters of the shards that the transaction holds, but for Dirty, which is not a statistic.
func (tx *Tx) ResetStats() {
	tx.eachShard(func(s *shard) { s.stats = Stats{Dirty: s.stats.Dirty} })
}
