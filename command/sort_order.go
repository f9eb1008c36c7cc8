// sort_order.go: in what order SORT returns elements. By numbers, equal ones are told apart by the texts of their elements, so the
// order is one and the same on all servers. By texts they are compared up to a NUL, as C does, unless the result is
// stored; equal ones stay in the order in which they came, and elements whose key is absent come first.

package command

import (
	"bytes"
	"cmp"
	"slices"

	"respite/text"
	"respite/value"
)

const errNotWeights = Error("ERR One or more scores can't be converted into double")

// sorter is one SORT. After sort, at and len tell its result.
type sorter struct {
	c     *Call
	o     *sortOptions
	elems []value.Element // of the source, views
	order []uint32        // indexes of elems in the order of the result; nil: as they are
	name  []byte          // of a key, of which lookup makes use
}

func (s *sorter) len() int {
	if s.order != nil {
		return len(s.order)
	}
	return len(s.elems)
}

// at is the ith element of the result.
func (s *sorter) at(i int) value.Element {
	if s.order != nil {
		return s.elems[s.order[i]]
	}
	return s.elems[i]
}

// sort reads the source, of which a view of nothing is an empty one, and orders it.
func (s *sorter) sort(source value.View) error {
	if s.o.unsorted {
		s.readWindow(source)
		return nil
	}
	s.read(source, 0, sortedLen(source), false)
	var order []uint32
	var err error
	if s.o.alpha {
		order = s.byText()
	} else if order, err = s.byNumber(); err != nil {
		return err
	}
	from, to := s.o.window(len(order))
	s.order = order[from:to]
	return nil
}

// readWindow reads what is asked for of a source that is not to be sorted. A set has no direction.
func (s *sorter) readWindow(source value.View) {
	n := sortedLen(source)
	from, to := s.o.window(n)
	if s.o.desc && value.TypeOf(source.Kind) != value.Set {
		s.read(source, n-1-from, to-from, true)
		return
	}
	s.read(source, from, to-from, false)
}

// sortedLen is the number of elements of a source.
func sortedLen(source value.View) int {
	switch value.TypeOf(source.Kind) {
	case value.Set:
		members := value.MembersOf(source)
		return members.Len()
	case value.ZSet:
		return value.OpenSortedSet(source).Len()
	}
	list := value.ListOf(source)
	return list.Len()
}

// read reads n elements from an index on, in the order that the source has them in, or, of a list or sorted set, backwards.
func (s *sorter) read(source value.View, from, n int, backwards bool) {
	s.elems = make([]value.Element, 0, n)
	if n == 0 {
		return
	}
	s.c.long(from + n)
	switch value.TypeOf(source.Kind) {
	case value.Set:
		s.readSet(source, from, n)
	case value.ZSet:
		value.OpenSortedSet(source).Walk(value.Walk{From: from, N: n, Reverse: backwards}, func(member value.Element, _ float64) bool {
			s.elems = append(s.elems, member)
			return true
		})
	default:
		list, towards := value.ListOf(source), value.Right
		if backwards {
			towards = value.Left
		}
		walk := list.Walk(from, towards)
		for range n {
			e, _ := walk.Next()
			s.elems = append(s.elems, e)
		}
	}
}

func (s *sorter) readSet(source value.View, from, n int) {
	members := value.MembersOf(source)
	it := members.Iter()
	for range from {
		it.Next()
	}
	for range n {
		it.Next()
		s.elems = append(s.elems, it.Element())
	}
}

// numbered is an element, by its index, and the number that it is sorted by.
type numbered struct {
	number float64
	index  uint32
}

// byNumber is the order by numbers. An element whose key is absent counts as 0.
func (s *sorter) byNumber() ([]uint32, error) {
	keys := make([]numbered, len(s.elems))
	allNumbers := true
	for i, e := range s.elems {
		keys[i].index = uint32(i)
		if s.o.by != nil {
			found := s.lookup(s.o.by, e)
			if !found.ok {
				continue
			}
			e = found.Element
		}
		number, ok := weightOf(e)
		keys[i].number, allNumbers = number, allNumbers && ok
	}
	if !allNumbers {
		return nil, errNotWeights
	}
	slices.SortFunc(keys, func(a, b numbered) int {
		c := cmp.Compare(a.number, b.number)
		if c == 0 {
			c = s.compareElements(a.index, b.index)
		}
		if s.o.desc {
			return -c
		}
		return c
	})
	order := make([]uint32, len(keys))
	for i, k := range keys {
		order[i] = k.index
	}
	return order, nil
}

// weightOf reads an element as a number.
func weightOf(e value.Element) (float64, bool) {
	if e.IsInt {
		return float64(e.Int), true
	}
	return text.ParseWeight(e.Text)
}

func (s *sorter) compareElements(a, b uint32) int {
	var scratch, scratch2 value.IntText
	return bytes.Compare(s.elems[a].Bytes(&scratch), s.elems[b].Bytes(&scratch2))
}

// lettered is an element, by its index, and the text that it is sorted by.
type lettered struct {
	text   []byte
	index  uint32
	absent bool
}

// byText is the order by texts.
func (s *sorter) byText() []uint32 {
	keys := make([]lettered, len(s.elems))
	var digits []byte // where they move, texts that were made before keep the old bytes
	for i, e := range s.elems {
		k := &keys[i]
		k.index = uint32(i)
		if s.o.by != nil {
			found := s.lookup(s.o.by, e)
			if k.absent = !found.ok; k.absent {
				continue
			}
			e = found.Element
		}
		if k.text = e.Text; e.IsInt {
			from := len(digits)
			digits = e.Append(digits)
			k.text = digits[from:]
		}
		if !s.o.stores {
			k.text, _, _ = bytes.Cut(k.text, []byte{0})
		}
	}
	slices.SortFunc(keys, func(a, b lettered) int {
		c := a.compare(&b)
		switch {
		case c == 0:
			return cmp.Compare(a.index, b.index)
		case s.o.desc:
			return -c
		}
		return c
	})
	order := make([]uint32, len(keys))
	for i := range keys {
		order[i] = keys[i].index
	}
	return order
}

func (a *lettered) compare(b *lettered) int {
	switch {
	case a.absent && !b.absent:
		return -1
	case b.absent && !a.absent:
		return 1
	}
	return bytes.Compare(a.text, b.text)
}
