package stats

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scrape returns the lines of an answer, but for those about any Go process.
func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	var ours []string
	for line := range strings.Lines(w.Body.String()) {
		if !strings.Contains(line, "go_") && !strings.Contains(line, "process_") {
			ours = append(ours, line)
		}
	}
	return strings.Join(ours, "")
}

// What was shown once and is not any more leaves nothing behind, and comes again with its own figures.
func TestScrapesShowWhatIsWritten(t *testing.T) {
	var keys []string
	h := MetricsHandler(func(s *Scrape) {
		for i, key := range keys {
			s.Gauge("x_keys", "Keys.", float64(i), "db", key, "a", "y\"z")
		}
		s.Counter("x_total", "All.", float64(len(keys)))
	})
	const all, total = "# HELP x_total All.\n# TYPE x_total counter\nx_total ", "# HELP x_keys Keys.\n# TYPE x_keys gauge\n"
	require.Equal(t, all+"0\n", scrape(t, h))
	keys = []string{"2", "10"}
	require.Equal(t, total+`x_keys{a="y\"z",db="10"} 1`+"\n"+`x_keys{a="y\"z",db="2"} 0`+"\n"+all+"2\n", scrape(t, h))
	keys = []string{"2"}
	require.Equal(t, total+`x_keys{a="y\"z",db="2"} 0`+"\n"+all+"1\n", scrape(t, h))
	keys = nil
	require.Equal(t, all+"0\n", scrape(t, h))
}

func TestScrapedLatencies(t *testing.T) {
	h := MetricsHandler(func(s *Scrape) {
		var l latencies
		l.record(500, 2)
		l.record(1_000_000_000, 1)
		var b Buckets
		b.add(&l)
		s.Latencies("x_seconds", "Time.", &b, 1_000_001_000, "command", "get")
	})
	text := scrape(t, h)
	for _, line := range []string{
		`x_seconds_bucket{command="get",le="1e-06"} 2`, `x_seconds_bucket{command="get",le="1"} 2`, `x_seconds_bucket{command="get",le="+Inf"} 3`,
		`x_seconds_sum{command="get"} 1.000001`, `x_seconds_count{command="get"} 3`,
	} {
		require.Contains(t, text, line+"\n")
	}
	require.Equal(t, len(latencyBounds)+5, strings.Count(text, "\n"))
}

// Scrapes at the same time do not share what they write.
func TestScrapesAtTheSameTime(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	h := MetricsHandler(func(s *Scrape) {
		inside <- struct{}{}
		s.Counter("x_total", "All.", 1)
		<-goOn
	})
	answers := make(chan string)
	for range 2 {
		go func() { answers <- scrape(t, h) }()
	}
	<-inside
	<-inside
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusServiceUnavailable, w.Code, "a third has to come again")
	close(goOn)
	require.Equal(t, <-answers, <-answers)
}
