// Measuring the data types: cell after cell, and within a cell round after round on one target after the other, so that
// what happens on the machine meanwhile meets all targets alike. Cells do not share data: each begins with an empty server.

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	// A measurement counts from the warmth-th part of its requests on, up to the same part before its end, where clients are done
	// one after the other.
	warmth    = 10
	pollCount = 200 * time.Microsecond
	// slowestType, in requests a second, bounds the time of a run, preparations included.
	slowestType = 1_000
)

// runTypes measures every cell of the data types on every target and prints the table.
func runTypes(ctx context.Context, o *options, out, progress io.Writer) (err error) {
	limit := startAllow
	for _, c := range o.typeCells {
		limit += time.Duration(len(o.targets)) * (startAllow + time.Duration(o.rounds*c.requests)*time.Second/slowestType)
	}
	fmt.Fprintf(progress, "%d cells x %d targets x %d rounds\n", len(o.typeCells), len(o.targets), o.rounds)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer cancel()
	servers, err := startAll(ctx, o.targets)
	defer func() { err = errors.Join(err, stopAll(servers)) }()
	if err != nil {
		return err
	}
	var groups []group
	for _, c := range o.typeCells {
		lead := []string{strings.ToUpper(c.command.name), string(c.spread), fmt.Sprint(c.depth)}
		groups = append(groups, group{name: c.String(), lead: lead})
	}
	res := newResults(typeLayout(), groups, o.targets)
	for i, c := range o.typeCells {
		err := o.runTypeCell(ctx, servers, c, func(round, target int, got sample) {
			res.add(i, target, got)
			fmt.Fprintf(progress, progressLine, round+1, o.rounds, c, o.targets[target].name, got.rate)
		})
		if err != nil {
			return err
		}
	}
	return res.write(out, o.markdown)
}

// runTypeCell measures one cell on all servers, which are empty again afterwards.
func (o *options) runTypeCell(ctx context.Context, servers []*server, c typeCell, add func(round, target int, got sample)) error {
	played := newTape(command{keys: 1, request: c.write}, shuffled(c.requests), nil)
	for round := range o.rounds {
		for i, s := range servers {
			if round == 0 || c.command.spends {
				if err := o.prepare(ctx, s, c); err != nil {
					return fmt.Errorf("prepare %s for %s: %w", s.name, c, err)
				}
			}
			got, err := o.measureRequests(ctx, s, o.loader(s.port, c.command.reply, newOnceFeed(played, c.depth, o.clients)), c.requests)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", c, s.name, err)
			}
			add(round, i, got)
		}
	}
	for _, s := range servers {
		if err := o.empty(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// prepare gives a server the data that a cell needs, nothing else, and a moment to tidy up.
func (o *options) prepare(ctx context.Context, s *server, c typeCell) error {
	if err := o.empty(ctx, s); err != nil {
		return err
	}
	for _, step := range c.fillings() {
		feed := newLoadFeed(step.request, shuffled(step.requests), nil, o.clients)
		if err := o.loader(s.port, integerShape(), feed).drain(ctx); err != nil {
			return err
		}
	}
	return sleep(ctx, o.warmUp)
}

// empty removes all keys of a server.
func (o *options) empty(ctx context.Context, s *server) error {
	one := *o
	one.clients, one.threads = 1, 1
	return one.loader(s.port, lineShape("+OK"), newLoadFeed(flushRequest, shuffled(1), nil, 1)).drain(ctx)
}

// measureRequests plays a load that ends after so many requests and measures it without its beginning and its end.
func (o *options) measureRequests(ctx context.Context, s *server, l load, requests int) (sample, error) {
	run, err := l.begin()
	if err != nil {
		return sample{}, err
	}
	got, err := run.between(ctx, s.pid, uint64(requests/warmth), uint64(requests-requests/warmth))
	if err := errors.Join(err, run.finish()); err != nil {
		return sample{}, err
	}
	return got.sample(run.histograms()), nil
}

// between is what happens from the moment when from requests are answered until to are.
func (r *runningLoad) between(ctx context.Context, pid int, from, to uint64) (counters, error) {
	var at [2]counters
	for i, n := range []uint64{from, to} {
		for r.answered() < n {
			if err := r.pause(ctx, pollCount); err != nil {
				return counters{}, err
			}
		}
		var err error
		if at[i], err = readCounters(r, pid); err != nil {
			return counters{}, err
		}
		if i == 0 {
			r.window.open(r.now())
		} else {
			r.window.close(r.now())
		}
	}
	return at[1].minus(at[0]), nil
}

// A onceFeed plays a tape once: its pipelines are dealt out to the clients in turn.
type onceFeed struct {
	tape     *tape
	depth    int
	position []int // by client, of its next pipeline
}

func newOnceFeed(t *tape, depth, clients int) *onceFeed {
	f := &onceFeed{tape: t, depth: depth, position: make([]int, clients)}
	for i := range f.position {
		f.position[i] = i
	}
	return f
}

func (f *onceFeed) next(client int) ([]byte, int) {
	first := f.position[client] * f.depth
	n := min(f.depth, len(f.tape.ends)-first)
	if n <= 0 {
		return nil, 0
	}
	f.position[client] += len(f.position)
	return f.tape.slice(first, n), n
}
