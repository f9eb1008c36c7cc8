// zset.go, zset_walk.go, zset_range.go, zset_change.go, zset_build.go and zset_combine.go are the sorted set: members, each once, with a
// score, in the order of scores, and of members where scores are equal.
//
// A small one is a listpack of member, score, member, score ..., in that order, byte for byte as Redis keeps it: a score that is a whole
// number of up to 2^62 is an integer entry (so the sign of zero is lost), any other is the text of text.AppendFloat. A large one is two
// trees: one whose keys are a score, in 8 bytes that compare as scores do, and then the member, and one by hash from a member to its
// score. Every member is in both, with the same score: who changes one changes the other, and saves both.
//
// Negative zero is equal to zero and prints otherwise. Among the trees' keys it is zero, and a value of one byte remembers it.
//
// This file reads. No score is NaN.

package value

import (
	"encoding/binary"
	"fmt"
	"math"

	"respite/keyspace"
	"respite/text"
)

// SortedSet is a sorted set to read. It is valid until its key is written.
type SortedSet struct{ v View }

// OpenSortedSet is a view of a sorted set as one; that of an absent key is empty.
func OpenSortedSet(v View) SortedSet { return SortedSet{v} }

// The kinds of a sorted set.
const (
	kindZSetPacked = keyspace.Kind(uint8(ZSet)<<encodingBits | uint8(Packed))
	kindZSetTrees  = keyspace.Kind(uint8(ZSet)<<encodingBits | uint8(SkipList))
)

// The trees of a large sorted set, by their place in its record.
const (
	zsetByScore = iota
	zsetByMember
	zsetTrees
)

const scoreBytes = 8 // of a score in a tree

func (s SortedSet) isPacked() bool     { return s.v.Kind == kindZSetPacked }
func (s SortedSet) list() Listpack     { return s.v.Bytes }
func (s SortedSet) byScore() tree      { return s.v.treeAt(zsetByScore) }
func (s SortedSet) byMember() hashTree { return hashTree{s.v.treeAt(zsetByMember)} }

// Len returns the number of members.
func (s SortedSet) Len() int {
	switch {
	case s.isPacked():
		return s.list().Len() / 2
	case s.v.Kind == kindZSetTrees:
		t := s.byScore()
		return t.len
	}
	return 0
}

// Score returns the score of a member.
func (s SortedSet) Score(member []byte) (score float64, ok bool) {
	if s.isPacked() {
		l := s.list()
		at := l.findMember(member)
		if at == ListpackEnd {
			return 0, false
		}
		return l.scoreAt(l.Next(at)), true
	}
	if s.Len() == 0 {
		return 0, false
	}
	t := s.byMember()
	val, ok := t.get(member)
	if !ok {
		return 0, false
	}
	return getScore(val), true
}

// Rank returns how many members are before one, and its score.
func (s SortedSet) Rank(member []byte) (rank int, score float64, ok bool) {
	if s.isPacked() {
		return s.list().rankOf(member)
	}
	if score, ok = s.Score(member); !ok {
		return 0, 0, false
	}
	t := s.byScore()
	var scratch keyScratch
	c, _ := t.find(orderKey(score, member, &scratch))
	return c.rank(), score, true
}

// findMember returns the position of a member in the listpack of a sorted set, which is not empty, or ListpackEnd.
func (l Listpack) findMember(member []byte) int { return l.Find(l.First(), member, 1) }

// scoreAt reads the score at a position.
func (l Listpack) scoreAt(at int) float64 {
	score, _ := l.At(at).number()
	return score
}

// number is the element as a score; ok is false if it is none.
func (e Element) number() (score float64, ok bool) {
	if e.IsInt {
		return float64(e.Int), true
	}
	return text.ParseFloat(e.Text)
}

func (l Listpack) rankOf(member []byte) (rank int, score float64, ok bool) {
	found := l.findMember(member)
	if found == ListpackEnd {
		return 0, 0, false
	}
	for at := l.First(); at != found; at = l.Next(l.Next(at)) {
		rank++
	}
	return rank, l.scoreAt(l.Next(found)), true
}

// putScore writes a score as the tree by member has it, getScore reads it.
func putScore(dst *[scoreBytes]byte, score float64) []byte {
	binary.LittleEndian.PutUint64(dst[:], math.Float64bits(score))
	return dst[:]
}

func getScore(val []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(val)) }

const signBit = 1 << 63

// ordered turns a score into a number that compares as scores do: the bits of a double compare as its size does, so it is enough to
// put the negative ones, turned around, below the others. Both zeros are the same.
func ordered(score float64) uint64 {
	bits := math.Float64bits(score)
	switch {
	case score == 0:
		return signBit
	case bits&signBit != 0:
		return ^bits
	}
	return bits | signBit
}

// unordered is the score of an entry of the tree by score.
func unordered(key, val []byte) float64 {
	bits := binary.BigEndian.Uint64(key)
	switch {
	case len(val) > 0:
		return math.Copysign(0, -1)
	case bits&signBit == 0:
		return math.Float64frombits(^bits)
	}
	return math.Float64frombits(bits &^ signBit)
}

// orderKey is the key of an entry of the tree by score.
func orderKey(score float64, member []byte, scratch *keyScratch) []byte {
	return append(binary.BigEndian.AppendUint64(scratch[:0], ordered(score)), member...)
}

// orderValue is the value of such an entry: something only for negative zero.
func orderValue(score float64) []byte {
	if score == 0 && math.Signbit(score) {
		return []byte{1}
	}
	return nil
}

// check looks for damage, beyond that of the trees themselves.
func (s SortedSet) check() error {
	if s.isPacked() {
		if err := s.list().Check(); err != nil {
			return err
		}
		return s.list().checkScored()
	}
	members := s.byMember()
	if order := s.byScore(); order.len != members.len {
		return fmt.Errorf("%d members in order, %d by hash", order.len, members.len)
	}
	var err error
	s.Walk(Walk{N: s.Len()}, func(m Element, score float64) bool {
		if got, ok := s.Score(m.Text); !ok || math.Float64bits(got) != math.Float64bits(score) {
			err = fmt.Errorf("member %q has score %v in order, %v (%v) by hash", m.Text, score, got, ok)
		}
		return err == nil
	})
	return err
}

// checkScored looks for damage of a sound listpack that a sorted set is packed in.
func (l Listpack) checkScored() error {
	if n := l.Len(); n%2 != 0 {
		return fmt.Errorf("%d entries of members and scores", n)
	}
	seen := map[string]bool{}
	var last ScoredMember
	for at := l.First(); at != ListpackEnd; at = l.Next(l.Next(at)) {
		m := ScoredMember{l.At(at).Append(nil), l.scoreAt(l.Next(at))}
		if seen[string(m.Member)] || len(seen) > 0 && compareScored(last, m) > 0 {
			return fmt.Errorf("member %q is there twice or out of order", m.Member)
		}
		seen[string(m.Member)], last = true, m
	}
	return nil
}
