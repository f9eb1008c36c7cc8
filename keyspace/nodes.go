package keyspace

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// Nodes are what large collections are made of: blocks of about 4 KiB at most, addressed by numbers, linked by those numbers, and
// invisible to the garbage collector. A node has a level, whose meaning is its owner's, and a payload. Nodes live in an arena of
// their own; a table leads from their numbers to their blocks, so a node that grows, shrinks or is moved by compaction keeps its number.
// A payload larger than MaxNode is a byte slice of its own, for the rare element that is as large as that.
//
// The table has the level and the length of each node beside its place: who looks for something in a node need not wait for the
// beginning of its block before he can ask for another part of it, and a block is in no cache as a rule.
//
// The rules of the Space hold: one owner, no lock, no call moves more than a page at once, and what is freed or left behind within a
// transaction keeps its bytes until Reclaim.
//
// The block of a node: a header of 8 bytes (number 32 | payload length 16 | flags 8 | level 8, from the high bits down), the
// snapshot epoch (2 bytes), then the payload, or 4 bytes of side number if flagLarge is set. The table's slot of a node is its block's Ref in
// the upper half, and the lower half of the block's header. Number 0 is no node.
type Nodes struct {
	arena   arena
	side    sideTable
	table   []*[nodeChunk]uint64 // by number; of an unused number, the next unused one
	used    uint32               // highest number ever given out
	unused  uint32               // head of the list of numbers to use again
	retired []uint32             // numbers that Reclaim frees
	doomed  []uint32             // roots of trees that Sweep has still to free
	made    int                  // nodes since the last Reclaim
	live    int
	seed    maphash.Seed

	epoch        uint16
	snapshot     *Snapshot // nil: none is open (see nodes_snapshot.go)
	doomedBefore int       // doomed[:doomedBefore] were doomed when it was opened
	kept         int       // blocks that only it needs
	tableCopies  int       // chunks of its table that are its own

	// Children calls visit for every node that the one with this level and payload owns: its number stands there, in 4 bytes,
	// little-endian. Whole trees are freed, copied and measured by it.
	Children func(level uint8, payload []byte, visit func(at int))
}

const (
	nodeShift = 8
	nodeChunk = 1 << nodeShift
	nodeMask  = nodeChunk - 1

	nodeHeader = headerBytes + 2
	nodeEpoch  = headerBytes

	nodeLength    = 16
	nodeLevelMask = 0xff

	// PageNode is the largest payload, in bytes, of a node whose block is of 4 KiB: what structures should make their nodes of.
	PageNode = 4096 - nodeHeader
	// MaxNode is the largest payload that stands in its node's block.
	MaxNode = maxBlockWords*wordBytes - nodeHeader
)

func newNodes(seed maphash.Seed) Nodes { return Nodes{arena: newArena(), seed: seed} }

// Hash is a hash of b that clients cannot foresee, as the index uses it.
func (n *Nodes) Hash(b []byte) uint32 { return uint32(maphash.Bytes(n.seed, b) >> 32) }

func (n *Nodes) slot(number uint32) *uint64 {
	return &n.table[number>>nodeShift][number&nodeMask]
}

// refOf is the block that a slot of the table leads to.
func refOf(slot uint64) Ref { return Ref(slot >> headerLink) }

// setSlot lets the table lead to a block with this header.
func (n *Nodes) setSlot(number uint32, ref Ref, header uint64) {
	*n.slot(number) = uint64(ref)<<headerLink | header&headerLow
}

func (n *Nodes) block(number uint32) block {
	slot := *n.slot(number)
	p, off := n.arena.at(refOf(slot))
	return block{p, off, uint64(number)<<headerLink | slot&headerLow}
}

// nodeBytes is the exact size of the block for a payload of so many bytes.
func nodeBytes(payload int) uint32 {
	if payload > MaxNode {
		return nodeHeader + numberBytes
	}
	return nodeHeader + uint32(payload)
}

// Room returns the largest payload that takes no larger a block than one of n bytes does.
func Room(n int) int {
	if n > MaxNode {
		return n
	}
	return min(int(classBytes(classFor(nodeBytes(n))))-nodeHeader, MaxNode)
}

