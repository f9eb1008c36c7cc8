// stream.go: the rows of the stream commands, and those that add entries and take them away: XADD, XDEL, XTRIM, XSETID, XLEN. Ranges are
// in stream_read.go, XREAD and XREADGROUP in stream_xread.go, groups in stream_group.go, what is pending in stream_pending.go and
// stream_claim.go, XINFO in stream_info.go.
//
// Removing entries never removes the key: an empty stream remembers its last id.

package command

import (
	"errors"
	"slices"

	"respite/shards"
	"respite/value"
)

func streamRows() []Row {
	return slices.Concat(streamEntryRows(), streamReadRows(), streamReadGroupRows(), streamGroupRows(), streamPendingRows(), streamClaimRows(),
		streamInfoRows())
}

func streamEntryRows() []Row {
	return []Row{
		{
			Name: "xadd", Arity: -5, Flags: Write | DenyOOM | Fast, Keys: noted(keys(RW|Update, 1, 1, 1), noteXadd), Run: xadd,
			Since: "5.0.0", Cost: "O(1), and O(N) in the number of entries that a trim removes",
			Doc:  "Adds an entry to a stream, creating it if needed.",
			Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "xdel", Arity: -3, Flags: Write | Fast, Keys: keys(RW|Delete, 1, 1, 1), Run: xdel,
			Since: "5.0.0", Cost: "O(log(N)) for each id", Doc: "Removes entries from a stream.",
		},
		{
			Name: "xlen", Arity: 2, Flags: ReadOnly | Fast, Keys: keys(RO, 1, 1, 1), Run: xlen,
			Since: "5.0.0", Cost: "O(1)", Doc: "Returns the number of entries in a stream.",
		},
		{
			Name: "xsetid", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: xsetid,
			Since: "5.0.0", Cost: "O(1)", Doc: "Sets the last id of a stream, for replication.",
		},
		{
			Name: "xtrim", Arity: -4, Flags: Write, Keys: keys(RW|Delete, 1, 1, 1), Run: xtrim,
			Since: "5.0.0", Cost: "O(N) in the number of entries removed", Doc: "Removes entries from the beginning of a stream.",
			Tips: []string{"nondeterministic_output"},
		},
	}
}

const noteXadd = "UPDATE instead of INSERT because of the optional trimming feature"

// The refusals of XADD and XTRIM.
const (
	errStreamID        = Error("ERR Invalid stream ID specified as stream command argument")
	errStreamZeroID    = Error("ERR The ID specified in XADD must be greater than 0-0")
	errStreamExhausted = Error("ERR The stream has exhausted the last possible ID, unable to add more items")
	errStreamSmallID   = Error("ERR The ID specified in XADD is equal or smaller than the target stream top item")
	errStreamBytes     = Error("ERR Elements are too large to be stored")
	errTrimTwice       = Error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
	errTrimMaxLen      = Error("ERR The MAXLEN argument must be >= 0.")
	errTrimLimit       = Error("ERR The LIMIT argument must be >= 0.")
	errLimitNoTrim     = Error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
	errLimitExact      = Error("ERR syntax error, LIMIT cannot be used without the special ~ option")
	errNoTrim          = Error("ERR syntax error, XTRIM must be called with a trimming strategy")
)

// A trim with ~ and without LIMIT removes what fills so many nodes, within these bounds.
const (
	trimNodes    = 100
	trimFallback = 10_000 // entries, where nodes have no limit of entries
	trimMost     = 1_000_000
)

// trimArgs are the options of XADD and XTRIM.
type trimArgs struct {
	value.Trimming
	given      bool // MAXLEN or MINID
	limited    bool // LIMIT
	noMkStream bool
	id         value.ParsedID
	anyID      bool // the id is *
	idAt       int  // of XADD, where the id stands; fields follow
}

// parseTrim reads the arguments behind the key, of XADD up to the id.
func (c *Call) parseTrim(xadd bool) (o trimArgs, err error) {
	for i := 2; i < len(c.Args) && o.idAt == 0; i++ {
		if i, err = c.trimOption(&o, i, xadd); err != nil {
			return o, err
		}
	}
	err = c.limitTrim(&o, xadd)
	return o, err
}

// trimOption reads the option at i, or the id of XADD, and returns where it ends.
func (c *Call) trimOption(o *trimArgs, i int, xadd bool) (at int, err error) {
	more := i+1 < len(c.Args)
	switch {
	case xadd && string(c.Args[i]) == "*":
		o.anyID, o.idAt = true, i
	case more && (c.Option(i, "maxlen") || c.Option(i, "minid")):
		return c.parseThreshold(o, i)
	case more && c.Option(i, "limit"):
		i++
		o.limited = true
		if o.Limit, err = c.Int(i); err == nil && o.Limit < 0 {
			err = errTrimLimit
		}
	case xadd && c.Option(i, "nomkstream"):
		o.noMkStream = true
	case xadd:
		var ok bool
		if o.id, ok = value.ParseNewStreamID(c.Args[i], 0); !ok {
			err = errStreamID
		}
		o.idAt = i
	default:
		err = errSyntax
	}
	return i, err
}

