// hyperloglog_sparse.go: the sparse form of a sketch, the registers run by run:
//
//	00nnnnnn           n+1 registers that are 0
//	01nnnnnn nnnnnnnn  n+1 registers that are 0
//	1vvvvvnn           n+1 registers that are v+1
//
// Which runs there are depends on the order in which elements came, for only some neighbours are joined; the rules are
// those of Redis, because its bytes are compared with ours. A sketch that has a register above 32, or would be longer
// than hll-sparse-max-bytes, becomes dense.

package value

import (
	"bytes"
	"fmt"
	"slices"
)

// The limits of a run.
const (
	maxZeros     = 1 << 6  // registers of a zero run in one byte
	maxLongZeros = 1 << 14 // and in two
	maxValueRun  = 1 << 2  // registers of a value run
	maxRunValue  = 1 << 5
)

const (
	longZerosTag = 0x40
	valueTag     = 0x80
	zerosMask    = maxZeros - 1
	valueShift   = 2
)

// hllRun is one run as it stands in the bytes of a sketch.
type hllRun struct {
	bytes  int // how many it takes; at the end of a corrupt sketch one may be missing
	length int // registers, at least 1
	value  uint8
}

// runAt reads the run at the beginning of b, which is not empty.
func runAt(b []byte) hllRun {
	switch c := b[0]; {
	case c&valueTag != 0:
		return hllRun{1, int(c%maxValueRun) + 1, c&^valueTag>>valueShift + 1}
	case c&longZerosTag == 0:
		return hllRun{1, int(c) + 1, 0}
	case len(b) == 1:
		return hllRun{1, int(c&zerosMask)<<8 + 1, 0}
	default:
		return hllRun{2, int(c&zerosMask)<<8 + int(b[1]) + 1, 0}
	}
}

// appendZeros appends a run of n registers that are 0, n up to maxLongZeros; nothing if n is 0.
func appendZeros(b []byte, n int) []byte {
	switch {
	case n == 0:
		return b
	case n <= maxZeros:
		return append(b, byte(n-1))
	default:
		return append(b, longZerosTag|byte((n-1)>>8), byte(n-1))
	}
}

// valueRun is a run of n registers of a value.
func valueRun(v uint8, n int) byte { return valueTag | (v-1)<<valueShift | byte(n-1) }

// appendRun appends a run of n registers of a value; nothing if n is 0.
func appendRun(b []byte, v uint8, n int) []byte {
	switch {
	case n == 0:
		return b
	case v == 0:
		return appendZeros(b, n)
	default:
		return append(b, valueRun(v, n))
	}
}

// eachRun calls fn with the runs of a sparse sketch, in order, and the register that each begins at. If the sketch is
// corrupt, it may do so for the first of them.
func (h HyperLogLog) eachRun(fn func(first int, r hllRun)) error {
	first := 0
	for b := h[hllHeaderBytes:]; len(b) > 0; {
		r := runAt(b)
		if r.length > Registers-first {
			return ErrCorruptHyperLogLog
		}
		fn(first, r)
		first += r.length
		b = b[r.bytes:]
	}
	if first != Registers {
		return ErrCorruptHyperLogLog
	}
	return nil
}

// sparseMerge is Merge of a sparse sketch.
func (h HyperLogLog) sparseMerge(into *RegisterSet) error {
	return h.eachRun(func(first int, r hllRun) {
		if r.value == 0 {
			return
		}
		for i := first; i < first+r.length; i++ {
			into[i] = max(into[i], r.value)
		}
	})
}

// AppendRuns appends the runs of a sparse sketch, complete or not, in the notation of Redis: "z:1 Z:100 v:5,1", value runs
// with their value and then their length.
func (h HyperLogLog) AppendRuns(text []byte) []byte {
	for b := h[hllHeaderBytes:]; len(b) > 0; {
		r := runAt(b)
		switch {
		case r.value > 0:
			text = fmt.Appendf(text, "v:%d,%d ", r.value, r.length)
		case b[0]&longZerosTag != 0:
			text = fmt.Appendf(text, "Z:%d ", r.length)
		default:
			text = fmt.Appendf(text, "z:%d ", r.length)
		}
		b = b[r.bytes:]
	}
	return bytes.TrimSuffix(text, []byte(" "))
}

// spot is where a register is in a sparse sketch.
type spot struct {
	at     int // index of its run in the bytes
	before int // index of the run before that one, or of the first
	first  int // the first register of the run
	run    hllRun
}

// locate finds the run of a register; ok is false if the runs do not reach so far.
func (h HyperLogLog) locate(index int) (s spot, ok bool) {
	s.at, s.before = hllHeaderBytes, hllHeaderBytes
	for s.at < len(h) {
		s.run = runAt(h[s.at:])
		if index < s.first+s.run.length {
			return s, true
		}
		s.before = s.at
		s.at += s.run.bytes
		s.first += s.run.length
	}
	return s, false
}

// sparseHas reports whether an element changes nothing in a sparse sketch.
func (h HyperLogLog) sparseHas(e SketchMark) (bool, error) {
	if e.rank > maxRunValue {
		return false, nil
	}
	s, ok := h.locate(e.index)
	if !ok {
		return false, ErrCorruptHyperLogLog
	}
	return s.run.value >= e.rank, nil
}

// sparseAdd adds an element to a sparse sketch and returns the new one, which may use h's bytes or be dense, and whether it is another.
// maxBytes is how long a sparse one may become.
func (h HyperLogLog) sparseAdd(e SketchMark, maxBytes int) (sketch HyperLogLog, raised bool, err error) {
	if e.rank > maxRunValue {
		return h.promote(e)
	}
	s, ok := h.locate(e.index)
	if !ok {
		return nil, false, ErrCorruptHyperLogLog
	}
	if s.run.value >= e.rank {
		return h, false, nil
	}
	var scratch [2 + 1 + 2]byte // zeros, the value, zeros
	runs := appendRun(scratch[:0], s.run.value, e.index-s.first)
	runs = append(runs, valueRun(e.rank, 1))
	runs = appendRun(runs, s.run.value, s.first+s.run.length-1-e.index)
	if more := len(runs) - s.run.bytes; more > 0 && len(h)+more > maxBytes {
		return h.promote(e)
	}
	h = slices.Replace(h, s.at, s.at+s.run.bytes, runs...)
	h = h.join(s.before)
	h.Outdate()
	return h, true, nil
}

// promote is the sketch in dense form, with an element added.
func (h HyperLogLog) promote(e SketchMark) (sketch HyperLogLog, raised bool, err error) {
	dense, err := h.Dense()
	if err != nil {
		return nil, false, err
	}
	return dense, dense.denseAdd(e), nil
}

// joinedRuns is at how many runs an addition looks for equal neighbours: one before, and what one run was split into with
// those behind it.
const joinedRuns = 5

// join makes one run of neighbours of equal value where that is short enough, from the run at index at on.
func (h HyperLogLog) join(at int) HyperLogLog {
	for range joinedRuns {
		if at >= len(h) {
			break
		}
		r := runAt(h[at:])
		if r.value > 0 && at+1 < len(h) {
			if next := runAt(h[at+1:]); next.value == r.value && r.length+next.length <= maxValueRun {
				h[at+1] = valueRun(r.value, r.length+next.length)
				h = slices.Delete(h, at, at+1)
				continue
			}
		}
		at += r.bytes
	}
	return h
}
