package keyspace

// Snapshots: what a Space held at one moment, read step by step while the Space goes on changing.
//
// Every entry and every node has an epoch. Freeze raises the Space's: what has an older one from then on is as it was at that moment, and is
// copied before its first change. An epoch is only ever compared with the Space's own, for equality, and Step leaves nothing old behind, so its 16
// bits may wrap around. The rules:
//
//   - Keep comes before the first change of an entry, its removal and renaming included. An old entry's block is copied into the list of kept
//     ones, and the entry becomes one of the new epoch. A large value is not copied but shared: both refer to its slice, and who changes
//     it copies it then. New entries have the new epoch.
//   - Nodes keep themselves (nodes_snapshot.go): their trees' owners need not know.
//   - The walk takes the entries of the kept list, and in the order of hashes those of the index that are still old, and gives these the new epoch: so
//     each comes once, and one that has come is not copied any more. Nor are its nodes, once the walk has let go of them.
//   - An entry that its visitor wants again, because it is long, stays: its key and value are in the snapshot's own buffer, its nodes are not
//     let go of.
//
// A snapshot ends when its walk does. To give it up, walk on without a visitor.

import (
	"encoding/binary"
	"errors"
)

// ErrFrozen is returned when a Space has a snapshot already.
var ErrFrozen = errors.New("keyspace: a snapshot is open")

// walkBatch is how many entries of the index the walk looks at in one go.
const walkBatch = 16

// Snapshot is a walk over what a Space held when it was opened.
type Snapshot struct {
	s     *Space
	nodes Nodes // the slab as it was
	err   error // why the snapshot is not whole

	at     uint64 // where the walk goes on in the order of hashes
	walked bool   // the walk has been through the whole index
	from   uint64 // where the batch begins
	batch  []Ref  // old entries that are next; from one step to the next they may move, so what is left is looked up again
	kept   Ref    // head of the list of copies; next and previous stand where a timer's links do

	entry  Frozen
	held   bool // the entry is to be visited again
	buffer []byte

	passed   []uint32     // nodes of entries that were visited, to be let go with all below them
	payload  []byte       // of the node that is being let go
	children func(at int) // adds one of its children to passed
}

// Frozen is an entry as it was when the snapshot was opened. Key and Value are valid until Step returns; a Value of LargeValue bytes
// and more stays as it is for as long as anybody refers to it.
type Frozen struct {
	Key      []byte
	Value    []byte
	Kind     Kind
	Timed    bool
	Deadline int64  // milliseconds, if Timed
	Recency  uint32 // not of that moment, but of the entry's first change, or its visit
	Nodes    *Nodes // of which a value that owns nodes is made; only to read, and only within Step
}

// Freeze opens a snapshot of all entries and what they own. It costs the same whatever their number. It returns ErrFrozen while another
// one has not ended. It runs between transactions.
func (s *Space) Freeze() (*Snapshot, error) {
	if s.snapshot != nil {
		return nil, ErrFrozen
	}
	sn := &Snapshot{s: s}
	sn.children = func(at int) { sn.passed = append(sn.passed, binary.LittleEndian.Uint32(sn.payload[at:])) }
	s.epoch++
	s.snapshot = sn
	s.nodes.freeze(sn)
	return sn, nil
}

// Keep is called before the first change of an entry in a transaction, and before its removal. Views of the entry stay as they are.
func (s *Space) Keep(ref Ref) {
	if s.snapshot != nil {
		s.snapshot.keep(ref)
	}
}

func epochOf(header uint64) uint16 { return uint16(header >> headerEpoch) }

func withEpoch(header uint64, epoch uint16) uint64 {
	return header&^(epochMask<<headerEpoch) | uint64(epoch)<<headerEpoch
}

// keep copies an entry that is old.
func (sn *Snapshot) keep(ref Ref) {
	s := sn.s
	b := s.block(ref)
	if epochOf(b.header) == s.epoch {
		return
	}
	b.header = withEpoch(b.header, s.epoch)
	key, value := s.keyPart(b), s.valuePart(b)
	if key.number != 0 {
		key.number = s.side.add(s.side.get(key.number))
	}
	if value.number != 0 {
		value.number = s.side.add(s.side.get(value.number))
		b.header |= flagShared
	}
	b.setHeader(b.header)
	copied := s.create(b.header|flagRoom|flagKept, key, value)
	if copied == 0 {
		s.retireParts(key, value)
		sn.lose(Kind(b.header>>headerKind), s.valueOf(b))
		return
	}
	c := s.block(copied)
	if b.header&flagTimer != 0 {
		*c.deadline() = *b.deadline()
	}
	*c.links() = uint64(sn.kept)
	sn.kept = copied
	sn.patch(copied, c)
}

// lose notes that an entry could not be kept for want of room, and that nobody will look at its nodes.
func (sn *Snapshot) lose(kind Kind, value []byte) {
	sn.err = ErrFull
	sn.pass(kind, value)
}

