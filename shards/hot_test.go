package shards

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inShard runs body in a transaction over one shard at a time in nanoseconds.
func inShard(g *Group, now int64, body func(*Tx)) {
	tx := &g.shards[0].tx
	tx.limits = g.limits.Load()
	tx.Begin(0, now)
	defer tx.End()
	body(tx)
}

// hotGroup is a group of one shard that nobody has started: the test owns it.
func hotGroup(every int64) *Group {
	g := New(Options{Shards: 1})
	g.SetLimits(Limits{HotEvery: every})
	return g
}

func TestEveryCommandIsSampledIfAsked(t *testing.T) {
	g := hotGroup(1)
	inShard(g, 0, func(tx *Tx) {
		for range 100 {
			require.True(t, tx.Sampled())
		}
	})
}

func TestSamplesAreOneOfSoMany(t *testing.T) {
	const every, commands = 100, 1_000_000
	g := hotGroup(every)
	sampled := 0
	inShard(g, 0, func(tx *Tx) {
		for range commands {
			if tx.Sampled() {
				sampled++
			}
		}
	})
	require.InDelta(t, commands/every, sampled, commands/every/20)
}

func TestSamplingCanBeSwitched(t *testing.T) {
	g := hotGroup(1_000_000)
	inShard(g, 0, func(tx *Tx) {
		for range 100 {
			_ = tx.Sampled()
		}
	})
	g.SetLimits(Limits{HotEvery: 1})
	inShard(g, 0, func(tx *Tx) { require.True(t, tx.Sampled(), "the next one, not the one drawn before") })
	g.SetLimits(Limits{})
	inShard(g, 0, func(tx *Tx) { require.False(t, tx.Sampled()) })
}

// TestHotKeysAreFound holds the sketch to the bound of space-saving: what is counted is at least the truth, and too high by the error that
// it tells, which is at most a share of all accesses.
func TestHotKeysAreFound(t *testing.T) {
	const accesses = 200_000
	g := hotGroup(1)
	truth := map[string]int64{}
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.1, 1, 1<<20)
	inShard(g, 0, func(tx *Tx) {
		for range accesses {
			key := fmt.Sprint(zipf.Uint64())
			truth[key]++
			tx.Heat([]byte(key))
		}
		found := tx.HotKeys(hotCounters)
		require.Len(t, found, hotCounters)
		for i, k := range found {
			n := truth[string(k.Key)]
			require.LessOrEqual(t, n, k.Accesses)
			require.LessOrEqual(t, k.Accesses-k.Error, n)
			require.LessOrEqual(t, k.Error, int64(accesses/hotCounters))
			if i < 10 {
				require.Equal(t, fmt.Sprint(i), string(k.Key), "the hottest are in order")
			}
		}
	})
}

func TestHotKeysAge(t *testing.T) {
	g := hotGroup(1)
	heat := func(now int64, key string, times int) {
		inShard(g, now, func(tx *Tx) {
			for range times {
				tx.Heat([]byte(key))
			}
		})
	}
	heat(0, "old", 100)
	heat(0, "once", 1)
	heat(hotHalfLife, "new", 80)
	inShard(g, hotHalfLife, func(tx *Tx) {
		found := tx.HotKeys(10)
		require.Len(t, found, 2, "a count that is halved to nothing is forgotten")
		require.Equal(t, "new", string(found[0].Key))
		require.EqualValues(t, 50, found[1].Accesses)
		require.InDelta(t, 50.0/30, found[1].PerSecond, 1e-9)
	})
	inShard(g, 20*hotHalfLife, func(tx *Tx) { require.Empty(t, tx.HotKeys(10)) })
}

func TestHotKeysAreOfADatabaseAndLongOnesAreCut(t *testing.T) {
	g := hotGroup(1)
	long := strings.Repeat("k", shownKey+5)
	inShard(g, 0, func(tx *Tx) {
		tx.Heat([]byte("a"))
		tx.Heat([]byte(long))
		tx.Select(3)
		tx.Heat([]byte("a"))
		tx.Heat([]byte("a"))
		found := tx.HotKeys(10)
		require.Len(t, found, 3)
		require.Equal(t, 3, found[0].DB)
		require.True(t, bytes.HasSuffix(found[2].Key, []byte("... (5 more bytes)")))
		tx.ForgetHotKeys()
		require.Empty(t, tx.HotKeys(10))
	})
}

func TestHeatAllocatesNothing(t *testing.T) {
	g := hotGroup(1)
	keys := make([][]byte, 4*hotCounters)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key:%012d", i)
	}
	inShard(g, 0, func(tx *Tx) {
		next := 0
		heat := func() { tx.Heat(keys[next%len(keys)]); next++ }
		for range keys {
			heat()
		}
		require.Zero(t, testing.AllocsPerRun(100, heat))
	})
}

func BenchmarkHeat(b *testing.B) {
	g := hotGroup(1)
	keys := make([][]byte, 1<<16)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key:%012d", i)
	}
	inShard(g, 0, func(tx *Tx) {
		for i := range b.N {
			tx.Heat(keys[i&(len(keys)-1)])
		}
	})
}
