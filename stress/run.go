// A Run is what a suite is given: the options, a way to connect, its own key
// prefix, and the report it writes to. Checks are about right and wrong and
// always count; bounds are about how much and how fast, and become remarks
// when the run only reports. Whatever a suite wrote is swept away after it,
// even when it was interrupted.

package stress

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// sweepTimeout bounds the removal of a suite's keys after an interrupt.
const sweepTimeout = time.Minute

// sweepCount is the COUNT of the SCAN that finds the keys of a suite.
const sweepCount = "1000"

// Run is one suite's access to the server and to the report.
type Run struct {
	Options
	dialer  *dialer
	server  string // name and version, as INFO tells
	prefix  string // of this suite in this run; nobody else uses it
	suite   *SuiteReport
	stopped func() bool // whether an interrupt ended the run
	screen  io.Writer   // where progress is drawn
	visible bool
}

// key names a key of this suite.
func (r *Run) key(format string, args ...any) string {
	return r.prefix + fmt.Sprintf(format, args...)
}

// rng returns a reproducible source for one worker of this suite.
func (r *Run) rng(stream int) *rand.Rand {
	return rand.New(rand.NewPCG(r.Seed, uint64(stream))) //nolint:gosec // reproducible, not secret
}

// Check records something that is right or wrong. What an interrupt cut short
// is neither.
func (r *Run) Check(name string, ok bool, format string, args ...any) {
	r.judge(name, ok, Failed, format, args...)
}

// Bound records a figure and whether it kept its bound.
func (r *Run) Bound(name string, ok bool, format string, args ...any) {
	missed := Failed
	if r.ReportOnly {
		missed = Over
	}
	r.judge(name, ok, missed, format, args...)
}

func (r *Run) judge(name string, ok bool, otherwise Result, format string, args ...any) {
	result := otherwise
	switch {
	case ok:
		result = Passed
	case r.stopped():
		result = Noted
	}
	r.suite.add(name, result, fmt.Sprintf(format, args...))
}

// Note records a figure that nobody judges.
func (r *Run) Note(name, format string, args ...any) {
	r.suite.add(name, Noted, fmt.Sprintf(format, args...))
}

// sweep removes every key of this suite. It runs after an interrupt as well.
func (r *Run) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTimeout)
	defer cancel()
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	pattern := escapeGlob(r.prefix) + "*"
	for cursor := "0"; ; {
		if cursor, err = c.sweepStep(cursor, pattern); err != nil || cursor == "0" {
			return err
		}
	}
}

// sweepStep deletes one SCAN page and returns the next cursor.
func (c *client) sweepStep(cursor, pattern string) (string, error) {
	page, err := c.ask("SCAN", cursor, "MATCH", pattern, "COUNT", sweepCount)
	if err != nil {
		return "", err
	}
	parts := page.Elems
	if len(parts) != 2 {
		return "", fmt.Errorf("SCAN: want cursor and keys, got %s", describe(page))
	}
	keys := []string{"DEL"}
	for _, k := range parts[1].Elems {
		keys = append(keys, string(k.Str))
	}
	if len(keys) > 1 {
		if _, err := c.ask(keys...); err != nil {
			return "", err
		}
	}
	return string(parts[0].Str), nil
}

// escapeGlob makes every character of s stand for itself in a MATCH pattern.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// crew runs n workers and waits for all of them. The first error stops the
// others and is returned.
func crew(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := work(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// pause waits for d; false means that the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// pollEvery is the step of eventually.
const pollEvery = 20 * time.Millisecond

// eventually asks again and again until done says yes or the time is up, and
// returns how long that took. An error of done ends the wait.
func eventually(ctx context.Context, limit time.Duration, done func() (bool, error)) (time.Duration, bool, error) {
	start := time.Now()
	for {
		ok, err := done()
		took := time.Since(start)
		if ok || err != nil || took >= limit {
			return took, ok, err
		}
		if !pause(ctx, pollEvery) {
			return took, false, context.Cause(ctx)
		}
	}
}

// Execute runs the suites one after another and returns the report. The error
// is for what kept the run from starting; findings are in the report.
func Execute(ctx context.Context, opt Options, suites []Suite, screen io.Writer, visible bool) (*Report, error) {
	d, err := newDialer(&opt)
	if err != nil {
		return nil, err
	}
	server, err := d.identify(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", opt.Addr, err)
	}
	rep := &Report{Addr: opt.Addr, Server: server, Seed: opt.Seed, Started: time.Now()}
	for _, s := range suites {
		if ctx.Err() != nil {
			break
		}
		r := &Run{Options: opt, dialer: d, server: server, screen: screen, visible: visible}
		r.suite = &SuiteReport{Name: s.Name, Checks: []Check{}}
		r.stopped = func() bool { return ctx.Err() != nil }
		r.prefix = fmt.Sprintf("%s%08x:%s:", opt.Prefix, rand.Uint32(), s.Name)
		rep.Suites = append(rep.Suites, r.suite)
		r.execute(ctx, s)
	}
	rep.finish(ctx.Err() != nil)
	return rep, nil
}

// execute runs one suite and cleans up after it.
func (r *Run) execute(ctx context.Context, s Suite) {
	start := time.Now()
	err := s.Run(ctx, r)
	switch {
	case ctx.Err() != nil:
		r.Note("interrupted", "after %.1f s", time.Since(start).Seconds())
	case err != nil:
		r.Check("ran to its end", false, "%v", err)
	}
	if !r.Keep {
		if err := r.sweep(ctx); err != nil {
			r.Check("own keys removed", false, "%v", err)
		}
	}
	r.suite.Seconds = time.Since(start).Seconds()
}
