// MIGRATE between this server and a real one: what either sends, the other takes, and who is told what when it does not.

package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/oracle"
	"respite/shards"
)

// peer is a server that keys are moved from or to.
type peer struct {
	name       string
	host, port string
	conn       *oracle.Conn
}

func newPeer(t *testing.T, name, addr string, dial oracle.Dialer) *peer {
	t.Helper()
	c, err := oracle.Connect(dial, resp2)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	return &peer{name, host, port, c}
}

// moves sends MIGRATE to a server.
func (p *peer) moves(t *testing.T, to *peer, args ...string) string {
	t.Helper()
	v, err := p.conn.Do(append([]string{"MIGRATE", to.host, to.port}, args...)...)
	require.NoError(t, err)
	return v.String()
}

// refusalText is a reply that is one error.
func refusalText(text string) string { return oracle.Value{Kind: '-', Text: text}.String() }

// statusText is a reply that is a status.
func statusText(text string) string { return oracle.Value{Kind: '+', Text: text}.String() }

func TestMigrate(t *testing.T) {
	ours, real := startServer(t), oracle.Start(t)
	a, b := newPeer(t, "ours", ours.Addr, ours.dial), newPeer(t, "real", real.Addr, real.Dial)
	for _, way := range [][2]*peer{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		t.Run(from.name+" to "+to.name, func(t *testing.T) { migrateAll(t, from, to) })
	}
}

// TestMigrateToOneself moves a key to another database of the same server.
func TestMigrateToOneself(t *testing.T) {
	ours := startServer(t, "--shards", "1")
	p := newPeer(t, "ours", ours.Addr, ours.dial)
	do(t, p.conn, "SET", "k", "v")
	require.Equal(t, statusText("OK"), p.moves(t, p, "k", "1", "1000"))
	require.True(t, do(t, p.conn, "GET", "k").Null)
	do(t, p.conn, "SELECT", "1")
	require.Equal(t, "v", do(t, p.conn, "GET", "k").Text)
}

// migrateAll asks one server to move keys to another, in all the ways there are.
func migrateAll(t *testing.T, from, to *peer) {
	do(t, from.conn, "FLUSHALL")
	do(t, to.conn, "FLUSHALL")
	gone := func(p *peer, keys ...string) {
		require.Equal(t, ":0", do(t, p.conn, append([]string{"EXISTS"}, keys...)...).String())
	}
	do(t, from.conn, "RPUSH", "list", "a", "b", "c")
	do(t, from.conn, "SET", "k", "v", "PX", "100000")
	require.Equal(t, statusText("OK"), from.moves(t, to, "list", "0", "1000"))
	gone(from, "list")
	require.Len(t, do(t, to.conn, "LRANGE", "list", "0", "-1").Elems, 3)

	require.Equal(t, statusText("OK"), from.moves(t, to, "k", "0", "1000", "COPY"))
	require.Equal(t, "v", do(t, from.conn, "GET", "k").Text)
	left, _ := do(t, to.conn, "PTTL", "k").Int()
	require.Greater(t, left, int64(50_000))
	require.LessOrEqual(t, left, int64(100_000))

	busy := refusalText("ERR Target instance replied with error: BUSYKEY Target key name already exists.")
	require.Equal(t, busy, from.moves(t, to, "k", "0", "1000"))
	require.Equal(t, "v", do(t, from.conn, "GET", "k").Text)
	do(t, from.conn, "SET", "k", "w")
	require.Equal(t, statusText("OK"), from.moves(t, to, "k", "0", "1000", "REPLACE"))
	gone(from, "k")
	require.Equal(t, "w", do(t, to.conn, "GET", "k").Text)

	do(t, from.conn, "MSET", "a", "1", "k", "2", "b", "3", "c", "4")
	require.Equal(t, busy, from.moves(t, to, "", "0", "1000", "KEYS", "a", "k", "absent", "b", "c"))
	gone(from, "a", "b", "c")
	require.Equal(t, "2", do(t, from.conn, "GET", "k").Text)
	require.Equal(t, ":3", do(t, to.conn, "EXISTS", "a", "b", "c").String())

	require.Equal(t, refusalText("ERR Target instance replied with error: ERR DB index is out of range"), from.moves(t, to, "k", "99", "1000", "REPLACE"))
	require.Contains(t, from.moves(t, to, "k", "1", "1000", "AUTH", "secret"), "ERR Target instance replied with error: ERR AUTH")
	require.Contains(t, from.moves(t, to, "k", "1", "1000", "AUTH2", "nobody", "secret"), "ERR Target instance replied with error: WRONGPASS")
	require.Equal(t, "2", do(t, from.conn, "GET", "k").Text)
	require.Equal(t, statusText("OK"), from.moves(t, to, "k", "1", "1000", "REPLACE")) // the target did not mind the wrong password
	do(t, to.conn, "SELECT", "1")
	require.Equal(t, "2", do(t, to.conn, "GET", "k").Text)
	do(t, to.conn, "SELECT", "0")

	do(t, from.conn, "SET", "twice", "x")
	require.Equal(t, busy, from.moves(t, to, "", "0", "1000", "KEYS", "twice", "twice"))
	gone(from, "twice")
	require.Equal(t, "x", do(t, to.conn, "GET", "twice").Text)

	do(t, from.conn, "SET", "huge", strings.Repeat("x", 5<<20))
	require.Equal(t, statusText("OK"), from.moves(t, to, "huge", "0", "5000"))
	require.Equal(t, ":5242880", do(t, to.conn, "STRLEN", "huge").String())
}

