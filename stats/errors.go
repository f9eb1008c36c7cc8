package stats

import (
	"slices"
	"strings"
	"sync"
)

// The limit of Redis 7.2 on kinds of errors: scripts can make up codes, and each costs memory for good.
const (
	maxErrorKinds  = 128
	errorsDisabled = "ERRORSTATS_DISABLED" // the one kind that is shown once the limit was passed
	maxErrorCode   = 32                    // bytes in which the first word of an error must end to be its code
	plainError     = "ERR"
)

// Errors counts error replies by their code. The zero value is ready.
type Errors struct {
	mu     sync.Mutex
	counts map[string]int64
	total  int64
	off    bool // too many kinds: none is counted until the next reset
}

// ErrorCount is how often errors of a code were replied.
type ErrorCount struct {
	Code  string
	Count int64
}

// Count counts an error reply by the first word of its text. It reports whether this one passed the limit of kinds.
func (e *Errors) Count(text string) (overflowed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.total++
	if e.off {
		return false
	}
	code := errorCode(text)
	if _, known := e.counts[code]; !known && len(e.counts) >= maxErrorKinds {
		e.off = true
		e.counts = map[string]int64{errorsDisabled: 1}
		return true
	}
	if e.counts == nil {
		e.counts = map[string]int64{}
	}
	e.counts[code]++
	return false
}

func errorCode(text string) string {
	n := strings.IndexByte(text[:min(len(text), maxErrorCode)], ' ')
	if n <= 0 {
		return plainError
	}
	return strings.Clone(text[:n])
}

// Total is how many error replies there were.
func (e *Errors) Total() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.total
}

// All lists the counts by code.
func (e *Errors) All() []ErrorCount {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]ErrorCount, 0, len(e.counts))
	for code, n := range e.counts {
		all = append(all, ErrorCount{code, n})
	}
	slices.SortFunc(all, func(a, b ErrorCount) int { return strings.Compare(a.Code, b.Code) })
	return all
}

// Reset zeroes the counts.
func (e *Errors) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts, e.total, e.off = nil, 0, false
}
