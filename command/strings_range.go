// strings_range.go: the commands that work on a part of a string's text. A string that was changed in place is raw text
// from then on, whatever it spells: OBJECT ENCODING shows it, as with Redis. Changes cost what they touch, not what the
// string is long.

package command

import (
	"respite/proto"
	"respite/shards"
	"respite/value"
)

const errOffset = Error("ERR offset is out of range")

// appendText is APPEND. What it creates is encoded as SET would.
func appendText(c *Call) error {
	key, more := c.Args[1], c.Args[2]
	it, ok, err := c.peekString(key)
	if err != nil {
		return err
	}
	n := 0
	if ok {
		if n, err = c.lengthWith(value.StringLen(it.Kind(), it.Value()), len(more)); err != nil {
			return err
		}
	}
	slot := c.Tx.Write(key)
	if ok {
		c.openText(slot)
		copy(slot.Resize(n)[n-len(more):], more)
	} else {
		n = len(more)
		c.PutString(slot, more)
	}
	c.Tx.Changed(key, shards.EventAppend)
	c.Reply.Int(int64(n))
	return nil
}

// lengthWith is the length of a text of n bytes with more behind, unless that is more than a string may have.
func (c *Call) lengthWith(n, more int) (int, error) {
	if int64(more) > c.Server.config.Now().ProtoMaxBulkLen-int64(n) {
		return 0, errTooLong
	}
	return n + more, nil
}

// openText makes what an open key holds, a string or nothing, raw text that may be changed in place.
func (c *Call) openText(slot *shards.Slot) {
	switch {
	case !slot.Exists():
		slot.Put(value.KindRaw, nil)
	case slot.Item().Kind() == value.KindInt:
		slot.Put(value.KindRaw, c.text(slot.Item()))
	default:
		slot.SetKind(value.KindRaw)
	}
}

// setrange writes over a string from an offset on; the bytes between its old end and the offset are zeros. Nothing to
// write changes nothing, and creates nothing.
func setrange(c *Call) error {
	key, patch := c.Args[1], c.Args[3]
	offset, err := c.Int(2)
	if err != nil {
		return err
	}
	if offset < 0 {
		return errOffset
	}
	it, ok, err := c.peekString(key)
	if err != nil {
		return err
	}
	n := 0
	if ok {
		n = value.StringLen(it.Kind(), it.Value())
	}
	if len(patch) == 0 {
		c.Reply.Int(int64(n))
		return nil
	}
	end, err := c.lengthWith(int(offset), len(patch))
	if err != nil {
		return err
	}
	slot := c.Tx.Write(key)
	c.openText(slot)
	copy(textOfLength(slot, n, end)[offset:], patch)
	c.Tx.Changed(key, shards.EventSetRange)
	c.Reply.Int(int64(max(n, end)))
	return nil
}

// textOfLength opens a raw text of n bytes for change in place, made longer if it has less than atLeast.
func textOfLength(slot *shards.Slot, n, atLeast int) []byte {
	if n >= atLeast {
		return slot.Mutable()
	}
	return slot.Resize(atLeast)
}

// getrange is GETRANGE, and SUBSTR, its old name.
func getrange(c *Call) error {
	start, err := c.Int(2)
	if err != nil {
		return err
	}
	end, err := c.Int(3)
	if err != nil {
		return err
	}
	it, ok, err := c.StringItem(c.Args[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Bulk(nil)
		return nil
	}
	c.replyPart(it, start, end)
	return nil
}

// replyPart answers with a part of a string item's text, by reference if it is large.
func (c *Call) replyPart(it shards.Item, start, end int64) {
	whole := c.text(it)
	from, to := byteRange(start, end, len(whole))
	if to-from < proto.BigArg {
		c.Reply.Bulk(whole[from:to])
		return
	}
	if big, ok := it.Share(); ok {
		c.Reply.Ref(big[from:to])
	}
}

// byteRange turns the inclusive range of a text of n bytes, whose negative ends count from the end of the text, into
// a slice of it.
func byteRange(start, end int64, n int) (from, to int) {
	size := int64(n)
	if start < 0 && end < 0 && start > end {
		return 0, 0
	}
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
	return int(start), int(end + 1)
}
