// Suite order: the effects of one client's pipeline become visible in the
// order in which it sent them, even when the keys lie on different shards.
//
// The forward writer pipelines SET k0 i ... SET k7 i for i = 1, 2, 3 ... At any
// moment the values are therefore non-increasing from k0 to k7. A reader that
// asks for a later key first and then, after the reply, for an earlier one,
// can only see more in the second: by then at least as much was written.
//
// The backward writer pipelines SET k7 i ... SET k0 i on keys of its own, so
// its values are non-increasing from k7 to k0. A reader that pipelines GET
// k(early), GET k(late) in one write must see late >= early: when its first
// GET ran, the late key already held that round, and its second GET runs after
// its first. A server that runs the two halves of a pipeline on two shards at
// once, without keeping the order, contradicts this now and then.
//
// For both readers, no key may ever run backwards. Each kind of reader makes
// half of the reads, and goes on until some rounds were written meanwhile: of
// values that nobody changes, any order is right.

package stress

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

// Shape of the order load.
const (
	orderKeys       = 8
	orderShift      = 61 // leaves the top three bits of a hash: an eighth each
	orderReaders    = 8  // half one by one, half pipelined
	orderReads      = 1_000_000
	orderPairsMost  = 16 // pairs in one pipeline
	orderRoundsMost = 4  // rounds that a writer sends in one write
	orderLeast      = 50 // rounds of each writer, while there are readers
)

// order is what writers and readers share.
type order struct {
	*Run
	forward  []string // written k0 to k7
	backward []string // written k7 to k0
	reads    *meter
	target   int64           // reads of each kind
	rounds   [2]atomic.Int64 // answered, of each writer
	single   verdicts
	pipe     verdicts
}

// verdicts counts one kind of reader's findings.
type verdicts struct {
	reads, pairs             atomic.Int64
	contradictions, setbacks tally
}

func runOrder(ctx context.Context, r *Run) error {
	o := &order{
		Run:      r,
		forward:  spreadKeys(r.key("forward:")),
		backward: spreadKeys(r.key("backward:")),
		target:   int64(or(r.Reads, orderReads)+1) / 2,
	}
	if err := o.prepare(ctx); err != nil {
		return err
	}
	o.reads = r.meter(ctx, "reads", 2*o.target)
	err := o.race(ctx)
	o.reads.finish()
	o.report()
	return err
}

// spreadKeys names keys whose hashes lie in different eighths of the hash
// space, so that a server which routes by xxhash spreads them over its shards.
func spreadKeys(prefix string) []string {
	keys := make([]string, orderKeys)
	for i := range keys {
		for n := 0; keys[i] == ""; n++ {
			key := fmt.Sprintf("%s%c%d", prefix, 'a'+i, n)
			if xxhash.Sum64String(key)>>orderShift == uint64(i) {
				keys[i] = key
			}
		}
	}
	return keys
}

// prepare gives every key its first value, so that readers never see null.
func (o *order) prepare(ctx context.Context) error {
	c, err := o.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for _, keys := range [][]string{o.forward, o.backward} {
		for _, k := range keys {
			if _, err := c.ask("SET", k, "0"); err != nil {
				return err
			}
		}
	}
	return nil
}

// errReadsDone ends the writers when the readers are through.
var errReadsDone = errors.New("all reads done")

// race runs the writers until the readers have made all their reads.
func (o *order) race(ctx context.Context) error {
	roles := []func(context.Context) error{
		func(ctx context.Context) error { return o.write(ctx, o.forward, false, &o.rounds[0]) },
		func(ctx context.Context) error { return o.write(ctx, o.backward, true, &o.rounds[1]) },
		o.readAll,
	}
	err := crew(ctx, len(roles), func(ctx context.Context, i int) error { return roles[i](ctx) })
	if errors.Is(err, errReadsDone) {
		return nil
	}
	return err
}

// readAll runs the readers, half of each kind, and ends with errReadsDone.
func (o *order) readAll(ctx context.Context) error {
	err := crew(ctx, orderReaders, func(ctx context.Context, i int) error {
		if i%2 == 0 {
			return o.readSingly(ctx, o.rng(i))
		}
		return o.readPipelined(ctx, o.rng(i))
	})
	if err != nil {
		return err
	}
	return errReadsDone
}

// write pipelines round after round until the context ends.
func (o *order) write(ctx context.Context, keys []string, reverse bool, written *atomic.Int64) error {
	c, err := o.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for round := 1; ctx.Err() == nil; {
		rounds := 1 + round%orderRoundsMost
		for range rounds {
			c.queueRound(keys, strconv.Itoa(round), reverse)
			round++
		}
		if err := c.flush(); err != nil {
			return err
		}
		if err := c.drain(rounds * len(keys)); err != nil {
			return err
		}
		written.Add(int64(rounds))
	}
	return nil
}

