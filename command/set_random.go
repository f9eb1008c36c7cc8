// set_random.go: SPOP and SRANDMEMBER, which draw members at random, each as likely as any other.

package command

import (
	"math"

	"respite/shards"
	"respite/value"
)

func setRandomRows() []Row {
	return []Row{
		{
			Name: "spop", Arity: -2, Flags: Write | Fast, Keys: keys(RW|Access|Delete, 1, 1, 1), Run: spop,
			Since: "1.0.0", Cost: "O(N) in the number of members returned", Doc: "Removes random members from a set and returns them.",
			Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "srandmember", Arity: -2, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: srandmember,
			Since: "1.0.0", Cost: "O(N) in the number of members returned", Doc: "Returns random members of a set.",
			Tips: []string{"nondeterministic_output"},
		},
	}
}

const (
	// renewShare is how many times as many members as stay must go for the set to be made anew out of those that stay.
	renewShare = 5
)

func spop(c *Call) error {
	switch len(c.Args) {
	case 2:
		return c.popOne()
	case 3:
		return c.popSome()
	}
	return errSyntax
}

// popOne is SPOP without a count.
func (c *Call) popOne() error {
	key := c.Args[1]
	ok, err := c.editSet(key)
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Null()
		return nil
	}
	c.set.Pop(1, c.replyElement)
	c.set.Save()
	c.Tx.Changed(key, shards.EventSPop)
	c.dropIfEmpty(c.slot, key, c.set.Len())
	return nil
}

// popSome is SPOP with a count.
func (c *Call) popSome() error {
	key := c.Args[1]
	n, err := c.Int(2)
	if err != nil || n < 0 {
		return errNotPositive
	}
	if n == 0 {
		if _, err := c.check(key, value.Set); err != nil {
			return err
		}
		c.Reply.Set(0)
		return nil
	}
	ok, err := c.editSet(key)
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Set(0)
		return nil
	}
	count := int(min(n, int64(c.set.Len())))
	c.Reply.Set(count)
	left := c.popMembers(count)
	c.Tx.ChangedBy(key, shards.EventSPop, count)
	c.dropIfEmpty(c.slot, key, left)
	return nil
}

// popMembers replies with count random members of the set in c.set, takes them out, and returns how many are left. If none would be, they stay
// in, and the key is the caller's to remove.
func (c *Call) popMembers(count int) (left int) {
	c.long(count)
	switch left = c.set.Len() - count; {
	case left == 0:
		members := c.set.Members()
		c.replyMembers(&members)
	case left*renewShare > count:
		c.set.Pop(count, c.replyElement)
		c.set.Save()
	default:
		c.set.Renew(&c.draft, left, c.replyElement)
	}
	return left
}

func srandmember(c *Call) error {
	switch len(c.Args) {
	case 2:
		return c.sampleOne()
	case 3:
		return c.sampleSome()
	}
	return errSyntax
}

// sampleOne is SRANDMEMBER without a count.
func (c *Call) sampleOne() error {
	set, err := c.members(c.Args[1])
	if err != nil {
		return err
	}
	if set.Len() == 0 {
		c.Reply.Null()
		return nil
	}
	c.replyElement(set.Random())
	return nil
}

// sampleSome is SRANDMEMBER with a count. A negative one asks for that many draws, in which members may come again.
func (c *Call) sampleSome() error {
	n, err := c.Int(2)
	switch {
	case err != nil:
		return err
	case n == math.MinInt64:
		return errNotInt64Range
	}
	set, err := c.members(c.Args[1])
	if err != nil {
		return err
	}
	switch size := int64(set.Len()); {
	case size == 0 || n == 0:
		c.Reply.Array(0)
	case n < 0:
		return c.sampleRepeated(&set, -n)
	case n >= size:
		c.Reply.Array(set.Len())
		c.replyMembers(&set)
	case n == 1:
		c.Reply.Array(1)
		c.replyElement(set.Random())
	default:
		c.sampleDistinct(set, int(n))
	}
	return nil
}

// sampleDistinct replies with different members. It takes the set by value, because to sample keeps it on the heap.
func (c *Call) sampleDistinct(set value.Members, count int) {
	c.long(count)
	c.Reply.Array(count)
	set.Sample(count, c.replyElement)
}

func (c *Call) sampleRepeated(set *value.Members, count int64) error {
	c.long(int(count))
	c.Reply.Array(int(count))
	for ; count > 0; count-- {
		c.replyElement(set.Random())
		if err := c.drawsOn(); err != nil {
			return err
		}
	}
	return nil
}
