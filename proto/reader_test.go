// Reader against a table whose outcomes were read off redis-server 7.0.15, each
// input whole, cut at every byte, and byte by byte; and against random commands
// in random cuts.

package proto

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// outcome is what a stream of bytes amounts to.
type outcome struct {
	cmds [][]string
	err  error
}

// pieces is a source that returns one piece a Read, then io.EOF.
type pieces struct{ rest [][]byte }

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.rest) > 0 && len(p.rest[0]) == 0 {
		p.rest = p.rest[1:]
	}
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[0])
	p.rest[0] = p.rest[0][n:]
	return n, nil
}

// readAll reads everything from src. between runs when Next has nothing left.
func readAll(r *Reader, l Limits, between func()) outcome {
	var o outcome
	for {
		var batch [][][]byte
		for {
			args, ok, err := r.Next(&l)
			if err != nil {
				o.err = err
			}
			if !ok {
				break
			}
			batch = append(batch, args)
		}
		// Copied only now: every command of a batch must have stayed valid.
		for _, args := range batch {
			cmd := make([]string, len(args))
			for i, arg := range args {
				cmd[i] = string(arg)
			}
			o.cmds = append(o.cmds, cmd)
		}
		if between != nil {
			between()
		}
		if o.err != nil || r.Fill() != nil {
			return o
		}
	}
}

func readPieces(l Limits, rest ...[]byte) outcome {
	return readAll(NewReader(&pieces{rest}), l, nil)
}

// cut splits data into pieces of the sizes given, over and over.
func cut(data []byte, sizes []int) (parts [][]byte) {
	for i := 0; len(data) > 0; i++ {
		n := min(max(sizes[i%len(sizes)], 1), len(data))
		parts = append(parts, data[:n])
		data = data[n:]
	}
	return parts
}

func words(cmds ...string) (split [][]string) {
	for _, cmd := range cmds {
		split = append(split, strings.Split(cmd, "|"))
	}
	return split
}

const ping = "*1\r\n$4\r\nPING\r\n"

type readCase struct {
	name, in string
	cmds     [][]string
	err      error
}

func multibulkCases() []readCase {
	return []readCase{
		{"nothing", "", nil, nil},
		{"one", ping, words("PING"), nil},
		{"pipeline", ping + "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" + ping, words("PING", "GET|k", "PING"), nil},
		{"empty argument", "*2\r\n$0\r\n\r\n$1\r\na\r\n", words("|a"), nil},
		{"line ends in arguments", "*2\r\n$2\r\n\r\n\r\n$3\r\n*1\r\r\n", words("\r\n|*1\r"), nil},
		{"count 0", "*0\r\n" + ping, words("PING"), nil},
		{"count -1", "*-1\r\n" + ping, words("PING"), nil},
		{"count far below", "*-9999999999\r\n" + ping, words("PING"), nil},
		{"any byte after CR of count", "*1\rx$4\r\nPING\r\n", words("PING"), nil},
		{"any byte after CR of length", "*1\r\n$4\rxPINGab", words("PING"), nil},
		{"any two bytes after argument", "*1\r\n$4\r\nPINGxx" + ping, words("PING", "PING"), nil},
		{"count without number", "*\r\n", nil, errCount},
		{"count of letters", ping + "*abc\r\n", words("PING"), errCount},
		{"count with plus", "*+1\r\n", nil, errCount},
		{"count with zero in front", "*01\r\n", nil, errCount},
		{"count of minus zero", "*-0\r\n", nil, errCount},
		{"count with space", "* 1\r\n", nil, errCount},
		{"greatest count", "*2147483647\r\n$x\r\n", nil, errBulk},
		{"count too great", "*2147483648\r\n", nil, errCount},
		{"count beyond 64 bits", "*99999999999999999999\r\n", nil, errCount},
		{"wrong count without LF", "*x\r", nil, nil},
		{"count ended by LF alone", "*1\n$4\nPING\n", nil, nil},
		{"NUL hides the end of count", "*1\x00\r\n$4\r\nPING\r\n", nil, nil},
		{"length without number", "*1\r\n$\r\n", nil, errBulk},
		{"length -1", "*1\r\n$-1\r\n", nil, errBulk},
		{"length with zero in front", "*1\r\n$04\r\n", nil, errBulk},
		{"length of letters", "*1\r\n$abc\r\n", nil, errBulk},
		{"greatest length", "*1\r\n$536870912\r\n", nil, nil},
		{"length too great", "*1\r\n$536870913\r\n", nil, errBulk},
		{"length beyond 64 bits", "*1\r\n$99999999999999999999\r\n", nil, errBulk},
	}
}

