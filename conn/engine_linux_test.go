package conn

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/shards"
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

// ownShard0 owns the first shard until free is called.
func (f *fixture) ownShard0() (free func()) {
	held, over := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		f.group.Run(shards.Mask{1}, 0, func(*shards.Tx) {
			close(held)
			<-over
		})
	})
	<-held
	return func() {
		close(over)
		holder.Wait()
	}
}

// Lone commands of several clients run together, but nobody waits for a shard that he does not need.
func TestLoneCommandsOfABusyShard(t *testing.T) {
	f := newFixture(t, "--io-engine", "epoll", "--io-pollers", "1")
	keys := map[int]string{}
	for i := 0; len(keys) < f.group.N(); i++ {
		key := fmt.Sprint("k", i)
		keys[f.group.Route([]byte(key))] = key
	}
	free := f.ownShard0()
	waiting := []*client{f.dial(), f.dial(), f.dial()}
	for _, c := range waiting {
		c.send(request("INCR", keys[0]))
	}
	other := f.dial()
	for i := range 100 {
		other.do(fmt.Sprintf(":%d\r\n", i+1), "INCR", keys[1])
	}
	free()
	var replies []string
	for _, c := range waiting {
		replies = append(replies, c.line())
	}
	require.ElementsMatch(t, []string{":1", ":2", ":3"}, replies)
	other.do("$1\r\n3\r\n", "GET", keys[0])
}

// A lone command that does not fit the read buffer keeps its arguments while it waits for its shard and others are read.
func TestLargeLoneCommandsOfABusyShard(t *testing.T) {
	f := newFixture(t, "--io-engine", "epoll", "--io-pollers", "1")
	keys := make([][]string, f.group.N())
	for i := 100; i < 200; i++ {
		key := fmt.Sprint("k", i)
		on := f.group.Route([]byte(key))
		keys[on] = append(keys[on], key)
	}
	free := f.ownShard0()
	const size = 40_000
	body := func(i int) string { return strings.Repeat(string(rune('a'+i)), size) }
	var waiting []*client
	for i := range 10 {
		c := f.dial()
		c.send(request("SET", keys[0][i], body(i)))
		waiting = append(waiting, c)
	}
	other := f.dial()
	for i := range 20 {
		other.do("+OK\r\n", "SET", keys[1][i], body(i))
	}
	free()
	for i, c := range waiting {
		c.expect("+OK\r\n")
		other.do(bulk(body(i)), "GET", keys[0][i])
	}
	other.do(":30\r\n", "DBSIZE")
}

// A long lone command leaves the poller to others, with the replies of its round on its hands.
func TestLongLoneCommands(t *testing.T) {
	f := newFixture(t, "--io-engine", "epoll", "--io-pollers", "1")
	const elements, each = 60_000, 3_000
	f.dial().do(fmt.Sprintf(":%d\r\n", elements), append([]string{"RPUSH", "l"}, strings.Fields(strings.Repeat("x ", elements))...)...)
	var clients sync.WaitGroup
	want := fmt.Sprintf("*%d\r\n", each) + strings.Repeat("$1\r\nx\r\n", each)
	for range 4 {
		c := f.dial()
		clients.Go(func() {
			for range elements / each / 4 {
				c.do(want, "LPOP", "l", fmt.Sprint(each))
			}
		})
		d := f.dial()
		clients.Go(func() {
			for i := range 200 {
				d.do("+OK\r\n", "SET", fmt.Sprint("k", i), "v")
			}
		})
	}
	clients.Wait()
	f.dial().do(":0\r\n", "LLEN", "l")
}
