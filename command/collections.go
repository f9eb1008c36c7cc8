// collections.go: what the commands of all collections share: how they find and open a key of their type, what becomes of one that is
// empty, and HSCAN, SSCAN and ZSCAN, which differ only in what they return of an element.

package command

import (
	"strconv"

	"respite/shards"
	"respite/value"
)

// view finds a key of a type to read; ok is false if it is absent.
func (c *Call) view(key []byte, want value.Type) (v value.View, ok bool, err error) {
	it, ok := c.Tx.Read(key)
	if !ok {
		return v, false, nil
	}
	if it.Type() != want {
		return v, false, errWrongType
	}
	return it.View(), true, nil
}

// peek looks without a trace at a key that a command is about to change, and refuses one that is of another type; without ok it is absent.
func (c *Call) peek(key []byte, want value.Type) (it shards.Item, ok bool, err error) {
	it, ok = c.Tx.Peek(key)
	if ok && it.Type() != want {
		return it, false, errWrongType
	}
	return it, ok, nil
}

// check reports whether a key is there, and refuses one that is of another type, without a trace.
func (c *Call) check(key []byte, want value.Type) (ok bool, err error) {
	_, ok, err = c.peek(key, want)
	return ok, err
}

// open opens a key of a type, present or not, for change.
func (c *Call) open(key []byte, want value.Type) (slot *shards.Slot, err error) {
	it, _, err := c.peek(key, want)
	if err != nil {
		return slot, err
	}
	return c.Tx.WriteFound(key, it), nil
}

// openExisting opens a key of a type for change; ok is false if it is absent.
func (c *Call) openExisting(key []byte, want value.Type) (slot *shards.Slot, ok bool, err error) {
	it, ok, err := c.peek(key, want)
	if !ok {
		return slot, false, err
	}
	return c.Tx.WriteFound(key, it), true, nil
}

// dropIfEmpty removes a collection that has nothing left: there are no empty ones.
func (c *Call) dropIfEmpty(slot *shards.Slot, key []byte, length int) {
	if length == 0 {
		slot.Delete()
		c.Tx.Also(key, shards.EventDel)
	}
}

// replyElement answers with an element of a collection.
func (c *Call) replyElement(e value.Element) {
	if c.replied++; c.replied&(breath-1) == 0 {
		c.breathe()
	}
	if e.IsInt {
		c.Reply.BulkInt(e.Int)
		return
	}
	c.Reply.Bulk(e.Text)
}

// maxRepeated is how long, in bytes, a reply may become in which elements come several times: a client may ask for any number of them.
// Where client-output-buffer-limit is less, the client goes.
const maxRepeated = 256 << 20

// drawsOn refuses a HRANDFIELD, SRANDMEMBER or ZRANDMEMBER whose reply has become too long.
func (c *Call) drawsOn() error {
	n := int64(c.Reply.Len())
	if n > maxRepeated || c.Session != nil && !c.Session.admits(n) {
		return errOOM
	}
	return nil
}

// elementScan is one call of HSCAN, SSCAN or ZSCAN.
type elementScan struct {
	c      *Call
	cursor uint64
	filter scanFilter
	found  int // what has been replied of each element, counted flat
}

// wants reports whether the name of an element fits the pattern.
func (s *elementScan) wants(name value.Element) bool {
	var digits value.IntText
	return !s.filter.matched || s.filter.matches(name.Bytes(&digits))
}

func (s *elementScan) reply(e value.Element) {
	s.c.replyElement(e)
	s.found++
}

// scanElements is HSCAN, SSCAN and ZSCAN: scan goes over about count elements from the cursor on, replies what is wanted, and returns the
// cursor to go on from. A view of a key that is not there is never asked for.
func (c *Call) scanElements(want value.Type, scan func(v value.View, s *elementScan) (next uint64)) error {
	cursor, ok := parseCursor(c.Args[2])
	if !ok {
		return errCursor
	}
	v, ok, err := c.view(c.Args[1], want)
	if err != nil {
		return err
	}
	s, next := elementScan{c: c, cursor: cursor}, uint64(0)
	at := c.beginScan()
	if ok {
		if s.filter, err = parseScanFilter(c, 3, want); err != nil {
			return err
		}
		c.long(min(s.filter.count, v.Entries()))
		next = scan(v, &s)
	}
	c.endScan(at, next, s.found)
	return nil
}

// scanPlaces are the places of what is known of a scan only when it is over.
type scanPlaces struct{ cursor, elements int }

// beginScan begins the reply to one call of a scan, which what is found is to follow.
func (c *Call) beginScan() (at scanPlaces) {
	c.Reply.Array(2)
	at.cursor = c.Reply.DeferBulk()
	at.elements = c.Reply.DeferArray()
	return at
}

// endScan ends the reply to a scan that has found n elements and goes on from a cursor.
func (c *Call) endScan(at scanPlaces, next uint64, n int) {
	c.Reply.SetArray(at.elements, n)
	c.Reply.SetBulk(at.cursor, strconv.AppendUint(c.digits[:0], next, 10))
}
