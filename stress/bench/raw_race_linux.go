// The ordinary form of raw_linux.go.

//go:build race

package bench

import "golang.org/x/sys/unix"

func sysRead(fd int, b []byte) (int, error)  { return unix.Read(fd, b) }
func sysWrite(fd int, b []byte) (int, error) { return unix.Write(fd, b) }

func sysLook(fd int, events []unix.EpollEvent) (int, error) { return unix.EpollWait(fd, events, 0) }

func sysYield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
