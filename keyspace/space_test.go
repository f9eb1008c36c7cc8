package keyspace

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func key(i int) []byte { return fmt.Appendf(nil, "key:%d", i) }

// fillSpace inserts the keys of numbers from to to-1 with values of n bytes.
func fillSpace(t testing.TB, s *Space, from, to, n int) {
	t.Helper()
	val := bytes.Repeat([]byte{'v'}, n)
	for i := from; i < to; i++ {
		if _, err := s.Insert(key(i), 0, val); err != nil {
			t.Fatal(err)
		}
	}
}

func newSpace() *Space {
	s := New(maphash.MakeSeed())
	s.Poison = true
	return s
}

func TestEmpty(t *testing.T) {
	s := newSpace()
	require.Zero(t, s.Find([]byte("absent")))
	require.Zero(t, s.Find(nil))
	require.Zero(t, s.Len())
	require.Zero(t, s.Random(1))
	require.Zero(t, s.Scan(0, 10, func(Ref) { t.Fatal("nothing to scan") }))
	s.Each(func(Ref) bool { t.Fatal("nothing to visit"); return false })
	s.Sample(1, 10, func(Ref) { t.Fatal("nothing to sample") })
	require.Less(t, s.Used(), int64(256))
	require.NoError(t, s.Check())
}

func TestHeaderFields(t *testing.T) {
	s := newSpace()
	ref, err := s.Insert([]byte("k"), MakeKind(3, 7), []byte("v"))
	require.NoError(t, err)
	require.Equal(t, uint8(3), s.Kind(ref).Type())
	require.Equal(t, uint8(7), s.Kind(ref).Encoding())

	s.SetRecency(ref, RecencyMask)
	s.SetKind(ref, MakeKind(15, 15))
	s.SetRecency(ref, 1<<24|5)
	require.Equal(t, uint32(5), s.Recency(ref))
	require.Equal(t, MakeKind(15, 15), s.Kind(ref))
	require.Equal(t, "k", string(s.Key(ref)))
	require.Equal(t, "v", string(s.Value(ref)))
	require.NoError(t, s.Check())
}

func TestKeyLengths(t *testing.T) {
	s := newSpace()
	for _, n := range []int{0, 1, 11, 253, 254, 255, 256, 2047, maxInlineKey, maxInlineKey + 1, 1 << 20} {
		for _, v := range []int{0, 1, LargeValue - 1, LargeValue, 100_000} {
			k := bytes.Repeat([]byte{'k'}, n)
			val := bytes.Repeat([]byte{'v'}, v)
			ref, err := s.Insert(k, 0, val)
			require.NoError(t, err)
			require.Equal(t, ref, s.Find(k), "key of %d, value of %d", n, v)
			require.Equal(t, k, s.Key(ref))
			require.Equal(t, val, append([]byte{}, s.Value(ref)...))
			require.Equal(t, v >= LargeValue, s.IsLarge(ref))
			ref, err = s.AddTimer(ref)
			require.NoError(t, err)
			require.Equal(t, k, s.Key(ref))
			require.NoError(t, s.Check())
			require.GreaterOrEqual(t, s.Size(ref, 0), min(n, v))
			s.Delete(ref)
			require.Zero(t, s.Find(k))
			require.NoError(t, s.Check())
			s.Reclaim()
			require.NoError(t, s.Check())
		}
	}
	require.Zero(t, s.Stats().BlockBytes)
	require.Zero(t, s.Stats().LargeBytes)
}

func TestOwnedValuesAreAdopted(t *testing.T) {
	s := newSpace()
	val := make([]byte, LargeValue, 2*LargeValue)
	ref, err := s.InsertOwned([]byte("k"), 0, val)
	require.NoError(t, err)
	require.Same(t, &val[0], &s.Value(ref)[0])

	grown, view, err := s.Resize(ref, 2*LargeValue)
	require.NoError(t, err)
	require.Equal(t, ref, grown)
	require.Same(t, &val[0], &view[0], "grows into the spare capacity")

	next := make([]byte, LargeValue)
	ref, err = s.ReplaceOwned(ref, 0, next)
	require.NoError(t, err)
	require.Same(t, &next[0], &s.Value(ref)[0])
	small, err := s.ReplaceOwned(ref, 0, []byte("small"))
	require.NoError(t, err)
	large, err := s.ReplaceOwned(small, 0, val)
	require.NoError(t, err)
	require.Same(t, &val[0], &s.Value(large)[0])
	require.NoError(t, s.Check())
}

