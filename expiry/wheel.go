// Package expiry keeps deadlines in order: a hierarchical timer wheel whose non-empty buckets stand in a min-heap.
//
// A wheel links nodes that it does not own, so it needs no memory per node: a store keeps each node's deadline and two
// links. A bucket is a doubly linked list of nodes whose deadlines fall into the same span of time; the spans are 1 ms wide
// on the finest level and 256 times wider on each further one. The head of a list carries its bucket's number in place of
// the reference to a predecessor, so a node leaves its bucket without a search.
//
// The invariant that everything rests on: a bucket's key is not after the deadline of any node in it, and every bucket with
// nodes is in the heap under that key. A bucket whose key has come is emptied node by node: what is due is fired, the rest
// is placed anew, always under a key that is still to come. Nothing assumes that the clock only goes forward or that
// a bucket holds one turn of the wheel only: a node that shares a bucket with an earlier turn is placed twice, not fired
// early. A wheel belongs to one goroutine.
package expiry

import "math/bits"

// Nodes is the store of the nodes. A reference is in 1..MaxRef; 0 means none. Links of a node that is not on a wheel are 0, 0: the
// store starts them so, and the wheel leaves them so.
type Nodes interface {
	Deadline(ref uint32) int64 // unix milliseconds
	SetDeadline(ref uint32, ms int64)
	Links(ref uint32) (next, prev uint32)
	SetLinks(ref, next, prev uint32)
}

// MaxRef is the highest reference of a node: the bit above it tells bucket numbers from references.
const MaxRef = headMark - 1

const (
	headMark = 1 << 31 // in prev: this node is the head of the bucket in the lower bits

	levels       = 5
	bucketBits   = 8
	levelBuckets = 1 << bucketBits
	overflow     = levels * levelBuckets // the bucket of deadlines beyond the coarsest level
	pending      = overflow + 1          // the bucket whose key has come; the only one outside the heap
	bucketCount  = pending + 1
)

// Wheel orders nodes by deadline. Add, Remove, Reset and Moved take constant time, a bucket's first node the depth of the
// heap. Make one with New.
type Wheel[N Nodes] struct {
	nodes N
	now   int64 // the last instant heard of: only chooses how fine a bucket a node goes to
	len   int
	heads [bucketCount]uint32
	keys  [bucketCount]int64 // unix ms; valid for buckets in the heap and for pending while it has nodes
	queue bucketHeap
}

// New returns an empty wheel over the nodes of a store. now is in unix milliseconds.
func New[N Nodes](nodes N, now int64) *Wheel[N] {
	return &Wheel[N]{nodes: nodes, now: now}
}

// Len returns the number of nodes on the wheel.
func (w *Wheel[N]) Len() int {
	return w.len
}

// Add sets the deadline of a node that is not on the wheel and puts it on. The deadline is in unix milliseconds, at most 1<<62 from
// 0; one that has passed is due at once.
func (w *Wheel[N]) Add(ref uint32, deadline int64) {
	w.nodes.SetDeadline(ref, deadline)
	w.place(ref, deadline)
	w.len++
}

// Remove takes a node off the wheel. It does nothing to a node that is not on it.
func (w *Wheel[N]) Remove(ref uint32) {
	if w.unlink(ref) {
		w.len--
	}
}

// Reset changes a node's deadline. A node that is not on the wheel is added.
func (w *Wheel[N]) Reset(ref uint32, deadline int64) {
	if w.staysPut(ref, deadline) {
		w.nodes.SetDeadline(ref, deadline)
		return
	}
	w.Remove(ref)
	w.Add(ref, deadline)
}

// staysPut reports whether a node may stay where it is under a new deadline. A later deadline never breaks the invariant; the
// node is moved nevertheless if that puts off its bucket's next wake-up, so the finest level stays exact.
func (w *Wheel[N]) staysPut(ref uint32, deadline int64) bool {
	if _, prev := w.nodes.Links(ref); prev == 0 {
		return false
	}
	old := w.nodes.Deadline(ref)
	if deadline <= old {
		return deadline == old
	}
	oldBucket, oldKey := locate(old, w.now)
	bucket, key := locate(deadline, w.now)
	return bucket == oldBucket && key == oldKey
}

// Moved tells the wheel that a node's storage, links included, has been copied from one reference to another. The old reference
// is not looked at; the neighbours and the bucket are pointed to the new one.
func (w *Wheel[N]) Moved(_, ref uint32) {
	next, prev := w.nodes.Links(ref)
	if prev == 0 {
		return
	}
	w.setNext(prev, ref)
	w.setPrev(next, ref)
}

