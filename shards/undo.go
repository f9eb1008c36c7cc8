// undo.go: what a transaction needs to take its changes back when a handler panics. A small value is copied before its
// first change (at most keyspace.LargeValue bytes, into a buffer that is reused); a large one is not, since copying it would
// make APPEND cost O(n). Changes to a large string are single stores of whole bytes, so it is sound at any point; a large
// collection is checked, and dropped if the failed command left it broken.

package shards

import (
	"slices"

	"respite/keyspace"
	"respite/value"
)

// undoLog keeps the keys that a transaction wrote, as they were, in order.
type undoLog struct {
	images []image
	bytes  []byte
}

// image is one key before its change. Offsets are into undoLog.bytes.
type image struct {
	d        *db
	key, end int // bytes[key:value] is the key, bytes[value:end] the value
	value    int
	deadline int64
	kind     keyspace.Kind
	existed  bool
	timed    bool
	large    bool
}

const maxKeptUndo = 64 << 10 // bytes of the buffer that stay for the next transaction

func (u *undoLog) reset() {
	if cap(u.bytes) > maxKeptUndo {
		*u = undoLog{}
		return
	}
	u.images, u.bytes = u.images[:0], u.bytes[:0]
}

// keep notes a key as it is now; ref is 0 for one that is absent.
func (u *undoLog) keep(d *db, key []byte, ref keyspace.Ref) {
	n := len(u.images)
	u.images = slices.Grow(u.images, 1)[:n+1]
	im := &u.images[n]
	*im = image{}
	im.d, im.key, im.existed = d, len(u.bytes), ref != 0
	u.bytes = append(u.bytes, key...)
	im.value = len(u.bytes)
	if ref != 0 {
		e := d.space.Entry(ref)
		im.kind, im.timed, im.large = e.Kind, e.Timed, e.Large || e.Kind.OwnsNodes()
		if im.timed {
			im.deadline = d.space.Deadline(uint32(ref))
		}
		if !im.large {
			u.bytes = append(u.bytes, e.Value...)
		}
	}
	im.end = len(u.bytes)
}

// rollback restores the keys that the transaction wrote, the last written first.
func (tx *Tx) rollback() {
	for i := len(tx.undo.images) - 1; i >= 0; i-- {
		tx.restore(&tx.undo.images[i])
	}
}

func (tx *Tx) restore(im *image) {
	key := tx.undo.bytes[im.key:im.value]
	slot := Slot{tx: tx, d: im.d, key: key, ref: im.d.space.Find(key)}
	switch {
	case !im.existed:
		slot.Delete()
		return
	case im.large && slot.ref == 0:
		return // a large value that was removed: the removal stands, whole
	case im.large && !isSound(slot.View()):
		clear(slot.Mutable()) // of what it says of its nodes nothing is to be relied on: they are lost
		slot.Delete()
		tx.Changed(key, EventDel)
		return
	case im.large:
		slot.Schedule()               // its deadlines may have changed
		tx.Changed(key, EventUnnamed) // some of the command may stay done
	default:
		tx.putBack(&slot, im)
	}
	slot.Persist()
	if im.timed {
		slot.SetDeadline(im.deadline)
	}
}

// putBack restores a small value. If the arena is full, what takes its place now gives it up first.
func (tx *Tx) putBack(slot *Slot, im *image) {
	v := tx.undo.bytes[im.value:im.end]
	if slot.ref != 0 {
		slot.d.forget(slot.ref)
		ref, err := slot.d.space.Replace(slot.ref, im.kind, v)
		if err == nil {
			slot.ref = ref
			slot.arrive(im.kind)
			return
		}
		slot.Delete()
	}
	slot.d.space.Reclaim()
	slot.Put(im.kind, v)
}

// isSound reports whether a value is not broken. What is may well make the check itself panic.
func isSound(v value.View) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return value.Check(v) == nil
}
