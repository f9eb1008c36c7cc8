package keyspace

import "unsafe"

// What a Space costs. All numbers are kept up to date by whoever changes them, so that reading them is O(1).

const (
	chunkBytes   = int64(unsafe.Sizeof(chunk{}))
	segmentBytes = int64(unsafe.Sizeof(segment{}))
	entryBytes   = int64(unsafe.Sizeof((*segment)(nil)))
	tableBytes   = int64(unsafe.Sizeof(pageTable{}))
)

// Stats tells where a Space's memory is. Bytes unless said otherwise.
type Stats struct {
	Entries    int   // number of entries
	Pages      int   // arena pages in use
	SparePages int   // empty pages kept for reuse
	ArenaBytes int64 // pages in use and spare
	BlockBytes int64 // blocks in use, by class size
	FreeBytes  int64 // ArenaBytes that no block uses
	Segments   int   // number of index segments
	Slots      int   // number of slots in them
	Directory  int   // number of directory entries
	IndexBytes int64 // chunks, segments and directory
	Large      int   // number of side entries: large values and very long keys
	LargeBytes int64 // capacity of their slices
	Nodes      int   // number of nodes, those that wait to be freed included
	NodeBytes  int64 // what they take
	UsedBytes  int64 // as Used
}

// Used returns the bytes in logical use: blocks by class size, the index, the capacity of large values, and nodes.
func (s *Space) Used() int64 {
	return s.arena.liveBytes + s.index.bytes() + s.side.bytes + s.nodes.usedBytes()
}

func (ix *index) bytes() int64 {
	return int64(ix.chunks)*chunkBytes + int64(ix.segments)*segmentBytes + int64(ix.entries)*entryBytes
}

// Stats returns the present numbers.
func (s *Space) Stats() Stats {
	arenaBytes := int64(int(s.arena.pages)+len(s.arena.spare)) * pageBytes
	return Stats{
		Entries:    s.Len(),
		Pages:      int(s.arena.pages),
		SparePages: len(s.arena.spare),
		ArenaBytes: arenaBytes,
		BlockBytes: s.arena.liveBytes,
		FreeBytes:  arenaBytes - s.arena.liveBytes,
		Segments:   s.index.segments,
		Slots:      s.index.chunks * chunkSlots,
		Directory:  s.index.entries,
		IndexBytes: s.index.bytes() + int64(len(s.arena.tables))*tableBytes,
		Large:      s.side.live,
		LargeBytes: s.side.bytes,
		Nodes:      s.nodes.live,
		NodeBytes:  s.nodes.usedBytes(),
		UsedBytes:  s.Used(),
	}
}

// Size returns what the entry costs in bytes: its block by class size, its share of the index, and the capacity of its large value or key, and
// the nodes that it owns, of which about most of each level stand for all; 0: none does.
func (s *Space) Size(ref Ref, most int) int {
	b := s.block(ref)
	size := classBytes(s.arena.class(ref)) + s.index.bytes()/int64(max(s.Len(), 1))
	if b.header&flagLarge != 0 {
		size += int64(cap(s.side.get(b.valueNumber())))
	}
	if b.header&flagSideKey != 0 {
		size += int64(cap(s.side.get(b.keyNumber())))
	}
	value := s.Value(ref)
	for _, at := range roots(s.Kind(ref), value) {
		if root := rootAt(value, at); root != 0 {
			size += s.nodes.Size(root, most)
		}
	}
	return int(size)
}