// Next returns an instant in unix milliseconds before which nothing is due, for the owner's timer. It is never later than
// the earliest deadline, and equal to it if that is on the finest level, alone in its bucket or among equals. ok is false if the wheel is empty.
func (w *Wheel[N]) Next() (ms int64, ok bool) {
	top, ok := w.earliest()
	switch {
	case w.heads[pending] == 0 && !ok:
		return 0, false
	case w.heads[pending] == 0:
		return w.keys[top], true
	case !ok:
		return w.keys[pending], true
	}
	return min(w.keys[pending], w.keys[top]), true
}

// Lag returns by how many milliseconds the earliest instant of Next is overdue, 0 if it is not.
func (w *Wheel[N]) Lag(now int64) int64 {
	if next, ok := w.Next(); ok && next < now {
		return now - next
	}
	return 0
}

// Due takes nodes with deadlines up to now off the wheel and hands them to fire, earlier buckets first. It looks at no
// more than budget nodes, those counted that only go to a finer bucket, and may stop inside a bucket. more reports whether it
// stopped for that reason. fire may call every method except Due; a node it adds with a deadline up to now may be fired by this call.
func (w *Wheel[N]) Due(now int64, budget int, fire func(ref uint32)) (fired int, more bool) {
	w.now = now
	for ; w.refill(now); budget-- {
		if budget <= 0 {
			return fired, true
		}
		ref := w.heads[pending]
		w.unlink(ref)
		if deadline := w.nodes.Deadline(ref); deadline > now {
			w.place(ref, deadline)
			continue
		}
		w.len--
		fired++
		fire(ref)
	}
	return fired, false
}

// refill makes sure that the pending bucket has a node. It reports false if no bucket's time has come by now.
func (w *Wheel[N]) refill(now int64) bool {
	if w.heads[pending] != 0 {
		return true
	}
	top, ok := w.earliest()
	if !ok || w.keys[top] > now {
		return false
	}
	w.queue.pop(&w.keys)
	w.heads[pending], w.heads[top] = w.heads[top], 0
	w.keys[pending] = w.keys[top]
	w.setPrev(w.heads[pending], headMark|pending)
	return true
}

// earliest returns the bucket with nodes that has the earliest key. Buckets that have been emptied by Remove leave the heap here.
func (w *Wheel[N]) earliest() (bucket uint32, ok bool) {
	for {
		bucket, ok = w.queue.top()
		if !ok || w.heads[bucket] != 0 {
			return bucket, ok
		}
		w.queue.pop(&w.keys)
	}
}

// locate returns the bucket for a deadline as seen from now, and the start of the bucket's span. If the deadline is after now, so is
// the start: a level is used for what is at least one of its spans away.
func locate(deadline, now int64) (bucket uint32, start int64) {
	if deadline <= now {
		return uint32(deadline & (levelBuckets - 1)), deadline
	}
	level := (bits.Len64(uint64(deadline-now)) - 1) / bucketBits
	if level >= levels {
		return overflow, deadline &^ (1<<(levels*bucketBits) - 1)
	}
	shift := level * bucketBits
	slot := deadline >> shift
	return uint32(level*levelBuckets) + uint32(slot&(levelBuckets-1)), slot << shift
}

// place links a node into the bucket for its deadline and gives that bucket its place in the heap.
func (w *Wheel[N]) place(ref uint32, deadline int64) {
	bucket, start := locate(deadline, w.now)
	first := w.heads[bucket]
	w.nodes.SetLinks(ref, first, headMark|bucket)
	w.setPrev(first, ref)
	w.heads[bucket] = ref
	if first == 0 || start < w.keys[bucket] {
		w.keys[bucket] = start
		w.queue.update(bucket, &w.keys)
	}
}

// unlink takes a node out of its bucket. It reports false if the node is in none.
func (w *Wheel[N]) unlink(ref uint32) bool {
	next, prev := w.nodes.Links(ref)
	if prev == 0 {
		return false
	}
	w.setNext(prev, next)
	w.setPrev(next, prev)
	w.nodes.SetLinks(ref, 0, 0)
	return true
}

// setNext makes ref what follows prev, which is a node or a marked bucket.
func (w *Wheel[N]) setNext(prev, ref uint32) {
	if prev&headMark != 0 {
		w.heads[prev&^headMark] = ref
		return
	}
	_, before := w.nodes.Links(prev)
	w.nodes.SetLinks(prev, ref, before)
}

// setPrev makes prev what precedes ref, if there is a ref.
func (w *Wheel[N]) setPrev(ref, prev uint32) {
	if ref == 0 {
		return
	}
	next, _ := w.nodes.Links(ref)
	w.nodes.SetLinks(ref, next, prev)
}
