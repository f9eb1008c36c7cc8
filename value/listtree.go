// listtree.go: the tree of a large list. Its record has, behind the root, how long the listpack of all elements would be, so that a list
// that shrinks need not be measured every time to see whether it fits one again. 0 means that this is not known, as of a list
// of more elements than any limit lets a listpack have.

package value

import (
	"encoding/binary"
	"fmt"

	"respite/keyspace"
)

type listTree struct {
	tree
	packed int // bytes of the listpack of all elements; 0: not known
}

const (
	packedAt    = keyspace.RootsOffset + keyspace.RootBytes // where packed stands in the record
	packedBytes = 4

	// maxMeasured is the number of elements up to which packed is kept.
	maxMeasured = smallestNode << largestDoubling / minEntry
)

// listRecord is the record of an empty list.
var listRecord = newRecord(1, packedBytes)

// openListTree opens the tree of a list for change.
func openListTree(v View) listTree {
	return listTree{v.treeAt(0), int(binary.LittleEndian.Uint32(v.Bytes[packedAt:]))}
}

// save writes the list into its record.
func (t *listTree) save(record []byte) {
	t.tree.save(record, 0)
	if t.len > maxMeasured {
		t.packed = 0
	}
	binary.LittleEndian.PutUint32(record[packedAt:], uint32(min(t.packed, ListpackMax)))
}

// grown notes that an element is about to be put in, shrunk that one is about to be taken out. The listpack of an empty list is known.
func (t *listTree) grown(elem []byte) {
	switch {
	case t.packed != 0:
		t.packed += entrySize(elem)
	case t.len == 0:
		t.packed = listpackEmptySize + entrySize(elem)
	}
}

func (t *listTree) shrunk(elem []byte) {
	if t.packed != 0 {
		t.packed -= entrySize(elem)
	}
}

func (t *listTree) insert(rank int, elem []byte) {
	t.grown(elem)
	t.insertRank(rank, elem)
}

// push puts an element in at an end.
func (t *listTree) push(at End, elem []byte) {
	t.grown(elem)
	switch {
	case t.pushEnd(at == Right, nil, elem):
	case at == Left:
		t.insertRank(0, elem)
	default:
		t.insertRank(t.len, elem)
	}
}

func (t *listTree) replace(rank int, elem []byte) {
	c := t.at(rank)
	_, old := c.entry()
	t.shrunk(old)
	t.grown(elem)
	c.replace(elem)
}

// remove takes n elements out from a rank on.
func (t *listTree) remove(rank, n int) {
	if n == 1 {
		c := t.at(rank)
		_, old := c.entry()
		t.shrunk(old)
		c.remove()
		return
	}
	if t.packed != 0 && n <= t.len-n {
		t.packed -= t.measure(rank, n)
	} else {
		t.packed = 0
	}
	t.removeRange(rank, rank+n)
}

// removeEqual takes up to limit elements that match out, the first ones from one end on.
func (t *listTree) removeEqual(m *Matcher, limit int, from End) (removed int) {
	rank, towards := 0, Right
	if from == Right {
		rank, towards = t.len-1, Left
	}
	for ; removed < limit; removed++ {
		l := ListView{tree: t.tree, n: t.len}
		if rank = l.Find(m, rank, towards); rank < 0 {
			break
		}
		t.remove(rank, 1)
		if towards == Left {
			rank--
		}
	}
	return removed
}

// measure returns how many bytes n elements from a rank on would take in a listpack.
func (t *listTree) measure(rank, n int) (bytes int) {
	l := ListView{tree: t.tree, n: t.len}
	w := l.Walk(rank, Right)
	for range n {
		e, _ := w.Next()
		bytes += entrySize(e.Text)
	}
	return bytes
}

// pack is the listpack of all elements, of so many bytes.
func (t *listTree) pack() []byte {
	l := ListView{tree: t.tree, n: t.len}
	elems := make([][]byte, 0, t.len)
	w := l.Walk(0, Right)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		elems = append(elems, e.Text)
	}
	b := Buffer{B: append(make([]byte, 0, t.packed), EmptyListpack()...)}
	ListpackInsert(&b, ListpackEnd, elems...)
	return b.B
}

// check tests what the record says.
func (t *listTree) check() error {
	if err := t.tree.check(); err != nil {
		return err
	}
	if got := listpackEmptySize + t.measure(0, t.len); t.packed != 0 && t.packed != got {
		return fmt.Errorf("list says %d bytes packed, has %d", t.packed, got)
	}
	return nil
}
