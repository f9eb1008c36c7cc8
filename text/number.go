package text

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"unsafe"
)

// This file: integers and doubles as Redis reads them from arguments and prints them in replies.
//
// The rule of reading is that a number which is accepted is the number that was written: no junk around it, no silent
// overflow, no silent underflow to zero. Bounds of ranges of scores alone are read more loosely. The printed form of a double
// reads back to the same bits.

// maxIntLen is the length of the longest int64, "-9223372036854775808".
const maxIntLen = 20

// ParseInt reads a decimal int64 in the one form that prints back to the same bytes: no plus sign, no leading zeros, no
// spaces, no "-0".
func ParseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > maxIntLen {
		return 0, false
	}
	neg := b[0] == '-'
	digits := b
	if neg {
		digits = b[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	u, ok := parseDigits(digits)
	switch {
	case !ok:
		return 0, false
	case neg:
		return -int64(u), u <= -math.MinInt64
	default:
		return int64(u), u <= math.MaxInt64
	}
}

// LeadingInt32 reads what a text begins with, after white space, as C's atoi does on systems whose long has 64 bits: a number too large for
// those counts as the largest, of the rest the low 32 bits are taken, and a text that does not begin with a number is 0.
func LeadingInt32(b []byte) int32 {
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	neg := len(b) > 0 && b[0] == '-'
	if neg || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	end := 0
	for end < len(b) && isDigit(b[end]) {
		end++
	}
	n, err := strconv.ParseInt(string(b[:end]), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) && neg:
		return 0 // the low bits of the least
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0
	case neg:
		return int32(-n)
	}
	return int32(n)
}

// parseDigits reads at most 20 decimal digits. It reports false on any other byte and on overflow.
func parseDigits(digits []byte) (uint64, bool) {
	var u uint64
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 || u > (math.MaxUint64-d)/10 {
			return 0, false
		}
		u = u*10 + d
	}
	return u, true
}

// exactInts is the bound below which every integer is a double.
const exactInts = 1 << 53

// ParseFloat reads a double as C's strtod does, hexadecimal and infinity included, and refuses what Redis refuses: spaces,
// trailing bytes, NaN, a finite number too large for a double, and a number other than zero too small for one.
func ParseFloat(b []byte) (float64, bool) {
	if n, ok := ParseInt(b); ok && -exactInts <= n && n <= exactInts {
		return float64(n), true
	}
	shape, ok := scanFloat(b)
	if !ok {
		return 0, false
	}
	if shape.hex && !shape.exponent {
		var room [64]byte
		b = append(append(room[:0], b...), "p0"...) // strconv, unlike strtod, wants an exponent on hexadecimal numbers
	}
	// ParseFloat copies what it keeps of its argument into its error, so the bytes may be lent to it.
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64)
	if err != nil {
		return 0, false
	}
	return f, f != 0 || shape.zero
}

// floatShape is what the spelling of a number tells about it.
type floatShape struct {
	neg      bool
	inf      bool
	hex      bool // written 0x...
	zero     bool // every digit of the mantissa is 0
	exponent bool // has an exponent part
}

// scanFloat checks that the whole of b is a number in the grammar of strtod, NaN excepted.
func scanFloat(b []byte) (shape floatShape, ok bool) {
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		shape.neg = b[0] == '-'
		b = b[1:]
	}
	if isInfinity(b) {
		shape.inf = true
		return shape, true
	}
	if len(b) > 2 && b[0] == '0' && lower(b[1]) == 'x' {
		shape.hex = true
		b = b[2:]
	}
	b, shape.zero, ok = scanMantissa(b, shape.hex)
	if !ok || len(b) == 0 {
		return shape, ok
	}
	shape.exponent = true
	return shape, isExponent(b, shape.hex)
}

// isInfinity reports whether b spells infinity, without its sign, in any case.
func isInfinity(b []byte) bool {
	return (len(b) == len("inf") || len(b) == len("infinity")) &&
		(bytes.EqualFold(b, []byte("inf")) || bytes.EqualFold(b, []byte("infinity")))
}

// scanMantissa takes digits with at most one point off b. There must be a digit before or after the point.
func scanMantissa(b []byte, hex bool) (rest []byte, zero, ok bool) {
	zero = true
	point := false
	for i, c := range b {
		switch {
		case isDigit(c) || hex && isHexDigit(c):
			ok = true
			zero = zero && c == '0'
		case c == '.' && !point:
			point = true
		default:
			return b[i:], zero, ok
		}
	}
	return nil, zero, ok
}

// isExponent reports whether b is an exponent mark followed by an optional sign and at least one decimal digit.
func isExponent(b []byte, hex bool) bool {
	mark := byte('e')
	if hex {
		mark = 'p'
	}
	if lower(b[0]) != mark {
		return false
	}
	b = b[1:]
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		b = b[1:]
	}
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return len(b) > 0
}

func isDigit(c byte) bool {
	return '0' <= c && c <= '9'
}

