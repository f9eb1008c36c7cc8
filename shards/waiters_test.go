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

	"respite/value"
)

// sleeper is a client of these tests. What it waits for are strings: it pops their first byte, or moves it to another key.
type sleeper struct {
	g    *Group
	job  *Job
	keys [][]byte
	to   []byte // nil: pop
	got  string
	gone atomic.Bool
	w    *Waiter
	try  func(tx *Tx) (served bool) // nil: pop or move
}

func newSleeper(g *Group, keys ...[]byte) *sleeper {
	return &sleeper{g: g, job: g.NewJob(), keys: keys}
}

func (s *sleeper) Gone() bool { return s.gone.Load() }

func (s *sleeper) Try(tx *Tx) bool {
	defer tx.End()
	if s.try != nil {
		return s.try(tx)
	}
	for _, key := range s.keys {
		if tx.Holds(key) && s.pop(tx, key) {
			return true
		}
	}
	return false
}

func (s *sleeper) pop(tx *Tx, key []byte) bool {
	it, ok := tx.Read(key)
	if !ok {
		return false
	}
	v := string(it.Value())
	if s.to != nil {
		add(tx, s.to, v[:1])
	}
	if len(v) == 1 {
		tx.Delete(key)
		tx.Changed(key, EventDel)
	} else {
		put(tx, key, v[1:])
	}
	s.got = v[:1]
	return true
}

// add appends to a string.
func add(tx *Tx, key []byte, v string) {
	if it, ok := tx.Read(key); ok {
		v = string(it.Value()) + v
	}
	put(tx, key, v)
}

func (s *sleeper) mask() (m Mask) {
	for _, key := range s.keys {
		m.Set(s.g.Route(key))
	}
	if s.to != nil {
		m.Set(s.g.Route(s.to))
	}
	return m
}

// begin tries, and registers if there is nothing; it reports whether the sleeper waits.
func (s *sleeper) begin() bool {
	s.job.RunBody(s.mask(), 0, func(tx *Tx) {
		for _, key := range s.keys {
			if s.try == nil && s.pop(tx, key) {
				return
			}
		}
		o := Wait{Client: s, Keys: s.keys, Type: value.String}
		if s.to != nil {
			o.Need = s.mask()
		}
		s.w = tx.Wait(o)
	})
	return s.w != nil
}

// end answers the bell until the wait is over.
func (s *sleeper) end() Ending {
	for range s.w.Bell() {
		if s.w.Over() {
			break
		}
		s.job.Retry(s.w)
	}
	s.job.Forget(s.w)
	return s.w.Outcome()
}

// wait begins and ends in a goroutine; the channel is closed when it is over.
func (s *sleeper) wait(t testing.TB) (over chan struct{}) {
	require.True(t, s.begin())
	over = make(chan struct{})
	go func() { s.end(); close(over) }()
	return over
}

// push appends to a key, in a transaction over its shard alone, and returns what the key holds right after it.
func push(g *Group, key []byte, v string) (left string) {
	shard := maskOf(g.Route(key))
	g.Run(shard, 0, func(tx *Tx) {
		add(tx, key, v)
		tx.End()
		tx.Begin(0, tx.now)
		left = read(tx, key)
	})
	return left
}

// pushBeside is push while somebody else owns another shard.
func pushBeside(g *Group, busy int, key []byte, v string) (left string) {
	j := g.NewJob()
	j.Borrow(maskOf(busy))
	defer j.giveBack()
	return push(g, key, v)
}

func requireNobodyWaits(t testing.TB, g *Group) {
	t.Helper()
	g.Run(g.All(), 0, func(tx *Tx) {
		keys, _ := tx.Waited()
		require.Zero(t, keys)
		tx.eachShard(func(s *shard) {
			for _, q := range s.queues {
				require.Empty(t, q)
			}
			require.Empty(t, s.tx.ready)
		})
	})
}

