package stats

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCountsAddUpOverStripes(t *testing.T) {
	s := New(3, 2)
	s.OnShard(0, Run{Times: 1, Command: 1, Nanos: 1000, Track: true})
	s.OnShard(1, Run{Times: 1, Command: 1, Nanos: 3000, Failed: true, Track: true})
	s.OnConnection(7, Run{Times: 1, Command: 1, Nanos: 500})
	s.OnConnection(8, Run{Times: 1, Command: 2, Nanos: 500})
	s.Rejected(1)

	require.Equal(t, Counts{Calls: 3, Nanos: 4500, Rejected: 1, Failed: 1}, s.Counts(1))
	require.Equal(t, Counts{}, s.Counts(0))
	require.EqualValues(t, 4, s.Processed())
	require.EqualValues(t, 2, s.Latencies(1).TotalCount())
	require.Nil(t, s.Latencies(2), "a run that is not tracked leaves no latency")

	s.Errors.Count("ERR x")
	s.Reset()
	require.Equal(t, Counts{}, s.Counts(1))
	require.Zero(t, s.Processed())
	require.Nil(t, s.Latencies(1))
	require.Zero(t, s.Errors.Total())
}

func TestConnectionsCountAtTheSameTime(t *testing.T) {
	const goroutines, runs = 8, 200
	s := New(1, 1)
	var all sync.WaitGroup
	for id := range int64(goroutines) {
		all.Go(func() {
			for range runs {
				s.OnConnection(id, Run{Times: 1, Nanos: 1, Track: true})
				s.Rejected(0)
				_ = s.Processed()
			}
		})
	}
	all.Wait()
	require.Equal(t, Counts{Calls: goroutines * runs, Nanos: goroutines * runs, Rejected: goroutines * runs}, s.Counts(0))
}

func TestCountingAllocatesNothing(t *testing.T) {
	s := New(2, 1)
	s.OnShard(0, Run{Times: 1, Command: 1, Nanos: 5, Track: true})
	require.Zero(t, testing.AllocsPerRun(100, func() { s.OnShard(0, Run{Times: 1, Command: 1, Nanos: 12345, Track: true}) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { s.OnConnection(0, Run{Times: 1, Command: 1, Nanos: 12345}) }))
}

func TestLatenciesOutOfRangeAreKept(t *testing.T) {
	s := New(1, 1)
	for _, nanos := range []int64{-5, 0, maxLatency, 100 * maxLatency} {
		s.OnShard(0, Run{Times: 1, Nanos: nanos, Track: true})
	}
	require.EqualValues(t, 4, s.Latencies(0).TotalCount())
}

func TestErrorCodes(t *testing.T) {
	for _, tc := range []struct{ text, code string }{
		{"ERR unknown command", "ERR"},
		{"WRONGTYPE Operation", "WRONGTYPE"},
		{"nospace", "ERR"},
		{"", "ERR"},
		{" leading", "ERR"},
		{strings.Repeat("A", maxErrorCode) + " too long", "ERR"},
		{strings.Repeat("A", maxErrorCode-1) + " fits", strings.Repeat("A", maxErrorCode-1)},
	} {
		var e Errors
		require.False(t, e.Count(tc.text))
		require.Equal(t, []ErrorCount{{tc.code, 1}}, e.All(), tc.text)
	}
}

func TestErrorKindsAreLimited(t *testing.T) {
	var e Errors
	for i := range maxErrorKinds {
		require.False(t, e.Count(fmt.Sprintf("E%d x", i)))
	}
	require.Len(t, e.All(), maxErrorKinds)
	require.False(t, e.Count("E0 x"), "a known kind is no new one")
	require.True(t, e.Count("ONE too many"))
	require.Equal(t, []ErrorCount{{errorsDisabled, 1}}, e.All())
	require.False(t, e.Count("E0 x"))
	require.EqualValues(t, maxErrorKinds+3, e.Total())
	e.Reset()
	require.False(t, e.Count("E0 x"))
	require.Equal(t, []ErrorCount{{"E0", 1}}, e.All())
}

func TestSlowLogKeepsTheNewest(t *testing.T) {
	var l SlowLog
	for i := range int64(5) {
		l.Add(SlowEntry{Micros: i}, 3)
	}
	require.Equal(t, 3, l.Len())
	ids := func(n int64) (ids []int64) {
		for _, e := range l.Newest(n) {
			ids = append(ids, e.ID)
		}
		return ids
	}
	require.Equal(t, []int64{4, 3, 2}, ids(-1))
	require.Equal(t, []int64{4, 3}, ids(2))
	require.Empty(t, ids(0))
	require.Equal(t, []int64{4, 3, 2}, ids(100))
	l.Reset()
	l.Add(SlowEntry{}, 3)
	require.Equal(t, []int64{5}, ids(-1), "ids go on after a reset")
	l.Add(SlowEntry{}, 0)
	require.Zero(t, l.Len())
}

func TestShortArgs(t *testing.T) {
	long := strings.Repeat("x", maxSlowArg)
	require.Equal(t, []string{"GET", long}, ShortArgs([][]byte{[]byte("GET"), []byte(long)}))
	require.Equal(t, []string{long + "... (2 more bytes)"}, ShortArgs([][]byte{[]byte(long + "yy")}))

	many := make([][]byte, maxSlowArgs)
	require.Equal(t, make([]string, maxSlowArgs), ShortArgs(many))
	short := ShortArgs(append(many, nil, nil))
	require.Len(t, short, maxSlowArgs)
	require.Equal(t, "... (3 more arguments)", short[maxSlowArgs-1])
}

func TestRates(t *testing.T) {
	var r Rates
	require.Zero(t, r.Now())
	const tick = int64(SampleInterval)
	for i := range int64(40) {
		r.Sample(i*tick, Totals{Commands: 10 * i, InBytes: 100 * i, OutBytes: i, Cycles: 2 * i, Nanos: 20 * i})
	}
	now := r.Now()
	require.InDelta(t, 100, now.Commands, 1e-6)
	require.InDelta(t, 1000, now.InBytes, 1e-6)
	require.InDelta(t, 10, now.OutBytes, 1e-6)
	require.InDelta(t, 20, now.Cycles, 1e-6)
	require.InDelta(t, 200, now.Nanos, 1e-6)
	r.Sample(40*tick, Totals{})
	require.Zero(t, r.Now(), "counters that were reset are no negative rate")
	r.Sample(41*tick, Totals{Commands: 5})
	require.InDelta(t, 50, r.Now().Commands, 1e-6)
	r.Sample(42*tick, Totals{Commands: 10, Cycles: 7})
	r.Sample(43*tick, Totals{Commands: 15, Cycles: 1})
	require.Zero(t, r.Now(), "more commands than before they were reset")
}

func TestHumanBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0B", 1023: "1023B", 1024: "1.00K", 1536: "1.50K", 1 << 20: "1.00M", 25276026880: "23.54G", 1 << 40: "1.00T",
	} {
		require.Equal(t, want, HumanBytes(n))
	}
}

