// server.go: listeners, the set of connections, and the sweeper that looks after those that are quiet.

package conn

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"respite/command"
	"respite/config"
	"respite/proto"
)

// Server accepts connections and serves them.
type Server struct {
	exec   *command.Executor
	config *config.Config
	engine engine
	log    *slog.Logger

	pool    proto.Pool
	writers sync.Pool // of *bufio.Writer
	boxes   sync.Pool // of *[]byte, the outboxes of connections that have pushes

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	open      atomic.Int64 // clients; less than conns while some say goodbye
	most      atomic.Int64 // clients that the system lets us have
	running   sync.WaitGroup
	stopping  atomic.Bool
	ended     sync.Once     // the engine has been stopped
	swept     chan struct{} // closed: the sweeper ends

	buffered atomic.Int64
	evicting sync.Mutex // held by who looks for clients to end: the sweeper and connections that grow would choose the same ones

	Accepted atomic.Int64 // connections accepted since the start, or the last Reset
	Rejected atomic.Int64 // of those, turned away because of maxclients
	Evicted  atomic.Int64 // clients ended because of maxmemory-clients
	traffic  []traffic
	born     time.Time
}

// NewServer builds a server; Listen makes it serve.
func NewServer(e *command.Executor, c *config.Config, log *slog.Logger) (*Server, error) {
	engine, err := newEngine(c.Now(), e.NewRound)
	if err != nil {
		return nil, err
	}
	s := &Server{
		exec: e, config: c, log: log, engine: engine, born: time.Now(),
		traffic: make([]traffic, runtime.GOMAXPROCS(0)),
		conns:   map[*conn]struct{}{}, listeners: map[net.Listener]struct{}{}, swept: make(chan struct{}),
	}
	s.most.Store(math.MaxInt64)
	s.writers.New = func() any { return bufio.NewWriterSize(nil, writerSize) }
	s.boxes.New = func() any {
		b := make([]byte, 0, boxSize)
		return &b
	}
	s.running.Add(1)
	go s.sweep()
	return s, nil
}

// Processors is how many processors goroutines should have (runtime.GOMAXPROCS); 0: as many as the runtime has chosen.
func (s *Server) Processors() int { return s.engine.processors() }

const (
	writerSize    = 16 << 10
	boxSize       = 512         // bytes of a new outbox
	sweepInterval = time.Second // how often quiet connections are looked for

	acceptRest     = 5 * time.Millisecond // after a first failure to accept; it doubles with every further one
	acceptRestMost = time.Second
	turnAwayTime   = 5 * time.Millisecond
)

// Serve accepts connections from l until it is closed. With a TLS configuration the connections are TLS. The server
// closes the listener when it stops, at once if it has.
func (s *Server) Serve(l net.Listener, secure *tls.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		_ = l.Close()
		return
	}
	s.listeners[l] = struct{}{}
	s.running.Add(1)
	go s.accept(l, secure)
}

func (s *Server) accept(l net.Listener, secure *tls.Config) {
	defer s.running.Done()
	defer s.drop(l)
	for rest := acceptRest; ; {
		socket, err := s.engine.accept(l)
		switch {
		case err == nil:
			s.admit(socket, secure)
			rest = acceptRest
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.log.Warn("Accepting client connection failed; is the limit of open files too low?", "error", err)
			if !s.pause(rest) {
				return
			}
			rest = min(2*rest, acceptRestMost)
		}
	}
}

func (s *Server) drop(l net.Listener) {
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
}

// pause waits; it returns at once, and false, if the server ends.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.swept:
		return false
	}
}

// admit starts a connection, or turns it away.
func (s *Server) admit(socket net.Conn, secure *tls.Config) {
	s.Accepted.Add(1)
	cfg := s.config.Now()
	if why := s.refusal(socket, cfg); why != "" {
		turnAway(socket, why, secure)
		return
	}
	if t, ok := socket.(keepsAlive); ok && socket.RemoteAddr().Network() == "tcp" {
		keepAlive(t, cfg.TCPKeepAlive)
	}
	c := s.newConn(socket, secure)
	if !s.enter(c) {
		c.session.Close()
		_ = socket.Close()
		return
	}
	c.driver.begin()
}

