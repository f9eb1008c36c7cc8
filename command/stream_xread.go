// stream_xread.go: XREAD and XREADGROUP, which read what is behind an id from several streams. XREADGROUP reads what its group was
// not given yet, which then is pending with the consumer, or, given an id, what is pending with the consumer already.

package command

import (
	"fmt"
	"time"

	"respite/shards"
	"respite/value"
)

func streamReadGroupRows() []Row {
	streams := func(from int) []KeySpec {
		return []KeySpec{{Flags: RO | Access, First: from, Keyword: "STREAMS", Find: findStreams, Last: -1, Step: 1, Limit: 2}}
	}
	return []Row{
		{
			Name: "xread", Arity: -4, Flags: ReadOnly | Blocking, Keys: streams(1), Run: xread,
			Since: "5.0.0", Cost: "O(N) in the number of entries returned",
			Doc: "Returns the entries of streams behind given ids.",
		},
		{
			Name: "xreadgroup", Arity: -7, Flags: Write | Blocking, Keys: streams(4), Run: xreadgroup,
			Since: "5.0.0", Cost: "O(N) in the number of entries returned",
			Doc: "Returns the entries of streams that a consumer group was not given yet, or those pending with a consumer.",
		},
	}
}

// findStreams returns where the keys of a read begin, 0 if nowhere. What stands for the argument of an option is not taken for the keyword.
func findStreams(args [][]byte) int {
	for i := 1; i < len(args); i++ {
		switch arg := args[i]; {
		case equalFold(arg, "block"), equalFold(arg, "count"):
			i++
		case equalFold(arg, "group"):
			i += 2
		case equalFold(arg, "noack"):
		case equalFold(arg, "streams") && i+1 < len(args):
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

// The refusals of XREAD and XREADGROUP.
const (
	errReadGroup = Error("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
	errReadNoAck = Error("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
	errReadNoGrp = Error("ERR Missing GROUP option for XREADGROUP")
	errReadLast  = Error("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by " +
		"specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.")
	errReadNew = Error("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.")
)

func errUnbalanced(name string, last byte) error {
	return Error(fmt.Sprintf("ERR Unbalanced '%s' list of streams: for each stream key an ID or '%c' must be specified.", name, last))
}

func errReadNoKey(key, group []byte) error {
	return Error(fmt.Sprintf("NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option", cString(key), cString(group)))
}

// readArgs are the arguments of XREAD and XREADGROUP.
type readArgs struct {
	count           int64 // 0: all
	keys, ids       [][]byte
	grouped         bool
	group, consumer []byte
	noAck           bool
	blocks          bool
	timeout         time.Duration    // if blocks; 0: for ever
	after           []value.StreamID // of each stream, what is read is behind it
}

// newEntries stands for the id > of XREADGROUP. It is the greatest id, as in Redis, behind which there is nothing.
var newEntries = value.MaxStreamID

func (c *Call) parseRead(group bool) (o readArgs, err error) {
	for i := 1; i < len(c.Args); i++ {
		if i, err = c.readOption(&o, i, group); err != nil {
			return o, err
		}
	}
	switch {
	case o.keys == nil:
		return o, errSyntax
	case group && !o.grouped:
		return o, errReadNoGrp
	}
	return o, nil
}

// readOption reads the option at i and returns where it ends; STREAMS is the last.
func (c *Call) readOption(o *readArgs, i int, group bool) (at int, err error) {
	more := len(c.Args) - 1 - i
	switch {
	case c.Option(i, "block") && more > 0:
		i++
		o.blocks = true
		o.timeout, err = c.milliseconds(i)
	case c.Option(i, "count") && more > 0:
		i++
		o.count, err = c.Int(i)
		o.count = max(o.count, 0)
	case c.Option(i, "streams") && more > 0:
		if more%2 != 0 {
			return i, c.unbalanced(group)
		}
		o.keys, o.ids = c.Args[i+1:i+1+more/2], c.Args[i+1+more/2:]
		i = len(c.Args)
	case c.Option(i, "group") && more > 1:
		if !group {
			return i, errReadGroup
		}
		o.grouped, o.group, o.consumer = true, c.Args[i+1], c.Args[i+2]
		i += 2
	case c.Option(i, "noack"):
		if !group {
			return i, errReadNoAck
		}
		o.noAck = true
	default:
		err = errSyntax
	}
	return i, err
}

func (c *Call) unbalanced(group bool) error {
	if group {
		return errUnbalanced(c.Row.full, '>')
	}
	return errUnbalanced(c.Row.full, '$')
}

// resolve checks keys and groups, and finds out from where on to read each stream.
func (c *Call) resolve(o *readArgs) error {
	o.after = make([]value.StreamID, len(o.keys))
	for i, key := range o.keys {
		if !c.Tx.Holds(key) {
			continue
		}
		v, ok, err := c.view(key, value.Stream)
		if err != nil {
			return err
		}
		s := value.OpenStream(v)
		if o.grouped {
			if ok {
				_, ok = s.Group(o.group)
			}
			if !ok {
				return errReadNoKey(key, o.group)
			}
		}
		if o.after[i], err = o.resolveID(o.ids[i], &s); err != nil {
			return err
		}
	}
	return nil
}

func (o *readArgs) resolveID(b []byte, s *value.StreamLog) (value.StreamID, error) {
	switch string(cString(b)) {
	case "$":
		if o.grouped {
			return value.StreamID{}, errReadLast
		}
		return s.Last, nil
	case ">":
		if !o.grouped {
			return value.StreamID{}, errReadNew
		}
		return newEntries, nil
	case "+":
		if last, any := s.Edge(true); any && !o.grouped {
			id, _ := last.Prev()
			return id, nil
		}
		if !o.grouped {
			return s.Last, nil
		}
	}
	id, ok := value.ParseStreamID(b, 0)
	if !ok {
		return id, errStreamID
	}
	return id, nil
}

// readReply is the reply to a read, which begins with the first stream that has something.
type readReply struct {
	c  *Call
	at int
	n  int
}

// stream begins the part of a stream.
func (r *readReply) stream(key []byte) {
	is3 := r.c.Reply.Proto() == 3
	if r.n == 0 && is3 {
		r.at = r.c.Reply.DeferMap()
	} else if r.n == 0 {
		r.at = r.c.Reply.DeferArray()
	}
	if !is3 {
		r.c.Reply.Array(2)
	}
	r.c.Reply.Bulk(key)
	r.n++
}

// end ends the reply and reports whether there is one.
func (r *readReply) end() bool {
	switch {
	case r.n == 0:
		return false
	case r.c.Reply.Proto() == 3:
		r.c.Reply.SetMap(r.at, r.n)
	default:
		r.c.Reply.SetArray(r.at, r.n)
	}
	return true
}

func xread(c *Call) error {
	o, err := c.parseRead(false)
	if err == nil {
		err = c.resolve(&o)
	}
	if err != nil {
		return err
	}
	if c.serveRead(&o) {
		return nil
	}
	return c.readNothing(&o)
}

// readNothing ends a read that has found nothing.
func (c *Call) readNothing(o *readArgs) error {
	if !o.blocks {
		c.Reply.NullArray()
		return nil
	}
	for i, id := range o.ids {
		if string(cString(id)) == "$" {
			o.ids[i] = o.after[i].AppendText(nil)
		}
	}
	return c.block(waitFor{keys: o.keys, want: value.Stream, timeout: o.timeout, each: true, orGone: o.grouped})
}

// milliseconds reads argument i as a time-out in milliseconds; 0 is for ever.
func (c *Call) milliseconds(i int) (time.Duration, error) {
	ms, err := c.intOr(i, errTimeoutInteger)
	if err != nil {
		return 0, err
	}
	return c.checkTimeout(ms)
}

// serveRead answers XREAD with what there is, and reports whether there was anything.
func (c *Call) serveRead(o *readArgs) bool {
	r := readReply{c: c}
	for i, key := range o.keys {
		if !c.Tx.Holds(key) {
			continue
		}
		v, ok, err := c.view(key, value.Stream) // a second look, which counts as one
		from, more := o.after[i].Next()
		if err != nil || !ok || !more {
			continue
		}
		s := value.OpenStream(v)
		w := s.Range(from, value.MaxStreamID, false)
		if _, any := w.Next(); !any {
			continue
		}
		r.stream(key)
		w = s.Range(from, value.MaxStreamID, false)
		c.replyEntries(&w, o.count)
	}
	return r.end()
}

func xreadgroup(c *Call) error {
	o, err := c.parseRead(true)
	if err == nil {
		err = c.resolve(&o)
	}
	if err != nil {
		return err
	}
	if c.serveGroup(&o) {
		return nil
	}
	return c.readNothing(&o)
}

// serveGroup answers XREADGROUP with what there is, and reports whether there was anything. Its consumer is created in any case.
func (c *Call) serveGroup(o *readArgs) bool {
	r := readReply{c: c}
	for i, key := range o.keys {
		if !c.Tx.Holds(key) {
			continue
		}
		slot := c.Tx.Write(key)
		s := value.OpenStream(slot.View())
		g, _ := s.Group(o.group)
		k := c.consumer(key, &g, o.consumer)
		switch {
		case o.after[i] != newEntries:
			r.stream(key)
			c.replyHistory(&s, &g, k, o.after[i], o.count)
			c.Tx.Changed(key, shards.EventSilent)
		case c.hasNew(&s, &g):
			r.stream(key)
			c.replyNew(&s, &g, &k, o)
			c.Tx.Changed(key, shards.EventSilent)
		}
		g.SaveConsumer(o.consumer, k)
		g.Save()
	}
	return r.end()
}

// hasNew reports whether there are entries that a group was not given yet.
func (c *Call) hasNew(s *value.StreamLog, g *value.Group) bool {
	last, any := s.Edge(true)
	return any && last.Compare(g.LastID) > 0
}

// consumer opens a consumer that tries to read or claim, and creates it if it is not there. It is to be saved.
func (c *Call) consumer(key []byte, g *value.Group, name []byte) value.Consumer {
	k, ok := g.Consumer(name)
	if !ok {
		k = g.CreateConsumer(name, c.Tx.Now())
		c.Tx.Changed(key, shards.EventXGroupCreateConsumer)
	}
	k.Seen = c.Tx.Now()
	return k
}

// replyNew answers with entries that the group was not given yet, and makes them pending.
func (c *Call) replyNew(s *value.StreamLog, g *value.Group, k *value.Consumer, o *readArgs) {
	from, _ := g.LastID.Next()
	w := s.Range(from, value.MaxStreamID, false)
	at, n := c.Reply.DeferArray(), int64(0)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		c.replyEntry(&e)
		s.Advance(g, e.ID)
		if !o.noAck {
			g.Assign(value.Pending{ID: e.ID, Time: c.Tx.Now(), Deliveries: 1}, *k)
			k.Active = c.Tx.Now()
		}
		if n++; n == o.count {
			break
		}
		c.longAfter(n)
	}
	c.Reply.SetArray(at, int(n))
}

// replyHistory answers with entries behind an id that are pending with a consumer. What is no longer in the stream has an id alone.
func (c *Call) replyHistory(s *value.StreamLog, g *value.Group, k value.Consumer, after value.StreamID, count int64) {
	at, n := c.Reply.DeferArray(), int64(0)
	from, more := after.Next()
	for more && (count == 0 || n < count) {
		p, ok := g.NextHeld(k, from)
		if !ok {
			break
		}
		if c.replyOne(s, p.ID) {
			p.Time = c.Tx.Now()
			p.Deliveries++
			g.Assign(p, k)
		} else {
			c.Reply.Array(2)
			c.replyID(p.ID)
			c.Reply.NullArray()
		}
		n++
		c.longAfter(n)
		from, more = p.ID.Next()
	}
	c.Reply.SetArray(at, int(n))
}

// replyOne answers with the entry of an id, if it is there.
func (c *Call) replyOne(s *value.StreamLog, id value.StreamID) bool {
	w := s.Range(id, id, false)
	e, ok := w.Next()
	if ok {
		c.replyEntry(&e)
	}
	return ok
}
