// stream_read.go: the commands that read entries: XRANGE, XREVRANGE, XREAD.

package command

import (
	"math"

	"respite/value"
)

func streamReadRows() []Row {
	return []Row{
		{
			Name: "xrange", Arity: -4, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: xrange,
			Since: "5.0.0", Cost: "O(N) in the number of entries returned", Doc: "Returns the entries of a stream within a range of ids.",
		},
		{
			Name: "xrevrange", Arity: -4, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: xrevrange,
			Since: "5.0.0", Cost: "O(N) in the number of entries returned",
			Doc: "Returns the entries of a stream within a range of ids, in reverse order.",
		},
	}
}

// The refusals of an exclusive bound beyond which there is no id.
const (
	errStreamStart = Error("ERR invalid start ID for the interval")
	errStreamEnd   = Error("ERR invalid end ID for the interval")
)

// streamBound reads one bound of a range, and reports whether it is exclusive. Exclusive ones cannot be - or +.
func streamBound(b []byte, missing uint64) (id value.StreamID, exclusive, ok bool) {
	if len(b) > 1 && b[0] == '(' {
		id, ok = value.ParseStreamID(b[1:], missing)
		return id, true, ok
	}
	switch text := string(printed(b, len(b))); text {
	case "-":
		return value.StreamID{}, false, true
	case "+":
		return value.MaxStreamID, false, true
	}
	id, ok = value.ParseStreamID(b, missing)
	return id, false, ok
}

// streamStart reads the lower bound of a range.
func streamStart(b []byte) (value.StreamID, error) {
	id, exclusive, ok := streamBound(b, 0)
	if !ok {
		return id, errStreamID
	}
	if exclusive {
		if id, ok = id.Next(); !ok {
			return id, errStreamStart
		}
	}
	return id, nil
}

// streamRange reads both bounds of a range.
func streamRange(start, end []byte) (from, to value.StreamID, err error) {
	if from, err = streamStart(start); err != nil {
		return from, to, err
	}
	to, exclusive, ok := streamBound(end, math.MaxUint64)
	if !ok {
		return from, to, errStreamID
	}
	if exclusive {
		if to, ok = to.Prev(); !ok {
			return from, to, errStreamEnd
		}
	}
	return from, to, nil
}

func xrange(c *Call) error { return c.streamRange(c.Args[2], c.Args[3], false) }

func xrevrange(c *Call) error { return c.streamRange(c.Args[3], c.Args[2], true) }

const noCount = -1 // COUNT was not given

func (c *Call) streamRange(start, end []byte, reverse bool) error {
	from, to, err := streamRange(start, end)
	if err != nil {
		return err
	}
	count := int64(noCount)
	for i := 4; i < len(c.Args); i += 2 {
		if !c.Option(i, "count") || i+1 == len(c.Args) {
			return errSyntax
		}
		if count, err = c.Int(i + 1); err != nil {
			return err
		}
		count = max(count, 0)
	}
	v, ok, err := c.view(c.Args[1], value.Stream)
	switch {
	case err != nil:
		return err
	case !ok:
		c.Reply.Array(0)
	case count == 0:
		c.Reply.NullArray()
	default:
		s := value.OpenStream(v)
		w := s.Range(from, to, reverse)
		c.replyEntries(&w, max(count, 0))
	}
	return nil
}

// replyEntries answers with the entries of a walk, count at most, or with count 0 all.
func (c *Call) replyEntries(w *value.StreamWalk, count int64) {
	at, n := c.Reply.DeferArray(), int64(0)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		c.replyEntry(&e)
		if n++; n == count {
			break
		}
		c.longAfter(n)
	}
	c.Reply.SetArray(at, int(n))
}

// replyEntry answers with an id and an array of fields and values.
func (c *Call) replyEntry(e *value.StreamEntry) {
	c.Reply.Array(2)
	c.replyID(e.ID)
	c.Reply.Array(2 * e.Fields)
	for range e.Fields {
		field, val := e.Pair()
		c.replyElement(field)
		c.replyElement(val)
	}
}
