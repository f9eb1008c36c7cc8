// output.go: bytes on their way to a client. A write never blocks: what the socket does not take at once becomes
// pending, and a goroutine that exists only while something is pending drains it, while the connection goes on reading.
// So a client may send any number of commands before it reads a reply, up to client-output-buffer-limit.
//
// Invariants: bytes leave in the order in which they came here; whoever finds something pending appends and does not
// write; mu is never held over a write that can wait. Only the holder of the token writes to the stream, and it takes the
// token for whole replies or whole pushes, so that neither ever ends up inside the other. Whoever gives the token back
// looks at the outbox afterwards; so a push that found the token taken is never forgotten.
//
// Pushes come in two steps, since one who publishes to many sends to each of them at the end what many messages have left:
// post puts a push in the outbox and makes no system call, so that it may be called by the owner of a shard; whoever put the
// first one in sees to it that sendPushes follows soon. The outbox has a lock of its own, which is held for a copy at most.

package conn

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"respite/config"
)

const (
	// smallChunk and chunkSize are the least and the most bytes of a piece that pending output is kept in.
	smallChunk = 4 << 10
	chunkSize  = 64 << 10
)

// owner is what an output asks of its connection.
type owner interface {
	outputLimit() config.OutputLimit // how much may be pending; called with the output's lock held
	isKilled() bool                  // no more is to be sent, the write deadline has passed or is about to; called likewise
	overflow(pending int64)          // too much is pending: the connection must go; called without the lock
	grown()                          // more is pending than before; called likewise
}

// output is the sending side of one socket. It is what the reply writer, or TLS, writes to.
type output struct {
	net.Conn // the socket; reading is its own, but for the count
	owner    owner
	stream   net.Conn // where replies and pushes are written: this output, or TLS over it
	traffic  *traffic
	token    sync.Mutex  // the right to write to stream
	boxes    *sync.Pool  // of *[]byte, for outboxes
	mail     atomic.Bool // the outbox may hold something, or has overflowed

	box     sync.Mutex   // guards what follows; it is the last lock to be taken
	outbox  *[]byte      // nil: empty
	posted  atomic.Int64 // bytes in it
	flood   atomic.Int64 // how much was waiting when a push did not fit any more, until it is reported
	arrays  bool         // the client takes pushes as arrays: it speaks RESP2
	listens bool         // a client that speaks RESP2 takes messages: it has subscribed to something
	held    bool         // nothing is sent, since a reply is on its way that it comes behind
	closing bool         // takes no further pushes

	mu       sync.Mutex // guards what follows
	try      tryWriter
	pending  [][]byte
	bytes    atomic.Int64 // pending, with what the drainer is writing
	draining bool
	progress bool          // the drainer got rid of something since stirred was last asked
	patience time.Duration // how long the drainer waits for a client that takes nothing; 0: for ever
	soft     time.Time     // since when the soft limit is exceeded
	excess   int64         // how much was pending when that became too much, until report
	failed   error
	drained  sync.Cond
}

// traffic counts bytes, and the system calls that moved them. Each is some connections', so that processors do not fight over a cache
// line.
type traffic struct {
	in, out       atomic.Int64 // bytes read from sockets, and taken by them
	reads, writes atomic.Int64
	drains        atomic.Int64 // of the writes, those of drainers
	_             [88]byte
	turns         cycles // of those that are on no poller
}

func (t *traffic) read(n int) {
	if n > 0 {
		t.in.Add(int64(n))
		t.reads.Add(1)
	}
}

func (t *traffic) wrote(n int) {
	if n > 0 {
		t.out.Add(int64(n))
		t.writes.Add(1)
	}
}

func (t *traffic) drained(n int) {
	if n > 0 {
		t.wrote(n)
		t.drains.Add(1)
	}
}

func (t *traffic) reset() {
	for _, n := range [...]*atomic.Int64{&t.in, &t.out, &t.reads, &t.writes, &t.drains} {
		n.Store(0)
	}
	t.turns.reset()
}

