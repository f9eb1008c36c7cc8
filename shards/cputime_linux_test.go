package shards

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the CPU time of the calling thread so far. What is measured by it is not longer for other work on the machine, nor for the
// time in which the thread was not running.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
