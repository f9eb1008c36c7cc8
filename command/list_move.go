// list_move.go: LMOVE and RPOPLPUSH. The element is put into its new list first and taken out of the old one then, as Redis's events tell it; so it
// need not be copied, unless both lists are the same.

package command

import (
	"bytes"

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
	if done, err = c.check(src, value.List); !done {
		return false, err
	}
	if _, err := c.check(dst, value.List); err != nil {
		return false, err
	}
	if bytes.Equal(src, dst) {
		c.rotate(src, from, to)
		return true, nil
	}
	source, target := &c.cells[0], &c.cells[1]
	*target, *source = c.Tx.Write(dst), c.Tx.Write(src)
	l := value.ListOf(source.View())
	e := l.End(from)
	c.replyElement(e)

	var digits value.IntText
	elem := e.Bytes(&digits)
	value.ListGrow(target, c.listSize(), 1, l.CountedLen(e))
	value.ListPush(target, to, elem)
	c.Tx.Changed(dst, pushEvents[to])
	left := value.ListPop(source, from, 1)
	c.Tx.Changed(src, popEvents[from])
	c.elementsRemoved(source, src, left)
	return true, nil
}

// rotate moves an element within a list.
func (c *Call) rotate(key []byte, from, to value.End) {
	cell := &c.cells[0]
	*cell = c.Tx.Write(key)
	l := value.ListOf(cell.View())
	e := l.End(from)
	c.replyElement(e)

	counted := l.CountedLen(e)
	c.element = e.Append(c.element[:0])
	value.ListPop(cell, from, 1)
	value.ListGrow(cell, c.listSize(), 1, counted)
	left := value.ListPush(cell, to, c.element)
	c.Tx.Changed(key, pushEvents[to])
	c.Tx.Also(key, popEvents[from])
	c.elementsRemoved(cell, key, left)
}
