package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What the heap holds, interval by interval, and when that is collected.
func TestWhenGarbageIsCollected(t *testing.T) {
	const mib = 1 << 20
	always := func(int) int64 { return 0 }
	for _, c := range []struct {
		name         string
		floor        int64                       // MiB besides keys and values at first
		beside, free func(collections int) int64 // MiB, given how many collections there were
		want         []int
	}{
		{"nothing to collect", 0, always, always, nil},
		{"buffers in use", 100, func(int) int64 { return 100 }, always, []int{5, 15, 35, 75, 155}},
		{"buffers that go one by one", 100, func(n int) int64 { return 100 - int64(n) }, always, []int{5, 15, 35, 75, 155}},
		{
			"garbage, which the scavenger passes over until the second collection", 0,
			func(n int) int64 { return []int64{1000, 2}[min(n, 1)] },
			func(n int) int64 { return []int64{0, 1000, 0}[min(n, 2)] },
			[]int{3, 8},
		},
		{"memory that the runtime keeps", 0, always, func(int) int64 { return 500 }, []int{5, 15, 35, 75, 155}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var at []int
			waste := collector{floor: c.floor * mib, period: quietPeriod}
			for i := 1; i <= 200; i++ {
				before := c.beside(len(at)) * mib
				if waste.due(before, c.free(len(at))*mib, 16*mib) {
					at = append(at, i)
					waste.collected(before, c.beside(len(at))*mib, 16*mib)
				}
			}
			require.Equal(t, c.want, at)
		})
	}
}
