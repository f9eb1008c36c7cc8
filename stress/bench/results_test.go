package bench

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1}, 5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 100, 2}, 3},
		{[]float64{5, 5, 5, 5, 1000}, 5},
	}
	for _, test := range tests {
		require.InDelta(t, test.want, median(test.values), 1e-9, "%v", test.values)
	}
	require.True(t, math.IsNaN(median(nil)))
	values := []float64{3, 1, 2}
	median(values)
	require.Equal(t, []float64{3, 1, 2}, values, "the argument keeps its order")
}

// rates makes samples that differ in their rate only.
func rates(values ...float64) (samples []sample) {
	for _, v := range values {
		samples = append(samples, sample{rate: v})
	}
	return samples
}

func TestRatioComparesWithinARound(t *testing.T) {
	ratio := func(own, reference []sample, f figure) float64 { return median(ratiosOf(own, reference, f)) }
	// The machine is twice as fast in the second round, and the ratio is 2 in both.
	require.InDelta(t, 2.0, ratio(rates(20, 40), rates(10, 20), rateFigure), 1e-9)
	require.InDelta(t, 1.5, ratio(rates(10, 15, 100), rates(10, 10, 10), rateFigure), 1e-9)
	require.InDelta(t, 3.0, ratio(rates(1, 3), rates(0, 1), rateFigure), 1e-9, "a reference of 0 does not count")
	require.True(t, math.IsNaN(ratio(rates(1), rates(0), rateFigure)))
}

func TestBoundsOfAMedian(t *testing.T) {
	values := func(n int) (values []float64) {
		for i := range n {
			values = append(values, float64(n-i))
		}
		return values
	}
	for _, test := range []struct {
		n         int
		low, high float64
	}{{1, 1, 1}, {5, 1, 5}, {11, 3, 9}, {41, 16, 26}, {101, 43, 59}} {
		low, high := bounds(values(test.n))
		require.Equal(t, []float64{test.low, test.high}, []float64{low, high}, "%d values", test.n)
	}
	low, high := bounds(nil)
	require.True(t, math.IsNaN(low) && math.IsNaN(high))
}

func TestOpenLoopsRatiosHaveBounds(t *testing.T) {
	r := newResults(openLoopLayout(), []group{{title: "half"}}, []target{{name: respiteName}, {name: redisName}})
	for _, p99 := range []float64{1, 2, 4} {
		r.add(0, 0, sample{p99: p99})
		r.add(0, 1, sample{p99: 2})
	}
	rows := r.rows(0, 1)
	require.Contains(t, rows[1], "1.00 (0.50 to 2.00)")
	require.Contains(t, rows[1], "-", "no round has a p50")
}

func TestSpreadIsHalfTheRange(t *testing.T) {
	require.InDelta(t, 10, spread(rates(90, 100, 110), rateFigure), 1e-9)
	require.Zero(t, spread(rates(7), rateFigure))
}

func TestSampleOfAWindow(t *testing.T) {
	latency := hdrhistogram.New(1, int64(time.Minute), 3)
	for i := range 1_000 {
		require.NoError(t, latency.RecordValue(int64(i+1)*int64(time.Microsecond)))
	}
	start := time.Now()
	before := counters{at: start, commands: 500, server: cpuTime{user: time.Second, system: time.Second}}
	after := counters{
		at: start.Add(2 * time.Second), commands: 200_500,
		server:    cpuTime{user: 1200 * time.Millisecond, system: 1600 * time.Millisecond},
		generator: cpuTime{user: time.Second, system: 500 * time.Millisecond},
	}
	lateness := hdrhistogram.New(1, int64(time.Minute), 3)
	require.NoError(t, lateness.RecordValue(int64(7*time.Microsecond)))
	got := after.minus(before).sample(latency, lateness)
	require.InDelta(t, 100_000, got.rate, 1e-6)
	require.InDelta(t, 1.0, got.user, 1e-9)
	require.InDelta(t, 3.0, got.system, 1e-9)
	require.InDelta(t, 4.0, got.cpu(), 1e-9)
	require.InDelta(t, 0.75, got.generator, 1e-9)
	require.InEpsilon(t, 500, got.p50, 0.002)
	require.InEpsilon(t, 990, got.p99, 0.002)
	require.InEpsilon(t, 999, got.p999, 0.002)
	require.InEpsilon(t, 500, got.mean, 0.002)
	require.InEpsilon(t, 1_000, got.max, 0.002)
	require.InEpsilon(t, 7, got.lateness, 0.002)
}

