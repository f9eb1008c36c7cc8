// stream.go: a stream. The bytes of its key are a record of two trees, and what Redis keeps of a stream beside its entries:
//
//	roots: nodes, groups | length 8 | entries added 8 | last id 16 | first id 16 | greatest deleted id 16
//
// The tree of nodes leads from master ids to nodes of entries (stream_node.go), the tree of groups from names to the nodes of
// consumer groups (stream_group.go). Both trees own what they lead to. A StreamLog is opened over a View; who changes it saves it into the
// cell afterwards (Save). stream_change.go changes entries.

package value

import (
	"encoding/binary"

	"respite/keyspace"
)

// StreamLog is an open stream.
type StreamLog struct {
	Len        uint64   // live entries
	Added      uint64   // entries that were ever added
	Last       StreamID // the greatest id ever given out
	First      StreamID // of the first live entry; 0-0 if there is none
	MaxDeleted StreamID // the greatest id that XDEL removed

	entries tree
	groups  tree
}

// Places in the record of a stream.
const (
	streamNodes  = 0 // trees
	streamGroups = 1
	streamTrees  = 2

	streamMeta       = keyspace.RootsOffset + streamTrees*keyspace.RootBytes // offset of the length
	streamAdded      = streamMeta + 8
	streamLast       = streamAdded + 8
	streamFirst      = streamLast + streamIDBytes
	streamMaxDeleted = streamFirst + streamIDBytes
	streamEnd        = streamMaxDeleted + streamIDBytes
)

// OpenStream opens a stream; the zero stream for a cell that has none yet.
func OpenStream(v View) (s StreamLog) {
	if len(v.Bytes) == 0 {
		s.entries.nodes, s.groups.nodes = v.Nodes, v.Nodes
	} else {
		s.entries, s.groups = v.treeAt(streamNodes), v.treeAt(streamGroups)
		s.Len = binary.LittleEndian.Uint64(v.Bytes[streamMeta:])
		s.Added = binary.LittleEndian.Uint64(v.Bytes[streamAdded:])
		s.Last = streamIDAt(v.Bytes[streamLast:])
		s.First = streamIDAt(v.Bytes[streamFirst:])
		s.MaxDeleted = streamIDAt(v.Bytes[streamMaxDeleted:])
	}
	s.entries.leaves, s.groups.leaves = owning, owning
	return s
}

// CreateStream puts an empty stream into a cell that has nothing.
func CreateStream(cell Cell) {
	cell.Put(MakeKind(Stream, StreamTree), newRecord(streamTrees, streamEnd-streamMeta))
}

// Save writes the stream into its cell.
func (s *StreamLog) Save(cell Cell) {
	b := cell.Mutable()
	s.entries.save(b, streamNodes)
	s.groups.save(b, streamGroups)
	binary.LittleEndian.PutUint64(b[streamMeta:], s.Len)
	binary.LittleEndian.PutUint64(b[streamAdded:], s.Added)
	s.Last.put(b[streamLast:])
	s.First.put(b[streamFirst:])
	s.MaxDeleted.put(b[streamMaxDeleted:])
}

// Nodes is how many nodes the entries are in.
func (s *StreamLog) Nodes() int { return s.entries.len }

// Groups is how many consumer groups the stream has.
func (s *StreamLog) Groups() int { return s.groups.len }

// ownedNode is the node that a value of an owning leaf begins with the number of.
func ownedNode(val []byte) uint32 { return binary.LittleEndian.Uint32(val) }

// openAt opens the node of entries that a cursor is at.
func (s *StreamLog) openAt(c *cursor) (n streamNode, number uint32) {
	key, val := c.entry()
	number = ownedNode(val)
	return openStreamNode(s.entries.nodes.Read(number), streamIDAt(key)), number
}

// nodeOf returns the place of the node that an id would be in: the last whose master id is not above it. ok is false if there is none.
func (s *StreamLog) nodeOf(id StreamID) (c cursor, ok bool) {
	key := id.key()
	c, ok = s.entries.find(key[:])
	if !ok {
		ok = c.prev()
	}
	return c, ok
}

// StreamWalk goes over the live entries of a range of ids.
type StreamWalk struct {
	s        *StreamLog
	c        cursor
	node     streamNode
	at       int // position of the next entry to look at in node; ListpackEnd if there is none
	from, to StreamID
	reverse  bool
	opened   bool // c is at an entry, and node is what it leads to
}

