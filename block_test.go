// Blocking commands, with several clients, over sockets, on every engine: who is served when, and what becomes of those
// who go away. What one or two clients see of it is in command/testdata/blocking.txt.

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/oracle"
)

// onEngines runs a test on servers that differ in what their connections and shards run on.
func onEngines(t *testing.T, test func(t *testing.T, s *testServer)) {
	for _, args := range []string{
		"--shards 2 --io-engine epoll --io-pollers 1", "--shards 3 --io-engine epoll --io-pollers 2 --inline-runs no",
		"--shards 2 --io-engine netpoll",
	} {
		t.Run(args, func(t *testing.T) { test(t, startServer(t, strings.Fields(args)...)) })
	}
}

// blocked waits until so many clients wait.
func (s *testServer) blocked(t testing.TB, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return s.exec.Blocked() == int64(n) }, time.Minute, time.Millisecond, "%d are blocked", n)
}

// nobodyWaits checks that no key is waited for, soon.
func (s *testServer) nobodyWaits(t testing.TB) {
	t.Helper()
	s.blocked(t, 0)
	c := s.connect(t, resp2)
	require.Eventually(t, func() bool {
		return strings.Contains(do(t, c, "INFO", "clients").Text, "total_blocking_keys:0\r\n")
	}, time.Minute, time.Millisecond)
}

// send sends one command and leaves its reply.
func send(t testing.TB, c *oracle.Conn, args ...string) {
	t.Helper()
	c.Queue(args...)
	require.NoError(t, c.Flush())
}

func receive(t testing.TB, c *oracle.Conn) string {
	t.Helper()
	v, err := c.Receive()
	require.NoError(t, err)
	return v.String()
}

// sleepers are clients that wait, the first for longest.
func (s *testServer) sleepers(t testing.TB, n int, args ...string) []*oracle.Conn {
	t.Helper()
	before := int(s.exec.Blocked())
	all := make([]*oracle.Conn, n)
	for i := range all {
		all[i] = s.connect(t, resp2+i%2)
		send(t, all[i], args...)
		s.blocked(t, before+i+1)
	}
	return all
}

func popped(key, elem string) string { return fmt.Sprintf("*2\n  %q\n  %q", key, elem) }

func TestBlockedClientsAreServedInOrder(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		keys := s.spreadKeys("k", 3)
		all := s.sleepers(t, 30, append(append([]string{"BLPOP"}, keys...), "0")...)
		c := s.connect(t, resp2)
		for i := range all {
			do(t, c, "RPUSH", keys[i%3], strconv.Itoa(i))
			require.Equal(t, "0", do(t, c, "LLEN", keys[i%3]).Text)
		}
		for i, sleeper := range all {
			require.Equal(t, popped(keys[i%3], strconv.Itoa(i)), receive(t, sleeper))
		}
		s.nobodyWaits(t)
	})
}

func TestOnePushServesMany(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		all := s.sleepers(t, 20, "BRPOP", "k", "0")
		args := []string{"LPUSH", "k"}
		for i := range all {
			args = append(args, strconv.Itoa(i))
		}
		c := s.connect(t, resp2)
		do(t, c, append(args, "left")...)
		require.Equal(t, "1", do(t, c, "LLEN", "k").Text)
		for i, sleeper := range all {
			require.Equal(t, popped("k", strconv.Itoa(i)), receive(t, sleeper))
		}
		s.nobodyWaits(t)
	})
}

