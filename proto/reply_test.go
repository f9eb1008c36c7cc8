// Reply: the exact bytes of every method in both protocols, marks, references
// and deferred lengths.

package proto

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type replyCase struct {
	name         string
	write        func(r *Reply)
	resp2, resp3 string
}

func (c replyCase) encode(proto int) []byte {
	var r Reply
	r.Reset(proto)
	c.write(&r)
	return r.Bytes()
}

func scalarCases() []replyCase {
	same := func(name, want string, write func(r *Reply)) replyCase {
		return replyCase{name, write, want, want}
	}
	return []replyCase{
		same("OK", "+OK\r\n", (*Reply).OK),
		same("Simple", "+PONG\r\n", func(r *Reply) { r.Simple("PONG") }),
		same("Simple with line ends", "+a  b\r\n", func(r *Reply) { r.Simple("a\r\nb") }),
		same("Error", "-ERR syntax error\r\n", func(r *Reply) { r.Error("ERR syntax error") }),
		same("Error with line ends", "-ERR a  b c\r\n", func(r *Reply) { r.Error("ERR a\r\nb\nc\r\n") }),
		same("Error with raw bytes", "-ERR \x00\xff' '\r\n", func(r *Reply) { r.Error("ERR \x00\xff'\r'") }),
		same("Int 0", ":0\r\n", func(r *Reply) { r.Int(0) }),
		same("Int 9", ":9\r\n", func(r *Reply) { r.Int(9) }),
		same("Int 10", ":10\r\n", func(r *Reply) { r.Int(10) }),
		same("Int -1", ":-1\r\n", func(r *Reply) { r.Int(-1) }),
		same("Int max", ":9223372036854775807\r\n", func(r *Reply) { r.Int(math.MaxInt64) }),
		same("Int min", ":-9223372036854775808\r\n", func(r *Reply) { r.Int(math.MinInt64) }),
		same("Bulk", "$5\r\na\r\nb\x00\r\n", func(r *Reply) { r.Bulk([]byte("a\r\nb\x00")) }),
		same("Bulk empty", "$0\r\n\r\n", func(r *Reply) { r.Bulk(nil) }),
		same("Bulk long", "$1234\r\n"+strings.Repeat("x", 1234)+"\r\n", func(r *Reply) { r.Bulk(bytes.Repeat([]byte("x"), 1234)) }),
		same("BulkString", "$2\r\nhi\r\n", func(r *Reply) { r.BulkString("hi") }),
		same("BulkInt", "$20\r\n-9223372036854775808\r\n", func(r *Reply) { r.BulkInt(math.MinInt64) }),
		same("Ref", "$2\r\nhi\r\n", func(r *Reply) { r.Ref([]byte("hi")) }),
		same("Ref empty", "$0\r\n\r\n", func(r *Reply) { r.Ref(nil) }),
		same("Raw", ":1\r\n", func(r *Reply) { r.Raw([]byte(":1\r\n")) }),
		{"Null", (*Reply).Null, "$-1\r\n", "_\r\n"},
		{"NullArray", (*Reply).NullArray, "*-1\r\n", "_\r\n"},
		{"Bool true", func(r *Reply) { r.Bool(true) }, ":1\r\n", "#t\r\n"},
		{"Bool false", func(r *Reply) { r.Bool(false) }, ":0\r\n", "#f\r\n"},
		{"Double", func(r *Reply) { r.Double(1.5) }, "$3\r\n1.5\r\n", ",1.5\r\n"},
		{"Double integer", func(r *Reply) { r.Double(-3) }, "$2\r\n-3\r\n", ",-3\r\n"},
		{"Double inf", func(r *Reply) { r.Double(math.Inf(1)) }, "$3\r\ninf\r\n", ",inf\r\n"},
		{"Double -inf", func(r *Reply) { r.Double(math.Inf(-1)) }, "$4\r\n-inf\r\n", ",-inf\r\n"},
		{"Double nan", func(r *Reply) { r.Double(math.NaN()) }, "$3\r\nnan\r\n", ",nan\r\n"},
		{"DoubleText", func(r *Reply) { r.DoubleText([]byte("0.10")) }, "$4\r\n0.10\r\n", ",0.10\r\n"},
		{"BigNumber", func(r *Reply) { r.BigNumber("-12345678901234567890") }, "$21\r\n-12345678901234567890\r\n", "(-12345678901234567890\r\n"},
		{"Verbatim", func(r *Reply) { r.Verbatim("txt", []byte("a\nb")) }, "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n"},
	}
}

