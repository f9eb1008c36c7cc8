// System calls that cannot wait, made without telling the Go scheduler. The load generator is one goroutine that makes hardly
// anything but system calls; one that the scheduler knows of and that is found at work for 10 ms has its processor taken away, and from
// then on every 20 µs: the runtime's monitor thread then woke 2,400 times a second, and the generator changed threads each time that
// it was preempted, on a machine whose two cores it shares with the server that it measures. Under the race detector all calls go
// the ordinary way: it has to see them.

//go:build !race

package bench

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func sysRead(fd int, b []byte) (int, error)  { return rawBytes(unix.SYS_READ, fd, b) }
func sysWrite(fd int, b []byte) (int, error) { return rawBytes(unix.SYS_WRITE, fd, b) }

// rawBytes reads into or writes from b, which is not empty.
func rawBytes(number uintptr, fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(number, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return result(n, errno)
}

// sysLook is epoll_wait that does not wait.
func sysLook(fd int, events []unix.EpollEvent) (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	return result(n, errno)
}

// sysYield is sched_yield.
func sysYield() { _, _, _ = syscall.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

func result(n uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
