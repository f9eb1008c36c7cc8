package keyspace

import (
	"encoding/binary"
	"slices"
)

// The nodes of a snapshot (see snapshot.go). A snapshot reads nodes through a slab of its own, which has the pages of the live one, but its own table
// from numbers to blocks. While a chunk of that table is the same for both, the two share it; before the first node of a chunk is kept, the snapshot
// gets a copy of the chunk. So what reads trees need not know whether it reads a snapshot, nobody pays for numbers that do not change, and a
// number that is given up may lead to another node in the live slab at once.
//
// An old node is kept before its first change: a change in place copies its block for the snapshot, which costs a node; a change that
// moves the node leaves the old block to the snapshot, and so does its end. Kept blocks are marked; the live table does not lead to them.

// freeze makes all nodes old. Those of trees that are doomed already belong to no entry of the snapshot: they are not kept.
func (n *Nodes) freeze(sn *Snapshot) {
	sn.nodes = Nodes{table: n.table, seed: n.seed, Children: n.Children}
	n.snapshot = sn
	n.doomedBefore = len(n.doomed)
	n.epoch++
}

// follow makes the snapshot's slab see what pages there are now.
func (n *Nodes) follow(live *Nodes) {
	n.arena.tables, n.side.chunks = live.arena.tables, live.side.chunks
}

// thaw ends the snapshot, for which no node is kept any more.
func (n *Nodes) thaw() { n.snapshot, n.tableCopies = nil, 0 }

func nodeEpochOf(b block) uint16 {
	return binary.LittleEndian.Uint16(b.bytes(nodeEpoch, nodeHeader-nodeEpoch))
}

func setNodeEpoch(b block, epoch uint16) {
	binary.LittleEndian.PutUint16(b.bytes(nodeEpoch, nodeHeader-nodeEpoch), epoch)
}

// isOld reports whether a snapshot still needs the node as it is.
func (n *Nodes) isOld(b block) bool { return n.snapshot != nil && nodeEpochOf(b) != n.epoch }

// keepCopy copies an old node's block for the snapshot before it is changed in place. It panics with ErrFull when the arena has no room.
func (n *Nodes) keepCopy(number uint32, b block) {
	size := nodeBytes(len(n.payload(b)))
	ref := n.arena.alloc(classFor(size))
	if ref == 0 {
		panic(ErrFull)
	}
	p, off := n.arena.at(ref)
	c := block{p, off, b.header}
	copy(c.bytes(0, size), b.bytes(0, size))
	if b.header&flagLarge != 0 {
		c.putUint32(nodeHeader, n.side.add(slices.Clone(n.payload(b))))
	}
	n.keep(number, ref, c)
	setNodeEpoch(b, n.epoch)
}

// keep leaves a block to the snapshot. If it is the node's own, the live table must lead elsewhere before anybody reads it.
func (n *Nodes) keep(number uint32, ref Ref, b block) {
	n.parted(number)
	b.header |= flagKept
	b.setHeader(b.header)
	n.snapshot.nodes.setSlot(number, ref, b.header)
	n.kept++
}

// parted gives the snapshot's table a chunk of its own for a number.
func (n *Nodes) parted(number uint32) {
	frozen, i := &n.snapshot.nodes, number>>nodeShift
	if frozen.table[i] != n.table[i] {
		return
	}
	if &frozen.table[0] == &n.table[0] {
		frozen.table = slices.Clone(frozen.table)
	}
	chunk := *n.table[i]
	frozen.table[i] = &chunk
	n.tableCopies++
}

// moveFrozen tells the snapshot that the block of an old node has been moved by compaction.
func (n *Nodes) moveFrozen(number uint32, from, to Ref) {
	if n.snapshot == nil {
		return
	}
	frozen, i := &n.snapshot.nodes, int(number>>nodeShift)
	if i < len(frozen.table) && frozen.table[i] != n.table[i] && refOf(*frozen.slot(number)) == from {
		frozen.setSlot(number, to, *frozen.slot(number))
	}
}

// letGo says of one node of an entry that was visited that it is not needed as it was, and adds those that it owns to what follows.
func (sn *Snapshot) letGo() {
	last := len(sn.passed) - 1
	number := sn.passed[last]
	sn.passed = sn.passed[:last]
	live := &sn.s.nodes
	b := sn.nodes.block(number)
	sn.payload = sn.nodes.payload(b)
	live.Children(uint8(b.header&nodeLevelMask), sn.payload, sn.children)
	if b.header&flagKept == 0 {
		setNodeEpoch(b, live.epoch)
		return
	}
	live.retireBlock(refOf(*sn.nodes.slot(number)), b)
	live.kept--
}
