// pause.go: CLIENT PAUSE. A paused command waits in its connection before it reaches a shard, so nothing else waits
// with it. The end of a pause is a channel that is closed, so that any number of connections can wait for it.
//
// Invariant: once CLIENT PAUSE has answered, no command that it stops is running or will run. A session says that it is
// busy before it looks for a pause, and a pause looks for busy sessions after it has begun: one of the two sees the other.

package command

import (
	"bufio"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// pause is the state of CLIENT PAUSE.
type pause struct {
	on   sync.Mutex
	keep func(on bool) // makes shards leave keys where they are, or ends that
	// state is nil when there is none: the one check that every command pays.
	state atomic.Pointer[pauseState]
}

// pauseState is one pause.
type pauseState struct {
	writesOnly bool
	until      int64 // unix nanoseconds
	over       chan struct{}
	timer      *time.Timer
}

const (
	errPauseMode = Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
)

var errGone = errors.New("client was killed while it waited")

const (
	maxPauseArgs = 4
	busyPoll     = 20 * time.Microsecond // how often a pause looks whether the commands before it are done
)

// clientPause takes CLIENT PAUSE milliseconds [WRITE | ALL].
func clientPause(c *Call) error {
	if len(c.Args) > maxPauseArgs {
		return errSubcommandArgs(c)
	}
	writesOnly := len(c.Args) == maxPauseArgs && c.Option(3, "write")
	if len(c.Args) == maxPauseArgs && !writesOnly && !c.Option(3, "all") {
		return errPauseMode
	}
	ms, err := c.Int(2)
	switch {
	case err != nil:
		return errTimeoutInteger
	case ms < 0:
		return errTimeoutNegative
	case ms > math.MaxInt64-c.Server.group.Now()/millisecond:
		return errTimeoutRange
	}
	c.Server.pause.begin(c.Server.group.Now(), ms, writesOnly)
	if c.held { // those who are to be waited for may wait for this transaction
		c.Session.afterwards = c.Server.awaitPaused
	} else {
		c.Server.awaitPaused()
	}
	c.Reply.OK()
	return nil
}

func clientUnpause(c *Call) error {
	c.Server.Unpause()
	c.Reply.OK()
	return nil
}

// Pause makes commands wait for some milliseconds and returns when those that were let through before are done. A pause
// that is on already is widened and lengthened, never cut short.
func (e *Executor) Pause(ms int64, writesOnly bool) {
	e.pause.begin(e.group.Now(), ms, writesOnly)
	e.awaitPaused()
}

// awaitPaused waits for the commands that a pause has come too late for.
func (e *Executor) awaitPaused() {
	e.sessions.Range(func(_ int64, s *Session) bool {
		for s.busy.Load() {
			time.Sleep(busyPoll)
		}
		return true
	})
	for e.waitForWoken() {
	}
}

// waitForWoken waits for the commands that others have woken before they were done, and reports whether there were any:
// these may have woken further ones.
func (e *Executor) waitForWoken() (any bool) {
	e.sessions.Range(func(_ int64, s *Session) bool {
		for s.isWoken() {
			any = true
			time.Sleep(busyPoll)
		}
		return true
	})
	return any
}

func (p *pause) begin(now, ms int64, writesOnly bool) {
	p.on.Lock()
	defer p.on.Unlock()
	next := &pauseState{writesOnly: writesOnly, until: math.MaxInt64, over: make(chan struct{})}
	if ms <= (math.MaxInt64-now)/millisecond {
		next.until = now + ms*millisecond
	}
	if old := p.state.Load(); old != nil {
		next.writesOnly = old.writesOnly && writesOnly
		next.until = max(next.until, old.until)
		next.over = old.over
		old.timer.Stop()
	}
	p.state.Store(next)
	p.keep(true)
	next.timer = time.AfterFunc(time.Duration(next.until-now), func() { p.end(next) })
}

// Unpause ends a pause.
func (e *Executor) Unpause() { e.pause.end(nil) }

// end ends a pause: this one, unless another has taken its place, or with nil whichever is on.
func (p *pause) end(only *pauseState) {
	p.on.Lock()
	defer p.on.Unlock()
	now := p.state.Load()
	if now == nil || only != nil && only != now {
		return
	}
	now.timer.Stop()
	p.state.Store(nil)
	p.keep(false)
	close(now.over)
}

// paused reports whether a command of the session has to wait. A client that monitors need not, as in Redis: it cannot
// touch data.
func (s *Session) paused(row *Row) bool {
	p := s.exec.pause.state.Load()
	return p != nil && p.stops(s.flags(row)) && !s.monitoring
}

// flags are a command's and, if it runs a transaction, those of what is queued.
func (s *Session) flags(row *Row) Flags {
	if row.Place == ByQueue && s.multi != nil {
		return row.Flags | s.multi.flags
	}
	return row.Flags
}

// stops reports whether a pause holds a command back. One of all commands stops even the command that would end it.
func (p *pauseState) stops(f Flags) bool {
	return p != nil && (!p.writesOnly || f&(Write|MayReplicate) != 0)
}

// waitForUnpause holds a command back, with the replies before it sent, until it may run or its client is killed.
func (s *Session) waitForUnpause(row *Row, w *bufio.Writer) error {
	if err := s.batch.run(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	defer s.wait(false)
	if !s.wait(true) {
		return errGone
	}
	for {
		s.begin()
		p := s.exec.pause.state.Load()
		if !p.stops(s.flags(row)) {
			return nil
		}
		s.settle()
		select {
		case <-p.over:
		case <-s.gone:
			return errGone
		}
	}
}
