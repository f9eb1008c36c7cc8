package value

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// zsetMachine compares a sorted set with a sorted slice.
type zsetMachine struct {
	cell  *testCell
	lim   Limits
	model []ScoredMember
}

func anyScore(t *rapid.T) float64 {
	special := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e17, 1 << 62, 1e20, -1e300, math.Inf(1), math.Inf(-1), 5e-324, 12345.67890123}
	if rapid.Bool().Draw(t, "special") {
		return rapid.SampledFrom(special).Draw(t, "score")
	}
	return float64(rapid.IntRange(-5, 5).Draw(t, "score"))
}

func anyZSetMember(t *rapid.T) string {
	stem := rapid.SampledFrom([]string{"", "a", "\x00", "1", strings.Repeat("long", 30)}).Draw(t, "stem")
	return stem + rapid.StringMatching("[0-9a-c]{0,2}").Draw(t, "member")
}

func (m *zsetMachine) set() SortedSet { return OpenSortedSet(m.cell.View()) }

func (m *zsetMachine) index(member string) int {
	return slices.IndexFunc(m.model, func(s ScoredMember) bool { return string(s.Member) == member })
}

func (m *zsetMachine) add(t *rapid.T) {
	member, score := anyZSetMember(t), anyScore(t)
	mode := AddMode{
		IfAbsent:  rapid.IntRange(0, 3).Draw(t, "nx") == 0,
		IfPresent: rapid.IntRange(0, 3).Draw(t, "xx") == 0,
		IfGreater: rapid.IntRange(0, 3).Draw(t, "gt") == 0,
		IfLess:    rapid.IntRange(0, 3).Draw(t, "lt") == 0,
	}
	i := m.index(member)
	mode.Increment = rapid.Bool().Draw(t, "incr") && i >= 0 && !SumIsNaN(m.model[i].Score, score)
	if m.cell.ref == 0 && mode.IfPresent {
		return
	}
	PrepareSortedSet(m.cell, &m.lim, 1, len(member))
	now, did := SortedSetAdd(m.cell, &m.lim, []byte(member), score, &mode)
	if i < 0 {
		if mode.IfPresent {
			require.Equal(t, NotAdded, did)
			return
		}
		require.Equal(t, NewMember, did)
		m.model = append(m.model, ScoredMember{[]byte(member), score})
	} else {
		want, wantDid := mode.decide(m.model[i].Score, score)
		require.Equal(t, wantDid, did)
		require.Equal(t, want, now)
		if did == NewScore {
			m.model[i].Score = want
		}
	}
	SortMembers(m.model)
}

func (m *zsetMachine) addMany(t *rapid.T) {
	for range rapid.IntRange(1, 60).Draw(t, "n") {
		m.add(t)
	}
}

func (m *zsetMachine) remove(t *rapid.T) {
	if m.cell.ref == 0 {
		return
	}
	member := anyZSetMember(t)
	i := m.index(member)
	require.Equal(t, i >= 0, SortedSetRemove(m.cell, []byte(member)))
	if i >= 0 {
		m.model = slices.Delete(m.model, i, i+1)
	}
}

func (m *zsetMachine) removeSpan(t *rapid.T) {
	if len(m.model) == 0 {
		return
	}
	from := rapid.IntRange(0, len(m.model)-1).Draw(t, "from")
	n := rapid.IntRange(0, len(m.model)-from).Draw(t, "n")
	SortedSetRemoveSpan(m.cell, from, n)
	m.model = slices.Delete(m.model, from, from+n)
}

// take takes members out at an end, one after the other, down to the last.
func (m *zsetMachine) take(t *rapid.T) {
	if len(m.model) == 0 {
		return
	}
	greatest := rapid.Bool().Draw(t, "greatest")
	for range rapid.IntRange(1, min(len(m.model), 100)).Draw(t, "n") {
		i := 0
		if greatest {
			i = len(m.model) - 1
		}
		var e SortedSetEnd
		e.Open(m.cell, greatest)
		m.same(t, m.model[i:i+1], []ScoredMember{{e.Member().Append(nil), e.Score()}})
		m.model = slices.Delete(m.model, i, i+1)
		require.Equal(t, len(m.model), e.Take())
		m.cell.space.Reclaim()
	}
}