func TestReport(t *testing.T) {
	var r Report
	require.Empty(t, r.String())
	r.Section("A")
	r.Add("x", 1)
	r.Addf("y", "%.2f", 1.5)
	r.Section("B")
	r.AddBytes("m", 2048)
	require.Equal(t, "# A\r\nx:1\r\ny:1.50\r\n\r\n# B\r\nm:2048\r\nm_human:2.00K\r\n", r.String())
}

// TestCumulative holds the levels to what a real server shows: the first ends at 1 microsecond, and so on by doubling.
func TestCumulative(t *testing.T) {
	var l latencies
	for _, nanos := range []int64{500, 1500, 1500, 33_000, 900_000_000} {
		l.record(nanos, 1)
	}
	require.Equal(t, []Bar{{1, 1}, {2, 3}, {33, 4}, {1082130, 5}}, Cumulative(l.histogram()))
}

func TestCumulativeIsMonotonicAndComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l latencies
		values := rapid.SliceOfN(anyLatency(), 1, 50).Draw(t, "latencies")
		for _, v := range values {
			l.record(v, 1)
		}
		bars := Cumulative(l.histogram())
		require.NotEmpty(t, bars)
		for i := 1; i < len(bars); i++ {
			require.Greater(t, bars[i].Micros, bars[i-1].Micros)
			require.Greater(t, bars[i].Count, bars[i-1].Count)
		}
		require.EqualValues(t, len(values), bars[len(bars)-1].Count)
	})
}

func TestReadProcess(t *testing.T) {
	p := ReadProcess()
	require.NotEmpty(t, p.OS)
	h := ReadHeap()
	require.Positive(t, h.Allocated)
	require.GreaterOrEqual(t, h.Active, h.Allocated)
}

func BenchmarkOnShard(b *testing.B) {
	s := New(100, 2)
	b.ReportAllocs()
	for i := range b.N {
		s.OnShard(1, Run{Times: 1, Command: 7, Nanos: int64(i&4095) + 100, Track: true})
	}
}

func BenchmarkOnConnection(b *testing.B) {
	s := New(100, 2)
	b.ReportAllocs()
	for i := range b.N {
		s.OnConnection(1, Run{Times: 1, Command: 7, Nanos: int64(i&4095) + 100, Track: true})
	}
}
