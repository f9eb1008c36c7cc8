package conn

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// onEngines runs a test on every engine.
func onEngines(t *testing.T, test func(t *testing.T, f *fixture)) {
	for _, engine := range []string{"auto", "epoll", "netpoll"} {
		if engine == "epoll" {
			if _, err := newEpoll(0, nil); err != nil {
				continue // not on this system
			}
		}
		t.Run(engine, func(t *testing.T) { test(t, newFixture(t, "--io-engine", engine)) })
	}
}

// blocked makes a client wait for a key.
func (f *fixture) blocked(c *client, before string) {
	f.t.Helper()
	n := f.exec.Blocked()
	c.send(before + request("BLPOP", "k", "0"))
	f.eventually(func() bool { return f.exec.Blocked() == n+1 }, "blocked")
}

func TestPushesPassAWaitingCommand(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		c := f.dial()
		f.blocked(c, request("PING"))
		c.expect("+PONG\r\n")
		k := f.only()
		k.out.push([]byte("+news\r\n"))
		c.expect("+news\r\n")
		f.dial().do(":1\r\n", "RPUSH", "k", "x")
		c.expect("*2\r\n$1\r\nk\r\n$1\r\nx\r\n")
		k.out.push([]byte("+more\r\n"))
		c.expect("+more\r\n")
		c.do("+PONG\r\n", "PING")
	})
}

func TestHangUpEndsAWait(t *testing.T) {
	onEngines(t, func(_ *testing.T, f *fixture) {
		for _, hangUp := range []func(c *client){
			func(c *client) { _ = c.Close() },
			func(c *client) { c.halfClose() },
			func(c *client) { c.send(request("PING")); c.halfClose() },
		} {
			c := f.dial()
			f.blocked(c, "")
			hangUp(c)
			f.eventually(func() bool { return f.exec.Blocked() == 0 && len(f.server.all()) == 0 }, "gone")
		}
	})
}

func TestTLSHangUpEndsAWait(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		a := newAuthority(t)
		f.secure(a.server())
		c := f.dialTLS(&tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1"})
		f.blocked(c, request("PING"))
		c.expect("+PONG\r\n")
		_ = c.Close()
		f.eventually(func() bool { return f.exec.Blocked() == 0 && len(f.server.all()) == 0 }, "gone")
	})
}

// A client that says more while its command waits has not hung up.
func TestBytesAreNoHangUp(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		c := f.dial()
		f.blocked(c, "")
		for range 3 {
			c.send(request("PING"))
			f.dial().do("+PONG\r\n", "PING")
		}
		require.EqualValues(t, 1, f.exec.Blocked())
		f.dial().do(":1\r\n", "RPUSH", "k", "x")
		c.expect("*2\r\n$1\r\nk\r\n$1\r\nx\r\n+PONG\r\n+PONG\r\n+PONG\r\n")
	})
}

// Connections whose hang-up nobody can see work all the same.
func TestWaitOnAStrangeSocket(t *testing.T) {
	onEngines(t, func(_ *testing.T, f *fixture) {
		c := f.wrapped(func(c net.Conn) net.Conn { return struct{ net.Conn }{c} })
		f.blocked(c, "")
		f.dial().do(":1\r\n", "RPUSH", "k", "x")
		c.expect("*2\r\n$1\r\nk\r\n$1\r\nx\r\n")
	})
}

// A wait leaves the poller to others, whatever number of clients waits.
func TestWaitsLeaveThePoller(t *testing.T) {
	onEngines(t, func(_ *testing.T, f *fixture) {
		for range 50 {
			f.blocked(f.dial(), "")
		}
		c := f.dial()
		for range 50 {
			c.do("+PONG\r\n", "PING")
		}
		c.do(":50\r\n", append([]string{"RPUSH", "k"}, make([]string, 50)...)...)
		f.eventually(func() bool { return f.exec.Blocked() == 0 }, "served")
		c.do("$-1\r\n", "GET", "k")
	})
}
