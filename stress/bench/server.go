// The servers under test: each is a process of its own on a free loopback port
// with an empty directory, and is gone, by its pid, when the run ends.

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const (
	startLimit = time.Minute      // from start to the first PONG
	stopLimit  = 10 * time.Second // from SIGTERM to SIGKILL
	pollPause  = 20 * time.Millisecond
	dialLimit  = time.Second
	// shownLog is how much of a server's output is quoted when it does not start.
	shownLog = 2_000
)

// A target is something to measure: a name for the tables and a command line.
type target struct {
	name    string
	program string
	// args is the command line for a server on port that works in dir.
	args func(port int, dir string) []string
	// configurable programs take redis-server's directives after args.
	configurable bool
	directives   []string
}

// redisLike is a target that takes redis-server's arguments.
func redisLike(name, program string) target {
	return target{name: name, program: program, configurable: true, args: func(port int, dir string) []string {
		return []string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir}
	}}
}

// with is the target with further directives, if it takes any.
func (t target) with(directives ...string) target {
	if t.configurable {
		t.directives = slices.Concat(t.directives, directives)
	}
	return t
}

// repliesOnly is this very program, started as the replies-only server.
func repliesOnly(self string) target {
	return target{name: repliesName, program: self, args: func(port int, _ string) []string {
		return []string{commandName, repliesCommand, "--" + portFlag, strconv.Itoa(port)}
	}}
}

// commandLine is what follows the program's name.
func (t target) commandLine(port int, dir string) []string {
	return slices.Concat(t.args(port, dir), t.directives)
}

// A server is a running target.
type server struct {
	target
	port   int
	pid    int
	dir    string
	cancel context.CancelFunc
	exited chan struct{} // closed when the process is gone
}

// start runs the target and waits until it answers PING.
func (t target) start(ctx context.Context) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for %s: %w", t.name, err)
	}
	s := &server{target: t, port: port, dir: dir, exited: make(chan struct{})}
	if err := s.launch(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.waitReady(ctx); err != nil {
		err = fmt.Errorf("%s does not serve on port %d: %w%s", t.name, port, err, s.log())
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// launch starts the process. It ends by SIGTERM, and if that does not help by
// SIGKILL, as soon as ctx is cancelled or stop is called.
func (s *server) launch(ctx context.Context) error {
	ctx, s.cancel = context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, s.program, s.commandLine(s.port, s.dir)...)
	cmd.Dir = s.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopLimit
	output, err := os.Create(s.logPath())
	if err != nil {
		s.cancel()
		return fmt.Errorf("keep the output of %s: %w", s.name, err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		s.cancel()
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	s.pid = cmd.Process.Pid
	go func() {
		_ = cmd.Wait() // killed by stop or not: the caller only needs it gone
		close(s.exited)
	}()
	return nil
}

// stop ends the process and removes its directory.
func (s *server) stop() error {
	s.cancel()
	<-s.exited
	return os.RemoveAll(s.dir)
}

func (s *server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		err := ping(s.port)
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("the process ended")
		case <-ctx.Done():
			return err
		case <-time.After(pollPause):
		}
	}
}

// ping asks the server on port for one PONG.
func ping(port int) error {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dialLimit)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(dialLimit)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return err
	}
	reply := make([]byte, shownBytes)
	n, err := conn.Read(reply)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(reply[:n], []byte("+PONG")) {
		return fmt.Errorf("PING was answered %q", reply[:n])
	}
	return nil
}

func (s *server) logPath() string { return filepath.Join(s.dir, "output.log") }

// log returns the end of the server's output, on lines of its own.
func (s *server) log() string {
	text, err := os.ReadFile(s.logPath())
	if err != nil || len(text) == 0 {
		return ""
	}
	return "\n" + string(text[max(0, len(text)-shownLog):])
}

// freePort asks the kernel for a loopback port that nobody uses.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