func TestTheOldestIsServedWithinThePush(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	key := keyOn(g, 1, 0)
	var all []*sleeper
	for range 3 {
		s := newSleeper(g, key)
		require.True(t, s.begin())
		all = append(all, s)
	}
	require.Equal(t, "(nil)", push(g, key, "ab"))
	require.Equal(t, "(nil)", push(g, key, "c"))
	require.Equal(t, "d", push(g, key, "d"))
	for i, s := range all {
		require.Zero(t, s.end())
		require.Equal(t, string(rune('a'+i)), s.got)
	}
	requireNobodyWaits(t, g)
}

func TestAWaiterIsServedByAnyOfItsKeys(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	a, b := keyOn(g, 0, 0), keyOn(g, 1, 0)
	s, behind := newSleeper(g, a, b, a), newSleeper(g, b)
	require.True(t, s.begin())
	require.True(t, behind.begin())
	require.Equal(t, "(nil)", push(g, b, "x"))
	require.Equal(t, "(nil)", push(g, b, "y"))
	require.Equal(t, "z", push(g, a, "z")) // though s has not yet taken its registration away
	require.Zero(t, s.end())
	require.Zero(t, behind.end())
	require.Equal(t, "xy", s.got+behind.got)
	requireNobodyWaits(t, g)
}

func TestKeysAreTriedInTheOrderOfTheArguments(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	a, b := keyOn(g, 0, 0), keyOn(g, 1, 0)
	s := newSleeper(g, a, b)
	require.True(t, s.begin())
	g.Run(g.All(), 0, func(tx *Tx) {
		put(tx, b, "b")
		put(tx, a, "a")
	})
	require.Zero(t, s.end())
	require.Equal(t, "a", s.got)
}

func TestAChainIsServedInOneCommit(t *testing.T) {
	for _, shards := range []int{1, 4} {
		g := newGroup(t, Options{Shards: shards})
		const links = 20
		var chain []*sleeper
		var over []chan struct{}
		key := func(i int) []byte { return keyOn(g, i%shards, i/shards) }
		for i := range links {
			s := newSleeper(g, key(i))
			s.to = key(i + 1)
			chain = append(chain, s)
			over = append(over, s.wait(t))
		}
		require.Equal(t, "(nil)", push(g, key(0), "x"))
		for i, s := range chain {
			<-over[i]
			require.Zero(t, s.w.Outcome())
			require.Equal(t, "x", s.got)
		}
		g.Run(g.All(), 0, func(tx *Tx) { require.Equal(t, "x", read(tx, key(links))) })
		requireNobodyWaits(t, g)
	}
}

// A move to another shard is over when the push is, if that shard is idle. The shards are given back.
func TestAMoveOverTwoShardsIsServedWithinThePush(t *testing.T) {
	g := newGroup(t, Options{Shards: 4})
	from, to, further := keyOn(g, 0, 0), keyOn(g, 2, 0), keyOn(g, 3, 0)
	move, pop, last := newSleeper(g, from), newSleeper(g, further), newSleeper(g, to)
	move.to, last.to = to, further
	for _, s := range []*sleeper{move, pop, last} {
		require.True(t, s.begin())
	}
	require.Equal(t, "(nil)", push(g, from, "x"))
	for i, s := range g.shards {
		require.True(t, s.seize(), i)
		s.release()
	}
	for _, s := range []*sleeper{move, pop, last} {
		require.True(t, s.w.Over())
		require.Zero(t, s.end())
		require.Equal(t, "x", s.got)
	}
	requireNobodyWaits(t, g)
	move.w = nil
	require.True(t, move.begin())
	g.Run(maskOf(0, 1), 0, func(tx *Tx) { // a borrower serves likewise, and keeps what it borrowed
		put(tx, from, "y")
		tx.End()
		tx.Begin(0, tx.now)
		require.Equal(t, maskOf(0, 1), tx.held)
		require.Equal(t, "(nil)", read(tx, from))
	})
	require.Zero(t, move.end())
	g.Run(g.All(), 0, func(tx *Tx) { require.Equal(t, "y", read(tx, to)) })
	requireNobodyWaits(t, g)
}

