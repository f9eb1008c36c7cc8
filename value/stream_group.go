// stream_group.go: the consumer groups of a stream. A group is a node of its own, a record of four trees and its counters:
//
//	roots: pending, held, consumers, names | last id 16 | entries read 8 | next consumer 4
//
//	pending    id -> number of the consumer 4 | delivery time 8 | deliveries 8
//	held       number of a consumer 4, id -> nothing
//	consumers  name -> number 4 | seen 8 | active 8
//	names      number of a consumer 4 -> its name
//
// Entries that were delivered and not yet acknowledged are pending: each stands once in pending and once in held, where those of
// one consumer are together. Consumers have numbers, so that a pending entry takes four bytes for its consumer, and whoever renames or
// copies nodes need not know of it. How many entries a consumer holds is a difference of ranks.
//
// A Group is read from its node and written back by Save; stream_pending.go changes pending entries.

package value

import (
	"encoding/binary"
	"math"

	"respite/keyspace"
)

// UnknownRead is the counter of a group of which nobody knows how many entries it has read.
const UnknownRead = -1

// Group is an open consumer group.
type Group struct {
	LastID StreamID // the last that was delivered
	Read   int64    // entries read, or UnknownRead

	nodes     *keyspace.Nodes
	node      uint32
	next      uint32 // number of the next consumer
	pending   tree
	held      tree
	consumers tree
	names     tree
}

// Consumer is an open consumer. Times are in unix milliseconds.
type Consumer struct {
	Seen   int64 // when it last tried to read or claim
	Active int64 // when it last did; NeverActive if it never has
	number uint32
}

// NeverActive is the time of what has not happened.
const NeverActive = -1

// Places in the record of a group.
const (
	groupPending   = 0 // trees
	groupHeld      = 1
	groupConsumers = 2
	groupNames     = 3
	groupTrees     = 4

	groupLast = keyspace.RootsOffset + groupTrees*keyspace.RootBytes
	groupRead = groupLast + streamIDBytes
	groupNext = groupRead + 8
	groupEnd  = groupNext + consumerBytes

	consumerBytes  = 4 // of a consumer's number
	consumerSeen   = consumerBytes
	consumerActive = consumerSeen + 8
	consumerEnd    = consumerActive + 8
)

// Group opens a group; ok is false if there is none of that name.
func (s *StreamLog) Group(name []byte) (g Group, ok bool) {
	c, ok := s.groups.find(name)
	if !ok {
		return g, false
	}
	_, val := c.entry()
	return openGroup(s.groups.nodes, ownedNode(val)), true
}

func openGroup(nodes *keyspace.Nodes, node uint32) Group {
	b := nodes.Read(node)
	return Group{
		nodes: nodes, node: node,
		LastID:    streamIDAt(b[groupLast:]),
		Read:      int64(binary.LittleEndian.Uint64(b[groupRead:])),
		next:      binary.LittleEndian.Uint32(b[groupNext:]),
		pending:   treeIn(nodes, b, groupPending),
		held:      treeIn(nodes, b, groupHeld),
		consumers: treeIn(nodes, b, groupConsumers),
		names:     treeIn(nodes, b, groupNames),
	}
}

// Save writes the group into its node.
func (g *Group) Save() {
	b := g.nodes.Write(g.node)
	g.LastID.put(b[groupLast:])
	binary.LittleEndian.PutUint64(b[groupRead:], uint64(g.Read))
	binary.LittleEndian.PutUint32(b[groupNext:], g.next)
	g.pending.save(b, groupPending)
	g.held.save(b, groupHeld)
	g.consumers.save(b, groupConsumers)
	g.names.save(b, groupNames)
}

// need panics if there are not enough pages left for a change, and saves the group before.
func (g *Group) need() {
	if lacks(g.nodes, editPages) {
		g.Save()
		panic(keyspace.ErrFull)
	}
}

// CreateGroup adds a group and reports whether there was none of that name. The stream is to be saved.
func (s *StreamLog) CreateGroup(name []byte, last StreamID, read int64) bool {
	c, found := s.groups.find(name)
	if found {
		return false
	}
	s.groups.need(editPages)
	node, b := s.groups.nodes.New(levelRecord, groupEnd)
	copy(b, newRecord(groupTrees, groupEnd-groupLast))
	g := openGroup(s.groups.nodes, node)
	g.LastID, g.Read = last, read
	g.Save()
	var number [nodeNumberBytes]byte
	binary.LittleEndian.PutUint32(number[:], node)
	s.groups.insert(&c, name, number[:])
	return true
}

// DestroyGroup removes a group with all that is pending, and reports whether it was there. The stream is to be saved. Nodes are left to
// Space.Sweep.
func (s *StreamLog) DestroyGroup(name []byte) bool {
	c, found := s.groups.find(name)
	if !found {
		return false
	}
	_, val := c.entry()
	s.groups.nodes.Doom(ownedNode(val))
	c.remove()
	return true
}

// EachGroup calls fn with the groups in the order of their names. fn must not change the stream.
func (s *StreamLog) EachGroup(fn func(name []byte, g *Group)) {
	c := s.groups.at(0)
	for ok := !c.isEnd(); ok; ok = c.next() {
		name, val := c.entry()
		g := openGroup(s.groups.nodes, ownedNode(val))
		fn(name, &g)
	}
}

// Consumers is how many consumers the group has.
func (g *Group) Consumers() int { return g.consumers.len }

// Pending is how many entries are pending.
func (g *Group) Pending() int { return g.pending.len }

// Consumer opens a consumer; ok is false if there is none of that name.
func (g *Group) Consumer(name []byte) (k Consumer, ok bool) {
	c, ok := g.consumers.find(name)
	if !ok {
		return k, false
	}
	_, val := c.entry()
	return consumerAt(val), true
}

