// server.go: the life of a server, from its configuration to its last reply.

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"respite/command"
	"respite/config"
	"respite/conn"
	"respite/shards"
	"respite/stats"
	"respite/value"
)

// server is the parts of a running server.
type server struct {
	config *config.Config
	log    *slog.Logger
	level  slog.LevelVar
	budget int64 // bytes for data and buffers if maxmemory is not set
	group  *shards.Group
	exec   *command.Executor
	conns  *conn.Server
	web    *http.Server // nil: HTTP has no port of its own

	listening sync.Mutex
	tcp       endpoint
	secure    endpoint

	life  *life
	chore sync.WaitGroup
	done  context.CancelFunc // ends the chores
}

// endpoint is a port as it is being served.
type endpoint struct {
	listeners []net.Listener
	tls       *tls.Config // nil: plain
}

// serve runs a server until a signal or SHUTDOWN ends it, and returns the exit code.
func serve(args []string, stdout, stderr io.Writer) int {
	cfg := config.New()
	check, err := command.CheckRename()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	cfg.OnRename(check)
	checkUser, err := command.CheckUsers()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	cfg.OnUser(checkUser)
	if err := cfg.Parse("", args); err != nil {
		fmt.Fprint(stderr, err)
		return 1
	}
	out, err := logOutput(cfg, stdout)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	signals := make(chan os.Signal, maxSignals)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	s, err := newServer(cfg, out)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	defer writePidFile(cfg, s.log)()
	if n := s.conns.Processors(); n > 0 && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(n)
	}
	s.greet()
	if err := s.listen(); err != nil {
		s.log.Error("Failed listening on port, aborting", "error", err)
		_ = s.shutdown(leastDrain) // nothing has been served
		return 1
	}
	s.log.Info("Ready to accept connections")
	tellSupervisor(cfg, s.log, "STATUS=Ready to accept connections\nREADY=1\n")
	return s.live(signals)
}

// maxSignals is how many signals may come before the server looks at them.
const maxSignals = 4

// live serves until the end, and returns the exit code.
func (s *server) live(signals <-chan os.Signal) int {
	for {
		select {
		case sig := <-signals:
			if s.life.signal(sig) {
				return 1
			}
		case <-s.life.begun:
			return s.end(signals)
		}
	}
}

// end stops the server, until a further signal comes.
func (s *server) end(signals <-chan os.Signal) int {
	tellSupervisor(s.config, s.log, "STOPPING=1\n")
	done := make(chan error, 1)
	go func() { done <- s.shutdown(s.life.drainTime()) }()
	select {
	case sig := <-signals:
		s.life.signal(sig)
		return 1
	case err := <-done:
		if err != nil {
			s.log.Warn("Errors trying to shut down the server", "error", err)
			return 1
		}
	}
	s.log.Info("Respite is now ready to exit, bye bye...")
	return 0
}

// newServer builds the parts and connects them.
func newServer(cfg *config.Config, out io.Writer) (*server, error) {
	now := cfg.Now()
	s := &server{config: cfg, budget: memoryBudget()}
	s.log = newLogger(cfg, out, &s.level)
	s.life = newLife(cfg, s.log)
	s.group = shards.New(shards.Options{Shards: now.Shards, Databases: now.Databases, Queue: !now.InlineRuns})
	exec, err := command.NewExecutor(s.group, cfg, s.log, s.hooks())
	if err != nil {
		return nil, fmt.Errorf("build the command table: %w", err)
	}
	s.exec = exec
	if err := exec.LoadUsers(); err != nil {
		return nil, err
	}
	if s.conns, err = conn.NewServer(exec, cfg, s.log); err != nil {
		return nil, fmt.Errorf("start the I/O engine: %w", err)
	}
	s.applyConfig()
	s.group.Start()
	ctx, cancel := context.WithCancel(context.Background())
	s.done = cancel
	s.chore.Go(func() { giveBack(ctx, s.group) })
	s.chore.Go(func() { s.sample(ctx) })
	return s, nil
}

// hooks are what commands ask of the process.
func (s *server) hooks() command.Hooks {
	return command.Hooks{
		Shutdown: s.life.shutdown, AbortShutdown: s.life.abort, HoldSignals: s.life.hold,
		Network: s.network, ResetNetwork: s.resetNetwork, ShutdownIn: s.life.left,
	}
}

// network is what the sockets have seen.
func (s *server) network() command.Network {
	if s.conns == nil { // the executor is built first
		return command.Network{}
	}
	n := command.Network{
		Accepted: s.conns.Accepted.Load(), Rejected: s.conns.Rejected.Load(),
		Evicted: s.conns.Evicted.Load(), Open: s.conns.Open(),
		Buffered: s.conns.Buffered(), Cycles: s.conns.Cycles(),
	}
	s.conns.Traffic(&n)
	return n
}

