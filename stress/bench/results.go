// What was measured and what is said about it: one sample per round, medians
// over the rounds, and ratios to the reference server.
//
// Invariant: a ratio compares two targets within one round, where they ran a
// second apart, and the median is taken of these ratios. So it need not equal
// the quotient of the two medians in the table, and drifts of the machine
// between rounds cancel out.

package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	respiteName = "respite"
	redisName   = "redis" // the target that ratios are taken to
)

// counters are the running totals that a measured window is the difference of.
type counters struct {
	at                time.Time
	commands          uint64
	server, generator cpuTime
	elapsed           time.Duration // set by minus
}

func (c counters) minus(earlier counters) counters {
	return counters{
		commands: c.commands - earlier.commands,
		server:   c.server.minus(earlier.server), generator: c.generator.minus(earlier.generator),
		elapsed: c.at.Sub(earlier.at),
	}
}

// A sample is one cell on one target in one round.
type sample struct {
	rate           float64 // commands per second
	p50, p99, p999 float64 // microseconds of a pipeline's round trip
	user, system   float64 // server CPU, microseconds per command
	generator      float64 // cores that the load generator used
}

func (s sample) cpu() float64 { return s.user + s.system }

// sample turns the counters of a window into rates and costs.
func (c counters) sample(latency *hdrhistogram.Histogram) sample {
	micros := func(percentile float64) float64 {
		return time.Duration(latency.ValueAtPercentile(percentile)).Seconds() * 1e6
	}
	perCommand := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(c.commands) }
	return sample{
		rate: float64(c.commands) / c.elapsed.Seconds(),
		p50:  micros(50), p99: micros(99), p999: micros(99.9),
		user: perCommand(c.server.user), system: perCommand(c.server.system),
		generator: c.generator.total().Seconds() / c.elapsed.Seconds(),
	}
}

// results holds samples by cell, target and round.
type results struct {
	cells   []cell
	targets []string
	samples [][][]sample
}

func newResults(cells []cell, servers []*server) *results {
	r := &results{cells: cells, samples: make([][][]sample, len(cells))}
	for _, s := range servers {
		r.targets = append(r.targets, s.name)
	}
	for i := range r.samples {
		r.samples[i] = make([][]sample, len(servers))
	}
	return r
}

func (r *results) add(cell, target int, s sample) {
	r.samples[cell][target] = append(r.samples[cell][target], s)
}

// A figure picks one number of a sample.
type figure func(sample) float64

func rateFigure(s sample) float64 { return s.rate }
func p50Figure(s sample) float64  { return s.p50 }
func p99Figure(s sample) float64  { return s.p99 }

// A column is a figure with its heading and format.
type column struct {
	title  string
	figure figure
	format string
}

// columns are the medians of a row; ratioColumns follow them.
func columns() []column {
	return []column{
		{"commands/s", rateFigure, "%.0f"},
		{"p50 µs", p50Figure, "%.0f"},
		{"p99 µs", p99Figure, "%.0f"},
		{"p99.9 µs", func(s sample) float64 { return s.p999 }, "%.0f"},
		{"CPU µs/cmd", sample.cpu, "%.2f"},
		{"user", func(s sample) float64 { return s.user }, "%.2f"},
		{"sys", func(s sample) float64 { return s.system }, "%.2f"},
		{"load cores", func(s sample) float64 { return s.generator }, "%.2f"},
	}
}

func ratioColumns() []column {
	return []column{
		{"× commands/s", rateFigure, "%.2f"},
		{"× p50", p50Figure, "%.2f"},
		{"× p99", p99Figure, "%.2f"},
		{"× CPU", sample.cpu, "%.2f"},
	}
}

// write prints the table, for a terminal or as Markdown, with its legend.
func (r *results) write(out io.Writer, markdown bool) error {
	if err := writeTable(out, r.rows(), markdown); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nMedians of %d rounds; ± is half the range of commands/s; latency is that of a whole pipeline; "+
		"× is the median of the rounds' ratios to %s.\n", r.rounds(), redisName)
	return err
}

func (r *results) rounds() int { return len(r.samples[0][0]) }

// rows is the table with its heading.
func (r *results) rows() [][]string {
	heading := []string{"command", "depth", "target"}
	for _, c := range columns() {
		heading = append(heading, c.title)
	}
	heading = slices.Insert(heading, 4, "±")
	for _, c := range ratioColumns() {
		heading = append(heading, c.title)
	}
	table := [][]string{heading}
	for i := range r.cells {
		for j := range r.targets {
			table = append(table, r.row(i, j))
		}
	}
	return table
}

func (r *results) row(cell, target int) []string {
	own := r.samples[cell][target]
	c := r.cells[cell]
	row := []string{strings.ToUpper(c.command.name), fmt.Sprint(c.depth), r.targets[target]}
	for _, col := range columns() {
		row = append(row, number(col.format, medianOf(own, col.figure)))
	}
	row = slices.Insert(row, 4, number("%.0f%%", 100*spread(own, rateFigure)))
	reference := slices.Index(r.targets, redisName)
	for _, col := range ratioColumns() {
		if target == reference {
			row = append(row, "")
			continue
		}
		row = append(row, number(col.format, ratio(own, r.samples[cell][reference], col.figure)))
	}
	return row
}

// number prints v, or a dash if it is not a number.
func number(format string, v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// median is the middle value, or the mean of the two middle ones; NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func medianOf(samples []sample, f figure) float64 { return median(pick(samples, f)) }

func pick(samples []sample, f figure) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	return values
}

// spread is half the range of a figure as a part of its median.
func spread(samples []sample, f figure) float64 {
	values := pick(samples, f)
	return (slices.Max(values) - slices.Min(values)) / 2 / median(values)
}

// ratio is the median of own to reference, round by round. Rounds in which the
// reference is 0 (a window too short for one tick of CPU time) do not count.
func ratio(own, reference []sample, f figure) float64 {
	var ratios []float64
	for i := range min(len(own), len(reference)) {
		if below := f(reference[i]); below != 0 {
			ratios = append(ratios, f(own[i])/below)
		}
	}
	return median(ratios)
}

// writeTable prints rows, the first of which is the heading.
func writeTable(out io.Writer, rows [][]string, markdown bool) error {
	if markdown {
		return writeMarkdown(out, rows)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")+"\t"); err != nil {
			return err
		}
	}
	return w.Flush()
}

func writeMarkdown(out io.Writer, rows [][]string) error {
	for i, row := range rows {
		if _, err := fmt.Fprintln(out, "| "+strings.Join(row, " | ")+" |"); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		if _, err := fmt.Fprintln(out, "|"+strings.Repeat("---|", len(row))); err != nil {
			return err
		}
	}
	return nil
}
