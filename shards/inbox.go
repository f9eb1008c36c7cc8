// inbox.go: who owns a shard, and in which order work reaches it.
//
// A shard is owned or idle. Its enqueue lock guards that flag and the inbox, never data. Whoever finds the shard idle
// under the lock may become its owner on the spot (a connection that runs its own part inline, a borrower) or wake the
// shard's goroutine to be the owner; whoever finds it owned queues. The owner leaves only when the inbox is empty, or
// by handing the shard to its goroutine or to a borrower whose turn has come. So work runs one at a time and in the
// order in which it was queued, and an idle shard costs no goroutine switch.
//
// Order across shards: a job with parts on several shards takes all their enqueue locks, in ascending order, before it
// queues any part and lets go of them after the last. Two such jobs are therefore in the same order on every shard
// that they share, no part can start before the last is queued, and a borrow cannot deadlock: of two jobs that wait for
// each other's shards, one is ahead of the other on all of them. The inbox needs a lock anyway, so the rule costs a
// one-shard job nothing. (Inboxes that are Go channels need a second lock for it, and hand over one message at a time:
// the owner here takes the whole backlog at once.)
//
// The inbox has no limit of its own: a connection has at most one job in flight, so maxclients bounds it.

package shards

import (
	"hash/maphash"
	"math"
	"sync"
	"time"

	"respite/expiry"
	"respite/keyspace"
	"respite/value"
)

type shard struct {
	g     *Group
	index int
	tx    Tx // of one-shard work; borrowers have their own

	mu    sync.Mutex // the enqueue lock: guards owned and inbox
	owned bool
	inbox []message

	backlog []message     // taken from the inbox, not run yet; the owner's
	wake    chan struct{} // hands ownership to the goroutine
	timer   *time.Timer   // rings at armed
	armed   int64         // unix ms of the next expiry turn; math.MaxInt64: none
	touched []*db         // databases written since settle
	memory  memory
	freeing bool // collections that were evicted are being freed

	key   []byte // of the hash of which a turn expires fields
	seed  maphash.Seed
	dbs   []*db
	gone  []*keyspace.Space // of databases that were emptied, whose pages are still to be given back
	stats Stats

	frozen *frozen // of a snapshot; nil: none is open

	hot    *hotKeys // nil until a command was looked at
	survey survey

	waited int                 // keys that somebody waits for
	queues []map[string]*queue // of those, by database; nil until somebody waits

	interest interest // who has read which keys

	watched int                    // keys that somebody watches
	watches []map[string]*watchers // of those, by database; nil until somebody watches
}

// db is one database of one shard: its keys and their deadlines.
type db struct {
	space   *keyspace.Space
	wheel   *expiry.Wheel[timers] // nil until a key gets a deadline
	fields  value.Schedule        // of hashes whose fields have deadlines
	used    int64                 // the part of shard.memory that is this database's
	touched bool                  // is in shard.touched
	flushed bool                  // only a snapshot knows it any more
}

// message is one entry of an inbox: a part of a job, or, with job nil, a turn of the shard's own timer.
type message struct {
	job  *Job
	part int
}

func newShard(g *Group, index int, seed maphash.Seed) *shard {
	s := &shard{g: g, index: index, seed: seed, wake: make(chan struct{}, 1), armed: math.MaxInt64}
	s.tx = Tx{g: g, shard: s, closed: true}
	for range g.databases {
		s.dbs = append(s.dbs, g.newDB(seed))
	}
	s.timer = time.NewTimer(math.MaxInt64)
	return s
}

// loop is the shard's goroutine: it owns the shard when it was woken, and queues a turn when the timer rings.
func (s *shard) loop() {
	defer s.g.running.Done()
	defer s.timer.Stop()
	for {
		select {
		case <-s.wake:
			s.drain()
		case <-s.timer.C:
			if s.enqueue(message{}) {
				s.drain()
			}
		case <-s.g.quit:
			return
		}
	}
}

// enqueue queues one message that concerns this shard alone, and reports whether the shard was idle and is the
// caller's now.
func (s *shard) enqueue(m message) (idle bool) {
	s.mu.Lock()
	idle = !s.owned
	s.owned = true
	s.inbox = append(s.inbox, m)
	s.mu.Unlock()
	return idle
}

// claim makes the caller the owner if the shard is idle, and reports whether it was.
func (s *shard) claim() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owned || s.g.queue {
		return false
	}
	s.owned = true
	return true
}

// drain runs what is queued until nothing is, or until a borrower's turn has come. The caller is the owner, and is not
// any more when drain returns.
func (s *shard) drain() {
	for s.refill() {
		for i := range s.backlog {
			m := s.backlog[i]
			s.backlog[i] = message{}
			if m.job != nil && m.job.borrows {
				s.backlog = s.backlog[i+1:]
				m.job.partDone()
				return
			}
			s.run(m)
		}
		s.backlog = s.backlog[:0]
	}
}

// refill takes the inbox as the next backlog unless one is left over. Without work it gives the shard up.
func (s *shard) refill() bool {
	if len(s.backlog) > 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inbox) == 0 {
		s.owned = false
		return false
	}
	s.backlog, s.inbox = s.inbox, s.backlog[:0]
	return true
}

// release ends the ownership of someone other than the shard's goroutine, and wakes that if there is more to do.
func (s *shard) release() {
	if len(s.backlog) == 0 {
		s.mu.Lock()
		if len(s.inbox) == 0 {
			s.owned = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
	s.wake <- struct{}{}
}

// run runs one message. The caller owns the shard.
func (s *shard) run(m message) {
	if m.job == nil {
		s.turn()
		s.settle()
		return
	}
	s.runPart(m.job, m.job.parts[m.part].work)
	m.job.partDone()
}

func (s *shard) runPart(j *Job, w Work) {
	s.tx.limits, s.tx.client = s.g.limits.Load(), j.client
	w.Run(&s.tx)
	s.settle()
}

// runInline runs a part on the goroutine of its job, which owns the shard and gives it up.
func (s *shard) runInline(j *Job, w Work) {
	s.tx.job = j
	s.runPart(j, w)
	s.tx.job = nil
	s.release()
}

// settle is what an owner does after each message that wrote: publish the memory used and see to the next expiry turn.
func (s *shard) settle() {
	if len(s.touched) == 0 {
		return
	}
	s.publish()
	s.arm()
	for _, d := range s.touched {
		d.touched = false
	}
	clear(s.touched)
	s.touched = s.touched[:0]
}

// touch notes that a database is being written.
func (s *shard) touch(d *db) {
	if !d.touched {
		d.touched = true
		s.touched = append(s.touched, d)
	}
}
