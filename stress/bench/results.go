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
	repliesName = "replies only"
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

// A sample is one measurement of one target in one round.
type sample struct {
	rate           float64 // commands per second
	p50, p99, p999 float64 // microseconds of a pipeline's round trip
	mean, max      float64 // also of the round trip
	user, system   float64 // server CPU, microseconds per command
	generator      float64 // cores that the load generator used
	asked          float64 // commands per second of an open loop's schedule
	lateness       float64 // of an open loop's sending, p99 in microseconds
	perConnection  float64 // bytes of resident memory of an open connection
}

func (s sample) cpu() float64 { return s.user + s.system }

// sample turns the counters of a window into rates and costs.
func (c counters) sample(latency, lateness *hdrhistogram.Histogram) sample {
	perCommand := func(d time.Duration) float64 { return micros(d) / float64(c.commands) }
	percentile := func(h *hdrhistogram.Histogram, p float64) float64 {
		return micros(time.Duration(h.ValueAtPercentile(p)))
	}
	return sample{
		rate: float64(c.commands) / c.elapsed.Seconds(),
		p50:  percentile(latency, 50), p99: percentile(latency, 99), p999: percentile(latency, 99.9),
		mean: micros(time.Duration(latency.Mean())), max: micros(time.Duration(latency.Max())),
		user: perCommand(c.server.user), system: perCommand(c.server.system),
		generator: c.generator.total().Seconds() / c.elapsed.Seconds(),
		lateness:  percentile(lateness, 99),
	}
}

func micros(d time.Duration) float64 { return d.Seconds() * 1e6 }

// A group is rows that compare the targets in one situation.
type group struct {
	name  string   // for messages
	title string   // of the group's table; neighbours with one title share a table
	lead  []string // the first fields of its rows
}

// A layout is the form of a mode's tables.
type layout struct {
	lead    []string // headings of the groups' leads
	columns []column
	ratios  []ratioColumn
	bounds  bool // ratios are printed with their bounds
	legend  string
}

// results holds samples by group, target and round.
type results struct {
	layout  layout
	groups  []group
	targets []string
	samples [][][]sample
}

func newResults(l layout, groups []group, targets []target) *results {
	r := &results{layout: l, groups: groups, samples: make([][][]sample, len(groups))}
	for _, t := range targets {
		r.targets = append(r.targets, t.name)
	}
	for i := range r.samples {
		r.samples[i] = make([][]sample, len(targets))
	}
	return r
}

func (r *results) add(group, target int, s sample) {
	r.samples[group][target] = append(r.samples[group][target], s)
}

// A figure picks one number of a sample.
type figure func(sample) float64

func rateFigure(s sample) float64      { return s.rate }
func p50Figure(s sample) float64       { return s.p50 }
func p99Figure(s sample) float64       { return s.p99 }
func p999Figure(s sample) float64      { return s.p999 }
func meanFigure(s sample) float64      { return s.mean }
func maxFigure(s sample) float64       { return s.max }
func userFigure(s sample) float64      { return s.user }
func systemFigure(s sample) float64    { return s.system }
func generatorFigure(s sample) float64 { return s.generator }
func askedFigure(s sample) float64     { return s.asked }
func latenessFigure(s sample) float64  { return s.lateness }
func bytesFigure(s sample) float64     { return s.perConnection }

// A column is a figure with its heading and format, and what is made of the
// rounds' values: medianOf or spread.
type column struct {
	title   string
	figure  figure
	format  string
	summary func([]sample, figure) float64
}

// A ratioColumn is the ratio of a figure to redis's.
type ratioColumn struct {
	title  string
	figure figure
}

// cellLayout is the table of the throughput mode.
func cellLayout() layout {
	return layout{
		lead: []string{"command", "depth"},
		columns: []column{
			{"commands/s", rateFigure, "%.0f", medianOf},
			{"±", rateFigure, "%.0f%%", spread},
			{"p50 µs", p50Figure, "%.0f", medianOf},
			{"p99 µs", p99Figure, "%.0f", medianOf},
			{"p99.9 µs", p999Figure, "%.0f", medianOf},
			{"CPU µs/cmd", sample.cpu, "%.2f", medianOf},
			{"user", userFigure, "%.2f", medianOf},
			{"sys", systemFigure, "%.2f", medianOf},
			{"load cores", generatorFigure, "%.2f", medianOf},
		},
		ratios: []ratioColumn{
			{"× commands/s", rateFigure}, {"× p50", p50Figure}, {"× p99", p99Figure}, {"× CPU", sample.cpu},
		},
		legend: "± is half the range of commands/s; latency is that of a whole pipeline",
	}
}

// typeLayout is the table of the data types.
func typeLayout() layout {
	l := cellLayout()
	l.lead = []string{"command", "keys", "depth"}
	return l
}

// openLoopLayout is the table of one rate of the open loop.
func openLoopLayout() layout {
	return layout{
		columns: []column{
			{"asked/s", askedFigure, "%.0f", medianOf},
			{"reached/s", rateFigure, "%.0f", medianOf},
			{"p50 µs", p50Figure, "%.0f", medianOf},
			{"p99 µs", p99Figure, "%.0f", medianOf},
			{"p99.9 µs", p999Figure, "%.0f", medianOf},
			{"max µs", maxFigure, "%.0f", medianOf},
			{"sent late p99 µs", latenessFigure, "%.0f", medianOf},
			{"CPU µs/cmd", sample.cpu, "%.2f", medianOf},
		},
		ratios: []ratioColumn{{"× p50", p50Figure}, {"× p99", p99Figure}, {"× p99.9", p999Figure}},
		bounds: true,
		legend: "latency counts from when a request was due, so what the generator sent late is part of it; " +
			"after each ratio the bounds that hold its true value nine times in ten",
	}
}

