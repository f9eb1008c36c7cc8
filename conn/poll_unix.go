// poll_unix.go: reading a plain socket with one system call a request. Go's netpoller is edge-triggered and remembers an
// edge, but a Read through net.Conn forgets it before it begins, and so must always try once more, in vain, before it may
// wait. Here the connection lives inside one long call of RawConn.Read, which does not forget: a read that did not fill
// its room has emptied the socket, and the connection waits at once. That is half of the reads of a client that does not
// pipeline.
//
// The exception is a client that sends its last bytes and the end of its stream in one edge: after a short read nothing
// more would come. So a connection reads until there is nothing for its first calmTurns turns, which covers clients that
// come with one request and half-close; with a later one the sweeper's nudge makes it look again, a second or two later.

//go:build unix

package conn

import (
	"errors"
	"io"
	"syscall"
)

// calmTurns is how many turns of one read each it takes before a short read is trusted.
const calmTurns = 8

var errAgain = errors.New("nothing to read")

// poll is the reading side of a plain socket.
type poll struct {
	raw   syscall.RawConn // nil: the socket is read through its stream
	fd    int             // during a turn
	room  int             // of the last read
	got   int             // by the last read
	calm  int             // turns in a row that took one read
	err   error           // what ended the connection
	ended bool
}

// openPoll makes the connection read its socket directly, if it can be.
func (c *conn) openPoll() io.Reader {
	if s, ok := c.socket.(syscall.Conn); ok && c.stream == &c.out {
		if raw, err := s.SyscallConn(); err == nil {
			c.poll.raw = raw
			return c
		}
	}
	return c.stream
}

// Read reads what the socket has, or returns errAgain. It is called during a turn only.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := sysRead(c.poll.fd, p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, errAgain
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		c.poll.room, c.poll.got = len(p), n
		c.out.arrived.Add(int64(n))
		return n, nil
	}
}

// loop reads and answers until the client goes, is sent away, or breaks the protocol.
func (c *conn) loop() error {
	if c.poll.raw == nil {
		return c.streamLoop()
	}
	turn := c.turn
	for {
		err := c.poll.raw.Read(turn)
		c.parked.Store(false)
		switch {
		case c.poll.ended:
			return c.poll.err
		case !isTimeout(err):
			return err
		case c.isEnding():
			return errKilled
		}
		c.rest()
	}
}

// turn runs when there may be something to read. It reads and answers until there is nothing, and reports whether the
// connection is done.
func (c *conn) turn(fd uintptr) (done bool) {
	c.parked.Store(false)
	c.poll.fd = int(fd)
	for reads := 0; ; reads++ {
		if c.isEnding() {
			return c.end(errKilled)
		}
		err := c.reader.Fill()
		if errors.Is(err, errAgain) {
			c.calmed(reads)
			return c.park()
		}
		c.arrived()
		if err != nil {
			return c.end(err)
		}
		if err := c.answer(); err != nil || c.session.Closing() {
			return c.end(err)
		}
		if c.poll.got < c.poll.room && c.poll.calm >= calmTurns {
			return c.park()
		}
	}
}

// calmed counts turns of one read.
func (c *conn) calmed(reads int) {
	if reads == 1 {
		c.poll.calm++
		return
	}
	c.poll.calm = 0
}

func (c *conn) park() (done bool) {
	c.input.Store(int64(c.reader.Buffered()))
	c.parked.Store(true)
	return false
}

func (c *conn) end(err error) (done bool) {
	c.poll.ended, c.poll.err = true, err
	return true
}
