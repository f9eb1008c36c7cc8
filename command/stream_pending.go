// stream_pending.go: XACK and XPENDING, what was delivered to the consumers of a group and is not acknowledged.

package command

import (
	"respite/shards"
	"respite/value"
)

func streamPendingRows() []Row {
	return []Row{
		{
			Name: "xack", Arity: -4, Flags: Write | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: xack,
			Since: "5.0.0", Cost: "O(log(N)) for each id", Doc: "Acknowledges entries that were delivered to a consumer group.",
		},
		{
			Name: "xpending", Arity: -3, Flags: ReadOnly, Keys: keys(RO|Access, 1, 1, 1), Run: xpending,
			Since: "5.0.0", Cost: "O(N) in the number of entries looked at, or of consumers",
			Doc:  "Tells of entries that were delivered to a consumer group and are not acknowledged.",
			Tips: []string{"nondeterministic_output"},
		},
	}
}

// readGroup finds a group to read; ok is false if the key or the group is absent.
func (c *Call) readGroup(key, name []byte) (g value.Group, ok bool, err error) {
	v, ok, err := c.view(key, value.Stream)
	if err != nil || !ok {
		return g, false, err
	}
	s := value.OpenStream(v)
	g, ok = s.Group(name)
	return g, ok, nil
}

func xack(c *Call) error {
	key := c.Args[1]
	g, ok, err := c.readGroup(key, c.Args[2])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Int(0)
		return nil
	}
	ids, err := strictIDs(c.Args[3:])
	if err != nil {
		return err
	}
	c.Tx.Write(key)
	n := 0
	for _, id := range ids {
		if g.Ack(id) {
			n++
		}
	}
	if n > 0 {
		g.Save()
		c.Tx.ChangedBy(key, shards.EventSilent, n)
	}
	c.Reply.Int(int64(n))
	return nil
}

// pendingArgs are the arguments of XPENDING beyond the group.
type pendingArgs struct {
	from, to value.StreamID
	count    int64
	idle     int64  // ms; 0: any
	consumer []byte // nil: all
}

// How many arguments XPENDING has.
const (
	pendingSummary  = 3
	pendingLeast    = 6 // of the extended form
	pendingMost     = 9
	pendingWithIdle = 8 // least with IDLE
)

func (c *Call) parsePending() (o pendingArgs, err error) {
	at := pendingSummary
	if c.Option(at, "idle") {
		if o.idle, err = c.Int(at + 1); err != nil {
			return o, err
		}
		if len(c.Args) < pendingWithIdle {
			return o, errSyntax
		}
		at += 2
	}
	if o.count, err = c.Int(at + 2); err != nil {
		return o, err
	}
	if o.from, o.to, err = streamRange(c.Args[at], c.Args[at+1]); err != nil {
		return o, err
	}
	if at+3 < len(c.Args) {
		o.consumer = c.Args[at+3]
	}
	return o, nil
}

func xpending(c *Call) error {
	n := len(c.Args)
	if n != pendingSummary && (n < pendingLeast || n > pendingMost) {
		return errSyntax
	}
	var o pendingArgs
	var err error
	if n > pendingSummary {
		if o, err = c.parsePending(); err != nil {
			return err
		}
	}
	g, ok, err := c.readGroup(c.Args[1], c.Args[2])
	switch {
	case err != nil:
		return err
	case !ok:
		return errNoKeyOrGroup(c.Args[1], c.Args[2])
	case n == pendingSummary:
		c.replySummary(&g)
	default:
		c.replyPending(&g, &o)
	}
	return nil
}

// replySummary answers with how much is pending, the first and last of it, and how much of it each consumer holds.
func (c *Call) replySummary(g *value.Group) {
	c.Reply.Array(4)
	c.Reply.Int(int64(g.Pending()))
	last, any := g.LastPending()
	if !any {
		c.Reply.Null()
		c.Reply.Null()
		c.Reply.NullArray()
		return
	}
	first, _ := g.NextPending(value.StreamID{})
	c.replyID(first.ID)
	c.replyID(last)
	at, n := c.Reply.DeferArray(), 0
	g.EachConsumer(func(name []byte, k value.Consumer) {
		held := g.Held(k)
		if held == 0 {
			return
		}
		c.Reply.Array(2)
		c.Reply.Bulk(name)
		c.Reply.BulkInt(int64(held))
		n++
	})
	c.Reply.SetArray(at, n)
}

// replyPending answers with pending entries, one by one.
func (c *Call) replyPending(g *value.Group, o *pendingArgs) {
	w := g.WalkPending(o.from)
	if o.consumer != nil {
		k, ok := g.Consumer(o.consumer)
		if !ok {
			c.Reply.Array(0)
			return
		}
		w = g.WalkHeld(k, o.from)
	}
	at, n, now := c.Reply.DeferArray(), int64(0), c.Tx.Now()
	for n < o.count {
		p, ok := w.Next()
		if !ok || p.ID.Compare(o.to) > 0 {
			break
		}
		if o.idle != 0 && now-p.Time < o.idle {
			continue
		}
		c.Reply.Array(4)
		c.replyID(p.ID)
		c.Reply.Bulk(g.Owner(p))
		c.Reply.Int(max(now-p.Time, 0))
		c.Reply.Int(p.Deliveries)
		n++
		c.longAfter(n)
	}
	c.Reply.SetArray(at, int(n))
}
