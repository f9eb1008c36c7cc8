// Suite backlog: a client that sends very many requests before it reads the
// first reply. The server must neither stop reading (the two would wait for
// each other for ever) nor let others wait; when its output limit is set lower
// than the backlog, it must cut this client off and nobody else.

package stress

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Shape of the backlog load.
const (
	backlogCount    = 1_000_000
	backlogValue    = 1024
	backlogBatch    = 1000 // requests per write
	backlogRate     = 200  // requests per second of the bystanders
	backlogWatchers = 4
	backlogLongest  = 30 * time.Minute
)

// The setting that --limit changes, and what it is set to for the while.
const (
	outputLimit      = "client-output-buffer-limit"
	outputLimitTight = "normal 16mb 0 0"
)

// backlog carries the state of the suite.
type backlog struct {
	*Run
	count   int
	value   string
	started time.Time
	wrote   time.Duration
	total   time.Duration
}

func runBacklog(ctx context.Context, r *Run) error {
	b := &backlog{Run: r, count: or(r.Count, backlogCount), value: strings.Repeat("b", or(r.ValueSize, backlogValue))}
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := c.ask("SET", b.hot(), b.value); err != nil {
		return err
	}
	if r.Limit {
		return b.limited(ctx, c)
	}
	return b.besides(ctx, b.flood)
}

func (b *backlog) hot() string { return b.key("hot") }

// besides runs the flood while bystanders are measured. When the flood is
// through they send nothing more, but what they asked must still be answered.
func (b *backlog) besides(ctx context.Context, flood func(context.Context) error) error {
	seen := newLatency()
	done := make(chan struct{})
	load := &openLoop{
		Run: b.Run, connections: backlogWatchers, rate: or(b.Rate, backlogRate),
		from: time.Now(), until: time.Now().Add(backlogLongest), quit: done,
		request: func(int) []string { return []string{"GET", b.hot()} },
		check:   wantText(b.value),
		record:  func(_ time.Time, took time.Duration) { seen.record(took) },
	}
	err := crew(ctx, 2, func(ctx context.Context, i int) error {
		if i == 0 {
			return load.run(ctx)
		}
		defer close(done)
		return flood(ctx)
	})
	if err != nil {
		return err
	}
	load.report("bystanders")
	b.Bound("their latency", seen.within(100, b.MaxLatency), "%s, bound max %s", seen, b.MaxLatency)
	return nil
}

// flood writes every request, then reads every reply.
func (b *backlog) flood(ctx context.Context) error {
	c, err := b.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	b.started = time.Now()
	sent, err := b.send(ctx, c)
	b.wrote = time.Since(b.started)
	b.Check("requests written before the first read", err == nil, "%d of %d in %.2f s%s", sent, b.count, b.wrote.Seconds(), because(err))
	if err != nil {
		return nil // the check has told it
	}
	read, err := b.readAll(ctx, c)
	b.total = time.Since(b.started)
	b.Check("replies read and right", err == nil, "%d of %d, %s, %.2f s in all%s",
		read, b.count, size(int64(read)*int64(len(b.value))), b.total.Seconds(), because(err))
	return nil
}

// send writes all requests and reads nothing.
func (b *backlog) send(ctx context.Context, c *client) (int, error) {
	m := b.meter(ctx, "writing", int64(b.count))
	defer m.finish()
	sent := 0
	for sent < b.count {
		n := min(backlogBatch, b.count-sent)
		for range n {
			c.queue("GET", b.hot())
		}
		if err := c.flush(); err != nil {
			return sent, err
		}
		sent += n
		m.add(n)
	}
	return sent, nil
}

// readAll reads a reply for every request and compares each.
func (b *backlog) readAll(ctx context.Context, c *client) (int, error) {
	m := b.meter(ctx, "reading", int64(b.count))
	defer m.finish()
	want := wantText(b.value)
	for i := range b.count {
		v, err := c.receive()
		if err != nil {
			return i, err
		}
		if err := want(v); err != nil {
			return i, fmt.Errorf("reply %d: %w", i, err)
		}
		m.add(1)
	}
	return b.count, nil
}

// limited tightens the output limit, floods, and puts the limit back whatever
// happens in between.
func (b *backlog) limited(ctx context.Context, c *client) (err error) {
	v, err := c.ask("CONFIG", "GET", outputLimit)
	if err != nil {
		return err
	}
	old := v.Elems
	if len(old) != 2 {
		return fmt.Errorf("CONFIG GET %s: want a name and a value, got %s", outputLimit, describe(v))
	}
	if _, err := c.ask("CONFIG", "SET", outputLimit, outputLimitTight); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.restore(ctx, string(old[1].Str))) }()
	return b.besides(ctx, b.floodUntilCut)
}

// restore sets the limit back, even after an interrupt.
func (b *backlog) restore(ctx context.Context, old string) error {
	c, err := b.dialer.dial(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	defer c.close()
	_, err = c.ask("CONFIG", "SET", outputLimit, old)
	return err
}

// floodUntilCut wants the connection to end before all replies are through.
func (b *backlog) floodUntilCut(ctx context.Context) error {
	c, err := b.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	b.started = time.Now()
	sent, writeErr := b.send(ctx, c)
	read, readErr := b.readAll(ctx, c)
	cut := readErr != nil && ctx.Err() == nil && !timedOut(readErr)
	b.Check("cut off at the output limit", cut, "%s: %d of %d requests written, %d replies read, %.2f s%s",
		outputLimitTight, sent, b.count, read, time.Since(b.started).Seconds(), because(errors.Join(writeErr, readErr)))
	return nil
}