// refusal is what a client that cannot stay is told; "" if it can, and then it counts as open.
func (s *Server) refusal(socket net.Conn, cfg *config.Snapshot) string {
	if s.open.Add(1) > min(cfg.MaxClients, s.most.Load()) {
		s.open.Add(-1)
		s.Rejected.Add(1)
		return "-ERR max number of clients reached\r\n"
	}
	if cfg.ProtectedMode && s.exec.NeedsNoPassword() && !isLocal(socket) {
		s.open.Add(-1)
		return protectedModeText
	}
	return ""
}

// enter adds a connection to the set; ok is false if the server has stopped.
func (s *Server) enter(c *conn) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		s.open.Add(-1)
		return false
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	return true
}

func (s *Server) newConn(socket net.Conn, secure *tls.Config) *conn {
	c := &conn{server: s, socket: socket, local: isLocal(socket), active: time.Now()}
	c.out.open(socket, c, &s.traffic[s.Accepted.Load()%int64(len(s.traffic))], &s.boxes)
	c.stream = &c.out
	if secure != nil {
		c.stream = tls.Server(&c.out, secure)
		c.out.stream = c.stream
	}
	c.reader = s.pool.NewReader(c.openPoll())
	c.driver = s.engine.adopt(c)
	c.session = s.exec.NewSession(c)
	return c
}

// turnAway tells a client why it cannot stay. The socket is new, so a few bytes fit without waiting. Before a handshake
// a TLS client could make nothing of them.
func turnAway(socket net.Conn, why string, secure *tls.Config) {
	if secure == nil {
		_ = socket.SetWriteDeadline(time.Now().Add(turnAwayTime))
		_, _ = socket.Write([]byte(why))
	}
	_ = socket.Close()
}

// keepsAlive is a socket that can be told to probe a silent peer.
type keepsAlive interface {
	SetKeepAliveConfig(c net.KeepAliveConfig) error
}

func keepAlive(t keepsAlive, seconds int) {
	period := time.Duration(seconds) * time.Second
	_ = t.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: seconds > 0, Idle: period, Interval: max(period/3, time.Second), Count: 3,
	})
}

// isLocal reports whether the peer is on this machine; one whose address nobody knows is not.
func isLocal(socket net.Conn) bool {
	switch a := socket.RemoteAddr().(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.running.Done()
}

// LimitClients lowers maxclients to what the system can give.
func (s *Server) LimitClients(n int64) { s.most.Store(n) }

// Buffered is the memory that the connections' buffers take, and what else is held for clients, in bytes, as of the last sweep.
func (s *Server) Buffered() int64 { return s.buffered.Load() }

// Traffic adds to n how many bytes were read from sockets, and taken by them, and by how many system calls, since the start or the last
// Reset.
func (s *Server) Traffic(n *command.Network) {
	for i := range s.traffic {
		t := &s.traffic[i]
		n.InBytes += t.in.Load()
		n.OutBytes += t.out.Load()
		n.Reads += t.reads.Load()
		n.Writes += t.writes.Load()
		n.Drains += t.drains.Load()
	}
}

// Open is the number of connections.
func (s *Server) Open() int64 { return s.open.Load() }

func (s *Server) takeWriter(to net.Conn) *bufio.Writer {
	w := s.writers.Get().(*bufio.Writer)
	w.Reset(to)
	return w
}

func (s *Server) putWriter(w *bufio.Writer) {
	w.Reset(nil)
	s.writers.Put(w)
}

// sweep looks at all connections now and then: those that sent nothing since the last time give back their large
// buffers, and those idle for longer than `timeout` go.
func (s *Server) sweep() {
	defer s.running.Done()
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.swept:
			return
		case <-tick.C:
			s.lookAtAll()
		}
	}
}

func (s *Server) lookAtAll() {
	now, limit := time.Now(), time.Duration(s.config.Now().Timeout)*time.Second
	var buffered int64
	for _, c := range s.all() {
		s.look(c, now, limit)
		buffered += c.session.Held()
	}
	s.buffered.Store(buffered)
	s.evict(s.clientBudget())
}

