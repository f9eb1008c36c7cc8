package shards

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/value"
)

// watchRig is a group with a clock that stands still, and one watch of two keys on different shards in database 0.
type watchRig struct {
	*Group
	now  atomic.Int64
	a, b []byte
	w    *Watch
}

func newWatchRig(t testing.TB) *watchRig {
	r := &watchRig{w: new(Watch)}
	r.now.Store(1_700_000_000_000 * millisecond)
	r.Group = newGroup(t, Options{Shards: 2, Clock: r.now.Load})
	r.SetLimits(Limits{KeepExpired: true})
	r.a, r.b = keyOn(r.Group, 0, 0), keyOn(r.Group, 1, 0)
	return r
}

func (r *watchRig) run(body func(tx *Tx)) { r.Run(r.All(), 0, body) }

// intact ends the watch and reports whether nothing had happened.
func (r *watchRig) intact() (ok bool) {
	r.run(func(tx *Tx) {
		ok = tx.Intact(r.w)
		tx.Unwatch(r.w)
	})
	r.w = new(Watch)
	return ok
}

// timed puts a key that expires in so many milliseconds.
func timed(tx *Tx, key []byte, ms int64) {
	slot := tx.Write(key)
	slot.Put(value.KindRaw, []byte("v"))
	slot.SetDeadline(tx.Now() + ms)
	tx.Changed(key, EventSet)
}

func TestWhatBreaksAWatch(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before func(r *watchRig, tx *Tx)
		after  func(r *watchRig, tx *Tx)
		later  int64 // milliseconds between the two
		intact bool
	}{
		{name: "nothing", intact: true},
		{
			name: "a read", intact: true,
			before: func(r *watchRig, tx *Tx) { put(tx, r.a, "v") },
			after:  func(r *watchRig, tx *Tx) { read(tx, r.a) },
		},
		{name: "a write", after: func(r *watchRig, tx *Tx) { put(tx, r.b, "v") }},
		{name: "a write of another key", intact: true, after: func(r *watchRig, tx *Tx) { put(tx, keyOn(r.Group, 0, 1), "v") }},
		{name: "a write in another database", intact: true, after: func(r *watchRig, tx *Tx) { tx.Select(1); put(tx, r.b, "v") }},
		{name: "the second name of a change", after: func(r *watchRig, tx *Tx) { tx.Also(r.a, EventRenameTo) }},
		{name: "a change that is no modification", intact: true, after: func(r *watchRig, tx *Tx) { tx.Changed(r.a, EventSilent) }},
		{
			name: "expiry that nobody has noticed", later: 6,
			before: func(r *watchRig, tx *Tx) { timed(tx, r.a, 5) },
		},
		{
			name: "expiry that somebody has noticed", later: 6,
			before: func(r *watchRig, tx *Tx) { timed(tx, r.a, 5) },
			after:  func(r *watchRig, tx *Tx) { read(tx, r.a) },
		},
		{
			name: "a deadline to come", intact: true, later: 4,
			before: func(r *watchRig, tx *Tx) { timed(tx, r.a, 5) },
		},
		{
			name: "eviction", before: func(r *watchRig, tx *Tx) { put(tx, r.a, "v") },
			after: func(r *watchRig, tx *Tx) {
				tx.limits = &Limits{MaxMemory: 1, Policy: Policy{Order: AnyKey}, Samples: 5}
				tx.MakeRoom()
			},
		},
		{
			name: "a flush", before: func(r *watchRig, tx *Tx) { put(tx, r.a, "v") },
			after: func(_ *watchRig, tx *Tx) { tx.FlushDB(0) },
		},
		{name: "a flush without the keys", intact: true, after: func(_ *watchRig, tx *Tx) { tx.FlushDB(0) }},
		{
			name: "a flush of another database", intact: true,
			before: func(r *watchRig, tx *Tx) { put(tx, r.a, "v"); tx.Select(1); put(tx, r.a, "v"); tx.Select(0) },
			after:  func(_ *watchRig, tx *Tx) { tx.FlushDB(1) },
		},
		{
			name: "a swap that takes a key", before: func(r *watchRig, tx *Tx) { put(tx, r.a, "v") },
			after: func(_ *watchRig, tx *Tx) { tx.SwapDB(0, 1) },
		},
		{
			name:   "a swap that brings a key",
			before: func(r *watchRig, tx *Tx) { tx.Select(1); put(tx, r.a, "v"); tx.Select(0) },
			after:  func(_ *watchRig, tx *Tx) { tx.SwapDB(1, 0) },
		},
		{
			name: "a swap of other databases", intact: true, before: func(r *watchRig, tx *Tx) { put(tx, r.a, "v") },
			after: func(_ *watchRig, tx *Tx) { tx.SwapDB(1, 2) },
		},
		{
			name: "a swap that brings a key past its deadline", intact: true, later: 6,
			before: func(r *watchRig, tx *Tx) { tx.Select(1); timed(tx, r.a, 5); tx.Select(0) },
			after:  func(r *watchRig, tx *Tx) { tx.SwapDB(0, 1); read(tx, r.a) },
		},
		{
			name: "a rename", before: func(r *watchRig, tx *Tx) { put(tx, keyOn(r.Group, 0, 1), "v") },
			after: func(r *watchRig, tx *Tx) { tx.Rename(keyOn(r.Group, 0, 1), r.b); tx.Changed(r.b, EventRenameTo) },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newWatchRig(t)
			r.run(func(tx *Tx) {
				if tc.before != nil {
					tc.before(r, tx)
				}
			})
			r.run(func(tx *Tx) { tx.Watch(r.w, [][]byte{r.a, r.b}) })
			r.now.Add(tc.later * millisecond)
			r.run(func(tx *Tx) {
				if tc.after != nil {
					tc.after(r, tx)
				}
			})
			require.Equal(t, tc.intact, r.intact())
			r.run(func(tx *Tx) { require.Zero(t, tx.Watched()) })
		})
	}
}

