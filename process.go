// process.go: what the process needs of the operating system and the runtime: its log, its limits, its memory.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"respite/config"
	"respite/shards"
)

// newLogger writes one event a line, in text or JSON; level can change while it is in use.
func newLogger(cfg *config.Config, w io.Writer, level *slog.LevelVar) *slog.Logger {
	now := cfg.Now()
	level.Set(levelOf(now.LogLevel))
	options := &slog.HandlerOptions{Level: level}
	if now.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// levelOf is slog's level for a loglevel of redis.conf.
func levelOf(name string) slog.Level {
	switch name {
	case "debug":
		return slog.LevelDebug - 1
	case "verbose":
		return slog.LevelDebug
	case "warning":
		return slog.LevelWarn
	case "nothing":
		return slog.LevelError + 1
	}
	return slog.LevelInfo
}

// logOutput is where the log goes: the file that the configuration names, or standard output.
func logOutput(cfg *config.Config, stdout io.Writer) (io.Writer, error) {
	name := cfg.Now().LogFile
	if name == "" {
		return stdout, nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return f, nil
}

// writePidFile writes the process id where the configuration asks for it, and returns what takes the file away.
func writePidFile(cfg *config.Config, log *slog.Logger) (remove func()) {
	name := cfg.Now().PidFile
	if name == "" {
		return func() {}
	}
	if err := os.WriteFile(name, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		log.Warn("Failed to write PID file", "error", err)
		return func() {}
	}
	return func() { _ = os.Remove(name) }
}

// tellSupervisor tells systemd of the server's state, by the protocol of sd_notify(3), if `supervised` asks for it.
func tellSupervisor(cfg *config.Config, log *slog.Logger, state string) {
	mode, socket := cfg.Now().Supervised, os.Getenv("NOTIFY_SOCKET")
	if mode != "systemd" && mode != "auto" || socket == "" {
		return
	}
	c, err := net.Dial("unixgram", socket)
	if err == nil {
		_, err = c.Write([]byte(state))
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		log.Warn("Can't tell systemd of the server's state", "error", err)
	}
}

const (
	budgetShare   = 0.75     // of the container's memory that data and buffers may take if maxmemory is not set
	runtimeShare  = 0.95     // of it at which the runtime collects garbage as hard as it can
	wasteFloor    = 16 << 20 // bytes besides keys and values that a collection is worth
	wasteShare    = 8        // or an eighth of the data, if that is more
	wasteInterval = time.Second
	busyPeriod    = 3   // intervals between two collections at least
	quietPeriod   = 5   // after which one is made even though nothing fell free, if there may be something to collect
	longPeriod    = 120 // the most that grows to while there is not: what the runtime does by itself
)

// memoryBudget is how much data and buffers may take, in bytes, if maxmemory is not set: 3/4 of what the container, or
// else the machine, has. 0 if neither can be found out.
func memoryBudget() int64 {
	limit, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil || limit == 0 {
		return 0
	}
	debug.SetMemoryLimit(int64(float64(limit) * runtimeShare))
	return int64(float64(limit) * budgetShare)
}

// giveBack collects garbage soon after much memory fell free, which the runtime by itself does only as new data comes; the
// runtime's scavenger then returns it to the operating system over some seconds. (Pages of keys and values need neither,
// see keyspace/release_linux.go.) It runs until ctx is done. A collection costs a few milliseconds a gigabyte, since the
// data has no pointers.
func giveBack(ctx context.Context, g *shards.Group) {
	tick := time.NewTicker(wasteInterval)
	defer tick.Stop()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	read := func() (beside, free, least int64) {
		metrics.Read(sample)
		used := g.Used()
		return int64(sample[0].Value.Uint64()) - used, int64(sample[1].Value.Uint64()), max(wasteFloor, used/wasteShare)
	}
	beside, _, _ := read()
	c := collector{floor: beside, period: quietPeriod}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		before, free, least := read()
		if c.due(before, free, least) {
			runtime.GC()
			after, _, _ := read()
			c.collected(before, after, least)
		}
	}
}

// collector decides when garbage is collected. Amounts are in bytes, times in intervals.
type collector struct {
	floor  int64 // the least there was besides keys and values since the last collection
	since  int   // that was
	period int   // after which the next is made, if it may be of use
}

// due reports whether to collect now: what the heap holds besides keys and values are buffers and what is not collected yet, free
// is memory that nobody uses and the system has not got back, and least is how much is worth a collection. Free memory is, because
// the scavenger passes over a stretch of the heap that was all in use at one of the last two collections.
func (c *collector) due(beside, free, least int64) bool {
	c.since++
	c.floor = min(c.floor, beside)
	if beside-c.floor > least && c.since >= busyPeriod {
		return true
	}
	return max(beside, free) >= least && c.since >= c.period
}

// collected notes what a collection has left of what the heap held besides keys and values. That may be in use, or in pools that empty
// themselves at the second collection, and free memory may be what the runtime keeps for what is to come: it is tried again, less and less.
func (c *collector) collected(before, after, least int64) {
	c.floor, c.since = after, 0
	if c.period = min(2*c.period, longPeriod); before >= least && after < before-before/wasteShare {
		c.period = quietPeriod
	}
}
