// hash_ttl.go: deadlines of fields, as in Redis 7.4: HEXPIRE and its kin, HTTL and its kin, HPERSIST. A deadline is a unix time in
// milliseconds; the field is there until that millisecond is over. Setting one that has passed already removes the field.
//
// Every command here names its fields by FIELDS, their number and them, and answers with an array of a number for each.

package command

import (
	"respite/shards"
	"respite/text"
	"respite/value"
)

// What the commands about deadlines answer for a field.
const (
	fieldAbsent   = -2
	fieldUntimed  = -1
	fieldRefused  = 0 // the condition does not hold
	fieldChanged  = 1
	fieldWentAway = 2 // the deadline has passed
)

// maxExpire is the latest deadline that a command can give a field, in unix milliseconds. Redis keeps the bits above for itself.
const maxExpire = value.MaxFieldDeadline >> 2

const (
	errFieldsMissing  = Error("ERR Mandatory argument FIELDS is missing or not at the right position")
	errFieldsNumber   = Error("ERR The `numfields` parameter must match the number of arguments")
	errFieldsPositive = Error("ERR Number of fields must be a positive integer")
	errFieldsAbove0   = Error("ERR Parameter `numFields` should be greater than 0")
	errExpireNegative = Error("ERR invalid expire time, must be >= 0")
)

// hashDeadlineRows are the commands that change deadlines.
func hashDeadlineRows() []Row {
	const (
		set  = Write | DenyOOM | Fast
		cost = "O(N) in the number of fields named"
	)
	return []Row{
		{
			Name: "hexpire", Arity: -6, Flags: set, Keys: keys(RW|Update, 1, 1, 1), Run: hexpire,
			Since: "7.4.0", Cost: cost, Doc: "Makes fields of a hash expire after some seconds.",
		},
		{
			Name: "hexpireat", Arity: -6, Flags: set, Keys: keys(RW|Update, 1, 1, 1), Run: hexpireat,
			Since: "7.4.0", Cost: cost, Doc: "Makes fields of a hash expire at a unix time in seconds.",
		},
		{
			Name: "hpersist", Arity: -5, Flags: Write | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: hpersist,
			Since: "7.4.0", Cost: cost, Doc: "Makes fields of a hash stay that would expire.",
		},
		{
			Name: "hpexpire", Arity: -6, Flags: set, Keys: keys(RW|Update, 1, 1, 1), Run: hpexpire,
			Since: "7.4.0", Cost: cost, Doc: "Makes fields of a hash expire after some milliseconds.",
		},
		{
			Name: "hpexpireat", Arity: -6, Flags: set, Keys: keys(RW|Update, 1, 1, 1), Run: hpexpireat,
			Since: "7.4.0", Cost: cost, Doc: "Makes fields of a hash expire at a unix time in milliseconds.",
		},
	}
}

// hashTTLRows are the commands that tell deadlines.
func hashTTLRows() []Row {
	const cost = "O(N) in the number of fields named"
	return []Row{
		{
			Name: "hexpiretime", Arity: -5, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: hexpiretime,
			Since: "7.4.0", Cost: cost, Doc: "Returns when fields of a hash expire, as unix times in seconds.",
		},
		{
			Name: "hpexpiretime", Arity: -5, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: hpexpiretime,
			Since: "7.4.0", Cost: cost, Doc: "Returns when fields of a hash expire, as unix times in milliseconds.",
		},
		{
			Name: "hpttl", Arity: -5, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: hpttl,
			Since: "7.4.0", Cost: cost, Doc: "Returns how many milliseconds fields of a hash have left.",
			Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "httl", Arity: -5, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: httl,
			Since: "7.4.0", Cost: cost, Doc: "Returns how many seconds fields of a hash have left.",
			Tips: []string{"nondeterministic_output"},
		},
	}
}

// fieldsFrom reads FIELDS, a number and that many fields, which are the arguments from i on; notPositive is the answer to another number.
func (c *Call) fieldsFrom(i int, notPositive error) ([][]byte, error) {
	if !c.Option(i, "fields") {
		return nil, errFieldsMissing
	}
	if i+1 == len(c.Args) {
		return nil, errArity(c.Row)
	}
	n, ok := text.ParseInt(c.Args[i+1])
	fields := c.Args[i+2:]
	switch {
	case !ok || n < 1:
		return nil, notPositive
	case n != int64(len(fields)):
		return nil, errFieldsNumber
	}
	return fields, nil
}

