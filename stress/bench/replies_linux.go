// The replies-only server: the ceiling of the load generator. It frames
// requests by their declared lengths and answers each with ready bytes of the
// right length, chosen by the command's first letter; it stores nothing. What
// it reaches on a machine is what a server that did no work would reach there.
//
// Invariant: requests are arrays of bulk strings, as our own load generator
// writes them. Anything else ends the connection.

package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	acceptBacklog = 511
	// listenerTag marks the listener's events; connections carry their descriptor.
	listenerTag = -1
)

type repliesServer struct {
	poller   *poller
	listener int
	conns    map[int]*repliesConn
	value    string
}

type repliesConn struct {
	fd     int
	in     []byte // in[:filled] was read and not yet parsed
	filled int
	out    []byte // replies of the current batch, reused
	unsent []byte // the part of out that the socket did not take
}

// serveReplies serves on a loopback port until ctx is cancelled.
func serveReplies(ctx context.Context, port int) error {
	s := &repliesServer{conns: map[int]*repliesConn{}}
	body := strings.Repeat("v", valueSize)
	s.value = bulkShape(valueSize).head + body + crlf
	var err error
	if s.poller, err = newPoller(); err != nil {
		return err
	}
	defer s.poller.close()
	if s.listener, err = listen(port); err != nil {
		return err
	}
	defer s.close()
	if err := s.poller.add(s.listener, listenerTag); err != nil {
		return err
	}
	for ctx.Err() == nil {
		events, err := s.poller.wait(waitSlice)
		if err != nil {
			return err
		}
		for _, event := range events {
			s.ready(int(event.Fd))
		}
	}
	return nil
}

// listen opens a non-blocking loopback listener.
func listen(port int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("make a socket: %w", err)
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: loopback()}),
		unix.Listen(fd, acceptBacklog),
	)
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("listen on port %d: %w", port, err)
	}
	return fd, nil
}

func (s *repliesServer) close() {
	_ = unix.Close(s.listener)
	for fd := range s.conns {
		_ = unix.Close(fd)
	}
}

// ready handles one event; a connection that fails is closed.
func (s *repliesServer) ready(tag int) {
	if tag == listenerTag {
		s.accept()
		return
	}
	c := s.conns[tag]
	if c == nil {
		return
	}
	if open, err := c.serve(s.value); err != nil || !open {
		delete(s.conns, tag)
		_ = unix.Close(tag)
	}
}

// accept takes every connection that waits; an error means that none is left.
func (s *repliesServer) accept() {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err != nil {
			return
		}
		if unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) != nil || s.poller.add(fd, fd) != nil {
			_ = unix.Close(fd)
			continue
		}
		s.conns[fd] = &repliesConn{fd: fd, in: make([]byte, readBuffer)}
	}
}

// serve answers what has arrived. Unsent replies go out before more is read.
func (c *repliesConn) serve(value string) (open bool, err error) {
	for {
		if c.unsent, err = writeSome(c.fd, c.unsent); err != nil || len(c.unsent) > 0 {
			return true, err
		}
		n, err := readSome(c.fd, c.in[c.filled:])
		if err != nil || n <= 0 {
			return n < 0, err
		}
		full := c.filled+n == len(c.in)
		c.filled += n
		if err := c.answer(value); err != nil {
			return false, err
		}
		if c.unsent, err = writeSome(c.fd, c.out); err != nil || !full {
			return true, err
		}
	}
}

// answer turns the whole requests of the buffer into replies and keeps the rest.
func (c *repliesConn) answer(value string) error {
	c.out = c.out[:0]
	used := 0
	for used < c.filled {
		n, letter, err := frame(c.in[used:c.filled])
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		used += n
		c.out = append(c.out, cannedReply(letter, value)...)
	}
	c.filled = copy(c.in, c.in[used:c.filled])
	if c.filled == len(c.in) {
		c.in = append(c.in, make([]byte, len(c.in))...)
	}
	return nil
}

// cannedReply is the reply to the commands of this benchmark, and to PING.
func cannedReply(letter byte, value string) string {
	switch letter {
	case 'G':
		return value
	case 'I':
		return ":1\r\n"
	case 'P':
		return "+PONG\r\n"
	default:
		return "+OK\r\n"
	}
}
