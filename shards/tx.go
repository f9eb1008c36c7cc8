// tx.go: the transaction, the only door to data. A command is one Tx: it begins with one reading of the clock, touches
// keys of the shards that it holds through the verbs below, and commits at End. Whoever adds a way to change a key
// calls Write before the change and Changed after it: everything that must know of changes (undo, observers, waiters, dirty
// count) hangs on those two, and handlers need remember nothing else.

package shards

import (
	"fmt"

	"respite/keyspace"
	"respite/value"
)

const millisecond = 1_000_000 // nanoseconds

// Tx is a transaction over the shards that its holder owns. Use after End panics, and so does touching a key of a
// shard that is not held: both are errors of the program, not of a client.
type Tx struct {
	g       *Group
	shard   *shard // the one shard, nil for a borrower
	held    Mask   // a borrower's shards
	db      int
	now     int64 // unix nanoseconds
	closed  bool
	client  int64 // whose command it is; 0: nobody's
	quiet   bool  // reads leave no trace: CLIENT NO-TOUCH
	hid     bool  // a key past its deadline was not found and is still there: see pause.go
	voided  bool  // this command has told that every key may have changed
	serving bool  // waiters are being served: the open transaction is one of theirs
	limits  *Limits
	job     *Job // whose goroutine runs the transaction, nil if that is the shard's own
	sampler sampler

	changes int // Changed calls of this transaction
	settled int // of those, the ones before the last Step: they stay
	noted   int // notices before that step
	notices noticeLog
	undo    undoLog
	drafted bool   // nodes may have been made for a value that no key has
	slots   []Slot // of which the first opened are this transaction's
	opened  int
	ready   []*queue // of changed keys that somebody waits for

	wider    bool   // further shards have been taken to serve a waiter
	narrowed Mask   // the shards held before that
	alone    *shard // and shard
}

// slotRoom is how many slots are made at a time. A transaction that opens no more of them allocates nothing.
const slotRoom = 16

// Begin opens the transaction of one command on database db; now is in unix nanoseconds.
func (tx *Tx) Begin(db int, now int64) {
	if !tx.closed {
		panic("shards: Begin in an open transaction")
	}
	tx.closed, tx.db, tx.now, tx.quiet, tx.hid, tx.voided, tx.changes, tx.settled, tx.noted, tx.opened = false, db, now, false, false, false, 0, 0, 0, 0
}

// End commits: observers see the end of the transaction, and freed blocks may be used again. Then it serves those who wait
// for the keys that were changed.
func (tx *Tx) End() {
	tx.mustBeOpen()
	if tx.changes > 0 && tx.g.observer != nil {
		tx.g.observer.Committed(tx)
	}
	if len(tx.notices.events) > 0 {
		tx.Tell()
	}
	tx.keep()
	tx.closed = true
	if len(tx.ready) > 0 && !tx.serving {
		tx.serve()
	}
}

// Abort takes back what the transaction changed and ends it; for a handler that panicked.
func (tx *Tx) Abort() {
	tx.Undo()
	tx.End()
}

// Step begins the next of several commands that are one transaction, on database db: what those before it have changed stays,
// whatever becomes of this one. Views and slots of those before are not valid any more.
func (tx *Tx) Step(db int) {
	tx.mustBeOpen()
	tx.keep()
	if tx.job != nil && tx.job.borrows && tx.g.torn.Load() {
		tx.job.lapse()
	}
	tx.limits = tx.g.limits.Load() // the one before may have changed them
	tx.db, tx.quiet, tx.voided, tx.opened, tx.settled, tx.noted = db, false, false, 0, tx.changes, len(tx.notices.events)
}

// Undo takes back what the transaction has changed since the last Step; for a command that panicked.
func (tx *Tx) Undo() {
	tx.mustBeOpen()
	tx.rollback()
	tx.changes = tx.settled
	tx.notices.cut(tx.noted)
	tx.keep()
}

// keep gives up the means to take back what was changed so far.
func (tx *Tx) keep() {
	if len(tx.undo.images) > 0 || tx.drafted {
		tx.undo.reset()
		tx.drafted = false
		if tx.shard != nil {
			tx.shard.reclaim()
			return
		}
		tx.eachShard((*shard).reclaim)
	}
}

func (tx *Tx) mustBeOpen() {
	if tx.closed {
		panic("shards: transaction used after its end")
	}
}

func (tx *Tx) eachShard(do func(*shard)) {
	if tx.shard != nil {
		do(tx.shard)
		return
	}
	for i, s := range tx.g.shards {
		if tx.held.Has(i) {
			do(s)
		}
	}
}

// Now is the time of the transaction in unix milliseconds.
func (tx *Tx) Now() int64 { return tx.now / millisecond }

