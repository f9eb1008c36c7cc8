// strings.go: the rows of all string commands, and those that read or remove whole strings. What sets them is in
// strings_set.go, what works on a part of the text in strings_range.go, on a number in strings_number.go.
//
// Every handler of the family checks type, arguments and limits before it opens its key, so that an error finds nothing
// changed. What only finds out how a write will go (INCR, APPEND) looks with peekString, which leaves the hit counters
// alone, as Redis's lookups for writing do.

package command

import (
	"respite/shards"
	"respite/value"
)

func stringRows() []Row {
	return append(stringReadRows(), stringWriteRows()...)
}

func stringReadRows() []Row {
	return []Row{
		{
			Name: "get", Arity: 2, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: get,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns the string at a key.",
		},
		{
			Name: "getrange", Arity: 4, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: getrange,
			Since: "2.4.0", Cost: "O(N) in the length of the returned text", Doc: "Returns a part of a string.",
		},
		{
			Name: "lcs", Arity: -3, Flags: ReadOnly, Keys: keys(RO|Access, 1, 2, 1), Run: lcs,
			Since: "7.0.0", Cost: "O(N*M) in the lengths of both strings", Doc: "Returns the longest common subsequence of two strings.",
		},
		{
			Name: "mget", Arity: -2, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, -1, 1), Split: SplitArray, Run: mget,
			Since: "1.0.0", Cost: "O(N) in the number of keys", Doc: "Returns the strings at several keys.",
			Tips: []string{"request_policy:multi_shard"},
		},
		{
			Name: "strlen", Arity: 2, Flags: ReadOnly | Fast, Keys: keys(RO, 1, 1, 1), Run: strlen,
			Since: "2.2.0", Cost: "O(1)", Doc: "Returns the length of a string in bytes.",
		},
		{
			Name: "substr", Arity: 4, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: getrange,
			Since: "1.0.0", Cost: "O(N) in the length of the returned text", Doc: "Returns a part of a string, as GETRANGE does.",
			Deprecated: "2.0.0", Instead: "`GETRANGE`",
		},
	}
}