func expectedCases() []readCase {
	return []readCase{
		{"letter", "*1\r\nPING\r\n", nil, Error("expected '$', got 'P'")},
		{"after an argument", "*2\r\n$3\r\nGET\r\n:1\r\n", nil, Error("expected '$', got ':'")},
		{"wins over the number", "*1\r\n:abc\r\n", nil, Error("expected '$', got ':'")},
		{"CR", "*1\r\n\r\n", nil, Error("expected '$', got '\r'")},
		{"LF", "*1\r\n\n\r\n", nil, Error("expected '$', got '\n'")},
		{"quote", "*1\r\n'\r\n", nil, Error("expected '$', got '''")},
		{"control byte", "*1\r\n\x01\r\n", nil, Error("expected '$', got '\x01'")},
		{"byte above ASCII", "*1\r\n\xff\r\n", nil, Error("expected '$', got '\xff'")},
		{"waits for the line", "*1\r\nx", nil, nil},
		{"waits for the byte after CR", "*1\r\nx\r", nil, nil},
		{"NUL hides the line", "*1\r\n\x00x\r\n", nil, nil},
	}
}

func inlineCases() []readCase {
	return []readCase{
		{"CRLF", "PING\r\n", words("PING"), nil},
		{"LF", "PING\nPING\n", words("PING", "PING"), nil},
		{"two CR", "PING\r\r\n", words("PING"), nil},
		{"CR between words", "PI\rNG\r\n", words("PI|NG"), nil},
		{"empty lines", "\r\n\n  \r\nPING\r\n", words("PING"), nil},
		{"space of all kinds", " \v\fSET\t k \r\n", words("SET|k"), nil},
		{"VT within a word", "ECHO\va\r\n", words("ECHO\va"), nil},
		{"VT within a word with quotes", "\tECHO\v'a b'\t\r\n", words("ECHO\va b"), nil},
		{"bytes above ASCII", "ECHO a\x85b\xa0\r\n", words("ECHO|a\x85b\xa0"), nil},
		{"quotes", "SET \"a\\x00 \\n\" 'b\"\\''\r\n", words("SET|a\x00 \n|b\"'"), nil},
		{"space in front of a star", " *1\r\n$4\r\nPING\r\n", words("*1", "$4", "PING"), nil},
		{"before multibulk", "PING\r\n" + ping, words("PING", "PING"), nil},
		{"open quote", "PING\r\nGET \"a\r\n", words("PING"), errQuotes},
		{"quote inside a word", "GET \"a\"b\r\n", nil, errQuotes},
		{"NUL hides the end", "PING\x00\r\nPING\r\n", nil, nil},
	}
}

func TestReaderTable(t *testing.T) {
	for group, cases := range map[string][]readCase{
		"multibulk": multibulkCases(), "expected": expectedCases(), "inline": inlineCases(),
	} {
		for _, c := range cases {
			t.Run(group+"/"+c.name, func(t *testing.T) { checkCuts(t, DefaultLimits(), c) })
		}
	}
}

// checkCuts reads c whole, byte by byte, and cut in two at every place.
func checkCuts(t *testing.T, l Limits, c readCase) {
	want, in := outcome{c.cmds, c.err}, []byte(c.in)
	require.Equal(t, want, readPieces(l, in), "whole")
	require.Equal(t, want, readPieces(l, cut(in, []int{1})...), "byte by byte")
	r := NewReader(&pieces{cut(in, []int{1})})
	require.Equal(t, want, readAll(r, l, r.Release), "with Release")
	for i := range in {
		require.Equal(t, want, readPieces(l, in[:i], in[i:]), "cut at %d", i)
	}
}

func TestReaderBeforeAuth(t *testing.T) {
	l := DefaultLimits()
	l.Authenticated = false
	for _, c := range []readCase{
		{"ten arguments", "*10\r\n", nil, nil},
		{"eleven arguments", "PING\r\n*11\r\n", words("PING"), errUnauthCount},
		{"too many for anyone", "*2147483648\r\n", nil, errCount},
		{"16384 bytes", "*1\r\n$16384\r\n", nil, nil},
		{"16385 bytes", "*1\r\n$16385\r\n", nil, errUnauthBulk},
		{"too long for anyone", "*1\r\n$536870913\r\n", nil, errBulk},
	} {
		t.Run(c.name, func(t *testing.T) { checkCuts(t, l, c) })
	}
}

