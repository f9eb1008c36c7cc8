// pause.go: CLIENT PAUSE. A paused command waits in its connection before it reaches a shard, so nothing else waits
// with it. The end of a pause is a channel that is closed, so that any number of connections can wait for it.
package command

import (
	"bufio"
	"sync"
	"sync/atomic"
	"time"
)

// pause is the state of CLIENT PAUSE.
type pause struct {
	on sync.Mutex
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

// paused reports whether a command has to wait.
func (e *Executor) paused(row *Row) bool {
	p := e.pause.state.Load()
	if p == nil || row.Flags&exemptFromPause != 0 {
		return false
	}
	return !p.writesOnly || row.Flags&(Write|MayReplicate) != 0
}

// exemptFromPause are commands that a pause does not stop: those that end it, above all.
const exemptFromPause = Admin | NoAuth

// Pause makes commands wait for some nanoseconds. A pause that is on already is widened and lengthened, never cut short.
func (e *Executor) Pause(nanos int64, writesOnly bool) {
	e.pause.on.Lock()
	defer e.pause.on.Unlock()
	next := &pauseState{writesOnly: writesOnly, until: e.group.Now() + nanos, over: make(chan struct{})}
	if old := e.pause.state.Load(); old != nil {
		next.writesOnly = old.writesOnly && writesOnly
		next.until = max(next.until, old.until)
		next.over = old.over
		old.timer.Stop()
	}
	next.timer = time.AfterFunc(time.Duration(next.until-e.group.Now()), func() { e.endPause(next) })
	e.pause.state.Store(next)
}

// Unpause ends a pause.
func (e *Executor) Unpause() {
	e.pause.on.Lock()
	defer e.pause.on.Unlock()
	if p := e.pause.state.Load(); p != nil {
		p.timer.Stop()
		e.pause.state.Store(nil)
		close(p.over)
	}
}

// endPause ends this pause unless another has taken its place.
func (e *Executor) endPause(p *pauseState) {
	e.pause.on.Lock()
	defer e.pause.on.Unlock()
	if e.pause.state.CompareAndSwap(p, nil) {
		close(p.over)
	}
}

// waitForUnpause holds a command back, with the replies before it sent, until it may run or its client is killed.
func (s *Session) waitForUnpause(row *Row, w *bufio.Writer) error {
	if err := s.batch.run(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for s.exec.paused(row) {
		p := s.exec.pause.state.Load()
		if p == nil {
			return nil
		}
		select {
		case <-p.over:
		case <-s.gone:
			return errGone
		}
	}
	return nil
}
