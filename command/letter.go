// letter.go: messages on their way to subscribers. A message is written once, in RESP3's form: of what RESP2 has instead only
// the first byte differs, and the outbox that takes it sees to that. Whoever publishes leaves it in the outboxes and comes back
// to them: a session when its batch is done, and the courier soon. So many messages to one subscriber are one write.

package command

import (
	"sync"

	"respite/proto"
	"respite/pubsub"
)

// letter is a message being published. It is reused.
type letter struct {
	pubsub.Message
	name    []byte // of a channel that is made up
	payload []byte // likewise
}

// keptLetter is the capacity in bytes up to which a letter's buffer is used again.
const keptLetter = 64 << 10

// reset lets go of the message.
func (l *letter) reset() {
	l.Message = pubsub.Message{Wire: l.Wire[:0]}
	if cap(l.Wire) > keptLetter {
		l.Wire = nil
	}
	if cap(l.name) > keptLetter {
		l.name = nil
	}
	if cap(l.payload) > keptLetter {
		l.payload = nil
	}
}

// Deliver implements pubsub.Subscriber.
func (s *Session) Deliver(m *pubsub.Message) {
	if len(m.Wire) == 0 {
		m.Wire = appendMessage(m.Wire, m)
	}
	if s.conn.Post(m.Wire) {
		m.Carrier.Carry(s)
	}
}

// appendMessage writes a message as a push.
func appendMessage(b []byte, m *pubsub.Message) []byte {
	switch m.Kind {
	case pubsub.Patterns:
		b = append(b, ">4\r\n$8\r\npmessage\r\n"...)
		b = proto.AppendBulk(b, m.Pattern)
	case pubsub.ShardChannels:
		b = append(b, ">3\r\n$8\r\nsmessage\r\n"...)
	default:
		b = append(b, ">3\r\n$7\r\nmessage\r\n"...)
	}
	return proto.AppendBulk(proto.AppendBulk(b, m.Channel), m.Payload)
}

// Carry implements pubsub.Carrier: the connection sends what its commands have left with others.
func (s *Session) Carry(to pubsub.Subscriber) { s.conn.Carry(to.(*Session).conn) }

// courier sends what was left with clients by those who have no connection, or no time. It has a goroutine while there is
// something to do.
type courier struct {
	broadcasts *broadcasts

	mu      sync.Mutex // guards what follows
	to      []*Session
	spreads bool // there are broadcasts to spread
	running bool
}

// Carry implements pubsub.Carrier. It does not wait.
func (c *courier) Carry(to pubsub.Subscriber) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = append(c.to, to.(*Session))
	c.start()
}

// spreadSoon has broadcasts spread. It does not wait.
func (c *courier) spreadSoon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spreads = true
	c.start()
}

// start makes the courier run. The lock is held.
func (c *courier) start() {
	if !c.running {
		c.running = true
		go c.run()
	}
}

func (c *courier) run() {
	var round []*Session
	for {
		clear(round)
		c.mu.Lock()
		round, c.to = c.to, round[:0]
		spreads := c.spreads
		c.spreads = false
		if len(round) == 0 && !spreads {
			c.to, c.running = nil, false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		if spreads {
			c.broadcasts.spread(c)
		}
		for _, s := range round {
			s.conn.SendPushes()
		}
	}
}
