package value

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// strictRoom is a Room that makes the most of its freedom: every Resize moves, spoils the earlier view, and fills new
// bytes with junk.
type strictRoom struct{ b []byte }

func (r *strictRoom) Mutable() []byte { return r.b }

func (r *strictRoom) Resize(n int) []byte {
	moved := bytes.Repeat([]byte{0xA5}, n)
	copy(moved, r.b)
	for i := range r.b {
		r.b[i] = 0x5A
	}
	r.b = moved
	return moved
}

func texts(elems ...string) [][]byte {
	var all [][]byte
	for _, e := range elems {
		all = append(all, []byte(e))
	}
	return all
}

func packed(elems ...string) Listpack {
	room := &strictRoom{EmptyListpack()}
	ListpackInsert(room, ListpackEnd, texts(elems...)...)
	return room.b
}

func unpacked(l Listpack) []string {
	all := []string{}
	for at := l.First(); at != ListpackEnd; at = l.Next(at) {
		all = append(all, string(l.At(at).Append(nil)))
	}
	return all
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// captured are listpacks out of DUMP payloads of redis-server 7.0.15: a list's node, a hash, a sorted set.
var captured = []struct {
	name, bytes string
	elems       []string
}{
	{
		"list of every form of integer",
		"93000000 1a00 816102 8001 7f01 c08002 dfff02 cfff02 f1001003 d00002 f1ffef03 f1ff7f03 f1008003 f200800004 f2ffff7f04" +
			"f200008004 f30000800005 f3ffffff7f05 f30000008005 f4000000800000000009 f4ffffffffffffff7f09 f4000000000000008009" +
			"93393232333337323033363835343737353830 3814 82303103 822d3003 822b3103 83312e3504 82203103 ff",
		[]string{
			"a", "", "127", "128", "-1", "4095", "4096", "-4096", "-4097", "32767", "-32768", "32768", "8388607", "-8388608", "8388608",
			"2147483647", "-2147483648", "2147483648", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
			"01", "-0", "+1", "1.5", " 1",
		},
	},
	{
		"list of text",
		"91000000 0300 bf" + strings.Repeat("78", 63) + "40 e040" + strings.Repeat("79", 64) + "42 847a7a7a7a05 ff",
		[]string{strings.Repeat("x", 63), strings.Repeat("y", 64), "zzzz"},
	},
	{
		"hash",
		"32000000 0a00 846e616d6505 8341646104 8361676504 2401 817802 8001 82706903 84332e313405 836e656704 f290eefe04 ff",
		[]string{"name", "Ada", "age", "36", "x", "", "pi", "3.14", "neg", "-70000"},
	},
	{
		"sorted set",
		"21000000 0800 816302 ded402 816102 0101 816202 83322e3504 0c01 f2a0860104 ff",
		[]string{"c", "-300", "a", "1", "b", "2.5", "12", "100000"},
	},
	{
		"12-bit text",
		"8c000000 0300 816102 e07c" + strings.Repeat("78", 124) + "7e 816202 ff",
		[]string{"a", strings.Repeat("x", 124), "b"},
	},
}

func TestListpackIsThatOfRedis(t *testing.T) {
	for _, c := range captured {
		want := unhex(t, c.bytes)
		require.Equal(t, hex.EncodeToString(want), hex.EncodeToString(packed(c.elems...)), c.name)
		require.NoError(t, Listpack(want).Check(), c.name)
		require.Equal(t, c.elems, unpacked(want), c.name)
	}
}

// The first and last bytes of entries of long texts are captured from redis-server 7.0.15: the forms of the length, and
// the back-length with its early steps.
func TestEntriesOfLongTextAreThoseOfRedis(t *testing.T) {
	for _, c := range []struct {
		size       int
		start, end string
	}{
		{125, "e07d", "7f"},
		{126, "e07e", "0180"},
		{127, "e07f", "0181"},
		{4095, "efff", "2081"},
		{4096, "f000100000", "2085"},
		{16377, "f0f93f0000", "7ffe"},
		{16378, "f0fa3f0000", "00ffff"},
		{16379, "f0fb3f0000", "018080"},
		{60000, "f060ea0000", "03d4e5"},
		{2097145, "f0f9ff1f00", "7ffffe"},
		{2097146, "f0faff1f00", "00ffffff"},
		{2097147, "f0fbff1f00", "01808080"},
	} {
		text := bytes.Repeat([]byte("x"), c.size)
		start, end := unhex(t, c.start), unhex(t, c.end)
		b := make([]byte, entrySize(text))
		require.Equal(t, len(b), putEntry(b, text), c.size)
		require.Len(t, b, len(start)+c.size+len(end))
		require.Equal(t, start, b[:len(start)], c.size)
		require.Equal(t, end, b[len(b)-len(end):], c.size)
		require.Equal(t, len(b), Listpack(b).entryLen(0), c.size)
		require.Equal(t, len(b)-len(end), Listpack(b).backLen(len(b)), c.size)
		require.Len(t, Listpack(b).At(0).Text, c.size)
	}
}

// The first two are captured as above, from texts of 268435449 and 268435450 bytes; the last is the longest there can be.
func TestBackLengthsOfVeryLongTextAreThoseOfRedis(t *testing.T) {
	for payload, want := range map[int]string{268435454: "7ffffffe", 268435455: "00ffffffff", math.MaxUint32: "0fffffffff"} {
		var b [maxBackLen]byte
		size := putBackLen(b[:], payload)
		require.Equal(t, want, hex.EncodeToString(b[:size]))
		require.Equal(t, payload, Listpack(b[:size]).backLen(size))
		require.Equal(t, size, backLenSize(payload))
	}
}

func TestElementsOfBoundaryIntegers(t *testing.T) {
	for _, c := range []struct {
		n    int64
		size int
	}{
		{0, 2},
		{127, 2},
		{128, 3},
		{-1, 3},
		{4095, 3},
		{-4096, 3},
		{4096, 4},
		{-4097, 4},
		{math.MaxInt16, 4},
		{math.MinInt16, 4},
		{math.MaxInt16 + 1, 5},
		{math.MinInt16 - 1, 5},
		{1<<23 - 1, 5},
		{-1 << 23, 5},
		{1 << 23, 6},
		{-1<<23 - 1, 6},
		{math.MaxInt32, 6},
		{math.MinInt32, 6},
		{math.MaxInt32 + 1, 10},
		{math.MinInt32 - 1, 10},
		{math.MaxInt64, 10},
		{math.MinInt64, 10},
	} {
		text := strconv.FormatInt(c.n, 10)
		l := packed(text)
		require.Equal(t, c.size, l.EntrySize([]byte(text)), text)
		require.Len(t, l, listpackEmptySize+c.size, text)
		e := l.At(l.First())
		require.Equal(t, Element{Int: c.n, IsInt: true}, e)
		require.Equal(t, len(text), e.Len())
		require.True(t, e.Equal([]byte(text)))
		require.False(t, e.Equal([]byte(text+"0")))
		require.False(t, e.Equal([]byte("x")))
		require.False(t, e.Equal(nil))
		var scratch IntText
		require.Equal(t, text, string(e.Bytes(&scratch)))
	}
}

func TestEmptyListpack(t *testing.T) {
	l := Listpack(EmptyListpack())
	require.NoError(t, l.Check())
	require.Zero(t, l.Len())
	for _, at := range []int{l.First(), l.Last(), l.Seek(0), l.Seek(-1), l.Find(l.First(), []byte("x"), 0)} {
		require.Equal(t, ListpackEnd, at)
	}
}

func TestFindSkips(t *testing.T) {
	l := packed("1", "a", "a", "1", "1", "b")
	require.Equal(t, l.Seek(2), l.Find(l.First(), []byte("a"), 1))
	require.Equal(t, l.Seek(1), l.Find(l.First(), []byte("a"), 0))
	require.Equal(t, l.Seek(3), l.Find(l.Seek(1), []byte("1"), 1))
	require.Equal(t, l.Seek(4), l.Find(l.Next(l.First()), []byte("1"), 2))
	require.Equal(t, ListpackEnd, l.Find(l.First(), []byte("b"), 1))
	require.Equal(t, ListpackEnd, l.Find(l.First(), []byte("b"), 100))
}

// Foreign bytes may hold an integer as text or in a wider form; it is still equal to its text, as in Redis.
func TestIntegersInOtherForms(t *testing.T) {
	l := Listpack(unhex(t, "14000000 0200 813502 f4050000000000000009 ff"))
	require.NoError(t, l.Check())
	require.Equal(t, []string{"5", "5"}, unpacked(l))
	require.Equal(t, l.First(), l.Find(l.First(), []byte("5"), 0))
	require.Equal(t, l.Last(), l.Find(l.Last(), []byte("5"), 0))
}

func TestFits(t *testing.T) {
	l := Listpack(EmptyListpack())
	require.True(t, l.Fits(ListpackMax-listpackEmptySize))
	require.False(t, l.Fits(ListpackMax-listpackEmptySize+1))
	require.False(t, l.Fits(math.MaxInt))
}

func TestCheckRefuses(t *testing.T) {
	for name, damaged := range map[string]string{
		"nothing":                        "",
		"too short":                      "060000000000",
		"wrong length":                   "080000000000ff",
		"no terminator":                  "070000000000fe",
		"too few elements stated":        "0900000000000101ff",
		"too many elements stated":       "0900000002000101ff",
		"terminator inside":              "080000000000ffff",
		"unknown form":                   "090000000100f501ff",
		"text past the end":              "090000000100bf01ff",
		"12-bit length cut":              "080000000100e0ff",
		"32-bit length cut":              "0b0000000100f0ffffffff",
		"32-bit length past the end":     "0d0000000100f0ffffffff05ff",
		"integer past the end":           "0a0000000100f4010903ff",
		"no back-length":                 "08000000010001ff",
		"wrong back-length":              "0900000001000102ff",
		"back-length reaches into text":  "0b0000000100820082ff",
		"back-length takes one bit more": "0900000001000181ff",
	} {
		require.ErrorIs(t, Listpack(unhex(t, damaged)).Check(), ErrListpack, name)
	}
}

func TestCheckFindsEveryFlippedLength(t *testing.T) {
	for _, c := range captured {
		whole := unhex(t, c.bytes)
		for cut := range whole {
			require.Error(t, Listpack(whole[:cut]).Check())
		}
	}
}

// The header holds at most 65534; beyond, elements are counted, and a number that fits again comes back.
func TestNumberOfElementsBeyondTheHeader(t *testing.T) {
	room := &Buffer{B: EmptyListpack()}
	ListpackInsert(room, ListpackEnd, slices.Repeat(texts("1"), listpackUncounted-1)...)
	require.Equal(t, []byte{0xFE, 0xFF}, room.B[listpackCountAt:listpackHeader])
	for range 2 {
		ListpackInsert(room, ListpackEnd, []byte("2"))
		require.Equal(t, []byte{0xFF, 0xFF}, room.B[listpackCountAt:listpackHeader])
	}
	l := Listpack(room.B)
	require.NoError(t, l.Check())
	require.Equal(t, listpackUncounted+1, l.Len())
	require.Equal(t, l.Last(), l.Seek(-1))
	require.Equal(t, l.Last(), l.Seek(listpackUncounted))
	require.Equal(t, ListpackEnd, l.Seek(listpackUncounted+1))
	require.Equal(t, l.First(), l.Seek(-listpackUncounted-1))
	require.Equal(t, ListpackEnd, l.Seek(-listpackUncounted-2))

	ListpackDelete(room, l.First(), 1)
	require.Equal(t, listpackUncounted, Listpack(room.B).Len())
	ListpackDelete(room, l.First(), 1)
	require.Equal(t, []byte{0xFE, 0xFF}, room.B[listpackCountAt:listpackHeader])
	require.NoError(t, Listpack(room.B).Check())
}

func TestDeleteReturnsWhatFollows(t *testing.T) {
	room := &strictRoom{packed("a", "1", "bb", "22", "ccc")}
	at := ListpackDelete(room, Listpack(room.b).Seek(1), 2)
	require.Equal(t, "22", string(Listpack(room.b).At(at).Append(nil)))
	require.Equal(t, at, ListpackDelete(room, at, 0))
	require.Equal(t, ListpackEnd, ListpackDelete(room, at, math.MaxInt))
	require.Equal(t, []string{"a"}, unpacked(room.b))
	require.Equal(t, ListpackEnd, ListpackDelete(room, Listpack(room.b).First(), 1))
	require.Equal(t, EmptyListpack(), room.b)
}

// elements draws texts that reach every form.
func elements() *rapid.Generator[string] {
	boundary := rapid.SampledFrom([]int64{
		0, 127, 128, 4095, 4096, math.MaxInt16, math.MaxInt16 + 1, 1<<23 - 1, 1 << 23, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64,
	})
	return rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"", "0", "-0", "00", "-", "9223372036854775808", "-9223372036854775809", "a", "b"}),
		rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		rapid.Map(boundary, func(n int64) string { return strconv.FormatInt(n, 10) }),
		rapid.Map(boundary, func(n int64) string { return strconv.FormatInt(^n, 10) }),
		rapid.Map(rapid.SampledFrom([]int{62, 63, 64, 124, 125, 126, 127, 4094, 4095, 4096, 16377, 16378}),
			func(n int) string { return strings.Repeat("t", n) }),
	)
}

func TestListpackBehavesLikeASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room, model := &strictRoom{EmptyListpack()}, []string{}
		position := func() int { return rapid.IntRange(0, max(0, len(model)-1)).Draw(t, "index") }
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				added := rapid.SliceOfN(elements(), 0, 3).Draw(t, "elements")
				index := rapid.IntRange(0, len(model)).Draw(t, "index")
				ListpackInsert(room, Listpack(room.b).Seek(index), texts(added...)...)
				model = slices.Insert(model, index, added...)
			},
			"replace": func(t *rapid.T) {
				if len(model) == 0 {
					return
				}
				index, elem := position(), elements().Draw(t, "element")
				ListpackReplace(room, Listpack(room.b).Seek(index), []byte(elem))
				model[index] = elem
			},
			"delete": func(t *rapid.T) {
				if len(model) == 0 {
					return
				}
				index, count := position(), rapid.IntRange(0, 3).Draw(t, "count")
				at := ListpackDelete(room, Listpack(room.b).Seek(index), count)
				model = slices.Delete(model, index, min(index+count, len(model)))
				require.Equal(t, Listpack(room.b).Seek(index), at)
			},
			"find": func(t *rapid.T) {
				elem := elements().Draw(t, "element")
				if len(model) > 0 && rapid.Bool().Draw(t, "present") {
					elem = model[position()]
				}
				from, skip := position(), rapid.IntRange(0, 2).Draw(t, "skip")
				l, want := Listpack(room.b), ListpackEnd
				for i := from; i < len(model); i += skip + 1 {
					if model[i] == elem {
						want = l.Seek(i)
						break
					}
				}
				require.Equal(t, want, l.Find(l.Seek(from), []byte(elem), skip))
			},
			"": func(t *rapid.T) { requireSame(t, model, room.b) },
		})
	})
}

