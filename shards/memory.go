// memory.go: how much memory keys and values take. Every shard knows exactly what its own take, in a counter that its owner alone
// writes. Whether all of them together are over the limit is asked before every write that may need memory, so that sum is kept
// besides, roughly: a shard adds what has changed when that is a step or more. So messages that change a few bytes write
// nothing that other processors read, and while the rough sum is further from the limit than all shards may be off, nobody asks them.

package shards

import "sync/atomic"

// memoryStep is by how many bytes the rough sum may be off for each shard.
const memoryStep = 64 << 10

// memory is what the keys and values of one shard take, in bytes.
type memory struct {
	total  int64 // the owner's
	unsaid int64 // of it, what is not in the rough sum
	shown  atomic.Int64
}

// charge adds to what the shard's keys and values take.
func (s *shard) charge(bytes int64) {
	m := &s.memory
	m.total += bytes
	m.shown.Store(m.total)
	if m.unsaid += bytes; m.unsaid >= memoryStep || m.unsaid <= -memoryStep {
		s.g.roughly.Add(m.unsaid)
		m.unsaid = 0
	}
}

// publish makes the memory used known to everybody.
func (s *shard) publish() {
	for _, d := range s.touched {
		if used := d.space.Used(); used != d.used {
			s.charge(used - d.used)
			d.used = used
		}
	}
}

// Used is the memory that keys and values take, in bytes, as of each shard's last message.
func (g *Group) Used() (bytes int64) {
	for _, s := range g.shards {
		bytes += s.memory.shown.Load()
	}
	return bytes
}

// exceeds reports whether keys and values take more than so many bytes.
func (g *Group) exceeds(bytes int64) bool {
	return g.roughly.Load() > bytes-int64(len(g.shards))*memoryStep && g.Used() > bytes
}