// If one of the shards that a move needs is not idle, none stays taken.
func TestAMoveThatCannotBeServedTakesNothing(t *testing.T) {
	g := newGroup(t, Options{Shards: 4})
	from, to := keyOn(g, 0, 0), keyOn(g, 1, 0)
	move := newSleeper(g, from, keyOn(g, 3, 0))
	move.to = to
	require.True(t, move.begin())
	j := g.NewJob()
	j.Borrow(maskOf(3))
	require.Equal(t, "x", push(g, from, "x"))
	require.True(t, move.w.Woken())
	require.True(t, g.shards[1].seize())
	g.shards[1].release()
	j.giveBack()
	require.Zero(t, move.end())
	requireNobodyWaits(t, g)
}

// A waiter that needs a shard that its waker cannot have goes first nevertheless.
func TestNobodyOvertakesAWokenWaiter(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	from, to := keyOn(g, 0, 0), keyOn(g, 1, 0)
	move, pop := newSleeper(g, from), newSleeper(g, from)
	move.to = to
	require.True(t, move.begin())
	popped := pop.wait(t)
	require.Equal(t, "ab", pushBeside(g, 1, from, "ab"))
	require.True(t, move.w.Woken())
	require.Zero(t, move.end())
	<-popped
	require.Equal(t, "ab", move.got+pop.got)
	requireNobodyWaits(t, g)
}

func TestAWokenWaiterThatLosesKeepsItsPlace(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	from, to := keyOn(g, 0, 0), keyOn(g, 1, 0)
	move, pop, thief := newSleeper(g, from), newSleeper(g, from), newSleeper(g, from)
	move.to = to
	require.True(t, move.begin())
	require.True(t, pop.begin())
	pushBeside(g, 1, from, "x")
	require.False(t, thief.begin(), "it finds the element and pops it")
	<-move.w.Bell()
	move.job.Retry(move.w)
	require.False(t, move.w.Over())
	push(g, from, "y")
	require.Zero(t, move.end())
	require.Equal(t, "(nil)", push(g, from, "z"))
	require.Zero(t, pop.end())
	require.Equal(t, "xyz", thief.got+move.got+pop.got)
	requireNobodyWaits(t, g)
}

// When a woken waiter does not take what it was woken for, the next one gets it.
func TestAWokenWaiterThatGivesUpLetsOthersLook(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	from, to := keyOn(g, 0, 0), keyOn(g, 1, 0)
	move, pop := newSleeper(g, from), newSleeper(g, from)
	move.to = to
	require.True(t, move.begin())
	require.True(t, pop.begin())
	pushBeside(g, 1, from, "x")
	require.True(t, move.w.Woken())
	move.gone.Store(true)
	require.True(t, move.w.End(7))
	require.False(t, move.w.End(8))
	require.Equal(t, Ending(7), move.end())
	require.Zero(t, pop.end())
	require.Equal(t, "x", pop.got)
	requireNobodyWaits(t, g)
}

func TestWhoIsGoneIsPassedOver(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	key := keyOn(g, 0, 0)
	first, second := newSleeper(g, key), newSleeper(g, key)
	require.True(t, first.begin())
	require.True(t, second.begin())
	first.gone.Store(true)
	require.Equal(t, "(nil)", push(g, key, "x"))
	require.Zero(t, second.end())
	require.True(t, first.w.End(1))
	require.Equal(t, Ending(1), first.end())
	requireNobodyWaits(t, g)
}

func TestOnlyTheRightTypeServes(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	key := keyOn(g, 0, 0)
	var seen []string
	watch := newSleeper(g, key)
	watch.try = func(tx *Tx) bool {
		_, ok := tx.Read(key)
		seen = append(seen, fmt.Sprint(ok))
		return len(seen) == 3
	}
	lists := newSleeper(g, key)
	g.Run(maskOf(0), 0, func(tx *Tx) {
		lists.w = tx.Wait(Wait{Client: lists, Keys: lists.keys, Type: value.List})
		watch.w = tx.Wait(Wait{Client: watch, Keys: watch.keys, Type: value.Stream, OnGone: true})
		keys, onGone := tx.Waited()
		require.Equal(t, []int{1, 1}, []int{keys, onGone})
	})
	require.Equal(t, "x", push(g, key, "x"))
	g.Run(g.All(), 0, func(tx *Tx) { tx.FlushDB(0) })
	require.Equal(t, []string{"true", "false"}, seen)
	require.False(t, watch.w.Over())
	push(g, key, "y")
	require.Zero(t, watch.end())
	require.False(t, lists.w.Over())
	require.True(t, lists.w.End(1))
	require.Equal(t, Ending(1), lists.end())
	requireNobodyWaits(t, g)
}

