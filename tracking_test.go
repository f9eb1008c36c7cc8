// Client-side caching: clients keep what they read and drop what they are told to, others change it, and when all is quiet no
// cache may hold anything that is not so any more. A server that loses some invalidations has to be found out.
//
//	go test . -race -run TestCaches -caches 100

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/oracle"
)

var caches = flag.Int("caches", 2, "rounds of the test of caches")

const (
	cachedKeys     = 40
	cachePipeline  = 12 // commands of a client with a cache that it sends together, at most
	ownChanges     = 12 // of how many of them one is a change
	cacheWriters   = 3
	cacheWrites    = 500                    // of one of those
	cacheSettle    = 200 * time.Millisecond // before a look
	cachePatience  = time.Minute            // until nothing may be stale any more
	mislaidRounds  = 10                     // within which a broken server must be found out
	shortLife      = 20                     // ms, at most
	cacheTableSize = "25"
)

// cacher is a client that keeps what it reads.
type cacher struct {
	name     string
	conn     *oracle.Conn
	tracking []string     // what it asks for
	optIn    bool         // it says so before each read
	other    *oracle.Conn // where invalidations come, if not here

	mu     sync.Mutex // guards what follows: with another connection there are two who change it
	cache  map[string]oracle.Value
	asked  map[string]bool // reads under way that nothing has voided
	pushes int
}

func newCacher(t *testing.T, s *testServer, name string, tracking ...string) *cacher {
	t.Helper()
	c, err := oracle.Connect(s.dial, resp3)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &cacher{name: name, conn: c, tracking: tracking, cache: map[string]oracle.Value{}, asked: map[string]bool{}}
}

// newRedirected is a cacher that speaks RESP2 and is told by another connection.
func newRedirected(t *testing.T, s *testServer) *cacher {
	t.Helper()
	c := newCacher(t, s, "redirected")
	var err error
	c.conn, err = oracle.Connect(s.dial, resp2)
	require.NoError(t, err)
	c.other, err = oracle.Connect(s.dial, resp2)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = c.conn.Close(), c.other.Close() })
	id, err := c.other.Do("CLIENT", "ID")
	require.NoError(t, err)
	_, err = c.other.Do("SUBSCRIBE", "__redis__:invalidate")
	require.NoError(t, err)
	c.tracking = []string{"REDIRECT", id.Text}
	return c
}

// start begins to track.
func (c *cacher) start(t *testing.T) {
	t.Helper()
	v, err := c.conn.Do(append([]string{"CLIENT", "TRACKING", "ON"}, c.tracking...)...)
	require.NoError(t, err)
	require.Equal(t, "OK", v.Text)
}

// receive is the next reply. Invalidations before it are obeyed.
func (c *cacher) receive(from *oracle.Conn) (oracle.Value, error) {
	for {
		v, err := from.Receive()
		switch {
		case err != nil:
			return v, err
		case v.Kind == '>' && v.Elems[0].Text == "invalidate":
			c.drop(v.Elems[1])
		case len(v.Elems) == 3 && v.Elems[0].Text == "message":
			c.drop(v.Elems[2])
		default:
			return v, nil
		}
	}
}

// drop forgets the keys of an invalidation, or all.
func (c *cacher) drop(keys oracle.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pushes++
	if isNothing(keys) {
		clear(c.cache)
		clear(c.asked)
	}
	for _, key := range keys.Elems {
		delete(c.cache, key.Text)
		delete(c.asked, key.Text)
	}
}

// keep puts an answer into the cache, unless it has been voided before it came, which only another connection can say.
func (c *cacher) keep(key string, v oracle.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.other == nil || c.asked[key] {
		c.cache[key] = v
	}
	delete(c.asked, key)
}

func (c *cacher) ask(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[key] = true
	delete(c.cache, key)
}

// has reports whether the cache holds a key.
func (c *cacher) has(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.cache[key]
	return ok
}

// work sends pipelines that read what is not in the cache, and change a few keys, until the others are done.
func (c *cacher) work(done <-chan struct{}) error {
	for {
		select {
		case <-done:
			return nil
		default:
		}
		var reads []string // "": another command
		used := map[string]bool{}
		for range 1 + rand.IntN(cachePipeline) {
			key := cachedKey()
			if used[key] || c.has(key) {
				continue
			}
			used[key] = true
			if rand.IntN(ownChanges) == 0 { // its own changes it knows of, told or not: it does not keep these keys
				c.drop(oracle.Value{Elems: []oracle.Value{{Text: key}}})
				c.conn.Queue("SET", key, strconv.Itoa(rand.Int()))
				reads = append(reads, "")
				continue
			}
			if c.optIn {
				c.conn.Queue("CLIENT", "CACHING", "YES")
				reads = append(reads, "")
			}
			c.ask(key)
			c.conn.Queue("GET", key)
			reads = append(reads, key)
		}
		c.conn.Queue("ECHO", "")
		reads = append(reads, "")
		if err := c.conn.Flush(); err != nil {
			return err
		}
		for _, key := range reads {
			v, err := c.receive(c.conn)
			if err != nil {
				return err
			}
			if key != "" {
				c.keep(key, v)
			}
		}
	}
}

// settle hears what is still to be told.
func (c *cacher) settle() error {
	conn, pong := c.conn, "PONG"
	if c.other != nil {
		conn, pong = c.other, "pong"
	}
	conn.Queue("PING")
	if err := conn.Flush(); err != nil {
		return err
	}
	v, err := c.receive(conn)
	if err == nil && v.Text != pong && (len(v.Elems) == 0 || v.Elems[0].Text != pong) {
		err = fmt.Errorf("%s: PING was answered by %s", c.name, v)
	}
	return err
}

