package rdb

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Payloads of redis-server 7.0.15.
const (
	dumpOfText  = "\x00\xc3\x18A\xae\x01xx\xe0\x1d\x00\x02abc\xe0N\x02\x00y\xe0\xff\x00\xe0\x18\x00\x01yy\n\x00m@\xce!\xb9\xd8\xd4\xa9"
	dumpOf12345 = "\x00\xc190\n\x00\x9d\x94\xea'\x93\xfc\x08\xb9"
	dumpOfMinus = "\x00\xc2\x90\xee\xfe\xff\n\x00(u\xde{\x13\xeb(\x00" // -70000
)

func TestChecksum(t *testing.T) {
	require.Equal(t, uint64(0xe9c6d914c4b8d9ca), Checksum(0, []byte("123456789")), "the check value of the algorithm")
	require.Equal(t, Checksum(0, []byte("123456789")), Checksum(Checksum(0, []byte("1234")), []byte("56789")))
}

func TestFooter(t *testing.T) {
	payload, ok := CheckFooter([]byte(dumpOf12345), false)
	require.True(t, ok)
	require.Equal(t, dumpOf12345, string(AppendFooter(append([]byte(nil), payload...))))

	broken := []byte(dumpOf12345)
	broken[1]++
	_, ok = CheckFooter(broken, false)
	require.False(t, ok)
	_, ok = CheckFooter(broken, true)
	require.True(t, ok)
	broken[len(broken)-10] = ReadVersion + 1
	_, ok = CheckFooter(broken, true)
	require.False(t, ok)
	_, ok = CheckFooter(broken[:9], true)
	require.False(t, ok)
}

func TestTextsOfRedis(t *testing.T) {
	for payload, want := range map[string]string{
		dumpOfText:  strings.Repeat("x", 40) + strings.Repeat("abc", 30) + strings.Repeat("y", 300),
		dumpOf12345: "12345",
		dumpOfMinus: "-70000",
	} {
		b, ok := CheckFooter([]byte(payload), false)
		require.True(t, ok)
		r := NewReader(b[1:])
		got, err := r.Text()
		require.NoError(t, err)
		require.Equal(t, want, string(got))
		require.Zero(t, r.Left())
	}
}

func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 1<<15), rapid.Uint64Range(1<<32-2, 1<<32+2)).Draw(t, "length")
		r := NewReader(AppendLength(nil, n))
		got, err := r.Length()
		require.NoError(t, err)
		require.Equal(t, n, got)

		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		r = NewReader(AppendText(nil, text))
		back, err := r.Text()
		require.NoError(t, err)
		require.Equal(t, string(text), string(back))

		i := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-40_000, 40_000)).Draw(t, "integer")
		b, ok := AppendInt(nil, i)
		require.Equal(t, i == int64(int32(i)), ok)
		if ok {
			back, err = NewReader(b).Text()
			require.NoError(t, err)
			require.Equal(t, strconv.FormatInt(i, 10), string(back))
		}
		f := rapid.Float64().Draw(t, "double")
		d, err := NewReader(AppendDouble(nil, f)).Double()
		require.NoError(t, err)
		require.Equal(t, f, d)
	})
}

func TestOldDouble(t *testing.T) {
	for b, want := range map[string]float64{"\x031.5": 1.5, "\xfe": math.Inf(1), "\xff": math.Inf(-1)} {
		f, err := NewReader([]byte(b)).OldDouble()
		require.NoError(t, err)
		require.Equal(t, want, f)
	}
	f, err := NewReader([]byte("\xfd")).OldDouble()
	require.NoError(t, err)
	require.True(t, math.IsNaN(f))
	for _, b := range []string{"", "\x05", "\x01x"} {
		_, err := NewReader([]byte(b)).OldDouble()
		require.ErrorIs(t, err, ErrCorrupt, "%q", b)
	}
}

