// survey.go: how large the keys are: how many of each type are of which size, and which are the largest. A shard finds out in its turns: while
// keys change, it goes over all of its keys again and again, a few in a turn, and nobody has to say that a key has grown. One pass
// over a million keys takes about twenty seconds and half a percent of a processor, a shard whose keys do not change makes
// none, and commands that write pay for it with the store of one flag.
//
// What is known of a shard is what its last whole pass saw: each key that was there all the time is counted once, with the size that it
// had when the pass came by. A key that came, went or changed since then may be counted as it was before, so figures are as old as the
// pass and the rest before it: surveyPause, and a second for every 50,000 keys of the shard. Shards of surveyAtOnce keys or fewer are
// looked at when somebody asks, and then the figures are exact. Emptied and swapped databases are told of at once. The largest keys are
// looked up again when somebody asks for them: those shown are there and as large as shown.
//
// A survey is its shard's owner's. It reads and never changes a key.

package shards

import (
	"bytes"
	"cmp"
	"math"
	"math/bits"
	"slices"

	"respite/keyspace"
	"respite/value"
)

const (
	surveyStep   = 512    // keys looked at in a turn: some 50 microseconds
	surveyAhead  = 128    // keys whose headers are asked for together
	surveyRest   = 10     // milliseconds between two turns of a pass
	surveyPause  = 10_000 // milliseconds between two passes
	surveyAtOnce = 4096   // keys of a shard that are looked at as soon as somebody asks
	biggestKept  = 128    // keys of a type that are remembered, of each database of a shard
	longestName  = 16384  // bytes; keys that are longer are counted, but not remembered
)

// Sizes counts the keys of each type by size: in the first place the empty ones, in place i those from 1<<(i-1) to twice that.
type Sizes [value.Stream + 1][sizeBins]int64

const sizeBins = 64

// BigKey is a key whose value is large.
type BigKey struct {
	DB   int
	Key  []byte
	Type value.Type
	Size int64 // bytes of a string, elements of a collection
}

// survey is the passes of one shard.
type survey struct {
	stale bool     // keys have changed since the pass under way began, or the last one
	pass  []census // by database; what has been seen of the pass under way, nil if none is
	db    int      // where that is
	at    uint64
	next  int64          // unix milliseconds: when to go on
	known []census       // of the last whole pass
	refs  []keyspace.Ref // scratch: the keys of a turn
}

// census is what a pass has seen of one database; nil fields are those of an empty one.
type census struct {
	sizes   *Sizes
	biggest [value.Stream + 1][]BigKey
}

// due is when the survey goes on, in unix milliseconds.
func (v *survey) due() int64 {
	if v.pass == nil && !v.stale {
		return math.MaxInt64
	}
	return v.next
}

// surveyTurn goes on with the survey if it is time; now is in unix milliseconds.
func (s *shard) surveyTurn(now int64) {
	v := &s.survey
	if v.due() > now {
		return
	}
	if v.pass == nil {
		v.begin(len(s.dbs))
	}
	v.next = now + surveyRest
	if s.surveySome(surveyStep) {
		v.next = now + surveyPause
	}
}

func (v *survey) begin(databases int) {
	v.pass, v.db, v.at, v.stale = make([]census, databases), 0, 0, false
}

// surveySome looks at so many keys, and reports whether that was the end of the pass.
func (s *shard) surveySome(count int) (done bool) {
	v := &s.survey
	for ; v.db < len(s.dbs); v.db++ {
		if count <= 0 {
			return false
		}
		d, c := s.dbs[v.db], &v.pass[v.db]
		if d.space.Len() > 0 {
			v.refs = v.refs[:0]
			v.at = d.space.Scan(v.at, count, func(ref keyspace.Ref) { v.refs = append(v.refs, ref) })
			count -= len(v.refs)
			c.see(d, v.refs)
		}
		if v.at != 0 {
			return false
		}
	}
	v.known, v.pass = v.pass, nil
	return true
}

