package expiry

// Tests of the wheel: examples of each rule, then random histories against a plain map of deadlines.

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type node struct {
	deadline   int64
	next, prev uint32
}

// slab is a store of nodes in one slice, index 0 unused.
type slab struct {
	nodes []node
}

func newSlab(n int) *slab {
	return &slab{nodes: make([]node, n+1)}
}

func (s *slab) Deadline(ref uint32) int64            { return s.nodes[ref].deadline }
func (s *slab) SetDeadline(ref uint32, ms int64)     { s.nodes[ref].deadline = ms }
func (s *slab) Links(ref uint32) (next, prev uint32) { return s.nodes[ref].next, s.nodes[ref].prev }
func (s *slab) SetLinks(ref uint32, next, prev uint32) {
	s.nodes[ref].next, s.nodes[ref].prev = next, prev
}

const (
	start     = int64(1_700_000_000_000)
	unbounded = 1 << 30
)

// due runs Due to its end in one call and returns what fired, in ascending order of references.
func due(t require.TestingT, w *Wheel[*slab], now int64) []uint32 {
	var refs []uint32
	fired, more := w.Due(now, unbounded, func(ref uint32) { refs = append(refs, ref) })
	require.False(t, more)
	require.Len(t, refs, fired)
	require.NoError(t, w.Check())
	sort.Slice(refs, func(i, j int) bool { return refs[i] < refs[j] })
	return refs
}

func TestFiresAtTheDeadlineOnEveryLevel(t *testing.T) {
	for _, delay := range []int64{
		-start, -1, 0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 1<<24 - 1, 1 << 24, 1 << 32, 1<<40 - 1, 1 << 40,
		1<<40 + 1, 3 << 40, 1<<62 - start,
	} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			w := New(newSlab(1), start)
			w.Add(1, start+delay)
			require.NoError(t, w.Check())
			require.Empty(t, due(t, w, start+delay-1))
			require.Equal(t, 1, w.Len())
			next, ok := w.Next()
			require.True(t, ok)
			require.Equal(t, start+delay, next, "one millisecond before, the node is on the finest level")
			require.Equal(t, []uint32{1}, due(t, w, start+delay))
			require.Zero(t, w.Len())
			_, ok = w.Next()
			require.False(t, ok)
		})
	}
}

func TestNextIsALowerBoundOnCoarseLevels(t *testing.T) {
	w := New(newSlab(1), start)
	deadline := start + 1_000_000
	w.Add(1, deadline)
	for wakes := 0; ; wakes++ {
		next, ok := w.Next()
		require.True(t, ok)
		require.LessOrEqual(t, next, deadline)
		require.Less(t, wakes, levels, "a node is placed once a level at most")
		if len(due(t, w, next)) == 1 {
			require.Equal(t, deadline, next)
			return
		}
	}
}

func TestAnUnknownNodeIsLeftAlone(t *testing.T) {
	w := New(newSlab(2), start)
	w.Remove(1)
	w.Moved(2, 1)
	require.Zero(t, w.Len())
	require.NoError(t, w.Check())
	w.Reset(1, start+5)
	require.Equal(t, []uint32{1}, due(t, w, start+5))
	w.Remove(1)
	require.NoError(t, w.Check())
}

func TestResetToALaterInstantOfTheSameSpanKeepsTheLinks(t *testing.T) {
	s := newSlab(2)
	w := New(s, start)
	span := (start/65_536 + 2) * 65_536
	w.Add(1, span+10)
	w.Add(2, span+20)
	before := s.nodes[1].prev
	w.Reset(1, span+60_000)
	require.Equal(t, before, s.nodes[1].prev)
	require.Equal(t, []uint32{2}, due(t, w, span+59_999))
	require.Equal(t, []uint32{1}, due(t, w, span+60_000))
}

