package acl

// log.go: what was refused lately (ACL LOG). Like refusals that follow each other are one entry.

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Where a command was refused, as ACL LOG names it.
const (
	AtTopLevel = "toplevel"
	InMulti    = "multi"
	InLua      = "lua"
)

// Entry is a refusal, or several like it.
type Entry struct {
	Count   int64
	Reason  Denial
	Context string
	Object  string // the command, key or channel
	User    string
	Client  string // the last one, as CLIENT LIST shows it
	ID      int64  // from 0, in the order in which entries were made
	Created int64  // unix milliseconds
	Updated int64  // unix milliseconds
}

const (
	likeWithin = 60_000 // milliseconds between refusals that can be one entry
	likeAmong  = 10     // entries that are searched for a like one
)

// Log is the refusals of a server. Its methods may be called from any goroutine.
type Log struct {
	denied [DeniedChannel + 1]atomic.Int64 // by reason

	mu      sync.Mutex // guards what follows
	entries []*Entry   // the newest last
	nextID  int64
}

// Add notes a refusal: Reason, Context, Object, User, Client and Updated are given. The log keeps at most so many entries.
func (l *Log) Add(e Entry, most int64) {
	l.denied[e.Reason].Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.merge(&e) {
		return
	}
	e.Count, e.ID, e.Created = 1, l.nextID, e.Updated
	l.nextID++
	l.entries = append(l.entries, &e)
	if over := int64(len(l.entries)) - most; over > 0 {
		l.entries = slices.Delete(l.entries, 0, int(over))
	}
}

// merge looks for a like entry among the newest, counts there, and makes it the newest.
func (l *Log) merge(e *Entry) bool {
	for i := len(l.entries) - 1; i >= max(0, len(l.entries)-likeAmong); i-- {
		old := l.entries[i]
		if old.Reason != e.Reason || old.Context != e.Context || old.Object != e.Object || old.User != e.User ||
			max(e.Updated-old.Updated, old.Updated-e.Updated) > likeWithin {
			continue
		}
		old.Count++
		old.Client, old.Updated = e.Client, e.Updated
		l.entries = append(slices.Delete(l.entries, i, i+1), old)
		return true
	}
	return false
}

// Newest are the last n entries, the newest first.
func (l *Log) Newest(n int64) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = max(0, min(n, int64(len(l.entries))))
	out := make([]Entry, n)
	for i := range out {
		out[i] = *l.entries[len(l.entries)-1-i]
	}
	return out
}

// Reset forgets all entries; what Denied counts stays.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// Denied is how often something was refused for a reason since the start.
func (l *Log) Denied(why Denial) int64 { return l.denied[why].Load() }
