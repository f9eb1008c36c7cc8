// stream_node.go: one node of a stream: a listpack in the layout of Redis's stream nodes, so that DUMP and RDB files take it as it is.
// It begins with the master entry, whose fields later entries of the same fields need not repeat:
//
//	live | deleted | n | field 1 ... field n | 0
//
// and has entries behind, in the order of their ids, which are told as differences from the id of the node's first entry, the
// master id:
//
//	flags | ms | seq | value 1 ... value n | elements                                   with flagSame
//	flags | ms | seq | m | field 1 | value 1 | ... | field m | value m | elements       else
//
// where elements is how many elements of the listpack the entry has before that one: with it the node is walked backwards. An entry
// that is deleted is only marked.

package value

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"respite/keyspace"
)

const (
	flagDeleted = 1 // the entry is gone
	flagSame    = 2 // it has the fields of the master entry

	headElements  = 3 // flags, ms and seq
	countElements = 1 // the number of fields, of an entry that has its own
)

// streamNode is a node that is open for reading.
type streamNode struct {
	Listpack
	master  StreamID
	live    int64
	deleted int64
	fields  int // of the master entry
	field   int // position of the first of them
	first   int // position of the first entry's flags
}

// openStreamNode reads the master entry.
func openStreamNode(l Listpack, master StreamID) streamNode {
	n := streamNode{Listpack: l, master: master}
	at := listpackHeader
	n.live, at = l.intThen(at)
	n.deleted, at = l.intThen(at)
	fields, at := l.intThen(at)
	n.fields, n.field = int(fields), at
	for range n.fields {
		at += l.entryLen(at)
	}
	n.first = l.Next(at)
	return n
}

// intThen reads the integer at a position, and returns the offset behind it.
func (l Listpack) intThen(at int) (n int64, next int) { return l.intAt(at), at + l.entryLen(at) }

// StreamEntry is an entry of a stream, read field by field. It is valid until the stream is changed.
type StreamEntry struct {
	ID     StreamID
	Fields int // how many

	list     Listpack
	field    int // position of the next field; with same, among the master's
	value    int // position of the next value, with same
	same     bool
	deleted  bool
	flagsPos int
}

// entry reads the head of the entry at a position.
func (n *streamNode) entry(at int) (e StreamEntry) {
	e.flagsPos = at
	flags, at := n.intThen(at)
	ms, at := n.intThen(at)
	seq, at := n.intThen(at)
	e.ID = StreamID{n.master.Ms + uint64(ms), n.master.Seq + uint64(seq)}
	e.list, e.same, e.deleted = n.Listpack, flags&flagSame != 0, flags&flagDeleted != 0
	if e.same {
		e.Fields, e.field, e.value = n.fields, n.field, at
		return e
	}
	fields, at := n.intThen(at)
	e.Fields, e.field = int(fields), at
	return e
}

// Pair returns the next field and its value.
func (e *StreamEntry) Pair() (field, value Element) {
	field = e.list.At(e.field)
	e.field += e.list.entryLen(e.field)
	if !e.same {
		value = e.list.At(e.field)
		e.field += e.list.entryLen(e.field)
		return field, value
	}
	value = e.list.At(e.value)
	e.value += e.list.entryLen(e.value)
	return field, value
}

// after returns the position of the entry behind one of which no pair was read, or ListpackEnd.
func (n *streamNode) after(e *StreamEntry) int {
	at, elements := e.field, 2*e.Fields
	if e.same {
		at, elements = e.value, e.Fields
	}
	for range elements {
		at += n.entryLen(at)
	}
	return n.Next(at)
}

// before returns the position of the entry that ends where another begins, or the listpack does (ListpackEnd); ListpackEnd if there
// is none.
func (n *streamNode) before(at int) int {
	if at == n.first {
		return ListpackEnd
	}
	if at == ListpackEnd {
		at = len(n.Listpack) - 1
	}
	at = n.Prev(at)
	for elements := n.intAt(at); elements > 0; elements-- {
		at = n.Prev(at)
	}
	return at
}