// resetNetwork makes that begin again.
func (s *server) resetNetwork() { s.conns.Reset() }

// sample feeds the rates of INFO until ctx is done.
func (s *server) sample(ctx context.Context) {
	tick := time.NewTicker(stats.SampleInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.exec.Tick()
		}
	}
}

// applyConfig puts settings into force that somebody has to be told of, now and whenever they change.
func (s *server) applyConfig() {
	limits := func(_, next *config.Snapshot) error { s.group.SetLimits(s.limits(next)); return nil }
	for _, name := range []string{
		"maxmemory", "maxmemory-policy", "maxmemory-samples", "lfu-log-factor", "lfu-decay-time",
		"hash-max-listpack-entries", "hash-max-listpack-value", "set-max-intset-entries", "set-max-listpack-entries",
		"set-max-listpack-value", "zset-max-listpack-entries", "zset-max-listpack-value", "list-max-listpack-size",
		"stream-node-max-bytes", "stream-node-max-entries", "notify-keyspace-events",
		"tracking-table-max-keys", "hotkeys-sample-every", "latency-monitor-threshold",
	} {
		s.config.OnSet(name, limits)
	}
	_ = limits(nil, s.config.Now()) // cannot fail
	s.config.OnSet("loglevel", func(_, next *config.Snapshot) error { s.level.Set(levelOf(next.LogLevel)); return nil })
	s.config.OnSet("maxclients", func(_, next *config.Snapshot) error {
		if raiseFileLimit(next.MaxClients) < next.MaxClients {
			return errors.New("The operating system is not able to handle the specified number of clients")
		}
		return nil
	})
	s.config.OnSet("maxmemory-clients", func(_, next *config.Snapshot) error { s.conns.LimitMemory(next); return nil })
	for name, refusal := range map[string]string{
		"port": "Unable to listen on this port. Check server logs.", "bind": "Failed to bind to specified addresses.",
	} {
		s.config.OnSet(name, func(_, next *config.Snapshot) error {
			err := s.relisten(next)
			if err != nil {
				s.log.Warn("CONFIG SET "+name+" failed, still listening as before", "error", err)
				err = errors.New(refusal)
			}
			return err
		})
	}
	for _, name := range []string{
		"tls-port", "tls-cert-file", "tls-key-file", "tls-key-file-pass", "tls-ca-cert-file", "tls-ca-cert-dir",
		"tls-auth-clients", "tls-protocols", "tls-session-caching",
	} {
		s.config.OnSet(name, func(_, next *config.Snapshot) error { return s.relistenTLS(next) })
	}
}

// limits are the settings that shards obey.
func (s *server) limits(now *config.Snapshot) shards.Limits {
	l := s.group.Limits()
	l.MaxMemory, l.Policy = now.MaxMemory, policy(now.MaxMemoryPolicy)
	l.Samples, l.LFULogFactor, l.LFUDecay = now.MaxMemorySamples, now.LFULogFactor, int64(now.LFUDecayTime)
	l.Overhead, l.Encoding = s.conns.Buffered, encoding(now)
	l.Notices = s.exec.Notices(now.NotifyKeyspaceEvents)
	l.TrackedKeys = now.TrackingTableMaxKeys
	l.HotEvery = now.HotkeysSampleEvery
	l.Spike, l.Spiked = now.LatencyMonitorThreshold*int64(time.Millisecond), s.exec.Spiked
	if l.MaxMemory == 0 {
		l.MaxMemory = s.budget
	}
	return l
}

// encoding is the sizes up to which collections stay packed.
func encoding(now *config.Snapshot) value.Limits {
	return value.Limits{
		HashMaxListpackEntries: now.HashMaxListpackEntries,
		HashMaxListpackValue:   now.HashMaxListpackValue,
		SetMaxIntsetEntries:    now.SetMaxIntsetEntries,
		SetMaxListpackEntries:  now.SetMaxListpackEntries,
		SetMaxListpackValue:    now.SetMaxListpackValue,
		ZsetMaxListpackEntries: now.ZsetMaxListpackEntries,
		ZsetMaxListpackValue:   now.ZsetMaxListpackValue,
		ListMaxListpackSize:    now.ListMaxListpackSize,
		StreamNodeMaxBytes:     now.StreamNodeMaxBytes,
		StreamNodeMaxEntries:   now.StreamNodeMaxEntries,
	}
}

