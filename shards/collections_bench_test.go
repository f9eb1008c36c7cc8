package shards

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"respite/value"
)

const (
	largeElements = 5_000_000
	largeChanges  = 100_000
	largeBatch    = 10_000 // elements that one transaction builds
	tooLong       = time.Millisecond
)

// largeLimits are the defaults that matter to large collections.
func largeLimits() *value.Limits {
	return &value.Limits{ListMaxListpackSize: -2, StreamNodeMaxBytes: 4096, StreamNodeMaxEntries: 100}
}

// change is a command that changes one element of a collection of largeElements; i rises with each call.
type change struct {
	name string
	do   func(s *Slot, i int)
}

// largeCase is a collection, how its elements from from to to-1 are put in, and what is measured.
type largeCase struct {
	name    string
	build   func(s *Slot, from, to int)
	changes []change
}

func nthElement(i int) []byte { return fmt.Appendf(nil, "element:%d", i) }
func anyElement() []byte      { return nthElement(rand.IntN(largeElements)) }

func largeHash(lim *value.Limits) largeCase {
	set := func(s *Slot, field []byte) {
		h := value.OpenHash(s, lim)
		h.Set(field, []byte("some value"))
	}
	return largeCase{"hash", func(s *Slot, from, to int) {
		for i := from; i < to; i++ {
			set(s, nthElement(i))
		}
	}, []change{
		{"HSET", func(s *Slot, i int) { set(s, nthElement(largeElements+i)) }},
		{"HSET-old", func(s *Slot, _ int) { set(s, anyElement()) }},
		{"HDEL", func(s *Slot, _ int) { h := value.OpenHash(s, lim); h.Remove(anyElement()) }},
	}}
}

func largeList(lim *value.Limits) largeCase {
	return largeCase{"list", func(s *Slot, from, to int) {
		elems := make([][]byte, 0, to-from)
		for i := from; i < to; i++ {
			elems = append(elems, nthElement(i))
		}
		if from == 0 {
			value.ListGrow(s, lim.ListMaxListpackSize, len(elems), len(elems)*largeElements)
		}
		value.ListPush(s, value.Right, elems...)
	}, []change{
		{"LPUSH", func(s *Slot, i int) { value.ListPush(s, value.Left, nthElement(i)) }},
		{"LSET", func(s *Slot, i int) {
			value.ListSet(s, largeElements/2+rand.IntN(largeElements/10), nthElement(i))
		}},
	}}
}

func largeSet(lim *value.Limits) largeCase {
	add := func(s *Slot, member []byte) {
		e := value.EditSet(s, lim)
		e.Add(member)
		e.Save()
	}
	return largeCase{"set", func(s *Slot, from, to int) {
		if from == 0 {
			var d value.Draft
			made := value.NewSet(&d, s.View().Nodes, lim, value.HashTable)
			made.MoveTo(s)
		}
		for i := from; i < to; i++ {
			add(s, nthElement(i))
		}
	}, []change{
		{"SADD", func(s *Slot, i int) { add(s, nthElement(largeElements+i)) }},
		{"SREM", func(s *Slot, _ int) { e := value.EditSet(s, lim); e.Remove(anyElement()); e.Save() }},
	}}
}

func largeSortedSet(lim *value.Limits) largeCase {
	add := func(s *Slot, member []byte) {
		value.SortedSetAdd(s, lim, member, rand.Float64(), &value.AddMode{})
	}
	return largeCase{"zset", func(s *Slot, from, to int) {
		value.PrepareSortedSet(s, lim, largeElements, 0)
		for i := from; i < to; i++ {
			add(s, nthElement(i))
		}
	}, []change{
		{"ZADD", func(s *Slot, i int) { add(s, nthElement(largeElements+i)) }},
		{"ZADD-old", func(s *Slot, _ int) { add(s, anyElement()) }},
		{"ZREM", func(s *Slot, _ int) { value.SortedSetRemove(s, anyElement()) }},
	}}
}

