package keyspace

import "fmt"

// Check walks everything and returns the first broken invariant: of the directory and segments, of each entry's block, of the pages'
// lists, and of every counter. It is for tests; its cost is that of the whole Space. Retired blocks are allowed.
func (s *Space) Check() error {
	c := checker{s: s, live: map[uint32]uint32{}}
	for _, step := range []func() error{c.directory, c.kept, c.retired, c.pages, c.side, s.nodes.check} {
		if err := step(); err != nil {
			return fmt.Errorf("keyspace: %w", err)
		}
	}
	return nil
}

// checker gathers what the entries use, to compare it with what the arena and the side table believe.
type checker struct {
	s       *Space
	live    map[uint32]uint32 // blocks per page
	numbers int               // side entries referred to
	bytes   int64             // their capacity
}

func (c *checker) directory() error { return c.layout(c.entry) }

// layout checks the index; visit checks what a slot refers to.
func (c *checker) layout(visit func(hash uint32, ref Ref) error) error {
	ix := &c.s.index
	length, segments, chunks, entries := 0, 0, 0, 0
	for from := uint64(0); from < scanEnd; {
		g := ix.segment(uint32(from))
		end := from + span(g.depth)
		for at := from; at < end; {
			r := ix.region(uint32(at))
			if r.dir[r.entry(uint32(at))] != g {
				return fmt.Errorf("directory at %#x: not the segment of %#x, depth %d", at, from, g.depth)
			}
			at += 1 << r.shift
		}
		if from&(span(g.depth)-1) != 0 {
			return fmt.Errorf("segment at %#x of depth %d is not aligned", from, g.depth)
		}
		if err := c.segment(g, from, visit); err != nil {
			return fmt.Errorf("segment at %#x: %w", from, err)
		}
		length += int(g.count)
		segments++
		chunks += int(g.size)
		from = end
	}
	for i := range ix.regions {
		entries += len(ix.regions[i].dir)
	}
	if length != ix.len || segments != ix.segments || chunks != ix.chunks || entries != ix.entries {
		return fmt.Errorf("index counts len %d segments %d chunks %d entries %d, found %d %d %d %d",
			ix.len, ix.segments, ix.chunks, ix.entries, length, segments, chunks, entries)
	}
	return nil
}

func (c *checker) segment(g *segment, from uint64, visit func(uint32, Ref) error) error {
	count, last, lastPos := 0, uint32(0), -1
	for pos := range int(g.slots()) {
		slot := *g.at(uint32(pos))
		if slot == 0 {
			continue
		}
		hash := slotHash(slot)
		home := int(g.home(hash))
		switch {
		case uint64(hash)&^(span(g.depth)-1) != from:
			return fmt.Errorf("slot %d: hash %#x is out of range", pos, hash)
		case hash < last:
			return fmt.Errorf("slot %d: hash %#x after %#x", pos, hash, last)
		case pos < home, pos > home && lastPos != pos-1:
			return fmt.Errorf("slot %d: home is %d, run ends at %d", pos, home, lastPos)
		}
		if err := visit(hash, slotRef(slot)); err != nil {
			return fmt.Errorf("slot %d: %w", pos, err)
		}
		count, last, lastPos = count+1, hash, pos
	}
	if count != int(g.count) {
		return fmt.Errorf("counts %d slots, found %d", g.count, count)
	}
	return nil
}

func (c *checker) entry(hash uint32, ref Ref) error {
	s := c.s
	num := uint32(ref) >> pageShift
	if num == 0 || num >= s.arena.nextPage || s.arena.tables[num>>tableShift].pages[num&tableMask] == nil {
		return fmt.Errorf("ref %#x: no such page", ref)
	}
	b, m := s.block(ref), s.arena.meta(num)
	switch {
	case b.header&(flagFree|flagRetired) != 0:
		return fmt.Errorf("ref %#x: block is not in use", ref)
	case b.header&flagTimer != 0 && b.header&flagRoom == 0:
		return fmt.Errorf("ref %#x: timer without room", ref)
	case b.header&flagShared != 0 && b.header&flagLarge == 0:
		return fmt.Errorf("ref %#x: shared but not large", ref)
	case b.off%uint32(classWords[m.class]) != 0 || b.off >= uint32(m.bump):
		return fmt.Errorf("ref %#x: not a block of class %d", ref, m.class)
	case !holds(m.class, b.exactBytes()):
		return fmt.Errorf("ref %#x: %d bytes in class %d", ref, b.exactBytes(), m.class)
	case s.hash(s.Key(ref)) != hash:
		return fmt.Errorf("ref %#x: key does not have hash %#x", ref, hash)
	}
	if err := s.checkEpoch(ref, b); err != nil {
		return err
	}
	c.live[num]++
	return c.numbersOf(b)
}

func (s *Space) checkEpoch(ref Ref, b block) error {
	switch {
	case b.header&flagKept != 0:
		return fmt.Errorf("ref %#x: block is kept for a snapshot", ref)
	case s.snapshot == nil && epochOf(b.header) != s.epoch:
		return fmt.Errorf("ref %#x: is old, but no snapshot is open", ref)
	}
	return nil
}

