// zset.go: the rows of all sorted set commands, and those that ask about members. Additions and removals are in zset_add.go, ranges in
// zset_range.go, ZPOPMIN and its like and ZRANDMEMBER in zset_pop.go, those of them that wait in zset_block.go, unions and their like in
// zset_combine.go.

package command

import (
	"respite/shards"
	"respite/value"
)

func zsetRows() []Row {
	rows := append(zsetReadRows(), zsetWriteRows()...)
	return append(append(append(rows, zsetRangeRows()...), zsetCombineRows()...), zsetBlockRows()...)
}

func zsetReadRows() []Row {
	one := keys(RO|Access, 1, 1, 1)
	return []Row{
		{
			Name: "zcard", Arity: 2, Flags: ReadOnly | Fast, Keys: keys(RO, 1, 1, 1), Run: zcard,
			Since: "1.2.0", Cost: "O(1)", Doc: "Returns the number of members of a sorted set.",
		},
		{
			Name: "zcount", Arity: 4, Flags: ReadOnly | Fast, Keys: one, Run: zcount,
			Since: "2.0.0", Cost: "O(log(N))", Doc: "Counts the members with a score in a range.",
		},
		{
			Name: "zlexcount", Arity: 4, Flags: ReadOnly | Fast, Keys: one, Run: zlexcount,
			Since: "2.8.9", Cost: "O(log(N))", Doc: "Counts the members in a range of texts, where all scores are equal.",
		},
		{
			Name: "zmscore", Arity: -3, Flags: ReadOnly | Fast, Keys: one, Run: zmscore,
			Since: "6.2.0", Cost: "O(N) in the number of members asked for", Doc: "Returns the scores of members.",
		},
		{
			Name: "zrandmember", Arity: -2, Flags: ReadOnly, Keys: one, Run: zrandmember,
			Since: "6.2.0", Cost: "O(N*log(M)) in the number of members returned", Doc: "Returns members at random.",
			Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "zrank", Arity: -3, Flags: ReadOnly | Fast, Keys: one, Run: zrank,
			Since: "2.0.0", Cost: "O(log(N))", Doc: "Returns how many members are before one.",
		},
		{
			Name: "zrevrank", Arity: -3, Flags: ReadOnly | Fast, Keys: one, Run: zrevrank,
			Since: "2.0.0", Cost: "O(log(N))", Doc: "Returns how many members are behind one.",
		},
		{
			Name: "zscan", Arity: -3, Flags: ReadOnly, Keys: one, Run: zscan,
			Since: "2.8.0", Cost: "O(1) a call, O(N) for all of a sorted set", Doc: "Returns some members with their scores, and a cursor to go on from.",
			Tips: []string{"nondeterministic_output"},
		},
		{
			Name: "zscore", Arity: 3, Flags: ReadOnly | Fast, Keys: one, Run: zscore,
			Since: "1.2.0", Cost: "O(1)", Doc: "Returns the score of a member.",
		},
	}
}

func zsetWriteRows() []Row {
	pop := keys(RW|Access|Delete, 1, 1, 1)
	return []Row{
		{
			Name: "zadd", Arity: -4, Flags: Write | DenyOOM | Fast, Keys: keys(RW|Update, 1, 1, 1), Run: zadd,
			Since: "1.2.0", Cost: "O(log(N)) a member", Doc: "Adds members to a sorted set, or gives them other scores, creating it if needed.",
		},
		{
			Name: "zincrby", Arity: 4, Flags: Write | DenyOOM | Fast, Keys: keys(RW|Access|Update, 1, 1, 1), Run: zincrby,
			Since: "1.2.0", Cost: "O(log(N))", Doc: "Increments the score of a member; an absent one counts as 0.",
		},
		{
			Name: "zmpop", Arity: -4, Flags: Write, Keys: countedKeys(RW|Access|Delete, 1), Run: zmpop,
			Since: "7.0.0", Cost: "O(K) + O(M*log(N)), K keys and M members returned",
			Doc: "Takes the members with the least or greatest scores out of the first of several sorted sets that is there.",
		},
		{
			Name: "zpopmax", Arity: -2, Flags: Write | Fast, Keys: pop, Run: zpopmax,
			Since: "5.0.0", Cost: "O(M*log(N)), M members returned", Doc: "Takes the members with the greatest scores out.",
		},
		{
			Name: "zpopmin", Arity: -2, Flags: Write | Fast, Keys: pop, Run: zpopmin,
			Since: "5.0.0", Cost: "O(M*log(N)), M members returned", Doc: "Takes the members with the least scores out.",
		},
		{
			Name: "zrem", Arity: -3, Flags: Write | Fast, Keys: keys(RW|Delete, 1, 1, 1), Run: zrem,
			Since: "1.2.0", Cost: "O(log(N)) a member", Doc: "Removes members.",
		},
	}
}

