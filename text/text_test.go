package text

// Tests of numbers, hash tags, memory units and quoted words. Expected values in tables are replies of redis-server 7.0.15
// on x86-64; properties are checked on random inputs.

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseInt(t *testing.T) {
	accepted := map[string]int64{
		"0": 0, "1": 1, "-1": -1, "10": 10, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	}
	for in, want := range accepted {
		got, ok := ParseInt([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{
		"", "-", "+1", "01", "-0", "-01", "00", " 1", "1 ", "1.0", "a", "1a", "0x1", "9223372036854775808", "-9223372036854775809",
		"18446744073709551615", "18446744073709551616", "99999999999999999999", "-99999999999999999999", "1\x00",
	} {
		_, ok := ParseInt([]byte(in))
		require.False(t, ok, in)
	}
}

func TestParseIntAcceptsExactlyWhatPrintsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(
			rapid.StringMatching(`[-+]?[0-9]{0,21}`),
			rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		).Draw(t, "in")
		n, err := strconv.ParseInt(in, 10, 64)
		got, ok := ParseInt([]byte(in))
		require.Equal(t, err == nil && strconv.FormatInt(n, 10) == in, ok)
		if ok {
			require.Equal(t, n, got)
		}
	})
}

func TestParseFloat(t *testing.T) {
	accepted := map[string]float64{
		"0": 0, "1": 1, "+1": 1, "-1.5": -1.5, ".5": .5, "5.": 5, "1e3": 1000, "1E-2": 0.01, "007": 7, "0x10": 16, "0X1.8P1": 3, "0x.8": .5,
		"-0xff": -255, "inf": math.Inf(1), "+INF": math.Inf(1), "-Infinity": math.Inf(-1), "0e999999999999999999999": 0, "0x0p-99999": 0,
		"1.7976931348623157e308": math.MaxFloat64, "5e-324": math.SmallestNonzeroFloat64, "3e-324": math.SmallestNonzeroFloat64,
		"9007199254740993": 9007199254740992, "9007199254740995": 9007199254740996,
		"0x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0": 0x123456789abcdef0123456789abcdef0p192,
	}
	for in, want := range accepted {
		got, ok := ParseFloat([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{
		"", " 1", "1 ", "\t1", "\n1", "nan", "-NaN", "nan(1)", "1e400", "-1e400", "1e-400", "0x1p-2000", "0x1p2000", "1e", "1e+", "e5", ".", "-", "+", "-.",
		"0x", "0x.", "0x1p", "0xg", "1_000", "0x1_0", "0b1", "infin", "infinityy", "1.2.3", "1\x00", "--1", "1e5.0", "1p3", "0x.p1",
	} {
		_, ok := ParseFloat([]byte(in))
		require.False(t, ok, in)
	}
}

func TestParseFloatKeepsTheSignOfZero(t *testing.T) {
	f, ok := ParseFloat([]byte("-0"))
	require.True(t, ok)
	require.True(t, f == 0 && math.Signbit(f))
}

func TestAppendFloat(t *testing.T) {
	cases := map[string]float64{
		"0": 0, "-0": math.Copysign(0, -1), "1": 1, "-1": -1, "3.14": 3.14, "0.1": 0.1, "-0.1": -0.1, "0.5": 0.5,
		"100000000000000000": 1e17, "12345678901234568": 12345678901234567, "9007199254740992": 1 << 53,
		"4611686018427387904": 1 << 62, "-4611686018427387904": -1 << 62, "4611686018427389000": 1<<62 + 1024,
		"9223372036854776000": 1 << 63, "1e+20": 1e20, "-1.5e+20": -1.5e20, "1.7976931348623157e+308": math.MaxFloat64,
		"5e-324": math.SmallestNonzeroFloat64, "1e+100": 1e100, "1.2e+105": 1.2e105, "inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN(),
		"0.00001": 1e-5, "0.000001": 1e-6, "1e-7": 1e-7, "1.5e-7": 1.5e-7, "0.0123456789": 0.0123456789, "1.23456789e-4": 1.23456789e-4,
		"1234.56789012345": 1234.56789012345, "1.234567890123e+4": 12345.67890123, "12345.678": 12345.678, "3.141592653589793": math.Pi,
		"12345678901234567000": 12345678901234567000, "2.2250738585072014e-308": 2.2250738585072014e-308,
	}
	for want, f := range cases {
		require.Equal(t, "x"+want, string(AppendFloat([]byte("x"), f)))
	}
}

func TestAppendFloat17(t *testing.T) {
	cases := map[string]float64{
		"0": 0, "-0": math.Copysign(0, -1), "1": 1, "-1": -1, "3.1400000000000001": 3.14, "0.10000000000000001": 0.1, "1e+17": 1e17,
		"10000000000000000": 1e16, "12345678901234568": 12345678901234567, "1.0000000000000001e-05": 0.00001, "0.0001": 0.0001,
		"9007199254740992": 1 << 53, "9007199254740994": 1<<53 + 2, "1.7976931348623157e+308": math.MaxFloat64,
		"4.9406564584124654e-324": math.SmallestNonzeroFloat64, "inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN(),
		"9.2233720368547758e+18": 1 << 63, "-9.2233720368547758e+18": -1 << 63, "1e+100": 1e100, "0.5": 0.5,
	}
	for want, f := range cases {
		require.Equal(t, "x"+want, string(AppendFloat17([]byte("x"), f)))
	}
}

func TestParseBound(t *testing.T) {
	cases := map[string]float64{
		"": 0, "\x00junk": 0, "1": 1, " \t1": 1, "+1": 1, "-1.5e3": -1500, "1\x00x": 1, "inf": math.Inf(1), "-infinity": math.Inf(-1),
		"1e400": math.Inf(1), "-1e400": math.Inf(-1), "1e-400": 0, "0x1.8": 1.5, "0x1p99999": math.Inf(1), ".5": 0.5, "5.": 5,
	}
	for in, want := range cases {
		got, ok := ParseBound([]byte(in))
		require.True(t, ok, "%q", in)
		require.Equal(t, want, got, "%q", in)
	}
	for _, in := range []string{" ", "x", "1 ", "nan", "-nan", "(1", "1x", "--1", ".", "0x", "1e"} {
		_, ok := ParseBound([]byte(in))
		require.False(t, ok, "%q", in)
	}
}

func TestParseWeight(t *testing.T) {
	for in, want := range map[string]float64{
		"": 0, "\x00junk": 0, "1": 1, " \t1": 1, "+1": 1, "-1.5e3": -1500, "1\x00x": 1, "inf": math.Inf(1), "-infinity": math.Inf(-1),
		"0x1.8": 1.5, ".5": 0.5, "5.": 5, "0e-999": 0, "2.2250738585072014e-308": 0x1p-1022, "1.7976931348623157e308": math.MaxFloat64,
	} {
		got, ok := ParseWeight([]byte(in))
		require.True(t, ok, "%q", in)
		require.Equal(t, want, got, "%q", in)
	}
	for _, in := range []string{" ", "x", "1 ", "nan", "1x", "1e400", "-1e400", "1e-400", "0x1p99999", "1e-310", "-5e-324"} {
		_, ok := ParseWeight([]byte(in))
		require.False(t, ok, "%q", in)
	}
}

func TestFloatsReadBackToTheSameBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		if math.IsNaN(f) {
			f = 0
		}
		got, ok := ParseFloat(AppendFloat(nil, f))
		require.True(t, ok)
		require.Equal(t, math.Float64bits(f), math.Float64bits(got))
	})
}

