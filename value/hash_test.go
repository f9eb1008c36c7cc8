package value

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// hashModel is what a hash does, said as simply as possible.
type hashModel struct {
	pairs []pair
	large bool
}

func (m *hashModel) index(field string) int {
	return slices.IndexFunc(m.pairs, func(p pair) bool { return p.key == field })
}

func (m *hashModel) set(field, val string, limits *Limits) (isNew bool) {
	m.large = m.large || int64(max(len(field), len(val))) > limits.HashMaxListpackValue
	if i := m.index(field); i >= 0 {
		m.pairs[i].val = val
	} else {
		m.pairs, isNew = append(m.pairs, pair{field, val}), true
	}
	m.large = m.large || int64(len(m.pairs)) > limits.HashMaxListpackEntries
	return isNew
}

// requireHash compares a hash with its model in every way of reading it.
func requireHash(t require.TestingT, m *hashModel, k *testCell) {
	v := k.View()
	require.NoError(t, Check(v))
	h := ViewHash(v)
	require.Equal(t, !m.large, h.IsPacked())
	require.Equal(t, len(m.pairs), h.Len())
	each, scanned, ranked := []pair{}, []pair{}, []pair{}
	h.Each(func(f, v Element) bool { each = append(each, pairOf(f, v)); return true })
	if m.large {
		require.ElementsMatch(t, m.pairs, each)
	} else {
		require.Equal(t, m.pairs, each)
	}
	for i := range m.pairs {
		ranked = append(ranked, pairOf(h.At(i)))
	}
	require.Equal(t, each, ranked)
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		cursor = h.Scan(cursor, 3, func(f, v Element) { scanned = append(scanned, pairOf(f, v)) })
	}
	require.Equal(t, each, scanned)
	h.Index()
	for i, p := range ranked {
		require.Equal(t, p, pairOf(h.At(i)))
		val, ok := h.Get([]byte(p.key))
		require.True(t, ok)
		require.Equal(t, p.val, string(val.Append(nil)))
	}
	_, ok := h.Get([]byte("no such field"))
	require.False(t, ok)
}

func pairOf(field, val Element) pair { return pair{string(field.Append(nil)), string(val.Append(nil))} }

func hashTexts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(0, 12), func(i int) string { return fmt.Sprint("f", i) }),
		rapid.Map(rapid.IntRange(-3, 300), func(i int) string { return fmt.Sprint(i) }),
		rapid.SampledFrom([]string{"", "007", "\x00\xff", strings.Repeat("x", 20), strings.Repeat("y", 21), strings.Repeat("z", 5000)}),
	)
}

func TestHashBehavesLikeItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := &Limits{
			HashMaxListpackEntries: int64(rapid.SampledFrom([]int{0, 2, 8, 1000}).Draw(t, "entries")),
			HashMaxListpackValue:   int64(rapid.SampledFrom([]int{4, 20, 100_000}).Draw(t, "length")),
		}
		k, m := newTestCell(), &hashModel{pairs: []pair{}}
		open := func() HashCell { return OpenHash(k, limits) }
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				h, field, val := open(), hashTexts().Draw(t, "field"), hashTexts().Draw(t, "value")
				require.Equal(t, m.set(field, val, limits), h.Set([]byte(field), []byte(val)))
			},
			"set several": func(t *rapid.T) {
				h, all := open(), rapid.SliceOfN(hashTexts(), 2, 8).Draw(t, "pairs")
				all = all[:len(all)/2*2]
				m.large = m.large || int64(len(all)/2) > limits.HashMaxListpackEntries
				for _, s := range all {
					m.large = m.large || int64(len(s)) > limits.HashMaxListpackValue
				}
				h.Expect(texts(all...))
				for i := 0; i < len(all); i += 2 {
					require.Equal(t, m.set(all[i], all[i+1], limits), h.Set([]byte(all[i]), []byte(all[i+1])))
				}
			},
			"remove": func(t *rapid.T) {
				h, field := open(), hashTexts().Draw(t, "field")
				if len(m.pairs) > 0 && rapid.Bool().Draw(t, "present") {
					field = m.pairs[rapid.IntRange(0, len(m.pairs)-1).Draw(t, "index")].key
				}
				i := m.index(field)
				require.Equal(t, i >= 0, h.Remove([]byte(field)))
				if i >= 0 {
					m.pairs = slices.Delete(m.pairs, i, i+1)
				}
				require.Equal(t, len(m.pairs), h.Len())
			},
			"": func(t *rapid.T) {
				k.space.Reclaim()
				if k.ref != 0 {
					requireHash(t, m, k)
				}
			},
		})
	})
}

