// block.go: commands that wait for data. What a handler has to do for it:
//
//   - Its row has the flag Blocking.
//   - If it finds nothing it returns c.block(waitFor{...}): which keys it waits for, of which type, and for how long. It must
//     have changed and written nothing by then.
//   - It is run again, from its beginning and with the same arguments, when one of these keys holds something of that type;
//     what it then replies is the reply. If it finds nothing it blocks again, which keeps its place. Arguments that speak of
//     the moment of the call (XREAD's $) are replaced in c.Args by what they mean before it blocks.
//   - A command that is content with any one of its keys says so (each), and passes over keys that c.Tx.Holds does not
//     report: it is then run on the shard of the key that changed alone. All other keys have nothing for it, else it would
//     not wait. Keys are tried in the order of the arguments.
//   - A command that waits for something else than keys (WAIT) gives an empty list of them, and its row the place Alone.
//   - Where waiting is not allowed (MULTI, scripts) block answers at once as if time were up; c.mayBlock says which.
//
// How waiters are served is in shards/waiters.go. Here is the rest of a wait, in the goroutine of the connection: it ends with
// an answer, the time-out, CLIENT UNBLOCK, or the client's end. Whatever ends it, the registrations are gone before
// the client's next command.

package command

import (
	"bufio"
	"math"
	"time"

	"respite/proto"
	"respite/shards"
	"respite/text"
	"respite/value"
)

// waitFor is what a handler that found nothing waits for.
type waitFor struct {
	keys    [][]byte
	want    value.Type
	timeout time.Duration // 0: for ever
	each    bool          // any one of the keys is enough to go on; else all keys of the command are needed
	orGone  bool          // it is also run when a key holds something else, or nothing any more
	late    func(*Call)   // answers when time is up; nil: a null array does
}

// block makes the command wait.
func (c *Call) block(f waitFor) error {
	if !c.mayBlock {
		c.Reply.NullArray()
		return nil
	}
	c.waits = f
	return nil
}

// Why a wait ends, if not with an answer.
const (
	endTimeout shards.Ending = iota + 1
	endUnblockedAsTimeout
	endUnblockedAsError
	endGone
)

const errUnblocked = Error("UNBLOCKED client unblocked via CLIENT UNBLOCK")

// seconds reads argument i as a time-out in seconds, fractions allowed; 0 is for ever.
func (c *Call) seconds(i int) (time.Duration, error) {
	if n, ok := text.ParseInt(c.Args[i]); ok && n <= math.MaxInt64/millisPerSecond {
		return c.checkTimeout(max(n, -1) * millisPerSecond)
	}
	d, ok := text.ParseLongDouble(c.Args[i])
	if !ok {
		return 0, errTimeoutFloat
	}
	ms, ok := d.CeilTimes(millisPerSecond)
	if !ok {
		return 0, errTimeoutRange
	}
	return c.checkTimeout(ms)
}

