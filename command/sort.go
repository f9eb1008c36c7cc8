// sort.go: SORT and SORT_RO: their rows, arguments and replies. What they sort by, and what GET returns, they read from keys
// whose names are made of the elements (sort_pattern.go), so they need all shards as soon as a pattern has an asterisk.
// In what order elements come is told in sort_order.go.
//
// Nothing of the keys that are read is copied before the reply or the stored list: all of it are views, which hold until the
// destination, the only key that is written, is put anew at the very end. But a small sorted set becomes a large one, as
// in Redis, before anything is read of it.

package command

import (
	"respite/shards"
	"respite/text"
	"respite/value"
)

func sortRows() []Row {
	const (
		acl      = "set sortedset list"
		cost     = "O(N+M*log(M)), N elements in the key and M that are sorted, or O(N) where nothing is sorted"
		patterns = "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"
		store    = "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array"
	)
	read := func() []KeySpec {
		return []KeySpec{
			keys(RO|Access, 1, 1, 1)[0],
			{Flags: RO | Access, Find: func([][]byte) int { return 0 }, Notes: patterns},
		}
	}
	return []Row{
		{
			Name: "sort", Arity: -2, Flags: Write | DenyOOM | Dangerous, ACL: acl, Run: sort,
			Keys:  append(read(), KeySpec{Flags: OW | Update, Find: sortDestination, Notes: store}),
			Roams: func(args [][]byte) bool { return sortRoams(args, true) },
			Since: "1.0.0", Cost: cost, Doc: "Returns or stores the elements of a list, a set or a sorted set in another order.",
		},
		{
			Name: "sort_ro", Arity: -2, Flags: ReadOnly | Dangerous, ACL: acl, Run: sortRO, Keys: read(),
			Roams: func(args [][]byte) bool { return sortRoams(args, false) },
			Since: "7.0.0", Cost: cost, Doc: "Returns the elements of a list, a set or a sorted set in another order.",
		},
	}
}

const (
	errSortBy  = Error("ERR BY option of SORT denied due to insufficient ACL permissions.")
	errSortGet = Error("ERR GET option of SORT denied due to insufficient ACL permissions.")
)

// sortOptions are the words after the key of SORT.
type sortOptions struct {
	by       *sortPattern // nil: elements are sorted by themselves
	unsorted bool         // BY without an asterisk
	desc     bool
	alpha    bool
	offset   int64
	count    int64 // negative: all
	readsAll bool  // the caller may read keys of any name
	get      []sortPattern
	mayStore bool // SORT_RO knows no STORE
	stores   bool
	store    []byte
}

// parseSort reads the options; readsAll says whether the caller may read keys of any name, as BY and GET do.
func parseSort(words [][]byte, mayStore, readsAll bool) (o sortOptions, err error) {
	o.count, o.mayStore, o.readsAll = -1, mayStore, readsAll
	for taken := 0; len(words) > 0; words = words[taken:] {
		if taken, err = o.take(words); err != nil {
			return o, err
		}
	}
	return o, nil
}

// take reads an option from the beginning of words, and returns how many it took.
func (o *sortOptions) take(words [][]byte) (taken int, err error) {
	switch word, left := words[0], len(words)-1; {
	case equalFold(word, "asc"):
		o.desc = false
	case equalFold(word, "desc"):
		o.desc = true
	case equalFold(word, "alpha"):
		o.alpha = true
	case equalFold(word, "limit") && left >= 2:
		return 3, o.limit(words[1], words[2])
	case o.mayStore && equalFold(word, "store") && left >= 1:
		o.store, o.stores = words[1], true
		return 2, nil
	case equalFold(word, "by") && left >= 1:
		return 2, o.sortBy(words[1])
	case equalFold(word, "get") && left >= 1:
		return 2, o.show(words[1])
	default:
		return 0, errSyntax
	}
	return 1, nil
}

func (o *sortOptions) sortBy(pattern []byte) error {
	by := parseSortPattern(pattern)
	if by.varies && !o.readsAll {
		return errSortBy
	}
	o.by, o.unsorted = &by, o.unsorted || !by.varies
	return nil
}

func (o *sortOptions) show(pattern []byte) error {
	if !o.readsAll {
		return errSortGet
	}
	o.get = append(o.get, parseSortPattern(pattern))
	return nil
}

