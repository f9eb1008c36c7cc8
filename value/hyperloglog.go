// hyperloglog.go: HyperLogLog sketches as Redis keeps them, in the bytes of a string that clients may read, copy and set:
//
//	"HYLL" | encoding | 3 unused bytes | cardinality, 8 bytes, little endian | registers
//
// There are 16,384 registers of 6 bits. The low 14 bits of an element's hash choose one, which keeps the longest run of
// zeros, counted with the one behind it, seen in the other 50 bits. The highest bit of the cardinality says that it is
// out of date. Registers are either dense (this file), in 12,288 bytes, lowest bits first, or sparse
// (hyperloglog_sparse.go). Equal commands leave bytes equal to Redis's, so whatever those do not need is kept as it was.
//
// The bytes may be anything that begins like a sketch: a client can set them. Nothing here trusts them.

package value

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

// HyperLogLog is a sketch: a string for which IsHyperLogLog is true.
type HyperLogLog []byte

// Registers is how many registers a sketch has.
const Registers = 1 << registerIndexBits

const (
	registerIndexBits = 14
	registerBits      = 6
	maxRegister       = 1<<registerBits - 1
	patternBits       = 64 - registerIndexBits // of a hash, in which the run is counted

	hllMagic       = "HYLL"
	hllEncodingAt  = 4
	hllDense       = 0
	hllSparse      = 1
	hllCardAt      = 8
	hllCardBytes   = 8
	hllStaleByte   = hllCardAt + hllCardBytes - 1
	hllStaleBit    = 0x80
	hllHeaderBytes = 16
	hllDenseBytes  = hllHeaderBytes + Registers*registerBits/byteBits
)

// ErrCorruptHyperLogLog says that a sketch begins as one should, and does not go on so.
var ErrCorruptHyperLogLog = errors.New("value: corrupt HyperLogLog")

// RegisterSet is the value of each register, one a byte.
type RegisterSet [Registers]uint8

// NewHyperLogLog is an empty sketch: sparse, its cardinality of 0 up to date.
func NewHyperLogLog() HyperLogLog {
	h := make(HyperLogLog, hllHeaderBytes, hllHeaderBytes+2)
	copy(h, hllMagic)
	h[hllEncodingAt] = hllSparse
	return appendZeros(h, Registers)
}

// IsHyperLogLog reports whether a string begins as a sketch does, and has the length of one if it is dense.
func IsHyperLogLog(b []byte) bool {
	switch {
	case len(b) < hllHeaderBytes || string(b[:len(hllMagic)]) != hllMagic:
		return false
	case b[hllEncodingAt] == hllDense:
		return len(b) == hllDenseBytes
	default:
		return b[hllEncodingAt] == hllSparse
	}
}

// IsDense reports whether the sketch is dense.
func (h HyperLogLog) IsDense() bool { return h[hllEncodingAt] == hllDense }

// Cached is the cardinality that the sketch carries; ok is false if that is out of date.
func (h HyperLogLog) Cached() (n uint64, ok bool) {
	return binary.LittleEndian.Uint64(h[hllCardAt:]), h[hllStaleByte]&hllStaleBit == 0
}

// SetCached makes the sketch carry its cardinality.
func (h HyperLogLog) SetCached(n uint64) { binary.LittleEndian.PutUint64(h[hllCardAt:], n) }

// Outdate says that the cardinality that the sketch carries is no longer right.
func (h HyperLogLog) Outdate() { h[hllStaleByte] |= hllStaleBit }

// SketchMark is what an element means to a sketch: the register that it belongs to, and the value that this has at least.
type SketchMark struct {
	index int
	rank  uint8
}

// hashSeed is the seed of Redis's sketches.
const hashSeed = 0xadc83b19

