package shards

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"

	"respite/value"
)

// BenchmarkCollections measures what garbage collection costs with much data: CPU milliseconds of ten forced collections
// over ten million keys `key:N` with 32-byte values and a deadline each (about 900 MB). It runs once, with -benchtime 1x.
func BenchmarkCollections(b *testing.B) {
	const keys, collections = 10_000_000, 10
	g := New(Options{})
	g.Start()
	defer g.Close()
	val := make([]byte, 32)
	for from := 0; from < keys; from += 10_000 {
		g.Run(g.All(), 0, func(tx *Tx) {
			for i := from; i < from+10_000; i++ {
				slot := tx.Write(fmt.Appendf(nil, "key:%d", i))
				slot.Put(value.KindEmbStr, val)
				slot.SetDeadline(tx.Now() + 3_600_000 + int64(i))
			}
		})
	}
	runtime.GC()
	sample := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	for b.Loop() {
		metrics.Read(sample)
		before := sample[0].Value.Float64()
		for range collections {
			runtime.GC()
		}
		metrics.Read(sample)
		b.ReportMetric((sample[0].Value.Float64()-before)*1000, "gc-cpu-ms")
	}
}
