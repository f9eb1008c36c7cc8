// engine.go: the seam between connections and what wakes them. An engine accepts sockets and lets connections run when
// something has come: Go's netpoller everywhere, with a goroutine a connection, and on Linux epoll (engine_linux.go). A
// connection's own code is the same on both.

package conn

import (
	"net"
	"runtime"

	"respite/command"
	"respite/config"
)

// engine accepts sockets and drives connections.
type engine interface {
	accept(l net.Listener) (net.Conn, error)
	adopt(c *conn) driver // makes what drives c from begin on
	cycles() []*cycles    // of its pollers
	processors() int      // that goroutines should have; 0: what the runtime has chosen
	stop()                // once, when there are no connections any more
}

// pollerShare of pollerOutOf processors wait for sockets. With epoll the others are for long commands, expiry and the collector; with
// netpoll, where all processors of the runtime wait for sockets, they are for clients and the system's network.
const (
	pollerShare = 3
	pollerOutOf = 4
)

// newEngine starts the engine that the configuration asks for, or the best there is.
func newEngine(now *config.Snapshot, newRound func(onLong func()) *command.Round) (engine, error) {
	n := now.IOPollers
	if n == 0 {
		n = max(runtime.GOMAXPROCS(0)*pollerShare/pollerOutOf, 1)
	}
	if now.IOEngine == config.EngineNetpoll {
		return netpoll{n}, nil
	}
	e, err := newEpoll(n, newRound)
	if err != nil && now.IOEngine == config.EngineAuto {
		return netpoll{n}, nil
	}
	return e, err
}

// driver is what an engine has of one connection. nudge and isIdle may be called from any goroutine, yield, readsWait and
// leave by the one that runs the connection; isHungUp by any, while that one cannot close the socket.
type driver interface {
	begin()               // runs the connection from here on to its end
	nudge()               // makes the connection look whether it is to end, or else rest
	isIdle() bool         // the connection waits for its client
	isHungUp() bool       // the end of the stream has come; the socket must not be closed meanwhile
	tellsHangUp(yes bool) // whether the session is told when that happens though nobody reads
	yield()               // the goroutine is about to wait for something, or will be busy for long
	readsWait(yes bool)   // whether reads of the socket wait
	leave()               // the socket is about to be closed
}

// netpoll is the engine of Go's netpoller. On two processors, which clients share, two that wait for sockets take connections from each
// other and the processor from the clients: with one, GET and SET at depth 1 have 0.89 and 0.86 times redis-server's throughput instead
// of 0.74 and 0.81, and 1.15 and 1.19 times its CPU instead of 1.45 and 1.40; depth 100 has 1.67 times its throughput instead of 2.43.
type netpoll struct{ pollers int }

func (netpoll) accept(l net.Listener) (net.Conn, error) { return l.Accept() }

func (netpoll) adopt(c *conn) driver { return &netpolled{conn: c} }

func (netpoll) cycles() []*cycles { return nil }

func (n netpoll) processors() int { return n.pollers }

func (netpoll) stop() {}

// netpolled is a connection that has a goroutine of its own.
type netpolled struct {
	*conn
	watch hangUpWatch
}

func (n *netpolled) begin()         { go n.serve() }
func (n *netpolled) nudge()         { _ = n.socket.SetReadDeadline(longAgo()) } // the goroutine's read returns at once
func (n *netpolled) isIdle() bool   { return n.parked.Load() }
func (n *netpolled) isHungUp() bool { return socketHungUp(n.socket) }
func (*netpolled) yield()           {}
func (*netpolled) readsWait(bool)   {}
func (*netpolled) leave()           {}

// tellsHangUp implements driver.
func (n *netpolled) tellsHangUp(yes bool) {
	if yes {
		n.watch.begin(n.socket, n.session.HangUp)
	} else {
		n.watch.end()
	}
}
