// bitmap_op.go: BITOP. The result is made apart from the keyspace, so the key that it goes to may be one of its sources.

package command

import (
	"respite/shards"
	"respite/value"
)

const errNotOfSeveral = Error("ERR BITOP NOT must be called with a single source key.")

// bitOperation is the first word of BITOP.
type bitOperation struct {
	op     value.BitOp
	invert bool // NOT, which has no op
}

func parseBitOperation(word []byte) (o bitOperation, err error) {
	switch {
	case equalFold(word, "and"):
		o.op = value.BitAnd
	case equalFold(word, "or"):
		o.op = value.BitOr
	case equalFold(word, "xor"):
		o.op = value.BitXor
	case equalFold(word, "not"):
		o.invert = true
	default:
		err = errSyntax
	}
	return o, err
}

func bitop(c *Call) error {
	o, err := parseBitOperation(c.Args[1])
	if err != nil {
		return err
	}
	target, sources := c.Args[2], c.Args[3:]
	if o.invert && len(sources) > 1 {
		return errNotOfSeveral
	}
	texts, longest, err := c.bitTexts(sources)
	if err != nil {
		return err
	}
	if longest == 0 {
		if c.Tx.Delete(target) {
			c.Tx.Changed(target, shards.EventDel)
		}
		c.Reply.Int(0)
		return nil
	}
	c.longBytes(longest * len(texts))
	result := o.combine(texts, longest)
	slot := c.Tx.Write(target)
	slot.PutOwned(value.KindRaw, result)
	slot.Persist()
	c.Tx.Changed(target, shards.EventSet)
	c.Reply.Int(int64(longest))
	return nil
}

// bitTexts are the texts of some strings, empty for absent keys, and the length of the longest. Integers have digits of
// their own: there are several texts at once.
func (c *Call) bitTexts(keys [][]byte) (texts [][]byte, longest int, err error) {
	texts = make([][]byte, len(keys))
	for i, key := range keys {
		it, ok, err := c.StringItem(key)
		if err != nil {
			return nil, 0, err
		}
		if ok {
			texts[i] = value.StringBytes(it.Kind(), it.Value(), nil)
		}
		longest = max(longest, len(texts[i]))
	}
	return texts, longest, nil
}

// combine is the result over texts of at most n bytes; shorter ones count as filled up with zeros.
func (o bitOperation) combine(texts [][]byte, n int) []byte {
	result := make([]byte, n)
	if o.invert {
		value.Invert(result, texts[0])
		return result
	}
	copy(result, texts[0])
	for _, b := range texts[1:] {
		o.op.Combine(result, b)
	}
	return result
}
