package value

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/keyspace"
	"respite/text"
)

// spaceCell is a key of a space, open for change.
type spaceCell struct {
	space *keyspace.Space
	key   []byte
}

func newSpaceCell(key string) *spaceCell { return &spaceCell{newTestSpace(), []byte(key)} }

func (c *spaceCell) ref() keyspace.Ref { return c.space.Find(c.key) }

func (c *spaceCell) View() View {
	v := View{Nodes: c.space.Nodes()}
	if ref := c.ref(); ref != 0 {
		v.Kind, v.Bytes = c.space.Kind(ref), c.space.Value(ref)
	}
	return v
}

func (c *spaceCell) Mutable() []byte { return c.space.Mutable(c.ref()) }

func (c *spaceCell) Resize(n int) []byte {
	_, view, err := c.space.Resize(c.ref(), n)
	if err != nil {
		panic(err)
	}
	return view
}

func (c *spaceCell) Put(kind keyspace.Kind, v []byte) {
	var err error
	if ref := c.ref(); ref != 0 {
		_, err = c.space.Replace(ref, kind, v)
	} else {
		_, err = c.space.Insert(c.key, kind, v)
	}
	if err != nil {
		panic(err)
	}
}

func (c *spaceCell) SetKind(kind keyspace.Kind) { c.space.SetKind(c.ref(), kind) }

// modelSet is a set as Redis 7.2 has it, said as simply as possible: its members in the order in which a small one has them.
type modelSet struct {
	encoding Encoding
	members  []string
	limits   *Limits
}

func isInt(s string) bool {
	_, ok := text.ParseInt([]byte(s))
	return ok
}

func (m *modelSet) sort() {
	slices.SortFunc(m.members, func(a, b string) int {
		x, _ := strconv.ParseInt(a, 10, 64)
		y, _ := strconv.ParseInt(b, 10, 64)
		return map[bool]int{true: -1, false: 1}[x < y]
	})
}

func (m *modelSet) add(member string) bool {
	if slices.Contains(m.members, member) {
		return false
	}
	n, limits := int64(len(m.members)), m.limits
	isShort := func(s string) bool { return int64(len(s)) <= limits.SetMaxListpackValue }
	switch {
	case m.encoding == Ints && isInt(member):
		if m.members = append(m.members, member); n+1 > limits.SetMaxIntsetEntries {
			m.encoding = HashTable
		} else {
			m.sort()
		}
		return true
	case m.encoding == Ints && (n >= limits.SetMaxListpackEntries || !isShort(member) || n > 0 && !(isShort(m.members[0]) && isShort(m.members[n-1]))):
		m.encoding = HashTable
	case m.encoding == Ints:
		m.encoding = Packed
	case m.encoding == Packed && (n >= limits.SetMaxListpackEntries || !isShort(member)):
		m.encoding = HashTable
	}
	m.members = append(m.members, member)
	return true
}

func (m *modelSet) remove(member string) bool {
	i := slices.Index(m.members, member)
	if i >= 0 {
		m.members = slices.Delete(m.members, i, i+1)
	}
	return i >= 0
}

// setMachine compares a set in a space with the model.
type setMachine struct {
	cell  *spaceCell
	draft Draft
	model *modelSet
}

func anyMember(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(-20, 60), strconv.Itoa),
		rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		rapid.SampledFrom([]string{"", "a", "b", "01", "-0", "\x00", "\xff\xfe", strconv.FormatInt(math.MinInt64, 10)}),
		rapid.Map(rapid.SampledFrom([]int{4, 5, 6, 7, 100, 200, 5000}), func(n int) string { return strings.Repeat("l", n) }),
	).Draw(t, label)
}

// ours draws a member that is there, if there is one.
func (m *setMachine) ours(t *rapid.T) string {
	if len(m.model.members) == 0 || rapid.Bool().Draw(t, "any") {
		return anyMember(t, "member")
	}
	return rapid.SampledFrom(m.model.members).Draw(t, "member")
}