func TestReaderLongLines(t *testing.T) {
	ones := strings.Repeat("1", maxLine+1)
	for _, c := range []readCase{
		{"count, longest", "*" + ones[:maxLine-1], nil, nil},
		{"count, too long", "*" + ones[:maxLine], nil, errBigCount},
		{"count, too long and ended", "*" + ones[:maxLine] + "\r\n", nil, errBigCount},
		{"count, longest and ended", "*" + ones[:maxLine-1] + "\r\n", nil, errCount},
		{"length, longest", "*1\r\n$" + ones[:maxLine-1], nil, nil},
		{"length, too long", "*1\r\n$" + ones[:maxLine], nil, errBigBulkCount},
		{"length without dollar", "*1\r\nx" + ones[:maxLine], nil, errBigBulkCount},
		{"length hidden by NUL", "*1\r\n$4\x00\r\n" + ones, nil, errBigBulkCount},
		{"inline, longest", "ECHO " + ones[:maxLine-5] + "\n", words("ECHO|" + ones[:maxLine-5]), nil},
		{"inline, longest with CR", "ECHO " + ones[:maxLine-6] + "\r\n", words("ECHO|" + ones[:maxLine-6]), nil},
		{"inline, open", ones[:maxLine], nil, nil},
		{"inline, too long", ones, nil, errBigInline},
		{"inline, too long and ended", ones + "\n", nil, errBigInline},
		{"inline, hidden by NUL", "PING\x00\n" + strings.Repeat("PING\n", maxLine/5), nil, errBigInline},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1 << 20, 16 << 10, 4096, 4095, 1000, 13} {
				got := readPieces(DefaultLimits(), cut([]byte(c.in), []int{size})...)
				require.Equal(t, outcome{c.cmds, c.err}, got, "pieces of %d", size)
			}
		})
	}
}

func TestReaderQueryLimit(t *testing.T) {
	set := string(AppendCommand(nil, "SET", "k", strings.Repeat("v", 100)))
	big := string(AppendCommand(nil, "SET", "k", strings.Repeat("v", BigArg)))
	for _, c := range []struct {
		name, in string
		limit    int
		cmds     int
		err      error
	}{
		{"fits", set + set, len(set), 2, nil},
		{"one byte over", ping + set, len(set) - 1, 1, ErrQueryLimit},
		{"incomplete and over", set[:80], 79, 0, ErrQueryLimit},
		{"incomplete and at it", set[:80], 80, 0, nil},
		{"error after it", set[:40] + "*x\r\n", 40, 0, ErrQueryLimit},
		{"error within it", "*1\r\n$x\r\n" + set, 9, 0, errBulk},
		{"big argument fits", big + big, len(big), 2, nil},
		{"big argument, one byte over", big, len(big) - 1, 0, ErrQueryLimit},
		{"big argument, over in the middle", big, BigArg / 2, 0, ErrQueryLimit},
		{"inline", "PING\r\n" + strings.Repeat("a", 100), 50, 1, ErrQueryLimit},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := DefaultLimits()
			l.MaxQuery = int64(c.limit)
			for _, size := range []int{1 << 20, 1000, 7, 1} {
				got := readPieces(l, cut([]byte(c.in), []int{size})...)
				require.Equal(t, c.err, got.err)
				require.Len(t, got.cmds, c.cmds)
			}
		})
	}
}

func TestReaderQueryLimitLowered(t *testing.T) {
	for _, in := range []string{"*2\r\n$3\r\nGET\r\n$100\r\n", "an inline command", "*2\r\n$32768\r\n" + ping} {
		l := DefaultLimits()
		r := NewReader(&pieces{[][]byte{[]byte(in), []byte("more")}})
		require.NoError(t, r.Fill())
		_, ok, err := r.Next(&l)
		require.False(t, ok)
		require.NoError(t, err)
		for _, limit := range []int64{10, 0} {
			l.MaxQuery = limit
			_, ok, err = r.Next(&l)
			require.False(t, ok)
			require.Equal(t, ErrQueryLimit, err)
		}
	}
}

