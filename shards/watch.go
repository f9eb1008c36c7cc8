// watch.go: keys that clients watch (WATCH). A Watch is the set of one client; every shard knows, by database and key, who
// watches which of its keys. Whatever changes a key ends in Tx.changed, which breaks the watches of that key there and then;
// whether a key is past its deadline is looked up when the transaction asks (Tx.Intact). A watch that is broken stays so.
//
// A key past its deadline counts as absent: it is removed when somebody begins to watch it or asks for it, so that what is
// in the keyspace is what a client could see, and a database that is emptied or swapped breaks the watches of exactly those
// keys that come or go with it.
//
// A Watch belongs to its client, which changes it only while it holds the shards of the keys that come or go; broken may be
// read by anybody. Registrations belong to the owner of their shard.

package shards

import "sync/atomic"

// Watch is the keys that one client watches. The zero value watches nothing.
type Watch struct {
	broken atomic.Bool
	count  atomic.Int64
	reach  Mask // shards with registrations
	keys   []*watcher
}

// watcher is one registration: a client in the list of a key.
type watcher struct {
	of         *Watch
	list       *watchers
	prev, next *watcher
}

// watchers is who watches one key.
type watchers struct {
	s     *shard
	db    int
	key   []byte
	first *watcher
}

// Watch registers keys of the current database. A key that is watched already is not registered again.
func (tx *Tx) Watch(w *Watch, keys [][]byte) {
	for _, key := range keys {
		s, d := tx.home(key)
		tx.find(s, d, key)
		if l := s.watchersOf(tx.db, key); !l.has(w) {
			l.add(w)
		}
	}
}

// watchersOf is the list of a key, made if there is none.
func (s *shard) watchersOf(db int, key []byte) *watchers {
	if s.watches == nil {
		s.watches = make([]map[string]*watchers, len(s.dbs))
	}
	if s.watches[db] == nil {
		s.watches[db] = map[string]*watchers{}
	}
	l := s.watches[db][string(key)]
	if l == nil {
		l = &watchers{s: s, db: db, key: append([]byte(nil), key...)}
		s.watches[db][string(key)] = l
		s.watched++
	}
	return l
}

// has reports whether a watch is in the list. It goes through the list and the watch's keys side by side, since either may be
// long: many clients on one key, or many keys of one client.
func (l *watchers) has(w *Watch) bool {
	i := 0
	for r := l.first; r != nil && i < len(w.keys); r, i = r.next, i+1 {
		if r.of == w || w.keys[i].list == l {
			return true
		}
	}
	return false
}

func (l *watchers) add(w *Watch) {
	r := &watcher{of: w, list: l, next: l.first}
	if l.first != nil {
		l.first.prev = r
	}
	l.first = r
	w.keys = append(w.keys, r)
	w.count.Store(int64(len(w.keys)))
	w.reach.Set(l.s.index)
}

// remove takes a registration away, and with the last of them the list.
func (l *watchers) remove(r *watcher) {
	if r.prev == nil {
		l.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	}
	if l.first != nil {
		return
	}
	s := l.s
	delete(s.watches[l.db], string(l.key))
	if len(s.watches[l.db]) == 0 {
		s.watches[l.db] = nil // a map does not shrink
	}
	s.watched--
}

// Unwatch takes all registrations of a watch away. All shards of its reach are held.
func (tx *Tx) Unwatch(w *Watch) {
	tx.mustBeOpen()
	for _, r := range w.keys {
		if !tx.has(r.list.s.index) {
			panic("shards: Unwatch without the shard of a key")
		}
		r.list.remove(r)
	}
	w.keys, w.reach = nil, Mask{}
	w.count.Store(0)
}

// Intact reports whether nothing has happened to the keys of a watch. All shards of its reach are held.
func (tx *Tx) Intact(w *Watch) bool {
	for _, r := range w.keys {
		if w.Broken() {
			break
		}
		tx.look(r.list)
	}
	return !w.Broken()
}

// look reports whether a watched key is there. If its deadline has passed that breaks the watches of it.
func (tx *Tx) look(l *watchers) (exists bool) {
	db := tx.db
	tx.db = l.db
	exists = tx.find(l.s, l.s.dbs[l.db], l.key) != 0
	tx.db = db
	return exists
}

// Broken reports whether something has happened to a key since it was watched. Any goroutine may ask.
func (w *Watch) Broken() bool { return w.broken.Load() }

// Len is how many keys are watched. Any goroutine may ask.
func (w *Watch) Len() int64 { return w.count.Load() }

// Reach is the shards of the keys.
func (w *Watch) Reach() Mask { return w.reach }

// breakWatches tells those who watch a key that it has changed.
func (s *shard) breakWatches(db int, key []byte) {
	if s.watches[db] == nil {
		return
	}
	if l := s.watches[db][string(key)]; l != nil {
		l.breakAll()
	}
}

func (l *watchers) breakAll() {
	for r := l.first; r != nil; r = r.next {
		if !r.of.Broken() {
			r.of.broken.Store(true)
		}
	}
}

// breakReplaced breaks the watches of the keys of a database whose content is about to be replaced by that of another, or, if
// by is the same, by nothing: of those that are in either.
func (tx *Tx) breakReplaced(db, by int) {
	tx.eachShard(func(s *shard) {
		if s.watched == 0 {
			return
		}
		for _, l := range s.watches[db] {
			there, comes := tx.look(l), false
			if by != db {
				comes = tx.look(&watchers{s: s, db: by, key: l.key})
			}
			if there || comes {
				l.breakAll()
			}
		}
	})
}

// Watched counts the keys, on the shards held, that somebody watches.
func (tx *Tx) Watched() (keys int) {
	tx.eachShard(func(s *shard) { keys += s.watched })
	return keys
}