func (m *setMachine) add(t *rapid.T) {
	members := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return anyMember(t, "member") }), 1, 12).Draw(t, "members")
	var set SetEdit
	isNew := m.cell.ref() == 0
	if isNew {
		m.model.encoding = EncodingOfNewSet([]byte(members[0]), len(members), m.model.limits)
		set = NewSet(&m.draft, m.cell.space.Nodes(), m.model.limits, m.model.encoding)
	} else {
		set = EditSet(m.cell, m.model.limits)
		set.Expect(len(members))
		m.expect(int64(len(members)))
	}
	for _, member := range members {
		require.Equal(t, m.model.add(member), set.Add([]byte(member)), "%q", member)
	}
	if isNew {
		set.MoveTo(m.cell)
	}
	set.Save()
}

func (m *setMachine) expect(n int64) {
	limits := m.model.limits
	if m.model.encoding == Ints && n > limits.SetMaxIntsetEntries || m.model.encoding == Packed && n > limits.SetMaxListpackEntries {
		m.model.encoding = HashTable
	}
}

func (m *setMachine) remove(t *rapid.T) {
	if m.cell.ref() == 0 {
		t.Skip("no set")
	}
	set := EditSet(m.cell, m.model.limits)
	member := m.ours(t)
	require.Equal(t, m.model.remove(member), set.Remove([]byte(member)), "%q", member)
	m.drop(t, &set)
}

// drop removes a key whose set has no members left.
func (m *setMachine) drop(t *rapid.T, set *SetEdit) {
	set.Save()
	require.Equal(t, len(m.model.members), set.Len())
	if set.Len() == 0 {
		m.cell.space.Delete(m.cell.ref())
	}
}

func (m *setMachine) pop(t *rapid.T) {
	if m.cell.ref() == 0 {
		t.Skip("no set")
	}
	set := EditSet(m.cell, m.model.limits)
	count := 1
	if set.Len() > 1 {
		count = rapid.IntRange(1, set.Len()-1).Draw(t, "count")
	}
	popped := 0
	set.Pop(count, func(e Element) {
		require.True(t, m.model.remove(string(e.Append(nil))))
		popped++
	})
	require.Equal(t, count, popped)
	m.drop(t, &set)
}

func (m *setMachine) renew(t *rapid.T) {
	if len(m.model.members) < 2 {
		t.Skip("too few")
	}
	set := EditSet(m.cell, m.model.limits)
	stay := rapid.IntRange(1, set.Len()-1).Draw(t, "stay")
	set.Renew(&m.draft, stay, func(e Element) { require.True(t, m.model.remove(string(e.Append(nil)))) })
	require.Len(t, m.model.members, stay)
	fresh := &modelSet{encoding: Packed, limits: m.model.limits}
	switch m.model.encoding {
	case Ints:
		fresh.encoding = Ints
	case HashTable: // they come in our order
		set := MembersOf(m.cell.View())
		got := listed(&set)
		require.Equal(t, sortedTexts(m.model.members), sortedTexts(got))
		m.model.members = got
	}
	for _, member := range m.model.members {
		fresh.add(member)
	}
	m.model = fresh
}

func (m *setMachine) ask(t *rapid.T) {
	set := MembersOf(m.cell.View())
	member := m.ours(t)
	has := slices.Contains(m.model.members, member)
	require.Equal(t, has, set.Has([]byte(member)), "%q", member)
	var scratch IntText
	_, found := set.find(Element{Text: []byte(member)}, &scratch)
	require.Equal(t, has, found)
	require.Equal(t, has, set.has(Element{Text: []byte(member)}, &scratch))
	if n, ok := text.ParseInt([]byte(member)); ok {
		require.Equal(t, has, set.has(Element{Int: n, IsInt: true}, &scratch))
	}
}

func (m *setMachine) sample(t *rapid.T) {
	set := MembersOf(m.cell.View())
	count := rapid.IntRange(0, set.Len()).Draw(t, "count")
	drawn := map[string]bool{}
	set.Sample(count, func(e Element) { drawn[string(e.Append(nil))] = true })
	require.Len(t, drawn, count)
	for member := range drawn {
		require.Contains(t, m.model.members, member)
	}
	if set.Len() > 0 {
		require.Contains(t, m.model.members, string(set.Random().Append(nil)))
	}
}

