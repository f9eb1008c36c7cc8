// notify.go: keyspace notifications. What happens to keys is told by the shards (shards/notify.go); here it becomes messages, by
// notify-keyspace-events: __keyspace@0__:key says what has happened to a key, __keyevent@0__:del to which key it has.
//
// They are published by the owner of a shard, who leaves them in outboxes and goes on: the courier sends them.

package command

import (
	"strconv"

	"respite/config"
	"respite/pubsub"
	"respite/shards"
)

// Notices is what the shards are to tell of under a setting of notify-keyspace-events; nil if that is nothing.
func (e *Executor) Notices(classes config.EventClass) *shards.Notices {
	const ways = config.EventKeyspace | config.EventKeyevent
	if classes&ways == 0 || classes&^ways == 0 {
		return nil
	}
	wanted := func(class byte) bool {
		c, _ := config.ParseEvents(string(rune(class))) // shards name classes as the setting does
		return classes&c != 0
	}
	return shards.NewNotices(wanted, func(db int, key []byte, event shards.Event) {
		e.notify(classes, db, key, event.Name())
	})
}

// notify publishes one event, of a key by name and then of an event by key. It must not wait.
func (e *Executor) notify(classes config.EventClass, db int, key []byte, event string) {
	if e.channels.Clients() == 0 {
		return
	}
	l := e.letters.Get().(*letter)
	l.Kind, l.Carrier = pubsub.Channels, &e.courier
	if classes&config.EventKeyspace != 0 {
		l.address("__keyspace@", db)
		l.name = append(l.name, key...)
		l.payload = append(l.payload[:0], event...)
		l.Channel, l.Payload = l.name, l.payload
		e.channels.Publish(&l.Message)
	}
	if classes&config.EventKeyevent != 0 {
		l.address("__keyevent@", db)
		l.name = append(l.name, event...)
		l.Channel, l.Payload = l.name, key
		e.channels.Publish(&l.Message)
	}
	l.reset()
	e.letters.Put(l)
}

// address begins the name of a channel.
func (l *letter) address(prefix string, db int) {
	l.name = append(strconv.AppendInt(append(l.name[:0], prefix...), int64(db), 10), "__:"...)
}
