// Order across shards: to every client a pipeline looks as if its commands ran one after another (the rule of order of
// shards/inbox.go).
//
// One writer pipelines rounds of SETs, each round over all keys in one fixed order, so its writes have numbers: round r
// sets the key at place p by write r*keys+p. After any number of writes, the key at place p holds round r exactly from
// write r*keys+p on and until write (r+1)*keys+p. So whoever reads a round knows a least number of writes that have
// happened, and every later read of any key must fit to it: "h is newer than a" for a writer of a ... h is one of the
// contradictions that this finds, a key that runs backwards is another, and so is a round that began before the one
// before it was over. Later is what the reader itself sends later, be it in a new request or further down in the same
// pipeline, and what anyone sends after the reply to a read or a write has arrived somewhere. What one MGET returns must
// hold at one moment.
//
// Readers that ask one key at a time, readers that pipeline, and two writers that go over the shards in opposite
// directions, for a server may well queue and run the parts of a pipeline in the order of its shards.

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/oracle"
)

const (
	orderKeys = 8

	orderReads     = 1_000_000 // on each number of shards
	orderReadsRace = 100_000
	singleShare    = 10 // one read in so many is sent alone: each costs a round trip
	readersOfAKind = 2  // for each writer

	mgetOnce  = 16  // one request in so many of a reader is an MGET of all keys
	longOnce  = 32  // one pipeline in so many is longer than any batch of the server
	longGets  = 600 // commands in it
	shortGets = 32  // commands in others, at most
	maxRounds = 4   // in a writer's pipeline, unless it is a long one

	atomicReads = 200_000 // on each number of shards; a twentieth of them under the race detector
)

// track is a writer's keys, in the order in which it writes them, and what is known of its progress.
type track struct {
	keys []string
	// least is a number of a write that everybody knows to have happened: its reply, or a read that saw it, arrived.
	least atomic.Int64
}

// learn raises what everybody knows.
func (tr *track) learn(write int64) {
	for {
		known := tr.least.Load()
		if known >= write || tr.least.CompareAndSwap(known, write) {
			return
		}
	}
}

// write pipelines rounds until stop is set. Round 0 must be there.
func (tr *track) write(c *oracle.Conn, r *rand.Rand, stop *atomic.Bool) error {
	for round := int64(1); !stop.Load(); {
		rounds := 1 + r.IntN(maxRounds)
		if r.IntN(longOnce) == 0 {
			rounds = longGets / orderKeys
		}
		for range rounds {
			for _, key := range tr.keys {
				c.Queue("SET", key, strconv.FormatInt(round, 10))
			}
			round++
		}
		if err := c.Flush(); err != nil {
			return err
		}
		for range rounds * orderKeys {
			if v, err := c.Receive(); err != nil || v.Text != "OK" {
				return fmt.Errorf("SET: %v, %w", v, err)
			}
		}
		tr.learn(round*orderKeys - 1)
	}
	return nil
}

// view is what one reader knows of a track.
type view struct{ least int64 }

// sighting is the round that the key at a place was seen to hold.
type sighting struct {
	place int
	round int64
}

// see takes what was read at one moment. The error says what contradicts it.
func (v *view) see(read ...sighting) error {
	for _, s := range read {
		v.least = max(v.least, s.round*orderKeys+int64(s.place))
	}
	for _, s := range read {
		if overwritten := (s.round+1)*orderKeys + int64(s.place); overwritten <= v.least {
			return fmt.Errorf("the key at place %d still holds round %d, but the key at place %d was known to hold round %d",
				s.place, s.round, v.least%orderKeys, v.least/orderKeys)
		}
	}
	return nil
}

// request is a GET of the key at one place or, with several, an MGET.
type request []int

// plan draws the requests of one pipeline. GETs go against the writer's order, in it, or anyhow.
func plan(r *rand.Rand, n int) []request {
	requests := make([]request, 0, n)
	direction, place := r.IntN(3), r.IntN(orderKeys)
	for range n {
		switch direction {
		case 0:
			place = (place + orderKeys - 1) % orderKeys
		case 1:
			place = (place + 1) % orderKeys
		default:
			place = r.IntN(orderKeys)
		}
		if r.IntN(mgetOnce) == 0 {
			requests = append(requests, r.Perm(orderKeys))
			continue
		}
		requests = append(requests, request{place})
	}
	return requests
}

// length draws how many requests a pipeline has.
func length(r *rand.Rand) int {
	if r.IntN(longOnce) == 0 {
		return longGets
	}
	return 2 + r.IntN(shortGets-1)
}

// reader reads the keys of a track.
type reader struct {
	*track
	c    *oracle.Conn
	r    *rand.Rand
	view view
}

