// Rounds, and the throughput mode, which is the plainest use of them. All
// servers run from beginning to end; a cell is measured on one target after the
// other, again in every round, so that what happens on the machine meanwhile
// meets all targets alike and the medians are comparable.

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// slack bounds a run: it is cut off after slack times what it should take, and startAllow for starting and loading
	// servers on a machine that is busy with something else.
	slack      = 3
	startAllow = 5 * time.Minute
)

// errTooLong ends a run that hangs in some way that no other limit catches.
var errTooLong = errors.New("the run takes far longer than planned")

// runThroughput measures every cell on every target and prints the table.
func runThroughput(ctx context.Context, o *options, out, progress io.Writer) error {
	if o.set == typeSet {
		return runTypes(ctx, o, out, progress)
	}
	total := o.duration(len(o.cells) * len(o.targets))
	fmt.Fprintf(progress, "%d cells x %d targets x %d rounds x %s: about %s\n",
		len(o.cells), len(o.targets), o.rounds, o.warmUp+o.measure, total.Round(time.Second))
	return o.onServers(ctx, total, func(ctx context.Context, servers []*server, data *testData) error {
		var groups []group
		for _, c := range o.cells {
			groups = append(groups, group{name: c.String(), lead: []string{strings.ToUpper(c.command.name), strconv.Itoa(c.depth)}})
		}
		res := newResults(cellLayout(), groups, o.targets)
		err := o.alternate(res, progress, func(cell, target int) (sample, error) {
			c := o.cells[cell]
			return o.measureCell(ctx, servers[target], c, data.tape(c.command))
		})
		if err != nil {
			return err
		}
		return res.write(out, o.markdown)
	})
}

// duration is how long the rounds of so many measurements take.
func (o *options) duration(measurements int) time.Duration {
	return time.Duration(measurements*o.rounds) * (o.warmUp + o.measure)
}

// testData is what the servers are loaded with and asked for.
type testData struct {
	order  []uint32
	values *valuePool
	tapes  map[string]*tape // by command
}

func newTestData() *testData {
	return &testData{order: shuffled(benchKeys), values: newValuePool(valueSize), tapes: map[string]*tape{}}
}

// tape has the requests of one command; it is written once.
func (d *testData) tape(c command) *tape {
	if d.tapes[c.name] == nil {
		d.tapes[c.name] = newTape(c, d.order, d.values)
	}
	return d.tapes[c.name]
}

// onServers starts and loads all targets, has them measured, which should take
// total, and stops them.
func (o *options) onServers(ctx context.Context, total time.Duration,
	measure func(context.Context, []*server, *testData) error,
) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, slack*total+startAllow, errTooLong)
	defer cancel()
	servers, err := startAll(ctx, o.targets)
	defer func() { err = errors.Join(err, stopAll(servers)) }()
	if err != nil {
		return err
	}
	data := newTestData()
	for _, s := range servers {
		if err := o.preload(ctx, s.port, data.order, data.values); err != nil {
			return fmt.Errorf("preload %s: %w", s.name, err)
		}
	}
	return measure(ctx, servers, data)
}

// startAll starts the targets in order; what it returns has to be stopped,
// error or not.
func startAll(ctx context.Context, targets []target) (servers []*server, err error) {
	for _, t := range targets {
		s, err := t.start(ctx)
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

func stopAll(servers []*server) (err error) {
	for _, s := range servers {
		err = errors.Join(err, s.stop())
	}
	return err
}

// preload gives a server the keys that the cells read and overwrite.
func (o *options) preload(ctx context.Context, port int, order []uint32, values *valuePool) error {
	if err := o.loader(port, lineShape("+OK"), newLoadFeed(setRequest, order, values, o.clients)).drain(ctx); err != nil {
		return err
	}
	return o.loader(port, integerShape(), newLoadFeed(incrRequest, order, values, o.clients)).drain(ctx)
}

// progressLine is what is said of each measurement: its round, the rounds, cell, target and rate.
const progressLine = "round %d/%d  %-8s  %-18s  %9.0f commands/s\n"

// alternate runs the rounds: target after target within a group, group after
// group within a round.
func (o *options) alternate(res *results, progress io.Writer, measure func(group, target int) (sample, error)) error {
	for round := range o.rounds {
		for i, g := range res.groups {
			for j, name := range res.targets {
				got, err := measure(i, j)
				if err != nil {
					return fmt.Errorf("%s on %s: %w", g.name, name, err)
				}
				res.add(i, j, got)
				fmt.Fprintf(progress, progressLine, round+1, o.rounds, g.name, name, got.rate)
			}
		}
	}
	return nil
}

// measureCell opens new connections, warms up and measures once.
func (o *options) measureCell(ctx context.Context, s *server, c cell, t *tape) (sample, error) {
	return o.measureLoad(ctx, s, o.loader(s.port, c.command.reply, newTapeFeed(t, c.depth, o.clients)), uint64(o.clients*c.depth))
}

// measureLoad warms a load up and measures it once, over least commands or more.
func (o *options) measureLoad(ctx context.Context, s *server, l load, least uint64) (sample, error) {
	run, err := l.begin()
	if err != nil {
		return sample{}, err
	}
	got, err := o.window(ctx, run, s.pid, least)
	if err := errors.Join(err, run.finish()); err != nil {
		return sample{}, err
	}
	return got.sample(run.histograms()), nil
}

// window lets the load run for the warm-up and the measured time and returns
// what happened in the latter. On a machine so busy that fewer than least
// commands were answered, latencies would mean nothing, so it goes on.
func (o *options) window(ctx context.Context, run *runningLoad, pid int, least uint64) (counters, error) {
	if err := run.pause(ctx, o.warmUp); err != nil {
		return counters{}, err
	}
	before, err := readCounters(run, pid)
	if err != nil {
		return counters{}, err
	}
	run.window.open(run.now())
	for enough := false; !enough; enough = run.answered()-before.commands >= least {
		if err := run.pause(ctx, o.measure); err != nil {
			return counters{}, err
		}
	}
	run.window.close(run.now())
	after, err := readCounters(run, pid)
	if err != nil {
		return counters{}, err
	}
	return after.minus(before), nil
}

// pause waits, unless a loop fails or ctx is cancelled.
func (r *runningLoad) pause(ctx context.Context, d time.Duration) error {
	select {
	case err := <-r.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// readCounters reads time, commands and CPU use as closely together as it can.
func readCounters(run *runningLoad, pid int) (c counters, err error) {
	if c.server, err = readCPU(pid); err != nil {
		return c, err
	}
	if c.generator, err = readCPU(os.Getpid()); err != nil {
		return c, err
	}
	c.commands, c.at = run.answered(), time.Now()
	return c, nil
}
