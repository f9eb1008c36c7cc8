// Requests as bytes: the commands that are measured, the tapes on which their
// requests are written before a cell starts, and the feeds that hand them out.
//
// A feed is called for every pipeline that is sent, so it must not allocate:
// a tape hands out slices of itself, a generator reuses one buffer per client.
// Every client works in its own part of a feed, so feeds need no lock.

package bench

import (
	"math/rand/v2"
	"strconv"

	"respite/proto"
)

const (
	benchKeys  = 100_000 // distinct keys of a throughput run
	valueSize  = 32      // bytes of each of their values
	msetKeys   = 10      // keys of one MSET
	keyPrefix  = "key:"
	loadDepth  = 64         // pipeline depth at which data sets are loaded
	countsName = "counter:" // INCR needs integers, which 32-byte values are not
	// poolSize is the length of the random text that values are cut from; a
	// prime, so that neighbouring keys do not share their values.
	poolSize = 65_537
	// Deadlines of keys that get one lie in [minTTL, minTTL+ttlSpread) seconds:
	// nothing expires while it is being measured.
	minTTL    = 3_600
	ttlSpread = 82_800
	// poolSeed makes every run use the same values and orders.
	poolSeed = 1
)

// A command is one kind of request that is measured.
type command struct {
	name    string
	keys    int // keys per request
	reply   shape
	request request
}

// A request appends the bytes of one request for keys to dst.
type request func(dst []byte, keys []uint32, values *valuePool) []byte

// commands lists what can be measured, by the names that --cells takes.
func commands() []command {
	return []command{
		{name: "get", keys: 1, reply: bulkShape(valueSize), request: getRequest},
		{name: "set", keys: 1, reply: lineShape("+OK"), request: setRequest},
		{name: "incr", keys: 1, reply: integerShape(), request: incrRequest},
		{name: "mset", keys: msetKeys, reply: lineShape("+OK"), request: msetRequest},
	}
}

func getRequest(dst []byte, keys []uint32, _ *valuePool) []byte {
	var name nameBuffer
	return proto.AppendCommand(dst, []byte("GET"), name.of(keyPrefix, keys[0]))
}

func pingRequest(dst []byte, _ []uint32, _ *valuePool) []byte {
	return proto.AppendCommand(dst, []byte("PING"))
}

func flushRequest(dst []byte, _ []uint32, _ *valuePool) []byte {
	return proto.AppendCommand(dst, []byte("FLUSHALL"))
}

func setRequest(dst []byte, keys []uint32, values *valuePool) []byte {
	var name nameBuffer
	return proto.AppendCommand(dst, []byte("SET"), name.of(keyPrefix, keys[0]), values.of(keys[0]))
}

func incrRequest(dst []byte, keys []uint32, _ *valuePool) []byte {
	var name nameBuffer
	return proto.AppendCommand(dst, []byte("INCR"), name.of(countsName, keys[0]))
}

func msetRequest(dst []byte, keys []uint32, values *valuePool) []byte {
	names := make([]nameBuffer, len(keys))
	args := [][]byte{[]byte("MSET")}
	for i, key := range keys {
		args = append(args, names[i].of(keyPrefix, key), values.of(key))
	}
	return proto.AppendCommand(dst, args...)
}

// setTTLRequest sets a key together with a deadline of its own.
func setTTLRequest(dst []byte, keys []uint32, values *valuePool) []byte {
	var name, ttl nameBuffer
	return proto.AppendCommand(dst, []byte("SET"), name.of(keyPrefix, keys[0]), values.of(keys[0]),
		[]byte("EX"), ttl.of("", randomTTL()))
}

// expireRequest gives a key another deadline.
func expireRequest(dst []byte, keys []uint32, _ *valuePool) []byte {
	var name, ttl nameBuffer
	return proto.AppendCommand(dst, []byte("EXPIRE"), name.of(keyPrefix, keys[0]), ttl.of("", randomTTL()))
}

