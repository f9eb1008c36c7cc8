// keys_expire.go: deadlines of keys, whatever the keys hold. A deadline is a unix time in milliseconds; a key is there
// until that millisecond is over. Setting one that has passed already removes the key.

package command

import (
	"bytes"
	"math"

	"respite/shards"
)

// What TTL and its kin answer in place of a time.
const (
	ttlNoKey    = -2
	ttlNoExpiry = -1
)

const (
	errExpireNX   = Error("ERR NX and XX, GT or LT options at the same time are not compatible")
	errExpireGTLT = Error("ERR GT and LT options at the same time are not compatible")
)

// errUnsupportedOption repeats a word as C prints it: up to its first NUL.
func errUnsupportedOption(word []byte) error {
	shown, _, _ := bytes.Cut(word, []byte{0})
	return Error("ERR Unsupported option " + string(shown))
}

func expireRows() []Row {
	return []Row{
		{
			Name: "expire", Arity: -3, Flags: Write | Keyspace | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: expire,
			Since: "1.0.0", Cost: "O(1)", Doc: "Makes a key expire after some seconds.",
		},
		{
			Name: "pexpire", Arity: -3, Flags: Write | Keyspace | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: pexpire,
			Since: "2.6.0", Cost: "O(1)", Doc: "Makes a key expire after some milliseconds.",
		},
		{
			Name: "expireat", Arity: -3, Flags: Write | Keyspace | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: expireat,
			Since: "1.2.0", Cost: "O(1)", Doc: "Makes a key expire at a unix time in seconds.",
		},
		{
			Name: "pexpireat", Arity: -3, Flags: Write | Keyspace | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: pexpireat,
			Since: "2.6.0", Cost: "O(1)", Doc: "Makes a key expire at a unix time in milliseconds.",
		},
		{
			Name: "persist", Arity: 2, Flags: Write | Keyspace | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: persist,
			Since: "2.2.0", Cost: "O(1)", Doc: "Makes a key stay that would expire.",
		},
		{
			Name: "ttl", Arity: 2, Flags: ReadOnly | Keyspace | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: ttl,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns how many seconds a key has left.", Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "pttl", Arity: 2, Flags: ReadOnly | Keyspace | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: pttl,
			Since: "2.6.0", Cost: "O(1)", Doc: "Returns how many milliseconds a key has left.", Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "expiretime", Arity: 2, Flags: ReadOnly | Keyspace | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: expiretime,
			Since: "7.0.0", Cost: "O(1)", Doc: "Returns when a key expires, as a unix time in seconds.",
		},
		{
			Name: "pexpiretime", Arity: 2, Flags: ReadOnly | Keyspace | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: pexpiretime,
			Since: "7.0.0", Cost: "O(1)", Doc: "Returns when a key expires, as a unix time in milliseconds.",
		},
	}
}

func expire(c *Call) error    { return expireFrom(c, c.Tx.Now(), millisPerSecond) }
func pexpire(c *Call) error   { return expireFrom(c, c.Tx.Now(), 1) }
func expireat(c *Call) error  { return expireFrom(c, 0, millisPerSecond) }
func pexpireat(c *Call) error { return expireFrom(c, 0, 1) }

// expireFrom makes a key expire so many units of some milliseconds after from, and answers whether it did.
func expireFrom(c *Call, from, unit int64) error {
	var o expireOptions
	if err := o.parse(c.Args[3:]); err != nil {
		return err
	}
	n, err := c.Int(2)
	if err != nil {
		return err
	}
	if n > (math.MaxInt64-from)/unit || n < math.MinInt64/unit {
		return errInvalidExpire(c.Row)
	}
	deadline := from + n*unit
	it, ok := c.Tx.Peek(c.Args[1])
	if !ok || !o.allow(it, deadline) {
		c.Reply.Int(0)
		return nil
	}
	c.expireAt(c.Args[1], deadline)
	c.Reply.Int(1)
	return nil
}

// expireAt gives a key that exists its deadline, or removes it if that has come.
func (c *Call) expireAt(key []byte, deadline int64) {
	slot := c.Tx.Write(key)
	if deadline <= c.Tx.Now() {
		slot.Delete()
		c.Tx.Changed(key, shards.EventDel)
		return
	}
	slot.SetDeadline(deadline)
	c.Tx.Changed(key, shards.EventExpire)
}

// expireOptions are the conditions under which EXPIRE and its kin move a deadline.
type expireOptions struct {
	ifNone    bool // NX
	ifAny     bool // XX
	ifLater   bool // GT; no deadline counts as the latest of all
	ifEarlier bool // LT
}

func (o *expireOptions) parse(words [][]byte) error {
	for _, word := range words {
		switch {
		case equalFold(word, "nx"):
			o.ifNone = true
		case equalFold(word, "xx"):
			o.ifAny = true
		case equalFold(word, "gt"):
			o.ifLater = true
		case equalFold(word, "lt"):
			o.ifEarlier = true
		default:
			return errUnsupportedOption(word)
		}
	}
	switch {
	case o.ifNone && (o.ifAny || o.ifLater || o.ifEarlier):
		return errExpireNX
	case o.ifLater && o.ifEarlier:
		return errExpireGTLT
	}
	return nil
}

// allow reports whether an item may get a deadline.
func (o *expireOptions) allow(it shards.Item, deadline int64) bool {
	old, timed := it.Deadline()
	switch {
	case o.ifNone && timed, o.ifAny && !timed:
		return false
	case o.ifLater && (!timed || deadline <= old):
		return false
	case o.ifEarlier && timed && deadline >= old:
		return false
	}
	return true
}

func persist(c *Call) error {
	n := int64(0)
	if c.persist(c.Args[1]) {
		n = 1
	}
	c.Reply.Int(n)
	return nil
}

// persist drops the deadline of a key and reports whether there was one.
func (c *Call) persist(key []byte) bool {
	it, ok := c.Tx.Peek(key)
	if !ok {
		return false
	}
	if _, timed := it.Deadline(); !timed {
		return false
	}
	slot := c.Tx.Write(key)
	slot.Persist()
	c.Tx.Changed(key, shards.EventPersist)
	return true
}

func ttl(c *Call) error         { return replyDeadline(c, c.Tx.Now(), inSeconds) }
func pttl(c *Call) error        { return replyDeadline(c, c.Tx.Now(), inMillis) }
func expiretime(c *Call) error  { return replyDeadline(c, 0, inSeconds) }
func pexpiretime(c *Call) error { return replyDeadline(c, 0, inMillis) }

// inSeconds rounds to the nearest second, as TTL does. The sum needs the 64th bit for the latest deadlines.
func inSeconds(ms int64) int64 { return int64((uint64(ms) + millisPerSecond/2) / millisPerSecond) }

func inMillis(ms int64) int64 { return ms }

// replyDeadline answers with a key's deadline, counted from a time in unix milliseconds.
func replyDeadline(c *Call, from int64, unit func(ms int64) int64) error {
	it, ok := c.Tx.Look(c.Args[1])
	if !ok {
		c.Reply.Int(ttlNoKey)
		return nil
	}
	deadline, timed := it.Deadline()
	if !timed {
		c.Reply.Int(ttlNoExpiry)
		return nil
	}
	c.Reply.Int(unit(max(deadline-from, 0)))
	return nil
}
