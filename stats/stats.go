// Package stats counts what the server does: commands, errors, the slow log, latency events, rates, and the text of INFO.
// Nothing here knows a command or a key; rows are numbers that the command table hands out.
//
// Invariant: the counters of a shard are touched by the shard's owner alone, so counting needs no lock and no shared
// cache line; who reads or resets them all owns all shards (OnAllShards). Commands that run on connections are counted
// in stripes of their own, each behind a lock that is all but free.
package stats

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Stats is all counters of a server.
type Stats struct {
	Errors  Errors
	Slow    SlowLog
	Latency Monitor
	Rates   Rates

	shards   []shardStripe // each its shard owner's
	own      []ownStripe
	rejected []atomic.Int64
}

// stripe is the counters of commands by row.
type stripe struct{ rows []row }

// shardStripe is the share of a shard.
type shardStripe struct {
	stripe
	total atomic.Int64 // commands run, for readers that do not own the shard
	_     [64]byte     // stripes of different owners share no cache line
}

// ownStripe is the share of some connections.
type ownStripe struct {
	mu sync.Mutex
	stripe
	total int64
	_     [64]byte
}

type row struct {
	calls, nanos, failed int64
	latencies            *latencies // nil until the first call is tracked
}

// New makes counters for so many commands on so many shards.
func New(commands, shards int) *Stats {
	s := &Stats{shards: make([]shardStripe, shards), own: make([]ownStripe, runtime.GOMAXPROCS(0)), rejected: make([]atomic.Int64, commands)}
	for i := range s.shards {
		s.shards[i].rows = make([]row, commands)
	}
	for i := range s.own {
		s.own[i].rows = make([]row, commands)
	}
	return s
}

// Run is one run of a command, or several that are taken to be alike.
type Run struct {
	Command int   // row number
	Times   int64 // how often it ran
	Nanos   int64 // how long it took each time
	Failed  bool  // its reply is an error
	Track   bool  // keep the latency (latency-tracking)
}

// OnShard counts a command that ran on a shard. The caller owns the shard.
func (s *Stats) OnShard(shard int, r Run) {
	st := &s.shards[shard]
	st.count(&r)
	st.total.Store(st.total.Load() + r.Times) // it has one writer: no locked addition
}

// OnConnection counts a command that ran on the connection with this id.
func (s *Stats) OnConnection(id int64, r Run) {
	own := &s.own[uint64(id)%uint64(len(s.own))]
	own.mu.Lock()
	defer own.mu.Unlock()
	own.count(&r)
	own.total += r.Times
}

func (s *stripe) count(r *Run) {
	row := &s.rows[r.Command]
	row.calls += r.Times
	row.nanos += r.Nanos * r.Times
	if r.Failed {
		row.failed += r.Times
	}
	if r.Track {
		row.record(r.Nanos, r.Times)
	}
}

func (r *row) record(nanos, times int64) {
	if r.latencies == nil {
		r.latencies = new(latencies)
	}
	r.latencies.record(nanos, times)
}

// Rejected counts a command that was turned away before it ran.
func (s *Stats) Rejected(command int) { s.rejected[command].Add(1) }

// Processed is how many commands have run. It needs no shard.
func (s *Stats) Processed() (n int64) {
	for i := range s.shards {
		n += s.shards[i].total.Load()
	}
	for i := range s.own {
		own := &s.own[i]
		own.mu.Lock()
		n += own.total
		own.mu.Unlock()
	}
	return n
}

// Counts are the counters of one command.
type Counts struct {
	Calls, Nanos     int64
	Rejected, Failed int64
}

// Counts adds up one command's counters. The caller owns all shards.
func (s *Stats) Counts(command int) Counts {
	sum := Counts{Rejected: s.rejected[command].Load()}
	s.each(func(st *stripe) {
		r := &st.rows[command]
		sum.Calls += r.calls
		sum.Nanos += r.nanos
		sum.Failed += r.failed
	})
	return sum
}

// Latencies adds up one command's latencies, in nanoseconds; nil if none was tracked. The caller owns all shards.
func (s *Stats) Latencies(command int) *hdrhistogram.Histogram {
	var sum *latencies
	s.each(func(st *stripe) {
		h := st.rows[command].latencies
		if h == nil {
			return
		}
		if sum == nil {
			sum = new(latencies)
		}
		sum.add(h)
	})
	if sum == nil {
		return nil
	}
	return sum.histogram()
}

// Reset zeroes what CONFIG RESETSTAT zeroes. The caller owns all shards.
func (s *Stats) Reset() {
	for i := range s.shards {
		s.shards[i].total.Store(0)
	}
	for i := range s.own {
		own := &s.own[i]
		own.mu.Lock()
		own.total = 0
		own.mu.Unlock()
	}
	s.each(func(st *stripe) { clear(st.rows) })
	for i := range s.rejected {
		s.rejected[i].Store(0)
	}
	s.Errors.Reset()
}

func (s *Stats) each(do func(*stripe)) {
	for i := range s.shards {
		do(&s.shards[i].stripe)
	}
	for i := range s.own {
		s.own[i].mu.Lock()
		do(&s.own[i].stripe)
		s.own[i].mu.Unlock()
	}
}
