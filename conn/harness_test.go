// harness_test.go: a whole server behind real sockets, and a client that says exactly which bytes go when.

package conn

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"respite/command"
	"respite/config"
	"respite/shards"
)

// serverArgs are added to the command line of every server under test: another engine, for one.
var serverArgs = flag.String("server", "", "arguments of the servers under test")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testWait     = 2 * time.Minute // before a test gives up on a reply
	narrowBuffer = 256 << 10       // much less, and a loopback connection stalls
)

// journal is a log that tests read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// fixture is a running server.
type fixture struct {
	t      testing.TB
	server *Server
	group  *shards.Group
	exec   *command.Executor
	config *config.Config
	log    *journal
	addr   string
}

// newFixture starts a server with settings as on a command line, and stops it at the end of the test.
func newFixture(t testing.TB, args ...string) *fixture {
	t.Helper()
	f := &fixture{t: t, config: config.New(), log: &journal{}}
	require.NoError(t, f.config.Parse("", slices.Concat([]string{"--io-pollers", "2"}, strings.Fields(*serverArgs), args)))
	group := shards.New(shards.Options{Shards: 2, Queue: !f.config.Now().InlineRuns})
	group.Start()
	t.Cleanup(group.Close)
	log := slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	exec, err := command.NewExecutor(group, f.config, log, command.Hooks{})
	require.NoError(t, err)
	f.group, f.exec = group, exec
	f.server, err = NewServer(exec, f.config, log)
	require.NoError(t, err)
	t.Cleanup(func() { f.stop(testWait) })
	l, err := Listen("127.0.0.1", 0)
	require.NoError(t, err)
	f.serve(l, nil)
	return f
}

func (f *fixture) serve(l net.Listener, secure *tls.Config) {
	f.addr = l.Addr().String()
	f.server.Serve(l, secure)
}

func (f *fixture) stop(atMost time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	defer cancel()
	return f.server.Stop(ctx)
}

// feed is a listener of connections that a test makes up.
type feed struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newFeed() *feed { return &feed{conns: make(chan net.Conn), done: make(chan struct{})} }

func (l *feed) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *feed) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *feed) Addr() net.Addr { return &net.TCPAddr{} }

// client is one connection to a server.
type client struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

func (f *fixture) dial() *client {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	require.NoError(f.t, err)
	return f.client(c)
}

// narrow is a client that can hold few replies that it has not read.
func (f *fixture) narrow() *client {
	c := f.dial()
	require.NoError(f.t, c.Conn.(*net.TCPConn).SetReadBuffer(narrowBuffer))
	return c
}

func (f *fixture) client(c net.Conn) *client {
	f.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(testWait))
	return &client{Conn: c, t: f.t, in: bufio.NewReaderSize(c, 64<<10)}
}

// wrapped is a client whose server side is what wrap makes of a loopback connection.
func (f *fixture) wrapped(wrap func(net.Conn) net.Conn) *client {
	f.t.Helper()
	near, far := loopback(f.t)
	l := newFeed()
	f.server.Serve(l, nil)
	l.conns <- wrap(far)
	return f.client(near)
}

// loopback is a connected pair of TCP sockets.
func loopback(t testing.TB) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	near, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	far, err = l.Accept()
	require.NoError(t, err)
	return near, far
}

// request is a command in bytes.
func request(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// bulk is a bulk reply.
func bulk(s string) string { return "$" + strconv.Itoa(len(s)) + "\r\n" + s + "\r\n" }

func (c *client) send(s string) {
	c.t.Helper()
	_, err := io.WriteString(c.Conn, s)
	require.NoError(c.t, err)
}

// expect reads exactly this.
func (c *client) expect(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.in, got)
	require.NoError(c.t, err, "got %q", clip(string(got[:n])))
	if want != string(got) {
		require.Equal(c.t, clip(want), clip(string(got)))
		require.Fail(c.t, "long replies differ")
	}
}

func clip(s string) string { return s[:min(len(s), 300)] }

func (c *client) do(want string, args ...string) {
	c.t.Helper()
	c.send(request(args...))
	c.expect(want)
}

// line reads one line without its end.
func (c *client) line() string {
	c.t.Helper()
	s, err := c.in.ReadString('\n')
	require.NoError(c.t, err)
	return strings.TrimSuffix(s, "\r\n")
}

// rest reads up to the end of the connection, which must not be a reset.
func (c *client) rest() string {
	c.t.Helper()
	b, err := io.ReadAll(c.in)
	require.NoError(c.t, err, "after %d bytes", len(b))
	return string(b)
}

// cut waits for the connection to end, in whatever way.
func (c *client) cut() {
	c.t.Helper()
	_, err := io.Copy(io.Discard, c.in)
	require.False(c.t, isTimeout(err), "the connection did not end")
}

func (c *client) halfClose() {
	c.t.Helper()
	require.NoError(c.t, c.Conn.(interface{ CloseWrite() error }).CloseWrite())
}

// eventually waits for a condition.
func (f *fixture) eventually(ok func() bool, what string) {
	f.t.Helper()
	require.Eventually(f.t, ok, testWait, 5*time.Millisecond, what)
}

// inTime wants something to take less than a limit, at one of three tries: who waits for what he should not wait for takes longer
// every time, and on a busy machine anybody may once.
func inTime(t testing.TB, limit time.Duration, try func()) {
	t.Helper()
	var took time.Duration
	for range 3 {
		start := time.Now()
		try()
		if took = time.Since(start); took < limit {
			return
		}
	}
	require.Less(t, took, limit)
}

// only is the one connection that the server has.
func (f *fixture) only() *conn {
	f.t.Helper()
	all := f.server.all()
	require.Len(f.t, all, 1)
	return all[0]
}

// one waits for the server to have one connection.
func (f *fixture) one() *conn {
	f.t.Helper()
	f.eventually(func() bool { return len(f.server.all()) == 1 }, "one connection")
	return f.only()
}

// logs waits for the server to log something.
func (f *fixture) logs(text string) {
	f.t.Helper()
	f.eventually(func() bool { return strings.Contains(f.log.String(), text) }, text)
}