// New makes a node and returns its number and its payload of size bytes, whose content is undefined. It panics with ErrFull when the
// arena has no room.
func (n *Nodes) New(level uint8, size int) (number uint32, payload []byte) {
	ref := n.alloc(size)
	number = n.number()
	n.place(number, ref, level, size)
	n.live++
	n.made++
	return number, n.Read(number)
}

// Left is how many pages of 64 KiB can still be made. A node takes one at most, and most take none.
func (n *Nodes) Left() int { return int(n.arena.maxPages) - 1 - int(n.arena.pages) }

// number takes a number that is not in use.
func (n *Nodes) number() uint32 {
	if number := n.unused; number != 0 {
		n.unused = uint32(*n.slot(number))
		return number
	}
	n.used++
	if int(n.used>>nodeShift) == len(n.table) {
		n.table = append(n.table, new([nodeChunk]uint64))
	}
	return n.used
}

// alloc is a fresh block with room for a payload of size bytes. Nothing is changed if there is no room.
func (n *Nodes) alloc(size int) Ref {
	ref := n.arena.alloc(classFor(nodeBytes(size)))
	if ref == 0 {
		panic(ErrFull)
	}
	return ref
}

// place makes a fresh block that of a number.
func (n *Nodes) place(number uint32, ref Ref, level uint8, size int) {
	p, off := n.arena.at(ref)
	b := block{p, off, uint64(number)<<headerLink | uint64(level)}
	if size <= MaxNode {
		b.header |= uint64(size) << nodeLength
	} else {
		b.header |= flagLarge
		b.putUint32(nodeHeader, n.side.add(make([]byte, size)))
	}
	b.setHeader(b.header)
	n.setSlot(number, ref, b.header)
	setNodeEpoch(b, n.epoch)
}

// Level returns the node's level.
func (n *Nodes) Level(number uint32) uint8 { return uint8(*n.slot(number) & nodeLevelMask) }

// Read returns a view of the node's payload, valid until the node is resized or freed and Reclaim has run.
func (n *Nodes) Read(number uint32) []byte { return n.payload(n.block(number)) }

func (n *Nodes) payload(b block) []byte {
	if b.header&flagLarge != 0 {
		return n.side.get(b.uint32At(nodeHeader))
	}
	return b.bytes(nodeHeader, uint32(b.header>>nodeLength)&0xffff)
}

// Look is Level and Read at once: to go down a tree is to do this for each node on the way.
func (n *Nodes) Look(number uint32) (level uint8, payload []byte) {
	slot := *n.slot(number)
	p, off := n.arena.at(refOf(slot))
	if slot&flagLarge != 0 {
		return uint8(slot & nodeLevelMask), n.payload(block{p, off, slot})
	}
	from := off*wordBytes + nodeHeader
	to := from + uint32(slot>>nodeLength)&0xffff
	return uint8(slot & nodeLevelMask), p.raw()[from:to:to]
}

// InPlace reports whether no snapshot is open, so that Write would return what Read and Look do.
func (n *Nodes) InPlace() bool { return n.snapshot == nil }

// Write returns the node's payload for change in place. It panics with ErrFull if a snapshot needs a copy and the arena has no room.
func (n *Nodes) Write(number uint32) []byte {
	b := n.block(number)
	if n.isOld(b) {
		n.keepCopy(number, b)
	}
	return n.payload(b)
}

// Resize gives the node a payload of size bytes and returns it. As much of the old content as fits is at its beginning; the rest is
// undefined. It panics with ErrFull when the arena has no room.
func (n *Nodes) Resize(number uint32, size int) []byte {
	b := n.block(number)
	old, isOld := n.payload(b), n.isOld(b)
	if b.header&flagLarge == 0 && size <= MaxNode && classFor(nodeBytes(size)) == classFor(nodeBytes(len(old))) {
		if isOld {
			n.keepCopy(number, b)
		}
		b.header = b.header&^(0xffff<<nodeLength) | uint64(size)<<nodeLength
		b.setHeader(b.header)
		n.setSlot(number, refOf(*n.slot(number)), b.header)
		return n.payload(b)
	}
	from := refOf(*n.slot(number))
	fresh := n.alloc(size)
	if isOld {
		n.parted(number)
	}
	n.place(number, fresh, uint8(b.header&nodeLevelMask), size)
	payload := n.Read(number)
	copy(payload, old)
	n.giveUp(number, from, b, isOld)
	return payload
}