func TestSharedValuesAreCopiedOnce(t *testing.T) {
	s := newSpace()
	ref, err := s.Insert([]byte("k"), 0, make([]byte, LargeValue))
	require.NoError(t, err)
	for name, change := range map[string]func(){
		"mutable": func() { s.Mutable(ref)[0]++ },
		"grow": func() {
			_, v, err := s.Resize(ref, len(s.Value(ref))+1)
			require.NoError(t, err)
			v[0]++
		},
		"same size": func() {
			_, v, err := s.Resize(ref, len(s.Value(ref)))
			require.NoError(t, err)
			v[0]++
		},
		"replace": func() {
			v := bytes.Clone(s.Value(ref))
			v[0]++
			_, err := s.Replace(ref, 0, v)
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.MarkShared(ref)
			before := s.Value(ref)
			was := bytes.Clone(before)
			change()
			require.Equal(t, was, before, "the shared slice is untouched")
			require.Equal(t, was[0]+1, s.Value(ref)[0])
			private := s.Value(ref)
			s.Mutable(ref)
			require.Same(t, &private[0], &s.Value(ref)[0], "a private slice is changed in place")
			require.NoError(t, s.Check())
		})
	}
}

func TestLargeGrowthIsAmortised(t *testing.T) {
	s := newSpace()
	ref, err := s.Insert([]byte("k"), 0, make([]byte, LargeValue))
	require.NoError(t, err)
	moves := 0
	for n := LargeValue; n < 1<<18; n++ {
		before := &s.Value(ref)[0]
		_, v, err := s.Resize(ref, n+1)
		if err != nil {
			t.Fatal(err)
		}
		if before != &v[0] {
			moves++
		}
		if v[n] != 0 {
			t.Fatalf("byte %d is not zero", n)
		}
		v[n] = 1
	}
	require.Less(t, moves, 30)
	_, v, err := s.Resize(ref, LargeValue)
	require.NoError(t, err)
	require.LessOrEqual(t, cap(v), 2*LargeValue, "shrinking gives memory back")
	require.NoError(t, s.Check())
}

func TestArenaFull(t *testing.T) {
	s := newSpace()
	s.arena.maxPages = 4
	var err error
	n := 0
	for ; err == nil; n++ {
		_, err = s.Insert(key(n), 0, make([]byte, 1000))
	}
	require.ErrorIs(t, err, ErrFull)
	require.NoError(t, s.Check())
	require.Equal(t, n-1, s.Len())
	require.Zero(t, s.Find(key(n-1)))

	ref := s.Find(key(0))
	_, err = s.AddTimer(ref)
	require.ErrorIs(t, err, ErrFull)
	_, err = s.Replace(ref, 0, make([]byte, LargeValue))
	require.ErrorIs(t, err, ErrFull)
	_, err = s.Rename(ref, bytes.Repeat([]byte("long"), maxInlineKey))
	require.ErrorIs(t, err, ErrFull)
	_, _, err = s.Resize(ref, LargeValue)
	require.ErrorIs(t, err, ErrFull)
	_, err = s.InsertOwned(bytes.Repeat([]byte("long"), maxInlineKey), 0, make([]byte, LargeValue))
	require.ErrorIs(t, err, ErrFull)
	require.Equal(t, ref, s.Find(key(0)))
	require.NoError(t, s.Check())
	s.Reclaim()
	require.NoError(t, s.Check())
	require.Zero(t, s.Stats().LargeBytes)

	s.Delete(ref)
	s.Reclaim()
	_, err = s.Insert([]byte("again"), 0, make([]byte, 1000))
	require.NoError(t, err)
}

func TestIndexFull(t *testing.T) {
	s := newSpace()
	limit := 0
	for s.index.insert(0xffffffff, Ref(limit+1)) {
		limit++
	}
	require.Greater(t, limit, 16)
	ref := s.Find([]byte("k"))
	require.Zero(t, ref)
}

