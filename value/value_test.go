package value

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNamesAreThoseOfRedis(t *testing.T) {
	for _, name := range []string{"string", "list", "set", "zset", "hash", "stream"} {
		parsed, ok := ParseType(name)
		require.True(t, ok, name)
		require.Equal(t, name, parsed.String())
	}
	for _, name := range []string{"", "String", "nosuch"} {
		_, ok := ParseType(name)
		require.False(t, ok, name)
	}
	require.Equal(t, "unknown", Type(15).String())
	require.Equal(t, "embstr", EmbStr.String())
	require.Equal(t, "unknown", Encoding(15).String())
}

func TestKindKeepsTypeAndEncoding(t *testing.T) {
	for typ := String; typ <= Stream; typ++ {
		for enc := Encoding(1); enc < 16; enc++ {
			k := MakeKind(typ, enc)
			require.Equal(t, typ, TypeOf(k))
			require.Equal(t, enc, EncodingOf(k))
		}
	}
}

func TestEncodeString(t *testing.T) {
	for text, want := range map[string]Encoding{
		"": EmbStr, "0": Int, "-1": Int, "9223372036854775807": Int, "-9223372036854775808": Int,
		"9223372036854775808": EmbStr, "+1": EmbStr, "01": EmbStr, "-0": EmbStr, " 1": EmbStr, "1.0": EmbStr,
		strings.Repeat("x", EmbStrMax): EmbStr, strings.Repeat("x", EmbStrMax+1): Raw,
	} {
		var scratch [8]byte
		kind, kept := EncodeString([]byte(text), &scratch)
		require.Equal(t, String, TypeOf(kind))
		require.Equal(t, want, EncodingOf(kind), "%q", text)
		require.Equal(t, text, string(StringBytes(kind, kept, nil)))
		require.Equal(t, len(text), StringLen(kind, kept))
	}
}

func TestStringsSurviveTheirEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.String(),
			rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
			rapid.Just(strconv.FormatInt(math.MinInt64, 10)),
		).Draw(t, "text")
		var scratch [8]byte
		kind, kept := EncodeString([]byte(text), &scratch)
		if got := string(StringBytes(kind, kept, nil)); got != text {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
}
