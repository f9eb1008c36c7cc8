package stats

import (
	"sync"
	"time"
)

// SampleInterval is how often Rates wants a sample.
const SampleInterval = 100 * time.Millisecond

const rateSamples = 16 // so a rate is over the last 1.6 seconds, as Redis's

// Totals are counters that only grow, from one moment.
type Totals struct {
	Commands          int64
	InBytes, OutBytes int64
	Cycles, Nanos     int64 // of the event loops, and what they took
}

// PerSecond are rates.
type PerSecond struct{ Commands, InBytes, OutBytes, Cycles, Nanos float64 }

// Rates keeps how fast counters have grown of late. The zero value is ready.
type Rates struct {
	mu      sync.Mutex
	samples [rateSamples]sample
	n       int // samples taken
}

type sample struct {
	nanos  int64
	totals Totals
}

// Sample takes the counters of a moment in nanoseconds. Counters that shrank were reset: the rates begin again.
func (r *Rates) Sample(nanos int64, t Totals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n > 0 && t.shrank(&r.samples[(r.n-1)%rateSamples].totals) {
		r.n = 0
	}
	r.samples[r.n%rateSamples] = sample{nanos, t}
	r.n++
}

func (t *Totals) shrank(before *Totals) bool {
	return t.Commands < before.Commands || t.InBytes < before.InBytes || t.OutBytes < before.OutBytes || t.Cycles < before.Cycles
}

// Now returns the rates between the oldest and the newest sample kept.
func (r *Rates) Now() PerSecond {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n < 2 {
		return PerSecond{}
	}
	last := r.samples[(r.n-1)%rateSamples]
	first := r.samples[max(r.n-rateSamples, 0)%rateSamples]
	seconds := float64(last.nanos-first.nanos) / float64(time.Second)
	if seconds <= 0 {
		return PerSecond{}
	}
	return PerSecond{
		Commands: float64(last.totals.Commands-first.totals.Commands) / seconds,
		InBytes:  float64(last.totals.InBytes-first.totals.InBytes) / seconds,
		OutBytes: float64(last.totals.OutBytes-first.totals.OutBytes) / seconds,
		Cycles:   float64(last.totals.Cycles-first.totals.Cycles) / seconds,
		Nanos:    float64(last.totals.Nanos-first.totals.Nanos) / seconds,
	}
}
