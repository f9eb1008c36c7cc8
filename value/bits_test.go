package value

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// bools is the bits of b, one by one.
func bools(b []byte) (all []bool) {
	for _, c := range b {
		for i := 7; i >= 0; i-- {
			all = append(all, c>>i&1 == 1)
		}
	}
	return all
}

// bitText draws texts of up to some words, many of which have long runs of equal bytes.
func bitText(t *rapid.T) []byte {
	var b []byte
	for range rapid.IntRange(0, 4).Draw(t, "runs") {
		c := rapid.OneOf(rapid.SampledFrom([]byte{0, 0xff, 0x80, 1}), rapid.Byte()).Draw(t, "byte")
		b = append(b, bytes.Repeat([]byte{c}, rapid.IntRange(0, 40).Draw(t, "length"))...)
	}
	return b
}

// bitSpan draws a range of bits within n bytes, which may be empty.
func bitSpan(t *rapid.T, n int) (from, to int64) {
	from = rapid.Int64Range(0, int64(n)*byteBits).Draw(t, "from")
	return from, rapid.Int64Range(from, int64(n)*byteBits).Draw(t, "to")
}

func TestBitsAgreeWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := bitText(t)
		model := bools(b)
		from, to := bitSpan(t, len(b))
		on := rapid.Bool().Draw(t, "on")
		count, first := int64(0), int64(-1)
		for i := from; i < to; i++ {
			if model[i] {
				count++
			}
			if model[i] == on && first < 0 {
				first = i
			}
			require.Equal(t, model[i], Bit(b, i))
		}
		require.Equal(t, count, CountBits(b, from, to))
		require.Equal(t, first, FindBit(b, on, from, to))
		require.False(t, Bit(b, int64(len(b))*byteBits), "past the end")
	})
}

func TestSetBitTouchesNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "text")
		at := rapid.Int64Range(0, int64(len(b))*byteBits-1).Draw(t, "at")
		on := rapid.Bool().Draw(t, "on")
		want := bools(b)
		want[at] = on
		SetBit(b, at, on)
		require.Equal(t, want, bools(b))
	})
}

func TestCombineAgreesWithModel(t *testing.T) {
	ops := map[BitOp]func(a, b byte) byte{
		BitAnd: func(a, b byte) byte { return a & b },
		BitOr:  func(a, b byte) byte { return a | b },
		BitXor: func(a, b byte) byte { return a ^ b },
	}
	rapid.Check(t, func(t *rapid.T) {
		dst := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "dst")
		src := rapid.SliceOfN(rapid.Byte(), 0, len(dst)).Draw(t, "src")
		op := rapid.SampledFrom([]BitOp{BitAnd, BitOr, BitXor}).Draw(t, "op")
		padded := append(bytes.Clone(src), make([]byte, len(dst)-len(src))...)
		want, inverted := make([]byte, len(dst)), make([]byte, len(dst))
		for i := range dst {
			want[i], inverted[i] = ops[op](dst[i], padded[i]), ^dst[i]
		}
		got := make([]byte, len(dst))
		Invert(got, dst)
		require.Equal(t, inverted, got)
		op.Combine(dst, src)
		require.Equal(t, want, dst)
	})
}

func BenchmarkCountBits(b *testing.B) {
	text := bytes.Repeat([]byte{0x5a}, 64<<20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		CountBits(text, 0, int64(len(text))*byteBits)
	}
}

func BenchmarkFindBit(b *testing.B) {
	text := make([]byte, 64<<20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		FindBit(text, true, 0, int64(len(text))*byteBits)
	}
}

func BenchmarkCombine(b *testing.B) {
	dst, src := make([]byte, 16<<20), make([]byte, 16<<20)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		BitXor.Combine(dst, src)
	}
}