func TestRenameKeepsEverythingElse(t *testing.T) {
	s := newSpace()
	var from, to Ref
	s.OnMove = func(old, new Ref) { from, to = old, new }
	ref, err := s.Insert([]byte("old"), MakeKind(1, 2), make([]byte, LargeValue))
	require.NoError(t, err)
	ref, err = s.AddTimer(ref)
	require.NoError(t, err)
	require.Zero(t, from, "a timer that was just made is linked nowhere")
	s.SetDeadline(uint32(ref), 12345)
	s.SetLinks(uint32(ref), 7, 8)
	s.SetRecency(ref, 99)
	s.MarkShared(ref)

	for _, name := range []string{"new", string(bytes.Repeat([]byte("n"), 3000)), "back"} {
		moved, err := s.Rename(ref, []byte(name))
		require.NoError(t, err)
		require.Equal(t, [2]Ref{ref, moved}, [2]Ref{from, to})
		ref = moved
		require.Equal(t, ref, s.Find([]byte(name)))
	}
	require.Equal(t, 1, s.Len())
	require.Equal(t, int64(12345), s.Deadline(uint32(ref)))
	next, prev := s.Links(uint32(ref))
	require.Equal(t, [2]uint32{7, 8}, [2]uint32{next, prev})
	require.Equal(t, uint32(99), s.Recency(ref))
	require.Equal(t, MakeKind(1, 2), s.Kind(ref))
	shared := &s.Value(ref)[0]
	require.NotSame(t, shared, &s.Mutable(ref)[0], "still shared")
	require.NoError(t, s.Check())
}

func TestTimerRoomIsKeptWithinAClass(t *testing.T) {
	s := newSpace()
	ref, err := s.Insert([]byte("k"), 0, make([]byte, 3300))
	require.NoError(t, err)
	with, err := s.AddTimer(ref)
	require.NoError(t, err)
	without := s.DropTimer(with)
	require.Equal(t, with, without)
	require.False(t, s.HasTimer(without))
	again, err := s.AddTimer(without)
	require.NoError(t, err)
	require.Equal(t, with, again)
	require.Zero(t, s.Deadline(uint32(again)))
	same, err := s.AddTimer(again)
	require.NoError(t, err)
	require.Equal(t, again, same)

	small, err := s.Replace(again, 0, []byte("v"))
	require.NoError(t, err)
	require.True(t, s.HasTimer(small))
	dropped := s.DropTimer(small)
	require.NotEqual(t, small, dropped)
	require.Equal(t, dropped, s.DropTimer(dropped))
	require.NoError(t, s.Check())
}

// wheel is a doubly linked list of the entries with a timer, held together by their links alone.
type wheel struct {
	s    *Space
	head uint32
}

func (w *wheel) push(ref Ref) {
	w.s.SetLinks(uint32(ref), w.head, 0)
	if w.head != 0 {
		next, _ := w.s.Links(w.head)
		w.s.SetLinks(w.head, next, uint32(ref))
	}
	w.head = uint32(ref)
}

func (w *wheel) patch(next, prev, toNext, toPrev uint32) {
	if next != 0 {
		after, _ := w.s.Links(next)
		w.s.SetLinks(next, after, toPrev)
	}
	if prev == 0 {
		w.head = toNext
		return
	}
	_, before := w.s.Links(prev)
	w.s.SetLinks(prev, toNext, before)
}

func (w *wheel) drop(ref Ref) {
	next, prev := w.s.Links(uint32(ref))
	w.patch(next, prev, next, prev)
}

func (w *wheel) moved(_, to Ref) {
	next, prev := w.s.Links(uint32(to))
	w.patch(next, prev, uint32(to), uint32(to))
}

// entry is what the model knows of a key; view and was are a view of the value and its content when it was taken.
type entry struct {
	ref      Ref
	kind     Kind
	val      []byte
	recency  uint32
	timed    bool
	deadline int64
}

type view struct{ seen, was []byte }

// machine runs a Space beside a map.
type machine struct {
	s     *Space
	wheel *wheel
	model map[string]*entry
	views []view // of entries that moved or went in this transaction

	snapshot snapshotModel
}

