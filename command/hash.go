// hash.go: the hash commands that set, read and remove fields. Those that count are in hash_number.go, those that return any fields in
// hash_random.go, those about the fields' deadlines in hash_ttl.go and hash_ex.go.
//
// A handler that changes a hash checks type and arguments before it opens the key; a hash that loses its last field goes. A field whose
// deadline has passed is there for HLEN and HDEL alone, as in Redis; a command that asks for such a field by its name takes it away
// (dropMissed).

package command

import (
	"slices"

	"respite/shards"
	"respite/value"
)

func hashRows() []Row {
	return slices.Concat(hashReadRows(), hashWriteRows(), hashTTLRows(), hashDeadlineRows(), hashExRows())
}

func hashReadRows() []Row {
	return []Row{
		{
			Name: "hexists", Arity: 3, Flags: ReadOnly | Fast, Keys: keys(RO, 1, 1, 1), Run: hexists,
			Since: "2.0.0", Cost: "O(1)", Doc: "Tells whether a hash has a field.",
		},
		{
			Name: "hget", Arity: 3, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: hget,
			Since: "2.0.0", Cost: "O(1)", Doc: "Returns the value of a field of a hash.",
		},
		{
			Name: "hgetall", Arity: 2, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: hgetall,
			Since: "2.0.0", Cost: "O(N) in the number of fields", Doc: "Returns all fields of a hash and their values.",
			Tips: []string{"nondeterministic_output_order"},
		},
		{
			Name: "hkeys", Arity: 2, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: hkeys,
			Since: "2.0.0", Cost: "O(N) in the number of fields", Doc: "Returns all fields of a hash.",
			Tips: []string{"nondeterministic_output_order"},
		},
		{
			Name: "hlen", Arity: 2, Flags: ReadOnly | Fast, Keys: keys(RO, 1, 1, 1), Run: hlen,
			Since: "2.0.0", Cost: "O(1)", Doc: "Returns the number of fields of a hash.",
		},
		{
			Name: "hmget", Arity: -3, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: hmget,
			Since: "2.0.0", Cost: "O(N) in the number of fields asked for", Doc: "Returns the values of several fields of a hash.",
		},
		{
			Name: "hrandfield", Arity: -2, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: hrandfield,
			Since: "6.2.0", Cost: "O(N) in the number of fields returned", Doc: "Returns fields of a hash at random.",
			Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "hscan", Arity: -3, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: hscan,
			Since: "2.8.0", Cost: "O(1) a call, O(N) for all of a hash", Doc: "Returns some fields of a hash, and a cursor to go on from.",
			Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "hstrlen", Arity: 3, Flags: ReadOnly | Fast, Keys: keys(RO, 1, 1, 1), Run: hstrlen,
			Since: "3.2.0", Cost: "O(1)", Doc: "Returns the length in bytes of the value of a field of a hash.",
		},
		{
			Name: "hvals", Arity: 2, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: hvals,
			Since: "2.0.0", Cost: "O(N) in the number of fields", Doc: "Returns the values of all fields of a hash.",
			Tips: []string{"nondeterministic_output_order"},
		},
	}
}

func hashWriteRows() []Row {
	const (
		put   = Write | DenyOOM | Fast
		count = RW | Access | Update
	)
	return []Row{
		{
			Name: "hdel", Arity: -3, Flags: Write | Fast, Keys: keys(RW|Delete, 1, 1, 1), Run: hdel,
			Since: "2.0.0", Cost: "O(N) in the number of fields to remove", Doc: "Removes fields from a hash, and the hash with its last one.",
		},
		{
			Name: "hincrby", Arity: 4, Flags: put, Keys: keys(count, 1, 1, 1), Run: hincrby,
			Since: "2.0.0", Cost: "O(1)", Doc: "Increments the integer in a field of a hash; an absent field counts as 0.",
		},
		{
			Name: "hincrbyfloat", Arity: 4, Flags: put, Keys: keys(count, 1, 1, 1), Run: hincrbyfloat,
			Since: "2.6.0", Cost: "O(1)", Doc: "Increments the floating point number in a field of a hash; an absent field counts as 0.",
		},
		{
			Name: "hmset", Arity: -4, Flags: put, Keys: keys(RW|Update, 1, 1, 1), Run: hmset,
			Since: "2.0.0", Cost: "O(N) in the number of fields set", Doc: "Sets several fields of a hash.",
			Deprecated: "4.0.0", Instead: "`HSET` with multiple field-value pairs",
		},
		{
			Name: "hset", Arity: -4, Flags: put, Keys: keys(RW|Update, 1, 1, 1), Run: hset,
			Since: "2.0.0", Cost: "O(N) in the number of fields set", Doc: "Sets fields of a hash, creating it if needed.",
		},
		{
			Name: "hsetnx", Arity: 4, Flags: put, Keys: keys(RW|Insert, 1, 1, 1), Run: hsetnx,
			Since: "2.0.0", Cost: "O(1)", Doc: "Sets a field of a hash if the field does not exist.",
		},
	}
}

// viewHash finds a hash to read; ok is false if the key is absent.
func (c *Call) viewHash(key []byte) (h value.HashView, ok bool, err error) {
	v, ok, err := c.view(key, value.Hash)
	if !ok {
		return h, false, err
	}
	return value.ViewHashAt(v, c.Tx.Now()), true, nil
}

// peekHash looks at the hash that a command is about to change; without ok, the key is absent.
func (c *Call) peekHash(key []byte) (it shards.Item, h value.HashView, ok bool, err error) {
	if it, ok, err = c.peek(key, value.Hash); !ok {
		return it, h, false, err
	}
	return it, value.ViewHashAt(it.View(), c.Tx.Now()), true, nil
}

