package stats

import (
	"math"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyLatency draws latencies of all magnitudes, and those around the bounds of metrics.
func anyLatency() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(minLatency, maxLatency),
		rapid.Map(rapid.Float64Range(0, 9), func(digits float64) int64 { return int64(math.Pow(10, digits)) }),
		rapid.Custom(func(t *rapid.T) int64 {
			return min(rapid.SampledFrom(latencyBounds[:]).Draw(t, "bound")+rapid.Int64Range(-1, 1).Draw(t, "beside"), maxLatency)
		}),
	)
}

// Latencies are where the library would have put them.
func TestLatenciesAreTheLibrarys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		theirs := hdrhistogram.New(minLatency, maxLatency, latencyDigits)
		var ours, other latencies
		for i, v := range rapid.SliceOfN(anyLatency(), 0, 50).Draw(t, "latencies") {
			require.NoError(t, theirs.RecordValues(v, 3))
			if i%2 == 0 {
				ours.record(v, 3)
			} else {
				other.record(v, 3)
			}
		}
		ours.add(&other)
		require.True(t, theirs.Equals(ours.histogram()))
	})
	require.Len(t, hdrhistogram.New(minLatency, maxLatency, latencyDigits).Export().Counts, latencyPlaces)
}

// What metrics tell is what the library's bars say: a bar belongs to the first bound that it does not pass.
func TestBucketsAreTheLibrarysBars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l latencies
		for _, v := range rapid.SliceOfN(anyLatency(), 0, 50).Draw(t, "latencies") {
			l.record(v, 1)
		}
		var want Buckets
		for _, bar := range l.histogram().Distribution() {
			want.Total += bar.Count
			for i, bound := range latencyBounds {
				if bar.To <= bound {
					want.counts[i] += bar.Count
					break
				}
			}
		}
		var got Buckets
		got.add(&l)
		require.Equal(t, want, got)
	})
}

func TestTally(t *testing.T) {
	s := New(3, 2)
	s.OnShard(0, Run{Times: 2, Command: 1, Nanos: 1000, Track: true})
	s.OnShard(1, Run{Times: 1, Command: 1, Nanos: 3000, Failed: true, Track: true})
	s.OnConnection(7, Run{Times: 1, Command: 1, Nanos: 500})
	s.Rejected(2)
	var sum Tally
	for range 2 { // the second time it is used again
		sum.clear(3)
		s.AddShard(&sum, 0)
		s.AddShard(&sum, 1)
		s.AddOwn(&sum)
		for command := range 3 {
			require.Equal(t, s.Counts(command), sum.Command(command).Counts)
		}
		require.EqualValues(t, 3, sum.Command(1).Latencies.Total, "what is not tracked is not among them")
		require.Zero(t, sum.Command(0).Latencies.Total)
	}
}
