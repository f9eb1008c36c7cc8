// zset_pop.go: ZPOPMIN, ZPOPMAX and ZMPOP, which return members and remove them, and ZRANDMEMBER.

package command

import (
	"math"
	"math/rand/v2"

	"respite/shards"
	"respite/text"
	"respite/value"
)

// The refusals of these commands; Redis has them in common with those of lists and sets.
const (
	errNumKeysPositive = Error("ERR numkeys should be greater than 0")
	errCountPositive   = Error("ERR count should be greater than 0")
)

// popEvent is what is told of members that are taken out at either end.
func popEvent(greatest bool) shards.Event {
	if greatest {
		return shards.EventZPopMax
	}
	return shards.EventZPopMin
}

func zpopmin(c *Call) error { return pop(c, false) }

func zpopmax(c *Call) error { return pop(c, true) }

// pop answers with members and scores, flat but where RESP3 clients gave a count.
func pop(c *Call, greatest bool) error {
	count, counted, key := int64(1), len(c.Args) > 2, c.Args[1]
	if len(c.Args) > 3 {
		return errSyntax
	}
	if counted {
		n, ok := text.ParseInt(c.Args[2])
		if !ok || n < 0 {
			return errNotPositive
		}
		count = n
	}
	slot, ok, err := c.openExisting(key, value.ZSet)
	switch {
	case err != nil:
		return err
	case !ok || count == 0:
		c.Reply.Array(0)
		return nil
	}
	c.slot = slot
	w := c.popWalk(count, greatest)
	inPairs := counted && c.inPairs(true)
	if inPairs {
		c.Reply.Array(w.N)
	} else {
		c.Reply.Array(2 * w.N)
	}
	c.popScored(key, w, inPairs)
	return nil
}

// popWalk is over count members of the sorted set that is open in c.slot, or all, from either end.
func (c *Call) popWalk(count int64, greatest bool) value.Walk {
	length := value.OpenSortedSet(c.slot.View()).Len()
	w := value.Walk{N: int(min(count, int64(length))), Reverse: greatest, Scores: true}
	if greatest {
		w.From = length - 1
	}
	return w
}

// popScored answers with the members of a walk from one end of the sorted set that is open in c.slot, and takes them out.
func (c *Call) popScored(key []byte, w value.Walk, inPairs bool) {
	if w.N == 1 {
		c.popSingleScored(key, w.Reverse, inPairs)
		return
	}
	c.replyPopped(w, inPairs)
	c.removePopped(key, w)
}

// popSingleScored is popScored of a single one.
func (c *Call) popSingleScored(key []byte, greatest, inPairs bool) {
	var e value.SortedSetEnd
	e.Open(c.slot, greatest)
	if inPairs {
		c.Reply.Array(2)
	}
	c.replyElement(e.Member())
	c.Reply.Double(e.Score())
	left := e.Take()
	c.Tx.Changed(key, popEvent(greatest))
	c.dropIfEmpty(c.slot, key, left)
}

func (c *Call) replyPopped(w value.Walk, inPairs bool) {
	c.long(w.N)
	value.OpenSortedSet(c.slot.View()).Walk(w, func(e value.Element, score float64) bool {
		if inPairs {
			c.Reply.Array(2)
		}
		c.replyElement(e)
		c.Reply.Double(score)
		return true
	})
}

func (c *Call) removePopped(key []byte, w value.Walk) {
	from := w.From
	if w.Reverse {
		from -= w.N - 1
	}
	c.removeSpan(key, from, w.N, popEvent(w.Reverse))
}

// zmpopOptions are the arguments of ZMPOP.
type zmpopOptions struct {
	keys     [][]byte
	greatest bool
	count    int64
}

func (o *zmpopOptions) parse(args [][]byte) error {
	n, ok := text.ParseInt(args[0])
	if !ok || n <= 0 {
		return errNumKeysPositive
	}
	if n >= int64(len(args)-1) {
		return errSyntax
	}
	o.keys, args = args[1:1+n], args[1+n:]
	switch {
	case equalFold(args[0], "max"):
		o.greatest = true
	case !equalFold(args[0], "min"):
		return errSyntax
	}
	o.count = 1
	switch args = args[1:]; {
	case len(args) == 0:
		return nil
	case !equalFold(args[0], "count") || len(args) == 1:
		return errSyntax
	}
	if o.count, ok = text.ParseInt(args[1]); !ok || o.count <= 0 {
		return errCountPositive
	}
	if len(args) > 2 {
		return errSyntax
	}
	return nil
}

