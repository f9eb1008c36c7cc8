package text

// Tests of Match: a table of rules and quirks, whose expected values are replies of redis-server 7.0.15, and a comparison
// with a matcher that is plainly right and exponentially slow.

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		fold, want bool
	}{
		{"", "", false, true},
		{"", "a", false, false},
		{"a", "", false, false},
		{"*", "", false, false},
		{"**", "", false, false},
		{"*", "a", false, true},
		{"a*", "a", false, true},
		{"a**", "a", false, true},
		{"*a", "ba", false, true},
		{"*a", "ab", false, false},
		{"a*b*c", "aXbYbZc", false, true},
		{"?", "\x00", false, true},
		{"?", "", false, false},
		{"??", "a", false, false},
		{"h[ae]llo", "hallo", false, true},
		{"h[ae]llo", "hillo", false, false},
		{"h[^e]llo", "hallo", false, true},
		{"h[^e]llo", "hello", false, false},
		{"[a-c]", "b", false, true},
		{"[c-a]", "b", false, true},
		{"[a-c]", "d", false, false},
		{"[a-]", "-", false, false},
		{"[-a]", "-", false, true},
		{"[]", "]", false, false},
		{"[]a", "a", false, false},
		{"[^]", "]", false, true},
		{"[", "[", false, false},
		{"[^", "x", false, true},
		{"[ab", "b", false, true},
		{"[ab", "bc", false, false},
		{`[\]]`, "]", false, true},
		{`[\]`, "]", false, true},
		{`[\`, `\`, false, true},
		{`\*`, "*", false, true},
		{`\*`, "a", false, false},
		{`\`, `\`, false, true},
		{`a\`, `a\`, false, true},
		{"[\x80-a]", "\xff", false, true},
		{"[b-\x80]", "c", false, false},
		{"[b-\x80]", "\x85", false, true},
		{"ABC", "abc", true, true},
		{"ABC", "abc", false, false},
		{"[A-C]", "b", true, true},
		{"[Z-a]", "a", true, false},
		{"[B]", "b", true, true},
		{`[\B]`, "b", true, false},
		{`\B`, "b", true, true},
		{"[\xff-a]", "A", true, true},
		{"[\x80-a]", "A", true, false},
	} {
		require.Equal(t, c.want, Match([]byte(c.pattern), []byte(c.s), c.fold), "%q %q", c.pattern, c.s)
	}
}

func TestMatchIsNotExponential(t *testing.T) {
	pattern := []byte(strings.Repeat("a*", 200) + "b")
	s := bytes.Repeat([]byte("a"), 2000)
	began := time.Now()
	require.False(t, Match(pattern, s, false))
	require.Less(t, time.Since(began), time.Second)
}

func TestMatchBoundsTheNumberOfStars(t *testing.T) {
	s := bytes.Repeat([]byte("a"), 2*maxStars)
	for stars, want := range map[int]bool{maxStars - 1: true, maxStars: true, maxStars + 1: false} {
		require.Equal(t, want, Match([]byte(strings.Repeat("a*", stars)+"a"), s, false), "%d stars", stars)
	}
	require.True(t, Match([]byte(strings.Repeat("a*", maxStars+1)), s, false), "the last star does not count")
}

// slowMatch tries everything. It shares the comparison of a single element with Match, which the table covers.
func slowMatch(pattern, s []byte, fold bool) bool {
	switch {
	case len(pattern) == 0:
		return len(s) == 0
	case pattern[0] == '*':
		return slowMatch(pattern[1:], s, fold) || len(s) > 0 && slowMatch(pattern, s[1:], fold)
	case len(s) == 0:
		return false
	}
	size, ok := matchOne(pattern, s[0], fold)
	return ok && slowMatch(pattern[size:], s[1:], fold)
}

func requireSameMatch(t require.TestingT, pattern, s []byte, fold bool) {
	want := slowMatch(pattern, s, fold) && (len(s) > 0 || len(pattern) == 0)
	require.Equal(t, want, Match(pattern, s, fold), "%q %q %v", pattern, s, fold)
}

func TestMatchAgreesWithTheSlowMatcher(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.SliceOfN(rapid.SampledFrom([]byte(`abAB**?[]^-\`+"\xff")), 0, 10).Draw(t, "pattern")
		s := rapid.SliceOfN(rapid.SampledFrom([]byte(`abAB]-\^`+"\xff\x80")), 0, 10).Draw(t, "s")
		requireSameMatch(t, pattern, s, rapid.Bool().Draw(t, "fold"))
	})
}

func FuzzMatch(f *testing.F) {
	f.Add([]byte("a*[b-d]?\\*"), []byte("axxc1*"), false)
	f.Add([]byte("[^"), []byte("x"), true)
	f.Add([]byte("[\\"), []byte("\\"), true)
	const longest = 24 // the slow matcher is exponential
	f.Fuzz(func(t *testing.T, pattern, s []byte, fold bool) {
		requireSameMatch(t, pattern[:min(len(pattern), longest)], s[:min(len(s), longest)], fold)
	})
}

func BenchmarkMatch(b *testing.B) {
	pattern, s := []byte("user:*:[0-9]?:name"), []byte("user:1234567890:42:name")
	for b.Loop() {
		Match(pattern, s, false)
	}
}
