//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serveArgs is the variable that makes the test's program a server, with the arguments that it holds.
const serveArgs = "RESPITE_TEST_SERVE"

// exitTime is how long a server may take that has said good-bye: less than any time that a test has it wait for. One built with the race
// detector waits for a second.
const exitTime = time.Minute

func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(serveArgs); ok {
		os.Exit(run(append(os.Args[:1], strings.Fields(args)...)))
	}
	os.Exit(m.Run())
}

// process is a server in a process of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	out  io.Closer // where its log comes from
	log  *bufio.Reader
	init string // the line that says what it consists of
}

func startProcess(t *testing.T, args string) *process {
	t.Helper()
	port, err := freePort()
	require.NoError(t, err)
	p := &process{t: t, addr: fmt.Sprintf("127.0.0.1:%d", port), cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=--port %d --bind 127.0.0.1 --enable-debug-command yes %s", serveArgs, port, args))
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out, p.log = out, bufio.NewReader(out)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	p.init = p.says("Server initialized")
	p.says("Ready to accept connections")
	return p
}

// says reads the log up to a line that has this text, and returns that.
func (p *process) says(text string) string {
	p.t.Helper()
	for {
		line, err := p.log.ReadString('\n')
		require.NoError(p.t, err, text)
		if strings.Contains(line, text) {
			return line
		}
	}
}

// With netpoll the runtime has as many processors as wait for sockets, unless somebody has told it how many it is to have.
func TestProcessors(t *testing.T) {
	const args = "--io-engine netpoll --io-pollers 3"
	t.Setenv("GOMAXPROCS", "")
	require.Contains(t, startProcess(t, args).init, "processors=3\n")
	t.Setenv("GOMAXPROCS", "5")
	require.Contains(t, startProcess(t, args).init, "processors=5\n")
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(sig))
}

// ends waits for the process to end with this code, after at most so long.
func (p *process) ends(code int, within time.Duration) {
	p.t.Helper()
	start := time.Now()
	_, _ = io.Copy(io.Discard, p.log)
	_ = p.cmd.Wait()
	require.Equal(p.t, code, p.cmd.ProcessState.ExitCode())
	require.Less(p.t, time.Since(start), within)
}

func (p *process) dial() (net.Conn, *bufio.Reader) {
	p.t.Helper()
	c, err := net.Dial("tcp", p.addr)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = c.Close() })
	require.NoError(p.t, c.SetDeadline(time.Now().Add(dialTime)))
	return c, bufio.NewReader(c)
}

// sleeps waits until the server runs DEBUG SLEEP for a client, or the PING behind it if we come late.
func (p *process) sleeps() {
	p.t.Helper()
	c, in := p.dial()
	for shown := ""; !strings.Contains(shown, " cmd=debug") && !strings.Contains(shown, " cmd=ping"); {
		_, err := io.WriteString(c, "CLIENT LIST\r\n")
		require.NoError(p.t, err)
		header, err := in.ReadString('\n')
		require.NoError(p.t, err)
		var length int
		_, err = fmt.Sscanf(header, "$%d", &length)
		require.NoError(p.t, err)
		reply := make([]byte, length+len("\r\n"))
		_, err = io.ReadFull(in, reply)
		require.NoError(p.t, err)
		shown = string(reply)
	}
	require.NoError(p.t, c.Close())
}

// What was read before a signal is answered, and the process ends with code 0.
func TestSignalAnswersWhatWasRead(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := startProcess(t, "")
		c, in := p.dial()
		_, err := io.WriteString(c, "DEBUG SLEEP 1\r\nPING\r\n")
		require.NoError(t, err)
		p.sleeps()
		p.signal(sig)
		p.says("scheduling shutdown...")
		p.says("bye bye")
		all, err := io.ReadAll(in)
		require.NoError(t, err)
		require.Equal(t, "+OK\r\n+PONG\r\n", string(all))
		p.ends(0, exitTime)
	}
}

// A client that does not take its replies and a command that does not end are waited for until time is up.
func TestDeadlineOfAShutdown(t *testing.T) {
	p := startProcess(t, "--shutdown-timeout 1")
	c, _ := p.dial()
	_, err := io.WriteString(c, "DEBUG SLEEP 1000\r\n")
	require.NoError(t, err)
	p.sleeps()
	start := time.Now()
	p.signal(syscall.SIGTERM)
	p.says("Some commands were not done in time")
	require.Greater(t, time.Since(start), time.Second)
	p.ends(0, exitTime)
}

// A second signal does not wait for anybody.
func TestSecondSignal(t *testing.T) {
	p := startProcess(t, "--shutdown-timeout 100")
	c, _ := p.dial()
	_, err := io.WriteString(c, "DEBUG SLEEP 1000\r\n")
	require.NoError(t, err)
	p.sleeps()
	p.signal(syscall.SIGTERM)
	p.says("User requested shutdown...")
	p.signal(syscall.SIGTERM)
	p.says("You insist")
	p.ends(1, exitTime)
}

// A signal that has to wait can be taken back; clients are served meanwhile.
func TestAbortOfASignal(t *testing.T) {
	p := startProcess(t, "")
	c, in := p.dial()
	do := func(line, want string) {
		_, err := io.WriteString(c, line+"\r\n")
		require.NoError(t, err)
		reply, err := in.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, want+"\r\n", reply)
	}
	do("SHUTDOWN ABORT", "-ERR No shutdown in progress.")
	do("DEBUG PAUSE-CRON 1", "+OK")
	p.signal(syscall.SIGTERM)
	p.says("Received SIGTERM scheduling shutdown...")
	do("SHUTDOWN ABORT", "+OK")
	p.says("Shutdown manually aborted")
	do("DEBUG PAUSE-CRON 0", "+OK")
	do("SHUTDOWN SAVE", "-ERR Errors trying to SHUTDOWN. Check logs.")
	p.says("can't exit")
	do("PING", "+PONG")
	_, err := io.WriteString(c, "SHUTDOWN NOSAVE\r\nPING\r\n")
	require.NoError(t, err)
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Empty(t, rest)
	p.says("bye bye")
	p.ends(0, exitTime)
}