func TestTheClockMayStepBack(t *testing.T) {
	w := New(newSlab(3), start)
	w.Add(1, start+100)
	require.Empty(t, due(t, w, start+90))
	require.Empty(t, due(t, w, start-1_000_000))
	w.Add(2, start-500_000)
	w.Add(3, start+100+256)
	require.Equal(t, []uint32{2}, due(t, w, start-500_000))
	require.Empty(t, due(t, w, start+99))
	require.Equal(t, []uint32{1}, due(t, w, start+100))
	require.Equal(t, []uint32{3}, due(t, w, start+356))
}

func TestTheBudgetStopsInMidBucket(t *testing.T) {
	const count, budget = 1000, 7
	w := New(newSlab(count), start)
	for ref := uint32(1); ref <= count; ref++ {
		w.Add(ref, start+100_000+int64(ref%2))
	}
	fired := 0
	for turns := 0; w.Len() > 0; turns++ {
		n, more := w.Due(start+100_000, budget, func(uint32) {})
		require.LessOrEqual(t, n, budget)
		fired += n
		require.NoError(t, w.Check())
		if !more {
			break
		}
		require.Less(t, turns, count)
	}
	require.Equal(t, count/2, fired)
	require.Len(t, due(t, w, start+100_001), count/2)
}

func TestNoBudgetDoesNoWork(t *testing.T) {
	w := New(newSlab(1), start)
	w.Add(1, start)
	fired, more := w.Due(start, 0, func(uint32) {})
	require.Zero(t, fired)
	require.True(t, more)
	require.Empty(t, due(t, w, start-1), "a bucket that was opened is closed again if the clock steps back")
	require.Equal(t, []uint32{1}, due(t, w, start))
}

func TestLag(t *testing.T) {
	w := New(newSlab(2), start)
	require.Zero(t, w.Lag(start+1000))
	w.Add(1, start+10)
	w.Add(2, start+10)
	require.Zero(t, w.Lag(start+10))
	require.Equal(t, int64(5), w.Lag(start+15))
	_, more := w.Due(start+15, 1, func(uint32) {})
	require.True(t, more)
	require.Equal(t, int64(10), w.Lag(start+20))
}

func TestFireMayChangeTheWheel(t *testing.T) {
	const count = 200
	w := New(newSlab(count+1), start)
	for ref := uint32(1); ref <= count; ref++ {
		w.Add(ref, start+int64(ref))
	}
	var fired []uint32
	_, more := w.Due(start+count, unbounded, func(ref uint32) {
		fired = append(fired, ref)
		switch {
		case ref == 1:
			w.Add(1, start+count+1)
			w.Add(count+1, start)
		case ref%2 == 1 && ref < count:
			w.Remove(ref + 1)
		}
	})
	require.False(t, more)
	require.NoError(t, w.Check())
	require.Contains(t, fired, uint32(count+1))
	require.Len(t, fired, count/2+2, "every odd one, the second and the one that was added")
	require.Equal(t, []uint32{1}, due(t, w, start+count+1))
}

func TestCheckFindsDamage(t *testing.T) {
	damages := map[string]func(s *slab, w *Wheel[*slab]){
		"cycle":          func(s *slab, _ *Wheel[*slab]) { s.nodes[1].next, s.nodes[2].prev = 2, 1 },
		"wrong prev":     func(s *slab, _ *Wheel[*slab]) { s.nodes[1].prev = 3 },
		"early deadline": func(s *slab, _ *Wheel[*slab]) { s.nodes[3].deadline = 1 },
		"wrong count":    func(_ *slab, w *Wheel[*slab]) { w.len = 4 },
		"lost node":      func(s *slab, _ *Wheel[*slab]) { s.nodes[2].next = 0 },
		"heap order":     func(_ *slab, w *Wheel[*slab]) { w.keys[w.queue.order[0]] = 1 << 62 },
		"heap place":     func(_ *slab, w *Wheel[*slab]) { w.queue.places[w.queue.order[0]] = 9 },
		"stray place":    func(_ *slab, w *Wheel[*slab]) { w.queue.places[pending] = 1 },
		"not in heap": func(_ *slab, w *Wheel[*slab]) {
			w.queue.pop(&w.keys)
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			s := newSlab(3)
			w := New(s, start)
			w.Add(1, start+5)
			w.Add(2, start+5)
			w.Add(3, start+100_000)
			require.NoError(t, w.Check())
			damage(s, w)
			require.Error(t, w.Check())
		})
	}
}

