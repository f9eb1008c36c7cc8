package shards

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// snapshotOf walks a snapshot to its end, and returns "db key=value" of all keys, and how often they came.
func snapshotOf(t *testing.T, g *Group, sn *Snapshot) map[string]int {
	all := map[string]int{}
	for shard := range g.N() {
		for more := true; more; {
			var err error
			more, err = sn.Step(shard, 10, func(e *Entry) bool {
				all[fmt.Sprintf("%d %s=%.10s", e.DB, e.Key, e.View.Bytes)]++
				return true
			})
			require.NoError(t, err)
		}
	}
	return all
}

// TestSnapshotSeesNothingOfWhatFollows changes, removes and moves keys by every path after the opening.
func TestSnapshotSeesNothingOfWhatFollows(t *testing.T) {
	now := int64(1_000_000)
	g := newGroup(t, Options{Shards: 2, Clock: func() int64 { return now * millisecond }})
	large := strings.Repeat("large", 1000)
	want := map[string]int{
		"0 expiring=v": 1, "0 evicted=v": 1, "0 deleted=v": 1, "0 changed=largelarge": 1, "0 renamed=v": 1,
		"0 replaced=v": 1, "0 stays=v": 1, "1 flushed=v": 1, "2 swapped=v": 1, "3 other=v": 1,
	}
	set := func(tx *Tx, db int, key, v string) {
		tx.Select(db)
		put(tx, []byte(key), v)
	}
	g.Run(g.All(), 0, func(tx *Tx) {
		for entry := range want {
			var db int
			var key string
			_, err := fmt.Sscanf(strings.ReplaceAll(entry, "=", " "), "%d %s", &db, &key)
			require.NoError(t, err)
			set(tx, db, key, "v")
		}
		set(tx, 0, "changed", large)
		expiring := tx.Write([]byte("expiring"))
		expiring.SetDeadline(tx.Now() + 10)
	})
	sn, err := g.Snapshot()
	require.NoError(t, err)
	now += 100
	g.Run(g.All(), 0, func(tx *Tx) {
		_, found := tx.Read([]byte("expiring"))
		require.False(t, found)
		evicted, _ := tx.Peek([]byte("evicted"))
		g.shards[g.Route([]byte("evicted"))].evict(tx, 0, evicted.d, evicted.ref)
		tx.Delete([]byte("deleted"))
		changed := tx.Write([]byte("changed"))
		changed.Mutable()[0] = 'X'
		tx.Rename([]byte("renamed"), []byte("new name"))
		put(tx, []byte("replaced"), "another")
		put(tx, []byte("made"), "later")
		tx.FlushDB(1)
		tx.SwapDB(2, 3)
		set(tx, 1, "flushed", "made anew")
		set(tx, 2, "other", "of database 3 before")
	})
	require.Equal(t, want, snapshotOf(t, g, sn))
	again, err := g.Snapshot()
	require.NoError(t, err)
	require.Equal(t, map[string]int{
		"0 changed=Xargelarge": 1, "0 new name=v": 1, "0 replaced=another": 1, "0 stays=v": 1, "0 made=later": 1,
		"1 flushed=made anew": 1, "2 other=of databas": 1, "3 swapped=v": 1,
	}, snapshotOf(t, g, again))
	more, err := sn.Step(0, 1, nil)
	require.False(t, more || err != nil, "a snapshot that has ended stays at its end")
	g.Run(g.All(), 0, func(tx *Tx) {
		for _, s := range g.shards {
			for _, d := range s.dbs {
				require.NoError(t, d.space.Check())
			}
		}
	})
}

// TestClosedSnapshotIsLetGo closes snapshots that have kept much, one of them of a database that was emptied meanwhile.
func TestClosedSnapshotIsLetGo(t *testing.T) {
	for _, flush := range []bool{false, true} {
		g := newGroup(t, Options{Shards: 2})
		g.Run(g.All(), 0, func(tx *Tx) {
			for i := range 5000 {
				put(tx, fmt.Append(nil, "key:", i), strings.Repeat("v", 1000))
			}
		})
		used := g.Used()
		sn, err := g.Snapshot()
		require.NoError(t, err)
		_, err = g.Snapshot()
		require.ErrorIs(t, err, ErrSnapshot)
		g.Run(g.All(), 0, func(tx *Tx) {
			for i := range 5000 {
				put(tx, fmt.Append(nil, "key:", i), strings.Repeat("w", 1000))
			}
			if flush {
				tx.FlushDB(0)
			}
		})
		require.Greater(t, g.Used(), used*19/10, "what is kept counts")
		sn.Close()
		left := used + used/10
		if flush {
			left = used / 10
		}
		require.Eventually(t, func() bool { return g.Used() < left }, time.Minute, time.Millisecond)
		require.Eventually(t, func() bool { _, err := g.Snapshot(); return err == nil }, time.Minute, time.Millisecond)
	}
}

// TestEvictionIsSlowUnderASnapshot sees to it that keys which are kept as they go do not all go for nothing.
func TestEvictionIsSlowUnderASnapshot(t *testing.T) {
	g := newGroup(t, Options{Shards: 1})
	g.SetLimits(Limits{MaxMemory: 1, Policy: Policy{Order: AnyKey}, Samples: 5})
	g.Run(g.All(), 0, func(tx *Tx) {
		for i := range 1000 {
			put(tx, fmt.Append(nil, "key:", i), "v")
		}
	})
	sn, err := g.Snapshot()
	require.NoError(t, err)
	g.Run(g.All(), 0, func(tx *Tx) {
		require.True(t, tx.MakeRoom())
		keys, _ := tx.Len(0)
		require.Equal(t, 999, keys)
	})
	require.Len(t, snapshotOf(t, g, sn), 1000)
}
