package shards

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/keyspace"
	"respite/value"
)

const fieldsStart = 1_700_000_000_000 // unix milliseconds

// setFields gives a hash fields f0, f1 and so on, all with the same deadline; 0 is none.
func setFields(tx *Tx, key []byte, n int, deadline int64) {
	slot := tx.Write(key)
	h := value.OpenHash(slot, tx.Encoding())
	for i := range n {
		field := fmt.Appendf(nil, "f%d", i)
		h.Set(field, []byte("v"))
		if deadline != 0 {
			h.SetDeadline(field, deadline)
		}
	}
	slot.Schedule()
	tx.Changed(key, EventHSet)
}

// fieldsLeft is how many fields a hash has, whether due or not.
func fieldsLeft(tx *Tx, key []byte) int {
	it, ok := tx.Peek(key)
	if !ok {
		return 0
	}
	h := value.ViewHash(it.View())
	return h.Len()
}

// hashLimits are limits with packed hashes up to so many fields.
func hashLimits(entries int64) Limits {
	return Limits{Encoding: value.Limits{HashMaxListpackEntries: entries, HashMaxListpackValue: 64}}
}

// registrations takes what a schedule has out and puts it in again.
func registrations(d *db) map[string]int64 {
	all := map[string]int64{}
	for {
		first, ok := d.fields.First()
		if !ok {
			break
		}
		key := string(first)
		ms, _ := d.fields.Next()
		all[key] = ms
		d.fields.Remove(ms, []byte(key))
	}
	for key, ms := range all {
		d.fields.Add(d.space.Nodes(), ms, []byte(key))
	}
	return all
}

// checkRegistrations tests the invariant of fields.go.
func checkRegistrations(t require.TestingT, g *Group) {
	for _, s := range g.shards {
		for _, d := range s.dbs {
			want := map[string]int64{}
			d.space.Each(func(ref keyspace.Ref) bool {
				if !value.IsTimed(d.space.Kind(ref)) {
					return true
				}
				v := Item{d, ref}.View()
				require.NoError(t, value.Check(v))
				at, earliest := value.Registered(v), value.EarliestDeadline(v)
				if earliest != 0 {
					require.NotZero(t, at)
					require.LessOrEqual(t, at, earliest)
				}
				if at != 0 {
					want[string(d.space.Key(ref))] = at
				}
				return true
			})
			require.Equal(t, want, registrations(d))
		}
	}
}

