package keyspace

import "math/bits"

// The arena: 64 KiB pages without pointers, each cut into blocks of one size class. A Ref names a block: page number times
// 8192 plus the block's word offset. Page 0 does not exist, so Ref 0 is free to mean "none".
//
// Invariants: a page with room is in exactly one bucket list of its class, by how full it is; a full page is in none; an empty page is given
// back at once. A free block carries flagFree and the offset of the next free block of its page in its first word. A retired
// block (freed in the running transaction) keeps its bytes; only the upper half of its header becomes the link of the list that Reclaim walks.

const (
	pageShift = 13
	wordMask  = pageWords - 1

	tableShift = 8
	tablePages = 1 << tableShift
	tableMask  = tablePages - 1

	// maxPages keeps a Ref below 1<<31.
	maxPages = 1 << (31 - pageShift)

	// MaxArena is the most bytes that the blocks of one Space may occupy: 16 GiB.
	MaxArena = int64(maxPages) * pageBytes

	// spareLimit is how many empty pages wait for reuse; further ones go back to the operating system. A collection that is put together
	// by one command grows through a class of blocks after the other, and where no other value is of such a class its only page is
	// empty again when the command ends. With a limit of 4 an HSET of 5 fields gave a page back and had the kernel clear a new one each
	// time, which took 80 microseconds instead of 10; 32 are the classes up to 800 bytes.
	spareLimit = 32

	// Compaction leaves fewer, and gives back a few at a time: each takes 60 microseconds.
	compactSpare = 4
	compactGives = 2

	// fillBuckets is how many degrees of fullness a class tells apart: blocks are taken from the fullest pages, so
	// that sparse ones run empty, and compaction starts with the sparsest.
	fillBuckets = 8
	fillShift   = 16

	noBlock = 0xffff // end of a page's free list
	poison  = 0xdbdbdbdbdbdbdbdb
)

// page is a block of memory that the garbage collector never looks into.
type page [pageWords]uint64

// pageMeta is the bookkeeping of one page, kept outside so that the page is all blocks.
type pageMeta struct {
	next, prev uint32 // neighbours in the bucket list (circular); next also links unused page numbers
	free       uint16 // word offset of the first free block
	bump       uint16 // word offset behind the last block ever handed out
	live       uint16 // blocks in use, retired ones included
	class      uint8
	bucket     uint8
}

// pageTable holds 256 pages. The pointers are apart from the bookkeeping: lookups touch only them.
type pageTable struct {
	pages [tablePages]*page
	meta  [tablePages]pageMeta
}

// classState is the part of the arena that serves one size class.
type classState struct {
	buckets [fillBuckets]uint32 // heads of the lists of pages with room
	filled  uint8               // bit i: buckets[i] is not empty
	pages   uint32
	live    uint32
}

type arena struct {
	tables    []*pageTable
	classes   [numClasses]classState
	spare     []*page
	nextPage  uint32 // lowest page number never used
	freePages uint32 // head of the list of page numbers to use again
	pages     uint32 // pages in use
	maxPages  uint32
	retired   uint32 // head of the list of blocks that Reclaim frees
	liveBytes int64  // blocks in use by class size
}

func newArena() arena {
	return arena{nextPage: 1, maxPages: maxPages}
}

// at returns the page of a block and the block's word offset in it.
func (a *arena) at(ref Ref) (*page, uint32) {
	num := uint32(ref) >> pageShift
	return a.tables[num>>tableShift].pages[num&tableMask], uint32(ref) & wordMask
}

func (a *arena) meta(num uint32) *pageMeta {
	return &a.tables[num>>tableShift].meta[num&tableMask]
}

// class returns the class of a block.
func (a *arena) class(ref Ref) uint8 { return a.meta(uint32(ref) >> pageShift).class }

// alloc returns a block of the class, or 0 when the arena is full. The block's content is undefined.
func (a *arena) alloc(class uint8) Ref {
	c := &a.classes[class]
	if c.filled == 0 && !a.addPage(class) {
		return 0
	}
	num := c.buckets[bits.Len8(c.filled)-1]
	m := a.meta(num)
	off := uint32(m.free)
	if off != noBlock {
		m.free = uint16(a.tables[num>>tableShift].pages[num&tableMask][off] >> headerLink)
	} else {
		off = uint32(m.bump)
		m.bump += classWords[class]
	}
	m.live++
	c.live++
	a.liveBytes += classBytes(class)
	a.refile(num, m, c)
	return Ref(num<<pageShift | off)
}

// release puts a block on its page's free list at once. Only blocks that no view can reach may come here.
func (a *arena) release(ref Ref, poisoned bool) {
	p, off := a.at(ref)
	num := uint32(ref) >> pageShift
	m := a.meta(num)
	if poisoned {
		block := p[off : off+uint32(classWords[m.class])]
		for i := range block {
			block[i] = poison
		}
	}
	full := uint32(m.live) == pageBlocks[m.class]
	p[off] = flagFree | uint64(m.free)<<headerLink
	m.free = uint16(off)
	m.live--
	c := &a.classes[m.class]
	c.live--
	a.liveBytes -= classBytes(m.class)
	if m.live == 0 {
		if !full {
			a.unlink(num, m, c)
		}
		a.dropPage(num, m, c)
		return
	}
	if full {
		a.link(num, m, c)
		return
	}
	a.refile(num, m, c)
}

