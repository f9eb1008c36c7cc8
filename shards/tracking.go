// tracking.go: which clients have read which keys, for those who keep what they read (CLIENT TRACKING). Data flows like this:
//
//	read    a handler has run -> Tx.Track: the client stands in the shard's table, under the key
//	change  Tx.changed -> Tx.void: whoever stands under the key is told, and does not stand there any more
//
// Both happen while the shard is owned, so no change comes between a read and its registration, and none is missed. Telling means
// to leave a message in the client's outbox (Invalidator); nothing waits. It goes out behind the replies in flight, so behind the one
// that it voids, if that has not been sent yet. A key is void from the moment of its change on, not only once the transaction ends:
// nobody can read what was there before, since the shard is held. A change that is taken back has voided one cache entry too much.
//
// Clients that broadcast to (BCAST) stand in no table: the Invalidator is told of every change, and knows who wants to hear of it.
//
// The table is a Space like those that hold the data: pointer-free, and never moved as a whole. A value is the numbers of the clients,
// ascending, eight bytes each. All tables together hold no more keys than tracking-table-max-keys: whatever is too much is made void
// by the shard that would exceed it. Clients that have gone stay in the tables until the keys change, as in Redis.
//
// A server where nobody tracks pays a branch on Group.tracked for each change, and one on Call.tracks for each command.
//
// The next editor who adds a way to change a key ends it in Changed, and need not think of this file.

package shards

import (
	"encoding/binary"
	"math/rand/v2"
	"sort"

	"respite/keyspace"
	"respite/value"
)

// Invalidator tells clients what they must not keep any longer. Its methods are called by the owner of a shard, must not wait for
// anything, and keep no key. By is the client in whose command it happens, 0 if it is nobody's.
type Invalidator interface {
	Invalidate(client, by int64, key []byte) // the client has read this key
	Broadcast(by int64, key []byte)          // a key has changed, whoever may have read it
	FlushCaches(by int64)                    // every key may have changed
}

// clientBytes is what a client's number takes in a table.
const clientBytes = 8

// interest is one shard's table.
type interest struct {
	space *keyspace.Space // nil: nobody has read anything yet
	items int             // clients under all keys
	used  int64           // bytes that the shard has been charged for
}

// InvalidateBy makes the group report what clients must not keep any longer. It comes before the first command.
func (g *Group) InvalidateBy(i Invalidator) { g.invalidator = i }

// TrackingClients adds to the number of clients that track.
func (g *Group) TrackingClients(n int64) { g.tracked.Add(n) }

// TrackedKeys is how many keys stand in the tables.
func (g *Group) TrackedKeys() int64 { return g.trackedKeys.Load() }

// TrackedItems is how many clients stand under all keys of the shards held.
func (tx *Tx) TrackedItems() (n int) {
	tx.eachShard(func(s *shard) { n += s.interest.items })
	return n
}

// Mislay makes the group forget some invalidations on purpose. It is for the test that shows that this does not go unnoticed.
func (g *Group) Mislay() { g.mislays.Store(true) }

// mislaid is one in how many invalidations is lost then.
const mislaid = 16

// For says in the name of which client the job runs.
func (j *Job) For(client int64) { j.client = client }

// Act makes the transaction one of another client until it is called again, and returns whose it was.
func (tx *Tx) Act(client int64) (was int64) {
	was, tx.client = tx.client, client
	return was
}

// Track remembers that a client has just read a key of the current transaction. Keys of shards that are not held are passed over.
func (tx *Tx) Track(client int64, key []byte) {
	if !tx.Holds(key) {
		return
	}
	s, _ := tx.home(key)
	if !s.remember(key, client) { // there is no room: the client must not keep what it has read
		tx.g.invalidator.Invalidate(client, 0, key)
	}
	s.boundInterest(tx.limits, interestWork)
}

// remember puts a client under a key; ok is false if there is no room.
func (s *shard) remember(key []byte, client int64) (ok bool) {
	t := &s.interest
	if t.space == nil {
		t.space = keyspace.New(s.seed)
		t.space.Poison = s.g.poison
	}
	ref := t.space.Find(key)
	if ref == 0 {
		var one [clientBytes]byte
		binary.LittleEndian.PutUint64(one[:], uint64(client))
		if _, err := t.space.Insert(key, value.KindRaw, one[:]); err != nil {
			return false
		}
		t.items++
		s.g.trackedKeys.Add(1)
		if t.space.Len() == 1 {
			s.g.tracked.Add(1) // also when nobody tracks any more, whoever reads a key anew must not be told of changes before
		}
		s.chargeInterest()
		return true
	}
	return s.rememberToo(ref, client)
}

