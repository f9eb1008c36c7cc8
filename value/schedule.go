// schedule.go: which values of a database have elements that expire, and when to look at them next: a tree ordered by times and keys. A
// value has one entry at most, and knows its time (Registered), which is never after its earliest deadline. When that deadline is put off
// the entry stays where it is: whoever looks at it then finds nothing due, and registers the value anew.

package value

import (
	"encoding/binary"

	"respite/keyspace"
)

// Schedule is the registrations of one database. The zero Schedule is an empty one. Times are in unix milliseconds, above 0.
type Schedule struct {
	tree tree
	next int64 // the earliest time; 0 if there is none
}

// Len returns the number of values that are registered.
func (s *Schedule) Len() int { return s.tree.len }

// Next returns the earliest time; ok is false if nothing is registered.
func (s *Schedule) Next() (ms int64, ok bool) { return s.next, s.next != 0 }

// First returns the key that is to be looked at first. It is valid until the next change.
func (s *Schedule) First() (key []byte, ok bool) {
	if s.tree.len == 0 {
		return nil, false
	}
	return s.tree.firstKey(s.tree.root)[deadlineBytes:], true
}

// scheduleScratch is where a short key of the tree is put together.
type scheduleScratch [deadlineBytes + shortKey]byte

func scheduleEntry(ms int64, key []byte, scratch *scheduleScratch) []byte {
	return append(binary.BigEndian.AppendUint64(scratch[:0], uint64(ms)), key...)
}

// Add registers a key, which is not registered at that time. The nodes are the database's.
func (s *Schedule) Add(nodes *keyspace.Nodes, ms int64, key []byte) {
	var scratch scheduleScratch
	s.tree.nodes = nodes
	s.tree.put(scheduleEntry(ms, key, &scratch), nil)
	if s.next == 0 || ms < s.next {
		s.next = ms
	}
}

// Remove ends the registration of a key at a time, and reports whether there was one.
func (s *Schedule) Remove(ms int64, key []byte) bool {
	if s.tree.len == 0 {
		return false
	}
	var scratch scheduleScratch
	c, found := s.tree.find(scheduleEntry(ms, key, &scratch))
	if !found {
		return false
	}
	c.remove()
	s.next = 0
	if s.tree.len > 0 {
		s.next = int64(binary.BigEndian.Uint64(s.tree.firstKey(s.tree.root)))
	}
	return true
}
