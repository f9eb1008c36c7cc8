package rdb

import (
	"fmt"
	"hash/maphash"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/keyspace"
	"respite/value"
)

// fixtures are the values in testdata/payloads.txt; a name that begins with ! is of one that is to be refused.
func fixtures(t testing.TB) map[string]string {
	t.Helper()
	content, err := os.ReadFile("testdata/payloads.txt")
	require.NoError(t, err)
	all := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, quoted, _ := strings.Cut(strings.TrimSpace(line), ": ")
		all[name], err = strconv.Unquote(quoted)
		require.NoError(t, err, name)
	}
	return all
}

// limitSets are limits under which collections stay packed, and under which they do not.
func limitSets() []value.Limits {
	return []value.Limits{
		{
			HashMaxListpackEntries: 128, HashMaxListpackValue: 64, SetMaxIntsetEntries: 512, SetMaxListpackEntries: 128,
			SetMaxListpackValue: 64, ZsetMaxListpackEntries: 128, ZsetMaxListpackValue: 64, ListMaxListpackSize: -2,
		},
		{ListMaxListpackSize: 1},
		{
			HashMaxListpackEntries: 2, HashMaxListpackValue: 2, SetMaxIntsetEntries: 2, SetMaxListpackEntries: 3,
			SetMaxListpackValue: 2, ZsetMaxListpackEntries: 2, ZsetMaxListpackValue: 2, ListMaxListpackSize: 2,
		},
	}
}

// loading is a place for the values of a test.
type loading struct {
	space *keyspace.Space
	draft value.Draft
	text  []byte // of a string
	isStr bool
}

func newLoading() *loading {
	l := &loading{space: keyspace.New(maphash.MakeSeed())}
	l.space.Nodes().Children = value.Children
	return l
}

// load reads a value, and gives up what there was before.
func (l *loading) load(payload []byte, lim *value.Limits) error {
	l.draft.Discard()
	l.draft.Begin(l.space.Nodes())
	r := NewReader(payload)
	t, err := r.Type()
	if err != nil {
		return err
	}
	if l.isStr = t == TypeString; l.isStr {
		l.text, err = r.Text()
		return err
	}
	return r.Collection(t, &l.draft, lim)
}

func (l *loading) view() value.View {
	if !l.isStr {
		return l.draft.View()
	}
	var scratch [8]byte
	kind, b := value.EncodeString(l.text, &scratch)
	return value.View{Kind: kind, Bytes: b}
}

// nodesLeft is how many nodes there are once the draft is given up.
func (l *loading) nodesLeft() int {
	l.draft.Discard()
	for l.space.Sweep(1 << 20) {
	}
	return l.space.Stats().Nodes
}

// elements prints what a value has, in an order of its own for sets and hashes.
func elements(v value.View) string {
	var out []string
	add := func(e value.Element) { out = append(out, fmt.Sprintf("%q", e.Append(nil))) }
	sep := "\n"
	switch value.TypeOf(v.Kind) {
	case value.String:
		return string(value.StringBytes(v.Kind, v.Bytes, nil))
	case value.List:
		l := value.ListOf(v)
		w := l.Walk(0, value.Right)
		for e, ok := w.Next(); ok; e, ok = w.Next() {
			add(e)
		}
		return strings.Join(out, sep)
	case value.Set:
		s := value.MembersOf(v)
		for it := s.Iter(); it.Next(); {
			add(it.Element())
		}
	case value.Hash:
		h := value.ViewHash(v)
		h.EachTimed(func(field, val value.Element, ms int64) {
			out = append(out, fmt.Sprintf("%q %q %d", field.Append(nil), val.Append(nil), ms))
		})
	case value.ZSet:
		value.OpenSortedSet(v).Each(func(member value.Element, score float64) bool {
			out = append(out, fmt.Sprintf("%q %v", member.Append(nil), score))
			return true
		})
		return strings.Join(out, sep)
	case value.Stream:
		return streamElements(v)
	}
	slices.Sort(out)
	return strings.Join(out, sep)
}

