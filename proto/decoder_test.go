// Decoder: what Reply writes comes back as it was, and what is malformed is
// refused.

package proto

import (
	"bytes"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func decode(t *testing.T, in string) Value {
	t.Helper()
	d := NewDecoder(strings.NewReader(in), DefaultDecoderLimits())
	v, err := d.Decode()
	require.NoError(t, err)
	require.Zero(t, d.Buffered())
	return v
}

// sameValue compares two values; memory that is empty or absent is the same.
func sameValue(a, b Value) bool {
	return a.Type == b.Type && a.Null == b.Null && a.Int == b.Int && a.Format == b.Format &&
		math.Float64bits(a.Float) == math.Float64bits(b.Float) && bytes.Equal(a.Str, b.Str) &&
		sameValues(a.Elems, b.Elems) && sameValues(a.Attrs, b.Attrs)
}

func sameValues(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameValue(a[i], b[i]) {
			return false
		}
	}
	return true
}

func TestDecoderTypes(t *testing.T) {
	str := func(typ Type, s string) Value { return Value{Type: typ, Str: []byte(s)} }
	one := Value{Type: TypeInt, Int: 1}
	for in, want := range map[string]Value{
		"+OK\r\n":                  str(TypeSimple, "OK"),
		"+\r\n":                    str(TypeSimple, ""),
		"+a\rb\r\n":                str(TypeSimple, "a\rb"),
		"-ERR no\r\n":              str(TypeError, "ERR no"),
		":-12\r\n":                 {Type: TypeInt, Int: -12},
		"$3\r\na\r\n\r\n":          str(TypeBulk, "a\r\n"),
		"$-1\r\n":                  {Type: TypeBulk, Null: true},
		"*-1\r\n":                  {Type: TypeArray, Null: true},
		"_\r\n":                    {Type: TypeNull, Null: true},
		"#t\r\n":                   {Type: TypeBool, Int: 1},
		"#f\r\n":                   {Type: TypeBool},
		",1.5e3\r\n":               {Type: TypeDouble, Float: 1500, Str: []byte("1.5e3")},
		",-inf\r\n":                {Type: TypeDouble, Float: math.Inf(-1), Str: []byte("-inf")},
		",nan\r\n":                 {Type: TypeDouble, Float: math.NaN(), Str: []byte("nan")},
		"(-123\r\n":                str(TypeBigNumber, "-123"),
		"!5\r\nERR x\r\n":          str(TypeBulkError, "ERR x"),
		"=6\r\ntxt:ab\r\n":         {Type: TypeVerbatim, Format: "txt", Str: []byte("ab")},
		"*2\r\n:1\r\n*0\r\n":       {Type: TypeArray, Elems: []Value{one, {Type: TypeArray}}},
		"%1\r\n+k\r\n:1\r\n":       {Type: TypeMap, Elems: []Value{str(TypeSimple, "k"), one}},
		"~1\r\n:1\r\n":             {Type: TypeSet, Elems: []Value{one}},
		">1\r\n:1\r\n":             {Type: TypePush, Elems: []Value{one}},
		"|1\r\n+k\r\n:1\r\n:1\r\n": {Type: TypeInt, Int: 1, Attrs: []Value{str(TypeSimple, "k"), one}},
	} {
		got := decode(t, in)
		require.True(t, sameValue(want, got), "%q: %+v", in, got)
	}
}

func TestDecoderLongStrings(t *testing.T) {
	long := strings.Repeat("x", 3*trustedBulk+1)
	v := decode(t, "+"+long+"\r\n")
	require.Equal(t, long, v.String())
	v = decode(t, string(AppendCommand(nil, long)))
	require.Equal(t, long, v.Elems[0].String())
}

