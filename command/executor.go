// executor.go: what all sessions share, and the one place where a handler is called. A handler that panics answers its
// own client with an error, its changes are taken back, the stack is logged, and the server goes on.

package command

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/puzpuzpuz/xsync/v3"

	"respite/acl"
	"respite/config"
	"respite/proto"
	"respite/pubsub"
	"respite/shards"
	"respite/stats"
)

// Executor runs commands for all sessions.
type Executor struct {
	group      *shards.Group
	config     *config.Config
	table      *Table
	stats      *stats.Stats
	log        *slog.Logger
	hooks      Hooks
	sessions   *xsync.MapOf[int64, *Session]
	batches    sync.Pool // of *batch
	buffers    replyBuffers
	lastID     atomic.Int64
	monitors   atomic.Int32
	users      *acl.Users
	refusals   acl.Log
	channels   *pubsub.Registry
	letters    sync.Pool // of *letter
	courier    courier
	trackers   atomic.Int64 // clients that track
	broadcasts broadcasts
	chores     chores
	blocked    atomic.Int64 // clients that wait for something that others do
	trusting   atomic.Bool  // checksums of payloads are not looked at (DEBUG SET-SKIP-CHECKSUM-VALIDATION)
	warned     atomic.Int64 // unix nanoseconds: when clients that speak HTTP were last complained of
	web        http.Handler // health and metrics
	pause      pause
	load       atomic.Pointer[Load] // nil: nothing is being read
	self       serverIdentity
}

// Hooks are what commands ask of the process around them; main fills them in. What is nil is not there: its figures are
// zero.
type Hooks struct {
	Shutdown      func(how config.ShutdownFlags) error // begins an orderly stop, or says why not
	AbortShutdown func() bool                          // takes back what a signal has asked for, if it has not begun; false: there is none
	HoldSignals   func(on bool)                        // makes what signals ask for wait, or ends that
	Network       func() Network                       // the connections' counters
	ResetNetwork  func()                               // makes them begin again
	ShutdownIn    func() (time.Duration, bool)         // how long clients have still to take their replies; false: no end has begun
}

// Network is what only the listeners know, since the start or the last reset.
type Network struct {
	Accepted int64 // connections
	Rejected int64 // of those, turned away because of maxclients
	Evicted  int64 // ended because of maxmemory-clients
	Open     int64 // connections now
	InBytes  int64
	OutBytes int64
	Reads    int64 // system calls that read something
	Writes   int64 // system calls that wrote something
	Drains   int64 // of those, made by goroutines that only send what a client did not take at once
	Buffered int64 // bytes in the connections' buffers, as of a moment ago
	Cycles   Cycles
}

// Cycles are what is done between two waits for sockets, as conn/cycles.go counts it, since the start or the last reset.
type Cycles struct {
	Count, Nanos int64
	Longest      int64 // nanoseconds
	MostCommands int64 // in one
}

// NewExecutor builds an executor over a running group.
func NewExecutor(g *shards.Group, c *config.Config, log *slog.Logger, hooks Hooks) (*Executor, error) {
	table, err := NewTable(c.Now().RenameCommands)
	if err != nil {
		return nil, err
	}
	e := &Executor{
		group: g, config: c, table: table, log: log, hooks: hooks,
		stats:    stats.New(len(table.all), g.N()),
		sessions: xsync.NewMapOf[int64, *Session](), channels: pubsub.NewRegistry(),
	}
	e.self.runID, e.self.replicationID, e.self.started, e.self.startMemory = newID(), newID(), g.Now(), g.Used()
	e.pause.keep = g.KeepKeys
	e.users = newUsers(table, c)
	e.letters.New = func() any { return new(letter) }
	e.web = newWeb(e)
	e.courier.broadcasts = &e.broadcasts
	g.InvalidateBy(e)
	e.batches.New = func() any { return newBatch(e) }
	return e, nil
}

// Table is the command table.
func (e *Executor) Table() *Table { return e.table }

// invokeOnData calls the handler of a command that has a transaction open.
func (e *Executor) invokeOnData(c *Call) {
	if e.lacksMemory(c) {
		c.Tx.End()
		return
	}
	c.long(len(c.Args))
	if c.Tx.Sampled() {
		c.heat()
	}
	if e.invoke(c) {
		if c.tracks {
			c.track()
		}
		c.Tx.End()
		return
	}
	c.Tx.Abort()
}

// lacksMemory refuses a command that needs memory which cannot be had.
func (e *Executor) lacksMemory(c *Call) bool {
	c.rejected = c.Row.Flags&DenyOOM != 0 && !c.Tx.MakeRoom()
	if c.rejected {
		e.refused(c.Row, errOOM)
		c.Reply.Error(errOOM.Error())
	}
	return c.rejected
}