func TestSwapDBServes(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	key := keyOn(g, 1, 0)
	s := newSleeper(g, key)
	require.True(t, s.begin())
	g.Run(maskOf(1), 3, func(tx *Tx) { put(tx, key, "x") })
	require.False(t, s.w.Over())
	g.Run(g.All(), 0, func(tx *Tx) { tx.SwapDB(3, 0) })
	require.Zero(t, s.end())
	require.Equal(t, "x", s.got)
	requireNobodyWaits(t, g)
}

// A key that is past its deadline when the transaction that made it ends serves nobody, and nobody loses his place by it.
func TestAnExpiredKeyServesNobody(t *testing.T) {
	var clock atomic.Int64
	g := newGroup(t, Options{Shards: 1, Clock: clock.Load})
	g.SetLimits(Limits{KeepExpired: true})
	key := keyOn(g, 0, 0)
	first, second := newSleeper(g, key), newSleeper(g, key)
	require.True(t, first.begin())
	require.True(t, second.begin())
	g.Run(g.All(), 0, func(tx *Tx) {
		put(tx, key, "x")
		tx.Write(key).SetDeadline(tx.Now() + 100)
		clock.Add(200 * millisecond)
	})
	require.False(t, first.w.Over())
	require.Equal(t, "(nil)", push(g, key, "xy"))
	require.Zero(t, first.end())
	require.Zero(t, second.end())
	require.Equal(t, "xy", first.got+second.got)
	requireNobodyWaits(t, g)
}

// A try that panicked is the client's to take back; what it waits for is not lost on the next.
func TestAbortedChangesServeNobody(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	key := keyOn(g, 0, 0)
	s := newSleeper(g, key)
	require.True(t, s.begin())
	g.Run(maskOf(0), 0, func(tx *Tx) {
		put(tx, key, "x")
		tx.Abort()
	})
	require.False(t, s.w.Over())
	require.Equal(t, "(nil)", push(g, key, "y"))
	require.Zero(t, s.end())
	requireNobodyWaits(t, g)
}

// A key of a shard that is not held must not be touched while a waiter is served, wherever the race detector is.
func TestServingChecksEveryKey(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	a, b := keyOn(g, 0, 0), keyOn(g, 1, 0)
	s := newSleeper(g, a, b)
	s.try = func(tx *Tx) bool {
		require.True(t, tx.Holds(a))
		require.False(t, tx.Holds(b))
		require.Panics(t, func() { tx.Read(b) })
		return true
	}
	require.True(t, s.begin())
	push(g, a, "x")
	require.Zero(t, s.end())
	requireNobodyWaits(t, g)
}

