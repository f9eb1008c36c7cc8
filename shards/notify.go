// notify.go: what keyspace notifications tell of. A transaction notes its events as they happen and hands them on at its end,
// while its shards are still owned: after its effects, before anybody can see them, and before those are served who have
// waited for them. Whoever makes a change need not think of it: Changed notes it.

package shards

// Notices says which events are told of, and to whom.
type Notices struct {
	wanted  [len(eventTable)]bool
	publish func(db int, key []byte, e Event)
}

// NewNotices returns Notices for the events of the classes that wanted reports. Publish is called by the owner of the shards: it
// must not wait for anything, nor keep the key.
func NewNotices(wanted func(class byte) bool, publish func(db int, key []byte, e Event)) *Notices {
	n := &Notices{publish: publish}
	for e := range n.wanted {
		class := Event(e).Class()
		n.wanted[e] = class != 0 && wanted(class)
	}
	return n
}

// noticeLog is the events of a transaction, and where they go. They are few, and their keys short.
type noticeLog struct {
	publish func(db int, key []byte, e Event)
	events  []notice
	keys    []byte
}

// notice is one event; its key ends at end in the log's keys, where that of the next one begins.
type notice struct {
	db, end int
	event   Event
}

// note remembers an event until the transaction ends.
func (tx *Tx) note(db int, key []byte, e Event) {
	if n := tx.limits.Notices; n != nil && n.wanted[e] {
		l := &tx.notices
		l.publish = n.publish // what is noted is told, though a command of the transaction ends notifications
		l.keys = append(l.keys, key...)
		l.events = append(l.events, notice{db, len(l.keys), e})
	}
}

// TakeBackNew takes the last event back if it says that a key is new, and reports whether it did. Who has made the key before Redis
// would have made it tells of it later, by Also.
func (tx *Tx) TakeBackNew() bool {
	l := &tx.notices
	last := len(l.events) - 1
	if last < 0 || l.events[last].event != EventNew {
		return false
	}
	l.cut(last)
	return true
}

// Tell hands on the events so far. A transaction of several commands does so before one of them publishes something itself.
func (tx *Tx) Tell() {
	l := &tx.notices
	if len(l.events) == 0 {
		return
	}
	from := 0
	for _, n := range l.events {
		l.publish(n.db, l.keys[from:n.end], n.event)
		from = n.end
	}
	l.reset()
	tx.noted = 0
}

// cut forgets the events but the first n.
func (l *noticeLog) cut(n int) {
	if n >= len(l.events) {
		return
	}
	l.events = l.events[:n]
	l.keys = l.keys[:l.end()]
}

// end is where the key of the last event ends.
func (l *noticeLog) end() int {
	if len(l.events) == 0 {
		return 0
	}
	return l.events[len(l.events)-1].end
}

// keptNotices is how many bytes of keys, and events, a log keeps room for.
const keptNotices = 16 << 10

func (l *noticeLog) reset() {
	if cap(l.keys) > keptNotices || cap(l.events) > keptNotices {
		*l = noticeLog{}
		return
	}
	l.events, l.keys = l.events[:0], l.keys[:0]
}
