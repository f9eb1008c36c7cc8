// cycles.go: what INFO calls the cycles of an event loop. A cycle is what is done between two waits for sockets:
//
//	epoll    a round of a poller, from the moment at which epoll_wait returns until it is called again: reading and running for every
//	         connection that is ready, and sending the replies
//	netpoll  a turn of a connection, from the moment at which it may be read until it waits again, less what its commands waited
//
// A connection that leaves the poller to another goroutine (driver.yield), since its command will be busy for long or wait, has a cycle of
// its own from then until its commands have run, less what they waited. So cycles overlap, and all together may take longer than the server
// has run.

package conn

import (
	"sync/atomic"
	"time"

	"respite/command"
)

// cycles counts those of one poller, or of some connections. The zero value is ready.
type cycles struct {
	count    atomic.Int64
	nanos    atomic.Int64
	longest  atomic.Int64 // nanoseconds
	commands atomic.Int64 // the most in one cycle
	_        [96]byte     // pollers share no cache line
}

// add counts a cycle that took so long and ran so many commands.
func (c *cycles) add(nanos, commands int64) {
	c.count.Add(1)
	c.nanos.Add(nanos)
	raise(&c.longest, nanos)
	raise(&c.commands, commands)
}

// raise makes a maximum no less than n.
func raise(most *atomic.Int64, n int64) {
	for old := most.Load(); n > old; old = most.Load() {
		if most.CompareAndSwap(old, n) {
			return
		}
	}
}

func (c *cycles) addTo(sum *command.Cycles) {
	sum.Count += c.count.Load()
	sum.Nanos += c.nanos.Load()
	sum.Longest = max(sum.Longest, c.longest.Load())
	sum.MostCommands = max(sum.MostCommands, c.commands.Load())
}

func (c *cycles) reset() {
	c.count.Store(0)
	c.nanos.Store(0)
	c.longest.Store(0)
	c.commands.Store(0)
}

// age is how long the server has existed: a clock that is cheap to read.
func (s *Server) age() time.Duration { return time.Since(s.born) }

// takeCount returns how many commands have been taken since it was last called.
func (c *conn) takeCount() (n int64) {
	n, c.taken = c.taken, 0
	return n
}

// endTurn counts a turn, begun at an age of the server, of a connection that is on no poller.
func (c *conn) endTurn(start time.Duration) {
	c.out.traffic.turns.add(int64(c.server.age()-start-c.waited), c.takeCount())
	c.waited = 0
}

// Cycles adds up the cycles since the start, or the last Reset.
func (s *Server) Cycles() (sum command.Cycles) {
	for i := range s.traffic {
		s.traffic[i].turns.addTo(&sum)
	}
	for _, c := range s.engine.cycles() {
		c.addTo(&sum)
	}
	return sum
}

// Reset makes all counters begin again.
func (s *Server) Reset() {
	for i := range s.traffic {
		s.traffic[i].reset()
	}
	for _, c := range s.engine.cycles() {
		c.reset()
	}
	s.Accepted.Store(0)
	s.Rejected.Store(0)
	s.Evicted.Store(0)
}