func TestCorruptTexts(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":           "",
		"missing bytes":     "\x05ab",
		"length of 2^63":    "\x81\x80\x00\x00\x00\x00\x00\x00\x00",
		"unknown length":    "\x82",
		"unknown encoding":  "\xc4",
		"half an integer":   "\xc2\x01\x02",
		"size of 4 GiB":     "\xc3\x01\x80\xff\xff\xff\xff\x00",
		"copy from nowhere": "\xc3\x02\x03\x20\x00",
		"half a copy":       "\xc3\x03\x10\x00a\x20",
		"half a long copy":  "\xc3\x03\x10\x00a\xe0",
		"short run":         "\xc3\x02\x05\x04a",
		"wrong size":        "\xc3\x02\x05\x00a",
	} {
		_, err := NewReader([]byte(b)).Text()
		require.ErrorIs(t, err, ErrCorrupt, name)
	}
	_, err := NewReader([]byte("\xc0\x01")).Length()
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = NewReader([]byte("\x05abc")).Count(1)
	require.ErrorIs(t, err, ErrCorrupt)
}

// ziplist builds one of entries that are written as they come: encoding and text, without the length of the one before.
func ziplist(entries ...string) []byte {
	b := make([]byte, ziplistHeader)
	before := 0
	for _, e := range entries {
		start := len(b)
		if before < oldBigLength {
			b = append(b, byte(before))
		} else {
			b = binary.LittleEndian.AppendUint32(append(b, oldBigLength), uint32(before))
		}
		b = append(b, e...)
		before = len(b) - start
	}
	b = append(b, oldEnd)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint16(b[8:], uint16(len(entries)))
	return b
}

func TestZiplist(t *testing.T) {
	long := strings.Repeat("l", 300)
	longer := strings.Repeat("m", 20_000)
	b := ziplist("\x02ab", "\x41\x2c"+long, "\x80\x00\x00\x4e\x20"+longer, "\xf1", "\xfd", "\xfe\xff", "\xc0\x00\x80", "\xf0\x00\x00\x80",
		"\xd0\xff\xff\xff\x7f", "\xe0\x00\x00\x00\x00\x00\x00\x00\x80")
	var got []string
	require.NoError(t, eachZiplist(b, func(text []byte) error { got = append(got, string(text)); return nil }))
	require.Equal(t, []string{"ab", long, longer, "0", "12", "-1", "-32768", "-8388608", "2147483647", "-9223372036854775808"}, got)

	never := func([]byte) error { return nil }
	for at := range b {
		if err := eachZiplist(b[:at], never); err == nil {
			t.Fatalf("cut at %d: no error", at)
		}
	}
	require.NoError(t, eachZiplist(ziplist(), never))
}

func TestZipmap(t *testing.T) {
	b := []byte("\x02\x01f\x03\x02val\x00\x00\x01g\x00\x00\xff")
	var got []string
	collect := func(f, v []byte) error { got = append(got, string(f), string(v)); return nil }
	require.NoError(t, eachZipmap(b, collect))
	require.Equal(t, []string{"f", "val", "g", ""}, got)
	big := "\x01\xfe\x2c\x01\x00\x00" + strings.Repeat("f", 300) + "\x01\x00v\xff"
	require.NoError(t, eachZipmap([]byte(big), collect))
	for _, broken := range []string{"", "\xff", "\x01\x05f\xff", "\x01\x01f\x01\xff", "\x01\x01f\x01\x05v\xff", "\x01\x01f\x01\x00v"} {
		require.ErrorIs(t, eachZipmap([]byte(broken), collect), ErrCorrupt, "%q", broken)
	}
}

// FuzzReader reads hostile bytes as everything that they may be taken for.
func FuzzReader(f *testing.F) {
	f.Add([]byte(dumpOfText))
	f.Add(ziplist("\x02ab", "\xf1", "\xc0\x00\x80"))
	f.Add([]byte("\x02\x01f\x03\x02val\x00\x00\x01g\x00\x00\xff"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		CheckFooter(b, true)
		for r := NewReader(b); ; {
			if _, err := r.Text(); err != nil {
				break
			}
		}
		_, _ = NewReader(b).OldDouble()
		_ = eachZiplist(b, func([]byte) error { return nil })
		_ = eachZipmap(b, func(_, _ []byte) error { return nil })
	})
}