// checkTimeout refuses what is no time-out in milliseconds. One that is longer than a time.Duration is not told from for ever.
func (c *Call) checkTimeout(ms int64) (time.Duration, error) {
	switch {
	case ms < 0:
		return 0, errTimeoutNegative
	case ms > math.MaxInt64-c.Server.group.Now()/millisecond:
		return 0, errTimeoutRange
	case ms > math.MaxInt64/millisecond:
		return 0, nil
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// sleeper is a blocking command under way. It implements shards.Client. While it waits it belongs to whoever serves it.
type sleeper struct {
	session *Session
	call    *Call
	mark    proto.Mark     // where its reply begins
	need    shards.Mask    // the shards of all its keys
	waiter  *shards.Waiter // nil: it need not wait
	timeout time.Duration
	took    int64 // nanoseconds that its runs took
}

// runBlocking runs a command that may wait, after the batch before it.
func (s *Session) runBlocking(row *Row, args [][]byte, need shards.Mask, w *bufio.Writer) (err error) {
	b := s.batch
	if err := b.run(w); err != nil {
		return err
	}
	start := s.exec.group.Now()
	sl := &b.sleeper
	call := s.openHere(row, args)
	*sl = sleeper{session: s, call: call, mark: call.Reply.Mark(), need: need}
	call.mayBlock = true
	b.job.RunBody(need, s.db, sl.begin)
	if sl.waiter != nil {
		err = sl.wait(w)
	}
	call.mayBlock, call.waits = false, waitFor{}
	s.closeHere(call, start, start+sl.took)
	*sl = sleeper{}
	return err
}

// begin is the first run, and what makes it wait.
func (sl *sleeper) begin(tx *shards.Tx) {
	if sl.call.Tx = tx; tx.Sampled() {
		sl.call.heat()
	}
	if sl.run(tx) {
		return
	}
	f := &sl.call.waits
	o := shards.Wait{Client: sl, Keys: f.keys, Type: f.want, OnGone: f.orGone}
	if !f.each {
		o.Need = sl.need
	}
	sl.timeout = f.timeout
	sl.waiter = tx.Wait(o)
	sl.session.waiter.Store(sl.waiter)
	tx.End()
}

// run runs the handler, and reports whether it answered; if so, the transaction is over.
func (sl *sleeper) run(tx *shards.Tx) (answered bool) {
	c, e := sl.call, sl.session.exec
	start := e.group.Now()
	defer func() { sl.took += e.group.Now() - start }()
	c.Tx, c.waits.keys = tx, nil
	if sl.session.leavesNoTrace(c.Row) {
		tx.Quiet()
	}
	switch {
	case e.lacksMemory(c):
		tx.End()
	case !e.invoke(c):
		tx.Abort()
	case c.waits.keys == nil:
		if c.tracks {
			c.track()
		}
		tx.End()
	default:
		if c.tracks { // once somebody has changed a key it is told, and runs again
			c.track()
		}
		c.Reply.Truncate(sl.mark)
		return false
	}
	return true
}

// Try implements shards.Client.
func (sl *sleeper) Try(tx *shards.Tx) (served bool) {
	if err := sl.call.permitAgain(); err != nil {
		sl.call.disallow(err)
		tx.End()
		return true
	}
	s := sl.session
	was := tx.Act(s.ID)
	defer tx.Act(was)
	tracks := s.tracking.Load() != nil
	if tracks { // whatever voids what it reads, or is told of what it changes, comes behind its reply
		s.conn.HoldPushes(true)
	}
	if sl.run(tx) {
		return true
	}
	tx.End()
	if tracks {
		s.conn.HoldPushes(false)
		s.exec.courier.Carry(s)
	}
	return false
}

// Gone implements shards.Client. It asks the system, so nothing is ever taken for a client that hung up before.
func (sl *sleeper) Gone() bool {
	return sl.session.killed.Load() || sl.session.conn.HungUp()
}

// wait waits, with the replies before it sent, until the command is answered, in whatever way.
func (sl *sleeper) wait(w *bufio.Writer) error {
	s := sl.session
	s.settle()
	s.lastActive.Store(s.exec.group.Now())
	err := w.Flush()
	if here := s.wait(true); !here || err != nil {
		sl.waiter.End(endGone)
	}
	sl.listen()
	s.waiter.Store(nil)
	s.wait(false)
	switch sl.waiter.Outcome() {
	case endTimeout, endUnblockedAsTimeout:
		sl.call.outcome = outcome{}
		sl.call.answerLate()
	case endUnblockedAsError:
		sl.call.fail(sl.mark, errUnblocked)
	case endGone:
		return errGone
	}
	return nil
}

// answerLate answers a command whose time is up.
func (c *Call) answerLate() {
	if c.waits.late != nil {
		c.waits.late(c)
		return
	}
	c.Reply.NullArray()
}

// listen answers the waiter's bell until the wait is over. The session counts as busy whenever that touches data.
func (sl *sleeper) listen() {
	s, job, gone := sl.session, sl.session.batch.job, sl.session.gone
	var timeout <-chan time.Time
	if sl.timeout > 0 {
		t := time.NewTimer(sl.timeout)
		defer t.Stop()
		timeout = t.C
	}
	for {
		select {
		case <-timeout:
			sl.waiter.End(endTimeout)
		case <-gone:
			sl.waiter.End(endGone)
			gone = nil // it is closed for good
		case <-sl.waiter.Bell():
			s.begin()
			if sl.waiter.Over() {
				job.Forget(sl.waiter)
				return
			}
			job.Retry(sl.waiter)
			s.settle()
		}
	}
}

// isWoken reports whether the session, which waited, has been given something to do and has not done it.
func (s *Session) isWoken() bool {
	w := s.waiter.Load()
	return w != nil && (w.Woken() || s.busy.Load())
}

// Blocked is how many clients wait for something that others do.
func (e *Executor) Blocked() int64 { return e.blocked.Load() }

const errUnblockReason = Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")

// clientUnblock takes CLIENT UNBLOCK id [TIMEOUT | ERROR].
func clientUnblock(c *Call) error {
	const maxArgs = 4
	why := endUnblockedAsTimeout
	switch n := len(c.Args); {
	case n > maxArgs:
		return errSubcommandArgs(c)
	case n < maxArgs, c.Option(3, "timeout"):
	case c.Option(3, "error"):
		why = endUnblockedAsError
	default:
		return errUnblockReason
	}
	id, err := c.Int(2)
	if err != nil {
		return err
	}
	if c.Server.unblock(id, why, c.held) {
		c.Reply.Int(1)
	} else {
		c.Reply.Int(0)
	}
	return nil
}

// unblock ends the wait of a client, and reports whether it did. One that is being served is waited for, unless it may need
// shards that the caller holds: then it is taken to find nothing.
func (e *Executor) unblock(id int64, why shards.Ending, held bool) bool {
	s := e.client(id)
	if s == nil {
		return false
	}
	w := s.waiter.Load()
	if w == nil || !w.End(why) {
		return false
	}
	for !w.Over() {
		if held && w.Woken() {
			return true
		}
		time.Sleep(busyPoll)
	}
	return w.Outcome() == why
}
