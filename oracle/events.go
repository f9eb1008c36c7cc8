package oracle

// The differential of keyspace notifications: a listener on each server hears what the same commands make of
// keys. A server with one shard has to tell of the same events in the same order, byte for byte. With several shards the
// order is that of the original for each key; events of different keys may change places where commands were sent
// together, and where one command changes keys of several shards they are compared as they are, since that is one
// transaction.
//
// Deadlines that pass are left out: when a key that nobody touches goes is each server's affair.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// allEvents is notify-keyspace-events with everything in it.
const allEvents = "KEAmn"

// listener hears the keyspace notifications of one server.
type listener struct {
	*Conn
}

func newListener(dial Dialer) (l *listener, err error) {
	c, err := Connect(dial, resp2)
	if err != nil {
		return nil, err
	}
	if _, err = c.mustDo("CONFIG", "SET", "notify-keyspace-events", allEvents); err == nil {
		_, err = c.Do("PSUBSCRIBE", "__key*__:*")
	}
	if err != nil {
		_ = c.Close()
	}
	return &listener{c}, err
}

// event is one notification: the channel, in which there may be any byte of a key, and what was said there.
type event struct{ channel, said string }

func (e event) String() string { return e.channel + " " + e.said }

// heard is the messages since the last call. All commands that cause some have been
// answered. What was published before a client unsubscribes precedes the answer to that.
func (l *listener) heard() (events []event, err error) {
	l.Queue("PUNSUBSCRIBE", "nosuch")
	if err := l.Flush(); err != nil {
		return nil, err
	}
	const channel, payload, fields = 2, 3, 4
	for {
		v, err := l.Receive()
		switch {
		case err != nil:
			return nil, fmt.Errorf("the listener: %w", err)
		case len(v.Elems) > 0 && v.Elems[0].Text == "punsubscribe":
			return events, nil
		case len(v.Elems) != fields || v.Elems[0].Text != "pmessage":
			return nil, fmt.Errorf("the listener got\n%s", v)
		}
		if e := (event{v.Elems[channel].Text, v.Elems[payload].Text}); !e.isOfDeadline() && !e.isOfConsumer() {
			events = append(events, e)
		}
	}
}

// isOfDeadline reports whether an event is that a key has expired.
func (e event) isOfDeadline() bool { return e.isNamed("expired") }

// isOfConsumer reports whether an event is that a consumer was created: since 7.2 XREADGROUP does so also where it finds nothing
// (Redis 7.2 release notes, pull request 11099).
func (e event) isOfConsumer() bool { return e.isNamed("xgroup-createconsumer") }

func (e event) isNamed(name string) bool {
	if e.isOfKind() {
		return strings.HasSuffix(e.channel, "__:"+name)
	}
	return e.said == name
}

// isOfKind reports whether an event is said on the channel of its kind, and not on that of its key.
func (e event) isOfKind() bool { return strings.HasPrefix(e.channel, "__keyevent@") }

// byKey orders events so that those of each key stay in order, and others do not count.
func byKey(events []event) []event {
	slices.SortStableFunc(events, func(a, b event) int {
		if order := strings.Compare(a.channel, b.channel); order != 0 || !a.isOfKind() {
			return order
		}
		return strings.Compare(a.said, b.said)
	})
	return events
}

// lines shows events, one on each line.
func lines(events []event) string {
	var out strings.Builder
	for _, e := range events {
		fmt.Fprintln(&out, e)
	}
	return out.String()
}

// DifferentialEvents plays all transcripts of dir on both sides and compares, step by step, what keyspace notifications
// say. Whether the replies are right is Differential's to ask.
func DifferentialEvents(t *testing.T, dir string, a, b Side) {
	t.Helper()
	forEachBlock(t, dir, func(t *testing.T, block *Block) {
		if slices.ContainsFunc(block.Steps, meddles) {
			return
		}
		require.NoError(t, eventsAgainstEachOther(block, a, b))
	})
}

