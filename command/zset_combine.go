// zset_combine.go: unions, intersections and differences of sorted sets and sets, whose members have a score of 1. What is to be stored is
// put together before the key it goes to is opened, so that may be one of the inputs.

package command

import (
	"fmt"

	"respite/shards"
	"respite/text"
	"respite/value"
)

func zsetCombineRows() []Row {
	const slow = "O(N)+O(M*log(M)), N members read and M in the result"
	in, out := countedKeys(RO|Access, 1), append(keys(OW|Update, 1, 1, 1), countedKeys(RO|Access, 2)...)
	return []Row{
		{
			Name: "zdiff", Arity: -3, Flags: ReadOnly, Keys: in, Run: zdiff,
			Since: "6.2.0", Cost: slow, Doc: "Returns the members of a sorted set that others do not have.",
		},
		{
			Name: "zdiffstore", Arity: -4, Flags: Write | DenyOOM, Keys: out, Run: zdiffstore,
			Since: "6.2.0", Cost: slow, Doc: "Stores the members of a sorted set that others do not have.",
		},
		{
			Name: "zinter", Arity: -3, Flags: ReadOnly, Keys: in, Run: zinter,
			Since: "6.2.0", Cost: slow, Doc: "Returns the members that all of several sorted sets have.",
		},
		{
			Name: "zintercard", Arity: -3, Flags: ReadOnly, Keys: in, Run: zintercard,
			Since: "7.0.0", Cost: "O(N*K), N members of the smallest of K inputs", Doc: "Counts the members that all of several sorted sets have.",
		},
		{
			Name: "zinterstore", Arity: -4, Flags: Write | DenyOOM, Keys: out, Run: zinterstore,
			Since: "2.0.0", Cost: slow, Doc: "Stores the members that all of several sorted sets have.",
		},
		{
			Name: "zunion", Arity: -3, Flags: ReadOnly, Keys: in, Run: zunion,
			Since: "6.2.0", Cost: slow, Doc: "Returns the members that any of several sorted sets has.",
		},
		{
			Name: "zunionstore", Arity: -4, Flags: Write | DenyOOM, Keys: out, Run: zunionstore,
			Since: "2.0.0", Cost: slow, Doc: "Stores the members that any of several sorted sets has.",
		},
	}
}

const (
	errNotWeight     = Error("ERR weight value is not a float")
	errLimitNegative = Error("ERR LIMIT can't be negative")
)

func errNoInputs(r *Row) error {
	return Error(fmt.Sprintf("ERR at least 1 input key is needed for '%s' command", r.full))
}

// combination is what ZUNION and its like read: inputs and what to do with them. What the fields may say before the
// arguments are read is which of these a command knows.
type combination struct {
	weighs bool // knows WEIGHTS and AGGREGATE
	shows  bool // knows WITHSCORES
	counts bool // knows LIMIT

	c         *Call
	in        []value.Weighted
	aggregate value.Aggregate
	scored    bool
	limit     int64
}

// parse reads the arguments from the number of inputs on, which is argument at. Inputs are looked up on the way: a wrong type is refused
// before a wrong word.
func (o *combination) parse(c *Call, at int) error {
	n, err := c.Int(at)
	switch {
	case err != nil:
		return err
	case n < 1:
		return errNoInputs(c.Row)
	case n > int64(len(c.Args)-at-1):
		return errSyntax
	}
	words := c.Args[at+1:]
	o.c, o.in = c, make([]value.Weighted, n)
	for i := range o.in {
		o.in[i].Weight = 1
		if o.in[i].Set, err = c.scored(words[i]); err != nil {
			return err
		}
	}
	for words = words[n:]; len(words) > 0; {
		taken, err := o.take(words)
		if err != nil {
			return err
		}
		words = words[taken:]
	}
	return nil
}

