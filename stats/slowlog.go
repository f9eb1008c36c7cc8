package stats

import (
	"fmt"
	"sync"
)

// What the slow log keeps of a command, Redis's limits.
const (
	maxSlowArgs = 32  // the last one then says how many more there were
	maxSlowArg  = 128 // bytes
)

// SlowEntry is one slow command.
type SlowEntry struct {
	ID     int64
	Unix   int64    // when it ran, in seconds
	Micros int64    // how long it took
	Args   []string // shortened copies
	Addr   string   // of the client
	Name   string   // of the client
}

// SlowLog keeps the last slow commands. The zero value is ready.
type SlowLog struct {
	mu      sync.Mutex
	entries []SlowEntry // the oldest first
	next    int64
}

// Add logs a command, gives it its id, and drops what is over limit entries.
func (l *SlowLog) Add(e SlowEntry, limit int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ID = l.next
	l.next++
	l.entries = append(l.entries, e)
	for int64(len(l.entries)) > limit {
		l.entries[0] = SlowEntry{}
		l.entries = l.entries[1:]
	}
}

// Newest returns up to n entries, the newest first; all if n is negative.
func (l *SlowLog) Newest(n int64) []SlowEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	have := int64(len(l.entries))
	if n < 0 || n > have {
		n = have
	}
	newest := make([]SlowEntry, n)
	for i := range newest {
		newest[i] = l.entries[have-1-int64(i)]
	}
	return newest
}

// Len is the number of entries.
func (l *SlowLog) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// Reset forgets all entries; ids go on.
func (l *SlowLog) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// ShortArgs copies arguments as the slow log keeps them.
func ShortArgs(args [][]byte) []string {
	n := min(len(args), maxSlowArgs)
	short := make([]string, n)
	for i := range short {
		short[i] = shortArg(args[i])
	}
	if more := len(args) - n + 1; more > 1 {
		short[n-1] = fmt.Sprintf("... (%d more arguments)", more)
	}
	return short
}

func shortArg(arg []byte) string {
	if len(arg) <= maxSlowArg {
		return string(arg)
	}
	return fmt.Sprintf("%s... (%d more bytes)", arg[:maxSlowArg], len(arg)-maxSlowArg)
}
