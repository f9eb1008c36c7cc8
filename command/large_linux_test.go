// What one element costs in a collection of 5,000,000, by command: the whole way of it, without sockets, and with and without a snapshot.
// shards/collections_bench_test.go has the same collections below the commands, with the turns that free them. A new command that touches
// one element gets a line here.

package command

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"respite/shards"
)

const (
	largeElements = 5_000_000
	largeCalls    = 100_000   // of each command
	largePending  = 2_000_000 // entries of the stream that a consumer has
	largeAtOnce   = 5000      // elements that a command puts in
	largeTooLong  = time.Millisecond
	firstEntry    = 1_700_000_000_000 // milliseconds of the stream's first id
)

// largeKey is a collection: what it is filled by, an element a call, and what is measured.
type largeKey struct {
	name  string
	fill  string
	calls []string
}

// largeKeys are commands, in which <words> stand for what each call draws anew (see drawn). Those that take elements away stand last.
func largeKeys() []largeKey {
	return []largeKey{
		{"hash", "HSET hash <nth> 7", []string{
			"HGET hash <field>",
			"HMGET hash <field>",
			"HEXISTS hash <field>",
			"HSTRLEN hash <field>",
			"HLEN hash",
			"HRANDFIELD hash",
			"HRANDFIELD hash 1 WITHVALUES",
			"HRANDFIELD hash -1",
			"HSCAN hash <cursor> COUNT 1",
			"HTTL hash FIELDS 1 <field>",
			"HSET hash <new> 7",
			"HSET hash <field> <rank>",
			"HSETNX hash <new> 7",
			"HINCRBY hash <field> 100",
			"HINCRBYFLOAT hash <field> 1.5",
			"HDEL hash <field>",
			"HGETDEL hash FIELDS 1 <field>",
			"HEXPIRE hash 1000 FIELDS 1 <field>",
			"HGETEX hash EX 2000 FIELDS 1 <field>",
			"HSETEX hash EX 3000 FIELDS 1 <field> 7",
			"HGET hash <field>",
			"HLEN hash",
			"HTTL hash FIELDS 1 <field>",
			"HRANDFIELD hash",
			"HSET hash <field> 7",
			"HPERSIST hash FIELDS 1 <field>",
			"HPEXPIREAT hash 1 FIELDS 1 <field>",
			"HPEXPIRE hash 1 FIELDS 1 <field>",
			"HRANDFIELD hash",
		}},
		{"list", "RPUSH list <nth>", []string{
			"LINDEX list <rank>",
			"LRANGE list <rank> <rank>",
			"LRANGE list 0 0",
			"LRANGE list -1 -1",
			"LLEN list",
			"LSET list <rank> <field>",
			"LPUSH list <new>",
			"RPUSH list <new>",
			"LPUSHX list <new>",
			"LMOVE list list LEFT RIGHT",
			"LMOVE list list:2 RIGHT LEFT",
			"RPOPLPUSH list list:2",
			"BLMOVE list list:2 LEFT RIGHT 0",
			"LPOP list",
			"RPOP list",
			"LMPOP 1 list LEFT",
			"BLPOP list 0",
			"BRPOP list 0",
			"BLMPOP 0 1 list RIGHT",
			"LTRIM list 1 -1",
			"LTRIM list 0 -2",
		}},
		{"set", "SADD set <nth>", []string{
			"SISMEMBER set <field>",
			"SMISMEMBER set <field>",
			"SCARD set",
			"SRANDMEMBER set",
			"SRANDMEMBER set 1",
			"SRANDMEMBER set -1",
			"SSCAN set <cursor> COUNT 1",
			"SINTER set set:1",
			"SDIFF set:1 set",
			"SINTERCARD 2 set set:1",
			"SADD set <new>",
			"SADD set <field>",
			"SREM set <field>",
			"SMOVE set set:2 <field>",
			"SPOP set",
			"SPOP set 1",
		}},
		{"zset", "ZADD zset <nth-score> <nth>", []string{
			"ZSCORE zset <field>",
			"ZMSCORE zset <field>",
			"ZRANK zset <field>",
			"ZREVRANK zset <field> WITHSCORE",
			"ZCARD zset",
			"ZCOUNT zset <score> +inf",
			"ZLEXCOUNT zset [<field> +",
			"ZRANGE zset <rank> <rank> WITHSCORES",
			"ZREVRANGE zset <rank> <rank>",
			"ZRANGEBYSCORE zset <score> <score>",
			"ZRANGEBYSCORE zset <score> +inf LIMIT 0 1",
			"ZRANGEBYSCORE zset -inf +inf LIMIT <rank> 1",
			"ZREVRANGEBYSCORE zset <score> -inf LIMIT 0 1",
			"ZRANGEBYLEX zset [<field> + LIMIT 0 1",
			"ZREVRANGEBYLEX zset [<field> - LIMIT 0 1",
			"ZRANGESTORE zset:2 zset <rank> <rank>",
			"ZRANDMEMBER zset",
			"ZRANDMEMBER zset 1 WITHSCORES",
			"ZRANDMEMBER zset -1",
			"ZSCAN zset <cursor> COUNT 1",
			"ZINTER 2 zset zset:1",
			"ZDIFF 2 zset:1 zset",
			"ZINTERCARD 2 zset zset:1",
			"ZADD zset <score> <new>",
			"ZADD zset <score> <field>",
			"ZADD zset XX GT CH <score> <field>",
			"ZADD zset INCR 3 <field>",
			"ZINCRBY zset 1000 <field>",
			"ZREM zset <field>",
			"ZREMRANGEBYRANK zset <rank> <rank>",
			"ZREMRANGEBYSCORE zset <score> <score>",
			"ZPOPMIN zset",
			"ZPOPMAX zset",
			"ZMPOP 1 zset MIN",
			"BZPOPMIN zset 0",
			"BZPOPMAX zset 0",
			"BZMPOP 0 1 zset MAX",
		}},
		{"stream", "XADD stream <nth-id> field <nth>", []string{
			"XRANGE stream <id> <id>",
			"XRANGE stream <id> + COUNT 1",
			"XREVRANGE stream <id> - COUNT 1",
			"XREAD COUNT 1 STREAMS stream <id>",
			"XREAD STREAMS stream +",
			"XLEN stream",
			"XINFO STREAM stream",
			"XINFO GROUPS stream",
			"XINFO CONSUMERS stream group",
			"XADD stream * field value",
			"XADD stream MAXLEN ~ 5000000 * field value",
			"XADD stream MAXLEN = 5000000 * field value",
			"XREADGROUP GROUP group one COUNT 1 STREAMS stream >",
			"XREADGROUP GROUP group one COUNT 1 NOACK STREAMS stream >",
			"XREADGROUP GROUP group one COUNT 1 STREAMS stream <pending>",
			"XPENDING stream group",
			"XPENDING stream group <pending> + 1",
			"XPENDING stream group <pending> + 1 one",
			"XCLAIM stream group two 0 <pending>",
			"XCLAIM stream group three 0 <pending> JUSTID",
			"XAUTOCLAIM stream group two 0 <pending> COUNT 1",
			"XACK stream group <pending>",
			"XGROUP CREATE stream <new> <id>",
			"XGROUP SETID stream other <id>",
			"XGROUP CREATECONSUMER stream other <nth>",
			"XGROUP DELCONSUMER stream other <nth>",
			"XDEL stream <id>",
			"XAUTOCLAIM stream group two 0 <pending> COUNT 1",
			"XTRIM stream MINID <nth-id>",
			"XSETID stream 9<id>",
		}},
		{"any", "", []string{
			"TYPE <key>",
			"OBJECT ENCODING <key>",
			"MEMORY USAGE <key>",
			"EXPIRE <key> 100000",
			"PERSIST <key>",
			"RENAME <here> <there>",
		}},
	}
}

