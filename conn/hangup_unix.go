// hangup_unix.go: noticing that a client hangs up while its command waits, where no poller of ours does. Go's netpoller
// wakes only who is reading, and the connection's goroutine is not; it may even sit inside a call of RawConn.Read, which
// keeps others out. So a second descriptor of the socket is watched, once the wait has lasted a little.

//go:build unix

package conn

import (
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watchAfter is how long a wait lasts before it is worth the system calls of watching.
const watchAfter = 10 * time.Millisecond

// hangUpWatch is one wait of a connection.
type hangUpWatch struct {
	socket net.Conn
	tell   func()
	timer  *time.Timer
	done   chan struct{} // closed when run has ended

	mu   sync.Mutex // guards what follows
	over bool
	file *os.File
}

// begin makes tell be called when the client hangs up, until end, which must follow.
func (h *hangUpWatch) begin(socket net.Conn, tell func()) {
	*h = hangUpWatch{socket: socket, tell: tell, done: make(chan struct{})}
	h.timer = time.AfterFunc(watchAfter, h.run)
}

func (h *hangUpWatch) end() {
	if h.timer.Stop() {
		return
	}
	h.mu.Lock()
	h.over = true
	if h.file != nil {
		_ = h.file.Close() // ends the read
	}
	h.mu.Unlock()
	<-h.done
}

func (h *hangUpWatch) run() {
	defer close(h.done)
	raw := h.open()
	if raw == nil {
		return
	}
	gone := false
	_ = raw.Read(func(fd uintptr) bool { // called when something has come; its error is end's doing
		gone = hungUp(int(fd))
		return gone
	})
	if gone {
		h.tell()
	}
}

// open duplicates the descriptor, nil if that cannot be.
func (h *hangUpWatch) open() syscall.RawConn {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.socket.(syscall.Conn)
	if !ok || h.over {
		return nil
	}
	fd, err := duplicate(s)
	if err != nil {
		return nil
	}
	h.file = os.NewFile(uintptr(fd), "")
	raw, err := h.file.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// duplicate is another descriptor of a socket.
func duplicate(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(original uintptr) { fd, failed = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = failed
	}
	return fd, err
}

// socketHungUp asks the system whether a socket's client has hung up. One that is closed has.
func socketHungUp(socket net.Conn) (gone bool) {
	s, ok := socket.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { gone = hungUp(int(fd)) })
	}
	return gone || err != nil
}
