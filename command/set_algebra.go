// set_algebra.go: SINTER, SUNION, SDIFF, their STORE forms and SINTERCARD. What is asked for is written into the reply as it is found;
// what is stored is put together apart, since the destination may be among the sources, and moves into its key at the end. The type of every
// source is checked before anything is done, and an absent one is a set without members.

package command

import (
	"respite/shards"
	"respite/text"
	"respite/value"
)

func setAlgebraRows() []Row {
	const (
		interCost = "O(N*M) in the size of the smallest set and the number of sets"
		unionCost = "O(N) in the number of members of all sets"
	)
	return []Row{
		readingSets(Row{Name: "sinter", Run: sinter, Cost: interCost, Doc: "Returns the members that all of some sets have."}),
		readingSets(Row{Name: "sunion", Run: sunion, Cost: unionCost, Doc: "Returns the members of some sets."}),
		readingSets(Row{Name: "sdiff", Run: sdiff, Cost: unionCost, Doc: "Returns the members of a set that none of some others has."}),
		storingSet(RW, Row{Name: "sinterstore", Run: sinterstore, Cost: interCost, Doc: "Stores what SINTER returns."}),
		storingSet(OW, Row{Name: "sunionstore", Run: sunionstore, Cost: unionCost, Doc: "Stores what SUNION returns."}),
		storingSet(OW, Row{Name: "sdiffstore", Run: sdiffstore, Cost: unionCost, Doc: "Stores what SDIFF returns."}),
		{
			Name: "sintercard", Arity: -3, Flags: ReadOnly, Run: sintercard,
			Keys:  []KeySpec{{Flags: RO | Access, First: 1, KeyNum: true, KeyFirst: 1, Step: 1}},
			Since: "7.0.0", Cost: interCost, Doc: "Returns the number of members that all of some sets have.",
		},
	}
}

// readingSets completes a row of the commands that return what becomes of sets.
func readingSets(r Row) Row {
	r.Arity, r.Flags, r.Keys, r.Since = -2, ReadOnly, keys(RO|Access, 1, -1, 1), "1.0.0"
	r.Tips = []string{"nondeterministic_output_order"}
	return r
}

// storingSet completes a row of those that store it; destination says what they do with the key they store it in.
func storingSet(destination KeyFlags, r Row) Row {
	r.Arity, r.Flags, r.Since = -3, Write|DenyOOM, "1.0.0"
	r.Keys = append(keys(destination|Update, 1, 1, 1), keys(RO|Access, 2, -1, 1)...)
	return r
}

// maxKeptSets is how many sets a command may have had for its list of them to be kept.
const maxKeptSets = 64

// readSets reads several sets. The list is valid until the next command; forgetSets shall follow.
func (c *Call) readSets(keys [][]byte) ([]value.Members, error) {
	for _, key := range keys {
		set, err := c.members(key)
		if err != nil {
			return nil, err
		}
		c.sets = append(c.sets, set)
	}
	return c.sets, nil
}

// longSets is long for a command that goes over all of the sets that readSets has read.
func (c *Call) longSets() {
	n := 0
	for i := range c.sets {
		n += c.sets[i].Len()
	}
	c.long(n)
}

// forgetSets lets go of what readSets has read, so that nothing keeps the memory of values that change later.
func (c *Call) forgetSets() {
	clear(c.sets)
	if c.sets = c.sets[:0]; cap(c.sets) > maxKeptSets {
		c.sets = nil
	}
}

func sinter(c *Call) error {
	defer c.forgetSets()
	sets, err := c.readSets(c.Args[1:])
	if err != nil {
		return err
	}
	common := value.Intersect(sets)
	c.long(sets[0].Len()) // the smallest now
	at, n := c.Reply.DeferSet(), 0
	for common.Next() {
		c.replyElement(common.Element())
		n++
	}
	c.Reply.SetSet(at, n)
	return nil
}

const (
	errInterKeys  = Error("ERR numkeys should be greater than 0")
	errInterArgs  = Error("ERR Number of keys can't be greater than number of args")
	errInterLimit = Error("ERR LIMIT can't be negative")
)