// Range walks over the entries with ids from from to to, or with reverse from to to from. The walk ends with the next change.
func (s *StreamLog) Range(from, to StreamID, reverse bool) StreamWalk {
	w := StreamWalk{s: s, from: from, to: to, reverse: reverse, at: ListpackEnd}
	if from.Compare(to) > 0 || s.entries.len == 0 {
		return w
	}
	if reverse {
		if w.c, w.opened = s.nodeOf(to); w.opened {
			w.node, _ = s.openAt(&w.c)
			if w.at = w.node.seek(to); w.at == ListpackEnd || !w.isAt(to) {
				w.at = w.node.before(w.at)
			}
		}
		return w
	}
	var ok bool
	if w.c, ok = s.nodeOf(from); !ok {
		w.c = s.entries.at(0)
	}
	w.opened = true
	w.node, _ = s.openAt(&w.c)
	w.at = w.node.seek(from)
	return w
}

// isAt reports whether the next entry has an id.
func (w *StreamWalk) isAt(id StreamID) bool {
	e := w.node.entry(w.at)
	return e.ID == id
}

// Next returns the next entry; ok is false at the end.
func (w *StreamWalk) Next() (e StreamEntry, ok bool) {
	for w.opened {
		if w.at == ListpackEnd {
			w.nextNode()
			continue
		}
		e = w.node.entry(w.at)
		if w.reverse && e.ID.Compare(w.from) < 0 || !w.reverse && e.ID.Compare(w.to) > 0 {
			w.opened = false
			break
		}
		if w.reverse {
			w.at = w.node.before(w.at)
		} else {
			w.at = w.node.after(&e)
		}
		if !e.deleted {
			return e, true
		}
	}
	return StreamEntry{}, false
}

// nextNode goes on to the next node in the direction of the walk.
func (w *StreamWalk) nextNode() {
	if w.reverse {
		w.opened = w.c.prev()
	} else {
		w.opened = w.c.next()
	}
	if !w.opened {
		return
	}
	w.node, _ = w.s.openAt(&w.c)
	w.at = w.node.first
	if w.reverse {
		w.at = w.node.before(ListpackEnd)
	}
}

// Has reports whether there is a live entry of an id.
func (s *StreamLog) Has(id StreamID) bool {
	w := s.Range(id, id, false)
	_, ok := w.Next()
	return ok
}

// Edge returns the id of the first live entry, or with last of the last one; ok is false if there is none.
func (s *StreamLog) Edge(last bool) (id StreamID, ok bool) {
	w := s.Range(StreamID{}, MaxStreamID, last)
	e, ok := w.Next()
	return e.ID, ok
}

// TreeNodes is how many nodes the radix tree has that Redis would keep the master ids in, which XINFO STREAM shows. Keys are of one
// length, so that tree has a leaf for each, a node wherever keys part, and a node for each run of bytes that lies between two of these, or
// between the root and the first. It takes a walk over the master ids: over the first of them only in a large stream, of which they stand
// for all.
func (s *StreamLog) TreeNodes() int {
	if s.entries.len == 0 {
		return 1
	}
	walked := min(s.entries.len, mostWalked)
	var t radixCount
	var last [streamIDBytes]byte
	c := s.entries.at(0)
	key, _ := c.entry()
	copy(last[:], key)
	for n := 1; n < walked; n++ {
		c.next()
		key, _ := c.entry()
		t.leave(commonPrefix(last[:], key))
		copy(last[:], key)
	}
	t.leave(aboveRoot)
	return t.nodes * s.entries.len / walked
}

// mostWalked is how many master ids are counted one by one, in 50 microseconds.
const mostWalked = 1024

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}

const aboveRoot = -1 // the depth at which no keys part

// radixCount counts the nodes of a radix tree while its keys go by in order.
type radixCount struct {
	nodes int
	parts []int // depths at which the way to the last key parts, from the root
}

// leave counts the nodes that are on the way to the last key alone, which parts with the next one at a depth.
func (t *radixCount) leave(depth int) {
	t.nodes++
	below := streamIDBytes
	for len(t.parts) > 0 && t.parts[len(t.parts)-1] > depth {
		above := t.parts[len(t.parts)-1]
		t.parts = t.parts[:len(t.parts)-1]
		t.nodes++
		t.run(above, below)
		below = above
	}
	t.run(depth, below)
	if depth != aboveRoot && (len(t.parts) == 0 || t.parts[len(t.parts)-1] != depth) {
		t.parts = append(t.parts, depth)
	}
}

// run counts the node of the bytes between two depths: the node above has one byte itself.
func (t *radixCount) run(above, below int) {
	if below > above+1 {
		t.nodes++
	}
}
