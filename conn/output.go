// output.go: bytes on their way to a client. A write never blocks: what the socket does not take at once becomes
// pending, and a goroutine that exists only while something is pending drains it, while the connection goes on reading.
// So a client may send any number of commands before it reads a reply, up to client-output-buffer-limit.
//
// Invariants: bytes leave in the order in which they came here; whoever finds something pending appends and does not
// write; the lock is never held over a write that can wait.
package conn

import (
	"net"
	"sync"
	"time"

	"respite/config"
)

// chunkSize is the size in bytes of the pieces that pending output is kept in.
const chunkSize = 64 << 10

// output is the sending side of one socket. It is what the reply writer, or TLS, writes to.
type output struct {
	net.Conn // the socket; reading and deadlines are its own
	try      tryWriter
	limit    func() config.OutputLimit // how much may be pending
	overflow func(pending int64)       // too much is: the connection must go; called with the lock held

	mu       sync.Mutex
	pending  [][]byte
	bytes    int64
	sending  int64 // of bytes: what the drainer has taken and not yet written
	draining bool
	soft     time.Time // since when the soft limit is exceeded
	failed   error
	drained  *sync.Cond

	outbox [][]byte // pushes that wait for the replies in flight
	held   bool
	stream net.Conn // where pushes are written: this output, or TLS over it
}

func newOutput(socket net.Conn) *output {
	o := &output{Conn: socket, try: newTryWriter(socket)}
	o.stream = o
	o.drained = sync.NewCond(&o.mu)
	return o
}

// Write sends p without waiting, or keeps a copy of what could not be sent. It implements net.Conn.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return 0, o.failed
	}
	sent := 0
	if !o.draining {
		n, err := o.try.write(p)
		if err != nil {
			o.failed = err
			return n, err
		}
		sent = n
	}
	if sent < len(p) {
		o.keep(p[sent:])
	}
	return len(p), o.failed
}

// keep appends to what is pending and sees that somebody drains it. The lock is held.
func (o *output) keep(p []byte) {
	o.bytes += int64(len(p))
	if o.over() {
		o.failed = errOverflow
		o.pending = nil
		o.overflow(o.bytes)
		return
	}
	for len(p) > 0 {
		last := len(o.pending) - 1
		if last < 0 || len(o.pending[last]) == cap(o.pending[last]) {
			o.pending = append(o.pending, make([]byte, 0, chunkSize))
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

// over reports whether more is pending than may be: more than the hard limit, or for some time more than the soft one.
// The lock is held.
func (o *output) over() bool {
	l := o.limit()
	if l.Soft == 0 || o.bytes < l.Soft {
		o.soft = time.Time{}
	} else if o.soft.IsZero() {
		o.soft = time.Now()
	}
	tooLong := !o.soft.IsZero() && time.Since(o.soft) > time.Duration(l.SoftSeconds)*time.Second
	return tooLong || l.Hard > 0 && o.bytes >= l.Hard
}

// drainer writes what is pending until nothing is. It ends with the socket, or with the last byte.
func (o *output) drainer() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) > 0 && o.failed == nil {
		chunks := net.Buffers(o.pending)
		o.pending = nil
		o.sending = o.bytes
		o.mu.Unlock()
		n, err := chunks.WriteTo(o.Conn)
		o.mu.Lock()
		o.bytes -= n
		o.sending = 0
		if err != nil && o.failed == nil {
			o.failed = err
		}
	}
	o.draining = false
	o.drained.Broadcast()
}

// hold makes pushes wait; letGo sends those that came meanwhile. Between the two the connection writes its replies.
func (o *output) hold() {
	o.mu.Lock()
	o.held = true
	o.mu.Unlock()
}

func (o *output) letGo() {
	o.mu.Lock()
	o.held = false
	waiting := o.outbox
	o.outbox = nil
	o.mu.Unlock()
	for _, b := range waiting {
		_, _ = o.stream.Write(b) // a broken socket shows in the connection's next read
	}
}

// push sends b, a whole message, behind the replies in flight.
func (o *output) push(b []byte) {
	o.mu.Lock()
	if o.held {
		o.outbox = append(o.outbox, append([]byte(nil), b...))
		o.mu.Unlock()
		return
	}
	o.mu.Unlock()
	_, _ = o.stream.Write(b) // a broken socket shows in the connection's next read
}

// size is how much is pending, in bytes and chunks.
func (o *output) size() (bytes int64, chunks int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes, len(o.pending)
}

// drain waits until everything is sent, or for at most the given time.
func (o *output) drain(atMost time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.draining {
		return
	}
	_ = o.SetWriteDeadline(time.Now().Add(atMost)) // ends the drainer, and with it the wait
	for o.draining {
		o.drained.Wait()
	}
}

// stop ends the drainer and waits for it.
func (o *output) stop() {
	_ = o.SetWriteDeadline(time.Unix(1, 0))
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.draining {
		o.drained.Wait()
	}
}