// meddles reports whether a step has to do with the listener: it sets what is heard, sees other clients, sends them away or holds them
// back until nobody knows when.
// A read of streams that waits is run again in 7.2 when a key changes, and looks at all of them anew.
func meddles(s *Step) bool {
	line := strings.ToLower(strings.Join(s.Args, " "))
	return changesConfig(s) && strings.Contains(line, "notify-keyspace-events") || is("monitor")(s.Args) ||
		strings.HasPrefix(line, "client kill") || strings.HasPrefix(line, "client pause") || is("xread", "xreadgroup")(s.Args) && strings.Contains(line, " block ")
}

func eventsAgainstEachOther(block *Block, a, b Side) error {
	first, err := newHeard(block, a)
	if err != nil {
		return err
	}
	defer first.close()
	second, err := newHeard(block, b)
	if err != nil {
		return err
	}
	defer second.close()
	for _, s := range block.Steps {
		if s.since { // from here on the data may differ, so what happens to it does too
			break
		}
		one, err := first.play(s)
		if err != nil {
			return err
		}
		two, err := second.play(s)
		if err != nil {
			return err
		}
		if !slices.Equal(one, two) {
			return fmt.Errorf("line %d: %s: events differ\nfirst:\n%ssecond:\n%s", s.Line, s.source, lines(one), lines(two))
		}
	}
	return errors.Join(first.player.finish(), second.player.finish())
}

// heardPlayer is a block being played on one server, and who listens to it.
type heardPlayer struct {
	player   *player
	listener *listener
}

func newHeard(block *Block, side Side) (*heardPlayer, error) {
	p, err := newPlayer(side.Dial, resp2, block)
	if err != nil {
		return nil, err
	}
	l, err := newListener(side.Dial)
	if err != nil {
		p.close()
		return nil, err
	}
	return &heardPlayer{p, l}, nil
}

func (h *heardPlayer) close() {
	h.player.close()
	_ = h.listener.Close()
}

// play takes a step and returns the events since the last one that was answered: when any other has run, nobody knows.
func (h *heardPlayer) play(s *Step) (events []event, err error) {
	if _, err = h.player.play(s); err == nil && s.answered() {
		events, err = h.listener.heard()
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %s: %w", s.Line, s.source, err)
	}
	return events, nil
}

// compareEvents compares what the listeners have heard, where there are any.
func (d *duel) compareEvents() error {
	if d.events == nil {
		return nil
	}
	a, err := d.first.listener.heard()
	if err != nil {
		return err
	}
	b, err := d.second.listener.heard()
	if err != nil {
		return err
	}
	if a, b = d.events(a), d.events(b); !slices.Equal(a, b) {
		return fmt.Errorf("events differ\n%s:\n%s%s:\n%s", d.first.name, lines(a), d.second.name, lines(b))
	}
	return nil
}

// toldDifferently reports commands whose events differ for a reason, or by chance: SORT of a hash table by other keys misses them in
// no order; a rank is refused by 7.2 before the key is looked up; and a key that SET makes with a deadline in the past is deleted by
// the real server, not expired, when a command that stores nothing removes it.
func toldDifferently(args []string) bool {
	line := strings.ToLower(strings.Join(args[1:], " "))
	return is("sort", "sort_ro")(args) && strings.Contains(line, "*") || isRankRefused(args) || setsAtOnce(args)
}

// setsAtOnce reports a SET with a moment, which may be in the past: when the key goes then is each server's affair.
func setsAtOnce(args []string) bool {
	return is("set")(args) && slices.ContainsFunc(args[1:], func(arg string) bool { return is("exat", "pxat")([]string{arg}) })
}

// RunRandomEvents is RunRandom with the events of keys compared too: all of them in their order, or, unless ordered, as far as
// they are of one key.
func RunRandomEvents(t testing.TB, ours, reference Side, ordered bool, seed uint64, n int) {
	t.Helper()
	d := newDuel(ours, reference, append(AllTables(), Table{
		Name: "events", Avoid: toldDifferently,
	}))
	d.events = byKey
	if ordered {
		d.events = func(events []event) []event { return events }
	}
	d.run(t, seed, n)
}