// giveUp retires a block that the node has no more, or leaves it to a snapshot that needs it.
func (n *Nodes) giveUp(number uint32, ref Ref, b block, needed bool) {
	if needed {
		n.keep(number, ref, b)
		return
	}
	n.retireBlock(ref, b)
}

func (n *Nodes) retireBlock(ref Ref, b block) {
	if b.header&flagLarge != 0 {
		n.side.retire(b.uint32At(nodeHeader))
	}
	n.arena.retire(ref)
}

// Free gives one node up, but not those that it owns.
func (n *Nodes) Free(number uint32) {
	b := n.block(number)
	n.free(number, b, n.isOld(b))
}

func (n *Nodes) free(number uint32, b block, needed bool) {
	n.giveUp(number, refOf(*n.slot(number)), b, needed)
	n.retired = append(n.retired, number)
	n.live--
}

// Live is how many nodes there are.
func (n *Nodes) Live() int { return n.live }

// Doom gives up a node and all that it owns: Space.Sweep frees them.
func (n *Nodes) Doom(root uint32) { n.doomed = append(n.doomed, root) }

// sweep frees up to budget nodes of doomed trees and reports whether there are more.
func (n *Nodes) sweep(budget int) (more bool) {
	for ; budget > 0 && len(n.doomed) > 0; budget-- {
		last := len(n.doomed) - 1
		number, before := n.doomed[last], last < n.doomedBefore
		n.doomed = n.doomed[:last]
		b := n.block(number)
		payload := n.payload(b)
		n.Children(uint8(b.header&nodeLevelMask), payload, func(at int) {
			if child := binary.LittleEndian.Uint32(payload[at:]); child != 0 { // 0: of a copy that was not finished
				n.doomed = append(n.doomed, child)
			}
		})
		n.free(number, b, !before && n.isOld(b))
		if before {
			n.doomedBefore = len(n.doomed)
		}
	}
	if len(n.doomed) == 0 {
		n.doomed = nil // it may have been long
	}
	return n.doomed != nil
}

func (n *Nodes) reclaim(poisoned bool) {
	for _, number := range n.retired {
		*n.slot(number) = uint64(n.unused)
		n.unused = number
	}
	n.retired = n.retired[:0]
	n.arena.reclaim(poisoned)
	n.side.reclaim()
}

// Copy copies a node and all that it owns into to, which may be n itself, and returns the copy's number. It panics with ErrFull,
// and nothing of the copy is left, when the arena of to has no room.
func (n *Nodes) Copy(root uint32, to *Nodes) (number uint32) {
	number = n.copyOne(root, to)
	done := false
	defer func() {
		if !done {
			to.Doom(number)
		}
	}()
	n.copyChildren(root, number, to)
	done = true
	return number
}

// copyOne copies a node without what it owns.
func (n *Nodes) copyOne(from uint32, to *Nodes) uint32 {
	old := n.Read(from)
	number, payload := to.New(n.Level(from), len(old))
	copy(payload, old)
	n.Children(n.Level(from), old, func(at int) { binary.LittleEndian.PutUint32(payload[at:], 0) })
	return number
}

// copyChildren copies what a node owns. Each copy is its owner's at once.
func (n *Nodes) copyChildren(from, copied uint32, to *Nodes) {
	old := n.Read(from)
	n.Children(n.Level(from), old, func(at int) {
		child := binary.LittleEndian.Uint32(old[at:])
		number := n.copyOne(child, to)
		binary.LittleEndian.PutUint32(to.Write(copied)[at:], number)
		n.copyChildren(child, number, to)
	})
}

// leastSampled is how many of a node's children are looked at in any case: the trees of a record, of which none is like another.
const leastSampled = 4

