package conn

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/config"
)

// lenient is an owner without limits.
type lenient struct {
	limit  config.OutputLimit
	killed atomic.Bool
	over   atomic.Int64
}

func (l *lenient) outputLimit() config.OutputLimit { return l.limit }
func (l *lenient) overflow(n int64)                { l.over.Store(n) }
func (l *lenient) grown()                          {}
func (l *lenient) isKilled() bool                  { return l.killed.Load() }

func newOutput(socket net.Conn, by owner) *output {
	o := new(output)
	o.open(socket, by, new(traffic), &sync.Pool{New: func() any { return new([]byte) }})
	return o
}

// Replies written in pieces and pushes of several goroutines: nothing ends up inside anything else, every goroutine's
// messages keep their order, and none stays behind.
func TestPushesNeverInterruptReplies(t *testing.T) {
	const pushers, pushes, replies, pieces = 4, 500, 500, 5
	for _, wrap := range []func(net.Conn) net.Conn{
		func(c net.Conn) net.Conn { return c },
		func(c net.Conn) net.Conn { return struct{ net.Conn }{c} }, // cannot try: all goes through the drainer
	} {
		near, far := loopback(t)
		o := newOutput(wrap(far), new(lenient))
		var writers sync.WaitGroup
		for p := range pushers {
			writers.Go(func() {
				for i := range pushes {
					o.push(fmt.Appendf(nil, "push %d %d\n", p, i))
				}
			})
		}
		writers.Go(func() {
			for i := range replies {
				o.hold()
				for piece := range pieces {
					_, _ = fmt.Fprintf(o.stream, "reply %d %d;", i, piece)
				}
				_, _ = io.WriteString(o.stream, "\n")
				o.letGo()
			}
		})
		done := make(chan string)
		go func() {
			b, _ := io.ReadAll(near)
			done <- string(b)
		}()
		writers.Wait()
		o.drain(testWait)
		o.stop()
		require.NoError(t, far.Close())
		lines := strings.Split(strings.TrimSuffix(<-done, "\n"), "\n")
		require.NoError(t, near.Close())
		require.Len(t, lines, pushers*pushes+replies)
		next := map[string]int{}
		for _, line := range lines {
			var p, i int
			if _, err := fmt.Sscanf(line, "push %d %d", &p, &i); err == nil {
				who := fmt.Sprint(p)
				require.Equal(t, next[who], i)
				next[who]++
				continue
			}
			var want strings.Builder
			for piece := range pieces {
				fmt.Fprintf(&want, "reply %d %d;", next["replies"], piece)
			}
			require.Equal(t, want.String(), line)
			next["replies"]++
		}
	}
}

// rough is a connection with a bad line: short reads, delays, and an error after so many bytes.
type rough struct {
	net.Conn
	random    *rand.Rand
	mu        sync.Mutex
	readsLeft int   // bytes; an error comes after them
	readError error // nil: never
	last      error // comes along with the last bytes
	writeLeft int
	writeFail error
}

func (c *rough) Read(p []byte) (int, error) {
	c.mu.Lock()
	n := 1 + c.random.IntN(min(len(p), 700))
	if c.readError != nil {
		n = min(n, c.readsLeft)
	}
	wait := c.random.IntN(20) == 0
	c.mu.Unlock()
	if n == 0 {
		return 0, c.readError
	}
	if wait {
		time.Sleep(100 * time.Microsecond)
	}
	n, err := c.Conn.Read(p[:n])
	c.readsLeft -= n
	if c.readError != nil && c.readsLeft == 0 && err == nil {
		err = c.last
	}
	return n, err
}

func (c *rough) Write(p []byte) (n int, err error) {
	for n < len(p) {
		c.mu.Lock()
		part := 1 + c.random.IntN(min(len(p)-n, 3000))
		if c.writeFail != nil {
			part = min(part, c.writeLeft)
		}
		c.mu.Unlock()
		if part == 0 {
			return n, c.writeFail
		}
		m, err := c.Conn.Write(p[n : n+part])
		n += m
		c.writeLeft -= m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, n)) }

func TestRoughLineChangesNothing(t *testing.T) {
	f := newFixture(t, "--protected-mode", "no")
	c := f.wrapped(func(c net.Conn) net.Conn { return &rough{Conn: c, random: seeded(1)} })
	var in, want strings.Builder
	random := seeded(2)
	for i := range 300 {
		body := strings.Repeat(fmt.Sprint(i%10), random.IntN(3000))
		in.WriteString(request("SET", "k", body) + request("GET", "k"))
		want.WriteString("+OK\r\n" + bulk(body))
	}
	c.send(in.String() + request("QUIT"))
	require.Equal(t, want.String()+"+OK\r\n", c.rest())
}

