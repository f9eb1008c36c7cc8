// zset_block.go: the sorted set commands that wait. Each is its sister that does not, with a time-out: it takes what is there, and
// else blocks (block.go). Where it may not wait it answers as if time were up.

package command

import "respite/value"

func zsetBlockRows() []Row {
	const cost = "O(log(N)), N members in the sorted set"
	popped := keys(RW|Access|Delete, 1, -2, 1)
	return []Row{
		{
			Name: "bzmpop", Arity: -5, Flags: Write | Blocking, Keys: countedKeys(RW|Access|Delete, 2), Run: bzmpop,
			Since: "7.0.0", Cost: "O(K) + O(M*log(N)), K keys and M members returned",
			Doc: "Takes the members with the least or greatest scores out of the first of several sorted sets that is there; waits if none is.",
		},
		{
			Name: "bzpopmax", Arity: -3, Flags: Write | Fast | Blocking, Keys: popped, Run: bzpopmax,
			Since: "5.0.0", Cost: cost, Doc: "Takes the member with the greatest score out of the first of several sorted sets that is there; waits if none is.",
		},
		{
			Name: "bzpopmin", Arity: -3, Flags: Write | Fast | Blocking, Keys: popped, Run: bzpopmin,
			Since: "5.0.0", Cost: cost, Doc: "Takes the member with the least score out of the first of several sorted sets that is there; waits if none is.",
		},
	}
}

func bzpopmin(c *Call) error { return c.blockingPopScored(false) }

func bzpopmax(c *Call) error { return c.blockingPopScored(true) }

// blockingPopScored is BZPOPMIN and BZPOPMAX.
func (c *Call) blockingPopScored(greatest bool) error {
	last := len(c.Args) - 1
	return c.popScoredOrWait(zmpopOptions{keys: c.Args[1:last], greatest: greatest, count: 1}, last, false)
}

func bzmpop(c *Call) error {
	var o zmpopOptions
	if err := o.parse(c.Args[2:]); err != nil {
		return err
	}
	return c.popScoredOrWait(o, 1, true)
}

// popScoredOrWait takes members out of the first sorted set that is there, and waits for one if none is; its time-out is argument at.
func (c *Call) popScoredOrWait(o zmpopOptions, at int, asArray bool) error {
	timeout, err := c.seconds(at)
	if err != nil {
		return err
	}
	done, err := c.popFirstScored(o, asArray)
	if err != nil || done {
		return err
	}
	return c.block(waitFor{keys: o.keys, want: value.ZSet, timeout: timeout, each: true})
}
