package command

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/proto"
	"respite/shards"
	"respite/value"
)

// yieldCounter is a connection that counts how often its goroutine was left to others.
type yieldCounter struct {
	quietConn
	yields atomic.Int32
}

func (c *yieldCounter) Yield() { c.yields.Add(1) }

// yields is how often a command lets others go on before it goes on itself. A shard may be busy by chance, which counts too: the
// least of some tries is taken.
func (r *serverRig) yields(c *yieldCounter, s *Session, tries int, words ...string) int32 {
	r.t.Helper()
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	least := int32(100)
	for range tries {
		c.yields.Store(0)
		w := bufio.NewWriter(io.Discard)
		require.NoError(r.t, s.Do(args, w))
		require.NoError(r.t, s.Flush(w))
		if least = min(least, c.yields.Load()); least == 0 {
			return 0
		}
		time.Sleep(time.Millisecond)
	}
	return least
}

// fill makes collections of n elements at {x}list, {x}set, ... and strings of as many bytes for each as are as long to look at.
func (r *serverRig) fill(n int) {
	var list, set, zset, hash, geo, others []string
	for i := range n {
		e := fmt.Sprint("element:", i)
		list, set, zset, hash = append(list, fmt.Sprint(i)), append(set, e), append(zset, fmt.Sprint(i), e), append(hash, e, fmt.Sprint(i))
		geo = append(geo, fmt.Sprint(float64(i%360)-180), fmt.Sprint(float64(i%160)-80), e)
		others = append(others, fmt.Sprint("other:", i))
		r.run("XADD", "{x}stream", "*", "f", "v")
	}
	put := func(name, key string, elements []string) { r.run(append([]string{name, key}, elements...)...) }
	put("RPUSH", "{x}list", list)
	put("SADD", "{x}set", set)
	put("SADD", "{x}others", others)
	put("ZADD", "{x}zset", zset)
	put("HSET", "{x}hash", hash)
	put("GEOADD", "{x}geo", geo)
	r.run("SET", "{x}string", strings.Repeat("x", n*manyBytes/manyElements))
	put("SET", "{x}a", []string{strings.Repeat("a", n)})
	put("SET", "{x}b", []string{strings.Repeat("b", n)})
	r.run("XGROUP", "CREATE", "{x}stream", "g", "0")
	r.run("XREADGROUP", "GROUP", "g", "c", "STREAMS", "{x}stream", ">")
}

// longCommands go over a whole collection, and over all of one that is long.
var longCommands = []string{
	"HGETALL {x}hash", "HKEYS {x}hash", "HVALS {x}hash", "HRANDFIELD {x}hash 3000", "HRANDFIELD {x}hash -3000", "HSCAN {x}hash 0 COUNT 3000",
	"SMEMBERS {x}set", "SRANDMEMBER {x}set 2900", "SRANDMEMBER {x}set -3000", "SSCAN {x}set 0 COUNT 3000", "SINTER {x}set {x}set", "SUNION {x}set {x}others",
	"SDIFF {x}set {x}others", "SINTERCARD 2 {x}set {x}set", "SINTERSTORE {x}to {x}set {x}set", "SUNIONSTORE {x}to {x}set {x}others",
	"SDIFFSTORE {x}to {x}set {x}others", "SORT {x}list", "SORT {x}set ALPHA", "SORT_RO {x}zset BY nosort ALPHA", "SORT {x}list STORE {x}to",
	"LRANGE {x}list 0 -1", "LPOS {x}list none", "LINSERT {x}list BEFORE none x", "LREM {x}list 0 none", "ZRANGE {x}zset 0 -1", "ZRANGEBYSCORE {x}zset -inf +inf",
	"ZREVRANGEBYLEX {x}zset + -", "ZRANGESTORE {x}to {x}zset 0 -1", "ZUNION 2 {x}zset {x}others", "ZINTER 2 {x}zset {x}set", "ZDIFF 2 {x}zset {x}others",
	"ZINTERCARD 2 {x}zset {x}set", "ZUNIONSTORE {x}to 2 {x}zset {x}others", "ZRANDMEMBER {x}zset 2900", "ZRANDMEMBER {x}zset -3000", "ZSCAN {x}zset 0 COUNT 3000",
	"GEOSEARCH {x}geo FROMLONLAT 0 0 BYRADIUS 9000 km", "XRANGE {x}stream - +", "XREVRANGE {x}stream + -", "XREAD STREAMS {x}stream 0",
	"XREADGROUP GROUP g c STREAMS {x}stream 0", "XPENDING {x}stream g - + 3000", "XINFO STREAM {x}stream FULL COUNT 0", "XAUTOCLAIM {x}stream g c 0 0 COUNT 3000",
	"BITCOUNT {x}string", "BITPOS {x}string 1 0 -1", "BITOP NOT {x}to {x}string", "DUMP {x}hash", "COPY {x}zset {x}to REPLACE", "MEMORY USAGE {x}hash SAMPLES 0",
	"LCS {x}a {x}b LEN",
}