// drawn puts values for the words of call n of a row. Two of a kind in one command are the same.
func drawn(row string, n int) []string {
	if !strings.Contains(row, "<") {
		return strings.Fields(row)
	}
	field := func(i int) string { return "element:" + strconv.Itoa(i) }
	id := func(i int) string { return strconv.Itoa(firstEntry+i) + "-0" }
	keys := [...]string{"hash", "list", "set", "zset", "stream"}
	places := [...]string{"list", "elsewhere"}
	return strings.Fields(strings.NewReplacer(
		"<field>", field(rand.IntN(largeElements)),
		"<new>", "new:"+strconv.FormatUint(rand.Uint64(), 10),
		"<rank>", strconv.Itoa(rand.IntN(largeElements/2)), // some have been taken away
		"<score>", strconv.Itoa(rand.IntN(largeElements)),
		"<id>", id(rand.IntN(largeElements)),
		"<pending>", id(rand.IntN(largePending)),
		"<cursor>", strconv.FormatUint(uint64(rand.Uint32()), 10),
		"<nth>", field(n),
		"<nth-score>", strconv.Itoa(n*7919%largeElements), // far from its neighbours'
		"<nth-id>", id(n),
		"<key>", keys[n%len(keys)],
		"<here>", places[n%2],
		"<there>", places[1-n%2],
	).Replace(row))
}

