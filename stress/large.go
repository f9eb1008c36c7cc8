// Suite large: collections of a million elements are read whole, put together, sorted, removed and overwritten, while bystanders
// at fixed rates ask for something short: PING, a string on the same shard, and a string on another one, where there are shards.
// Who needs nothing of the shard that is busy must not be kept waiting; for the others the figures show for how long the
// collection's owner has to itself what it works on. Removal must cost nobody more than a moment whatever the size.

package stress

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"strconv"
	"time"

	"respite/proto"
)

// Shape of the load.
const (
	largeElements  = 1_000_000
	largeRate      = 2000 // of PING, requests per second
	largePingers   = 20
	largeReaders   = 5                      // of each string
	largeReadShare = 4                      // PINGs for each read of either string
	largeLead      = 300 * time.Millisecond // for the bystanders to connect
	largeRead      = 256 << 10              // bytes at once of a long reply
	largeCalm      = 50 * time.Microsecond  // before each
	largeBatch     = 500                    // elements a command
	largeDepth     = 8                      // commands a pipeline
	largeApart     = 300 * time.Millisecond // at least
	largeApartEach = 400 * time.Nanosecond  // an element
	largeText      = "element:%08d"
	largeValue     = "a short one"
	largeSettle    = 20 * time.Second // until the nodes of what was removed are free
)

// large carries the state of the suite.
type large struct {
	*Run
	watch    *client
	n        int
	tag      string // of the collections, and of a string
	otherTag string // of another string
	before   footprint
}

func runLarge(ctx context.Context, r *Run) error {
	l := &large{Run: r, n: or(r.Keys, largeElements)}
	var err error
	if l.watch, err = r.dialer.dial(ctx); err != nil {
		return err
	}
	defer l.watch.close()
	if l.tag, l.otherTag, err = l.watch.tagsApart(); err != nil {
		return err
	}
	if l.before, err = r.footprint(l.watch); err != nil {
		return err
	}
	for _, key := range []string{l.near("string"), l.far("string")} {
		if _, err := l.watch.ask("SET", key, largeValue); err != nil {
			return err
		}
	}
	for _, phase := range []func(context.Context) error{l.calm, l.reads, l.combinations, l.removals, l.recover} {
		if err := phase(ctx); err != nil {
			return err
		}
	}
	return nil
}

// near names a key on the shard of the collections, far one on another.
func (l *large) near(name string) string { return l.key("{%s}:%s", l.tag, name) }
func (l *large) far(name string) string  { return l.key("{%s}:%s", l.otherTag, name) }

// maker is how a type's collections are made.
type maker struct {
	command string
	batch   int // elements a command
	element func(i int) []string
}

var makers = map[string]maker{
	"set":    {"SADD", largeBatch, func(i int) []string { return []string{fmt.Sprintf(largeText, i)} }},
	"hash":   {"HSET", largeBatch, func(i int) []string { return []string{fmt.Sprintf(largeText, i), strconv.Itoa(i)} }},
	"zset":   {"ZADD", largeBatch, func(i int) []string { return []string{strconv.Itoa(i), fmt.Sprintf(largeText, i)} }},
	"list":   {"RPUSH", largeBatch, func(i int) []string { return []string{strconv.Itoa((i * 7919) % largeElements)} }},
	"stream": {"XADD", 1, func(i int) []string { return []string{strconv.Itoa(i+1) + "-0", "field", fmt.Sprintf(largeText, i)} }},
}

// nth is the ith command that makes a collection of n elements, of which the first is from.
func (m *maker) nth(key string, i, from, n int) []string {
	args := []string{m.command, key}
	for e := i * m.batch; e < min((i+1)*m.batch, n); e++ {
		args = append(args, m.element(from+e)...)
	}
	return args
}

// make makes a collection of a type over a connection. The collection's elements begin at an index.
func (l *large) make(ctx context.Context, c *client, kind, key string, from int) error {
	maker := makers[kind]
	commands, depth := (l.n+maker.batch-1)/maker.batch, largeDepth*largeBatch/maker.batch
	m := l.meter(ctx, kind, int64(commands))
	defer m.finish()
	for i := 0; i < commands; i += depth {
		n := min(depth, commands-i)
		for j := range n {
			c.queue(maker.nth(key, i+j, from, l.n)...)
		}
		if err := c.flush(); err != nil {
			return err
		}
		if err := c.drain(n); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m.add(n)
	}
	return nil
}

// bystanders are the loads that are measured.
type bystanders struct {
	*large
	name              string
	ping, same, other *latency
	loads             []*openLoop
}