func largeStream(lim *value.Limits) largeCase {
	add := func(s *Slot, n int) {
		l := value.OpenStream(s.View())
		l.Add(l.NextID(0), [][]byte{[]byte("field"), nthElement(n)}, lim)
		l.Save(s)
	}
	return largeCase{"stream", func(s *Slot, from, to int) {
		if from == 0 {
			value.CreateStream(s)
		}
		for i := from; i < to; i++ {
			add(s, i)
		}
	}, []change{
		{"XADD", func(s *Slot, i int) { add(s, i) }},
		{"XDEL", func(s *Slot, _ int) {
			l := value.OpenStream(s.View())
			l.Delete(value.StreamID{Seq: rand.Uint64N(largeElements)})
			l.Settle()
			l.Save(s)
		}},
	}}
}

// BenchmarkLargeCollections measures, for one collection of 5,000,000 elements of each type, what the change of one element costs, with
// and without a snapshot open, as its client's transaction has it; what a forced garbage collection costs; and what the turns cost that free
// it. Costs are CPU time of the thread: on a busy machine some of 100,000 changes last milliseconds because something else runs. It runs
// once, with -benchtime 1x.
func BenchmarkLargeCollections(b *testing.B) {
	lim := largeLimits()
	for _, c := range []largeCase{largeHash(lim), largeList(lim), largeSet(lim), largeSortedSet(lim), largeStream(lim)} {
		b.Run(c.name, func(b *testing.B) {
			g := New(Options{Shards: 1})
			g.Start()
			defer g.Close()
			for b.Loop() {
				benchmarkLarge(b, g, &c)
			}
		})
	}
}

func benchmarkLarge(b *testing.B, g *Group, c *largeCase) {
	key := []byte("large")
	for from := 0; from < largeElements; from += largeBatch {
		g.Run(g.All(), 0, func(tx *Tx) { c.build(tx.Write(key), from, from+largeBatch) })
	}
	b.Logf("%s: %d MB, GC %.1f ms of CPU", c.name, g.Used()>>20, collectionCost())
	i := 0
	for _, ch := range c.changes {
		measureChanges(b, g, ch, "", &i)
	}
	for _, ch := range c.changes {
		sn, err := g.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		before := g.Used()
		measureChanges(b, g, ch, ", snapshot open", &i)
		b.Logf("  kept: %d MB", (g.Used()-before)>>20)
		letGoLarge(b, sn)
	}
	g.Run(g.All(), 0, func(tx *Tx) { tx.Delete(key) })
	sweepLarge(b, g)
}

// collectionCost is the CPU time of a forced garbage collection in milliseconds.
func collectionCost() float64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(sample)
	before := sample[0].Value.Float64()
	runtime.GC()
	metrics.Read(sample)
	return (sample[0].Value.Float64() - before) * 1000
}

func measureChanges(b *testing.B, g *Group, ch change, note string, i *int) {
	times := make([]time.Duration, largeChanges)
	elapsed := make([]time.Duration, largeChanges)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for n := range times {
		began, start := time.Now(), threadTime()
		g.Run(g.All(), 0, func(tx *Tx) { ch.do(tx.Write([]byte("large")), *i) })
		times[n], elapsed[n] = threadTime()-start, time.Since(began)
		*i++
	}
	report(b, ch.name+note, times)
	if longest := slices.Max(elapsed); longest > tooLong {
		b.Logf("  %-24s the longest by the clock %v", "", longest)
	}
}

func report(b *testing.B, name string, times []time.Duration) {
	slices.Sort(times)
	n := len(times)
	over, _ := slices.BinarySearch(times, tooLong)
	b.Logf("  %-24s p50 %v, p99.9 %v, max %v, %d of %d over %v", name, times[n/2], times[n-1-n/1000], times[n-1], n-over, n, tooLong)
}

// letGoLarge walks through a snapshot without reading what there is.
func letGoLarge(b *testing.B, sn *Snapshot) {
	var times []time.Duration
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for more := true; more; {
		start := threadTime()
		more, _ = sn.Step(0, letGoWork, func(*Entry) bool { return true })
		times = append(times, threadTime()-start)
	}
	report(b, "steps that let go", times)
}

// sweepLarge takes turns until the nodes of a collection that was deleted are free.
func sweepLarge(b *testing.B, g *Group) {
	var times []time.Duration
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for more := true; more; {
		g.Run(g.All(), 0, func(*Tx) {
			s := g.shards[0]
			start := threadTime()
			s.turn()
			times = append(times, threadTime()-start)
			more = s.dbs[0].space.Doomed()
		})
	}
	report(b, "turns that free it", times)
}