// see counts keys. Their headers lie all over the memory: it asks for many at once, so that they come together.
func (c *census) see(d *db, refs []keyspace.Ref) {
	if c.sizes == nil && len(refs) > 0 {
		c.sizes = new(Sizes)
	}
	for ahead := range slices.Chunk(refs, surveyAhead) {
		var kinds [surveyAhead]keyspace.Kind
		for i, ref := range ahead {
			kinds[i] = d.space.Kind(ref)
		}
		for i, ref := range ahead {
			it := Item{d, ref}
			t, size := value.TypeOf(kinds[i]), value.Length(it.View())
			c.sizes[t][bits.Len64(uint64(size))]++
			c.remember(t, size, it)
		}
	}
}

// remember keeps a key if it is one of the largest of its type so far.
func (c *census) remember(t value.Type, size int64, it Item) {
	list := c.biggest[t]
	if len(it.Key()) > longestName {
		return
	}
	if len(list) < biggestKept {
		c.biggest[t] = append(list, BigKey{Key: bytes.Clone(it.Key()), Type: t, Size: size})
		if len(list)+1 == biggestKept {
			smallestFirst(c.biggest[t])
		}
		return
	}
	if size <= list[0].Size {
		return
	}
	list[0].Key, list[0].Size = append(list[0].Key[:0], it.Key()...), size
	smallestFirst(list)
}

// smallestFirst brings the key to the front that has to make room for a larger one.
func smallestFirst(list []BigKey) {
	at := 0
	for i := range list {
		if list[i].Size < list[at].Size {
			at = i
		}
	}
	list[0], list[at] = list[at], list[0]
}

// emptied forgets a database. A pass that is under way begins anew: it may have been in the midst of it.
func (v *survey) emptied(db int) {
	if v.known != nil {
		v.known[db] = census{}
	}
	v.restart()
}

// swapped exchanges what is known of two databases.
func (v *survey) swapped(a, b int) {
	if v.known != nil {
		v.known[a], v.known[b] = v.known[b], v.known[a]
	}
	v.restart()
}

func (v *survey) restart() {
	if v.pass != nil {
		v.pass, v.stale = nil, true
	}
}

// surveyed is what is known of the shard's databases; nil if that is nothing yet.
func (s *shard) surveyed() []census {
	keys := 0
	for _, d := range s.dbs {
		keys += d.space.Len()
	}
	v := &s.survey
	if keys <= surveyAtOnce && (v.stale || v.pass != nil || v.known == nil) {
		v.begin(len(s.dbs))
		for !s.surveySome(keys + 1) {
		}
	}
	if v.known == nil {
		return v.pass
	}
	return v.known
}

// Sizes tells how many keys of a database are of which size, on the shards held.
func (tx *Tx) Sizes(db int) (sum Sizes) {
	tx.eachShard(func(s *shard) {
		known := s.surveyed()
		if db < len(known) {
			known[db].addTo(&sum)
		}
	})
	return sum
}

func (c *census) addTo(sum *Sizes) {
	if c.sizes == nil {
		return
	}
	for t := range sum {
		for i, n := range c.sizes[t] {
			sum[t][i] += n
		}
	}
}

// Biggest returns the n largest keys of a type on the shards held, in all databases, the largest first.
func (tx *Tx) Biggest(t value.Type, n int) (biggest []BigKey) {
	tx.eachShard(func(s *shard) {
		for db, c := range s.surveyed() {
			for _, b := range c.biggest[t] {
				d := s.dbs[db]
				ref := d.space.Find(b.Key)
				if ref == 0 || tx.overdue(d, ref) || (Item{d, ref}).Type() != t {
					continue
				}
				b.DB, b.Key, b.Size = db, bytes.Clone(b.Key), value.Length(Item{d, ref}.View())
				biggest = append(biggest, b)
			}
		}
	})
	slices.SortFunc(biggest, func(a, b BigKey) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.DB, b.DB), bytes.Compare(a.Key, b.Key))
	})
	return biggest[:min(n, len(biggest))]
}
