package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fakeServer answers everything it reads from a connection once with reply,
// and closes if reply is empty.
func fakeServer(t *testing.T, reply string) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := conn.Read(make([]byte, readBuffer)); err != nil || reply == "" {
					return
				}
				_, _ = io.WriteString(conn, reply)
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// oneSet is a load of a single SET.
func oneSet(port int) load {
	o := goodOptions()
	o.clients = 1
	return o.loader(port, lineShape("+OK"), newLoadFeed(setRequest, shuffled(1), newValuePool(valueSize), 1))
}

func TestLoadFailsOnABrokenServer(t *testing.T) {
	require.NoError(t, oneSet(fakeServer(t, "+OK\r\n")).drain(t.Context()))
	tests := []struct{ name, reply, want string }{
		{"an error", "-OOM command not allowed\r\n", "-OOM command not allowed"},
		{"another reply", "+QUEUED\r\n", "unexpected reply"},
		{"too many replies", "+OK\r\n+OK\r\n", "more than requests"},
		{"hang-up", "", "closed the connection"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.ErrorContains(t, oneSet(fakeServer(t, test.reply)).drain(t.Context()), test.want)
		})
	}
}

func TestLoadFailsWithoutAServer(t *testing.T) {
	port, err := freePort()
	require.NoError(t, err)
	require.ErrorContains(t, oneSet(port).drain(t.Context()), "connect to port")
}

func TestLoadFailsOnASilentServer(t *testing.T) {
	l := oneSet(fakeServer(t, "+"))
	l.stall = 10 * time.Millisecond
	require.ErrorContains(t, l.drain(t.Context()), "no reply for 10ms, 1 pipelines are waiting")
}

func TestPauseEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTooLong)
	run := &runningLoad{failed: make(chan error)}
	require.ErrorIs(t, run.pause(ctx, time.Minute), errTooLong)
}

// An open loop must send on while the server hangs, and charge it for what was
// due meanwhile. This server answers nothing until it is let go, and then everything.
func TestOpenLoopCountsFromWhenRequestsWereDue(t *testing.T) {
	const rate, pause, clients = 2_000, 200 * time.Millisecond, 4
	server := startHanging(t)
	o := goodOptions()
	o.clients = clients
	l := o.loader(server.port, lineShape("+PONG"), newTapeFeed(newTape(pingCommand(), shuffled(clients), nil), 1, clients))
	l.rate = rate
	run, err := l.begin()
	require.NoError(t, err)
	run.window.open(0)
	time.Sleep(pause)
	require.Eventually(t, func() bool { return server.asked.Load() > rate*int64(pause/2)/int64(time.Second) }, time.Minute, time.Millisecond,
		"the generator goes on sending")
	released := run.now()
	close(server.release)
	time.Sleep(pause)
	ended := run.now()
	run.window.close(ended)
	require.NoError(t, run.finish())

	latency, lateness := run.histograms()
	begun := run.loops[0].schedule.start
	// One or two may be sent in the very moment in which the window closes.
	require.InDelta(t, latency.TotalCount(), lateness.TotalCount(), 2, "every request of the window has its reply")
	require.InEpsilon(t, rate*(ended-begun).Seconds(), latency.TotalCount(), 0.2)
	// What was due long before the end of the pause waited for it: 5% of all may be rounded.
	quick := 100 * (1 - float64(released-begun-pause/4)/float64(ended-begun))
	require.GreaterOrEqual(t, latency.ValueAtPercentile(quick+5), int64(pause/4))
	require.Greater(t, latency.Max(), int64(pause*3/4))
}

func pingCommand() command { return command{name: "ping", keys: 1, request: pingRequest} }

// hanging is a server that takes PINGs and answers none until it is released.
type hanging struct {
	port    int
	asked   atomic.Int64
	release chan struct{}
}

func startHanging(t *testing.T) *hanging {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	h := &hanging{port: listener.Addr().(*net.TCPAddr).Port, release: make(chan struct{})}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go h.serve(conn)
		}
	}()
	return h
}

// serve reads on one goroutine and answers on another.
func (h *hanging) serve(conn net.Conn) {
	defer conn.Close()
	owed := make(chan struct{}, 1<<20)
	go func() {
		defer close(owed)
		in, request := bufio.NewReader(conn), make([]byte, len(pingRequest(nil, nil, nil)))
		for {
			if _, err := io.ReadFull(in, request); err != nil {
				return
			}
			h.asked.Add(1)
			owed <- struct{}{}
		}
	}()
	<-h.release
	for range owed {
		_, _ = io.WriteString(conn, "+PONG\r\n")
	}
}