func newMachine() *machine {
	s := newSpace()
	w := &wheel{s: s}
	s.OnMove = w.moved
	s.epoch = lastEpoch - 1 // so that it wraps around
	return &machine{s: s, wheel: w, model: map[string]*entry{}}
}

func anyKey(t *rapid.T) []byte {
	n := rapid.IntRange(0, 400).Draw(t, "key")
	k := key(n)
	switch n {
	case 0:
		return nil
	case 1, 2, 3:
		return append(k, bytes.Repeat([]byte{'x'}, 254-len(k)+n-2)...)
	case 4, 5, 6:
		return append(k, bytes.Repeat([]byte{'x'}, maxInlineKey-len(k)+n-5)...)
	}
	return k
}

// anyLen draws a value length: small ones mostly, and those around each class's and the large values' boundary.
func anyLen(t *rapid.T) int {
	switch rapid.IntRange(0, 3).Draw(t, "shape") {
	case 0:
		return rapid.IntRange(0, 80).Draw(t, "small")
	case 1:
		class := rapid.IntRange(0, numClasses-1).Draw(t, "class")
		return max(0, int(classWords[class])*wordBytes+rapid.IntRange(-40, 2).Draw(t, "off"))
	case 2:
		return LargeValue + rapid.IntRange(-3, 3).Draw(t, "border")
	default:
		return rapid.IntRange(0, 3*LargeValue).Draw(t, "any")
	}
}

func anyValue(t *rapid.T) []byte {
	return bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, anyLen(t))
}

// anyKind is a kind whose values own no nodes.
func anyKind(t *rapid.T) Kind { return Kind(rapid.Byte().Draw(t, "kind")) &^ FirstOwning }

// pick draws a present key, to change its entry.
func (m *machine) pick(t *rapid.T) (string, *entry) {
	if len(m.model) == 0 {
		t.Skip("no key yet")
	}
	k := string(anyKey(t))
	if e := m.model[k]; e != nil {
		m.s.Keep(e.ref)
		return k, e
	}
	names := make([]string, 0, len(m.model))
	for name := range m.model {
		names = append(names, name)
	}
	sort.Strings(names)
	k = names[sort.SearchStrings(names, k)%len(names)]
	m.s.Keep(m.model[k].ref)
	return k, m.model[k]
}

// watch takes views of an entry that may move or go; the result keeps them. The slice of a large value travels with the
// entry and is changed in place unless it is shared.
func (m *machine) watch(ref Ref) func() {
	k, v := m.s.Key(ref), m.s.Value(ref)
	views := []view{{k, bytes.Clone(k)}}
	if header := m.s.block(ref).header; header&flagLarge == 0 || header&flagShared != 0 {
		views = append(views, view{v, bytes.Clone(v)})
	}
	return func() { m.views = append(m.views, views...) }
}

func (m *machine) settled(e *entry, ref Ref, err error, keep func()) {
	if err != nil {
		panic(err)
	}
	if ref != e.ref {
		keep()
	}
	e.ref = ref
}

func (m *machine) set(t *rapid.T, owned bool) {
	k, v, kind := anyKey(t), anyValue(t), anyKind(t)
	given := bytes.Clone(v)
	e := m.model[string(k)]
	require.Equal(t, e != nil, m.s.Find(k) != 0)
	if e != nil {
		m.s.Keep(e.ref)
	}
	var ref Ref
	var err error
	keep := func() {}
	switch {
	case e == nil && owned:
		ref, err = m.s.InsertOwned(k, kind, given)
	case e == nil:
		ref, err = m.s.Insert(k, kind, given)
	case owned:
		keep = m.watch(e.ref)
		ref, err = m.s.ReplaceOwned(e.ref, kind, given)
	default:
		keep = m.watch(e.ref)
		ref, err = m.s.Replace(e.ref, kind, given)
	}
	if e == nil {
		e = &entry{ref: ref}
		m.model[string(k)] = e
	}
	m.settled(e, ref, err, keep)
	if !owned {
		clear(given)
	}
	e.val, e.kind = v, kind
}

