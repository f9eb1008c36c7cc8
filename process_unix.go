//go:build unix

package main

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// ignoreSignals leaves signals without effect that would end the process with no chance to drain: SIGPIPE, when whoever
// reads the log is gone (the runtime would die at the next line), and SIGHUP, when the terminal is. Redis ignores both.
func ignoreSignals() { signal.Ignore(unix.SIGPIPE, unix.SIGHUP) }

// raiseFileLimit asks for descriptors for so many clients and returns how many clients there can be.
func raiseFileLimit(clients int64) int64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return clients
	}
	want := uint64(clients + reservedFiles)
	if limit.Cur < want {
		raised := limit
		raised.Cur = min(want, limit.Max)
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			limit = raised
		}
	}
	return min(clients, max(int64(limit.Cur)-reservedFiles, 1))
}

// reservedFiles are descriptors for other things than clients: listeners, logs, files (CONFIG_MIN_RESERVED_FDS of Redis).
const reservedFiles = 32
