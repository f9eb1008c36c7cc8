// multi.go: transactions. Between MULTI and EXEC a session queues commands instead of running them: it copies their
// arguments, since the buffer that they came in is used again, and notes which shards all of them need together. What
// EXEC does with the queue is in multi_exec.go, what WATCH means to the data in shards/watch.go.
//
// Invariant: a queue belongs to the session's goroutine until EXEC is given its place, and to that EXEC from then on; the
// watch goes with it. So whatever the client sends behind EXEC finds a session without a transaction.

package command

import (
	"math/bits"
	"strings"

	"respite/proto"
	"respite/shards"
)

func transactionRows() []Row {
	const open = NoScript | Loading | Stale | Fast | AllowBusy | Unqueued
	return []Row{
		{
			Name: "multi", Arity: 1, Flags: open, Place: OnConnection, Run: multi,
			Since: "1.2.0", Cost: "O(1)", Doc: "Begins a transaction: the commands that follow are queued.",
		},
		{
			Name: "exec", Arity: 1, Flags: NoScript | Loading | Stale | SkipSlowlog | Unqueued, Place: ByQueue, Run: exec,
			Since: "1.2.0", Cost: "Depends on the commands queued", Doc: "Runs the commands of a transaction, as if nobody else did anything meanwhile.",
		},
		{
			Name: "discard", Arity: 1, Flags: open, Place: OnConnection, Run: discard,
			Since: "2.0.0", Cost: "O(N) in the number of commands queued", Doc: "Ends a transaction without running it.",
		},
		{
			Name: "watch", Arity: -2, Flags: open, Keys: keys(RO, 1, -1, 1), Place: ByKeysAlone, Run: watch,
			Since: "2.2.0", Cost: "O(N) in the number of keys", Doc: "Makes the next transaction depend on keys that do not change until then.",
		},
		{
			Name: "unwatch", Arity: 1, Flags: open &^ Unqueued, Place: OnConnection, Run: unwatch,
			Since: "2.2.0", Cost: "O(N) in the number of keys watched", Doc: "Forgets the keys that are watched.",
		},
	}
}

const (
	errMultiNested    = Error("ERR MULTI calls can not be nested")
	errWatchInMulti   = Error("ERR WATCH inside MULTI is not allowed")
	errNoMultiExec    = Error("ERR EXEC without MULTI")
	errNoMultiDiscard = Error("ERR DISCARD without MULTI")
	errExecAbort      = Error("EXECABORT Transaction discarded because of previous errors.")
	errNotInMulti     = Error("ERR Command not allowed inside a transaction")
)

// errAborted is what EXEC answers where it is refused itself. An error that has no code of its own is told without one.
func errAborted(why error) error {
	return Error("EXECABORT Transaction discarded because of: " + strings.TrimPrefix(why.Error(), "ERR "))
}

// transaction is the commands between MULTI and EXEC.
type transaction struct {
	commands []queued
	flags    Flags       // all that its commands have
	missing  Flags       // all that one of them has not
	need     shards.Mask // of all their keys
	session  bool        // some are about the connection or the server, so it must run where these do
	spoilt   bool        // a command was refused, so EXEC will be
	watch    *shards.Watch

	size  int64    // of the arguments, as Redis counts them
	words [][]byte // room for lists of arguments
	text  []byte   // room for arguments
}

// queued is one command of a transaction.
type queued struct {
	row  *Row
	args [][]byte
	outcome
}

const (
	leastText     = 256      // bytes of room for arguments that are made at a time
	mostText      = 64 << 10 // bytes of it that stay for the next transaction
	mostQueued    = 1024     // commands whose room stays
	pointerSize   = 8        // what Redis counts for an argument besides its bytes
	queuedSize    = 24       // for a command
	watchedSize   = 80       // for a key that is watched
	leastCommands = 2        // commands that Redis makes room for at first; it doubles that
)

// keep appends a command whose arguments will not stay. A big one has memory of its own, which nobody else uses.
func (t *transaction) keep(row *Row, args [][]byte) {
	if cap(t.words)-len(t.words) < len(args) {
		t.words = make([][]byte, 0, max(2*cap(t.words), len(args), leastWords))
	}
	from := len(t.words)
	for _, a := range args {
		t.size += int64(len(a)) + pointerSize
		if len(a) < proto.BigArg {
			a = t.copied(a)
		}
		t.words = append(t.words, a)
	}
	kept := t.words[from:len(t.words):len(t.words)]
	t.commands = append(t.commands, queued{row: row, args: kept})
	t.flags |= row.Flags
	t.missing |= ^row.Flags
}

func (t *transaction) copied(a []byte) []byte {
	if cap(t.text)-len(t.text) < len(a) {
		t.text = make([]byte, 0, max(2*cap(t.text), len(a), leastText))
	}
	from := len(t.text)
	t.text = append(t.text, a...)
	return t.text[from:len(t.text):len(t.text)]
}

