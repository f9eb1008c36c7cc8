// waiters.go: clients that wait for keys. A command that finds nothing registers a Waiter in the transaction that found
// nothing, so no change can come between. When a transaction ends that has changed keys with waiters, it serves them before
// its shards can see anything else: the oldest waiter of each key runs its command in a transaction of its own, with its own
// commit, after that of the one that woke it; what these change serves further waiters, until nothing is left to serve. So
// after a push that was popped by a waiter nobody finds the element, and a chain of moves is over at once.
//
// A waiter registers with every key that it waits for, on whatever shards. Its state is the claim: whoever takes it out of
// waiting owns the outcome.
//
//	waiting -> trying   the owner of a shard runs its command
//	trying  -> served   it was answered
//	trying  -> waiting  it was not: the key has nothing for it
//	trying  -> missed   while it tries, another shard has something for it, or somebody wants to end it
//	missed  -> served, or woken
//	waiting -> woken    it needs shards that others hold: its own goroutine tries, over all of them (Job.Retry)
//	woken   -> served, or waiting
//	waiting -> ended    by End: time-out, CLIENT UNBLOCK, the client has gone
//
// The bell rings when a waiter becomes served, ended or woken, and its goroutine answers each ring. Registrations stay where
// they are from the first to the last moment, so a queue is in the order of age and trying in vain costs no place. Behind a
// woken waiter the others of a key wait too, so that none overtakes it: whoever ends that state looks at its keys again. At
// the end the waiter's goroutine takes away what registrations are left (Job.Forget) before it does anything else.
//
// A waiter that needs more shards than are held (BLMOVE to a key of another one) is served on the spot all the same if those
// are idle: who serves takes them until nothing is left to serve (widen). He never waits for one that is owned: its owner may
// be waiting for him. Then the waiter is woken, and until it has tried others may find the element, and take it.
//
// A Waiter's fields belong to whoever has claimed it; a place belongs to the owner of its shard.

package shards

import (
	"sync/atomic"

	"respite/keyspace"
	"respite/value"
)

// Client is who waits. Its methods are called by the owner of the shards, and must not wait for anything.
type Client interface {
	// Try runs the waiting command in an open transaction, which it ends, and reports whether that answered it. If not,
	// it changed nothing. Keys that Tx.Holds does not report must not be touched.
	Try(tx *Tx) (served bool)
	// Gone reports whether the client cannot take an answer any more.
	Gone() bool
}

// Ending is why a wait ended; what the values above zero mean is the waiting side's affair.
type Ending uint32

// Waiter is one wait of one client.
type Waiter struct {
	client Client
	need   Mask // shards that a try needs; empty: that of the key that changed is enough
	reach  Mask // shards that a try of the waiter's own covers
	left   Mask // shards with registrations
	db     int
	want   value.Type
	onGone bool
	state  atomic.Uint32
	ending atomic.Uint32 // the first Ending asked for
	bell   chan struct{}
	places []place
}

// The states of a waiter.
const (
	waiting uint32 = iota
	trying
	missed
	woken
	served
	ended
)

// Wait is what a waiter waits for.
type Wait struct {
	Client Client
	Keys   [][]byte
	Type   value.Type // it is served when a key holds this
	OnGone bool       // and also when a key holds something else, or nothing
	Need   Mask       // shards without which it cannot be; empty: that of any one of its keys is enough
}

// place is one registration: a waiter in the queue of a key.
type place struct {
	w          *Waiter
	q          *queue // nil: taken away
	shard      int
	prev, next *place
}

// queue is the waiters of one key, oldest first.
type queue struct {
	s           *shard
	db          int
	key         []byte
	first, last *place
	onGone      int  // of them, those who wait for the key's end too
	ready       bool // is in Tx.ready
}

// Wait registers a waiter with its keys in the current database, all on shards that are held.
func (tx *Tx) Wait(o Wait) *Waiter {
	w := &Waiter{
		client: o.Client, need: o.Need, reach: o.Need, db: tx.db, want: o.Type, onGone: o.OnGone,
		bell: make(chan struct{}, 1), places: make([]place, len(o.Keys)),
	}
	for i, key := range o.Keys {
		s, _ := tx.home(key)
		w.left.Set(s.index)
		w.reach.Set(s.index)
		p := &w.places[i]
		*p = place{w: w, shard: s.index}
		if q := s.queueOf(tx.db, key); q.last == nil || q.last.w != w { // a key may be named twice
			q.add(p)
		}
	}
	return w
}

// queueOf is the queue of a key, made if there is none.
func (s *shard) queueOf(db int, key []byte) *queue {
	if s.queues == nil {
		s.queues = make([]map[string]*queue, len(s.dbs))
	}
	if s.queues[db] == nil {
		s.queues[db] = map[string]*queue{}
	}
	q := s.queues[db][string(key)]
	if q == nil {
		q = &queue{s: s, db: db, key: append([]byte(nil), key...)}
		s.queues[db][string(key)] = q
		s.waited++
	}
	return q
}

