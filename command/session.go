// session.go: what the server knows of one client. The session belongs to the connection's goroutine, which alone
// changes it; what CLIENT LIST and its like read from other goroutines is in identity, behind a lock.

package command

import (
	"bufio"
	"sync"
	"sync/atomic"
	"unsafe"

	"respite/acl"
	"respite/config"
	"respite/proto"
	"respite/pubsub"
	"respite/shards"
)

// Conn is what a session needs of its connection. Its methods may be called from any goroutine.
type Conn interface {
	Post(push []byte) (first bool)              // keeps a copy, to be sent behind the replies in flight; true: SendPushes must follow
	SendPushes()                                // sends what Post has left, unless somebody else is about to
	PostPush(push, message, body []byte) bool   // Post of push and body if the client speaks RESP3, else of message and body if it listens and there is one
	HoldPushes(hold bool)                       // from any goroutine: what Post has left waits, though the session does, until Resume, or until it need not, and then SendPushes must follow
	Listen(on bool)                             // says whether a client that speaks RESP2 takes messages; it does not at first
	Carry(to Conn)                              // SendPushes of another connection, once this one's replies go out or it waits
	InsertPushes(w *bufio.Writer) error         // writes what Post has left to w; on the session's goroutine, between its replies
	Speak(version int)                          // says in which version of the protocol pushes go out from now on; it is 2 at first
	Kill()                                      // ends the connection soon
	HungUp() bool                               // the client sends nothing more, or may not; not once the connection ends
	Wait()                                      // says, on the session's goroutine, that it waits for others: HangUp will be called
	Resume()                                    // ends that
	Yield()                                     // says, on the session's goroutine, that it is about to wait or will be busy for long
	Addr() (remote, local string)               // as CLIENT LIST shows them
	Local() bool                                // the peer is on this machine
	Buffers() (input, output int64, chunks int) // bytes buffered each way, chunks of pending output
	Memory() int64                              // bytes that all buffers take
	Admit(replies int64) bool                   // whether so many bytes of replies may wait to be sent; if not, the connection ends
	Descriptor() int                            // the socket's file descriptor, -1 where there is none
}

// Session is one client.
type Session struct {
	exec  *Executor
	conn  Conn
	batch *batch // nil between commands
	round *Round // nil unless a command is in it
	seat  int    // which one that is
	yield func() // conn.Yield, made once

	ID            int64
	db            int
	proto         int
	authenticated bool
	question      question // to the access control lists; the gate's
	reply         replyMode
	noTouch       bool
	monitoring    bool
	multi         *transaction // nil: none
	caching       bool         // the next command, or transaction, is an exception to the rule of what is tracked
	afterwards    func()       // what a command of a transaction has left to do, when its shards are free
	closing       bool         // after the replies so far, the connection ends

	subs pubsub.Client

	identity   sync.Mutex // guards what follows, for readers on other goroutines
	name       string
	libName    string
	libVersion string
	seen       seen
	user       atomic.Pointer[acl.User] // only the session's goroutine changes it
	noEvict    atomic.Bool
	last       atomic.Pointer[Row] // what the client sent last, nil if that was no command
	busy       atomic.Bool         // commands have passed the gate and are not done: a pause that begins waits for them
	killed     atomic.Bool
	tracking   atomic.Pointer[tracking]      // nil: the client does not track
	broken     atomic.Bool                   // the client to redirect to was gone
	watch      atomic.Pointer[shards.Watch]  // nil: nothing is watched
	queued     atomic.Int64                  // commands queued and one, 0 outside of a transaction
	queuedSize atomic.Int64                  // what they take, in bytes
	waiting    atomic.Bool                   // a command waits for something that others do
	waiter     atomic.Pointer[shards.Waiter] // of a command that waits for keys, nil if none does
	gone       chan struct{}                 // closed by Kill, for a session that waits
	lastActive atomic.Int64                  // unix nanoseconds
	created    int64                         // unix nanoseconds
}

// seen is a copy of the session's own fields for readers on other goroutines, made when they change.
type seen struct {
	db, proto  int
	monitoring bool
	noTouch    bool
	replyOff   bool
	blocked    bool // waits for something that others do
}