func stringWriteRows() []Row {
	const (
		inPlace = RW | Access | Update
		number  = Write | DenyOOM | Fast
	)
	return []Row{
		{
			Name: "append", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: keys(RW|Insert, 1, 1, 1), Run: appendText,
			Since: "2.0.0", Cost: "O(1) amortized, if the text is short", Doc: "Appends text to a string, creating it if needed.",
		},
		{
			Name: "decr", Arity: 2, Flags: number, Keys: keys(inPlace, 1, 1, 1), Run: decr,
			Since: "1.0.0", Cost: "O(1)", Doc: "Decrements an integer by one; an absent key counts as 0.",
		},
		{
			Name: "decrby", Arity: 3, Flags: number, Keys: keys(inPlace, 1, 1, 1), Run: decrby,
			Since: "1.0.0", Cost: "O(1)", Doc: "Decrements an integer; an absent key counts as 0.",
		},
		{
			Name: "getdel", Arity: 2, Flags: Write | Fast, Keys: keys(RW|Access|Delete, 1, 1, 1), Run: getdel,
			Since: "6.2.0", Cost: "O(1)", Doc: "Returns the string at a key and removes the key.",
		},
		{
			Name: "getex", Arity: -2, Flags: Write | Fast, Run: getex,
			Keys:  noted(keys(inPlace, 1, 1, 1), "RW and UPDATE because it changes the TTL"),
			Since: "6.2.0", Cost: "O(1)", Doc: "Returns the string at a key and changes when the key expires.",
		},
		{
			Name: "getset", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: keys(inPlace, 1, 1, 1), Run: getset,
			Since: "1.0.0", Cost: "O(1)", Doc: "Sets a key to a string and returns the one before.",
			Deprecated: "6.2.0", Instead: "`SET` with the `!GET` argument",
		},
		{
			Name: "incr", Arity: 2, Flags: number, Keys: keys(inPlace, 1, 1, 1), Run: incr,
			Since: "1.0.0", Cost: "O(1)", Doc: "Increments an integer by one; an absent key counts as 0.",
		},
		{
			Name: "incrby", Arity: 3, Flags: number, Keys: keys(inPlace, 1, 1, 1), Run: incrby,
			Since: "1.0.0", Cost: "O(1)", Doc: "Increments an integer; an absent key counts as 0.",
		},
		{
			Name: "incrbyfloat", Arity: 3, Flags: number, Keys: keys(inPlace, 1, 1, 1), Run: incrbyfloat,
			Since: "2.6.0", Cost: "O(1)", Doc: "Increments a floating point number; an absent key counts as 0.",
		},
		{
			Name: "mset", Arity: -3, Flags: Write | DenyOOM, Keys: keys(OW|Update, 1, -1, 2), Split: SplitOK, Run: mset,
			Since: "1.0.1", Cost: "O(N) in the number of keys", Doc: "Sets several keys to strings in one step.",
			Tips: []string{"request_policy:multi_shard", "response_policy:all_succeeded"},
		},
		{
			Name: "msetnx", Arity: -3, Flags: Write | DenyOOM, Keys: keys(OW|Insert, 1, -1, 2), Run: msetnx,
			Since: "1.0.1", Cost: "O(N) in the number of keys", Doc: "Sets several keys to strings if none of them exists.",
		},
		{
			Name: "psetex", Arity: 4, Flags: Write | DenyOOM | Short, Keys: keys(OW|Update, 1, 1, 1), Run: psetex,
			Since: "2.6.0", Cost: "O(1)", Doc: "Sets a key to a string that expires after some milliseconds.",
			Deprecated: "2.6.12", Instead: "`SET` with the `PX` argument",
		},
		{
			Name: "set", Arity: -3, Flags: Write | DenyOOM | Short, Run: set,
			Keys:  noted(keys(inPlace|VariableFlags, 1, 1, 1), "RW and ACCESS due to the optional `GET` argument"),
			Since: "1.0.0", Cost: "O(1)", Doc: "Sets a key to a string, whatever it held before.",
		},
		{
			Name: "setex", Arity: 4, Flags: Write | DenyOOM | Short, Keys: keys(OW|Update, 1, 1, 1), Run: setex,
			Since: "2.0.0", Cost: "O(1)", Doc: "Sets a key to a string that expires after some seconds.",
			Deprecated: "2.6.12", Instead: "`SET` with the `EX` argument",
		},
		{
			Name: "setnx", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: keys(OW|Insert, 1, 1, 1), Run: setnx,
			Since: "1.0.0", Cost: "O(1)", Doc: "Sets a key to a string if the key does not exist.",
			Deprecated: "2.6.12", Instead: "`SET` with the `NX` argument",
		},
		{
			Name: "setrange", Arity: 4, Flags: Write | DenyOOM, Keys: keys(RW|Update, 1, 1, 1), Run: setrange,
			Since: "2.2.0", Cost: "O(N) in the length of the text written, and of the zeros before it",
			Doc: "Overwrites a part of a string, creating or extending it if needed.",
		},
	}
}

func get(c *Call) error {
	_, err := c.replyStringAt(c.Args[1])
	return err
}

// replyStringAt answers with the string at a key, or null, and reports whether there is one.
func (c *Call) replyStringAt(key []byte) (ok bool, err error) {
	it, ok, err := c.StringItem(key)
	switch {
	case err != nil:
		return false, err
	case ok:
		c.ReplyString(it)
	default:
		c.Reply.Null()
	}
	return ok, nil
}

// peekString finds the string that a command is about to change; ok is false if the key is absent.
func (c *Call) peekString(key []byte) (it shards.Item, ok bool, err error) {
	it, ok = c.Tx.Peek(key)
	if ok && it.Type() != value.String {
		return it, false, errWrongType
	}
	return it, ok, nil
}

func getdel(c *Call) error {
	key := c.Args[1]
	ok, err := c.replyStringAt(key)
	if err != nil || !ok {
		return err
	}
	c.Tx.Delete(key)
	c.Tx.Changed(key, shards.EventDel)
	return nil
}

// mget answers null for a key that is absent and for one that holds no string alike.
func mget(c *Call) error {
	c.Reply.Array(len(c.Args) - 1)
	for _, key := range c.Args[1:] {
		it, ok := c.Tx.Read(key)
		if !ok || it.Type() != value.String {
			c.Reply.Null()
			continue
		}
		c.ReplyString(it)
	}
	return nil
}

func strlen(c *Call) error {
	it, ok, err := c.StringItem(c.Args[1])
	if err != nil {
		return err
	}
	n := 0
	if ok {
		n = value.StringLen(it.Kind(), it.Value())
	}
	c.Reply.Int(int64(n))
	return nil
}
