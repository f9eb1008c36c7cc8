// stream_pending.go: what was delivered to the consumers of a group and is not yet acknowledged. A pending entry stands in two trees of
// the group, pending and held; all changes of either are here and in DeleteConsumer.

package value

import "encoding/binary"

// Pending is one pending entry.
type Pending struct {
	ID         StreamID
	Time       int64 // of its last delivery, unix milliseconds
	Deliveries int64
	consumer   uint32
}

// Places in the value of a pending entry.
const (
	pendingTime       = consumerBytes
	pendingDeliveries = pendingTime + 8
	pendingEnd        = pendingDeliveries + 8
)

func pendingAt(key, val []byte) Pending {
	return Pending{
		ID:         streamIDAt(key),
		consumer:   binary.LittleEndian.Uint32(val),
		Time:       int64(binary.LittleEndian.Uint64(val[pendingTime:])),
		Deliveries: int64(binary.LittleEndian.Uint64(val[pendingDeliveries:])),
	}
}

// Find returns the pending entry of an id; ok is false if there is none.
func (g *Group) Find(id StreamID) (p Pending, ok bool) {
	key := id.key()
	c, ok := g.pending.find(key[:])
	if !ok {
		return p, false
	}
	return pendingAt(c.entry()), true
}

// Owner is the name of the consumer that holds a pending entry. It is valid until the group is changed.
func (g *Group) Owner(p Pending) []byte { return g.name(p.consumer) }

// Assign makes an entry pending with a consumer, or changes what is known of one that is pending already.
func (g *Group) Assign(p Pending, k Consumer) {
	g.need()
	key := p.ID.key()
	c, found := g.pending.find(key[:])
	if found {
		_, val := c.entry()
		if old := binary.LittleEndian.Uint32(val); old != k.number {
			g.release(old, p.ID)
			g.hold(k.number, p.ID)
		}
	} else {
		g.hold(k.number, p.ID)
	}
	var val [pendingEnd]byte
	binary.LittleEndian.PutUint32(val[:], k.number)
	binary.LittleEndian.PutUint64(val[pendingTime:], uint64(p.Time))
	binary.LittleEndian.PutUint64(val[pendingDeliveries:], uint64(p.Deliveries))
	if found {
		c.replace(val[:])
		return
	}
	g.pending.insert(&c, key[:], val[:])
}

func (g *Group) hold(number uint32, id StreamID) {
	key := heldKey(number, id)
	g.held.put(key[:], nil)
}

func (g *Group) release(number uint32, id StreamID) {
	key := heldKey(number, id)
	if c, ok := g.held.find(key[:]); ok {
		c.remove()
	}
}

// Ack removes a pending entry and reports whether it was there.
func (g *Group) Ack(id StreamID) bool {
	key := id.key()
	c, found := g.pending.find(key[:])
	if !found {
		return false
	}
	_, val := c.entry()
	g.release(binary.LittleEndian.Uint32(val), id)
	c.remove()
	return true
}

// NextPending returns the first pending entry of the group whose id is not below from; ok is false if there is none.
func (g *Group) NextPending(from StreamID) (p Pending, ok bool) {
	key := from.key()
	c := g.pending.seek(key[:])
	if c.isEnd() {
		return p, false
	}
	return pendingAt(c.entry()), true
}

// NextHeld is NextPending for what one consumer holds.
func (g *Group) NextHeld(k Consumer, from StreamID) (p Pending, ok bool) {
	c := g.held.seek(heldKeyOf(k, from))
	if c.isEnd() {
		return p, false
	}
	key, _ := c.entry()
	if binary.BigEndian.Uint32(key) != k.number {
		return p, false
	}
	return g.Find(streamIDAt(key[consumerBytes:]))
}

// LastPending returns the greatest id that is pending; ok is false if none is.
func (g *Group) LastPending() (id StreamID, ok bool) {
	if g.pending.len == 0 {
		return id, false
	}
	c := g.pending.at(g.pending.len - 1)
	key, _ := c.entry()
	return streamIDAt(key), true
}

// PendingWalk goes over pending entries from an id on, those of the group or of one consumer.
type PendingWalk struct {
	g    *Group
	c    cursor
	of   Consumer
	held bool // c is in held
	more bool
}

// WalkPending walks over the pending entries whose ids are not below from. The walk ends with the next change of the group.
func (g *Group) WalkPending(from StreamID) PendingWalk {
	key := from.key()
	c := g.pending.seek(key[:])
	return PendingWalk{g: g, c: c, more: !c.isEnd()}
}

// WalkHeld is WalkPending for what one consumer holds.
func (g *Group) WalkHeld(k Consumer, from StreamID) PendingWalk {
	c := g.held.seek(heldKeyOf(k, from))
	return PendingWalk{g: g, c: c, of: k, held: true, more: !c.isEnd()}
}

// Next returns the next pending entry; ok is false at the end.
func (w *PendingWalk) Next() (p Pending, ok bool) {
	if !w.more {
		return p, false
	}
	key, val := w.c.entry()
	if w.held {
		if binary.BigEndian.Uint32(key) != w.of.number {
			return p, false
		}
		p, ok = w.g.Find(streamIDAt(key[consumerBytes:]))
	} else {
		p, ok = pendingAt(key, val), true
	}
	w.more = w.c.next()
	return p, ok
}