// streamElements prints a stream with its groups and consumers. Times of activity are left out: what is written does not have them.
func streamElements(v value.View) string {
	s := value.OpenStream(v)
	out := fmt.Sprintln(s.Len, s.Added, s.Last, s.First, s.MaxDeleted)
	w := s.Range(value.StreamID{}, value.MaxStreamID, false)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		out += e.ID.String()
		for range e.Fields {
			field, val := e.Pair()
			out += fmt.Sprintf(" %q=%q", field.Append(nil), val.Append(nil))
		}
		out += "\n"
	}
	s.EachGroup(func(name []byte, g *value.Group) {
		out += fmt.Sprintf("group %q %v %d\n", name, g.LastID, g.Read)
		g.EachConsumer(func(name []byte, k value.Consumer) { out += fmt.Sprintf("consumer %q %d\n", name, k.Seen) })
		w := g.WalkPending(value.StreamID{})
		for p, ok := w.Next(); ok; p, ok = w.Next() {
			out += fmt.Sprintf("%v %d %d %q\n", p.ID, p.Time, p.Deliveries, g.Owner(p))
		}
	})
	return out
}

func TestFixturesAreLoaded(t *testing.T) {
	for name, payload := range fixtures(t) {
		for i, lim := range limitSets() {
			t.Run(fmt.Sprintf("%s, limits %d", name, i), func(t *testing.T) {
				l := newLoading()
				err := l.load([]byte(payload), &lim)
				if strings.HasPrefix(name, "!") {
					require.ErrorIs(t, err, ErrCorrupt)
					require.Zero(t, l.nodesLeft())
					return
				}
				require.NoError(t, err)
				require.NoError(t, value.Check(l.view()))
				for cut := range payload {
					require.ErrorIs(t, newLoading().load([]byte(payload[:cut]), &lim), ErrCorrupt, "cut at %d", cut)
				}
				savedAndLoaded(t, l, &lim)
				require.Zero(t, l.nodesLeft())
			})
		}
	}
}

func TestEncodingsFollowTheLimits(t *testing.T) {
	payloads := fixtures(t)
	for name, want := range map[string][2]value.Encoding{
		"list": {value.Packed, value.QuickList}, "list of nodes": {value.QuickList, value.QuickList}, "list with a plain node": {value.QuickList, value.QuickList},
		"old list": {value.Packed, value.QuickList}, "list ziplist": {value.Packed, value.QuickList},
		"list of ziplists": {value.QuickList, value.QuickList}, "list of one ziplist": {value.Packed, value.QuickList},
		"set": {value.Packed, value.HashTable}, "set ints16": {value.Ints, value.HashTable}, "set listpack": {value.Packed, value.HashTable},
		"hash": {value.Packed, value.HashTable}, "hash packed": {value.Packed, value.HashTable}, "hash zipmap": {value.Packed, value.HashTable},
		"hash ziplist": {value.Packed, value.HashTable},
		"zset":         {value.Packed, value.SkipList}, "zset packed": {value.Packed, value.SkipList}, "zset ziplist": {value.Packed, value.SkipList},
		"old zset": {value.Packed, value.SkipList},
	} {
		for i, encoding := range want {
			l := newLoading()
			require.NoError(t, l.load([]byte(payloads[name]), &limitSets()[i]), name)
			require.Equal(t, encoding, value.EncodingOf(l.draft.View().Kind), "%s, limits %d", name, i)
		}
	}
}

// savedAndLoaded tests that the value that was loaded comes back from what is written of it.
func savedAndLoaded(t testing.TB, l *loading, lim *value.Limits) {
	t.Helper()
	v := l.view()
	back := newLoading()
	require.NoError(t, back.load(AppendValue(nil, v, lim), lim))
	require.NoError(t, value.Check(back.view()))
	require.Equal(t, value.TypeOf(v.Kind), value.TypeOf(back.view().Kind))
	require.Equal(t, elements(v), elements(back.view()))
	require.Zero(t, back.nodesLeft())
}

