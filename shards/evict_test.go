package shards

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// evicted is how many keys were evicted, and left how many there are.
func (g *Group) evicted() (evicted int64, left int) {
	g.Run(g.All(), 0, func(tx *Tx) {
		evicted = tx.Stats().Evicted
		left, _ = tx.Len(0)
	})
	return evicted, left
}

// The memory of a key that was evicted counts as free for the next look, so no more go than must.
func TestNoMoreIsEvictedThanMust(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	const n, perKey = 2000, 1000
	for i := range n {
		key := keyOn(g, 0, i%50)
		key = append(key, byte('a'+i/50))
		key = append([]byte{'{'}, append(keyOn(g, 0, 0), append([]byte{'}'}, key...)...)...)
		g.Run(maskOf(g.Route(key)), 0, func(tx *Tx) { put(tx, key, string(make([]byte, perKey))) })
	}
	_, before := g.evicted()
	g.SetLimits(Limits{MaxMemory: g.Used() - 5*perKey, Policy: Policy{Order: AnyKey}, Samples: 5})
	g.Run(maskOf(0), 0, func(tx *Tx) { require.True(t, tx.MakeRoom()) })
	evicted, left := g.evicted()
	require.Equal(t, int64(before-left), evicted)
	require.LessOrEqual(t, evicted, int64(10))
	require.Positive(t, evicted)
}

// When a large collection goes no other key goes with it, on whatever shard.
func TestALargeCollectionIsEvictedAlone(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	g.SetLimits(hashLimits(8))
	large, small := keyOn(g, 0, 0), 0
	g.Run(g.All(), 0, func(tx *Tx) {
		setFields(tx, large, 100_000, 0)
		for shard := range 2 {
			for i := range 100 {
				put(tx, keyOn(g, shard, i+1), "v")
				small++
			}
		}
	})
	limits := g.Limits()
	limits.MaxMemory, limits.Policy, limits.Samples = g.Used()-1<<20, Policy{Order: AnyKey}, 5
	g.Run(g.All(), 0, func(tx *Tx) { // of both shards, whose turns would evict what they find
		g.limits.Store(&limits)
		tx.limits = &limits
		it, _ := tx.Peek(large)
		g.shards[0].evict(tx, 0, it.d, it.ref)
		g.shards[0].freeEvicted()
		require.True(t, tx.over())
		require.True(t, tx.MakeRoom())
	})
	g.Run(maskOf(1), 0, func(tx *Tx) { require.True(t, tx.MakeRoom()) })
	require.Eventually(t, func() bool { return g.freeing.Load() == 0 && !g.exceeds(limits.MaxMemory) }, waitForTurns, turnPoll)
	evicted, left := g.evicted()
	require.Equal(t, int64(1), evicted)
	require.Equal(t, small, left)
}