// Encoding is the sizes up to which collections stay packed.
func (tx *Tx) Encoding() *value.Limits { return &tx.limits.Encoding }

// Quiet makes the reads of this transaction leave recency alone.
func (tx *Tx) Quiet() { tx.quiet = true }

// Long says that the transaction is about to go on for long, some hundred microseconds or more. Its goroutine may be one that
// others wait for: what they need of it is left to another one first. The shards stay held, and nothing is seen of it.
func (tx *Tx) Long() {
	if tx.job != nil {
		tx.job.stepAside()
	}
}

// For says in whose name the transaction runs; 0 is nobody's. Work says it where it is several clients'.
func (tx *Tx) For(client int64) { tx.client = client }

// DB is the database that the verbs work on.
func (tx *Tx) DB() int { return tx.db }

// Select changes the database that the verbs work on.
func (tx *Tx) Select(db int) { tx.db = db }

// Shard is the index of the one shard of this transaction, 0 for a borrower's.
func (tx *Tx) Shard() int {
	if tx.shard == nil {
		return 0
	}
	return tx.shard.index
}

// home is the shard and database of a key, checked against what the transaction holds. A one-shard transaction is
// routed by its sender; the check of that costs a hash a key and is made where the race detector runs, and while waiters
// are served, whose keys are not all here.
func (tx *Tx) home(key []byte) (*shard, *db) {
	if s := tx.shard; s != nil && !checked && !tx.serving && !tx.closed {
		return s, s.dbs[tx.db]
	}
	return tx.homeChecked(key)
}

func (tx *Tx) homeChecked(key []byte) (*shard, *db) {
	tx.mustBeOpen()
	s := tx.shard
	if s == nil || checked || tx.serving {
		i := tx.g.Route(key)
		if (s != nil && s.index != i) || (s == nil && !tx.held.Has(i)) {
			panic(fmt.Sprintf("shards: key of shard %d touched without holding it", i))
		}
		s = tx.g.shards[i]
	}
	return s, s.dbs[tx.db]
}

// Item is a view of what a key holds. It is valid until its own key is written.
type Item struct {
	d   *db
	ref keyspace.Ref
}

// Kind is the item's type and encoding.
func (it Item) Kind() keyspace.Kind { return it.d.space.Kind(it.ref) }

// Type is the item's type.
func (it Item) Type() value.Type { return value.TypeOf(it.Kind()) }

// Value is the item as the keyspace keeps it.
func (it Item) Value() []byte { return it.d.space.Value(it.ref) }

// Key is the item's key.
func (it Item) Key() []byte { return it.d.space.Key(it.ref) }

// View is the item for the data types.
func (it Item) View() value.View {
	e := it.d.space.Entry(it.ref)
	return value.View{Kind: e.Kind, Bytes: e.Value, Nodes: it.d.space.Nodes()}
}

// Share returns Value for a reader that outlives the transaction, with ok true, if it is large enough to be worth it:
// whoever changes it later copies it first.
func (it Item) Share() (v []byte, ok bool) {
	if !it.d.space.IsLarge(it.ref) {
		return nil, false
	}
	it.d.space.MarkShared(it.ref)
	return it.Value(), true
}

// Deadline is when the item expires in unix milliseconds; ok is false if it does not.
func (it Item) Deadline() (ms int64, ok bool) {
	if !it.d.space.HasTimer(it.ref) {
		return 0, false
	}
	return it.d.space.Deadline(uint32(it.ref)), true
}

// Recency is the item's 24 bits of access time or frequency.
func (it Item) Recency() uint32 { return it.d.space.Recency(it.ref) }

// Size is what the item takes in the keyspace, in bytes; see keyspace.Space for most.
func (it Item) Size(most int) int { return it.d.space.Size(it.ref, most) }

// Read finds a key, counts a hit or a miss and notes the access. A key past its deadline is removed and not found.
func (tx *Tx) Read(key []byte) (Item, bool) {
	it, ok := tx.Look(key)
	if ok {
		tx.touch(it.d, it.ref)
	}
	return it, ok
}

// Look is Read for commands that ask about a key, not for what it holds: it counts a hit or a miss, and leaves recency
// alone.
func (tx *Tx) Look(key []byte) (Item, bool) {
	it, ok := tx.Inspect(key)
	if !ok {
		tx.note(tx.db, key, EventKeyMiss)
	}
	return it, ok
}

// Inspect is Look for commands that look at a key from within: a miss is counted, but not told of.
func (tx *Tx) Inspect(key []byte) (Item, bool) {
	s, d := tx.home(key)
	ref := tx.find(s, d, key)
	if ref == 0 {
		s.stats.Misses++
		return Item{d, 0}, false
	}
	s.stats.Hits++
	return Item{d, ref}, true
}

