// batch.go: the commands of one connection that are in flight together. They are grouped by shard, one part a shard, so
// that a pipeline costs a message a shard and not a message a command. Every part appends its replies to its own
// buffer; when all parts are done the connection writes the replies out in the order of the commands.
//
// Invariant: within a part, items are in the order of the commands, so merging needs one position a part and no search.

package command

import (
	"bufio"
	"bytes"
	"errors"
	"slices"
	"sync"

	"respite/proto"
	"respite/shards"
)

// maxBatch is the most commands in flight together: enough to spread the cost of a message, few enough that the
// replies of a deep pipeline begin to flow early.
const maxBatch = 256

// leastWords and mostWords bound the list of arguments that a batch keeps from use to use.
const (
	leastWords = 64
	mostWords  = 4096
)

// maxSpare is how many transactions that are over a batch keeps for those to come.
const maxSpare = 16

// batch is reused: a session has one from the first command that it takes to the next Flush.
type batch struct {
	exec     *Executor
	session  *Session
	ended    int64 // when the last command since the last flush had run, in unix nanoseconds; 0: none has
	job      *shards.Job
	commands []pending
	parts    []*part // by shard; the last is the connection's own
	busy     shards.Mask
	made     proto.Reply // headers and sums of split commands
	routes   []uint8     // scratch: the shard of each key of one command
	spread   []uint8     // for split commands: the shard of each key, in order
	words    [][]byte    // arguments of split commands, as their parts see them
	spare    []*transaction
	sleeper  sleeper // a command of its own that may wait
}

// pending is one command of a batch.
type pending struct {
	session *Session
	row     *Row
	args    [][]byte
	db      int
	part    int // of the one part that answers; -1: split
	from    int // split: spread[from:to]
	to      int
	proto   uint8
	mute    bool // the client asked for no reply
	noHits  bool // reads leave recency alone
	tracks  bool // what it reads is remembered for the client
	queue   *transaction
}

// part is the share of one shard in a batch.
type part struct {
	b     *batch
	index int
	items []item
	reply proto.Reply
	large bool // the last replies were too large to keep their buffer: the next ones borrow one
	call  Call

	ended    int64 // when its last command had run, in unix nanoseconds; 0: none has
	next     int   // merging: the first item not yet written
	elements proto.Elements
}

// item is one command's reply within a part.
type item struct {
	command  int
	args     [][]byte
	from, to proto.Mark
	outcome
}

func newBatch(e *Executor) *batch {
	b := &batch{exec: e, job: e.group.NewJob(), parts: make([]*part, e.group.N()+1)}
	b.part(b.own()) // replies of the connection itself are in every batch but few
	return b
}

// own is the index of the connection's own part.
func (b *batch) own() int { return len(b.parts) - 1 }

func (b *batch) part(i int) *part {
	p := b.parts[i]
	if p == nil {
		p = &part{b: b, index: i}
		b.parts[i] = p
	}
	return p
}

// newCommand and newItem are room for one more command and one more item of a part, which are empty. They are filled in where they
// are: to put them together elsewhere first and copy them cost a command of a pipeline a twentieth of its time.
func (b *batch) newCommand() *pending {
	n := len(b.commands)
	b.commands = slices.Grow(b.commands, 1)[:n+1]
	return &b.commands[n]
}

func (p *part) newItem() *item {
	n := len(p.items)
	p.items = slices.Grow(p.items, 1)[:n+1]
	return &p.items[n]
}

// add puts a command of a session on the shard that answers it, and returns it.
func (b *batch) add(s *Session, row *Row, args [][]byte, shard int) *pending {
	it := b.part(shard).newItem()
	it.command, it.args = len(b.commands), args
	c := b.newCommand()
	c.part = shard
	s.fill(c, row, args)
	if shard != b.own() {
		b.busy.Set(shard)
	}
	return c
}

// addSplit puts a command on several shards, each with its own keys.
func (b *batch) addSplit(s *Session, row *Row, args [][]byte, routes []uint8) {
	k, number := &row.Keys[0], len(b.commands)
	for n, at := 0, k.First; n < len(routes); n, at = n+1, at+k.Step {
		p := b.part(int(routes[n]))
		if last := len(p.items) - 1; last < 0 || p.items[last].command != number {
			b.busy.Set(p.index)
			keys := bytes.Count(routes[n:], routes[n:n+1])
			it := p.newItem()
			it.command, it.args = number, append(b.room(1+k.Step*keys), args[0])
		}
		it := &p.items[len(p.items)-1]
		it.args = append(it.args, args[at:at+k.Step]...)
	}
	c := b.newCommand()
	c.part, c.from, c.to = -1, len(b.spread), len(b.spread)+len(routes)
	s.fill(c, row, args)
	b.spread = append(b.spread, routes...)
}