// TestHashGrowsAndShrinks takes a hash through both encodings with many fields.
func TestHashGrowsAndShrinks(t *testing.T) {
	const fields = 20_000
	limits := &Limits{HashMaxListpackEntries: 512, HashMaxListpackValue: 64}
	k := newTestCell()
	field := func(i int) []byte { return fmt.Append(nil, "field:", i) }
	for i := range fields {
		h := OpenHash(k, limits)
		require.True(t, h.Set(field(i), fmt.Append(nil, i)))
		v := k.View()
		require.Equal(t, i < 512, v.Kind == KindHashPacked)
	}
	require.NoError(t, Check(k.View()))
	order := rand.Perm(fields)
	for _, i := range order {
		h := OpenHash(k, limits)
		require.True(t, h.Remove(field(i)))
		require.False(t, h.Remove(field(i)))
		k.space.Reclaim()
	}
	h := OpenHash(k, limits)
	require.Zero(t, h.Len())
	require.Equal(t, KindHashTable, k.View().Kind)
	require.NoError(t, Check(k.View()))
}

// TestCheckFindsDamageInPackedHashes breaks a hash in the ways that a listpack of its own cannot be broken in.
func TestCheckFindsDamageInPackedHashes(t *testing.T) {
	require.NoError(t, Check(View{Kind: KindHashPacked, Bytes: packed("f", "v")}))
	require.ErrorIs(t, Check(View{Kind: KindHashPacked, Bytes: packed("f", "v", "g")}), ErrListpack)
	broken := packed("f", "v")
	broken[listpackHeader]++ // the first field is longer than its entry
	require.ErrorIs(t, Check(View{Kind: KindHashPacked, Bytes: broken}), ErrListpack)
}

func benchHash(b *testing.B, fields int) (*testCell, *Limits, [][]byte) {
	b.Helper()
	k, limits := newTestCell(), &Limits{HashMaxListpackEntries: 512, HashMaxListpackValue: 64}
	k.space.Poison = false
	names := make([][]byte, fields)
	for i := range names {
		names[i] = fmt.Append(nil, "field:", i)
		h := OpenHash(k, limits)
		h.Set(names[i], []byte("a value of some length"))
		k.space.Reclaim()
	}
	return k, limits, names
}

func BenchmarkHash(b *testing.B) {
	for _, fields := range []int{10, 100, 500, 1000, 100_000} {
		k, limits, names := benchHash(b, fields)
		val := []byte("some value of that length")
		run := func(name string, body func(i int)) {
			b.Run(fmt.Sprintf("%s/fields=%d", name, fields), func(b *testing.B) {
				b.ReportAllocs()
				for i := range b.N {
					body(i * 7919 % fields)
				}
			})
		}
		run("Get", func(i int) {
			h := ViewHash(k.View())
			h.Get(names[i])
		})
		run("Set", func(i int) {
			h := OpenHash(k, limits)
			h.Set(names[i], val)
			k.space.Reclaim()
		})
		run("RemoveAndSet", func(i int) {
			h := OpenHash(k, limits)
			h.Remove(names[i])
			h.Set(names[i], val)
			k.space.Reclaim()
		})
		run("At", func(i int) {
			h := ViewHash(k.View())
			h.At(i)
		})
		run("Each", func(int) {
			h := ViewHash(k.View())
			h.Each(func(_, _ Element) bool { return true })
		})
	}
}
