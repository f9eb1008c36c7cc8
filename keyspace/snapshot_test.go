package keyspace

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const lastEpoch = 0xffff

// snapshotModel is what a machine knows of an open snapshot.
type snapshotModel struct {
	open    *Snapshot // nil: none is
	entries map[string]entry
	again   string // the key that the next step begins with, if held
	held    bool
	large   []view // of values that outlive their step
}

// freeze opens a snapshot beside a copy of the model.
func (m *machine) freeze(t *rapid.T) {
	sn, err := m.s.Freeze()
	if m.snapshot.open != nil {
		require.ErrorIs(t, err, ErrFrozen)
		return
	}
	require.NoError(t, err)
	m.snapshot = snapshotModel{open: sn, entries: map[string]entry{}}
	for k, e := range m.model {
		frozen := *e
		frozen.val = bytes.Clone(e.val)
		m.snapshot.entries[k] = frozen
	}
}

// step walks on. What comes must be in the model as it was, once.
func (m *machine) step(t *rapid.T) {
	sn := &m.snapshot
	if sn.open == nil {
		t.Skip("no snapshot")
	}
	stop := rapid.IntRange(-1, 20).Draw(t, "visits")
	more, err := sn.open.Step(rapid.IntRange(1, 200).Draw(t, "budget"), func(f *Frozen) bool {
		require.False(t, sn.held && string(f.Key) != sn.again)
		want, ok := sn.entries[string(f.Key)]
		require.True(t, ok, "%.20q does not belong to the snapshot, or comes twice", f.Key)
		require.True(t, bytes.Equal(want.val, f.Value), "value of %.20q", f.Key)
		require.Equal(t, want.kind, f.Kind)
		require.Equal(t, want.timed, f.Timed)
		require.True(t, !f.Timed || want.deadline == f.Deadline)
		if stop--; stop == 0 {
			sn.again, sn.held = string(f.Key), true
			return false
		}
		sn.held = false
		delete(sn.entries, string(f.Key))
		if len(f.Value) >= LargeValue {
			sn.large = append(sn.large, view{f.Value, bytes.Clone(f.Value)})
		}
		return true
	})
	require.NoError(t, err)
	if !more {
		require.Empty(t, sn.entries)
		sn.open = nil
	}
}

// giveUp walks to the end without a visitor.
func (m *machine) giveUp(t *rapid.T) {
	if m.snapshot.open == nil {
		t.Skip("no snapshot")
	}
	for more := true; more; {
		more, _ = m.snapshot.open.Step(10, nil)
	}
	m.snapshot = snapshotModel{}
}

func (sn *snapshotModel) check(t *rapid.T) {
	for _, v := range sn.large {
		require.True(t, bytes.Equal(v.was, v.seen), "a large value changed after its step")
	}
}

// TestSnapshotWithoutRoom changes entries while the arena has no room to keep them.
func TestSnapshotWithoutRoom(t *testing.T) {
	s := newSpace()
	fillSpace(t, s, 0, 5000, 100)
	s.arena.maxPages = s.arena.nextPage
	sn, err := s.Freeze()
	require.NoError(t, err)
	for i := range 5000 {
		ref := s.Find(key(i))
		s.Keep(ref)
		s.Mutable(ref)[0]++
	}
	more := true
	for more {
		more, err = sn.Step(100, func(*Frozen) bool { return true })
	}
	require.ErrorIs(t, err, ErrFull)
	require.NoError(t, s.Check())
	_, err = s.Freeze()
	require.NoError(t, err)
}
