// set_reply.go: the reply of SUNION and SDIFF. Redis puts the result together as a set and then writes that, so a small result comes in the
// order of an intset or a listpack, which clients see; the order of a large one means nothing. So a result is put together only as long as it may
// be small. From there on members are written as they come, and of those that came what is kept is where they stand in the reply.

package command

import "respite/value"

// setReply takes members and writes them as one set.
type setReply struct {
	c         *Call
	mayRepeat bool        // members may come again
	spilled   bool        // there are too many for c.set, where they are until then
	at, n     int         // then, the place of the reply and how many have been written
	seen      *value.Seen // and, if they may come again, which
}

func (c *Call) newSetReply() setReply {
	c.set = value.NewSet(&c.draft, nil, c.Tx.Encoding(), value.Ints)
	c.set.KeepPacked()
	return setReply{c: c}
}

func (r *setReply) add(e value.Element) {
	if !r.spilled {
		if r.c.set.AddElement(e); !r.c.set.Full() {
			return
		}
		r.spill()
	}
	r.write(e)
}

// spill begins to write.
func (r *setReply) spill() {
	r.spilled = true
	reply := r.c.Reply
	r.at = reply.DeferSet()
	if r.mayRepeat {
		r.seen = value.NewSeen(reply.BulkAt)
	}
	members := r.c.set.Members()
	it := members.Iter()
	for it.Next() {
		r.write(it.Element())
	}
}

func (r *setReply) write(e value.Element) {
	if r.seen != nil {
		var digits value.IntText
		if !r.seen.Add(e.Bytes(&digits), r.c.Reply.Place()) {
			return
		}
	}
	r.c.replyElement(e)
	r.n++
}

// end ends the reply; nothing may be added afterwards.
func (r *setReply) end() {
	if r.spilled {
		r.c.Reply.SetSet(r.at, r.n)
		return
	}
	members := r.c.set.Members()
	r.c.Reply.Set(members.Len())
	r.c.replyMembers(&members)
}