// parseThreshold reads MAXLEN or MINID at i, with = or ~ and its number or id, and returns where that stands.
func (c *Call) parseThreshold(o *trimArgs, i int) (int, error) {
	if o.given {
		return i, errTrimTwice
	}
	o.given, o.ByID = true, c.Option(i, "minid")
	if i+2 < len(c.Args) {
		if o.ByNodes = string(c.Args[i+1]) == "~"; o.ByNodes || string(c.Args[i+1]) == "=" {
			i++
		}
	}
	i++
	if o.ByID {
		var ok bool
		if o.MinID, ok = value.ParseStreamID(c.Args[i], 0); !ok {
			return i, errStreamID
		}
		return i, nil
	}
	n, err := c.Int(i)
	if err == nil && n < 0 {
		err = errTrimMaxLen
	}
	o.MaxLen = uint64(n)
	return i, err
}

// limitTrim checks the options against each other, and sets the limit of a trim by nodes that has none.
func (c *Call) limitTrim(o *trimArgs, xadd bool) error {
	switch {
	case o.Limit != 0 && !o.given:
		return errLimitNoTrim
	case !xadd && !o.given:
		return errNoTrim
	case o.limited && !o.ByNodes:
		return errLimitExact
	case o.ByNodes && !o.limited:
		most := c.Tx.Encoding().StreamNodeMaxEntries
		if most > trimMost/trimNodes {
			most = trimMost / trimNodes
		}
		if o.Limit = trimNodes * most; o.Limit <= 0 {
			o.Limit = trimFallback
		}
	}
	return nil
}

func xadd(c *Call) error {
	o, err := c.parseTrim(true)
	if err != nil {
		return err
	}
	pairs := c.Args[min(o.idAt+1, len(c.Args)):]
	if o.idAt == 0 || len(pairs) < 2 || len(pairs)%2 != 0 {
		return errArity(c.Row)
	}
	if !o.anyID && !o.id.AnySeq && o.id.IsZero() {
		return errStreamZeroID
	}
	key := c.Args[1]
	s, ok, err := c.peekStream(key)
	if err != nil {
		return err
	}
	if !ok && o.noMkStream {
		c.Reply.Null()
		return nil
	}
	id, err := c.chooseID(&s, &o, pairs)
	if err != nil {
		return err
	}
	slot := c.Tx.Write(key)
	if !ok {
		value.CreateStream(slot)
	}
	s = value.OpenStream(slot.View())
	s.Add(id, pairs, c.Tx.Encoding())
	trimmed := o.given && s.Trim(&o.Trimming) > 0
	s.Save(slot)
	c.Tx.Changed(key, shards.EventXAdd)
	if trimmed {
		c.Tx.Also(key, shards.EventXTrim)
	}
	c.replyID(id)
	return nil
}

// chooseID is the id of the entry that XADD is about to add.
func (c *Call) chooseID(s *value.StreamLog, o *trimArgs, pairs [][]byte) (id value.StreamID, err error) {
	if s.Last == value.MaxStreamID {
		return id, errStreamExhausted
	}
	ok := true
	if o.anyID {
		id = s.NextID(c.Tx.Now())
	} else {
		id, ok = s.Choose(o.id)
	}
	switch err = s.CheckAdd(id, pairs); {
	case !ok, errors.Is(err, value.ErrStreamID):
		return id, errStreamSmallID
	case err != nil:
		return id, errStreamBytes
	}
	return id, nil
}

// replyID answers with an id.
func (c *Call) replyID(id value.StreamID) {
	var b value.StreamIDText
	c.Reply.Bulk(id.AppendText(b[:0]))
}

// peekStream finds a stream without a trace; the zero stream and false if the key is absent.
func (c *Call) peekStream(key []byte) (s value.StreamLog, ok bool, err error) {
	it, ok := c.Tx.Peek(key)
	switch {
	case !ok:
		return s, false, nil
	case it.Type() != value.Stream:
		return s, false, errWrongType
	}
	return value.OpenStream(it.View()), true, nil
}

// openStream opens an existing stream for change; ok is false if the key is absent.
func (c *Call) openStream(key []byte) (slot *shards.Slot, s value.StreamLog, ok bool, err error) {
	if slot, ok, err = c.openExisting(key, value.Stream); ok {
		s = value.OpenStream(slot.View())
	}
	return slot, s, ok, err
}

