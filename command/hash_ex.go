// hash_ex.go: commands that read or set fields and deal with their deadlines at once, as in Redis 8.0: HGETDEL, HGETEX, HSETEX.

package command

import (
	"math"

	"respite/shards"
	"respite/text"
	"respite/value"
)

const (
	errHSetExFields    = Error("ERR invalid number of fields")
	errHSetExCondition = Error("ERR Only one of FXX or FNX arguments can be specified")
	errHSetExDeadline  = Error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
	errHSetExMissing   = Error("ERR missing expire time")
)

func hashExRows() []Row {
	return []Row{
		{
			Name: "hgetdel", Arity: -5, Flags: Write | Fast, Keys: keys(RW|Access|Delete, 1, 1, 1), Run: hgetdel,
			Since: "8.0.0", Cost: "O(N) in the number of fields named", Doc: "Returns the values of fields of a hash and removes the fields.",
		},
		{
			Name: "hgetex", Arity: -5, Flags: Write | Fast, Keys: keys(RW|Access|Update, 1, 1, 1), Run: hgetex,
			Since: "8.0.0", Cost: "O(N) in the number of fields named", Doc: "Returns the values of fields of a hash and sets or takes their deadlines.",
		},
		{
			Name: "hsetex", Arity: -6, Flags: Write | DenyOOM | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: hsetex,
			Since: "8.0.0", Cost: "O(N) in the number of fields set", Doc: "Sets fields of a hash and their deadlines.",
		},
	}
}

// replyFields answers with an array of the values of fields, null for those that are not there.
func (c *Call) replyFields(h *value.HashView, ok bool, fields [][]byte) {
	c.Reply.Array(len(fields))
	for _, field := range fields {
		if !ok {
			c.Reply.Null()
			continue
		}
		c.replyField(h, field)
	}
}

func hgetdel(c *Call) error {
	key := c.Args[1]
	it, old, ok, err := c.peekHash(key)
	if err != nil {
		return err
	}
	fields, err := c.fieldsFrom(2, errFieldsPositive)
	if err != nil {
		return err
	}
	if !ok {
		c.replyFields(&old, false, fields)
		return nil
	}
	c.Reply.Array(len(fields))
	slot := c.Tx.WriteFound(key, it)
	h := value.OpenHash(slot, c.Tx.Encoding())
	deleted, expired := 0, 0
	for _, field := range fields {
		c.replyField(&old, field)
		deadline, there := h.Deadline(field)
		if !there {
			continue
		}
		if deadline != 0 && deadline < c.Tx.Now() {
			expired++
		} else {
			deleted++
		}
		h.Remove(field)
		old = value.ViewHashAt(slot.View(), c.Tx.Now())
	}
	c.tookFields(slot, &h, deleted, expired)
	return nil
}

// tookFields ends the change of a hash that has lost fields, some of them because their deadlines had passed.
func (c *Call) tookFields(slot *shards.Slot, h *value.HashCell, deleted, expired int) {
	if expired > 0 {
		c.Tx.FieldsExpired(c.Args[1], expired)
	}
	switch {
	case deleted > 0 && expired > 0:
		c.Tx.Also(c.Args[1], shards.EventHDel)
	case deleted > 0:
		c.Tx.Changed(c.Args[1], shards.EventHDel)
	}
	if deleted+expired > 0 {
		c.dropIfEmpty(slot, c.Args[1], h.Len())
	}
}

// fieldLifetime is what EX, PX, EXAT, PXAT and their like say of the deadlines of fields.
type fieldLifetime struct {
	deadline int64 // 0 if none is given
	given    bool  // a deadline, of which 0 is one
	other    bool  // PERSIST or KEEPTTL
}

// parseDeadline reads the options at argument i that give a deadline, and returns how many arguments they are, 0 if there is none.
func (l *fieldLifetime) parseDeadline(c *Call, i int) (n int, err error) {
	from, unit := c.Tx.Now(), int64(1)
	switch {
	case c.Option(i, "ex"):
		unit = millisPerSecond
	case c.Option(i, "px"):
	case c.Option(i, "exat"):
		from, unit = 0, millisPerSecond
	case c.Option(i, "pxat"):
		from = 0
	default:
		return 0, nil
	}
	const words = 2
	if l.given || l.other {
		return words, errHSetExDeadline
	}
	if i+1 == len(c.Args) {
		return words, errHSetExMissing
	}
	l.given = true
	l.deadline, err = c.deadlineIn(i+1, from, unit)
	return words, err
}

// hgetexArgs reads what follows the key of HGETEX.
func hgetexArgs(c *Call) (l fieldLifetime, fields [][]byte, err error) {
	at := 2
	if c.Option(at, "persist") {
		l.other = true
		at++
	} else {
		n, err := l.parseDeadline(c, at)
		if err != nil {
			return l, nil, err
		}
		at += n
	}
	fields, err = c.fieldsFrom(at, errFieldsPositive)
	return l, fields, err
}