// run makes `reads` reads unless stop is set before. Alone is one request a round trip, else requests are pipelined.
func (rd *reader) run(reads int, alone bool, stop *atomic.Bool) error {
	for reads > 0 && !stop.Load() {
		requests := plan(rd.r, length(rd.r))
		reads -= len(requests)
		together := len(requests)
		if alone {
			together = 1
		}
		for pipeline := range slices.Chunk(requests, together) {
			if err := rd.exchange(pipeline); err != nil {
				return err
			}
		}
	}
	return nil
}

// exchange sends requests and judges the replies.
func (rd *reader) exchange(requests []request) error {
	rd.view.least = max(rd.view.least, rd.least.Load())
	for _, places := range requests {
		rd.queue(places)
	}
	if err := rd.c.Flush(); err != nil {
		return err
	}
	for i, places := range requests {
		seen, err := rd.receive(places)
		if err == nil {
			err = rd.view.see(seen...)
		}
		if err != nil {
			return fmt.Errorf("after the requests %v in one pipeline: %w", requests[:i+1], err)
		}
	}
	rd.learn(rd.view.least)
	return nil
}

func (rd *reader) queue(places request) {
	if len(places) == 1 {
		rd.c.Queue("GET", rd.keys[places[0]])
		return
	}
	args := []string{"MGET"}
	for _, place := range places {
		args = append(args, rd.keys[place])
	}
	rd.c.Queue(args...)
}

func (rd *reader) receive(places request) ([]sighting, error) {
	v, err := rd.c.Receive()
	if err != nil {
		return nil, err
	}
	values := []oracle.Value{v}
	if len(places) > 1 {
		values = v.Elems
	}
	if len(values) != len(places) {
		return nil, fmt.Errorf("want %d values, got %s", len(places), v)
	}
	seen := make([]sighting, len(places))
	for i, place := range places {
		round, err := strconv.ParseInt(values[i].Text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("not a round: %s", v)
		}
		seen[i] = sighting{place, round}
	}
	return seen, nil
}

// race is writers that go on until every reader is through, or until anybody fails.
type race struct {
	writers, readers sync.WaitGroup
	stop             atomic.Bool
	mu               sync.Mutex
	failures         []error
}

func (ra *race) write(task func() error) { ra.writers.Go(func() { ra.note(task()) }) }
func (ra *race) read(task func() error)  { ra.readers.Go(func() { ra.note(task()) }) }

func (ra *race) note(err error) {
	if err == nil {
		return
	}
	ra.stop.Store(true)
	ra.mu.Lock()
	defer ra.mu.Unlock()
	ra.failures = append(ra.failures, err)
}

func (ra *race) finish(t *testing.T) {
	t.Helper()
	ra.readers.Wait()
	ra.stop.Store(true)
	ra.writers.Wait()
	for _, err := range ra.failures {
		t.Error(err)
	}
}

// forEachServer runs body with servers of several sizes, on both I/O engines. One poller runs one connection at a time, so
// most have more.
func forEachServer(t *testing.T, body func(t *testing.T, s *testServer)) {
	t.Helper()
	for _, args := range []string{
		"--shards 2 --io-pollers 3", "--shards 2 --io-engine netpoll", "--shards 4 --io-pollers 1", "--shards 4 --inline-runs no", "--shards 8 --io-pollers 4",
	} {
		t.Run(args, func(t *testing.T) { body(t, startServer(t, strings.Fields(args)...)) })
	}
}

func TestOrderAcrossShards(t *testing.T) {
	reads := orderReads
	if underRace() {
		reads = orderReadsRace
	}
	forEachServer(t, func(t *testing.T, s *testServer) {
		ascending, descending := &track{keys: s.spreadKeys("up:", orderKeys)}, &track{keys: s.spreadKeys("down:", orderKeys)}
		slices.Reverse(descending.keys)
		tracks := []*track{ascending, descending}

		var ra race
		for i, tr := range tracks {
			c := s.connect(t, resp2)
			for _, key := range tr.keys {
				do(t, c, "SET", key, "0")
			}
			ra.write(func() error { return tr.write(c, rand.New(rand.NewPCG(0, uint64(i))), &ra.stop) })
		}
		perReader := reads / (len(tracks) * readersOfAKind)
		for i := range len(tracks) * readersOfAKind {
			tr := tracks[i%len(tracks)]
			for kind, share := range []int{perReader / singleShare, perReader - perReader/singleShare} {
				rd := &reader{track: tr, c: s.connect(t, resp2), r: rand.New(rand.NewPCG(uint64(kind+1), uint64(i)))}
				ra.read(func() error { return rd.run(share, kind == 0, &ra.stop) })
			}
		}
		ra.finish(t)
		for _, tr := range tracks {
			t.Logf("%d writes", tr.least.Load())
			require.Greater(t, tr.least.Load(), int64(orderKeys), "the writer stood still, so the reads prove nothing")
		}
	})
}