func (m *setMachine) check(t *rapid.T) {
	m.cell.space.Reclaim()
	view := m.cell.View()
	require.NoError(t, Check(view))
	set := MembersOf(view)
	require.Equal(t, len(m.model.members), set.Len())
	if set.Len() == 0 {
		return
	}
	require.Equal(t, m.model.encoding, EncodingOf(view.Kind))
	got := listed(&set)
	want := slices.Clone(m.model.members)
	if m.model.encoding == HashTable {
		slices.Sort(got)
		slices.Sort(want)
	}
	require.Equal(t, want, got)
	var scratch IntText
	it := set.Iter()
	for it.Next() {
		pos, found := set.find(it.Element(), &scratch)
		require.True(t, found)
		require.Equal(t, it.pos, pos)
	}
}

func listed(set *Members) (all []string) {
	it := set.Iter()
	for it.Next() {
		all = append(all, string(it.Element().Append(nil)))
	}
	return all
}

func anyLimits(t *rapid.T) *Limits {
	return &Limits{
		SetMaxIntsetEntries:   rapid.SampledFrom([]int64{0, 1, 5, 30, 1 << 40}).Draw(t, "ints"),
		SetMaxListpackEntries: rapid.SampledFrom([]int64{0, 1, 5, 30, 1 << 40}).Draw(t, "entries"),
		SetMaxListpackValue:   rapid.SampledFrom([]int64{0, 1, 5, 64, 1 << 40}).Draw(t, "bytes"),
	}
}

func TestSetBehavesLikeThatOfRedis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &setMachine{cell: newSpaceCell("set"), model: &modelSet{limits: anyLimits(t)}}
		t.Repeat(map[string]func(*rapid.T){
			"add": m.add, "add more": m.add, "remove": m.remove, "pop": m.pop, "renew": m.renew, "ask": m.ask, "sample": m.sample, "": m.check,
		})
	})
}

// Every member is drawn about as often as the others, whatever the encoding.
func TestSetDrawsFairly(t *testing.T) {
	const members, draws = 60, 60_000
	for name, limits := range map[string]*Limits{
		"intset":    {SetMaxIntsetEntries: 100},
		"listpack":  {SetMaxListpackEntries: 100, SetMaxListpackValue: 64},
		"hashtable": {},
	} {
		t.Run(name, func(t *testing.T) {
			cell := newSpaceCell("set")
			fillSet(cell, limits, members)
			drawn := map[string]int{}
			note := func(e Element) { drawn[string(e.Append(nil))]++ }
			for range draws / 10 {
				set := MembersOf(cell.View())
				note(set.Random())
				set.Sample(2, note)
				set.Sample(4, note)
				for _, count := range []int{1, 2} {
					edit := EditSet(cell, limits)
					edit.Pop(count, note)
					edit.Save()
					fillSet(cell, limits, members)
				}
				cell.space.Reclaim()
			}
			require.Len(t, drawn, members)
			for member, n := range drawn {
				require.InDelta(t, draws/members, n, 0.25*draws/members, member)
			}
		})
	}
}

// fillSet makes a set have the integers from 0 on.
func fillSet(cell *spaceCell, limits *Limits, members int) {
	isNew := cell.ref() == 0
	var set SetEdit
	var draft Draft
	if isNew {
		set = NewSet(&draft, cell.space.Nodes(), limits, EncodingOfNewSet([]byte("0"), 1, limits))
	} else {
		set = EditSet(cell, limits)
	}
	for i := range members {
		set.Add(strconv.AppendInt(nil, int64(i), 10))
	}
	if isNew {
		set.MoveTo(cell)
	} else {
		set.Save()
	}
}

// algebra is some sets in one space, and their models.
type algebra struct {
	space  *keyspace.Space
	limits *Limits
	models []*modelSet
	sets   []Members
}

func newAlgebra(t *rapid.T) *algebra {
	a := &algebra{space: newTestSpace(), limits: anyLimits(t)}
	for i := range rapid.IntRange(1, 5).Draw(t, "sets") {
		m := &setMachine{cell: &spaceCell{a.space, []byte{byte(i)}}, model: &modelSet{limits: a.limits}}
		for range rapid.IntRange(0, 8).Draw(t, "calls") {
			m.add(t)
		}
		a.models = append(a.models, m.model)
	}
	for i := range a.models {
		cell := &spaceCell{a.space, []byte{byte(i)}}
		a.sets = append(a.sets, MembersOf(cell.View()))
	}
	return a
}

