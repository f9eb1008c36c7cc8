package conn

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPipelineSplitAtEveryByte(t *testing.T) {
	f := newFixture(t)
	pipeline := request("SET", "k", "v") + request("GET", "k") + "PING\r\n" + request("MGET", "k", "a", "b", "c") +
		"ECHO \"x y\"\r\n" + request("NOSUCH") + request("DEL", "k", "a") + request("GET", "k")
	want := "+OK\r\n" + bulk("v") + "+PONG\r\n" + "*4\r\n" + bulk("v") + "$-1\r\n$-1\r\n$-1\r\n" + bulk("x y") +
		"-ERR unknown command 'NOSUCH', with args beginning with: \r\n" + ":1\r\n$-1\r\n"
	c := f.dial()
	for i := 1; i < len(pipeline); i++ {
		c.send(pipeline[:i])
		if i%8 == 0 {
			time.Sleep(time.Millisecond) // so that some parts are read by themselves, whatever the machine does
		}
		c.send(pipeline[i:])
		c.expect(want)
	}
	for i := range pipeline {
		c.send(pipeline[i : i+1])
	}
	c.expect(want)
}

func TestManyCommandsBeforeTheFirstRead(t *testing.T) {
	const commands, size = 100_000, 1 << 10
	f := newFixture(t)
	body := strings.Repeat("x", size)
	c := f.dial()
	c.do("+OK\r\n", "SET", "k", body)
	c.send(strings.Repeat(request("GET", "k"), commands))
	one := bulk(body)
	for range commands {
		c.expect(one)
	}
	c.do("+PONG\r\n", "PING")
	f.eventually(func() bool { n, _ := f.only().out.size(); return n == 0 }, "all output is sent")
}