// replyMode is CLIENT REPLY.
type replyMode uint8

const (
	replyOn replyMode = iota
	replyOff
	replySkipNext // the next command is silent
	replySkipThis
)

// NewSession registers a client. Close must follow.
func (e *Executor) NewSession(c Conn) *Session {
	s := &Session{exec: e, conn: c, ID: e.lastID.Add(1), proto: 2, created: e.group.Now(), gone: make(chan struct{}), yield: c.Yield}
	s.lastActive.Store(s.created)
	s.standardUser()
	s.seen = seen{proto: s.proto}
	s.subs.Join(e.channels, s)
	e.sessions.Store(s.ID, s)
	return s
}

// Close forgets the client.
func (s *Session) Close() {
	s.exec.stopMonitoring(s)
	s.stopTracking()
	s.Leave()
	s.exec.sessions.Delete(s.ID)
	s.unwatch()
	s.settle()
	s.putDown()
}

// Limits are what the client may send.
func (s *Session) Limits() proto.Limits {
	c := s.exec.config.Now()
	l := proto.Limits{MaxBulk: c.ProtoMaxBulkLen, MaxQuery: c.ClientQueryBufferLimit, Authenticated: s.Authenticated()}
	if s.multi != nil { // what is queued is taken to be in the buffer still
		l.MaxQuery -= s.multi.size
	}
	return l
}

// Closing reports whether the connection should end once its replies are sent.
func (s *Session) Closing() bool { return s.closing || s.killed.Load() }

// Do takes one command. It may wait until its turn has come and run the commands before it; replies that are ready go
// to w. The arguments must stay as they are until Flush returns.
func (s *Session) Do(args [][]byte, w *bufio.Writer) error {
	return s.do(s.exec.table.Lookup(args), args, w)
}

// do is Do for a command whose row has been found, or that has none.
func (s *Session) do(row *Row, args [][]byte, w *bufio.Writer) error {
	if s.batch == nil {
		s.takeUp()
	}
	s.stepReply()
	if s.caching {
		s.stepCaching()
	}
	return s.proceed(row, args, s.gate(row, args), w)
}

// proceed goes on with a command behind the gate, which may have refused it.
func (s *Session) proceed(row *Row, args [][]byte, err error, w *bufio.Writer) error {
	if err == errCrossProtocol {
		s.abandon()
		return nil
	}
	if err != nil {
		s.refuse(row, args, err)
		return s.flushFull(w)
	}
	s.begin()
	if s.paused(row) {
		if err := s.waitForUnpause(row, w); err != nil {
			return err
		}
	}
	if s.multi != nil && row.Flags&Unqueued == 0 {
		s.queue(row, args)
		return s.flushFull(w)
	}
	if row.Flags&Blocking != 0 {
		s.feedMonitors(row, args) // not when it has waited
	}
	if err := s.placeHeard(row, args, w); err != nil {
		return err
	}
	if row.Flags&Blocking == 0 {
		s.feedMonitors(row, args)
	}
	return s.flushFull(w)
}

func (s *Session) feedMonitors(row *Row, args [][]byte) {
	if s.exec.monitors.Load() > 0 && row.Flags&(Admin|SkipMonitor) == 0 {
		s.exec.feedMonitors(s, row, args)
	}
}

func (s *Session) flushFull(w *bufio.Writer) error {
	if len(s.batch.commands) < maxBatch {
		return nil
	}
	return s.batch.run(w)
}

// Flush runs the commands taken so far and writes their replies to w. Then the session has nothing but its own few fields: the next
// one on this processor works with the same batch, which is in its cache.
func (s *Session) Flush(w *bufio.Writer) error {
	if s.batch == nil {
		return nil
	}
	err := s.batch.run(w)
	if s.batch.ended == 0 { // everything was refused
		s.batch.ended = s.exec.group.Now()
	}
	s.lastActive.Store(s.batch.ended)
	s.batch.ended = 0
	s.settle()
	s.putDown()
	return err
}

// begin says that a command is about to pass the gate, and settle that all that did are done.
func (s *Session) begin() {
	if !s.busy.Load() {
		s.busy.Store(true)
	}
}

