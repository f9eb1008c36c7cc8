// Traffic with known answers. A traffic owns a set of keys that nobody else
// touches and keeps a model of them, so it knows the one right reply to every
// command it makes, pipelined or not. Steps must be sent in the order in which
// they were made, and their replies checked in the same order.

package stress

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"respite/proto"
)

// Shape of the key space and values of one traffic.
const (
	trafficKeys     = 64
	trafficCounters = 8
	trafficVolatile = 8
	trafficShort    = 64       // bytes of most values
	trafficLong     = 4096     // of some, and of those that grow
	trafficHuge     = 96 << 10 // of a few: more than servers have in one buffer
	trafficMany     = 4        // keys of an MSET or MGET
	trafficTTL      = 1000     // seconds; far enough never to pass during a run
)

// Of trafficDraws values trafficLongs are long and one is huge.
const (
	trafficDraws = 64
	trafficLongs = 4
)

// Deadlines of volatile keys, and the slack given to the server's clock, which
// counts whole milliseconds.
const (
	volatileShortest = 20 * time.Millisecond
	volatileSpread   = 200 * time.Millisecond
	volatileSlack    = 10 * time.Millisecond
)

// step is a command and the test that its reply must pass.
type step struct {
	args  []string
	check func(proto.Value) error
}

// traffic makes steps. It is not safe for concurrent use.
type traffic struct {
	prefix   string
	rng      *rand.Rand
	values   map[string]string
	timed    map[string]bool // keys with a far deadline
	counters map[string]int64
	volatile map[string]*volatileKey
	makers   []func() step
}

// volatileKey brackets the moment in which a key with a near deadline expires.
type volatileKey struct {
	value    string
	earliest time.Time // it cannot be gone before
	latest   time.Time // it must be gone after; zero until the SET was answered
}

func newTraffic(prefix string, rng *rand.Rand) *traffic {
	t := &traffic{
		prefix:   prefix,
		rng:      rng,
		values:   map[string]string{},
		timed:    map[string]bool{},
		counters: map[string]int64{},
		volatile: map[string]*volatileKey{},
	}
	t.makers = []func() step{
		t.set, t.set, t.get, t.get, t.get, t.add, t.length, t.del, t.exists, t.setMany, t.getMany,
		t.expire, t.ttl, t.persist, t.incr, t.setVolatile, t.getVolatile, ping,
	}
	return t
}

// next makes one step and moves the model on.
func (t *traffic) next() step { return t.makers[t.rng.IntN(len(t.makers))]() }

func (t *traffic) key() string { return fmt.Sprintf("%sk%d", t.prefix, t.rng.IntN(trafficKeys)) }

// value makes a text of random length, mostly short.
func (t *traffic) value() string {
	limit := trafficShort
	switch draw := t.rng.IntN(trafficDraws); {
	case draw == 0:
		limit = trafficHuge
	case draw <= trafficLongs:
		limit = trafficLong
	}
	n := t.rng.IntN(limit)
	word := strconv.FormatUint(t.rng.Uint64(), 36) + "\r\n\x00"
	return strings.Repeat(word, n/len(word)+1)[:n]
}

func (t *traffic) set() step {
	k, v := t.key(), t.value()
	t.values[k] = v
	delete(t.timed, k)
	return step{[]string{"SET", k, v}, wantText("OK")}
}

func (t *traffic) get() step {
	k := t.key()
	return step{[]string{"GET", k}, t.wantKey(k)}
}

func (t *traffic) add() step {
	k, v := t.key(), t.value()
	if len(t.values[k])+len(v) > trafficLong {
		return t.set()
	}
	t.values[k] += v
	// Appending nothing to nothing creates an empty key on the server as well.
	return step{[]string{"APPEND", k, v}, wantInt(int64(len(t.values[k])))}
}

func (t *traffic) length() step {
	k := t.key()
	return step{[]string{"STRLEN", k}, wantInt(int64(len(t.values[k])))}
}

func (t *traffic) del() step {
	k := t.key()
	n := t.present(k)
	delete(t.values, k)
	delete(t.timed, k)
	return step{[]string{"DEL", k}, wantInt(n)}
}

func (t *traffic) exists() step {
	a, b := t.key(), t.key()
	return step{[]string{"EXISTS", a, b}, wantInt(t.present(a) + t.present(b))}
}

func (t *traffic) setMany() step {
	args := []string{"MSET"}
	for range trafficMany {
		k, v := t.key(), t.value()
		t.values[k] = v
		delete(t.timed, k)
		args = append(args, k, v)
	}
	return step{args, wantText("OK")}
}

func (t *traffic) getMany() step {
	args := []string{"MGET"}
	var wants []func(proto.Value) error
	for range trafficMany {
		k := t.key()
		args = append(args, k)
		wants = append(wants, t.wantKey(k))
	}
	return step{args, wantArray(wants)}
}

