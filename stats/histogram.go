// histogram.go: how long commands took. Counts are kept where an HdrHistogram would keep them, so that the library answers for percentiles,
// and here rather than in the library's own, so that a scrape adds up what it needs without a copy.

package stats

import (
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range and precision of latencies, Redis's: from a nanosecond to a second, two significant digits.
const (
	minLatency    = 1
	maxLatency    = 1_000_000_000
	latencyDigits = 2
)

// What an HdrHistogram makes of them: a nanosecond has a place of its own up to twice halfLevel, and every level after that has
// halfLevel places for twice as many nanoseconds as the one before.
const (
	halfLevel     = 128
	levels        = 23 // up to maxLatency
	latencyPlaces = (levels + 1) * halfLevel
)

// latencies are the runs of one command, by place.
type latencies struct {
	total  int64
	counts [latencyPlaces]int64
}

// placeOf is where a latency from 0 to maxLatency is counted.
func placeOf(nanos int64) int {
	const ownPlace = 2*halfLevel - 1
	level := bits.Len64(uint64(nanos)|ownPlace) - bits.Len64(ownPlace)
	return level*halfLevel + int(nanos>>level)
}

func (l *latencies) record(nanos, times int64) {
	l.counts[placeOf(min(max(nanos, minLatency), maxLatency))] += times
	l.total += times
}

func (l *latencies) add(other *latencies) {
	l.total += other.total
	for i, n := range other.counts {
		l.counts[i] += n
	}
}

// histogram is a copy for the library.
func (l *latencies) histogram() *hdrhistogram.Histogram {
	return hdrhistogram.Import(&hdrhistogram.Snapshot{
		LowestTrackableValue: minLatency, HighestTrackableValue: maxLatency, SignificantFigures: latencyDigits, Counts: l.counts[:],
	})
}

// latencyBounds are the upper bounds of the buckets of metrics, in nanoseconds.
var latencyBounds = [...]int64{
	1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000,
	100_000_000, 200_000_000, 500_000_000, 1_000_000_000,
}

// Buckets are latencies as metrics tell of them. The zero value has none.
type Buckets struct {
	Total  int64
	counts [len(latencyBounds)]int64 // of those up to each bound, and over the one before
}

// add adds latencies that are certainly up to a bound: those in places that end with it at the latest.
func (b *Buckets) add(l *latencies) {
	b.Total += l.total
	from, left := 0, l.total
	for i := 0; i < len(latencyBounds) && left > 0; i++ {
		to := placeOf(latencyBounds[i] + 1)
		for _, n := range l.counts[from:to] {
			b.counts[i] += n
			left -= n
		}
		from = to
	}
}

// Bar says that so many of the latencies were of so many microseconds or fewer.
type Bar struct{ Micros, Count int64 }

const (
	firstLevel     = 1024 // nanoseconds; every level is twice the one before
	nanosPerMicro  = 1000
	levelPrecision = 128 // a level ends with the bucket that begins at it: the 128th part of it, by latencyDigits
)

// Cumulative is a histogram of nanoseconds as LATENCY HISTOGRAM shows it: by powers of two, without levels that add
// nothing.
func Cumulative(h *hdrhistogram.Histogram) (bars []Bar) {
	level, sum, shown := int64(firstLevel), int64(0), int64(0)
	flush := func() {
		if sum > shown {
			bars = append(bars, Bar{(level + level/levelPrecision - 1) / nanosPerMicro, sum})
			shown = sum
		}
		level *= 2
	}
	for _, bucket := range h.Distribution() {
		for bucket.From > level {
			flush()
		}
		sum += bucket.Count
	}
	flush()
	return bars
}
