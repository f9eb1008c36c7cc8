package command

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/config"
	"respite/shards"
)

// clientsRig is a server without sockets.
type clientsRig struct {
	t    *testing.T
	exec *Executor
}

func newClientsRig(t *testing.T, directives ...string) *clientsRig {
	t.Helper()
	cfg := config.New()
	require.NoError(t, cfg.Parse("", directives))
	group := shards.New(shards.Options{Shards: 2, Databases: 16})
	exec, err := NewExecutor(group, cfg, slog.New(slog.DiscardHandler), Hooks{})
	require.NoError(t, err)
	group.Start()
	t.Cleanup(group.Close)
	return &clientsRig{t: t, exec: exec}
}

// testClient is a client and the connection that its session sees.
type testClient struct {
	t       *testing.T
	session *Session
	port    int
	mu      sync.Mutex
	pushed  bytes.Buffer
	killed  bool
}

func (r *clientsRig) connect() *testClient {
	c := &testClient{t: r.t, port: 40000 + int(r.exec.lastID.Load())}
	c.session = r.exec.NewSession(c)
	r.t.Cleanup(c.session.Close)
	return c
}

func (c *testClient) Post(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pushed.Write(b)
	return false
}

func (c *testClient) SendPushes() {}

func (c *testClient) PostPush(_, _, _ []byte) bool { return false }
func (c *testClient) HoldPushes(bool)              {}
func (c *testClient) Listen(bool)                  {}
func (c *testClient) Carry(Conn)                   {}

func (c *testClient) InsertPushes(*bufio.Writer) error { return nil }

func (c *testClient) Speak(int) {}

func (c *testClient) HungUp() bool { return false }

func (c *testClient) Yield() {}

func (c *testClient) Wait() {}

func (c *testClient) Resume() {}

func (c *testClient) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
}

func (c *testClient) Addr() (remote, local string) {
	return fmt.Sprintf("127.0.0.1:%d", c.port), "127.0.0.1:6379"
}

func (*testClient) Local() bool                  { return true }
func (*testClient) Buffers() (int64, int64, int) { return 0, 0, 0 }
func (*testClient) Memory() int64                { return 0 }
func (*testClient) Admit(int64) bool             { return true }
func (*testClient) Descriptor() int              { return 7 }

func (c *testClient) state() (pushed string, killed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pushed.String(), c.killed
}

// do sends commands, one a line with words between blanks, as one pipeline and returns the bytes of the replies.
func (c *testClient) do(lines ...string) string {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	for _, line := range lines {
		var args [][]byte
		for _, word := range strings.Fields(line) {
			args = append(args, []byte(strings.Trim(word, "'")))
		}
		if err := c.session.Do(args, w); err != nil || c.session.Closing() {
			break
		}
	}
	_ = c.session.Flush(w)
	_ = w.Flush()
	return out.String()
}

func refusal(e Error) string { return "-" + string(e) + "\r\n" }

