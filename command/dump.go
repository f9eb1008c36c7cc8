// dump.go: DUMP and RESTORE, a value as bytes (package rdb has their form). A payload is read into a draft before the key is opened:
// it may have been made by anybody, and one that is refused changes nothing.

package command

import (
	"math"

	"respite/proto"
	"respite/rdb"
	"respite/shards"
)

func dumpRows() []Row {
	return []Row{
		{
			Name: "dump", Arity: 2, Flags: ReadOnly | Keyspace, Keys: keys(RO|Access, 1, 1, 1), Run: dump,
			Since: "2.6.0", Cost: "O(N) in the size of the value", Doc: "Returns what a key holds as bytes that RESTORE takes.",
			Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "restore", Arity: -4, Flags: Write | DenyOOM | Keyspace | Dangerous, Keys: keys(OW|Update, 1, 1, 1), Run: restore,
			Since: "2.6.0", Cost: "O(N) in the size of the value, O(N*log(N)) for a sorted set", Doc: "Makes a key of the bytes that DUMP returned.",
		},
		{
			Name: "restore-asking", Arity: -4, Flags: Write | DenyOOM | Asking | Keyspace | Dangerous, Keys: keys(OW|Update, 1, 1, 1), Run: restore,
			Group: "server", System: true,
			Since: "3.0.0", Cost: "O(N) in the size of the value, O(N*log(N)) for a sorted set", Doc: "RESTORE, as the nodes of a cluster send it.",
		},
	}
}

const (
	errBusyKey  = Error("BUSYKEY Target key name already exists.")
	errTTL      = Error("ERR Invalid TTL value, must be >= 0")
	errIdleTime = Error("ERR Invalid IDLETIME value, must be >= 0")
	errFreq     = Error("ERR Invalid FREQ value, must be >= 0 and <= 255")
	errPayload  = Error("ERR DUMP payload version or checksum are wrong")
	errFormat   = Error("ERR Bad data format")
)

func dump(c *Call) error {
	it, ok := c.Tx.Read(c.Args[1])
	if !ok {
		c.Reply.Null()
		return nil
	}
	c.long(it.View().Entries())
	payload := rdb.AppendFooter(rdb.AppendValue(nil, it.View(), c.Tx.Encoding()))
	if len(payload) >= proto.BigArg {
		c.Reply.Ref(payload)
		return nil
	}
	c.Reply.Bulk(payload)
	return nil
}

// restoreOptions are what follows the payload of RESTORE.
type restoreOptions struct {
	replace  bool
	absolute bool  // the lifetime is a deadline
	idle     int64 // seconds since the last access, -1 if not given
	counter  int64 // of accesses, as OBJECT FREQ has it, -1 if not given
}

func parseRestoreOptions(c *Call) (o restoreOptions, err error) {
	o.idle, o.counter = -1, -1
	for i := 4; i < len(c.Args); i++ {
		hasNext := i+1 < len(c.Args)
		switch {
		case c.Option(i, "replace"):
			o.replace = true
		case c.Option(i, "absttl"):
			o.absolute = true
		case c.Option(i, "idletime") && hasNext && o.counter < 0:
			i++
			o.idle, err = c.intWithin(i, math.MaxInt64, errIdleTime)
		case c.Option(i, "freq") && hasNext && o.idle < 0:
			i++
			o.counter, err = c.intWithin(i, math.MaxUint8, errFreq)
		default:
			err = errSyntax
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// intWithin reads argument i as an integer from 0 to high; refusal is the answer to others.
func (c *Call) intWithin(i int, high int64, refusal error) (int64, error) {
	n, err := c.Int(i)
	if err == nil && (n < 0 || n > high) {
		return 0, refusal
	}
	return n, err
}

func restore(c *Call) error {
	key := c.Args[1]
	o, err := parseRestoreOptions(c)
	if err != nil {
		return err
	}
	if _, taken := c.Tx.Peek(key); taken && !o.replace {
		return errBusyKey
	}
	deadline, err := c.intWithin(2, math.MaxInt64, errTTL)
	if err != nil {
		return err
	}
	if deadline > 0 && !o.absolute {
		deadline += c.Tx.Now() // one that is too late for 64 bits has passed, as in Redis
	}
	payload, ok := rdb.CheckFooter(c.Args[3], c.Server.trusting.Load())
	if !ok {
		return errPayload
	}
	c.long(len(payload) / payloadElement)
	c.draft.Begin(c.Tx.Nodes(key))
	defer c.draft.Discard()
	text, isText, err := c.load(payload)
	switch {
	case err != nil:
		return errFormat
	case deadline != 0 && deadline <= c.Tx.Now():
		if c.Tx.Delete(key) {
			c.Tx.Changed(key, shards.EventDel)
		}
	default:
		slot := c.Tx.Write(key)
		slot.Delete() // nothing of what was there stays, neither deadline nor recency
		if isText {
			c.PutString(slot, text)
		} else {
			c.draft.MoveTo(slot)
		}
		o.apply(slot, deadline)
		c.Tx.Changed(key, shards.EventRestore)
	}
	c.Reply.OK()
	return nil
}

// payloadElement is how many bytes of a payload take about as long to read as an element of a collection.
const payloadElement = 16

// load reads a value: the text of a string, or a collection, which is in the draft then. What follows it is not looked at.
func (c *Call) load(payload []byte) (text []byte, isText bool, err error) {
	r := rdb.NewReader(payload)
	t, err := r.Type()
	switch {
	case err != nil:
		return nil, false, err
	case t == rdb.TypeString:
		text, err = r.Text()
		return text, true, err
	}
	return nil, false, r.Collection(t, &c.draft, c.Tx.Encoding())
}

// apply gives a new key its deadline, unless that is 0, and what the options say of its use.
func (o *restoreOptions) apply(slot *shards.Slot, deadline int64) {
	if deadline != 0 {
		slot.SetDeadline(deadline)
	}
	if o.idle >= 0 {
		slot.SetIdle(o.idle)
	}
	if o.counter >= 0 {
		slot.SetFrequency(uint8(o.counter))
	}
}