// naive is the members of the first set for which keep says so of the others.
func (a *algebra) naive(keep func(inOthers int) bool) (members []string) {
	for _, member := range a.models[0].members {
		in := 0
		for _, other := range a.models[1:] {
			if slices.Contains(other.members, member) {
				in++
			}
		}
		if keep(in) {
			members = append(members, member)
		}
	}
	return members
}

// stored builds a set in a draft and returns its members, sorted, and its encoding.
func (a *algebra) stored(t *rapid.T, from Encoding, build func(*SetEdit)) ([]string, Encoding) {
	var draft Draft
	set := NewSet(&draft, a.space.Nodes(), a.limits, from)
	build(&set)
	members := set.Members()
	require.NoError(t, Check(draft.View()))
	require.Equal(t, set.Len(), members.Len())
	all := listed(&members)
	slices.Sort(all)
	e := EncodingOf(draft.View().Kind)
	set.Discard()
	return all, e
}

func sortedTexts(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func TestSetAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newAlgebra(t)
		sets := func() []Members { return slices.Clone(a.sets) }

		union := &modelSet{encoding: Ints, limits: a.limits}
		for i := range a.sets {
			for _, member := range listed(&a.sets[i]) {
				union.add(member)
			}
		}
		got, e := a.stored(t, Ints, func(s *SetEdit) { s.AddUnion(sets()) })
		require.Equal(t, sortedTexts(union.members), got)
		require.Equal(t, union.encoding, e)

		common := a.naive(func(in int) bool { return in == len(a.models)-1 })
		x := Intersect(sets())
		got, e = a.stored(t, x.Encoding(), func(s *SetEdit) { s.AddIntersection(&x) })
		require.Equal(t, sortedTexts(common), got)
		if onlyInts := !slices.ContainsFunc(common, func(s string) bool { return !isInt(s) }); onlyInts && len(common) > 0 {
			require.Equal(t, int64(len(common)) <= a.limits.SetMaxIntsetEntries, e == Ints)
		}

		rest := a.naive(func(in int) bool { return in == 0 })
		got, _ = a.stored(t, Ints, func(s *SetEdit) { s.AddDifference(sets()) })
		require.Equal(t, sortedTexts(rest), got)
		var found []string
		d := Subtract(sets())
		for d.Next() {
			found = append(found, string(d.Element().Append(nil)))
		}
		require.Equal(t, sortedTexts(rest), sortedTexts(found))
	})
}

// Both ways to a difference are taken, and say the same.
func TestDifferenceByMarks(t *testing.T) {
	for name, limits := range map[string]*Limits{
		"intset":    {SetMaxIntsetEntries: 1000},
		"listpack":  {SetMaxListpackEntries: 1000, SetMaxListpackValue: 64},
		"hashtable": {},
	} {
		t.Run(name, func(t *testing.T) {
			space := newTestSpace()
			first := &spaceCell{space, []byte("first")}
			fillSet(first, limits, 500)
			sets := []Members{MembersOf(first.View())}
			for i := range 9 {
				cell := &spaceCell{space, []byte{byte(i)}}
				fillSet(cell, limits, 10+i)
				sets = append(sets, MembersOf(cell.View()))
			}
			require.False(t, asksOthers(sets))
			d := Subtract(sets)
			n := 0
			for d.Next() {
				m, _ := d.Element().integer()
				require.GreaterOrEqual(t, m, int64(18))
				n++
			}
			require.Equal(t, 500-18, n)
		})
	}
}

// Check sees what is wrong with a set in any encoding.
func TestCheckOfSets(t *testing.T) {
	for name, limits := range map[string]*Limits{
		"intset":    {SetMaxIntsetEntries: 5000},
		"listpack":  {SetMaxListpackEntries: 5000, SetMaxListpackValue: 64},
		"hashtable": {},
	} {
		cell := newSpaceCell("set")
		fillSet(cell, limits, 3000)
		require.NoError(t, Check(cell.View()), name)
		b := cell.Mutable()
		b[len(b)-1]-- // of the greatest integer, the terminator, or the length of the tree
		require.Error(t, Check(cell.View()), name)
	}
}

