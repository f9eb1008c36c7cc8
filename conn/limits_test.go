package conn

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/config"
)

const overLimit = "scheduled to be closed ASAP for overcoming of output buffer limits"

func TestHardOutputLimit(t *testing.T) {
	f := newFixture(t, "--client-output-buffer-limit", "normal 4mb 0 0")
	f.dial().do("+OK\r\n", "SET", "k", strings.Repeat("x", 100_000))
	c := f.narrow()
	_, _ = c.Write([]byte(strings.Repeat(request("GET", "k"), 200))) // 20 MB
	f.logs(overLimit)
	c.cut()
	f.eventually(func() bool { return f.server.Open() == 1 }, "the client is cut")
	require.Equal(t, 1, strings.Count(f.log.String(), overLimit))
}

// What a client took no longer counts: one that reads may receive any amount.
func TestHardOutputLimitOfClientThatReads(t *testing.T) {
	f := newFixture(t, "--client-output-buffer-limit", "normal 4mb 0 0")
	body := strings.Repeat("x", 100_000)
	c := f.narrow()
	c.do("+OK\r\n", "SET", "k", body)
	for range 40 {
		c.send(strings.Repeat(request("GET", "k"), 20)) // 2 MB
		c.expect(strings.Repeat(bulk(body), 20))
	}
	require.NotContains(t, f.log.String(), overLimit)
}

// A client beyond the soft limit is cut though it asks for nothing more.
func TestSoftOutputLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--client-output-buffer-limit", "normal 0 1mb 1")
	f.dial().do("+OK\r\n", "SET", "k", strings.Repeat("x", 100_000))
	c := f.narrow()
	start := time.Now()
	c.send(strings.Repeat(request("GET", "k"), 200))
	f.logs(overLimit)
	require.GreaterOrEqual(t, time.Since(start), time.Second, "not before")
	f.eventually(func() bool { return f.server.Open() == 1 }, "the client is cut")
	c.cut()
}

// The feed of MONITOR counts like replies, whether it waits in the outbox or for the socket.
func TestOutputLimitOfPushes(t *testing.T) {
	f := newFixture(t, "--client-output-buffer-limit", "normal 2mb 0 0")
	m := f.narrow()
	m.do("+OK\r\n", "MONITOR")
	c := f.dial()
	for range 100 {
		c.do("+OK\r\n", "SET", "k", strings.Repeat("x", 100_000))
	}
	f.eventually(func() bool { return f.server.Open() == 1 }, "the monitor is cut")
	m.cut()
	require.Equal(t, 1, strings.Count(f.log.String(), overLimit))
	c.do("+PONG\r\n", "PING")
}

func TestQueryBufferLimit(t *testing.T) {
	f := newFixture(t, "--client-query-buffer-limit", "1mb")
	c := f.dial()
	_, _ = c.Write([]byte(request("PING") + request("SET", "k", strings.Repeat("x", 2<<20))))
	f.eventually(func() bool { return f.server.Open() == 0 }, "the client is cut")
	c.cut()
	require.Contains(t, f.log.String(), "Closing client that reached max query buffer length")
}

func TestMaxMemoryClientsEvictsTheLargest(t *testing.T) {
	f := newFixture(t, "--maxmemory-clients", "1mb")
	small, exempt, large := f.dial(), f.dial(), f.dial()
	small.do("+PONG\r\n", "PING")
	exempt.do("+OK\r\n", "CLIENT", "NO-EVICT", "ON")
	part := "*2\r\n$4\r\nECHO\r\n$700000\r\n" + strings.Repeat("x", 600_000) // a command that is not whole
	_, _ = exempt.Write([]byte(part))
	f.eventually(func() bool { return f.held() > 600_000 }, "one holds much, but not too much")
	_, _ = large.Write([]byte(part))
	f.eventually(func() bool { return f.server.Evicted.Load() == 1 }, "a client is evicted")
	large.cut()
	require.Contains(t, f.log.String(), "Evicting client")
	small.do("+PONG\r\n", "PING")
	// One that may not be evicted takes from the others: it counts like them.
	_, _ = exempt.Write([]byte(strings.Repeat("x", 100_000) + "\r\n*2\r\n$4\r\nECHO\r\n$4000000\r\n"))
	small.cut()
	_, _ = exempt.Write([]byte(strings.Repeat("x", 4_000_000) + "\r\n"))
	exempt.expect(bulk(strings.Repeat("x", 700_000)) + bulk(strings.Repeat("x", 4_000_000)))
}

