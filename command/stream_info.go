// stream_info.go: XINFO, what is known of a stream, its groups and their consumers.

package command

import (
	"respite/proto"
	"respite/value"
)

func streamInfoRows() []Row {
	return []Row{{
		Name: "xinfo", Arity: -2, Since: "5.0.0", Cost: "Depends on the subcommand.",
		Doc: "Looks at a stream from within.", Sub: []Row{
			{
				Name: "consumers", Arity: 4, Flags: ReadOnly, Keys: keys(RO|Access, 2, 2, 1), Run: xinfoConsumers,
				Since: "5.0.0", Cost: "O(N) in the number of consumers", Doc: "Returns the consumers of a group.",
				Tips: []string{"nondeterministic_output"},
			},
			{
				Name: "groups", Arity: 3, Flags: ReadOnly, Keys: keys(RO|Access, 2, 2, 1), Run: xinfoGroups,
				Since: "5.0.0", Cost: "O(N) in the number of groups", Doc: "Returns the consumer groups of a stream.",
			},
			{
				Name: "stream", Arity: -3, Flags: ReadOnly, Keys: keys(RO|Access, 2, 2, 1), Run: xinfoStream,
				Since: "5.0.0", Cost: "O(N) in the number of nodes that the stream's entries are in", Doc: "Returns what is known of a stream.",
			},
			{
				Name: "help", Arity: 2, Flags: Loading | Stale, Place: OnConnection, Run: xinfoHelp,
				Since: "5.0.0", Cost: "O(1)", Doc: "Returns a text about the subcommands.",
			},
		},
	}}
}

func xinfoHelp(c *Call) error {
	return c.help(
		"CONSUMERS <key> <groupname>",
		"    Show consumers of <groupname>.",
		"GROUPS <key>",
		"    Show the stream consumer groups.",
		"STREAM <key> [FULL [COUNT <count>]",
		"    Show information about the stream.",
	)
}

// infoStream finds the stream that XINFO is asked about.
func (c *Call) infoStream() (s value.StreamLog, err error) {
	v, ok, err := c.view(c.Args[2], value.Stream)
	if err == nil && !ok {
		err = errNoKey
	}
	if err != nil {
		return s, err
	}
	return value.OpenStream(v), nil
}

func xinfoConsumers(c *Call) error {
	s, err := c.infoStream()
	if err != nil {
		return err
	}
	g, ok := s.Group(c.Args[3])
	if !ok {
		return errNoGroup(c.Args[2], c.Args[3])
	}
	now := c.Tx.Now()
	c.Reply.Array(g.Consumers())
	g.EachConsumer(func(name []byte, k value.Consumer) {
		c.Reply.Map(4)
		c.field("name").Bulk(name)
		c.field("pending").Int(int64(g.Held(k)))
		c.field("idle").Int(max(now-k.Seen, 0))
		inactive := k.Active
		if inactive != value.NeverActive {
			inactive = now - inactive
		}
		c.field("inactive").Int(inactive)
	})
	return nil
}

func xinfoGroups(c *Call) error {
	s, err := c.infoStream()
	if err != nil {
		return err
	}
	c.Reply.Array(s.Groups())
	s.EachGroup(func(name []byte, g *value.Group) {
		c.Reply.Map(6)
		c.field("name").Bulk(name)
		c.field("consumers").Int(int64(g.Consumers()))
		c.field("pending").Int(int64(g.Pending()))
		c.replyProgress(&s, g)
	})
	return nil
}

// replyProgress answers with how far a group has read.
func (c *Call) replyProgress(s *value.StreamLog, g *value.Group) {
	c.fieldID("last-delivered-id", g.LastID)
	if c.field("entries-read"); g.Read == value.UnknownRead {
		c.Reply.Null()
	} else {
		c.Reply.Int(g.Read)
	}
	c.field("lag")
	if lag, ok := s.Lag(g); ok {
		c.Reply.Int(lag)
	} else {
		c.Reply.Null()
	}
}

const (
	defaultInfoCount = 10
	infoOptionsAt    = 3 // where FULL stands
)