func TestNothingAllocates(t *testing.T) {
	const count = 256
	w := New(newSlab(count), start)
	now := start
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for ref := uint32(1); ref <= count; ref++ {
			w.Add(ref, now+int64(ref)*997)
			w.Reset(ref, now+int64(ref)*991)
		}
		now += count * 997
		w.Due(now, unbounded, func(uint32) {})
	}))
}

// history is a wheel beside the model it is compared with.
type history struct {
	slab  *slab
	wheel *Wheel[*slab]
	now   int64
	model map[uint32]int64
	free  []uint32
}

const historyNodes = 64

func newHistory() *history {
	h := &history{slab: newSlab(historyNodes), now: start, model: map[uint32]int64{}}
	h.wheel = New(h.slab, h.now)
	for ref := uint32(historyNodes); ref > 0; ref-- {
		h.free = append(h.free, ref)
	}
	return h
}

// delay draws a span of time with every level, both signs and the edges of buckets in reach.
func delay() *rapid.Generator[int64] {
	return rapid.Custom(func(t *rapid.T) int64 {
		if rapid.Bool().Draw(t, "near") {
			return rapid.Int64Range(-300, 600).Draw(t, "ms")
		}
		edge := int64(1) << rapid.IntRange(0, 44).Draw(t, "bits")
		return edge + rapid.Int64Range(-2, 2).Draw(t, "off")
	})
}

func (h *history) linked(t *rapid.T) uint32 {
	if len(h.model) == 0 {
		t.Skip("nothing on the wheel")
	}
	refs := make([]uint32, 0, len(h.model))
	for ref := range h.model {
		refs = append(refs, ref)
	}
	sort.Slice(refs, func(i, j int) bool { return refs[i] < refs[j] })
	return rapid.SampledFrom(refs).Draw(t, "ref")
}

func (h *history) takeFree(t *rapid.T) uint32 {
	if len(h.free) == 0 {
		t.Skip("no free node")
	}
	ref := h.free[len(h.free)-1]
	h.free = h.free[:len(h.free)-1]
	return ref
}

func (h *history) add(t *rapid.T) {
	ref := h.takeFree(t)
	h.model[ref] = h.now + delay().Draw(t, "delay")
	h.wheel.Add(ref, h.model[ref])
}

func (h *history) remove(t *rapid.T) {
	ref := h.linked(t)
	h.wheel.Remove(ref)
	h.forget(ref)
}

func (h *history) forget(ref uint32) {
	delete(h.model, ref)
	h.free = append(h.free, ref)
}

func (h *history) reset(t *rapid.T) {
	ref := h.linked(t)
	h.model[ref] = h.now + delay().Draw(t, "delay")
	h.wheel.Reset(ref, h.model[ref])
}

func (h *history) nudge(t *rapid.T) {
	ref := h.linked(t)
	h.model[ref] += rapid.Int64Range(-100, 100_000).Draw(t, "by")
	h.wheel.Reset(ref, h.model[ref])
}

func (h *history) move(t *rapid.T) {
	from := h.linked(t)
	to := h.takeFree(t)
	h.slab.nodes[to], h.slab.nodes[from] = h.slab.nodes[from], node{}
	h.wheel.Moved(from, to)
	h.model[to] = h.model[from]
	h.forget(from)
}

func (h *history) clock(t *rapid.T) {
	h.now += delay().Draw(t, "step")
	if rapid.IntRange(0, 9).Draw(t, "back") == 0 {
		h.now = start
	}
}

