package conn

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/command"
)

func (f *fixture) traffic() (n command.Network) {
	f.server.Traffic(&n)
	return n
}

// Requests are read and run in cycles, a client's later ones perhaps in that of an earlier one; what a command waits is in none.
func TestCyclesAreCounted(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		a, b := f.dial(), f.dial()
		a.do("+PONG\r\n", "PING")
		b.do("+PONG\r\n", "PING")
		f.eventually(func() bool { return f.traffic().Writes == 2 }, "both are counted")
		before, n := f.server.Cycles(), f.traffic()
		const times, depth = 50, 7
		for range times {
			a.send(strings.Repeat(request("PING"), depth))
			a.expect(strings.Repeat("+PONG\r\n", depth))
		}
		f.eventually(func() bool { return f.server.Cycles().Count > before.Count }, "cycles")
		now := f.server.Cycles()
		require.LessOrEqual(t, now.Count, before.Count+2*times)
		require.GreaterOrEqual(t, now.MostCommands, int64(depth))
		require.LessOrEqual(t, now.MostCommands, int64(times*depth+2))
		require.Greater(t, now.Nanos, before.Nanos)
		require.GreaterOrEqual(t, now.Nanos, now.Longest)
		require.EqualValues(t, times, f.traffic().Reads-n.Reads)
		f.eventually(func() bool { return f.traffic().Writes == n.Writes+times }, "writes")

		const wait = 300 * time.Millisecond
		b.send(request("BLPOP", "list", "0"))
		time.Sleep(wait)
		a.do(":1\r\n", "RPUSH", "list", "v")
		b.expect("*2\r\n$4\r\nlist\r\n$1\r\nv\r\n")
		a.do("+PONG\r\n", "PING")
		require.Less(t, f.server.Cycles().Longest, int64(wait))
		before = f.server.Cycles()
		a.do("+OK\r\n", "FLUSHALL") // on a goroutine of its own
		f.eventually(func() bool { return f.server.Cycles().Count > before.Count }, "one more")
	})
}

// What a client does not take at once is sent by a goroutine of its own, and that is told apart.
func TestDrainsAreCounted(t *testing.T) {
	f := newFixture(t)
	body := strings.Repeat("x", 1<<20)
	f.dial().do("+OK\r\n", "SET", "k", body)
	require.Zero(t, f.traffic().Drains)
	c := f.narrow()
	c.send(strings.Repeat(request("GET", "k"), 10))
	f.eventually(func() bool { return f.held() > 1<<20 }, "much waits")
	c.expect(strings.Repeat(bulk(body), 10))
	f.eventually(func() bool { return f.traffic().Drains > 0 }, "a drainer has written")
	require.Greater(t, f.traffic().Writes, f.traffic().Drains)
}

func TestCountersBeginAgain(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		c := f.dial()
		c.do("+PONG\r\n", "PING")
		f.eventually(func() bool { return f.server.Cycles().Count > 0 && f.traffic().Writes > 0 }, "a cycle")
		f.server.Reset()
		require.Zero(t, f.server.Cycles())
		require.Zero(t, f.traffic())
		require.Zero(t, f.server.Accepted.Load())
		c.do("+PONG\r\n", "PING")
		f.eventually(func() bool { return f.server.Cycles().Count > 0 && f.traffic().Reads == 1 }, "a cycle")
	})
}

func TestCyclesOfPollersAreAddedUp(t *testing.T) {
	var a, b cycles
	var sum command.Cycles
	a.add(5, 1)
	a.add(3, 9)
	a.addTo(&sum)
	b.add(4, 2)
	b.addTo(&sum)
	require.Equal(t, command.Cycles{Count: 3, Nanos: 12, Longest: 5, MostCommands: 9}, sum)
}