// burst runs one of the changes many times, so that pages fill and empty and the index grows and shrinks.
func (m *machine) burst(t *rapid.T) {
	changes := []func(*rapid.T){func(t *rapid.T) { m.set(t, false) }, m.delete, m.addTimer, m.dropTimer, m.resize}
	change := changes[rapid.IntRange(0, len(changes)-1).Draw(t, "change")]
	for range rapid.IntRange(1, 150).Draw(t, "times") {
		if len(m.model) == 0 {
			m.set(t, true)
		}
		change(t)
	}
}

func (m *machine) replaceByPartOfItself(t *rapid.T) {
	_, e := m.pick(t)
	from := rapid.IntRange(0, len(e.val)).Draw(t, "from")
	to := rapid.IntRange(from, len(e.val)).Draw(t, "to")
	ref, err := m.s.Replace(e.ref, e.kind, m.s.Value(e.ref)[from:to])
	m.settled(e, ref, err, func() {})
	e.val = bytes.Clone(e.val[from:to])
}

func (m *machine) resize(t *rapid.T) {
	_, e := m.pick(t)
	n := anyLen(t)
	wasShared := m.s.block(e.ref).header&flagShared != 0
	keep := m.watch(e.ref)
	ref, v, err := m.s.Resize(e.ref, n)
	if wasShared {
		keep()
	}
	m.settled(e, ref, err, keep)
	want := make([]byte, n)
	copy(want, e.val)
	require.Equal(t, want, append([]byte{}, v...))
	if n > 0 {
		v[n-1]++
		want[n-1]++
	}
	e.val = want
}

func (m *machine) mutate(t *rapid.T) {
	_, e := m.pick(t)
	if len(e.val) == 0 {
		t.Skip("nothing to change")
	}
	at := rapid.IntRange(0, len(e.val)-1).Draw(t, "at")
	if m.s.block(e.ref).header&flagShared != 0 {
		m.watch(e.ref)()
	}
	m.s.Mutable(e.ref)[at] ^= 0x55
	e.val[at] ^= 0x55
}

func (m *machine) delete(t *rapid.T) {
	k, e := m.pick(t)
	if e.timed {
		m.wheel.drop(e.ref)
	}
	m.watch(e.ref)()
	m.s.Delete(e.ref)
	delete(m.model, k)
}

func (m *machine) rename(t *rapid.T) {
	k, e := m.pick(t)
	name := anyKey(t)
	if m.model[string(name)] != nil {
		t.Skip("taken")
	}
	keep := m.watch(e.ref)
	ref, err := m.s.Rename(e.ref, name)
	m.settled(e, ref, err, keep)
	delete(m.model, k)
	m.model[string(name)] = e
}

func (m *machine) addTimer(t *rapid.T) {
	_, e := m.pick(t)
	keep := m.watch(e.ref)
	ref, err := m.s.AddTimer(e.ref)
	m.settled(e, ref, err, keep)
	if !e.timed {
		require.Zero(t, m.s.Deadline(uint32(ref)))
		m.wheel.push(ref)
		e.timed = true
	}
	e.deadline = rapid.Int64().Draw(t, "deadline")
	m.s.SetDeadline(uint32(ref), e.deadline)
}

func (m *machine) dropTimer(t *rapid.T) {
	_, e := m.pick(t)
	if e.timed {
		m.wheel.drop(e.ref)
		e.timed = false
	}
	keep := m.watch(e.ref)
	m.settled(e, m.s.DropTimer(e.ref), nil, keep)
}

func (m *machine) touch(t *rapid.T) {
	_, e := m.pick(t)
	e.recency = rapid.Uint32Range(0, RecencyMask).Draw(t, "recency")
	m.s.SetRecency(e.ref, e.recency)
	m.s.MarkShared(e.ref)
}

func (m *machine) reclaim(t *rapid.T) {
	for _, v := range m.views {
		require.True(t, bytes.Equal(v.was, v.seen), "a view changed before Reclaim")
	}
	m.views = nil
	m.s.Reclaim()
}

// compact moves entries although little is free: it forces the sparsest page of some class out.
func (m *machine) compact(t *rapid.T) {
	m.reclaim(t)
	for class := range uint8(numClasses) {
		c := &m.s.arena.classes[class]
		if c.pages*pageBlocks[class]-c.live >= pageBlocks[class] {
			m.s.arena.evacuate(class, rapid.IntRange(1, 2000).Draw(t, "budget"), m.s.transfer)
			m.s.Reclaim()
			break
		}
	}
	for k, e := range m.model {
		e.ref = m.s.Find([]byte(k))
	}
}

