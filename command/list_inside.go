// list_inside.go: the list commands that look at elements inside a list, or change them there.

package command

import (
	"math"

	"respite/shards"
	"respite/text"
	"respite/value"
)

func lindex(c *Call) error {
	l, ok, err := c.list(c.Args[1])
	switch {
	case err != nil:
		return err
	case !ok:
		c.Reply.Null()
		return nil
	}
	index, err := c.Int(2)
	if err != nil {
		return err
	}
	if i, ok := elementIndex(index, l.Len()); ok {
		c.replyElement(l.At(i))
	} else {
		c.Reply.Null()
	}
	return nil
}

// elementIndex turns an index that counts from the right end if it is negative into one from the left; ok is false if there is no such element
// among n.
func elementIndex(index int64, n int) (i int, ok bool) {
	if index < 0 {
		index += int64(n)
	}
	return int(index), index >= 0 && index < int64(n)
}

func lrange(c *Call) error {
	start, end, err := c.listRange()
	if err != nil {
		return err
	}
	l, _, err := c.list(c.Args[1])
	if err != nil {
		return err
	}
	from, to := elementRange(start, end, l.Len())
	c.Reply.Array(to - from)
	w := l.Walk(from, value.Right)
	c.replyWalk(&w, to-from)
	return nil
}

// listRange reads the range of LRANGE and LTRIM.
func (c *Call) listRange() (start, end int64, err error) {
	if start, err = c.Int(2); err != nil {
		return 0, 0, err
	}
	end, err = c.Int(3)
	return start, end, err
}

// elementRange turns the inclusive range of n elements, whose negative ends count from the right, into one from the left that does not include
// its end.
func elementRange(start, end int64, n int) (from, to int) {
	size := int64(n)
	if start < 0 {
		start = max(start+size, 0)
	}
	if end < 0 {
		end += size
	}
	end = min(end, size-1)
	if start > end {
		return 0, 0
	}
	return int(start), int(end + 1)
}

func ltrim(c *Call) error {
	start, end, err := c.listRange()
	if err != nil {
		return err
	}
	key := c.Args[1]
	it, ok, err := c.peekList(key)
	if err != nil {
		return err
	}
	if ok {
		slot := c.Tx.WriteFound(key, it)
		l := value.ListOf(slot.View())
		n := l.Len()
		from, to := elementRange(start, end, n)
		value.ListPop(slot, value.Right, n-to)
		left := value.ListPop(slot, value.Left, from)
		c.Tx.ChangedBy(key, shards.EventLTrim, n-left)
		c.elementsRemoved(slot, key, left)
	}
	c.Reply.OK()
	return nil
}

func lset(c *Call) error {
	key, elem := c.Args[1], c.Args[3]
	it, ok, err := c.peekList(key)
	switch {
	case err != nil:
		return err
	case !ok:
		return errNoKey
	}
	index, err := c.Int(2)
	if err != nil {
		return err
	}
	l := value.ListOf(it.View())
	i, ok := elementIndex(index, l.Len())
	if !ok {
		return errIndex
	}
	slot := c.Tx.WriteFound(key, it)
	value.ListGrow(slot, c.listSize(), 1, len(elem))
	value.ListSet(slot, i, elem)
	c.Tx.Changed(key, shards.EventLSet)
	value.ListShrink(slot, c.listSize())
	c.Reply.OK()
	return nil
}

const errIndex = Error("ERR index out of range")

// linsert makes room before it knows whether it will need it, as Redis does.
func linsert(c *Call) error {
	key, elem := c.Args[1], c.Args[4]
	behind := c.Option(2, "after")
	if !behind && !c.Option(2, "before") {
		return errSyntax
	}
	it, ok, err := c.peekList(key)
	switch {
	case err != nil:
		return err
	case !ok:
		c.Reply.Int(0)
		return nil
	}
	slot := c.Tx.WriteFound(key, it)
	value.ListGrow(slot, c.listSize(), 1, len(elem))
	l, m := value.ListOf(slot.View()), value.Match(c.Args[3])
	c.long(l.Len())
	i := l.Find(&m, 0, value.Right)
	if i < 0 {
		c.Reply.Int(-1)
		return nil
	}
	if behind {
		i++
	}
	n := value.ListInsert(slot, i, elem)
	c.Tx.Changed(key, shards.EventLInsert)
	c.Reply.Int(int64(n))
	return nil
}