// Every byte that is pushed is popped once, or left, whatever time-outs and pushes on both shards do at the same time.
func TestClaimRaces(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	keys := [][]byte{keyOn(g, 0, 0), keyOn(g, 1, 0), keyOn(g, 0, 1), keyOn(g, 1, 1)}
	const pushes, sleepers = 3000, 8
	var popped, moved atomic.Int64
	var stop atomic.Bool
	var sleeping, pushing sync.WaitGroup
	for i := range sleepers {
		sleeping.Go(func() {
			for round := i; !stop.Load(); round++ {
				s := newSleeper(g, keys[round%4], keys[(round+1)%4])
				if i%3 == 0 {
					s.keys, s.to = s.keys[:1], keys[(round+1)%4]
				}
				outcome := Ending(0)
				if s.begin() {
					end := time.AfterFunc(time.Duration(rand.IntN(100))*time.Microsecond, func() { s.w.End(1) })
					outcome = s.end()
					end.Stop()
				}
				switch {
				case outcome != 0 && s.got != "", outcome == 0 && s.got == "":
					t.Error("outcome", outcome, "with", s.got)
				case outcome != 0:
				case s.to != nil:
					moved.Add(1)
				default:
					popped.Add(1)
				}
			}
		})
	}
	for i := range 4 {
		pushing.Go(func() {
			for n := range pushes {
				push(g, keys[(i+n)%4], "x")
				if n%16 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	pushing.Wait()
	stop.Store(true)
	sleeping.Wait()
	left := 0
	g.Run(g.All(), 0, func(tx *Tx) {
		for _, key := range keys {
			if it, ok := tx.Read(key); ok {
				left += len(it.Value())
			}
		}
	})
	require.Equal(t, int64(4*pushes), popped.Load()+int64(left), "moved %d", moved.Load())
	requireNobodyWaits(t, g)
}

// Nobody is left waiting for a key that has something.
func TestNoWaiterIsForgotten(t *testing.T) {
	g := newGroup(t, Options{Shards: 3})
	keys := [][]byte{keyOn(g, 0, 0), keyOn(g, 1, 0), keyOn(g, 2, 0)}
	for range 2000 {
		var over []chan struct{}
		for i := range 4 {
			s := newSleeper(g, keys[i%3])
			if i == 1 {
				s.to = keys[2]
			} else {
				s.keys = append(s.keys, keys[(i+1)%3])
			}
			over = append(over, s.wait(t))
		}
		var pushing sync.WaitGroup
		for _, key := range keys {
			pushing.Go(func() { push(g, key, "xx") })
		}
		pushing.Wait()
		for _, o := range over {
			select {
			case <-o:
			case <-time.After(2 * time.Minute):
				t.Fatal("a waiter was forgotten")
			}
		}
		g.Run(g.All(), 0, func(tx *Tx) { tx.FlushDB(0) })
	}
	requireNobodyWaits(t, g)
}

func TestNothingIsLeftOfManyWaits(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	a, b := keyOn(g, 0, 0), keyOn(g, 1, 0)
	const workers, waits = 10, 10_000
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			job := g.NewJob()
			for n := range waits {
				s := newSleeper(g, a, b)
				s.job = job
				if n%2 == 0 {
					s.keys = [][]byte{fmt.Append(nil, "a", i, n), fmt.Append(nil, "b", i, n)}
				}
				if !s.begin() {
					t.Error("found something")
					return
				}
				s.w.End(1)
				if s.end() != 1 {
					t.Error("was served")
				}
			}
		})
	}
	all.Wait()
	requireNobodyWaits(t, g)
}

func BenchmarkWaitAndServe(b *testing.B) {
	g := newGroup(b, Options{Shards: 2})
	key := keyOn(g, 0, 0)
	s := newSleeper(g, key)
	for b.Loop() {
		s.begin()
		push(g, key, "x")
		s.end()
	}
}

// BenchmarkChanged is a change of a key that nobody waits for, in a shard where nobody waits for anything.
func BenchmarkChanged(b *testing.B) {
	g := newGroup(b, Options{Shards: 2})
	key := keyOn(g, 0, 0)
	push(g, key, "x")
	for b.Loop() {
		push(g, key, "")
	}
}

// What comes on one shard while a waiter tries in vain on another is not lost: the waiter looks for itself.
func TestAMissedWaiterLooksForItself(t *testing.T) {
	for _, ending := range []Ending{0, 5} {
		g := newGroup(t, Options{Shards: 2})
		a, b := keyOn(g, 0, 0), keyOn(g, 1, 0)
		s := newSleeper(g, a, b)
		tries := 0
		s.try = func(*Tx) bool {
			tries++
			if tries > 1 {
				return ending == 0
			}
			missed := make(chan struct{})
			go func() {
				push(g, b, "y")
				if ending != 0 {
					s.w.End(ending)
				}
				close(missed)
			}()
			<-missed
			return false
		}
		require.True(t, s.begin())
		push(g, a, "x")
		require.True(t, s.w.Woken())
		require.Equal(t, ending, s.end())
		require.Equal(t, 2, tries)
		requireNobodyWaits(t, g)
	}
}
