// Where figures come from: INFO fields, the resident size of the server
// process, and latencies. Sizes are bytes; latencies are recorded in
// microseconds with three significant digits (HdrHistogram).

package stress

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// facts is what INFO told.
type facts map[string]string

// info asks for every default section of INFO.
func (c *client) info() (facts, error) {
	v, err := c.ask("INFO")
	if err != nil {
		return nil, err
	}
	f := facts{}
	for line := range strings.Lines(string(v.Str)) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			f[name] = value
		}
	}
	return f, nil
}

// number returns a numeric field; false if the server does not report it.
func (f facts) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(f[name], 10, 64)
	return n, err == nil
}

// infoNumber asks for one numeric field that must be there.
func (c *client) infoNumber(name string) (int64, error) {
	f, err := c.info()
	if err != nil {
		return 0, err
	}
	n, ok := f.number(name)
	if !ok {
		return 0, fmt.Errorf("INFO reports no %s", name)
	}
	return n, nil
}

// resident returns the server's resident size: from the kernel if its process
// is known and local, else as the server reports it.
func (r *Run) resident(c *client) (int64, error) {
	if r.PID != 0 {
		return residentOf(r.PID)
	}
	return c.infoNumber("used_memory_rss")
}

// residentOf reads VmRSS of a process; the kernel prints it in kB of 1024.
func residentOf(pid int) (int64, error) {
	name := fmt.Sprintf("/proc/%d/status", pid)
	body, err := os.ReadFile(name)
	if err != nil {
		return 0, fmt.Errorf("read resident size: %w", err)
	}
	for line := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("read resident size: no VmRSS in %s", name)
}

// size prints bytes in MiB.
func size(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/mib) }

// footprint is what a server holds at one moment. A negative figure means
// that the server does not report it.
type footprint struct {
	used       int64 // used_memory
	resident   int64
	goroutines int64 // respite_goroutines
	clients    int64 // connected_clients
}

func (r *Run) footprint(c *client) (footprint, error) {
	f, err := c.info()
	if err != nil {
		return footprint{}, err
	}
	p := footprint{
		used:       f.orAbsent("used_memory"),
		resident:   f.orAbsent("used_memory_rss"),
		goroutines: f.orAbsent("respite_goroutines"),
		clients:    f.orAbsent("connected_clients"),
	}
	if r.PID != 0 {
		p.resident, err = residentOf(r.PID)
	}
	return p, err
}

func (f facts) orAbsent(name string) int64 {
	if n, ok := f.number(name); ok {
		return n
	}
	return -1
}

// clientSlack allows for people who look at the server during a run.
const clientSlack = 2

// checkGrowth compares a server with itself before the suite: memory,
// goroutines and clients must be back within their bounds. Memory may be given
// back late, so the figures are polled for a while before they are judged.
func (r *Run) checkGrowth(ctx context.Context, c *client, before footprint) error {
	var after footprint
	_, _, err := eventually(ctx, r.MaxGrowthSettle, func() (bool, error) {
		var err error
		after, err = r.footprint(c)
		return err == nil && r.grown(before, after) == 0, err
	})
	if err != nil {
		return err
	}
	r.boundGrowth("used_memory growth", before.used, after.used, int64(r.MaxGrowthMiB)*mib, size)
	r.boundGrowth("resident growth", before.resident, after.resident, int64(r.MaxResidentMiB)*mib, size)
	r.boundGrowth("goroutine growth", before.goroutines, after.goroutines, int64(r.MaxGoroutines), plain)
	r.boundGrowth("client growth", before.clients, after.clients, clientSlack, plain)
	return nil
}

// grown counts the figures that are out of bounds.
func (r *Run) grown(before, after footprint) int {
	n := 0
	for _, over := range []bool{
		after.used-before.used > int64(r.MaxGrowthMiB)*mib,
		after.resident-before.resident > int64(r.MaxResidentMiB)*mib,
		after.goroutines-before.goroutines > int64(r.MaxGoroutines),
		after.clients-before.clients > clientSlack,
	} {
		if over {
			n++
		}
	}
	return n
}

// boundGrowth judges the growth of one figure, if the server reports it at all.
func (r *Run) boundGrowth(name string, before, after, bound int64, show func(int64) string) {
	if before < 0 || after < 0 {
		r.Note(name, "not reported by this server")
		return
	}
	r.Bound(name, after-before <= bound, "%s to %s, bound +%s", show(before), show(after), show(bound))
}

func plain(n int64) string { return strconv.FormatInt(n, 10) }

// Range and precision of the latency histograms.
const (
	latencyFloor  = int64(1) // microseconds
	latencyCeil   = int64(10 * time.Minute / time.Microsecond)
	latencyDigits = 3
)

// latency collects durations. It is safe for concurrent use.
type latency struct {
	mu   sync.Mutex
	hist *hdrhistogram.Histogram
}

func newLatency() *latency {
	return &latency{hist: hdrhistogram.New(latencyFloor, latencyCeil, latencyDigits)}
}

// record adds one duration; those beyond the range count as its ends.
func (l *latency) record(d time.Duration) {
	us := min(max(d.Microseconds(), latencyFloor), latencyCeil)
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.hist.RecordValue(us) // in range by the line above
}

// at returns the given percentile.
func (l *latency) at(percentile float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Duration(l.hist.ValueAtPercentile(percentile)) * time.Microsecond
}

func (l *latency) max() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Duration(l.hist.Max()) * time.Microsecond
}

// within tells whether a percentile kept its bound. Where nothing was measured, nothing did.
func (l *latency) within(percentile float64, bound time.Duration) bool {
	return l.count() > 0 && l.at(percentile) <= bound
}

func (l *latency) count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hist.TotalCount()
}

// String prints the percentiles that the reports show.
func (l *latency) String() string {
	return fmt.Sprintf("p50 %s, p99 %s, p99.9 %s, max %s (n=%d)",
		short(l.at(50)), short(l.at(99)), short(l.at(99.9)), short(l.max()), l.count())
}

// short prints a duration in milliseconds.
func short(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}

// tally counts faults of one kind and keeps the first as an example.
type tally struct {
	mu    sync.Mutex
	n     int64
	first error
}

func (t *tally) add(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		t.first = err
	}
	t.n++
}

func (t *tally) count() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// example prints the first fault after a figure, or nothing.
func (t *tally) example() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return because(t.first)
}

// because prints an error after a figure, or nothing.
func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
