// tracking_send.go: how clients are told that keys have changed which they may have kept. Data flows like this:
//
//	a key that a client has read   shard's owner -> Invalidate -> outbox, one message for each key
//	a key that prefixes fit        shard's owner -> Broadcast -> the prefixes' sets of keys -> spread -> outboxes, one message for each set
//
// An outbox takes a copy and never waits, so a client that is slow to read never slows who writes; one that lets too much wait is cut off
// by its output limit, and knows by that that it has missed something. What is in the outbox goes out behind the replies in flight, and
// before those of commands that come later (conn/output.go).
//
// The sets are spread when the batch is done in which the keys have changed, before any of its replies is written, so that what one
// pipeline or transaction changes is one message; what is not in anybody's batch (expiry in turns of the shards) is spread by the courier.
// So whoever has got the reply to a write can be sure that all caches are about to hear of it.
//
// Locks are taken in this order: broadcasts.mu, a prefix's, that of an outbox. None is held over anything that waits.

package command

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"respite/proto"
	"respite/pubsub"
)

// What goes before the keys of an invalidation: in RESP3, and to a client that speaks RESP2 and listens.
var (
	invalidationPush    = []byte(">2\r\n$10\r\ninvalidate\r\n")
	invalidationMessage = []byte("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n")
)

// Invalidate implements shards.Invalidator.
func (e *Executor) Invalidate(client, by int64, key []byte) {
	s := e.client(client)
	if s == nil {
		return
	}
	t := s.tracking.Load()
	if t == nil || t.broadcast || t.noLoop && by == client {
		return
	}
	l := e.letters.Get().(*letter)
	l.payload = proto.AppendBulk(append(l.payload[:0], "*1\r\n"...), key)
	s.tell(t, l.payload, &e.courier)
	l.reset()
	e.letters.Put(l)
}

// FlushCaches implements shards.Invalidator.
func (e *Executor) FlushCaches(int64) {
	e.sessions.Range(func(_ int64, s *Session) bool {
		if t := s.tracking.Load(); t != nil {
			null := "$-1\r\n"
			if s.shown().proto == maxProto {
				null = "_\r\n"
			}
			s.tell(t, []byte(null), &e.courier)
		}
		return true
	})
}

// tell leaves an invalidation with the client, or with the one that it redirects to.
func (s *Session) tell(t *tracking, keys []byte, by pubsub.Carrier) {
	to, message := s, []byte(nil)
	if t.redirect != 0 {
		if to, message = s.exec.client(t.redirect), invalidationMessage; to == nil {
			s.tellBroken(t.redirect, by)
			return
		}
	}
	if to.conn.PostPush(invalidationPush, message, keys) {
		by.Carry(to)
	}
}

// tellBroken says that the client to redirect to is gone.
func (s *Session) tellBroken(redirect int64, by pubsub.Carrier) {
	s.broken.Store(true)
	push := strconv.AppendInt([]byte(">2\r\n$21\r\ntracking-redir-broken\r\n:"), redirect, 10)
	if s.conn.PostPush(append(push, '\r', '\n'), nil, nil) {
		by.Carry(s)
	}
}

// broadcasts are the prefixes of all clients in BCAST mode.
type broadcasts struct {
	mu    sync.Mutex // of whoever changes the table
	table atomic.Pointer[prefixTable]
	due   atomic.Bool // some prefix may have keys
}

// prefixTable finds prefixes. It does not change: another one takes its place.
type prefixTable struct {
	byName  map[string]*prefix
	sorted  []*prefix
	lengths []int // of all names, each once, ascending
}

// prefix is what some clients want to hear of.
type prefix struct {
	name string

	mu      sync.Mutex       // guards what follows
	keys    map[string]int64 // changed and not spread yet, and who changed them last; 0: nobody
	clients []*Session
}

// join lets a client hear of prefixes, of which it may hear of some already.
func (b *broadcasts) join(s *Session, names []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.named()
	for _, name := range names {
		p := all[name]
		if p == nil {
			p = &prefix{name: name, keys: map[string]int64{}}
			all[name] = p
		}
		p.add(s)
	}
	b.publish(all)
}

// leave ends that.
func (b *broadcasts) leave(s *Session, names []string) {
	if len(names) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.named()
	for _, name := range names {
		if p := all[name]; p != nil && p.remove(s) {
			delete(all, name)
		}
	}
	b.publish(all)
}

// named is a copy of the table's map. The lock is held.
func (b *broadcasts) named() map[string]*prefix {
	all := map[string]*prefix{}
	if t := b.table.Load(); t != nil {
		for name, p := range t.byName {
			all[name] = p
		}
	}
	return all
}

// publish makes a map of prefixes the table. The lock is held.
func (b *broadcasts) publish(all map[string]*prefix) {
	if len(all) == 0 {
		b.table.Store(nil)
		return
	}
	t := &prefixTable{byName: all}
	for name, p := range all {
		t.sorted = append(t.sorted, p)
		t.lengths = append(t.lengths, len(name))
	}
	slices.SortFunc(t.sorted, func(a, b *prefix) int { return strings.Compare(a.name, b.name) })
	slices.Sort(t.lengths)
	t.lengths = slices.Compact(t.lengths)
	b.table.Store(t)
}

// Len is how many prefixes there are.
func (b *broadcasts) Len() int {
	t := b.table.Load()
	if t == nil {
		return 0
	}
	return len(t.sorted)
}

func (p *prefix) add(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.clients, s) {
		p.clients = append(p.clients, s)
	}
}

func (p *prefix) remove(s *Session) (empty bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients = slices.DeleteFunc(p.clients, func(o *Session) bool { return o == s })
	return len(p.clients) == 0
}

// Broadcast implements shards.Invalidator.
func (e *Executor) Broadcast(by int64, key []byte) {
	t := e.broadcasts.table.Load()
	if t == nil {
		return
	}
	fits := false
	for _, n := range t.lengths {
		if n > len(key) {
			break
		}
		if p := t.byName[string(key[:n])]; p != nil {
			p.note(key, by)
			fits = true
		}
	}
	if !fits {
		return
	}
	e.broadcasts.due.Store(true)
	if by == 0 {
		e.courier.spreadSoon()
	}
}

func (p *prefix) note(key []byte, by int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[string(key)] = by
}

// spread tells everybody of what has changed.
func (b *broadcasts) spread(by pubsub.Carrier) {
	if !b.due.Swap(false) {
		return
	}
	if t := b.table.Load(); t != nil {
		for _, p := range t.sorted {
			p.spread(by)
		}
	}
}

// spread sends all clients of the prefix what has changed, in the order of the keys, and those that are not told of their own changes
// the rest.
func (p *prefix) spread(by pubsub.Carrier) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.keys) == 0 {
		return
	}
	keys := make([]string, 0, len(p.keys))
	for key := range p.keys {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	all := appendKeys(nil, keys)
	for _, s := range p.clients {
		t := s.tracking.Load()
		switch {
		case t == nil:
		case !t.noLoop:
			s.tell(t, all, by)
		default:
			others := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return p.keys[key] == s.ID })
			if len(others) > 0 {
				s.tell(t, appendKeys(nil, others), by)
			}
		}
	}
	p.keys = map[string]int64{}
}

// appendKeys writes an array of keys.
func appendKeys(b []byte, keys []string) []byte {
	b = append(strconv.AppendInt(append(b, '*'), int64(len(keys)), 10), '\r', '\n')
	for _, key := range keys {
		b = append(strconv.AppendInt(append(b, '$'), int64(len(key)), 10), '\r', '\n')
		b = append(append(b, key...), '\r', '\n')
	}
	return b
}
