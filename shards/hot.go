// hot.go: which keys are used most. Of every so many commands on a shard one is looked at (Limits.HotEvery), at random distances so that
// no rhythm of the clients hides a key, and the keys that it names are counted by the space-saving algorithm (Metwally, Agrawal,
// El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams, 2005): hotCounters keys a shard have a counter each, and a key
// that has none takes over the lowest one, whose count is then its error. So a key with more than 1/hotCounters of its shard's
// accesses is never missed, and no count is too high by more than that share. Sampling adds what chance adds: of n accesses that were looked at,
// about the square root of n. Counts are halved every hotHalfLife, so that they tell of the last minutes.
//
// A key belongs to one shard, so what the shards know need only be put together. A sketch is its shard's owner's.

package shards

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
)

const (
	hotCounters = 128            // keys that a shard counts
	hotHalfLife = 60_000_000_000 // nanoseconds
	shownKey    = 1024           // bytes of a key that sketches keep
)

// HotKey is a key that is used much.
type HotKey struct {
	DB        int
	Key       []byte  // of a key of more than shownKey bytes the first ones, and how many more there are
	Accesses  int64   // by commands that name the key, estimated, those of before the last minutes weighing less
	Error     int64   // how much that may be too high, chance apart
	PerSecond float64 // the same as a rate
}

// hotKeys is the sketch of one shard.
type hotKeys struct {
	hashes  [hotCounters]uint64 // of database and key, apart from what else is known so that looking for one is quick
	counts  [hotCounters]int64
	keys    [hotCounters]hotName
	used    int
	floor   int64 // no count is lower
	aged    int64 // unix nanoseconds: when counts were halved last
	counted int64 // nanoseconds that counts are of, up to then, weighing as the counts do
}

// hotName is what a counter is of, and what its key took over.
type hotName struct {
	key    []byte
	db     int
	length int
	err    int64
}

// sampler says which commands of a transaction's shard are looked at.
type sampler struct{ seen, target int64 }

// Sampled reports whether the command that runs is one whose keys are counted: Heat follows for each.
func (tx *Tx) Sampled() bool {
	every := tx.limits.HotEvery
	if every == 0 {
		return false
	}
	s := &tx.sampler
	s.seen++
	if s.seen < s.target && s.target < 2*every {
		return false
	}
	return s.due(every)
}

// due draws the next command to look at when the last one has come, or when every has changed.
func (s *sampler) due(every int64) bool {
	due := s.seen >= s.target && s.target != 0
	if due {
		s.seen = 0
	}
	s.target = 1 + rand.Int64N(2*every-1) // every, on average
	if !due && s.seen >= s.target {
		due, s.seen = true, 0
	}
	return due
}

// Heat counts an access to a key, for all that were not looked at.
func (tx *Tx) Heat(key []byte) {
	s := tx.shard
	if s == nil {
		i := tx.g.Route(key)
		if !tx.held.Has(i) {
			return
		}
		s = tx.g.shards[i]
	}
	if s.hot == nil {
		s.hot = &hotKeys{aged: tx.now}
	}
	s.hot.age(tx.now)
	s.hot.add(maphash.Bytes(s.seed, key)^uint64(tx.db), tx.db, key, tx.limits.HotEvery)
}

// add counts some accesses to a key.
func (h *hotKeys) add(hash uint64, db int, key []byte, times int64) {
	for i, known := range h.hashes[:h.used] {
		if known == hash {
			h.counts[i] += times
			return
		}
	}
	at := h.used
	if at < hotCounters {
		h.used++
		h.counts[at] = 0
		h.floor = min(h.floor, times)
	} else {
		at = h.lowest()
	}
	name := &h.keys[at]
	name.key = append(name.key[:0], key[:min(len(key), shownKey)]...)
	name.db, name.length, name.err = db, len(key), h.counts[at]
	h.hashes[at] = hash
	h.counts[at] += times
}

// lowest is a counter of the lowest count. Where no key stands out many have it, so the first one will do.
func (h *hotKeys) lowest() (at int) {
	for i, n := range h.counts {
		if n == h.floor {
			return i
		}
		if n < h.counts[at] {
			at = i
		}
	}
	h.floor = h.counts[at]
	return at
}

// age halves the counts once for every hotHalfLife since it last did.
func (h *hotKeys) age(now int64) {
	for h.used > 0 && now-h.aged >= hotHalfLife {
		h.aged += hotHalfLife
		h.counted = (h.counted + hotHalfLife) / 2
		h.halve()
	}
	if h.used == 0 && now-h.aged >= hotHalfLife {
		h.aged, h.counted = now, 0
	}
}

// halve halves the counts, and forgets those that come to nothing.
func (h *hotKeys) halve() {
	h.floor /= 2
	kept := 0
	for i := range h.used {
		h.counts[i] /= 2
		h.keys[i].err /= 2
		if h.counts[i] == 0 {
			continue
		}
		h.counts[kept], h.hashes[kept] = h.counts[i], h.hashes[i]
		h.keys[kept], h.keys[i] = h.keys[i], h.keys[kept] // their buffers change places
		kept++
	}
	h.used = kept
}

// leastRateTime is the shortest time that a rate is told over, in nanoseconds.
const leastRateTime = 1_000_000_000

// HotKeys returns the n keys of the shards held that are used most, the hottest first.
func (tx *Tx) HotKeys(n int) (hottest []HotKey) {
	tx.eachShard(func(s *shard) {
		h := s.hot
		if h == nil {
			return
		}
		h.age(tx.now)
		span := float64(max(h.counted+tx.now-h.aged, leastRateTime)) / leastRateTime
		for i := range h.used {
			name := &h.keys[i]
			hottest = append(hottest, HotKey{
				DB: name.db, Key: shown(name.key, name.length), Accesses: h.counts[i], Error: name.err, PerSecond: float64(h.counts[i]) / span,
			})
		}
	})
	slices.SortFunc(hottest, func(a, b HotKey) int {
		return cmp.Or(cmp.Compare(b.Accesses, a.Accesses), cmp.Compare(a.DB, b.DB), bytes.Compare(a.Key, b.Key))
	})
	return hottest[:min(n, len(hottest))]
}

// shown copies what was kept of a key of so many bytes, and says what is missing.
func shown(kept []byte, length int) []byte {
	key := bytes.Clone(kept)
	if more := length - len(kept); more > 0 {
		key = fmt.Appendf(key, "... (%d more bytes)", more)
	}
	return key
}

// ForgetHotKeys begins to count anew on the shards held.
func (tx *Tx) ForgetHotKeys() { tx.eachShard(func(s *shard) { s.hot = nil }) }
