package conn

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKillWhileParked(t *testing.T) {
	f := newFixture(t)
	c := f.dial()
	c.do("+PONG\r\n", "PING")
	k := f.only()
	f.eventually(k.driver.isIdle, "parked")
	k.session.Kill()
	c.cut()
	f.eventually(func() bool { return len(f.server.all()) == 0 }, "gone")
}

// A connection whose client takes nothing ends at once when it is killed, with or without a reply under way.
func TestKillWithPendingOutput(t *testing.T) {
	f := newFixture(t)
	f.dial().do("+OK\r\n", "SET", "k", strings.Repeat("x", 100_000))
	for _, last := range []string{"", request("QUIT")} {
		inTime(t, patience, func() {
			c := f.narrow()
			c.send(strings.Repeat(request("GET", "k"), 200) + last)
			var k *conn
			f.eventually(func() bool {
				for _, c := range f.server.all() {
					if n, _ := c.out.size(); n > 0 {
						k = c
					}
				}
				return k != nil
			}, "output is pending")
			time.Sleep(20 * time.Millisecond)
			k.session.Kill()
			f.eventually(func() bool { return len(f.server.all()) == 1 }, "gone")
			c.cut()
		})
	}
}

// Kill at any moment ends a connection that reads, runs and flushes all the time.
func TestKillUnderLoad(t *testing.T) {
	f := newFixture(t)
	pipeline := []byte(strings.Repeat(request("SET", "k", "v")+request("GET", "k"), 100))
	for i := range 40 {
		c := f.dial()
		var traffic sync.WaitGroup
		traffic.Go(func() {
			for {
				if _, err := c.Write(pipeline); err != nil {
					return
				}
			}
		})
		traffic.Go(c.cut)
		k := f.one()
		time.Sleep(time.Duration(i) * 300 * time.Microsecond)
		k.session.Kill()
		traffic.Wait()
		f.eventually(func() bool { return len(f.server.all()) == 0 }, "gone")
	}
}

// The sweeper's nudge, which ends nothing, and Kill, which does, use the same deadline.
func TestKillIsNotLostAmongNudges(t *testing.T) {
	f := newFixture(t)
	for i := range 100 {
		c := f.dial()
		k := f.one()
		stop := make(chan struct{})
		var nudges sync.WaitGroup
		nudges.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					k.driver.nudge()
				}
			}
		})
		if i%2 == 0 {
			c.do("+PONG\r\n", "PING")
		}
		k.session.Kill()
		close(stop)
		nudges.Wait()
		c.cut()
		f.eventually(func() bool { return len(f.server.all()) == 0 }, "gone")
	}
}

// Of a client that never stops sending, every command that was run is answered, and the replies arrive.
func TestStopUnderLoad(t *testing.T) {
	const clients = 8
	f := newFixture(t)
	var traffic, started sync.WaitGroup
	answered := make([]int, clients)
	for i := range clients {
		c := f.dial()
		started.Add(1)
		traffic.Go(func() {
			for {
				if _, err := c.Write([]byte(strings.Repeat(request("INCR", fmt.Sprint("k", i)), 50))); err != nil {
					return
				}
			}
		})
		traffic.Go(func() {
			for n := 1; ; n++ {
				s, err := c.in.ReadString('\n')
				if err != nil {
					if s != "" {
						t.Errorf("half a reply: %q", s)
					}
					_ = c.Close()
					return
				}
				if s != fmt.Sprintf(":%d\r\n", n) {
					t.Errorf("reply %d is %q", n, s)
				}
				answered[i] = n
				if n == 100 {
					started.Done()
				}
			}
		})
	}
	started.Wait()
	require.NoError(t, f.stop(testWait))
	require.Zero(t, f.server.Open())
	require.Empty(t, f.server.all())
	traffic.Wait()
	for i, n := range answered {
		require.Equal(t, n, f.counter(fmt.Sprint("k", i)), "commands run and replies received")
	}
}

// counter reads an integer key by means of another server over the same data.
func (f *fixture) counter(key string) (n int) {
	f.t.Helper()
	other, err := NewServer(f.exec, f.config, f.server.log)
	require.NoError(f.t, err)
	defer func() { require.NoError(f.t, other.Stop(context.Background())) }()
	l, err := Listen("127.0.0.1", 0)
	require.NoError(f.t, err)
	f.addr = l.Addr().String()
	other.Serve(l, nil)
	c := f.dial()
	defer c.Close()
	c.send(request("GET", key))
	c.line()
	_, err = fmt.Sscan(c.line(), &n)
	require.NoError(f.t, err)
	return n
}

func TestStopWithPendingOutput(t *testing.T) {
	f := newFixture(t)
	body := strings.Repeat("x", 100_000)
	c := f.narrow()
	c.do("+OK\r\n", "SET", "k", body)
	c.send(strings.Repeat(request("GET", "k"), 100))
	k := f.only()
	f.eventually(func() bool { n, _ := k.out.size(); return n > 0 && k.driver.isIdle() }, "output is pending")
	time.Sleep(20 * time.Millisecond)
	done := make(chan error, 1)
	go func() { done <- f.stop(testWait) }()
	f.eventually(f.server.stopping.Load, "stopping")
	require.Equal(t, strings.Repeat(bulk(body), 100), c.rest())
	require.NoError(t, <-done)
}

// A client that takes nothing is cut when time is up; one that waits for the end of a pause goes at once.
func TestStopCutsOffWhoIsNotDone(t *testing.T) {
	f := newFixture(t)
	c := f.narrow()
	c.do("+OK\r\n", "SET", "k", strings.Repeat("x", 100_000))
	c.send(strings.Repeat(request("GET", "k"), 200))
	k := f.only()
	f.eventually(func() bool { n, _ := k.out.size(); return n > 0 && k.driver.isIdle() }, "output is pending")
	p := f.dial()
	p.do("+OK\r\n", "CLIENT", "PAUSE", "100000")
	p.send(request("GET", "k"))
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	require.ErrorIs(t, f.stop(200*time.Millisecond), context.DeadlineExceeded)
	require.Less(t, time.Since(start), testWait/2)
	require.Empty(t, f.server.all())
	f.exec.Unpause()
}

func TestStopOfIdleConnectionsIsQuick(t *testing.T) {
	inTime(t, lingerTime, func() {
		f := newFixture(t)
		for range 20 {
			f.dial().do("+PONG\r\n", "PING")
		}
		require.NoError(t, f.stop(testWait))
	})
}

// Connections that come while the server stops are closed and forgotten.
func TestStopWhileClientsCome(t *testing.T) {
	f := newFixture(t)
	stop := make(chan struct{})
	var comers sync.WaitGroup
	for range 4 {
		comers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if c, err := net.Dial("tcp", f.addr); err == nil {
					_, _ = c.Write([]byte("PING\r\n"))
					_ = c.Close()
				}
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, f.stop(testWait))
	close(stop)
	comers.Wait()
	require.Zero(t, f.server.Open())
	require.Empty(t, f.server.all())
}