func TestNamesAndReply(t *testing.T) {
	c := newClientsRig(t).connect()
	for _, tc := range []struct{ line, want string }{
		{"CLIENT GETNAME", "$-1\r\n"},
		{"CLIENT SETNAME me", "+OK\r\n"},
		{"CLIENT SETNAME é", refusal(errClientName)},
		{"CLIENT GETNAME", "$2\r\nme\r\n"},
		{"CLIENT SETINFO lib-name ioredis", "+OK\r\n"},
		{"CLIENT SETINFO Lib-Ver \x7f", "-ERR Lib-Ver cannot contain spaces, newlines or special characters.\r\n"},
		{"CLIENT SETINFO lib x", "-ERR Unrecognized option 'lib'\r\n"},
		{"CLIENT SETNAME ''", "+OK\r\n"},
		{"CLIENT GETNAME", "$-1\r\n"},
		{"CLIENT ID", ":1\r\n"},
		{"CLIENT REPLY SKIP", ""},
		{"PING", ""},
		{"PING", "+PONG\r\n"},
		{"CLIENT REPLY SKIP", ""},
		{"CLIENT REPLY ON", "+OK\r\n"},
		{"CLIENT REPLY OFF", ""},
		{"CLIENT REPLY SKIP", ""},
		{"NOSUCH", ""},
		{"CLIENT REPLY ON", "+OK\r\n"},
		{"CLIENT REPLY MAYBE", refusal(errSyntax)},
		{"SELECT 16", refusal(errDBIndex)},
		{"SELECT 3000000000", refusal(errIntRange)},
		{"SELECT 3", "+OK\r\n"},
		{"AUTH secret", refusal(errNoPass)},
		{"AUTH default anything", "+OK\r\n"},
		{"AUTH nobody anything", refusal(errWrongPass)},
		{"AUTH a b c", refusal(errSyntax)},
	} {
		require.Equal(t, tc.want, c.do(tc.line), tc.line)
	}
	require.Regexp(t, `^\$\d+\r\nid=1 addr=127.0.0.1:\d+ laddr=127.0.0.1:6379 fd=7 name= age=0 idle=0 flags=N db=3 .* `+
		`argv-mem=10 .* cmd=client\|info user=default redir=-1 resp=2 lib-name=ioredis lib-ver=\n\r\n$`, c.do("CLIENT INFO"))
}

func TestHelloIsAllOrNothing(t *testing.T) {
	r := newClientsRig(t, "--requirepass", "secret")
	for _, tc := range []struct{ line, want, name string }{
		{"HELLO x", refusal(errProtoNumber), "$-1\r\n"},
		{"HELLO 4", refusal(errNoProto), "$-1\r\n"},
		{"HELLO 3", refusal(errHelloNoAuth), "$-1\r\n"},
		{"HELLO 3 SETNAME a NOSUCH", "-ERR Syntax error in HELLO option 'NOSUCH'\r\n", "$-1\r\n"},
		{"HELLO 3 SETNAME a AUTH default wrong", refusal(errWrongPass), "$-1\r\n"},
		{"HELLO 3 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'\r\n", "$-1\r\n"},
		{"HELLO 3 AUTH default secret SETNAME é", refusal(errClientName), "$-1\r\n"},
	} {
		c := r.connect()
		require.Equal(t, tc.want, c.do(tc.line), tc.line)
		require.Equal(t, refusal(errNoAuth), c.do("CLIENT GETNAME"), tc.line)
		require.Equal(t, "+OK\r\n"+tc.name, c.do("AUTH secret", "CLIENT GETNAME"), tc.line)
	}
	c := r.connect()
	require.True(t, strings.HasPrefix(c.do("HELLO 3 SETNAME a AUTH default secret"), "%7\r\n$6\r\nserver\r\n"))
	require.Equal(t, "$1\r\na\r\n", c.do("CLIENT GETNAME"))
}

func TestResetTakesEverythingBack(t *testing.T) {
	r := newClientsRig(t, "--requirepass", "secret")
	c := r.connect()
	c.do("AUTH secret", "HELLO 3 SETNAME a", "SELECT 3", "CLIENT NO-TOUCH on", "CLIENT NO-EVICT on", "CLIENT SETINFO lib-name x",
		"MONITOR", "CLIENT REPLY OFF")
	require.Contains(t, c.session.Describe(), " name=a age=0 idle=0 flags=OeT db=3 ")
	require.Equal(t, "+RESET\r\n"+refusal(errNoAuth), c.do("RESET", "GET k"))
	require.Contains(t, c.session.Describe(), " name= age=0 idle=0 flags=N db=0 ")
	require.Contains(t, c.session.Describe(), " resp=2 lib-name=x ")
	require.Zero(t, r.exec.monitors.Load())
}