// commands draws commands whose arguments are of all the sizes that matter.
func commands() *rapid.Generator[[][]string] {
	size := rapid.OneOf(
		rapid.IntRange(0, 20),
		rapid.IntRange(0, 5000),
		rapid.SampledFrom([]int{BigArg - 1, BigArg, BigArg + 1, smallBuffer, 60_000, largeBuffer, 2 * largeBuffer}),
	)
	arg := rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat(rapid.StringN(1, 1, 1).Draw(t, "fill"), size.Draw(t, "size"))
	})
	return rapid.SliceOfN(rapid.SliceOfN(arg, 1, 5), 1, 4)
}

func TestReaderRandomCommandsAndCuts(t *testing.T) {
	pool := new(Pool)
	rapid.Check(t, func(t *rapid.T) {
		cmds := commands().Draw(t, "commands")
		var in []byte
		for _, cmd := range cmds {
			in = AppendCommand(in, cmd...)
		}
		piece := rapid.OneOf(rapid.IntRange(1, 40_000), rapid.IntRange(1000, 200_000))
		sizes := rapid.SliceOfN(piece, 1, 6).Draw(t, "sizes")
		r := pool.NewReader(&pieces{cut(in, sizes)})
		between := func() {}
		if rapid.Bool().Draw(t, "release") {
			between = r.Release
		}
		if got := readAll(r, DefaultLimits(), between); got.err != nil || !equalCommands(cmds, got.cmds) {
			t.Fatalf("read %d commands, error %v", len(got.cmds), got.err)
		}
		if !r.Idle() {
			t.Fatalf("%d bytes left over", r.Buffered())
		}
	})
}

func equalCommands(a, b [][]string) bool {
	return slices.EqualFunc(a, b, slices.Equal[[]string])
}

func TestReaderManyArguments(t *testing.T) {
	args := make([]string, 50_000)
	for i := range args {
		args[i] = fmt.Sprint("key:", i)
	}
	in := AppendCommand(AppendCommand(nil, args...), "PING")
	got := readPieces(DefaultLimits(), cut(in, []int{100_000, 5, 3000})...)
	require.NoError(t, got.err)
	require.Equal(t, [][]string{args, {"PING"}}, got.cmds)
}

func TestReaderOwned(t *testing.T) {
	l := DefaultLimits()
	small, big := strings.Repeat("s", BigArg-1), strings.Repeat("b", BigArg)
	in := AppendCommand(nil, "MSET", "a", big, "b", small, "c", big+"x")
	in = AppendCommand(in, "GET", "a")
	r := NewReader(bytes.NewReader(in))
	args := nextFilled(t, r, &l)
	for i, want := range []bool{false, false, true, false, false, false, true, false} {
		require.Equal(t, want, r.Owned(i), "argument %d", i)
	}
	require.Equal(t, BigArg, cap(args[2]), "an own allocation is exact")
	require.Equal(t, BigArg+1, cap(args[6]))
	kept := args[2]
	nextFilled(t, r, &l)
	require.False(t, r.Owned(1))
	require.ErrorIs(t, r.Fill(), io.EOF)
	require.Equal(t, big, string(kept), "what is owned outlives Fill")
}

// nextFilled fills until a command is whole.
func nextFilled(t *testing.T, r *Reader, l *Limits) [][]byte {
	t.Helper()
	for {
		args, ok, err := r.Next(l)
		require.NoError(t, err)
		if ok {
			return args
		}
		require.NoError(t, r.Fill())
	}
}

func TestReaderViewsCannotGrowIntoTheBuffer(t *testing.T) {
	l := DefaultLimits()
	r := NewReader(strings.NewReader("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nECHO a\r\n"))
	args := nextFilled(t, r, &l)
	require.Equal(t, 3, cap(args[0]))
	require.Equal(t, 2, cap(args))
	_ = append(args[1], "overwritten"...)
	require.Equal(t, "ECHO", string(nextFilled(t, r, &l)[0]))
}

func TestReaderClaimsAllocateNothing(t *testing.T) {
	l := DefaultLimits()
	r := NewReader(&pieces{[][]byte{[]byte("*2147483647\r\n$536870912\r\nabc")}})
	require.NoError(t, r.Fill())
	_, ok, err := r.Next(&l)
	require.False(t, ok)
	require.NoError(t, err)
	require.Less(t, r.Footprint(), 2*trustedBulk)
}