func (o *sortOptions) limit(offset, count []byte) error {
	var ok, ok2 bool
	o.offset, ok = text.ParseInt(offset)
	o.count, ok2 = text.ParseInt(count)
	if !ok || !ok2 {
		return errNotInteger
	}
	return nil
}

// window is which of n elements are asked for: those from one index to before another.
func (o *sortOptions) window(n int) (from, to int) {
	length := int64(n)
	start := min(max(o.offset, 0), length)
	end := length
	if o.count >= 0 {
		end = start + min(o.count, length-start)
	}
	return int(start), int(end)
}

// sortDestination is where the destination stands among the arguments of SORT, 0 if nothing is stored.
func sortDestination(args [][]byte) (at int) {
	for i := 2; i < len(args); i++ {
		switch word := args[i]; {
		case equalFold(word, "limit"):
			i += 2
		case equalFold(word, "by"), equalFold(word, "get"):
			i++
		case equalFold(word, "store") && i+1 < len(args):
			i++
			at = i
		}
	}
	return at
}

// sortRoams reports whether SORT with these arguments reads keys of any name.
func sortRoams(args [][]byte, mayStore bool) bool {
	o, err := parseSort(args[2:], mayStore, true)
	if err != nil {
		return false
	}
	roams := o.by != nil && o.by.varies
	for i := range o.get {
		roams = roams || o.get[i].varies
	}
	return roams
}

func sort(c *Call) error   { return c.sort(true) }
func sortRO(c *Call) error { return c.sort(false) }

func (c *Call) sort(mayStore bool) error {
	o, err := parseSort(c.Args[2:], mayStore, c.readsAll())
	if err != nil {
		return err
	}
	source, err := c.sortSource(c.Args[1])
	if err != nil {
		return err
	}
	if o.unsorted && o.stores && value.TypeOf(source.Kind) == value.Set {
		// What has no order of its own gets one, so that what is stored does not depend on chance.
		o.unsorted, o.alpha, o.by = false, true, nil
	}
	s := sorter{c: c, o: &o}
	if err := s.sort(source); err != nil {
		return err
	}
	if o.stores {
		s.store()
	} else {
		s.reply()
	}
	return nil
}

// sortSource finds what is to be sorted: a list, a set or a sorted set that is a large one, or an absent key.
func (c *Call) sortSource(key []byte) (v value.View, err error) {
	it, ok := c.Tx.Read(key)
	if !ok {
		return v, nil
	}
	switch it.Type() {
	case value.List, value.Set:
		return it.View(), nil
	case value.ZSet:
		if value.EncodingOf(it.Kind()) != value.Packed {
			return it.View(), nil
		}
		slot := c.Tx.WriteFound(key, it)
		value.UnpackSortedSet(slot)
		return slot.View(), nil
	}
	return v, errWrongType
}

// reply answers with the elements, or with what GET finds for each.
func (s *sorter) reply() {
	r := s.c.Reply
	r.Array(s.len() * max(len(s.o.get), 1))
	for i := range s.len() {
		e := s.at(i)
		if len(s.o.get) == 0 {
			s.c.replyElement(e)
		}
		for j := range s.o.get {
			found := s.lookup(&s.o.get[j], e)
			switch big, ok := found.share(); {
			case !found.ok:
				r.Null()
			case ok:
				r.Ref(big)
			default:
				s.c.replyElement(found.Element)
			}
		}
	}
}

// store makes the destination a list of what reply answers with; what is not found is an empty text there.
func (s *sorter) store() {
	key := s.o.store
	slot := s.c.Tx.Write(key)
	list := value.BuildList(slot.View().Nodes)
	defer list.Discard()
	var scratch value.IntText
	for i := range s.len() {
		e := s.at(i)
		if len(s.o.get) == 0 {
			list.Push(e.Bytes(&scratch))
		}
		for j := range s.o.get {
			list.Push(s.lookup(&s.o.get[j], e).Bytes(&scratch))
		}
	}
	switch {
	case list.Len() > 0:
		slot.Persist()
		list.MoveTo(slot, s.c.listSize())
		s.c.Tx.ChangedBy(key, shards.EventSortStore, list.Len())
	case slot.Delete():
		s.c.Tx.Changed(key, shards.EventDel)
	}
	s.c.Reply.Int(int64(list.Len()))
}