// TestMigrateAcrossShards moves keys of all shards, and each of them once.
func TestMigrateAcrossShards(t *testing.T) {
	ours, real := startServer(t, "--shards", "3"), oracle.Start(t)
	from, to := newPeer(t, "ours", ours.Addr, ours.dial), newPeer(t, "real", real.Addr, real.Dial)
	keys := ours.spreadKeys("k", 9)
	for _, key := range keys {
		do(t, from.conn, "RPUSH", key, "x")
	}
	require.Equal(t, statusText("OK"), from.moves(t, to, append([]string{"", "0", "5000", "KEYS"}, keys...)...))
	require.Equal(t, ":0", do(t, from.conn, "DBSIZE").String())
	require.Equal(t, ":9", do(t, to.conn, "DBSIZE").String())
}

// TestMigrateLosesNoChange counts up a key that is moved meanwhile, again and again: what was counted is what both servers have together.
func TestMigrateLosesNoChange(t *testing.T) {
	ours, real := startServer(t), oracle.Start(t)
	from, to := newPeer(t, "ours", ours.Addr, ours.dial), newPeer(t, "real", real.Addr, real.Dial)
	const counts = 2000
	counter := ours.connect(t, resp2)
	var counting sync.WaitGroup
	counting.Add(1)
	var failed error
	go func() {
		defer counting.Done()
		for i := 0; i < counts && failed == nil; i++ {
			_, failed = counter.Do("INCR", "k")
		}
	}()
	moved := 0
	take := func() {
		if from.moves(t, to, "k", "0", "5000") == statusText("OK") {
			n, err := strconv.Atoi(do(t, to.conn, "GETDEL", "k").Text)
			require.NoError(t, err)
			moved += n
		}
	}
	done := make(chan struct{})
	go func() { counting.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			take()
		}
	}
	take()
	require.NoError(t, failed)
	if v := do(t, from.conn, "GET", "k"); !v.Null {
		n, err := strconv.Atoi(v.Text)
		require.NoError(t, err)
		moved += n
	}
	require.Equal(t, counts, moved)
}

// TestMigrateToNobody is told in time, and keeps what it has.
func TestMigrateToNobody(t *testing.T) {
	ours := startServer(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	c := ours.connect(t, resp2)
	do(t, c, "SET", "k", "v")
	_, port, err := net.SplitHostPort(silent.Addr().String())
	require.NoError(t, err)
	for _, command := range [][]string{
		{"MIGRATE", "127.0.0.1", port, "k", "0", "20"},
		{"MIGRATE", "127.0.0.1", port, "", "0", "20", "KEYS", "a", "k"},
	} {
		v, err := c.Do(command...)
		require.NoError(t, err)
		require.Equal(t, refusalText("IOERR error or timeout reading to target instance"), v.String(), fmt.Sprint(command))
	}
	require.Equal(t, "v", do(t, c, "GET", "k").Text)
	do(t, c, "MULTI")
	do(t, c, "MIGRATE", "127.0.0.1", port, "k", "0", "20")
	v, err := c.Do("EXEC")
	require.NoError(t, err)
	require.Equal(t, byte('-'), v.Elems[0].Kind)
	ours.group.Run(ours.group.All(), 0, func(tx *shards.Tx) { require.Zero(t, tx.Watched()) })
}