// shortCommands look into long collections, and change them, without going over them.
var shortCommands = []string{
	"HGET {x}hash element:1", "HSET {x}hash element:1 1", "HRANDFIELD {x}hash 10", "HSCAN {x}hash 0", "HLEN {x}hash", "SISMEMBER {x}set element:1", "SRANDMEMBER {x}set 10",
	"SSCAN {x}set 0", "SINTER {x}set {x}none", "SINTERCARD 2 {x}few {x}set", "LRANGE {x}list 0 9", "LRANGE {x}list -10 -1", "LINDEX {x}list 1500", "RPUSH {x}list 1", "LPOP {x}list 10",
	"ZRANGE {x}zset 0 9", "ZREVRANGE {x}zset 0 9 WITHSCORES", "ZRANGEBYSCORE {x}zset 5 10", "ZCOUNT {x}zset -inf +inf", "ZADD {x}zset 1 element:1", "ZRANK {x}zset element:9", "ZINTER 2 {x}zset {x}few",
	"XRANGE {x}stream - + COUNT 10", "XADD {x}stream MAXLEN ~ 3000 * f v", "XLEN {x}stream", "GETBIT {x}string 9", "SETBIT {x}string 9 1", "GETRANGE {x}string 0 -1", "GET {x}string",
	"TYPE {x}hash", "EXPIRE {x}hash 1000", "RENAME {x}to {x}to2", "UNLINK {x}to2",
}

func TestLongCommandsLetOthersGoOn(t *testing.T) {
	r := newServerRig(t)
	r.fill(manyElements + 500)
	r.run("SADD", "{x}few", "a", "b")
	c := &yieldCounter{}
	s := r.exec.NewSession(c)
	defer s.Close()
	for _, line := range longCommands {
		require.NotZero(t, r.yields(c, s, 1, strings.Fields(line)...), line)
	}
	many := []string{"DEL"}
	for i := range 4 * manyElements {
		many = append(many, fmt.Sprint("none:", i))
	}
	require.NotZero(t, r.yields(c, s, 1, many...))
	for _, line := range shortCommands {
		require.Zero(t, r.yields(c, s, 5, strings.Fields(line)...), line)
	}
}

func TestShortCollectionsAreShort(t *testing.T) {
	r := newServerRig(t)
	r.fill(300)
	c := &yieldCounter{}
	s := r.exec.NewSession(c)
	defer s.Close()
	for _, line := range longCommands {
		switch strings.Fields(line)[0] {
		case "HRANDFIELD", "SRANDMEMBER", "ZRANDMEMBER", "HSCAN", "SSCAN", "ZSCAN": // told how many
		default:
			require.Zero(t, r.yields(c, s, 5, strings.Fields(line)...), line)
		}
	}
}

// callFor is a call whose handler has run over all shards.
func (r *serverRig) callFor(handler func(c *Call)) *Call {
	c := &Call{Reply: &proto.Reply{}, Server: r.exec}
	c.Reply.Reset(2)
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) {
		c.Tx = tx
		handler(c)
	})
	return c
}

// A long reply makes room for itself. That misleads neither what follows in the pipeline nor a command that writes less.
func TestRoomForLongReplies(t *testing.T) {
	r := newServerRig(t)
	const n = 20 * manyElements
	r.fill(n)
	require.Equal(t, n, strings.Count(r.do("SMEMBERS {x}set"), "element:"))
	require.Equal(t, 2*n, strings.Count(r.do("HGETALL {x}hash"), "$"))
	require.Equal(t, n, strings.Count(r.do("LRANGE {x}list 0 -1"), "$"))
	require.Equal(t, 3*n, strings.Count(r.do(fmt.Sprint("SRANDMEMBER {x}set -", 3*n)), "$"))

	c := r.callFor(func(c *Call) {
		c.long(n)
		for range n {
			c.replyElement(value.Element{Text: []byte("element")})
		}
		c.long(1 << 40)
		for range 2 * breath {
			c.replyElement(value.Element{Text: []byte("element")})
		}
	})
	require.Less(t, c.Reply.Len(), mostRoom)
}

// A long reply whose elements differ finds its room between elements, where it is made step by step: append would move all at once.
func TestLongRepliesDoNotOutgrowTheirRoom(t *testing.T) {
	r := newServerRig(t)
	const n, longest = 300 * breath, 200 // 32 MiB
	rng := rand.New(rand.NewPCG(1, 2))
	text := bytes.Repeat([]byte("e"), longest)
	r.callFor(func(c *Call) {
		c.long(n)
		for i := range n {
			if i >= breath && i%breath != breath-1 { // else the reply breathes first
				require.Greater(t, c.Reply.Room(), longest+len("$200\r\n\r\n"), i)
			}
			c.replyElement(value.Element{Text: text[:rng.IntN(longest)]})
		}
	})
}