func (m *zsetMachine) rebuild(*rapid.T) {
	if len(m.model) > 0 {
		PutSortedSet(m.cell, &m.lim, m.read(Walk{N: len(m.model), Scores: true}))
	}
}

// read returns what a walk finds; the members are views where they can be.
func (m *zsetMachine) read(w Walk) (found []ScoredMember) {
	m.set().Walk(w, func(e Element, score float64) bool {
		found = append(found, ScoredMember{e.Bytes(new(IntText)), score})
		return true
	})
	return found
}

// same compares what was read with the model; a packed set knows no negative zero.
func (m *zsetMachine) same(t require.TestingT, want, got []ScoredMember) {
	require.Equal(t, len(want), len(got))
	for i := range want {
		require.Equal(t, string(want[i].Member), string(got[i].Member))
		if m.set().isPacked() {
			require.Equal(t, want[i].Score, got[i].Score)
		} else if math.Signbit(got[i].Score) {
			require.Equal(t, math.Float64bits(want[i].Score), math.Float64bits(got[i].Score))
		}
	}
}

func (m *zsetMachine) check(t *rapid.T) {
	m.cell.space.Sweep(1000)
	s := m.set()
	require.Equal(t, len(m.model), s.Len())
	if m.cell.ref == 0 {
		return
	}
	require.NoError(t, Check(m.cell.View()))
	m.same(t, m.model, m.read(Walk{N: s.Len(), Scores: true}))
	for i, want := range m.model {
		rank, score, ok := s.Rank(want.Member)
		require.True(t, ok)
		require.Equal(t, i, rank)
		require.Equal(t, want.Score, score)
	}
	_, _, ok := s.Rank([]byte("absent"))
	require.False(t, ok)
	if s.isPacked() {
		require.Equal(t, packMembers(m.model), []byte(s.list()))
		require.LessOrEqual(t, s.Len(), int(m.lim.ZsetMaxListpackEntries))
	}
	m.checkParts(t)
}

// checkParts reads a run of members either way, and a range of scores.
func (m *zsetMachine) checkParts(t *rapid.T) {
	if len(m.model) > 0 {
		from := rapid.IntRange(0, len(m.model)-1).Draw(t, "from")
		m.same(t, m.model[from:], m.read(Walk{From: from, N: len(m.model) - from, Scores: true}))
		back := slices.Clone(m.model[:from+1])
		slices.Reverse(back)
		m.same(t, back, m.read(Walk{From: from, N: from + 1, Reverse: true, Scores: true}))
	}
	r := ScoreRange{anyScore(t), anyScore(t), rapid.Bool().Draw(t, "minex"), rapid.Bool().Draw(t, "maxex")}
	n, first := 0, -1
	for i, member := range m.model {
		if s := member.Score; (s > r.Min || s == r.Min && !r.MinEx) && (s < r.Max || s == r.Max && !r.MaxEx) {
			n++
			if first < 0 {
				first = i
			}
		}
	}
	from, got := m.set().ScoreSpan(r)
	require.Equal(t, n, got)
	if n > 0 {
		require.Equal(t, first, from)
	}
}

func TestSortedSetAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &zsetMachine{cell: newTestCell()}
		m.lim.ZsetMaxListpackEntries = int64(rapid.SampledFrom([]int{0, 8, 1000}).Draw(t, "entries"))
		m.lim.ZsetMaxListpackValue = int64(rapid.SampledFrom([]int{20, 1000}).Draw(t, "value"))
		t.Repeat(map[string]func(*rapid.T){
			"add": m.add, "addMany": m.addMany, "remove": m.remove, "removeSpan": m.removeSpan, "take": m.take,
			"rebuild": m.rebuild, "": m.check,
		})
	})
}

