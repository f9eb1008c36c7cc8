//go:build unix

package conn

import (
	"net"
	"syscall"
)

// descriptor is the number of a socket's file descriptor, -1 if it has none.
func descriptor(socket net.Conn) int {
	if s, ok := socket.(ownSocket); ok {
		return s.descriptor()
	}
	n := -1
	if s, ok := socket.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { n = int(fd) }) // a closed socket has none
		}
	}
	return n
}
