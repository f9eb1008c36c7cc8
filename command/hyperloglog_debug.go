// hyperloglog_debug.go: PFDEBUG. Its subcommands are not rows of their own, for Redis looks at the key before it looks at
// which it is.

package command

import (
	"fmt"

	"respite/shards"
	"respite/value"
)

const (
	errNoSketch  = Error("ERR The specified key does not exist")
	errNotSparse = Error("ERR HLL encoding is not sparse")
)

func pfdebug(c *Call) error {
	key := c.Args[2]
	it, ok := c.Tx.Peek(key)
	if !ok {
		return errNoSketch
	}
	h, err := c.rawSketch(key, it)
	if err != nil {
		return err
	}
	switch {
	case c.Option(1, "getreg"):
		return c.sketchRegisters(key, h)
	case c.Option(1, "decode"):
		return c.sketchRuns(h)
	case c.Option(1, "encoding"):
		c.sketchEncoding(h)
		return nil
	case c.Option(1, "todense"):
		return c.sketchToDense(key, h)
	}
	return Error(fmt.Sprintf("ERR Unknown PFDEBUG subcommand '%s'", printed(c.Args[1], len(c.Args[1]))))
}

// sketchRegisters is PFDEBUG GETREG, which leaves the sketch dense.
func (c *Call) sketchRegisters(key []byte, h value.HyperLogLog) error {
	var registers value.RegisterSet
	if err := h.Merge(&registers); err != nil {
		return errCorruptSketch
	}
	if _, err := c.makeDense(key, h); err != nil {
		return err
	}
	c.Reply.Array(len(registers))
	for _, v := range registers {
		c.Reply.Int(int64(v))
	}
	return nil
}

// makeDense makes the sketch at a key dense and reports whether that was a change. Notifications are silent about it.
func (c *Call) makeDense(key []byte, h value.HyperLogLog) (changed bool, err error) {
	if h.IsDense() {
		return false, nil
	}
	err = c.changeSketch(key, h, value.HyperLogLog.Dense)
	if err != nil {
		return false, err
	}
	c.Tx.Changed(key, shards.EventSilent)
	return true, nil
}

// sketchRuns is PFDEBUG DECODE.
func (c *Call) sketchRuns(h value.HyperLogLog) error {
	if h.IsDense() {
		return errNotSparse
	}
	c.Reply.Bulk(h.AppendRuns(nil))
	return nil
}

// sketchEncoding is PFDEBUG ENCODING.
func (c *Call) sketchEncoding(h value.HyperLogLog) {
	if h.IsDense() {
		c.Reply.Simple("dense")
		return
	}
	c.Reply.Simple("sparse")
}

// sketchToDense is PFDEBUG TODENSE.
func (c *Call) sketchToDense(key []byte, h value.HyperLogLog) error {
	changed, err := c.makeDense(key, h)
	if err != nil {
		return err
	}
	c.replyBit(changed)
	return nil
}