func TestSeen(t *testing.T) {
	var texts []string
	seen := NewSeen(func(pos int) []byte { return []byte(texts[pos]) })
	for range 20_000 {
		s := strconv.Itoa(rand.IntN(9000))
		if seen.Add([]byte(s), len(texts)) {
			texts = append(texts, s)
		}
	}
	want := sortedTexts(texts)
	require.Len(t, slices.Compact(slices.Clone(want)), len(want))
	require.False(t, seen.Add([]byte(texts[0]), len(texts)))
	require.True(t, seen.Add([]byte("other"), 0))
}

func TestSetEditsAllocateNothing(t *testing.T) {
	limits := &Limits{SetMaxIntsetEntries: 100, SetMaxListpackEntries: 100, SetMaxListpackValue: 64}
	for name, members := range map[string]int{"packed": 50, "tree": 500} {
		t.Run(name, func(t *testing.T) {
			cell := newSpaceCell("set")
			var draft Draft
			first := NewSet(&draft, cell.space.Nodes(), limits, Packed)
			for i := range members {
				first.Add(fmt.Append(nil, "member:", i))
			}
			first.MoveTo(cell)
			member := []byte("member:17")
			var open Cell = cell
			set := new(SetEdit)
			require.Zero(t, testing.AllocsPerRun(100, func() {
				*set = EditSet(open, limits)
				set.Remove(member)
				set.Add(member)
				set.Save()
				view := MembersOf(open.View())
				if !view.Has(member) {
					t.Fatal("lost")
				}
				cell.space.Reclaim()
			}))
		})
	}
}

func benchmarkedSet(b *testing.B, members int, ints bool) (*spaceCell, *Limits, [][]byte) {
	b.Helper()
	limits := &Limits{SetMaxIntsetEntries: 512, SetMaxListpackEntries: 128, SetMaxListpackValue: 64}
	space := keyspace.New(maphash.MakeSeed())
	space.Nodes().Children = Children
	cell := &spaceCell{space, []byte("set")}
	var all [][]byte
	for i := range members {
		if ints {
			all = append(all, strconv.AppendInt(nil, int64(i)*7, 10))
		} else {
			all = append(all, fmt.Append(nil, "member:", i))
		}
	}
	var draft Draft
	set := NewSet(&draft, space.Nodes(), limits, EncodingOfNewSet(all[0], 1, limits))
	for _, member := range all {
		set.Add(member)
	}
	set.MoveTo(cell)
	return cell, limits, all
}

func BenchmarkSet(b *testing.B) {
	for _, c := range []struct {
		members int
		ints    bool
	}{{16, false}, {128, false}, {16, true}, {512, true}, {10_000, false}, {1_000_000, false}} {
		cell, limits, all := benchmarkedSet(b, c.members, c.ints)
		name := fmt.Sprint(EncodingOf(cell.View().Kind), c.members)
		var open Cell = cell
		b.Run("has/"+name, func(b *testing.B) {
			set := MembersOf(open.View())
			for i := 0; b.Loop(); i++ {
				set.Has(all[i*7919%len(all)])
			}
		})
		b.Run("remove and add/"+name, func(b *testing.B) {
			set := new(SetEdit)
			for i := 0; b.Loop(); i++ {
				*set = EditSet(open, limits)
				set.Remove(all[i*7919%len(all)])
				set.Add(all[i*7919%len(all)])
				set.Save()
				cell.space.Reclaim()
			}
		})
		b.Run("random/"+name, func(b *testing.B) {
			set := MembersOf(open.View())
			for b.Loop() {
				set.Random()
			}
		})
		b.Run("walk/"+name, func(b *testing.B) {
			set := MembersOf(open.View())
			for b.Loop() {
				it := set.Iter()
				for it.Next() {
					it.Element()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(all)), "ns/member")
		})
	}
}

func BenchmarkSetHashTreeRandom(b *testing.B) {
	cell, _, _ := benchmarkedSet(b, 1_000_000, false)
	set := MembersOf(cell.View())
	for b.Loop() {
		c := set.tree.random(rand.Uint64())
		c.member()
	}
}