// BenchmarkLargeElements has one collection of 5,000,000 elements of each type, says what a forced garbage collection costs, and then what
// each command costs that touches one element, without and with a snapshot open. Costs are CPU time of the thread, which runs the shard
// inline: by the clock some of so many calls last milliseconds on a busy machine because something else runs. It runs
// for some minutes:
//
//	go test ./command -run '^$' -bench LargeElements -benchtime 1x -v
func BenchmarkLargeElements(b *testing.B) {
	l := newLarge(b)
	keys := largeKeys()
	for _, k := range keys {
		if k.fill != "" {
			l.fill(b, &k)
			b.Logf("%s: %d MB in all", k.name, l.exec.group.Used()>>20)
		}
	}
	b.Logf("a forced garbage collection: %.1f ms of CPU", collectorTime())
	for _, k := range keys {
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				for _, row := range k.calls {
					l.measure(b, row)
				}
			}
		})
	}
}

// large is a session that runs one command after the other.
type large struct {
	exec *Executor
	s    *Session
	w    *bufio.Writer
	sent firstByte
	args [][]byte
}

// firstByte is what a reply begins with.
type firstByte struct{ b byte }

func (f *firstByte) Write(p []byte) (int, error) {
	if f.b == 0 {
		f.b = p[0]
	}
	return len(p), nil
}

func newLarge(b *testing.B) *large {
	b.Helper()
	l := &large{exec: benchServer(b, 1)}
	l.s = l.exec.NewSession(quietConn{})
	b.Cleanup(l.s.Close)
	l.w = bufio.NewWriterSize(&l.sent, 16<<10)
	return l
}

// do runs a command, which must not be refused, and returns the CPU time and the time that it took.
func (l *large) do(b *testing.B, words []string) (cpu, elapsed time.Duration) {
	l.args = l.args[:0]
	for _, word := range words {
		l.args = append(l.args, []byte(word))
	}
	l.sent.b = 0
	began, start := time.Now(), threadTime()
	err := l.s.Do(l.args, l.w)
	if err == nil {
		err = l.s.Flush(l.w)
	}
	cpu, elapsed = threadTime()-start, time.Since(began)
	if err == nil {
		err = l.w.Flush()
	}
	if err != nil || l.sent.b == '-' {
		b.Fatalf("%q is refused: %v", words, err)
	}
	return cpu, elapsed
}

// fill makes a collection, and what is needed beside it.
func (l *large) fill(b *testing.B, k *largeKey) {
	for i := 0; i < largeElements; {
		words := drawn(k.fill, i)
		for i++; i%largeAtOnce > 0 && k.name != "stream"; i++ {
			words = append(words, drawn(k.fill, i)[2:]...)
		}
		l.do(b, words)
	}
	switch k.name {
	case "set":
		l.do(b, drawn("SADD set:1 <nth>", 1))
	case "zset":
		l.do(b, drawn("ZADD zset:1 1 <nth>", 1))
	case "stream":
		l.do(b, drawn("XGROUP CREATE stream group 0", 0))
		l.do(b, drawn("XGROUP CREATE stream other 0", 0))
		for range largePending / largeAtOnce {
			l.do(b, drawn("XREADGROUP GROUP group one COUNT "+strconv.Itoa(largeAtOnce)+" STREAMS stream >", 0))
		}
	}
}

// measure runs one command many times, without and with a snapshot, and prints what it cost.
func (l *large) measure(b *testing.B, row string) {
	b.Helper()
	without := l.series(b, row, 0)
	sn, err := l.exec.group.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	with := l.series(b, row, largeCalls)
	for more := true; more; { // nothing is left of it for the next row
		more, _ = sn.Step(0, largeAtOnce, func(*shards.Entry) bool { return true })
	}
	b.Logf("%-58s %s   %s", row, without, with)
}

// series is the table's part for so many calls.
func (l *large) series(b *testing.B, row string, from int) string {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cpu, elapsed := make([]time.Duration, largeCalls), make([]time.Duration, largeCalls)
	for n := range cpu {
		cpu[n], elapsed[n] = l.do(b, drawn(row, from+n))
	}
	slices.Sort(cpu)
	slices.Sort(elapsed)
	over, _ := slices.BinarySearch(cpu, largeTooLong)
	rare := largeCalls - 1 - largeCalls/1000
	return fmt.Sprintf("p50 %5.1f, p99.9 %6.1f (clock %6.1f), max %7.1f µs, %d over %v",
		micros(cpu[largeCalls/2]), micros(cpu[rare]), micros(elapsed[rare]), micros(cpu[largeCalls-1]), largeCalls-over, largeTooLong)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// threadTime is the CPU time of the calling thread so far.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// collectorTime is the CPU time of a forced garbage collection in milliseconds.
func collectorTime() float64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(sample)
	before := sample[0].Value.Float64()
	runtime.GC()
	metrics.Read(sample)
	return (sample[0].Value.Float64() - before) * 1000
}
