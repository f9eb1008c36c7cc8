// strings_set.go: the commands that set whole strings, and the lifetimes they may give them: SET and its forerunners,
// MSET, and GETEX, which sets no string but takes the same words.
//
// A string that is set loses its deadline unless it is given one or told to keep it: whoever puts one calls Persist.

package command

import (
	"math"

	"respite/shards"
	"respite/text"
)

const millisPerSecond = 1000

// lifetime says when a key is to expire, as a client wrote it: EX 10, PXAT 1700000000000. The zero value is none.
type lifetime struct {
	amount   []byte
	unit     int64 // milliseconds; 0: no lifetime
	absolute bool  // amount counts from 1970, not from now
}

func (l *lifetime) given() bool { return l.unit != 0 }

// take reads a lifetime from the beginning of words. It reports false if there is none, or one of another kind than
// that taken before; the same kind once more replaces it.
func (l *lifetime) take(words [][]byte) bool {
	if len(words) < 2 {
		return false
	}
	next := lifetime{amount: words[1]}
	switch word := words[0]; {
	case equalFold(word, "ex"):
		next.unit = millisPerSecond
	case equalFold(word, "px"):
		next.unit = 1
	case equalFold(word, "exat"):
		next.unit, next.absolute = millisPerSecond, true
	case equalFold(word, "pxat"):
		next.unit, next.absolute = 1, true
	default:
		return false
	}
	if l.given() && (l.unit != next.unit || l.absolute != next.absolute) {
		return false
	}
	*l = next
	return true
}

// deadline is when the lifetime ends, in unix milliseconds; 0 if there is none.
func (l *lifetime) deadline(c *Call) (int64, error) {
	if !l.given() {
		return 0, nil
	}
	n, ok := text.ParseInt(l.amount)
	if !ok {
		return 0, errNotInteger
	}
	from := int64(0)
	if !l.absolute {
		from = c.Tx.Now()
	}
	if n <= 0 || n > (math.MaxInt64-from)/l.unit {
		return 0, errInvalidExpire(c.Row)
	}
	return from + n*l.unit, nil
}

// setOptions are the words after SET's value.
type setOptions struct {
	lifetime  lifetime
	ifAbsent  bool // NX
	ifPresent bool // XX
	get       bool
	keepTTL   bool
}

func (o *setOptions) parse(words [][]byte) error {
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case equalFold(word, "nx") && !o.ifPresent:
			o.ifAbsent = true
		case equalFold(word, "xx") && !o.ifAbsent:
			o.ifPresent = true
		case equalFold(word, "get"):
			o.get = true
		case equalFold(word, "keepttl") && !o.lifetime.given():
			o.keepTTL = true
		case !o.keepTTL && o.lifetime.take(words[i:]):
			i++
		default:
			return errSyntax
		}
	}
	return nil
}

// set answers OK, or null where a condition does not hold; with GET it answers the string before in either case.
func set(c *Call) error {
	var o setOptions
	if err := o.parse(c.Args[3:]); err != nil {
		return err
	}
	deadline, err := o.lifetime.deadline(c)
	if err != nil {
		return err
	}
	key := c.Args[1]
	if o.get {
		if _, err := c.replyStringAt(key); err != nil {
			return err
		}
	}
	slot := c.Tx.Write(key)
	if o.ifAbsent && slot.Exists() || o.ifPresent && !slot.Exists() {
		if !o.get {
			c.Reply.Null()
		}
		return nil
	}
	c.PutString(slot, c.Args[2])
	if o.lifetime.given() {
		c.changedUntil(slot, key, deadline)
	} else {
		if !o.keepTTL {
			slot.Persist()
		}
		c.Tx.Changed(key, shards.EventSet)
	}
	if !o.get {
		c.Reply.OK()
	}
	return nil
}

// changedUntil gives a string that was just set its deadline, in unix milliseconds, and says what happened: one change
// of two events.
func (c *Call) changedUntil(slot *shards.Slot, key []byte, deadline int64) {
	slot.SetDeadline(deadline)
	c.Tx.Changed(key, shards.EventSet)
	c.Tx.Also(key, shards.EventExpire)
}

func setex(c *Call) error {
	return setFor(c, lifetime{amount: c.Args[2], unit: millisPerSecond})
}

func psetex(c *Call) error {
	return setFor(c, lifetime{amount: c.Args[2], unit: 1})
}

func setFor(c *Call, l lifetime) error {
	deadline, err := l.deadline(c)
	if err != nil {
		return err
	}
	slot := c.Tx.Write(c.Args[1])
	c.PutString(slot, c.Args[3])
	c.changedUntil(slot, c.Args[1], deadline)
	c.Reply.OK()
	return nil
}

func setnx(c *Call) error {
	slot := c.Tx.Write(c.Args[1])
	if slot.Exists() {
		c.Reply.Int(0)
		return nil
	}
	c.PutString(slot, c.Args[2])
	c.Tx.Changed(c.Args[1], shards.EventSet)
	c.Reply.Int(1)
	return nil
}

func getset(c *Call) error {
	if _, err := c.replyStringAt(c.Args[1]); err != nil {
		return err
	}
	c.overwrite(c.Args[1], c.Args[2])
	return nil
}

// overwrite sets a key to a text, whatever it held, without a deadline.
func (c *Call) overwrite(key, b []byte) {
	slot := c.Tx.Write(key)
	c.PutString(slot, b)
	slot.Persist()
	c.Tx.Changed(key, shards.EventSet)
}

func mset(c *Call) error {
	if len(c.Args)%2 == 0 {
		return errArity(c.Row)
	}
	c.overwriteAll()
	c.Reply.OK()
	return nil
}

// msetnx sets all keys or none. A key that is named twice takes its last value.
func msetnx(c *Call) error {
	if len(c.Args)%2 == 0 {
		return errArity(c.Row)
	}
	for i := 1; i < len(c.Args); i += 2 {
		if _, exists := c.Tx.Peek(c.Args[i]); exists {
			c.Reply.Int(0)
			return nil
		}
	}
	c.overwriteAll()
	c.Reply.Int(1)
	return nil
}

// overwriteAll sets every key among the arguments to the text after it.
func (c *Call) overwriteAll() {
	for i := 1; i < len(c.Args); i += 2 {
		c.overwrite(c.Args[i], c.Args[i+1])
	}
}

// getexOptions are the words after GETEX's key.
type getexOptions struct {
	lifetime lifetime
	persist  bool
}

func (o *getexOptions) parse(words [][]byte) error {
	for i := 0; i < len(words); i++ {
		switch {
		case equalFold(words[i], "persist") && !o.lifetime.given():
			o.persist = true
		case !o.persist && o.lifetime.take(words[i:]):
			i++
		default:
			return errSyntax
		}
	}
	return nil
}

// getex answers the string at a key and then moves its deadline. A time that has passed removes the key; with a
// lifetime from now on that cannot be.
func getex(c *Call) error {
	var o getexOptions
	if err := o.parse(c.Args[2:]); err != nil {
		return err
	}
	key := c.Args[1]
	ok, err := c.replyStringAt(key)
	if err != nil || !ok {
		return err
	}
	deadline, err := o.lifetime.deadline(c)
	if err != nil {
		return err
	}
	switch {
	case o.lifetime.given():
		c.expireAt(key, deadline)
	case o.persist:
		c.persist(key)
	}
	return nil
}
