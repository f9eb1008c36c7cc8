package expiry

import (
	"errors"
	"fmt"
)

// This file: the full check of a wheel's structure, for tests and debugging commands. It states the invariant as code.

// Check walks the whole wheel and returns an error that names the first broken link, key, heap place or count.
func (w *Wheel[N]) Check() error {
	if err := w.queue.check(&w.keys); err != nil {
		return err
	}
	total := 0
	for bucket := range uint32(bucketCount) {
		n, err := w.checkBucket(bucket, w.len-total)
		if err != nil {
			return fmt.Errorf("bucket %d: %w", bucket, err)
		}
		total += n
	}
	if total != w.len {
		return fmt.Errorf("buckets hold %d nodes, the wheel counts %d", total, w.len)
	}
	return nil
}

// checkBucket walks a bucket that may have up to limit nodes, and counts them.
func (w *Wheel[N]) checkBucket(bucket uint32, limit int) (n int, err error) {
	if w.heads[bucket] != 0 && bucket != pending && w.queue.places[bucket] == 0 {
		return 0, errors.New("has nodes and is not in the heap")
	}
	before := headMark | bucket
	for ref := w.heads[bucket]; ref != 0; n++ {
		next, prev := w.nodes.Links(ref)
		switch deadline := w.nodes.Deadline(ref); {
		case n == limit:
			return n, errors.New("has more nodes than the wheel counts, or a cycle")
		case prev != before:
			return n, fmt.Errorf("node %d follows %#x, its link says %#x", ref, before, prev)
		case deadline < w.keys[bucket]:
			return n, fmt.Errorf("node %d is due at %d, before the key %d", ref, deadline, w.keys[bucket])
		}
		before, ref = ref, next
	}
	return n, nil
}

// check verifies the heap's order and the places of all buckets.
func (h *bucketHeap) check(keys *bucketKeys) error {
	for i, bucket := range h.order[:h.size] {
		if h.places[bucket] != uint16(i)+1 {
			return fmt.Errorf("bucket %d is at %d in the heap, its place says %d", bucket, i+1, h.places[bucket])
		}
		if parent := h.order[max(i-1, 0)/2]; keys[parent] > keys[bucket] {
			return fmt.Errorf("bucket %d is below %d in the heap with a smaller key", bucket, parent)
		}
	}
	for bucket, place := range h.places {
		if int(place) > h.size || place > 0 && int(h.order[place-1]) != bucket {
			return fmt.Errorf("bucket %d has place %d, which is another's", bucket, place)
		}
	}
	return nil
}
