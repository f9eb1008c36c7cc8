// set.go: the rows of the set commands, and those commands that are about members of one set, and SMOVE. Those that draw members are
// in set_random.go, those that put sets together in set_algebra.go. A set that loses its last member is removed.

package command

import (
	"respite/shards"
	"respite/value"
)

func setRows() []Row {
	rows := []Row{
		{
			Name: "sadd", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: keys(RW|Insert, 1, 1, 1), Run: sadd,
			Since: "1.0.0", Cost: "O(N) in the number of members given", Doc: "Adds members to a set, which is made if it is absent.",
		},
		{
			Name: "srem", Arity: -3, Flags: Write | Fast, Keys: keys(RW|Delete, 1, 1, 1), Run: srem,
			Since: "1.0.0", Cost: "O(N) in the number of members given", Doc: "Removes members from a set.",
		},
		{
			Name: "smove", Arity: 4, Flags: Write | Fast, Run: smove,
			Keys:  append(keys(RW|Access|Delete, 1, 1, 1), keys(RW|Insert, 2, 2, 1)...),
			Since: "1.0.0", Cost: "O(1)", Doc: "Moves a member from one set to another.",
		},
		{
			Name: "sismember", Arity: 3, Flags: ReadOnly | Fast, Keys: keys(RO, 1, 1, 1), Run: sismember,
			Since: "1.0.0", Cost: "O(1)", Doc: "Says whether a set has a member.",
		},
		{
			Name: "smismember", Arity: -3, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: smismember,
			Since: "6.2.0", Cost: "O(N) in the number of members asked for", Doc: "Says of several members whether a set has them.",
		},
		{
			Name: "scard", Arity: 2, Flags: ReadOnly | Fast, Keys: keys(RO, 1, 1, 1), Run: scard,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns the number of members of a set.",
		},
		{
			Name: "smembers", Arity: 2, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: smembers,
			Since: "1.0.0", Cost: "O(N) in the number of members", Doc: "Returns all members of a set.",
			Tips: []string{"nondeterministic_output_order"},
		},
		{
			Name: "sscan", Arity: -3, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: sscan,
			Since: "2.8.0", Cost: "O(1) a call, O(N) for all of a set", Doc: "Returns some members of a set, and a cursor to go on from.",
			Tips: []string{"nondeterministic_output"},
		},
	}
	return append(append(rows, setRandomRows()...), setAlgebraRows()...)
}

// members reads a set; one that is absent has no members.
func (c *Call) members(key []byte) (value.Members, error) {
	v, _, err := c.view(key, value.Set)
	return value.MembersOf(v), err
}

// editSet opens a set that is there for change, in c.slot and c.set; ok is false if there is none.
func (c *Call) editSet(key []byte) (ok bool, err error) {
	if c.slot, ok, err = c.openExisting(key, value.Set); ok {
		c.set = value.EditSet(c.slot, c.Tx.Encoding())
	}
	return ok, err
}

func sadd(c *Call) (err error) {
	key, members := c.Args[1], c.Args[2:]
	if c.slot, err = c.open(key, value.Set); err != nil {
		return err
	}
	added := c.addMembers(members)
	if added > 0 {
		c.Tx.ChangedBy(key, shards.EventSAdd, added)
	}
	c.Reply.Int(int64(added))
	return nil
}

// addMembers adds members to the set in c.slot, which is made if it is absent, and returns how many are new.
func (c *Call) addMembers(members [][]byte) (added int) {
	if !c.slot.Exists() {
		return c.makeSet(members)
	}
	c.set = value.EditSet(c.slot, c.Tx.Encoding())
	c.set.Expect(len(members))
	added = addAll(&c.set, members)
	c.set.Save()
	return added
}

// makeSet makes the set in c.slot out of its first members, in one piece, and returns how many there are.
func (c *Call) makeSet(members [][]byte) (added int) {
	limits := c.Tx.Encoding()
	from := value.EncodingOfNewSet(members[0], len(members), limits)
	c.set = value.NewSet(&c.draft, c.slot.View().Nodes, limits, from)
	defer c.set.Discard()
	added = addAll(&c.set, members)
	c.set.MoveTo(c.slot)
	return added
}

