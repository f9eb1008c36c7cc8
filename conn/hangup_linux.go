package conn

import "golang.org/x/sys/unix"

// hungUp asks the system whether the end of a socket's stream has come, with or without something to read before it.
func hungUp(fd int) bool {
	p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, _ := unix.Poll(p[:], 0) // one that cannot be asked has not hung up
	return n > 0
}