// Size returns the bytes that a node and all that it owns take. Of what it owns it looks at about so many nodes of each level, which stand
// for all of them; 0: at all.
func (n *Nodes) Size(root uint32, most int) int64 {
	b := n.block(root)
	payload, level := n.payload(b), uint8(b.header&nodeLevelMask)
	size := classBytes(classFor(nodeBytes(len(payload)))) + int64(wordBytes/2)
	if b.header&flagLarge != 0 {
		size += int64(cap(payload))
	}
	step, each := 1, 0
	if most > 0 {
		children := 0
		n.Children(level, payload, func(int) { children++ })
		step = max((children+most-1)/most, 1)
		each = max(most*step/max(children, 1), leastSampled)
	}
	children, seen, below := 0, 0, int64(0)
	n.Children(level, payload, func(at int) {
		if children%step == step/2 { // the one in the middle
			below += n.Size(binary.LittleEndian.Uint32(payload[at:]), each)
			seen++
		}
		children++
	})
	return size + below*int64(children)/int64(max(seen, 1))
}

// usedBytes is what the nodes take, as Space.Used counts it.
func (n *Nodes) usedBytes() int64 {
	return n.arena.liveBytes + n.side.bytes + int64(len(n.table)+n.tableCopies)*nodeChunk*wordBytes
}

// transfer moves a node's block.
func (n *Nodes) transfer(from, to Ref, words uint32) {
	p, off := n.arena.at(from)
	q, at := n.arena.at(to)
	copy(q[at:at+words], p[off:off+words])
	number := uint32(p[off] >> headerLink)
	if p[off]&flagKept == 0 {
		n.setSlot(number, to, p[off])
	}
	n.moveFrozen(number, from, to)
	n.arena.retire(from)
}

// roots returns where the numbers of the nodes that a value owns stand in it: none, unless its kind says so.
func roots(kind Kind, value []byte) []int {
	if !kind.OwnsNodes() {
		return nil
	}
	at := make([]int, value[0])
	for i := range at {
		at[i] = RootsOffset + i*RootBytes
	}
	return at
}

// A value whose kind owns nodes begins with the number of its roots (1 byte) and 3 bytes of its owner's; then come the roots, 8 bytes
// each: the number of a node, 0 for none, and 4 bytes of its owner's.
const (
	RootsOffset = 4
	RootBytes   = 8
)

func rootAt(value []byte, at int) uint32 { return binary.LittleEndian.Uint32(value[at:]) }

// maxRoots is the most roots that a value has.
const maxRoots = 4

// owned are the nodes that a value owns, 0 for none.
type owned [maxRoots]uint32

// ownedBy are the nodes that an entry's value owns.
func (s *Space) ownedBy(b block) (o owned) {
	kind := Kind(b.header >> headerKind)
	if !kind.OwnsNodes() {
		return o
	}
	value := s.valueOf(b)
	for i, at := range roots(kind, value) {
		o[i] = rootAt(value, at)
	}
	return o
}

// doom gives up nodes that a value owned.
func (s *Space) doom(o owned) {
	for _, root := range o {
		if root != 0 {
			s.nodes.Doom(root)
		}
	}
}

// Abandon gives up the nodes of a value that CopyValue made and that no entry has.
func (s *Space) Abandon(kind Kind, value []byte) {
	for _, at := range roots(kind, value) {
		if root := rootAt(value, at); root != 0 {
			s.nodes.Doom(root)
		}
	}
}

// Sweep frees up to budget nodes of collections that are gone and reports whether there are more. It runs between transactions.
func (s *Space) Sweep(budget int) (more bool) {
	more = s.nodes.sweep(budget)
	s.reclaim()
	return more
}

// Doomed reports whether Sweep has something to do.
func (s *Space) Doomed() bool { return len(s.nodes.doomed) > 0 }

// Nodes returns the slab of nodes that the Space's large collections are made of.
func (s *Space) Nodes() *Nodes { return &s.nodes }

// CopyValue returns a copy of a value of another Space, or this one, for Insert or Replace: the nodes that it owns are copied into
// this one. Like Copy it panics with ErrFull and leaves nothing.
func (s *Space) CopyValue(from *Space, kind Kind, value []byte) []byte {
	if !kind.OwnsNodes() {
		return value
	}
	old := value
	value = slices.Clone(value)
	for _, at := range roots(kind, value) {
		binary.LittleEndian.PutUint32(value[at:], 0)
	}
	done := false
	defer func() {
		if !done {
			s.Abandon(kind, value)
		}
	}()
	for _, at := range roots(kind, value) {
		if root := rootAt(old, at); root != 0 {
			binary.LittleEndian.PutUint32(value[at:], from.nodes.Copy(root, &s.nodes))
		}
	}
	done = true
	return value
}