// twoByTwo are the results of one cell on two targets in three rounds.
func twoByTwo() *results {
	groups := []group{{name: "get:16", lead: []string{"GET", "16"}}}
	r := newResults(cellLayout(), groups, []target{{name: respiteName}, {name: redisName}})
	for _, factor := range []float64{1, 2, 3} {
		r.add(0, 0, sample{rate: 300 * factor, p50: 10, p99: 20, p999: 30, user: 0.5, system: 0.25, generator: 0.8})
		r.add(0, 1, sample{rate: 200 * factor, p50: 20, p99: 10, p999: 40, user: 1, system: 0.5, generator: 0.7})
	}
	return r
}

func TestTable(t *testing.T) {
	require.Equal(t, [][]string{
		{
			"command", "depth", "target", "commands/s", "±", "p50 µs", "p99 µs", "p99.9 µs",
			"CPU µs/cmd", "user", "sys", "load cores", "× commands/s", "× p50", "× p99", "× CPU",
		},
		{"GET", "16", "respite", "600", "50%", "10", "20", "30", "0.75", "0.50", "0.25", "0.80", "1.50", "0.50", "2.00", "0.50"},
		{"GET", "16", "redis", "400", "50%", "20", "10", "40", "1.50", "1.00", "0.50", "0.70", "", "", "", ""},
	}, twoByTwo().rows(0, 1))
}

func TestTableIsPrintedInBothForms(t *testing.T) {
	var text, markdown strings.Builder
	require.NoError(t, twoByTwo().write(&text, false))
	require.NoError(t, twoByTwo().write(&markdown, true))
	require.Contains(t, text.String(), "  GET     16  respite         600  50%")
	require.Contains(t, text.String(), "Medians of 3 rounds")
	lines := strings.Split(markdown.String(), "\n")
	require.True(t, strings.HasPrefix(lines[0], "| command | depth | target |"))
	require.Equal(t, "|"+strings.Repeat("---|", 16), lines[1])
	require.Equal(t, strings.Count(lines[0], "|"), strings.Count(lines[2], "|"))
}

func TestGroupsOfOneTitleShareATable(t *testing.T) {
	groups := []group{{title: "slow"}, {title: "slow"}, {title: "fast"}}
	r := newResults(openLoopLayout(), groups, []target{{name: redisName}})
	for i := range groups {
		r.add(i, 0, sample{asked: float64(100 * (i + 1)), p999: 5, max: 6, lateness: 7})
	}
	var text strings.Builder
	require.NoError(t, r.write(&text, false))
	lines := strings.Split(text.String(), "\n")
	require.Equal(t, []string{"slow:", "fast:"}, []string{lines[0], lines[6]})
	require.Equal(t, []string{"redis", "100", "0", "0", "0", "5", "6", "7", "0.00"}, strings.Fields(lines[3]))
	require.Equal(t, []string{"redis", "200"}, strings.Fields(lines[4])[:2])
	require.Equal(t, []string{"redis", "300"}, strings.Fields(lines[9])[:2])
	require.Equal(t, 2, strings.Count(text.String(), "sent late p99 µs"))
}

func TestEveryColumnHasAFigureOfItsOwn(t *testing.T) {
	s := sample{
		rate: 1, p50: 2, p99: 3, p999: 4, mean: 5, max: 6, user: 7, system: 8,
		generator: 9, asked: 10, lateness: 11, perConnection: 12,
	}
	for _, l := range []layout{cellLayout(), openLoopLayout(), latencyLayout(), idleLayout()} {
		seen := map[float64]string{}
		for _, c := range l.columns {
			if c.title == "±" {
				continue
			}
			require.NotContains(t, seen, c.figure(s), "%s shows what %s shows", c.title, seen[c.figure(s)])
			seen[c.figure(s)] = c.title
		}
		for _, c := range l.ratios {
			title := strings.TrimPrefix(c.title, "× ")
			require.True(t, strings.HasPrefix(seen[c.figure(s)], title), "%s is the ratio of %s", c.title, seen[c.figure(s)])
		}
	}
}

func TestNumberPrintsADashForNone(t *testing.T) {
	require.Equal(t, "1.50", number("%.2f", 1.5))
	require.Equal(t, "-", number("%.2f", math.NaN()))
	require.Equal(t, "-", number("%.2f", math.Inf(1)))
}
