//go:build unix

package conn

import (
	"net"
	"syscall"
)

// nonBlocking is a socket that can be written to without waiting, and says how much it took.
type nonBlocking interface {
	tryWrite(p []byte) (int, error)
	descriptor() int
}

// tryWriter writes to a socket without waiting for it.
type tryWriter struct {
	own   nonBlocking // nil: raw
	raw   syscall.RawConn
	bytes []byte
	n     int
	err   error
	once  func(fd uintptr) bool
}

func newTryWriter(socket net.Conn) tryWriter {
	if s, ok := socket.(nonBlocking); ok {
		return tryWriter{own: s}
	}
	s, ok := socket.(syscall.Conn)
	if !ok {
		return tryWriter{}
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return tryWriter{}
	}
	return tryWriter{raw: raw}
}

// write sends what the socket takes at once and returns how much that was. A socket that cannot say takes nothing.
func (t *tryWriter) write(p []byte) (int, error) {
	if t.own != nil {
		return t.own.tryWrite(p)
	}
	if t.raw == nil {
		return 0, nil
	}
	if t.once == nil {
		t.once = t.attempt
	}
	t.bytes, t.n, t.err = p, 0, nil
	err := t.raw.Write(t.once)
	t.bytes = nil
	if err == nil {
		err = t.err
	}
	return t.n, err
}

// attempt is one write; it reports true so that the runtime does not wait and call again.
func (t *tryWriter) attempt(fd uintptr) bool {
	for t.n < len(t.bytes) {
		n, err := sysWrite(int(fd), t.bytes[t.n:])
		switch err {
		case nil:
			t.n += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			t.err = err
			return true
		}
	}
	return true
}