// strictIDs reads the arguments from one on as ids.
func strictIDs(args [][]byte) ([]value.StreamID, error) {
	ids := make([]value.StreamID, len(args))
	for i, arg := range args {
		var ok bool
		if ids[i], ok = value.ParseStreamID(arg, 0); !ok {
			return nil, errStreamID
		}
	}
	return ids, nil
}

func xdel(c *Call) error {
	key := c.Args[1]
	ok, err := c.check(key, value.Stream)
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Int(0)
		return nil
	}
	ids, err := strictIDs(c.Args[2:])
	if err != nil {
		return err
	}
	slot := c.Tx.Write(key)
	s := value.OpenStream(slot.View())
	deleted := 0
	for _, id := range ids {
		if s.Delete(id) {
			deleted++
		}
	}
	if deleted > 0 {
		s.Settle()
		s.Save(slot)
		c.Tx.ChangedBy(key, shards.EventXDel, deleted)
	}
	c.Reply.Int(int64(deleted))
	return nil
}

func xlen(c *Call) error {
	v, ok, err := c.view(c.Args[1], value.Stream)
	if err != nil {
		return err
	}
	n := uint64(0)
	if ok {
		s := value.OpenStream(v)
		n = s.Len
	}
	c.Reply.Int(int64(n))
	return nil
}

func xtrim(c *Call) error {
	o, err := c.parseTrim(false)
	if err != nil {
		return err
	}
	key := c.Args[1]
	slot, s, ok, err := c.openStream(key)
	if err != nil {
		return err
	}
	removed := int64(0)
	if ok {
		c.long(o.mostRemoved(&s))
		removed = s.Trim(&o.Trimming)
		s.Save(slot) // even if no entry went: a node of deleted ones may have gone
	}
	if removed > 0 {
		c.Tx.ChangedBy(key, shards.EventXTrim, int(removed))
	}
	c.Reply.Int(removed)
	return nil
}

// mostRemoved is how many entries a trim may remove.
func (o *trimArgs) mostRemoved(s *value.StreamLog) int {
	switch {
	case o.ByID:
		return int(s.Len)
	case s.Len > o.MaxLen:
		return int(s.Len - o.MaxLen)
	}
	return 0
}

// The refusals of XSETID.
const (
	errSetIDAdded     = Error("ERR entries_added must be positive")
	errSetIDBelowArg  = Error("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
	errSetIDBelowDead = Error("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
	errSetIDBelowTop  = Error("ERR The ID specified in XSETID is smaller than the target stream top item")
	errSetIDBelowLen  = Error("ERR The entries_added specified in XSETID is smaller than the target stream length")
)

// setIDArgs are the arguments of XSETID.
type setIDArgs struct {
	last, maxDeleted value.StreamID
	added            int64 // -1: not given
}

func (c *Call) parseSetID() (o setIDArgs, err error) {
	o.added = -1
	var ok bool
	if o.last, ok = value.ParseStreamID(c.Args[2], 0); !ok {
		return o, errStreamID
	}
	for i := 3; i < len(c.Args); i += 2 {
		switch more := i+1 < len(c.Args); {
		case more && c.Option(i, "entriesadded"):
			if o.added, err = c.Int(i + 1); err != nil {
				return o, err
			}
			if o.added < 0 {
				return o, errSetIDAdded
			}
		case more && c.Option(i, "maxdeletedid"):
			if o.maxDeleted, ok = value.ParseStreamID(c.Args[i+1], 0); !ok {
				return o, errStreamID
			}
			if o.last.Compare(o.maxDeleted) < 0 {
				return o, errSetIDBelowArg
			}
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

// check refuses what a stream's entries contradict.
func (o *setIDArgs) check(s *value.StreamLog) error {
	if o.last.Compare(s.MaxDeleted) < 0 {
		return errSetIDBelowDead
	}
	top, any := s.Edge(true)
	switch {
	case any && o.last.Compare(top) < 0:
		return errSetIDBelowTop
	case any && o.added >= 0 && s.Len > uint64(o.added):
		return errSetIDBelowLen
	}
	return nil
}

func xsetid(c *Call) error {
	o, err := c.parseSetID()
	if err != nil {
		return err
	}
	key := c.Args[1]
	s, ok, err := c.peekStream(key)
	switch {
	case err != nil:
		return err
	case !ok:
		return errNoKey
	}
	if err := o.check(&s); err != nil {
		return err
	}
	slot := c.Tx.Write(key)
	s.Last = o.last
	if o.added >= 0 {
		s.Added = uint64(o.added)
	}
	if !o.maxDeleted.IsZero() {
		s.MaxDeleted = o.maxDeleted
	}
	s.Save(slot)
	c.Tx.Changed(key, shards.EventXSetID)
	c.Reply.OK()
	return nil
}