// requireSame compares a listpack with the texts that it must hold, in every way of reading it.
func requireSame(t require.TestingT, model []string, l Listpack) {
	require.NoError(t, l.Check())
	require.Equal(t, len(model), l.Len())
	require.Equal(t, model, unpacked(l))
	back := l.Last()
	for i := len(model) - 1; i >= 0; i-- {
		require.Equal(t, back, l.Seek(i))
		require.Equal(t, back, l.Seek(i-len(model)))
		e := l.At(back)
		require.Equal(t, len(model[i]), e.Len())
		require.True(t, e.Equal([]byte(model[i])))
		back = l.Prev(back)
	}
	require.Equal(t, ListpackEnd, back)
	require.Equal(t, ListpackEnd, l.Seek(len(model)))
	require.Equal(t, ListpackEnd, l.Seek(-len(model)-1))
}

func FuzzListpack(f *testing.F) {
	for _, c := range captured {
		f.Add(unhex(f, c.bytes), []byte("a"), 1)
	}
	f.Add(unhex(f, "14000000 0200 813502 f4050000000000000009 ff"), []byte("5"), -1)
	f.Add(unhex(f, "09000000 ffff 8001 ff"), []byte(strings.Repeat("x", 70)), 0)
	f.Fuzz(func(t *testing.T, b, elem []byte, index int) {
		if Listpack(b).Check() != nil {
			return
		}
		model := unpacked(b)
		requireSame(t, model, b)
		if at := Listpack(b).Find(Listpack(b).First(), elem, 0); at != ListpackEnd {
			require.True(t, Listpack(b).At(at).Equal(elem))
		}
		room := &strictRoom{bytes.Clone(b)}
		index = int(uint(index) % uint(len(model)+1))
		ListpackInsert(room, Listpack(room.b).Seek(index), elem, elem)
		requireSame(t, slices.Insert(slices.Clone(model), index, string(elem), string(elem)), room.b)
		ListpackDelete(room, Listpack(room.b).Seek(index), 1)
		ListpackReplace(room, Listpack(room.b).Seek(index), []byte("r"))
		requireSame(t, slices.Insert(slices.Clone(model), index, "r"), room.b)
		ListpackDelete(room, Listpack(room.b).Seek(index), math.MaxInt)
		requireSame(t, model[:index], room.b)
	})
}