// TestViewTellsContradictions shows that the judge finds what it is there for.
func TestViewTellsContradictions(t *testing.T) {
	const a, h = 0, orderKeys - 1
	for _, tc := range []struct {
		name string
		read [][]sighting // at one moment each
		want bool
	}{
		{"h, then a of the same round", [][]sighting{{{h, 5}}, {{a, 5}}}, true},
		{"h, then a much newer", [][]sighting{{{h, 5}}, {{a, 9}}}, true},
		{"h, then a older", [][]sighting{{{h, 5}}, {{a, 4}}}, false},
		{"a, then h not yet written", [][]sighting{{{a, 5}}, {{h, 4}}}, true},
		{"a, then h two rounds behind", [][]sighting{{{a, 5}}, {{h, 3}}}, false},
		{"a key runs backwards", [][]sighting{{{3, 5}}, {{3, 4}}}, false},
		{"a contradiction with a read long before", [][]sighting{{{h, 5}}, {{h, 5}}, {{2, 6}}, {{4, 5}}, {{1, 5}}}, false},
		{"in the midst of a round", [][]sighting{{{0, 6}, {1, 6}, {2, 5}, {h, 5}}}, true},
		{"a hole in a round", [][]sighting{{{0, 6}, {1, 5}, {2, 6}, {h, 5}}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v view
			var err error
			for _, read := range tc.read {
				if err = v.see(read...); err != nil {
					break
				}
			}
			require.Equal(t, tc.want, err == nil, "%v", err)
		})
	}
}

// TestSplitCommandsAreAtomic lets writers set all keys at once, or delete them, while readers look at all of them at
// once: the keys must all hold the same value or none.
func TestSplitCommandsAreAtomic(t *testing.T) {
	reads := atomicReads
	if underRace() {
		reads /= 20
	}
	forEachServer(t, func(t *testing.T, s *testServer) {
		keys := s.spreadKeys("", orderKeys)
		var ra race
		for i := range uint64(2) {
			w, r := s.connect(t, resp2), s.connect(t, resp2)
			ra.write(func() error { return writeAtOnce(w, keys, rand.New(rand.NewPCG(0, i)), &ra.stop) })
			ra.read(func() error { return readAtOnce(r, keys, rand.New(rand.NewPCG(1, i)), reads/2, &ra.stop) })
		}
		ra.finish(t)
	})
}

// shuffled is the keys in any order.
func shuffled(keys []string, r *rand.Rand) []string {
	keys = slices.Clone(keys)
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// writeAtOnce pipelines commands that write or delete all keys.
func writeAtOnce(c *oracle.Conn, keys []string, r *rand.Rand, stop *atomic.Bool) error {
	for !stop.Load() {
		n := 1 + r.IntN(shortGets)
		for range n {
			switch r.IntN(8) {
			case 0:
				c.Queue(append([]string{"DEL"}, shuffled(keys, r)...)...)
			case 1:
				c.Queue(append([]string{"UNLINK"}, shuffled(keys, r)...)...)
			default:
				command, args, value := "MSET", []string(nil), strconv.FormatUint(r.Uint64(), 36)
				if r.IntN(4) == 0 {
					command = "MSETNX"
				}
				for _, key := range shuffled(keys, r) {
					args = append(args, key, value)
				}
				c.Queue(append([]string{command}, args...)...)
			}
		}
		if err := c.Flush(); err != nil {
			return err
		}
		for range n {
			switch v, err := c.Receive(); {
			case err != nil:
				return err
			case v.Text != "OK" && v.Text != "0" && v.Text != "1" && v.Text != strconv.Itoa(len(keys)):
				return fmt.Errorf("all keys or none are deleted, but the reply is %s", v)
			}
		}
	}
	return nil
}

// readAtOnce pipelines commands that read all keys.
func readAtOnce(c *oracle.Conn, keys []string, r *rand.Rand, reads int, stop *atomic.Bool) error {
	for reads > 0 && !stop.Load() {
		n := 1 + r.IntN(shortGets)
		reads -= n
		for i := range n {
			c.Queue(append([]string{[]string{"MGET", "EXISTS", "TOUCH"}[i%3]}, shuffled(keys, r)...)...)
		}
		if err := c.Flush(); err != nil {
			return err
		}
		for i := range n {
			v, err := c.Receive()
			if err != nil {
				return err
			}
			if err := allOrNone(v, len(keys)); err != nil {
				return fmt.Errorf("reply %d of the pipeline: %w", i, err)
			}
		}
	}
	return nil
}

// allOrNone judges the reply to a command over all keys: how many there are, or their values.
func allOrNone(v oracle.Value, n int) error {
	if found, ok := v.Int(); ok {
		if found != 0 && found != int64(n) {
			return fmt.Errorf("%d of %d keys are there", found, n)
		}
		return nil
	}
	if len(v.Elems) != n || slices.ContainsFunc(v.Elems, func(e oracle.Value) bool { return !e.Equal(v.Elems[0]) }) {
		return fmt.Errorf("not one value in all keys:\n%s", v)
	}
	return nil
}