// beside runs work while bystanders are measured, and reports them.
func (l *large) beside(ctx context.Context, name string, work func(context.Context) error) error {
	b := &bystanders{large: l, name: name, ping: newLatency(), same: newLatency(), other: newLatency()}
	done := make(chan struct{})
	rate := or(l.Rate, largeRate)
	start := time.Now().Add(largeLead)
	b.add(start, done, largePingers, rate, []string{"PING"}, wantText("PONG"), b.ping)
	b.add(start, done, largeReaders, max(rate/largeReadShare, 1), []string{"GET", l.far("string")}, wantText(largeValue), b.other)
	b.add(start, done, largeReaders, max(rate/largeReadShare, 1), []string{"GET", l.near("string")}, wantText(largeValue), b.same)
	err := crew(ctx, 1+len(b.loads), func(ctx context.Context, i int) error {
		if i > 0 {
			return b.loads[i-1].run(ctx)
		}
		defer close(done)
		if !pause(ctx, time.Until(start)) {
			return context.Cause(ctx)
		}
		return work(ctx)
	})
	if err != nil {
		return err
	}
	b.report()
	return nil
}

func (b *bystanders) add(start time.Time, done chan struct{}, connections, rate int, request []string, check func(proto.Value) error, seen *latency) {
	b.loads = append(b.loads, &openLoop{
		Run: b.Run, connections: connections, rate: rate, quit: done,
		from: start, until: start.Add(backlogLongest),
		request: func(int) []string { return request },
		check:   check,
		record:  func(_ time.Time, took time.Duration) { seen.record(took) },
	})
}

// report judges who needs nothing of the collections' shard. A server without shards makes everybody wait, so its GETs are not judged.
func (b *bystanders) report() {
	wrong := int64(0)
	for _, load := range b.loads {
		wrong += load.wrong.count()
	}
	if wrong > 0 {
		b.Check(b.name+": replies", false, "%d wrong", wrong)
	}
	b.Bound(b.name+": PING", b.ping.within(99.9, b.MaxP999), "%s, bound p99.9 %s", b.ping, b.MaxP999)
	b.Note(b.name+": GET, other shard", "%s", b.other)
	b.Note(b.name+": GET, same shard", "%s", b.same)
}

// again runs work over and over for the length of a phase, and says how often.
func (l *large) again(name string, work func() error) func(context.Context) error {
	return func(ctx context.Context) error {
		start, times := time.Now(), 0
		for ; times == 0 || time.Since(start) < l.Phase; times++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := work(); err != nil {
				return err
			}
		}
		took := time.Since(start)
		l.Note(name, "%d times, %.1f ms each", times, float64(took.Milliseconds())/float64(times))
		return nil
	}
}

// calm measures the bystanders alone.
func (l *large) calm(ctx context.Context) error {
	return l.beside(ctx, "alone", func(ctx context.Context) error {
		pause(ctx, l.Phase)
		return nil
	})
}

// reads returns whole collections to a client that takes them nearly as fast as it can.
func (l *large) reads(ctx context.Context) error {
	c, err := l.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	r := bufio.NewReaderSize(calm{c.conn}, largeRead)
	for _, read := range []struct {
		kind  string
		each  int // elements of the reply for one of the collection
		words []string
	}{
		{"set", 1, []string{"SMEMBERS", l.near("set")}},
		{"hash", 2, []string{"HGETALL", l.near("hash")}},
		{"zset", 1, []string{"ZRANGE", l.near("zset"), "0", "-1"}},
		{"list", 1, []string{"LRANGE", l.near("list"), "0", "-1"}},
	} {
		if err := l.make(ctx, l.watch, read.kind, l.near(read.kind), 0); err != nil {
			return err
		}
		err := l.beside(ctx, read.words[0], l.again(read.words[0], func() error {
			c.queue(read.words...)
			if err := c.flush(); err != nil {
				return err
			}
			n, err := skipArray(r)
			if err == nil && n != read.each*l.n {
				err = fmt.Errorf("%s: %d elements of %d", read.words[0], n, read.each*l.n)
			}
			return err
		}))
		if err != nil {
			return err
		}
	}
	return nil
}

// combinations work on collections within the server.
func (l *large) combinations(ctx context.Context) error {
	if err := l.make(ctx, l.watch, "set", l.near("set2"), l.n/2); err != nil {
		return err
	}
	for _, words := range [][]string{
		{"SUNIONSTORE", l.near("to"), l.near("set"), l.near("set2")},
		{"SINTERSTORE", l.near("to"), l.near("set"), l.near("set2")},
		{"ZUNIONSTORE", l.near("to"), "2", l.near("zset"), l.near("set2")},
		{"SORT", l.near("list"), "LIMIT", "0", "10"},
		{"COPY", l.near("hash"), l.near("to"), "REPLACE"},
	} {
		err := l.beside(ctx, words[0], l.again(words[0], func() error {
			_, err := l.watch.ask(words...)
			return err
		}))
		if err != nil {
			return err
		}
	}
	return nil
}

// removal is one way in which a collection goes.
type removal struct {
	name  string
	words func(key string) []string
}

var removalWays = []removal{
	{"UNLINK", func(key string) []string { return []string{"UNLINK", key} }},
	{"DEL", func(key string) []string { return []string{"DEL", key} }},
	{"expiry", func(key string) []string { return []string{"PEXPIRE", key, "10"} }},
	{"SET over", func(key string) []string { return []string{"SET", key, "x"} }},
}

