// The servers that the suites talk to. A target is a program that can be
// started: our own binary, built once for a test run, and the real
// redis-server, which proves that a suite asks for nothing but Redis's own
// behaviour. Each server listens on loopback ports of its own, keeps its files
// in a temporary directory, and is stopped by SIGTERM when its test ends, which
// is itself a check: it must end in time, with status 0 and without a panic.

package clients

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// targetsVariable names the targets of a run, separated by commas.
	targetsVariable = "RESPITE_CLIENT_TARGETS"

	respiteTarget = "respite"
	redisTarget   = "redis-server"

	readyLine    = "Ready to accept connections"
	startTimeout = time.Minute
	stopTimeout  = 30 * time.Second

	password = "correct-horse"
)

// target is a server program; program is its path.
type target struct {
	name    string
	program string
}

// targets returns what the environment asks for, by default both programs.
func targets(t *testing.T) []target {
	t.Helper()
	names := os.Getenv(targetsVariable)
	if names == "" {
		names = respiteTarget + "," + redisTarget
	}
	var list []target
	for name := range strings.SplitSeq(names, ",") {
		list = append(list, target{name: name, program: programOf(t, name)})
	}
	return list
}

func programOf(t *testing.T, name string) string {
	t.Helper()
	switch name {
	case respiteTarget:
		return buildRespite(t)
	case redisTarget:
		return lookUp(t, "redis-server")
	default:
		require.Failf(t, "unknown target", "%s names %q; known are %s and %s",
			targetsVariable, name, respiteTarget, redisTarget)
		return ""
	}
}

// buildRespite compiles the module's main package, without cgo as it is shipped.
func buildRespite(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "respite")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "respite")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoErrorf(t, err, "go build:\n%s", out)
	return program
}

// lookUp finds a program that the test set-up installs.
func lookUp(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoErrorf(t, err, "%s is missing: run the task `setup`", name)
	return path
}

// server is a running target. Addresses are host:port.
type server struct {
	addr    string
	tlsAddr string
	socket  string
	certs   certificate

	cmd    *exec.Cmd
	stdout *watchedOutput
	stderr *watchedOutput
	exited chan error
}

// start runs the target with a plain port, a TLS port and a Unix socket, waits
// until it is ready, and stops it when the test is over.
func (tg target) start(t *testing.T, directives ...string) *server {
	t.Helper()
	dir := t.TempDir()
	port, tlsPort := freePort(t), freePort(t)
	s := &server{
		addr:    loopback(port),
		tlsAddr: loopback(tlsPort),
		socket:  socketPath(t),
		certs:   newCertificate(t, dir),
		stdout:  newWatchedOutput(readyLine),
		stderr:  newWatchedOutput(""),
		exited:  make(chan error, 1),
	}
	args := []string{
		"--port", strconv.Itoa(port), "--save", "", "--dir", dir, "--enable-debug-command", "yes",
		"--bind", "127.0.0.1", "--unixsocket", s.socket,
		"--tls-port", strconv.Itoa(tlsPort), "--tls-auth-clients", "no",
		"--tls-cert-file", s.certs.certFile, "--tls-key-file", s.certs.keyFile, "--tls-ca-cert-file", s.certs.certFile,
	}
	s.launch(t, tg.program, append(args, directives...))
	return s
}

func (s *server) launch(t *testing.T, program string, args []string) {
	t.Helper()
	s.cmd = exec.Command(program, args...)
	s.cmd.Stdout, s.cmd.Stderr = s.stdout, s.stderr
	require.NoError(t, s.cmd.Start())
	go func() { s.exited <- s.cmd.Wait() }()

	select {
	case <-s.stdout.seen:
		t.Cleanup(func() { s.stop(t) })
	case err := <-s.exited:
		require.Failf(t, "server ended before it was ready", "%v\n%s", err, s.log())
	case <-time.After(startTimeout):
		s.kill()
		require.Failf(t, "server not ready", "no %q on stdout within %v\n%s", readyLine, startTimeout, s.log())
	}
}

// stop ends the server as an init system does and checks how it ended.
func (s *server) stop(t *testing.T) {
	t.Helper()
	require.NoErrorf(t, s.cmd.Process.Signal(syscall.SIGTERM), "server is gone already:\n%s", s.log())
	select {
	case err := <-s.exited:
		require.NoErrorf(t, err, "exit after SIGTERM\n%s", s.log())
	case <-time.After(stopTimeout):
		s.kill()
		require.Failf(t, "server did not stop", "still running %v after SIGTERM\n%s", stopTimeout, s.log())
	}
	require.NotContains(t, s.log(), "runtime error")
	require.NotContains(t, s.log(), "goroutine 1 [")
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill() // the failure that led here is what gets reported
	<-s.exited
}

func (s *server) log() string {
	return "stdout:\n" + s.stdout.String() + "\nstderr:\n" + s.stderr.String()
}

// port is the plain port as a command-line argument.
func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePort asks the kernel for a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}

// socketPath is not below t.TempDir, whose length grows with the name of the
// test: the path of a Unix socket may have 107 bytes on Linux, fewer elsewhere.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "respite")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "respite.sock")
}

// watchedOutput keeps what a process writes and closes seen at the first
// occurrence of marker. Safe for use by several goroutines.
type watchedOutput struct {
	seen   chan struct{}
	marker []byte
	once   sync.Once

	mu   sync.Mutex
	text bytes.Buffer
}

func newWatchedOutput(marker string) *watchedOutput {
	return &watchedOutput{seen: make(chan struct{}), marker: []byte(marker)}
}

func (w *watchedOutput) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if bytes.Contains(w.text.Bytes(), w.marker) {
		w.once.Do(func() { close(w.seen) })
	}
	return n, err
}

func (w *watchedOutput) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
