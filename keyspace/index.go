package keyspace

import "sort"

// The index: extendible hashing. A directory maps the top bits of a hash to a segment; a full segment splits in two and only its own
// directory entries change. The directory itself is cut into regions, so that doubling one never moves more than 64 KiB: there is one region until it would pass
// that size, then 256, each doubled on its own.
//
// Invariant: a segment of depth d covers the 1<<(32-d) hashes that share its d leading bits, and all directory entries of that range, and no
// others, point to it.

const (
	hashBits = 32
	// regionBits bounds a region at 8192 entries, 64 KiB.
	regionBits = 13
	rootBits   = 8
	// joinBits: the 256 regions become one again when none needs more bits than this. Far below regionBits, so that it does not swing.
	joinBits = 2
	// maxDepth is what the regions can address.
	maxDepth = rootBits + regionBits

	// shrinkGap is how far below a smaller size's limit a segment falls before it shrinks, mergeLimit what two buddies may hold together
	// to become one: both leave room, so that a key coming and going does not rebuild a segment each time.
	shrinkGap  = chunkLimit / 2
	mergeLimit = maxChunks * chunkLimit * 3 / 4
	// Merging is looked into at every mergeStride-th count of a segment only.
	mergeStride = 32
)

// region is a directory of 1<<bits entries for the hashes that share its leading root bits.
type region struct {
	dir   []*segment
	shift uint8 // hash bits below the entry number
}

type index struct {
	regions   []region
	rootShift uint8 // hash bits below the region number
	len       int
	segments  int
	chunks    int
	entries   int // directory entries of all regions
}

func newIndex() index {
	return index{
		regions:   []region{{dir: []*segment{{}}, shift: hashBits}},
		rootShift: hashBits,
		segments:  1,
		entries:   1,
	}
}

func (ix *index) region(hash uint32) *region {
	return &ix.regions[uint64(hash)>>(ix.rootShift&63)]
}

func (r *region) entry(hash uint32) int {
	return int(uint64(hash) >> (r.shift & 63) & uint64(len(r.dir)-1))
}

func (ix *index) segment(hash uint32) *segment {
	r := ix.region(hash)
	return r.dir[r.entry(hash)]
}

// insert adds a slot. It reports false, with nothing changed that could be seen, when the index cannot grow there any more.
func (ix *index) insert(hash uint32, ref Ref) bool {
	slot := makeSlot(hash, ref)
	for {
		g := ix.segment(hash)
		if g.size != 0 && g.insert(slot) {
			ix.len++
			return true
		}
		if !ix.grow(g, hash) {
			return false
		}
	}
}

// remove takes out the slot, which must be there.
func (ix *index) remove(hash uint32, ref Ref) {
	g := ix.segment(hash)
	pos, ok := g.find(makeSlot(hash, ref))
	if !ok {
		return
	}
	g.remove(pos)
	ix.len--
	ix.shrink(g, hash)
}

// move lets the slot of an entry point to its new block.
func (ix *index) move(hash uint32, from, to Ref) {
	g := ix.segment(hash)
	if pos, ok := g.find(makeSlot(hash, from)); ok {
		*g.at(pos) = makeSlot(hash, to)
	}
}

// rebuild lays a segment out anew and keeps count of the chunks.
func (ix *index) rebuild(g *segment, slots []uint64, depth, size uint8) {
	ix.chunks += int(size) - int(g.size)
	g.rebuild(slots, depth, size)
}

// grow enlarges the segment by a chunk or, at its full size, splits it.
func (ix *index) grow(g *segment, hash uint32) bool {
	var buf [maxSegmentSlots]uint64
	slots := g.gather(buf[:0])
	if size := fit(slots, g.depth, g.size+1, 1); size != 0 {
		ix.rebuild(g, slots, g.depth, size)
		return true
	}
	return ix.split(g, hash, slots)
}

// split divides the segment by its next hash bit. The halves keep its chunks. It refuses at the greatest depth, and when more slots than a
// segment's end takes over have hashes right below the middle: neither happens to hashes of a seeded function.
func (ix *index) split(g *segment, hash uint32, slots []uint64) bool {
	depth := g.depth + 1
	if depth > maxDepth {
		return false
	}
	half := uint32(1) << (hashBits - depth)
	middle := hash&^(half-1) | half
	cut := sort.Search(len(slots), func(i int) bool { return slotHash(slots[i]) >= middle })
	low, high := fit(slots[:cut], depth, 1, 0), fit(slots[cut:], depth, 1, 0)
	if low == 0 || high == 0 || !ix.deepen(hash, depth) {
		return false
	}
	sibling := &segment{}
	copy(sibling.chunks[:], g.chunks[maxChunks/2:])
	clear(g.chunks[maxChunks/2:])
	ix.rebuild(g, slots[:cut], depth, low)
	ix.rebuild(sibling, slots[cut:], depth, high)
	ix.segments++
	ix.point(middle, depth, sibling)
	return true
}

