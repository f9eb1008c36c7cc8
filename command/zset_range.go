// zset_range.go: ranges of sorted sets by rank, by score and by member: the ZRANGE family, which returns them, ZRANGESTORE, which stores
// them, ZCOUNT and ZLEXCOUNT, and the ZREMRANGE family. All of them read a range, find which ranks it is in a set, and go on from there.

package command

import (
	"slices"

	"respite/shards"
	"respite/text"
	"respite/value"
)

func zsetRangeRows() []Row {
	const (
		walk   = "O(log(N)+M), M members returned"
		remove = "O(M*log(N)), M members removed"
	)
	one, removed := keys(RO|Access, 1, 1, 1), keys(RW|Delete, 1, 1, 1)
	return []Row{
		{
			Name: "zrange", Arity: -4, Flags: ReadOnly, Keys: one, Run: zrange,
			Since: "1.2.0", Cost: walk, Doc: "Returns members in a range of ranks, scores or texts.",
		},
		{
			Name: "zrangebylex", Arity: -4, Flags: ReadOnly, Keys: one, Run: zrangebylex,
			Since: "2.8.9", Cost: walk, Doc: "Returns members in a range of texts.",
			Deprecated: "6.2.0", Instead: "`ZRANGE` with the `BYLEX` argument",
		},
		{
			Name: "zrangebyscore", Arity: -4, Flags: ReadOnly, Keys: one, Run: zrangebyscore,
			Since: "1.0.5", Cost: walk, Doc: "Returns members in a range of scores.",
			Deprecated: "6.2.0", Instead: "`ZRANGE` with the `BYSCORE` argument",
		},
		{
			Name: "zrangestore", Arity: -5, Flags: Write | DenyOOM, Run: zrangestore,
			Keys:  []KeySpec{keys(OW|Update, 1, 1, 1)[0], keys(RO|Access, 2, 2, 1)[0]},
			Since: "6.2.0", Cost: "O(log(N)+M*log(M)), M members stored", Doc: "Stores members in a range of ranks, scores or texts.",
		},
		{
			Name: "zremrangebylex", Arity: 4, Flags: Write, Keys: removed, Run: zremrangebylex,
			Since: "2.8.9", Cost: remove, Doc: "Removes members in a range of texts.",
		},
		{
			Name: "zremrangebyrank", Arity: 4, Flags: Write, Keys: removed, Run: zremrangebyrank,
			Since: "2.0.0", Cost: remove, Doc: "Removes members in a range of ranks.",
		},
		{
			Name: "zremrangebyscore", Arity: 4, Flags: Write, Keys: removed, Run: zremrangebyscore,
			Since: "1.2.0", Cost: remove, Doc: "Removes members in a range of scores.",
		},
		{
			Name: "zrevrange", Arity: -4, Flags: ReadOnly, Keys: one, Run: zrevrange,
			Since: "1.2.0", Cost: walk, Doc: "Returns members in a range of ranks, the last first.",
			Deprecated: "6.2.0", Instead: "`ZRANGE` with the `REV` argument",
		},
		{
			Name: "zrevrangebylex", Arity: -4, Flags: ReadOnly, Keys: one, Run: zrevrangebylex,
			Since: "2.8.9", Cost: walk, Doc: "Returns members in a range of texts, the last first.",
			Deprecated: "6.2.0", Instead: "`ZRANGE` with the `REV` and `BYLEX` arguments",
		},
		{
			Name: "zrevrangebyscore", Arity: -4, Flags: ReadOnly, Keys: one, Run: zrevrangebyscore,
			Since: "2.2.0", Cost: walk, Doc: "Returns members in a range of scores, the last first.",
			Deprecated: "6.2.0", Instead: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
		},
	}
}

const (
	errNotScoreRange = Error("ERR min or max is not a float")
	errNotLexRange   = Error("ERR min or max not valid string range item")
	errRankLimit     = Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	errLexScores     = Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
)

// rangeBy says what a range is a range of.
type rangeBy uint8

const (
	byRank rangeBy = iota
	byScore
	byLex
)

// noLimit is the limit of a range without one.
const noLimit = -1