func (s *Session) settle() {
	if s.busy.Load() {
		s.busy.Store(false)
	}
}

// takeUp takes a batch.
func (s *Session) takeUp() {
	s.batch = s.exec.batches.Get().(*batch)
	s.batch.session = s
	s.batch.job.OnWait(s.yield)
	s.batch.job.For(s.ID)
}

// putDown gives the batch back. No command may be in it.
func (s *Session) putDown() {
	if s.batch == nil {
		return
	}
	s.batch.session = nil
	s.batch.job.OnWait(nil)
	s.batch.job.For(0)
	s.exec.batches.Put(s.batch)
	s.batch = nil
}

// stepReply moves CLIENT REPLY SKIP on by one command.
func (s *Session) stepReply() {
	switch s.reply {
	case replySkipNext:
		s.reply = replySkipThis
	case replySkipThis:
		s.reply = replyOn
	}
}

// fill makes an empty pending a command of the session's.
func (s *Session) fill(c *pending, row *Row, args [][]byte) {
	c.session, c.row, c.args, c.db, c.proto = s, row, args, s.db, uint8(s.proto)
	c.noHits, c.mute, c.tracks = s.leavesNoTrace(row), s.isMute(), s.tracks(row)
}

// isMute reports whether the client gets no reply to the command that runs.
func (s *Session) isMute() bool { return s.reply == replyOff || s.reply == replySkipThis }

// leavesNoTrace reports whether a command's reads leave the recency of keys alone: CLIENT NO-TOUCH, which stops
// everything but TOUCH.
func (s *Session) leavesNoTrace(row *Row) bool { return s.noTouch && row != nil && row.Name != "touch" }

// refuse answers a command with an error, in its place. If it was to be part of a transaction, that is lost.
func (s *Session) refuse(row *Row, args [][]byte, err error) {
	if s.multi != nil {
		s.multi.spoilt = true
	}
	if row != nil && row.Place == ByQueue {
		err = errAborted(err)
		s.discard()
		s.feedMonitors(row, args)
	}
	s.answer(row, args, func(r *proto.Reply) { r.Error(err.Error()) })
	s.exec.refused(row, err)
}

// answer answers a command, in its place, without running it.
func (s *Session) answer(row *Row, args [][]byte, write func(r *proto.Reply)) {
	b := s.batch
	b.add(s, row, args, b.own())
	p := b.parts[b.own()]
	p.reply.SetProto(s.proto)
	it := &p.items[len(p.items)-1]
	it.from = p.reply.Mark()
	write(&p.reply)
	it.to = p.reply.Mark()
}

// placeHeard is place, and sees to it that what the client hears of its own command comes right behind the reply: it cuts the batch for
// that.
func (s *Session) placeHeard(row *Row, args [][]byte, w *bufio.Writer) error {
	heard := s.hears(row)
	if err := s.place(row, args, w); err != nil || !heard {
		return err
	}
	return s.cutForPushes(w)
}

// cutForPushes runs the batch and writes what was pushed until then behind the replies.
func (s *Session) cutForPushes(w *bufio.Writer) error {
	if err := s.batch.run(w); err != nil {
		return err
	}
	return s.conn.InsertPushes(w)
}

// hears reports whether the client is told of what a command does, if it does something. Reads that find keys expired are left out; what is
// collected under prefixes comes later anyway.
func (s *Session) hears(row *Row) bool {
	listens, t := s.subs.Subscribed(), s.tracking.Load()
	if !listens && t == nil {
		return false
	}
	tracks := t != nil && !t.broadcast && !t.noLoop && t.redirect == 0 && s.proto == maxProto
	switch {
	case row.Place == ByQueue:
		return listens || tracks
	case listens && row.Chans == PublishesTo, tracks && row.Flags&Write != 0:
		return true
	}
	return listens && row.Flags&(Write|ReadOnly) != 0 && s.exec.config.Now().NotifyKeyspaceEvents != 0
}