// TestRegistrationsFollowTheirHashes does what can be done to keys, in any order, and looks at the schedules after each step.
func TestRegistrationsFollowTheirHashes(t *testing.T) {
	keys := [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("{a}d"), slices.Repeat([]byte("long"), 100)}
	rapid.Check(t, func(t *rapid.T) {
		var now atomic.Int64
		now.Store(fieldsStart * millisecond)
		g := New(Options{Shards: 2, Databases: 2, Clock: now.Load, Poison: true})
		g.SetLimits(hashLimits(int64(rapid.SampledFrom([]int{0, 3, 100}).Draw(t, "entries"))))
		g.Start()
		defer g.Close()
		key := func(t *rapid.T) []byte { return rapid.SampledFrom(keys).Draw(t, "key") }
		run := func(t *rapid.T, body func(*Tx)) { g.Run(g.All(), rapid.IntRange(0, 1).Draw(t, "db"), body) }
		deadline := func(t *rapid.T) int64 {
			return now.Load()/millisecond + rapid.SampledFrom([]int64{-5, -1, 0, 1, 2, 50, 1000}).Draw(t, "lifetime")
		}
		// ofHash opens a key that is a hash or absent.
		ofHash := func(tx *Tx, key []byte) (slot *Slot, h value.HashCell, ok bool) {
			if it, there := tx.Peek(key); there && it.Type() != value.Hash {
				return nil, h, false
			}
			slot = tx.Write(key)
			return slot, value.OpenHash(slot, tx.Encoding()), true
		}
		t.Repeat(map[string]func(*rapid.T){
			"set a deadline": func(t *rapid.T) {
				k, field, ms := key(t), []byte(rapid.SampledFrom([]string{"x", "y", "z", "w"}).Draw(t, "field")), deadline(t)
				run(t, func(tx *Tx) {
					if slot, h, ok := ofHash(tx, k); ok {
						h.SetKeeping(field, []byte("v"))
						h.SetDeadline(field, ms)
						slot.Schedule()
						tx.Changed(k, EventHExpire)
					}
				})
			},
			"set": func(t *rapid.T) {
				k, field := key(t), []byte(rapid.SampledFrom([]string{"x", "y", "z", "w", "v"}).Draw(t, "field"))
				run(t, func(tx *Tx) {
					if _, h, ok := ofHash(tx, k); ok {
						h.Set(field, []byte("v"))
						tx.Changed(k, EventHSet)
					}
				})
			},
			"remove": func(t *rapid.T) {
				k, field := key(t), []byte(rapid.SampledFrom([]string{"x", "y", "z", "w", "v"}).Draw(t, "field"))
				run(t, func(tx *Tx) {
					if slot, h, ok := ofHash(tx, k); ok {
						h.Remove(field)
						if h.Len() == 0 {
							slot.Delete()
						}
						tx.Changed(k, EventHDel)
					}
				})
			},
			"delete":    func(t *rapid.T) { k := key(t); run(t, func(tx *Tx) { tx.Delete(k); tx.Changed(k, EventDel) }) },
			"overwrite": func(t *rapid.T) { k := key(t); run(t, func(tx *Tx) { put(tx, k, "text") }) },
			"give the key a deadline": func(t *rapid.T) {
				k, ms := key(t), deadline(t)
				run(t, func(tx *Tx) {
					if _, ok := tx.Peek(k); ok {
						tx.Write(k).SetDeadline(ms)
					}
				})
			},
			"rename": func(t *rapid.T) {
				from, to := key(t), key(t)
				run(t, func(tx *Tx) {
					if _, ok := tx.Peek(from); ok && string(from) != string(to) {
						tx.Rename(from, to)
						tx.Changed(from, EventRenameFrom)
					}
				})
			},
			"copy": func(t *rapid.T) {
				from, to, db := key(t), key(t), rapid.IntRange(0, 1).Draw(t, "to")
				run(t, func(tx *Tx) {
					if it, ok := tx.Peek(from); ok && (string(from) != string(to) || db != tx.DB()) {
						tx.Select(db)
						tx.Copy(it, tx.Write(to))
						tx.Changed(to, EventCopyTo)
					}
				})
			},
			"fail": func(t *rapid.T) {
				k, ms := key(t), deadline(t)
				run(t, func(tx *Tx) {
					if slot, h, ok := ofHash(tx, k); ok {
						h.Set([]byte("x"), []byte("a new value"))
						h.SetDeadline([]byte("x"), ms)
						if ms%2 == 0 {
							slot.Schedule()
						}
					}
					tx.Abort()
				})
			},
			"swap":         func(*rapid.T) { g.Run(g.All(), 0, func(tx *Tx) { tx.SwapDB(0, 1) }) },
			"flush":        func(t *rapid.T) { run(t, func(tx *Tx) { tx.FlushDB(tx.DB()) }) },
			"time goes by": func(t *rapid.T) { now.Add(rapid.SampledFrom([]int64{1, 3, 60, 2000}).Draw(t, "ms") * millisecond) },
			"turn": func(*rapid.T) {
				g.Tick()
				g.Run(g.All(), 0, func(tx *Tx) {
					tx.eachShard(func(s *shard) {
						for _, d := range s.dbs {
							if at, ok := d.fields.Next(); ok {
								require.GreaterOrEqual(t, at, tx.Now(), "nothing is left that is due")
							}
						}
					})
				})
			},
			"": func(t *rapid.T) { g.Run(g.All(), 0, func(*Tx) { checkRegistrations(t, g) }) },
		})
	})
}

