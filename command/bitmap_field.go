// bitmap_field.go: BITFIELD and BITFIELD_RO, which work on integers of any width at any bit of a string. All operations
// are read before the first is carried out. One that writes makes the string long enough for all that write, even if
// it then fails by overflow: the zeros stay, and notifications are silent about them.

package command

import (
	"bytes"

	"respite/shards"
	"respite/text"
	"respite/value"
)

const (
	errFieldType     = Error("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
	errFieldOverflow = Error("ERR Invalid OVERFLOW type specified")
	errFieldReadOnly = Error("ERR BITFIELD_RO only supports the GET subcommand")
)

// fieldVerb is what an operation of BITFIELD does.
type fieldVerb uint8

const (
	fieldGet fieldVerb = iota
	fieldSet
	fieldIncrBy
)

// words is how many words the verb takes, itself included.
func (v fieldVerb) words() int {
	if v == fieldGet {
		return 3
	}
	return 4
}

// fieldOp is one operation of BITFIELD.
type fieldOp struct {
	verb     fieldVerb
	field    value.BitField
	overflow value.Overflow
	at       int64 // first bit
	n        int64 // the value to set, or to add
}

// last is the last bit of the operation's integer.
func (op *fieldOp) last() int64 { return op.at + int64(op.field.Width) - 1 }

// nextFieldVerb is the verb at the beginning of words; ok is false if there is none, or fewer words than it takes.
func nextFieldVerb(words [][]byte) (v fieldVerb, ok bool) {
	switch word := words[0]; {
	case equalFold(word, "get"):
		v = fieldGet
	case equalFold(word, "set"):
		v = fieldSet
	case equalFold(word, "incrby"):
		v = fieldIncrBy
	default:
		return v, false
	}
	return v, len(words) >= v.words()
}

// isFieldOverflow reports whether words begin with OVERFLOW and a word behind it.
func isFieldOverflow(words [][]byte) bool { return equalFold(words[0], "overflow") && len(words) > 1 }

// fieldOps reads the operations that follow the key.
func (c *Call) fieldOps() (ops []fieldOp, err error) {
	overflow := value.OverflowWrap
	for words := c.Args[2:]; len(words) > 0; {
		if isFieldOverflow(words) {
			if overflow, err = parseFieldOverflow(words[1]); err != nil {
				return nil, err
			}
			words = words[2:]
			continue
		}
		verb, ok := nextFieldVerb(words)
		if !ok {
			return nil, errSyntax
		}
		op, err := c.fieldOp(verb, words[1:verb.words()])
		if err != nil {
			return nil, err
		}
		op.overflow = overflow
		ops = append(ops, op)
		words = words[verb.words():]
	}
	return ops, nil
}

func parseFieldOverflow(word []byte) (value.Overflow, error) {
	switch {
	case equalFold(word, "wrap"):
		return value.OverflowWrap, nil
	case equalFold(word, "sat"):
		return value.OverflowSat, nil
	case equalFold(word, "fail"):
		return value.OverflowFail, nil
	}
	return 0, errFieldOverflow
}

// fieldOp reads what follows a verb: type, offset and, unless it is GET, a number.
func (c *Call) fieldOp(verb fieldVerb, words [][]byte) (op fieldOp, err error) {
	op.verb = verb
	if op.field, err = parseFieldType(words[0]); err != nil {
		return op, err
	}
	if op.at, err = c.fieldOffset(words[1], op.field.Width); err != nil {
		return op, err
	}
	if verb == fieldGet {
		return op, nil
	}
	var ok bool
	if op.n, ok = text.ParseInt(words[2]); !ok {
		return op, errNotInteger
	}
	return op, nil
}

// parseFieldType reads i1 to i64 or u1 to u63. Redis takes the word for a C string.
func parseFieldType(word []byte) (f value.BitField, err error) {
	word, _, _ = bytes.Cut(word, []byte{0})
	if len(word) == 0 {
		return f, errFieldType
	}
	most := int64(value.MaxUnsignedWidth)
	switch word[0] {
	case 'i':
		f.Signed, most = true, value.MaxSignedWidth
	case 'u':
	default:
		return f, errFieldType
	}
	width, ok := text.ParseInt(word[1:])
	if !ok || width < 1 || width > most {
		return f, errFieldType
	}
	f.Width = int(width)
	return f, nil
}

// fieldOffset reads an offset: in bits, or after # in widths. A product that wraps into the range is in range, as in
// Redis.
func (c *Call) fieldOffset(word []byte, width int) (int64, error) {
	if len(word) == 0 || word[0] != '#' {
		return c.bitOffset(word)
	}
	n, ok := text.ParseInt(word[1:])
	n *= int64(width)
	if !ok || !c.isBitOffset(n) {
		return 0, errBitOffset
	}
	return n, nil
}

func bitfield(c *Call) error {
	ops, err := c.fieldOps()
	if err != nil {
		return err
	}
	last := lastWritten(ops)
	if last < 0 {
		return c.readFields(ops)
	}
	key := c.Args[1]
	b, grown, err := c.openBits(key, last)
	if err != nil {
		return err
	}
	changed := 0
	c.Reply.Array(len(ops))
	for i := range ops {
		if c.runField(b, &ops[i], grown) {
			changed++
		}
	}
	switch {
	case changed > 0:
		c.Tx.ChangedBy(key, shards.EventSetBit, changed)
	case grown:
		c.Tx.ChangedBy(key, shards.EventSilent, 0) // Redis takes it for no change
	}
	return nil
}

func bitfieldRO(c *Call) error {
	ops, err := c.fieldOps()
	if err != nil {
		return err
	}
	if lastWritten(ops) >= 0 {
		return errFieldReadOnly
	}
	return c.readFields(ops)
}

// lastWritten is the last bit that an operation writes, -1 if none does.
func lastWritten(ops []fieldOp) int64 {
	last := int64(-1)
	for i := range ops {
		if ops[i].verb != fieldGet {
			last = max(last, ops[i].last())
		}
	}
	return last
}

// readFields carries out operations that only read.
func (c *Call) readFields(ops []fieldOp) error {
	b, _, err := c.String(c.Args[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(ops))
	for i := range ops {
		c.Reply.Int(ops[i].field.Load(b, ops[i].at))
	}
	return nil
}

// runField carries out an operation on the text of a string, answers it, and reports whether that is a change; in a text
// that was made longer, whatever is written is one.
func (c *Call) runField(b []byte, op *fieldOp, grown bool) bool {
	old := op.field.Load(b, op.at)
	n, by := old, op.n
	switch op.verb {
	case fieldGet:
		c.Reply.Int(old)
		return false
	case fieldSet:
		n, by = op.n, 0
	}
	n, ok := op.field.Add(n, by, op.overflow)
	switch {
	case !ok:
		c.Reply.Null()
		return false
	case op.verb == fieldSet:
		c.Reply.Int(old)
	default:
		c.Reply.Int(n)
	}
	op.field.Store(b, op.at, n)
	return grown || n != old
}

// bitfieldFlags is what a BITFIELD does with its key: one whose words do not fit may well write.
func bitfieldFlags(args [][]byte) KeyFlags {
	for words := args[2:]; len(words) > 0; {
		verb, ok := nextFieldVerb(words)
		switch {
		case isFieldOverflow(words):
			words = words[2:]
		case ok && verb == fieldGet:
			words = words[verb.words():]
		default:
			return RW | Access | Update
		}
	}
	return RO | Access
}
