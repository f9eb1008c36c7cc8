// Package conn is the sockets: listeners, and one goroutine a connection that reads a pipeline, hands it to the command
// room and flushes the replies. It knows bytes and limits, and nothing of what a command means.
//
// conn.go is that goroutine. Reading is its alone; writing belongs to output (output.go), which never blocks it. Others
// never close a socket: they mark it and wake the goroutine, which closes it on its way out, so that a descriptor is
// never closed under somebody who still uses it.
package conn

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"respite/command"
	"respite/config"
	"respite/proto"
)

// conn is one connection.
type conn struct {
	server  *Server
	socket  net.Conn // TCP or Unix
	stream  net.Conn // what commands travel on: socket's output side, or TLS over it
	out     output
	reader  *proto.Reader
	poll    poll
	replies *bufio.Writer  // between run and send
	round   *command.Round // what a lone command may join during a step, nil if nothing
	driver  driver
	session *command.Session
	mail    []*conn // others who have pushes in their outbox that this connection sends
	local   bool    // the peer is on this machine
	killed  atomic.Bool
	parked  atomic.Bool  // waits for bytes
	begun   bool         // has taken a command: what comes is no HTTP request
	fresh   atomic.Bool  // read something since the sweeper last looked
	input   atomic.Int64 // bytes that have come and are not yet run, for readers on other goroutines
	buffers atomic.Int64 // bytes of memory that the read buffers take, for the same

	taken  int64         // commands since takeCount
	waited time.Duration // how long commands have waited in this turn
	waits  time.Duration // since when one does, as an age of the server

	rested bool      // the sweeper's: was told to give its large buffers back since it last read something
	active time.Time // the sweeper's: when it last saw bytes move
}

// serve runs the connection until its end.
func (c *conn) serve() {
	err := c.handshake()
	if err == nil {
		err = c.loop()
	}
	c.end(err)
}

// end says goodbye; err is why.
func (c *conn) end(err error) {
	c.finish(err)
	c.close(isDone(err))
}