func isHexDigit(c byte) bool {
	return isDigit(c) || 'a' <= lower(c) && lower(c) <= 'f'
}

// maxPlainInt is the greatest whole number, of either sign, that is printed as an integer whatever its digits (double2ll of
// Redis 7.2, src/util.c). All of them fit an int64.
const maxPlainInt = 1 << 62

// AppendFloat appends f as Redis 7.2 prints a double in a reply and in a listpack: the fewest digits that read back to the
// same bits, whole numbers without a point, and "inf", "-inf" and "nan" in lower case. The sign of a negative zero is kept.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case f == 0 && math.Signbit(f):
		return append(dst, "-0"...)
	case math.Abs(f) <= maxPlainInt && f == math.Trunc(f):
		return strconv.AppendInt(dst, int64(f), 10)
	case f < 0:
		dst, f = append(dst, '-'), -f
	}
	var room [maxShortest]byte
	digits, point := shortest(room[:0], f)
	return appendDigits(dst, digits, point)
}

// maxShortest is room for the longest shortest form, such as 2.2250738585072014e-308.
const maxShortest = 24

// shortest returns the fewest decimal digits that tell f, which is finite and above zero, from its neighbours, and where
// the point is: before the first digit if it is 0. The digits are in room.
func shortest(room []byte, f float64) (digits []byte, point int) {
	b := strconv.AppendFloat(room, f, 'e', -1, 64) // d.ddde-dd
	mark := bytes.IndexByte(b, 'e')
	exponent, _ := strconv.Atoi(string(b[mark+1:])) // it has at most three digits
	if mark > 1 {
		b = append(b[:1], b[2:mark]...)
	} else {
		b = b[:1]
	}
	return b, exponent + 1
}

// The forms of a number that is no plain integer, as fpconv, which Redis 7.2 prints with, chooses among them.
const (
	maxZerosBehind = 7 // digits that a whole number may have beyond its significant ones
	maxDecimals    = 6 // digits behind the point, unless the number is of a handsome size:
	maxPlainPoint  = 4 // its first digit is fewer places than this from the unit
)

// appendDigits appends the number 0.digits * 10^point.
func appendDigits(dst, digits []byte, point int) []byte {
	n, decimals := len(digits), len(digits)-point
	away := point - 1 // places of the first digit from the unit
	if away < 0 {
		away = -away
	}
	switch {
	case decimals <= 0 && away < n+maxZerosBehind:
		return appendZeros(append(dst, digits...), -decimals)
	case decimals > 0 && (decimals <= maxDecimals || away < maxPlainPoint):
		if point <= 0 {
			return append(appendZeros(append(dst, "0."...), -point), digits...)
		}
		return append(append(append(dst, digits[:point]...), '.'), digits[point:]...)
	}
	dst = append(dst, digits[0])
	if n > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	sign := byte('+')
	if point < 1 {
		sign = '-'
	}
	return strconv.AppendInt(append(dst, 'e', sign), int64(away), 10)
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}

// doublePrecision is the number of significant digits that tell any two doubles apart.
const doublePrecision = 17

// AppendFloat17 appends f as C prints it with %.17g: ZSCAN of a large sorted set has not the form of other replies.
func AppendFloat17(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) || f == 0 {
		return AppendFloat(dst, f)
	}
	if n := int64(f); -exactInts <= n && n <= exactInts && float64(n) == f {
		return strconv.AppendInt(dst, n, 10)
	}
	return strconv.AppendFloat(dst, f, 'g', doublePrecision, 64)
}

// ParseBound reads a bound of a range of scores as Redis does, with strtod and no more of a check than that it stops at the
// end: spaces may come before the number, nothing at all is 0, what is too large is infinite and what is too small 0, and the
// text ends at a NUL. NaN is refused.
func ParseBound(b []byte) (float64, bool) {
	f, _, ok := parseLoosely(b)
	return f, ok
}

// smallestNormal is the least double above zero that has all of its precision.
const smallestNormal = 0x1p-1022

// ParseWeight reads what SORT sorts by: like a bound, but what is too large for a double, or so small that it has lost
// precision, is refused.
func ParseWeight(b []byte) (float64, bool) {
	f, inRange, ok := parseLoosely(b)
	return f, ok && inRange && (f == 0 || math.Abs(f) >= smallestNormal)
}

// parseLoosely reads what ParseBound does, and reports whether the number is in the range of a double.
func parseLoosely(b []byte) (f float64, inRange, ok bool) {
	b, _, _ = bytes.Cut(b, []byte{0})
	if len(b) == 0 {
		return 0, true, true
	}
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	if f, ok := ParseFloat(b); ok {
		return f, true, true
	}
	shape, ok := scanFloat(b)
	if !ok {
		return 0, false, false
	}
	if shape.hex && !shape.exponent {
		b = append(append([]byte(nil), b...), "p0"...)
	}
	f, err := strconv.ParseFloat(string(b), 64) // beyond the range it returns an infinity
	return f, false, err == nil || errors.Is(err, strconv.ErrRange)
}