// trimming takes all of a list but one element, which gives up whole subtrees. Elements of other types go one by one.
var trimming = removal{"LTRIM", func(key string) []string { return []string{"LTRIM", key, "0", "0"} }}

// removals makes collections of each type, and then has them go one after the other.
func (l *large) removals(ctx context.Context) error {
	slowest := newLatency()
	for _, kind := range slices.Sorted(maps.Keys(makers)) {
		ways := removalWays
		if kind == "list" {
			ways = append(slices.Clone(ways), trimming)
		}
		for i := range ways {
			if err := l.make(ctx, l.watch, kind, l.victim(i), 0); err != nil {
				return err
			}
		}
		err := l.beside(ctx, "removals of a "+kind, func(ctx context.Context) error {
			for i, way := range ways {
				start := time.Now()
				if _, err := l.watch.ask(way.words(l.victim(i))...); err != nil {
					return err
				}
				took := time.Since(start)
				slowest.record(took)
				l.Note(way.name+" of a "+kind, "%s", short(took))
				if !pause(ctx, l.apart()) {
					return context.Cause(ctx)
				}
			}
			return nil
		})
		if err == nil {
			err = l.unlink(l.watch, l.victims()...)
		}
		if err != nil {
			return err
		}
	}
	l.Bound("slowest removal", slowest.within(100, l.MaxLatency), "%s, bound %s", short(slowest.max()), l.MaxLatency)
	return l.flush(ctx)
}

// apart is how long what was removed is left to be freed.
func (l *large) apart() time.Duration { return max(largeApart, time.Duration(l.n)*largeApartEach) }

func (l *large) victim(i int) string { return l.near("victim:" + strconv.Itoa(i)) }

// victims are all the keys of collections that were to go.
func (l *large) victims() (keys []string) {
	for i := range len(removalWays) + 1 {
		keys = append(keys, l.victim(i))
	}
	return keys
}

// flush empties a database of its own, with a collection of each type: the last one, if it has nothing else.
func (l *large) flush(ctx context.Context) error {
	c, err := l.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	v, err := c.ask("CONFIG", "GET", "databases")
	if err != nil {
		return err
	}
	databases, err := strconv.Atoi(string(v.Elems[len(v.Elems)-1].Str))
	if err != nil || databases < 2 {
		l.Note("FLUSHDB", "not tried: there is no other database")
		return nil
	}
	if _, err := c.ask("SELECT", strconv.Itoa(databases-1)); err != nil {
		return err
	}
	if size, err := c.askInt("DBSIZE"); err != nil || size > 0 {
		l.Note("FLUSHDB", "not tried: the last database is in use%s", because(err))
		return nil
	}
	for kind := range makers {
		key := l.near(kind)
		if err := l.make(ctx, c, kind, key, 0); err != nil {
			return errors.Join(err, l.unlink(c, key))
		}
	}
	return l.beside(ctx, "FLUSHDB", func(ctx context.Context) error {
		start := time.Now()
		_, err := c.ask("FLUSHDB")
		l.Note("FLUSHDB of one of each type", "%s", short(time.Since(start)))
		pause(ctx, l.apart()*time.Duration(len(makers)))
		return err
	})
}

func (*large) unlink(c *client, keys ...string) error {
	_, err := c.ask(append([]string{"UNLINK"}, keys...)...)
	return err
}

// recover removes what is left and waits for the memory to be given back.
func (l *large) recover(ctx context.Context) error {
	peak, err := l.footprint(l.watch)
	if err != nil {
		return err
	}
	l.Note("at the most", "used_memory %s, resident %s", size(peak.used), size(peak.resident))
	keys := []string{l.near("set"), l.near("set2"), l.near("hash"), l.near("zset"), l.near("list"), l.near("to")}
	if err := l.unlink(l.watch, append(keys, l.victims()...)...); err != nil {
		return err
	}
	l.MaxGrowthSettle = max(l.MaxGrowthSettle, largeSettle)
	return l.checkGrowth(ctx, l.watch, l.before)
}

// calm is a connection whose reader leaves the processor to the bystanders before each read. Go's runtime looks for what has come for them
// when nobody wants to run, or every ten milliseconds; those it finds then wait in a queue that a processor with timers to see to
// hardly looks at. So a reader that only ever waited a moment kept PINGs of this program for 50 milliseconds.
type calm struct{ net.Conn }

func (c calm) Read(p []byte) (int, error) {
	runtime.Gosched()
	time.Sleep(largeCalm)
	return c.Conn.Read(p)
}

// skipArray reads an array, set or map of strings without keeping any, and returns how many there were.
func skipArray(r *bufio.Reader) (n int, err error) {
	n, err = header(r)
	for i := 0; i < n && err == nil; i++ {
		var length int
		if length, err = header(r); err == nil {
			_, err = r.Discard(length + len("\r\n"))
		}
	}
	return n, err
}

// header reads the number behind a type's sign.
func header(r *bufio.Reader) (int, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(line[1 : len(line)-2]))
	if err != nil || line[0] == '-' {
		return 0, fmt.Errorf("want a length, got %q", line)
	}
	return n, nil
}
