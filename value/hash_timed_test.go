package value

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// timedField is a field as the model has it.
type timedField struct {
	key, val string
	deadline int64
}

// timedModel is what a hash with deadlines does, said as simply as possible.
type timedModel struct {
	fields       []timedField
	large, timed bool
}

func (m *timedModel) index(field string) int {
	return slices.IndexFunc(m.fields, func(f timedField) bool { return f.key == field })
}

func (m *timedModel) set(field, val string, keep bool, limits *Limits) (isNew bool) {
	m.large = m.large || int64(max(len(field), len(val))) > limits.HashMaxListpackValue
	i := m.index(field)
	if isNew = i < 0; isNew {
		i = len(m.fields)
		m.fields = append(m.fields, timedField{key: field})
	}
	m.fields[i].val = val
	if !keep {
		m.fields[i].deadline = 0
	}
	m.large = m.large || int64(len(m.fields)) > limits.HashMaxListpackEntries
	return isNew
}

// shown is what is left at a time, and the number of fields that are hidden then.
func (m *timedModel) shown(now int64) (shown []timedField, hidden int) {
	shown = []timedField{}
	for _, f := range m.fields {
		if f.deadline == 0 || f.deadline >= now {
			shown = append(shown, f)
		}
	}
	return shown, len(m.fields) - len(shown)
}

func (m *timedModel) earliest() (ms int64) {
	for _, f := range m.fields {
		if f.deadline != 0 && (ms == 0 || f.deadline < ms) {
			ms = f.deadline
		}
	}
	return ms
}

// requireTimed compares a hash with its model in every way of reading it at a time.
func requireTimed(t require.TestingT, m *timedModel, k *testCell, now int64) {
	v := k.View()
	require.NoError(t, Check(v))
	h := ViewHashAt(v, now)
	shown, hidden := m.shown(now)
	require.Equal(t, !m.large, h.IsPacked())
	require.Equal(t, len(m.fields), h.Len())
	require.Equal(t, len(shown), h.Shown())
	require.Equal(t, hidden, h.Hidden())
	require.Equal(t, m.timed, IsTimed(v.Kind))
	if m.timed {
		require.Equal(t, m.earliest(), EarliestDeadline(v))
		require.EqualValues(t, 7, Registered(v), "nothing but SetRegistered changes it")
	}

	pairs, each, scanned, timed := []pair{}, []pair{}, []pair{}, []timedField{}
	for _, f := range shown {
		pairs = append(pairs, pair{f.key, f.val})
	}
	h.Each(func(f, v Element) bool { each = append(each, pairOf(f, v)); return true })
	require.ElementsMatch(t, pairs, each)
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		cursor = h.Scan(cursor, 3, func(f, v Element) { scanned = append(scanned, pairOf(f, v)) })
	}
	require.Equal(t, each, scanned)
	h.EachTimed(func(f, v Element, ms int64) {
		p := pairOf(f, v)
		timed = append(timed, timedField{p.key, p.val, ms})
	})
	require.ElementsMatch(t, shown, timed)
	if h.IsPacked() {
		require.True(t, slices.IsSortedFunc(timed, func(a, b timedField) int {
			return cmp.Compare(uint64(a.deadline)-1, uint64(b.deadline)-1) // no deadline is the latest of all
		}), "%v", timed)
	}
	if len(shown) > 0 {
		require.Contains(t, pairs, pairOf(h.Any(rand.IntN)))
	}
	if h.IsPacked() || hidden == 0 {
		for i, p := range each {
			require.Equal(t, p, pairOf(h.At(i)))
		}
	}
	h.Index()
	for i, p := range each {
		require.Equal(t, p, pairOf(h.At(i)))
	}

	require.False(t, h.Missed())
	for _, f := range shown {
		val, ok := h.Get([]byte(f.key))
		require.True(t, ok)
		require.Equal(t, f.val, string(val.Append(nil)))
		ms, ok := h.Deadline([]byte(f.key))
		require.True(t, ok)
		require.Equal(t, f.deadline, ms)
	}
	_, ok := h.Get([]byte("no such field"))
	require.False(t, ok)
	require.False(t, h.Missed())
	for _, f := range m.fields {
		if slices.Contains(shown, f) {
			continue
		}
		_, ok := h.Get([]byte(f.key))
		require.False(t, ok)
		_, ok = h.Deadline([]byte(f.key))
		require.False(t, ok)
		require.True(t, h.Missed())
	}
}

func TestTimedHashBehavesLikeItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := &Limits{
			HashMaxListpackEntries: int64(rapid.SampledFrom([]int{0, 4, 12, 1000}).Draw(t, "entries")),
			HashMaxListpackValue:   int64(rapid.SampledFrom([]int{4, 20, 100_000}).Draw(t, "length")),
		}
		k, m, now := newTestCell(), &timedModel{}, int64(1000)
		open := func() HashCell { return OpenHash(k, limits) }
		field := func(t *rapid.T) string {
			if len(m.fields) > 0 && rapid.IntRange(0, 3).Draw(t, "present") > 0 {
				return rapid.SampledFrom(m.fields).Draw(t, "which").key
			}
			return hashTexts().Draw(t, "field")
		}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				h, field, val := open(), field(t), hashTexts().Draw(t, "value")
				require.Equal(t, m.set(field, val, false, limits), h.Set([]byte(field), []byte(val)))
			},
			"set and keep": func(t *rapid.T) {
				h, field, val := open(), field(t), hashTexts().Draw(t, "value")
				require.Equal(t, m.set(field, val, true, limits), h.SetKeeping([]byte(field), []byte(val)))
			},
			"deadline": func(t *rapid.T) {
				h, field := open(), field(t)
				ms, ok := h.Deadline([]byte(field))
				i := m.index(field)
				require.Equal(t, i >= 0, ok)
				if !ok {
					return
				}
				require.Equal(t, m.fields[i].deadline, ms)
				ms = rapid.SampledFrom([]int64{1, now - 1, now, now + 1, now + 2, now + 300, now + 40_000, MaxFieldDeadline}).Draw(t, "deadline")
				h.SetDeadline([]byte(field), ms)
				m.fields[i].deadline = ms
				if !m.timed {
					SetRegistered(k, 7)
				}
				m.timed = true
			},
			"persist": func(t *rapid.T) {
				h, field := open(), field(t)
				i := m.index(field)
				require.Equal(t, i >= 0 && m.fields[i].deadline != 0, h.Persist([]byte(field)))
				if i >= 0 {
					m.fields[i].deadline = 0
				}
			},
			"remove": func(t *rapid.T) {
				h, field := open(), field(t)
				i := m.index(field)
				require.Equal(t, i >= 0, h.Remove([]byte(field)))
				if i >= 0 {
					m.fields = slices.Delete(m.fields, i, i+1)
				}
				require.Equal(t, len(m.fields), h.Len())
			},
			"time goes by": func(t *rapid.T) { now += rapid.SampledFrom([]int64{1, 2, 250}).Draw(t, "ms") },
			"remove due": func(t *rapid.T) {
				h, most := open(), rapid.IntRange(1, 5).Draw(t, "most")
				_, due := m.shown(now)
				removed, more := h.RemoveDue(now, most)
				if m.large {
					require.Equal(t, min(due, most), removed)
				} else {
					require.Equal(t, due, removed)
				}
				require.Equal(t, removed < due, more)
				require.Equal(t, len(m.fields)-removed, h.Len())
				all := ViewHash(k.View())
				m.fields = slices.DeleteFunc(m.fields, func(f timedField) bool {
					_, left := all.Get([]byte(f.key))
					if !left {
						removed--
						require.Less(t, f.deadline, now)
					}
					return !left
				})
				require.Zero(t, removed)
			},
			"": func(t *rapid.T) {
				k.space.Reclaim()
				if k.ref == 0 {
					return
				}
				if m.timed {
					SetRegistered(k, 7) // a conversion may have put the hash anew
				}
				requireTimed(t, m, k, now)
			},
		})
	})
}

// TestTimedHashGrowsAndExpires takes a hash with many deadlines through both encodings.
func TestTimedHashGrowsAndExpires(t *testing.T) {
	const fields = 5_000
	limits := &Limits{HashMaxListpackEntries: 512, HashMaxListpackValue: 64}
	k, m := newTestCell(), &timedModel{timed: true}
	for i := range fields {
		h := OpenHash(k, limits)
		f := timedField{fmt.Sprint("field:", i), fmt.Sprint(i), int64(1 + i*7919%fields)}
		require.True(t, h.Set([]byte(f.key), []byte(f.val)))
		h.SetDeadline([]byte(f.key), f.deadline)
		m.fields = append(m.fields, f)
		k.space.Reclaim()
	}
	require.Equal(t, KindHashTableTimed, k.View().Kind)
	require.NoError(t, Check(k.View()))
	for now := int64(1); ; now += 1000 {
		v := ViewHashAt(k.View(), now)
		shown, hidden := m.shown(now)
		require.Equal(t, hidden, v.Hidden())
		h := OpenHash(k, limits)
		for more := true; more; {
			_, more = h.RemoveDue(now, 32)
			k.space.Reclaim()
		}
		m.fields = shown
		require.Equal(t, len(shown), h.Len())
		require.NoError(t, Check(k.View()))
		if h.Len() == 0 {
			break
		}
	}
	require.Zero(t, k.space.Nodes().Live())
}