// take reads an option from the beginning of words, and returns how many it took.
func (o *combination) take(words [][]byte) (taken int, err error) {
	switch word := words[0]; {
	case o.weighs && equalFold(word, "weights") && len(words) > len(o.in):
		return 1 + len(o.in), o.weigh(words[1:])
	case o.weighs && equalFold(word, "aggregate") && len(words) > 1:
		return 2, o.setAggregate(words[1])
	case o.shows && equalFold(word, "withscores"):
		o.scored = true
		return 1, nil
	case o.counts && equalFold(word, "limit") && len(words) > 1:
		n, ok := text.ParseInt(words[1])
		if !ok || n < 0 {
			return 0, errLimitNegative
		}
		o.limit = n
		return 2, nil
	}
	return 0, errSyntax
}

func (o *combination) weigh(weights [][]byte) error {
	for i := range o.in {
		var ok bool
		if o.in[i].Weight, ok = text.ParseFloat(weights[i]); !ok {
			return errNotWeight
		}
	}
	return nil
}

func (o *combination) setAggregate(word []byte) error {
	switch {
	case equalFold(word, "sum"):
		o.aggregate = value.SumOfScores
	case equalFold(word, "min"):
		o.aggregate = value.LeastScore
	case equalFold(word, "max"):
		o.aggregate = value.GreatestScore
	default:
		return errSyntax
	}
	return nil
}

// scored finds an input, nil if it is absent.
func (c *Call) scored(key []byte) (value.Scored, error) {
	it, ok := c.Tx.Read(key)
	if !ok {
		return nil, nil
	}
	s, ok := value.OpenScored(it.View())
	if !ok {
		return nil, errWrongType
	}
	return s, nil
}

func (o *combination) union() []value.ScoredMember {
	n := 0
	for i := range o.in {
		n += o.in[i].Len()
	}
	o.c.long(n)
	return value.Union(o.in, o.aggregate)
}

func (o *combination) inter() []value.ScoredMember {
	o.c.long(o.smallest())
	return value.Inter(o.in, o.aggregate)
}

func (o *combination) diff() []value.ScoredMember {
	o.c.long(o.in[0].Len())
	return value.Diff(o.in)
}

// smallest is how many members the smallest input has, which are those that an intersection goes over.
func (o *combination) smallest() int {
	n := o.in[0].Len()
	for i := range o.in {
		n = min(n, o.in[i].Len())
	}
	return n
}

func zunion(c *Call) error {
	return replyCombined(c, combination{weighs: true, shows: true}, (*combination).union)
}

func zinter(c *Call) error {
	return replyCombined(c, combination{weighs: true, shows: true}, (*combination).inter)
}

func zdiff(c *Call) error {
	return replyCombined(c, combination{shows: true}, (*combination).diff)
}

func replyCombined(c *Call, o combination, combine func(*combination) []value.ScoredMember) error {
	if err := o.parse(c, 1); err != nil {
		return err
	}
	members := combine(&o)
	c.beginMembers(len(members), o.scored)
	for _, m := range members {
		c.replyMember(value.Element{Text: m.Member}, m.Score, o.scored)
	}
	return nil
}

func zunionstore(c *Call) error {
	return storeCombined(c, combination{weighs: true}, (*combination).union, shards.EventZUnionStore)
}

func zinterstore(c *Call) error {
	return storeCombined(c, combination{weighs: true}, (*combination).inter, shards.EventZInterStore)
}

func zdiffstore(c *Call) error {
	return storeCombined(c, combination{}, (*combination).diff, shards.EventZDiffStore)
}

func storeCombined(c *Call, o combination, combine func(*combination) []value.ScoredMember, e shards.Event) error {
	if err := o.parse(c, 2); err != nil {
		return err
	}
	c.storeMembers(c.Args[1], combine(&o), e, 1)
	return nil
}

func zintercard(c *Call) error {
	o := combination{counts: true}
	if err := o.parse(c, 1); err != nil {
		return err
	}
	c.long(o.smallest())
	c.Reply.Int(value.InterLen(o.in, o.limit))
	return nil
}
