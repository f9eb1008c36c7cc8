// turn_unix.go: reading sockets without waiting. What a connection does when there may be something to read is a step: one
// read, and the answers to it. Both engines drive steps: Go's netpoller (below), and the pollers of the epoll engine.
//
// Go's netpoller is edge-triggered and remembers an edge, but a Read through net.Conn forgets it before it begins, and so
// must always try once more, in vain, before it may wait. Here the connection lives inside one long call of RawConn.Read,
// which does not forget: a read that did not fill its room has emptied the socket, and the connection waits at once. That
// is half of the reads of a client that does not pipeline.
//
// Between the commands of a step and the sending of their replies the goroutine lets the others run for which the same poll has brought
// something, as a poller's round sends its replies at the end: a client's thread is woken once for many replies, and not for the first
// of them, for which it would take the processor from a thread of the server. That makes p99 at depth 1 a fifth, and throughput 1.08
// times.
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

// errAgain says that there is nothing to read. crypto/tls goes on after errors that are temporary.
var errAgain = &againError{}

type againError struct{}

func (*againError) Error() string   { return "nothing to read" }
func (*againError) Timeout() bool   { return true }
func (*againError) Temporary() bool { return true }

// poll is the reading side of a socket that is read without waiting.
type poll struct {
	raw  syscall.RawConn // nil: the socket is read through its stream
	fd   int             // during a turn
	room int             // of the last read
	got  int             // by the last read
	calm int             // turns in a row that took one read
	err  error           // what ended the connection
}

// openPoll makes the connection read its socket directly, if it can be.
func (c *conn) openPoll() io.Reader {
	if c.stream != &c.out {
		return c.stream
	}
	if _, ok := c.socket.(ownSocket); ok {
		return c
	}
	if s, ok := c.socket.(syscall.Conn); ok {
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
		c.out.traffic.read(n)
		return n, nil
	}
}

// outcome is how a step ended.
type outcome int

const (
	more    outcome = iota // there may be more to read; replies are to be sent
	short                  // a read did not fill its room: there was no more when it was made; replies are to be sent
	drained                // there was nothing to read
	ended                  // the connection is to end, because of poll.err
)

// step reads once and runs the commands that came. After more and short, send must follow.
func (c *conn) step() outcome {
	if c.isEnding() {
		return c.stopped(errKilled)
	}
	c.poll.room, c.poll.got = 0, 0
	err := c.reader.Fill()
	if errors.Is(err, errAgain) {
		return drained
	}
	c.arrived()
	if err == nil && c.killed.Load() { // it held too much
		err = errKilled
	}
	if err != nil {
		return c.stopped(err)
	}
	if err := c.run(); err != nil || c.session.Closing() && !c.session.InRound() {
		return c.stopped(c.sendAfter(err))
	}
	if c.poll.got < c.poll.room {
		return short
	}
	return more
}

func (c *conn) stopped(err error) outcome {
	c.poll.err = err
	return ended
}

// loop reads and answers until the client goes, is sent away, or breaks the protocol.
func (c *conn) loop() error {
	if c.poll.raw == nil {
		return c.streamLoop()
	}
	last := drained
	turn := func(fd uintptr) bool {
		c.parked.Store(false)
		c.poll.fd = int(fd)
		start := c.server.age()
		last = c.turn()
		c.endTurn(start)
		if last == ended {
			return true
		}
		c.weigh()
		c.parked.Store(true)
		return false
	}
	for {
		err := c.poll.raw.Read(turn)
		c.parked.Store(false)
		switch {
		case last == ended:
			return c.poll.err
		case !isTimeout(err):
			return err
		case c.isEnding():
			return errKilled
		}
		c.rest()
	}
}

// turn takes steps until there is nothing to read.
func (c *conn) turn() outcome {
	for steps := 0; ; steps++ {
		o := c.step()
		if o == more || o == short {
			goyield() // whoever else has come with the same poll reads first
			if err := c.send(); err != nil {
				return c.stopped(err)
			}
		}
		switch {
		case o == drained:
			c.calmed(steps)
			return o
		case o == ended, o == short && c.poll.calm >= calmTurns:
			return o
		}
	}
}

// calmed counts turns of one step.
func (c *conn) calmed(steps int) {
	if steps == 1 {
		c.poll.calm++
		return
	}
	c.poll.calm = 0
}