// latencyLayout is the table of the single client.
func latencyLayout() layout {
	return layout{
		columns: []column{
			{"commands/s", rateFigure, "%.0f", medianOf},
			{"p50 µs", p50Figure, "%.1f", medianOf},
			{"p99 µs", p99Figure, "%.1f", medianOf},
			{"p99.9 µs", p999Figure, "%.1f", medianOf},
			{"mean µs", meanFigure, "%.1f", medianOf},
			{"CPU µs/cmd", sample.cpu, "%.2f", medianOf},
		},
		ratios: []ratioColumn{{"× p50", p50Figure}, {"× p99", p99Figure}, {"× p99.9", p999Figure}, {"× mean", meanFigure}},
		legend: "one client, which sends a GET when it has the reply to the last",
	}
}

// idleLayout is the table of the idle connections.
func idleLayout() layout {
	return layout{
		lead: []string{"connections", "active"},
		columns: []column{
			{"commands/s", rateFigure, "%.0f", medianOf},
			{"±", rateFigure, "%.0f%%", spread},
			{"p50 µs", p50Figure, "%.0f", medianOf},
			{"p99 µs", p99Figure, "%.0f", medianOf},
			{"p99.9 µs", p999Figure, "%.0f", medianOf},
			{"CPU µs/cmd", sample.cpu, "%.2f", medianOf},
			{"bytes/connection", bytesFigure, "%.0f", medianOf},
		},
		ratios: []ratioColumn{
			{"× commands/s", rateFigure},
			{"× p50", p50Figure},
			{"× p99", p99Figure},
			{"× p99.9", p999Figure},
			{"× CPU", sample.cpu},
			{"× bytes", bytesFigure},
		},
		legend: "± is half the range of commands/s; bytes are resident memory after one PING on each connection",
	}
}

// write prints the tables, for a terminal or as Markdown, with their legend.
func (r *results) write(out io.Writer, markdown bool) error {
	for from := 0; from < len(r.groups); {
		to := from + 1
		for to < len(r.groups) && r.groups[to].title == r.groups[from].title {
			to++
		}
		if err := writeTitled(out, r.groups[from].title, r.rows(from, to), markdown); err != nil {
			return err
		}
		from = to
	}
	_, err := fmt.Fprintf(out, "Medians of %d rounds; %s; × is the median of the rounds' ratios to %s.\n",
		r.rounds(), r.layout.legend, redisName)
	return err
}

// writeTitled prints a table under its title, if it has one, and a blank line.
func writeTitled(out io.Writer, title string, rows [][]string, markdown bool) error {
	if title != "" {
		if _, err := fmt.Fprintf(out, "%s:\n\n", title); err != nil {
			return err
		}
	}
	if err := writeTable(out, rows, markdown); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out)
	return err
}

func (r *results) rounds() int { return len(r.samples[0][0]) }

// rows is the table of the groups in [from, to) with its heading.
func (r *results) rows(from, to int) [][]string {
	heading := append(slices.Clone(r.layout.lead), "target")
	for _, c := range r.layout.columns {
		heading = append(heading, c.title)
	}
	for _, c := range r.layout.ratios {
		heading = append(heading, c.title)
	}
	table := [][]string{heading}
	for i := from; i < to; i++ {
		for j := range r.targets {
			table = append(table, r.row(i, j))
		}
	}
	return table
}

func (r *results) row(group, target int) []string {
	own := r.samples[group][target]
	row := append(slices.Clone(r.groups[group].lead), r.targets[target])
	for _, col := range r.layout.columns {
		row = append(row, number(col.format, col.summary(own, col.figure)))
	}
	reference := slices.Index(r.targets, redisName)
	for _, col := range r.layout.ratios {
		if target == reference {
			row = append(row, "")
			continue
		}
		of := ratiosOf(own, r.samples[group][reference], col.figure)
		text := number("%.2f", median(of))
		if low, high := bounds(of); r.layout.bounds && len(of) > 1 {
			text += fmt.Sprintf(" (%.2f to %.2f)", low, high)
		}
		row = append(row, text)
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

// spread is half the range of a figure in percent of its median.
func spread(samples []sample, f figure) float64 {
	values := pick(samples, f)
	return 100 * (slices.Max(values) - slices.Min(values)) / 2 / median(values)
}

// ratiosOf are those of own to reference, round by round. Rounds in which the reference is 0 (a window too short for one tick of CPU time)
// do not count.
func ratiosOf(own, reference []sample, f figure) (ratios []float64) {
	for i := range min(len(own), len(reference)) {
		if below := f(reference[i]); below != 0 {
			ratios = append(ratios, f(own[i])/below)
		}
	}
	return ratios
}

// bounds hold the median of what the values are drawn from nine times in ten: how many of n values are below it is binomial, so within
// 1.645 times its deviation of √n/2 about n/2. Of few values they are the least and the greatest.
func bounds(values []float64) (low, high float64) {
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := float64(len(sorted))
	out := max(0, int((n-1.645*math.Sqrt(n))/2))
	return sorted[out], sorted[len(sorted)-1-out]
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
