// stream_claim.go: XCLAIM and XAUTOCLAIM, by which a consumer takes over what is pending with others. An entry that is no longer in the
// stream is pending no more once somebody tries to claim it.

package command

import (
	"fmt"
	"math"

	"respite/shards"
	"respite/value"
)

func streamClaimRows() []Row {
	return []Row{
		{
			Name: "xautoclaim", Arity: -6, Flags: Write | Fast, Keys: keys(RW|Delete, 1, 1, 1), Run: xautoclaim,
			Since: "6.2.0", Cost: "O(1) if COUNT is small", Doc: "Makes a consumer the owner of entries that are pending for long.",
			Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "xclaim", Arity: -6, Flags: Write | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: xclaim,
			Since: "5.0.0", Cost: "O(log(N)) for each id", Doc: "Makes a consumer the owner of pending entries.",
			Tips: []string{"nondeterministic_output"},
		},
	}
}

// The refusals of XCLAIM and XAUTOCLAIM.
const (
	errClaimMinIdle    = Error("ERR Invalid min-idle-time argument for XCLAIM")
	errClaimIdle       = Error("ERR Invalid IDLE option argument for XCLAIM")
	errClaimTime       = Error("ERR Invalid TIME option argument for XCLAIM")
	errClaimRetryCount = Error("ERR Invalid RETRYCOUNT option argument for XCLAIM")
	errAutoMinIdle     = Error("ERR Invalid min-idle-time argument for XAUTOCLAIM")
	errAutoCount       = Error("ERR COUNT must be > 0")
)

const claimIDsAt = 5 // where the ids of XCLAIM begin

// claimArgs are the arguments of XCLAIM.
type claimArgs struct {
	minIdle int64
	ids     []value.StreamID
	force   bool
	justID  bool
	time    int64 // of delivery
	retries int64 // deliveries, -1: one more
	last    value.StreamID
}

// intOr reads argument i as an integer, or fails with an error of its own.
func (c *Call) intOr(i int, refusal error) (int64, error) {
	n, err := c.Int(i)
	if err != nil {
		return 0, refusal
	}
	return n, nil
}

func (c *Call) parseClaim() (o claimArgs, err error) {
	if o.minIdle, err = c.intOr(4, errClaimMinIdle); err != nil {
		return o, err
	}
	o.minIdle = max(o.minIdle, 0)
	i := claimIDsAt
	for ; i < len(c.Args); i++ {
		id, ok := value.ParseStreamID(c.Args[i], 0)
		if !ok {
			break
		}
		o.ids = append(o.ids, id)
	}
	const unset = -1
	now := c.Tx.Now()
	o.time, o.retries = unset, unset
	for ; i < len(c.Args); i++ {
		if i, err = c.claimOption(&o, i, now); err != nil {
			return o, err
		}
	}
	if o.time < 0 || o.time > now {
		o.time = now
	}
	return o, nil
}

// claimOption reads the option at i and returns where it ends.
func (c *Call) claimOption(o *claimArgs, i int, now int64) (at int, err error) {
	more := i+1 < len(c.Args)
	switch {
	case c.Option(i, "force"):
		o.force = true
	case c.Option(i, "justid"):
		o.justID = true
	case c.Option(i, "idle") && more:
		i++
		o.time, err = c.intOr(i, errClaimIdle)
		o.time = now - o.time
	case c.Option(i, "time") && more:
		i++
		o.time, err = c.intOr(i, errClaimTime)
	case c.Option(i, "retrycount") && more:
		i++
		o.retries, err = c.intOr(i, errClaimRetryCount)
	case c.Option(i, "lastid") && more:
		i++
		var ok bool
		if o.last, ok = value.ParseStreamID(c.Args[i], 0); !ok {
			err = errStreamID
		}
	default:
		err = Error(fmt.Sprintf("ERR Unrecognized XCLAIM option '%s'", cString(c.Args[i])))
	}
	return i, err
}

func xclaim(c *Call) error {
	key := c.Args[1]
	_, ok, err := c.readGroup(key, c.Args[2])
	switch {
	case err != nil:
		return err
	case !ok:
		return errNoKeyOrGroup(key, c.Args[2])
	}
	o, err := c.parseClaim()
	if err != nil {
		return err
	}
	cl := c.openClaim(c.Args[3])
	if o.last.Compare(cl.g.LastID) > 0 {
		cl.g.LastID = o.last
		cl.advanced = true
	}
	at, n := c.Reply.DeferArray(), 0
	for _, id := range o.ids {
		if cl.claim(&o, id) {
			n++
		}
	}
	c.Reply.SetArray(at, n)
	cl.close()
	return nil
}

// claimer is a consumer that claims pending entries of a group.
type claimer struct {
	c        *Call
	s        value.StreamLog
	g        value.Group
	k        value.Consumer
	name     []byte
	changed  int  // entries that were taken or are no longer pending
	advanced bool // the group's last id is another: a change if nothing else is
}

