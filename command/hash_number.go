// hash_number.go: fields that are counted with, as strings_number.go does with strings. They keep their deadlines.

package command

import (
	"errors"
	"strconv"

	"respite/shards"
	"respite/text"
	"respite/value"
)

const (
	errFieldNotInteger = Error("ERR hash value is not an integer")
	errFieldNotFloat   = Error("ERR hash value is not a float")
	errIncrementNaN    = Error("ERR value is NaN or Infinity")
)

func hincrby(c *Call) error {
	key, field := c.Args[1], c.Args[2]
	by, err := c.Int(3)
	if err != nil {
		return err
	}
	it, old, ok, err := c.peekHash(key)
	if err != nil {
		return err
	}
	n := int64(0)
	if ok {
		if n, err = integerIn(&old, field); err != nil {
			return err
		}
	}
	if n, err = addInts(n, by); err != nil {
		return err
	}
	h := c.openFoundHash(key, it)
	c.expireMissed(&h, &old, field)
	h.SetKeeping(field, strconv.AppendInt(c.digits[:0], n, 10))
	c.Tx.Changed(key, shards.EventHIncrBy)
	c.Reply.Int(n)
	return nil
}

// integerIn is the integer in a field, 0 if the field is absent.
func integerIn(h *value.HashView, field []byte) (int64, error) {
	val, ok := h.Get(field)
	if !ok || val.IsInt {
		return val.Int, nil
	}
	n, ok := text.ParseInt(val.Text)
	if !ok {
		return 0, errFieldNotInteger
	}
	return n, nil
}

func hincrbyfloat(c *Call) error {
	key, field := c.Args[1], c.Args[2]
	by, ok := text.ParseLongDouble(c.Args[3])
	switch {
	case !ok:
		return errNotFloat
	case by.IsInf():
		return errIncrementNaN
	}
	it, old, ok, err := c.peekHash(key)
	if err != nil {
		return err
	}
	if ok {
		if by, err = addToField(&old, field, by); err != nil {
			return err
		}
	}
	sum := by.Append(nil)
	h := c.openFoundHash(key, it)
	c.expireMissed(&h, &old, field)
	h.SetKeeping(field, sum)
	c.Tx.Changed(key, shards.EventHIncrByFloat)
	c.Reply.Bulk(sum)
	return nil
}

// addToField is the sum of a number and that in a field; an absent field counts as 0.
func addToField(h *value.HashView, field []byte, by text.LongDouble) (sum text.LongDouble, err error) {
	val, ok := h.Get(field)
	if !ok {
		return by, nil
	}
	var digits value.IntText
	old, ok := text.ParseLongDouble(val.Bytes(&digits))
	if !ok {
		return sum, errFieldNotFloat
	}
	if sum, err = old.Add(by); errors.Is(err, text.ErrNaNOrInfinity) {
		return sum, errNaN
	}
	return sum, err
}
