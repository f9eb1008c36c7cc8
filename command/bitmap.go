// bitmap.go: the rows of the bitmap commands, and those that touch one bit. What counts and searches is in
// bitmap_range.go, what combines strings in bitmap_op.go, what works on integers of any width in bitmap_field.go.
//
// A bitmap is a string. Changes are made in its text, in place, and cost what they touch; like any string that was
// changed so it is raw from then on, even if the bits were as asked for before.

package command

import (
	"respite/shards"
	"respite/text"
	"respite/value"
)

func bitmapRows() []Row {
	return []Row{
		{
			Name: "bitcount", Arity: -2, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: bitcount,
			Since: "2.6.0", Cost: "O(N) in the bytes looked at", Doc: "Counts the set bits of a string, or of a part of it.",
		},
		{
			Name: "bitfield", Arity: -2, Flags: Write | DenyOOM, Run: bitfield,
			Keys:  noted(keys(RW|Access|Update|VariableFlags, 1, 1, 1), bitfieldNotes),
			Since: "3.2.0", Cost: "O(1) for each operation", Doc: "Reads, sets and increments integers of any width within a string.",
		},
		{
			Name: "bitfield_ro", Arity: -2, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: bitfieldRO,
			Since: "6.0.0", Cost: "O(1) for each operation", Doc: "Reads integers of any width within a string.",
		},
		{
			Name: "bitop", Arity: -4, Flags: Write | DenyOOM, Run: bitop,
			Keys:  []KeySpec{keys(OW|Update, 2, 2, 1)[0], keys(RO|Access, 3, -1, 1)[0]},
			Since: "2.6.0", Cost: "O(N) in the bytes of all strings", Doc: "Combines strings bit by bit and keeps the result.",
		},
		{
			Name: "bitpos", Arity: -3, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: bitpos,
			Since: "2.8.7", Cost: "O(N) in the bytes looked at", Doc: "Finds the first set or clear bit of a string, or of a part of it.",
		},
		{
			Name: "getbit", Arity: 3, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: getbit,
			Since: "2.2.0", Cost: "O(1)", Doc: "Returns a bit of a string.",
		},
		{
			Name: "setbit", Arity: 4, Flags: Write | DenyOOM, Keys: keys(RW|Access|Update, 1, 1, 1), Run: setbit,
			Since: "2.2.0", Cost: "O(1), and O(N) in the zeros before a bit past the end",
			Doc: "Sets or clears a bit of a string, creating or extending it if needed, and returns what the bit was.",
		},
	}
}

// bitfieldNotes is the remark of Redis on the keys of BITFIELD.
const bitfieldNotes = "This command allows both access and modification of the key"

const (
	errBitOffset = Error("ERR bit offset is not an integer or out of range")
	errBit       = Error("ERR bit is not an integer or out of range")
)

const bitsPerByte = 8

// bitOffset reads the position of a bit; the byte that it is in must be one that a string may have.
func (c *Call) bitOffset(word []byte) (int64, error) {
	n, ok := text.ParseInt(word)
	if !ok || !c.isBitOffset(n) {
		return 0, errBitOffset
	}
	return n, nil
}

func (c *Call) isBitOffset(n int64) bool {
	return n >= 0 && n/bitsPerByte < c.Server.config.Now().ProtoMaxBulkLen
}

func getbit(c *Call) error {
	at, err := c.bitOffset(c.Args[2])
	if err != nil {
		return err
	}
	b, _, err := c.String(c.Args[1])
	if err != nil {
		return err
	}
	c.replyBit(value.Bit(b, at))
	return nil
}

func (c *Call) replyBit(on bool) {
	if on {
		c.Reply.Int(1)
		return
	}
	c.Reply.Int(0)
}

func setbit(c *Call) error {
	key := c.Args[1]
	at, err := c.bitOffset(c.Args[2])
	if err != nil {
		return err
	}
	bit, ok := text.ParseInt(c.Args[3])
	if !ok || bit != 0 && bit != 1 {
		return errBit
	}
	b, grown, err := c.openBits(key, at)
	if err != nil {
		return err
	}
	was, on := value.Bit(b, at), bit == 1
	if grown || was != on {
		value.SetBit(b, at, on)
		c.Tx.Changed(key, shards.EventSetBit)
	}
	c.replyBit(was)
	return nil
}

// openBits opens the text of a string for change in place, made long enough to have a bit at last, and reports whether
// that took zeros, or a new key.
func (c *Call) openBits(key []byte, last int64) (b []byte, grown bool, err error) {
	it, ok, err := c.peekString(key)
	if err != nil {
		return nil, false, err
	}
	n, need := 0, int(last/bitsPerByte)+1
	if ok {
		n = value.StringLen(it.Kind(), it.Value())
	}
	slot := c.Tx.Write(key)
	c.openText(slot)
	return textOfLength(slot, n, need), need > n, nil
}