func TestAKeyPastItsDeadlineIsWatchedAsAbsent(t *testing.T) {
	r := newWatchRig(t)
	r.run(func(tx *Tx) { timed(tx, r.a, 5) })
	r.now.Add(6 * millisecond)
	r.run(func(tx *Tx) { tx.Watch(r.w, [][]byte{r.a}) })
	r.run(func(tx *Tx) { tx.Read(r.a) })
	r.run(func(tx *Tx) { tx.FlushDB(0) })
	require.True(t, r.intact())
}

// However watches begin and end, a key that changes breaks those that watch it and no others, and nothing is left at the end.
func TestWatchesOfManyClients(t *testing.T) {
	const clients, keys, rounds = 20, 6, 4000
	g := newGroup(t, Options{Shards: 3})
	rnd := rand.New(rand.NewPCG(1, 2))
	watches, want := [clients]*Watch{}, [clients]map[string]bool{} // what each watches; nil: broken
	for i := range watches {
		watches[i], want[i] = new(Watch), map[string]bool{}
	}
	for range rounds {
		i, key := rnd.IntN(clients), fmt.Sprint("key", rnd.IntN(keys))
		switch rnd.IntN(4) {
		case 0:
			g.Run(g.All(), 0, func(tx *Tx) { put(tx, []byte(key), "v") })
			for j := range want {
				if want[j][key] {
					want[j] = nil
				}
			}
		case 1:
			g.Run(g.All(), 0, func(tx *Tx) { tx.Unwatch(watches[i]) })
			watches[i], want[i] = new(Watch), map[string]bool{}
		default:
			if want[i] != nil {
				g.Run(maskOf(g.Route([]byte(key))), 0, func(tx *Tx) { tx.Watch(watches[i], [][]byte{[]byte(key), []byte(key)}) })
				want[i][key] = true
				require.EqualValues(t, len(want[i]), watches[i].Len())
			}
		}
		require.Equal(t, want[i] == nil, watches[i].Broken())
	}
	g.Run(g.All(), 0, func(tx *Tx) {
		require.NotZero(t, tx.Watched())
		for _, w := range watches {
			tx.Unwatch(w)
		}
		require.Zero(t, tx.Watched())
	})
	for _, s := range g.shards {
		for _, of := range s.watches {
			require.Nil(t, of)
		}
	}
}

func TestUnwatchNeedsTheShards(t *testing.T) {
	r := newWatchRig(t)
	r.run(func(tx *Tx) { tx.Watch(r.w, [][]byte{r.a, r.b}) })
	require.Panics(t, func() { r.Run(maskOf(0), 0, func(tx *Tx) { tx.Unwatch(r.w) }) })
}

// Undo takes back what happened since the last Step, and nothing before it.
func TestUndoTakesBackOneStep(t *testing.T) {
	r := newWatchRig(t)
	r.run(func(tx *Tx) {
		put(tx, r.a, "first")
		tx.Step(0)
		put(tx, r.a, "second")
		put(tx, r.b, "second")
		tx.Undo()
		require.Equal(t, "first", read(tx, r.a))
		require.Equal(t, "(nil)", read(tx, r.b))
		tx.Step(1)
		put(tx, r.b, "third")
		tx.Step(0)
		tx.Undo()
		require.Equal(t, "(nil)", read(tx, r.b))
		tx.Select(1)
		require.Equal(t, "third", read(tx, r.b))
	})
}
