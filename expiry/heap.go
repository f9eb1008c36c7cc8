package expiry

// This file: the min-heap of buckets. Each bucket is in it at most once; places holds where, so a bucket whose key changed
// moves without a search. The keys belong to the wheel and are passed in. container/heap would box every bucket in an
// interface and cannot tell a bucket's place.

type bucketKeys = [bucketCount]int64

// bucketHeap is a binary min-heap of buckets by key. Its zero value is empty.
type bucketHeap struct {
	order  [bucketCount]uint16 // the first size are in heap order
	places [bucketCount]uint16 // bucket to index in order plus 1; 0 means not in the heap
	size   int
}

// top returns the bucket with the smallest key.
func (h *bucketHeap) top() (bucket uint32, ok bool) {
	return uint32(h.order[0]), h.size > 0
}

// pop removes the bucket with the smallest key from a heap that is not empty.
func (h *bucketHeap) pop(keys *bucketKeys) {
	h.size--
	h.places[h.order[0]] = 0
	if h.size > 0 {
		h.set(0, h.order[h.size])
		h.down(0, keys)
	}
}

// update puts a bucket with a new key in its place, adding it if need be.
func (h *bucketHeap) update(bucket uint32, keys *bucketKeys) {
	if h.places[bucket] == 0 {
		h.set(h.size, uint16(bucket))
		h.size++
	}
	i := int(h.places[bucket]) - 1
	h.down(h.up(i, keys), keys)
}

// up moves the bucket at index i towards the top while its key is smaller than its parent's. It returns the new index.
func (h *bucketHeap) up(i int, keys *bucketKeys) int {
	bucket := h.order[i]
	for i > 0 {
		parent := (i - 1) / 2
		if keys[h.order[parent]] <= keys[bucket] {
			break
		}
		h.set(i, h.order[parent])
		i = parent
	}
	h.set(i, bucket)
	return i
}

// down moves the bucket at index i away from the top while a child's key is smaller.
func (h *bucketHeap) down(i int, keys *bucketKeys) {
	bucket := h.order[i]
	for {
		child := 2*i + 1
		if child >= h.size {
			break
		}
		if right := child + 1; right < h.size && keys[h.order[right]] < keys[h.order[child]] {
			child = right
		}
		if keys[bucket] <= keys[h.order[child]] {
			break
		}
		h.set(i, h.order[child])
		i = child
	}
	h.set(i, bucket)
}

func (h *bucketHeap) set(i int, bucket uint16) {
	h.order[i] = bucket
	h.places[bucket] = uint16(i) + 1
}