func TestReaderGrowsWithWhatArrives(t *testing.T) {
	l := DefaultLimits()
	value := bytes.Repeat([]byte("0123456789abcde\n"), 5*trustedBulk/16+1)
	in := AppendCommand(nil, []byte("SET"), []byte("k"), value)
	r := NewReader(&pieces{cut(in, []int{300_000})})
	args := nextFilled(t, r, &l)
	require.True(t, bytes.Equal(value, args[2]))
	require.True(t, r.Owned(2))
	require.Equal(t, len(value), cap(args[2]))
}

func TestReaderErrorsAreFinal(t *testing.T) {
	l := DefaultLimits()
	r := NewReader(strings.NewReader("*x\r\n" + ping))
	require.NoError(t, r.Fill())
	for range 3 {
		_, ok, err := r.Next(&l)
		require.False(t, ok)
		require.Equal(t, errCount, err)
		require.EqualError(t, err, "Protocol error: invalid multibulk length")
	}
}

// The replies to protocol errors, as redis-server 7.0.15 sent them.
func TestErrorReplies(t *testing.T) {
	for err, want := range map[Error]string{
		errBigInline:      "-ERR Protocol error: too big inline request\r\n",
		errQuotes:         "-ERR Protocol error: unbalanced quotes in request\r\n",
		errBigCount:       "-ERR Protocol error: too big mbulk count string\r\n",
		errCount:          "-ERR Protocol error: invalid multibulk length\r\n",
		errUnauthCount:    "-ERR Protocol error: unauthenticated multibulk length\r\n",
		errBigBulkCount:   "-ERR Protocol error: too big bulk count string\r\n",
		errBulk:           "-ERR Protocol error: invalid bulk length\r\n",
		errUnauthBulk:     "-ERR Protocol error: unauthenticated bulk length\r\n",
		errExpected('P'):  "-ERR Protocol error: expected '$', got 'P'\r\n",
		errExpected('\''): "-ERR Protocol error: expected '$', got '''\r\n",
		errExpected('\r'): "-ERR Protocol error: expected '$', got ' '\r\n",
		errExpected('\n'): "-ERR Protocol error: expected '$', got ' '\r\n",
		errExpected(1):    "-ERR Protocol error: expected '$', got '\x01'\r\n",
		errExpected(0xff): "-ERR Protocol error: expected '$', got '\xff'\r\n",
	} {
		var r Reply
		r.Reset(2)
		r.Error("ERR " + err.Error())
		require.Equal(t, want, string(r.Bytes()))
	}
}

// failing returns an error together with its last bytes, then others.
type failing struct {
	data []byte
	errs []error
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.data)
	f.data = f.data[n:]
	if len(f.data) > 0 {
		return n, nil
	}
	err := f.errs[0]
	f.errs = f.errs[1:]
	return n, err
}

func TestReaderSourceErrors(t *testing.T) {
	l := DefaultLimits()
	again, gone := errors.New("again"), errors.New("gone")
	r := NewReader(&failing{[]byte(ping + "*1"), []error{again, gone}})
	require.NoError(t, r.Fill(), "bytes come before their error")
	require.Equal(t, "PING", string(nextFilled(t, r, &l)[0]))
	require.Equal(t, again, r.Fill())
	require.Equal(t, 2, r.Buffered())
	require.Equal(t, gone, r.Fill())
}

func TestReaderRest(t *testing.T) {
	l := DefaultLimits()
	pool := new(Pool)
	in := bytes.Repeat([]byte(ping), 3*smallBuffer/len(ping))
	r := pool.NewReader(bytes.NewReader(append(in, "*1\r\n$"...)))
	rest := r.Footprint()
	for r.Fill() == nil {
		for ok := true; ok; {
			_, ok, _ = r.Next(&l)
		}
	}
	require.Greater(t, r.Footprint(), largeBuffer)
	r.Release()
	require.Equal(t, 5, r.Buffered())
	require.False(t, r.Idle())
	require.LessOrEqual(t, r.Footprint()-rest, keptSpill)
	require.Same(t, r.small, r.br)
}

func TestReaderFillWithAFullBuffer(t *testing.T) {
	in := bytes.Repeat([]byte("PING\r\n"), largeBuffer)
	r := NewReader(bytes.NewReader(in))
	for range 10 {
		require.NoError(t, r.Fill())
	}
	require.Equal(t, largeBuffer, r.Buffered())
	require.Len(t, readAll(r, DefaultLimits(), nil).cmds, largeBuffer)
}