// openClaim opens key and group, which are there, for a consumer that claims.
func (c *Call) openClaim(name []byte) (cl claimer) {
	slot := c.Tx.Write(c.Args[1])
	cl = claimer{c: c, s: value.OpenStream(slot.View()), name: name}
	cl.g, _ = cl.s.Group(c.Args[2])
	cl.k = c.consumer(c.Args[1], &cl.g, name)
	return cl
}

func (cl *claimer) close() {
	cl.g.SaveConsumer(cl.name, cl.k)
	cl.g.Save()
	if cl.changed == 0 && cl.advanced {
		cl.changed = 1
	}
	if cl.changed > 0 {
		cl.c.Tx.ChangedBy(cl.c.Args[1], shards.EventSilent, cl.changed)
	}
}

// claim takes over one entry for XCLAIM, and reports whether it has answered with it.
func (cl *claimer) claim(o *claimArgs, id value.StreamID) bool {
	p, found := cl.g.Find(id)
	if !cl.s.Has(id) {
		cl.forget(id)
		return false
	}
	switch {
	case !found && !o.force:
		return false
	case !found:
		p = value.Pending{ID: id, Time: cl.c.Tx.Now(), Deliveries: 1}
	case o.minIdle != 0 && cl.c.Tx.Now()-p.Time < o.minIdle:
		return false
	}
	p.Time = o.time
	if o.retries >= 0 {
		p.Deliveries = o.retries
	} else if !o.justID {
		p.Deliveries++
	}
	cl.take(p, o.justID)
	return true
}

// forget drops what may be pending of an entry that is gone.
func (cl *claimer) forget(id value.StreamID) {
	if cl.g.Ack(id) {
		cl.changed++
	}
}

// take makes a pending entry the consumer's and answers with it.
func (cl *claimer) take(p value.Pending, justID bool) {
	cl.g.Assign(p, cl.k)
	cl.k.Active = cl.c.Tx.Now()
	cl.changed++
	if justID {
		cl.c.replyID(p.ID)
		return
	}
	cl.c.replyOne(&cl.s, p.ID)
}

// autoArgs are the arguments of XAUTOCLAIM.
type autoArgs struct {
	minIdle int64
	from    value.StreamID
	count   int64
	justID  bool
}

const (
	defaultAutoCount = 100
	// XAUTOCLAIM looks at so many pending entries for each that it may claim.
	autoAttempts = 10
	maxAutoCount = math.MaxInt64 / 16
)

func (c *Call) parseAuto() (o autoArgs, err error) {
	o.count = defaultAutoCount
	if o.minIdle, err = c.intOr(4, errAutoMinIdle); err != nil {
		return o, err
	}
	o.minIdle = max(o.minIdle, 0)
	if o.from, err = streamStart(c.Args[5]); err != nil {
		return o, err
	}
	for i := 6; i < len(c.Args); i++ {
		switch {
		case c.Option(i, "count") && i+1 < len(c.Args):
			i++
			if o.count, err = c.intOr(i, errAutoCount); err != nil || o.count < 1 || o.count > maxAutoCount {
				return o, errAutoCount
			}
		case c.Option(i, "justid"):
			o.justID = true
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

func xautoclaim(c *Call) error {
	key := c.Args[1]
	_, ok, wrong := c.readGroup(key, c.Args[2]) // before the other arguments are looked at, which are refused first
	o, err := c.parseAuto()
	switch {
	case err != nil:
		return err
	case wrong != nil:
		return wrong
	case !ok:
		return errNoKeyOrGroup(key, c.Args[2])
	}
	cl := c.openClaim(c.Args[3])
	c.long(int(min(o.count, int64(cl.g.Pending()))))
	claimed, gone, next := cl.find(&o)
	c.Reply.Array(3)
	c.replyID(next)
	c.Reply.Array(len(claimed))
	for _, p := range claimed {
		cl.take(p, o.justID)
	}
	c.Reply.Array(len(gone))
	for _, id := range gone {
		c.replyID(id)
	}
	cl.close()
	return nil
}

// find returns what XAUTOCLAIM is to claim, what of the pending entries is no longer in the stream, and is not pending from here on, and
// the id to go on from, 0-0 at the end.
func (cl *claimer) find(o *autoArgs) (claimed []value.Pending, gone []value.StreamID, next value.StreamID) {
	now, count := cl.c.Tx.Now(), o.count
	from, more := o.from, true
	attempts := int64(math.MaxInt64)
	if count < attempts/autoAttempts {
		attempts = count * autoAttempts
	}
	for ; attempts > 0 && count > 0 && more; attempts-- {
		p, ok := cl.g.NextPending(from)
		if !ok {
			return claimed, gone, next
		}
		from, more = p.ID.Next()
		if !cl.s.Has(p.ID) {
			cl.forget(p.ID)
			gone = append(gone, p.ID)
			count--
			continue
		}
		if o.minIdle != 0 && now-p.Time < o.minIdle {
			continue
		}
		p.Time = now
		if !o.justID {
			p.Deliveries++
		}
		claimed = append(claimed, p)
		count--
	}
	if p, ok := cl.g.NextPending(from); ok && more {
		next = p.ID
	}
	return claimed, gone, next
}
