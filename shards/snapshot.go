// snapshot.go: all keys of all databases as they were at one moment, for who writes them to a file or sends them to a replica.
//
// A snapshot is opened while all shards are held and costs each the same, however much it has (keyspace/snapshot.go). From then on every
// shard is walked for itself, in steps that are transactions like others: between them keys change, and what changes is kept as
// it was until the walk has passed it. It is the pre-image of a transaction that keeps it (Tx.preImage), whatever the path; a database that
// is emptied is let go of whole, so the snapshot goes on with the old one, and one that is swapped keeps its number for it.
//
// What is kept counts as memory in use. A walk that nobody goes on with is ended by the shards' own turns: until then no other snapshot
// can be opened.

package shards

import (
	"errors"

	"respite/keyspace"
	"respite/value"
)

// ErrSnapshot is returned when a snapshot is open, or has been closed but is not let go of yet.
var ErrSnapshot = errors.New("shards: a snapshot is open")

// letGoWork is how many entries and nodes of a snapshot that was closed are let go of in one go: nodes give pages back, which makes
// that 200 microseconds at worst.
const letGoWork = 64

// Snapshot is what all shards held at one moment.
type Snapshot struct{ g *Group }

// Entry is a key as a snapshot has it. Key and View are valid until Step returns; the bytes of a string of keyspace.LargeValue bytes
// and more stay as they are for as long as anybody refers to them.
type Entry struct {
	DB       int // at the moment of the snapshot
	Key      []byte
	View     value.View
	Timed    bool
	Deadline int64  // unix milliseconds, if Timed
	Recency  uint32 // 24 bits of access time or frequency
}

// frozen is one shard's part of a snapshot.
type frozen struct {
	of     *Snapshot
	closed bool         // nobody goes on with it
	parts  []frozenPart // not walked to the end yet
	entry  Entry        // that is being visited
}

// frozenPart is one database.
type frozenPart struct {
	number int
	d      *db
	walk   *keyspace.Snapshot
}

// Snapshot opens a snapshot of all keys, those included whose deadline has passed unnoticed. It waits until all shards are free for it. Whoever
// opens one steps through all shards until none has more, or closes it.
func (g *Group) Snapshot() (*Snapshot, error) {
	sn := &Snapshot{g}
	var err error
	g.Run(g.All(), 0, func(tx *Tx) {
		tx.eachShard(func(s *shard) {
			if s.frozen != nil {
				err = ErrSnapshot
			}
		})
		if err == nil {
			tx.eachShard(func(s *shard) { err = errors.Join(err, s.freeze(sn)) })
		}
	})
	if err != nil {
		return nil, err
	}
	return sn, nil
}

// freeze opens a shard's part.
func (s *shard) freeze(sn *Snapshot) error {
	f := &frozen{of: sn}
	for i, d := range s.dbs {
		if d.space.Len() == 0 {
			continue
		}
		walk, err := d.space.Freeze()
		if err != nil {
			return err
		}
		f.parts = append(f.parts, frozenPart{i, d, walk})
	}
	if len(f.parts) > 0 {
		s.frozen = f
	}
	return nil
}

// Step goes on with the walk over one shard, in a transaction of its own: it calls visit with further keys, each of which comes once. If visit
// returns false, the step ends, and the next one begins with the same key: so a large value is read in parts. Budget bounds how many keys
// and nodes a step goes through; how much visit does is its own affair. more is false when the shard has no more.
//
// An error says that something could not be kept for want of room: the snapshot is useless then, and is to be closed.
func (sn *Snapshot) Step(shard, budget int, visit func(*Entry) (done bool)) (more bool, err error) {
	var need Mask
	need.Set(shard)
	s := sn.g.shards[shard]
	sn.g.Run(need, 0, func(*Tx) {
		if s.frozen != nil && s.frozen.of == sn {
			err = s.walk(budget, visit)
			more = s.frozen != nil
		}
	})
	return more, err
}

// Close gives the snapshot up. The shards' turns let go of what is left of it.
func (sn *Snapshot) Close() {
	sn.g.Run(sn.g.All(), 0, func(tx *Tx) {
		tx.eachShard(func(s *shard) {
			if f := s.frozen; f != nil && f.of == sn {
				f.closed = true
				s.touch(f.parts[0].d) // so that a turn follows
			}
		})
	})
}

// walk takes one step in the first database that has not been walked to its end.
func (s *shard) walk(budget int, visit func(*Entry) bool) error {
	f := s.frozen
	p := &f.parts[0]
	s.touch(p.d)
	var each func(*keyspace.Frozen) bool
	if visit != nil {
		each = func(e *keyspace.Frozen) bool {
			f.entry = entryOf(p.number, e)
			return visit(&f.entry)
		}
	}
	more, err := p.walk.Step(budget, each)
	p.d.space.Reclaim()
	if !more {
		s.passed(p)
	}
	return err
}

func entryOf(db int, e *keyspace.Frozen) Entry {
	return Entry{
		DB:       db,
		Key:      e.Key,
		View:     value.View{Kind: e.Kind, Bytes: e.Value, Nodes: e.Nodes},
		Timed:    e.Timed,
		Deadline: e.Deadline,
		Recency:  e.Recency,
	}
}

// passed says that nothing is left to do in a database.
func (s *shard) passed(p *frozenPart) {
	if p.d.flushed {
		s.forget(p.d)
	}
	*p = frozenPart{}
	if s.frozen.parts = s.frozen.parts[1:]; len(s.frozen.parts) == 0 {
		s.frozen = nil
	}
}

// letGo goes on with a snapshot that was closed until the turn, begun at start, has lasted long enough, and reports whether there is more
// to do.
func (s *shard) letGo(start int64) (more bool) {
	for s.frozen != nil && s.frozen.closed {
		if s.g.clock()-start > turnTime {
			return true
		}
		if p := &s.frozen.parts[0]; p.d.flushed {
			s.passed(p)
		} else {
			_ = s.walk(letGoWork, nil) // what is missing is of no interest any more
		}
	}
	return false
}

// abandon takes a database that was emptied out of the memory in use, unless a snapshot has still to read it: then that does.
func (s *shard) abandon(d *db) {
	if s.frozen != nil {
		for i := range s.frozen.parts {
			if s.frozen.parts[i].d == d {
				d.flushed = true
				return
			}
		}
	}
	s.forget(d)
}
