// What the tests stand on: a real redis-server on a private port, a proxy that
// spoils its replies, and the check that no goroutine outlives a test.

package stress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"respite/proto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// redisServer is a real server that lives as long as its test.
type redisServer struct {
	addr string
	pid  int
}

// startRedis runs a real redis-server. A missing binary fails the test: the
// suites are worth nothing untested.
func startRedis(t *testing.T, args ...string) redisServer {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	require.NoError(t, err, "these tests need a real redis-server: install the package redis-server")
	port := freePort(t)
	args = append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)
	cmd := exec.Command(bin, args...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s := redisServer{addr: "127.0.0.1:" + port, pid: cmd.Process.Pid}
	require.Eventually(t, func() bool { return listens(s.addr) }, time.Minute, 10*time.Millisecond)
	return s
}

func listens(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// testOptions are options with loads that suit a test. Whether a server is quick is not for a test to say, which may get a tenth of
// a processor: bounds of time are out of reach, and the tests that have one missed set it.
func testOptions(addr string) Options {
	o := DefaultOptions()
	o.Addr = addr
	o.Duration = time.Second
	o.Timeout = time.Minute
	o.Seed = 1
	o.Settle = 10 * time.Millisecond
	o.Idle = 10 * time.Millisecond
	o.Lead = time.Second
	o.MinCommands = 1
	o.MaxGrowthSettle = time.Minute
	o.MaxLatency, o.MaxP999 = time.Hour, time.Hour
	return o
}

// execute runs suites and returns their report.
func execute(t *testing.T, o Options, names string) *Report {
	t.Helper()
	suites, err := selectSuites(names)
	require.NoError(t, err)
	rep, err := Execute(context.Background(), o, suites, io.Discard, false)
	require.NoError(t, err)
	return rep
}

// result finds one check of a report by its name.
func result(t *testing.T, rep *Report, name string) Check {
	t.Helper()
	for _, s := range rep.Suites {
		for _, c := range s.Checks {
			if c.Name == name {
				return c
			}
		}
	}
	require.Failf(t, "no such check", "%q in %s", name, page(t, rep))
	return Check{}
}

// fault changes the reply to a command; replies come by one at a time for one
// connection, but from many connections at once.
type fault func(args []string, reply proto.Value) proto.Value

// spoil starts a proxy in front of a server whose replies pass through f, and
// returns its address. With forgiving set it answers malformed frames with an
// error but, wrongly, goes on listening.
func spoil(t *testing.T, backend string, forgiving bool, f fault) string {
	t.Helper()
	return startProxy(t, &proxy{backend: backend, forgiving: forgiving, fault: f})
}

func startProxy(t *testing.T, p *proxy) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var accepting sync.WaitGroup
	accepting.Go(func() { p.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		accepting.Wait()
		p.conns.Wait()
	})
	return l.Addr().String()
}

type proxy struct {
	backend   string
	forgiving bool
	fault     fault
	conns     sync.WaitGroup

	stallAfter int             // requests of one connection, after which it is not read any more
	release    <-chan struct{} // ends the stall
}

func (p *proxy) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		p.conns.Go(func() { p.serve(conn) })
	}
}

// serve passes requests on and replies back until one side ends.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.backend)
	if err != nil {
		return
	}
	defer server.Close()
	asked := newQueue()
	var replies sync.WaitGroup
	replies.Go(func() {
		p.answer(client, server, asked)
		_ = client.Close()
	})
	p.forward(client, server, asked)
	asked.close()
	_ = server.(*net.TCPConn).CloseWrite()
	replies.Wait()
}

func (p *proxy) forward(client, server net.Conn, asked *queue) {
	requests := proto.NewDecoder(client, proto.DefaultDecoderLimits())
	var out []byte
	for n := 1; ; n++ {
		if n == p.stallAfter {
			<-p.release
			return
		}
		v, err := requests.Decode()
		args, isCommand := strs(v)
		switch {
		case err == nil && isCommand:
		case err != nil && !errors.Is(err, proto.ErrReply):
			return
		case p.forgiving:
			_, _ = client.Write([]byte("-ERR Protocol error: never mind\r\n"))
			requests = proto.NewDecoder(client, proto.DefaultDecoderLimits())
			continue
		default:
			asked.put(nil)
			_, _ = server.Write(append(out, "*1\r\n$abc\r\n"...))
			return
		}
		asked.put(args)
		out = proto.AppendCommand(out, args...)
		if requests.Buffered() > 0 && len(out) < writeChunk {
			continue
		}
		if _, err := server.Write(out); err != nil {
			return
		}
		out = out[:0]
	}
}

// strs turns a request into its arguments, which must all be bulk strings.
func strs(v proto.Value) (args []string, ok bool) {
	for _, e := range v.Elems {
		if e.Type != proto.TypeBulk {
			return nil, false
		}
		args = append(args, string(e.Str))
	}
	return args, v.Type == proto.TypeArray
}

func (p *proxy) answer(client, server net.Conn, asked *queue) {
	replies := proto.NewDecoder(server, proto.DefaultDecoderLimits())
	var out []byte
	for {
		args, ok := asked.take()
		if !ok {
			return
		}
		v, err := replies.Decode()
		if err != nil {
			return
		}
		out = encode(out, p.fault(args, v))
		if len(args) > 0 && args[0] == "QUIT" {
			_, _ = client.Write(out)
			return
		}
		if replies.Buffered() > 0 && len(out) < writeChunk {
			continue
		}
		if _, err := client.Write(out); err != nil {
			return
		}
		out = out[:0]
	}
}

// queue holds the requests whose replies are still to come. It has no bound,
// because a client may send everything before it reads anything.
type queue struct {
	mu     sync.Mutex
	ready  *sync.Cond
	items  [][]string
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.ready = sync.NewCond(&q.mu)
	return q
}

func (q *queue) put(args []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, args)
	q.ready.Signal()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Signal()
}

// take waits for the next request; false means that there will be none.
func (q *queue) take() ([]string, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.ready.Wait()
	}
	if len(q.items) == 0 {
		return nil, false
	}
	args := q.items[0]
	q.items = q.items[1:]
	return args, true
}

// encode turns a RESP2 value back into bytes.
func encode(dst []byte, v proto.Value) []byte {
	switch {
	case v.Null:
		return append(dst, "$-1\r\n"...)
	case v.Type == proto.TypeInt:
		return fmt.Appendf(dst, ":%d\r\n", v.Int)
	case v.Type == proto.TypeBulk:
		return fmt.Appendf(dst, "$%d\r\n%s\r\n", len(v.Str), v.Str)
	case v.Type == proto.TypeArray:
		dst = fmt.Appendf(dst, "*%d\r\n", len(v.Elems))
		for _, e := range v.Elems {
			dst = encode(dst, e)
		}
		return dst
	}
	return fmt.Appendf(dst, "%c%s\r\n", v.Type, v.Str)
}