// zmpop answers with the first key that is there and pairs of members and scores, or null.
func zmpop(c *Call) error {
	var o zmpopOptions
	if err := o.parse(c.Args[1:]); err != nil {
		return err
	}
	done, err := c.popFirstScored(o, true)
	if err == nil && !done {
		c.Reply.NullArray()
	}
	return err
}

// popFirstScored takes members out of the first of some sorted sets that is there, as ZMPOP does, and replies with its key and with an array
// of members and scores in pairs, or with the only ones themselves; done is false, and there is no reply, if none of the sets is there.
func (c *Call) popFirstScored(o zmpopOptions, asArray bool) (done bool, err error) {
	for _, key := range o.keys {
		if !c.Tx.Holds(key) {
			continue // it is another key that has something for a command that waits
		}
		slot, ok, err := c.openExisting(key, value.ZSet)
		switch {
		case err != nil:
			return false, err
		case ok:
			c.slot = slot
			c.popScoredFrom(key, &o, asArray)
			return true, nil
		}
	}
	return false, nil
}

func (c *Call) popScoredFrom(key []byte, o *zmpopOptions, asArray bool) {
	const flat = 3 // key, member and score
	w := c.popWalk(o.count, o.greatest)
	if asArray {
		c.Reply.Array(2)
		c.Reply.Bulk(key)
		c.Reply.Array(w.N)
	} else {
		c.Reply.Array(flat)
		c.Reply.Bulk(key)
	}
	c.popScored(key, w, asArray)
}

// maxRandomScored is the greatest count, of either sign, with which ZRANDMEMBER returns scores too.
const maxRandomScored = math.MaxInt64 / 2

func zrandmember(c *Call) error {
	if len(c.Args) == 2 {
		return randomMember(c)
	}
	count, err := c.Int(2)
	scored := len(c.Args) > 3
	switch {
	case err != nil:
		return err
	case count == math.MinInt64:
		return errNotInt64Range
	case len(c.Args) > 4 || scored && !c.Option(3, "withscores"):
		return errSyntax
	case scored && (count < -maxRandomScored || count > maxRandomScored):
		return errOutOfRange
	}
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	switch n := s.Len(); {
	case count == 0 || n == 0:
		c.Reply.Array(0)
	case count < 0:
		return c.replyRepeated(s, int(-count), scored)
	case count >= int64(n):
		c.replyScored(s, value.Walk{N: n, Scores: scored})
	default:
		c.replyDistinct(s, int(count), scored)
	}
	return nil
}

func randomMember(c *Call) error {
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	if s.Len() == 0 {
		c.Reply.Null()
		return nil
	}
	c.replyRank(s, rand.IntN(s.Len()), false)
	return nil
}

// replyRank answers with the member of a rank.
func (c *Call) replyRank(s value.SortedSet, rank int, scored bool) {
	s.Walk(value.Walk{From: rank, N: 1, Scores: scored}, func(e value.Element, score float64) bool {
		c.replyMember(e, score, scored)
		return true
	})
}

// replyRepeated answers with count members, each drawn from all.
func (c *Call) replyRepeated(s value.SortedSet, count int, scored bool) error {
	c.long(count)
	c.beginMembers(count, scored)
	for range count {
		c.replyRank(s, rand.IntN(s.Len()), scored)
		if err := c.drawsOn(); err != nil {
			return err
		}
	}
	return nil
}

// fewShare is the share of the members up to which it is cheaper to go to each of those that were drawn than to go over all.
const fewShare = 8

// replyDistinct answers with count members of more, each at most once.
func (c *Call) replyDistinct(s value.SortedSet, count int, scored bool) {
	n := s.Len()
	c.long(count)
	c.beginMembers(count, scored)
	if count <= n/fewShare {
		// Floyd's way of drawing: a rank that is taken already gives way to the last one that may be drawn.
		drawn := make(map[int]struct{}, count)
		for last := n - count; last < n; last++ {
			rank := rand.IntN(last + 1)
			if _, taken := drawn[rank]; taken {
				rank = last
			}
			drawn[rank] = struct{}{}
			c.replyRank(s, rank, scored)
		}
		return
	}
	// Each member is taken with the share of those still wanted among those still to come.
	s.Walk(value.Walk{N: n, Scores: scored}, func(e value.Element, score float64) bool {
		if rand.IntN(n) < count {
			c.replyMember(e, score, scored)
			count--
		}
		n--
		return count > 0
	})
}
