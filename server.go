// server.go: the life of a server, from its configuration to its last reply.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"respite/command"
	"respite/config"
	"respite/conn"
	"respite/shards"
)

const stopTime = 3 * time.Second // for clients to take their last replies

// server is the parts of a running server.
type server struct {
	config *config.Config
	log    *slog.Logger
	group  *shards.Group
	exec   *command.Executor
	conns  *conn.Server
	stop   chan struct{} // closed when somebody asks for the end
	once   sync.Once
}

// serve runs a server until a signal or SHUTDOWN ends it, and returns the exit code.
func serve(args []string, stdout, stderr io.Writer) int {
	cfg := config.New()
	file, directives := configFile(args)
	if err := cfg.Parse(file, directives); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	s, err := newServer(cfg, newLogger(cfg, stdout))
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	s.greet()
	if err := s.listen(); err != nil {
		s.log.Error("Failed listening on port; is it in use?", "error", err)
		_ = s.shutdown()
		return 1
	}
	s.log.Info("Ready to accept connections")
	s.wait()
	if err := s.shutdown(); err != nil {
		s.log.Warn("Errors trying to shut down the server", "error", err)
		return 1
	}
	s.log.Info("Respite is now ready to exit, bye bye...")
	return 0
}

// configFile takes the configuration file, if the first argument is one.
func configFile(args []string) (file string, rest []string) {
	if len(args) > 0 && (args[0] == "-" || !strings.HasPrefix(args[0], "-")) {
		return args[0], args[1:]
	}
	return "", args
}

// newServer builds the parts and connects them.
func newServer(cfg *config.Config, log *slog.Logger) (*server, error) {
	now := cfg.Now()
	s := &server{config: cfg, log: log, stop: make(chan struct{})}
	s.group = shards.New(shards.Options{Shards: now.Shards, Databases: now.Databases})
	exec, err := command.NewExecutor(s.group, cfg, log, command.Hooks{Shutdown: s.askToStop})
	if err != nil {
		return nil, fmt.Errorf("build the command table: %w", err)
	}
	s.exec = exec
	s.group.Start()
	s.conns = conn.NewServer(exec, cfg, log)
	return s, nil
}

// askToStop begins the end; it does not wait for it.
func (s *server) askToStop() { s.once.Do(func() { close(s.stop) }) }

// greet writes the lines that scripts wait for.
func (s *server) greet() {
	mode := "standalone"
	s.log.Info(fmt.Sprintf("Respite %s (compatible with Redis %s), %s mode, Port: %d, PID: %d",
		command.Version, command.RedisVersion, mode, s.config.Now().Port, os.Getpid()))
	for _, notice := range s.config.Notices() {
		s.log.Warn(notice)
	}
	s.log.Info("Server initialized", "shards", s.group.N(), "databases", s.group.Databases())
}

// listen opens every socket that the configuration asks for.
func (s *server) listen() error {
	now := s.config.Now()
	if now.Port != 0 {
		if err := s.listenTCP(now.Bind, now.Port); err != nil {
			return err
		}
	}
	if now.UnixSocket != "" {
		l, err := conn.ListenUnix(now.UnixSocket, os.FileMode(now.UnixSocketPerm))
		if err != nil {
			return err
		}
		s.conns.Serve(l, nil)
	}
	return nil
}

func (s *server) listenTCP(bind []string, port int) error {
	var listeners []net.Listener
	for _, host := range bind {
		name, optional := strings.CutPrefix(host, "-")
		l, err := conn.Listen(name, port)
		if err != nil {
			if optional && !errors.Is(err, syscall.EADDRINUSE) {
				continue
			}
			return err
		}
		listeners = append(listeners, l)
	}
	if len(listeners) == 0 {
		return errors.New("no address to listen on")
	}
	for _, l := range listeners {
		s.conns.Serve(l, nil)
	}
	return nil
}

// wait returns when a signal or SHUTDOWN asks for the end.
func (s *server) wait() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	select {
	case sig := <-signals:
		s.log.Warn("Received signal, scheduling shutdown...", "signal", sig.String())
	case <-s.stop:
		s.log.Warn("User requested shutdown...")
	}
}

// shutdown stops the parts, the outermost first.
func (s *server) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	err := s.conns.Stop(ctx)
	s.group.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("Some clients did not take their last replies in time")
		err = nil
	}
	return err
}
