// strings_number.go: strings that are counted with. Integers are kept as integers; the sum of floating point numbers is
// kept as its text, computed with the precision of a long double, because that is what Redis does and clients compare
// digits. A deadline stays.

package command

import (
	"errors"
	"math"

	"respite/shards"
	"respite/text"
	"respite/value"
)

const errDecrOverflow = Error("ERR decrement would overflow")

func incr(c *Call) error { return increase(c, 1) }

func decr(c *Call) error { return increase(c, -1) }

func incrby(c *Call) error {
	by, err := c.Int(2)
	if err != nil {
		return err
	}
	return increase(c, by)
}

func decrby(c *Call) error {
	by, err := c.Int(2)
	if err != nil {
		return err
	}
	if by == math.MinInt64 { // its negative is no 64-bit integer
		return errDecrOverflow
	}
	return increase(c, -by)
}

// increase adds to the integer at a key and answers the sum.
func increase(c *Call, by int64) error {
	key := c.Args[1]
	n, err := c.integerAt(key)
	if err != nil {
		return err
	}
	sum, err := addInts(n, by)
	if err != nil {
		return err
	}
	slot := c.Tx.Write(key)
	c.PutInt(&slot, sum)
	c.Tx.Changed(key, shards.EventIncrBy)
	c.Reply.Int(sum)
	return nil
}

// addInts is the sum of two integers, unless it is none of 64 bits.
func addInts(n, by int64) (sum int64, err error) {
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return 0, errOverflow
	}
	return n + by, nil
}

// integerAt is the integer at a key that is about to change, 0 if the key is absent.
func (c *Call) integerAt(key []byte) (int64, error) {
	it, ok, err := c.peekString(key)
	if err != nil || !ok {
		return 0, err
	}
	if it.Kind() == value.KindInt {
		return value.DecodeInt(it.Value()), nil
	}
	n, ok := text.ParseInt(it.Value())
	if !ok {
		return 0, errNotInteger
	}
	return n, nil
}

// incrbyfloat keeps its sum as text even where that spells an integer.
func incrbyfloat(c *Call) error {
	key := c.Args[1]
	it, ok, err := c.peekString(key)
	if err != nil {
		return err
	}
	old := []byte("0")
	if ok {
		old = c.text(it)
	}
	sum, err := text.AddLongDouble(nil, old, c.Args[2])
	switch {
	case errors.Is(err, text.ErrNaNOrInfinity):
		return errNaN
	case err != nil:
		return errNotFloat
	}
	kind := value.KindEmbStr
	if len(sum) > value.EmbStrMax {
		kind = value.KindRaw
	}
	slot := c.Tx.Write(key)
	slot.Put(kind, sum)
	c.Tx.Changed(key, shards.EventIncrByFloat)
	c.Reply.Bulk(sum)
	return nil
}