func TestListpackEditsAllocateNothing(t *testing.T) {
	room := &Buffer{B: packed("a", "17", "bb")}
	elem, other := []byte("1234567"), []byte("text")
	var scratch IntText
	require.Zero(t, testing.AllocsPerRun(100, func() {
		ListpackInsert(room, Listpack(room.B).First(), elem)
		ListpackInsert(room, ListpackEnd, elem, other)
		ListpackReplace(room, Listpack(room.B).Seek(1), other)
		ListpackReplace(room, Listpack(room.B).Seek(1), strconv.AppendInt(scratch[:0], -5, 10))
		if at := Listpack(room.B).Find(Listpack(room.B).First(), other, 0); len(Listpack(room.B).At(at).Bytes(&scratch)) == 0 {
			t.Fatal("not found")
		}
		ListpackDelete(room, Listpack(room.B).Seek(-2), 2)
		ListpackDelete(room, Listpack(room.B).First(), 1)
	}))
}

// members packs n texts of the length of a usual identifier.
func members(n int) *Buffer {
	room := &Buffer{B: EmptyListpack()}
	for i := range n {
		ListpackInsert(room, ListpackEnd, []byte("member:"+strconv.Itoa(i)))
	}
	return room
}

func BenchmarkListpackAppend(b *testing.B) {
	for _, elem := range []string{"member:123", "1234567"} {
		b.Run(elem, func(b *testing.B) {
			room, text := &Buffer{B: EmptyListpack()}, []byte(elem)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%128 == 0 {
					room.B = append(room.B[:0], EmptyListpack()...)
				}
				ListpackInsert(room, ListpackEnd, text)
			}
		})
	}
}

