package shards

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"respite/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newGroup starts a group that is stopped at the end of the test.
func newGroup(t testing.TB, o Options) *Group {
	o.Poison = true
	g := New(o)
	g.Start()
	t.Cleanup(g.Close)
	return g
}

// keyOn returns a key that is routed to a shard, the nth such one.
func keyOn(g *Group, shard, nth int) []byte {
	for i := 0; ; i++ {
		key := fmt.Appendf(nil, "key:%d", i)
		if g.Route(key) == shard {
			if nth == 0 {
				return key
			}
			nth--
		}
	}
}

func maskOf(shards ...int) (m Mask) {
	for _, s := range shards {
		m.Set(s)
	}
	return m
}

func put(tx *Tx, key []byte, v string) {
	slot := tx.Write(key)
	slot.Put(value.KindRaw, []byte(v))
	tx.Changed(key, EventSet)
}

func read(tx *Tx, key []byte) string {
	it, ok := tx.Read(key)
	if !ok {
		return "(nil)"
	}
	return string(it.Value())
}

func TestMask(t *testing.T) {
	m := maskOf(0, 63, 64, 255)
	require.Equal(t, 4, m.Len())
	require.True(t, m.Has(64))
	require.False(t, m.Has(65))
	require.Equal(t, 0, m.First())
	high := maskOf(200)
	require.Equal(t, 200, high.First())
}

func TestRouteUsesTheHashTagAndEveryShard(t *testing.T) {
	g := New(Options{Shards: 7})
	require.Equal(t, g.Route([]byte("{user}:a")), g.Route([]byte("{user}:b")))
	seen := map[int]bool{}
	for i := range 1000 {
		seen[g.Route(fmt.Append(nil, i))] = true
	}
	require.Len(t, seen, 7)
}

func TestOneShardAndBorrowedTransactionsSeeEachOther(t *testing.T) {
	g := newGroup(t, Options{Shards: 3})
	a, b := keyOn(g, 0, 0), keyOn(g, 2, 0)
	g.Run(maskOf(0, 2), 0, func(tx *Tx) { put(tx, a, "1"); put(tx, b, "2") })
	g.Run(maskOf(0), 0, func(tx *Tx) { require.Equal(t, "1", read(tx, a)) })
	g.Run(maskOf(2), 0, func(tx *Tx) { require.Equal(t, "2", read(tx, b)) })
	g.Run(maskOf(2), 1, func(tx *Tx) { require.Equal(t, "(nil)", read(tx, b), "another database") })
}

func TestForeignKeyAndUseAfterEndPanic(t *testing.T) {
	g := newGroup(t, Options{Shards: 3})
	foreign := keyOn(g, 1, 0)
	require.Panics(t, func() { g.Run(maskOf(0, 2), 0, func(tx *Tx) { tx.Read(foreign) }) })
	if checked {
		require.Panics(t, func() { g.Run(maskOf(0), 0, func(tx *Tx) { tx.Read(foreign) }) })
	}
	var kept *Tx
	g.Run(maskOf(0, 1), 0, func(tx *Tx) { kept = tx })
	require.Panics(t, func() { kept.Read(foreign) })
	g.Run(maskOf(0, 1, 2), 0, func(tx *Tx) { require.Equal(t, "(nil)", read(tx, foreign)) }) // the shards were given back
}

func TestPanicGivesShardsBackAndAbortTakesChangesBack(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	old, fresh := keyOn(g, 0, 0), keyOn(g, 1, 0)
	g.Run(g.All(), 0, func(tx *Tx) {
		slot := tx.Write(old)
		slot.Put(value.KindRaw, []byte("before"))
		slot.SetDeadline(tx.Now() + 100_000)
	})
	g.Run(g.All(), 0, func(tx *Tx) {
		slot := tx.Write(old)
		slot.Put(value.KindRaw, []byte("after and much longer than it was before"))
		slot.Persist()
		put(tx, fresh, "new")
		slot = tx.Write(old)
		slot.Delete()
		tx.Abort()
	})
	g.Run(g.All(), 0, func(tx *Tx) {
		require.Equal(t, "before", read(tx, old))
		it, _ := tx.Peek(old)
		_, timed := it.Deadline()
		require.True(t, timed)
		require.Equal(t, "(nil)", read(tx, fresh))
	})
}