// queueRound queues one SET a key, first to last or last to first.
func (c *client) queueRound(keys []string, value string, reverse bool) {
	for i := range keys {
		if reverse {
			i = len(keys) - 1 - i
		}
		c.queue("SET", keys[i], value)
	}
}

// pair picks an earlier and a later key.
func pair(rng *rand.Rand) (early, late int) {
	late = 1 + rng.IntN(orderKeys-1)
	return rng.IntN(late), late
}

// more tells whether readers of this kind have reads left to make.
func (o *order) more(ctx context.Context, v *verdicts) bool {
	return ctx.Err() == nil && (v.reads.Load() < o.target || o.leastWritten() < orderLeast)
}

// leastWritten is how many rounds the slower writer has got through. A server that stops answering one
// ends the run by that writer's error.
func (o *order) leastWritten() int64 { return min(o.rounds[0].Load(), o.rounds[1].Load()) }

// account adds reads of one kind.
func (o *order) account(v *verdicts, n int) {
	o.reads.add(n)
	v.reads.Add(int64(n))
}

// readSingly reads a late key and then, in a new request, an earlier one of
// the forward writer: the second value must not be smaller.
func (o *order) readSingly(ctx context.Context, rng *rand.Rand) error {
	c, err := o.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	var last [orderKeys]int64
	for o.more(ctx, &o.single) {
		early, late := pair(rng)
		var got [2]int64
		for i, k := range []int{late, early} {
			if got[i], err = c.getRound(o.forward[k]); err != nil {
				return err
			}
			o.single.progress(&last, k, got[i])
		}
		o.single.judge(got[0], got[1])
		o.account(&o.single, len(got))
	}
	return nil
}

// getRound reads the number of the round that a key holds.
func (c *client) getRound(key string) (int64, error) {
	v, err := c.ask("GET", key)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(v.Str), 10, 64)
}

// readPipelined reads pairs of the backward writer's keys, the early one
// first, in one pipeline: the second value must not be smaller.
func (o *order) readPipelined(ctx context.Context, rng *rand.Rand) error {
	c, err := o.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	var last [orderKeys]int64
	for o.more(ctx, &o.pipe) {
		var asked []int
		for range 1 + rng.IntN(orderPairsMost) {
			early, late := pair(rng)
			asked = append(asked, early, late)
			c.queue("GET", o.backward[early])
			c.queue("GET", o.backward[late])
		}
		if err := c.flush(); err != nil {
			return err
		}
		if err := o.judgePipeline(c, asked, &last); err != nil {
			return err
		}
		o.account(&o.pipe, len(asked))
	}
	return nil
}

// judgePipeline receives the replies to a pipeline of pairs.
func (o *order) judgePipeline(c *client, asked []int, last *[orderKeys]int64) error {
	var first int64
	for i, k := range asked {
		v, err := c.receive()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(v.Str), 10, 64)
		if err != nil {
			return fmt.Errorf("GET: want a number, got %s", describe(v))
		}
		o.pipe.progress(last, k, n)
		if i%2 == 0 {
			first = n
			continue
		}
		o.pipe.judge(first, n)
	}
	return nil
}

// judge counts a pair whose second value is older than the first.
func (v *verdicts) judge(first, second int64) {
	v.pairs.Add(1)
	if second < first {
		v.contradictions.add(fmt.Errorf("saw round %d, then round %d", first, second))
	}
}

// progress counts a key that holds less than the same reader saw before.
func (v *verdicts) progress(last *[orderKeys]int64, key int, now int64) {
	if now < last[key] {
		v.setbacks.add(fmt.Errorf("key %d went from round %d to %d", key, last[key], now))
	}
	last[key] = now
}

func (o *order) report() {
	o.Check("rounds written", o.leastWritten() > 0, "%d of %d SETs each", o.rounds[0].Load()+o.rounds[1].Load(), orderKeys)
	o.Check("reads done", o.reads.count() >= 2*o.target, "%d of %d", o.reads.count(), 2*o.target)
	o.single.report(o.Run, "late then early, one by one")
	o.pipe.report(o.Run, "early then late, pipelined")
}

func (v *verdicts) report(r *Run, name string) {
	bad := v.contradictions.count() + v.setbacks.count()
	r.Check(name, bad == 0 && v.pairs.Load() > 0, "%d pairs, %d contradictions%s, %d setbacks%s",
		v.pairs.Load(), v.contradictions.count(), v.contradictions.example(), v.setbacks.count(), v.setbacks.example())
}
