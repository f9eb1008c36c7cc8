// zset_add.go: ZADD, ZINCRBY and ZREM.

package command

import (
	"math"

	"respite/shards"
	"respite/text"
	"respite/value"
)

// The refusals of ZADD.
const (
	errAddBoth    = Error("ERR XX and NX options at the same time are not compatible")
	errAddGTLT    = Error("ERR GT, LT, and/or NX options at the same time are not compatible")
	errAddOnlyOne = Error("ERR INCR option supports a single increment-element pair")
	errScoreIsNaN = Error("ERR resulting score is not a number (NaN)")
)

// zaddOptions are the words before ZADD's scores.
type zaddOptions struct {
	value.AddMode
	changed bool     // CH: scores that were changed count too
	pairs   [][]byte // scores and members; of GEOADD positions and members, three arguments each
	width   int      // how many arguments a member has with it, itself the last
}

// member is the i-th member.
func (o *zaddOptions) member(i int) []byte { return o.pairs[(i+1)*o.width-1] }

func (o *zaddOptions) parse(args [][]byte) error {
	for len(args) > 0 && o.take(args[0]) {
		args = args[1:]
	}
	const width = 2 // a score and a member
	o.pairs, o.width = args, width
	switch {
	case len(args) == 0 || len(args)%2 != 0:
		return errSyntax
	case o.IfAbsent && o.IfPresent:
		return errAddBoth
	case o.IfGreater && (o.IfAbsent || o.IfLess) || o.IfLess && o.IfAbsent:
		return errAddGTLT
	case o.Increment && len(args) > 2:
		return errAddOnlyOne
	}
	return nil
}

// take reads a word, and reports whether it is an option.
func (o *zaddOptions) take(word []byte) bool {
	switch {
	case equalFold(word, "nx"):
		o.IfAbsent = true
	case equalFold(word, "xx"):
		o.IfPresent = true
	case equalFold(word, "gt"):
		o.IfGreater = true
	case equalFold(word, "lt"):
		o.IfLess = true
	case equalFold(word, "ch"):
		o.changed = true
	case equalFold(word, "incr"):
		o.Increment = true
	default:
		return false
	}
	return true
}

// usualPairs is how many pairs ZADD has room for without an allocation.
const usualPairs = 16

func zadd(c *Call) error { return c.addScored(zaddOptions{}) }

// zincrby is ZADD with INCR, and takes its options as well.
func zincrby(c *Call) error { return c.addScored(zaddOptions{AddMode: value.AddMode{Increment: true}}) }

// addScored answers how many members were added, or with INCR the score, null if a condition does not hold.
func (c *Call) addScored(o zaddOptions) error {
	if err := o.parse(c.Args[2:]); err != nil {
		return err
	}
	var room [usualPairs]float64
	scores, err := parseScores(o.pairs, room[:0])
	if err != nil {
		return err
	}
	key := c.Args[1]
	if o.Increment && !o.IfAbsent && math.IsInf(scores[0], 0) {
		if err := c.checkIncrement(key, o.member(0), scores[0]); err != nil {
			return err
		}
	}
	return c.addAndReply(key, &o, scores)
}

// addAndReply adds members with these scores to a key.
func (c *Call) addAndReply(key []byte, o *zaddOptions, scores []float64) (err error) {
	if c.slot, err = c.open(key, value.ZSet); err != nil {
		return err
	}
	did := c.addPairs(o, scores)
	c.toldAdded(key, o, int(did.added+did.changed))
	switch {
	case o.Increment:
		c.replyScore(did.score, did.last != value.NotAdded)
	case o.changed:
		c.Reply.Int(did.added + did.changed)
	default:
		c.Reply.Int(did.added)
	}
	return nil
}

// zaddOutcome is what became of the pairs of ZADD.
type zaddOutcome struct {
	added, changed int64
	score          float64     // of the last member
	last           value.Added // what became of it
}

// addPairs adds members to the sorted set that is open in c.slot, and makes one there if there is none and one may be.
func (c *Call) addPairs(o *zaddOptions, scores []float64) (did zaddOutcome) {
	if !c.slot.Exists() && o.IfPresent {
		return did
	}
	lim := c.Tx.Encoding()
	value.PrepareSortedSet(c.slot, lim, len(scores), len(o.member(0)))
	for i, score := range scores {
		did.score, did.last = value.SortedSetAdd(c.slot, lim, o.member(i), score, &o.AddMode)
		switch did.last {
		case value.NewMember:
			did.added++
		case value.NewScore:
			did.changed++
		}
	}
	return did
}

// toldAdded says that members or scores are new, if some are.
func (c *Call) toldAdded(key []byte, o *zaddOptions, n int) {
	switch {
	case n == 0:
	case o.Increment:
		c.Tx.ChangedBy(key, shards.EventZIncr, n)
	default:
		c.Tx.ChangedBy(key, shards.EventZAdd, n)
	}
}

// parseScores reads the scores of pairs, behind those in scores.
func parseScores(pairs [][]byte, scores []float64) ([]float64, error) {
	for i := 0; i < len(pairs); i += 2 {
		score, ok := text.ParseFloat(pairs[i])
		if !ok {
			return nil, errNotFloat
		}
		scores = append(scores, score)
	}
	return scores, nil
}

// checkIncrement refuses an infinite increment of a score that is infinite the other way.
func (c *Call) checkIncrement(key, member []byte, by float64) error {
	it, ok := c.Tx.Peek(key)
	switch {
	case !ok:
		return nil
	case it.Type() != value.ZSet:
		return errWrongType
	}
	if score, ok := value.OpenSortedSet(it.View()).Score(member); ok && value.SumIsNaN(score, by) {
		return errScoreIsNaN
	}
	return nil
}

func zrem(c *Call) error {
	key := c.Args[1]
	slot, ok, err := c.openExisting(key, value.ZSet)
	if err != nil {
		return err
	}
	removed := int64(0)
	if ok {
		c.slot = slot
		removed = c.removeScored(key, c.Args[2:])
	}
	c.Reply.Int(removed)
	return nil
}

// removeScored takes members out of the sorted set that is open in c.slot, and returns how many were there.
func (c *Call) removeScored(key []byte, members [][]byte) (removed int64) {
	left := value.OpenSortedSet(c.slot.View()).Len()
	for _, member := range members {
		if value.SortedSetRemove(c.slot, member) {
			removed++
			left--
		}
	}
	if removed > 0 {
		c.Tx.ChangedBy(key, shards.EventZRem, int(removed))
		c.dropIfEmpty(c.slot, key, left)
	}
	return removed
}