// longDoubles are pairs and sums that redis-server gave for SET and INCRBYFLOAT.
func longDoubles() [][3]string {
	return [][3]string{
		{"0", "0", "0"},
		{"-0", "-0", "0"},
		{"1", "2", "3"},
		{"10.5", "0.1", "10.6"},
		{"3.0e3", "200", "3200"},
		{"5.0e3", "-5.0e3", "0"},
		{"0.1", "0.2", "0.3"},
		{"1.23", "-1.23", "0"},
		{"-1", "0.5", "-0.5"},
		{"1e17", "1", "100000000000000001"},
		{"1e18", "0.5", "1000000000000000000.5"},
		{"9223372036854775807", "1", "9223372036854775808"},
		{"18446744073709551615", "1", "18446744073709551616"},
		{"18446744073709551616", "1", "18446744073709551616"},
		{"1e19", "0.25", "10000000000000000000"},
		{"1e30", "1", "1000000000000000000024696061952"},
		{"1e100", "-1e84", "9999999999999998999877843568379978972470940332333902524048340584254433025239343609182104497202135040"},
		{"1e-17", "0", "0.00000000000000001"},
		{"1e-18", "0", "0"},
		{"5e-18", "0", "0"},
		{"4.9e-18", "0", "0"},
		{"0.000000000000000005", "0.00000000000000001", "0.00000000000000002"},
		{"1", "1e-17", "1.00000000000000001"},
		{"1", "1e-19", "1"},
		{"1", "5.4e-20", "1"},
		{"0x10", "0x0.8", "16.5"},
		{"0X1P-3", "1", "1.125"},
		{"-0xff", "1e0", "-254"},
		{"+5", ".5", "5.5"},
		{"5.", "-.25", "4.75"},
		{"3.14159265358979323846264338327950288", "0", "3.14159265358979324"},
		{"2.71828182845904523536", "1e-17", "2.71828182845904525"},
		{"1e-4950", "0", "0"},
		{"-1e-4950", "0", "0"},
		{"123456789.123456789", "987654321.987654321", "1111111111.11111110995989293"},
		{"0.30000000000000000001", "-0.3", "0"},
		{"1e22", "1e-5", "10000000000000000000000"},
		{"99999999999999999.99", "0.01", "100000000000000000"},
		{"4611686018427387904.5", "0.25", "4611686018427387905"},
		{"9007199254740993", "0.5", "9007199254740993.5"},
		{"36893488147419103233", "0", "36893488147419103232"},
		{"1e40", "1e21", "10000000000000000000964277712987667562496"},
		{"007", "1", "8"},
		{"0x1.fffffffffffffffep63", "0", "18446744073709551615"},
		{"0x1.ffffffffffffffffp63", "0", "18446744073709551616"},
	}
}