func randomTTL() uint32 { return minTTL + rand.Uint32N(ttlSpread) }

// A nameBuffer holds a prefix and a number; on the stack it saves an allocation.
type nameBuffer [24]byte

func (b *nameBuffer) of(prefix string, n uint32) []byte {
	return strconv.AppendUint(append(b[:0], prefix...), uint64(n), 10)
}

// A valuePool cuts values of one size out of random text, a different cut for
// each key, so that no server can share or compress them.
type valuePool struct {
	text []byte
	size int
}

func newValuePool(size int) *valuePool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	random := rand.New(rand.NewPCG(poolSeed, uint64(size)))
	text := make([]byte, poolSize+size)
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return &valuePool{text: text, size: size}
}

func (p *valuePool) of(key uint32) []byte {
	const stride = 31 // coprime to poolSize
	from := int(uint64(key) * stride % poolSize)
	return p.text[from : from+p.size]
}

// shuffled returns the numbers below n in a random order that is the same in every run.
func shuffled(n int) []uint32 {
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	random := rand.New(rand.NewPCG(poolSeed, uint64(n)))
	random.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// A feed hands out requests. next returns the bytes of the client's next
// pipeline and how many requests they are; 0 means that the client is done.
type feed interface {
	next(client int) (requests []byte, n int)
}

// A tape holds requests back to back; ends[i] is where request i ends.
type tape struct {
	bytes []byte
	ends  []int
}

// newTape writes the requests of one command for all keys of a run.
func newTape(cmd command, order []uint32, values *valuePool) *tape {
	t := &tape{ends: make([]int, 0, len(order)/cmd.keys)}
	for i := 0; i+cmd.keys <= len(order); i += cmd.keys {
		t.bytes = cmd.request(t.bytes, order[i:i+cmd.keys], values)
		t.ends = append(t.ends, len(t.bytes))
	}
	return t
}

// slice returns n requests from number first on.
func (t *tape) slice(first, n int) []byte {
	from := 0
	if first > 0 {
		from = t.ends[first-1]
	}
	return t.bytes[from:t.ends[first+n-1]]
}

// A tapeFeed plays a tape for ever: clients start evenly spread over it, so
// that together they touch all its keys.
type tapeFeed struct {
	tape     *tape
	depth    int
	position []int // by client, in pipelines
}

func newTapeFeed(t *tape, depth, clients int) *tapeFeed {
	f := &tapeFeed{tape: t, depth: depth, position: make([]int, clients)}
	for i := range f.position {
		f.position[i] = i * f.pipelines() / clients
	}
	return f
}

func (f *tapeFeed) pipelines() int { return len(f.tape.ends) / f.depth }

func (f *tapeFeed) next(client int) ([]byte, int) {
	at := f.position[client]
	f.position[client] = (at + 1) % f.pipelines()
	return f.tape.slice(at*f.depth, f.depth), f.depth
}

// A loadFeed writes one request for every key of order, each key once, dealt
// out to the clients in turn. It is how data sets are loaded.
type loadFeed struct {
	request request
	order   []uint32
	values  *valuePool
	depth   int
	clients []loadClient
}

type loadClient struct {
	at  int // position in order of the client's next key
	buf []byte
}

func newLoadFeed(write request, order []uint32, values *valuePool, clients int) *loadFeed {
	f := &loadFeed{request: write, order: order, values: values, depth: loadDepth, clients: make([]loadClient, clients)}
	for i := range f.clients {
		f.clients[i].at = i
	}
	return f
}

func (f *loadFeed) next(client int) ([]byte, int) {
	c := &f.clients[client]
	c.buf = c.buf[:0]
	n := 0
	for ; n < f.depth && c.at < len(f.order); n++ {
		c.buf = f.request(c.buf, f.order[c.at:c.at+1], f.values)
		c.at += len(f.clients)
	}
	return c.buf, n
}
