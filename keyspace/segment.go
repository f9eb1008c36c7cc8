package keyspace

// A segment of the index: up to 2048 slots in chunks of 256, so that it grows and splits without discarding arrays.
//
// A slot is hash<<32 | ref, 0 when empty. Slots are kept in hash order by linear probing: the home of a slot is a monotone function of the
// hash bits below the segment's depth, and a slot stands at its home or, in an unbroken run, behind it. So a search stops at the first larger
// hash, homes are computable from slots alone (rehash, split and merge never read a key), and a walk meets hashes in ascending order.
// There is no wrap-around: the last slots of each segment are nobody's home and take what runs over. A segment whose last slot is taken counts as full.

const (
	chunkSlots = 256
	chunkShift = 8
	chunkMask  = chunkSlots - 1
	maxChunks  = 8
	// chunkHomes per chunk are homes; the rest, 1 in 64, is the overflow of the segment's end.
	chunkHomes = chunkSlots - chunkSlots/64
	// chunkLimit is how many slots per chunk may be in use (7/8). More makes probes long, less wastes memory.
	chunkLimit = chunkSlots * 7 / 8
	// maxSegmentSlots is the most that one rebuild handles.
	maxSegmentSlots = chunkSlots * maxChunks
)

type chunk [chunkSlots]uint64

type segment struct {
	chunks [maxChunks]*chunk
	count  uint16 // slots in use
	size   uint8  // chunks in use
	depth  uint8  // hash bits that all slots here have in common
}

func slotHash(slot uint64) uint32 { return uint32(slot >> 32) }
func slotRef(slot uint64) Ref     { return Ref(uint32(slot)) }
func makeSlot(hash uint32, ref Ref) uint64 {
	return uint64(hash)<<32 | uint64(ref)
}

// homeIn returns the home of a hash in a segment of that depth and size.
func homeIn(hash uint32, depth, size uint8) uint32 {
	return uint32(uint64(hash<<(depth&31)) * (uint64(size) * chunkHomes) >> 32)
}

func (g *segment) home(hash uint32) uint32 { return homeIn(hash, g.depth, g.size) }

func (g *segment) slots() uint32 { return uint32(g.size) * chunkSlots }

func (g *segment) at(pos uint32) *uint64 {
	return &g.chunks[pos>>chunkShift&(maxChunks-1)][pos&chunkMask]
}

// seek returns the position of the first slot from the hash's home that is empty or has a hash not below it; slots() if there is none.
func (g *segment) seek(hash uint32) uint32 {
	pos := g.home(hash)
	for end := g.slots(); pos < end; pos++ {
		slot := *g.at(pos)
		if slot == 0 || slotHash(slot) >= hash {
			break
		}
	}
	return pos
}

// insert adds the slot, or reports false when the segment has to grow first. As the last slot is free, the run always ends in it or before.
func (g *segment) insert(slot uint64) bool {
	if int(g.count) >= int(g.size)*chunkLimit || *g.at(g.slots() - 1) != 0 {
		return false
	}
	g.count++
	pos := g.home(slotHash(slot))
	for i := pos >> chunkShift; i < uint32(g.size); i++ {
		c := g.chunks[i&(maxChunks-1)]
		for j := pos & chunkMask; j < chunkSlots; j++ {
			switch held := c[j]; {
			case held == 0:
				c[j] = slot
				return true
			case slotHash(held) >= slotHash(slot): // and from here on, all of the run moves a step
				c[j], slot = slot, held
			}
		}
		pos = 0
	}
	return true
}

// find returns the position of exactly this slot, or false.
func (g *segment) find(slot uint64) (uint32, bool) {
	for pos, end := g.seek(slotHash(slot)), g.slots(); pos < end; pos++ {
		switch s := *g.at(pos); {
		case s == slot:
			return pos, true
		case s == 0 || slotHash(s) != slotHash(slot):
			return 0, false
		}
	}
	return 0, false
}

// remove empties the position and closes the gap: what stands behind its home moves one step back.
func (g *segment) remove(pos uint32) {
	g.count--
	end := g.slots()
	for next := pos + 1; next < end; next++ {
		slot := *g.at(next)
		if slot == 0 || g.home(slotHash(slot)) >= next {
			break
		}
		*g.at(pos) = slot
		pos = next
	}
	*g.at(pos) = 0
}

// gather appends the segment's slots, in hash order.
func (g *segment) gather(to []uint64) []uint64 {
	for i := range g.size {
		for _, slot := range g.chunks[i] {
			if slot != 0 {
				to = append(to, slot)
			}
		}
	}
	return to
}

// nth returns the slot with n others before it; n is below count.
func (g *segment) nth(n uint32) uint64 {
	for pos := uint32(0); ; pos++ {
		slot := *g.at(pos)
		if slot == 0 {
			continue
		}
		if n == 0 {
			return slot
		}
		n--
	}
}

// rebuild lays the slots out anew in a segment of that depth and size. They fit (see fit).
func (g *segment) rebuild(slots []uint64, depth, size uint8) {
	g.depth, g.count = depth, uint16(len(slots))
	g.setSize(size)
	next := uint32(0)
	for _, slot := range slots {
		pos := max(g.home(slotHash(slot)), next)
		*g.at(pos) = slot
		next = pos + 1
	}
}

// setSize takes or drops chunks until there are so many and clears them all.
func (g *segment) setSize(size uint8) {
	g.size = size
	for i := range g.chunks {
		switch {
		case i >= int(size):
			g.chunks[i] = nil
		case g.chunks[i] == nil:
			g.chunks[i] = new(chunk)
		default:
			clear(g.chunks[i][:])
		}
	}
}

// fit returns the smallest size, from the given one on, that holds the slots and as many more as asked for (0 or 1); 0 if none does.
func fit(slots []uint64, depth, size uint8, more int) uint8 {
	for ; size <= maxChunks; size++ {
		if len(slots)+more <= int(size)*chunkLimit && layoutEnd(slots, depth, size)+more <= int(size)*chunkSlots {
			return size
		}
	}
	return 0
}

// layoutEnd returns the position behind the last slot when the slots are laid out in a segment of that depth and size.
func layoutEnd(slots []uint64, depth, size uint8) int {
	next := uint32(0)
	for _, slot := range slots {
		next = max(homeIn(slotHash(slot), depth, size), next) + 1
	}
	return int(next)
}