// policy reads a value of maxmemory-policy.
func policy(name string) shards.Policy {
	scope, order, _ := strings.Cut(name, "-")
	p := shards.Policy{Volatile: scope == "volatile"}
	switch order {
	case "lru":
		p.Order = shards.LeastRecent
	case "lfu":
		p.Order = shards.LeastFrequent
	case "random":
		p.Order = shards.AnyKey
	case "ttl":
		p.Order = shards.SoonestDeadline
	}
	return p
}

// greet writes the lines that scripts wait for.
func (s *server) greet() {
	now := s.config.Now()
	s.log.Info(fmt.Sprintf("Respite %s (compatible with Redis %s), standalone mode, Port: %d, PID: %d",
		command.Version, command.RedisVersion, now.Port, os.Getpid()))
	if now.ConfigFile == "" {
		s.log.Info("No config file specified, using the default config. In order to specify a config file use respite /path/to/redis.conf")
	}
	for _, notice := range s.config.Notices() {
		s.log.Warn(notice)
	}
	if can := raiseFileLimit(now.MaxClients); can < now.MaxClients {
		s.log.Warn("The limit of open files is too low for maxclients; maxclients was lowered. Raise it with 'ulimit -n'",
			"configured", now.MaxClients, "maxclients", can)
		s.conns.LimitClients(can)
	}
	s.log.Info("Server initialized", "shards", s.group.N(), "databases", s.group.Databases(), "processors", runtime.GOMAXPROCS(0))
}

// listen opens every socket that the configuration asks for.
func (s *server) listen() error {
	now := s.config.Now()
	if err := s.relisten(now); err != nil {
		return err
	}
	if err := s.relistenTLS(now); err != nil {
		return err
	}
	if err := s.listenWeb(now); err != nil {
		return err
	}
	if now.UnixSocket == "" {
		return nil
	}
	l, err := conn.ListenUnix(now.UnixSocket, os.FileMode(now.UnixSocketPerm))
	if err != nil {
		return err
	}
	s.conns.Serve(l, nil)
	return nil
}

// relisten opens the TCP port of a configuration in place of the one open now.
func (s *server) relisten(now *config.Snapshot) error {
	return s.swap(&s.tcp, now.Bind, now.Port, nil)
}

// relistenTLS does the same for the TLS port.
func (s *server) relistenTLS(now *config.Snapshot) error {
	secure, err := tlsConfig(now)
	if err != nil {
		return err
	}
	return s.swap(&s.secure, now.Bind, now.TLSPort, secure)
}

// swap closes what an endpoint serves and serves another port instead. If that cannot be had, it goes back to the old
// one.
func (s *server) swap(e *endpoint, bind []string, port int, secure *tls.Config) error {
	s.listening.Lock()
	defer s.listening.Unlock()
	old := *e
	for _, l := range old.listeners {
		_ = l.Close()
	}
	listeners, err := listenAll(bind, port)
	*e = endpoint{listeners, secure}
	if err != nil {
		*e = endpoint{tls: old.tls}
		for _, l := range old.listeners {
			if again, reopened := net.Listen("tcp", l.Addr().String()); reopened == nil {
				e.listeners = append(e.listeners, again)
			}
		}
	}
	for _, l := range e.listeners {
		s.conns.Serve(l, e.tls)
	}
	return err
}

// listenAll opens a port on every address of `bind`. Port 0 is none at all.
func listenAll(bind []string, port int) (listeners []net.Listener, err error) {
	if port == 0 {
		return nil, nil
	}
	for _, host := range bind {
		name, optional := strings.CutPrefix(host, "-")
		l, err := conn.Listen(name, port)
		if err == nil {
			listeners = append(listeners, l)
			continue
		}
		if !optional || errors.Is(err, syscall.EADDRINUSE) {
			for _, l := range listeners {
				_ = l.Close()
			}
			return nil, err
		}
	}
	if len(listeners) == 0 {
		return nil, fmt.Errorf("listen on port %d: none of the addresses of bind is on this machine", port)
	}
	return listeners, nil
}

// shutdown stops the parts, the outermost first; clients have so long to take their last replies.
func (s *server) shutdown(drain time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	s.stopWeb(ctx)
	err := s.conns.Stop(ctx)
	s.done()
	if errors.Is(err, conn.ErrBusy) {
		s.log.Warn("Some commands were not done in time; what they were about to do is lost")
		return nil // their shards are held: nothing more can be stopped in order
	}
	s.chore.Wait()
	s.group.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("Some clients did not take their last replies in time")
		err = nil
	}
	return err
}
