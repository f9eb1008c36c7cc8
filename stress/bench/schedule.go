// When things are due and what counts: the schedule of an open loop and the
// window in which latencies are recorded. All times count from the start of
// the load.

package bench

import (
	"math"
	"sync/atomic"
	"time"
)

// A schedule gives every request of a load its time: request 0 at start, the
// others at even distances. Request n belongs to client n modulo clients, so
// each client's requests are evenly spaced too, and the clients take turns.
type schedule struct {
	start   time.Duration
	period  float64 // nanoseconds between requests of the whole load
	clients int
}

func newSchedule(start time.Duration, rate float64, clients int) *schedule {
	return &schedule{start: start, period: float64(time.Second) / rate, clients: clients}
}

// due is when request n is to be sent. It multiplies, because a sum of rounded
// periods would drift.
func (s *schedule) due(n int) time.Duration {
	return s.start + time.Duration(float64(n)*s.period)
}

// after is the number of the same client's next request.
func (s *schedule) after(n int) int { return n + s.clients }

// A window is the time in which a request must begin (be due in an open loop,
// be sent in a closed one) to be recorded, however late its reply comes: a
// server that hangs at the end must not lose its slowest replies. It is opened
// and closed by one goroutine and read by the loops.
type window struct{ from, to atomic.Int64 }

// shut makes the window hold nothing until it is opened.
func (w *window) shut() { w.from.Store(math.MaxInt64) }

func (w *window) open(now time.Duration) {
	w.to.Store(math.MaxInt64)
	w.from.Store(int64(now))
}

// close ends the window; what it holds stays the same if it is closed again.
func (w *window) close(now time.Duration) { w.to.Store(min(w.to.Load(), int64(now))) }

func (w *window) holds(t time.Duration) bool {
	return w.from.Load() <= int64(t) && int64(t) < w.to.Load()
}

// ahead tells whether the window's end is later than t. A window that was never
// opened has its end at the start of the load.
func (w *window) ahead(t time.Duration) bool { return int64(t) < w.to.Load() }