// open makes o the output of a socket.
func (o *output) open(socket net.Conn, by owner, t *traffic, boxes *sync.Pool) {
	o.Conn, o.owner, o.try, o.traffic, o.boxes = socket, by, newTryWriter(socket), t, boxes
	o.stream, o.arrays = o, true
	o.drained.L = &o.mu
}

// Read reads from the socket. It implements net.Conn, for TLS.
func (o *output) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	o.traffic.read(n)
	return n, err
}

// Write sends p without waiting, or keeps a copy of what could not be sent. It implements net.Conn.
func (o *output) Write(p []byte) (int, error) {
	sent, err := o.write(p)
	switch {
	case err != nil:
		o.report()
		return sent, err
	case sent < len(p):
		o.owner.grown()
	}
	return len(p), nil
}

// write returns how much of p the socket took; what it did not is kept unless there is an error.
func (o *output) write(p []byte) (sent int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return 0, o.failed
	}
	if !o.draining {
		sent, err = o.try.write(p)
		o.traffic.wrote(sent)
		if err != nil {
			o.failed = err
			return sent, err
		}
	}
	if sent < len(p) {
		o.keep(p[sent:])
	}
	return sent, o.failed
}

// SetWriteDeadline does nothing: TLS would set one when it says goodbye, but writes do not wait, and the deadline is
// what ends the drainer.
func (o *output) SetWriteDeadline(time.Time) error { return nil }

// keep appends to what is pending and sees that somebody drains it. The lock is held.
func (o *output) keep(p []byte) {
	if !o.admit(len(p)) {
		return
	}
	o.bytes.Add(int64(len(p)))
	for len(p) > 0 {
		last := len(o.pending) - 1
		if last < 0 || len(o.pending[last]) == cap(o.pending[last]) {
			o.pending = append(o.pending, make([]byte, 0, nextChunk(last < 0, len(p))))
			last++
		}
		c := o.pending[last]
		n := copy(c[len(c):cap(c)], p)
		o.pending[last] = c[:len(c)+n]
		p = p[n:]
	}
	if !o.draining {
		o.draining = true
		go o.drainer()
	}
}

// nextChunk is the size of a chunk to hold n bytes and what may follow: many clients that are a little slow should not
// cost a large chunk each.
func nextChunk(first bool, n int) int {
	if first {
		return min(max(n, smallChunk), chunkSize)
	}
	return chunkSize
}

// admit reports whether n more bytes may wait; if not, the output has failed, and report must follow. The lock is held.
func (o *output) admit(n int) bool {
	if o.failed != nil {
		return false
	}
	waiting := o.bytes.Load() + o.posted.Load() + int64(n)
	if !o.over(waiting) {
		return true
	}
	o.fail(errOverflow)
	o.excess = waiting
	return false
}

// admits reports whether n more bytes may wait. If not, the connection is told to go, and nothing more is sent.
func (o *output) admits(n int64) bool {
	o.mu.Lock()
	ok := o.admit(int(n))
	o.mu.Unlock()
	if !ok {
		o.report()
	}
	return ok
}

// report tells the owner, once, if too much was pending. The lock is not held, since the owner describes its client and
// with it this output.
func (o *output) report() {
	o.mu.Lock()
	n := o.excess
	o.excess = 0
	o.mu.Unlock()
	if n > 0 {
		o.owner.overflow(n)
	}
}

// fail ends the output; what waits is dropped. The lock is held.
func (o *output) fail(err error) {
	if o.failed == nil {
		o.failed = err
	}
	o.pending = nil
	o.bytes.Store(0)
	o.shut()
}

// over reports whether so many bytes are more than may wait: more than the hard limit, or for some time more than the
// soft one. The lock is held.
func (o *output) over(waiting int64) bool {
	l := o.owner.outputLimit()
	if l.Soft == 0 || waiting < l.Soft {
		o.soft = time.Time{}
	} else if o.soft.IsZero() {
		o.soft = time.Now()
	}
	tooLong := !o.soft.IsZero() && time.Since(o.soft) > time.Duration(l.SoftSeconds)*time.Second
	return tooLong || l.Hard > 0 && waiting >= l.Hard
}