// openHash opens a hash, present or not, for change.
func (c *Call) openHash(key []byte) (h value.HashCell, err error) {
	slot, err := c.open(key, value.Hash)
	if err != nil {
		return h, err
	}
	return value.OpenHash(slot, c.Tx.Encoding()), nil
}

// openFoundHash is openHash after peekHash.
func (c *Call) openFoundHash(key []byte, it shards.Item) value.HashCell {
	return value.OpenHash(c.Tx.WriteFound(key, it), c.Tx.Encoding())
}

func hset(c *Call) error {
	added, err := setFields(c)
	if err != nil {
		return err
	}
	c.Reply.Int(added)
	return nil
}

func hmset(c *Call) error {
	if _, err := setFields(c); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

// setFields gives fields the values that follow them, and returns how many of the fields are new.
func setFields(c *Call) (added int64, err error) {
	key, pairs := c.Args[1], c.Args[2:]
	if len(pairs)%2 != 0 {
		return 0, errArity(c.Row)
	}
	h, err := c.openHash(key)
	if err != nil {
		return 0, err
	}
	h.Expect(pairs)
	for i := 0; i < len(pairs); i += 2 {
		if h.Set(pairs[i], pairs[i+1]) {
			added++
		}
	}
	c.Tx.ChangedBy(key, shards.EventHSet, len(pairs)/2)
	return added, nil
}

func hsetnx(c *Call) error {
	key, field := c.Args[1], c.Args[2]
	it, old, ok, err := c.peekHash(key)
	if err != nil {
		return err
	}
	if ok {
		if _, exists := old.Get(field); exists {
			c.Reply.Int(0)
			return nil
		}
	}
	h := c.openFoundHash(key, it)
	c.expireMissed(&h, &old, field)
	h.Expect(c.Args[2:])
	h.Set(field, c.Args[3])
	c.Tx.Changed(key, shards.EventHSet)
	c.Reply.Int(1)
	return nil
}

func hdel(c *Call) error {
	key, removed, left := c.Args[1], 0, 0
	slot, ok, err := c.openExisting(key, value.Hash)
	if err != nil {
		return err
	}
	if ok {
		h := value.OpenHash(slot, c.Tx.Encoding())
		left = h.Len()
		for i := 2; i < len(c.Args) && left > 0; i++ {
			if h.Remove(c.Args[i]) {
				removed++
				left--
			}
		}
	}
	if removed > 0 {
		c.Tx.ChangedBy(key, shards.EventHDel, removed)
		c.dropIfEmpty(slot, key, left)
	}
	c.Reply.Int(int64(removed))
	return nil
}

// replyField answers with the value of a field, or null.
func (c *Call) replyField(h *value.HashView, field []byte) {
	if val, ok := h.Get(field); ok {
		c.replyElement(val)
		return
	}
	c.Reply.Null()
}

func hget(c *Call) error {
	h, ok, err := c.viewHash(c.Args[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Null()
		return nil
	}
	c.replyField(&h, c.Args[2])
	c.dropMissed(&h, c.Args[2:])
	return nil
}

func hmget(c *Call) error {
	h, ok, err := c.viewHash(c.Args[1])
	if err != nil {
		return err
	}
	c.replyFields(&h, ok, c.Args[2:])
	c.dropMissed(&h, c.Args[2:])
	return nil
}

func hgetall(c *Call) error {
	h, ok, err := c.viewHash(c.Args[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Map(0)
		return nil
	}
	c.long(2 * h.Shown())
	c.Reply.Map(h.Shown())
	h.Each(func(field, val value.Element) bool {
		c.replyElement(field)
		c.replyElement(val)
		return true
	})
	return nil
}

func hkeys(c *Call) error {
	return replyOfEach(c, func(field, _ value.Element) { c.replyElement(field) })
}

func hvals(c *Call) error {
	return replyOfEach(c, func(_, val value.Element) { c.replyElement(val) })
}

// replyOfEach answers with an array of what reply writes of each field.
func replyOfEach(c *Call, reply func(field, val value.Element)) error {
	h, ok, err := c.viewHash(c.Args[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Array(0)
		return nil
	}
	c.long(h.Shown())
	c.Reply.Array(h.Shown())
	h.Each(func(field, val value.Element) bool { reply(field, val); return true })
	return nil
}

func hlen(c *Call) error {
	h, ok, err := c.viewHash(c.Args[1])
	if err != nil {
		return err
	}
	n := 0
	if ok {
		n = h.Len()
	}
	c.Reply.Int(int64(n))
	return nil
}

func hstrlen(c *Call) error {
	h, ok, err := c.viewHash(c.Args[1])
	if err != nil {
		return err
	}
	n := 0
	if ok {
		val, _ := h.Get(c.Args[2])
		n = val.Len()
		c.dropMissed(&h, c.Args[2:])
	}
	c.Reply.Int(int64(n))
	return nil
}

func hexists(c *Call) error {
	h, ok, err := c.viewHash(c.Args[1])
	if err != nil {
		return err
	}
	n := int64(0)
	if ok {
		if _, exists := h.Get(c.Args[2]); exists {
			n = 1
		}
		c.dropMissed(&h, c.Args[2:])
	}
	c.Reply.Int(n)
	return nil
}

func hscan(c *Call) error {
	return c.scanElements(value.Hash, func(v value.View, s *elementScan) uint64 {
		h := value.ViewHashAt(v, c.Tx.Now())
		return h.Scan(s.cursor, s.filter.count, func(field, val value.Element) {
			if !s.wants(field) {
				return
			}
			s.reply(field)
			if !s.filter.noValues {
				s.reply(val)
			}
		})
	})
}
