// The server of the system tests: the real parts, built and stopped as main builds and stops them, in the test's own
// process, so that the race detector and the search for leaked goroutines see the server too. Tests of this package do
// not run in parallel: a goroutine that is left over belongs to the test that has just ended.

package main

import (
	"bytes"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"respite/config"
	"respite/oracle"
)

const (
	resp2 = 2
	resp3 = 3

	listenAttempts = 3 // another process may take the port that was found free
	dialTime       = time.Minute
	drainLimit     = time.Minute // for clients to take their last replies

	// What the log says of a handler that panicked. Its client gets an error and the server goes on, but no test may
	// pass over it.
	panicLogged = "its changes were taken back"
)

// testServer is a server that listens on Addr.
type testServer struct {
	*server
	Addr string // host:port
	log  bytes.Buffer
}

// startServer serves on a free port of the loopback device, with args added to the command line; one that
// begins them without a dash is the configuration file. When the test ends the
// server is stopped, and fails the test if a handler panicked or a goroutine is left.
func startServer(t testing.TB, args ...string) *testServer {
	t.Helper()
	before := goleak.IgnoreCurrent()
	var s *testServer
	var err error
	for range listenAttempts {
		if s, err = tryServer(args); err == nil {
			break
		}
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.shutdown(drainLimit))
		goleak.VerifyNone(t, before)
		require.NotContains(t, s.log.String(), panicLogged)
	})
	return s
}

func tryServer(args []string) (*testServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cfg, file := config.New(), ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		file, args = args[0], args[1:]
	}
	base := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--save", "", "--enable-debug-command", "yes"}
	if err := cfg.Parse(file, slices.Concat(base, args)); err != nil {
		return nil, err
	}
	s := &testServer{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if s.server, err = newServer(cfg, &s.log); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		_ = s.shutdown(leastDrain) // nothing has been served
		return nil, err
	}
	return s, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// dial opens a connection; it is an oracle.Dialer.
func (s *testServer) dial() (net.Conn, error) { return net.DialTimeout("tcp", s.Addr, dialTime) }

// connect opens a client that is closed before the server stops.
func (s *testServer) connect(t testing.TB, proto int) *oracle.Conn {
	t.Helper()
	c, err := oracle.Connect(s.dial, proto)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// spreadKeys names keys of which each lies on the shard after the last one's, so that n keys lie on as many shards as
// there are, up to n.
func (s *testServer) spreadKeys(prefix string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		for try := 0; keys[i] == ""; try++ {
			key := prefix + string(rune('a'+i)) + strconv.Itoa(try)
			if s.group.Route([]byte(key)) == i%s.group.N() {
				keys[i] = key
			}
		}
	}
	return keys
}

// do sends one command and returns its reply, which must not be an error.
func do(t testing.TB, c *oracle.Conn, args ...string) oracle.Value {
	t.Helper()
	v, err := c.Do(args...)
	require.NoError(t, err)
	require.NotEqual(t, byte('-'), v.Kind, "%q: %s", args, v)
	return v
}

// underRace reports whether the race detector watches this process, which makes everything some ten times slower.
func underRace() bool {
	build, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestServersShareNothing(t *testing.T) {
	a, b := startServer(t), startServer(t, "--shards", "3")
	require.Equal(t, 3, b.group.N())
	do(t, a.connect(t, resp2), "SET", "k", "of a")
	require.True(t, do(t, b.connect(t, resp2), "GET", "k").Null)
	require.Equal(t, "of a", do(t, a.connect(t, resp3), "GET", "k").Text)
}
