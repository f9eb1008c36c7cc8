// Package keyspace holds the keys and values of one database of one shard in memory that the garbage collector does not look into.
//
// A Space is an index (extendible hashing over small segments, see index.go and segment.go) of entries that live as blocks in an arena of 64 KiB
// pages (arena.go, block.go), with a side table for values of 4 KiB and more and for very long keys (side.go). It has a single owner and no lock.
// What it holds at one moment can be read later (snapshot.go).
//
// Two rules hold everywhere. No call allocates or moves more than 64 KiB of the structure at once, large values apart. What is freed within a
// transaction keeps its bytes until Reclaim, so views of old keys and values stay readable until the transaction ends.
package keyspace

import (
	"errors"
	"hash/maphash"
	"slices"
)

// ErrFull is returned when the arena has reached MaxArena or the index cannot be divided further. The Space is unchanged.
var ErrFull = errors.New("keyspace: arena is full")

// Space is the keyspace of one database of one shard. The zero value is not usable; see New.
type Space struct {
	arena arena
	index index
	side  sideTable
	nodes Nodes
	seed  maphash.Seed

	epoch    uint16
	snapshot *Snapshot // nil: none is open

	// OnMove, if set, is called after the block of an entry with a timer was copied elsewhere and before the old block is freed,
	// so that the owner of the timers can patch what links to it.
	OnMove func(old, new Ref)
	// Poison lets Reclaim overwrite freed blocks with 0xDB, so that tests notice a view that outlived its transaction.
	Poison bool
}

// New returns an empty Space. The seed must be the process's own secret: it is what keeps clients from choosing colliding keys.
func New(seed maphash.Seed) *Space {
	return &Space{arena: newArena(), index: newIndex(), nodes: newNodes(seed), seed: seed}
}

// Limit makes the most that entries, and that nodes, may occupy less than MaxArena, in bytes: for tests.
func (s *Space) Limit(bytes int64) {
	s.arena.maxPages, s.nodes.arena.maxPages = uint32(bytes/pageBytes)+1, uint32(bytes/pageBytes)+1
}

// Len returns the number of entries.
func (s *Space) Len() int { return s.index.len }

func (s *Space) hash(key []byte) uint32 {
	return uint32(maphash.Bytes(s.seed, key) >> 32)
}

// Find returns the entry of the key, or 0.
func (s *Space) Find(key []byte) Ref {
	hash := s.hash(key)
	g := s.index.segment(hash)
	pos := g.home(hash)
	for i := pos >> chunkShift; i < uint32(g.size); i++ {
		for _, slot := range g.chunks[i&(maxChunks-1)][pos&chunkMask:] {
			if slotHash(slot) < hash && slot != 0 {
				continue
			}
			if slotHash(slot) != hash || slot == 0 {
				return 0
			}
			if s.keyIs(slotRef(slot), key) {
				return slotRef(slot)
			}
		}
		pos = 0
	}
	return 0
}

// keyIs reports whether the entry has this key.
func (s *Space) keyIs(ref Ref, key []byte) bool {
	p, off := s.arena.at(ref)
	header := p[off]
	if n := uint32(header & keyLengthMask); n != keyExtended {
		at := off*wordBytes + keyOffset(header)
		return int(n) == len(key) && string(p.raw()[at:at+n]) == string(key)
	}
	return string(s.Key(ref)) == string(key)
}

// Insert adds an entry and returns it. The key must not be present; both slices are copied.
func (s *Space) Insert(key []byte, kind Kind, val []byte) (Ref, error) {
	if len(val) >= LargeValue {
		val = slices.Clone(val)
	}
	return s.InsertOwned(key, kind, val)
}

// InsertOwned is Insert, but a value of LargeValue bytes and more is adopted, its spare capacity included: the caller gives it up.
func (s *Space) InsertOwned(key []byte, kind Kind, val []byte) (Ref, error) {
	hash := s.hash(key)
	keyPart, valuePart := s.newKey(key), s.newValue(val)
	ref := s.create(withEpoch(uint64(kind)<<headerKind, s.epoch), keyPart, valuePart)
	if ref == 0 {
		s.retireParts(keyPart, valuePart)
		return 0, ErrFull
	}
	if !s.index.insert(hash, ref) {
		s.arena.retire(ref)
		s.retireParts(keyPart, valuePart)
		return 0, ErrFull
	}
	return ref, nil
}

// newKey makes the part for a new key, copying a very long one to the side table.
func (s *Space) newKey(key []byte) part {
	p := part{data: key, length: len(key)}
	if len(key) > maxInlineKey {
		p.number = s.side.add(slices.Clone(key))
	}
	return p
}

// newValue makes the part for a new value, adopting a large one.
func (s *Space) newValue(val []byte) part {
	if len(val) >= LargeValue {
		return part{number: s.side.add(val)}
	}
	return part{data: val, length: len(val)}
}