func TestKill(t *testing.T) {
	for _, tc := range []struct {
		line, want     string
		killed, closed bool // the other client, the caller
	}{
		{"CLIENT KILL 127.0.0.1:40001", "+OK\r\n", true, false},
		{"CLIENT KILL 127.0.0.1:40000", "+OK\r\n", false, true},
		{"CLIENT KILL ''", refusal(errNoClient), false, false},
		{"CLIENT KILL ID 2", ":1\r\n", true, false},
		{"CLIENT KILL ID 1", ":0\r\n", false, false},
		{"CLIENT KILL ID 1 SKIPME no", ":1\r\n", false, true},
		{"CLIENT KILL TYPE normal", ":1\r\n", true, false},
		{"CLIENT KILL TYPE normal SKIPME no", ":2\r\n", true, true},
		{"CLIENT KILL TYPE slave USER default", ":0\r\n", false, false},
		{"CLIENT KILL LADDR 127.0.0.1:6379 ADDR 127.0.0.1:1", ":0\r\n", false, false},
		{"CLIENT KILL LADDR 127.0.0.1:6379", ":1\r\n", true, false},
		{"CLIENT KILL ADDR '' SKIPME no", ":0\r\n", false, false},
		{"CLIENT KILL ID 0 TYPE normal", refusal(errKillID), false, false},
		{"CLIENT KILL ID 2 TYPE", refusal(errSyntax), false, false},
		{"CLIENT KILL ID 2 SKIPME x", refusal(errSyntax), false, false},
		{"CLIENT KILL ID 2 USER x", "-ERR No such user 'x'\r\n", false, false},
		{"CLIENT KILL ID 2 TYPE x", "-ERR Unknown client type 'x'\r\n", false, false},
	} {
		t.Run(tc.line, func(t *testing.T) {
			r := newClientsRig(t)
			me, other := r.connect(), r.connect()
			require.Equal(t, tc.want, me.do(tc.line))
			_, killed := other.state()
			require.Equal(t, tc.killed, killed)
			require.Equal(t, tc.closed, me.session.Closing())
			require.Equal(t, tc.killed, r.exec.client(2) == nil)
		})
	}
}

func TestMonitorHidesSecretsAndAdministration(t *testing.T) {
	r := newClientsRig(t)
	m, c := r.connect(), r.connect()
	require.Equal(t, "+OK\r\n+OK\r\n"+refusal(errMonitorData), m.do("MONITOR", "MONITOR", "CLIENT NO-TOUCH off", "GET k"))
	c.do("AUTH default hush", "HELLO 2 AUTH default hush SETNAME x", "SELECT 2", "CLIENT LIST", "NOSUCH", "SET k v")
	pushed, _ := m.state()
	var shown []string
	for _, line := range strings.Split(strings.TrimSuffix(pushed, "\r\n"), "\r\n") {
		require.Regexp(t, `^\+\d{10}\.\d{6} \[\d 127\.0\.0\.1:\d+\] "`, line)
		_, command, _ := strings.Cut(line, "] ")
		shown = append(shown, command)
	}
	require.Equal(t, []string{
		`"CLIENT" "NO-TOUCH" "off"`, `"AUTH" "(redacted)" "(redacted)"`,
		`"HELLO" "2" "AUTH" "(redacted)" "(redacted)" "SETNAME" "x"`, `"SELECT" "2"`, `"SET" "k" "v"`,
	}, shown)
}

func TestPauseHoldsBack(t *testing.T) {
	for _, tc := range []struct {
		pauses []string
		line   string
		held   bool
	}{
		{[]string{"CLIENT PAUSE 60000 WRITE"}, "SET k v", true},
		{[]string{"CLIENT PAUSE 60000 WRITE"}, "GET k", false},
		{[]string{"CLIENT PAUSE 60000"}, "PING", true},
		{[]string{"CLIENT PAUSE 9223372036854"}, "CLIENT UNPAUSE", true},
		{[]string{"CLIENT PAUSE 60000 WRITE", "CLIENT PAUSE 1 WRITE"}, "SET k v", true},
		{[]string{"CLIENT PAUSE 60000 WRITE", "CLIENT PAUSE 1 ALL"}, "GET k", true},
		{[]string{"CLIENT PAUSE 60000 WRITE", "CLIENT UNPAUSE"}, "SET k v", false},
		{[]string{"CLIENT PAUSE 1"}, "SET k v", false},
	} {
		t.Run(strings.Join(append(tc.pauses, tc.line), ","), func(t *testing.T) {
			r := newClientsRig(t)
			admin, c := r.connect(), r.connect()
			require.Equal(t, strings.Repeat("+OK\r\n", len(tc.pauses)), admin.do(tc.pauses...))
			answered := make(chan string, 1)
			go func() { answered <- c.do(tc.line) }()
			if tc.held {
				require.Eventually(t, func() bool { return r.exec.Blocked() == 1 }, time.Minute, time.Millisecond)
				require.Contains(t, c.session.Describe(), " flags=b ")
				r.exec.Unpause()
			}
			require.NotEmpty(t, <-answered)
			require.Zero(t, r.exec.Blocked())
		})
	}
}

