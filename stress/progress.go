// Progress for people who wait. A bar is drawn on stderr when that is a
// terminal or when asked for; otherwise a meter only counts.

package stress

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// redrawEvery is how often a bar is drawn; workers only add to a counter.
const redrawEvery = 200 * time.Millisecond

// meter counts the work done towards a total.
type meter struct {
	done  atomic.Int64
	timed atomic.Bool // every redraw is a step
	stop  context.CancelFunc
	gone  chan struct{}
}

// meter starts a bar for total steps. The caller ends it with finish.
func (r *Run) meter(ctx context.Context, what string, total int64) *meter {
	ctx, cancel := context.WithCancel(ctx)
	m := &meter{stop: cancel, gone: make(chan struct{})}
	bar := progressbar.NewOptions64(
		total,
		progressbar.OptionSetDescription(r.suite.Name+": "+what),
		progressbar.OptionSetWriter(r.screen),
		progressbar.OptionSetVisibility(r.visible),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
	)
	go m.draw(ctx, bar)
	return m
}

// clock starts a bar that fills by itself over d.
func (r *Run) clock(ctx context.Context, what string, d time.Duration) *meter {
	m := r.meter(ctx, what, max(1, int64(d/redrawEvery)))
	m.timed.Store(true)
	return m
}

func (m *meter) add(n int) { m.done.Add(int64(n)) }

func (m *meter) count() int64 { return m.done.Load() }

// finish takes the bar off the screen and waits for its goroutine.
func (m *meter) finish() {
	m.stop()
	<-m.gone
}

func (m *meter) draw(ctx context.Context, bar *progressbar.ProgressBar) {
	defer close(m.gone)
	defer bar.Finish() //nolint:errcheck // nothing to do when the screen is gone
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if m.timed.Load() {
				m.add(1)
			}
			_ = bar.Set64(m.done.Load())
		}
	}
}
