// list.go: the rows of all list commands, and those that put elements in or take them out at the ends. What works inside a list is in
// list_inside.go, what moves elements between lists in list_move.go.
//
// A list that has nothing left is removed (elementsRemoved).

package command

import (
	"slices"

	"respite/shards"
	"respite/value"
)

func listRows() []Row {
	return slices.Concat(listReadRows(), listWriteRows(), listBlockRows())
}

func listReadRows() []Row {
	return []Row{
		{
			Name: "lindex", Arity: 3, Flags: ReadOnly | Short, Keys: keys(RO|Access, 1, 1, 1), Run: lindex,
			Since: "1.0.0", Cost: "O(log N)", Doc: "Returns the element of a list at an index.",
		},
		{
			Name: "llen", Arity: 2, Flags: ReadOnly | Fast, Keys: keys(RO, 1, 1, 1), Run: llen,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns the number of elements of a list.",
		},
		{
			Name: "lpos", Arity: -3, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: lpos,
			Since: "6.0.6", Cost: "O(N) in the length of the list", Doc: "Returns the indexes of the elements of a list that equal a text.",
		},
		{
			Name: "lrange", Arity: 4, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: lrange,
			Since: "1.0.0", Cost: "O(log N + M) for M elements", Doc: "Returns a range of a list's elements.",
		},
	}
}

func listWriteRows() []Row {
	const grows = Write | DenyOOM
	one := func(flags KeyFlags, at int) KeySpec { return keys(flags, at, at, 1)[0] }
	push := keys(RW|Insert, 1, 1, 1)
	pop := keys(RW|Access|Delete, 1, 1, 1)
	move := []KeySpec{one(RW|Access|Delete, 1), one(RW|Insert, 2)}
	return []Row{
		{
			Name: "linsert", Arity: 5, Flags: grows, Keys: push, Run: linsert,
			Since: "2.2.0", Cost: "O(N) in the distance from the left end", Doc: "Inserts an element before or behind another one.",
		},
		{
			Name: "lmove", Arity: 5, Flags: grows | Short, Keys: move, Run: lmove,
			Since: "6.2.0", Cost: "O(1)", Doc: "Moves an element from one end of a list to one end of the same or another.",
		},
		{
			Name: "lmpop", Arity: -4, Flags: Write, Run: lmpop,
			Keys:  []KeySpec{{Flags: RW | Access | Delete, First: 1, KeyNum: true, KeyFirst: 1, Step: 1}},
			Since: "7.0.0", Cost: "O(N+M) for N keys and M elements", Doc: "Removes elements from the first of several lists that is there, and returns them.",
		},
		{
			Name: "lpop", Arity: -2, Flags: Write | Fast, Keys: pop, Run: lpop,
			Since: "1.0.0", Cost: "O(N) in the number of elements", Doc: "Removes elements at the left end of a list and returns them.",
		},
		{
			Name: "lpush", Arity: -3, Flags: grows | Fast, Keys: push, Run: lpush,
			Since: "1.0.0", Cost: "O(1) an element", Doc: "Puts elements in at the left end of a list, creating it if needed.",
		},
		{
			Name: "lpushx", Arity: -3, Flags: grows | Fast, Keys: push, Run: lpushx,
			Since: "2.2.0", Cost: "O(1) an element", Doc: "Puts elements in at the left end of a list, if it is there.",
		},
		{
			Name: "lrem", Arity: 4, Flags: Write, Keys: keys(RW|Delete, 1, 1, 1), Run: lrem,
			Since: "1.0.0", Cost: "O(N) in the length of the list", Doc: "Removes the elements of a list that equal a text.",
		},
		{
			Name: "lset", Arity: 4, Flags: grows | Short, Keys: keys(RW|Update, 1, 1, 1), Run: lset,
			Since: "1.0.0", Cost: "O(log N)", Doc: "Replaces the element of a list at an index.",
		},
		{
			Name: "ltrim", Arity: 4, Flags: Write, Keys: keys(RW|Delete, 1, 1, 1), Run: ltrim,
			Since: "1.0.0", Cost: "O(log N), and a little for each 4 KiB removed", Doc: "Removes all elements of a list but those of a range.",
		},
		{
			Name: "rpop", Arity: -2, Flags: Write | Fast, Keys: pop, Run: rpop,
			Since: "1.0.0", Cost: "O(N) in the number of elements", Doc: "Removes elements at the right end of a list and returns them.",
		},
		{
			Name: "rpoplpush", Arity: 3, Flags: grows | Short, Keys: move, Run: rpoplpush,
			Since: "1.2.0", Cost: "O(1)", Doc: "Moves the rightmost element of a list to the left end of the same or another.",
			Deprecated: "6.2.0", Instead: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
		},
		{
			Name: "rpush", Arity: -3, Flags: grows | Fast, Keys: push, Run: rpush,
			Since: "1.0.0", Cost: "O(1) an element", Doc: "Puts elements in at the right end of a list, creating it if needed.",
		},
		{
			Name: "rpushx", Arity: -3, Flags: grows | Fast, Keys: push, Run: rpushx,
			Since: "2.2.0", Cost: "O(1) an element", Doc: "Puts elements in at the right end of a list, if it is there.",
		},
	}
}

