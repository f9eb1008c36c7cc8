// The throughput mode. All servers run from beginning to end; a cell is
// measured on one target after the other, again in every round, so that what
// happens on the machine meanwhile meets all targets alike and the medians are
// comparable.

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	// slack bounds a run: it is cut off after slack times what it should take.
	slack      = 3
	startAllow = time.Minute
)

// errTooLong ends a run that hangs in some way that no other limit catches.
var errTooLong = errors.New("the run takes far longer than planned")

// runThroughput measures every cell on every target and prints the table.
func runThroughput(ctx context.Context, o *options, out, progress io.Writer) (err error) {
	targets := o.targets()
	total := o.duration(len(targets))
	fmt.Fprintf(progress, "%d cells x %d targets x %d rounds x %s: about %s\n",
		len(o.cells), len(targets), o.rounds, o.warmUp+o.measure, total.Round(time.Second))
	ctx, cancel := context.WithTimeoutCause(ctx, slack*total+startAllow, errTooLong)
	defer cancel()
	servers, err := startAll(ctx, targets)
	defer func() { err = errors.Join(err, stopAll(servers)) }()
	if err != nil {
		return err
	}
	values, order := newValuePool(valueSize), shuffled(benchKeys)
	for _, s := range servers {
		if err := o.preload(ctx, s.port, order, values); err != nil {
			return fmt.Errorf("preload %s: %w", s.name, err)
		}
	}
	res, err := o.measureAll(ctx, servers, order, values, progress)
	if err != nil {
		return err
	}
	return res.write(out, o.markdown)
}

// targets are compared with the one called redis, see results.
func (o *options) targets() []target {
	return []target{redisLike(respiteName, o.respite), redisLike(redisName, o.redis), repliesOnly(o.self)}
}

// duration is how long all rounds take, preloading aside.
func (o *options) duration(targets int) time.Duration {
	return time.Duration(len(o.cells)*targets*o.rounds) * (o.warmUp + o.measure)
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

// measureAll runs the rounds: target after target within a cell, cell after
// cell within a round.
func (o *options) measureAll(ctx context.Context, servers []*server, order []uint32, values *valuePool, progress io.Writer) (*results, error) {
	res := newResults(o.cells, servers)
	tapes := map[string]*tape{}
	for _, c := range o.cells {
		if tapes[c.command.name] == nil {
			tapes[c.command.name] = newTape(c.command, order, values)
		}
	}
	for round := range o.rounds {
		for i, c := range o.cells {
			for j, s := range servers {
				got, err := o.measureCell(ctx, s, c, tapes[c.command.name])
				if err != nil {
					return nil, fmt.Errorf("%s on %s: %w", c, s.name, err)
				}
				res.add(i, j, got)
				fmt.Fprintf(progress, "round %d/%d  %-8s  %-12s  %9.0f commands/s\n", round+1, o.rounds, c, s.name, got.rate)
			}
		}
	}
	return res, nil
}

// measureCell opens new connections, warms up and measures once.
func (o *options) measureCell(ctx context.Context, s *server, c cell, t *tape) (sample, error) {
	run, err := o.loader(s.port, c.command.reply, newTapeFeed(t, c.depth, o.clients)).begin()
	if err != nil {
		return sample{}, err
	}
	got, err := o.window(ctx, run, s.pid, uint64(o.clients*c.depth))
	if err := errors.Join(err, run.finish()); err != nil {
		return sample{}, err
	}
	return got.sample(run.latency()), nil
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
	run.record.Store(true)
	for enough := false; !enough; enough = run.answered()-before.commands >= least {
		if err := run.pause(ctx, o.measure); err != nil {
			return counters{}, err
		}
	}
	run.record.Store(false)
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