// held is what all clients hold, in bytes.
func (f *fixture) held() (sum int64) {
	for _, c := range f.server.all() {
		sum += c.session.Memory()
	}
	return sum
}

// Clients go as soon as one holds too much, not when somebody next looks: before its command runs, or when a setting is lowered.
func TestMaxMemoryClientsIsKeptAtOnce(t *testing.T) {
	f := newFixture(t, "--maxmemory-clients", "1mb")
	a, b := f.dial(), f.dial()
	a.do("+PONG\r\n", "PING")
	_, _ = b.Write([]byte(request("SET", "k", strings.Repeat("x", 2<<20))))
	b.cut()
	a.do("$-1\r\n", "GET", "k")
	for range 4 {
		f.dial().send("*2\r\n$4\r\nECHO\r\n$200000\r\n" + strings.Repeat("x", 150_000))
	}
	held := func() (sum int64) {
		for _, c := range f.server.all() {
			sum += c.Memory()
		}
		return sum
	}
	f.eventually(func() bool { return held() > 800_000 }, "four clients hold much")
	require.EqualValues(t, 5, f.server.Open())
	require.NoError(t, f.config.Set(config.Pair{Name: "maxmemory-clients", Value: "500kb"}))
	f.server.LimitMemory(f.config.Now())
	f.eventually(func() bool { return f.server.Open() == 3 }, "two clients go")
	a.do("+PONG\r\n", "PING")
}

// The room that a long argument gets counts before the argument has come.
func TestMaxMemoryClientsCountsWhatIsAnnounced(t *testing.T) {
	const clients = 6
	inTime(t, clients*sweepInterval/2, func() { // not by the sweeper
		f := newFixture(t, "--maxmemory-clients", "1mb")
		for range clients {
			c := f.dial()
			c.send("*2\r\n$4\r\nECHO\r\n$2000000\r\nx")
			c.cut()
		}
		require.EqualValues(t, clients, f.server.Evicted.Load())
	})
}

// Subscriptions count.
func TestMaxMemoryClientsCountsSubscriptions(t *testing.T) {
	for _, subscribe := range []string{"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"} {
		f := newFixture(t, "--maxmemory-clients", "200000")
		c, words := f.dial(), []string{subscribe}
		for i := range 5000 {
			words = append(words, fmt.Sprint("c", i))
		}
		c.send(request(words...))
		c.cut()
		require.EqualValues(t, 1, f.server.Evicted.Load())
	}
}

// So do prefixes of keys that a client wants to hear of, however it collects them.
func TestMaxMemoryClientsCountsPrefixes(t *testing.T) {
	f := newFixture(t, "--maxmemory-clients", "200000")
	c := f.dial()
	for i := range 10 {
		c.do("+OK\r\n", "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", fmt.Sprintf("%04d", i))
	}
	words := []string{"CLIENT", "TRACKING", "ON", "BCAST"}
	for i := range 100 {
		words = append(words, "PREFIX", fmt.Sprintf("%04d", 100+i))
	}
	c.do("+OK\r\n", words...)
	many := f.held()
	c.do("+OK\r\n", "CLIENT", "TRACKING", "OFF")
	require.Greater(t, many-f.held(), int64(110*100))
	for i := range 1000 {
		words = append(words, "PREFIX", fmt.Sprintf("%04d", 1000+i))
	}
	c.send(request(words...))
	f.eventually(func() bool { return f.server.Evicted.Load() == 1 }, "the client is evicted")
	f.eventually(func() bool { return f.server.Open() == 0 }, "it goes")
}

// Invalidations count as output of the client that they are sent to.
func TestMaxMemoryClientsCountsInvalidations(t *testing.T) {
	f := newFixture(t, "--maxmemory-clients", "1mb")
	hears, c := f.narrow(), f.dial()
	hears.send(request("CLIENT", "ID"))
	id := strings.TrimPrefix(hears.line(), ":")
	hears.do("*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n", "SUBSCRIBE", "__redis__:invalidate")
	c.do("+OK\r\n", "CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST")
	key := strings.Repeat("k", 100_000)
	for i := 0; f.server.Evicted.Load() == 0; i++ {
		require.Less(t, i, 200, "20 MB wait")
		c.do(fmt.Sprintf(":%d\r\n", i+1), "INCR", key)
	}
	hears.cut()
	c.do("+PONG\r\n", "PING")
}

