// Package pubsub knows which clients have subscribed to which channels. It knows no protocol and no connection: a
// subscriber is whatever takes a message without waiting.
//
// pubsub.go is what is published and to whom it goes; client.go is what one client has subscribed to.
//
// Invariants: a topic (a channel or a pattern) is in the registry exactly while somebody has subscribed to it. A message is
// delivered to all subscribers of a topic under the topic's lock, so all of them see the messages of one topic in the same
// order, and once a client has unsubscribed nothing more is delivered to it. Nobody waits for anything but locks that are
// held for as long as it takes to hand a message over. Locks are taken in this order: a client's, the registry's (inside
// its maps), that of the list of patterns, a topic's.
package pubsub

import (
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/puzpuzpuz/xsync/v3"

	"respite/text"
)

// Kind is a way to subscribe.
type Kind uint8

// The kinds.
const (
	Channels Kind = iota
	Patterns
	ShardChannels
	kinds
)

// Subscriber is a client that messages go to.
type Subscriber interface {
	// Deliver hands a message over. It must not wait, nor subscribe or unsubscribe anybody, nor keep the message.
	Deliver(m *Message)
}

// Carrier is who publishes a message, as far as subscribers need him.
type Carrier interface {
	// Carry asks the carrier to come back, when it has published, to a subscriber that has put a message aside to send it
	// together with others.
	Carry(to Subscriber)
}

// Message is a message on its way. Its maker sets Kind, Channels or ShardChannels, Channel, Payload and Carrier.
type Message struct {
	Kind    Kind // how the subscribers it is being delivered to have subscribed
	Channel []byte
	Payload []byte
	Pattern string // with Kind Patterns
	Carrier Carrier
	// Wire is for what subscribers make of the message, so that they make it once: it is empty when the message comes to the
	// first one of a channel or pattern.
	Wire []byte
}

// Registry is all subscriptions of a server.
type Registry struct {
	topics  [kinds]*xsync.MapOf[string, *topic]
	clients atomic.Int64

	patterns atomic.Int64 // how many; so that without any nobody needs the lock
	mu       sync.RWMutex // guards list
	list     []*topic     // all patterns
}

// topic is a channel or a pattern with its subscribers.
type topic struct {
	name string
	glob []byte // of a pattern
	at   int    // of a pattern: its place in the list

	mu   sync.Mutex
	subs []*subscription
}

// subscription is one client's to one topic.
type subscription struct {
	topic *topic
	to    Subscriber
	at    int // its place in the topic's subs
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	r := &Registry{}
	for k := range r.topics {
		r.topics[k] = xsync.NewMapOf[string, *topic]()
	}
	return r
}

// Publish delivers a message to everybody who has subscribed to its channel, or, unless that is a shard channel, to a pattern
// that fits it, and returns how many deliveries that were. A client with several subscriptions gets it several times.
func (r *Registry) Publish(m *Message) (receivers int) {
	if t, ok := r.topics[m.Kind].Load(borrowed(m.Channel)); ok {
		receivers = t.deliver(m)
	}
	if m.Kind == Channels && r.patterns.Load() > 0 {
		receivers += r.publishByPattern(m)
		m.Kind = Channels
	}
	return receivers
}

func (r *Registry) publishByPattern(m *Message) (receivers int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	m.Kind = Patterns
	for _, t := range r.list {
		if text.Match(t.glob, m.Channel, false) {
			m.Pattern = t.name
			receivers += t.deliver(m)
		}
	}
	return receivers
}

func (t *topic) deliver(m *Message) (receivers int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m.Wire = m.Wire[:0]
	for _, s := range t.subs {
		s.to.Deliver(m)
	}
	return len(t.subs)
}

// borrowed is a key for a lookup: nobody keeps it.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// add subscribes.
func (r *Registry) add(k Kind, name string, to Subscriber) *subscription {
	s := &subscription{to: to}
	r.topics[k].Compute(name, func(t *topic, there bool) (*topic, bool) {
		if !there {
			t = &topic{name: name}
		}
		t.add(s)
		if !there && k == Patterns {
			r.listPattern(t)
		}
		return t, false
	})
	return s
}

// remove unsubscribes.
func (r *Registry) remove(k Kind, s *subscription) {
	r.topics[k].Compute(s.topic.name, func(t *topic, _ bool) (*topic, bool) {
		empty := t.remove(s)
		if empty && k == Patterns {
			r.unlistPattern(t)
		}
		return t, empty
	})
}

func (t *topic) add(s *subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.topic, s.at = t, len(t.subs)
	t.subs = append(t.subs, s)
}

// leastShrunk is the room for subscribers from which a topic gives back what it does not use.
const leastShrunk = 64

func (t *topic) remove(s *subscription) (empty bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.subs) - 1
	t.subs[s.at] = t.subs[last]
	t.subs[s.at].at = s.at
	t.subs[last] = nil
	t.subs = t.subs[:last]
	if n := cap(t.subs); n >= leastShrunk && last <= n/4 {
		t.subs = slices.Clip(slices.Clone(t.subs))
	}
	return last == 0
}

func (r *Registry) listPattern(t *topic) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.glob, t.at = []byte(t.name), len(r.list)
	r.list = append(r.list, t)
	r.patterns.Add(1)
}

func (r *Registry) unlistPattern(t *topic) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.list) - 1
	r.list[t.at] = r.list[last]
	r.list[t.at].at = t.at
	r.list[last] = nil
	r.list = r.list[:last]
	r.patterns.Add(-1)
}

// Names are the topics of a kind that fit a glob pattern, in no order.
func (r *Registry) Names(k Kind, pattern []byte) (names []string) {
	r.topics[k].Range(func(name string, _ *topic) bool {
		if text.Match(pattern, []byte(name), false) {
			names = append(names, name)
		}
		return true
	})
	return names
}

// Subscribers is how many have subscribed to a topic.
func (r *Registry) Subscribers(k Kind, name []byte) int {
	t, ok := r.topics[k].Load(borrowed(name))
	if !ok {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.subs)
}

// Len is how many topics of a kind there are.
func (r *Registry) Len(k Kind) int {
	if k == Patterns {
		return int(r.patterns.Load())
	}
	return r.topics[k].Size()
}

// Clients is how many clients have subscribed to something.
func (r *Registry) Clients() int64 { return r.clients.Load() }