// intercardOptions are the arguments of SINTERCARD.
type intercardOptions struct {
	keys  [][]byte
	limit int64 // 0: none
}

func (o *intercardOptions) parse(args [][]byte) error {
	n, ok := text.ParseInt(args[0])
	args = args[1:]
	switch {
	case !ok || n < 1:
		return errInterKeys
	case n > int64(len(args)):
		return errInterArgs
	}
	o.keys, args = args[:n], args[n:]
	for ; len(args) > 0; args = args[2:] {
		if len(args) == 1 || !equalFold(args[0], "limit") {
			return errSyntax
		}
		if o.limit, ok = text.ParseInt(args[1]); !ok || o.limit < 0 {
			return errInterLimit
		}
	}
	return nil
}

func sintercard(c *Call) error {
	var o intercardOptions
	if err := o.parse(c.Args[1:]); err != nil {
		return err
	}
	defer c.forgetSets()
	sets, err := c.readSets(o.keys)
	if err != nil {
		return err
	}
	common, n := value.Intersect(sets), int64(0)
	c.long(sets[0].Len())
	for (o.limit == 0 || n < o.limit) && common.Next() {
		n++
	}
	c.Reply.Int(n)
	return nil
}

func sunion(c *Call) error {
	defer c.forgetSets()
	sets, err := c.readSets(c.Args[1:])
	if err != nil {
		return err
	}
	c.longSets()
	r := c.newSetReply()
	r.mayRepeat = len(sets) > 1
	for i := range sets {
		it := sets[i].Iter()
		for it.Next() {
			r.add(it.Element())
		}
	}
	r.end()
	return nil
}

func sdiff(c *Call) error {
	defer c.forgetSets()
	sets, err := c.readMinuend(c.Args[1:])
	if err != nil {
		return err
	}
	c.longSets()
	r := c.newSetReply()
	rest := value.Subtract(sets)
	for rest.Next() {
		r.add(rest.Element())
	}
	r.end()
	return nil
}

// readMinuend is readSets for a difference: what is taken from itself is nothing.
func (c *Call) readMinuend(keys [][]byte) ([]value.Members, error) {
	sets, err := c.readSets(keys)
	if err != nil {
		return nil, err
	}
	for _, key := range keys[1:] {
		if string(key) == string(keys[0]) {
			sets[0] = value.Members{}
		}
	}
	return sets, nil
}

func sinterstore(c *Call) error {
	defer c.forgetSets()
	sets, err := c.readSets(c.Args[2:])
	if err != nil {
		return err
	}
	common := value.Intersect(sets)
	c.long(sets[0].Len())
	c.storeSet(common.Encoding(), shards.EventSInterStore, func(set *value.SetEdit) { set.AddIntersection(&common) })
	return nil
}

func sunionstore(c *Call) error {
	defer c.forgetSets()
	sets, err := c.readSets(c.Args[2:])
	if err != nil {
		return err
	}
	c.longSets()
	c.storeSet(value.Ints, shards.EventSUnionStore, func(set *value.SetEdit) { set.AddUnion(sets) })
	return nil
}

func sdiffstore(c *Call) error {
	defer c.forgetSets()
	sets, err := c.readMinuend(c.Args[2:])
	if err != nil {
		return err
	}
	c.longSets()
	c.storeSet(value.Ints, shards.EventSDiffStore, func(set *value.SetEdit) { set.AddDifference(sets) })
	return nil
}

// storeSet puts what build adds to a set that begins in the given encoding in the place of whatever the destination, argument 1, holds, and
// replies with its size. Of a set without members nothing stays.
func (c *Call) storeSet(from value.Encoding, e shards.Event, build func(*value.SetEdit)) {
	key := c.Args[1]
	c.slot = c.Tx.Write(key)
	c.set = value.NewSet(&c.draft, c.slot.View().Nodes, c.Tx.Encoding(), from)
	defer c.set.Discard()
	build(&c.set)
	switch {
	case c.set.Len() > 0:
		c.slot.Persist()
		c.set.MoveTo(c.slot)
		c.Tx.Changed(key, e)
	case c.slot.Delete():
		c.Tx.Changed(key, shards.EventDel)
	}
	c.Reply.Int(int64(c.set.Len()))
}