// seek returns the position of the first entry, deleted or not, whose id is not below the given one, or ListpackEnd.
func (n *streamNode) seek(id StreamID) int {
	at := n.first
	for at != ListpackEnd {
		e := n.entry(at)
		if e.ID.Compare(id) >= 0 {
			break
		}
		at = n.after(&e)
	}
	return at
}

// lastID is the id of the last entry, deleted or not.
func (n *streamNode) lastID() StreamID {
	e := n.entry(n.before(ListpackEnd))
	return e.ID
}

// sameFields reports whether the pairs have the fields of the master entry.
func (n *streamNode) sameFields(pairs [][]byte) bool {
	if len(pairs) != 2*n.fields {
		return false
	}
	at := n.field
	for i := 0; i < len(pairs); i += 2 {
		if !n.At(at).Equal(pairs[i]) {
			return false
		}
		at += n.entryLen(at)
	}
	return true
}

// nodeRoom is the Room of a listpack in a node of the slab.
type nodeRoom struct {
	nodes  *keyspace.Nodes
	number uint32
}

func (r *nodeRoom) Mutable() []byte     { return r.nodes.Write(r.number) }
func (r *nodeRoom) Resize(n int) []byte { return r.nodes.Resize(r.number, n) }

// setInt puts an integer in the place of the one at a position. Positions behind it hold only if it takes as many bytes.
func (r *nodeRoom) setInt(at int, n int64) {
	l := Listpack(r.Mutable())
	if intPayload(n) == l.payloadLen(at) {
		putInt(l[at:], n)
		return
	}
	var digits IntText
	ListpackReplace(r, at, strconv.AppendInt(digits[:0], n, 10))
}

// setCounts sets how many entries of the node are live and how many deleted.
func (r *nodeRoom) setCounts(live, deleted int64) {
	r.setInt(listpackHeader, live)
	l := Listpack(r.Mutable())
	r.setInt(listpackHeader+l.entryLen(listpackHeader), deleted)
}

// strike marks the entry whose flags are at a position as deleted. Positions hold: flags are bytes of one size, as Redis and we write them.
func (r *nodeRoom) strike(at int) {
	r.setInt(at, Listpack(r.Mutable()).intAt(at)|flagDeleted)
}

// newEntry is what an entry to be written consists of.
type newEntry struct {
	flags   int64
	ms, seq int64
	pairs   [][]byte
}

// elements is how many elements it has, the last apart.
func (e *newEntry) elements() int64 {
	if e.flags&flagSame != 0 {
		return int64(headElements + len(e.pairs)/2)
	}
	return int64(headElements + countElements + len(e.pairs))
}

func intEntrySize(n int64) int {
	size := intPayload(n)
	return size + backLenSize(size)
}

func putIntEntry(dst []byte, n int64) int {
	size := putInt(dst, n)
	return size + putBackLen(dst[size:], size)
}

func (e *newEntry) size() (n int) {
	n = intEntrySize(e.flags) + intEntrySize(e.ms) + intEntrySize(e.seq) + intEntrySize(e.elements())
	if e.flags&flagSame == 0 {
		n += intEntrySize(int64(len(e.pairs) / 2))
	}
	for i, elem := range e.pairs {
		if i&1 != 0 || e.flags&flagSame == 0 {
			n += entrySize(elem)
		}
	}
	return n
}

func (e *newEntry) put(dst []byte) {
	n := putIntEntry(dst, e.flags)
	n += putIntEntry(dst[n:], e.ms)
	n += putIntEntry(dst[n:], e.seq)
	if e.flags&flagSame == 0 {
		n += putIntEntry(dst[n:], int64(len(e.pairs)/2))
	}
	for i, elem := range e.pairs {
		if i&1 != 0 || e.flags&flagSame == 0 {
			n += putEntry(dst[n:], elem)
		}
	}
	putIntEntry(dst[n:], e.elements())
}

// append puts an entry at the end of the node's listpack.
func (r *nodeRoom) append(e *newEntry) {
	old := len(r.Mutable())
	l := Listpack(r.Resize(old + e.size()))
	e.put(l[old-1:])
	l[len(l)-1] = listpackTerminator
	putListpackHeader(l, int(e.elements())+1)
}

