// stream_load.go: a stream as payloads and files have it: nodes of entries that come and go whole, and consumers with times of their own.
// Nothing is known of the bytes of a node that comes, so all of it is checked.

package value

import "fmt"

// StreamIDBytes is how long an id is in bytes.
const StreamIDBytes = streamIDBytes

// AppendBytes appends the StreamIDBytes bytes of the id, most significant first.
func (id StreamID) AppendBytes(b []byte) []byte {
	key := id.key()
	return append(b, key[:]...)
}

// StreamIDOf reads the id that AppendBytes wrote; b has StreamIDBytes bytes.
func StreamIDOf(b []byte) StreamID { return streamIDAt(b) }

// EachNode calls fn with the nodes of entries in their order: the master id, which is that of a node's first entry, and the listpack in
// Redis's layout. fn must not change the stream.
func (s *StreamLog) EachNode(fn func(master StreamID, pack []byte)) {
	c := s.entries.at(0)
	for ok := !c.isEnd(); ok; ok = c.next() {
		key, val := c.entry()
		fn(streamIDAt(key), s.entries.nodes.Read(ownedNode(val)))
	}
}

// AddNode adds a node of entries of unknown origin behind those that are there. It counts the live entries in Len and makes Last the id of
// the last entry; the rest is the caller's, and Settle. An error wraps ErrStreamNode, and nothing is added then.
func (s *StreamLog) AddNode(master StreamID, pack []byte) error {
	live, last, err := CheckStreamNode(pack, master)
	if err != nil {
		return err
	}
	if master.Compare(s.Last) <= 0 {
		return fmt.Errorf("%w: %v is not behind %v", ErrStreamNode, master, s.Last)
	}
	s.entries.need(editPages)
	number, b := s.entries.nodes.New(levelBytes, len(pack))
	copy(b, pack)
	s.putNode(master, number)
	s.Len += uint64(live)
	s.Last = last
	return nil
}
