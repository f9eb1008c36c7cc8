// socket_linux.go: a socket of the epoll engine. Nobody but its connection reads it, and it does not wait when it does:
// errAgain says that there is nothing, and the poller that something has come. Where a connection must wait for all that
// (a TLS handshake, a client that takes its last replies), reads and writes wait like those of any net.Conn.

package conn

import (
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// socket implements net.Conn.
type socket struct {
	fd            int
	remote, local net.Addr
	waits         bool // reads wait; the reader's
	read, write   direction
}

// direction is what it takes to wait for one direction of a socket.
type direction struct {
	deadline atomic.Int64                  // unix nanoseconds, 0: none
	poked    atomic.Pointer[chan struct{}] // there once somebody has waited
}

// poke makes a wait look again.
func (d *direction) poke() {
	if c := d.poked.Load(); c != nil {
		select {
		case *c <- struct{}{}:
		default:
		}
	}
}

// attempt makes system calls until one says more than EAGAIN, or the deadline has passed.
func (d *direction) attempt(call func() (int, error)) (int, error) {
	if d.poked.Load() == nil {
		c := make(chan struct{}, 1)
		d.poked.CompareAndSwap(nil, &c)
	}
	for {
		deadline := d.deadline.Load()
		if deadline != 0 && time.Now().UnixNano() >= deadline {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := call()
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			d.wait(deadline)
		default:
			return n, err
		}
	}
}

// wait waits for a poke or for the deadline.
func (d *direction) wait(deadline int64) {
	poked := *d.poked.Load()
	if deadline == 0 {
		<-poked
		return
	}
	t := time.NewTimer(time.Until(time.Unix(0, deadline)))
	defer t.Stop()
	select {
	case <-poked:
	case <-t.C:
	}
}

func (d *direction) setDeadline(t time.Time) {
	at := int64(0)
	if !t.IsZero() {
		at = t.UnixNano()
	}
	d.deadline.Store(at)
	d.poke()
}

// tryRead reads what has come; errAgain says that nothing has.
func (s *socket) tryRead(p []byte) (int, error) {
	for {
		n, err := sysRead(s.fd, p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, errAgain
		case err != nil:
			return 0, s.failed("read", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if !s.waits {
		return s.tryRead(p)
	}
	n, err := s.read.attempt(func() (int, error) { return sysRead(s.fd, p) })
	switch {
	case err != nil:
		return 0, s.failed("read", err)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// descriptor implements ownSocket.
func (s *socket) descriptor() int { return s.fd }

// Write implements net.Conn.
func (s *socket) Write(p []byte) (sent int, err error) {
	for sent < len(p) {
		n, err := s.write.attempt(func() (int, error) { return sysWrite(s.fd, p[sent:]) })
		if err != nil {
			return sent, s.failed("write", err)
		}
		sent += n
	}
	return sent, nil
}

func (s *socket) failed(what string, err error) error {
	return &net.OpError{Op: what, Net: s.local.Network(), Source: s.local, Addr: s.remote, Err: err}
}

// Close implements net.Conn. Only the connection's own goroutine may call it: the number of a closed descriptor is soon
// another socket's.
func (s *socket) Close() error { return unix.Close(s.fd) }

// CloseWrite says that nothing more will be sent.
func (s *socket) CloseWrite() error { return unix.Shutdown(s.fd, unix.SHUT_WR) }

// LocalAddr implements net.Conn.
func (s *socket) LocalAddr() net.Addr { return s.local }

// RemoteAddr implements net.Conn.
func (s *socket) RemoteAddr() net.Addr { return s.remote }

// SetDeadline implements net.Conn.
func (s *socket) SetDeadline(t time.Time) error {
	s.read.setDeadline(t)
	s.write.setDeadline(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.read.setDeadline(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (s *socket) SetWriteDeadline(t time.Time) error {
	s.write.setDeadline(t)
	return nil
}

// SetKeepAliveConfig makes the system probe a silent peer.
func (s *socket) SetKeepAliveConfig(c net.KeepAliveConfig) error {
	if !c.Enable {
		return unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	}
	for _, o := range []struct{ level, name, value int }{
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(c.Idle / time.Second)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(c.Interval / time.Second)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, c.Count},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
	} {
		if err := unix.SetsockoptInt(s.fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}
