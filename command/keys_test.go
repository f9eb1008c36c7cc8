package command

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/config"
	"respite/proto"
	"respite/shards"
)

// keysRig runs handlers on a group whose clock stands still until it is moved, and records the events. Keys expire only
// when they are touched, so that nothing happens but what the test does.
type keysRig struct {
	t      require.TestingT
	exec   *Executor
	clock  atomic.Int64 // unix nanoseconds
	events []string     // "db event key"
	quiet  bool         // as for a client in no-touch mode
}

const rigStart = int64(1_700_000_000) * int64(time.Second) // unix nanoseconds

// rigTB is what the rig needs of a test; rapid's T has it too.
type rigTB interface {
	require.TestingT
	Cleanup(func())
}

func newKeysRig(t rigTB) *keysRig {
	r := &keysRig{t: t}
	r.clock.Store(rigStart)
	group := shards.New(shards.Options{Shards: 3, Databases: 4, Clock: r.clock.Load, Observer: r, Poison: true})
	group.SetLimits(shards.Limits{KeepExpired: true})
	group.Start()
	t.Cleanup(group.Close)
	table, err := NewTable(nil)
	require.NoError(t, err)
	r.exec = &Executor{group: group, config: config.New(), table: table}
	return r
}

func (r *keysRig) PreImage(*shards.Tx, []byte, shards.Item, bool) {}
func (r *keysRig) Committed(*shards.Tx)                           {}
func (r *keysRig) Flushed(_ *shards.Tx, db int) {
	r.events = append(r.events, fmt.Sprint(db, " flushed"))
}

func (r *keysRig) Changed(tx *shards.Tx, key []byte, e shards.Event) {
	r.events = append(r.events, fmt.Sprint(tx.DB(), " ", e.Name(), " ", string(key)))
}

func (r *keysRig) advance(d time.Duration) { r.clock.Add(int64(d)) }

// do runs a command, words between spaces, on a database, and returns its reply in RESP2 on one line.
func (r *keysRig) do(db int, line string) string { return r.run(db, strings.Fields(line)...) }

func (r *keysRig) run(db int, words ...string) string {
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	row := r.exec.table.Lookup(args)
	require.NotNil(r.t, row, words)
	require.True(r.t, row.arityOK(len(args)), words)
	var reply proto.Reply
	reply.Reset(2)
	call := &Call{Args: args, Reply: &reply, Row: row, Server: r.exec}
	if row.Place == OnConnection {
		r.invoke(call)
	} else {
		r.exec.group.Run(r.need(row, args), db, func(tx *shards.Tx) {
			if r.quiet {
				tx.Quiet()
			}
			call.Tx = tx
			r.invoke(call)
		})
	}
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	_, err := reply.WriteTo(w, proto.Mark{}, reply.Mark())
	require.NoError(r.t, err)
	require.NoError(r.t, w.Flush())
	return strings.TrimRight(strings.ReplaceAll(out.String(), "\r\n", " "), " ")
}

func (r *keysRig) invoke(c *Call) {
	if err := c.Row.Run(c); err != nil {
		c.Reply.Truncate(proto.Mark{})
		c.Reply.Error(err.Error())
	}
}

// need is every shard that a command touches; a command without keys gets them all.
func (r *keysRig) need(row *Row, args [][]byte) (need shards.Mask) {
	if row.Place != ByKeys {
		return r.exec.group.All()
	}
	if row.Roams != nil && row.Roams(args) {
		return r.exec.group.All()
	}
	row.keyPositions(args, func(i int, _ *KeySpec) { need.Set(r.exec.group.Route(args[i])) })
	return need
}

// keysStep is a command on database 0 and what it has to answer.
type keysStep struct{ line, want string }

func (r *keysRig) play(steps []keysStep) {
	for _, s := range steps {
		require.Equal(r.t, s.want, r.do(0, s.line), s.line)
	}
}

func TestCountingCommands(t *testing.T) {
	r := newKeysRig(t)
	r.play([]keysStep{
		{"SET a 1", "+OK"},
		{"SET b 1", "+OK"},
		{"SET c 1", "+OK"},
		{"EXISTS a a nokey b", ":3"},
		{"TOUCH a nokey a", ":2"},
		{"TYPE a", "+string"},
		{"TYPE nokey", "+none"},
		{"DEL a a nokey", ":1"},
		{"UNLINK b c", ":2"},
		{"EXISTS a b c", ":0"},
	})
}