// Every command that came whole before the line broke is answered; the connection ends whatever the error is.
func TestBrokenRead(t *testing.T) {
	ping := request("PING")
	for _, broken := range []error{
		io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.EAGAIN, errors.New("odd"),
	} {
		for _, together := range []bool{false, true} {
			f := newFixture(t)
			c := f.wrapped(func(c net.Conn) net.Conn {
				r := &rough{Conn: c, random: seeded(3), readsLeft: 10*len(ping) + 5, readError: broken}
				if together {
					r.last = broken
				}
				return r
			})
			c.send(strings.Repeat(ping, 10) + ping[:5])
			c.expect(strings.Repeat("+PONG\r\n", 10))
			_, err := c.in.ReadByte()
			require.ErrorIs(t, err, io.EOF)
			f.eventually(func() bool { return len(f.server.all()) == 0 }, "gone")
		}
	}
}

func TestBrokenWrite(t *testing.T) {
	for _, left := range []int{0, 3, 5000} {
		f := newFixture(t)
		c := f.wrapped(func(c net.Conn) net.Conn {
			return &rough{Conn: c, random: seeded(4), writeLeft: left, writeFail: syscall.EPIPE}
		})
		c.send(strings.Repeat(request("PING"), 2000))
		got := make([]byte, left)
		_, err := io.ReadFull(c.in, got)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat("+PONG\r\n", 1000)[:left], string(got))
		_, _ = c.Write([]byte(request("PING"))) // shows the connection that its writes have failed
		c.cut()
		f.eventually(func() bool { return len(f.server.all()) == 0 }, "gone")
	}
}

// drip is a connection that takes a few bytes each time its write deadline comes.
type drip struct {
	net.Conn
	taken    strings.Builder
	deadline chan time.Time
	most     int
}

func (c *drip) SetWriteDeadline(t time.Time) error {
	select {
	case c.deadline <- t:
	default:
	}
	return nil
}

func (c *drip) Write(p []byte) (int, error) {
	if c.most == 0 {
		<-c.deadline
		return 0, os.ErrDeadlineExceeded
	}
	n := min(c.most, len(p))
	c.taken.Write(p[:n])
	if n < len(p) {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

// The last replies go out as long as the client takes some; one that takes nothing is given up.
func TestDrainWaitsForProgressOnly(t *testing.T) {
	slow := &drip{deadline: make(chan time.Time, 1), most: 7}
	o := newOutput(slow, new(lenient))
	o.patience = time.Hour
	text := strings.Repeat("0123456789", 500)
	_, err := io.WriteString(o, text)
	require.NoError(t, err)
	o.drain(time.Hour)
	require.Equal(t, text, slow.taken.String())
	o.stop()

	stuck := &drip{deadline: make(chan time.Time, 1)}
	o = newOutput(stuck, new(lenient))
	_, err = io.WriteString(o, text)
	require.NoError(t, err)
	o.drain(time.Millisecond)
	_, err = io.WriteString(o, text)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	n, chunks := o.size()
	require.Zero(t, n)
	require.Zero(t, chunks)
	o.stop()
}

func TestNothingIsSentAfterStop(t *testing.T) {
	near, far := loopback(t)
	o := newOutput(far, new(lenient))
	o.stop()
	_, err := io.WriteString(o, "x")
	require.ErrorIs(t, err, net.ErrClosed)
	o.push([]byte("y"))
	require.NoError(t, far.Close())
	b, err := io.ReadAll(near)
	require.NoError(t, err)
	require.Empty(t, b)
	require.NoError(t, near.Close())
}

// Pushes that wait for the replies in flight count against the limit.
func TestOutboxHasLimits(t *testing.T) {
	near, far := loopback(t)
	by := &lenient{limit: config.OutputLimit{Hard: 1000}}
	o := newOutput(far, by)
	o.hold()
	for range 9 {
		o.push(make([]byte, 100))
	}
	require.Zero(t, by.over.Load())
	o.push(make([]byte, 100))
	require.EqualValues(t, 1000, by.over.Load())
	o.letGo()
	o.stop()
	require.NoError(t, far.Close())
	require.NoError(t, near.Close())
}

func TestSoftLimitStartsAnew(t *testing.T) {
	by := &lenient{limit: config.OutputLimit{Soft: 100, SoftSeconds: 1}}
	o := &output{owner: by}
	require.False(t, o.over(100))
	o.soft = o.soft.Add(-2 * time.Second)
	require.False(t, o.over(99))
	require.False(t, o.over(100))
	o.soft = o.soft.Add(-2 * time.Second)
	require.True(t, o.over(100))
	by.limit = config.OutputLimit{}
	require.False(t, o.over(1<<40))
}