func aggregateCases() []replyCase {
	return []replyCase{
		{"Array", func(r *Reply) { r.Array(2); r.Int(1); r.Null() }, "*2\r\n:1\r\n$-1\r\n", "*2\r\n:1\r\n_\r\n"},
		{"Array empty", func(r *Reply) { r.Array(0) }, "*0\r\n", "*0\r\n"},
		{"Map", func(r *Reply) { r.Map(1); r.BulkString("k"); r.Int(1) }, "*2\r\n$1\r\nk\r\n:1\r\n", "%1\r\n$1\r\nk\r\n:1\r\n"},
		{"Set", func(r *Reply) { r.Set(1); r.Int(1) }, "*1\r\n:1\r\n", "~1\r\n:1\r\n"},
		{"Push", func(r *Reply) { r.Push(1); r.Int(1) }, "*1\r\n:1\r\n", ">1\r\n:1\r\n"},
		{"DeferArray", func(r *Reply) { at := r.DeferArray(); r.Int(7); r.SetArray(at, 1) }, "*1\r\n:7\r\n", "*1\r\n:7\r\n"},
		{"DeferMap", func(r *Reply) {
			at := r.DeferMap()
			for range 5 {
				r.Int(1)
				r.Int(2)
			}
			r.SetMap(at, 5)
		}, "*10\r\n" + strings.Repeat(":1\r\n:2\r\n", 5), "%5\r\n" + strings.Repeat(":1\r\n:2\r\n", 5)},
		{"DeferSet", func(r *Reply) { at := r.DeferSet(); r.SetSet(at, 0) }, "*0\r\n", "~0\r\n"},
		{"deferred around references", func(r *Reply) {
			r.Ref([]byte("before"))
			outer := r.DeferArray()
			inner := r.DeferArray()
			r.Ref([]byte("a"))
			r.Raw(bytes.Repeat([]byte(":1\r\n"), 99))
			r.Ref([]byte("b"))
			r.SetArray(inner, 101)
			r.Raw(bytes.Repeat([]byte(":2\r\n"), 9))
			r.SetArray(outer, 10)
			r.Ref([]byte("after"))
		}, deferredAroundRefs(), deferredAroundRefs()},
	}
}

func deferredAroundRefs() string {
	return "$6\r\nbefore\r\n*10\r\n*101\r\n$1\r\na\r\n" + strings.Repeat(":1\r\n", 99) +
		"$1\r\nb\r\n" + strings.Repeat(":2\r\n", 9) + "$5\r\nafter\r\n"
}

func replyCases() []replyCase { return append(scalarCases(), aggregateCases()...) }

func TestReplyBytes(t *testing.T) {
	for _, c := range replyCases() {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.resp2, string(c.encode(2)))
			require.Equal(t, c.resp3, string(c.encode(3)))
		})
	}
}

func TestReplyProto(t *testing.T) {
	var r Reply
	r.Reset(2)
	require.Equal(t, 2, r.Proto())
	r.Null()
	r.SetProto(3)
	require.Equal(t, 3, r.Proto())
	r.Null()
	require.Equal(t, "$-1\r\n_\r\n", string(r.Bytes()))
	r.Reset(3)
	require.Equal(t, 3, r.Proto())
	require.Zero(t, r.Len())
}

func TestReplyTruncate(t *testing.T) {
	var r Reply
	r.Reset(3)
	r.Ref([]byte("kept"))
	m := r.Mark()
	r.Array(2)
	r.Ref([]byte("half a reply"))
	require.Equal(t, len("$4\r\nkept\r\n*2\r\n$12\r\nhalf a reply\r\n"), r.Len())
	r.Truncate(m)
	r.Error("ERR no")
	require.Equal(t, "$4\r\nkept\r\n-ERR no\r\n", string(r.Bytes()))
	require.Equal(t, len(r.Bytes()), r.Len())
}

