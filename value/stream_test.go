package value

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/keyspace"
)

// streamCell is a cell of its own over the nodes of a space.
type streamCell struct {
	space *keyspace.Space
	kind  keyspace.Kind
	bytes []byte
}

func (c *streamCell) View() View { return View{c.kind, c.bytes, c.space.Nodes()} }

func (c *streamCell) Mutable() []byte { return c.bytes }

func (c *streamCell) Resize(n int) []byte {
	c.bytes = append(c.bytes[:min(n, len(c.bytes))], make([]byte, max(0, n-len(c.bytes)))...)
	return c.bytes
}

func (c *streamCell) Put(kind keyspace.Kind, v []byte) { c.kind, c.bytes = kind, slices.Clone(v) }

func (c *streamCell) SetKind(kind keyspace.Kind) { c.kind = kind }

// owned counts the nodes of a stream and adds up their bytes, by the walk that frees them.
func (c *streamCell) owned() (nodes int, bytes int64) {
	n := c.space.Nodes()
	var walk func(number uint32)
	walk = func(number uint32) {
		nodes++
		payload := n.Read(number)
		Children(n.Level(number), payload, func(at int) { walk(binary.LittleEndian.Uint32(payload[at:])) })
	}
	for i := range int(c.bytes[0]) {
		if root := binary.LittleEndian.Uint32(c.bytes[keyspace.RootsOffset+i*keyspace.RootBytes:]); root != 0 {
			walk(root)
			bytes += n.Size(root, 0)
		}
	}
	return nodes, bytes
}

func (c *streamCell) change(fn func(s *StreamLog)) {
	s := OpenStream(c.View())
	fn(&s)
	s.Save(c)
}

// modelEntry is an entry of the naive stream.
type modelEntry struct {
	id    StreamID
	pairs [][]byte
}

// streamMachine compares a stream with a slice of entries, and one group with a map.
type streamMachine struct {
	cell    *streamCell
	limits  Limits
	entries []modelEntry
	last    StreamID
	pending map[StreamID]string
}

func newStreamMachine(t *rapid.T) *streamMachine {
	m := &streamMachine{cell: &streamCell{space: newTestSpace()}, pending: map[StreamID]string{}}
	m.limits.StreamNodeMaxEntries = rapid.SampledFrom([]int64{0, 1, 2, 5, 100}).Draw(t, "entries")
	m.limits.StreamNodeMaxBytes = rapid.SampledFrom([]int64{0, 60, 200, 4096}).Draw(t, "bytes")
	CreateStream(m.cell)
	m.cell.change(func(s *StreamLog) { require.True(t, s.CreateGroup([]byte("g"), StreamID{}, 0)) })
	return m
}

func (m *streamMachine) add(t *rapid.T) {
	id := StreamID{m.last.Ms + rapid.SampledFrom([]uint64{0, 0, 1, 255, 1 << 40}).Draw(t, "ms"), 0}
	if id.Ms == m.last.Ms {
		id.Seq = m.last.Seq + rapid.Uint64Range(1, 300).Draw(t, "seq")
	}
	var pairs [][]byte
	for range rapid.IntRange(1, 3).Draw(t, "fields") {
		pairs = append(pairs, []byte(rapid.SampledFrom([]string{"a", "b", "", "12"}).Draw(t, "field")),
			[]byte(rapid.SampledFrom([]string{"", "x", "-5", "1234567890123", "007", string(make([]byte, 70)), string(make([]byte, 5000))}).Draw(t, "value")))
	}
	m.cell.change(func(s *StreamLog) {
		require.NoError(t, s.CheckAdd(id, pairs))
		require.ErrorIs(t, s.CheckAdd(s.Last, pairs), ErrStreamID)
		s.Add(id, pairs, &m.limits)
	})
	m.entries, m.last = append(m.entries, modelEntry{id, pairs}), id
}

func (m *streamMachine) someID(t *rapid.T) StreamID {
	if len(m.entries) == 0 || rapid.IntRange(0, 5).Draw(t, "other") == 0 {
		return StreamID{rapid.Uint64Range(0, m.last.Ms+1).Draw(t, "ms"), rapid.Uint64Range(0, 300).Draw(t, "seq")}
	}
	return m.entries[rapid.IntRange(0, len(m.entries)-1).Draw(t, "which")].id
}

