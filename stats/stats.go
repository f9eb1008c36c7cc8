// Package stats counts what the server does: commands, errors, the slow log and latency events. Nothing here knows a
// command or a key; rows are numbers that the command table hands out.
package stats

import (
	"strings"

	"github.com/puzpuzpuz/xsync/v3"
)

// Stats is all counters of a server.
type Stats struct {
	stripes []stripe
	own     chan struct{}
	refused []*xsync.Counter
	errors  *xsync.MapOf[string, *xsync.Counter]
}

// stripe is the counters of one shard, which only the shard's owner touches; the last is the connections', which is
// guarded by own.
type stripe struct{ rows []row }

type row struct {
	calls  int64
	nanos  int64
	failed int64
}

// New makes counters for rows commands on stripes shards.
func New(rows, stripes int) *Stats {
	s := &Stats{stripes: make([]stripe, stripes), own: make(chan struct{}, 1), errors: xsync.NewMapOf[string, *xsync.Counter]()}
	for i := range s.stripes {
		s.stripes[i].rows = make([]row, rows)
	}
	for range rows {
		s.refused = append(s.refused, xsync.NewCounter())
	}
	return s
}

// Ran counts one run of a command on a shard, of so many nanoseconds. The caller owns the shard.
func (s *Stats) Ran(shard, command int, nanos int64, failed bool) {
	if shard == len(s.stripes)-1 {
		s.own <- struct{}{}
		defer func() { <-s.own }()
	}
	r := &s.stripes[shard].rows[command]
	r.calls++
	r.nanos += nanos
	if failed {
		r.failed++
	}
}

// Refused counts a command that was turned away before it ran.
func (s *Stats) Refused(command int) { s.refused[command].Inc() }

// Error counts an error reply by its code, the first word of its text.
func (s *Stats) Error(text string) {
	code, _, _ := strings.Cut(text, " ")
	n, _ := s.errors.LoadOrCompute(code, xsync.NewCounter)
	n.Inc()
}