// retire queues a block for Reclaim. Its kind, flags, key and value stay readable until then.
func (a *arena) retire(ref Ref) {
	p, off := a.at(ref)
	p[off] = p[off]&headerLow | flagRetired | uint64(a.retired)<<headerLink
	a.retired = uint32(ref)
}

func (a *arena) reclaim(poisoned bool) {
	for a.retired != 0 {
		ref := Ref(a.retired)
		p, off := a.at(ref)
		a.retired = uint32(p[off] >> headerLink)
		a.release(ref, poisoned)
	}
}

// fill returns the bucket for a page with so many live blocks; the page is not full.
func fill(live uint16, class uint8) uint8 {
	return uint8(uint32(live) * fillScale[class] >> fillShift)
}

// refile moves a listed page to the bucket of its present fullness, and out of the lists when it is full.
func (a *arena) refile(num uint32, m *pageMeta, c *classState) {
	if uint32(m.live) == pageBlocks[m.class] {
		a.unlink(num, m, c)
		return
	}
	if fill(m.live, m.class) != m.bucket {
		a.unlink(num, m, c)
		a.link(num, m, c)
	}
}

// link files a page with room at the head of its bucket.
func (a *arena) link(num uint32, m *pageMeta, c *classState) {
	b := fill(m.live, m.class)
	m.bucket = b
	if c.filled&(1<<b) == 0 {
		m.next, m.prev = num, num
		c.filled |= 1 << b
	} else {
		m.next = c.buckets[b]
		next := a.meta(m.next)
		m.prev = next.prev
		next.prev = num
		a.meta(m.prev).next = num
	}
	c.buckets[b] = num
}

func (a *arena) unlink(num uint32, m *pageMeta, c *classState) {
	b := m.bucket
	if m.next == num {
		c.filled &^= 1 << b
		return
	}
	a.meta(m.prev).next = m.next
	a.meta(m.next).prev = m.prev
	if c.buckets[b] == num {
		c.buckets[b] = m.next
	}
}

// addPage gives the class an empty page. It reports false when the arena has reached its limit.
func (a *arena) addPage(class uint8) bool {
	num, ok := a.pageNumber()
	if !ok {
		return false
	}
	a.tables[num>>tableShift].pages[num&tableMask] = a.takePage()
	m := a.meta(num)
	*m = pageMeta{free: noBlock, class: class}
	a.pages++
	c := &a.classes[class]
	c.pages++
	a.link(num, m, c)
	return true
}

func (a *arena) pageNumber() (num uint32, ok bool) {
	if num = a.freePages; num != 0 {
		a.freePages = a.meta(num).next
		return num, true
	}
	num = a.nextPage
	if num >= a.maxPages {
		return 0, false
	}
	if int(num>>tableShift) == len(a.tables) {
		a.tables = append(a.tables, new(pageTable))
	}
	a.nextPage++
	return num, true
}

// takePage returns an empty page. Huge pages for them (MADV_HUGEPAGE around each new one) saved 4 to 6 % of SADD, HSET and ZPOPMIN on one
// key of 1,000,000 elements, and are not used: the kernel would clear 2 MiB at once within a command, and fill again what pages give back.
func (a *arena) takePage() *page {
	last := len(a.spare) - 1
	if last < 0 {
		return new(page)
	}
	p := a.spare[last]
	a.spare[last] = nil
	a.spare = a.spare[:last]
	return p
}

// giveSpare gives some of the spare pages back, as long as there are more than compaction leaves.
func (a *arena) giveSpare() {
	for range compactGives {
		if len(a.spare) <= compactSpare {
			return
		}
		a.takePage().release()
	}
}

// dismantle gives up to budget pages back, with what is on them, and returns how many it gave. What is left of the arena is for dismantle only.
func (a *arena) dismantle(budget int) (given int) {
	for ; a.nextPage > 1 && given < budget; a.nextPage-- {
		num := a.nextPage - 1
		slot := &a.tables[num>>tableShift].pages[num&tableMask]
		if *slot != nil {
			(*slot).release()
			*slot = nil
			given++
		}
	}
	return given
}

// dropPage gives an empty, unlisted page back and its number to the next page that is made.
func (a *arena) dropPage(num uint32, m *pageMeta, c *classState) {
	slot := &a.tables[num>>tableShift].pages[num&tableMask]
	if len(a.spare) < spareLimit {
		a.spare = append(a.spare, *slot)
	} else {
		(*slot).release()
	}
	*slot = nil
	m.next = a.freePages
	a.freePages = num
	a.pages--
	c.pages--
}
