// list_block.go: the list commands that wait. Each is its sister that does not, with a time-out: it takes what is there, and
// else blocks (block.go). Where it may not wait it answers as its sister does when nothing is there.

package command

import "respite/value"

func listBlockRows() []Row {
	one := func(flags KeyFlags, at int) KeySpec { return keys(flags, at, at, 1)[0] }
	move := []KeySpec{one(RW|Access|Delete, 1), one(RW|Insert, 2)}
	return []Row{
		{
			Name: "blmove", Arity: 6, Flags: Write | DenyOOM | Blocking, Keys: move, Run: blmove,
			Since: "6.2.0", Cost: "O(1)", Doc: "Moves an element from one end of a list to one end of the same or another, and waits for it if there is none.",
		},
		{
			Name: "blmpop", Arity: -5, Flags: Write | Blocking, Run: blmpop,
			Keys:  []KeySpec{{Flags: RW | Access | Delete, First: 2, KeyNum: true, KeyFirst: 1, Step: 1}},
			Since: "7.0.0", Cost: "O(N+M) for N keys and M elements",
			Doc: "Removes elements from the first of several lists that is there, and returns them; waits if none is.",
		},
		{
			Name: "blpop", Arity: -3, Flags: Write | Blocking, Keys: keys(RW|Access|Delete, 1, -2, 1), Run: blpop,
			Since: "2.0.0", Cost: "O(N) in the number of keys",
			Doc: "Removes the leftmost element of the first of several lists that is there, and returns it; waits if none is.",
		},
		{
			Name: "brpop", Arity: -3, Flags: Write | Blocking, Keys: keys(RW|Access|Delete, 1, -2, 1), Run: brpop,
			Since: "2.0.0", Cost: "O(N) in the number of keys",
			Doc: "Removes the rightmost element of the first of several lists that is there, and returns it; waits if none is.",
		},
		{
			Name: "brpoplpush", Arity: 4, Flags: Write | DenyOOM | Blocking, Keys: move, Run: brpoplpush,
			Since: "2.2.0", Cost: "O(1)", Doc: "Moves an element from the right end of a list to the left end of another, and waits for it if there is none.",
			Deprecated: "6.2.0", Instead: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
		},
	}
}

func blpop(c *Call) error { return c.blockingPop(value.Left) }
func brpop(c *Call) error { return c.blockingPop(value.Right) }

// blockingPop is BLPOP and BRPOP.
func (c *Call) blockingPop(from value.End) error {
	last := len(c.Args) - 1
	timeout, err := c.seconds(last)
	if err != nil {
		return err
	}
	keys := c.Args[1:last]
	key, ok, err := c.firstList(keys)
	switch {
	case err != nil:
		return err
	case !ok:
		return c.block(waitFor{keys: keys, want: value.List, timeout: timeout, each: true})
	}
	c.Reply.Array(2)
	c.Reply.Bulk(key)
	c.popFrom(key, from, 1, false)
	return nil
}

func blmpop(c *Call) error {
	o, err := parseLMPop(c.Args[2:])
	if err != nil {
		return err
	}
	timeout, err := c.seconds(1)
	if err != nil {
		return err
	}
	done, err := c.popFirst(o.keys, o.from, o.count)
	if err != nil || done {
		return err
	}
	return c.block(waitFor{keys: o.keys, want: value.List, timeout: timeout, each: true})
}

func blmove(c *Call) error {
	from, err := parseEnd(c.Args[3])
	if err != nil {
		return err
	}
	to, err := parseEnd(c.Args[4])
	if err != nil {
		return err
	}
	return c.blockingMove(from, to)
}

func brpoplpush(c *Call) error { return c.blockingMove(value.Right, value.Left) }

// blockingMove is BLMOVE and BRPOPLPUSH; the time-out is the last argument.
func (c *Call) blockingMove(from, to value.End) error {
	timeout, err := c.seconds(len(c.Args) - 1)
	if err != nil {
		return err
	}
	done, err := c.moveElement(c.Args[1], c.Args[2], from, to)
	switch {
	case err != nil || done:
		return err
	case !c.mayBlock:
		c.Reply.Null()
		return nil
	}
	return c.block(waitFor{keys: c.Args[1:2], want: value.List, timeout: timeout})
}