// patch makes the neighbours of a kept block in the list name it. The previous one is named by the upper half of its links.
func (sn *Snapshot) patch(ref Ref, b block) {
	next, prev := Ref(*b.links()&headerLow), Ref(*b.links()>>headerLink)
	sn.setNext(prev, ref)
	sn.setPrev(next, ref)
}

func (sn *Snapshot) setNext(ref, next Ref) {
	if ref == 0 {
		sn.kept = next
		return
	}
	links := sn.s.block(ref).links()
	*links = *links&^headerLow | uint64(next)
}

func (sn *Snapshot) setPrev(ref, prev Ref) {
	if ref != 0 {
		links := sn.s.block(ref).links()
		*links = *links&headerLow | uint64(prev)<<headerLink
	}
}

// Step goes on with the walk: it calls visit with further entries, each of which comes once, and lets go of what was kept for those that have
// been visited. If visit returns false, the same entry comes again in the next step, which is for this one to end: so long values are read in
// parts. Without visit the entries are only let go. Budget is how many entries and nodes are gone through, of entries that
// do not belong to the snapshot a batch at a time. more is false when the
// walk has come to its end and the snapshot is no more.
//
// An error says that the snapshot is not whole: ErrFull, if something could not be kept for want of room. Nothing is visited any more then, but the
// steps must go on.
//
// Blocks that a step lets go of are used again after the next Reclaim. The Space must not change within visit.
func (sn *Snapshot) Step(budget int, visit func(*Frozen) (done bool)) (more bool, err error) {
	sn.nodes.follow(&sn.s.nodes)
	if len(sn.batch) > 0 {
		sn.at, sn.walked, sn.batch = sn.from, false, sn.batch[:0]
	}
	for ; budget > 0; budget-- {
		switch {
		case len(sn.passed) > 0:
			sn.letGo()
		case sn.held || sn.next() || sn.look() && sn.next():
			if visit != nil && sn.err == nil && !visit(&sn.entry) {
				sn.hold()
				return true, nil
			}
			sn.held = false
			sn.pass(sn.entry.Kind, sn.entry.Value)
		case sn.walked:
			sn.end()
			return false, sn.err
		}
	}
	return true, sn.err
}

// look goes through some of the index and reports whether it has found old entries there.
func (sn *Snapshot) look() (found bool) {
	if sn.walked {
		return false
	}
	sn.from = sn.at
	sn.at = sn.s.Scan(sn.from, walkBatch, func(ref Ref) {
		if epochOf(sn.s.block(ref).header) != sn.s.epoch {
			sn.batch = append(sn.batch, ref)
		}
	})
	sn.walked = sn.at == 0
	return len(sn.batch) > 0
}

// next takes the next entry: a kept one, or one that has not changed since.
func (sn *Snapshot) next() (ok bool) {
	s := sn.s
	if ref := sn.kept; ref != 0 {
		b := s.block(ref)
		sn.read(b)
		sn.kept = Ref(*b.links() & headerLow)
		sn.setPrev(sn.kept, 0)
		s.retireParts(s.keyPart(b), s.valuePart(b))
		s.arena.retire(ref)
		return true
	}
	last := len(sn.batch) - 1
	if last < 0 {
		return false
	}
	b := s.block(sn.batch[last])
	sn.batch = sn.batch[:last]
	sn.read(b)
	b.header = withEpoch(b.header, s.epoch)
	if b.header&flagLarge != 0 {
		b.header |= flagShared
	}
	b.setHeader(b.header)
	return true
}

func (sn *Snapshot) read(b block) {
	sn.entry = Frozen{
		Key:     sn.s.keyOf(b),
		Value:   sn.s.valueOf(b),
		Kind:    Kind(b.header >> headerKind),
		Recency: uint32(b.header >> headerRecency),
		Timed:   b.header&flagTimer != 0,
		Nodes:   &sn.nodes,
	}
	if sn.entry.Timed {
		sn.entry.Deadline = int64(*b.deadline())
	}
}

// hold copies what the entry is views of. What stands in a slice of its own does not change.
func (sn *Snapshot) hold() {
	if sn.held {
		return
	}
	sn.held = true
	e := &sn.entry
	sn.buffer = sn.buffer[:0]
	if len(e.Key) <= maxInlineKey {
		sn.buffer = append(sn.buffer, e.Key...)
	}
	key := len(sn.buffer)
	if len(e.Value) < LargeValue {
		sn.buffer = append(sn.buffer, e.Value...)
		e.Value = sn.buffer[key:]
	}
	if len(e.Key) <= maxInlineKey {
		e.Key = sn.buffer[:key:key]
	}
}

// pass says that nobody will look at the nodes any more that a value owns.
func (sn *Snapshot) pass(kind Kind, value []byte) {
	for _, at := range roots(kind, value) {
		if root := rootAt(value, at); root != 0 {
			sn.passed = append(sn.passed, root)
		}
	}
}

// end closes the snapshot: nothing is old, and nothing is kept.
func (sn *Snapshot) end() {
	sn.s.snapshot = nil
	sn.s.nodes.thaw()
	sn.entry, sn.buffer, sn.batch = Frozen{}, nil, nil
}
