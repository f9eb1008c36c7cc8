// metrics.go: what a scrape is answered. Prometheus's library writes it in the format that is asked for; what it writes are messages that are
// kept from scrape to scrape, so that one costs little more than the writing.

package stats

import (
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

const (
	// maxScrapes is how many scrapes are answered at once; more get an error, so that they cannot pile up on a busy server.
	maxScrapes = 2
	// processAge is how old what there is to know about any Go process may be: to ask the system for it takes longer than all the rest.
	processAge = time.Second
)

// MetricsHandler answers scrapes in the formats of Prometheus: with what gather writes into the scrape, and with what there is to know
// about any Go process. Answers are not compressed, which would cost several times what it costs to make them.
func MetricsHandler(gather func(*Scrape)) http.Handler {
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &exposition{gather: gather, process: process, idle: make(chan *Scrape, maxScrapes)}
	return promhttp.HandlerForTransactional(m, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, DisableCompression: true})
}

// exposition implements prometheus.TransactionalGatherer.
type exposition struct {
	gather  func(*Scrape)
	process *prometheus.Registry
	idle    chan *Scrape // scrapes to be used again

	mu    sync.Mutex // guards what follows
	asked time.Time
	known []*dto.MetricFamily // about the process; never changed
}

// Gather returns all metrics, sorted by name; they are valid until done is called.
func (m *exposition) Gather() (families []*dto.MetricFamily, done func(), err error) {
	known, err := m.ofProcess()
	s := m.take()
	s.reset(known)
	m.gather(s)
	return s.finish(), func() { m.idle <- s }, err
}

func (m *exposition) take() *Scrape {
	select {
	case s := <-m.idle:
		return s
	default:
		return new(Scrape) // there are no more than are answered at once
	}
}

func (m *exposition) ofProcess() (_ []*dto.MetricFamily, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.asked) >= processAge {
		m.known, err = m.process.Gather()
		m.asked = now
	}
	return m.known, err
}

// Scrape takes the metrics of one answer. Labels are pairs of name and value; a metric has the same names in each of its lines.
//
// What was written into it stays for the next answer as the memory for that: a line that is not written again is not shown.
type Scrape struct {
	families []*family // sorted by name
	out      []*dto.MetricFamily
	key      []byte
	tally    Tally
}

// family is all lines of a metric, sorted by the values of their labels.
type family struct {
	dto.MetricFamily
	lines []*line
}

type line struct {
	dto.Metric
	key     string // its labels' values
	written bool   // in this answer
}

func (s *Scrape) reset(known []*dto.MetricFamily) {
	s.out = append(s.out[:0], known...)
	for _, f := range s.families {
		f.Metric = f.Metric[:0]
		for _, l := range f.lines {
			l.written = false
		}
	}
}

// Tally is an empty tally of so many commands, for use until the answer is written.
func (s *Scrape) Tally(commands int) *Tally {
	s.tally.clear(commands)
	return &s.tally
}

// finish returns what was written since reset, behind what was known.
func (s *Scrape) finish() []*dto.MetricFamily {
	for _, f := range s.families {
		for _, l := range f.lines {
			if l.written {
				f.Metric = append(f.Metric, &l.Metric)
			}
		}
		if len(f.Metric) > 0 {
			s.out = append(s.out, &f.MetricFamily)
		}
	}
	return s.out
}

// Counter adds a value that only grows, from the server's start or from CONFIG RESETSTAT.
func (s *Scrape) Counter(name, help string, value float64, labels ...string) {
	l := s.line(dto.MetricType_COUNTER, name, help, labels)
	if l.Counter == nil {
		l.Counter = &dto.Counter{Value: new(float64)}
	}
	*l.Counter.Value = value
}

// Gauge adds a value that goes up and down.
func (s *Scrape) Gauge(name, help string, value float64, labels ...string) {
	l := s.line(dto.MetricType_GAUGE, name, help, labels)
	if l.Gauge == nil {
		l.Gauge = &dto.Gauge{Value: new(float64)}
	}
	*l.Gauge.Value = value
}

const nanosPerSecond = 1e9

// Latencies adds latencies as a histogram of seconds; sum is all of them together, in nanoseconds.
func (s *Scrape) Latencies(name, help string, b *Buckets, sum int64, labels ...string) {
	l := s.line(dto.MetricType_HISTOGRAM, name, help, labels)
	if l.Histogram == nil {
		l.Histogram = newHistogram()
	}
	*l.Histogram.SampleCount, *l.Histogram.SampleSum = uint64(b.Total), float64(sum)/nanosPerSecond
	n := uint64(0)
	for i, bucket := range l.Histogram.Bucket {
		n += uint64(b.counts[i])
		*bucket.CumulativeCount = n
	}
}

func newHistogram() *dto.Histogram {
	h := &dto.Histogram{SampleCount: new(uint64), SampleSum: new(float64)}
	for _, bound := range latencyBounds {
		seconds := float64(bound) / nanosPerSecond
		h.Bucket = append(h.Bucket, &dto.Bucket{CumulativeCount: new(uint64), UpperBound: &seconds})
	}
	return h
}

// line returns the line with these labels, which is part of the answer from now on.
func (s *Scrape) line(t dto.MetricType, name, help string, labels []string) *line {
	at, found := slices.BinarySearchFunc(s.families, name, func(f *family, name string) int { return strings.Compare(f.GetName(), name) })
	if !found {
		s.families = slices.Insert(s.families, at, newFamily(t, name, help))
	}
	f := s.families[at]
	s.key = s.key[:0]
	for i := 1; i < len(labels); i += 2 {
		s.key = append(append(s.key, labels[i]...), 0)
	}
	at = sort.Search(len(f.lines), func(i int) bool { return f.lines[i].key >= string(s.key) })
	if at == len(f.lines) || f.lines[at].key != string(s.key) {
		f.lines = slices.Insert(f.lines, at, newLine(string(s.key), labels))
	}
	f.lines[at].written = true
	return f.lines[at]
}

func newFamily(t dto.MetricType, name, help string) *family {
	return &family{MetricFamily: dto.MetricFamily{Name: &name, Help: &help, Type: &t}}
}

func newLine(key string, labels []string) *line {
	l := &line{key: key}
	for i := 0; i+1 < len(labels); i += 2 {
		name, value := labels[i], labels[i+1]
		l.Label = append(l.Label, &dto.LabelPair{Name: &name, Value: &value})
	}
	slices.SortFunc(l.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	return l
}