// newStreamNode makes the node of an entry that is the first of it.
func newStreamNode(nodes *keyspace.Nodes, pairs [][]byte) uint32 {
	fields := int64(len(pairs) / 2)
	size := listpackEmptySize + intEntrySize(1) + 2*intEntrySize(0) + intEntrySize(fields)
	for i := 0; i < len(pairs); i += 2 {
		size += entrySize(pairs[i])
	}
	e := newEntry{flags: flagSame, pairs: pairs}
	number, l := nodes.New(levelBytes, size+e.size())
	at := listpackHeader
	at += putIntEntry(l[at:], 1)
	at += putIntEntry(l[at:], 0)
	at += putIntEntry(l[at:], fields)
	for i := 0; i < len(pairs); i += 2 {
		at += putEntry(l[at:], pairs[i])
	}
	at += putIntEntry(l[at:], 0)
	e.put(l[at:])
	l[len(l)-1] = listpackTerminator
	binary.LittleEndian.PutUint16(l[listpackCountAt:], 0)
	putListpackHeader(l, int(masterElements+fields+e.elements()+1))
	return number
}

const masterElements = 4 // of a master entry without fields

// ErrStreamNode is what every error of CheckStreamNode wraps.
var ErrStreamNode = errors.New("value: damaged stream node")

// CheckStreamNode examines the bytes of a node of unknown origin, whose first entry has the id master, and returns how many live entries
// it has and its last id. If it returns nil, nothing that this package does with the node panics. Nodes of deleted entries alone are sound.
func CheckStreamNode(b []byte, master StreamID) (live int64, last StreamID, err error) {
	l := Listpack(b)
	if err := l.Check(); err != nil {
		return 0, last, fmt.Errorf("%w: %w", ErrStreamNode, err)
	}
	w := nodeWalk{l: l, at: l.First()}
	stated, deleted, fields := w.integer(), w.integer(), w.integer()
	w.skip(fields)
	if end := w.integer(); end != 0 || fields < 1 || w.bad {
		return 0, last, fmt.Errorf("%w: bad master entry", ErrStreamNode)
	}
	for before := master; w.at != ListpackEnd; before = last {
		flags, id := w.entry(fields, master)
		order := id.Compare(before)
		if w.bad || order < 0 || order == 0 && !last.IsZero() {
			return 0, last, fmt.Errorf("%w: bad entry", ErrStreamNode)
		}
		last = id
		if flags&flagDeleted != 0 {
			deleted--
		} else {
			live++
		}
	}
	if live != stated || deleted != 0 || last.IsZero() {
		return 0, last, fmt.Errorf("%w: wrong number of entries", ErrStreamNode)
	}
	return live, last, nil
}

// nodeWalk goes over the elements of a sound listpack.
type nodeWalk struct {
	l    Listpack
	at   int
	left int64 // minus the elements that were passed
	bad  bool  // one was missing, or not what it should be
}

func (w *nodeWalk) step() {
	w.at = w.l.Next(w.at)
	w.left--
}

func (w *nodeWalk) integer() int64 {
	if w.at == ListpackEnd || !isIntEntry(w.l[w.at]) {
		w.bad = true
		return 0
	}
	n := w.l.intAt(w.at)
	w.step()
	return n
}

func (w *nodeWalk) skip(n int64) {
	for ; n > 0 && !w.bad; n-- {
		if w.at == ListpackEnd {
			w.bad = true
			return
		}
		w.step()
	}
}

// entry reads one entry of a node whose master entry has so many fields. Flags must be of the size that strike relies on.
func (w *nodeWalk) entry(fields int64, master StreamID) (flags int64, id StreamID) {
	short := w.at != ListpackEnd && w.l.payloadLen(w.at) == intPayload(flagDeleted|flagSame)
	flags = w.integer()
	elements := w.left
	ms, seq := w.integer(), w.integer()
	if flags&flagSame == 0 {
		fields = w.integer()
		w.skip(fields)
	}
	w.skip(fields)
	elements -= w.left
	if count := w.integer(); !short || fields < 1 || count != elements+1 || flags&^(flagDeleted|flagSame) != 0 {
		w.bad = true
	}
	return flags, StreamID{master.Ms + uint64(ms), master.Seq + uint64(seq)}
}
