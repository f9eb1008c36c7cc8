// bitmap_range.go: BITCOUNT and BITPOS, which look at a string or at a range of it, in bytes or in bits. Both answer for
// an absent key before they look at the words of the range: clients rely on what Redis 7.2 does there, and only later
// versions look at the words first.

package command

import (
	"respite/text"
	"respite/value"
)

// bitRange is the inclusive range of BITCOUNT and BITPOS as a client wrote it; negative ends count from the end.
type bitRange struct {
	start, end int64
	inBits     bool
}

// unit reads the last word of a range, BYTE or BIT.
func (r *bitRange) unit(word []byte) error {
	switch {
	case equalFold(word, "bit"):
		r.inBits = true
	case !equalFold(word, "byte"):
		return errSyntax
	}
	return nil
}

// of is the range of bits, half open, within a text of n bytes.
func (r *bitRange) of(n int) (from, to int64) {
	size, unit := int64(n), int64(bitsPerByte)
	if r.inBits {
		size, unit = size*bitsPerByte, 1
	}
	start, end := r.start, r.end
	if start < 0 {
		start = max(start+size, 0)
	}
	if end < 0 {
		end = max(end+size, 0)
	}
	end = min(end, size-1)
	if start > end {
		return 0, 0
	}
	return start * unit, (end + 1) * unit
}

// backward reports whether the range runs from one end to another before it, both counted from the end of the text.
// BITCOUNT then counts nothing, even where both ends are before the text, and does not look at the unit; BITPOS makes no
// such difference.
func (r *bitRange) backward() bool { return r.start < 0 && r.end < 0 && r.start > r.end }

func bitcount(c *Call) error {
	b, ok, err := c.String(c.Args[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Int(0)
		return nil
	}
	r, err := countRange(c.Args[2:])
	if err != nil {
		return err
	}
	from, to := r.of(len(b))
	if r.backward() {
		from = to
	}
	c.longBytes(int(to-from) / bitsPerByte)
	c.Reply.Int(value.CountBits(b, from, to))
	return nil
}

// countRange reads what follows the key of BITCOUNT.
func countRange(words [][]byte) (r bitRange, err error) {
	if len(words) == 0 {
		return bitRange{end: -1}, nil
	}
	if len(words) != 2 && len(words) != 3 {
		return r, errSyntax
	}
	var startOK, endOK bool
	r.start, startOK = text.ParseInt(words[0])
	r.end, endOK = text.ParseInt(words[1])
	switch {
	case !startOK || !endOK:
		err = errNotInteger
	case len(words) == 3 && !r.backward():
		err = r.unit(words[2])
	}
	return r, err
}

const errFindBit = Error("ERR The bit argument must be 1 or 0.")

func bitpos(c *Call) error {
	bit, err := c.Int(2)
	if err != nil {
		return err
	}
	if bit != 0 && bit != 1 {
		return errFindBit
	}
	b, ok, err := c.String(c.Args[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Int(-bit)
		return nil
	}
	r, endless, err := findRange(c.Args[3:])
	if err != nil {
		return err
	}
	from, to := r.of(len(b))
	c.longBytes(int(to-from) / bitsPerByte)
	at := value.FindBit(b, bit == 1, from, to)
	if at < 0 && endless && bit == 0 && from < to {
		at = to // behind the text are zeros, for who does not say where it ends
	}
	c.Reply.Int(at)
	return nil
}

// findRange reads what follows the bit of BITPOS; endless says that it names no end.
func findRange(words [][]byte) (r bitRange, endless bool, err error) {
	r.end = -1
	if len(words) > 3 {
		return r, false, errSyntax
	}
	var ok bool
	if len(words) > 0 {
		if r.start, ok = text.ParseInt(words[0]); !ok {
			return r, false, errNotInteger
		}
	}
	if len(words) > 2 {
		if err := r.unit(words[2]); err != nil {
			return r, false, err
		}
	}
	if len(words) > 1 {
		if r.end, ok = text.ParseInt(words[1]); !ok {
			return r, false, errNotInteger
		}
	}
	return r, len(words) < 2, nil
}
