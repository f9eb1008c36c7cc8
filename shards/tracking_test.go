package shards

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// told is an Invalidator that remembers what it is told.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (o *told) add(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, fmt.Sprintf(format, args...))
}

func (o *told) Invalidate(client, by int64, key []byte) { o.add("%d: %s by %d", client, key, by) }
func (o *told) Broadcast(int64, []byte)                 {}
func (o *told) FlushCaches(by int64)                    { o.add("all by %d", by) }

// take returns what was told since the last call, in order.
func (o *told) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.lines
	o.lines = nil
	return lines
}

func newTrackingGroup(t *testing.T, o Options) (*Group, *told) {
	t.Helper()
	g, o2 := newGroup(t, o), &told{}
	g.InvalidateBy(o2)
	g.TrackingClients(1)
	return g, o2
}

// items is how many clients stand under all keys.
func items(g *Group) (n int) {
	g.Run(g.All(), 0, func(tx *Tx) { n = tx.TrackedItems() })
	return n
}

func TestWhoHasReadAKeyIsToldOnce(t *testing.T) {
	g, told := newTrackingGroup(t, Options{Shards: 2})
	key := keyOn(g, 0, 0)
	clients := []int64{5, 3, 300, 3, 4, 5, 1 << 40}
	g.Run(maskOf(0), 0, func(tx *Tx) {
		for _, c := range clients {
			tx.Track(c, key)
		}
	})
	require.EqualValues(t, 1, g.TrackedKeys())
	require.Equal(t, 5, items(g))
	g.Run(maskOf(0), 3, func(tx *Tx) { // whatever the database
		tx.Act(4)
		put(tx, key, "v")
		require.Equal(t, []string{
			fmt.Sprintf("3: %s by 4", key), fmt.Sprintf("4: %s by 4", key), fmt.Sprintf("5: %s by 4", key),
			fmt.Sprintf("300: %s by 4", key), fmt.Sprintf("1099511627776: %s by 4", key),
		}, told.take())
		put(tx, key, "w")
	})
	require.Empty(t, told.take())
	require.Zero(t, g.TrackedKeys())
	require.Zero(t, items(g))
}

// Many clients under one key make its entry large.
func TestManyClientsUnderAKey(t *testing.T) {
	const many = 3000
	g, told := newTrackingGroup(t, Options{Shards: 1, Poison: true})
	key := []byte("k")
	g.Run(maskOf(0), 0, func(tx *Tx) {
		for i := range int64(many) {
			tx.Track(1+i*7%many, key)
		}
	})
	require.Equal(t, many, items(g))
	g.Run(maskOf(0), 0, func(tx *Tx) { put(tx, key, "v") })
	lines := told.take()
	require.Len(t, lines, many)
	for i, line := range lines {
		require.Equal(t, fmt.Sprintf("%d: k by 0", i+1), line)
	}
}

func TestFlushingTellsOnceAndEmptiesTheTables(t *testing.T) {
	g, told := newTrackingGroup(t, Options{Shards: 4})
	used := g.Used()
	g.Run(g.All(), 0, func(tx *Tx) {
		for i := range 100 {
			tx.Track(1, []byte(fmt.Sprint("key:", i)))
		}
		tx.Act(9)
		tx.FlushDB(0)
		tx.FlushDB(1)
		tx.Step(0)
		tx.SwapDB(0, 1)
		tx.Step(0)
		tx.SwapDB(1, 1)
	})
	require.Equal(t, []string{"all by 9", "all by 9"}, told.take())
	require.Zero(t, g.TrackedKeys())
	require.Zero(t, items(g))
	require.InDelta(t, used, g.Used(), 1<<16)
}

// The tables never hold more keys than they may, all together; what is too much is told to be void.
func TestTablesAreBounded(t *testing.T) {
	const most, keys = 100, 1000
	g, told := newTrackingGroup(t, Options{Shards: 4})
	g.SetLimits(Limits{TrackedKeys: most})
	gone := map[string]bool{}
	for i := range keys {
		key := []byte(fmt.Sprint("key:", i))
		g.Run(maskOf(g.Route(key)), 0, func(tx *Tx) { tx.Track(1, key) })
		require.LessOrEqual(t, g.TrackedKeys(), int64(most))
	}
	for _, line := range told.take() {
		require.False(t, gone[line], line)
		gone[line] = true
	}
	require.EqualValues(t, keys-len(gone), g.TrackedKeys())
	require.EqualValues(t, most, g.TrackedKeys())

	// A limit that is lowered is kept soon, and exactly.
	g.SetLimits(Limits{TrackedKeys: 1})
	require.Eventually(t, func() bool { return g.TrackedKeys() == 1 && items(g) == 1 }, time.Minute, time.Millisecond)
	for _, line := range told.take() {
		require.False(t, gone[line], line)
		gone[line] = true
	}
	require.Len(t, gone, keys-1)
}

// A key that expires is void whether somebody comes across it or a turn does, and nobody has done it.
func TestExpiryVoids(t *testing.T) {
	for _, touched := range []bool{true, false} {
		g, told := newTrackingGroup(t, Options{Shards: 1})
		key := []byte("k")
		g.SetLimits(Limits{KeepExpired: touched})
		g.Run(maskOf(0), 0, func(tx *Tx) {
			tx.Act(7)
			put(tx, key, "v")
			tx.Write(key).SetDeadline(tx.Now() + 5)
			tx.Track(7, key)
		})
		time.Sleep(10 * time.Millisecond)
		if touched {
			g.Run(maskOf(0), 0, func(tx *Tx) {
				tx.Act(7)
				_, ok := tx.Read(key)
				require.False(t, ok)
			})
		}
		var lines []string
		require.Eventually(t, func() bool { lines = append(lines, told.take()...); return len(lines) > 0 }, time.Minute, time.Millisecond)
		require.Equal(t, []string{"7: k by 0"}, lines)
	}
}

// A command that is taken back may void too much, but never too little.
func TestUndoForgetsNoInvalidation(t *testing.T) {
	g, told := newTrackingGroup(t, Options{Shards: 1})
	key := []byte("k")
	g.Run(maskOf(0), 0, func(tx *Tx) { tx.Track(1, key) })
	g.Run(maskOf(0), 0, func(tx *Tx) {
		put(tx, key, "v")
		tx.Abort()
	})
	require.True(t, slices.Contains(told.take(), "1: k by 0"))
}
