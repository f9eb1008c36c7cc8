// Loads that several suites share: a closed-loop bulk load in pipelines, and
// an open-loop load with a schedule.

package stress

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"respite/proto"
)

// loadOver sends n commands over several connections, each in pipelines of
// batch, and wants no error reply. Worker w sends command w, w+workers, ...
func (r *Run) loadOver(ctx context.Context, workers, n, batch int, m *meter, command func(i int) []string) error {
	return crew(ctx, workers, func(ctx context.Context, worker int) error {
		c, err := r.dialer.dial(ctx)
		if err != nil {
			return err
		}
		defer c.close()
		pending := 0
		for i := worker; i < n; i += workers {
			c.queue(command(i)...)
			pending++
			if pending < batch && i+workers < n {
				continue
			}
			if err := c.flush(); err != nil {
				return err
			}
			if err := c.drain(pending); err != nil {
				return err
			}
			m.add(pending)
			pending = 0
		}
		return nil
	})
}

// inFlight bounds the unanswered requests of one open-loop connection. A
// server that is so far behind is not measured but hung.
const inFlight = 1 << 16

// openLoop sends requests at a fixed rate from one moment to another, or until
// told to quit, but at least one on each connection: a load that was starved until
// the others were through would have seen nothing. Whatever was sent is waited for and judged.
type openLoop struct {
	*Run
	connections int
	rate        int // requests per second, all connections together
	from, until time.Time
	quit        <-chan struct{} // nil: never
	request     func(n int) []string
	check       func(proto.Value) error
	record      func(due time.Time, took time.Duration)

	sent  atomic.Int64
	late  atomic.Int64 // nanoseconds: the most by which one was sent after it was due, which is this program's doing or the machine's
	wrong tally
}

// run sends and receives until the last request is answered.
func (l *openLoop) run(ctx context.Context) error {
	return crew(ctx, l.connections, func(ctx context.Context, i int) error {
		c, err := l.dialer.dial(ctx)
		if err != nil {
			return err
		}
		defer c.close()
		due := make(chan time.Time, inFlight)
		return crew(ctx, 2, func(ctx context.Context, half int) error {
			if half == 0 {
				defer close(due)
				return l.send(ctx, c, i, due)
			}
			return l.receive(c, due)
		})
	})
}

// send keeps the schedule of one connection. Connections take turns, so that
// together they send at even distances.
func (l *openLoop) send(ctx context.Context, c *client, connection int, due chan<- time.Time) error {
	gap := time.Second / time.Duration(l.rate)
	for n := connection; ; n += l.connections {
		at := l.from.Add(time.Duration(n) * gap)
		if at.After(l.until) {
			return nil
		}
		quit := l.quit
		if n == connection {
			quit = nil
		}
		if more, err := await(ctx, at, quit); !more {
			return err
		}
		select {
		case due <- at:
		default:
			return fmt.Errorf("%d requests unanswered on one connection", inFlight)
		}
		c.queue(l.request(n)...)
		if err := c.flush(); err != nil {
			return err
		}
		l.sent.Add(1)
		l.lag(time.Since(at))
	}
}

// lag notes how late a request was sent.
func (l *openLoop) lag(d time.Duration) {
	for old := l.late.Load(); int64(d) > old && !l.late.CompareAndSwap(old, int64(d)); old = l.late.Load() {
	}
}

// await waits until a request is due; false means that none shall be sent.
func await(ctx context.Context, at time.Time, quit <-chan struct{}) (bool, error) {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, nil
	case <-quit:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// receive takes the replies in order and times each from when its request was
// due.
func (l *openLoop) receive(c *client, due <-chan time.Time) error {
	for at := range due {
		v, err := c.receive()
		if err != nil {
			return err
		}
		l.record(at, time.Since(at))
		if err := l.check(v); err != nil {
			l.wrong.add(err)
		}
	}
	return nil
}

// report says whether all replies were right, and how much of the longest latency may be for want of a processor to send in time.
func (l *openLoop) report(name string) {
	l.Check(name, l.wrong.count() == 0 && l.sent.Load() > 0, "%d sent at %d/s over %d connections, %d wrong%s",
		l.sent.Load(), l.rate, l.connections, l.wrong.count(), l.wrong.example())
	l.Note("their lateness when sent", "max %.3f ms, which is part of the latency", time.Duration(l.late.Load()).Seconds()*1e3)
}