// What pushes and pops tell, by the end.
var (
	pushEvents = [...]shards.Event{value.Left: shards.EventLPush, value.Right: shards.EventRPush}
	popEvents  = [...]shards.Event{value.Left: shards.EventLPop, value.Right: shards.EventRPop}
)

// listSize is list-max-listpack-size.
func (c *Call) listSize() int { return c.Tx.Encoding().ListMaxListpackSize }

// list finds a list to read; ok is false if the key is absent.
func (c *Call) list(key []byte) (l value.ListView, ok bool, err error) {
	v, ok, err := c.view(key, value.List)
	if ok {
		l = value.ListOf(v)
	}
	return l, ok, err
}

// peekList finds a list that is to be opened for change, perhaps; ok is false if the key is absent.
func (c *Call) peekList(key []byte) (it shards.Item, ok bool, err error) {
	it, ok = c.Tx.Peek(key)
	if ok && it.Type() != value.List {
		err = errWrongType
	}
	return it, ok, err
}

func lpush(c *Call) error  { return c.push(value.Left, false) }
func rpush(c *Call) error  { return c.push(value.Right, false) }
func lpushx(c *Call) error { return c.push(value.Left, true) }
func rpushx(c *Call) error { return c.push(value.Right, true) }

func (c *Call) push(at value.End, onlyExisting bool) error {
	key, elems := c.Args[1], c.Args[2:]
	it, ok, err := c.peekList(key)
	switch {
	case err != nil:
		return err
	case !ok && onlyExisting:
		c.Reply.Int(0)
		return nil
	}
	bytes := 0
	for _, elem := range elems {
		bytes += len(elem)
	}
	slot := c.Tx.WriteFound(key, it)
	n := value.ListExtend(slot, at, c.listSize(), bytes, elems...)
	c.Tx.ChangedBy(key, pushEvents[at], len(elems))
	c.Reply.Int(int64(n))
	return nil
}

func llen(c *Call) error {
	l, _, err := c.list(c.Args[1])
	if err != nil {
		return err
	}
	c.Reply.Int(int64(l.Len()))
	return nil
}

func lpop(c *Call) error { return c.popEnd(value.Left) }
func rpop(c *Call) error { return c.popEnd(value.Right) }

func (c *Call) popEnd(at value.End) error {
	key, counted, count := c.Args[1], len(c.Args) == 3, int64(1)
	if len(c.Args) > 3 {
		return errArity(c.Row)
	}
	if counted {
		var err error
		if count, err = c.Int(2); err != nil || count < 0 {
			return errNotPositive
		}
	}
	it, ok, err := c.peekList(key)
	switch {
	case err != nil:
		return err
	case !ok && counted:
		c.Reply.NullArray()
	case !ok:
		c.Reply.Null()
	case count == 0:
		c.Reply.Array(0)
	default:
		c.popFrom(key, it, at, count, counted)
	}
	return nil
}

