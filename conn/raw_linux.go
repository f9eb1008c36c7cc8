// raw_linux.go: reads and writes of a socket that cannot wait, made without telling the scheduler. An ordinary system call
// does tell it, so that the processor can be given away if the call takes long; that costs more than it brings for
// calls that never wait, and above all it keeps the runtime's monitor thread polling every 20 microseconds (9 % of the
// server's CPU at depth 1, measured). Large calls, which copy for a while, go the ordinary way. Under the race detector
// all do: it has to see them.

//go:build linux && !race

package conn

import (
	"syscall"
	"unsafe"
)

// rawMost is the most bytes that a call may move behind the scheduler's back.
const rawMost = 16 << 10

func sysRead(fd int, p []byte) (int, error) {
	if len(p) == 0 || len(p) > rawMost {
		return syscall.Read(fd, p)
	}
	return rawCall(syscall.SYS_READ, fd, p)
}

func sysWrite(fd int, p []byte) (int, error) {
	if len(p) == 0 || len(p) > rawMost {
		return syscall.Write(fd, p)
	}
	return rawCall(syscall.SYS_WRITE, fd, p)
}

func rawCall(number uintptr, fd int, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(number, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