// reset makes the transaction ready for the next MULTI.
func (t *transaction) reset() {
	clear(t.commands)
	clear(t.words)
	kept := transaction{commands: t.commands[:0], words: t.words[:0], text: t.text[:0]}
	if cap(t.text) > mostText || cap(t.commands) > mostQueued || cap(t.words) > mostWords {
		kept = transaction{}
	}
	*t = kept
}

// multi begins a transaction.
func multi(c *Call) error {
	s := c.Session
	if s.multi != nil {
		return errMultiNested
	}
	s.multi = s.batch.newTransaction()
	s.showQueue()
	c.Reply.OK()
	return nil
}

// discard ends a transaction; what was watched is forgotten with it.
func discard(c *Call) error {
	if c.Session.multi == nil {
		return errNoMultiDiscard
	}
	c.Session.discard()
	c.Reply.OK()
	return nil
}

// discard forgets the transaction, if there is one, and the keys that are watched.
func (s *Session) discard() {
	if s.multi != nil {
		s.batch.recycle(s.multi)
		s.multi = nil
		s.showQueue()
	}
	s.unwatch()
}

// watch registers keys. A client that cannot win any more need not.
func watch(c *Call) error {
	s := c.Session
	if s.multi != nil {
		return errWatchInMulti
	}
	w := s.watch.Load()
	if w == nil {
		w = new(shards.Watch)
		s.watch.Store(w)
	}
	if !w.Broken() {
		c.Tx.Watch(w, c.Args[1:])
	}
	c.Reply.OK()
	return nil
}

func unwatch(c *Call) error {
	c.Session.unwatch()
	c.Reply.OK()
	return nil
}

// unwatch forgets the keys that are watched.
func (s *Session) unwatch() { s.release(s.watch.Swap(nil)) }

// release takes away what a watch has left with shards. None of them may be held.
func (s *Session) release(w *shards.Watch) {
	if w == nil || w.Reach() == (shards.Mask{}) {
		return
	}
	body := func(tx *shards.Tx) { tx.Unwatch(w) }
	if s.batch != nil {
		s.batch.job.RunBody(w.Reach(), 0, body)
		return
	}
	s.conn.Yield()
	s.exec.group.Run(w.Reach(), 0, body)
}

// queue puts a command into the transaction. One that cannot succeed any more keeps nothing.
func (s *Session) queue(row *Row, args [][]byte) {
	s.answer(row, args, func(r *proto.Reply) { r.Simple("QUEUED") })
	t := s.multi
	if t.spoilt || s.doomed() {
		return
	}
	t.keep(row, args)
	s.showQueue()
	switch row.Place {
	case OnConnection, AfterBatch, Alone:
		t.session = true
	case OnAllShards:
		t.session, t.need = true, s.exec.group.All()
	default:
		if s.exec.routes(s.batch, row, args, &t.need) == nil && t.need == (shards.Mask{}) {
			t.need.Set(0) // the arguments do not fit, which the handler says on any shard
		}
	}
}

// showQueue tells others what the transaction holds.
func (s *Session) showQueue() {
	if s.multi == nil {
		s.queued.Store(0)
		s.queuedSize.Store(0)
		return
	}
	s.queued.Store(int64(len(s.multi.commands)) + 1)
	s.queuedSize.Store(s.multi.size)
}

// queueLength is the number of commands queued, -1 outside of a transaction.
func (s *Session) queueLength() int64 { return s.queued.Load() - 1 }

// queueMemory is what a transaction that is being queued, and what is watched, take by Redis's book, in bytes. Any goroutine
// may ask.
func (s *Session) queueMemory() int64 {
	n := s.queuedSize.Load()
	if queued := s.queueLength(); queued > 0 {
		n += int64(max(leastCommands, 1<<bits.Len64(uint64(queued-1)))) * queuedSize
	}
	if w := s.watch.Load(); w != nil && !w.Broken() {
		n += w.Len() * watchedSize
	}
	return n
}

// doomed reports whether a key that the client watches has changed.
func (s *Session) doomed() bool {
	w := s.watch.Load()
	return w != nil && w.Broken()
}

// gateMulti is the gate's part about a session with a transaction. Without memory nothing more is queued, and nothing that
// needs memory runs.
func (s *Session) gateMulti(row *Row) error {
	isExec := row.Place == ByQueue
	grows := !isExec && (row.Flags&Unqueued == 0 || row.Name == "multi" || row.Name == "watch")
	if (grows || isExec && s.multi.flags&DenyOOM != 0) && s.exec.group.IsShort() && !s.makeRoom() {
		return errOOM
	}
	return nil
}

// makeRoom evicts keys of any shard, since memory is short, and reports whether that helped.
func (s *Session) makeRoom() (ok bool) {
	s.batch.job.RunBody(s.exec.group.All(), s.db, func(tx *shards.Tx) { ok = tx.MakeRoom() })
	return ok
}