func TestAddLongDouble(t *testing.T) {
	for _, c := range longDoubles() {
		got, err := AddLongDouble([]byte("x"), []byte(c[0]), []byte(c[1]))
		require.NoError(t, err, "%s + %s", c[0], c[1])
		require.Equal(t, "x"+c[2], string(got), "%s + %s", c[0], c[1])
	}
}

func TestAddLongDoubleRefuses(t *testing.T) {
	const over = "1.2e4932" // above the largest long double
	for _, c := range []struct {
		a, b string
		want error
	}{
		{"", "1", ErrNotFloat},
		{"1", "", ErrNotFloat},
		{"a", "1", ErrNotFloat},
		{" 1", "1", ErrNotFloat},
		{"1", "1 ", ErrNotFloat},
		{"nan", "1", ErrNotFloat},
		{"1", over, ErrNotFloat},
		{"1", "1e99999999999999999999", ErrNotFloat},
		{"1", "1e999999999", ErrNotFloat},
		{"1", "1e-4951", ErrNotFloat},
		{"1", "1e-999999999", ErrNotFloat},
		{"1", "0x1p-16446", ErrNotFloat},
		{"1", "1_0", ErrNotFloat},
		{"1", "0b1", ErrNotFloat},
		{"1", strings.Repeat("0", maxLongDoubleLen+1), ErrNotFloat},
		{"inf", "1", ErrNaNOrInfinity},
		{"1", "-inf", ErrNaNOrInfinity},
		{"inf", "-inf", ErrNaNOrInfinity},
		{"1.1e4932", "1.1e4932", ErrNaNOrInfinity},
		{"-1.1e4932", "-1.1e4932", ErrNaNOrInfinity},
	} {
		got, err := AddLongDouble([]byte("x"), []byte(c.a), []byte(c.b))
		require.ErrorIs(t, err, c.want, "%.20s + %.20s", c.a, c.b)
		require.Equal(t, "x", string(got))
	}
}

func TestLongDoubleAtTheEdgesOfItsRange(t *testing.T) {
	for _, in := range []string{"0x1p-16445", "0x1.8p-16446", "0x1.fffffffffffffffep16383", "0e99999999999999999999", strings.Repeat("0", maxLongDoubleLen)} {
		d, ok := ParseLongDouble([]byte(in))
		require.True(t, ok, in)
		require.False(t, d.IsInf(), in)
	}
	_, ok := ParseLongDouble([]byte("0x1.ffffffffffffffffp16383"))
	require.False(t, ok, "rounds up to 2^16384")
	for in, want := range map[string]string{"inf": "inf", "-Infinity": "-inf"} {
		d, ok := ParseLongDouble([]byte(in))
		require.True(t, ok && d.IsInf())
		require.Equal(t, want, string(d.Append(nil)))
	}
}