func TestReplyRanges(t *testing.T) {
	var r Reply
	r.Reset(2)
	marks := []Mark{r.Mark()}
	for _, write := range []func(){
		r.OK,
		func() { r.Ref([]byte("one")) },
		func() { r.Array(2); r.Ref([]byte("two")); r.Ref([]byte("three")) },
		func() {},
		func() { r.Int(5) },
	} {
		write()
		marks = append(marks, r.Mark())
	}
	want := []string{"+OK\r\n", "$3\r\none\r\n", "*2\r\n$3\r\ntwo\r\n$5\r\nthree\r\n", "", ":5\r\n"}
	for i := range marks {
		for j := i; j < len(marks); j++ {
			checkRange(t, &r, marks[i], marks[j], strings.Join(want[i:j], ""))
		}
	}
}

func checkRange(t *testing.T, r *Reply, from, to Mark, want string) {
	t.Helper()
	require.Equal(t, want, string(r.AppendRange(nil, from, to)))
	require.Equal(t, len(want), r.Size(from, to))
	var w bytes.Buffer
	n, err := r.WriteTo(&w, from, to)
	require.NoError(t, err)
	require.Equal(t, int64(len(want)), n)
	require.Equal(t, want, w.String())
	var dst Reply
	dst.Reset(2)
	dst.Ref([]byte("x"))
	dst.AppendFrom(r, from, to)
	require.Equal(t, "$1\r\nx\r\n"+want, string(dst.Bytes()))
	require.Equal(t, len(dst.Bytes()), dst.Len())
}

// closing is a writer that takes n bytes.
type closing struct{ n int }

func (c *closing) Write(p []byte) (int, error) {
	n := min(len(p), c.n)
	c.n -= n
	if n < len(p) {
		return n, errors.New("closed")
	}
	return n, nil
}

func TestReplyWriteToError(t *testing.T) {
	var r Reply
	r.Reset(2)
	r.Ref([]byte("0123456789"))
	n, err := r.WriteTo(&closing{n: 7}, Mark{}, r.Mark())
	require.EqualError(t, err, "closed")
	require.Equal(t, int64(7), n)
}

func TestReplyElements(t *testing.T) {
	for _, proto := range []int{2, 3} {
		var r Reply
		r.Reset(proto)
		r.Ref([]byte("in front"))
		from := r.Mark()
		want := writeElements(&r)
		r.OK()
		e := r.Elements(from)
		require.Equal(t, len(want), e.Len())
		for _, element := range want {
			from, to, ok := e.Next()
			require.True(t, ok)
			checkRange(t, &r, from, to, element)
		}
		last, _, ok := e.Next()
		require.False(t, ok)
		require.Equal(t, byte('+'), r.Type(last))
	}
}

// writeElements appends an array with an element of every kind and returns the
// elements' bytes.
func writeElements(r *Reply) (want []string) {
	kinds := append(replyCases(), replyCase{name: "nested", write: func(r *Reply) {
		r.Map(2)
		r.Ref([]byte("k"))
		r.Array(2)
		r.Null()
		r.Ref([]byte("v"))
		r.BulkString("l")
		r.Set(0)
	}}, replyCase{name: "error with NUL", write: func(r *Reply) { r.Error("ERR \x00") }})
	var one []replyCase
	for _, c := range kinds {
		// A case that writes several replies is no element.
		if c.name != "deferred around references" {
			one = append(one, c)
		}
	}
	r.Array(len(one))
	for _, c := range one {
		c.write(r)
		want = append(want, string(c.encode(r.Proto())))
	}
	return want
}

func TestReplyElementsOfOthers(t *testing.T) {
	var r Reply
	r.Reset(2)
	for _, write := range []func(){r.NullArray, r.Null, r.OK, func() { r.Int(1) }, func() { r.Array(0) }} {
		from := r.Mark()
		write()
		e := r.Elements(from)
		require.Zero(t, e.Len())
		_, _, ok := e.Next()
		require.False(t, ok)
	}
	require.Zero(t, r.Type(r.Mark()))
	e := r.Elements(r.Mark())
	require.Zero(t, e.Len())
}

func TestReplyParseInt(t *testing.T) {
	var r Reply
	r.Reset(2)
	for _, n := range []int64{0, 7, -1, 123456, math.MaxInt64, math.MinInt64} {
		from := r.Mark()
		r.Int(n)
		got, ok := r.ParseInt(from, r.Mark())
		require.True(t, ok)
		require.Equal(t, n, got)
	}
	for _, write := range []func(){r.OK, r.Null, func() { r.Ref([]byte(":1")) }, func() {}, func() { r.Error("E") }} {
		from := r.Mark()
		write()
		_, ok := r.ParseInt(from, r.Mark())
		require.False(t, ok)
	}
}

