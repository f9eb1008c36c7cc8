package value

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyInput draws a sorted set, in either encoding, and the same as a map.
func anyInput(t *rapid.T) (Weighted, map[string]float64) {
	cell, model := newTestCell(), map[string]float64{}
	lim := &Limits{ZsetMaxListpackEntries: int64(rapid.SampledFrom([]int{0, 1000}).Draw(t, "entries")), ZsetMaxListpackValue: 1000}
	w := Weighted{Weight: float64(rapid.IntRange(-2, 3).Draw(t, "weight"))}
	n := rapid.IntRange(0, 20).Draw(t, "members")
	if n == 0 {
		return w, model
	}
	PrepareSortedSet(cell, lim, 0, 0)
	for range n {
		member, score := rapid.StringMatching("[0-9a]{1,2}").Draw(t, "member"), float64(rapid.IntRange(-9, 9).Draw(t, "score"))
		SortedSetAdd(cell, lim, []byte(member), score, &AddMode{})
		model[member] = score
	}
	w.Set = OpenSortedSet(cell.View())
	return w, model
}

func scores(members []ScoredMember) map[string]float64 {
	m := map[string]float64{}
	for _, s := range members {
		m[string(s.Member)] = s.Score
	}
	return m
}

// joined is what an aggregate makes of scores.
func joined(a Aggregate, all []float64) float64 {
	switch a {
	case LeastScore:
		return slices.Min(all)
	case GreatestScore:
		return slices.Max(all)
	}
	sum := 0.0
	for _, s := range all {
		sum += s
	}
	return sum
}

// TestCombinations compares unions, intersections and differences with those of maps.
func TestCombinations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom([]Aggregate{SumOfScores, LeastScore, GreatestScore}).Draw(t, "aggregate")
		in := make([]Weighted, rapid.IntRange(1, 4).Draw(t, "inputs"))
		models := make([]map[string]float64, len(in))
		found := map[string][]float64{}
		for i := range in {
			in[i], models[i] = anyInput(t)
			for member, score := range models[i] {
				found[member] = append(found[member], score*in[i].Weight)
			}
		}
		union, inter, diff := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for member, all := range found {
			union[member] = joined(a, all)
			if len(all) == len(in) {
				inter[member] = joined(a, all)
			}
			if score, isIn := models[0][member]; isIn && len(all) == 1 {
				diff[member] = score
			}
		}
		got := Union(in, a)
		require.Equal(t, union, scores(got))
		require.True(t, slices.IsSortedFunc(got, compareScored))
		require.Equal(t, inter, scores(Inter(in, a)))
		require.Equal(t, diff, scores(Diff(in)))
		require.Equal(t, int64(len(inter)), InterLen(in, 0))
		limit := rapid.Int64Range(1, 5).Draw(t, "limit")
		require.Equal(t, min(limit, int64(len(inter))), InterLen(in, limit))
	})
}

// TestWhatHasNoSumIsZero is about infinite scores.
func TestWhatHasNoSumIsZero(t *testing.T) {
	inf := math.Inf(1)
	require.Equal(t, 0.0, SumOfScores.join(inf, -inf))
	require.Equal(t, 1.0, LeastScore.join(1, math.NaN()))
	require.Equal(t, 1.0, GreatestScore.join(1, math.NaN()))
	cell, lim := newTestCell(), &Limits{}
	PrepareSortedSet(cell, lim, 1, 1)
	SortedSetAdd(cell, lim, []byte("a"), inf, &AddMode{})
	in := []Weighted{{OpenSortedSet(cell.View()), 0}}
	require.Equal(t, map[string]float64{"a": 0}, scores(Union(in, SumOfScores)))
	require.Equal(t, map[string]float64{"a": 0}, scores(Inter(in, SumOfScores)))
}

// TestForgetSigns takes signs off until a member makes the set large.
func TestForgetSigns(t *testing.T) {
	zero := math.Copysign(0, -1)
	signs := func(lim Limits, names ...string) (kept []bool) {
		var members []ScoredMember
		for _, name := range names {
			members = append(members, ScoredMember{[]byte(name), zero})
		}
		ForgetSigns(members, &lim)
		for _, m := range members {
			kept = append(kept, math.Signbit(m.Score))
		}
		return kept
	}
	require.Equal(t, []bool{false, false, true}, signs(Limits{ZsetMaxListpackEntries: 2, ZsetMaxListpackValue: 9}, "a", "b", "c"))
	require.Equal(t, []bool{false, true, true}, signs(Limits{ZsetMaxListpackEntries: 9, ZsetMaxListpackValue: 1}, "a", "bb", "c"))
}

// FuzzPackedSortedSet reads listpacks that nobody has put in order: what passes Check may be read.
func FuzzPackedSortedSet(f *testing.F) {
	f.Add(packMembers([]ScoredMember{{[]byte("a"), 1}, {[]byte("7"), 1.5}, {[]byte("b"), math.Inf(1)}}), []byte("7"), 1.0)
	f.Add([]byte(packed("", "-", "a", "x")), []byte("b"), -1.0)
	f.Add(EmptyListpack(), []byte(""), 0.0)
	f.Fuzz(func(t *testing.T, list, member []byte, score float64) {
		s := OpenSortedSet(View{Kind: kindZSetPacked, Bytes: list})
		if s.check() != nil || math.IsNaN(score) {
			return
		}
		if s.Len() == 0 {
			return // a key never holds one
		}
		seen := 0
		s.Each(func(Element, float64) bool { seen++; return true })
		require.Equal(t, s.Len(), seen)
		if rank, got, ok := s.Rank(member); ok {
			same, _ := s.Score(member)
			require.True(t, got == same && rank < s.Len())
		}
		from, n := s.ScoreSpan(ScoreRange{Min: score, Max: score + 10})
		require.LessOrEqual(t, from+n, s.Len())
		for _, reverse := range []bool{false, true} {
			from, n = s.LexSpan(LexRange{LexBound{Text: member}, LexBound{Unlimited: 1}}, 1, reverse)
			s.Walk(Walk{From: from, N: n, Reverse: reverse}, func(Element, float64) bool { return true })
		}
		s.Scan(0, 10, func(_, _ Element) {})
		cell, lim := newTestCell(), &Limits{ZsetMaxListpackEntries: 1000, ZsetMaxListpackValue: 1000}
		cell.Put(kindZSetPacked, list)
		SortedSetAdd(cell, lim, member, score, &AddMode{})
		require.NoError(t, Check(cell.View()))
		require.True(t, SortedSetRemove(cell, member))
		require.NoError(t, Check(cell.View()))
	})
}