// Replies say in which order they were asked for, while the client reads only now and then.
func TestOrderOfRepliesOverPendingOutput(t *testing.T) {
	f := newFixture(t)
	c := f.dial()
	const commands, most = 3000, 12_000
	filler := strings.Repeat("y", most)
	done := make(chan error, 1)
	go func() {
		var b strings.Builder
		for i := range commands {
			b.WriteString(request("ECHO", fmt.Sprint(i, filler[:i*7%most])))
		}
		_, err := c.Write([]byte(b.String()))
		done <- err
	}()
	for i := range commands {
		c.expect(bulk(fmt.Sprint(i, filler[:i*7%most])))
		if i%500 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	require.NoError(t, <-done)
}

func TestLargeValues(t *testing.T) {
	f := newFixture(t)
	c := f.dial()
	for _, size := range []int{4 << 10, 32<<10 - 1, 32 << 10, 100_000, 8 << 20} {
		body := strings.Repeat("v", size)
		c.send(request("SET", "k", body) + request("GET", "k") + request("GET", "k"))
		c.expect("+OK\r\n" + bulk(body) + bulk(body))
	}
}

func TestHalfClosedClientGetsEveryReply(t *testing.T) {
	f := newFixture(t)
	body := strings.Repeat("x", 10_000)
	f.dial().do("+OK\r\n", "SET", "k", body)
	for _, commands := range []int{0, 1, 100, 1000} {
		t.Run(fmt.Sprint(commands), func(t *testing.T) {
			c := f.narrow()
			c.send(strings.Repeat(request("GET", "k"), commands) + "*1\r\n$4\r\nPI") // and half a command
			c.halfClose()
			time.Sleep(20 * time.Millisecond)
			require.Equal(t, strings.Repeat(bulk(body), commands), c.rest())
		})
	}
	f.eventually(func() bool { return f.server.Open() == 1 }, "only the first client is left")
}

// A client that has asked for its end, or broken the protocol, gets all replies, whatever it goes on to send.
func TestEndWithPendingOutput(t *testing.T) {
	f := newFixture(t)
	body := strings.Repeat("x", 10_000)
	f.dial().do("+OK\r\n", "SET", "k", body)
	tests := []struct{ name, last, want string }{
		{"quit", request("QUIT"), "+OK\r\n"},
		{"inline quit", "quit\r\n", "+OK\r\n"},
		{"count", "*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		{"bulk", "*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"no bulk", "*1\r\nPING\r\n", "-ERR Protocol error: expected '$', got 'P'\r\n"},
		{"quotes", "GET \"k\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"},
	}
	for _, tt := range tests {
		for _, commands := range []int{0, 1000} {
			t.Run(fmt.Sprint(tt.name, commands), func(t *testing.T) {
				c := f.narrow()
				done := make(chan struct{})
				go func() {
					defer close(done)
					gets := strings.Repeat(request("GET", "k"), commands)
					_, _ = c.Write([]byte(gets + tt.last + strings.Repeat(request("SET", "no", "no"), 5000)))
				}()
				time.Sleep(10 * time.Millisecond)
				require.Equal(t, strings.Repeat(bulk(body), commands)+tt.want, c.rest())
				_ = c.Close()
				<-done
			})
		}
	}
	f.dial().do("$-1\r\n", "GET", "no")
}

func TestUnixSocket(t *testing.T) {
	f := newFixture(t)
	path := filepath.Join(t.TempDir(), "s")
	l, err := ListenUnix(path, 0o700)
	require.NoError(t, err)
	f.serve(l, nil)
	raw, err := net.Dial("unix", path)
	require.NoError(t, err)
	c := f.client(raw)
	c.do("+PONG\r\n", "PING")
	remote, local := f.only().Addr()
	require.Equal(t, path+":0", remote)
	require.Equal(t, path+":0", local)
	require.True(t, f.only().Local())
	require.Positive(t, f.only().Descriptor())
	body := strings.Repeat("u", 10_000)
	c.do("+OK\r\n", "SET", "k", body)
	c.send(strings.Repeat(request("GET", "k"), 500) + request("QUIT") + request("PING"))
	require.Equal(t, strings.Repeat(bulk(body), 500)+"+OK\r\n", c.rest())
	_, err = ListenUnix(filepath.Join(path, "below"), 0)
	require.Error(t, err)
}

// A socket that a server left behind does not keep the next one from starting; another file does.
func TestStaleUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := ListenUnix(path, 0)
	require.NoError(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	l, err = ListenUnix(path, 0)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestListenAddresses(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "*", "localhost"} {
		l, err := Listen(host, 0)
		require.NoError(t, err, host)
		require.NoError(t, l.Close())
	}
	_, err := Listen("192.0.2.1", 0)
	require.ErrorContains(t, err, "listen on 192.0.2.1 port 0")
}

func TestBytesAreCounted(t *testing.T) {
	f := newFixture(t)
	c := f.dial()
	counted := func(in, out string) { // a reply may be there before it is counted
		f.eventually(func() bool {
			n := f.traffic()
			return n.InBytes == int64(len(in)) && n.OutBytes == int64(len(out))
		}, "bytes are counted")
	}
	c.do("+PONG\r\n", "PING")
	counted(request("PING"), "+PONG\r\n")
	body := strings.Repeat("x", 1<<20)
	c.do(bulk(body), "ECHO", body)
	counted(request("PING")+request("ECHO", body), "+PONG\r\n"+bulk(body))
	require.EqualValues(t, 1, f.server.Accepted.Load())
}

// A quiet connection gives back its large read buffer and says that nothing waits in it.
func TestQuietConnectionGivesItsBuffersBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.dial()
	small := int64(f.one().reader.Footprint())
	c.send(strings.Repeat(request("PING"), 20_000))
	c.expect(strings.Repeat("+PONG\r\n", 20_000))
	k := f.only()
	require.Greater(t, k.buffers.Load(), small)
	f.eventually(func() bool { return k.buffers.Load() == small }, "buffers are given back")
	f.eventually(func() bool { return f.server.Buffered() == small }, "the sum follows")
	in, out, chunks := k.Buffers()
	require.Zero(t, in)
	require.Zero(t, out)
	require.Zero(t, chunks)
	c.do("+PONG\r\n", "PING") // and it goes on
	c.send("*2\r\n$4\r\nECHO\r\n$100000\r\n" + strings.Repeat("z", 50_000))
	time.Sleep(2500 * time.Millisecond) // it falls quiet within a command
	c.send(strings.Repeat("z", 50_000) + "\r\n")
	c.expect(bulk(strings.Repeat("z", 100_000)))
}

func TestServeAfterStopClosesTheListener(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.server.Stop(context.Background()))
	require.NoError(t, f.server.Stop(context.Background()))
	l, err := Listen("127.0.0.1", 0)
	require.NoError(t, err)
	f.server.Serve(l, nil)
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}
