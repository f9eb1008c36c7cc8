//go:build !linux

package shards

import "time"

var processStart = time.Now()

// threadTime is the time of the clock, where the thread's own is not asked for.
func threadTime() time.Duration { return time.Since(processStart) }