func (q *queue) add(p *place) {
	p.q, p.prev = q, q.last
	if q.last == nil {
		q.first = p
	} else {
		q.last.next = p
	}
	q.last = p
	if p.w.onGone {
		q.onGone++
	}
}

// remove takes a registration away, and with the last of them the queue.
func (q *queue) remove(p *place) {
	if p.prev == nil {
		q.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		q.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.q, p.prev, p.next = nil, nil, nil
	if p.w.onGone {
		q.onGone--
	}
	if q.first != nil {
		return
	}
	s := q.s
	delete(s.queues[q.db], string(q.key))
	if len(s.queues[q.db]) == 0 {
		s.queues[q.db] = nil // a map does not shrink
	}
	s.waited--
}

// wake notes that a key has changed, if somebody waits for it.
func (tx *Tx) wake(s *shard, db int, key []byte) {
	if s.queues[db] == nil {
		return
	}
	if q := s.queues[db][string(key)]; q != nil {
		tx.rouse(q)
	}
}

// rouse has a queue looked at when the transaction ends.
func (tx *Tx) rouse(q *queue) {
	if !q.ready {
		q.ready = true
		tx.ready = append(tx.ready, q)
	}
}

// wakeDB notes that any key of a database may have changed. Without appeared, keys can only have gone.
func (tx *Tx) wakeDB(db int, appeared bool) {
	tx.eachShard(func(s *shard) {
		if s.waited == 0 {
			return
		}
		for _, q := range s.queues[db] {
			if appeared || q.onGone > 0 {
				tx.rouse(q)
			}
		}
	})
}

// serve serves the waiters of all keys that have changed, also of those that change on the way.
func (tx *Tx) serve() {
	tx.serving = true
	defer func() {
		clear(tx.ready)
		tx.ready, tx.serving = tx.ready[:0], false
		if tx.wider {
			tx.narrow()
		}
	}()
	tx.now = tx.g.clock() // the transaction may have taken long, and what it made may be past its deadline
	for i := 0; i < len(tx.ready); i++ {
		q := tx.ready[i]
		q.ready = false
		for p := q.first; p != nil; {
			next := p.next
			if !tx.offer(q, p) {
				break
			}
			p = next
		}
	}
}

// widen makes a transaction that serves the owner of further shards, if all that it lacks are idle. They are its own until narrow.
func (tx *Tx) widen(need *Mask) bool {
	held := tx.mask()
	all := held
	for i, s := range tx.g.shards {
		if !need.Has(i) || held.Has(i) {
			continue
		}
		if !s.seize() {
			tx.giveUp(&all, &held)
			return false
		}
		all.Set(i)
	}
	if !tx.wider {
		tx.wider, tx.narrowed, tx.alone = true, held, tx.shard
	}
	tx.shard, tx.held = nil, all
	return true
}

// seize makes the caller the owner of an idle shard.
func (s *shard) seize() (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owned {
		return false
	}
	s.owned = true
	return true
}

// narrow gives up the shards that widen took.
func (tx *Tx) narrow() {
	tx.giveUp(&tx.held, &tx.narrowed)
	tx.shard, tx.held = tx.alone, tx.narrowed
	if tx.alone != nil {
		tx.held = Mask{}
	}
	tx.wider, tx.alone = false, nil
}

// giveUp ends the ownership of shards but those that are kept.
func (tx *Tx) giveUp(owned, kept *Mask) {
	for i, s := range tx.g.shards {
		if owned.Has(i) && !kept.Has(i) {
			s.settle()
			s.release()
		}
	}
}

// offer lets one waiter have what its key holds, and reports whether the next of the queue may look too.
func (tx *Tx) offer(q *queue, p *place) (goOn bool) {
	tx.Begin(q.db, tx.now)
	defer func() {
		if !tx.closed {
			tx.End()
		}
	}()
	d := q.s.dbs[q.db]
	ref := tx.find(q.s, d, q.key)
	if !p.w.isFor(d, ref) {
		return ref != 0 || q.onGone > 0
	}
	switch p.w.claim(tx) {
	case trying:
		p.w.try(tx)
	case woken:
		return false
	case served, ended:
		q.remove(p)
	}
	return true
}

// isFor reports whether what a key holds is what the waiter waits for.
func (w *Waiter) isFor(d *db, ref keyspace.Ref) bool {
	return w.onGone || ref != 0 && value.TypeOf(d.space.Kind(ref)) == w.want
}

// claim makes a waiting waiter trying, or wakes it if that needs more shards than are held, and returns its state.
func (w *Waiter) claim(tx *Tx) uint32 {
	next := trying
	if !tx.holds(&w.need) && (w.state.Load() != waiting || !tx.widen(&w.need)) {
		next = woken
	}
	for {
		switch state := w.state.Load(); state {
		case waiting:
			if w.state.CompareAndSwap(waiting, next) {
				if next == woken {
					w.ring()
				}
				return next
			}
		case trying:
			if w.state.CompareAndSwap(trying, missed) {
				return missed
			}
		default:
			return state
		}
	}
}

// try runs a claimed waiter's command in the open transaction.
func (w *Waiter) try(tx *Tx) {
	if w.client.Gone() || !w.client.Try(tx) {
		w.tryAgain()
		return
	}
	w.forget(tx)
	w.state.Store(served)
	w.ring()
}

// tryAgain ends a try in vain.
func (w *Waiter) tryAgain() {
	if !w.state.CompareAndSwap(trying, waiting) {
		w.state.Store(woken) // it was missed
		w.ring()
		return
	}
	w.conclude()
}

// forget takes away the registrations on shards that the transaction holds.
func (w *Waiter) forget(tx *Tx) {
	for i := range w.places {
		if p := &w.places[i]; tx.has(p.shard) && p.q != nil {
			p.q.remove(p)
		}
	}
	held := tx.mask()
	for i := range w.left {
		w.left[i] &^= held[i]
	}
}

// rouse has the waiter's keys looked at when the transaction ends: somebody may have waited for this waiter's outcome.
func (w *Waiter) rouse(tx *Tx) {
	for i := range w.places {
		if p := &w.places[i]; tx.has(p.shard) && p.q != nil {
			tx.rouse(p.q)
		}
	}
}

func (w *Waiter) ring() { w.bell <- struct{}{} }

// Bell rings when the waiter has something to do: if Over reports that the wait is over, Job.Forget, else Job.Retry.
func (w *Waiter) Bell() <-chan struct{} { return w.bell }

// Over reports whether the wait is over.
func (w *Waiter) Over() bool {
	s := w.state.Load()
	return s == served || s == ended
}

// Woken reports whether the waiter is about to try for itself.
func (w *Waiter) Woken() bool { return w.state.Load() == woken }

// Outcome is why the wait, which is over, ended; 0 if it was served.
func (w *Waiter) Outcome() Ending {
	if w.state.Load() == served {
		return 0
	}
	return Ending(w.ending.Load())
}

// End asks, from any goroutine, that the wait end soon, for a reason other than 0; it reports false if somebody else
// has asked before. If the waiter is being served the wait ends with that. Nothing waits here: see Over.
func (w *Waiter) End(why Ending) bool {
	first := w.ending.CompareAndSwap(0, uint32(why))
	if !w.conclude() {
		w.state.CompareAndSwap(trying, missed)
		w.conclude() // the try may have been over before it could be marked
	}
	return first
}

// conclude ends a waiter that waits if that was asked for.
func (w *Waiter) conclude() bool {
	if w.ending.Load() == 0 || !w.state.CompareAndSwap(waiting, ended) {
		return false
	}
	w.ring()
	return true
}

// Retry is what a woken waiter's goroutine does: it tries over all the shards that it may need. If that is in vain the
// waiter goes on waiting in its old place.
func (j *Job) Retry(w *Waiter) {
	j.RunBody(w.reach, w.db, func(tx *Tx) {
		ok := !w.client.Gone() && w.client.Try(tx)
		if !tx.closed {
			tx.End()
		}
		tx.Begin(w.db, tx.now)
		w.rouse(tx)
		if ok {
			w.forget(tx)
			w.state.Store(served)
			w.ring()
		} else {
			w.state.Store(waiting)
			w.conclude()
		}
		tx.End()
	})
}

// Forget takes away what registrations are left of a waiter whose wait is over.
func (j *Job) Forget(w *Waiter) {
	if w.left == (Mask{}) {
		return
	}
	j.RunBody(w.left, w.db, func(tx *Tx) {
		w.rouse(tx)
		w.forget(tx)
		tx.End()
	})
}

// Waited counts the keys, on the shards held, that somebody waits for, and of those the ones whose end is waited for.
func (tx *Tx) Waited() (keys, onGone int) {
	tx.eachShard(func(s *shard) {
		keys += s.waited
		for _, queues := range s.queues {
			for _, q := range queues {
				if q.onGone > 0 {
					onGone++
				}
			}
		}
	})
	return keys, onGone
}

// Holds reports whether a key may be touched. It is always so but while a waiter is served.
func (tx *Tx) Holds(key []byte) bool { return !tx.serving || tx.has(tx.g.Route(key)) }

// has reports whether a shard is held.
func (tx *Tx) has(shard int) bool {
	if tx.shard != nil {
		return tx.shard.index == shard
	}
	return tx.held.Has(shard)
}

// mask is the shards held.
func (tx *Tx) mask() (m Mask) {
	if tx.shard == nil {
		return tx.held
	}
	m.Set(tx.shard.index)
	return m
}

// holds reports whether all of some shards are held.
func (tx *Tx) holds(need *Mask) bool {
	held := tx.mask()
	for i, w := range need {
		if w&^held[i] != 0 {
			return false
		}
	}
	return true
}
