package text

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"unsafe"
)

// This file: the long double arithmetic of INCRBYFLOAT and HINCRBYFLOAT.
//
// A long double on x86-64 is an 80-bit number: a sign, a mantissa of 64 bits and an exponent of 15. big.Float with a
// precision of 64 rounds the same way (to nearest, ties to even); its larger exponent is cut to the range here. Numbers
// below the normal range keep more bits than the processor would: all of them print as 0, so nobody can tell.

// ErrNotFloat means that an operand is not a number that strtold reads in full, or is out of a long double's range.
var ErrNotFloat = errors.New("value is not a valid float")

// ErrNaNOrInfinity means that a sum is not a finite long double.
var ErrNaNOrInfinity = errors.New("increment would produce NaN or Infinity")

const (
	longDoubleMantissa = 64     // bits
	longDoubleMaxExp   = 16384  // a finite value is below 2^16384
	longDoubleMinExp   = -16445 // the smallest value above zero is 2^-16445, and half of it still rounds to zero
	longDoubleDigits   = 17     // decimals printed
	maxLongDoubleLen   = 5*1024 - 1
	parseGuardBits     = 256 // see parse
	bitsPerDigit       = 4
)

// LongDouble is an 80-bit floating point number, infinities included, NaN excluded.
type LongDouble struct {
	f big.Float
}

// ParseLongDouble reads a number as Redis does with strtold: the grammar of ParseFloat, at most 5,119 bytes, and a range of
// about 3.6e-4951 to 1.2e4932.
func ParseLongDouble(b []byte) (LongDouble, bool) {
	var d LongDouble
	if len(b) > maxLongDoubleLen {
		return d, false
	}
	shape, ok := scanFloat(b)
	switch {
	case !ok:
		return d, false
	case shape.inf:
		d.f.SetInf(shape.neg)
		return d, true
	case shape.zero:
		return d, true // the sign of a zero never shows: -0 + -0 prints as 0
	}
	return d, d.parse(b, shape.hex) && !d.overflows() && !d.underflows()
}

// parse reads b, a number other than zero in the grammar of scanFloat, and rounds it to 64 bits. big.Float's conversion from
// decimal is not correctly rounded, so it gets enough bits that its error cannot carry a number across a tie.
func (d *LongDouble) parse(b []byte, hex bool) bool {
	base := 10
	if hex {
		base = 0 // by the 0x prefix
	}
	d.f.SetPrec(uint(parseGuardBits + bitsPerDigit*len(b)))
	// A well-formed number fails to parse only if its exponent is far out of range.
	_, _, err := d.f.Parse(unsafe.String(unsafe.SliceData(b), len(b)), base)
	d.f.SetPrec(longDoubleMantissa)
	return err == nil
}

// overflows reports whether the processor would hold d as an infinity.
func (d *LongDouble) overflows() bool {
	return d.f.IsInf() || d.f.MantExp(nil) > longDoubleMaxExp
}

// underflows reports whether d, which is not an exact zero, would be held as zero.
func (d *LongDouble) underflows() bool {
	exp := d.f.MantExp(nil)
	return d.f.Sign() == 0 || exp < longDoubleMinExp || exp == longDoubleMinExp && d.f.MinPrec() == 1
}

// Add returns d + e, or ErrNaNOrInfinity if that is not finite.
func (d LongDouble) Add(e LongDouble) (LongDouble, error) {
	var sum LongDouble
	if d.f.IsInf() || e.f.IsInf() {
		return sum, ErrNaNOrInfinity
	}
	sum.f.SetPrec(longDoubleMantissa).Add(&d.f, &e.f)
	if sum.overflows() {
		return LongDouble{}, ErrNaNOrInfinity
	}
	return sum, nil
}

// CeilTimes returns d times n, rounded as the processor would and then up to an integer; ok is false if that is above the
// range of an int64. What is below it is its least number.
func (d LongDouble) CeilTimes(n int64) (product int64, ok bool) {
	var p big.Float
	if d.f.IsInf() {
		p.Copy(&d.f)
	} else {
		p.SetPrec(longDoubleMantissa).Mul(&d.f, new(big.Float).SetInt64(n))
	}
	truncated, exact := p.Int64()
	switch {
	case p.Sign() > 0 && truncated == math.MaxInt64 && exact != big.Exact:
		return 0, false
	case exact == big.Below: // p is above, so positive
		truncated++
	}
	return truncated, true
}

// IsInf reports whether d is an infinity of either sign.
func (d LongDouble) IsInf() bool {
	return d.f.IsInf()
}

// Append appends d as Redis writes the result of INCRBYFLOAT: C's %.17Lf without trailing zeros, never with an exponent, "0"
// for a negative zero, "inf" and "-inf".
func (d LongDouble) Append(dst []byte) []byte {
	if d.f.IsInf() {
		if d.f.Signbit() {
			dst = append(dst, '-')
		}
		return append(dst, "inf"...)
	}
	start := len(dst)
	return trimZeros(d.f.Append(dst, 'f', longDoubleDigits), start)
}

// AppendLongDouble appends a finite double as LongDouble.Append writes it.
func AppendLongDouble(dst []byte, f float64) []byte {
	start := len(dst)
	return trimZeros(strconv.AppendFloat(dst, f, 'f', longDoubleDigits, 64), start)
}

// trimZeros takes the zeros off the end of a number with decimals, which begins at start, and the sign off a zero.
func trimZeros(dst []byte, start int) []byte {
	end := len(dst)
	for dst[end-1] == '0' {
		end--
	}
	if dst[end-1] == '.' {
		end--
	}
	if string(dst[start:end]) == "-0" {
		return append(dst[:start], '0')
	}
	return dst[:end]
}

// AddLongDouble appends the sum of the numbers spelled by a and b, as INCRBYFLOAT stores and replies it. The error is
// ErrNotFloat if an operand is not a number, ErrNaNOrInfinity if the sum is not finite; dst is then returned as it was.
func AddLongDouble(dst, a, b []byte) ([]byte, error) {
	x, ok := ParseLongDouble(a)
	if !ok {
		return dst, ErrNotFloat
	}
	y, ok := ParseLongDouble(b)
	if !ok {
		return dst, ErrNotFloat
	}
	sum, err := x.Add(y)
	if err != nil {
		return dst, err
	}
	return sum.Append(dst), nil
}