func hgetex(c *Call) error {
	key := c.Args[1]
	_, h, ok, err := c.peekHash(key)
	if err != nil {
		return err
	}
	l, fields, err := hgetexArgs(c)
	if err != nil {
		return err
	}
	c.replyFields(&h, ok, fields)
	c.dropMissed(&h, fields)
	if !l.given && !l.other {
		return nil
	}
	switch it, ok := c.Tx.Peek(key); {
	case ok && l.given:
		c.expireFound(it, fields, l.deadline)
	case ok:
		c.persistFound(it, fields)
	}
	return nil
}

// expireFound gives those of some fields that are there a deadline.
func (c *Call) expireFound(it shards.Item, fields [][]byte, deadline int64) {
	slot := c.Tx.WriteFound(c.Args[1], it)
	h := value.OpenHash(slot, c.Tx.Encoding())
	changed := false
	for _, field := range fields {
		changed = c.expireField(&h, field, deadline, always) > fieldRefused || changed
	}
	if changed {
		c.gaveDeadlines(slot, &h, deadline)
	}
}

// persistFound takes the deadlines of those of some fields that are there.
func (c *Call) persistFound(it shards.Item, fields [][]byte) {
	h := value.OpenHash(c.Tx.WriteFound(c.Args[1], it), c.Tx.Encoding())
	changed := false
	for _, field := range fields {
		changed = c.persistField(&h, field) == fieldChanged || changed
	}
	if changed {
		c.Tx.Changed(c.Args[1], shards.EventHPersist)
	}
}

// hsetexArgs are what follows the key of HSETEX.
type hsetexArgs struct {
	fieldLifetime
	ifAbsent, ifPresent bool     // FNX: none of the fields is there; FXX: all are
	pairs               [][]byte // fields and values in turn
}

func (o *hsetexArgs) parse(c *Call) error {
	for i := 2; i < len(c.Args); i++ {
		fnx, fxx := c.Option(i, "fnx"), c.Option(i, "fxx")
		switch {
		case c.Option(i, "fields"):
			return o.parsePairs(c, i)
		case (fnx || fxx) && (o.ifAbsent || o.ifPresent):
			return errHSetExCondition
		case fnx || fxx:
			o.ifAbsent, o.ifPresent = fnx, fxx
		case c.Option(i, "keepttl"):
			if o.given || o.other {
				return errHSetExDeadline
			}
			o.other = true
		default:
			n, err := o.parseDeadline(c, i)
			switch {
			case err != nil:
				return err
			case n == 0:
				return Error("ERR unknown argument: " + string(printed(c.Args[i], math.MaxInt)))
			}
			i += n - 1
		}
	}
	return errFieldsMissing // every command that is long enough has been refused before
}

// parsePairs reads FIELDS, which is argument i, and what follows.
func (o *hsetexArgs) parsePairs(c *Call, i int) error {
	const leastBehind = 3 // a number, a field and a value
	if i+leastBehind >= len(c.Args) {
		return errArity(c.Row)
	}
	n, ok := text.ParseInt(c.Args[i+1])
	o.pairs = c.Args[i+2:]
	switch {
	case !ok || n < 1 || n > math.MaxInt32:
		return errHSetExFields
	case len(o.pairs)%2 != 0 || n != int64(len(o.pairs)/2):
		return errArity(c.Row)
	}
	return nil
}

// allows reports whether FNX or FXX lets the fields be set.
func (o *hsetexArgs) allows(h *value.HashView, ok bool) bool {
	if !o.ifAbsent && !o.ifPresent {
		return true
	}
	for i := 0; i < len(o.pairs); i += 2 {
		found := false
		if ok {
			_, found = h.Get(o.pairs[i])
		}
		if found != o.ifPresent {
			return false
		}
	}
	return true
}

func hsetex(c *Call) error {
	var o hsetexArgs
	if err := o.parse(c); err != nil {
		return err
	}
	key := c.Args[1]
	it, old, ok, err := c.peekHash(key)
	if err != nil {
		return err
	}
	if !o.allows(&old, ok) {
		c.dropMissed(&old, o.pairs)
		c.Reply.Int(0)
		return nil
	}
	slot := c.Tx.WriteFound(key, it)
	h := value.OpenHash(slot, c.Tx.Encoding())
	h.Expect(o.pairs)
	for i := 0; i < len(o.pairs); i += 2 {
		o.set(c, &h, o.pairs[i], o.pairs[i+1])
	}
	c.Tx.Changed(key, shards.EventHSet)
	if o.given {
		slot.Schedule()
		c.Tx.Also(key, c.deadlineEvent(o.deadline))
		c.dropIfEmpty(slot, key, h.Len())
	}
	c.Reply.Int(1)
	return nil
}

// set gives one field its value and its deadline. A field whose deadline has passed is a new one, also for KEEPTTL.
func (o *hsetexArgs) set(c *Call, h *value.HashCell, field, val []byte) {
	switch old, _ := h.Deadline(field); {
	case o.other && (old == 0 || old >= c.Tx.Now()):
		h.SetKeeping(field, val)
	case !o.given:
		h.Set(field, val)
	case o.deadline <= c.Tx.Now():
		h.Remove(field)
	default:
		h.SetKeeping(field, val)
		h.SetDeadline(field, o.deadline)
	}
}
