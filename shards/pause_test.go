package shards

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/value"
)

const (
	waitForTurns = time.Minute
	turnPoll     = 5 * time.Millisecond
)

// keepingRig is a group whose clock a test sets, with a key that is due at 1000 ms.
func keepingRig(t *testing.T) (g *Group, clock *atomic.Int64, key []byte) {
	clock = new(atomic.Int64)
	clock.Store(500 * millisecond)
	g = newGroup(t, Options{Shards: 2, Clock: clock.Load})
	key = keyOn(g, 1, 0)
	g.Run(g.All(), 0, func(tx *Tx) {
		put(tx, key, "old")
		tx.Write(key).SetDeadline(1000)
	})
	return g, clock, key
}

func (g *Group) expired() (n int64) {
	g.Run(g.All(), 0, func(tx *Tx) { n = tx.Stats().Expired })
	return n
}

// What is due while keys are kept is found by nobody, and goes when that is over.
func TestKeptKeysAreHidden(t *testing.T) {
	g, clock, key := keepingRig(t)
	g.KeepKeys(true)
	clock.Store(2000 * millisecond)
	g.Tick()
	g.Run(g.All(), 0, func(tx *Tx) {
		require.Equal(t, "(nil)", read(tx, key))
		_, there := tx.Random()
		require.False(t, there)
		tx.Each(func([]byte, Item) bool { require.Fail(t, "shown"); return true })
		for next, first := uint64(0), true; first || next != 0; first = false {
			next = tx.Scan(next, 10, func([]byte, Item) { require.Fail(t, "shown") })
		}
		keys, timed := tx.Len(0)
		require.Equal(t, []int{1, 1}, []int{keys, timed})
	})
	require.Zero(t, g.expired())
	g.KeepKeys(false)
	require.Eventually(t, func() bool { return g.expired() == 1 }, waitForTurns, turnPoll)
}

// A key that is written takes the place of one that is hidden, by whatever way it is opened.
func TestWritesTakeThePlaceOfHiddenKeys(t *testing.T) {
	for name, write := range map[string]func(tx *Tx, key []byte){
		"Write": func(tx *Tx, key []byte) { put(tx, key, "new") },
		"WriteFound": func(tx *Tx, key []byte) {
			it, ok := tx.Read(key)
			require.False(t, ok)
			tx.WriteFound(key, it).Put(value.KindRaw, []byte("new"))
		},
		"Rename": func(tx *Tx, key []byte) {
			from := keyOn(tx.g, 1, 1)
			put(tx, from, "new")
			tx.Rename(from, key)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, clock, key := keepingRig(t)
			g.KeepKeys(true)
			clock.Store(2000 * millisecond)
			g.Run(g.All(), 0, func(tx *Tx) {
				write(tx, key)
				require.Equal(t, "new", read(tx, key))
				keys, timed := tx.Len(0)
				require.Equal(t, []int{1, 0}, []int{keys, timed})
				require.False(t, tx.Delete(keyOn(tx.g, 0, 0)))
				require.True(t, tx.Delete(key))
				require.Equal(t, "(nil)", read(tx, key))
			})
			g.KeepKeys(false)
		})
	}
}

// A limit that is exceeded while keys are kept refuses nothing and evicts nothing.
func TestKeptKeysAreNotEvicted(t *testing.T) {
	g, _, key := keepingRig(t)
	g.KeepKeys(true)
	g.SetLimits(Limits{MaxMemory: 1, Policy: Policy{Order: AnyKey}, Samples: 5})
	g.Run(g.All(), 0, func(tx *Tx) {
		require.True(t, tx.MakeRoom())
		require.Equal(t, "old", read(tx, key))
	})
	g.KeepKeys(false)
	require.Eventually(t, func() (gone bool) {
		g.Run(g.All(), 0, func(tx *Tx) { gone = tx.Stats().Evicted == 1 })
		return gone
	}, waitForTurns, turnPoll)
}
