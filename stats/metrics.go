package stats

import (
	"net/http"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes is how many scrapes are answered at once; more get an error, so that they cannot pile up on a busy server.
const maxScrapes = 2

// MetricsHandler answers scrapes in the formats of Prometheus: with what gather writes into the scrape, and with what there is to know
// about any Go process.
func MetricsHandler(gather func(*Scrape)) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(gatherer(gather), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

// gatherer implements prometheus.Collector; what it collects is only known when it does.
type gatherer func(*Scrape)

func (g gatherer) Describe(chan<- *prometheus.Desc)     {}
func (g gatherer) Collect(out chan<- prometheus.Metric) { g(&Scrape{out}) }

// Scrape takes the metrics of one answer. Labels are pairs of name and value; a metric has the same names in each of its lines.
type Scrape struct{ out chan<- prometheus.Metric }

// Counter adds a value that only grows, from the server's start or from CONFIG RESETSTAT.
func (s *Scrape) Counter(name, help string, value float64, labels ...string) {
	s.add(prometheus.CounterValue, name, help, value, labels)
}

// Gauge adds a value that goes up and down.
func (s *Scrape) Gauge(name, help string, value float64, labels ...string) {
	s.add(prometheus.GaugeValue, name, help, value, labels)
}

func (s *Scrape) add(t prometheus.ValueType, name, help string, value float64, labels []string) {
	desc, values := describe(name, help, labels)
	s.out <- prometheus.MustNewConstMetric(desc, t, value, values...)
}

// Latencies adds a histogram of nanoseconds as one of seconds; sum is all of them together, in nanoseconds.
func (s *Scrape) Latencies(name, help string, h *hdrhistogram.Histogram, sum int64, labels ...string) {
	desc, values := describe(name, help, labels)
	buckets := make(map[float64]uint64, len(latencyBounds))
	n, next := uint64(0), 0
	for _, bar := range h.Distribution() {
		for next < len(latencyBounds) && float64(bar.To) > latencyBounds[next]*nanosPerSecond {
			buckets[latencyBounds[next]] = n
			next++
		}
		n += uint64(bar.Count)
	}
	for _, bound := range latencyBounds[next:] {
		buckets[bound] = n
	}
	s.out <- prometheus.MustNewConstHistogram(desc, n, float64(sum)/nanosPerSecond, buckets, values...)
}

const nanosPerSecond = 1e9

// latencyBounds are the upper bounds of buckets, in seconds.
var latencyBounds = [...]float64{
	1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1, 2e-1, 5e-1, 1,
}

func describe(name, help string, labels []string) (desc *prometheus.Desc, values []string) {
	names := make([]string, 0, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	return prometheus.NewDesc(name, help, names, nil), values
}
