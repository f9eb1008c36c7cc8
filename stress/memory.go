// Suite memory: what a key costs. Keys are written in random order over many
// connections, because that is how real key spaces fill, and the resident size
// is read a while after the load, when the server has tidied up. The figure
// means something only for a server that was just started: one that was busy
// before fills room that it already has.

package stress

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Shape of the memory load.
const (
	memoryConnections = 50
	memoryKeys        = 1_000_000
	memoryValue       = 32
	memoryBatch       = 100
	memoryShortestTTL = 3600 // seconds: nothing expires during the run
	memoryTTLSpread   = 86400
)

func runMemory(ctx context.Context, r *Run) (err error) {
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	before, err := r.resident(c)
	if err != nil {
		return err
	}
	keys := or(r.Keys, memoryKeys)
	if !r.Keep {
		defer func() { err = errors.Join(err, r.unfill(ctx, keys)) }()
	}
	if err := r.fill(ctx, keys); err != nil {
		return err
	}
	if !pause(ctx, r.Settle) {
		return context.Cause(ctx)
	}
	after, err := r.resident(c)
	if err != nil {
		return err
	}
	each := float64(after-before) / float64(keys)
	r.Note("resident size", "%s to %s, %s after the load", size(before), size(after), r.Settle)
	r.boundOrNote("bytes per key", each, r.MaxBytesPerKey)
	return r.verifyFill(c, keys)
}

// boundOrNote judges a figure if there is a bound for it.
func (r *Run) boundOrNote(name string, figure float64, bound int) {
	if bound == 0 {
		r.Note(name, "%.1f", figure)
		return
	}
	r.Bound(name, figure <= float64(bound), "%.1f, bound %d", figure, bound)
}

// memoryKey names the i-th key. The length of a name is part of what a key
// costs, so it can be chosen.
func (r *Run) memoryKey(i int) string {
	prefix := r.prefix
	if r.KeyPrefix != "" {
		prefix = r.KeyPrefix
	}
	return prefix + strconv.Itoa(i)
}

// unfill deletes the keys by name, even after an interrupt.
func (r *Run) unfill(ctx context.Context, keys int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTimeout)
	defer cancel()
	m := r.meter(ctx, "clean-up", int64(keys))
	defer m.finish()
	return r.loadOver(ctx, memoryConnections, keys, memoryBatch, m, func(i int) []string {
		return []string{"DEL", r.memoryKey(i)}
	})
}

// fill writes every key once, and again as often as asked for, each pass in
// an order of its own.
func (r *Run) fill(ctx context.Context, keys int) error {
	value := strings.Repeat("v", or(r.ValueSize, memoryValue))
	for pass := range 1 + r.Overwrite {
		// Every pass has its own order, and with --ttl its own deadlines.
		rng := r.rng(pass)
		order := rng.Perm(keys)
		lifetimes := rng.Perm(memoryTTLSpread)
		m := r.meter(ctx, "pass "+strconv.Itoa(pass+1), int64(keys))
		err := r.loadOver(ctx, or(r.Connections, memoryConnections), keys, memoryBatch, m, func(i int) []string {
			args := []string{"SET", r.memoryKey(order[i]), value}
			if r.TTL {
				seconds := memoryShortestTTL + lifetimes[i%memoryTTLSpread]
				args = append(args, "EX", strconv.Itoa(seconds))
			}
			return args
		})
		m.finish()
		if err != nil {
			return err
		}
	}
	return nil
}

// memorySample is how many keys are read back.
const memorySample = 10_000

// verifyFill reads a sample back: a server that forgets keys is cheap.
func (r *Run) verifyFill(c *client, keys int) error {
	value := strings.Repeat("v", or(r.ValueSize, memoryValue))
	n := min(keys, memorySample)
	rng := rand.New(rand.NewPCG(r.Seed, uint64(keys))) //nolint:gosec // a sample, not a secret
	err := c.batches(n, func(int) step {
		return step{[]string{"GET", r.memoryKey(rng.IntN(keys))}, wantText(value)}
	})
	r.Check("keys read back", err == nil, "%d of %d%s", n, keys, because(err))
	return nil
}