// TestLexSpan compares ranges of members with what a filter finds, in both encodings and directions.
func TestLexSpan(t *testing.T) {
	bound := func(t *rapid.T, name string) LexBound {
		return LexBound{
			Text: []byte(anyZSetMember(t)), Ex: rapid.Bool().Draw(t, name),
			Unlimited: rapid.SampledFrom([]int8{0, 0, 0, -1, 1}).Draw(t, name+"Unlimited"),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &zsetMachine{cell: newTestCell()}
		m.lim = Limits{ZsetMaxListpackEntries: int64(rapid.SampledFrom([]int{0, 1000}).Draw(t, "entries")), ZsetMaxListpackValue: 1000}
		PrepareSortedSet(m.cell, &m.lim, 0, 0)
		for range rapid.IntRange(1, 50).Draw(t, "n") {
			SortedSetAdd(m.cell, &m.lim, []byte(anyZSetMember(t)), 7, &AddMode{})
		}
		all := m.read(Walk{N: m.set().Len()})
		r, skip, reverse := LexRange{bound(t, "min"), bound(t, "max")}, rapid.IntRange(0, 3).Draw(t, "skip"), rapid.Bool().Draw(t, "reverse")
		var want []string
		for _, member := range all {
			if r.begun(member.Member) && !r.ended(member.Member) {
				want = append(want, string(member.Member))
			}
		}
		if reverse {
			slices.Reverse(want)
		}
		want = want[min(skip, len(want)):]
		from, n := m.set().LexSpan(r, skip, reverse)
		require.Equal(t, len(want), n)
		for i, member := range m.read(Walk{From: from, N: n, Reverse: reverse}) {
			require.Equal(t, want[i], string(member.Member))
		}
	})
}

// TestSortedSetScan sees every member once where nothing changes.
func TestSortedSetScan(t *testing.T) {
	for _, entries := range []int64{0, 1000} {
		cell, lim := newTestCell(), &Limits{ZsetMaxListpackEntries: entries, ZsetMaxListpackValue: 64}
		PrepareSortedSet(cell, lim, 0, 0)
		for i := range 500 {
			SortedSetAdd(cell, lim, fmt.Append(nil, i), float64(i)/2, &AddMode{})
		}
		seen := map[string]string{}
		for cursor, calls := uint64(0), 0; calls == 0 || cursor != 0; calls++ {
			cursor = OpenSortedSet(cell.View()).Scan(cursor, 10, func(m, s Element) { seen[string(m.Append(nil))] = string(s.Append(nil)) })
		}
		require.Len(t, seen, 500)
		require.Equal(t, "3.5", seen["7"])
		require.Equal(t, "4", seen["8"])
	}
}

// TestPackedScores are scores as a listpack keeps them: whole numbers as integers, others as text.
func TestPackedScores(t *testing.T) {
	for _, tc := range []struct {
		score float64
		text  string
		isInt bool
	}{
		{0, "0", true},
		{math.Copysign(0, -1), "0", true},
		{-17, "-17", true},
		{1 << 62, "4611686018427387904", true},
		{1e17, "100000000000000000", true},
		{1 << 63, "9223372036854776000", false},
		{1e20, "1e+20", false},
		{0.1, "0.1", false},
		{1.5, "1.5", false},
		{math.Inf(1), "inf", false},
		{math.Inf(-1), "-inf", false},
	} {
		l := Listpack(packMembers([]ScoredMember{{[]byte("m"), tc.score}}))
		e := l.At(l.Next(l.First()))
		require.Equal(t, tc.text, string(e.Append(nil)))
		require.Equal(t, tc.isInt, e.IsInt, tc.text)
		require.Equal(t, tc.score, l.scoreAt(l.Next(l.First())))
	}
}

// TestCheckOfSortedSets finds what is broken.
func TestCheckOfSortedSets(t *testing.T) {
	cell, lim := newTestCell(), &Limits{}
	PrepareSortedSet(cell, lim, 1, 0)
	for i := range 10 {
		SortedSetAdd(cell, lim, fmt.Append(nil, i), float64(i), &AddMode{})
	}
	require.NoError(t, Check(cell.View()))
	e := editZSet(cell.View())
	e.displace([]byte("3"), 3)
	e.save(cell.Mutable())
	require.ErrorContains(t, Check(cell.View()), "9 members in order, 10 by hash")
	e.place([]byte("3"), 4)
	e.save(cell.Mutable())
	require.ErrorContains(t, Check(cell.View()), "member \"3\"")
	cell.Put(kindZSetPacked, packed("a"))
	require.ErrorContains(t, Check(cell.View()), "1 entries")
	cell.Put(kindZSetPacked, []byte{1})
	require.ErrorIs(t, Check(cell.View()), ErrListpack)
}