func malformedReplies() map[string]error {
	return map[string]error{
		"":                               io.EOF,
		"+OK":                            io.ErrUnexpectedEOF,
		"$3\r\nab":                       io.ErrUnexpectedEOF,
		"$3\r\nabc":                      io.ErrUnexpectedEOF,
		"*1\r\n":                         io.ErrUnexpectedEOF,
		"\r\n":                           ErrReply,
		"+OK\n":                          ErrReply,
		"?\r\n":                          ErrReply,
		":\r\n":                          ErrReply,
		":01\r\n":                        ErrReply,
		":1.5\r\n":                       ErrReply,
		"$-2\r\n":                        ErrReply,
		"$x\r\n":                         ErrReply,
		"$?\r\n":                         ErrReply,
		"$2\r\nabcd":                     ErrReply,
		"$2000000\r\n":                   ErrReply,
		"*-2\r\n":                        ErrReply,
		"%-1\r\n":                        ErrReply,
		"*5000\r\n":                      ErrReply,
		"%2049\r\n":                      ErrReply,
		"*9223372036854775807\r\n":       ErrReply,
		"#x\r\n":                         ErrReply,
		"_x\r\n":                         ErrReply,
		",x\r\n":                         ErrReply,
		"(\r\n":                          ErrReply,
		"(1x\r\n":                        ErrReply,
		"=2\r\nab\r\n":                   ErrReply,
		"=5\r\ntxt-a\r\n":                ErrReply,
		"|x\r\n":                         ErrReply,
		"|0\r\n|0\r\n:1\r\n":             ErrReply,
		"|1\r\n:1\r\n":                   io.ErrUnexpectedEOF,
		strings.Repeat("*1\r\n", 9):      ErrReply,
		"+" + strings.Repeat("x", 1<<21): ErrReply,
	}
}

func TestDecoderRefuses(t *testing.T) {
	limits := DecoderLimits{MaxBulk: 1 << 20, MaxElems: 1 << 12, MaxDepth: 8}
	for in, want := range malformedReplies() {
		_, err := NewDecoder(strings.NewReader(in), limits).Decode()
		require.ErrorIs(t, err, want, "%.40q", in)
	}
}

func TestDecoderStreams(t *testing.T) {
	var in []byte
	for _, c := range scalarCases() {
		in = append(in, c.encode(3)...)
	}
	d := NewDecoder(iotest.OneByteReader(bytes.NewReader(in)), DefaultDecoderLimits())
	var v Value
	for range scalarCases() {
		require.NoError(t, d.DecodeInto(&v))
	}
	require.Equal(t, io.EOF, d.DecodeInto(&v))
}

func TestValueErr(t *testing.T) {
	v := decode(t, "-WRONGTYPE no\r\n")
	require.True(t, v.IsError())
	require.Equal(t, ServerError("WRONGTYPE no"), v.Err())
	require.EqualError(t, v.Err(), "WRONGTYPE no")
	v = decode(t, "+WRONGTYPE no\r\n")
	require.NoError(t, v.Err())
}

func TestDecodeIntoAllocatesNothing(t *testing.T) {
	in := AppendCommand(nil, "a", "list", "of", "strings")
	src := bytes.NewReader(nil)
	d := NewDecoder(src, DefaultDecoderLimits())
	var v Value
	read := func() {
		src.Reset(in)
		if err := d.DecodeInto(&v); err != nil {
			t.Error(err)
		}
	}
	read()
	require.Zero(t, testing.AllocsPerRun(100, read))
	require.Equal(t, "strings", v.Elems[3].String())
}

// node is a reply as a handler would write it, with the value a client of
// either protocol must get.
type node struct {
	write        func(r *Reply)
	resp2, resp3 Value
}

