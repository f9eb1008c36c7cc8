// split.go: putting together the replies of a command that ran on several shards, part by part. The parts were queued
// in one step under the rule of order, so to everybody else the command happened at once.

package command

import (
	"bufio"

	"respite/proto"
)

// pieces calls fn with the replies of the ith command, one from each part that took part in it, and steps over them.
func (b *batch) pieces(i int, fn func(p *part, it *item)) {
	c := &b.commands[i]
	for _, shard := range b.spread[c.from:c.to] {
		p := b.parts[shard]
		if p.next < len(p.items) && p.items[p.next].command == i {
			fn(p, &p.items[p.next])
			p.next++
		}
	}
}

// writeSplit writes the reply of the ith command, a split one. Where a piece is an error, that is the reply.
func (b *batch) writeSplit(w *bufio.Writer, i int) error {
	c := &b.commands[i]
	var sum int64
	var bad *part
	var badItem *item
	b.pieces(i, func(p *part, it *item) {
		switch {
		case p.reply.Type(it.from) == '-':
			bad, badItem = p, it
		case c.row.Split == SplitSum:
			n, _ := p.reply.ParseInt(it.from, it.to)
			sum += n
		case c.row.Split == SplitArray:
			p.elements = p.reply.Elements(it.from)
		}
	})
	if c.mute {
		return nil
	}
	if bad != nil {
		_, err := bad.reply.WriteTo(w, badItem.from, badItem.to)
		return err
	}
	b.made.Reset(int(c.proto))
	switch c.row.Split {
	case SplitSum:
		b.made.Int(sum)
	case SplitArray:
		b.made.Array(c.to - c.from)
	default:
		b.made.OK()
	}
	if _, err := b.made.WriteTo(w, proto.Mark{}, b.made.Mark()); err != nil || c.row.Split != SplitArray {
		return err
	}
	return b.writeElements(w, c)
}

// writeElements deals the elements of the pieces out in the order of the keys.
func (b *batch) writeElements(w *bufio.Writer, c *pending) error {
	for _, shard := range b.spread[c.from:c.to] {
		p := b.parts[shard]
		from, to, _ := p.elements.Next()
		if _, err := p.reply.WriteTo(w, from, to); err != nil {
			return err
		}
	}
	return nil
}