func BenchmarkSortedSet(b *testing.B) {
	for _, members := range []int{100, 100_000} {
		cell, lim := newTestCell(), &Limits{ZsetMaxListpackEntries: 128, ZsetMaxListpackValue: 64}
		cell.space.Poison = false
		name := make([][]byte, members)
		PrepareSortedSet(cell, lim, 1, 0)
		for i := range name {
			name[i] = fmt.Appendf(nil, "member:%08d", i)
			SortedSetAdd(cell, lim, name[i], rand.Float64()*float64(members), &AddMode{})
			cell.space.Reclaim()
		}
		used := cell.space.Stats()
		b.Logf("%d members: %.1f bytes each", members, float64(int64(len(cell.View().Bytes))+used.NodeBytes)/float64(members))
		run := func(op string, body func(i int)) {
			b.Run(fmt.Sprintf("%s/%d", op, members), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					body(i * 7919 % members)
					cell.space.Reclaim()
				}
			})
		}
		run("score", func(i int) { OpenSortedSet(cell.View()).Score(name[i]) })
		run("rank", func(i int) { OpenSortedSet(cell.View()).Rank(name[i]) })
		run("update", func(i int) {
			SortedSetAdd(cell, lim, name[i], float64((i*31)%members), &AddMode{})
		})
		run("removeAndAdd", func(i int) {
			SortedSetRemove(cell, name[i])
			SortedSetAdd(cell, lim, name[i], float64((i*31)%members), &AddMode{})
		})
		run("walk50", func(i int) {
			n := 0
			OpenSortedSet(cell.View()).Walk(Walk{From: i % (members - 50), N: 50, Scores: true}, func(Element, float64) bool { n++; return true })
		})
		run("count", func(i int) {
			OpenSortedSet(cell.View()).ScoreSpan(ScoreRange{Min: float64(i), Max: float64(i + members/10)})
		})
	}
}

// Long spans of a sorted set of several levels go, wherever they are; what is left is found, and takes new members.
func TestRemoveSpansOfALargeSortedSet(t *testing.T) {
	const members = 60_000
	rng := rand.New(rand.NewPCG(1, 2))
	m := &zsetMachine{cell: newTestCell(), lim: Limits{}}
	add := func(member string) {
		score := float64(rng.IntN(members / 10))
		PrepareSortedSet(m.cell, &m.lim, 1, len(member))
		_, did := SortedSetAdd(m.cell, &m.lim, []byte(member), score, &AddMode{})
		require.Equal(t, NewMember, did)
		m.model = append(m.model, ScoredMember{[]byte(member), score})
	}
	for i := range members {
		add(fmt.Sprint("member:", i))
	}
	SortMembers(m.model)
	for round := 0; len(m.model) > 8000; round++ {
		from := []int{0, len(m.model) - 3000, rng.IntN(len(m.model))}[round%3] // at an end, at the other, anywhere
		n := min(1+rng.IntN(6000), len(m.model)-from)
		SortedSetRemoveSpan(m.cell, from, n)
		m.model = slices.Delete(m.model, from, from+n)
		for range 100 {
			i := rng.IntN(len(m.model))
			rank, _, ok := m.set().Rank(m.model[i].Member)
			require.True(t, ok)
			require.Equal(t, i, rank)
			require.True(t, SortedSetRemove(m.cell, m.model[i].Member))
			m.model = slices.Delete(m.model, i, i+1)
		}
		for i := range 100 {
			add(fmt.Sprint("new member:", round, ":", i))
		}
		m.cell.space.Reclaim()
		for m.cell.space.Sweep(100) {
		}
		require.NoError(t, Check(m.cell.View()))
		SortMembers(m.model)
		m.same(t, m.model, m.read(Walk{N: len(m.model), Scores: true}))
	}
}