func TestPauseErrors(t *testing.T) {
	c := newClientsRig(t).connect()
	for line, want := range map[string]Error{
		"CLIENT PAUSE x MAYBE":             errPauseMode,
		"CLIENT PAUSE x":                   errTimeoutInteger,
		"CLIENT PAUSE -1":                  errTimeoutNegative,
		"CLIENT PAUSE 9223372036854775807": errTimeoutRange,
		"CLIENT PAUSE 1 WRITE x":           "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.",
	} {
		require.Equal(t, refusal(want), c.do(line), line)
	}
}

func TestKillEndsAWait(t *testing.T) {
	r := newClientsRig(t)
	admin, c := r.connect(), r.connect()
	admin.do("CLIENT PAUSE 60000 WRITE")
	answered := make(chan string, 1)
	go func() { answered <- c.do("PING", "SET k v") }()
	require.Eventually(t, func() bool { return r.exec.Blocked() == 1 }, time.Minute, time.Millisecond)
	require.Equal(t, ":1\r\n", admin.do("CLIENT KILL ID 2"))
	require.Equal(t, "+PONG\r\n", <-answered)
	require.Equal(t, "$-1\r\n", admin.do("GET k"))
}

// Once a pause has answered, no write that passed the gate before it takes effect any more.
func TestPauseLeavesNoWriteUnderWay(t *testing.T) {
	r := newClientsRig(t)
	admin := r.connect()
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		c := r.connect()
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					c.do("SET a x", "SET b x", "SET c x", "PING", "SET d x")
				}
			}
		})
	}
	for range 20 {
		require.Equal(t, "+OK\r\n", admin.do("CLIENT PAUSE 60000 WRITE"))
		before := r.dirty()
		time.Sleep(time.Millisecond)
		require.Equal(t, before, r.dirty())
		require.Equal(t, "+OK\r\n", admin.do("CLIENT UNPAUSE"))
	}
	close(stop)
	writers.Wait()
}

// Fields that are due are hidden during a pause like keys, and go when it is over.
func TestPauseKeepsFields(t *testing.T) {
	r := newClientsRig(t)
	c := r.connect()
	expired := func() (n int64) {
		r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) { n = tx.Stats().ExpiredFields })
		return n
	}
	require.Equal(t, ":2\r\n*1\r\n:1\r\n+OK\r\n", c.do("HSET h f v g w", "HPEXPIRE h 1000 FIELDS 1 f", "CLIENT PAUSE 60000 WRITE"))
	time.Sleep(1050 * time.Millisecond)
	require.Equal(t, "$-1\r\n$1\r\ng\r\n*1\r\n$1\r\ng\r\n", c.do("HGET h f", "HRANDFIELD h", "HKEYS h"))
	require.Zero(t, expired())
	c.do("CLIENT UNPAUSE")
	require.Eventually(t, func() bool { return expired() == 1 }, time.Minute, time.Millisecond)
}

func (r *clientsRig) dirty() (n int64) {
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) {
		n = tx.Stats().Dirty
		tx.End()
	})
	return n
}

// Two clients that pause at the same time do not wait for each other.
func TestPausesAtOnce(t *testing.T) {
	r := newClientsRig(t)
	var all sync.WaitGroup
	for range 4 {
		c := r.connect()
		all.Go(func() {
			for range 50 {
				c.do("SET k v", "CLIENT PAUSE 60000 WRITE", "CLIENT UNPAUSE")
			}
		})
	}
	all.Wait()
}
