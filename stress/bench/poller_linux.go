// A thin layer over epoll, shared by the load generator and the replies-only
// server. Sockets are registered once, edge-triggered, for reading and writing:
// no epoll_ctl follows, and a socket that stays ready is not reported again.
//
// Invariant: whoever reads a socket reads until the kernel has no more (a short
// read or EAGAIN), or no further event comes.

package bench

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxEvents = 128
	// waitSlice bounds one wait, so that loops notice that they should stop.
	waitSlice = 100 * time.Millisecond
)

type poller struct {
	fd     int
	events [maxEvents]unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	return &poller{fd: fd}, nil
}

// add watches fd; its events carry the tag.
func (p *poller) add(fd, tag int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(tag)}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("watch a socket: %w", err)
	}
	return nil
}

// wait returns the events that arrive within the limit, if any; the slice is
// valid until the next wait. It sleeps for whole milliseconds. With less left
// it only looks, and lets others have the processor if it finds nothing.
func (p *poller) wait(limit time.Duration) ([]unix.EpollEvent, error) {
	sleep := max(0, limit.Milliseconds())
	n, err := p.look(int(sleep))
	if errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("wait for sockets: %w", err)
	}
	if n == 0 && sleep == 0 {
		// Another thread that is ready for this processor may be one of the server that is measured.
		sysYield()
	}
	return p.events[:n], nil
}

// look is epoll_wait for so many milliseconds.
func (p *poller) look(sleep int) (int, error) {
	if sleep == 0 {
		return sysLook(p.fd, p.events[:])
	}
	return unix.EpollWait(p.fd, p.events[:], sleep)
}

func (p *poller) close() { _ = unix.Close(p.fd) }

// readSome reads once from a non-blocking socket. n is -1 if nothing is there,
// 0 at the end of the stream.
func readSome(fd int, buf []byte) (n int, err error) {
	for {
		n, err = sysRead(fd, buf)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, unix.EAGAIN):
			return -1, nil
		case !errors.Is(err, unix.EINTR):
			return 0, fmt.Errorf("read: %w", err)
		}
	}
}

// writeSome writes what a non-blocking socket takes and returns the rest.
func writeSome(fd int, b []byte) (rest []byte, err error) {
	for len(b) > 0 {
		n, err := sysWrite(fd, b)
		switch {
		case err == nil:
			b = b[n:]
		case errors.Is(err, unix.EAGAIN):
			return b, nil
		case !errors.Is(err, unix.EINTR):
			return b, fmt.Errorf("write: %w", err)
		}
	}
	return nil, nil
}

// dial connects a non-blocking socket to a loopback port.
func dial(port int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("make a socket: %w", err)
	}
	err = errors.Join(
		unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: loopback()}),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetNonblock(fd, true),
	)
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("connect to port %d: %w", port, err)
	}
	return fd, nil
}

func loopback() [4]byte { return [4]byte{127, 0, 0, 1} }
