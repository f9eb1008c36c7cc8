// list_move.go: LMOVE and RPOPLPUSH. The element is put into its new list first and taken out of the old one then, as Redis's events tell it; so it
// need not be copied, unless both lists are the same.

package command

import (
	"bytes"

	"respite/shards"
	"respite/text"
	"respite/value"
)

func parseEnd(word []byte) (value.End, error) {
	switch {
	case equalFold(word, "left"):
		return value.Left, nil
	case equalFold(word, "right"):
		return value.Right, nil
	}
	return 0, errSyntax
}

// positive reads an integer that is at least 1.
func positive(b []byte) (n int64, ok bool) {
	n, ok = text.ParseInt(b)
	return n, ok && n > 0
}

func lmove(c *Call) error {
	from, err := parseEnd(c.Args[3])
	if err != nil {
		return err
	}
	to, err := parseEnd(c.Args[4])
	if err != nil {
		return err
	}
	return c.moveOrNull(from, to)
}

func rpoplpush(c *Call) error { return c.moveOrNull(value.Right, value.Left) }

func (c *Call) moveOrNull(from, to value.End) error {
	done, err := c.moveElement(c.Args[1], c.Args[2], from, to)
	if err == nil && !done {
		c.Reply.Null()
	}
	return err
}

// moveElement moves the element at one end of a list to one end of another, or of the same, and replies with it; done is false, and
// there is no reply, if the first list is not there.
func (c *Call) moveElement(src, dst []byte, from, to value.End) (done bool, err error) {
	it, ok, err := c.peekList(src)
	if err != nil || !ok {
		return false, err
	}
	target, _, err := c.peekList(dst)
	if err != nil {
		return false, err
	}
	source := c.Tx.WriteFound(src, it)
	if bytes.Equal(src, dst) {
		c.rotate(src, source, from, to)
		return true, nil
	}
	destination := c.Tx.WriteFound(dst, target)
	var e value.ListEnd
	e.Open(source, from)
	c.replyElement(e.Element())
	e.PushTo(destination, to, c.listSize())
	c.Tx.Also(dst, pushEvents[to]) // one change of two keys
	left := e.Take(c.listSize())
	c.Tx.Changed(src, popEvents[from])
	c.dropIfEmpty(source, src, left)
	return true, nil
}

// rotate moves an element within the list that is open.
func (c *Call) rotate(key []byte, slot *shards.Slot, from, to value.End) {
	l := value.ListOf(slot.View())
	e := l.End(from)
	c.replyElement(e)

	counted := l.CountedLen(e)
	c.element = e.Append(c.element[:0])
	value.ListPop(slot, from, 1)
	value.ListGrow(slot, c.listSize(), 1, counted)
	left := value.ListPush(slot, to, c.element)
	c.Tx.Changed(key, pushEvents[to])
	c.Tx.Also(key, popEvents[from])
	c.elementsRemoved(slot, key, left)
}
