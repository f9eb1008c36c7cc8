package conn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A client that goes while its command waits is let go at once, and the command does not run.
func TestHangUpWhileWaiting(t *testing.T) {
	f := newFixture(t, "--io-engine", "epoll")
	c := f.dial()
	c.do("+OK\r\n", "CLIENT", "PAUSE", "60000", "WRITE")
	waits := f.dial()
	waits.send(request("PING") + request("INCR", "n"))
	waits.expect("+PONG\r\n")
	f.eventually(func() bool { return f.exec.Blocked() == 1 }, "the INCR waits")
	waits.halfClose()
	f.eventually(func() bool { return f.server.Open() == 1 }, "the client is gone")
	gone := f.dial() // sends its command and its end at once
	cork(t, gone.Conn)
	gone.send(request("INCR", "n"))
	gone.halfClose()
	f.eventually(func() bool { return f.server.Accepted.Load() == 3 && f.server.Open() == 1 }, "the client has come and gone")
	c.do("+OK\r\n", "CLIENT", "UNPAUSE")
	c.do("$-1\r\n", "GET", "n")
	require.Zero(t, f.exec.Blocked())
}
