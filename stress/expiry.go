// Suite expiry: very many keys whose deadlines lie in the same second, and an
// open-loop load of reads on keys that stay. Open loop means that requests are
// sent when they are due, whether or not earlier ones were answered, and
// latency counts from when a request was due: a server that stalls for 50 ms
// shows it in every request of those 50 ms, not in one. The resident size says
// most about a server that was just started.

package stress

import (
	"context"
	"strconv"
	"time"
)

// Shape of the expiry load.
const (
	expiryKeys        = 1_000_000
	expiryLive        = 10_000
	expiryRate        = 2000 // reads per second, all connections together
	expiryReaders     = 20
	expiryLoaders     = 8
	expiryBatch       = 500
	expiryValue       = "v-0123456789abcdef"
	expiryBaseline    = 2 * time.Second // of reads before the deadlines
	expiryWindow      = time.Second     // over which the deadlines spread
	expiryMargin      = 2               // deadlines are set this many load times ahead
	expiryLongestWait = 10 * time.Minute
	// expiryFloor is growth that no bound counts: buffers of the load itself.
	expiryFloor = 16 * mib
)

// expiry carries the state of the suite.
type expiry struct {
	*Run
	watch       *client
	keys, live  int
	sizeBefore  int64 // DBSIZE
	goneBefore  int64 // expired_keys
	rssBefore   int64
	rssLoaded   int64
	calm, storm *latency
	deadline    time.Time
}

func runExpiry(ctx context.Context, r *Run) error {
	e := &expiry{Run: r, keys: or(r.Keys, expiryKeys), live: or(r.LiveKeys, expiryLive), calm: newLatency(), storm: newLatency()}
	var err error
	if e.watch, err = r.dialer.dial(ctx); err != nil {
		return err
	}
	defer e.watch.close()
	for _, phase := range []func(context.Context) error{e.measure, e.load, e.setDeadlines, e.storms} {
		if err := phase(ctx); err != nil {
			return err
		}
	}
	return nil
}

// measure takes the figures to which the server must come back.
func (e *expiry) measure(ctx context.Context) error {
	err := e.writeAll(ctx, "live keys", e.live, func(i int) []string { return []string{"SET", e.liveKey(i), expiryValue} })
	if err != nil {
		return err
	}
	if e.sizeBefore, err = e.watch.askInt("DBSIZE"); err != nil {
		return err
	}
	if e.goneBefore, err = e.watch.infoNumber("expired_keys"); err != nil {
		return err
	}
	e.rssBefore, err = e.resident(e.watch)
	return err
}

func (e *expiry) liveKey(i int) string   { return e.key("live:%d", i) }
func (e *expiry) mortalKey(i int) string { return e.key("mortal:%d", i) }

// load writes the keys, still without deadlines, and picks the second in which
// they will expire: far enough ahead to set all deadlines before it.
func (e *expiry) load(ctx context.Context) error {
	start := time.Now()
	err := e.writeAll(ctx, "keys", e.keys, func(i int) []string { return []string{"SET", e.mortalKey(i), expiryValue} })
	if err != nil {
		return err
	}
	took := time.Since(start)
	e.Note("keys loaded", "%d in %.1f s, %.0f/s", e.keys, took.Seconds(), float64(e.keys)/took.Seconds())
	e.deadline = time.Now().Add(expiryMargin*took + e.Lead + expiryBaseline).Truncate(time.Millisecond)
	return nil
}

// setDeadlines spreads the deadlines evenly over one second.
func (e *expiry) setDeadlines(ctx context.Context) error {
	first, spread := e.deadline.UnixMilli(), expiryWindow.Milliseconds()
	err := e.writeAll(ctx, "deadlines", e.keys, func(i int) []string {
		return []string{"PEXPIREAT", e.mortalKey(i), strconv.FormatInt(first+int64(i)%spread, 10)}
	})
	if err != nil {
		return err
	}
	if e.rssLoaded, err = e.resident(e.watch); err != nil {
		return err
	}
	spare := time.Until(e.deadline) - expiryBaseline
	e.Check("deadlines set in time", spare > 0, "%.1f s ahead", spare.Seconds())
	return nil
}