// Touch is Read for its trace alone, which it leaves in a quiet transaction too; it reports whether the key is there.
func (tx *Tx) Touch(key []byte) bool {
	quiet := tx.quiet
	tx.quiet = false
	_, ok := tx.Read(key)
	tx.quiet = quiet
	return ok
}

// Peek finds a key without a trace: no recency, no hit.
func (tx *Tx) Peek(key []byte) (Item, bool) {
	s, d := tx.home(key)
	ref := tx.find(s, d, key)
	return Item{d, ref}, ref != 0
}

// find looks a key up, and removes or hides it if it is past its deadline.
func (tx *Tx) find(s *shard, d *db, key []byte) keyspace.Ref {
	ref := d.space.Find(key)
	if ref != 0 && d.space.HasTimer(ref) && d.space.Deadline(uint32(ref)) < tx.Now() {
		tx.pass(s, d, ref)
		return 0
	}
	return ref
}

// Write opens a key for change. The slot is for this key until the transaction ends or the key is written through another
// slot.
func (tx *Tx) Write(key []byte) *Slot {
	s, d := tx.home(key)
	return tx.open(s, d, key, tx.findToWrite(s, d, key))
}

// WriteFound is Write for a key that Read, Look or Peek has just looked up, found or not, and does not look it up again.
func (tx *Tx) WriteFound(key []byte, it Item) *Slot {
	s, _ := tx.home(key)
	if it.ref == 0 && tx.hid {
		tx.unhide(s, it.d, key)
	}
	return tx.open(s, it.d, key, it.ref)
}

// Nodes are what a large collection of this key is made of, for one that is put together before the key is opened (value.Draft).
func (tx *Tx) Nodes(key []byte) *keyspace.Nodes {
	s, d := tx.home(key)
	s.touch(d) // those of a draft that is discarded are freed like those of a key
	tx.drafted = true
	return d.space.Nodes()
}

// open is the one place that keeps the pre-image.
func (tx *Tx) open(s *shard, d *db, key []byte, ref keyspace.Ref) *Slot {
	tx.preImage(s, d, key, ref)
	if ref != 0 {
		tx.touch(d, ref)
	}
	return tx.hold(d, key, ref)
}

// hold makes a slot that is kept until the transaction ends.
func (tx *Tx) hold(d *db, key []byte, ref keyspace.Ref) *Slot {
	if tx.opened == len(tx.slots) {
		tx.slots, tx.opened = make([]Slot, slotRoom), 0 // those before stay where they are
	}
	slot := &tx.slots[tx.opened]
	tx.opened++
	slot.tx, slot.d, slot.db, slot.key, slot.ref = tx, d, tx.db, key, ref // one by one: a whole one would be put together first, and copied
	return slot
}

// preImage runs before the first change of a key, by whatever path.
func (tx *Tx) preImage(s *shard, d *db, key []byte, ref keyspace.Ref) {
	s.touch(d)
	s.survey.stale = true
	tx.undo.keep(d, key, ref)
	if ref != 0 {
		d.space.Keep(ref)
	}
	if tx.g.observer != nil {
		tx.g.observer.PreImage(tx, key, Item{d, ref}, ref != 0)
	}
}

// Changed says that a key was changed; every path that changes or removes one ends here.
func (tx *Tx) Changed(key []byte, e Event) { tx.ChangedBy(key, e, 1) }

// ChangedBy is Changed for what Redis counts as n changes, one for each element that came, went or was set; n may be 0.
func (tx *Tx) ChangedBy(key []byte, e Event, n int) {
	s, _ := tx.home(key)
	s.stats.Dirty += int64(n)
	tx.changed(s, key, e)
}

// changed is Changed for a change that does not count, as those are that no command asked for.
func (tx *Tx) changed(s *shard, key []byte, e Event) {
	tx.changes++
	tx.note(tx.db, key, e)
	if tx.g.observer != nil {
		tx.g.observer.Changed(tx, key, e)
	}
	if tx.g.tracked.Load() > 0 && e.signaled() {
		tx.void(s, key, e)
	}
	if s.waited > 0 {
		tx.wake(s, tx.db, key)
	}
	if s.watched > 0 && e.signaled() {
		s.breakWatches(tx.db, key)
	}
}

// Delete removes a key and reports whether it was there. The caller says Changed.
func (tx *Tx) Delete(key []byte) bool {
	s, d := tx.home(key)
	return tx.open(s, d, key, tx.findToWrite(s, d, key)).Delete()
}

// Observer sees every change of every key, from within the transaction that makes it. Its methods must not wait.
type Observer interface {
	PreImage(tx *Tx, key []byte, old Item, existed bool) // before the change
	Changed(tx *Tx, key []byte, e Event)                 // after it
	Committed(tx *Tx)                                    // at the end of a transaction with changes
	Flushed(tx *Tx, db int)                              // a whole database was emptied or swapped
}