// place sends a command to where it runs.
func (s *Session) place(row *Row, args [][]byte, w *bufio.Writer) error {
	switch row.Place {
	case OnConnection:
		if row.Flags&AfterPushes != 0 && (s.monitoring || s.subs.Subscribed() || s.exec.trackers.Load() > 0) {
			return s.runAfterPushes(row, args, w)
		}
		s.runHere(row, args, nil)
		return nil
	case AfterBatch:
		if s.batch.busy != (shards.Mask{}) {
			if err := s.batch.run(w); err != nil {
				return err
			}
		}
		s.runHere(row, args, nil)
		return nil
	case Alone:
		s.conn.Yield()
		if row.Flags&Blocking != 0 { // it waits for no key: any shard will do
			return s.runBlocking(row, args, shards.Mask{1}, w)
		}
		return s.runCut(row, args, shards.Mask{}, w)
	case OnAllShards:
		s.conn.Yield()
		return s.runCut(row, args, s.exec.group.All(), w)
	case ByKeysAlone:
		var need shards.Mask
		s.exec.routes(s.batch, row, args, &need)
		s.conn.Yield()
		return s.runCut(row, args, need, w)
	case ByQueue:
		return s.placeExec(row, args, w)
	}
	return s.placeByKeys(row, args, w)
}

// placeByKeys sends a command to the shards of its keys: to one, to several in parts, or over all of them at once.
func (s *Session) placeByKeys(row *Row, args [][]byte, w *bufio.Writer) error {
	g := s.exec.group
	if row.hasOneKey() {
		s.batch.add(s, row, args, g.Route(args[row.Keys[0].First]))
		return nil
	}
	if row.pair[0] != 0 { // most have both on one shard: what follows costs a RPOPLPUSH a twentieth of its time
		if shard := g.Route(args[row.pair[0]]); shard == g.Route(args[row.pair[1]]) {
			s.batch.add(s, row, args, shard)
			return nil
		}
	}
	var need shards.Mask
	routes := s.exec.routes(s.batch, row, args, &need)
	switch {
	case routes == nil && need == (shards.Mask{}): // the arguments do not fit: the handler says what is wrong with them
		return s.runCut(row, args, shards.Mask{1}, w)
	case routes == nil: // some fit: PFMERGE may come without a source
		return s.runCut(row, args, need, w)
	case row.Flags&Blocking != 0:
		return s.runBlocking(row, args, need, w)
	case need.Len() == 1:
		s.batch.add(s, row, args, int(routes[0]))
		return nil
	case row.Split != Whole && (len(args)-row.Keys[0].First)%row.Keys[0].Step == 0:
		s.batch.addSplit(s, row, args, routes)
		return nil
	}
	return s.runCut(row, args, need, w)
}

// runCut runs a command by itself, after the batch before it: over the shards of need, borrowed, or over none.
func (s *Session) runCut(row *Row, args [][]byte, need shards.Mask, w *bufio.Writer) error {
	if err := s.batch.run(w); err != nil {
		return err
	}
	if need == (shards.Mask{}) {
		s.settle() // nothing that touches data is on its way, so two clients that pause need not wait for each other
		s.runHere(row, args, nil)
		return nil
	}
	s.batch.job.RunBody(need, s.db, func(tx *shards.Tx) {
		if s.leavesNoTrace(row) {
			tx.Quiet()
		}
		s.runHere(row, args, tx)
	})
	return nil
}

// runAfterPushes runs a command whose reply what was pushed until then precedes.
func (s *Session) runAfterPushes(row *Row, args [][]byte, w *bufio.Writer) error {
	if err := s.batch.run(w); err != nil {
		return err
	}
	s.runHere(row, args, nil)
	return s.conn.InsertPushes(w)
}

// runHere runs a command on the connection's goroutine and leaves its reply in the connection's own part.
func (s *Session) runHere(row *Row, args [][]byte, tx *shards.Tx) {
	call := s.openHere(row, args)
	call.Tx = tx
	start := s.exec.group.Now()
	if tx == nil {
		s.exec.invoke(call)
	} else {
		s.exec.invokeOnData(call)
	}
	s.closeHere(call, start, s.exec.group.Now())
}