// writeAll sends n commands from several connections, in pipelines.
func (e *expiry) writeAll(ctx context.Context, what string, n int, command func(i int) []string) error {
	m := e.meter(ctx, what, int64(n))
	defer m.finish()
	return e.loadOver(ctx, expiryLoaders, n, expiryBatch, m, command)
}

// storms runs the reads across the deadlines and watches the keys go.
func (e *expiry) storms(ctx context.Context) error {
	after := e.deadline.Add(expiryWindow)
	// Reads go on while the keys are being counted out.
	load := &openLoop{
		Run: e.Run, connections: or(e.Connections, expiryReaders), rate: or(e.Rate, expiryRate),
		from: e.deadline.Add(-expiryBaseline), until: after.Add(e.MaxSettle),
		request: func(n int) []string { return []string{"GET", e.liveKey(n % e.live)} },
		check:   wantText(expiryValue),
		record:  e.file,
	}
	err := crew(ctx, 2, func(ctx context.Context, i int) error {
		if i == 0 {
			return load.run(ctx)
		}
		return e.settle(ctx, after)
	})
	if err != nil {
		return err
	}
	e.report(load)
	return e.recover(ctx, after)
}

// file puts a latency under calm or storm, by when the request was due.
func (e *expiry) file(due time.Time, took time.Duration) {
	if due.Before(e.deadline) {
		e.calm.record(took)
		return
	}
	e.storm.record(took)
}

func (e *expiry) report(load *openLoop) {
	load.report("reads on live keys")
	e.Note("latency before", "%s", e.calm)
	e.Bound("latency during and after", e.storm.within(99.9, e.MaxP999), "%s, bound p99.9 %s", e.storm, e.MaxP999)
}

// settle waits for the deadlines to pass and then for the counters to agree.
func (e *expiry) settle(ctx context.Context, after time.Time) error {
	wait := time.Until(after)
	if wait > expiryLongestWait || !pause(ctx, wait) {
		return context.Cause(ctx)
	}
	var left, gone int64
	took, ok, err := eventually(ctx, e.MaxSettle, func() (bool, error) {
		var err error
		if left, err = e.watch.askInt("DBSIZE"); err != nil {
			return false, err
		}
		gone, err = e.watch.infoNumber("expired_keys")
		gone -= e.goneBefore
		return left <= e.sizeBefore && gone >= int64(e.keys), err
	})
	if err != nil {
		return err
	}
	e.Bound("keys gone after the second", ok, "%d left beyond the live ones, expired_keys +%d, after %.2f s, bound %s",
		left-e.sizeBefore, gone, took.Seconds(), e.MaxSettle)
	return nil
}

// recover waits for the memory of the expired keys to go back to the system.
func (e *expiry) recover(ctx context.Context, after time.Time) error {
	var now int64
	limit := e.rssBefore + max(expiryFloor, (e.rssLoaded-e.rssBefore)*int64(e.MaxResiduePercent)/100)
	_, ok, err := eventually(ctx, time.Until(after.Add(e.MaxResidentRecovery)), func() (bool, error) {
		var err error
		now, err = e.resident(e.watch)
		return now <= limit, err
	})
	if err != nil {
		return err
	}
	e.Bound("resident size after", ok, "%s before, %s loaded, %s %.1f s after, bound %s in %s",
		size(e.rssBefore), size(e.rssLoaded), size(now), time.Since(after).Seconds(), size(limit), e.MaxResidentRecovery)
	e.Note("bytes per loaded key", "%.1f", float64(e.rssLoaded-e.rssBefore)/float64(e.keys))
	return nil
}
