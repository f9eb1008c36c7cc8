// Package conn is the sockets: listeners, and one goroutine a connection that reads a pipeline, hands it to the command
// room and flushes the replies. It knows bytes and limits, and nothing of what a command means.
//
// conn.go is that goroutine. Reading is its alone; writing belongs to output (output.go), which never blocks it. Others
// never close a socket: they mark it and wake the goroutine, which closes it on its way out, so that a descriptor is
// never closed under somebody who still uses it.
package conn

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
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
	out     *output
	reader  *proto.Reader
	session *command.Session
	local   bool // the peer is on this machine
	killed  atomic.Bool
	parked  atomic.Bool  // waits for bytes
	fresh   atomic.Bool  // read something since the sweeper last looked
	rested  atomic.Bool  // was told to give its large buffers back since it last read something
	input   atomic.Int64 // bytes of read buffers, for readers on other goroutines
}

// serve runs the connection until its end.
func (c *conn) serve() {
	defer c.close()
	if t, ok := c.stream.(*tls.Conn); ok {
		if err := c.handshake(t); err != nil {
			c.server.log.Info("Error accepting a client connection: TLS handshake failed", "from", c.socket.RemoteAddr(), "error", err)
			return
		}
	}
	c.finish(c.loop())
}

// loop reads and answers until the client goes, is sent away, or breaks the protocol.
func (c *conn) loop() error {
	for {
		err := c.answer()
		if err != nil || c.session.Closing() {
			return err
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// answer runs every whole command that is buffered and flushes the replies.
func (c *conn) answer() error {
	limits := c.session.Limits()
	w := c.server.takeWriter(c.stream)
	defer c.server.putWriter(w)
	c.out.hold()
	defer c.out.letGo()
	err := c.commands(&limits, w)
	if flushErr := c.session.Flush(w); err == nil {
		err = flushErr
	}
	var broken proto.Error
	if errors.As(err, &broken) {
		c.protocolError(w, broken)
	}
	if flushErr := w.Flush(); err == nil {
		err = flushErr
	}
	return err
}

// commands hands every whole command that is buffered to the session.
func (c *conn) commands(limits *proto.Limits, w *bufio.Writer) error {
	for {
		args, ok, err := c.reader.Next(limits)
		if err != nil || !ok {
			return err
		}
		if err := c.session.Do(args, w); err != nil || c.session.Closing() {
			return err
		}
		limits.Authenticated = c.session.Authenticated()
	}
}

func (c *conn) protocolError(w *bufio.Writer, e proto.Error) {
	var r proto.Reply
	r.Reset(2)
	r.Error("ERR " + e.Error())
	_, _ = w.Write(r.Bytes()) // a client that is gone needs no reason
}

// fill waits for bytes. A wake-up that is no end (the sweeper wants the large buffer back) goes on waiting.
func (c *conn) fill() error {
	for {
		c.parked.Store(true)
		err := c.reader.Fill()
		c.parked.Store(false)
		if !isTimeout(err) {
			c.fresh.Store(true)
			c.input.Store(int64(c.reader.Buffered()))
			return err
		}
		if c.killed.Load() || c.server.stopping.Load() {
			return errKilled
		}
		c.rest()
	}
}

// rest gives back what only a busy connection needs, and goes on without a deadline.
func (c *conn) rest() {
	c.session.Quiet()
	c.reader.Release()
	_ = c.socket.SetReadDeadline(time.Time{})
	if c.killed.Load() || c.server.stopping.Load() { // the mark may have come between: do not sleep over it
		c.wake()
	}
}

var (
	errKilled   = errors.New("connection ended by the server")
	errOverflow = errors.New("output buffer limit reached")
)

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// finish says why a connection ended, where that is of interest to an operator.
func (c *conn) finish(err error) {
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, errKilled), c.killed.Load():
	case errors.Is(err, proto.ErrQueryLimit):
		c.server.log.Warn("Closing client that reached max query buffer length", "client", c.session.Describe())
	default:
		c.server.log.Debug("Client connection ended", "client", c.session.Describe(), "error", err)
	}
}

const lingerTime = 2 * time.Second // how long a connection that ends waits for its client to take the last replies

// close sends what is pending, if the client takes it soon, and closes the socket.
func (c *conn) close() {
	if !c.killed.Load() {
		c.out.drain(lingerTime)
	}
	if t, ok := c.stream.(*tls.Conn); ok && !c.killed.Load() {
		_ = t.CloseWrite()
		c.out.drain(lingerTime)
	}
	c.out.stop()
	c.session.Close()
	_ = c.socket.Close()
	c.reader.Release()
	c.server.forget(c)
}

// wake makes the goroutine's read, and the writer's write, return at once.
func (c *conn) wake() { _ = c.socket.SetDeadline(time.Unix(1, 0)) }

// nudge makes only the goroutine's read return.
func (c *conn) nudge() { _ = c.socket.SetReadDeadline(time.Unix(1, 0)) }

// Kill implements command.Conn.
func (c *conn) Kill() {
	c.killed.Store(true)
	c.wake()
}

// Push implements command.Conn.
func (c *conn) Push(b []byte) { c.out.push(b) }

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

// Descriptor implements command.Conn.
func (c *conn) Descriptor() int { return descriptor(c.socket) }

// outputLimit is how much output may be pending.
func (c *conn) outputLimit() config.OutputLimit {
	return c.server.config.Now().ClientOutputBufferLimit[config.ClientNormal]
}

// overflow ends a connection whose client does not read what it asked for.
func (c *conn) overflow(pending int64) {
	c.server.log.Warn("Client scheduled to be closed ASAP for overcoming of output buffer limits",
		"client", c.session.Describe(), "pending", pending)
	c.Kill()
}

const handshakeTime = 10 * time.Second // for a TLS client to say who it is

func (c *conn) handshake(t *tls.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
	defer cancel()
	return t.HandshakeContext(ctx)
}