// A thousand clients go while they wait; what is pushed from then on is not for them, though the server may not have noticed.
func TestNothingIsPoppedForWhoIsGone(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		const clients = 1000
		all := make([]*oracle.Conn, clients)
		for i := range all {
			all[i] = s.connect(t, resp2)
			send(t, all[i], "BLPOP", "a", "b", "0")
		}
		s.blocked(t, clients)
		stays := s.sleepers(t, 1, "BRPOP", "b", "0")
		c := s.connect(t, resp2)
		elements := make([]string, clients)
		for i := range elements {
			elements[i] = strconv.Itoa(i)
		}
		for i, gone := range all {
			if i%2 == 0 {
				require.NoError(t, gone.Close())
			} else {
				require.NoError(t, gone.Conn.(*net.TCPConn).CloseWrite())
			}
		}
		do(t, c, append([]string{"RPUSH", "a"}, elements...)...)
		do(t, c, append([]string{"RPUSH", "b"}, elements...)...)
		require.Equal(t, strconv.Itoa(clients), do(t, c, "LLEN", "a").Text)
		require.Equal(t, strconv.Itoa(clients-1), do(t, c, "LLEN", "b").Text)
		require.Equal(t, popped("b", elements[clients-1]), receive(t, stays[0]))
		s.nobodyWaits(t)
		require.Eventually(t, func() bool { return s.conns.Open() == 3 }, time.Minute, time.Millisecond)
	})
}

// A client that hangs up with commands still unread behind the one that waits is gone too.
func TestHangUpBehindAPipeline(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		gone := s.connect(t, resp2)
		send(t, gone, "BLPOP", "k", "0")
		s.blocked(t, 1)
		send(t, gone, "RPUSH", "k", "x")
		require.NoError(t, gone.Conn.(*net.TCPConn).CloseWrite())
		_, err := gone.Receive()
		require.Error(t, err)
		require.Equal(t, "0", do(t, s.connect(t, resp2), "EXISTS", "k").Text)
		s.nobodyWaits(t)
	})
}

func TestUnblockAndKill(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		keys := s.spreadKeys("k", 2)
		all := s.sleepers(t, 9, "BLPOP", keys[0], keys[1], "0")
		var ids []string
		c := s.connect(t, resp2)
		for line := range strings.SplitSeq(do(t, c, "CLIENT", "LIST").Text, "\n") {
			if strings.Contains(line, " flags=b ") {
				ids = append(ids, strings.TrimPrefix(strings.Fields(line)[0], "id="))
			}
		}
		require.Len(t, ids, len(all))
		for i, id := range ids {
			switch i % 3 {
			case 0:
				require.Equal(t, "1", do(t, c, "CLIENT", "UNBLOCK", id).Text)
				require.Contains(t, []string{"*-1", "_"}, receive(t, all[i]))
				require.Equal(t, "PONG", do(t, all[i], "PING").Text)
			case 1:
				require.Equal(t, "1", do(t, c, "CLIENT", "UNBLOCK", id, "ERROR").Text)
				require.Equal(t, "-UNBLOCKED client unblocked via CLIENT UNBLOCK", receive(t, all[i]))
			default:
				require.Equal(t, "1", do(t, c, "CLIENT", "KILL", "ID", id).Text)
				_, err := all[i].Receive()
				require.Error(t, err)
			}
			require.Equal(t, "0", do(t, c, "CLIENT", "UNBLOCK", id).Text)
		}
		do(t, c, "RPUSH", keys[1], "x")
		require.Equal(t, "1", do(t, c, "LLEN", keys[1]).Text)
		s.nobodyWaits(t)
	})
}

// A chain of moves over several shards ends with the element in its last list, and nothing on the way.
func TestChainOfMoves(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		const links = 12
		keys := s.spreadKeys("chain", links+1)
		var all []*oracle.Conn
		for i := range links {
			all = append(all, s.sleepers(t, 1, "BLMOVE", keys[i], keys[i+1], "LEFT", "RIGHT", "0")...)
		}
		last := s.sleepers(t, 1, "BLPOP", keys[links], "0")
		c := s.connect(t, resp2)
		do(t, c, "RPUSH", keys[0], "x")
		for _, sleeper := range all {
			require.Equal(t, `"x"`, receive(t, sleeper))
		}
		require.Equal(t, popped(keys[links], "x"), receive(t, last[0]))
		require.Equal(t, "0", do(t, c, append([]string{"EXISTS"}, keys...)...).Text)
		s.nobodyWaits(t)
	})
}