func (m *streamMachine) delete(t *rapid.T) {
	id := m.someID(t)
	i := slices.IndexFunc(m.entries, func(e modelEntry) bool { return e.id == id })
	m.cell.change(func(s *StreamLog) {
		require.Equal(t, i >= 0, s.Delete(id))
		s.Settle()
	})
	if i >= 0 {
		m.entries = slices.Delete(m.entries, i, i+1)
	}
}

func (m *streamMachine) trim(t *rapid.T) {
	trim := Trimming{ByID: rapid.Bool().Draw(t, "by id"), ByNodes: rapid.Bool().Draw(t, "by nodes")}
	trim.MaxLen, trim.MinID = rapid.Uint64Range(0, uint64(len(m.entries))).Draw(t, "length"), m.someID(t)
	var removed int64
	m.cell.change(func(s *StreamLog) { removed = s.Trim(&trim) })
	want := max(0, len(m.entries)-int(trim.MaxLen))
	if trim.ByID {
		want = 0
		for want < len(m.entries) && m.entries[want].id.Compare(trim.MinID) < 0 {
			want++
		}
	}
	if trim.ByNodes {
		require.LessOrEqual(t, removed, int64(want))
		want = int(removed)
	}
	require.Equal(t, int64(want), removed)
	m.entries = m.entries[want:]
}

func (m *streamMachine) assign(t *rapid.T) {
	id, name := m.someID(t), rapid.SampledFrom([]string{"", "alice", "bob"}).Draw(t, "consumer")
	m.cell.change(func(s *StreamLog) {
		g, _ := s.Group([]byte("g"))
		k, ok := g.Consumer([]byte(name))
		if !ok {
			k = g.CreateConsumer([]byte(name), 7)
		}
		g.Assign(Pending{ID: id, Time: 5, Deliveries: 3}, k)
		g.Save()
	})
	m.pending[id] = name
}

func (m *streamMachine) ack(t *rapid.T) {
	id := m.someID(t)
	_, was := m.pending[id]
	m.cell.change(func(s *StreamLog) {
		g, _ := s.Group([]byte("g"))
		require.Equal(t, was, g.Ack(id))
		g.Save()
	})
	delete(m.pending, id)
}

func (m *streamMachine) deleteConsumer(t *rapid.T) {
	name := rapid.SampledFrom([]string{"", "alice", "bob"}).Draw(t, "consumer")
	held := 0
	for id, owner := range m.pending {
		if owner == name {
			held++
			delete(m.pending, id)
		}
	}
	m.cell.change(func(s *StreamLog) {
		g, _ := s.Group([]byte("g"))
		if k, ok := g.Consumer([]byte(name)); ok {
			require.Equal(t, held, g.DeleteConsumer([]byte(name), k))
		}
		g.Save()
	})
}

// copyAway goes on with a copy of the stream, and frees the original; both have the same nodes.
func (m *streamMachine) copyAway(t *rapid.T) {
	nodes, _ := m.cell.owned()
	fresh := &streamCell{space: newTestSpace(), kind: m.cell.kind}
	fresh.bytes = fresh.space.CopyValue(m.cell.space, m.cell.kind, m.cell.bytes)
	copied, _ := fresh.owned()
	require.Equal(t, nodes, copied)
	m.free(t)
	m.cell = fresh
}

// free gives the stream up as a key's value is given up, and looks whether any node is left.
func (m *streamMachine) free(t require.TestingT) {
	n := m.cell.space.Nodes()
	for i := range int(m.cell.bytes[0]) {
		if root := binary.LittleEndian.Uint32(m.cell.bytes[keyspace.RootsOffset+i*keyspace.RootBytes:]); root != 0 {
			n.Doom(root)
		}
	}
	for m.cell.space.Sweep(3) {
	}
	require.NoError(t, m.cell.space.Check())
	require.Zero(t, n.Live(), "nodes are left behind")
}

