// life.go: how a server comes to its end. Signals and SHUTDOWN ask for it; life decides whether it begins, and from then on nothing stops
// it: what clients have sent is answered, as long as `shutdown-timeout` allows, and then the process ends. A further signal ends it on the
// spot.
//
// Between a signal and the beginning there is a moment, which DEBUG PAUSE-CRON makes as long as a test likes: SHUTDOWN ABORT works then.

package main

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"respite/config"
)

// leastDrain is how long clients have to take their replies even if there is no time: what was read is answered.
const leastDrain = 250 * time.Millisecond

var errNoSave = errors.New("there is no persistence yet")

// life is whether the server goes on. Its methods may be called from any goroutine.
type life struct {
	config *config.Config
	log    *slog.Logger
	begun  chan struct{} // closed when the end has begun

	mu    sync.Mutex
	how   config.ShutdownFlags
	last  time.Time // when clients must have taken their replies, once the end has begun
	asked bool      // by a signal, and it has not begun
	held  bool      // what signals ask for has to wait
}

func newLife(cfg *config.Config, log *slog.Logger) *life {
	return &life{config: cfg, log: log, begun: make(chan struct{})}
}

// signal takes SIGTERM or SIGINT. It reports whether somebody insists: the process is to end at once.
func (l *life) signal(sig os.Signal) (insists bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked || l.hasBegun() {
		l.log.Warn("You insist... exiting now.")
		return true
	}
	now, name := l.config.Now(), "SIGTERM"
	l.how = now.ShutdownOnSigterm
	if sig == os.Interrupt {
		l.how, name = now.ShutdownOnSigint, "SIGINT"
	}
	l.log.Warn("Received " + name + " scheduling shutdown...")
	l.asked = true
	l.heed()
	return false
}

// hold makes what signals ask for wait, or lets it happen.
func (l *life) hold(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = on
	l.heed()
}

// heed does what a signal has asked for, unless it has to wait.
func (l *life) heed() {
	if !l.asked || l.held {
		return
	}
	l.asked = false
	if l.begin(l.how) != nil {
		l.log.Warn("Errors trying to shut down the server. Check the logs for more information.")
	}
}

// shutdown is SHUTDOWN. The end has begun if there is no error.
func (l *life) shutdown(how config.ShutdownFlags) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hasBegun() {
		return nil
	}
	return l.begin(how)
}

// abort is SHUTDOWN ABORT: it takes back what a signal has asked for, and reports whether there was anything to take back.
func (l *life) abort() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asked {
		return false
	}
	l.asked = false
	l.log.Info("Shutdown manually aborted.")
	return true
}

// begin begins the end, unless something is to be saved: a server that cannot do that goes on, if it is not forced to end.
func (l *life) begin(how config.ShutdownFlags) error {
	l.log.Info("User requested shutdown...")
	switch {
	case how&config.ShutdownSave == 0:
	case how&config.ShutdownForce == 0:
		l.log.Error("Error trying to save the DB, can't exit. Use NOSAVE to end the server without saving, or FORCE", "error", errNoSave)
		return errNoSave
	default:
		l.log.Warn("Error trying to save the DB. Exit anyway.", "error", errNoSave)
	}
	l.how, l.asked = how, false
	l.last = time.Now().Add(l.drainLimit())
	close(l.begun)
	return nil
}

func (l *life) hasBegun() bool {
	select {
	case <-l.begun:
		return true
	default:
		return false
	}
}

// drainTime is how long clients have to take their replies, once the end has begun.
func (l *life) drainTime() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.drainLimit()
}

// drainLimit is drainTime with the lock held.
func (l *life) drainLimit() time.Duration {
	if l.how&config.ShutdownNow != 0 {
		return leastDrain
	}
	return max(time.Duration(l.config.Now().ShutdownTimeout)*time.Second, leastDrain)
}

// left is how much of drainTime is left; ending is false if the end has not begun.
func (l *life) left() (d time.Duration, ending bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.hasBegun() {
		return 0, false
	}
	return max(time.Until(l.last), 0), true
}