// retireParts gives up the side entries of the parts.
func (s *Space) retireParts(parts ...part) {
	for _, p := range parts {
		if p.number != 0 {
			s.side.retire(p.number)
		}
	}
}

// Delete removes the entry. Its key and value stay readable until Reclaim. A timer must have been unlinked by its owner. Nodes that
// the value owns are left to Sweep.
func (s *Space) Delete(ref Ref) {
	b := s.block(ref)
	s.doom(s.ownedBy(b))
	s.index.remove(s.hash(s.Key(ref)), ref)
	if b.header&flagSideKey != 0 {
		s.side.retire(b.keyNumber())
	}
	if b.header&flagLarge != 0 {
		s.side.retire(b.valueNumber())
	}
	s.arena.retire(ref)
}

// Key returns a view of the entry's key, valid until the entry is renamed, moved or deleted and Reclaim has run.
func (s *Space) Key(ref Ref) []byte {
	return s.keyOf(s.block(ref))
}

func (s *Space) keyOf(b block) []byte {
	if b.header&flagSideKey != 0 {
		return s.side.get(b.keyNumber())
	}
	n, at := b.keyLen()
	return b.bytes(at, n)
}

// Value returns a view of the entry's value. It is valid until the entry is deleted or moved and Reclaim has run, and shows
// what is changed in place before.
func (s *Space) Value(ref Ref) []byte { return s.valueOf(s.block(ref)) }

func (s *Space) valueOf(b block) []byte {
	if b.header&flagLarge != 0 {
		return s.side.get(b.valueNumber())
	}
	return b.inlineValue()
}

// Entry is what a command asks of an entry, found in one step: to ask for each was as many ways through the arena.
type Entry struct {
	Kind  Kind
	Timed bool   // it has a timer
	Large bool   // the value lives in a byte slice of its own
	Value []byte // valid as Space.Value says
}

// Entry returns what a command asks of an entry.
func (s *Space) Entry(ref Ref) Entry {
	b := s.block(ref)
	return Entry{
		Kind:  Kind(b.header >> headerKind),
		Timed: b.header&flagTimer != 0,
		Large: b.header&flagLarge != 0,
		Value: s.valueOf(b),
	}
}

// Kind returns the type and encoding of the value.
func (s *Space) Kind(ref Ref) Kind {
	p, off := s.arena.at(ref)
	return Kind(p[off] >> headerKind)
}

// SetKind changes the type and encoding.
func (s *Space) SetKind(ref Ref, kind Kind) {
	p, off := s.arena.at(ref)
	p[off] = withKind(p[off], kind)
}

func withKind(header uint64, kind Kind) uint64 {
	return header&^(0xff<<headerKind) | uint64(kind)<<headerKind
}

// Recency returns the 24 bits of recency or frequency.
func (s *Space) Recency(ref Ref) uint32 {
	p, off := s.arena.at(ref)
	return uint32(p[off] >> headerRecency)
}

// SetRecency keeps the lower 24 bits of v.
func (s *Space) SetRecency(ref Ref, v uint32) {
	p, off := s.arena.at(ref)
	p[off] = p[off]&(1<<headerRecency-1) | uint64(v&RecencyMask)<<headerRecency
}

// IsLarge reports whether the value lives in a byte slice of its own.
func (s *Space) IsLarge(ref Ref) bool { return s.block(ref).header&flagLarge != 0 }

// MarkShared notes that somebody outside refers to the large value, so that the next change copies it first. It does nothing
// for other values: those must be copied by whoever keeps them.
func (s *Space) MarkShared(ref Ref) {
	if b := s.block(ref); b.header&flagLarge != 0 {
		b.setHeader(b.header | flagShared)
	}
}

// Reclaim ends a transaction: what was freed since the last call may be used again. As many nodes as it made are freed of collections that are
// gone, so that a client that replaces collections over and over pays for what it leaves behind: turns alone would be too slow for it.
func (s *Space) Reclaim() {
	if made := s.nodes.made; made > 0 {
		s.nodes.made = 0
		s.nodes.sweep(made)
	}
	if s.arena.retired|s.side.retired|s.nodes.arena.retired != 0 || len(s.nodes.retired) > 0 {
		s.reclaim()
	}
}

func (s *Space) reclaim() {
	s.arena.reclaim(s.Poison)
	s.side.reclaim()
	s.nodes.reclaim(s.Poison)
}

// Dismantle gives the memory of a Space that nobody will use again back to the operating system, up to budget pages of 64 KiB at a time, and
// reports whether there is more; each takes some 60 microseconds. Large values are left to the garbage collector.
func (s *Space) Dismantle(budget int) (more bool) {
	given := s.arena.dismantle(budget)
	given += s.nodes.arena.dismantle(budget - given)
	return given == budget
}