// stirred reports whether the client took pending output since the last call. It also enforces the soft limit on a
// client that asks for nothing more.
func (o *output) stirred() bool {
	o.mu.Lock()
	ok, p := o.admit(0), o.progress
	o.progress = false
	o.mu.Unlock()
	if !ok {
		o.report()
	}
	return p
}

// drainer writes what is pending until nothing is. It ends with the socket, or with the last byte.
func (o *output) drainer() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) > 0 && o.failed == nil {
		chunk := o.pending[0]
		o.pending[0] = nil
		o.pending = o.pending[1:]
		if err := o.send(chunk); err != nil {
			o.fail(err)
		}
	}
	o.pending = nil
	o.draining = false
	o.drained.Broadcast()
}

// send writes a chunk, however long the client takes, as long as it takes something. The lock is held, but not over the
// writes.
func (o *output) send(chunk []byte) error {
	for {
		if o.patience > 0 {
			o.waitAtMost(o.patience)
		}
		o.mu.Unlock()
		n, err := o.Conn.Write(chunk)
		o.traffic.drained(n)
		o.mu.Lock()
		if o.failed != nil {
			return o.failed
		}
		o.bytes.Add(-int64(n))
		o.progress = o.progress || n > 0
		if err == nil || n == 0 || !isTimeout(err) || o.owner.isKilled() {
			return err
		}
		chunk = chunk[n:]
	}
}

// waitAtMost limits how long a write waits. Kill marks first and then sets its own deadline, so one of the two is seen
// here.
func (o *output) waitAtMost(d time.Duration) {
	_ = o.Conn.SetWriteDeadline(time.Now().Add(d))
	if o.owner.isKilled() {
		_ = o.Conn.SetWriteDeadline(longAgo())
	}
}

// hold makes pushes wait; letGo sends those that came meanwhile. Between the two the connection writes its replies.
func (o *output) hold() { o.token.Lock() }

func (o *output) letGo() {
	o.token.Unlock()
	o.sendPushes()
}

// push sends b, a whole message, behind the replies in flight. It does not wait for them.
func (o *output) push(b []byte) {
	o.post(b)
	o.sendPushes()
}

// post puts b, a whole message, in the outbox, if there is room, and reports whether nobody has seen to it yet that
// sendPushes follows. A message in RESP3's form becomes an array for a client that speaks RESP2.
func (o *output) post(b []byte) (first bool) {
	o.box.Lock()
	defer o.box.Unlock()
	return o.put(b, nil)
}

// postPush is post of push and body if the client speaks RESP3, else of message and body if it listens and there is one.
func (o *output) postPush(push, message, body []byte) (first bool) {
	o.box.Lock()
	defer o.box.Unlock()
	switch {
	case !o.arrays:
		return o.put(push, body)
	case o.listens:
		return o.put(message, body)
	}
	return false
}

// put appends a message in two pieces. The box is locked.
func (o *output) put(b, rest []byte) (first bool) {
	if o.closing || len(b) == 0 {
		return false
	}
	waiting := o.bytes.Load() + o.posted.Load() + int64(len(b)+len(rest))
	if hard := o.owner.outputLimit().Hard; hard > 0 && waiting >= hard {
		o.mail.Store(true)
		return o.flood.Swap(waiting) == 0
	}
	if o.outbox == nil {
		o.outbox = o.boxes.Get().(*[]byte)
	}
	at := len(*o.outbox)
	*o.outbox = append(append(*o.outbox, b...), rest...)
	if o.arrays && b[0] == '>' {
		(*o.outbox)[at] = '*'
	}
	o.posted.Store(int64(len(*o.outbox)))
	return !o.mail.Swap(true)
}

// holdPushes makes what is posted wait, or no longer: then sendPushes must follow.
func (o *output) holdPushes(hold bool) {
	o.box.Lock()
	defer o.box.Unlock()
	o.held = hold
}