// invoke calls a handler; ok is false if it panicked, and its transaction must be aborted.
func (e *Executor) invoke(c *Call) (ok bool) {
	mark := c.Reply.Mark()
	defer func() {
		if p := recover(); p != nil {
			c.fail(mark, e.panicked(c, p))
			ok = false
		}
	}()
	c.failed, c.rejected, c.ahead = false, false, 0
	if err := c.Row.Run(c); err != nil {
		c.fail(mark, err)
	}
	return true
}

// fail replies with an error in place of what the handler wrote since mark.
func (c *Call) fail(mark proto.Mark, err error) {
	c.failed = true
	c.Reply.Truncate(mark)
	c.Reply.Error(err.Error())
	c.Server.countError(err.Error())
}

// panicked says what the client of a handler that panicked is told.
func (e *Executor) panicked(c *Call, p any) error {
	if err, ok := p.(error); ok && errors.Is(err, shards.ErrFull) {
		return errOOM
	}
	e.log.Error("command failed; its changes were taken back, please report this",
		"command", c.Row.full, "cause", fmt.Sprint(p), "stack", string(debug.Stack()))
	return errInternal
}

// routes appends the shard of every key of a command to the batch's scratch, and adds them to need, or all shards if the
// command reads keys that it does not name; nil if the arguments do not fit the row's key specs.
func (e *Executor) routes(b *batch, row *Row, args [][]byte, need *shards.Mask) []uint8 {
	b.routes = b.routes[:0]
	route := func(i int, _ *KeySpec) {
		shard := e.group.Route(args[i])
		need.Set(shard)
		b.routes = append(b.routes, uint8(shard))
	}
	ok := row.keyPositions(args, route)
	if row.Flags&MovableKeys != 0 {
		row.repeatedKeys(args, route)
	}
	if !ok || len(b.routes) == 0 {
		return nil
	}
	if row.Roams != nil && row.Roams(args) {
		*need = e.group.All()
	}
	return b.routes
}

// ran accounts for a command that was run, and for those after it that are the same to the statistics; stripe is the part
// it ran in, times are in unix nanoseconds. A command that is split over shards counts once, where its first key is.
func (e *Executor) ran(c *Call, stripe int, start, end int64, times int) {
	if c.rejected || !c.leads(stripe) {
		return
	}
	now := e.config.Now()
	r := stats.Run{Command: c.Row.id, Times: int64(times), Nanos: end - start, Failed: c.failed, Track: now.LatencyTracking}
	if stripe < e.group.N() {
		e.stats.OnShard(stripe, r)
	} else {
		e.stats.OnConnection(c.Session.ID, r)
	}
	if slowest := now.SlowlogLogSlowerThan; slowest >= 0 && r.Nanos/microsecond >= slowest {
		e.logSlow(c, start, r.Nanos/microsecond, now.SlowlogMaxLen)
	}
	if worst := now.LatencyMonitorThreshold; worst > 0 && r.Nanos/millisecond >= worst {
		e.stats.Latency.Add(latencyEvent(c.Row), end/second, r.Nanos/millisecond)
	}
}

// isSlow reports whether a command that took so many nanoseconds is remembered by itself.
func (e *Executor) isSlow(took int64) bool {
	now := e.config.Now()
	return now.SlowlogLogSlowerThan >= 0 && took/microsecond >= now.SlowlogLogSlowerThan ||
		now.LatencyMonitorThreshold > 0 && took/millisecond >= now.LatencyMonitorThreshold
}

// leads reports whether this call stands for its command among the parts of a split one.
func (c *Call) leads(shard int) bool {
	return c.of == nil || c.of.part >= 0 || int(c.Session.batch.spread[c.of.from]) == shard
}

// whole is the command's arguments, those of the other parts included.
func (c *Call) whole() [][]byte {
	if c.of != nil {
		return c.of.args
	}
	return c.Args
}

// Units of time, in nanoseconds.
const (
	microsecond = 1_000
	millisecond = 1_000_000
	second      = 1_000_000_000
)

// refused accounts for a command that the gate turned away.
func (e *Executor) refused(row *Row, err error) {
	if row != nil {
		e.stats.Rejected(row.id)
	}
	e.countError(err.Error())
}

// countError counts an error reply by its code.
func (e *Executor) countError(text string) {
	if e.stats.Errors.Count(text) {
		e.log.Warn("Errorstats stopped adding new errors because the number of errors reached the limit, " +
			"suggested action is to reset with 'CONFIG RESETSTAT'")
	}
}