// openHere gives a command its place in the connection's own part.
func (s *Session) openHere(row *Row, args [][]byte) *Call {
	b := s.batch
	c := b.add(s, row, args, b.own())
	p := b.parts[c.part]
	p.reply.SetProto(s.proto)
	p.items[len(p.items)-1].from = p.reply.Mark()
	call := &p.call
	call.Reply, call.Session, call.Server, call.Args, call.Row = &p.reply, s, s.exec, args, row
	call.loud, call.tracks = false, c.tracks
	return call
}

// closeHere ends a command of the connection's own part, which ran from start to end, in unix nanoseconds.
func (s *Session) closeHere(call *Call, start, end int64) {
	b := s.batch
	p := b.parts[b.own()]
	p.items[len(p.items)-1].to = p.reply.Mark()
	p.ended = end
	s.exec.ran(call, p.index, start, end, 1)
	call.Args, call.Tx, call.tracks = nil, nil, false
	b.commands[len(b.commands)-1].mute = !call.muted && !call.loud && (s.isMute() || s.reply == replySkipNext)
	call.muted = false
}

// Kill ends the client soon, from any goroutine.
func (s *Session) Kill() {
	if s.killed.Swap(true) {
		return
	}
	close(s.gone)
	s.Leave()
	s.conn.Kill()
}

// Leave ends the client's subscriptions, from any goroutine.
func (s *Session) Leave() { s.subs.End() }

// onlyListens reports whether the client has subscriptions and no way to tell messages from replies: it speaks RESP2.
func (s *Session) onlyListens() bool { return s.proto == minProto && s.subs.Subscribed() }

// OutputClass is whose limits hold for what waits for the client, as an index of config.OutputLimits.
func (s *Session) OutputClass() int {
	if s.subs.Subscribed() {
		return config.ClientPubSub
	}
	return config.ClientNormal
}

// HangUp says, from any goroutine, that the client sends nothing more. As in Redis that ends one whose command waits; any
// other gets its replies first.
func (s *Session) HangUp() {
	if s.waiting.Load() {
		s.Kill()
	}
}

// wait begins or ends a wait for something that others do; replies must have been flushed. It reports whether the client is
// still there. Whoever begins must end.
func (s *Session) wait(begins bool) bool {
	s.waiting.Store(begins)
	s.show(func(v *seen) { v.blocked = begins })
	if !begins {
		s.exec.blocked.Add(-1)
		s.conn.Resume()
		return true
	}
	s.exec.blocked.Add(1)
	s.conn.Wait()
	return !s.conn.HungUp()
}

// Memory is what the client costs, in bytes: what the server holds for it, and what it keeps about it.
func (s *Session) Memory() int64 {
	subscribed := s.subs.Count(pubsub.Channels) + s.subs.Count(pubsub.Patterns) + s.subs.Count(pubsub.ShardChannels)
	return int64(unsafe.Sizeof(*s)) + s.Held() + int64(subscribed)*subscribedSize
}

// Held is what the client makes the server hold, in bytes: its buffers, the commands that it queued, and the prefixes of keys that it wants
// to hear of. Any goroutine may ask.
func (s *Session) Held() int64 { return s.conn.Memory() + s.queueMemory() + s.trackingMemory() }

// subscribedSize is what a subscription costs by Redis's book, in bytes: an entry of a table and its share of the slots.
const subscribedSize = 40

// Evictable reports whether the client may be ended to make room for others: CLIENT NO-EVICT is off.
func (s *Session) Evictable() bool { return !s.noEvict.Load() }

// Subscribed reports whether the client waits for something that the server sends: it may be idle for as long as it
// likes.
func (s *Session) Subscribed() bool {
	v := s.shown()
	return v.monitoring || v.blocked || s.subs.Subscribed()
}

// shown is the session as others see it.
func (s *Session) shown() seen {
	s.identity.Lock()
	defer s.identity.Unlock()
	return s.seen
}

// show makes a change of the session's own fields visible to others.
func (s *Session) show(change func(*seen)) {
	s.identity.Lock()
	defer s.identity.Unlock()
	change(&s.seen)
}

func (s *Session) selectDB(n int) {
	s.db = n
	s.show(func(v *seen) { v.db = n })
}
