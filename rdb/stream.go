package rdb

import (
	"encoding/binary"

	"respite/value"
)

// Streams, both ways. What is read must be what a server can have written: nodes in order and their entries counted right, and every
// pending entry held by exactly one consumer. Redis itself lets some of that pass, for it does not rely on it.

// How many bytes the parts of a stream take at least.
const (
	timeBytes      = 8
	leastNode      = 2 * leastText
	leastGroup     = leastText + 4 // name, last id in two lengths, number of pending entries, number of consumers
	leastPending   = value.StreamIDBytes + timeBytes + 1
	leastConsumer  = leastText + timeBytes + 1
	leastHeldEntry = value.StreamIDBytes
)

func appendID(b []byte, id value.StreamID) []byte {
	return AppendLength(AppendLength(b, id.Ms), id.Seq)
}

func appendStream(b []byte, v value.View) []byte {
	s := value.OpenStream(v)
	b = AppendLength(append(b, byte(TypeStreamListpacks2)), uint64(s.Nodes()))
	s.EachNode(func(master value.StreamID, pack []byte) {
		b = master.AppendBytes(AppendLength(b, value.StreamIDBytes))
		b = AppendText(b, pack)
	})
	b = appendID(AppendLength(b, s.Len), s.Last)
	b = appendID(appendID(b, s.First), s.MaxDeleted)
	b = AppendLength(b, s.Added)
	b = AppendLength(b, uint64(s.Groups()))
	s.EachGroup(func(name []byte, g *value.Group) {
		b = appendGroup(AppendString(b, name), g)
	})
	return b
}

func appendGroup(b []byte, g *value.Group) []byte {
	b = AppendLength(appendID(b, g.LastID), uint64(g.Read))
	b = AppendLength(b, uint64(g.Pending()))
	w := g.WalkPending(value.StreamID{})
	for p, ok := w.Next(); ok; p, ok = w.Next() {
		b = binary.LittleEndian.AppendUint64(p.ID.AppendBytes(b), uint64(p.Time))
		b = AppendLength(b, uint64(p.Deliveries))
	}
	b = AppendLength(b, uint64(g.Consumers()))
	g.EachConsumer(func(name []byte, k value.Consumer) {
		b = binary.LittleEndian.AppendUint64(AppendString(b, name), uint64(k.Seen))
		b = AppendLength(b, uint64(g.Held(k)))
		w := g.WalkHeld(k, value.StreamID{})
		for p, ok := w.Next(); ok; p, ok = w.Next() {
			b = p.ID.AppendBytes(b)
		}
	})
	return b
}

// rawID reads an id of 16 bytes.
func (r *Reader) rawID() (id value.StreamID, err error) {
	b, err := r.Bytes(value.StreamIDBytes)
	if err != nil {
		return id, err
	}
	return value.StreamIDOf(b), nil
}

// lengths reads numbers that are written as lengths.
func (r *Reader) lengths(into ...*uint64) (err error) {
	for _, n := range into {
		if *n, err = r.Length(); err != nil {
			return err
		}
	}
	return nil
}

// stream reads a stream of one of three types. It is saved whatever happens, so that the draft knows of all nodes.
func (r *Reader) stream(t Type, d *value.Draft) error {
	value.CreateStream(d)
	s := value.OpenStream(d.View())
	defer s.Save(d)
	if err := r.streamNodes(&s); err != nil {
		return err
	}
	if err := r.streamCounters(t, &s); err != nil {
		return err
	}
	n, err := r.Count(leastGroup)
	for i := 0; i < n && err == nil; i++ {
		err = r.group(t, &s)
	}
	return err
}

func (r *Reader) streamNodes(s *value.StreamLog) error {
	n, err := r.Count(leastNode)
	if err != nil {
		return err
	}
	for range n {
		master, err := r.Text()
		if err != nil {
			return err
		}
		if len(master) != value.StreamIDBytes {
			return corrupt("master id of %d bytes", len(master))
		}
		pack, err := r.Text()
		if err != nil {
			return err
		}
		if err := s.AddNode(value.StreamIDOf(master), pack); err != nil {
			return unsound(err)
		}
	}
	return nil
}

