package oracle

// The machinery tested on itself: a real server on both sides shows no difference,
// and a proxy that corrupts one kind of reply is found and its stream shrunk.

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const transcripts = "../command/testdata"

func TestTwoRealServersDoNotDiffer(t *testing.T) {
	t.Parallel()
	Differential(t, transcripts, Real(Start(t).Dial), Real(Start(t).Dial))
}

func TestRandomOnTwoRealServers(t *testing.T) {
	t.Parallel()
	RunRandom(t, Real(Start(t).Dial), Real(Start(t).Dial), 1, 20_000)
}

// lyingProxy forwards one connection at a time, command by command, and adds one to
// every integer reply of the command that it lies about.
type lyingProxy struct {
	server *Server
	about  string
}

func startProxy(t *testing.T, server *Server, about string) Dialer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := lyingProxy{server: server, about: about}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
}

func (p lyingProxy) serve(client net.Conn) {
	defer client.Close()
	upstream, err := Connect(p.server.Dial, resp2)
	if err != nil {
		return
	}
	defer upstream.Close()
	in := bufio.NewReader(client)
	for {
		command, err := ReadValue(in)
		if err != nil {
			return
		}
		args := make([]string, len(command.Elems))
		for i, elem := range command.Elems {
			args[i] = elem.Text
		}
		reply, err := upstream.Do(args...)
		if err != nil {
			return
		}
		if n, ok := reply.Int(); ok && n > 0 && strings.EqualFold(args[0], p.about) {
			reply.Text = strconv.FormatInt(n+1, 10)
		}
		if _, err := client.Write(reply.Append(nil)); err != nil {
			return
		}
	}
}

func TestLieIsFoundInTranscripts(t *testing.T) {
	honest := Start(t)
	lying := startProxy(t, Start(t), "STRLEN")
	blocks, err := Parse("> SET k v\n+OK\n> STRLEN k\n:1\n")
	require.NoError(t, err)

	require.NoError(t, againstWritten(blocks[0], Ours(honest.Dial), resp2))
	require.NoError(t, againstEachOther(blocks[0], Ours(honest.Dial), Real(honest.Dial), resp3))
	require.ErrorContains(t, againstWritten(blocks[0], Ours(lying), resp2), "line 3: > STRLEN k: replies differ\nwritten:\n:1\ngot:\n:2")
	require.ErrorContains(t, againstEachOther(blocks[0], Ours(lying), Real(honest.Dial), resp3), "first:\n:2\nsecond:\n:1")
}

// failure records what a test would have failed with.
type failure struct {
	testing.TB
	text string
}

func (f *failure) Helper()             {}
func (f *failure) Logf(string, ...any) {}
func (f *failure) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(f)
}

func TestLieIsFoundAndShrunk(t *testing.T) {
	t.Parallel()
	f := &failure{TB: t}
	lying := startProxy(t, Start(t), "STRLEN")
	require.PanicsWithValue(t, f, func() {
		// both are the oracle, so tables on which the target differs from it are left out
		RunRandom(f, Ours(lying), Real(Start(t).Dial), 7, 5_000, connectionTable(), stringTable(), keysTable())
	})
	require.Contains(t, f.text, "seed 7")
	require.Contains(t, f.text, "shrunk to 2 commands")
	t.Log(f.text)
}

func TestDeadServerIsReported(t *testing.T) {
	f := &failure{TB: t}
	deadly := Table{Name: "deadly", Forms: []Form{{50, "PING"}, {1, "SHUTDOWN NOSAVE"}}}
	require.PanicsWithValue(t, f, func() {
		RunRandom(f, Ours(Start(t).Dial), Real(Start(t).Dial), 1, 1_000, deadly)
	})
	require.Contains(t, f.text, "a server is gone")
	require.Contains(t, f.text, "> SHUTDOWN NOSAVE\n")
}

func TestShrink(t *testing.T) {
	stream := make([]int, 1000)
	for i := range stream {
		stream[i] = i
	}
	needs := func(s []int) bool {
		found := 0
		for _, v := range s {
			if v == 17 || v == 500 || v == 999 {
				found++
			}
		}
		return found == 3
	}
	require.Equal(t, []int{17, 500, 999}, shrink(stream, needs))
}

func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", "*2\r\n$1\r\na\r\n:5\r\n", "%1\r\n+k\r\n_\r\n", "$-1\r\n", "*-1\r\n", "=8\r\ntxt:abcd\r\n", "$05\r\nhello\r\n", "*1\r\n", "+a\nb\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := ReadValue(bufio.NewReader(strings.NewReader(string(raw))))
		if err != nil {
			return
		}
		again := v.Append(nil)
		require.Equal(t, string(raw[:len(again)]), string(again), "the bytes are kept")
		parsed, n, err := ParseLines(v.Lines())
		require.NoError(t, err)
		require.Equal(t, len(v.Lines()), n)
		require.Equal(t, string(again), string(parsed.Append(nil)), "the lines are kept")
	})
}

func TestReadReplyErrors(t *testing.T) {
	for _, raw := range []string{"", "+OK", "+OK\n", "$3\r\nab\r\n", "$3\r\nabcde", "*2\r\n+a\r\n", "$01\r\na\r\n", "%-1\r\n", "?\r\n", "\r\n", "$9999999999\r\n"} {
		_, err := ReadReply(bufio.NewReader(strings.NewReader(raw)))
		require.Error(t, err, "%q", raw)
		require.Equal(t, raw == "", err == io.EOF, "%q: a close between replies is io.EOF, and nothing else is", raw)
	}
}

// Nobody is at the other end of a MIGRATE, whichever of its steps has found that.
func TestWhoCannotBeReached(t *testing.T) {
	args := []string{"MIGRATE", "127.0.0.1", "1", "k", "0", "1000"}
	reply := func(text string) Value { return Value{Kind: '-', Text: text} }
	connecting, writing := reply("IOERR error or timeout connecting to the client"), reply("IOERR error or timeout writing to target instance")
	require.True(t, agree(args, connecting, writing))
	require.False(t, agree(args, connecting, reply("ERR syntax error")))
	require.False(t, agree(args, Value{Kind: '+', Text: "NOKEY"}, writing))
}