// shrink gives back a chunk, or merges the segment with its buddy, when it has become sparse.
func (ix *index) shrink(g *segment, hash uint32) {
	if g.size > 1 && int(g.count) <= int(g.size-1)*chunkLimit-shrinkGap {
		var buf [maxSegmentSlots]uint64
		slots := g.gather(buf[:0])
		if size := fit(slots, g.depth, g.size-1, 1); size != 0 && size < g.size {
			ix.rebuild(g, slots, g.depth, size)
		}
	}
	if g.count%mergeStride == 0 && g.depth > 0 {
		ix.merge(g, hash)
	}
}

// merge joins the segment with the other half of its parent's range if both are sparse.
func (ix *index) merge(g *segment, hash uint32) {
	for g.depth > 0 {
		half := uint32(1) << (hashBits - g.depth)
		low, high := ix.segment(hash&^half), ix.segment(hash|half)
		if low.depth != high.depth || int(low.count)+int(high.count) > mergeLimit {
			return
		}
		var buf [maxSegmentSlots]uint64
		slots := high.gather(low.gather(buf[:0]))
		depth := g.depth - 1
		size := fit(slots, depth, 1, 1)
		if size == 0 {
			return
		}
		ix.rebuild(high, nil, high.depth, 0)
		ix.rebuild(low, slots, depth, size)
		ix.segments--
		ix.point(hash&^(half<<1-1), depth, low)
		ix.flatten(hash, depth)
		g = low
	}
}

// span is the number of hashes that a segment of that depth covers.
func span(depth uint8) uint64 { return 1 << (hashBits - depth) }

// point lets all directory entries of the range of that depth around the hash name the segment.
func (ix *index) point(hash uint32, depth uint8, g *segment) {
	from := uint64(hash) &^ (span(depth) - 1)
	for at := from; at < from+span(depth); {
		r := ix.region(uint32(at))
		r.dir[r.entry(uint32(at))] = g
		at += 1 << r.shift
	}
}

// deepen makes the directory around the hash tell that many leading bits apart.
func (ix *index) deepen(hash uint32, depth uint8) bool {
	for hashBits-ix.region(hash).shift < depth {
		r := ix.region(hash)
		if len(r.dir) < 1<<regionBits {
			ix.entries += len(r.dir)
			r.double()
			continue
		}
		if len(ix.regions) > 1 {
			return false
		}
		ix.splitRoot()
	}
	return true
}

func (r *region) double() {
	dir := make([]*segment, 2*len(r.dir))
	for i, g := range r.dir {
		dir[2*i], dir[2*i+1] = g, g
	}
	r.dir = dir
	r.shift--
}

// splitRoot cuts the only region, at its full size, into 256.
func (ix *index) splitRoot() {
	old := ix.regions[0]
	each := len(old.dir) >> rootBits
	ix.regions = make([]region, 1<<rootBits)
	ix.rootShift = hashBits - rootBits
	for i := range ix.regions {
		dir := make([]*segment, each)
		copy(dir, old.dir[i*each:])
		ix.regions[i] = region{dir: dir, shift: old.shift}
	}
}

// flatten halves the regions of the range while no segment needs their last bit, and joins all regions when they are small.
func (ix *index) flatten(hash uint32, depth uint8) {
	from := uint64(hash) &^ (span(depth) - 1)
	for at := from; at < from+span(depth); at += 1 << ix.rootShift {
		r := ix.region(uint32(at))
		for r.halve() {
			ix.entries -= len(r.dir)
		}
	}
	if len(ix.regions) > 1 && len(ix.region(hash).dir) <= 1<<joinBits {
		ix.joinRoot()
	}
}

func (r *region) halve() bool {
	if len(r.dir) == 1 {
		return false
	}
	for i := 0; i < len(r.dir); i += 2 {
		if r.dir[i] != r.dir[i+1] {
			return false
		}
	}
	dir := make([]*segment, len(r.dir)/2)
	for i := range dir {
		dir[i] = r.dir[2*i]
	}
	r.dir = dir
	r.shift++
	return true
}

// joinRoot replaces 256 small regions by one.
func (ix *index) joinRoot() {
	for i := range ix.regions {
		if len(ix.regions[i].dir) > 1<<joinBits {
			return
		}
	}
	one := region{dir: make([]*segment, 1<<(rootBits+joinBits)), shift: hashBits - rootBits - joinBits}
	for i := range one.dir {
		one.dir[i] = ix.segment(uint32(i) << one.shift)
	}
	ix.regions = []region{one}
	ix.rootShift = hashBits
	ix.entries = len(one.dir)
}
