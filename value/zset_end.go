// zset_end.go: the member at one end of a sorted set, to look at and then to take out. To pop one as a range of members costs three more
// ways down the tree by score.

package value

// SortedSetEnd is the member at one end of a sorted set that is open for change. It ends with the set's next change, other than Take.
type SortedSetEnd struct {
	cell     Cell
	greatest bool
	member   Element
	score    float64
	pos      int // of the member in a listpack
	trees    zsetEditor
	way      treeEnd // to the member in the tree by score
	near     bool    // way is one
}

// Open opens an end of a sorted set that is not empty: that of the least score, or of the greatest.
func (e *SortedSetEnd) Open(c Cell, greatest bool) {
	v := c.View()
	e.cell, e.greatest = c, greatest
	switch {
	case v.Kind != kindZSetPacked:
		e.openTrees(v)
		return
	case greatest:
		l := Listpack(v.Bytes)
		e.pos = l.Prev(l.Last())
	default:
		e.pos = Listpack(v.Bytes).First()
	}
	l := Listpack(v.Bytes)
	e.member, e.score = l.At(e.pos), l.scoreAt(l.Next(e.pos))
}

func (e *SortedSetEnd) openTrees(v View) {
	e.pos = ListpackEnd
	e.trees = editZSet(v)
	var key, val []byte
	if e.near = e.way.find(&e.trees.order, e.greatest); e.near {
		key, val = e.way.entry()
	} else {
		c := e.trees.order.at(e.rank())
		key, val = c.entry()
	}
	e.member, e.score = Element{Text: key[scoreBytes:]}, unordered(key, val)
}

// rank is the member's.
func (e *SortedSetEnd) rank() int {
	if e.greatest {
		return e.trees.order.len - 1
	}
	return 0
}

// Member is the member. It is valid until the set is changed.
func (e *SortedSetEnd) Member() Element { return e.member }

// Score is its score.
func (e *SortedSetEnd) Score() float64 { return e.score }

// Take takes the member out and returns how many are left.
func (e *SortedSetEnd) Take() (left int) {
	if e.pos != ListpackEnd {
		ListpackDelete(e.cell, e.pos, 2)
		return Listpack(e.cell.View().Bytes).Len() / 2
	}
	if e.near {
		e.trees.removeEnd(&e.way, e.rank())
	} else {
		e.trees.removeRank(e.rank())
	}
	e.trees.save(e.cell.Mutable())
	return e.trees.order.len
}
