// Suite fuzz: hostile bytes on many connections, while a few well-behaved
// clients go on checking that their reads and writes are right and quick. What
// the hostile connections are answered does not matter; that the others do not
// notice, and that the server is as it was afterwards, does. However little of
// the time we get ourselves, each connection does something: a run without
// hostile bytes or without checks has shown nothing, and fails.
//
// A mutated write may name a key outside the suite's prefix, or lose its
// deadline: the report counts such strays, and nothing removes them. Fuzz a
// server whose data you can do without.

package stress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Shape of the fuzz load.
const (
	fuzzConnections = 50
	fuzzCheckers    = 4
	fuzzPause       = time.Millisecond // between chunks of one connection
	fuzzRestart     = 200              // chunks, on average, before a connection is given up
	checkerPause    = 2 * time.Millisecond
)

// fuzz is what the workers share.
type fuzz struct {
	*Run
	seen   *latency
	chunks atomic.Int64
	bytes  atomic.Int64
	dials  atomic.Int64
	checks atomic.Int64
	faults tally
}

func runFuzz(ctx context.Context, r *Run) error {
	watch, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer watch.close()
	before, err := r.footprint(watch)
	if err != nil {
		return err
	}
	keys, err := watch.askInt("DBSIZE")
	if err != nil {
		return err
	}
	f := &fuzz{Run: r, seen: newLatency()}
	err = f.load(ctx)
	f.report()
	if err != nil {
		return err
	}
	if err := f.aftermath(ctx); err != nil {
		return err
	}
	if err := f.countStrays(ctx, watch, keys); err != nil {
		return err
	}
	return r.checkGrowth(ctx, watch, before)
}

// load runs hostile and well-behaved connections side by side.
func (f *fuzz) load(ctx context.Context) error {
	m := f.clock(ctx, "hostile bytes", f.Duration)
	defer m.finish()
	ends := time.Now().Add(f.Duration)
	hostile := or(f.Connections, fuzzConnections)
	return crew(ctx, hostile+fuzzCheckers, func(ctx context.Context, i int) error {
		if i < hostile {
			f.attack(ctx, ends, i)
			return nil
		}
		return f.behave(ctx, ends, i)
	})
}

// attack opens one hostile connection after another. Errors are expected: the
// server is right to hang up.
func (f *fuzz) attack(ctx context.Context, ends time.Time, worker int) {
	m := &mutator{rng: f.rng(worker), prefix: f.key("hostile:"), guard: newGuard()}
	for first := true; ctx.Err() == nil && (first || time.Now().Before(ends)); first = false {
		m.guard.reset()
		if err := f.attackOnce(ctx, ends, m); err != nil && !pause(ctx, redialPause) {
			return
		}
	}
}

// attackOnce is one hostile connection; the error is that of the dial.
func (f *fuzz) attackOnce(ctx context.Context, ends time.Time, m *mutator) error {
	c, err := f.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	f.dials.Add(1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, c.conn)
	}()
	for more := true; more; {
		more = f.send(ctx, c, m.next(), drained) && m.rng.IntN(fuzzRestart) > 0 && time.Now().Before(ends)
	}
	c.close()
	<-drained
	return nil
}

// send writes one chunk; false means that the connection has had its time. A
// server that hung up may still swallow what is written, so the end of its
// replies counts as well.
func (f *fuzz) send(ctx context.Context, c *client, chunk []byte, drained <-chan struct{}) bool {
	if _, err := c.conn.Write(chunk); err != nil {
		return false
	}
	f.chunks.Add(1)
	f.bytes.Add(int64(len(chunk)))
	select {
	case <-drained:
		return false
	default:
		return pause(ctx, fuzzPause)
	}
}

// behave is a client that minds its own business: every reply must be right.
// It checks at least once, even if its turn comes when the time is over.
func (f *fuzz) behave(ctx context.Context, ends time.Time, worker int) error {
	c, err := f.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for i := 0; i == 0 || time.Now().Before(ends); i++ {
		key, value := f.key("checker:%d:%d", worker, i%100), fmt.Sprintf("%d-%d", worker, i)
		start := time.Now()
		wrong, broken := c.exchange([]step{
			{[]string{"SET", key, value}, wantText("OK")},
			{[]string{"GET", key}, wantText(value)},
		})
		if broken != nil {
			return fmt.Errorf("a well-behaved client was cut off: %w", broken)
		}
		f.seen.record(time.Since(start))
		f.checks.Add(1)
		if wrong != nil {
			f.faults.add(wrong)
		}
		if !pause(ctx, checkerPause) {
			return nil
		}
	}
	return nil
}

func (f *fuzz) report() {
	chunks, checks := f.chunks.Load(), f.checks.Load()
	f.Check("hostile load", chunks > 0, "%d chunks, %s, %d connections", chunks, size(f.bytes.Load()), f.dials.Load())
	f.Check("well-behaved clients", f.faults.count() == 0 && checks > 0, "%d of %d wrong%s", f.faults.count(), checks, f.faults.example())
	f.Bound("their latency", f.seen.within(100, f.MaxLatency), "%s, bound max %s", f.seen, f.MaxLatency)
}

// aftermath asks whether the server still accepts and answers.
func (f *fuzz) aftermath(ctx context.Context) error {
	c, err := f.dialer.dial(ctx)
	if err != nil {
		return fmt.Errorf("the server does not accept connections any more: %w", err)
	}
	defer c.close()
	wrong, broken := c.exchange([]step{
		ping(),
		{[]string{"SET", f.key("after"), "all"}, wantText("OK")},
		{[]string{"GET", f.key("after")}, wantText("all")},
	})
	if err := errors.Join(wrong, broken); err != nil {
		return fmt.Errorf("the server does not answer any more: %w", err)
	}
	f.Check("the server still answers", true, "PING, SET, GET")
	return nil
}

// countStrays notes the keys that mutated writes left where no sweep finds
// them.
func (f *fuzz) countStrays(ctx context.Context, watch *client, before int64) error {
	if err := f.sweep(ctx); err != nil {
		return err
	}
	after, err := watch.askInt("DBSIZE")
	if err != nil {
		return err
	}
	f.Note("stray keys", "%d", after-before)
	return nil
}