// The sweeper and connections may look for who holds too much at the same time: whoever goes is counted once.
func TestAnEvictedClientIsCountedOnce(t *testing.T) {
	f := newFixture(t)
	const clients = 20
	for range clients {
		f.dial().do("+PONG\r\n", "PING")
	}
	var looks sync.WaitGroup
	for range 8 {
		looks.Go(func() { f.server.evict(1) })
	}
	looks.Wait()
	require.EqualValues(t, clients, f.server.Evicted.Load())
	require.Equal(t, clients, strings.Count(f.log.String(), "Evicting client"))
}

// What a client does not read counts too.
func TestMaxMemoryClientsCountsOutput(t *testing.T) {
	f := newFixture(t, "--maxmemory-clients", "1mb")
	f.dial().do("+OK\r\n", "SET", "k", strings.Repeat("x", 100_000))
	c := f.narrow()
	_, _ = c.Write([]byte(strings.Repeat(request("GET", "k"), 200)))
	f.eventually(func() bool { return f.server.Evicted.Load() == 1 }, "the client is evicted")
	c.cut()
}

// Replies that are longer than the hard limit end a client that would read them: nothing of them is sent.
func TestHardOutputLimitOfReplies(t *testing.T) {
	f := newFixture(t, "--client-output-buffer-limit", "normal 100kb 0 0")
	c := f.dial()
	c.do(":100000\r\n", "SETRANGE", "k", "99999", "v")
	c.send(request("GET", "k"))
	require.Equal(t, "$100000", c.line(), "less than the limit")
	for _, line := range []string{request("GET", "k") + request("GET", "k"), request("SRANDMEMBER", "s", "-9999999")} {
		c = f.dial()
		c.do("+OK\r\n", "FLUSHALL")
		c.do(":100000\r\n", "SETRANGE", "k", "99999", "v")
		c.do(":1\r\n", "SADD", "s", strings.Repeat("m", 100))
		c.send(line)
		sent, _ := io.ReadAll(c.in)
		require.Empty(t, sent)
	}
	require.Contains(t, f.log.String(), overLimit)
}

// CLIENT LIST tells where the input is, and a client that announces much and falls silent gives the room back.
func TestClientListTellsOfBuffers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.dial()
	c.do("+OK\r\n", "CLIENT", "SETNAME", "big")
	c.send("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n" + strings.Repeat("x", 5_000))
	f.eventually(func() bool { return f.only().Memory() > 1_000_000 }, "there is room for the argument")
	require.Contains(t, f.only().session.Describe(), " qbuf=5000 ")
	require.Regexp(t, ` qbuf-free=99\d{4} `, f.only().session.Describe())
	require.Regexp(t, ` tot-mem=100\d{4} `, f.only().session.Describe())
	f.eventually(func() bool { return f.only().Memory() < 100_000 }, "the room is given back")
	c.send(strings.Repeat("y", 995_000) + "\r\n")
	c.expect("+OK\r\n")
	c.send(request("GET", "a"))
	c.expect(bulk(strings.Repeat("x", 5_000) + strings.Repeat("y", 995_000)))
}

func TestMaxClients(t *testing.T) {
	f := newFixture(t, "--maxclients", "2")
	a, b := f.dial(), f.dial()
	a.do("+PONG\r\n", "PING")
	b.do("+PONG\r\n", "PING")
	require.Equal(t, "-ERR max number of clients reached\r\n", f.dial().rest())
	require.EqualValues(t, 1, f.server.Rejected.Load())
	for range 50 { // a client that was told that it is out may come again at once
		b.do("+OK\r\n", "QUIT")
		require.Empty(t, b.rest())
		b = f.dial()
		b.do("+PONG\r\n", "PING")
	}
	f.server.LimitClients(1)
	require.Equal(t, "-ERR max number of clients reached\r\n", f.dial().rest())
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--timeout", "4") // longer than busy may be kept from being so
	idle, busy, monitor := f.dial(), f.dial(), f.dial()
	idle.do("+PONG\r\n", "PING")
	monitor.do("+OK\r\n", "MONITOR")
	start := time.Now()
	end := make(chan struct{})
	go func() {
		defer close(end)
		idle.cut()
	}()
	for open := true; open; {
		busy.do("+PONG\r\n", "PING")
		require.Contains(t, monitor.line(), `"PING"`)
		select {
		case <-end:
			open = false
		case <-time.After(20 * time.Millisecond):
		}
	}
	require.Greater(t, time.Since(start), 4*time.Second)
	require.EqualValues(t, 2, f.server.Open())
}

