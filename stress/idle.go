// Suite idle: what a connection costs that has worked and now waits. Servers
// keep buffers from busy times; with ten thousand connections that is the
// memory of the machine. Like the figure of suite memory, this one wants a
// server that was just started. Needs the server's process id, because the size that
// a server reports of itself may leave buffers of the runtime out.

package stress

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// Shape of the idle load.
const (
	idleConnections = 10_000
	idleCommands    = 1000
	idleDepth       = 100
	idleWorkers     = 50
	// idleSpare is how many descriptors we need besides the connections.
	idleSpare = 64
)

func runIdle(ctx context.Context, r *Run) error {
	if r.PID == 0 {
		return errors.New("needs --pid, the process id of the server")
	}
	n := or(r.Connections, idleConnections)
	if err := raiseFileLimit(uint64(n + idleSpare)); err != nil {
		return err
	}
	before, err := residentOf(r.PID)
	if err != nil {
		return err
	}
	clients := make([]*client, n)
	defer closeAll(clients)
	if err := r.warmUp(ctx, clients); err != nil {
		return err
	}
	if !pause(ctx, r.Settle) {
		return context.Cause(ctx)
	}
	if err := r.reportIdle("soon after", n, before, 0); err != nil {
		return err
	}
	m := r.clock(ctx, "idling", r.Idle)
	rested := pause(ctx, r.Idle)
	m.finish()
	if !rested {
		return context.Cause(ctx)
	}
	if err := r.reportIdle("after "+r.Idle.String(), n, before, r.MaxBytesPerConn); err != nil {
		return err
	}
	return r.wake(ctx, clients)
}

func closeAll(clients []*client) {
	for _, c := range clients {
		if c != nil {
			c.close()
		}
	}
}

// warmUp opens every connection and lets it work.
func (r *Run) warmUp(ctx context.Context, clients []*client) error {
	m := r.meter(ctx, "connections", int64(len(clients)))
	defer m.finish()
	var wrongs tally
	// The connections outlive the crew that opens them.
	opened := ctx
	err := crew(ctx, idleWorkers, func(ctx context.Context, worker int) error {
		t := newTraffic(r.key("%d:", worker), r.rng(worker))
		for i := worker; i < len(clients) && ctx.Err() == nil; i += idleWorkers {
			c, err := r.dialer.dial(opened)
			if err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
			clients[i] = c
			for range idleCommands / idleDepth {
				wrong, broken := c.exchange(t.many(idleDepth))
				if broken != nil {
					return fmt.Errorf("connection %d: %w", i, broken)
				}
				if wrong != nil {
					wrongs.add(wrong)
				}
			}
			c.rest() // our own memory is not the point
			m.add(1)
		}
		return nil
	})
	r.Check("warm-up", err == nil && wrongs.count() == 0, "%d connections, %d commands each, %d wrong%s%s",
		m.count(), idleCommands, wrongs.count(), wrongs.example(), because(err))
	return err
}

// many makes n steps.
func (t *traffic) many(n int) []step {
	steps := make([]step, n)
	for i := range steps {
		steps[i] = t.next()
	}
	return steps
}

func (r *Run) reportIdle(when string, n int, before int64, bound int) error {
	now, err := residentOf(r.PID)
	if err != nil {
		return err
	}
	r.Note("resident size "+when, "%s to %s", size(before), size(now))
	r.boundOrNote("bytes per connection "+when, float64(now-before)/float64(n), bound)
	return nil
}

// wake asks every connection whether it is still there.
func (r *Run) wake(ctx context.Context, clients []*client) error {
	var lost tally
	var asked atomic.Int64
	err := crew(ctx, idleWorkers, func(ctx context.Context, worker int) error {
		for i := worker; i < len(clients) && ctx.Err() == nil; i += idleWorkers {
			wrong, broken := clients[i].exchange([]step{ping()})
			if err := errors.Join(wrong, broken); err != nil {
				lost.add(err)
			}
			clients[i].rest()
			asked.Add(1)
		}
		return nil
	})
	r.Check("connections alive", lost.count() == 0 && asked.Load() == int64(len(clients)), "%d of %d lost%s", lost.count(), len(clients), lost.example())
	return err
}