func BenchmarkListpackFind(b *testing.B) {
	for name, elem := range map[string]string{"last": "member:127", "absent": "member:999", "integer": "127"} {
		b.Run(name, func(b *testing.B) {
			l, text := Listpack(members(128).B), []byte(elem)
			b.ReportAllocs()
			for b.Loop() {
				l.Find(l.First(), text, 0)
			}
		})
	}
}

func BenchmarkListpackFindInt(b *testing.B) {
	room := &Buffer{B: EmptyListpack()}
	for i := range 128 {
		ListpackInsert(room, ListpackEnd, []byte(strconv.Itoa(i*1000)))
	}
	l, text := Listpack(room.B), []byte("127000")
	b.ReportAllocs()
	for b.Loop() {
		l.Find(l.First(), text, 0)
	}
}

// Each round removes an element and puts it back at the end.
func BenchmarkListpackDelete(b *testing.B) {
	for name, index := range map[string]int{"first": 0, "middle": 64, "last": -1} {
		b.Run(name, func(b *testing.B) {
			room, text := members(128), []byte("member:100")
			b.ReportAllocs()
			for b.Loop() {
				ListpackDelete(room, Listpack(room.B).Seek(index), 1)
				ListpackInsert(room, ListpackEnd, text)
			}
		})
	}
}

func BenchmarkListpackFindField(b *testing.B) {
	l, text := Listpack(members(128).B), []byte("member:126")
	b.ReportAllocs()
	for b.Loop() {
		l.Find(l.First(), text, 1)
	}
}
