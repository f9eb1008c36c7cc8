//go:build unix

package conn

import (
	"net"
	"syscall"
)

// ownSocket is a socket that is no net.Conn of Go's.
type ownSocket interface{ descriptor() int }

// tryWriter writes to a socket without waiting for it, and past the locks that Go's sockets have, which cost 4 % of a command at depth 1.
// That is safe since an output makes its last write before its socket is closed (output.stop).
type tryWriter struct{ fd int }

func newTryWriter(socket net.Conn) tryWriter { return tryWriter{descriptor(socket)} }

// write sends what the socket takes at once and returns how much that was. A socket that cannot say takes nothing.
func (t tryWriter) write(p []byte) (sent int, err error) {
	for t.fd >= 0 && sent < len(p) {
		n, err := sysWrite(t.fd, p[sent:])
		switch err {
		case nil:
			sent += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return sent, nil
		default:
			return sent, err
		}
	}
	return sent, nil
}
