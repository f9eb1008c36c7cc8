package keyspace

import "slices"

// The side table: byte slices of their own for large values and very long keys, addressed by number from 1. It is chunked, so it
// grows without moving. A number that is dropped in a transaction keeps its bytes until Reclaim.

const (
	sideShift = 8
	sideChunk = 1 << sideShift
	sideMask  = sideChunk - 1
)

type sideEntry struct {
	data []byte
	next uint32 // link of the free or retired list
	live bool
}

type sideTable struct {
	chunks  []*[sideChunk]sideEntry
	used    uint32 // highest number ever given out
	free    uint32 // head of the list of numbers to use again
	retired uint32 // head of the list that reclaim frees
	live    int
	bytes   int64 // capacity of all live slices
}

func (t *sideTable) entry(number uint32) *sideEntry {
	return &t.chunks[number>>sideShift][number&sideMask]
}

// add adopts the slice, spare capacity included.
func (t *sideTable) add(data []byte) uint32 {
	number := t.free
	if number != 0 {
		t.free = t.entry(number).next
	} else {
		t.used++
		number = t.used
		if int(number>>sideShift) == len(t.chunks) {
			t.chunks = append(t.chunks, new([sideChunk]sideEntry))
		}
	}
	*t.entry(number) = sideEntry{data: data, live: true}
	t.live++
	t.bytes += int64(cap(data))
	return number
}

func (t *sideTable) get(number uint32) []byte { return t.entry(number).data }

// set replaces the slice of a number.
func (t *sideTable) set(number uint32, data []byte) {
	e := t.entry(number)
	t.bytes += int64(cap(data)) - int64(cap(e.data))
	e.data = data
}

// retire gives the number up; its bytes stay readable until reclaim.
func (t *sideTable) retire(number uint32) {
	e := t.entry(number)
	e.live = false
	e.next = t.retired
	t.retired = number
	t.live--
	t.bytes -= int64(cap(e.data))
}

func (t *sideTable) reclaim() {
	for t.retired != 0 {
		number := t.retired
		e := t.entry(number)
		t.retired = e.next
		*e = sideEntry{next: t.free}
		t.free = number
	}
}

// resized returns data with length n, the old content kept and new bytes zero. It grows with spare capacity, so repeated
// growth is amortised, and gives memory back when less than half of it would be used.
func resized(data []byte, n int, shared bool) []byte {
	switch {
	case n > len(data) && shared:
		return append(slices.Clone(data), make([]byte, n-len(data))...)
	case n > len(data):
		return append(data, make([]byte, n-len(data))...)
	case shared || n < cap(data)/2:
		return slices.Clone(data[:n])
	default:
		return data[:n]
	}
}