func addAll(set *value.SetEdit, members [][]byte) (added int) {
	for _, member := range members {
		if set.Add(member) {
			added++
		}
	}
	return added
}

func srem(c *Call) error {
	key := c.Args[1]
	ok, err := c.editSet(key)
	if err != nil {
		return err
	}
	removed := 0
	if ok {
		removed = c.removeMembers(key, c.Args[2:])
	}
	c.Reply.Int(int64(removed))
	return nil
}

// removeMembers removes members from the set in c.set, and the set with its last one, and returns how many there were.
func (c *Call) removeMembers(key []byte, members [][]byte) (removed int) {
	for _, member := range members {
		if c.set.Remove(member) {
			removed++
		}
	}
	c.set.Save()
	if removed > 0 {
		c.Tx.ChangedBy(key, shards.EventSRem, removed)
		c.dropIfEmpty(c.slot, key, c.set.Len())
	}
	return removed
}

// smove of a member to the set that it is in already says only whether it is there.
func smove(c *Call) error {
	from, to, member := c.Args[1], c.Args[2], c.Args[3]
	if ok, err := c.check(from, value.Set); !ok {
		c.Reply.Int(0)
		return err
	}
	if _, err := c.check(to, value.Set); err != nil {
		return err
	}
	if string(from) == string(to) {
		it, _ := c.Tx.Peek(from)
		set := value.MembersOf(it.View())
		c.replyHas(&set, member)
		return nil
	}
	c.Reply.Int(int64(c.moveMember(from, to, member)))
	return nil
}

// moveMember moves a member to another set, which may have it already, and returns 1, or 0 if it is not there. It is added before it is
// removed: only that can find the arena full, and the member is where it was then.
func (c *Call) moveMember(from, to, member []byte) (moved int) {
	it, _ := c.Tx.Peek(from)
	if set := value.MembersOf(it.View()); !set.Has(member) {
		return 0
	}
	one := [1][]byte{member}
	c.slot = c.Tx.Write(to)
	existed := c.slot.Exists()
	added := c.addMembers(one[:])
	tells := !existed && c.Tx.TakeBackNew()
	c.slot = c.Tx.Write(from)
	c.set = value.EditSet(c.slot, c.Tx.Encoding())
	c.removeMembers(from, one[:])
	if tells {
		c.Tx.Also(to, shards.EventNew)
	}
	if added > 0 {
		c.Tx.Changed(to, shards.EventSAdd)
	}
	return 1
}

func sismember(c *Call) error {
	set, err := c.members(c.Args[1])
	if err != nil {
		return err
	}
	c.replyHas(&set, c.Args[2])
	return nil
}

func smismember(c *Call) error {
	set, err := c.members(c.Args[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		c.replyHas(&set, member)
	}
	return nil
}

// replyHas answers 1 for a member of a set, 0 for any other text.
func (c *Call) replyHas(set *value.Members, member []byte) {
	if set.Has(member) {
		c.Reply.Int(1)
		return
	}
	c.Reply.Int(0)
}

func scard(c *Call) error {
	set, err := c.members(c.Args[1])
	if err != nil {
		return err
	}
	c.Reply.Int(int64(set.Len()))
	return nil
}

func smembers(c *Call) error {
	set, err := c.members(c.Args[1])
	if err != nil {
		return err
	}
	c.Reply.Set(set.Len())
	c.replyMembers(&set)
	return nil
}

// replyMembers appends all members of a set.
func (c *Call) replyMembers(set *value.Members) {
	c.long(set.Len())
	it := set.Iter()
	for it.Next() {
		c.replyElement(it.Element())
	}
}

func sscan(c *Call) error {
	return c.scanElements(value.Set, func(v value.View, s *elementScan) (next uint64) {
		set := value.MembersOf(v)
		return set.Scan(s.cursor, s.filter.count, func(e value.Element) {
			if s.wants(e) {
				s.reply(e)
			}
		})
	})
}