// popFrom removes count elements, or as many as there are, at one end of a list, which is as just found, and replies with them: with an
// array, or, of one, with itself.
func (c *Call) popFrom(key []byte, it shards.Item, at value.End, count int64, asArray bool) {
	slot := c.Tx.WriteFound(key, it)
	if count == 1 {
		c.popSingle(slot, key, at, asArray)
		return
	}
	l := value.ListOf(slot.View())
	n := int(min(count, int64(l.Len())))
	if asArray {
		c.Reply.Array(n)
	}
	c.replyElements(&l, at, n)
	left := value.ListPop(slot, at, n)
	c.Tx.ChangedBy(key, popEvents[at], n)
	c.elementsRemoved(slot, key, left)
}

// popSingle is popFrom for a single element of a list that is open.
func (c *Call) popSingle(slot *shards.Slot, key []byte, at value.End, asArray bool) {
	var e value.ListEnd
	e.Open(slot, at)
	if asArray {
		c.Reply.Array(1)
	}
	c.replyElement(e.Element())
	left := e.Take(c.listSize())
	c.Tx.Changed(key, popEvents[at])
	c.dropIfEmpty(slot, key, left)
}

// replyElements replies with n elements, one after the other, from one end of a list on.
func (c *Call) replyElements(l *value.ListView, from value.End, n int) {
	w := l.Walk(0, value.Right)
	if from == value.Right {
		w = l.Walk(l.Len()-1, value.Left)
	}
	c.replyWalk(&w, n)
}

// replyWalk replies with the next n elements of a walk.
func (c *Call) replyWalk(w *value.ListWalk, n int) {
	c.long(n)
	for range n {
		e, _ := w.Next()
		c.replyElement(e)
	}
}

// elementsRemoved ends a change that took elements out of a list, and left so many.
func (c *Call) elementsRemoved(slot *shards.Slot, key []byte, left int) {
	if left > 0 {
		value.ListShrink(slot, c.listSize())
		return
	}
	c.dropIfEmpty(slot, key, left)
}

// The errors of LMPOP's numbers.
const (
	errNumKeys = Error("ERR numkeys should be greater than 0")
	errCount   = Error("ERR count should be greater than 0")
)

// lmpopOptions are the arguments of LMPOP, and of BLMPOP behind its timeout.
type lmpopOptions struct {
	keys  [][]byte
	from  value.End
	count int64
}

func parseLMPop(args [][]byte) (o lmpopOptions, err error) {
	n, ok := positive(args[0])
	if !ok {
		return o, errNumKeys
	}
	if n >= int64(len(args)-1) {
		return o, errSyntax
	}
	o.keys, args = args[1:n+1], args[n+1:]
	if o.from, err = parseEnd(args[0]); err != nil {
		return o, err
	}
	o.count = 1
	switch {
	case len(args) == 1:
		return o, nil
	case len(args) < 3 || !equalFold(args[1], "count"):
		return o, errSyntax
	}
	if o.count, ok = positive(args[2]); !ok {
		return o, errCount
	}
	if len(args) > 3 {
		return o, errSyntax
	}
	return o, nil
}

func lmpop(c *Call) error {
	o, err := parseLMPop(c.Args[1:])
	if err != nil {
		return err
	}
	done, err := c.popFirst(o.keys, o.from, o.count, true)
	if err == nil && !done {
		c.Reply.NullArray()
	}
	return err
}

// popFirst removes elements from the first of some lists that is there, as LMPOP does, and replies with its key and with an array of them, or
// with the only one itself; done is false, and there is no reply, if none of the lists is there.
func (c *Call) popFirst(keys [][]byte, from value.End, count int64, asArray bool) (done bool, err error) {
	for _, key := range keys {
		if !c.Tx.Holds(key) {
			continue // it is another key that has something for a command that waits
		}
		it, ok, err := c.peekList(key)
		switch {
		case err != nil:
			return false, err
		case ok:
			c.Reply.Array(2)
			c.Reply.Bulk(key)
			c.popFrom(key, it, from, count, asArray)
			return true, nil
		}
	}
	return false, nil
}