func TestTimedListpackIsAdoptedAgain(t *testing.T) {
	limits := &Limits{HashMaxListpackEntries: 3, HashMaxListpackValue: 64}
	k := newTestCell()
	h := OpenHash(k, limits)
	for _, f := range []string{"a", "b", "c"} {
		h.Set([]byte(f), []byte("1"))
	}
	h.SetDeadline([]byte("b"), 50)
	h.SetDeadline([]byte("c"), 40)
	pack := TimedListpack(k.View())
	require.EqualValues(t, packed("c", "1", "40", "b", "1", "50", "a", "1", "0"), pack)
	for _, tc := range []struct {
		limit int64
		large bool
	}{{3, false}, {2, true}} {
		limits.HashMaxListpackEntries = tc.limit
		to := newTestCell()
		require.NoError(t, AdoptTimedHash(to, limits, pack))
		require.Equal(t, tc.large, to.View().Kind == KindHashTableTimed)
		SetRegistered(to, 7)
		requireTimed(t, &timedModel{
			fields: []timedField{{"a", "1", 0}, {"b", "1", 50}, {"c", "1", 40}}, large: tc.large, timed: true,
		}, to, 41)
	}
	for name, bad := range map[string][]byte{
		"no group":      packed("a", "1"),
		"empty":         packed(),
		"twice":         packed("a", "1", "0", "a", "1", "0"),
		"no number":     packed("a", "1", "x"),
		"negative":      packed("a", "1", "-1"),
		"too late":      packed("a", "1", fmt.Sprint(MaxFieldDeadline+1)),
		"out of order":  packed("a", "1", "2", "b", "1", "1"),
		"behind others": packed("a", "1", "0", "b", "1", "1"),
	} {
		to := newTestCell()
		require.Error(t, AdoptTimedHash(to, limits, bad), name)
		require.Zero(t, to.ref, name)
	}
}

// TestCheckFindsDamageInTimedHashes breaks trees that are sound each for itself.
func TestCheckFindsDamageInTimedHashes(t *testing.T) {
	for name, damage := range map[string]func(*HashCell, *hashTimes){
		"no field": func(h *HashCell, _ *hashTimes) { h.tree.remove([]byte("a")); h.save() },
		"no order": func(_ *HashCell, times *hashTimes) { c := times.order.at(0); c.remove() },
		"no deadline": func(_ *HashCell, times *hashTimes) {
			times.deadlines.remove([]byte("a"))
			times.deadlines.put([]byte("x"), make([]byte, 8))
		},
		"another time": func(_ *HashCell, times *hashTimes) { times.deadlines.put([]byte("a"), make([]byte, 8)) },
	} {
		k := newTestCell()
		h := OpenHash(k, &Limits{})
		h.Set([]byte("a"), []byte("1"))
		h.SetDeadline([]byte("a"), 50)
		require.NoError(t, Check(k.View()))
		times := h.times()
		damage(&h, &times)
		h.saveTimes(&times)
		require.ErrorIs(t, Check(k.View()), errTimed, name)
	}
	require.ErrorIs(t, Check(View{Kind: KindHashPackedTimed, Bytes: packed("0", "f", "v")}), ErrListpack)
	require.ErrorIs(t, Check(View{Kind: KindHashPackedTimed, Bytes: packed("x", "f", "v", "0")}), ErrListpack)
}

func TestSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Schedule
		k := newTestCell()
		model := map[string]int64{}
		keys := rapid.SampledFrom([]string{"", "a", "b", "c", "d", string(make([]byte, 300))})
		t.Repeat(map[string]func(*rapid.T){
			"move": func(t *rapid.T) {
				key, ms := keys.Draw(t, "key"), rapid.Int64Range(1, 300).Draw(t, "ms")
				if old, ok := model[key]; ok {
					require.True(t, s.Remove(old, []byte(key)))
				}
				require.False(t, s.Remove(ms, []byte(key)))
				s.Add(k.space.Nodes(), ms, []byte(key))
				model[key] = ms
			},
			"remove": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				old, ok := model[key]
				require.Equal(t, ok, s.Remove(old, []byte(key)))
				delete(model, key)
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(model), s.Len())
				next, ok := s.Next()
				require.Equal(t, len(model) > 0, ok)
				key, ok := s.First()
				require.Equal(t, len(model) > 0, ok)
				for _, ms := range model {
					require.LessOrEqual(t, next, ms)
				}
				if ok {
					require.Equal(t, model[string(key)], next)
				}
			},
		})
	})
}

func BenchmarkTimedHash(b *testing.B) {
	for _, fields := range []int{10, 100, 100_000} {
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
		run("SetDeadline", func(i int) {
			h := OpenHash(k, limits)
			h.SetDeadline(names[i], int64(2000+i))
			k.space.Reclaim()
		})
		run("Get", func(i int) {
			h := ViewHashAt(k.View(), 1000)
			h.Get(names[i])
		})
		run("GetWhileOthersAreDue", func(i int) {
			h := ViewHashAt(k.View(), 2001)
			h.Get(names[i])
		})
		run("SetKeeping", func(i int) {
			h := OpenHash(k, limits)
			h.SetKeeping(names[i], val)
			k.space.Reclaim()
		})
		run("RemoveDue", func(i int) {
			h := OpenHash(k, limits)
			h.SetDeadline(names[i], 1)
			h.RemoveDue(2, 32)
			h.Set(names[i], val)
			k.space.Reclaim()
		})
	}
}