// parseInfo reads FULL and COUNT.
func (c *Call) parseInfo() (full bool, count int64, err error) {
	opts := c.Args[infoOptionsAt:]
	switch {
	case len(opts) == 0:
		return false, 0, nil
	case len(opts) != 1 && len(opts) != 3, !c.Option(infoOptionsAt, "full"),
		len(opts) == 3 && !c.Option(infoOptionsAt+1, "count"):
		return false, 0, errSubcommandArgs(c)
	case len(opts) == 1:
		return true, defaultInfoCount, nil
	}
	count, err = c.Int(infoOptionsAt + 2)
	return true, max(count, 0), err
}

func xinfoStream(c *Call) error {
	s, err := c.infoStream()
	if err != nil {
		return err
	}
	full, count, err := c.parseInfo()
	if err != nil {
		return err
	}
	if full {
		c.Reply.Map(9)
	} else {
		c.Reply.Map(10)
	}
	c.field("length").Int(int64(s.Len))
	c.field("radix-tree-keys").Int(int64(s.Nodes()))
	c.field("radix-tree-nodes").Int(int64(s.TreeNodes()))
	c.fieldID("last-generated-id", s.Last)
	c.fieldID("max-deleted-entry-id", s.MaxDeleted)
	c.field("entries-added").Int(int64(s.Added))
	c.fieldID("recorded-first-entry-id", s.First)
	if full {
		c.replyFull(&s, count)
		return nil
	}
	c.field("groups").Int(int64(s.Groups()))
	c.replyEdge("first-entry", &s, false)
	c.replyEdge("last-entry", &s, true)
	return nil
}

// field answers with the name of a field, whose value follows.
func (c *Call) field(name string) *proto.Reply {
	c.Reply.BulkString(name)
	return c.Reply
}

func (c *Call) fieldID(name string, id value.StreamID) {
	c.Reply.BulkString(name)
	c.replyID(id)
}

// replyEdge answers with the first or last entry, null if there is none.
func (c *Call) replyEdge(name string, s *value.StreamLog, last bool) {
	c.Reply.BulkString(name)
	w := s.Range(value.StreamID{}, value.MaxStreamID, last)
	if e, ok := w.Next(); ok {
		c.replyEntry(&e)
	} else {
		c.Reply.Null()
	}
}

// replyFull answers with what FULL adds: count entries, and of each group what is pending.
func (c *Call) replyFull(s *value.StreamLog, count int64) {
	c.Reply.BulkString("entries")
	w := s.Range(value.StreamID{}, value.MaxStreamID, false)
	c.replyEntries(&w, count)
	c.Reply.BulkString("groups")
	c.Reply.Array(s.Groups())
	s.EachGroup(func(name []byte, g *value.Group) {
		c.Reply.Map(7)
		c.field("name").Bulk(name)
		c.replyProgress(s, g)
		c.field("pel-count").Int(int64(g.Pending()))
		c.Reply.BulkString("pending")
		c.replyHeld(g, g.WalkPending(value.StreamID{}), count, true)
		c.Reply.BulkString("consumers")
		c.Reply.Array(g.Consumers())
		g.EachConsumer(func(name []byte, k value.Consumer) { c.replyConsumer(g, name, k, count) })
	})
}

// replyConsumer answers with what FULL tells of a consumer.
func (c *Call) replyConsumer(g *value.Group, name []byte, k value.Consumer, count int64) {
	c.Reply.Map(5)
	c.field("name").Bulk(name)
	c.field("seen-time").Int(k.Seen)
	c.field("active-time").Int(k.Active)
	c.field("pel-count").Int(int64(g.Held(k)))
	c.Reply.BulkString("pending")
	c.replyHeld(g, g.WalkHeld(k, value.StreamID{}), count, false)
}

// replyHeld answers with pending entries, count at most, or with count 0 all; owners says to name those who hold them.
func (c *Call) replyHeld(g *value.Group, w value.PendingWalk, count int64, owners bool) {
	at, n := c.Reply.DeferArray(), int64(0)
	for count == 0 || n < count {
		p, ok := w.Next()
		if !ok {
			break
		}
		if owners {
			c.Reply.Array(4)
		} else {
			c.Reply.Array(3)
		}
		c.replyID(p.ID)
		if owners {
			c.Reply.Bulk(g.Owner(p))
		}
		c.Reply.Int(p.Time)
		c.Reply.Int(p.Deliveries)
		n++
		c.longAfter(n)
	}
	c.Reply.SetArray(at, int(n))
}