// TestOrder checks the rule of order: a job over several shards happens on all of them at the same place in the order
// of jobs. Every job writes its number to a key on each of its shards; whoever holds all of two shards must see the same
// number on both.
func TestOrder(t *testing.T) {
	const workers, rounds = 8, 400
	g := newGroup(t, Options{Shards: 4})
	var keys [4][]byte
	for i := range keys {
		keys[i] = keyOn(g, i, 0)
	}
	var number atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			j := g.NewJob()
			for range rounds {
				v := fmt.Sprint(number.Add(1))
				switch rnd.IntN(3) {
				case 0: // a batch over both halves
					for i := range keys {
						long := rnd.IntN(4) == 0
						j.Add(i, bodyWork(func(tx *Tx) {
							if long {
								tx.Long()
							}
							put(tx, keys[i], v)
						}))
					}
					j.Run()
				case 1: // a borrow
					g.Run(g.All(), 0, func(tx *Tx) {
						for i := range keys {
							put(tx, keys[i], v)
						}
					})
				default:
					g.Run(g.All(), 0, func(tx *Tx) {
						first := read(tx, keys[0])
						for i := range keys {
							if got := read(tx, keys[i]); got != first {
								t.Errorf("shard 0 has %s, shard %d has %s", first, i, got)
							}
						}
					})
				}
			}
		}()
	}
	wg.Wait()
}

// bodyWork is a part that is one transaction.
type bodyWork func(*Tx)

func (b bodyWork) Run(tx *Tx) { runBody(tx, 0, b) }

func TestCountersAreNotLostUnderContention(t *testing.T) {
	const workers, rounds = 16, 500
	g := newGroup(t, Options{Shards: 2})
	key := keyOn(g, 1, 0)
	g.Run(maskOf(1), 0, func(tx *Tx) { slot := tx.Write(key); slot.Put(value.KindInt, make([]byte, 8)) })
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			need := maskOf(1)
			if w%2 == 0 {
				need = g.All()
			}
			for range rounds {
				g.Run(need, 0, func(tx *Tx) {
					it, _ := tx.Read(key)
					n := value.DecodeInt(it.Value()) + 1
					slot := tx.Write(key)
					slot.Put(value.KindInt, value.EncodeInt(n, new([8]byte)))
				})
			}
		}()
	}
	wg.Wait()
	g.Run(g.All(), 0, func(tx *Tx) {
		it, _ := tx.Read(key)
		require.EqualValues(t, workers*rounds, value.DecodeInt(it.Value()))
	})
}

// recorder is an Observer that writes down what it sees.
type recorder struct {
	mu  sync.Mutex
	saw []string
}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saw = append(r.saw, fmt.Sprintf(format, args...))
}

func (r *recorder) PreImage(_ *Tx, key []byte, old Item, existed bool) {
	r.note("before %s %v", key, existed && old.Value() != nil)
}

func (r *recorder) Changed(_ *Tx, key []byte, e Event) { r.note("%c %s %s", e.Class(), e.Name(), key) }
func (r *recorder) Committed(*Tx)                      { r.note("commit") }
func (r *recorder) Flushed(_ *Tx, db int)              { r.note("flushed %d", db) }