// countedKeys is the spec of keys that stand behind their number, which is argument first.
func countedKeys(flags KeyFlags, first int) []KeySpec {
	return []KeySpec{{Flags: flags, First: first, KeyNum: true, KeyFirst: 1, Step: 1}}
}

// sortedSet finds a sorted set to read; that of an absent key is empty.
func (c *Call) sortedSet(key []byte) (value.SortedSet, error) {
	v, _, err := c.view(key, value.ZSet)
	return value.OpenSortedSet(v), err
}

func zcard(c *Call) error {
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Reply.Int(int64(s.Len()))
	return nil
}

func zscore(c *Call) error {
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	c.replyScore(s.Score(c.Args[2]))
	return nil
}

func zmscore(c *Call) error {
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		c.replyScore(s.Score(member))
	}
	return nil
}

// replyScore answers with a score, or null if there is none.
func (c *Call) replyScore(score float64, ok bool) {
	if !ok {
		c.Reply.Null()
		return
	}
	c.Reply.Double(score)
}

func zrank(c *Call) error { return replyRank(c, false) }

func zrevrank(c *Call) error { return replyRank(c, true) }

func replyRank(c *Call, reverse bool) error {
	const withScore = 4 // arguments
	scored := len(c.Args) == withScore
	switch {
	case len(c.Args) > withScore:
		return errArity(c.Row)
	case scored && !c.Option(withScore-1, "withscore"):
		return errSyntax
	}
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	rank, score, ok := s.Rank(c.Args[2])
	if reverse {
		rank = s.Len() - 1 - rank
	}
	switch {
	case !ok && scored:
		c.Reply.NullArray()
	case !ok:
		c.Reply.Null()
	case scored:
		c.Reply.Array(2)
		c.Reply.Int(int64(rank))
		c.Reply.Double(score)
	default:
		c.Reply.Int(int64(rank))
	}
	return nil
}

func zscan(c *Call) error {
	return c.scanElements(value.ZSet, func(v value.View, s *elementScan) uint64 {
		return value.OpenSortedSet(v).Scan(s.cursor, s.filter.count, func(member, score value.Element) {
			if s.wants(member) {
				s.reply(member)
				s.reply(score)
			}
		})
	})
}

// inPairs reports whether members of which scores are returned too come as pairs in this client's protocol.
func (c *Call) inPairs(scored bool) bool { return scored && c.Reply.Proto() > 2 }

// beginMembers begins an array of n members, with or without their scores, each of which replyMember is to follow with.
func (c *Call) beginMembers(n int, scored bool) {
	if scored && !c.inPairs(scored) {
		n *= 2
	}
	c.Reply.Array(n)
}

func (c *Call) replyMember(e value.Element, score float64, scored bool) {
	if c.inPairs(scored) {
		c.Reply.Array(2)
	}
	c.replyElement(e)
	if scored {
		c.Reply.Double(score)
	}
}

// replyScored answers with the members of a walk.
func (c *Call) replyScored(s value.SortedSet, w value.Walk) {
	c.long(w.N)
	c.beginMembers(w.N, w.Scores)
	s.Walk(w, func(e value.Element, score float64) bool {
		c.replyMember(e, score, w.Scores)
		return true
	})
}

// removeSpan takes the members of n ranks out of a sorted set that is open in c.slot, and the key with the last of them.
func (c *Call) removeSpan(key []byte, from, n int, e shards.Event) {
	c.long(n)
	isAll := n == value.OpenSortedSet(c.slot.View()).Len()
	if isAll {
		c.slot.Delete()
	} else {
		value.SortedSetRemoveSpan(c.slot, from, n)
	}
	c.Tx.ChangedBy(key, e, n)
	if isAll {
		c.Tx.Also(key, shards.EventDel)
	}
}