func TestTurnsExpireFieldsAndTellOfThem(t *testing.T) {
	for name, entries := range map[string]int64{"packed": 512, "large": 0} {
		t.Run(name, func(t *testing.T) {
			var r recorder
			var now atomic.Int64
			now.Store(fieldsStart * millisecond)
			g := newGroup(t, Options{Shards: 1, Clock: now.Load, Observer: &r})
			g.SetLimits(hashLimits(entries))
			some, all := []byte("some"), []byte("all")
			g.Run(g.All(), 0, func(tx *Tx) {
				setFields(tx, all, 100, fieldsStart+10)
				setFields(tx, some, 100, fieldsStart+20)
				slot := tx.Write(some)
				h := value.OpenHash(slot, tx.Encoding())
				h.Persist([]byte("f7"))
				h.SetDeadline([]byte("f8"), fieldsStart+30)
				require.Equal(t, 2, tx.shard.dbs[0].fields.Len())
			})
			turn := func(ms int64) {
				now.Store((fieldsStart + ms) * millisecond)
				r.mu.Lock()
				r.saw = nil
				r.mu.Unlock()
				g.Tick()
				g.Run(g.All(), 0, func(*Tx) {}) // it is behind the turn
			}
			turn(10)
			require.Empty(t, r.saw, "a field is there until its millisecond is over")
			turn(11)
			require.Equal(t, []string{"before all true", "h hexpired all", "g del all", "commit"}, r.saw)
			turn(21)
			require.Equal(t, []string{"before some true", "h hexpired some", "commit"}, r.saw)
			g.Run(g.All(), 0, func(tx *Tx) {
				require.Equal(t, 2, fieldsLeft(tx, some))
				require.Equal(t, 1, tx.shard.dbs[0].fields.Len())
				require.EqualValues(t, 198, tx.Stats().ExpiredFields)
				require.Zero(t, tx.Stats().Expired, "no key has expired")
			})
			turn(31)
			require.Equal(t, []string{"before some true", "h hexpired some", "commit"}, r.saw)
			g.Run(g.All(), 0, func(tx *Tx) {
				require.Equal(t, 1, fieldsLeft(tx, some))
				require.Zero(t, tx.shard.dbs[0].fields.Len())
			})
		})
	}
}

func TestNoTurnExpiresFieldsWhileExpiryIsOff(t *testing.T) {
	var now atomic.Int64
	now.Store(fieldsStart * millisecond)
	g := newGroup(t, Options{Shards: 1, Clock: now.Load})
	limits := hashLimits(512)
	limits.KeepExpired = true
	g.SetLimits(limits)
	g.Run(g.All(), 0, func(tx *Tx) { setFields(tx, []byte("h"), 3, fieldsStart+1) })
	now.Add(5 * millisecond)
	g.Tick()
	g.Run(g.All(), 0, func(tx *Tx) {
		require.Equal(t, 3, fieldsLeft(tx, []byte("h")))
		require.EqualValues(t, 4, tx.ExpiryLag())
	})
	limits.KeepExpired = false
	g.SetLimits(limits) // a turn follows
	g.Run(g.All(), 0, func(tx *Tx) { require.Zero(t, fieldsLeft(tx, []byte("h"))) })
}

func TestFieldsExpireWithoutATickToo(t *testing.T) {
	g := newGroup(t, Options{Shards: 2})
	g.SetLimits(hashLimits(16))
	g.Run(g.All(), 3, func(tx *Tx) {
		for i := range 200 {
			setFields(tx, fmt.Appendf(nil, "k%d", i), 1+i%40, tx.Now()+20)
		}
	})
	require.Eventually(t, func() bool {
		var keys int
		g.Run(g.All(), 3, func(tx *Tx) { keys, _ = tx.Len(3) })
		return keys == 0
	}, time.Minute, 5*time.Millisecond)
}

// addDue gives a hash a field that has a deadline soon after the beginning.
func addDue(tx *Tx, key, field []byte) {
	slot := tx.Write(key)
	h := value.OpenHash(slot, tx.Encoding())
	h.Set(field, []byte("v"))
	h.SetDeadline(field, fieldsStart+1)
	slot.Schedule()
	tx.Changed(key, EventHSet)
}

