package command

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/proto"
	"respite/shards"
	"respite/value"
)

// A command that panics in a transaction is taken back alone, and answers with its own error.
func TestAPanicInsideATransaction(t *testing.T) {
	for _, keys := range []string{"one shard", "all shards"} {
		t.Run(keys, func(t *testing.T) {
			r := newClientsRig(t)
			c := r.connect()
			r.exec.table.byName["append"].Run = func(c *Call) error {
				c.Tx.Write(c.Args[1]).Put(value.KindRaw, []byte("broken"))
				panic("in the middle")
			}
			lines := []string{"MULTI", "SET {k}a 1", "APPEND {k}a x", "APPEND {k}b x", "INCR {k}a", "EXISTS {k}b", "EXEC"}
			want := "*5\r\n+OK\r\n" + strings.Repeat(refusal(errInternal), 2) + ":2\r\n:0\r\n"
			if keys == "all shards" {
				lines = append([]string{lines[0], "DBSIZE"}, lines[1:]...)
				want = strings.Replace(want, "*5\r\n", "*6\r\n:0\r\n", 1)
			}
			got := c.do(lines...)
			require.Equal(t, want, got[strings.IndexByte(got, '*'):])
			require.Equal(t, "$1\r\n2\r\n", c.do("GET {k}a"))
		})
	}
}

// keysOn returns a key on each of the two shards.
func keysOn(r *clientsRig) (zero, one string) {
	for i := 0; zero == "" || one == ""; i++ {
		key := fmt.Sprint("key", i)
		if r.exec.group.Route([]byte(key)) == 0 {
			zero = key
		} else {
			one = key
		}
	}
	return zero, one
}

// A transaction over one shard does not wait for another, and rides in a batch.
func TestATransactionOverOneShardNeedsNoOther(t *testing.T) {
	r := newClientsRig(t)
	zero, one := keysOn(r)
	held, done := make(chan bool), make(chan bool)
	go r.exec.group.Run(shards.Mask{2}, 0, func(*shards.Tx) { close(held); <-done })
	<-held
	c := r.connect()
	require.Equal(t, "+OK\r\n", c.do("WATCH "+zero))
	require.Equal(t, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$1\r\nv\r\n+OK\r\n:1\r\n",
		c.do("MULTI", "SET "+zero+" v", "GET "+zero, "EXEC", "SET "+zero+" 0", "INCR "+zero))
	answered := make(chan string, 1)
	go func() { answered <- r.connect().do("MULTI", "GET "+zero, "GET "+one, "EXEC") }()
	select {
	case got := <-answered:
		t.Fatal("did not wait for the shard that is held: ", got)
	case <-time.After(10 * time.Millisecond):
	}
	close(done)
	require.Equal(t, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\n1\r\n$-1\r\n", <-answered)
}

// What is queued is kept: the buffer that it came in is used again.
func TestQueuedArgumentsAreCopied(t *testing.T) {
	c := newClientsRig(t).connect()
	big := strings.Repeat("x", proto.BigArg)
	c.do("MULTI")
	for _, v := range []string{"first", "second", strings.Repeat("y", 5000), big} {
		args := [][]byte{[]byte("RPUSH"), []byte("l"), []byte(v)}
		require.NoError(t, c.session.Do(args, nil))
		for _, a := range args {
			if len(a) < proto.BigArg {
				clear(a)
			}
		}
	}
	c.do("EXEC")
	got := c.do("LRANGE l 0 -1")
	require.Contains(t, got, "*4\r\n$5\r\nfirst\r\n$6\r\nsecond\r\n$5000\r\nyyyy")
	require.Contains(t, got, big)
}

// However a transaction or a client ends, nobody watches anything any more.
func TestNothingIsLeftOfAWatch(t *testing.T) {
	for _, ending := range []string{
		"UNWATCH", "RESET", "MULTI;DISCARD", "MULTI;EXEC", "MULTI;GET a;EXEC", "MULTI;NOSUCH;EXEC", "SET a 1;MULTI;EXEC", "MULTI;EXEC x",
		"SET a 1;MULTI;GET b;EXEC", "MULTI;DBSIZE;EXEC", "QUIT", "",
	} {
		t.Run(ending, func(t *testing.T) {
			r := newClientsRig(t)
			c := &testClient{t: t}
			c.session = r.exec.NewSession(c)
			c.do("WATCH a b c d e f")
			r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) { require.Equal(t, 6, tx.Watched()) })
			if ending != "" {
				c.do(strings.Split(ending, ";")...)
			}
			if ending == "" || ending == "QUIT" {
				c.session.Close()
			} else {
				defer c.session.Close()
			}
			r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) { require.Zero(t, tx.Watched()) })
		})
	}
}