// turn lets at most a few nodes fire. When nothing more is due, the model agrees.
func (h *history) turn(t *rapid.T) {
	budget := rapid.IntRange(0, 2*historyNodes).Draw(t, "budget")
	readd := rapid.IntRange(0, 3).Draw(t, "readd") == 0
	count := 0
	fired, more := h.wheel.Due(h.now, budget, func(ref uint32) {
		count++
		deadline, ok := h.model[ref]
		require.True(t, ok, "node %d fired and is not on the wheel", ref)
		require.LessOrEqual(t, deadline, h.now, "node %d fired early", ref)
		if readd {
			h.model[ref] = h.now + int64(ref)
			h.wheel.Add(ref, h.model[ref])
			return
		}
		h.forget(ref)
	})
	require.Equal(t, count, fired)
	require.LessOrEqual(t, fired, budget)
	if more {
		return
	}
	for ref, deadline := range h.model {
		require.Greater(t, deadline, h.now, "node %d is due and was not fired", ref)
	}
}

func (h *history) drain(t *rapid.T) {
	for _, ref := range due(t, h.wheel, h.now) {
		require.LessOrEqual(t, h.model[ref], h.now)
		h.forget(ref)
	}
	for ref, deadline := range h.model {
		require.Greater(t, deadline, h.now, "node %d was not fired", ref)
	}
}

// check compares what can be seen between calls.
func (h *history) check(t *rapid.T) {
	require.NoError(t, h.wheel.Check())
	require.Equal(t, len(h.model), h.wheel.Len())
	next, ok := h.wheel.Next()
	require.Equal(t, len(h.model) > 0, ok)
	for ref, deadline := range h.model {
		require.Equal(t, deadline, h.slab.Deadline(ref))
		require.LessOrEqual(t, next, deadline, "node %d", ref)
	}
}

func TestWheelAgreesWithTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		t.Repeat(map[string]func(*rapid.T){
			"add": h.add, "add again": h.add, "remove": h.remove, "reset": h.reset, "nudge": h.nudge, "move": h.move,
			"clock": h.clock, "turn": h.turn, "drain": h.drain, "": h.check,
		})
		h.now += 1 << 50
		h.drain(t)
		require.Empty(t, h.model)
	})
}

// TestTimerDrivenByNext lives as an owner does: it sleeps until Next, and everything fires at its very millisecond.
func TestTimerDrivenByNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(1, historyNodes).Draw(t, "count") {
			h.add(t)
		}
		for wakes := 0; h.wheel.Len() > 0; wakes++ {
			require.Less(t, wakes, historyNodes*(levels+1))
			next, _ := h.wheel.Next()
			h.now = max(h.now, next)
			for _, ref := range due(t, h.wheel, h.now) {
				require.Equal(t, max(h.model[ref], start), h.now)
				h.forget(ref)
			}
		}
	})
}

const benchNodes = 1 << 20

// benchDelays are spread over the levels as time to live is in practice: from milliseconds to a day.
func benchDelays() []int64 {
	random := rand.New(rand.NewPCG(1, 2))
	delays := make([]int64, benchNodes+1)
	for i := range delays {
		delays[i] = random.Int64N(1 << (4 + random.IntN(23)))
	}
	return delays
}

func BenchmarkAddRemove(b *testing.B) {
	delays := benchDelays()
	w := New(newSlab(benchNodes), start)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ref := uint32(i%benchNodes) + 1
		w.Remove(ref)
		w.Add(ref, start+delays[ref])
	}
}

func BenchmarkResetLater(b *testing.B) {
	w := New(newSlab(benchNodes), start)
	for ref := uint32(1); ref <= benchNodes; ref++ {
		w.Add(ref, start+1_800_000)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.Reset(uint32(i%benchNodes)+1, start+1_800_000+int64(i/benchNodes))
	}
}

// BenchmarkDue takes nodes through all their levels, from Add to fire.
func BenchmarkDue(b *testing.B) {
	const count = 1 << 16
	delays := benchDelays()
	w := New(newSlab(count), start)
	now := start
	fire := func(uint32) {}
	b.ReportAllocs()
	for b.Loop() {
		for ref := uint32(1); ref <= count; ref++ {
			w.Add(ref, now+delays[ref])
		}
		for w.Len() > 0 {
			now, _ = w.Next()
			w.Due(now, 256, fire)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/node")
}