func TestSwapDBServesAllKeys(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		keys := s.spreadKeys("k", 6)
		var all []*oracle.Conn
		for _, key := range keys {
			all = append(all, s.sleepers(t, 1, "BLPOP", key, "0")...)
		}
		c := s.connect(t, resp2)
		do(t, c, "SELECT", "5")
		for _, key := range keys {
			do(t, c, "RPUSH", key, "of "+key)
		}
		do(t, c, "SWAPDB", "5", "0")
		for i, key := range keys {
			require.Equal(t, popped(key, "of "+key), receive(t, all[i]))
		}
		do(t, c, "SELECT", "0")
		require.Equal(t, "0", do(t, c, "DBSIZE").Text)
		s.nobodyWaits(t)
	})
}

// Replies come in the order of the commands, on both sides of those that wait, also when the pipeline fills the read buffer.
func TestPipelineAroundBlockingCommands(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		keys := s.spreadKeys("q", 2)
		c, pusher := s.connect(t, resp2), s.connect(t, resp2)
		const rounds = 200
		for i := range rounds {
			c.Queue("ECHO", strconv.Itoa(i))
			c.Queue("BLPOP", keys[0], keys[1], "0")
			c.Queue("BLPOP", "nothing", "0.001")
			c.Queue("SET", "seen", strconv.Itoa(i))
		}
		require.NoError(t, c.Flush())
		for i := range rounds {
			require.Equal(t, fmt.Sprintf("%q", strconv.Itoa(i)), receive(t, c))
			if i%3 == 0 {
				s.blocked(t, 1)
			}
			do(t, pusher, "RPUSH", keys[i%2], strconv.Itoa(i))
			require.Equal(t, popped(keys[i%2], strconv.Itoa(i)), receive(t, c))
			require.Equal(t, "*-1", receive(t, c))
			require.Equal(t, "+OK", receive(t, c))
			require.Equal(t, strconv.Itoa(i), do(t, pusher, "GET", "seen").Text)
		}
		s.nobodyWaits(t)
	})
}

func TestTimeouts(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		keys := s.spreadKeys("k", 2)
		c := s.connect(t, resp3)
		start := time.Now()
		send(t, c, "BLPOP", keys[0], keys[1], "0.15")
		require.Equal(t, "_", receive(t, c))
		require.Greater(t, time.Since(start), 150*time.Millisecond)
		v, err := c.Do("BLPOP", "k", "9223372036854775")
		require.NoError(t, err)
		require.Equal(t, "-ERR timeout is out of range", v.String())
		send(t, c, "BLPOP", "k", "9223370000000") // longer than a time.Duration
		s.blocked(t, 1)
		do(t, s.connect(t, resp2), "RPUSH", "k", "x")
		require.Equal(t, popped("k", "x"), receive(t, c))
		s.nobodyWaits(t)
	})
}

// A pause of writes does not end waits, nor keep them from ending; what it holds back serves them when it is over.
func TestPauseAndBlocking(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		waits, short, admin, pusher := s.connect(t, resp2), s.connect(t, resp2), s.connect(t, resp2), s.connect(t, resp2)
		send(t, waits, "BLPOP", "k", "0")
		send(t, short, "BLPOP", "k", "2") // longer than it takes to get all of them where they are wanted
		s.blocked(t, 2)
		do(t, admin, "CLIENT", "PAUSE", "60000", "WRITE")
		send(t, pusher, "RPUSH", "k", "x")
		s.blocked(t, 3)
		require.Equal(t, "*-1", receive(t, short))
		s.blocked(t, 2)
		require.Equal(t, "0", do(t, admin, "EXISTS", "k").Text)
		do(t, admin, "CLIENT", "UNPAUSE")
		require.Equal(t, ":1", receive(t, pusher))
		require.Equal(t, popped("k", "x"), receive(t, waits))
		s.nobodyWaits(t)
	})
}

// A server that stops sends away who waits, for keys or for the end of a pause, and is not held up.
func TestStopWhileClientsWait(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		all := s.sleepers(t, 50, "BLPOP", "k", "0")
		admin, held := s.connect(t, resp2), s.connect(t, resp2)
		do(t, admin, "CLIENT", "PAUSE", "60000")
		send(t, held, "SET", "k", "x")
		s.blocked(t, len(all)+1)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), drainLimit)
		defer cancel()
		require.NoError(t, s.conns.Stop(ctx))
		require.Less(t, time.Since(start), drainLimit/2)
		for _, c := range append(all, held) {
			_, err := c.Receive()
			require.Error(t, err)
		}
	})
}

