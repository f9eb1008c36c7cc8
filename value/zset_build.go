// zset_build.go: sorted sets that are made whole, out of members that are known: the results of ZUNIONSTORE and its like, and small sets
// that become large.

package value

import (
	"cmp"
	"slices"
)

// Scored is what has members with scores: a sorted set, or a set, whose scores are all 1. It is a view, valid until its key is written.
type Scored interface {
	Len() int
	Score(member []byte) (score float64, ok bool)
	// Each calls fn with every member until it returns false.
	Each(fn func(member Element, score float64) bool)
}

// Each calls fn with every member, in order, until it returns false.
func (s SortedSet) Each(fn func(member Element, score float64) bool) {
	s.Walk(Walk{N: s.Len(), Scores: true}, fn)
}

// OpenScored is a view of a value as one that has scores; ok is false if its type has none.
func OpenScored(v View) (s Scored, ok bool) {
	switch TypeOf(v.Kind) {
	case ZSet:
		return OpenSortedSet(v), true
	case Set:
		return &setScores{MembersOf(v)}, true
	}
	return nil, false
}

// setScores is a set as one whose members have a score of 1.
type setScores struct{ Members }

// Score implements Scored.
func (s *setScores) Score(member []byte) (score float64, ok bool) { return 1, s.Has(member) }

// Each implements Scored.
func (s *setScores) Each(fn func(member Element, score float64) bool) {
	for it := s.Iter(); it.Next(); {
		if !fn(it.Element(), 1) {
			return
		}
	}
}

// ScoredMember is a member to be.
type ScoredMember struct {
	Member []byte
	Score  float64
}

// Gathered are members on their way to a reply or into a sorted set. Their texts are views of where they come from, but for integers.
type Gathered struct {
	Members []ScoredMember
	digits  []byte
}

// roomFor is empty, with room for n members.
func roomFor(n int) Gathered { return Gathered{Members: make([]ScoredMember, 0, n)} }

// Add adds a member behind the others.
func (g *Gathered) Add(e Element, score float64) {
	text := e.Text
	if e.IsInt {
		from := len(g.digits)
		g.digits = e.Append(g.digits) // where it moves, members that were added before keep the old bytes
		text = g.digits[from:]
	}
	g.Members = append(g.Members, ScoredMember{text, score})
}

// SortMembers brings members, each of which is there once, into the order of a sorted set.
func SortMembers(members []ScoredMember) {
	slices.SortFunc(members, compareScored)
}

func compareScored(a, b ScoredMember) int {
	if c := cmp.Compare(a.Score, b.Score); c != 0 {
		return c
	}
	return compare(a.Member, b.Member)
}

// PutSortedSet makes a cell a sorted set of members, one or more, that are in its order. They may be views of what was there before.
func PutSortedSet(cell Cell, lim *Limits, members []ScoredMember) {
	longest := 0
	for _, m := range members {
		longest = max(longest, len(m.Member))
	}
	if int64(len(members)) <= lim.ZsetMaxListpackEntries && int64(longest) <= lim.ZsetMaxListpackValue {
		cell.Put(kindZSetPacked, packMembers(members))
		return
	}
	b := newZSetBuilder(cell.View())
	defer b.discard()
	for _, m := range members {
		b.append(m.Member, m.Score)
	}
	b.moveTo(cell)
}

// ForgetSigns makes members what they are after they were put one by one, in this order, into a set that began small: the zeros among
// those that it took before it became large have no sign.
func ForgetSigns(members []ScoredMember, lim *Limits) {
	for i, m := range members {
		if int64(i) >= lim.ZsetMaxListpackEntries || int64(len(m.Member)) > lim.ZsetMaxListpackValue {
			return
		}
		if m.Score == 0 {
			members[i].Score = 0
		}
	}
}

func packMembers(members []ScoredMember) []byte {
	b := Buffer{EmptyListpack()}
	var digits scoreText
	for _, m := range members {
		ListpackInsert(&b, ListpackEnd, m.Member, packedScore(&digits, m.Score))
	}
	return b.B
}

// zsetBuilder makes a large sorted set of members that come in order.
type zsetBuilder struct{ zsetEditor }

// newZSetBuilder begins an empty set among the nodes of a view.
func newZSetBuilder(v View) *zsetBuilder {
	b := &zsetBuilder{}
	b.order.nodes, b.members.nodes = v.Nodes, v.Nodes
	return b
}

func (b *zsetBuilder) append(member []byte, score float64) {
	var val [scoreBytes]byte
	b.place(member, score)
	b.members.put(member, putScore(&val, score))
}

// moveTo puts the set in the place of whatever a cell has.
func (b *zsetBuilder) moveTo(cell Cell) {
	record := newRecord(zsetTrees, 0)
	b.save(record)
	cell.Put(kindZSetTrees, record)
	b.order.root, b.members.root = 0, 0
}

// discard gives up what has not been moved.
func (b *zsetBuilder) discard() {
	b.order.giveUp()
	b.members.giveUp()
}