// numbersOf notes the side entries of a block.
func (c *checker) numbersOf(b block) error {
	if b.header&flagLarge != 0 {
		if err := c.number(b.valueNumber()); err != nil {
			return err
		}
	}
	if b.header&flagSideKey != 0 {
		return c.number(b.keyNumber())
	}
	return nil
}

func (c *checker) number(number uint32) error {
	t := &c.s.side
	if number == 0 || number > t.used || !t.entry(number).live {
		return fmt.Errorf("side number %d is not in use", number)
	}
	c.numbers++
	c.bytes += int64(cap(t.get(number)))
	return nil
}

// kept checks the copies that are kept for the snapshot.
func (c *checker) kept() error {
	if c.s.snapshot == nil {
		return nil
	}
	prev := Ref(0)
	for ref := c.s.snapshot.kept; ref != 0; {
		b := c.s.block(ref)
		switch {
		case b.header&(flagFree|flagRetired|flagKept|flagRoom) != flagKept|flagRoom:
			return fmt.Errorf("kept ref %#x: flags are %#x", ref, b.header>>headerFlags&0xff)
		case Ref(*b.links()>>headerLink) != prev:
			return fmt.Errorf("kept ref %#x does not follow %#x", ref, prev)
		case classFor(b.exactBytes()) != c.s.arena.meta(uint32(ref)>>pageShift).class:
			return fmt.Errorf("kept ref %#x: %d bytes in a wrong class", ref, b.exactBytes())
		}
		c.live[uint32(ref)>>pageShift]++
		if err := c.numbersOf(b); err != nil {
			return fmt.Errorf("kept ref %#x: %w", ref, err)
		}
		prev, ref = ref, Ref(*b.links()&headerLow)
	}
	return nil
}

func (c *checker) retired() error {
	for ref := c.s.arena.retired; ref != 0; {
		header := c.s.block(Ref(ref)).header
		if header&flagRetired == 0 {
			return fmt.Errorf("retired ref %#x is not marked", ref)
		}
		c.live[ref>>pageShift]++
		ref = uint32(header >> headerLink)
	}
	return nil
}

func (c *checker) pages() error {
	a := &c.s.arena
	var classes [numClasses]classState
	pages, bytes := uint32(0), int64(0)
	for num := uint32(1); num < a.nextPage; num++ {
		if a.tables[num>>tableShift].pages[num&tableMask] == nil {
			continue
		}
		m := a.meta(num)
		if err := c.page(num, m); err != nil {
			return fmt.Errorf("page %d of class %d: %w", num, m.class, err)
		}
		pages++
		classes[m.class].pages++
		classes[m.class].live += uint32(m.live)
		bytes += int64(m.live) * classBytes(m.class)
	}
	for i := range classes {
		if classes[i].pages != a.classes[i].pages || classes[i].live != a.classes[i].live {
			return fmt.Errorf("class %d counts %d pages, %d blocks, found %d, %d",
				i, a.classes[i].pages, a.classes[i].live, classes[i].pages, classes[i].live)
		}
	}
	if pages != a.pages || bytes != a.liveBytes {
		return fmt.Errorf("arena counts %d pages, %d bytes, found %d, %d", a.pages, a.liveBytes, pages, bytes)
	}
	return nil
}

// page checks a page's free list, its number of blocks in use, and its place in the class's lists.
func (c *checker) page(num uint32, m *pageMeta) error {
	a := &c.s.arena
	if uint32(m.live) != c.live[num] || m.live == 0 {
		return fmt.Errorf("counts %d blocks, found %d", m.live, c.live[num])
	}
	free := uint32(0)
	for off := m.free; off != noBlock; free++ {
		header := a.tables[num>>tableShift].pages[num&tableMask][off]
		if header&flagFree == 0 || free > pageWords {
			return fmt.Errorf("free list is broken at %d", off)
		}
		off = uint16(header >> headerLink)
	}
	if handed := uint32(m.bump) / uint32(classWords[m.class]); handed != free+uint32(m.live) {
		return fmt.Errorf("handed out %d blocks, %d in use, %d free", handed, m.live, free)
	}
	listed := c.listed(num, m)
	if full := uint32(m.live) == pageBlocks[m.class]; full == listed {
		return fmt.Errorf("full %v, in its list %v", full, listed)
	}
	return nil
}

// listed reports whether the page is in the bucket list of its fullness.
func (c *checker) listed(num uint32, m *pageMeta) bool {
	a := &c.s.arena
	state := &a.classes[m.class]
	if uint32(m.live) == pageBlocks[m.class] || state.filled&(1<<m.bucket) == 0 || m.bucket != fill(m.live, m.class) {
		return false
	}
	for at := state.buckets[m.bucket]; ; {
		if at == num {
			return true
		}
		if at = a.meta(at).next; at == state.buckets[m.bucket] {
			return false
		}
	}
}

func (c *checker) side() error {
	if t := &c.s.side; c.numbers != t.live || c.bytes != t.bytes {
		return fmt.Errorf("side table counts %d entries, %d bytes, found %d, %d", t.live, t.bytes, c.numbers, c.bytes)
	}
	return nil
}
