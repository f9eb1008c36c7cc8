//go:build unix && !linux

package conn

import "golang.org/x/sys/unix"

// hungUp asks the system whether the end of a socket's stream has come; it is not seen behind what is not read yet.
func hungUp(fd int) bool {
	var b [1]byte
	n, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	switch err {
	case nil:
		return n == 0
	case unix.EAGAIN, unix.EINTR:
		return false
	}
	return true
}