func (m *machine) check(t *rapid.T) {
	require.NoError(t, m.s.Check())
	require.Equal(t, len(m.model), m.s.Len())
	timed := 0
	for k, e := range m.model {
		require.Equal(t, e.ref, m.s.Find([]byte(k)))
		require.True(t, bytes.Equal(e.val, m.s.Value(e.ref)), "value of %.20q", k)
		require.Equal(t, k, string(m.s.Key(e.ref)))
		require.Equal(t, e.kind, m.s.Kind(e.ref))
		require.Equal(t, e.recency, m.s.Recency(e.ref))
		require.Equal(t, e.timed, m.s.HasTimer(e.ref))
		if e.timed {
			timed++
			require.Equal(t, e.deadline, m.s.Deadline(uint32(e.ref)))
		}
	}
	linked, prev := 0, uint32(0)
	for at := m.wheel.head; at != 0; linked++ {
		next, back := m.s.Links(at)
		require.Equal(t, prev, back)
		require.LessOrEqual(t, linked, timed)
		prev, at = at, next
	}
	require.Equal(t, timed, linked)
	m.snapshot.check(t)
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine()
		t.Repeat(map[string]func(*rapid.T){
			"set":       func(t *rapid.T) { m.set(t, false) },
			"burst":     m.burst,
			"set owned": func(t *rapid.T) { m.set(t, true) },
			"alias":     m.replaceByPartOfItself,
			"resize":    m.resize,
			"mutate":    m.mutate,
			"delete":    m.delete,
			"rename":    m.rename,
			"add":       m.addTimer,
			"drop":      m.dropTimer,
			"touch":     m.touch,
			"reclaim":   m.reclaim,
			"compact":   m.compact,
			"freeze":    m.freeze,
			"step":      m.step,
			"give up":   m.giveUp,
			"":          m.check,
		})
	})
}

// TestScanUnderChurn keeps a set of keys for the whole scan while others come and go between its calls, so that the index grows,
// splits, shrinks and merges under it.
func TestScanUnderChurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSpace()
		kept := rapid.IntRange(0, 3000).Draw(t, "kept")
		extra := rapid.IntRange(0, 6000).Draw(t, "extra")
		count := rapid.IntRange(1, 500).Draw(t, "count")
		grow := rapid.Bool().Draw(t, "grow")
		for i := range kept {
			_, err := s.Insert(key(i), 0, nil)
			require.NoError(t, err)
		}
		churn := churner(t, s, kept, extra, grow)
		seen := map[string]bool{}
		for cursor, calls := uint64(0), 0; ; calls++ {
			cursor = s.Scan(cursor, count, func(ref Ref) { seen[string(s.Key(ref))] = true })
			require.Less(t, cursor, uint64(1)<<40)
			if cursor == 0 {
				break
			}
			require.Less(t, calls, 20_000)
			churn()
		}
		for i := range kept {
			require.True(t, seen[string(key(i))], "key %d of %d", i, kept)
		}
		require.NoError(t, s.Check())
	})
}

// churner returns a function that adds, or removes, a part of the extra keys at each call.
func churner(t *rapid.T, s *Space, kept, extra int, grow bool) func() {
	insert := func(i int) {
		_, err := s.Insert(key(kept+i), 0, nil)
		require.NoError(t, err)
	}
	if !grow {
		for i := range extra {
			insert(i)
		}
	}
	at := 0
	return func() {
		for range 200 {
			if at == extra {
				return
			}
			if grow {
				insert(at)
			} else {
				s.Delete(s.Find(key(kept + at)))
			}
			at++
		}
		s.Reclaim()
	}
}

func TestScanReturnsAboutCount(t *testing.T) {
	s := newSpace()
	fillSpace(t, s, 0, 50_000, 8)
	total := 0
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		n := 0
		cursor = s.Scan(cursor, 100, func(Ref) { n++ })
		require.LessOrEqual(t, n, 110)
		total += n
	}
	require.Equal(t, 50_000, total, "each once, as nothing changed")

	visited := 0
	s.Each(func(Ref) bool { visited++; return visited < 777 })
	require.Equal(t, 777, visited)
}