// deadlineIn reads argument i as a deadline of fields, in units of some milliseconds after from.
func (c *Call) deadlineIn(i int, from, unit int64) (int64, error) {
	n, err := c.Int(i)
	switch {
	case err != nil:
		return 0, err
	case n < 0:
		return 0, errExpireNegative
	case n > maxExpire/unit || n*unit > maxExpire-from:
		return 0, errInvalidExpire(c.Row)
	}
	return from + n*unit, nil
}

// fieldCondition is the condition under which HEXPIRE and its kin move the deadline of a field.
type fieldCondition uint8

const (
	always fieldCondition = iota
	ifNone
	ifAny
	ifLater   // than the one there is
	ifEarlier // no deadline counts as the latest of all
)

// conditionAt reads argument i; without one of these words there is no condition, and the argument is another's.
func (c *Call) conditionAt(i int) fieldCondition {
	switch {
	case c.Option(i, "nx"):
		return ifNone
	case c.Option(i, "xx"):
		return ifAny
	case c.Option(i, "gt"):
		return ifLater
	case c.Option(i, "lt"):
		return ifEarlier
	}
	return always
}

// holds reports whether a field with a deadline, 0 if it has none, may get another.
func (f fieldCondition) holds(old, deadline int64) bool {
	switch f {
	case ifNone:
		return old == 0
	case ifAny:
		return old != 0
	case ifLater:
		return old != 0 && deadline > old
	case ifEarlier:
		return old == 0 || deadline < old
	}
	return true
}

func hexpire(c *Call) error    { return expireFields(c, c.Tx.Now(), millisPerSecond) }
func hpexpire(c *Call) error   { return expireFields(c, c.Tx.Now(), 1) }
func hexpireat(c *Call) error  { return expireFields(c, 0, millisPerSecond) }
func hpexpireat(c *Call) error { return expireFields(c, 0, 1) }

// expireFields makes fields expire so many units of some milliseconds after from, and answers for each whether it did.
func expireFields(c *Call, from, unit int64) error {
	key := c.Args[1]
	it, ok, err := c.peek(key, value.Hash)
	if err != nil {
		return err
	}
	deadline, err := c.deadlineIn(2, from, unit)
	if err != nil {
		return err
	}
	at, condition := 3, c.conditionAt(3)
	if condition != always {
		at++
	}
	fields, err := c.fieldsFrom(at, errFieldsAbove0)
	if err != nil {
		return err
	}
	if !ok {
		c.replyForEach(fields, fieldAbsent)
		return nil
	}
	slot := c.Tx.WriteFound(key, it)
	h := value.OpenHash(slot, c.Tx.Encoding())
	changed := false
	c.Reply.Array(len(fields))
	for _, field := range fields {
		did := c.expireField(&h, field, deadline, condition)
		changed = changed || did > fieldRefused
		c.Reply.Int(int64(did))
	}
	if changed {
		c.gaveDeadlines(slot, &h, deadline)
	}
	return nil
}

// expireField gives one field a deadline, if the condition holds, and returns the answer for it.
func (c *Call) expireField(h *value.HashCell, field []byte, deadline int64, condition fieldCondition) int {
	now := c.Tx.Now()
	old, ok := h.Deadline(field)
	switch {
	case !ok || old != 0 && old < now:
		return fieldAbsent
	case !condition.holds(old, deadline):
		return fieldRefused
	case deadline <= now:
		h.Remove(field)
		return fieldWentAway
	}
	h.SetDeadline(field, deadline)
	return fieldChanged
}

// gaveDeadlines ends the change of a hash of which some fields were given a deadline: all have it, or all are gone if it has passed.
func (c *Call) gaveDeadlines(slot *shards.Slot, h *value.HashCell, deadline int64) {
	slot.Schedule()
	c.Tx.Changed(c.Args[1], c.deadlineEvent(deadline))
	c.dropIfEmpty(slot, c.Args[1], h.Len())
}

