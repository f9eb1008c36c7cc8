package text

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// This file: integers and doubles as Redis reads them from arguments and prints them in replies.
//
// The rule of reading is that a number which is accepted is the number that was written: no junk around it, no silent
// overflow, no silent underflow to zero. The printed form of a double is C's %.17g, which reads back to the same bits.

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

// doublePrecision is the number of significant digits that tell any two doubles apart.
const doublePrecision = 17

// AppendFloat appends f as Redis prints a double in a reply: C's %.17g, so that whole numbers carry no point, and "inf",
// "-inf" and "nan" in lower case. The sign of a negative zero is kept.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	if n := int64(f); -exactInts <= n && n <= exactInts && float64(n) == f && (n != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(dst, n, 10)
	}
	return strconv.AppendFloat(dst, f, 'g', doublePrecision, 64)
}