// SketchMarkOf hashes an element.
func SketchMarkOf(b []byte) SketchMark {
	hash := murmur64A(b, hashSeed)
	pattern := hash>>registerIndexBits | 1<<patternBits // so that the run ends
	return SketchMark{index: int(hash % Registers), rank: uint8(bits.TrailingZeros64(pattern) + 1)}
}

// murmur64A is MurmurHash64A of Austin Appleby, over little-endian words (public domain, github.com/aappleby/smhasher).
func murmur64A(b []byte, seed uint64) uint64 {
	const (
		mul   = 0xc6a4a7935bd1e995
		shift = 47
	)
	h := seed ^ uint64(len(b))*mul
	for ; len(b) >= wordBytes; b = b[wordBytes:] {
		k := binary.LittleEndian.Uint64(b) * mul
		k ^= k >> shift
		h = (h ^ k*mul) * mul
	}
	if len(b) > 0 {
		var last [wordBytes]byte
		copy(last[:], b)
		h = (h ^ binary.LittleEndian.Uint64(last[:])) * mul
	}
	h ^= h >> shift
	h *= mul
	return h ^ h>>shift
}

// Four dense registers are three bytes.
const (
	groupRegisters = 4
	groupBytes     = groupRegisters * registerBits / byteBits
)

// group is the place of a dense register: its three bytes, and how far up in them it begins.
func (h HyperLogLog) group(index int) (b []byte, shift int) {
	at := hllHeaderBytes + index/groupRegisters*groupBytes
	return h[at : at+groupBytes], index % groupRegisters * registerBits
}

