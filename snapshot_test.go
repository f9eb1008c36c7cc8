package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/oracle"
	"respite/rdb"
	"respite/shards"
)

// place is a key of a database.
type place struct {
	db  int
	key string
}

// saved is a value as DUMP has it, and when it expires.
type saved struct {
	bytes    []byte
	timed    bool
	deadline int64
}

// dumpAll writes every key, in one transaction.
func dumpAll(s *testServer) map[place]saved {
	all := map[place]saved{}
	s.group.Run(s.group.All(), 0, func(tx *shards.Tx) {
		for db := range s.group.Databases() {
			tx.Select(db)
			tx.Each(func(key []byte, it shards.Item) bool {
				v := saved{bytes: rdb.AppendFooter(rdb.AppendValue(nil, it.View(), tx.Encoding()))}
				v.deadline, v.timed = it.Deadline()
				all[place{db, string(key)}] = v
				return true
			})
		}
	})
	return all
}

// fill makes keys that the random commands know into large collections of all types.
func fill(t *testing.T, c *oracle.Conn) {
	const elements, atOnce = 3000, 100
	do(t, c, "SELECT", strconv.Itoa(rand.IntN(3)))
	do(t, c, "DEL", "k4", "k5", "k6", "k7", "k8", "k9", "k10")
	for from := 0; from < elements; from += atOnce {
		hash, list, set, zset := []string{"HSET", "k4"}, []string{"RPUSH", "k5"}, []string{"SADD", "k6"}, []string{"ZADD", "k7"}
		for i := from; i < from+atOnce; i++ {
			elem := fmt.Sprintf("element %d", i)
			hash = append(hash, elem, strconv.Itoa(i))
			list = append(list, elem)
			set = append(set, elem)
			zset = append(zset, strconv.Itoa(rand.IntN(1000)), elem)
			do(t, c, "XADD", "k8", strconv.Itoa(i+1), "field", elem)
		}
		for _, command := range [][]string{hash, list, set, zset} {
			do(t, c, command...)
		}
	}
	do(t, c, "XGROUP", "CREATE", "k8", "group", "0")
	do(t, c, "XREADGROUP", "GROUP", "group", "consumer", "COUNT", "1000", "STREAMS", "k8", ">")
	do(t, c, "SETRANGE", "k9", "20000", "a large string")
	do(t, c, "RPUSH", "k10", string(make([]byte, 10_000)), "small")
}

// TestSnapshotsUnderRandomCommands opens snapshots between random commands of all types, and walks them in steps between further ones. Each key
// must come once, with the bytes that DUMP had at the opening.
func TestSnapshotsUnderRandomCommands(t *testing.T) {
	rounds := 8
	if underRace() {
		rounds = 4
	}
	tiny := []string{
		"--hash-max-listpack-entries", "2", "--set-max-listpack-entries", "2", "--set-max-intset-entries", "2",
		"--zset-max-listpack-entries", "2", "--list-max-listpack-size", "2", "--stream-node-max-entries", "3",
	}
	for name, args := range map[string][]string{"usual limits": nil, "everything large": tiny} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, append(args, "--shards", "3")...)
			c := s.connect(t, resp2)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			gen := oracle.NewGenerator(seed, oracle.AllTables()...)
			w := snapshotWalk{t: t, s: s, commands: func(n int) {
				for range n {
					args := gen.Next()
					if waits(args) {
						continue
					}
					_, err := c.Do(args...)
					require.NoError(t, err)
				}
			}}
			settle := func() { do(t, c, "RESET") } // the random commands may have left a transaction open, which would queue what follows
			for round := range rounds {
				settle()
				fill(t, c)
				w.commands(200)
				w.open()
				w.run(round%4 == 3)
			}
			settle()
			do(t, c, "FLUSHALL")
			require.Eventually(t, func() bool { return s.group.Used() < 100_000 }, time.Minute, time.Millisecond, "something was kept for ever")
		})
	}
}

// waits reports whether a command may wait for others.
func waits(args []string) bool {
	name := strings.ToLower(args[0])
	return name[:min(1, len(name))] == "b" && !strings.HasPrefix(name, "bit") ||
		slices.ContainsFunc(args, func(arg string) bool { return strings.EqualFold(arg, "block") })
}

// snapshotWalk compares a snapshot with what was there when it was opened.
type snapshotWalk struct {
	t        *testing.T
	s        *testServer
	commands func(n int)

	snapshot *shards.Snapshot
	want     map[place]saved
	limits   shards.Limits // when it was opened: lists are written by them
	opened   int64         // unix milliseconds
	again    *place
}

func (w *snapshotWalk) open() {
	w.want = dumpAll(w.s)
	require.Eventually(w.t, func() (ok bool) {
		var err error
		if w.snapshot, err = w.s.group.Snapshot(); err != nil {
			require.ErrorIs(w.t, err, shards.ErrSnapshot, "the last one is not let go of yet")
		}
		return err == nil
	}, time.Minute, time.Millisecond)
	w.limits = w.s.group.Limits()
	w.opened = w.s.group.Now() / int64(time.Millisecond)
	_, err := w.s.group.Snapshot()
	require.ErrorIs(w.t, err, shards.ErrSnapshot)
}

// run steps through all shards, each for itself, or closes the snapshot half-way.
func (w *snapshotWalk) run(half bool) {
	steps := 0
	for shard := range w.s.group.N() {
		for more := true; more; steps++ {
			w.commands(rand.IntN(6))
			stop := rand.IntN(8)
			var err error
			more, err = w.snapshot.Step(shard, 1+rand.IntN(200), func(e *shards.Entry) bool {
				stop--
				return w.visit(e, stop == 0)
			})
			require.NoError(w.t, err)
			if half && steps == 20 {
				w.snapshot.Close()
				w.again = nil
				return
			}
		}
	}
	for p, v := range w.want {
		require.True(w.t, v.timed && v.deadline <= w.opened, "%v did not come", p)
	}
}

func (w *snapshotWalk) visit(e *shards.Entry, stop bool) (done bool) {
	at := place{e.DB, string(e.Key)}
	if w.again != nil {
		require.Equal(w.t, *w.again, at)
		w.again = nil
	}
	got := saved{rdb.AppendFooter(rdb.AppendValue(nil, e.View, &w.limits.Encoding)), e.Timed, e.Deadline}
	want, ok := w.want[at]
	if !ok {
		require.True(w.t, e.Timed && e.Deadline <= w.opened, "%v does not belong to the snapshot, or comes twice", at)
		return true
	}
	require.True(w.t, bytes.Equal(want.bytes, got.bytes), "value of %v", at)
	require.Equal(w.t, want.timed, got.timed)
	require.Equal(w.t, want.deadline, got.deadline)
	if stop {
		w.again = &at
		return false
	}
	delete(w.want, at)
	return true
}
