// report.go: figures about databases for those who look after the server.

package shards

import (
	"math/rand/v2"

	"respite/keyspace"
)

// Memory is where the bytes of databases are.
type Memory struct {
	Index  int64 // the table
	Values int64 // keys and values
	Free   int64 // room that is kept for more of them
	Slots  int   // entries that the table has room for
}

// Memory adds up a database over the shards held.
func (tx *Tx) Memory(db int) (sum Memory) {
	tx.eachShard(func(s *shard) {
		st := s.dbs[db].space.Stats()
		sum.Index += st.IndexBytes
		sum.Values += st.BlockBytes + st.LargeBytes
		sum.Free += st.FreeBytes
		sum.Slots += st.Slots
	})
	return sum
}

const ttlSamples = 64 // keys looked at on each shard for AverageTTL

// AverageTTL estimates, from a few keys, how many milliseconds the keys of a database with a deadline have left.
func (tx *Tx) AverageTTL(db int) int64 {
	var sum, n int64
	tx.eachShard(func(s *shard) {
		d := s.dbs[db]
		if d.timed() == 0 {
			return
		}
		d.space.Sample(rand.Uint64(), ttlSamples, func(ref keyspace.Ref) {
			if d.space.HasTimer(ref) {
				sum += max(d.space.Deadline(uint32(ref))-tx.Now(), 0)
				n++
			}
		})
	})
	if n == 0 {
		return 0
	}
	return sum / n
}

// Rearm makes the shards held look again at what is due: for when Limits.KeepExpired was changed.
func (tx *Tx) Rearm() {
	tx.eachShard(func(s *shard) {
		for _, d := range s.dbs {
			s.touch(d)
		}
	})
}

// Queued returns how many messages wait for a shard that is busy.
func (g *Group) Queued(shard int) int {
	s := g.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.inbox)
}