// TestAMillionDueFieldsHoldNoTurnLongerThanItsBudget lets a clock go on by some time whenever it is read, which is what a turn goes by.
func TestAMillionDueFieldsHoldNoTurnLongerThanItsBudget(t *testing.T) {
	const reading = turnTime / 10 // ns
	due := 1_000_000
	if checked {
		due /= 40 // the race detector takes its time
	}
	for name, hashes := range map[string]int{"one hash": 1, "many hashes": due / 10} {
		t.Run(name, func(t *testing.T) {
			now := int64(fieldsStart * millisecond)
			g := New(Options{Shards: 1, Clock: func() int64 { now += reading; return now }})
			g.SetLimits(hashLimits(512))
			s := g.shards[0]
			const piece = 1000 // fields in a transaction
			for i := 0; i < due; i += piece {
				g.Run(g.All(), 0, func(tx *Tx) {
					for j := i; j < i+piece; j++ {
						addDue(tx, fmt.Append(nil, j%hashes), fmt.Append(nil, j))
					}
				})
			}
			now = 2 * fieldsStart * millisecond
			longest := int64(0)
			for range 100 {
				before, gone := s.stats.ExpiryTurnsNS, s.stats.ExpiredFields
				s.turn()
				longest = max(longest, s.stats.ExpiryTurnsNS-before)
				require.Greater(t, s.stats.ExpiredFields, gone, "every turn makes headway")
			}
			require.Less(t, s.stats.ExpiredFields, int64(due), "fields are left that are due")
			require.LessOrEqual(t, longest, int64(turnTime+4*reading))
			require.NotEqual(t, int64(math.MaxInt64), s.armed, "another turn follows")
		})
	}
}

// TestFieldsExpireBesideKeys keeps keys that are due from taking the turns for themselves.
func TestFieldsExpireBesideKeys(t *testing.T) {
	now := int64(fieldsStart * millisecond)
	g := New(Options{Shards: 1, Clock: func() int64 { now += turnTime; return now }}) // one look at the clock, and the turn is over
	g.SetLimits(hashLimits(0))
	s := g.shards[0]
	g.Run(g.All(), 0, func(tx *Tx) {
		for i := range 10_000 {
			slot := tx.Write(fmt.Append(nil, i))
			slot.Put(value.KindRaw, []byte("v"))
			slot.SetDeadline(fieldsStart + 1)
		}
		setFields(tx, []byte("h"), 1000, fieldsStart+1)
	})
	now += 1000 * millisecond
	for range 10 {
		s.turn()
	}
	require.Positive(t, s.dbs[0].timed())
	require.GreaterOrEqual(t, s.stats.ExpiredFields, int64(10*fieldsAtOnce))
}

// TestWhatIsLeftBehindInTheScheduleGoes registers a key that is not there and one that says otherwise.
func TestWhatIsLeftBehindInTheScheduleGoes(t *testing.T) {
	var now atomic.Int64
	now.Store(fieldsStart * millisecond)
	g := newGroup(t, Options{Shards: 1, Clock: now.Load})
	g.SetLimits(hashLimits(512))
	g.Run(g.All(), 0, func(tx *Tx) {
		setFields(tx, []byte("h"), 3, fieldsStart+1000)
		put(tx, []byte("s"), "text")
		d := tx.shard.dbs[0]
		for _, key := range []string{"absent", "h", "s"} {
			d.fields.Add(d.space.Nodes(), fieldsStart+1, []byte(key))
		}
	})
	now.Add(2 * millisecond)
	g.Tick()
	g.Run(g.All(), 0, func(tx *Tx) {
		require.Equal(t, map[string]int64{"h": fieldsStart + 1000}, registrations(tx.shard.dbs[0]))
		require.Equal(t, 3, fieldsLeft(tx, []byte("h")))
	})
}

// BenchmarkExpireFields is what it takes a turn to remove a field.
func BenchmarkExpireFields(b *testing.B) {
	for name, hashes := range map[string]int{"one hash": 1, "of ten fields": 10} {
		b.Run(name, func(b *testing.B) {
			now := int64(fieldsStart * millisecond)
			g := New(Options{Shards: 1, Clock: func() int64 { return now }})
			g.SetLimits(hashLimits(512))
			g.Run(g.All(), 0, func(tx *Tx) {
				if hashes == 1 {
					setFields(tx, []byte("h"), max(b.N, 1000), fieldsStart+1)
					return
				}
				for i := range max(b.N/hashes, 1) {
					setFields(tx, fmt.Append(nil, i), hashes, fieldsStart+1)
				}
			})
			now += 2 * millisecond
			s := g.shards[0]
			b.ResetTimer()
			for s.dbs[0].fields.Len() > 0 {
				s.turn()
			}
		})
	}
}