func TestObserverSeesEveryPathThatChangesAKey(t *testing.T) {
	var r recorder
	var now atomic.Int64
	now.Store(1_700_000_000_000 * millisecond)
	g := newGroup(t, Options{Shards: 1, Clock: now.Load, Observer: &r})
	a, b := []byte("a"), []byte("b")
	run := func(body func(*Tx)) { g.Run(g.All(), 0, body) }
	run(func(tx *Tx) {
		slot := tx.Write(a)
		slot.Put(value.KindRaw, []byte("1"))
		slot.SetDeadline(tx.Now() + 5)
		tx.Changed(a, EventSet)
	})
	run(func(tx *Tx) { tx.Read(a) }) // reads commit nothing
	now.Add(6 * millisecond)
	run(func(tx *Tx) { require.Equal(t, "(nil)", read(tx, a)) }) // expires
	run(func(tx *Tx) { put(tx, b, "2") })
	run(func(tx *Tx) { require.True(t, tx.Delete(b)); tx.Changed(b, EventDel) })
	g.SetLimits(Limits{MaxMemory: 1, Policy: Policy{Order: AnyKey}, Samples: 5})
	run(func(tx *Tx) { put(tx, a, "3") })
	run(func(tx *Tx) { require.True(t, tx.MakeRoom()) }) // evicts
	run(func(tx *Tx) { tx.FlushDB(0) })
	require.Equal(t, []string{
		"before a false", "$ set a", "commit",
		"before a true", "x expired a", "commit",
		"before b false", "$ set b", "commit",
		"before b true", "g del b", "commit",
		"before a false", "$ set a", "commit",
		"before a true", "e evicted a", "commit",
		"flushed 0", "commit",
	}, r.saw)
}

func TestActiveExpiryRemovesKeysThatNobodyTouches(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	const n = 5000
	g.Run(g.All(), 3, func(tx *Tx) {
		for i := range n {
			key := fmt.Appendf(nil, "k%d", i)
			slot := tx.Write(key)
			slot.Put(value.KindRaw, key)
			slot.SetDeadline(tx.Now() + 20)
		}
	})
	require.Eventually(t, func() bool {
		var keys int
		g.Run(g.All(), 3, func(tx *Tx) { keys, _ = tx.Len(3) })
		return keys == 0
	}, time.Minute, 5*time.Millisecond)
	g.Run(g.All(), 0, func(tx *Tx) { require.EqualValues(t, n, tx.Stats().Expired) })
}

