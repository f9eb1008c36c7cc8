// recency.go: the 24 bits beside every key that eviction goes by. Under an LRU policy they are the second of the last
// access (modulo 2^24, 194 days); under an LFU policy 16 bits of minutes since the last decay and 8 bits of a
// logarithmic counter, by the formulas of Redis's documentation on LFU mode: a counter c grows with probability
// 1/((c-5)*lfu-log-factor+1) and loses one for every lfu-decay-time minutes without access.

package shards

import (
	"math/rand/v2"

	"respite/keyspace"
)

const (
	recencyMask    = 1<<24 - 1
	lfuMinutes     = 1<<16 - 1
	lfuStart       = 5 // of a new key, so that it is not the first to go
	lfuMax         = 255
	secondsAMinute = 60
)

// touch notes an access.
func (tx *Tx) touch(d *db, ref keyspace.Ref) {
	if tx.quiet {
		return
	}
	if tx.limits.Policy.Order == LeastFrequent {
		d.space.SetRecency(ref, tx.counted(d.space.Recency(ref)))
		return
	}
	if r := tx.clock24(); d.space.Recency(ref) != r {
		d.space.SetRecency(ref, r)
	}
}

// fresh gives a new key its first recency.
func (tx *Tx) fresh(d *db, ref keyspace.Ref) {
	r := tx.clock24()
	if tx.limits.Policy.Order == LeastFrequent {
		r = tx.minutes16()<<8 | lfuStart
	}
	d.space.SetRecency(ref, r)
}

func (tx *Tx) clock24() uint32 { return uint32(tx.now/(1000*millisecond)) & recencyMask }
func (tx *Tx) minutes16() uint32 {
	return uint32(tx.now/(secondsAMinute*1000*millisecond)) & lfuMinutes
}

// counted is the LFU word after one more access.
func (tx *Tx) counted(r uint32) uint32 {
	c := tx.Frequency(r)
	if c < lfuMax {
		base := max(int(c)-lfuStart, 0)
		if rand.Float64()*float64(base*tx.limits.LFULogFactor+1) < 1 {
			c++
		}
	}
	return tx.minutes16()<<8 | uint32(c)
}

// Frequency is the access counter in a recency word, decayed to now. It means something only under an LFU policy.
func (tx *Tx) Frequency(r uint32) uint8 {
	c := int64(r & lfuMax)
	if decay := tx.limits.LFUDecay; decay > 0 {
		idle := int64((tx.minutes16() - r>>8) & lfuMinutes)
		c = max(c-idle/decay, 0)
	}
	return uint8(c)
}

// Idle is how many seconds ago a recency word was set. It means something only under a policy that is not LFU.
func (tx *Tx) Idle(r uint32) int64 { return int64((tx.clock24() - r) & recencyMask) }

// Frequent reports whether recency words are frequencies (an LFU policy is in force).
func (tx *Tx) Frequent() bool { return tx.limits.Policy.Order == LeastFrequent }