// Each command tells of exactly the changes that it makes, in the database where they are.
func TestKeyEvents(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"DEL a nokey", []string{"0 del a"}},
		{"UNLINK a", []string{"0 del a"}},
		{"EXISTS a nokey", nil},
		{"TOUCH a", nil},
		{"RENAME a b", []string{"0 rename_from a", "0 rename_to b"}},
		{"RENAME a taken", []string{"0 rename_from a", "0 rename_to taken"}},
		{"RENAME a a", nil},
		{"RENAME nokey a", nil},
		{"RENAMENX a taken", nil},
		{"RENAMENX a b", []string{"0 rename_from a", "0 rename_to b"}},
		{"COPY a b", []string{"0 copy_to b"}},
		{"COPY a taken", nil},
		{"COPY a taken REPLACE", []string{"0 copy_to taken"}},
		{"COPY a a DB 1", []string{"1 copy_to a"}},
		{"COPY nokey b REPLACE", nil},
		{"MOVE a 2", []string{"0 move_from a", "2 move_to a"}},
		{"MOVE taken 3", nil},
		{"MOVE nokey 3", nil},
		{"EXPIRE a 10", []string{"0 expire a"}},
		{"EXPIRE a 0", []string{"0 del a"}},
		{"EXPIRE a 10 XX", nil},
		{"PERSIST a", nil},
		{"PERSIST timed", []string{"0 persist timed"}},
		{"FLUSHDB", []string{"0 flushed"}},
		{"FLUSHALL ASYNC", []string{"0 flushed", "1 flushed", "2 flushed", "3 flushed"}},
		{"SWAPDB 1 2", []string{"1 flushed", "2 flushed"}},
		{"SWAPDB 1 1", nil},
	} {
		t.Run(c.line, func(t *testing.T) {
			r := newKeysRig(t)
			r.play([]keysStep{{"SET a 1", "+OK"}, {"SET taken 1", "+OK"}, {"SET timed 1", "+OK"}, {"EXPIRE timed 100", ":1"}})
			require.Equal(t, "+OK", r.do(3, "SET taken 1"))
			r.events = nil
			r.do(0, c.line)
			require.Equal(t, c.want, r.events)
		})
	}
}

// Asking about a key does not make it look used; TOUCH does, whatever the client's mode.
func TestWhatCountsAsUse(t *testing.T) {
	const idle = 50 * time.Second
	for _, c := range []struct {
		line  string
		quiet bool
		want  string
	}{
		{"EXISTS k", false, ":50"},
		{"TYPE k", false, ":50"},
		{"TTL k", false, ":50"},
		{"PEXPIRETIME k", false, ":50"},
		{"OBJECT ENCODING k", false, ":50"},
		{"SCAN 0 TYPE string", false, ":50"},
		{"KEYS *", false, ":50"},
		{"TOUCH k", false, ":0"},
		{"TOUCH k", true, ":0"},
		{"COPY k other", false, ":0"},
		{"COPY k other", true, ":50"},
	} {
		t.Run(fmt.Sprint(c.line, c.quiet), func(t *testing.T) {
			r := newKeysRig(t)
			r.do(0, "SET k v")
			r.advance(idle)
			r.quiet = c.quiet
			r.do(0, c.line)
			r.quiet = false
			require.Equal(t, c.want, r.do(0, "OBJECT IDLETIME k"))
		})
	}
}

func TestLookCountsHitsAndMisses(t *testing.T) {
	r := newKeysRig(t)
	r.do(0, "SET k v")
	for _, line := range []string{"EXISTS k nokey", "TYPE k", "TTL nokey", "OBJECT REFCOUNT k", "TOUCH k"} {
		r.do(0, line)
	}
	var sum shards.Stats
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) { sum = tx.Stats() })
	require.EqualValues(t, 4, sum.Hits)
	require.EqualValues(t, 2, sum.Misses)
}

// What INFO counts as changes since the last save: a key that is renamed or moved is one.
func TestChangesAreCountedOnce(t *testing.T) {
	r := newKeysRig(t)
	for _, line := range []string{"SET a 1", "RENAME a b", "RENAMENX b a", "COPY a c", "MOVE a 1", "EXPIRE c 100", "PERSIST c", "EXPIRE c -1", "DEL nokey"} {
		r.do(0, line)
	}
	var sum shards.Stats
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) { sum = tx.Stats() })
	require.EqualValues(t, 8, sum.Dirty)
}
