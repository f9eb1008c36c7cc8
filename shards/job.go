// job.go: what a connection has in flight. A Job is reused from batch to batch, so that a batch allocates nothing.

package shards

import (
	"runtime"
	"sync/atomic"
)

// Work is one shard's part of a job. Run is called with the shard owned; it begins and ends one transaction for every
// command of the part, and must not wait for anything.
type Work interface{ Run(tx *Tx) }

// Job is work for several shards, at most one part a shard. Its methods belong to one goroutine.
type Job struct {
	g       *Group
	parts   []part // ascending by shard
	client  int64  // in whose name it runs; 0: nobody's
	borrows bool   // the parts ask for ownership instead of bringing work
	running int    // which part this goroutine runs, while it does
	yield   func() // called before a wait or a long run; nil: nobody wants to know
	left    atomic.Int32
	done    chan struct{}
	tx      Tx // of a borrower
}

type part struct {
	shard  *shard
	work   Work
	inline bool // this goroutine became the owner when it submitted
}

// NewJob returns an empty job.
func (g *Group) NewJob() *Job {
	j := &Job{g: g, done: make(chan struct{}, 1)}
	j.tx = Tx{g: g, job: j, closed: true}
	return j
}

// Add gives the job a part. Parts must come in ascending order of their shards.
func (j *Job) Add(shard int, w Work) {
	j.parts = append(j.parts, part{shard: j.g.shards[shard], work: w})
}

// OnWait lets fn be called by the job's goroutine whenever it is about to wait for the shards, or to be busy for long
// (Tx.Long); nil ends that.
func (j *Job) OnWait(fn func()) { j.yield = fn }

// Run queues the parts, in one step on all shards, and waits until all have run. The job is empty afterwards.
func (j *Job) Run() {
	j.left.Store(int32(len(j.parts)))
	j.submit()
	ran := 0
	for i := range j.parts {
		if p := &j.parts[i]; p.inline { // may have been left to the shard's goroutine by the part before
			j.running = i
			p.shard.runInline(j, p.work)
			ran++
		}
	}
	j.await(ran)
	j.reset()
}

// RunIdle runs work on a shard, on this goroutine, if that is idle, and reports whether it was. The job must be empty.
func (j *Job) RunIdle(shard int, w Work) bool {
	s := j.g.shards[shard]
	if !s.claim() {
		return false
	}
	s.runInline(j, w)
	return true
}

// stepAside is called when what this goroutine runs of the job is about to take long. Shards whose parts it has yet to run,
// and keeps from everybody meanwhile, are left to their own goroutines; who else needs this goroutine is told.
func (j *Job) stepAside() {
	if !j.borrows {
		for i := j.running + 1; i < len(j.parts); i++ {
			if p := &j.parts[i]; p.inline {
				p.inline = false
				p.shard.backlog = append(p.shard.backlog, message{job: j, part: i}) // empty: the shard was idle
				p.shard.wake <- struct{}{}
			}
		}
	}
	if j.yield != nil {
		j.yield()
		runtime.Gosched() // whom that woke comes first
	}
}

// await waits for the parts that others run, given how many ran inline.
func (j *Job) await(inline int) {
	if inline > 0 && j.left.Add(int32(-inline)) == 0 {
		return
	}
	select {
	case <-j.done:
		return
	default:
	}
	if j.yield != nil {
		j.yield()
	}
	<-j.done
}

// Borrow makes the caller the owner of several shards, and opens its Tx over them.
func (j *Job) Borrow(need Mask) {
	j.borrows = true
	for i, s := range j.g.shards {
		if need.Has(i) {
			j.parts = append(j.parts, part{shard: s})
		}
	}
	j.left.Store(int32(len(j.parts)))
	j.await(j.submit())
	j.tx.held, j.tx.limits, j.tx.job, j.tx.client = need, j.g.limits.Load(), j, j.client
}

// RunBody runs body in one transaction over the shards of need, and returns when it is done. The owner of a single shard
// runs it; several are borrowed, and the caller's goroutine runs it. Body must not wait for anything.
func (j *Job) RunBody(need Mask, db int, body func(*Tx)) {
	if need.Len() == 1 {
		w := &oneBody{db: db, body: body}
		j.Add(need.First(), w)
		j.Run()
		if w.panicked != nil {
			panic(w.panicked)
		}
		return
	}
	j.Borrow(need)
	defer j.giveBack()
	runBody(&j.tx, db, body)
}

// lapse gives borrowed shards back and borrows them again.
func (j *Job) lapse() {
	held := j.tx.held
	j.giveBack()
	runtime.Gosched()
	j.Borrow(held)
}

// giveBack ends a Borrow.
func (j *Job) giveBack() {
	for _, p := range j.parts {
		p.shard.settle()
		p.shard.release()
	}
	j.tx.held = Mask{}
	j.reset()
}

func (j *Job) reset() {
	clear(j.parts)
	j.parts, j.borrows = j.parts[:0], false
}

// partDone is called by the owner of a part's shard: the last one wakes the job's goroutine.
func (j *Job) partDone() {
	if j.left.Add(-1) == 0 {
		j.done <- struct{}{}
	}
}

// submit queues every part under the enqueue locks of all its shards (see the rule of order in inbox.go) and returns
// how many parts found their shard idle and are the caller's to run.
func (j *Job) submit() (inline int) {
	for i := range j.parts {
		j.parts[i].shard.mu.Lock()
	}
	for i := range j.parts {
		if j.place(i) {
			inline++
		}
	}
	for i := range j.parts {
		j.parts[i].shard.mu.Unlock()
	}
	return inline
}

// place queues one part, or takes the shard for the caller. The enqueue lock is held.
func (j *Job) place(i int) (inline bool) {
	p := &j.parts[i]
	s := p.shard
	if !s.owned && !j.g.queue {
		s.owned, p.inline = true, true
		return true
	}
	s.inbox = append(s.inbox, message{job: j, part: i})
	if !s.owned {
		s.owned = true
		s.wake <- struct{}{}
	}
	return false
}