func (m *streamMachine) check(t *rapid.T) {
	m.cell.space.Reclaim()
	require.NoError(t, m.cell.space.Check())
	require.NoError(t, Check(m.cell.View()))
	nodes, _ := m.cell.owned()
	require.Equal(t, m.cell.space.Nodes().Live(), nodes, "every node is owned")
	s := OpenStream(m.cell.View())
	require.Equal(t, uint64(len(m.entries)), s.Len)
	from, to := m.someID(t), m.someID(t)
	for _, reverse := range []bool{false, true} {
		var want []string
		for _, e := range m.entries {
			if e.id.Compare(from) >= 0 && e.id.Compare(to) <= 0 {
				want = append(want, fmt.Sprintf("%v %q", e.id, e.pairs))
			}
		}
		if reverse {
			slices.Reverse(want)
		}
		require.Equal(t, want, entriesOf(s.Range(from, to, reverse)))
	}
	g, _ := s.Group([]byte("g"))
	require.Equal(t, len(m.pending), g.Pending())
	w := g.WalkPending(StreamID{})
	for p, ok := w.Next(); ok; p, ok = w.Next() {
		require.Equal(t, m.pending[p.ID], string(g.Owner(p)))
	}
}

func entriesOf(w StreamWalk) (all []string) {
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		var pairs [][]byte
		for range e.Fields {
			field, val := e.Pair()
			pairs = append(pairs, field.Append([]byte{}), val.Append([]byte{}))
		}
		all = append(all, fmt.Sprintf("%v %q", e.ID, pairs))
	}
	return all
}

func TestStreamAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newStreamMachine(t)
		t.Repeat(map[string]func(*rapid.T){
			"add": m.add, "add more": m.add, "delete": m.delete, "trim": m.trim, "assign": m.assign, "ack": m.ack,
			"delete consumer": m.deleteConsumer, "copy": m.copyAway, "": m.check,
		})
		m.free(t)
	})
}

// TestDestroyedGroupIsFreed destroys a group with much that is pending.
func TestDestroyedGroupIsFreed(t *testing.T) {
	cell := &streamCell{space: newTestSpace()}
	CreateStream(cell)
	before := cell.space.Nodes().Live()
	cell.change(func(s *StreamLog) {
		s.CreateGroup([]byte("g"), StreamID{}, UnknownRead)
		require.False(t, s.CreateGroup([]byte("g"), StreamID{}, 0))
		g, _ := s.Group([]byte("g"))
		for i := range 50 {
			k := g.CreateConsumer(fmt.Appendf(nil, "consumer %d", i), 0)
			for j := range 100 {
				g.Assign(Pending{ID: StreamID{uint64(j + 1), uint64(i)}}, k)
			}
		}
		g.Save()
	})
	require.NoError(t, Check(cell.View()))
	cell.change(func(s *StreamLog) {
		require.True(t, s.DestroyGroup([]byte("g")))
		require.False(t, s.DestroyGroup([]byte("g")))
	})
	for cell.space.Sweep(10) {
	}
	require.NoError(t, cell.space.Check())
	require.Equal(t, before, cell.space.Nodes().Live())
}

func FuzzStreamNode(f *testing.F) {
	space := newTestSpace()
	number := newStreamNode(space.Nodes(), [][]byte{[]byte("a"), []byte("1"), []byte("b"), []byte("x")})
	room := nodeRoom{space.Nodes(), number}
	room.append(&newEntry{ms: 1, seq: -1, flags: flagSame, pairs: [][]byte{[]byte("a"), []byte("2"), []byte("b"), []byte("y")}})
	room.append(&newEntry{ms: 2, pairs: [][]byte{[]byte("c"), []byte("3")}})
	room.setCounts(3, 0)
	f.Add(slices.Clone(room.Mutable()))
	f.Add(EmptyListpack())
	f.Fuzz(func(t *testing.T, b []byte) {
		master := StreamID{5, 5}
		live, last, err := CheckStreamNode(b, master)
		if err != nil {
			return
		}
		n := openStreamNode(b, master)
		require.Equal(t, last, n.lastID())
		seen := int64(0)
		for at := n.first; at != ListpackEnd; {
			e := n.entry(at)
			next := n.after(&e)
			require.Equal(t, at, n.before(next))
			if !e.deleted {
				seen++
			}
			for range e.Fields {
				e.Pair()
			}
			at = next
		}
		require.Equal(t, live, seen)
		addedAndChanged(t, b, master, last)
	})
}

