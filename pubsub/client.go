package pubsub

// client.go: what one client has subscribed to. Its own goroutine subscribes and unsubscribes; anybody may ask how much it is
// and end it, after which it takes no further subscriptions, so that a client that is gone leaves nothing.

import (
	"sync"
	"sync/atomic"
)

// Client is one subscriber's subscriptions. The zero Client with Join is ready for use.
type Client struct {
	registry *Registry
	self     Subscriber

	counts [kinds]atomic.Int32
	total  atomic.Int32

	mu    sync.Mutex // guards what follows
	by    [kinds]map[string]*subscription
	ended bool
}

// Join says where the client subscribes, and who takes its messages. It comes first.
func (c *Client) Join(r *Registry, self Subscriber) { c.registry, c.self = r, self }

// Subscribe subscribes to a topic; to one that the client has it does nothing.
func (c *Client) Subscribe(k Kind, name []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.by[k][string(name)] != nil {
		return
	}
	if c.by[k] == nil {
		c.by[k] = map[string]*subscription{}
	}
	topic := string(name)
	c.by[k][topic] = c.registry.add(k, topic, c.self)
	c.counts[k].Add(1)
	if c.total.Add(1) == 1 {
		c.registry.clients.Add(1)
	}
}

// Unsubscribe takes a subscription back, if there is one.
func (c *Client) Unsubscribe(k Kind, name []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.by[k][string(name)]; s != nil {
		c.drop(k, s)
	}
}

// drop ends a subscription. The lock is held.
func (c *Client) drop(k Kind, s *subscription) {
	delete(c.by[k], s.topic.name)
	if len(c.by[k]) == 0 {
		c.by[k] = nil // a map does not shrink
	}
	c.registry.remove(k, s)
	c.counts[k].Add(-1)
	if c.total.Add(-1) == 0 {
		c.registry.clients.Add(-1)
	}
}

// Names are the topics of a kind that the client has subscribed to, in no order.
func (c *Client) Names(k Kind) (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.by[k] {
		names = append(names, name)
	}
	return names
}

// UnsubscribeAll takes all subscriptions back.
func (c *Client) UnsubscribeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropAll()
}

// End takes all subscriptions back, for good.
func (c *Client) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.dropAll()
}

func (c *Client) dropAll() {
	for k := range c.by {
		for _, s := range c.by[k] {
			c.drop(Kind(k), s)
		}
	}
}

// Count is how many topics of a kind the client has subscribed to.
func (c *Client) Count(k Kind) int { return int(c.counts[k].Load()) }

// Subscribed reports whether the client has subscribed to anything.
func (c *Client) Subscribed() bool { return c.total.Load() > 0 }