// stale is what the cache holds and the server does not.
func (c *cacher) stale(with *oracle.Conn) (found []string, err error) {
	for key, kept := range c.cache {
		v, err := with.Do("GET", key)
		if err != nil {
			return nil, err
		}
		if isNothing(v) != isNothing(kept) || v.Text != kept.Text {
			found = append(found, fmt.Sprintf("%s: %s is %s and was %s", c.name, key, v, kept))
		}
	}
	return found, nil
}

// isNothing reports whether a value is a null, in either protocol.
func isNothing(v oracle.Value) bool { return v.Null || v.Kind == '_' }

func cachedKey() string { return "key:" + strconv.Itoa(rand.IntN(cachedKeys)) }

// upset changes keys in every way that there is.
func upset(c *oracle.Conn) error {
	for i := range cacheWrites {
		key, value := cachedKey(), strconv.Itoa(i)
		switch rand.IntN(16) {
		case 0:
			c.Queue("DEL", key, cachedKey())
		case 1:
			c.Queue("SET", key, value, "PX", strconv.Itoa(1+rand.IntN(shortLife)))
		case 2:
			c.Queue("RENAME", key, cachedKey())
		case 3:
			c.Queue("MSET", key, value, cachedKey(), value, cachedKey(), value)
		case 4:
			for _, args := range [][]string{{"MULTI"}, {"SET", key, value}, {"INCR", cachedKey()}, {"GET", key}, {"EXEC"}} {
				c.Queue(args...)
			}
		case 5:
			c.Queue("COPY", key, cachedKey(), "REPLACE")
		case 6:
			c.Queue("PEXPIRE", key, strconv.Itoa(rand.IntN(shortLife)))
		case 7:
			if rand.IntN(20) == 0 {
				c.Queue([][]string{{"FLUSHDB"}, {"FLUSHALL"}, {"SWAPDB", "0", "9"}}[i%3]...)
			}
		default:
			c.Queue("SET", key, value)
		}
		c.Queue("PING", "done")
		if err := c.Flush(); err != nil {
			return err
		}
		for {
			v, err := c.Receive()
			if err != nil {
				return err
			}
			if v.Text == "done" {
				break
			}
		}
	}
	return nil
}

// cacheRound lets everybody work, and returns what is stale when all is quiet and stays so: on a busy machine the last messages, and keys
// that have expired, may need a while.
func cacheRound(t *testing.T, s *testServer, patience time.Duration) (stale []string) {
	t.Helper()
	all := []*cacher{
		newCacher(t, s, "default"), newCacher(t, s, "noloop", "NOLOOP"), newCacher(t, s, "optin", "OPTIN"),
		newCacher(t, s, "optout", "OPTOUT"), newCacher(t, s, "broadcast", "BCAST"),
		newCacher(t, s, "prefixes", "BCAST", "NOLOOP", "PREFIX", "key:1", "PREFIX", "key:2", "PREFIX", "key:3", "PREFIX", "key:4",
			"PREFIX", "key:5", "PREFIX", "key:6", "PREFIX", "key:7", "PREFIX", "key:8", "PREFIX", "key:9", "PREFIX", "key:0"),
		newRedirected(t, s),
	}
	all[2].optIn = true
	var busy, writing sync.WaitGroup
	done := make(chan struct{})
	failures := make(chan error, len(all)+cacheWriters+1)
	run := func(work func() error) { busy.Go(func() { failures <- work() }) }
	for _, c := range all {
		c.start(t)
		run(func() error { return c.work(done) })
	}
	writing.Add(cacheWriters)
	for range cacheWriters {
		c, err := oracle.Connect(s.dial, resp2)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		run(func() error {
			defer writing.Done()
			return upset(c)
		})
	}
	go func() {
		writing.Wait()
		close(done)
	}()
	ears := make(chan error, 1)
	go func() { // what the redirected one's other connection hears, until it is asked for its PING
		ears <- all[len(all)-1].settleSlowly(&busy)
	}()
	busy.Wait()
	require.NoError(t, <-ears)
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	reader, err := oracle.Connect(s.dial, resp2)
	require.NoError(t, err)
	defer func() { _ = reader.Close() }()
	for until := time.Now().Add(patience); ; {
		time.Sleep(cacheSettle)
		stale = nil
		for _, c := range all {
			require.NoError(t, c.settle())
			found, err := c.stale(reader)
			require.NoError(t, err)
			require.Positive(t, c.pushes, c.name)
			stale = append(stale, found...)
		}
		if len(stale) == 0 || time.Now().After(until) {
			return stale
		}
	}
}

// settleSlowly hears what is told while the others are busy.
func (c *cacher) settleSlowly(others *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { others.Wait(); close(done) }()
	for {
		if err := c.settle(); err != nil {
			return err
		}
		select {
		case <-done:
			return nil
		case <-time.After(time.Millisecond):
		}
	}
}

func TestCachesAreNeverStale(t *testing.T) {
	for _, args := range [][]string{nil, {"--shards", "4", "--tracking-table-max-keys", cacheTableSize}} {
		s := startServer(t, args...)
		for range *caches {
			require.Empty(t, cacheRound(t, s, cachePatience))
		}
	}
}

func TestLostInvalidationsAreFoundOut(t *testing.T) {
	s := startServer(t)
	s.group.Mislay()
	for range mislaidRounds {
		if len(cacheRound(t, s, 0)) > 0 {
			return
		}
	}
	t.Fatal("a server that loses invalidations passed")
}