func TestScanTakesAnyCursor(t *testing.T) {
	s := newSpace()
	fillSpace(t, s, 0, 100, 8)
	for _, cursor := range []uint64{1 << 32, 1<<40 - 1, 1<<64 - 1} {
		require.Zero(t, s.Scan(cursor, 10, func(Ref) { t.Fatal("beyond the end") }))
	}
	require.NotZero(t, s.Scan(0, -5, func(Ref) {}))
}

func TestRandomIsNearUniform(t *testing.T) {
	for _, n := range []int{1, 2, 10, 3000} {
		s := newSpace()
		fillSpace(t, s, 0, n, 8)
		hits := map[Ref]int{}
		draws := 200 * n
		for r := range draws {
			hits[s.Random(uint64(r))]++
		}
		require.Len(t, hits, n)
		for _, h := range hits {
			require.InDelta(t, 200, h, 90)
		}
	}
}

func TestSampleGivesDifferentEntries(t *testing.T) {
	s := newSpace()
	fillSpace(t, s, 0, 5000, 8)
	for r := range uint64(500) {
		var got []Ref
		s.Sample(r, 20, func(ref Ref) { got = append(got, ref) })
		require.Len(t, got, 20)
		slices.Sort(got)
		require.Len(t, slices.Compact(got), 20)
	}
	small := newSpace()
	fillSpace(t, small, 0, 3, 8)
	n := 0
	small.Sample(9, 20, func(Ref) { n++ })
	require.Equal(t, 3, n)
}

// TestGrowingValuesReusePages grows values through many classes, as a command does that puts a collection together: pages that are
// empty afterwards serve the next one.
// TestShrinkingValuesStay shortens a value byte by byte: its block holds it until a quarter of it is free, and so does the count of memory.
func TestShrinkingValuesStay(t *testing.T) {
	const longest = 400
	s := newSpace()
	ref, err := s.Insert([]byte("key"), 1, bytes.Repeat([]byte("v"), longest))
	require.NoError(t, err)
	moves := 0
	for n := longest - 1; n >= 0; n-- {
		moved, val, err := s.Resize(ref, n)
		require.NoError(t, err)
		if moved != ref {
			moves++
			require.Equal(t, classFor(s.block(moved).exactBytes()), s.arena.class(moved))
		}
		ref = moved
		require.Equal(t, strings.Repeat("v", n), string(val))
		require.LessOrEqual(t, 3*classBytes(s.arena.class(ref)), 4*classBytes(classFor(s.block(ref).exactBytes())))
		require.NoError(t, s.Check())
		s.Reclaim()
	}
	require.Less(t, moves, 12)
	ref, err = s.Replace(ref, 1, []byte("w"))
	require.NoError(t, err)
	require.Equal(t, classFor(s.block(ref).exactBytes()), s.arena.class(ref))
	require.Equal(t, s.arena.liveBytes, classBytes(s.arena.class(ref)))
}

func TestGrowingValuesReusePages(t *testing.T) {
	s := newSpace()
	grow := func(i int) {
		ref, err := s.Insert(key(i), 1, make([]byte, 1))
		require.NoError(t, err)
		for size := 50; size <= 250; size += 50 {
			ref, _, err = s.Resize(ref, size)
			require.NoError(t, err)
		}
		s.Reclaim()
	}
	for i := range 100 {
		grow(i)
	}
	before := s.Stats()
	for i := 100; i < 150; i++ {
		grow(i)
		after := s.Stats()
		require.Equal(t, before.Pages, after.Pages)
		require.Equal(t, before.SparePages, after.SparePages)
	}
	require.Greater(t, before.SparePages, compactSpare)
}