// TestLongDoubleIsCorrectlyRounded compares decimal conversion with exact fractions.
func TestLongDoubleIsCorrectlyRounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[1-9][0-9]{0,30}(\.[0-9]{1,30})?(e-?[0-9]{1,3})?`).Draw(t, "in")
		exact, ok := new(big.Rat).SetString(in)
		require.True(t, ok)
		want := new(big.Float).SetPrec(longDoubleMantissa).SetRat(exact)
		got, ok := ParseLongDouble([]byte(in))
		require.True(t, ok)
		require.Zero(t, want.Cmp(&got.f), "%v %v", want, &got.f)
	})
}

func TestHashTag(t *testing.T) {
	for key, want := range map[string]string{
		"": "", "abc": "abc", "{a}": "a", "x{a}y": "a", "{}": "{}", "{}{a}": "{}{a}", "{a": "{a", "}a{": "}a{", "a}{b}": "b", "{{a}}": "{a",
		"{a}{b}": "a", "user:{42}:x": "42",
	} {
		require.Equal(t, want, string(HashTag([]byte(key))), key)
	}
}

func TestParseMemory(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1": 1, "1b": 1, "1B": 1, "1k": 1000, "1kb": 1024, "1K": 1000, "1Kb": 1024, "2m": 2_000_000, "2MB": 2 << 20, "3g": 3_000_000_000,
		"3gB": 3 << 30, "": 0, "mb": 0, "007": 7, "9223372036854775807": math.MaxInt64, "8589934591gb": 8589934591 << 30,
		"\x00": 0, "1kb\x00z": 1024,
	} {
		got, err := ParseMemory(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{
		"-1", "-1mb", "+1", " 1", "1 ", "1 mb", "1.5gb", "1t", "1kbb", "%", "50%", "9223372036854775808", "8589934592gb", "99999999999999999999999", "0x10", "x\x00",
	} {
		_, err := ParseMemory(in)
		require.ErrorIs(t, err, ErrNotMemory, in)
	}
}

func TestSplitArgs(t *testing.T) {
	for line, want := range map[string][]string{
		"":                           {},
		" \t\v\r\n":                  {},
		"a":                          {"a"},
		" a  b\tc\r\n":               {"a", "b", "c"},
		`"a b"`:                      {"a b"},
		`""`:                         {""},
		`'' x`:                       {"", "x"},
		`"\x41\xfF\xg1\n\r\t\b\a\q"`: {"A\xffxg1\n\r\t\b\aq"},
		`"\x4"`:                      {"x4"},
		`"\\\""`:                     {`\"`},
		`'a\'b\n"'`:                  {`a'b\n"`},
		`foo"bar baz" x`:             {"foobar baz", "x"},
		`foo'bar'`:                   {"foobar"},
		`a\ b`:                       {`a\`, "b"},
		"a\vb\fc":                    {"a\vb\fc"},
		"'a'\vb":                     {"a", "b"},
		"a\x00b c":                   {"a"},
		"save 900 1":                 {"save", "900", "1"},
	} {
		got, err := SplitArgs(line)
		require.NoError(t, err, "%q", line)
		require.Equal(t, want, got, "%q", line)
	}
	for _, line := range []string{`"`, `'`, `"a`, `'a`, `a "b`, `"a"b`, `'a'b`, `"a""b"`, `"a\"`, `'a\'`, `"a\`, `x"`, "\"a\x00\""} {
		_, err := SplitArgs(line)
		require.ErrorIs(t, err, ErrUnbalancedQuotes, "%q", line)
	}
}

func TestSplitArgBytesNeverSharesMemory(t *testing.T) {
	line := []byte("aa bb")
	args, err := SplitArgBytes(line)
	require.NoError(t, err)
	copy(line, "zzzzz")
	args[0] = append(args[0], "yyyy"...)
	require.Equal(t, "aayyyy", string(args[0]))
	require.Equal(t, "bb", string(args[1]))
}

func TestAppendQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "a b": `"a b"`, "\"\\'": `"\"\\'"`, "\n\r\t\a\b": `"\n\r\t\a\b"`, "\x00\x1f\x7f\x80\xff": `"\x00\x1f\x7f\x80\xff"`, "~ ": `"~ "`,
	} {
		require.Equal(t, "x"+want, string(AppendQuoted([]byte("x"), []byte(in))))
	}
}

func TestQuotedWordsSplitBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "words")
		var line []byte
		for _, word := range words {
			line = append(AppendQuoted(line, word), ' ')
		}
		got, err := SplitArgBytes(line)
		require.NoError(t, err)
		require.Len(t, got, len(words))
		for i := range words {
			require.Equal(t, string(words[i]), string(got[i]))
		}
	})
}

func TestHotFunctionsDoNotAllocate(t *testing.T) {
	key, pattern, number, long := []byte("user:{42}:name"), []byte("u*[a-z]?:{*}:*e"), []byte("-12345678"), []byte("3.14159265358979323846264338327950288")
	hex := []byte("0x1.8")
	dst := make([]byte, 0, 128)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		Match(pattern, key, true)
		ParseInt(number)
		ParseFloat(number)
		ParseFloat(long)
		ParseFloat(hex)
		HashTag(key)
		AppendFloat(dst, 0.1)
		AppendFloat17(dst, 0.1)
		ParseBound(long)
		ParseWeight(long)
		AppendQuoted(dst, key)
	}))
}

func FuzzNumbers(f *testing.F) {
	for _, seed := range []string{"", "0", "-0", "1e5", "0x1p-3", "inf", "nan", "1e-400", "99999999999999999999", "1.5e4931"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, ok := ParseInt(b); ok {
			require.Equal(t, string(b), strconv.FormatInt(n, 10))
			_, ok = ParseFloat(b)
			require.True(t, ok)
		}
		if x, ok := ParseFloat(b); ok && len(b) <= maxLongDoubleLen {
			require.False(t, math.IsNaN(x))
			_, ok = ParseLongDouble(b)
			require.True(t, ok, "a long double has the wider range")
		}
		if x, ok := ParseBound(b); ok {
			require.False(t, math.IsNaN(x))
			again, ok := ParseFloat(AppendFloat(nil, x))
			require.True(t, ok)
			require.Equal(t, math.Float64bits(x), math.Float64bits(again))
		}
		if d, ok := ParseLongDouble(b); ok {
			again, ok := ParseLongDouble(d.Append(nil))
			require.True(t, ok)
			require.LessOrEqual(t, len(again.Append(nil)), maxLongDoubleLen)
		}
	})
}

func FuzzWords(f *testing.F) {
	for _, seed := range []string{"", `a "b" 'c'`, `"\x41`, "a\x00b", `"a"b`, "12gb", "{a}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if words, err := SplitArgBytes([]byte(line)); err == nil {
			var quoted []byte
			for _, word := range words {
				quoted = append(AppendQuoted(quoted, word), '\n')
			}
			again, err := SplitArgBytes(quoted)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("%q", words), fmt.Sprintf("%q", again))
		}
		if n, err := ParseMemory(line); err == nil {
			require.GreaterOrEqual(t, n, int64(0))
		}
		require.LessOrEqual(t, len(HashTag([]byte(line))), len(line))
	})
}

func TestCeilTimes(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"-0", 0, true},
		{"0.001", 1, true},
		{"0.0010001", 2, true},
		{"1e-300", 1, true},
		{"1.5", 1500, true},
		{"-0.0001", 0, true},
		{"-0.0015", -1, true},
		{"-1e300", math.MinInt64, true},
		{"-inf", math.MinInt64, true},
		{"9223372036854775.807", math.MaxInt64, true},
		{"9223372036854775.808", 0, false},
		{"1e4000", 0, false},
		{"inf", 0, false},
	} {
		d, ok := ParseLongDouble([]byte(tc.in))
		require.True(t, ok, tc.in)
		got, ok := d.CeilTimes(1000)
		require.Equal(t, tc.ok, ok, tc.in)
		require.Equal(t, tc.want, got, tc.in)
	}
}

func TestLeadingInt32(t *testing.T) {
	tests := map[string]int32{
		"": 0, "-": 0, "x1": 0, "- 1": 0, "1": 1, "+1": 1, "-1": -1, "007": 7, " \t12x": 12, "1.9": 1, "4294967297": 1, "2147483648": math.MinInt32,
		"9223372036854775807": -1, "9223372036854775808": -1, "-9223372036854775809": 0,
	}
	for in, want := range tests {
		require.Equal(t, want, LeadingInt32([]byte(in)), in)
	}
}