// Requests pile up behind a full socket; none may be lost or mixed up.
func TestSendKeepsWhatASocketDoesNotTake(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	tape := newTape(commands()[0], shuffled(1_000), nil)
	want := string(tape.bytes)
	l := &loop{run: &runningLoad{}, feed: newTapeFeed(tape, 100, 1)}
	c := &client{fd: pair[0]}
	var got, sent strings.Builder
	for range 20 {
		for range 10 {
			require.NoError(t, l.send(c))
		}
		sent.WriteString(want)
	}
	require.NotEmpty(t, c.queued, "the socket is full")
	require.Equal(t, want, string(tape.bytes), "the tape is not written to")
	buf := make([]byte, readBuffer)
	for got.Len() < sent.Len() {
		n, err := readSome(pair[1], buf)
		require.NoError(t, err)
		got.Write(buf[:max(n, 0)])
		require.NoError(t, c.flush())
	}
	require.Equal(t, sent.String(), got.String())
	require.Equal(t, 200, l.active)
	require.Equal(t, 20_000, c.inFlight)
}

// Every request that is due in the window is sent and counted, and no other, however late the generator is with it.
func TestOpenLoopKeepsItsRate(t *testing.T) {
	const rate = 5_000
	s := startRedis(t)
	o := goodOptions()
	o.threads, o.clients, o.measure = 2, 7, 300*time.Millisecond
	data := newTestData()
	require.NoError(t, o.preload(t.Context(), s.port, data.order, data.values))
	get := getCell()
	l := o.loader(s.port, get.command.reply, newTapeFeed(data.tape(get.command), get.depth, o.clients))
	l.rate = rate
	run, err := l.begin()
	require.NoError(t, err)
	run.window.open(0)
	time.Sleep(o.measure)
	ended := run.now()
	run.window.close(ended)
	require.NoError(t, run.finish())
	latency, lateness := run.histograms()
	want := rate * (ended - run.loops[0].schedule.start).Seconds()
	require.InDelta(t, want, latency.TotalCount(), float64(2*o.clients))
	require.InDelta(t, want, lateness.TotalCount(), float64(2*o.clients))

	got, err := o.measureRate(t.Context(), s, rate, data)
	require.NoError(t, err)
	require.InDelta(t, rate, got.asked, 0)
	require.Positive(t, got.rate)
	require.Positive(t, got.p50)
	require.LessOrEqual(t, got.p999, got.max)
}

// More than anybody can send or answer: the run ends all the same, and what was
// asked is not what was reached.
func TestOpenLoopOverloaded(t *testing.T) {
	s := startRedis(t)
	o := goodOptions()
	o.measure = 20 * time.Millisecond
	data := newTestData()
	require.NoError(t, o.preload(t.Context(), s.port, data.order, data.values))
	got, err := o.measureRate(t.Context(), s, 1e6, data)
	require.NoError(t, err)
	require.Less(t, got.rate, got.asked/2)
	require.Greater(t, got.lateness, 1_000.0, "the generator admits that it is late")
}

func TestLoadLeavesBorrowedSocketsOpen(t *testing.T) {
	s := startRedis(t)
	o := goodOptions()
	fd, err := dial(s.port)
	require.NoError(t, err)
	defer unix.Close(fd)
	for range 2 {
		require.NoError(t, o.pingAll(t.Context(), s.port, []int{fd}))
	}
}

func TestLoadOnSeveralThreads(t *testing.T) {
	s := startRedis(t)
	o := goodOptions()
	o.threads, o.clients = 3, 10
	require.NoError(t, o.preload(t.Context(), s.port, shuffled(5_000), newValuePool(valueSize)))
	got, err := o.measureCell(t.Context(), s, cell{command: commands()[0], depth: 5}, newTape(commands()[0], shuffled(5_000), nil))
	require.NoError(t, err)
	require.Positive(t, got.rate)
	require.Positive(t, got.p50)
	require.LessOrEqual(t, got.p50, got.p999)
}

// A GET of a key that is not there has the wrong length.
func TestMeasuringFailsOnWrongReplies(t *testing.T) {
	s := startRedis(t)
	o := goodOptions()
	_, err := o.measureCell(t.Context(), s, cell{command: commands()[0], depth: 1}, newTape(commands()[0], shuffled(100), nil))
	require.ErrorContains(t, err, `"-1\r\n"`)
}
