package stats

import "github.com/HdrHistogram/hdrhistogram-go"

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
