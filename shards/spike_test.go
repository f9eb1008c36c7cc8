package shards

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestShardsTellOfLongWork makes everything long: the clock goes on by a millisecond whenever somebody looks.
func TestShardsTellOfLongWork(t *testing.T) {
	now := int64(0)
	g := New(Options{Shards: 1, Clock: func() int64 { now += millisecond; return now }})
	told := map[string]bool{}
	l := Limits{MaxMemory: 1, Samples: 5, Policy: Policy{Order: AnyKey}, Spiked: func(event string, nanos int64) {
		require.GreaterOrEqual(t, nanos, int64(millisecond))
		told[event] = true
	}}
	work := func() {
		inShard(g, now, func(tx *Tx) { put(tx, []byte("k"), "v") })
		g.shards[0].settle()
		inShard(g, now, func(tx *Tx) { tx.MakeRoom() })
		g.shards[0].tx.limits = g.limits.Load()
		g.shards[0].turn()
	}
	g.SetLimits(l)
	work()
	require.Empty(t, told, "nobody wants to know")
	l.Spike = millisecond
	g.SetLimits(l)
	work()
	require.Equal(t, map[string]bool{spikeExpiry: true, spikeEviction: true}, told)
	l.Spike = 1000 * millisecond
	g.SetLimits(l)
	clear(told)
	work()
	require.Empty(t, told, "it was not long enough")
}
