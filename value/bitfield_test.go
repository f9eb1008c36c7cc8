package value

import (
	"bytes"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// fieldOf draws a type that BITFIELD allows.
func fieldOf(t *rapid.T) BitField {
	if rapid.Bool().Draw(t, "signed") {
		return BitField{true, rapid.IntRange(1, MaxSignedWidth).Draw(t, "width")}
	}
	return BitField{false, rapid.IntRange(1, MaxUnsignedWidth).Draw(t, "width")}
}

// ends are the least and the most that a field holds.
func (f BitField) ends() (least, most *big.Int) {
	one := big.NewInt(1)
	if !f.Signed {
		return new(big.Int), new(big.Int).Sub(new(big.Int).Lsh(one, uint(f.Width)), one)
	}
	half := new(big.Int).Lsh(one, uint(f.Width-1))
	return new(big.Int).Neg(half), new(big.Int).Sub(half, one)
}

// wrapped is n modulo 2 to the width, in the field's range.
func (f BitField) wrapped(n *big.Int) *big.Int {
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(f.Width))
	n = new(big.Int).Mod(n, modulus)
	if _, most := f.ends(); n.Cmp(most) > 0 {
		n.Sub(n, modulus)
	}
	return n
}

func edgyInt64() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64(), rapid.Int64Range(-300, 300),
		rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64, math.MaxInt64 - 1, 1 << 31, -1 << 31}))
}

func TestBitFieldsAgreeWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 9, 24).Draw(t, "text")
		f := fieldOf(t)
		at := rapid.Int64Range(0, int64(len(b)*byteBits-f.Width)).Draw(t, "at")
		n := edgyInt64().Draw(t, "n")
		want := bools(b)
		for i := range f.Width {
			want[at+int64(i)] = uint64(n)>>(f.Width-1-i)&1 == 1
		}
		f.Store(b, at, n)
		require.Equal(t, want, bools(b))
		require.Equal(t, f.wrapped(big.NewInt(n)).Int64(), f.Load(b, at))

		short := bytes.Clone(b[:rapid.IntRange(0, len(b)).Draw(t, "short")])
		padded := append(bytes.Clone(short), make([]byte, len(b)-len(short))...)
		require.Equal(t, f.Load(padded, at), f.Load(short, at), "zeros follow the text")
	})
}

func TestBitFieldOverflow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := fieldOf(t)
		least, most := f.ends()
		n, by := edgyInt64().Draw(t, "n"), edgyInt64().Draw(t, "by")
		if rapid.Bool().Draw(t, "set") {
			by = 0
		} else {
			n = f.wrapped(big.NewInt(n)).Int64()
		}
		if !f.Signed && n < 0 || f.Signed && f.Width < MaxSignedWidth && n <= math.MinInt64+most.Int64() {
			n = most.Int64() // TestSaturationOfFarValues has these
		}
		sum := new(big.Int).Add(big.NewInt(n), big.NewInt(by))
		fits := sum.Cmp(least) >= 0 && sum.Cmp(most) <= 0
		nearest := most
		if sum.Cmp(least) < 0 {
			nearest = least
		}
		if fits {
			nearest = sum
		}

		got, ok := f.Add(n, by, OverflowWrap)
		require.True(t, ok)
		require.Equal(t, f.wrapped(sum).Int64(), got)
		got, ok = f.Add(n, by, OverflowSat)
		require.True(t, ok)
		require.Equal(t, nearest.Int64(), got)
		_, ok = f.Add(n, by, OverflowFail)
		require.Equal(t, fits, ok)
	})
}

// A value that is set counts as too large if it is so small that its distance to the upper end is no int64, and so does
// a negative one in an unsigned field.
func TestSaturationOfFarValues(t *testing.T) {
	for _, c := range []struct {
		f       BitField
		n, want int64
	}{
		{BitField{true, 8}, -1000, -128},
		{BitField{true, 8}, math.MinInt64 + 128, -128},
		{BitField{true, 8}, math.MinInt64 + 127, 127},
		{BitField{true, 8}, math.MinInt64, 127},
		{BitField{true, 64}, math.MinInt64, math.MinInt64},
		{BitField{false, 8}, -1, 255},
	} {
		got, ok := c.f.Add(c.n, 0, OverflowSat)
		require.True(t, ok)
		require.Equal(t, c.want, got, c)
	}
}