func TestScanReturnsEveryStableKeyUnderChurn(t *testing.T) {
	g := newGroup(t, Options{Shards: 3})
	stable := map[string]bool{}
	for i := range 2000 {
		key := fmt.Sprintf("stable:%d", i)
		stable[key] = true
		g.Run(maskOf(g.Route([]byte(key))), 0, func(tx *Tx) { put(tx, []byte(key), "v") })
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for cursor := uint64(0); ; {
		g.Run(g.All(), 0, func(tx *Tx) {
			cursor = tx.Scan(cursor, 10, func(key []byte, _ Item) { seen[string(key)] = true })
		})
		for range 20 { // growth and shrinking between the calls
			key := fmt.Appendf(nil, "churn:%d", rnd.IntN(20000))
			g.Run(maskOf(g.Route(key)), 0, func(tx *Tx) {
				if !tx.Delete(key) {
					put(tx, key, "x")
				}
			})
		}
		require.Less(t, cursor, uint64(1)<<53)
		if cursor == 0 {
			break
		}
	}
	for key := range stable {
		require.True(t, seen[key], key)
	}
}

func TestSwapAndFlush(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	key := []byte("k")
	g.Run(g.All(), 0, func(tx *Tx) { put(tx, key, "zero"); tx.SwapDB(0, 5) })
	g.Run(g.All(), 5, func(tx *Tx) { require.Equal(t, "zero", read(tx, key)) })
	g.Run(g.All(), 0, func(tx *Tx) {
		require.Equal(t, "(nil)", read(tx, key))
		require.Equal(t, 1, tx.FlushDB(5))
		keys, _ := tx.Len(5)
		require.Zero(t, keys)
	})
	runtime.GC()
}

func TestRenameAcrossShardsKeepsTheDeadline(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	from, to := keyOn(g, 0, 0), keyOn(g, 1, 0)
	g.Run(g.All(), 0, func(tx *Tx) {
		slot := tx.Write(from)
		slot.Put(value.KindRaw, []byte("v"))
		slot.SetDeadline(tx.Now() + 77_000)
		want := tx.Now() + 77_000
		tx.Rename(from, to)
		it, ok := tx.Peek(to)
		require.True(t, ok)
		ms, _ := it.Deadline()
		require.Equal(t, want, ms)
		require.Equal(t, "(nil)", read(tx, from))
	})
}

// TestSlotsStay opens more keys in one transaction than slots are made at a time; each slot stays its key's.
func TestSlotsStay(t *testing.T) {
	g := newGroup(t, Options{Shards: 1})
	const keys = 5*slotRoom + 3
	for range 2 {
		g.Run(maskOf(0), 0, func(tx *Tx) {
			slots := make([]*Slot, keys)
			for i := range slots {
				slots[i] = tx.Write(keyOn(g, 0, i))
			}
			for i, slot := range slots {
				slot.Put(value.KindRaw, fmt.Append(nil, i))
			}
		})
	}
	g.Run(maskOf(0), 0, func(tx *Tx) {
		for i := range keys {
			require.Equal(t, fmt.Sprint(i), read(tx, keyOn(g, 0, i)))
		}
	})
}

// TestAbortDropsWhatIsBroken leaves a large collection broken behind: its key goes, and the shard goes on.
func TestAbortDropsWhatIsBroken(t *testing.T) {
	g := newGroup(t, Options{Shards: 1})
	key := []byte("k")
	record := []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	g.Run(maskOf(0), 0, func(tx *Tx) { tx.Write(key).Put(value.MakeKind(value.Set, value.HashTable), record) })
	g.Run(maskOf(0), 0, func(tx *Tx) {
		copy(tx.Write(key).Mutable()[4:], []byte{0xff, 0xff, 0, 0, 1})
		tx.Abort()
	})
	g.Tick()
	g.Run(maskOf(0), 0, func(tx *Tx) {
		_, ok := tx.Read(key)
		require.False(t, ok)
	})
}

// What follows a long part of a job is left to its shards, which go on meanwhile, and so is whatever else the goroutine does.
func TestLongLetsTheOtherPartsGoOn(t *testing.T) {
	g := newGroup(t, Options{Shards: 3})
	j := g.NewJob()
	left := 0
	j.OnWait(func() { left++ })
	others := make(chan int, 2)
	j.Add(0, bodyWork(func(tx *Tx) {
		tx.Long()
		require.Equal(t, 1, left)
		require.ElementsMatch(t, []int{1, 2}, []int{<-others, <-others}) // or it would wait for ever
		tx.Long()
	}))
	for i := range 2 {
		j.Add(1+i, bodyWork(func(tx *Tx) { tx.Long(); others <- 1 + i }))
	}
	j.Run()
	left = 0
	g.Run(maskOf(1, 2), 0, func(tx *Tx) { tx.Long() }) // nobody is to be told
	j.RunBody(maskOf(0, 2), 0, func(tx *Tx) { tx.Long() })
	require.Equal(t, 1, left)
	j.RunBody(maskOf(1), 0, func(tx *Tx) { tx.Long() })
	require.Equal(t, 2, left)
}

// Work that its shard's own goroutine runs is in nobody's way.
func TestLongOnTheShardsGoroutine(t *testing.T) {
	g := newGroup(t, Options{Shards: 2, Queue: true})
	j := g.NewJob()
	waits := 0
	j.OnWait(func() { waits++ })
	j.RunBody(maskOf(1), 0, func(tx *Tx) { tx.Long() })
	require.LessOrEqual(t, waits, 1)
}
