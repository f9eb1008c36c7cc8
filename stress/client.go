// The client that the suites drive: one connection, commands out, replies in,
// nothing retried and nothing hidden. A socket without progress for the
// timeout is an error, so a server that hangs fails a run instead of hanging
// it; a context that ends closes the socket.
//
// A client has one owner, with one exception: one goroutine may send while
// another receives.

package stress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"respite/proto"
)

// dialer opens authenticated connections to the server under test.
type dialer struct {
	addr     string
	user     string
	password string
	timeout  time.Duration
	tls      *tls.Config // nil: plain TCP
}

func newDialer(o *Options) (*dialer, error) {
	conf, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	return &dialer{addr: o.Addr, user: o.User, password: o.Password, timeout: o.Timeout, tls: conf}, nil
}

// client is one connection to the server.
type client struct {
	conn   net.Conn
	out    []byte         // commands queued and not yet flushed
	dec    *proto.Decoder // nil until the first reply and after rest
	unhook func() bool    // forgets the context
}

// dial connects, and authenticates if the options have a password.
func (d *dialer) dial(ctx context.Context) (*client, error) {
	conn, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	timed := &timedConn{Conn: conn, ctx: ctx, timeout: d.timeout}
	c := &client{conn: timed}
	c.unhook = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if d.password == "" {
		return c, nil
	}
	if err := c.authenticate(d.user, d.password); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (d *dialer) open(ctx context.Context) (net.Conn, error) {
	plain := &net.Dialer{Timeout: d.timeout}
	if d.tls == nil {
		return plain.DialContext(ctx, "tcp", d.addr)
	}
	return (&tls.Dialer{NetDialer: plain, Config: d.tls}).DialContext(ctx, "tcp", d.addr)
}

// identify connects once and returns the server's name and version.
func (d *dialer) identify(ctx context.Context) (string, error) {
	c, err := d.dial(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	facts, err := c.info()
	if err != nil {
		return "", err
	}
	if v := facts["respite_version"]; v != "" {
		return "respite " + v, nil
	}
	return "redis " + facts["redis_version"], nil
}

func (c *client) authenticate(user, password string) error {
	args := []string{"AUTH", password}
	if user != "" {
		args = []string{"AUTH", user, password}
	}
	_, err := c.ask(args...)
	return err
}

func (c *client) close() {
	c.unhook()
	_ = c.conn.Close()
}

// queue appends a command to those that flush will send.
func (c *client) queue(args ...string) { c.out = proto.AppendCommand(c.out, args...) }

// flush sends what was queued.
func (c *client) flush() error {
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}

// receive waits for the next reply. Error replies are values, not errors.
func (c *client) receive() (proto.Value, error) {
	if c.dec == nil {
		c.dec = proto.NewDecoder(c.conn, proto.DefaultDecoderLimits())
	}
	return c.dec.Decode()
}

// rest gives the buffers back. Every reply must have been received.
func (c *client) rest() { c.out, c.dec = nil, nil }

// do sends one command and returns its reply, which may be an error reply.
func (c *client) do(args ...string) (proto.Value, error) {
	c.queue(args...)
	if err := c.flush(); err != nil {
		return proto.Value{}, err
	}
	return c.receive()
}

// ask is do for commands that must not fail: an error reply is an error.
func (c *client) ask(args ...string) (proto.Value, error) {
	v, err := c.do(args...)
	if err == nil && v.IsError() {
		err = fmt.Errorf("%s: %w", args[0], v.Err())
	}
	return v, err
}

// askInt is ask for commands that answer an integer.
func (c *client) askInt(args ...string) (int64, error) {
	v, err := c.ask(args...)
	if err == nil && v.Type != proto.TypeInt {
		err = fmt.Errorf("%s: want an integer, got %s", args[0], describe(v))
	}
	return v.Int, err
}

// drain receives n replies that must not be errors.
func (c *client) drain(n int) error {
	for range n {
		v, err := c.receive()
		if err != nil {
			return err
		}
		if v.IsError() {
			return v.Err()
		}
	}
	return nil
}

func isText(v proto.Value, want string) bool {
	return !v.Null && (v.Type == proto.TypeBulk || v.Type == proto.TypeSimple) && string(v.Str) == want
}

// describeMax is the length at which a reply in a message is cut.
const describeMax = 64

// describe shows a reply in a message for people.
func describe(v proto.Value) string {
	switch {
	case v.Null:
		return "null"
	case v.Type == proto.TypeInt:
		return strconv.FormatInt(v.Int, 10)
	case len(v.Elems) > 0:
		return fmt.Sprintf("%d elements", len(v.Elems))
	case len(v.Str) > describeMax:
		return fmt.Sprintf("%q... (%d bytes)", v.Str[:describeMax], len(v.Str))
	}
	return fmt.Sprintf("%c%q", v.Type, v.Str)
}

// timedConn fails a read or write that makes no progress for the timeout, and
// reports the end of its context as the context's error.
type timedConn struct {
	net.Conn
	ctx     context.Context //nolint:containedctx // the connection lives exactly as long as it
	timeout time.Duration
}

func (t *timedConn) Read(p []byte) (int, error) {
	_ = t.SetReadDeadline(time.Now().Add(t.timeout))
	n, err := t.Conn.Read(p)
	return n, t.explain(err)
}

// writeChunk is how much is written under one deadline, so that the deadline
// measures progress and not the size of the request.
const writeChunk = 64 << 10

func (t *timedConn) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		_ = t.SetWriteDeadline(time.Now().Add(t.timeout))
		n, err := t.Conn.Write(p[sent:min(len(p), sent+writeChunk)])
		sent += n
		if err != nil {
			return sent, t.explain(err)
		}
	}
	return sent, nil
}

func (t *timedConn) explain(err error) error {
	if err != nil && t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	return err
}

// isReset tells a connection that the server closed with bytes unread.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// timedOut tells a connection that made no progress.
func timedOut(err error) bool {
	var slow net.Error
	return errors.As(err, &slow) && slow.Timeout()
}