// evict ends the clients that hold most until all clients hold together no more than a limit in bytes; 0 is none. Those that may not be evicted
// (CLIENT NO-EVICT) count too, at the expense of the others.
func (s *Server) evict(limit int64) {
	if limit == 0 {
		return
	}
	s.evicting.Lock()
	defer s.evicting.Unlock()
	held, sum := map[*conn]int64{}, int64(0)
	for _, c := range s.all() {
		if c.killed.Load() {
			continue
		}
		n := c.session.Memory()
		sum += n
		if c.session.Evictable() {
			held[c] = n
		}
	}
	if sum <= limit {
		return
	}
	for _, c := range slices.SortedFunc(maps.Keys(held), func(a, b *conn) int { return cmp.Compare(held[b], held[a]) }) {
		if sum <= limit {
			return
		}
		sum -= held[c]
		s.Evicted.Add(1) // before the client can see its end
		s.log.Warn("Evicting client: clients hold more than maxmemory-clients", "client", c.session.Describe())
		c.session.Kill()
	}
}

// LimitMemory ends clients that hold more than a configuration allows.
func (s *Server) LimitMemory(now *config.Snapshot) { s.evict(clientBudget(now)) }

func (s *Server) clientBudget() int64 { return clientBudget(s.config.Now()) }

// clientBudget is maxmemory-clients in bytes, 0 for none. A negative setting is a percentage of maxmemory.
func clientBudget(now *config.Snapshot) int64 {
	if now.MaxMemoryClients >= 0 {
		return now.MaxMemoryClients
	}
	return now.MaxMemory / 100 * -now.MaxMemoryClients
}

func (s *Server) look(c *conn, now time.Time, limit time.Duration) {
	fresh := c.fresh.Swap(false)
	if c.out.stirred() || fresh {
		c.active = now
	}
	if fresh {
		c.rested = false
		return
	}
	if !c.driver.isIdle() {
		return
	}
	if limit > 0 && now.Sub(c.active) > limit && !c.session.Subscribed() {
		s.log.Debug("Closing idle client", "client", c.session.Describe())
		c.session.Kill()
		return
	}
	if !c.rested {
		c.rested = true
		c.driver.nudge()
	}
}

func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// ErrBusy says that commands went on when Stop gave up on them.
var ErrBusy = errors.New("commands are not done")

// cutTime is how long connections that are cut off have to notice it: only a command that runs for long does not.
const cutTime = time.Second

// Stop ends the server: no new connections, no more reading; commands that were read are answered, but for those
// that wait for something that others do. Connections that are not done when ctx is are cut off. If commands go on even then the error is
// ErrBusy, and nothing that they use may be stopped.
func (s *Server) Stop(ctx context.Context) error {
	s.endListening()
	for _, c := range s.all() {
		c.session.HangUp()
		c.driver.nudge()
	}
	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	select {
	case <-done:
		s.ended.Do(s.engine.stop)
		return nil
	case <-ctx.Done():
	}
	for _, c := range s.all() {
		c.session.Kill()
	}
	late := time.NewTimer(cutTime)
	defer late.Stop()
	select {
	case <-done:
		s.ended.Do(s.engine.stop)
		return fmt.Errorf("stop: %w", ctx.Err())
	case <-late.C:
		return ErrBusy
	}
}

func (s *Server) endListening() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Swap(true) {
		return
	}
	for l := range s.listeners {
		_ = l.Close()
	}
	close(s.swept)
}

// Listen opens a TCP port on one address as redis.conf's `bind` spells it: "*" is every IPv4 address, "::*" every IPv6
// one.
func Listen(host string, port int) (net.Listener, error) {
	network, ip := "tcp4", host
	switch {
	case host == "*":
		ip = "0.0.0.0"
	case host == "::*":
		network, ip = "tcp6", "::"
	case strings.Contains(host, ":"):
		network = "tcp6"
	}
	l, err := net.Listen(network, net.JoinHostPort(ip, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen on %s port %d: %w", host, port, err)
	}
	return l, nil
}

// ListenUnix opens a Unix socket, in place of a stale one at the same path; perm 0 leaves the mode alone.
func ListenUnix(path string, perm os.FileMode) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		_ = os.Remove(path)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if perm != 0 {
		if err := os.Chmod(path, perm); err != nil {
			return nil, errors.Join(fmt.Errorf("mode of %s: %w", path, err), l.Close())
		}
	}
	return l, nil
}

const protectedModeText = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n"
