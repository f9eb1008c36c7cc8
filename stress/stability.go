// Suite stability: continuous mixed traffic whose every reply is known in
// advance, from many connections that also come and go, beside connections
// that send malformed frames. Not one reply may be wrong, and the server must
// hold afterwards about what it held before.

package stress

import (
	"context"
	"sync/atomic"
	"time"
)

// Shape of the stability load.
const (
	stabilityConnections = 20
	stabilityOffenders   = 2 // connections that send malformed frames, among them
	pipelineEvery        = 8 // one exchange in so many is a pipeline
	pipelineLongest      = 50
	reconnectEvery       = 500 // exchanges, on average
	offendEvery          = 20 * time.Millisecond
	// stabilityLeast is how many exchanges a worker has made when it is through, even if the time was over before: a run on a
	// machine that is busy with something else must not pass for having checked nothing.
	stabilityLeast = 50
)

// stability is what the workers share.
type stability struct {
	*Run
	single    *latency
	pipelined *latency
	commands  atomic.Int64
	redials   atomic.Int64
	frames    atomic.Int64
	wrong     tally // replies
	broken    tally // connections
	mishandle tally // malformed frames
}

func runStability(ctx context.Context, r *Run) error {
	watch, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer watch.close()
	before, err := r.footprint(watch)
	if err != nil {
		return err
	}
	s := &stability{Run: r, single: newLatency(), pipelined: newLatency()}
	err = s.load(ctx)
	s.report()
	if err != nil {
		return err
	}
	if err := r.sweep(ctx); err != nil {
		return err
	}
	return r.checkGrowth(ctx, watch, before)
}

// load keeps all connections busy for the duration. What goes wrong is
// counted, so that one fault does not end the run.
func (s *stability) load(ctx context.Context) error {
	m := s.clock(ctx, "mixed traffic", s.Duration)
	defer m.finish()
	ends := time.Now().Add(s.Duration)
	return crew(ctx, or(s.Connections, stabilityConnections), func(ctx context.Context, i int) error {
		if i < stabilityOffenders {
			s.offendUntil(ctx, ends, i)
			return nil
		}
		s.work(ctx, ends, i)
		return nil
	})
}

// work keeps one worker's traffic going over one connection after another. A
// connection that broke leaves it unknown which commands ran, so the model
// starts over on other keys.
func (s *stability) work(ctx context.Context, ends time.Time, worker int) {
	rng := s.rng(worker)
	t := newTraffic(s.key("%d:0:", worker), rng)
	least := stabilityLeast
	for life := 1; ctx.Err() == nil && (life == 1 || time.Now().Before(ends)); life++ {
		err := s.life(ctx, t, ends, least)
		least = 0
		if err != nil {
			s.fault(ctx, &s.broken, err)
			t = newTraffic(s.key("%d:%d:", worker, life), rng)
			pause(ctx, redialPause)
		}
	}
}

// redialPause keeps a server that refuses connections from being hammered.
const redialPause = 100 * time.Millisecond

// life is one connection from dial to close, and at least so many exchanges.
func (s *stability) life(ctx context.Context, t *traffic, ends time.Time, least int) error {
	c, err := s.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	s.redials.Add(1)
	for n := 0; n < least || t.rng.IntN(reconnectEvery) > 0 && time.Now().Before(ends); n++ {
		if err := s.turn(ctx, c, t); err != nil {
			return err
		}
	}
	return nil
}

// turn is one exchange: a single command or a pipeline.
func (s *stability) turn(ctx context.Context, c *client, t *traffic) error {
	n, hist := 1, s.single
	if t.rng.IntN(pipelineEvery) == 0 {
		n, hist = 2+t.rng.IntN(pipelineLongest-1), s.pipelined
	}
	steps := make([]step, n)
	for i := range steps {
		steps[i] = t.next()
	}
	start := time.Now()
	wrong, broken := c.exchange(steps)
	if broken != nil {
		return broken
	}
	hist.record(time.Since(start))
	s.commands.Add(int64(n))
	if wrong != nil {
		s.fault(ctx, &s.wrong, wrong)
	}
	return nil
}

// offendUntil sends malformed frames, each on a connection of its own, and at least one.
func (s *stability) offendUntil(ctx context.Context, ends time.Time, first int) {
	frames := malformed()
	for i := first; i == first || time.Now().Before(ends); i++ {
		if err := s.offend(ctx, frames[i%len(frames)]); err != nil {
			s.fault(ctx, &s.mishandle, err)
		}
		s.frames.Add(1)
		if !pause(ctx, offendEvery) {
			return
		}
	}
}

// fault counts an error, unless it is only the end of the run.
func (s *stability) fault(ctx context.Context, kind *tally, err error) {
	if ctx.Err() == nil {
		kind.add(err)
	}
}

func (s *stability) report() {
	commands, frames, redials := s.commands.Load(), s.frames.Load(), s.redials.Load()
	s.Bound("commands", commands >= int64(s.MinCommands), "%d in %s, bound %d", commands, s.Duration, s.MinCommands)
	s.Check("wrong replies", s.wrong.count() == 0 && commands > 0, "%d of %d%s", s.wrong.count(), commands, s.wrong.example())
	s.Check("broken connections", s.broken.count() == 0 && redials > 0, "%d of %d%s", s.broken.count(), redials, s.broken.example())
	s.Check("malformed frames refused", s.mishandle.count() == 0 && frames > 0, "%d of %d mishandled%s", s.mishandle.count(), frames, s.mishandle.example())
	s.Note("latency of single commands", "%s", s.single)
	s.Note("latency of pipelines", "%s", s.pipelined)
}