// rememberToo puts a further client under a key.
func (s *shard) rememberToo(ref keyspace.Ref, client int64) (ok bool) {
	t := &s.interest
	v := t.space.Value(ref)
	at := clientBytes * sort.Search(len(v)/clientBytes, func(i int) bool { return clientAt(v, i*clientBytes) >= client })
	if at < len(v) && clientAt(v, at) == client {
		return true
	}
	_, grown, err := t.space.Resize(ref, len(v)+clientBytes)
	if err != nil {
		return false
	}
	copy(grown[at+clientBytes:], grown[at:])
	binary.LittleEndian.PutUint64(grown[at:], uint64(client))
	t.items++
	t.space.Reclaim()
	s.chargeInterest()
	return true
}

func clientAt(v []byte, at int) int64 { return int64(binary.LittleEndian.Uint64(v[at:])) }

// void tells those who have read a key, and those whom any change is told, that the key has changed.
func (tx *Tx) void(s *shard, key []byte, e Event) {
	by := tx.client
	if e == EventExpired || e == EventEvicted {
		by = 0 // whoever came across it has not changed it
	}
	if tx.g.mislays.Load() && rand.IntN(mislaid) == 0 {
		return
	}
	if t := &s.interest; t.space != nil {
		if ref := t.space.Find(key); ref != 0 {
			s.g.trackedKeys.Add(-1)
			s.uninterest(ref, by)
		}
	}
	tx.g.invalidator.Broadcast(by, key)
}

// uninterest tells those who have read a key, and takes it out of the table. The caller has counted it.
func (s *shard) uninterest(ref keyspace.Ref, by int64) {
	t := &s.interest
	v, key := t.space.Value(ref), t.space.Key(ref)
	for at := 0; at < len(v); at += clientBytes {
		s.g.invalidator.Invalidate(clientAt(v, at), by, key)
	}
	t.items -= len(v) / clientBytes
	t.space.Delete(ref)
	t.space.Reclaim()
	s.chargeInterest()
	if t.space.Len() == 0 {
		s.g.tracked.Add(-1)
	}
	if t.space.Wasteful() {
		s.tidySoon()
	}
}

// voidAll tells everybody who tracks that every key may have changed, and empties the tables of the shards held: once for one command.
func (tx *Tx) voidAll() {
	if tx.voided {
		return
	}
	tx.voided = true
	tx.eachShard((*shard).dropInterest)
	tx.g.invalidator.FlushCaches(tx.client)
}

func (s *shard) dropInterest() {
	t := &s.interest
	if t.space == nil {
		return
	}
	if n := t.space.Len(); n > 0 {
		s.g.trackedKeys.Add(int64(-n))
		s.g.tracked.Add(-1)
	}
	s.charge(-t.used)
	*t = interest{}
}

// interestWork is how many keys are made void at a time because there are too many.
const interestWork = 64

// boundInterest makes void what the shard has of too many keys, work keys at most, and reports whether there is more to do.
func (s *shard) boundInterest(l *Limits, work int) (more bool) {
	t := &s.interest
	if l.TrackedKeys == 0 || s.g.trackedKeys.Load() <= l.TrackedKeys {
		return false
	}
	for range work {
		if t.space == nil || t.space.Len() == 0 || !s.g.takeTrackedKey(l.TrackedKeys) {
			return false
		}
		s.uninterest(t.space.Random(rand.Uint64()), 0)
	}
	return true
}

// boundInterest gives shards with too many keys in their tables a turn. Those that are idle take it at once, on the caller's goroutine, so
// that who has lowered the limit and says so finds that it is being kept.
func (g *Group) boundInterest(l *Limits) {
	for _, s := range g.shards {
		if l.TrackedKeys == 0 || g.trackedKeys.Load() <= l.TrackedKeys {
			return
		}
		if s.enqueue(message{}) {
			s.drain()
		}
	}
}

// takeTrackedKey counts a key less if there are more than so many: then the caller must remove one.
func (g *Group) takeTrackedKey(most int64) bool {
	for {
		n := g.trackedKeys.Load()
		if n <= most {
			return false
		}
		if g.trackedKeys.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// tidyInterest is the part of a shard's turn that is about the table. It reports whether there is more to do.
func (s *shard) tidyInterest(l *Limits) (more bool) {
	t := &s.interest
	if t.space == nil {
		return false
	}
	more = s.boundInterest(l, interestWork)
	_, moving := t.space.Compact(idleClean)
	s.chargeInterest()
	return more || moving
}

// tidySoon sees to it that the shard takes a turn.
func (s *shard) tidySoon() {
	if now := s.g.clock() / millisecond; now+minRest < s.armed {
		s.rest(now, minRest)
	}
}

// chargeInterest counts what the table takes as used memory.
func (s *shard) chargeInterest() {
	t := &s.interest
	if used := t.space.Used(); used != t.used {
		s.charge(used - t.used)
		t.used = used
	}
}