func (t *traffic) expire() step {
	k := t.key()
	n := t.present(k)
	if n == 1 {
		t.timed[k] = true
	}
	return step{[]string{"EXPIRE", k, strconv.Itoa(trafficTTL)}, wantInt(n)}
}

func (t *traffic) persist() step {
	k := t.key()
	want := int64(0)
	if t.timed[k] {
		want = 1
	}
	delete(t.timed, k)
	return step{[]string{"PERSIST", k}, wantInt(want)}
}

// Replies of TTL for keys without a deadline.
const (
	ttlNoKey      = -2
	ttlNoDeadline = -1
)

func (t *traffic) ttl() step {
	k := t.key()
	want := wantInt(ttlNoKey)
	switch {
	case t.timed[k]:
		want = wantBetween(1, trafficTTL)
	case t.present(k) == 1:
		want = wantInt(ttlNoDeadline)
	}
	return step{[]string{"TTL", k}, want}
}

func (t *traffic) incr() step {
	k := fmt.Sprintf("%sc%d", t.prefix, t.rng.IntN(trafficCounters))
	by := t.rng.Int64N(1000) - 500
	t.counters[k] += by
	return step{[]string{"INCRBY", k, strconv.FormatInt(by, 10)}, wantInt(t.counters[k])}
}

func (t *traffic) setVolatile() step {
	k := t.volatileName()
	life := volatileShortest + time.Duration(t.rng.Int64N(int64(volatileSpread)))
	life = life.Truncate(time.Millisecond)
	v := &volatileKey{value: t.value(), earliest: time.Now().Add(life - volatileSlack)}
	t.volatile[k] = v
	args := []string{"SET", k, v.value, "PX", strconv.FormatInt(life.Milliseconds(), 10)}
	return step{args, func(got proto.Value) error {
		v.latest = time.Now().Add(life + volatileSlack)
		return wantText("OK")(got)
	}}
}

func (t *traffic) getVolatile() step {
	k := t.volatileName()
	return step{[]string{"GET", k}, t.volatile[k].want(time.Now())}
}

// want tests the reply to a GET that was made at the given moment: it may be
// null or the value only while neither would be a lie.
func (v *volatileKey) want(made time.Time) func(proto.Value) error {
	return func(got proto.Value) error {
		switch {
		case got.Null && (v == nil || time.Now().After(v.earliest)):
			return nil
		case got.Null:
			return fmt.Errorf("key expired early, deadline %s", v.earliest.Format(time.StampMilli))
		case v == nil || (!v.latest.IsZero() && made.After(v.latest)):
			return fmt.Errorf("want null after the deadline, got %s", describe(got))
		}
		return wantText(v.value)(got)
	}
}

func (t *traffic) volatileName() string {
	return fmt.Sprintf("%sv%d", t.prefix, t.rng.IntN(trafficVolatile))
}

func ping() step { return step{[]string{"PING"}, wantText("PONG")} }

func (t *traffic) present(k string) int64 {
	if _, ok := t.values[k]; ok {
		return 1
	}
	return 0
}

func (t *traffic) wantKey(k string) func(proto.Value) error {
	if v, ok := t.values[k]; ok {
		return wantText(v)
	}
	return wantNull
}

func wantText(want string) func(proto.Value) error {
	return func(got proto.Value) error {
		if !isText(got, want) {
			return fmt.Errorf("want %.64q (%d bytes), got %s", want, len(want), describe(got))
		}
		return nil
	}
}

func wantInt(want int64) func(proto.Value) error { return wantBetween(want, want) }

func wantBetween(low, high int64) func(proto.Value) error {
	return func(got proto.Value) error {
		if got.Type != proto.TypeInt || got.Int < low || got.Int > high {
			return fmt.Errorf("want %d to %d, got %s", low, high, describe(got))
		}
		return nil
	}
}

func wantNull(got proto.Value) error {
	if !got.Null {
		return fmt.Errorf("want null, got %s", describe(got))
	}
	return nil
}

func wantArray(wants []func(proto.Value) error) func(proto.Value) error {
	return func(got proto.Value) error {
		items := got.Elems
		if len(items) != len(wants) {
			return fmt.Errorf("want %d elements, got %s", len(wants), describe(got))
		}
		for i, want := range wants {
			if err := want(items[i]); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		return nil
	}
}

// exchange sends steps in one write and checks all replies. A transport error
// ends it; the first wrong reply is returned as wrong, with all replies read.
func (c *client) exchange(steps []step) (wrong, broken error) {
	for _, s := range steps {
		c.queue(s.args...)
	}
	if err := c.flush(); err != nil {
		return nil, err
	}
	for _, s := range steps {
		v, err := c.receive()
		if err != nil {
			return wrong, err
		}
		if err := s.check(v); err != nil && wrong == nil {
			wrong = fmt.Errorf("%.128q: %w", s.args, err)
		}
	}
	return wrong, nil
}
