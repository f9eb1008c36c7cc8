// executor.go: what all sessions share, and the one place where a handler is called. A handler that panics answers its
// own client with an error, its changes are taken back, the stack is logged, and the server goes on.
package command

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/puzpuzpuz/xsync/v3"

	"respite/config"
	"respite/shards"
	"respite/stats"
)

// Executor runs commands for all sessions.
type Executor struct {
	group    *shards.Group
	config   *config.Config
	table    *Table
	stats    *stats.Stats
	log      *slog.Logger
	hooks    Hooks
	sessions *xsync.MapOf[int64, *Session]
	batches  sync.Pool // of *batch
	lastID   atomic.Int64
	monitors atomic.Int32
	pause    pause
}

// Hooks are what commands ask of the process around them; main fills them in.
type Hooks struct {
	Shutdown func()         // begins an orderly stop
	Info     []InfoProvider // sections of INFO beyond those that the executor fills itself
}

// InfoProvider adds fields to a section of INFO.
type InfoProvider struct {
	Section string
	Fields  func(add func(name string, value any))
}

// NewExecutor builds an executor over a running group.
func NewExecutor(g *shards.Group, c *config.Config, log *slog.Logger, hooks Hooks) (*Executor, error) {
	table, err := NewTable(c.Now().RenameCommands)
	if err != nil {
		return nil, err
	}
	e := &Executor{
		group: g, config: c, table: table, log: log, hooks: hooks,
		stats:    stats.New(len(table.all), g.N()+1),
		sessions: xsync.NewMapOf[int64, *Session](),
	}
	e.batches.New = func() any { return newBatch(e) }
	return e, nil
}

// Table is the command table.
func (e *Executor) Table() *Table { return e.table }

// invokeOnData calls the handler of a command that has a transaction open.
func (e *Executor) invokeOnData(c *Call) {
	if c.Row.Flags&DenyOOM != 0 && !c.Tx.MakeRoom() {
		c.Reply.Error(errOOM.Error())
		c.Tx.End()
		return
	}
	if e.invoke(c) {
		c.Tx.End()
		return
	}
	c.Tx.Abort()
}

// invoke calls a handler; ok is false if it panicked, and its transaction must be aborted.
func (e *Executor) invoke(c *Call) (ok bool) {
	mark := c.Reply.Mark()
	defer func() {
		if p := recover(); p != nil {
			c.Reply.Truncate(mark)
			c.Reply.Error(e.panicked(c, p).Error())
			ok = false
		}
	}()
	c.failed = false
	if err := c.Row.Run(c); err != nil {
		c.failed = true
		c.Reply.Truncate(mark)
		c.Reply.Error(err.Error())
	}
	return true
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

// routes appends the shard of every key of a command to the batch's scratch, and adds them to need; nil if the
// arguments do not fit the row's key specs.
func (e *Executor) routes(b *batch, row *Row, args [][]byte, need *shards.Mask) []uint8 {
	b.routes = b.routes[:0]
	ok := row.keyPositions(args, func(i int, _ *KeySpec) {
		shard := e.group.Route(args[i])
		need.Set(shard)
		b.routes = append(b.routes, uint8(shard))
	})
	if !ok || len(b.routes) == 0 {
		return nil
	}
	return b.routes
}

// ran accounts for a command that was run; stripe is the part it ran in, times are in unix nanoseconds.
func (e *Executor) ran(c *Call, stripe int, start, end int64) {
	e.stats.Ran(stripe, c.Row.id, end-start, c.failed)
}

// refused accounts for a command that the gate turned away.
func (e *Executor) refused(row *Row, err error) {
	if row != nil {
		e.stats.Refused(row.id)
	}
	e.stats.Error(err.Error())
}
