package shards

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"respite/keyspace"
)

// TestMemoryIsExactNearTheLimit compares the sum that commands are refused by with what the shards really hold.
func TestMemoryIsExactNearTheLimit(t *testing.T) {
	g := newGroup(t, Options{Shards: 7})
	for i := range 3000 {
		key := fmt.Append(nil, "key:", rand.IntN(500))
		size := rand.IntN(2000)
		if i%100 == 0 {
			size = 200_000
		}
		need := maskOf(g.Route(key))
		g.Run(need, 0, func(tx *Tx) { put(tx, key, strings.Repeat("v", size)) })
		used := g.Used()
		require.True(t, g.exceeds(used-1))
		require.False(t, g.exceeds(used))
	}
	real := int64(0)
	for _, s := range g.shards {
		for _, d := range s.dbs {
			real += d.space.Used()
		}
	}
	empty := New(Options{Shards: 7, Clock: func() int64 { return 0 }})
	for _, s := range empty.shards {
		for _, d := range s.dbs {
			real -= d.space.Used() // what an empty database takes is not counted before it is written
		}
	}
	require.InDelta(t, real, g.Used(), 7*1024)
	g.Run(g.All(), 0, func(tx *Tx) { tx.FlushDB(0) })
	require.Less(t, g.Used(), int64(7*1024))
	require.False(t, g.exceeds(g.Used()))
}

// A limit that is lowered is kept soon, though nobody writes.
func TestALowerLimitEvictsByItself(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	const n = 1000
	for i := range n {
		key := fmt.Appendf(nil, "k%d", i)
		g.Run(maskOf(g.Route(key)), 3, func(tx *Tx) { put(tx, key, "v") })
	}
	keys := func() (keys int) {
		g.Run(g.All(), 0, func(tx *Tx) { keys, _ = tx.Len(3) })
		return keys
	}
	g.SetLimits(Limits{MaxMemory: 1, Samples: 5})
	time.Sleep(5 * minRest * time.Millisecond)
	require.Equal(t, n, keys())
	g.SetLimits(Limits{MaxMemory: 1, Samples: 5, Policy: Policy{Order: AnyKey}})
	require.Eventually(t, func() bool { return keys() == 0 }, time.Minute, time.Millisecond)
}

// What an emptied database held is given back by the shards' turns, and nothing that past transactions left behind keeps it.
func TestEmptiedDatabaseIsGivenBack(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		t.Run(fmt.Sprintf("snapshot open: %v", frozen), func(t *testing.T) {
			g := newGroup(t, Options{Shards: 2})
			for i := range 1000 {
				key := fmt.Appendf(nil, "k%d", i)
				need := maskOf(g.Route(key))
				if i%2 == 0 {
					need = g.All()
				}
				g.Run(need, 0, func(tx *Tx) { put(tx, key, strings.Repeat("v", 2000)) })
			}
			g.Run(g.All(), 0, func(tx *Tx) { tx.Rename([]byte("k1"), []byte("k2")) })
			var sn *Snapshot
			if frozen {
				var err error
				sn, err = g.Snapshot()
				require.NoError(t, err)
			}
			var emptied []weak.Pointer[keyspace.Space]
			g.Run(g.All(), 0, func(tx *Tx) {
				tx.eachShard(func(s *shard) { emptied = append(emptied, weak.Make(s.dbs[0].space)) })
				tx.FlushDB(0)
			})
			if frozen {
				snapshotOf(t, g, sn)
			}
			require.Eventually(t, func() bool {
				runtime.GC()
				return emptied[0].Value() == nil && emptied[1].Value() == nil
			}, time.Minute, time.Millisecond)
		})
	}
}