// A client that reads slowly is not idle.
func TestTimeoutOfSlowReader(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--timeout", "2")
	body := strings.Repeat("x", 100_000)
	c := f.narrow()
	c.do("+OK\r\n", "SET", "k", body)
	c.send(strings.Repeat(request("GET", "k"), 120))
	for range 120 {
		c.expect(bulk(body))
		time.Sleep(60 * time.Millisecond)
	}
}

// from is a connection that says that it comes from elsewhere.
type from struct {
	net.Conn
	addr net.Addr
}

func (c from) RemoteAddr() net.Addr { return c.addr }

func TestProtectedMode(t *testing.T) {
	far := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 1000}
	near := &net.TCPAddr{IP: net.ParseIP("::ffff:127.0.0.1"), Port: 1000}
	tests := []struct {
		name   string
		addr   net.Addr
		args   []string
		denied bool
	}{
		{"far", far, nil, true},
		{"unknown", nil, nil, true},
		{"loopback", near, nil, false},
		{"off", far, []string{"--protected-mode", "no"}, false},
		{"password", far, []string{"--requirepass", "secret"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.args...)
			c := f.wrapped(func(c net.Conn) net.Conn { return from{c, tt.addr} })
			if tt.denied {
				require.Equal(t, protectedModeText, c.rest())
				require.Zero(t, f.server.Open())
				return
			}
			c.send(request("QUIT"))
			require.Equal(t, "+OK\r\n", c.rest())
		})
	}
}

// shaky is a listener whose Accept fails now and then.
type shaky struct {
	net.Listener
	failures int
}

func (l *shaky) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, fmt.Errorf("too many open files")
	}
	return l.Listener.Accept()
}

func TestAcceptGoesOnAfterFailures(t *testing.T) {
	f := newFixture(t)
	l, err := Listen("127.0.0.1", 0)
	require.NoError(t, err)
	f.serve(&shaky{l, 3}, nil)
	f.dial().do("+PONG\r\n", "PING")
	require.Equal(t, 3, strings.Count(f.log.String(), "Accepting client connection failed"))
	broken, err := Listen("127.0.0.1", 0)
	require.NoError(t, err)
	f.server.Serve(&shaky{broken, 1 << 30}, nil)
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	require.NoError(t, f.stop(testWait))
	require.Less(t, time.Since(start), testWait/2)
}

func TestSettingsApplyToOpenConnections(t *testing.T) {
	f := newFixture(t)
	c := f.narrow()
	body := strings.Repeat("x", 100_000)
	c.do("+OK\r\n", "SET", "k", body)
	require.NoError(t, f.config.Set(config.Pair{Name: "client-output-buffer-limit", Value: "normal 1mb 0 0"}))
	_, _ = c.Write([]byte(strings.Repeat(request("GET", "k"), 200)))
	f.logs(overLimit)
	c.cut()
}

// What is queued in a transaction counts against the limit of the query buffer, as if it were in there still.
func TestQueuedCommandsCountAgainstTheQueryLimit(t *testing.T) {
	f := newFixture(t, "--client-query-buffer-limit", "1mb")
	c := f.dial()
	c.do("+OK\r\n", "MULTI")
	c.do("+QUEUED\r\n", "SET", "k", strings.Repeat("x", 700_000))
	c.do("+QUEUED\r\n", "GET", "k")
	_, _ = c.Write([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$700000\r\n" + strings.Repeat("x", 700_000) + "\r\n"))
	c.cut()
	require.Contains(t, f.log.String(), "max query buffer length")
}

func TestQueuedCommandsCountAgainstMaxMemoryClients(t *testing.T) {
	f := newFixture(t, "--maxmemory-clients", "1mb")
	c := f.dial()
	c.do("+OK\r\n", "MULTI")
	for range 2 {
		c.do("+QUEUED\r\n", "SET", "k", strings.Repeat("x", 300_000))
	}
	require.Zero(t, f.server.Evicted.Load())
	_, _ = fmt.Fprintf(c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$600000\r\n%s\r\n", strings.Repeat("x", 600_000))
	f.eventually(func() bool { return f.server.Evicted.Load() == 1 }, "the client is evicted")
	c.cut()
}