// zrangeOptions are a range and what is wanted of it.
type zrangeOptions struct {
	by      rangeBy
	reverse bool
	plain   bool // the name of the command says neither by what nor in which direction
	store   bool
	scores  bool // WITHSCORES
	offset  int64
	limit   int64

	first, last int64 // by rank
	score       value.ScoreRange
	lex         value.LexRange
}

// parse reads a range from the argument at on, which is its first end.
func (o *zrangeOptions) parse(c *Call, at int) error {
	o.limit = noLimit
	if err := o.words(c, at+2); err != nil {
		return err
	}
	switch {
	case o.limit != noLimit && o.by == byRank:
		return errRankLimit
	case o.scores && o.by == byLex:
		return errLexScores
	}
	least, greatest := at, at+1
	if o.reverse && o.by != byRank {
		least, greatest = greatest, least
	}
	return o.ends(c, least, greatest)
}

// words reads the options from the argument i on.
func (o *zrangeOptions) words(c *Call, i int) (err error) {
	fixedDirection, fixedBy := !o.plain, !o.plain
	for ; i < len(c.Args); i++ {
		switch {
		case !o.store && c.Option(i, "withscores"):
			o.scores = true
		case c.Option(i, "limit") && i+2 < len(c.Args):
			if o.offset, err = c.Int(i + 1); err != nil {
				return err
			}
			if o.limit, err = c.Int(i + 2); err != nil {
				return err
			}
			i += 2
		case !fixedDirection && c.Option(i, "rev"):
			o.reverse, fixedDirection = true, true
		case !fixedBy && c.Option(i, "bylex"):
			o.by, fixedBy = byLex, true
		case !fixedBy && c.Option(i, "byscore"):
			o.by, fixedBy = byScore, true
		default:
			return errSyntax
		}
	}
	return nil
}

// ends reads the ends of the range.
func (o *zrangeOptions) ends(c *Call, least, greatest int) (err error) {
	switch o.by {
	case byScore:
		o.score, err = parseScoreRange(c.Args[least], c.Args[greatest])
	case byLex:
		o.lex, err = parseLexRange(c.Args[least], c.Args[greatest])
	default:
		if o.first, err = c.Int(least); err == nil {
			o.last, err = c.Int(greatest)
		}
	}
	return err
}

func parseScoreRange(least, greatest []byte) (r value.ScoreRange, err error) {
	var ok, alsoOK bool
	r.Min, r.MinEx, ok = parseScoreEnd(least)
	r.Max, r.MaxEx, alsoOK = parseScoreEnd(greatest)
	if !ok || !alsoOK {
		return r, errNotScoreRange
	}
	return r, nil
}

// parseScoreEnd reads an end of a range of scores, with a parenthesis before it if it does not belong to the range.
func parseScoreEnd(b []byte) (score float64, ex, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		b, ex = b[1:], true
	}
	score, ok = text.ParseBound(b)
	return score, ex, ok
}

func parseLexRange(least, greatest []byte) (r value.LexRange, err error) {
	var ok, alsoOK bool
	r.Min, ok = parseLexEnd(least)
	r.Max, alsoOK = parseLexEnd(greatest)
	if !ok || !alsoOK {
		return r, errNotLexRange
	}
	return r, nil
}

// parseLexEnd reads an end of a range of members: [text, (text without the text itself, - or +. What follows a NUL behind the latter
// two is not looked at, as in Redis.
func parseLexEnd(b []byte) (end value.LexBound, ok bool) {
	if len(b) == 0 {
		return end, false
	}
	alone := len(b) == 1 || b[1] == 0
	switch b[0] {
	case '[':
		return value.LexBound{Text: b[1:]}, true
	case '(':
		return value.LexBound{Text: b[1:], Ex: true}, true
	case '-':
		return value.LexBound{Unlimited: -1}, alone
	case '+':
		return value.LexBound{Unlimited: 1}, alone
	}
	return end, false
}

// walk finds the members of the range in a set.
func (o *zrangeOptions) walk(s value.SortedSet) value.Walk {
	w := value.Walk{Reverse: o.reverse, Scores: o.scores || o.store}
	length := int64(s.Len())
	skip := min(o.offset, length)
	if skip < 0 {
		return w
	}
	switch o.by {
	case byLex:
		w.From, w.N = s.LexSpan(o.lex, int(skip), o.reverse)
	case byScore:
		w.From, w.N = s.ScoreSpan(o.score)
		w.Skip(int(skip))
	default:
		w.From, w.N = rankSpan(o.first, o.last, length)
		if o.reverse {
			w.From = int(length) - 1 - w.From
		}
	}
	if o.limit >= 0 {
		w.N = int(min(int64(w.N), o.limit))
	}
	return w
}

