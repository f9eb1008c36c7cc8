// clock.go: the only clock of the server.

package shards

import (
	"sync/atomic"
	"time"
)

const resync = int64(time.Second)

// MachineClock returns a clock that reads unix nanoseconds: the wall clock, carried on for up to a second by the
// monotonic clock, which costs half as much to read. So it follows the wall clock when that is set, or when the machine
// wakes up from a suspension.
func MachineClock() func() int64 {
	start := time.Now()
	var base, due atomic.Int64 // the wall clock less the monotonic one, and when to compare them again
	return func() int64 {
		elapsed := int64(time.Since(start))
		if elapsed >= due.Load() {
			due.Store(elapsed + resync)
			base.Store(time.Now().UnixNano() - elapsed)
		}
		return base.Load() + elapsed
	}
}