// TestStreamsAreWrittenAsTheyWere writes the streams of the fixtures in the very bytes that they were read from.
func TestStreamsAreWrittenAsTheyWere(t *testing.T) {
	lim, n := &limitSets()[0], 0
	for name, payload := range fixtures(t) {
		if payload[0] != byte(TypeStreamListpacks2) || strings.HasPrefix(name, "!") {
			continue
		}
		l := newLoading()
		require.NoError(t, l.load([]byte(payload), lim), name)
		require.Equal(t, payload, string(AppendValue(nil, l.view(), lim)), name)
		n++
	}
	require.Positive(t, n)
}

// TestOlderStreamsAreCompleted looks at what the first type of a stream does not have.
func TestOlderStreamsAreCompleted(t *testing.T) {
	l := newLoading()
	require.NoError(t, l.load([]byte(fixtures(t)["old stream of nodes"]), &limitSets()[0]))
	s := value.OpenStream(l.view())
	require.Equal(t, value.StreamID{Ms: 1}, s.First)
	require.Equal(t, uint64(4), s.Added)
	for name, want := range map[string]int64{"a": 0, "b": 4, "c": value.UnknownRead} {
		g, ok := s.Group([]byte(name))
		require.True(t, ok)
		require.Equal(t, want, g.Read, name)
	}
}

// FuzzValues reads values that may be anything: no panic, no value that is broken, no node that is lost.
func FuzzValues(f *testing.F) {
	for _, payload := range fixtures(f) {
		for i := range limitSets() {
			f.Add([]byte(payload), uint8(i))
		}
	}
	limits := limitSets()
	f.Fuzz(func(t *testing.T, payload []byte, i uint8) {
		lim := &limits[int(i)%len(limits)]
		l := newLoading()
		if err := l.load(payload, lim); err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
		} else {
			require.NoError(t, value.Check(l.view()))
			savedAndLoaded(t, l, lim)
		}
		require.Zero(t, l.nodesLeft())
	})
}

// TestHashesWithDeadlinesAreWrittenAsTheyWere writes those of the fixtures that are in the newest types in the very bytes that they were
// read from, under limits that keep the encoding.
func TestHashesWithDeadlinesAreWrittenAsTheyWere(t *testing.T) {
	payloads := fixtures(t)
	for name, tc := range map[string]struct {
		lim      int
		encoding string
	}{
		"hash packed with deadlines":                        {0, "listpackex"},
		"hash packed with deadlines of a release candidate": {0, "listpackex"},
		"hash with deadlines":                               {1, "hashtable"},
		"hash with deadlines of a release candidate":        {1, "hashtable"},
		"hash with deadlines of which none is left":         {1, "hashtable"},
	} {
		payload := payloads[name]
		l := newLoading()
		require.NoError(t, l.load([]byte(payload), &limitSets()[tc.lim]), name)
		require.Equal(t, tc.encoding, value.EncodingOf(l.view().Kind).String(), name)
		switch Type(payload[0]) {
		case TypeHashTimedListpack:
			require.Equal(t, payload, string(AppendValue(nil, l.view(), &limitSets()[tc.lim])), name)
		case TypeHashTimed:
			b := AppendFooter(AppendValue(nil, l.view(), &limitSets()[tc.lim]))
			if value.IsTimed(l.view().Kind) {
				require.Equal(t, payload[:10], string(b[:10]), "type, earliest deadline, number of fields")
				require.EqualValues(t, TimedVersion, b[len(b)-footerBytes])
			} else {
				require.EqualValues(t, TypeHash, b[0])
				require.EqualValues(t, WriteVersion, b[len(b)-footerBytes])
			}
		}
	}
}