// MONITOR shows a command that waits when it comes, once; the slow log and the statistics count its work alone.
func TestWhatIsToldOfABlockingCommand(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		c, monitor, pusher := s.connect(t, resp2), s.connect(t, resp2), s.connect(t, resp2)
		do(t, pusher, "CONFIG", "SET", "slowlog-log-slower-than", "1000000")
		do(t, monitor, "MONITOR")
		send(t, c, "BLPOP", "k", "0")
		require.Contains(t, receive(t, monitor), `"BLPOP" "k" "0"`)
		s.blocked(t, 1)
		time.Sleep(1200 * time.Millisecond)
		do(t, pusher, "RPUSH", "k", "x")
		require.Contains(t, receive(t, monitor), `"RPUSH"`)
		require.Equal(t, popped("k", "x"), receive(t, c))
		require.Equal(t, "0", do(t, pusher, "SLOWLOG", "LEN").Text)
		require.Contains(t, do(t, pusher, "INFO", "commandstats").Text, "cmdstat_blpop:calls=1,")
	})
}

// Whatever producers, consumers of every kind, time-outs and UNBLOCK do at once: each element comes out once, or is left.
func TestBlockingStress(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		keys := s.spreadKeys("s", 4)
		pushes := 2000
		if underRace() {
			pushes = 300
		}
		var got sync.Map
		var stop atomic.Bool
		var consumers, producers sync.WaitGroup
		take := func(v oracle.Value) {
			switch {
			case v.Kind == '-' || v.Null || v.Kind == '_':
			case v.Kind == '*' && v.Elems[1].Kind == '*':
				for _, e := range v.Elems[1].Elems {
					if _, twice := got.LoadOrStore(e.Text, true); twice {
						t.Error("twice", e.Text)
					}
				}
			case v.Kind == '*':
				if _, twice := got.LoadOrStore(v.Elems[1].Text, true); twice {
					t.Error("twice", v.Elems[1].Text)
				}
			}
		}
		for i := range 12 {
			c := s.connect(t, resp2)
			id, err := strconv.Atoi(do(t, c, "CLIENT", "ID").Text)
			require.NoError(t, err)
			consumers.Go(func() {
				for !stop.Load() {
					a, b := keys[rand.IntN(4)], keys[rand.IntN(4)]
					var v oracle.Value
					var err error
					switch timeout := strconv.FormatFloat(float64(1+rand.IntN(20))/1000, 'f', -1, 64); rand.IntN(5) {
					case 0:
						v, err = c.Do("BLPOP", a, b, timeout)
					case 1:
						v, err = c.Do("BRPOP", a, timeout)
					case 2:
						v, err = c.Do("BLMPOP", timeout, "2", a, b, "LEFT", "COUNT", "3")
					case 3:
						_, err = c.Do("BLMOVE", a, b, "LEFT", "RIGHT", timeout)
					default:
						_, err = c.Do("CLIENT", "UNBLOCK", strconv.Itoa(id-rand.IntN(i+1)))
					}
					if err != nil {
						t.Error(err)
						return
					}
					take(v)
				}
			})
		}
		for i := range 3 {
			c := s.connect(t, resp2)
			producers.Go(func() {
				for n := range pushes {
					if _, err := c.Do("RPUSH", keys[(n+i)%4], fmt.Sprint(i, ":", n)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		producers.Wait()
		time.Sleep(50 * time.Millisecond)
		stop.Store(true)
		consumers.Wait()
		c := s.connect(t, resp2)
		for _, key := range keys {
			for _, e := range do(t, c, "LRANGE", key, "0", "-1").Elems {
				_, twice := got.LoadOrStore(e.Text, true)
				require.False(t, twice, e.Text)
			}
		}
		count := 0
		got.Range(func(any, any) bool { count++; return true })
		require.Equal(t, 3*pushes, count)
		s.nobodyWaits(t)
	})
}