func TestMemoryGoesBack(t *testing.T) {
	s := newSpace()
	const n = 200_000
	fillSpace(t, s, 0, n, 32)
	full := s.Stats()
	for i := range n {
		if i%10 != 0 {
			s.Delete(s.Find(key(i)))
		}
		if i%100 == 0 {
			s.Reclaim()
		}
	}
	s.Reclaim()
	require.NoError(t, s.Check())
	for more := true; more; {
		var moved int
		moved, more = s.Compact(100)
		require.LessOrEqual(t, moved, 100)
	}
	require.NoError(t, s.Check())
	sparse := s.Stats()
	require.Less(t, sparse.ArenaBytes, full.ArenaBytes/4)
	require.Less(t, sparse.IndexBytes, full.IndexBytes/5)
	for i := 0; i < n; i += 10 {
		ref := s.Find(key(i))
		if ref == 0 {
			t.Fatalf("lost key %d", i)
		}
		s.Delete(ref)
	}
	s.Reclaim()
	require.NoError(t, s.Check())
	empty := s.Stats()
	require.Zero(t, empty.Pages)
	require.Equal(t, 1, empty.Segments)
	require.Equal(t, 1, empty.Directory)
	require.LessOrEqual(t, empty.SparePages, spareLimit)
}

func TestCompactPatchesTimers(t *testing.T) {
	s := newSpace()
	w := &wheel{s: s}
	s.OnMove = w.moved
	const n = 40_000
	fillSpace(t, s, 0, n, 5)
	for i := range n {
		ref, err := s.AddTimer(s.Find(key(i)))
		if err != nil {
			t.Fatal(err)
		}
		s.Reclaim()
		w.push(ref)
		s.SetDeadline(uint32(ref), int64(i))
	}
	for i := range n {
		if i%7 != 0 {
			ref := s.Find(key(i))
			w.drop(ref)
			s.Delete(ref)
		}
	}
	moved, more := s.Compact(n)
	require.Positive(t, moved)
	require.False(t, more)
	require.NoError(t, s.Check())
	want := int64(n - 1 - (n-1)%7)
	for at := w.head; at != 0; want -= 7 {
		if want != s.Deadline(at) || Ref(at) != s.Find(key(int(want))) {
			t.Fatalf("timer of %d: deadline %d", want, s.Deadline(at))
		}
		at, _ = s.Links(at)
	}
	require.Equal(t, int64(-7), want)
	moved, more = s.Compact(n)
	require.Zero(t, moved)
	require.False(t, more)
}

func TestPoison(t *testing.T) {
	s := newSpace()
	ref, err := s.Insert([]byte("key"), 0, []byte("a value that fills some words"))
	require.NoError(t, err)
	_, err = s.Insert([]byte("other"), 0, []byte("a value that fills some words"))
	require.NoError(t, err)
	v := s.Value(ref)
	s.Delete(ref)
	require.Equal(t, "a value that fills some words", string(v))
	s.Reclaim()
	require.Equal(t, bytes.Repeat([]byte{0xdb}, len(v)), v)
}

func TestSeedsDiffer(t *testing.T) {
	require.NotEqual(t, New(maphash.MakeSeed()).hash([]byte("k")), New(maphash.MakeSeed()).hash([]byte("k")))
}

func TestCheckFindsDamage(t *testing.T) {
	for name, damage := range map[string]func(s *Space){
		"length":      func(s *Space) { s.index.len++ },
		"count":       func(s *Space) { s.index.segment(0).count++ },
		"live bytes":  func(s *Space) { s.arena.liveBytes++ },
		"class":       func(s *Space) { s.arena.classes[20].live++ },
		"lost block":  func(s *Space) { s.arena.alloc(3) },
		"side":        func(s *Space) { s.side.add(make([]byte, 10)) },
		"header":      func(s *Space) { b := s.block(s.Find(key(1))); b.setHeader(b.header | flagFree) },
		"key":         func(s *Space) { s.Key(s.Find(key(1)))[0]++ },
		"swapped":     func(s *Space) { s.index.move(s.hash(key(1)), s.Find(key(1)), s.Find(key(2))) },
		"shared":      func(s *Space) { b := s.block(s.Find(key(1))); b.setHeader(b.header | flagShared) },
		"not retired": func(s *Space) { s.arena.retired = uint32(s.Find(key(1))) },
		"unlisted": func(s *Space) {
			c := &s.arena.classes[classFor(30)]
			c.filled = 0
		},
	} {
		s := newSpace()
		fillSpace(t, s, 0, 2000, 15)
		require.NoError(t, s.Check())
		damage(s)
		require.Error(t, s.Check(), name)
	}
	require.False(t, errors.Is(newSpace().Check(), ErrFull))
}