// streamLoop is loop for a connection that is read through its stream: TLS, and systems without poll.
func (c *conn) streamLoop() error {
	for {
		start := c.server.age()
		err := c.answer()
		c.endTurn(start)
		if err != nil || c.session.Closing() {
			return err
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// answer runs every whole command that is buffered and sends the replies.
func (c *conn) answer() error { return c.sendAfter(c.run()) }

// sendAfter is send after what may have failed: that failure counts first.
func (c *conn) sendAfter(err error) error {
	if sendErr := c.send(); err == nil {
		return sendErr
	}
	return err
}

// run runs every whole command that is buffered. Replies wait for send, which must follow; from here to there pushes wait.
func (c *conn) run() error {
	limits := c.session.Limits()
	w := c.server.takeWriter(c.stream)
	c.replies = w
	c.out.hold()
	c.out.first(w)
	err := c.commands(&limits, w)
	if c.session.InRound() {
		c.reader.PutDown()
		return nil
	}
	if flushErr := c.session.Flush(w); err == nil {
		err = flushErr
	}
	c.reader.PutDown()
	if err != nil {
		protocolError(w, err)
	}
	return err
}

// send sends the replies of run.
func (c *conn) send() error {
	w := c.replies
	c.replies = nil
	err := w.Flush()
	c.out.letGo()
	c.server.putWriter(w)
	c.deliver()
	return err
}

// deliver sends the pushes that this connection's commands have left with others.
func (c *conn) deliver() {
	for i, to := range c.mail {
		c.mail[i] = nil
		to.out.sendPushes()
	}
	c.mail = c.mail[:0]
	if cap(c.mail) > keptMail {
		c.mail = nil
	}
}

const keptMail = 1024 // receivers that a connection keeps room for

// commands hands every whole command that is buffered to the session.
func (c *conn) commands(limits *proto.Limits, w *bufio.Writer) error {
	if !c.begun {
		if is, err := c.web(w); is || err != nil {
			return err
		}
	}
	for first := true; ; first = false {
		args, ok, err := c.reader.Next(limits)
		if err != nil || !ok {
			return err
		}
		c.begun = true
		c.taken++
		if first && c.round != nil && c.reader.Idle() && c.reader.InBuffer() {
			return c.session.DoIn(c.round, args, w)
		}
		if err := c.session.Do(args, w); err != nil || c.session.Closing() {
			return err
		}
		limits.Authenticated = c.session.Authenticated()
	}
}

// protocolError tells a client which rule it broke, if that is what err is about.
func protocolError(w *bufio.Writer, err error) {
	var broken proto.Error
	if !errors.As(err, &broken) {
		return
	}
	var r proto.Reply
	r.Reset(2)
	r.Error("ERR " + broken.Error())
	_, _ = w.Write(r.Bytes()) // a client that is gone needs no reason
}

// fill waits for bytes. A wake-up that is no end (the sweeper wants the large buffer back) goes on waiting.
func (c *conn) fill() error {
	c.weigh()
	for {
		c.parked.Store(true)
		err := c.reader.Fill()
		c.parked.Store(false)
		if !isTimeout(err) {
			c.arrived()
			if err == nil && c.killed.Load() {
				return errKilled
			}
			return err
		}
		if c.isEnding() {
			return errKilled
		}
		c.rest()
	}
}

// arrived notes that bytes, or the end of them, have come. Clients that hold too much for that go, this one perhaps among them.
func (c *conn) arrived() {
	if !c.fresh.Load() {
		c.fresh.Store(true)
	}
	c.weigh()
}

// weigh notes what the read buffers take; if that has grown much, clients that hold too much go.
func (c *conn) weigh() {
	if c.measure() >= evictionStep {
		c.server.evict(c.server.clientBudget())
	}
}

// evictionStep is by how many bytes a connection's read buffers grow before anybody asks whether clients hold too much; what grows by
// less waits for the sweeper.
const evictionStep = 16 << 10

// measure notes what the read buffers hold and take. Most of the time that has not changed, and to read an atomic costs
// less than to write it. It returns by how much what they take has grown.
func (c *conn) measure() (grown int64) {
	if n := int64(c.reader.Query()); c.input.Load() != n {
		c.input.Store(n)
	}
	if n := int64(c.reader.Footprint()); c.buffers.Load() != n {
		grown = n - c.buffers.Swap(n)
	}
	return grown
}

// rest gives back what only a busy connection needs, and goes on without a deadline.
func (c *conn) rest() {
	c.reader.Release()
	if t, ok := c.stream.(*tls.Conn); ok {
		dropRecordBuffer(t)
	}
	c.measure()
	c.readUntil(time.Time{})
}

// readUntil sets how long reads may wait. Whoever ends a connection marks it first and then sets a deadline, so one of
// the two is seen here.
func (c *conn) readUntil(t time.Time) {
	_ = c.socket.SetReadDeadline(t)
	if c.isEnding() {
		_ = c.socket.SetReadDeadline(longAgo())
	}
}

// isEnding reports whether there is to be no more reading.
func (c *conn) isEnding() bool { return c.killed.Load() || c.server.stopping.Load() }

var (
	errKilled    = errors.New("connection ended by the server")
	errOverflow  = errors.New("output buffer limit reached")
	errHandshake = errors.New("TLS handshake failed")
)

// isTimeout reports whether a deadline has passed: not a connection that the system has given up, which is a timeout too.
func isTimeout(err error) bool { return err != nil && errors.Is(err, os.ErrDeadlineExceeded) }

// isDone reports whether a connection ended from our side, with a client that may still be sending.
func isDone(err error) bool {
	var broken proto.Error
	return err == nil || errors.Is(err, errKilled) || errors.Is(err, errAnswered) || errors.As(err, &broken)
}

// finish says why a connection ended, where that is of interest to an operator.
func (c *conn) finish(err error) {
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, errKilled), errors.Is(err, errAnswered), c.killed.Load():
	case errors.Is(err, proto.ErrQueryLimit):
		c.server.log.Warn("Closing client that reached max query buffer length", "client", c.session.Describe())
	case errors.Is(err, errHandshake):
		c.server.log.Info("Error accepting a client connection", "from", c.socket.RemoteAddr(), "error", err)
	default:
		c.server.log.Debug("Client connection ended", "client", c.session.Describe(), "error", err)
	}
}

const (
	patience   = 5 * time.Second // how long a client that takes nothing of its last replies is waited for
	lingerTime = time.Second     // for how long a client that does not close its side is listened to
	stopQuiet  = lingerTime / 4  // without a byte, after which that is enough if the server stops
)

// close sends what is pending, as long as the client takes it, and closes the socket.
func (c *conn) close(linger bool) {
	if !c.killed.Load() {
		if c.out.isDraining() {
			c.driver.yield()
		}
		c.session.Leave()
		c.out.drain(patience)
		if t, ok := c.stream.(*tls.Conn); ok {
			_ = t.CloseWrite()
			c.out.drain(patience)
		}
	}
	c.session.Close()
	c.out.stop()
	c.server.open.Add(-1) // before the client can know, so that it may come again at once
	if linger && !c.killed.Load() {
		c.linger()
	}
	c.driver.leave()
	_ = c.socket.Close()
	c.reader.Release()
	c.server.forget(c)
}

// linger says that nothing more will come and waits for the client to close its side, reading what it still sends: to close
// a socket that has unread bytes resets the connection, and the client may lose replies that are on their way. That a client
// is silent says little, it may be stalled in the middle of a request; but a server that stops has not all the time.
func (c *conn) linger() {
	half, ok := c.socket.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.driver.yield()
	c.driver.readsWait(true)
	w := c.server.takeWriter(nil)
	defer c.server.putWriter(w)
	room := w.AvailableBuffer()
	quiet := lingerTime
	if c.server.stopping.Load() {
		quiet = stopQuiet
	}
	for end := time.Now().Add(lingerTime); time.Now().Before(end) && !c.killed.Load(); {
		_ = c.socket.SetReadDeadline(earlier(end, time.Now().Add(quiet)))
		if _, err := c.socket.Read(room[:cap(room)]); err != nil {
			return
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Kill implements command.Conn. It is for the session, which wakes a command that waits; whoever else ends a connection
// kills its session.
func (c *conn) Kill() {
	c.killed.Store(true)
	_ = c.socket.SetDeadline(longAgo()) // reads and writes that wait return
	c.driver.nudge()
}

// HungUp implements command.Conn. A server that stops waits for nobody's command.
func (c *conn) HungUp() bool { return c.isEnding() || c.driver.isHungUp() }

// Wait implements command.Conn. Pushes go out meanwhile.
func (c *conn) Wait() {
	c.out.letGo()
	c.deliver()
	c.driver.yield()
	c.driver.tellsHangUp(true)
	c.waits = c.server.age()
}

// Resume implements command.Conn.
func (c *conn) Resume() {
	c.waited += c.server.age() - c.waits
	c.driver.tellsHangUp(false)
	c.out.hold()
	c.out.holdPushes(false)
}

// Yield implements command.Conn.
func (c *conn) Yield() {
	c.driver.yield()
	if len(c.mail) > 0 {
		c.deliver()
	}
}

// Post implements command.Conn.
func (c *conn) Post(push []byte) (first bool) { return c.out.post(push) }

// PostPush implements command.Conn.
func (c *conn) PostPush(push, message, body []byte) (first bool) {
	return c.out.postPush(push, message, body)
}

// HoldPushes implements command.Conn.
func (c *conn) HoldPushes(hold bool) { c.out.holdPushes(hold) }

// Listen implements command.Conn.
func (c *conn) Listen(on bool) { c.out.listen(on) }

// SendPushes implements command.Conn.
func (c *conn) SendPushes() { c.out.sendPushes() }

// InsertPushes implements command.Conn.
func (c *conn) InsertPushes(w *bufio.Writer) error { return c.out.insertPushes(w) }

// Carry implements command.Conn.
func (c *conn) Carry(to command.Conn) { c.mail = append(c.mail, to.(*conn)) }

// Speak implements command.Conn.
func (c *conn) Speak(version int) { c.out.speak(version < pushesSince) }

const pushesSince = 3 // the version of the protocol that has pushes

// Local implements command.Conn.
func (c *conn) Local() bool { return c.local }

// Addr implements command.Conn.
func (c *conn) Addr() (remote, local string) {
	if c.socket.LocalAddr().Network() == "unix" {
		path := c.socket.LocalAddr().String()
		return path + ":0", path + ":0"
	}
	return c.socket.RemoteAddr().String(), c.socket.LocalAddr().String()
}

// Buffers implements command.Conn.
func (c *conn) Buffers() (input, output int64, chunks int) {
	output, chunks = c.out.size()
	return c.input.Load(), output, chunks
}

// Memory implements command.Conn.
func (c *conn) Memory() int64 {
	_, out, _ := c.Buffers()
	return c.buffers.Load() + out
}

// Admit implements command.Conn.
func (c *conn) Admit(replies int64) bool { return c.out.admits(replies) }

// Descriptor implements command.Conn.
func (c *conn) Descriptor() int { return descriptor(c.socket) }

// outputLimit implements owner.
func (c *conn) outputLimit() config.OutputLimit {
	return c.server.config.Now().ClientOutputBufferLimit[c.session.OutputClass()]
}

// grown implements owner.
func (c *conn) grown() { c.server.evict(c.server.clientBudget()) }

// isKilled implements owner.
func (c *conn) isKilled() bool { return c.killed.Load() }

// overflow implements owner: it ends a connection whose client does not read what it asked for.
func (c *conn) overflow(pending int64) {
	c.server.log.Warn("Client scheduled to be closed ASAP for overcoming of output buffer limits",
		"client", c.session.Describe(), "pending", pending)
	c.session.Kill()
}

const handshakeTime = 10 * time.Second // for a TLS client to say who it is

// handshake begins TLS, if that is what the connection speaks.
func (c *conn) handshake() error {
	t, ok := c.stream.(*tls.Conn)
	if !ok {
		return nil
	}
	c.readUntil(time.Now().Add(handshakeTime))
	if err := t.Handshake(); err != nil {
		return errors.Join(errHandshake, err)
	}
	c.readUntil(time.Time{})
	return nil
}
