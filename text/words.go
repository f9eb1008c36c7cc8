package text

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
)

// This file: the part of a key that decides its shard, and amounts of memory in a configuration.

// HashTag returns the part of key that decides where the key lives: what stands between the first '{' and the first '}' after
// it, or the whole key if there is no such pair or nothing in it. The result shares memory with key.
func HashTag(key []byte) []byte {
	begin := bytes.IndexByte(key, '{') + 1
	if begin == 0 {
		return key
	}
	n := bytes.IndexByte(key[begin:], '}')
	if n <= 0 {
		return key
	}
	return key[begin : begin+n]
}

// ErrNotMemory means that a text is not an amount of memory that fits an int64.
var ErrNotMemory = errors.New("argument must be a memory value")

// ParseMemory reads an amount of memory in bytes: digits, then nothing or one of the units b, k, kb, m, mb, g, gb in any case.
// Units without a final b are powers of 1000, the others powers of 1024. As in Redis, no digits at all count as 0, and a NUL
// ends the text. Errors wrap ErrNotMemory; an amount above 1<<63 - 1 is one, where Redis wraps it around.
func ParseMemory(s string) (int64, error) {
	s, _, _ = strings.Cut(s, "\x00")
	unit := strings.TrimLeft(s, "0123456789")
	scale, ok := memoryUnit(unit)
	if !ok {
		return 0, fmt.Errorf("%w: unknown unit in %q", ErrNotMemory, s)
	}
	digits := s[:len(s)-len(unit)]
	amount, ok := parseDigits([]byte(digits))
	if !ok || amount > math.MaxInt64/scale {
		return 0, fmt.Errorf("%w: %q is too large", ErrNotMemory, s)
	}
	return int64(amount * scale), nil
}

// memoryUnit returns the number of bytes in a unit.
func memoryUnit(unit string) (scale uint64, ok bool) {
	switch strings.ToLower(unit) {
	case "", "b":
		return 1, true
	case "k":
		return 1e3, true
	case "kb":
		return 1 << 10, true
	case "m":
		return 1e6, true
	case "mb":
		return 1 << 20, true
	case "g":
		return 1e9, true
	case "gb":
		return 1 << 30, true
	}
	return 0, false
}