// newTransaction returns an empty transaction, and recycle takes one back that is over.
func (b *batch) newTransaction() *transaction {
	n := len(b.spare)
	if n == 0 {
		return new(transaction)
	}
	t := b.spare[n-1]
	b.spare = b.spare[:n-1]
	return t
}

func (b *batch) recycle(t *transaction) {
	if len(b.spare) < maxSpare {
		t.reset()
		b.spare = append(b.spare, t)
	}
}

// room is an empty list with room for n arguments, until reset.
func (b *batch) room(n int) [][]byte {
	if cap(b.words)-len(b.words) < n {
		b.words = make([][]byte, 0, max(2*cap(b.words), n, leastWords))
	}
	from := len(b.words)
	b.words = b.words[:from+n]
	return b.words[from : from : from+n]
}

// run runs all parts and writes the replies.
func (b *batch) run(w *bufio.Writer) error {
	if len(b.commands) == 0 {
		return nil
	}
	any := false
	for i := range b.exec.group.N() {
		if b.busy.Has(i) {
			b.job.Add(i, b.parts[i])
			any = true
		}
	}
	if any {
		b.job.Run()
	}
	if b.exec.broadcasts.due.Load() {
		b.exec.broadcasts.spread(b.session)
	}
	err := b.admit()
	if err == nil {
		err = b.write(w)
	}
	b.reset()
	return err
}

// errTooMuch ends a connection whose replies are more than may wait to be sent; nothing more is written to it.
var errTooMuch = errors.New("replies exceed the output buffer limit")

// admit refuses replies that are more than client-output-buffer-limit lets a client have, whether or not it would take them: the limit
// is there for what one command may cost, too.
func (b *batch) admit() error {
	if b.session.outputLimit() > 0 && !b.session.admits(b.replyBytes()) {
		return errTooMuch
	}
	return nil
}

// admits reports whether the client may have so many bytes of replies waiting. If not, it is told to go.
func (s *Session) admits(n int64) bool {
	limit := s.outputLimit()
	return limit == 0 || n < limit || s.conn.Admit(n)
}

// replyBytes is how long the replies are, those of muted commands included.
func (b *batch) replyBytes() (n int64) {
	for _, p := range b.parts {
		if p != nil && len(p.items) > 0 {
			n += int64(p.reply.Len())
		}
	}
	return n
}

// outputLimit is how many bytes of replies the client may have waiting at least before anybody must look closer; 0 is no limit.
func (s *Session) outputLimit() int64 {
	l := &s.exec.config.Now().ClientOutputBufferLimit[s.OutputClass()]
	if l.Hard == 0 || l.Soft > 0 && l.Soft < l.Hard {
		return l.Soft
	}
	return l.Hard
}

// clockShare is how many short commands share two readings of the clock. A reading is a tenth of a short command's CPU.
const clockShare = 8

// Run runs a part on its shard: it implements shards.Work.
func (p *part) Run(tx *shards.Tx) {
	e := p.b.exec
	c := &p.call
	c.Reply, c.Tx, c.Server = &p.reply, tx, e
	if p.large {
		e.buffers.lend(p)
	}
	now := e.group.Now()
	for from := 0; from < len(p.items); {
		to := p.timedTogether(from)
		for i := from; i < to; i++ {
			p.runItem(&p.items[i], now)
		}
		end := e.group.Now()
		p.account(p.items[from:to], now, end)
		from, now = to, end
	}
	p.ended = now
	c.Args, c.Tx, c.of, c.queue, c.tracks = nil, nil, nil, nil, false
}

// timedTogether is the end of the items from the ith on that share the clock: one, or several short ones. Each of those
// is taken to have lasted as long as the others.
func (p *part) timedTogether(i int) int {
	end := i
	for end < len(p.items) && end-i < clockShare {
		c := &p.b.commands[p.items[end].command]
		if c.row.Flags&(Fast|Short) == 0 || c.part < 0 {
			break
		}
		end++
	}
	return max(end, i+1)
}