// sendable is takeMail, unless what is in the outbox has to wait. Then it has to be asked for again.
func (o *output) sendable() (b *[]byte, ok bool) {
	o.box.Lock()
	defer o.box.Unlock()
	if o.held {
		return nil, false
	}
	return o.take(), true
}

// takeMail empties the outbox, which held nothing if it returns nil, and otherwise giveBack must follow.
func (o *output) takeMail() *[]byte {
	o.box.Lock()
	defer o.box.Unlock()
	return o.take()
}

// take is takeMail. The box is locked.
func (o *output) take() *[]byte {
	b := o.outbox
	o.outbox = nil
	o.posted.Store(0)
	o.mail.Store(false)
	return b
}

// maxKeptBox is the capacity in bytes up to which an outbox is used again.
const maxKeptBox = 64 << 10

func (o *output) giveBack(b *[]byte) {
	if cap(*b) <= maxKeptBox {
		*b = (*b)[:0]
		o.boxes.Put(b)
	}
}

// sendPushes sends what is in the outbox, unless somebody else has the token, who will.
func (o *output) sendPushes() {
	for o.mail.Load() {
		o.drown()
		if !o.token.TryLock() {
			return
		}
		b, ok := o.sendable()
		if b != nil {
			_, _ = o.stream.Write(*b) // a broken socket shows in the connection's next read
			o.giveBack(b)
		}
		o.token.Unlock()
		if !ok {
			return // whoever ends that comes here
		}
	}
}

// insertPushes writes what is in the outbox to w. The caller has the token, and w leads to the stream.
func (o *output) insertPushes(w io.Writer) (err error) {
	if !o.mail.Load() {
		return nil
	}
	o.drown()
	if b := o.takeMail(); b != nil {
		_, err = w.Write(*b)
		o.giveBack(b)
	}
	return err
}

// first is insertPushes before the first of some replies: what was pushed before the commands came is before their replies. Errors of w
// show in what is written to it later.
func (o *output) first(w io.Writer) {
	_ = o.insertPushes(w)
}

// drown ends an output whose outbox has overflowed.
func (o *output) drown() {
	if o.flood.Load() == 0 {
		return
	}
	o.mu.Lock()
	if n := o.flood.Swap(0); n > 0 && o.failed == nil {
		o.excess = n
		o.fail(errOverflow)
	}
	o.mu.Unlock()
	o.report()
}

// shut takes no more pushes, and drops those that wait.
func (o *output) shut() {
	o.box.Lock()
	defer o.box.Unlock()
	o.closing = true
	o.outbox = nil
	o.posted.Store(0)
}

// speak says whether the client takes pushes as arrays: whether it speaks RESP2.
func (o *output) speak(arrays bool) {
	o.box.Lock()
	defer o.box.Unlock()
	o.arrays = arrays
}

// listen says whether a client that speaks RESP2 takes messages.
func (o *output) listen(on bool) {
	o.box.Lock()
	defer o.box.Unlock()
	o.listens = on
}

// size is how much waits, in bytes and chunks.
func (o *output) size() (bytes int64, chunks int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes.Load() + o.posted.Load(), len(o.pending)
}

// isDraining reports whether something is pending.
func (o *output) isDraining() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.draining
}

// drain takes no more pushes and waits until everything is sent, or until the client has taken nothing for the given
// time.
func (o *output) drain(patience time.Duration) {
	o.shut()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.patience = patience
	if o.draining {
		o.waitAtMost(patience) // for the write that is under way
	}
	for o.draining {
		o.drained.Wait()
	}
}

// stop drops what is pending, and everything that is written from now on, and waits for the drainer to end.
func (o *output) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail(net.ErrClosed)
	_ = o.Conn.SetWriteDeadline(longAgo())
	for o.draining {
		o.drained.Wait()
	}
}

// longAgo is a deadline that has passed.
func longAgo() time.Time { return time.Unix(1, 0) }