// A pause that begins in a transaction waits for those before it when the transaction is over: they may wait for its shards.
func TestPauseInsideATransaction(t *testing.T) {
	r := newClientsRig(t)
	c, other := r.connect(), r.connect()
	done := make(chan string, 1)
	go func() { done <- other.do("MULTI", "DBSIZE", "EXEC") }()
	require.Equal(t, "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:0\r\n+OK\r\n+OK\r\n",
		c.do("MULTI", "DBSIZE", "CLIENT PAUSE 60000 WRITE", "SET k v", "EXEC"))
	require.Contains(t, <-done, "*1\r\n:")
	go func() { done <- other.do("MULTI", "SET k w", "EXEC") }()
	select {
	case got := <-done:
		t.Fatal("a pause of writes lets a transaction through that writes: ", got)
	case <-time.After(10 * time.Millisecond):
	}
	require.Equal(t, "$1\r\nv\r\n", c.do("GET k"))
	require.Equal(t, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n", c.do("MULTI", "CLIENT UNPAUSE", "EXEC"))
	require.Equal(t, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n", <-done)
}

// CLIENT UNBLOCK in a transaction ends a wait and does not wait for anybody itself.
func TestUnblockInsideATransaction(t *testing.T) {
	r := newClientsRig(t)
	c, waits := r.connect(), r.connect()
	done := make(chan string, 1)
	go func() { done <- waits.do("BLPOP l 0") }()
	require.Eventually(t, func() bool { return r.exec.Blocked() == 1 }, time.Minute, time.Millisecond)
	require.Equal(t, "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:0\r\n:1\r\n:1\r\n",
		c.do("MULTI", "DBSIZE", fmt.Sprint("CLIENT UNBLOCK ", waits.session.ID), "RPUSH l x", "EXEC"))
	require.Equal(t, "*-1\r\n", <-done)
	require.Equal(t, ":1\r\n", c.do("LLEN l"))
}

// What is queued counts against what a client may have sent.
func TestQueuedCommandsCountAsInput(t *testing.T) {
	r := newClientsRig(t)
	c := r.connect()
	whole := c.session.Limits().MaxQuery
	c.do("MULTI", "SET k 0123456789")
	require.EqualValues(t, whole-3*pointerSize-14, c.session.Limits().MaxQuery)
	c.do("DISCARD")
	require.Equal(t, whole, c.session.Limits().MaxQuery)
}

// BenchmarkTransaction compares a SET and a GET with the same in a transaction, of one shard and of two.
func BenchmarkTransaction(b *testing.B) {
	plain := func(key string) [][]string { return [][]string{benchSet(key), benchGet(key)} }
	for _, bench := range []struct {
		name     string
		commands func(key string) [][]string
	}{
		{"plain", plain},
		{"one shard", func(key string) [][]string {
			return append(append([][]string{{"MULTI"}}, plain(key)...), []string{"EXEC"})
		}},
		{"two shards", func(key string) [][]string {
			return [][]string{{"MULTI"}, benchSet(key), benchGet(key + "x"), {"EXEC"}}
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := benchServer(b, 2).NewSession(quietConn{})
			defer s.Close()
			source := &chunks{}
			for i := range 1 << 14 {
				var all []byte
				for _, args := range bench.commands(fmt.Sprintf("key:%012d", i%benchKeys)) {
					all = proto.AppendCommand(all, args...)
				}
				source.pipelines = append(source.pipelines, all)
			}
			b.ReportAllocs()
			b.ResetTimer()
			play(b, s, source, b.N*len(bench.commands("")))
		})
	}
}