func loadGroup(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// denseHas reports whether an element changes nothing in a dense sketch. It never fails.
func (h HyperLogLog) denseHas(e SketchMark) (bool, error) {
	b, shift := h.group(e.index)
	return loadGroup(b)>>shift&maxRegister >= uint32(e.rank), nil
}

// denseAdd adds an element to a dense sketch, in place, and reports whether that changed it.
func (h HyperLogLog) denseAdd(e SketchMark) bool {
	b, shift := h.group(e.index)
	v := loadGroup(b)
	if v>>shift&maxRegister >= uint32(e.rank) {
		return false
	}
	v = v&^(maxRegister<<shift) | uint32(e.rank)<<shift
	b[0], b[1], b[2] = byte(v), byte(v>>8), byte(v>>16)
	return true
}

// Dense is the sketch in dense form: itself, or a new one.
func (h HyperLogLog) Dense() (HyperLogLog, error) {
	if h.IsDense() {
		return h, nil
	}
	var registers RegisterSet
	if err := h.Merge(&registers); err != nil {
		return nil, err
	}
	dense := make(HyperLogLog, hllDenseBytes)
	copy(dense, h[:hllHeaderBytes])
	dense[hllEncodingAt] = hllDense
	for i, v := range registers {
		dense.denseAdd(SketchMark{i, v})
	}
	return dense, nil
}

// Merge raises registers to at least what the sketch has. If the sketch is corrupt, some may be.
func (h HyperLogLog) Merge(into *RegisterSet) error {
	if !h.IsDense() {
		return h.sparseMerge(into)
	}
	for i, b := 0, h[hllHeaderBytes:]; i < Registers; i, b = i+groupRegisters, b[groupBytes:] {
		v := loadGroup(b)
		for j := range groupRegisters {
			into[i+j] = max(into[i+j], uint8(v>>(j*registerBits)&maxRegister))
		}
	}
	return nil
}

// Add adds elements to the sketch and returns the new one, which may use h's bytes, and how many elements changed it; adding to a dense one
// never fails, and changes it in place. maxBytes is how long a sparse one may become.
func (h HyperLogLog) Add(elements [][]byte, maxBytes int) (sketch HyperLogLog, added int, err error) {
	for _, b := range elements {
		raised := false
		if h, raised, err = h.raise(SketchMarkOf(b), maxBytes); err != nil {
			return nil, 0, err
		}
		if raised {
			added++
		}
	}
	h.Outdate()
	return h, added, nil
}

// Raise raises every register to at least what is given and returns the new sketch, as Add does. Registers that have as
// much already are not looked for in the runs one by one.
func (h HyperLogLog) Raise(to *RegisterSet, maxBytes int) (HyperLogLog, error) {
	var has RegisterSet
	err := h.Merge(&has)
	if err != nil {
		return nil, err
	}
	for i, v := range to {
		if v <= has[i] {
			continue
		}
		if h, _, err = h.raise(SketchMark{i, v}, maxBytes); err != nil {
			return nil, err
		}
	}
	h.Outdate()
	return h, nil
}

// raise adds one element; raised reports whether that changed the sketch.
func (h HyperLogLog) raise(e SketchMark, maxBytes int) (sketch HyperLogLog, raised bool, err error) {
	if !h.IsDense() {
		return h.sparseAdd(e, maxBytes)
	}
	return h, h.denseAdd(e), nil
}

// Unseen leaves out the elements before the first that changes the sketch.
func (h HyperLogLog) Unseen(elements [][]byte) ([][]byte, error) {
	has := h.sparseHas
	if h.IsDense() {
		has = h.denseHas
	}
	for i, b := range elements {
		if seen, err := has(SketchMarkOf(b)); err != nil || !seen {
			return elements[i:], err
		}
	}
	return nil, nil
}

// histogram is how many registers have which value.
type histogram [maxRegister + 1]int

// Count estimates how many elements the sketch has seen.
func (h HyperLogLog) Count() (uint64, error) {
	var seen histogram
	if !h.IsDense() {
		err := h.eachRun(func(_ int, r hllRun) { seen[r.value] += r.length })
		return seen.estimate(), err
	}
	var each [groupRegisters]histogram // one for each register of a group, so that they need not wait for each other
	for b := h[hllHeaderBytes:]; len(b) > 0; b = b[groupBytes:] {
		v := loadGroup(b)
		each[0][v&maxRegister]++
		each[1][v>>registerBits&maxRegister]++
		each[2][v>>(2*registerBits)&maxRegister]++
		each[3][v>>(3*registerBits)&maxRegister]++
	}
	for i := range seen {
		seen[i] = each[0][i] + each[1][i] + each[2][i] + each[3][i]
	}
	return seen.estimate(), nil
}

// Count estimates how many elements the registers have seen.
func (r *RegisterSet) Count() uint64 {
	var seen histogram
	for _, v := range r {
		seen[v&maxRegister]++
	}
	return seen.estimate()
}

// estimate is the improved raw estimator of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
// (arXiv:1702.01284), in the order of operations that Redis has, so that the last digit is its own: no product is fused
// with a sum.
func (seen *histogram) estimate() uint64 {
	const (
		alphaInf = 0.721347520444481703680 // 1 / (2 ln 2)
		m        = float64(Registers)
	)
	z := m * tau((m-float64(seen[patternBits+1]))/m)
	for j := patternBits; j >= 1; j-- {
		z = (z + float64(seen[j])) * 0.5
	}
	z += float64(m * sigma(float64(seen[0])/m))
	return roundCount(alphaInf * m * m / z)
}

// roundCount rounds half away from zero. What is no 64-bit integer, which only made-up registers give, is the value that an
// x86 processor converts it to.
func roundCount(f float64) uint64 {
	if f >= math.MaxInt64 {
		return 1 << 63
	}
	return uint64(math.Round(f))
}

// sigma corrects for registers that have seen nothing, a fraction x of all.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	z, y := x, 1.0
	for before := -1.0; z != before; y += y {
		x *= x
		before = z
		z += float64(x * y)
	}
	return z
}

// tau corrects for registers that can count no further, a fraction 1-x of all.
func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	z, y := 1-x, 1.0
	for before := -1.0; z != before; {
		x = math.Sqrt(x)
		before = z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
	}
	return z / 3
}