// streamCounters reads what follows the nodes. The first id is known from these.
func (r *Reader) streamCounters(t Type, s *value.StreamLog) error {
	live, end := s.Len, s.Last
	if err := r.lengths(&s.Len, &s.Last.Ms, &s.Last.Seq); err != nil {
		return err
	}
	s.Added = s.Len
	if t != TypeStreamListpacks {
		var first value.StreamID
		if err := r.lengths(&first.Ms, &first.Seq, &s.MaxDeleted.Ms, &s.MaxDeleted.Seq, &s.Added); err != nil {
			return err
		}
	}
	if s.Len != live || s.Last.Compare(end) < 0 {
		return corrupt("stream says %d entries up to %v, has %d up to %v", s.Len, s.Last, live, end)
	}
	s.Settle()
	return nil
}

// group reads a consumer group.
func (r *Reader) group(t Type, s *value.StreamLog) error {
	name, err := r.Text()
	if err != nil {
		return err
	}
	var last value.StreamID
	if err := r.lengths(&last.Ms, &last.Seq); err != nil {
		return err
	}
	read := s.CountTo(last)
	if t != TypeStreamListpacks {
		n, err := r.Length()
		if err != nil {
			return err
		}
		read = int64(n)
	}
	if !s.CreateGroup(name, last, read) {
		return corrupt("group is there twice")
	}
	g, _ := s.Group(name)
	defer g.Save()
	return r.members(t, &g)
}

// members reads the consumers of a group, and before them what is pending.
func (r *Reader) members(t Type, g *value.Group) error {
	free, err := r.pending()
	if err != nil {
		return err
	}
	n, err := r.Count(leastConsumer)
	for i := 0; i < n && err == nil; i++ {
		err = r.consumer(t, g, free)
	}
	if err == nil && len(free) > 0 {
		return corrupt("%d pending entries are held by nobody", len(free))
	}
	return err
}

// pending reads the pending entries of a group; who holds them follows.
func (r *Reader) pending() (map[value.StreamID]value.Pending, error) {
	n, err := r.Count(leastPending)
	if err != nil {
		return nil, err
	}
	all := make(map[value.StreamID]value.Pending, n)
	for range n {
		id, err := r.rawID()
		if err != nil {
			return nil, err
		}
		at, err := r.Uint64()
		if err != nil {
			return nil, err
		}
		deliveries, err := r.Length()
		if err != nil {
			return nil, err
		}
		if _, twice := all[id]; twice {
			return nil, corrupt("%v is pending twice", id)
		}
		all[id] = value.Pending{ID: id, Time: int64(at), Deliveries: int64(deliveries)}
	}
	return all, nil
}

// consumer reads a consumer, and takes what it holds out of the pending entries that are held by nobody yet.
func (r *Reader) consumer(t Type, g *value.Group, free map[value.StreamID]value.Pending) error {
	name, err := r.Text()
	if err != nil {
		return err
	}
	seen, err := r.Uint64()
	if err != nil {
		return err
	}
	active := seen // the best that older types know
	if t == TypeStreamListpacks3 {
		if active, err = r.Uint64(); err != nil {
			return err
		}
	}
	if _, twice := g.Consumer(name); twice {
		return corrupt("consumer is there twice")
	}
	k := g.CreateConsumer(name, int64(seen))
	k.Active = int64(active)
	g.SaveConsumer(name, k)
	return r.held(g, k, free)
}

func (r *Reader) held(g *value.Group, k value.Consumer, free map[value.StreamID]value.Pending) error {
	n, err := r.Count(leastHeldEntry)
	if err != nil {
		return err
	}
	for range n {
		id, err := r.rawID()
		if err != nil {
			return err
		}
		p, ok := free[id]
		if !ok {
			return corrupt("%v is not pending, or is held by two", id)
		}
		delete(free, id)
		g.Assign(p, k)
	}
	return nil
}