func TestReplyDrop(t *testing.T) {
	var r Reply
	r.Reset(2)
	r.Bulk(make([]byte, 100))
	r.Drop()
	require.Zero(t, r.Len())
	require.NotZero(t, cap(r.buf))
	r.Bulk(make([]byte, MaxKept))
	for range keptRefs + 1 {
		r.Ref([]byte("x"))
	}
	r.Drop()
	require.Zero(t, cap(r.buf))
	require.Zero(t, cap(r.refs))
	r.OK()
	require.Equal(t, "+OK\r\n", string(r.Bytes()))
}

func TestReplyLetsGoOfReferences(t *testing.T) {
	var r Reply
	r.Reset(2)
	r.Ref([]byte("x"))
	r.Reset(2)
	require.Nil(t, r.refs[:1][0].body)
}

func TestReplyAllocatesNothing(t *testing.T) {
	var r Reply
	value := []byte("a value of some bytes")
	write := func() {
		r.Reset(3)
		r.OK()
		r.Int(12345)
		r.Map(1)
		r.Bulk(value)
		r.Double(2.5)
		r.BulkInt(-99999)
		r.BulkString("x")
		r.BigNumber("123")
		first, at := r.DeferBulk(), r.DeferArray()
		for range 20 {
			r.Ref(value)
		}
		r.SetArray(at, 20)
		r.SetBulk(first, value[:3])
	}
	write()
	require.Zero(t, testing.AllocsPerRun(100, write))
}

func TestGrowKeepsTheReply(t *testing.T) {
	var r Reply
	r.Reset(2)
	r.Int(1)
	r.Grow(1 << 20)
	require.GreaterOrEqual(t, cap(r.buf), 1<<20)
	r.Int(2)
	require.Equal(t, ":1\r\n:2\r\n", string(r.Bytes()))
	r.Drop()
	require.Zero(t, cap(r.buf))
}

func TestReplyLendsLargeBuffers(t *testing.T) {
	var r Reply
	r.Reset(2)
	r.Bulk(make([]byte, 10))
	require.Nil(t, r.TakeLarge(), "it keeps what is small")
	require.Zero(t, r.Len())
	r.Bulk(make([]byte, MaxKept))
	buf := r.TakeLarge()
	require.Greater(t, cap(buf), MaxKept)
	require.Nil(t, r.TakeLarge())
	r.Lend(buf)
	r.Int(1)
	r.Lend(make([]byte, 2*cap(buf)))
	require.Equal(t, ":1\r\n", string(r.Bytes()), "a reply that has begun keeps its buffer")
	require.Equal(t, cap(buf), cap(r.TakeLarge()))
}

func TestGrowKeepsWhatThereIs(t *testing.T) {
	var r Reply
	r.Reset(2)
	body := bytes.Repeat([]byte("0123456789"), 3*moveStep/10)
	r.Bulk(body)
	want := bytes.Clone(r.Bytes())
	for _, n := range []int{0, 1, moveStep, 10 * moveStep} {
		r.Grow(n)
		require.GreaterOrEqual(t, r.Room(), n)
		require.Equal(t, want, r.Bytes())
	}
	before := &r.Bytes()[0]
	r.Grow(r.Room())
	require.Same(t, before, &r.Bytes()[0])
}

// A reply of unknown length that is moved as it grows, and once more for its header, is what its parts are.
func TestLongRepliesOfUnknownLength(t *testing.T) {
	var r Reply
	r.Reset(2)
	r.Int(7)
	first := r.DeferBulk()
	at, n, want := r.DeferArray(), 0, []byte(nil)
	for ; len(want) < 5*moveStep; n++ {
		body := []byte(strings.Repeat(strconv.Itoa(n), 1+n%200))
		if n%1000 == 0 {
			r.Ref(body)
		} else {
			r.Bulk(body)
		}
		want = fmt.Appendf(want, "$%d\r\n%s\r\n", len(body), body)
	}
	r.SetArray(at, n)
	r.SetBulk(first, []byte("1234567890"))
	var got bytes.Buffer
	_, err := r.WriteTo(&got, Mark{}, r.Mark())
	require.NoError(t, err)
	require.True(t, bytes.Equal(fmt.Appendf(nil, ":7\r\n$10\r\n1234567890\r\n*%d\r\n%s", n, want), got.Bytes()))
}