// addedAndChanged makes a stream of a node that was found sound, and changes it in all ways.
func addedAndChanged(t *testing.T, pack []byte, master, last StreamID) {
	for _, fn := range []func(s *StreamLog){
		func(s *StreamLog) { s.Trim(&Trimming{ByID: true, MinID: last}) },
		func(s *StreamLog) { s.Trim(&Trimming{MaxLen: 1}) },
		func(s *StreamLog) { s.Delete(master); s.Delete(last) },
		func(s *StreamLog) { s.Add(MaxStreamID, [][]byte{[]byte("a"), []byte("1")}, &Limits{}) },
	} {
		cell := &streamCell{space: newTestSpace()}
		CreateStream(cell)
		cell.change(func(s *StreamLog) {
			require.NoError(t, s.AddNode(master, pack))
			require.ErrorIs(t, s.AddNode(master, pack), ErrStreamNode)
			if last != MaxStreamID {
				fn(s)
			}
			s.Settle()
		})
		require.NoError(t, Check(cell.View()))
	}
}

// TestTreeNodesAreBounded has a stream of more nodes than are looked at one by one.
func TestTreeNodesAreBounded(t *testing.T) {
	cell := &streamCell{space: newTestSpace()}
	CreateStream(cell)
	lim, counted := &Limits{StreamNodeMaxEntries: 1}, 0
	for i := range 3 * mostWalked {
		cell.change(func(s *StreamLog) {
			if i == mostWalked {
				counted = s.TreeNodes()
			}
			s.Add(StreamID{Ms: uint64(i + 1)}, [][]byte{[]byte("a"), []byte("1")}, lim)
		})
	}
	require.Greater(t, counted, mostWalked)
	s := OpenStream(cell.View())
	require.Equal(t, 3*counted, s.TreeNodes())
}

func TestStreamIDs(t *testing.T) {
	for in, want := range map[string]string{
		"1-2": "1-2", "7": "7-9", "+5": "5-9", " 6-+1": "6-1", "07-007": "7-7", "8\x00x": "8-9",
		"18446744073709551615-18446744073709551615": "18446744073709551615-18446744073709551615",
		"1--05": "1-18446744073709551611", "1--5": "", "-5": "", "": "", "1-": "", "x": "", "1-*": "", "1-2-3": "",
		"9 ": "", "18446744073709551616": "", " ": "",
	} {
		id, ok := ParseStreamID([]byte(in), 9)
		require.Equal(t, want != "", ok, "%q", in)
		if ok {
			require.Equal(t, want, id.String(), "%q", in)
		}
	}
	require.Equal(t, StreamID{0, 1}, idOf(StreamID{}.Next()))
	require.Equal(t, StreamID{2, 0}, idOf(StreamID{1, 1<<64 - 1}.Next()))
	require.Equal(t, StreamID{1, 1<<64 - 1}, idOf(StreamID{2, 0}.Prev()))
}

func idOf(id StreamID, _ bool) StreamID { return id }

func BenchmarkStreamAdd(b *testing.B) {
	cell := &streamCell{space: newTestSpace()}
	cell.space.Poison = false
	CreateStream(cell)
	limits := Limits{StreamNodeMaxBytes: 4096, StreamNodeMaxEntries: 100}
	pairs := [][]byte{[]byte("field"), []byte("a value of some bytes")}
	b.ReportAllocs()
	for i := range b.N {
		s := OpenStream(cell.View())
		s.Add(StreamID{uint64(i + 1), 0}, pairs, &limits)
		s.Trim(&Trimming{MaxLen: 100_000, ByNodes: true, Limit: 10_000})
		s.Save(cell)
		cell.space.Reclaim()
	}
}

func BenchmarkStreamReadAndAck(b *testing.B) {
	cell := &streamCell{space: newTestSpace()}
	cell.space.Poison = false
	CreateStream(cell)
	s := OpenStream(cell.View())
	s.CreateGroup([]byte("g"), StreamID{}, 0)
	s.Save(cell)
	g, _ := s.Group([]byte("g"))
	k := g.CreateConsumer([]byte("c"), 0)
	b.ReportAllocs()
	for i := range b.N {
		g.Assign(Pending{ID: StreamID{uint64(i + 1), 0}, Deliveries: 1}, k)
		if i >= 1000 {
			g.Ack(StreamID{uint64(i - 999), 0})
		}
		g.Save()
		cell.space.Reclaim()
	}
}