func consumerAt(val []byte) Consumer {
	return Consumer{
		number: binary.LittleEndian.Uint32(val),
		Seen:   int64(binary.LittleEndian.Uint64(val[consumerSeen:])),
		Active: int64(binary.LittleEndian.Uint64(val[consumerActive:])),
	}
}

// CreateConsumer adds a consumer that there is not yet; now is when.
func (g *Group) CreateConsumer(name []byte, now int64) Consumer {
	g.need()
	k := Consumer{number: g.freeNumber(), Seen: now, Active: NeverActive}
	g.SaveConsumer(name, k)
	var number [consumerBytes]byte
	binary.BigEndian.PutUint32(number[:], k.number)
	g.names.put(number[:], name)
	return k
}

// freeNumber takes the next number that no consumer has: numbers come again after 2^32 consumers.
func (g *Group) freeNumber() uint32 {
	for {
		var number [consumerBytes]byte
		binary.BigEndian.PutUint32(number[:], g.next)
		g.next++
		if _, taken := g.names.find(number[:]); !taken {
			return g.next - 1
		}
	}
}

// SaveConsumer writes a consumer's times.
func (g *Group) SaveConsumer(name []byte, k Consumer) {
	var val [consumerEnd]byte
	binary.LittleEndian.PutUint32(val[:], k.number)
	binary.LittleEndian.PutUint64(val[consumerSeen:], uint64(k.Seen))
	binary.LittleEndian.PutUint64(val[consumerActive:], uint64(k.Active))
	g.consumers.put(name, val[:])
}

// DeleteConsumer removes a consumer with what it holds, and returns how many entries that was.
func (g *Group) DeleteConsumer(name []byte, k Consumer) (held int) {
	held = g.Held(k)
	for {
		c := g.held.seek(heldKeyOf(k, StreamID{}))
		if c.isEnd() {
			break
		}
		key, _ := c.entry()
		if binary.BigEndian.Uint32(key) != k.number {
			break
		}
		if p, ok := g.pending.find(key[consumerBytes:]); ok {
			p.remove()
		}
		c.remove()
	}
	if c, ok := g.consumers.find(name); ok {
		c.remove()
	}
	var number [consumerBytes]byte
	binary.BigEndian.PutUint32(number[:], k.number)
	if c, ok := g.names.find(number[:]); ok {
		c.remove()
	}
	return held
}

// EachConsumer calls fn with the consumers in the order of their names. fn must not change the group.
func (g *Group) EachConsumer(fn func(name []byte, k Consumer)) {
	c := g.consumers.at(0)
	for ok := !c.isEnd(); ok; ok = c.next() {
		name, val := c.entry()
		fn(name, consumerAt(val))
	}
}

// name is the name of the consumer of a number.
func (g *Group) name(number uint32) []byte {
	var key [consumerBytes]byte
	binary.BigEndian.PutUint32(key[:], number)
	c, _ := g.names.find(key[:])
	_, name := c.entry()
	return name
}

// Held is how many pending entries a consumer holds.
func (g *Group) Held(k Consumer) int {
	low := g.held.seek(heldKeyOf(k, StreamID{}))
	high, found := g.held.find(heldKeyOf(k, MaxStreamID))
	n := high.rank() - low.rank()
	if found {
		n++
	}
	return n
}

func heldKeyOf(k Consumer, id StreamID) []byte {
	key := heldKey(k.number, id)
	return key[:]
}

func heldKey(number uint32, id StreamID) (key [consumerBytes + streamIDBytes]byte) {
	binary.BigEndian.PutUint32(key[:], number)
	id.put(key[consumerBytes:])
	return key
}

// HasTombstones reports whether entries from an id on may have been deleted by XDEL. Those before the first live entry do not count.
func (s *StreamLog) HasTombstones(from StreamID) bool {
	return s.Len > 0 && !s.MaxDeleted.IsZero() && s.First.Compare(s.MaxDeleted) <= 0 && from.Compare(s.MaxDeleted) <= 0
}

// CountTo is how many entries were added up to an id, UnknownRead if that cannot be known.
func (s *StreamLog) CountTo(id StreamID) int64 {
	if s.Added == 0 {
		return 0
	}
	toLast := id.Compare(s.Last)
	switch {
	case s.Len == 0 && toLast <= 0, toLast == 0:
		return int64(s.Added)
	case toLast > 0:
		return UnknownRead
	}
	if s.MaxDeleted.IsZero() || s.MaxDeleted.Compare(s.First) < 0 {
		switch toFirst := id.Compare(s.First); {
		case toFirst < 0:
			return int64(s.Added - s.Len)
		case toFirst == 0:
			return int64(s.Added-s.Len) + 1
		}
	}
	return UnknownRead
}

// Lag is how many entries a group has still to read; ok is false if that cannot be known.
func (s *StreamLog) Lag(g *Group) (lag int64, ok bool) {
	switch {
	case s.Added == 0:
		return 0, true
	case g.Read != UnknownRead && !s.HasTombstones(g.LastID):
		return int64(s.Added) - g.Read, true
	}
	read := s.CountTo(g.LastID)
	return int64(s.Added) - read, read != UnknownRead
}

// Advance notes that an entry was delivered to the group, if it is the furthest yet.
func (s *StreamLog) Advance(g *Group, id StreamID) {
	if id.Compare(g.LastID) <= 0 {
		return
	}
	switch {
	case g.Read != UnknownRead && !s.HasTombstones(id):
		if g.Read < math.MaxInt64 {
			g.Read++
		}
	case s.Added > 0:
		g.Read = s.CountTo(id)
	}
	g.LastID = id
}
