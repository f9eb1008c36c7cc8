// stream_change.go: changes of a stream's entries. Entries are added at the end, struck out where they are, and dropped by whole
// nodes. Whoever changes a StreamLog saves it.

package value

import (
	"encoding/binary"
	"errors"
	"math"
)

// StreamMaxBytes is how much, in bytes, the fields and values of one entry may be together, and a node of entries.
const StreamMaxBytes = 1 << 30

// Errors of Add.
var (
	ErrStreamID    = errors.New("value: id is not above that of the stream's last entry")
	ErrStreamBytes = errors.New("value: entry is too large for a stream")
)

// NextID is the id that an entry gets which is added at now, in unix milliseconds. It wraps around behind the greatest one.
func (s *StreamLog) NextID(now int64) StreamID {
	if ms := uint64(now); ms > s.Last.Ms {
		return StreamID{ms, 0}
	}
	next, _ := s.Last.Next()
	return next
}

// Choose is the id that an entry gets for which a client has written one; ok is false if that leaves none.
func (s *StreamLog) Choose(id ParsedID) (chosen StreamID, ok bool) {
	if !id.AnySeq || s.Last.Ms != id.Ms {
		return id.StreamID, true
	}
	if s.Last.Seq == math.MaxUint64 {
		return id.StreamID, false
	}
	return StreamID{id.Ms, s.Last.Seq + 1}, true
}

// CheckAdd tells whether Add can add an entry of fields and values.
func (s *StreamLog) CheckAdd(id StreamID, pairs [][]byte) error {
	if id.Compare(s.Last) <= 0 {
		return ErrStreamID
	}
	if bytesOf(pairs) > StreamMaxBytes {
		return ErrStreamBytes
	}
	return nil
}

func bytesOf(elems [][]byte) (n int64) {
	for _, elem := range elems {
		n += int64(len(elem))
	}
	return n
}

// Add adds an entry that CheckAdd allows.
func (s *StreamLog) Add(id StreamID, pairs [][]byte, limits *Limits) {
	s.entries.need(editPages)
	if !s.addToLast(id, pairs, limits) {
		s.putNode(id, newStreamNode(s.entries.nodes, pairs))
	}
	s.Len++
	s.Added++
	s.Last = id
	if s.Len == 1 {
		s.First = id
	}
}

const nodeNumberBytes = 4

// putNode puts a node of entries where its master id says.
func (s *StreamLog) putNode(master StreamID, node uint32) {
	var number [nodeNumberBytes]byte
	binary.LittleEndian.PutUint32(number[:], node)
	key := master.key()
	s.entries.put(key[:], number[:])
}

// addToLast puts an entry into the last node, if there is one that may take it.
func (s *StreamLog) addToLast(id StreamID, pairs [][]byte, limits *Limits) bool {
	if s.entries.len == 0 {
		return false
	}
	c := s.entries.at(s.entries.len - 1)
	n, number := s.openAt(&c)
	if n.isFull(bytesOf(pairs), limits) {
		return false
	}
	e := newEntry{ms: int64(id.Ms - n.master.Ms), seq: int64(id.Seq - n.master.Seq), pairs: pairs}
	if n.sameFields(pairs) {
		e.flags = flagSame
	}
	room := nodeRoom{s.entries.nodes, number}
	room.setInt(listpackHeader, n.live+1)
	room.append(&e)
	return true
}

// isFull reports whether an entry of so many bytes begins a new node. Deleted entries count too.
func (n *streamNode) isFull(more int64, limits *Limits) bool {
	most := limits.StreamNodeMaxBytes
	if most == 0 || most > StreamMaxBytes {
		most = StreamMaxBytes
	}
	if int64(len(n.Listpack))+more >= most {
		return true
	}
	return limits.StreamNodeMaxEntries != 0 && n.live+n.deleted >= limits.StreamNodeMaxEntries
}

// Delete removes the entry of an id and reports whether it was there. Settle follows the last of several.
func (s *StreamLog) Delete(id StreamID) bool {
	c, ok := s.nodeOf(id)
	if !ok {
		return false
	}
	n, number := s.openAt(&c)
	at := n.seek(id)
	if at == ListpackEnd {
		return false
	}
	if e := n.entry(at); e.ID != id || e.deleted {
		return false
	}
	if n.live == 1 {
		s.dropNode(&c, number)
	} else {
		room := nodeRoom{s.entries.nodes, number}
		room.strike(at)
		room.setCounts(n.live-1, n.deleted+1)
	}
	s.Len--
	if id.Compare(s.MaxDeleted) > 0 {
		s.MaxDeleted = id
	}
	return true
}

func (s *StreamLog) dropNode(c *cursor, number uint32) {
	c.remove()
	s.entries.nodes.Free(number)
}

// Settle finds the first entry again after entries were removed.
func (s *StreamLog) Settle() { s.First, _ = s.Edge(false) }

// Trimming says what Trim leaves.
type Trimming struct {
	ByID    bool
	MaxLen  uint64   // entries to leave, unless ByID
	MinID   StreamID // the least id to leave, if ByID
	ByNodes bool     // only whole nodes are dropped
	Limit   int64    // entries to remove at most; 0: no limit
}

// Trim removes entries from the beginning of the stream and returns how many. Whole nodes are dropped at once, so that a trim that
// drops none costs the same whatever the stream's length. The stream is to be saved even if that is 0: nodes of deleted entries
// alone may have been dropped.
func (s *StreamLog) Trim(t *Trimming) (removed int64) {
	for s.entries.len > 0 && (t.ByID || s.Len > t.MaxLen) {
		c := s.entries.at(0)
		n, number := s.openAt(&c)
		if t.Limit != 0 && removed+n.live > t.Limit {
			break
		}
		if t.takesAll(s, &n) {
			s.dropNode(&c, number)
			s.Len -= uint64(n.live)
			removed += n.live
			continue
		}
		if !t.ByNodes {
			removed += s.trimNode(&n, number, t)
		}
		break
	}
	if removed > 0 {
		s.Settle()
	}
	return removed
}

// takesAll reports whether the stream's first node is to be dropped whole.
func (t *Trimming) takesAll(s *StreamLog, n *streamNode) bool {
	if t.ByID {
		return n.lastID().Compare(t.MinID) < 0
	}
	return s.Len >= t.MaxLen+uint64(n.live)
}

// trimNode strikes out entries of the first node, and returns how many.
func (s *StreamLog) trimNode(n *streamNode, number uint32, t *Trimming) (removed int64) {
	room := nodeRoom{s.entries.nodes, number}
	for at := n.first; at != ListpackEnd; {
		e := n.entry(at)
		if t.ByID && e.ID.Compare(t.MinID) >= 0 || !t.ByID && s.Len <= t.MaxLen {
			break
		}
		at = n.after(&e)
		if !e.deleted {
			room.strike(e.flagsPos)
			s.Len--
			removed++
		}
	}
	if removed > 0 {
		room.setCounts(n.live-removed, n.deleted+removed)
	}
	return removed
}