func scalarNode() *rapid.Generator[node] {
	bytesOf := rapid.SliceOfN(rapid.Byte(), 0, 40)
	return rapid.OneOf(
		rapid.Map(rapid.Int64(), func(n int64) node {
			v := Value{Type: TypeInt, Int: n}
			return node{func(r *Reply) { r.Int(n) }, v, v}
		}),
		rapid.Map(bytesOf, func(b []byte) node {
			v := Value{Type: TypeBulk, Str: b}
			return node{func(r *Reply) { r.Bulk(b) }, v, v}
		}),
		rapid.Map(bytesOf, func(b []byte) node {
			v := Value{Type: TypeBulk, Str: b}
			return node{func(r *Reply) { r.Ref(b) }, v, v}
		}),
		rapid.Map(rapid.Bool(), func(b bool) node {
			n := int64(0)
			if b {
				n = 1
			}
			return node{func(r *Reply) { r.Bool(b) }, Value{Type: TypeInt, Int: n}, Value{Type: TypeBool, Int: n}}
		}),
		rapid.Map(bytesOf, func(b []byte) node {
			resp3 := Value{Type: TypeVerbatim, Format: "mkd", Str: b}
			return node{func(r *Reply) { r.Verbatim("mkd", b) }, Value{Type: TypeBulk, Str: b}, resp3}
		}),
		rapid.Just(node{(*Reply).Null, Value{Type: TypeBulk, Null: true}, Value{Type: TypeNull, Null: true}}),
		rapid.Just(node{(*Reply).NullArray, Value{Type: TypeArray, Null: true}, Value{Type: TypeNull, Null: true}}),
	)
}

// treeNode draws a reply of at most depth aggregates inside one another.
func treeNode(depth int) *rapid.Generator[node] {
	if depth == 0 {
		return scalarNode()
	}
	return rapid.OneOf(scalarNode(), rapid.Custom(func(t *rapid.T) node {
		typ := rapid.SampledFrom([]Type{TypeArray, TypeMap, TypeSet, TypePush}).Draw(t, "type")
		elems := rapid.SliceOfN(treeNode(depth-1), 0, 12).Draw(t, "elements")
		if typ == TypeMap {
			elems = elems[:len(elems)/2*2]
		}
		n := node{resp2: Value{Type: TypeArray}, resp3: Value{Type: typ}}
		for _, e := range elems {
			n.resp2.Elems = append(n.resp2.Elems, e.resp2)
			n.resp3.Elems = append(n.resp3.Elems, e.resp3)
		}
		deferred := typ != TypePush && rapid.Bool().Draw(t, "deferred")
		n.write = func(r *Reply) { writeAggregate(r, typ, elems, deferred) }
		return n
	}))
}

func writeAggregate(r *Reply, typ Type, elems []node, deferred bool) {
	n := len(elems)
	if typ == TypeMap {
		n /= 2
	}
	at := 0
	if deferred {
		at = r.deferred(byte(typ))
	} else {
		r.aggregate(byte(typ), n)
	}
	for _, e := range elems {
		e.write(r)
	}
	if deferred {
		r.setLength(at, byte(typ), n)
	}
}

func TestReplyDecoderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := treeNode(3).Draw(t, "reply")
		for proto, want := range map[int]Value{2: n.resp2, 3: n.resp3} {
			var r Reply
			r.Reset(proto)
			n.write(&r)
			if len(r.Bytes()) != r.Len() {
				t.Fatalf("Len is %d of %d bytes", r.Len(), len(r.Bytes()))
			}
			got, err := NewDecoder(bytes.NewReader(r.Bytes()), DefaultDecoderLimits()).Decode()
			if err != nil || !sameValue(want, got) {
				t.Fatalf("RESP%d %q: %+v, %v", proto, r.Bytes(), got, err)
			}
			checkElements(t, &r, want)
		}
	})
}

// checkElements takes r apart and compares it with the value it must decode to.
func checkElements(t *rapid.T, r *Reply, want Value) {
	e := r.Elements(Mark{})
	if e.Len() != len(want.Elems) {
		t.Fatalf("%d elements, want %d", e.Len(), len(want.Elems))
	}
	for _, w := range want.Elems {
		from, to, _ := e.Next()
		part := r.AppendRange(nil, from, to)
		got, err := NewDecoder(bytes.NewReader(part), DefaultDecoderLimits()).Decode()
		if err != nil || !sameValue(w, got) {
			t.Fatalf("element %q: %+v, %v", part, got, err)
		}
	}
}

func TestAppendCommand(t *testing.T) {
	want := "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello, world\r\n"
	require.Equal(t, want, string(AppendCommand(nil, "SET", "k", "hello, world")))
	require.Equal(t, want, string(AppendCommand(nil, []byte("SET"), []byte("k"), []byte("hello, world"))))
	require.Equal(t, ping+ping, string(AppendCommand([]byte(ping), "PING")))
}
