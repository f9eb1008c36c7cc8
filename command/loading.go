// loading.go: the state of a server that reads a dataset: at its start, or for DEBUG RELOAD. Until the data is whole nobody may see it, so
// commands are refused but for those whose rows say that they may run (Loading). The gate asks here, and so do INFO, CONFIG SET, SHUTDOWN
// and /readyz; who loads says so by BeginLoad, and nothing else need be told.

package command

import "sync/atomic"

const errLoading = Error("LOADING Redis is loading the dataset in memory")

// Load is a dataset on its way in. Its methods may be called from any goroutine.
type Load struct {
	of      *Executor
	total   int64 // bytes
	started int64 // unix nanoseconds
	used    int64 // bytes of memory that keys and values took before
	read    atomic.Int64
}

// BeginLoad makes the server one that is loading, until End; total is how many bytes are to be read. Commands that passed the gate before are
// not waited for. There is one load at a time.
func (e *Executor) BeginLoad(total int64) *Load {
	l := &Load{of: e, total: total, started: e.group.Now(), used: e.group.Used()}
	if !e.load.CompareAndSwap(nil, l) {
		panic("command: two loads at once")
	}
	return l
}

// Read says that so many bytes more have been read.
func (l *Load) Read(bytes int64) { l.read.Add(bytes) }

// End says that the data is whole, or that there will be none.
func (l *Load) End() { l.of.load.Store(nil) }

// Loading reports whether a dataset is being read.
func (e *Executor) Loading() bool { return e.load.Load() != nil }

// isLoading reports whether a command has to be refused because a dataset is being read. A transaction is if any of its commands is.
func (s *Session) isLoading(row *Row) bool {
	if !s.exec.Loading() {
		return false
	}
	return row.Flags&Loading == 0 || row.Place == ByQueue && s.multi != nil && s.multi.missing&Loading != 0
}

// loadFigures are what INFO tells of a load.
type loadFigures struct {
	started, total, used, read int64 // unix seconds, bytes, bytes, bytes
	percent                    float64
	eta                        int64 // seconds
}

func (l *Load) figures(now int64) loadFigures {
	f := loadFigures{started: l.started / second, total: l.total, used: l.used, read: l.read.Load(), eta: 1}
	f.percent = float64(f.read) / float64(f.total+1) * 100
	if elapsed := now/second - f.started; elapsed > 0 { // before that there is no telling
		f.eta = elapsed * max(f.total-f.read, 0) / (f.read + 1)
	}
	return f
}