func lrem(c *Call) error {
	key := c.Args[1]
	count, err := c.Int(2)
	if err != nil {
		return err
	}
	it, ok, err := c.peekList(key)
	switch {
	case err != nil:
		return err
	case !ok:
		c.Reply.Int(0)
		return nil
	}
	from, limit := value.Left, count
	if count < 0 {
		from, limit = value.Right, -count
	}
	if limit <= 0 { // all: also of -count where that is no integer
		limit = math.MaxInt64
	}
	slot := c.Tx.WriteFound(key, it)
	l, m := value.ListOf(slot.View()), value.Match(c.Args[3])
	c.long(l.Len())
	removed, left := value.ListRemove(slot, &m, int(limit), from)
	if removed > 0 {
		c.Tx.ChangedBy(key, shards.EventLRem, removed)
		c.elementsRemoved(slot, key, left)
	}
	c.Reply.Int(int64(removed))
	return nil
}

// The errors of LPOS's options.
const (
	errRank = Error("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
		"or use negative to start from the end of the list")
	errLPosCount = Error("ERR COUNT can't be negative")
	errMaxLen    = Error("ERR MAXLEN can't be negative")
)

// lposOptions are what follows the element of LPOS.
type lposOptions struct {
	towards value.End
	rank    int64 // of the first match that counts, from 1
	counted bool  // COUNT: an array is wanted
	count   int64 // matches wanted; 0: all
	maxLen  int64 // elements looked at; 0: all
}

func parseLPos(words [][]byte) (o lposOptions, err error) {
	o = lposOptions{towards: value.Right, rank: 1}
	for i := 0; i < len(words); i += 2 {
		if i+1 == len(words) {
			return o, errSyntax
		}
		n, ok := text.ParseInt(words[i+1])
		switch word := words[i]; {
		case equalFold(word, "rank"):
			err = o.setRank(n, ok)
		case equalFold(word, "count"):
			if o.count, o.counted = n, true; !ok || n < 0 {
				err = errLPosCount
			}
		case equalFold(word, "maxlen"):
			if o.maxLen = n; !ok || n < 0 {
				err = errMaxLen
			}
		default:
			err = errSyntax
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *lposOptions) setRank(n int64, ok bool) error {
	switch {
	case !ok:
		return errNotInteger
	case n == math.MinInt64:
		return errNotInt64Range
	case n == 0:
		return errRank
	case n < 0:
		o.towards, o.rank = value.Left, -n
	default:
		o.towards, o.rank = value.Right, n
	}
	return nil
}

func lpos(c *Call) error {
	o, err := parseLPos(c.Args[3:])
	if err != nil {
		return err
	}
	l, _, err := c.list(c.Args[1])
	if err != nil {
		return err
	}
	if o.counted {
		at := c.Reply.DeferArray()
		c.Reply.SetArray(at, c.replyMatches(&l, &o))
		return nil
	}
	o.count = 1
	if c.replyMatches(&l, &o) == 0 {
		c.Reply.Null()
	}
	return nil
}

// replyMatches replies with the index of every match that is wanted, one after the other, and returns how many there are.
func (c *Call) replyMatches(l *value.ListView, o *lposOptions) (found int) {
	n := int64(l.Len())
	if o.maxLen > 0 {
		n = min(n, o.maxLen)
	}
	c.long(int(n))
	index, step := 0, 1
	if o.towards == value.Left {
		index, step = l.Len()-1, -1
	}
	m, matches := value.Match(c.Args[2]), int64(0)
	for w := l.Walk(index, o.towards); n > 0; n, index = n-1, index+step {
		e, _ := w.Next()
		if !m.Is(e) {
			continue
		}
		if matches++; matches < o.rank {
			continue
		}
		c.Reply.Int(int64(index))
		if found++; int64(found) == o.count {
			break
		}
	}
	return found
}
