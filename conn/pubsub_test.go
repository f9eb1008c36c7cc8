package conn

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// subscribed answers SUBSCRIBE to one channel, the nth of the client.
func subscribed(channel string, n int) string {
	return fmt.Sprintf("*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:%d\r\n", len(channel), channel, n)
}

// message is a message as RESP2 has it.
func message(channel, payload string) string {
	return fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(channel), channel, len(payload), payload)
}

// Every subscriber gets the messages of each publisher in order, all of them, whether publishers send them one by one or in
// pipelines, and while others come and go.
func TestMessagesOfAPublisherStayInOrder(t *testing.T) {
	const publishers, subscribers, churners, pipelines, depth = 3, 4, 3, 40, 25
	onEngines(t, func(t *testing.T, f *fixture) {
		var work, churn sync.WaitGroup
		for range subscribers {
			c := f.dial()
			c.do(subscribed("ch", 1), "SUBSCRIBE", "ch")
			work.Go(func() {
				next := make([]int, publishers)
				for range publishers * pipelines * depth {
					p, n := c.numbers()
					if n != next[p] {
						t.Errorf("publisher %d: %d instead of %d", p, n, next[p])
						return
					}
					next[p]++
				}
			})
		}
		stop := make(chan struct{})
		for range churners {
			churn.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					c := f.dial()
					c.send(request("SUBSCRIBE", "ch") + request("PSUBSCRIBE", "c*") + request("PING") + request("UNSUBSCRIBE", "ch"))
					_, _ = c.in.ReadString('\n')
					_ = c.Close()
				}
			})
		}
		for p := range publishers {
			c := f.dial()
			work.Go(func() {
				for i := range pipelines {
					var b strings.Builder
					for j := range depth {
						b.WriteString(request("PUBLISH", "ch", fmt.Sprint(p, " ", i*depth+j)))
					}
					c.send(b.String())
					for range depth {
						if _, err := c.in.ReadString('\n'); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		work.Wait()
		close(stop)
		churn.Wait()
		f.eventually(func() bool { return f.exec.Subscribers("ch") == subscribers }, "those who went have left nothing")
	})
}

// numbers reads a message that says a publisher's number and that of the message.
func (c *client) numbers() (publisher, n int) {
	for range 6 {
		if _, err := c.in.ReadString('\n'); err != nil {
			c.t.Error(err)
			return 0, -1
		}
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Error(err)
	}
	_, err = fmt.Sscanf(line, "%d %d", &publisher, &n)
	if err != nil {
		c.t.Error(err)
	}
	return publisher, n
}

// A client that does not read what it subscribed to is cut at its own limit, and costs publishers and others nothing.
func TestSlowSubscribersAreCut(t *testing.T) {
	f := newFixture(t, "--client-output-buffer-limit", "pubsub 2mb 0 0")
	slow, quick, publisher := f.narrow(), f.dial(), f.dial()
	slow.do(subscribed("ch", 1), "SUBSCRIBE", "ch")
	quick.do(subscribed("ch", 1), "SUBSCRIBE", "ch")
	text := strings.Repeat("x", 100_000)
	for range 100 {
		publisher.send(request("PUBLISH", "ch", text)) // if this waited for the slow one, it would for ever
		line, err := publisher.in.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, []string{":1\r\n", ":2\r\n"}, line)
		quick.expect(message("ch", text))
	}
	f.eventually(func() bool { return f.server.Open() == 2 }, "the slow client is cut")
	slow.cut()
	require.Equal(t, 1, strings.Count(f.log.String(), overLimit))
	publisher.do(":1\r\n", "PUBLISH", "ch", "y")
	quick.expect(message("ch", "y"))
}

// A client whose command waits gets its messages meanwhile, and a publisher's are not kept while its own does.
func TestMessagesPassWaitingCommands(t *testing.T) {
	onEngines(t, func(_ *testing.T, f *fixture) {
		s, p := f.dial(), f.dial()
		s.do(subscribed("ch", 1), "SUBSCRIBE", "ch")
		f.blocked(p, request("PUBLISH", "ch", "before"))
		p.expect(":1\r\n")
		s.expect(message("ch", "before"))
		other := f.dial()
		other.do(":1\r\n", "PUBLISH", "ch", "meanwhile")
		s.expect(message("ch", "meanwhile"))
		other.do(":1\r\n", "RPUSH", "k", "x")
		p.expect("*2\r\n$1\r\nk\r\n$1\r\nx\r\n")
	})
}

// After a client has been told that it has unsubscribed nothing comes of the channel: it would take it for a reply.
func TestNoMessageFollowsTheEndOfASubscription(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fixture) {
		stop := make(chan struct{})
		var flood sync.WaitGroup
		for range 2 {
			p := f.dial()
			flood.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					p.send(strings.Repeat(request("PUBLISH", "ch", "m"), 10))
					for range 10 {
						if _, err := p.in.ReadString('\n'); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		c := f.dial()
		for range 200 {
			c.send(request("SUBSCRIBE", "ch") + request("UNSUBSCRIBE", "ch") + request("ECHO", "end"))
			c.expect(subscribed("ch", 1))
			for c.isMessage() {
				c.expect(message("ch", "m"))
			}
			c.expect("*3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:0\r\n$3\r\nend\r\n")
		}
		close(stop)
		flood.Wait()
	})
}

// isMessage reports whether a message is next.
func (c *client) isMessage() bool {
	const head = "*3\r\n$7\r\n"
	b, err := c.in.Peek(len(head))
	require.NoError(c.t, err)
	return string(b) == head
}

// Many channels and many subscribers, who leave nothing when they go.
func TestManySubscriptions(t *testing.T) {
	const channels, clients = 2000, 10
	f := newFixture(t)
	args := []string{"SUBSCRIBE"}
	for i := range channels {
		args = append(args, "channel:"+strconv.Itoa(i))
	}
	var all []*client
	for range clients {
		c := f.dial()
		c.send(request(args...))
		for i := range channels {
			c.expect(subscribed(args[1+i], i+1))
		}
		all = append(all, c)
	}
	f.dial().do(":10\r\n", "PUBLISH", "channel:77", "x")
	for _, c := range all {
		c.expect(message("channel:77", "x"))
		_ = c.Close()
	}
	f.eventually(func() bool { return f.exec.Subscribers("channel:77") == 0 && len(f.server.all()) == 1 }, "all gone")
	f.dial().do("*0\r\n", "PUBSUB", "CHANNELS")
}
