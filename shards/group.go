// Package shards owns the data. Every key belongs to one shard by its routing hash; whoever owns a shard may touch its
// keys, and nobody else can: a Tx is the only door (tx.go), and a Tx exists only while its shards are owned.
//
// group.go is the set of shards as others see it: routing, start and stop, and Run. The rules of ownership and order
// are in inbox.go; the next editor who adds a way to reach a shard goes through submit there, or breaks both.
package shards

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"respite/text"
)

// MaxShards is the most shards a Group can have: a Mask has a bit for each.
const MaxShards = 256

// Mask is a set of shards.
type Mask [MaxShards / 64]uint64

// Set adds a shard.
func (m *Mask) Set(shard int) { m[shard>>6] |= 1 << (shard & 63) }

// Unset takes a shard out of the set.
func (m *Mask) Unset(shard int) { m[shard>>6] &^= 1 << (shard & 63) }

// Has reports whether the set holds a shard.
func (m *Mask) Has(shard int) bool { return m[shard>>6]&(1<<(shard&63)) != 0 }

// Len counts the shards in the set.
func (m *Mask) Len() int {
	n := 0
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

// Options say how to build a Group. The zero value of each field means its default.
type Options struct {
	Shards    int          // number of shards; 0: GOMAXPROCS, at least MinShards
	Databases int          // number of databases; 0: DefaultDatabases
	Clock     func() int64 // the only clock, unix nanoseconds; nil: the machine's
	Queue     bool         // leave all work to the shards' goroutines, idle shards' too
	Observer  Observer     // sees every change; nil: nobody
	MaxArena  int64        // bytes that the keys of a database of a shard may take, and its nodes; 0: keyspace.MaxArena (tests)
	Poison    bool         // overwrite freed blocks, so that a view kept too long shows (tests)
}

// The defaults of Options.
const (
	DefaultDatabases = 16
	MinShards        = 2 // with one shard a long command would stop every other
)

// Group is all shards of a server.
type Group struct {
	shards    []*shard
	databases int
	queue     bool
	poison    bool
	maxArena  int64
	clock     func() int64
	observer  Observer

	invalidator Invalidator
	tracked     atomic.Int64 // clients that track, and shards where somebody stands in the table: 0 while nobody has to be told
	mislays     atomic.Bool  // see Mislay

	limits      atomic.Pointer[Limits]
	torn        atomic.Bool  // see Tear
	keeping     atomic.Bool  // see KeepKeys
	freeing     atomic.Int32 // shards that free evicted collections
	roughly     atomic.Int64 // bytes of keys and values, see memory.go
	trackedKeys atomic.Int64 // see tracking.go
	jobs        sync.Pool    // of *Job, for Run
	running     sync.WaitGroup
	quit        chan struct{}
}

// New builds a Group; Start must follow before anything is submitted.
func New(o Options) *Group {
	if o.Shards == 0 {
		o.Shards = max(runtime.GOMAXPROCS(0), MinShards)
	}
	if o.Databases == 0 {
		o.Databases = DefaultDatabases
	}
	if o.Clock == nil {
		o.Clock = MachineClock()
	}
	g := &Group{
		databases: o.Databases, queue: o.Queue, poison: o.Poison, maxArena: o.MaxArena, clock: o.Clock, observer: o.Observer,
		quit: make(chan struct{}),
	}
	g.jobs.New = func() any { return g.NewJob() }
	g.limits.Store(&Limits{})
	seed := maphash.MakeSeed()
	for i := range min(o.Shards, MaxShards) {
		g.shards = append(g.shards, newShard(g, i, seed))
	}
	return g
}

// Start starts the shard goroutines. Close stops them.
func (g *Group) Start() {
	for _, s := range g.shards {
		g.running.Add(1)
		go s.loop()
	}
}

// Close stops the shard goroutines and waits for them. Nothing may be submitted any more.
func (g *Group) Close() {
	close(g.quit)
	g.running.Wait()
}

// N is the number of shards.
func (g *Group) N() int { return len(g.shards) }

// Databases is the number of databases.
func (g *Group) Databases() int { return g.databases }

// Now reads the clock: unix nanoseconds.
func (g *Group) Now() int64 { return g.clock() }

// Route returns the shard of a key: the high 32 bits of xxhash64 over the hash tag, or the key where it has none,
// scaled to the number of shards. The database plays no part, so MOVE and COPY between databases stay on a shard.
func (g *Group) Route(key []byte) int {
	h := xxhash.Sum64(text.HashTag(key)) >> 32
	return int(h * uint64(len(g.shards)) >> 32)
}

// All returns the set of all shards.
func (g *Group) All() (m Mask) {
	for i := range g.shards {
		m.Set(i)
	}
	return m
}

// Tear breaks transactions over several shards on purpose: from now on they let go of their shards at every Step. It is for
// the test that shows that such a server does not go unnoticed.
func (g *Group) Tear() { g.torn.Store(true) }

// Tick gives every shard a turn of its own soon: for what it would else do only after the next write.
func (g *Group) Tick() {
	for _, s := range g.shards {
		if s.enqueue(message{}) {
			s.wake <- struct{}{}
		}
	}
}

// Run runs body in one transaction over the shards of need; see Job.RunBody.
func (g *Group) Run(need Mask, db int, body func(*Tx)) {
	j := g.jobs.Get().(*Job)
	defer g.jobs.Put(j)
	j.RunBody(need, db, body)
}

// runBody opens the transaction for body, and ends it unless body has.
func runBody(tx *Tx, db int, body func(*Tx)) {
	tx.Begin(db, tx.g.clock())
	defer func() {
		if !tx.closed {
			tx.End()
		}
	}()
	body(tx)
}

// First is the lowest shard of a set that is not empty.
func (m *Mask) First() int {
	for i, w := range m {
		if w != 0 {
			return i<<6 + bits.TrailingZeros64(w)
		}
	}
	panic("shards: Run over no shard")
}

// oneBody is the work of a Run over one shard. A panic of the body is carried to the caller of Run, whose it is.
type oneBody struct {
	db       int
	body     func(*Tx)
	panicked any
}

func (o *oneBody) Run(tx *Tx) {
	defer func() { o.panicked = recover() }()
	runBody(tx, o.db, o.body)
}
