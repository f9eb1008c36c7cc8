// zset_combine.go: unions, intersections and differences of what has scores. Where scores are put together, it is done in Redis's
// order, smallest input first, since sums of doubles depend on it.

package value

import (
	"math"
	"slices"
	"unsafe"
)

// Aggregate says how the scores of a member in several inputs become one.
type Aggregate uint8

// The aggregates.
const (
	SumOfScores Aggregate = iota
	LeastScore
	GreatestScore
)

// join puts another score to one. What has no sum is 0.
func (a Aggregate) join(score, other float64) float64 {
	switch {
	case a == SumOfScores:
		return orZero(score + other)
	case a == LeastScore && other < score, a == GreatestScore && other > score:
		return other
	}
	return score
}

func orZero(score float64) float64 {
	if math.IsNaN(score) {
		return 0
	}
	return score
}

// Weighted is an input, nil for a key that is absent, and what its scores are multiplied by.
type Weighted struct {
	Set    Scored
	Weight float64
}

// Len is the number of members, 0 for a key that is absent.
func (w *Weighted) Len() int {
	if w.Set == nil {
		return 0
	}
	return w.Set.Len()
}

// bySize returns the inputs, the smallest first, and those of the same size as they were.
func bySize(in []Weighted) []Weighted {
	sorted := slices.Clone(in)
	slices.SortStableFunc(sorted, func(a, b Weighted) int { return a.Len() - b.Len() })
	return sorted
}

// Union returns the members of any of the inputs, in the order of a sorted set.
func Union(in []Weighted, a Aggregate) []ScoredMember {
	n := 0
	for i := range in {
		n += in[i].Len()
	}
	g := roomFor(n)
	at := make(map[string]int, n) // by texts that g views: nothing is written while it lives
	for _, w := range bySize(in) {
		if w.Len() == 0 {
			continue
		}
		w.Set.Each(func(e Element, score float64) bool {
			score = orZero(score * w.Weight)
			g.Add(e, score)
			last := len(g.Members) - 1
			name := nameOf(g.Members[last].Member)
			if i, found := at[name]; found {
				g.Members[i].Score = a.join(g.Members[i].Score, score)
				g.Members = g.Members[:last]
			} else {
				at[name] = last
			}
			return true
		})
	}
	SortMembers(g.Members)
	return g.Members
}

// nameOf is a view of b as a string.
func nameOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Inter returns the members that all inputs have, in the order of a sorted set.
func Inter(in []Weighted, a Aggregate) []ScoredMember {
	var g Gathered
	interEach(in, func(e Element, score float64, rest []float64) bool {
		for _, other := range rest {
			score = a.join(score, other)
		}
		g.Add(e, score)
		return true
	})
	SortMembers(g.Members)
	return g.Members
}

// InterLen returns how many members all inputs have, or limit if there are that many; 0 is no limit.
func InterLen(in []Weighted, limit int64) (n int64) {
	interEach(in, func(Element, float64, []float64) bool {
		n++
		return n != limit
	})
	return n
}

// interEach calls fn with each member that all inputs have, its score in the smallest input, and those in the others, until it returns
// false.
func interEach(in []Weighted, fn func(e Element, score float64, rest []float64) bool) {
	in = bySize(in)
	if in[0].Len() == 0 {
		return
	}
	var scratch IntText
	rest := make([]float64, len(in)-1)
	in[0].Set.Each(func(e Element, score float64) bool {
		member := e.Bytes(&scratch)
		for i, w := range in[1:] {
			other, found := w.Set.Score(member)
			if !found {
				return true
			}
			rest[i] = other * w.Weight
		}
		return fn(e, orZero(score*in[0].Weight), rest)
	})
}

// Diff returns the members of the first input that no other has, in the order of a sorted set.
func Diff(in []Weighted) []ScoredMember {
	var g Gathered
	if in[0].Len() == 0 {
		return nil
	}
	var scratch IntText
	in[0].Set.Each(func(e Element, score float64) bool {
		member := e.Bytes(&scratch)
		if !slices.ContainsFunc(in[1:], func(w Weighted) bool { return w.has(member) }) {
			g.Add(e, score)
		}
		return true
	})
	SortMembers(g.Members)
	return g.Members
}

func (w *Weighted) has(member []byte) (found bool) {
	if w.Set != nil {
		_, found = w.Set.Score(member)
	}
	return found
}