// runItem runs one command at the given time.
func (p *part) runItem(it *item, now int64) {
	c := &p.call
	cmd := &p.b.commands[it.command]
	p.reply.SetProto(int(cmd.proto))
	it.from = p.reply.Mark()
	c.use(it, cmd)
	c.Tx.For(cmd.session.ID)
	c.Tx.Begin(cmd.db, now)
	if cmd.noHits {
		c.Tx.Quiet()
	}
	c.Server.invokeOnData(c)
	it.to = p.reply.Mark()
	it.outcome = c.outcome
}

// use makes a command of a batch the call's.
func (c *Call) use(it *item, cmd *pending) {
	c.Session, c.Args, c.Row, c.of, c.queue, c.tracks = cmd.session, it.args, cmd.row, cmd, cmd.queue, cmd.tracks
}

// account shares the time of some commands evenly among them.
func (p *part) account(items []item, start, end int64) {
	e, each := p.b.exec, (end-start)/int64(len(items))
	slow := e.isSlow(each)
	for i, n := 0, 1; i < len(items); i += n {
		if !slow {
			n = p.alike(items[i:])
		}
		p.recall(&items[i])
		e.ran(&p.call, p.index, start, start+each, n)
	}
}

// alike is how many items, from the first on, are the same to the statistics.
func (p *part) alike(items []item) int {
	first := &items[0]
	row := p.b.commands[first.command].row
	n := 1
	for n < len(items) && p.b.commands[items[n].command].row == row && items[n].outcome == first.outcome {
		n++
	}
	return n
}

// recall makes the call what it was when the item had run.
func (p *part) recall(it *item) {
	p.call.use(it, &p.b.commands[it.command])
	p.call.outcome = it.outcome
}

// write merges the replies in the order of the commands.
func (b *batch) write(w *bufio.Writer) error {
	for i := 0; i < len(b.commands); {
		c := &b.commands[i]
		if c.part < 0 {
			if err := b.writeSplit(w, i); err != nil {
				return err
			}
			i++
			continue
		}
		n, err := b.writeRun(w, i)
		if err != nil {
			return err
		}
		i += n
	}
	return nil
}

// writeRun writes the replies of the consecutive commands, from the ith on, that the same part answers, in one piece.
func (b *batch) writeRun(w *bufio.Writer, i int) (n int, err error) {
	first := &b.commands[i]
	p := b.parts[first.part]
	from := p.items[p.next].from
	to := from
	for i+n < len(b.commands) {
		c := &b.commands[i+n]
		if c.part != first.part || c.mute != first.mute {
			break
		}
		to = p.items[p.next].to
		p.next++
		n++
	}
	if first.mute {
		return n, nil
	}
	_, err = p.reply.WriteTo(w, from, to)
	return n, err
}

// reset empties the batch for the next one.
func (b *batch) reset() {
	for _, p := range b.parts {
		if p == nil || len(p.items) == 0 {
			continue
		}
		b.ended, p.ended = max(b.ended, p.ended), 0
		clear(p.items)
		p.items, p.next = p.items[:0], 0
		b.exec.buffers.takeBack(p)
		p.reply.Drop()
	}
	if clear(b.words); cap(b.words) > mostWords {
		b.words = nil
	}
	for i := range b.commands {
		if t := b.commands[i].queue; t != nil {
			b.recycle(t)
		}
	}
	clear(b.commands)
	b.commands, b.spread, b.words, b.busy = b.commands[:0], b.spread[:0], b.words[:0], shards.Mask{}
}

// largestLent is the capacity up to which a reply's buffer is lent on. What is larger comes too seldom to keep memory for it.
const largestLent = 4 << 20

// replyBuffers are the buffers of replies that are larger than a part keeps for itself. Without them each such reply grew its
// buffer anew, doubling it again and again: 57 KB of garbage for an LRANGE of 600 elements, in pipelines of 16. A few are
// enough for all connections, since a poller has one batch after the other, and what was just used is still in the cache.
type replyBuffers struct{ pool sync.Pool } // of *[]byte

// lend gives a part's reply a large buffer, if there is one.
func (r *replyBuffers) lend(p *part) {
	if buf, ok := r.pool.Get().(*[]byte); ok {
		p.reply.Lend(*buf)
	}
}

// takeBack empties a part's reply and keeps its buffer for others if it is large.
func (r *replyBuffers) takeBack(p *part) {
	p.large = p.reply.Len() > proto.MaxKept
	if buf := p.reply.TakeLarge(); buf != nil && cap(buf) <= largestLent {
		kept := buf // buf itself would be allocated for every reply, nil or not
		r.pool.Put(&kept)
	}
}