// rankSpan returns the first of the ranks from first to last that are there, and how many there are. Negative ranks count from the end.
func rankSpan(first, last, length int64) (from, n int) {
	if first < 0 {
		first = max(first+length, 0)
	}
	if last < 0 {
		last += length
	}
	last = min(last, length-1)
	if first > last {
		return 0, 0
	}
	return int(first), int(last - first + 1)
}

func zrange(c *Call) error { return c.replyRange(zrangeOptions{plain: true}) }

func zrangebyscore(c *Call) error { return c.replyRange(zrangeOptions{by: byScore}) }

func zrangebylex(c *Call) error { return c.replyRange(zrangeOptions{by: byLex}) }

func zrevrange(c *Call) error { return c.replyRange(zrangeOptions{reverse: true}) }

func zrevrangebyscore(c *Call) error { return c.replyRange(zrangeOptions{by: byScore, reverse: true}) }

func zrevrangebylex(c *Call) error { return c.replyRange(zrangeOptions{by: byLex, reverse: true}) }

func (c *Call) replyRange(o zrangeOptions) error {
	if err := o.parse(c, 2); err != nil {
		return err
	}
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	c.replyScored(s, o.walk(s))
	return nil
}

func zrangestore(c *Call) error {
	o := zrangeOptions{plain: true, store: true}
	if err := o.parse(c, 3); err != nil {
		return err
	}
	s, err := c.sortedSet(c.Args[2])
	if err != nil {
		return err
	}
	w, lim := o.walk(s), c.Tx.Encoding()
	c.long(w.N)
	var found value.Gathered
	s.Walk(w, func(e value.Element, score float64) bool {
		found.Add(e, score)
		return true
	})
	if o.by != byRank || int64(w.N) <= lim.ZsetMaxListpackEntries { // else Redis knows at once that the set will be large
		value.ForgetSigns(found.Members, lim)
	}
	if o.reverse {
		slices.Reverse(found.Members)
	}
	c.storeMembers(c.Args[1], found.Members, shards.EventZRangeStore, 1)
	return nil
}

// storeMembers makes a key a sorted set of members, in order, whatever it held; without any, it is removed. It answers how many there are, and
// says that so many changes were made.
func (c *Call) storeMembers(key []byte, members []value.ScoredMember, e shards.Event, changes int) {
	c.slot = c.Tx.Write(key)
	if len(members) > 0 {
		value.PutSortedSet(c.slot, c.Tx.Encoding(), members)
		c.slot.Persist()
		c.Tx.ChangedBy(key, e, changes)
	} else if c.slot.Delete() {
		c.Tx.Changed(key, shards.EventDel)
	}
	c.Reply.Int(int64(len(members)))
}

func zcount(c *Call) error { return replyCount(c, byScore) }

func zlexcount(c *Call) error { return replyCount(c, byLex) }

func replyCount(c *Call, by rangeBy) error {
	o := zrangeOptions{by: by}
	if err := o.parse(c, 2); err != nil {
		return err
	}
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Reply.Int(int64(o.walk(s).N))
	return nil
}

func zremrangebyrank(c *Call) error { return removeRange(c, byRank, shards.EventZRemByRank) }

func zremrangebyscore(c *Call) error { return removeRange(c, byScore, shards.EventZRemByScore) }

func zremrangebylex(c *Call) error { return removeRange(c, byLex, shards.EventZRemByLex) }

func removeRange(c *Call, by rangeBy, e shards.Event) error {
	o, key := zrangeOptions{by: by}, c.Args[1]
	if err := o.parse(c, 2); err != nil {
		return err
	}
	slot, ok, err := c.openExisting(key, value.ZSet)
	if err != nil {
		return err
	}
	var w value.Walk
	if ok {
		c.slot = slot
		w = o.walk(value.OpenSortedSet(c.slot.View()))
	}
	if w.N > 0 {
		c.removeSpan(key, w.From, w.N, e)
	}
	c.Reply.Int(int64(w.N))
	return nil
}