// deadlineEvent is what giving fields a deadline is called.
func (c *Call) deadlineEvent(deadline int64) shards.Event {
	if deadline <= c.Tx.Now() {
		return shards.EventHDel
	}
	return shards.EventHExpire
}

// replyForEach answers the same for each of some fields.
func (c *Call) replyForEach(fields [][]byte, answer int64) {
	c.Reply.Array(len(fields))
	for range fields {
		c.Reply.Int(answer)
	}
}

func hpersist(c *Call) error {
	key := c.Args[1]
	it, ok, err := c.peek(key, value.Hash)
	if err != nil {
		return err
	}
	fields, err := c.fieldsFrom(2, errFieldsPositive)
	if err != nil {
		return err
	}
	if !ok {
		c.replyForEach(fields, fieldAbsent)
		return nil
	}
	h := value.OpenHash(c.Tx.WriteFound(key, it), c.Tx.Encoding())
	changed := false
	c.Reply.Array(len(fields))
	for _, field := range fields {
		did := c.persistField(&h, field)
		changed = changed || did == fieldChanged
		c.Reply.Int(int64(did))
	}
	if changed {
		c.Tx.Changed(key, shards.EventHPersist)
	}
	return nil
}

// persistField takes the deadline of one field, and returns the answer for it.
func (c *Call) persistField(h *value.HashCell, field []byte) int {
	old, ok := h.Deadline(field)
	switch {
	case !ok || old != 0 && old < c.Tx.Now():
		return fieldAbsent
	case old == 0:
		return fieldUntimed
	}
	h.Persist(field)
	return fieldChanged
}

func httl(c *Call) error         { return replyDeadlines(c, c.Tx.Now(), inSecondsUp) }
func hpttl(c *Call) error        { return replyDeadlines(c, c.Tx.Now(), inMillis) }
func hexpiretime(c *Call) error  { return replyDeadlines(c, 0, inSecondsUp) }
func hpexpiretime(c *Call) error { return replyDeadlines(c, 0, inMillis) }

// inSecondsUp rounds up, as HTTL does and TTL does not.
func inSecondsUp(ms int64) int64 { return (ms + millisPerSecond - 1) / millisPerSecond }

// replyDeadlines answers with the deadlines of fields, counted from a time in unix milliseconds.
func replyDeadlines(c *Call, from int64, unit func(ms int64) int64) error {
	h, ok, err := c.viewHash(c.Args[1])
	if err != nil {
		return err
	}
	fields, err := c.fieldsFrom(2, errFieldsPositive)
	if err != nil {
		return err
	}
	if !ok {
		c.replyForEach(fields, fieldAbsent)
		return nil
	}
	c.Reply.Array(len(fields))
	for _, field := range fields {
		switch deadline, ok := h.Deadline(field); {
		case !ok:
			c.Reply.Int(fieldAbsent)
		case deadline == 0:
			c.Reply.Int(fieldUntimed)
		default:
			c.Reply.Int(unit(deadline - from))
		}
	}
	return nil
}

// dropMissed takes those of some fields away that the view, which was asked for them, did not show because their deadlines have
// passed. The reply is written then, and the view ends.
func (c *Call) dropMissed(h *value.HashView, fields [][]byte) {
	if !h.Missed() || c.Tx.KeepsExpired() {
		return
	}
	key := c.Args[1]
	slot := c.Tx.Write(key)
	cell := value.OpenHash(slot, c.Tx.Encoding())
	dropped := 0
	for _, field := range fields {
		if deadline, _ := cell.Deadline(field); deadline != 0 && deadline < c.Tx.Now() {
			cell.Remove(field)
			dropped++
		}
	}
	c.Tx.FieldsExpired(key, dropped)
	c.dropIfEmpty(slot, key, cell.Len())
}

// expireMissed is dropMissed for a command that is about to set the field, whose new value must not take the old deadline.
func (c *Call) expireMissed(h *value.HashCell, old *value.HashView, field []byte) {
	if old.Missed() && h.Remove(field) {
		c.Tx.FieldsExpired(c.Args[1], 1)
	}
}
