package oracle

// Servers as child processes: the real redis-server and our own binary, each on a
// free loopback port with a directory of its own. The process is stopped by its
// pid when the test ends. A missing binary fails the test: a differential test
// that skips itself proves nothing.

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	startWait     = time.Minute // a server must answer PING within this
	startAttempts = 3           // another process may take the port that was found free
	startPoll     = 10 * time.Millisecond
	dialWait      = 20 * time.Second
	binaryEnv     = "REDIS_SERVER" // names the real server's binary if it is not on PATH
)

// Server is a running child process that answers on Addr.
type Server struct {
	Addr string // host:port
	Dir  string // its working directory
	Pid  int
	cmd  *exec.Cmd
	out  *bytes.Buffer // stdout and stderr; complete once done is closed
	done chan struct{} // closed when the process has ended
}

// Start runs the real redis-server with args added to its command line.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	bin := os.Getenv(binaryEnv)
	if bin == "" {
		found, err := exec.LookPath("redis-server")
		if err != nil {
			t.Fatalf("redis-server is not on PATH and %s is not set: install Debian's redis-server or set %s to a 7.0 binary",
				binaryEnv, binaryEnv)
		}
		bin = found
	}
	return StartBinary(t, bin, args...)
}

// StartBinary runs bin with redis-server's command line and waits until it
// answers; it is stopped in t.Cleanup.
func StartBinary(t testing.TB, bin string, args ...string) *Server {
	t.Helper()
	var err error
	for range startAttempts {
		s := launch(t, bin, args)
		if err = s.await(); err == nil {
			return s
		}
		s.stop()
	}
	t.Fatalf("%s: %v", bin, err)
	return nil
}

// launch starts the process on a port that was free a moment ago.
func launch(t testing.TB, bin string, args []string) *Server {
	t.Helper()
	addr := freeAddr(t)
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	s := &Server{Addr: addr, Dir: t.TempDir(), out: new(bytes.Buffer), done: make(chan struct{})}
	base := []string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", s.Dir, "--enable-debug-command", "yes"}
	s.cmd = exec.Command(bin, append(base, args...)...)
	s.cmd.Dir = s.Dir
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	require.NoError(t, s.cmd.Start(), "start %s", bin)
	s.Pid = s.cmd.Process.Pid
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	t.Cleanup(s.stop)
	return s
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// await returns once the server answers. What it printed is part of the error.
func (s *Server) await() error {
	for deadline := time.Now().Add(startWait); time.Now().Before(deadline); time.Sleep(startPoll) {
		select {
		case <-s.done:
			return fmt.Errorf("ended at once:\n%s", s.out)
		default:
		}
		if s.answers() {
			return nil
		}
	}
	s.stop()
	return fmt.Errorf("did not answer within %v:\n%s", startWait, s.out)
}

// answers reports whether this very process serves the port: another server may
// have taken it. One that asks for a password first has to be believed.
func (s *Server) answers() bool {
	c, err := Connect(s.Dial, resp2)
	if err != nil {
		return false
	}
	defer c.Close()
	v, err := c.Do("INFO", "server")
	return err == nil && (strings.HasPrefix(v.Text, "NOAUTH") || strings.Contains(v.Text, fmt.Sprintf("process_id:%d\r\n", s.Pid)))
}

// Dial opens a connection; it is a Dialer.
func (s *Server) Dial() (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", s.Addr, dialWait)
	if err != nil {
		return nil, fmt.Errorf("server %s (pid %d): %w", s.Addr, s.Pid, err)
	}
	return conn, nil
}

func (s *Server) stop() {
	_ = s.cmd.Process.Kill()
	<-s.done
}
