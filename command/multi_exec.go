// multi_exec.go: EXEC. A transaction is one Tx over the shards of all keys that are queued or watched. If that is one shard and
// the commands are about data alone, EXEC rides in the batch as a command of that shard; else it runs by itself, over shards
// that are borrowed, and then commands may change the session.
//
// Inside, every command is a step of the transaction: one that panics is taken back by itself. Nothing is served to
// clients that wait, and nobody else sees anything, before the last one is done.

package command

import (
	"bufio"

	"respite/proto"
	"respite/shards"
)

// placeExec gives EXEC its place.
func (s *Session) placeExec(row *Row, args [][]byte, w *bufio.Writer) error {
	t := s.multi
	if t == nil {
		s.runHere(row, args, nil)
		return nil
	}
	s.multi = nil
	t.watch = s.watch.Swap(nil)
	if t.isLost() { // nothing that is on its way can change that
		s.release(t.watch)
		return s.runQueue(row, args, t, shards.Mask{})
	}
	need := t.reach()
	if need.Len() == 1 && !t.session && s.exec.monitors.Load() == 0 {
		s.batch.add(s, row, args, need.First()).queue = t
		s.showQueue()
		return nil
	}
	if err := s.batch.run(w); err != nil {
		return err
	}
	if t.flags&AfterPushes != 0 { // what others have published so far; what the transaction itself does comes behind its reply
		if err := s.conn.InsertPushes(w); err != nil {
			return err
		}
	}
	if err := s.runQueue(row, args, t, need); err != nil || t.flags&PubSub == 0 {
		return err
	}
	return s.cutForPushes(w) // the client may have subscribed and unsubscribed within
}

// isLost reports whether a transaction will not run, whatever happens until then.
func (t *transaction) isLost() bool { return t.spoilt || t.watch != nil && t.watch.Broken() }

// reach is the shards of what is queued and what is watched.
func (t *transaction) reach() shards.Mask {
	need := t.need
	if t.watch != nil {
		for i, m := range t.watch.Reach() {
			need[i] |= m
		}
	}
	return need
}

// runQueue runs EXEC on the session's own part, over the shards of need, or over none.
func (s *Session) runQueue(row *Row, args [][]byte, t *transaction, need shards.Mask) error {
	run := func(tx *shards.Tx) {
		call := s.openHere(row, args)
		s.batch.commands[len(s.batch.commands)-1].queue = t
		call.queue, call.Tx = t, tx
		start := s.exec.group.Now()
		if tx == nil {
			s.exec.invoke(call)
		} else {
			s.exec.invokeOnData(call)
		}
		s.closeHere(call, start, s.exec.group.Now())
		call.queue = nil
	}
	if need == (shards.Mask{}) {
		run(nil)
	} else {
		s.conn.Yield()
		s.batch.job.RunBody(need, s.db, run)
	}
	s.showQueue() // a transaction that asks about its own client finds itself
	if s.afterwards != nil {
		s.settle()
		s.afterwards()
		s.afterwards = nil
	}
	return nil
}

// exec runs what is queued, unless a command was refused or a key that was watched has changed.
func exec(c *Call) error {
	t := c.queue
	switch {
	case t == nil:
		return errNoMultiExec
	case t.spoilt:
		return errExecAbort
	case !c.isIntact(t):
		c.Reply.NullArray()
		return nil
	}
	x := execution{t: t, row: c.Row, args: c.Args, of: c.of}
	x.run(c)
	return nil
}

// isIntact reports whether nothing has happened to what the transaction watches, and ends the watch.
func (c *Call) isIntact(t *transaction) bool {
	if t.watch == nil {
		return true
	}
	if c.Tx == nil { // it was lost before it began, and is forgotten already
		return false
	}
	intact := c.Tx.Intact(t.watch)
	c.Tx.Unwatch(t.watch)
	return intact
}

// execution is an EXEC at work. Its call becomes that of every command in turn, and then its own again.
type execution struct {
	t    *transaction
	row  *Row
	args [][]byte
	of   *pending // nil: it runs on the session's own part, and commands may change the session
}

// run runs the commands, and shares out the time that short ones take together as a batch does.
func (x *execution) run(c *Call) {
	e, all := c.Server, x.t.commands
	c.queue, c.of, c.held = nil, nil, true
	mark := c.Reply.Mark()
	c.Reply.Array(len(all))
	x.mute(c, mark, false)
	now := e.group.Now()
	for len(all) > 0 {
		n := timedTogether(all)
		for i := range all[:n] {
			x.step(c, &all[i])
		}
		end := e.group.Now()
		x.account(c, all[:n], now, end)
		all, now = all[n:], end
	}
	c.Row, c.Args, c.of, c.queue, c.held, c.loud, c.outcome = x.row, x.args, x.of, x.t, false, false, outcome{}
}

// timedTogether is how many commands, from the first on, share the clock.
func timedTogether(all []queued) int {
	n := 0
	for n < min(len(all), clockShare) && all[n].row.Flags&(Fast|Short) != 0 {
		n++
	}
	return max(n, 1)
}

// step runs one command.
func (x *execution) step(c *Call, q *queued) {
	c.Row, c.Args, c.loud = q.row, q.args, false
	mark, closing := c.Reply.Mark(), c.Session.isClosing(x)
	if err := c.permitQueued(len(x.t.commands)); err != nil {
		c.disallow(err)
		q.outcome = c.outcome
		x.mute(c, mark, closing)
		return
	}
	if c.Tx != nil {
		x.open(c)
		if c.Tx.Sampled() {
			c.heat()
		}
	}
	switch ok := c.Server.invoke(c); {
	case c.Tx == nil:
	case !ok:
		c.Tx.Undo()
	case x.tracks(c):
		c.track()
	}
	q.outcome = c.outcome
	x.mute(c, mark, closing)
	if x.of == nil {
		c.Session.feedMonitors(q.row, q.args)
	}
}

// tracks reports whether what the call's command has read is remembered for its client.
func (x *execution) tracks(c *Call) bool {
	if x.of == nil {
		return c.Session.tracks(c.Row)
	}
	return x.of.tracks && c.Row.Flags&ReadOnly != 0
}

// open begins the step of the transaction that the call's command is.
func (x *execution) open(c *Call) {
	if x.of == nil {
		c.Tx.Step(c.Session.db)
		if c.Session.leavesNoTrace(c.Row) {
			c.Tx.Quiet()
		}
		return
	}
	c.Tx.Step(x.of.db)
	if x.of.noHits && c.Row.Name != "touch" {
		c.Tx.Quiet()
	}
}

// mute takes back what was written since mark, if the client gets no replies: commands of a transaction may switch them off
// and on, and what it then gets is, as in Redis, only some of the elements that were announced.
func (x *execution) mute(c *Call, mark proto.Mark, closing bool) {
	if x.of != nil {
		return
	}
	c.muted = true
	if closing || c.Session.isMute() && !c.loud {
		c.Reply.Truncate(mark)
	}
}

// isClosing reports whether the client has already got its last reply: it has sent itself away.
func (s *Session) isClosing(x *execution) bool { return x.of == nil && s.closing }

// account counts commands that ran from start to end, in unix nanoseconds.
func (x *execution) account(c *Call, commands []queued, start, end int64) {
	each, stripe := (end-start)/int64(len(commands)), c.Server.group.N()
	if x.of != nil {
		stripe = x.of.part
	}
	for i := range commands {
		q := &commands[i]
		c.Row, c.Args, c.outcome = q.row, q.args, q.outcome
		c.Server.ran(c, stripe, start, start+each, 1)
	}
}
