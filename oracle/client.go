package oracle

// Conn is a plain client connection: what is sent goes out as given, what comes
// back is kept as it came. Every wait has a limit, so a server that stays silent
// fails a test instead of hanging it.

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"time"
)

// replyWait is how long a reply may take before the server counts as silent.
const replyWait = 30 * time.Second

// Dialer opens a new connection to a server.
type Dialer func() (net.Conn, error)

// Conn is one client connection. It is not safe for concurrent use.
type Conn struct {
	net.Conn
	in  *bufio.Reader
	out []byte
}

// Connect dials and, for RESP3, sends HELLO 3.
func Connect(dial Dialer, proto int) (*Conn, error) {
	raw, err := dial()
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c := &Conn{Conn: raw, in: bufio.NewReader(raw)}
	if proto == resp2 {
		return c, nil
	}
	if _, err := c.mustDo("HELLO", strconv.Itoa(proto)); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// Queue adds a command to what the next Flush sends.
func (c *Conn) Queue(args ...string) { c.out = AppendCommand(c.out, args) }

// Flush sends what was queued.
func (c *Conn) Flush() error {
	_ = c.SetWriteDeadline(time.Now().Add(replyWait))
	_, err := c.Write(c.out)
	c.out = c.out[:0]
	return err
}

// Receive reads the next reply.
func (c *Conn) Receive() (Value, error) {
	_ = c.SetReadDeadline(time.Now().Add(replyWait))
	return ReadValue(c.in)
}

// Do sends one command and reads its reply.
func (c *Conn) Do(args ...string) (Value, error) {
	c.Queue(args...)
	if err := c.Flush(); err != nil {
		return Value{}, err
	}
	return c.Receive()
}

// mustDo is Do for commands that have to succeed: an error reply is an error.
func (c *Conn) mustDo(args ...string) (Value, error) {
	v, err := c.Do(args...)
	if err == nil && v.Kind == '-' {
		err = fmt.Errorf("%s", v.Text)
	}
	if err != nil {
		return v, fmt.Errorf("%s: %w", args[0], err)
	}
	return v, nil
}

// AppendCommand appends the bytes of a command, an array of bulks, to dst.
func AppendCommand(dst []byte, args []string) []byte {
	dst = appendHeader(dst, '*', len(args))
	for _, arg := range args {
		dst = appendHeader(dst, '$', len(arg))
		dst = append(append(dst, arg...), "\r\n"...)
	}
	return dst
}

func appendHeader(dst []byte, kind byte, n int) []byte {
	return append(strconv.AppendInt(append(dst, kind), int64(n), 10), "\r\n"...)
}
