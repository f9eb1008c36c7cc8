// stream_check.go: the invariants of a whole stream, for tests and for what a command that failed left behind.

package value

import (
	"encoding/binary"
	"fmt"
)

// checkStream returns the first broken invariant of a stream.
func checkStream(v View) error {
	s := OpenStream(v)
	if err := s.checkEntries(); err != nil {
		return err
	}
	var bad error
	s.EachGroup(func(name []byte, g *Group) {
		if err := g.check(); err != nil && bad == nil {
			bad = fmt.Errorf("group %q: %w", name, err)
		}
	})
	return bad
}

func (s *StreamLog) checkEntries() error {
	total, last := int64(0), StreamID{}
	c := s.entries.at(0)
	for ok := !c.isEnd(); ok; ok = c.next() {
		key, val := c.entry()
		number := ownedNode(val)
		if level := s.entries.nodes.Level(number); level != levelBytes {
			return fmt.Errorf("node of entries %d has level %d", number, level)
		}
		master := streamIDAt(key)
		live, end, err := CheckStreamNode(s.entries.nodes.Read(number), master)
		if err != nil {
			return err
		}
		if master.Compare(last) <= 0 {
			return fmt.Errorf("node %v is not behind %v", master, last)
		}
		total, last = total+live, end
	}
	if uint64(total) != s.Len || last.Compare(s.Last) > 0 {
		return fmt.Errorf("stream says %d entries up to %v, has %d up to %v", s.Len, s.Last, total, last)
	}
	if first, _ := s.Edge(false); first != s.First {
		return fmt.Errorf("stream says %v is its first entry, it is %v", s.First, first)
	}
	return nil
}

func (g *Group) check() error {
	for i, t := range []*tree{&g.pending, &g.held, &g.consumers, &g.names} {
		if err := t.check(); err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
	}
	if g.pending.len != g.held.len || g.consumers.len != g.names.len {
		return fmt.Errorf("%d pending, %d held; %d consumers, %d names", g.pending.len, g.held.len, g.consumers.len, g.names.len)
	}
	c := g.consumers.at(0)
	for ok := !c.isEnd(); ok; ok = c.next() {
		name, val := c.entry()
		var number [consumerBytes]byte
		binary.BigEndian.PutUint32(number[:], consumerAt(val).number)
		n, found := g.names.find(number[:])
		if !found {
			return fmt.Errorf("consumer %q has no name", name)
		}
		if _, got := n.entry(); string(got) != string(name) {
			return fmt.Errorf("consumer %q is named %q", name, got)
		}
	}
	w := g.WalkPending(StreamID{})
	for p, ok := w.Next(); ok; p, ok = w.Next() {
		key := heldKey(p.consumer, p.ID)
		if _, found := g.held.find(key[:]); !found {
			return fmt.Errorf("%v is held by nobody", p.ID)
		}
		var number [consumerBytes]byte
		binary.BigEndian.PutUint32(number[:], p.consumer)
		if _, found := g.names.find(number[:]); !found {
			return fmt.Errorf("%v is held by a consumer that is gone", p.ID)
		}
	}
	return nil
}
