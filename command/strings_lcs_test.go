package command

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/config"
)

// lcsLength is the length of the longest common subsequence by its definition.
func lcsLength(a, b string) int {
	switch {
	case a == "" || b == "":
		return 0
	case a[0] == b[0]:
		return 1 + lcsLength(a[1:], b[1:])
	}
	return max(lcsLength(a[1:], b), lcsLength(a, b[1:]))
}

func TestLCSAgreesWithItsDefinition(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("abc")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		table := newLCSTable([]byte(a), []byte(b))
		require.Equal(t, lcsLength(a, b), table.len())
		require.Len(t, table.text(), table.len())

		fromA, fromB, endA, endB := "", "", len(a), len(b)
		table.runs(func(r lcsRun) {
			require.Positive(t, r.n)
			require.LessOrEqual(t, r.a+r.n, endA)
			require.LessOrEqual(t, r.b+r.n, endB)
			endA, endB = r.a, r.b
			fromA, fromB = a[r.a:r.a+r.n]+fromA, b[r.b:r.b+r.n]+fromB
		})
		require.Equal(t, string(table.text()), fromA)
		require.Equal(t, fromA, fromB)
	})
}

func TestLCSReplies(t *testing.T) {
	r := newKeysRig(t)
	r.do(0, "MSET {t}a ohmytext {t}b mynewtext {t}n 12345 {t}m 345")
	r.play([]keysStep{
		{"LCS {t}a {t}b", "$6 mytext"},
		{"LCS {t}a {t}b LEN", ":6"},
		{"LCS {t}a {t}b IDX MINMATCHLEN 4", "*4 $7 matches *1 *2 *2 :4 :7 *2 :5 :8 $3 len :6"},
		{"LCS {t}a {t}b idx withmatchlen MINMATCHLEN -3", "*4 $7 matches *2 *3 *2 :4 :7 *2 :5 :8 :4 *3 *2 :2 :3 *2 :0 :1 :2 $3 len :6"},
		{"LCS {t}n {t}m", "$3 345"}, // the digits of both at once
		{"LCS {t}a nokey", "$0"},
		{"LCS nokey nokey IDX", "*4 $7 matches *0 $3 len :0"},
		{"LCS {t}a {t}b LEN IDX", "-" + string(errLCSBoth)},
		{"LCS {t}a {t}b MINMATCHLEN", "-" + string(errSyntax)},
		{"LCS {t}a {t}b MINMATCHLEN x", "-" + string(errNotInteger)},
		{"LCS {t}a {t}b x", "-" + string(errSyntax)},
	})
}

func TestLCSLimits(t *testing.T) {
	require.NoError(t, lcsFits(0, 0, 4))
	require.NoError(t, lcsFits(511, 511, 1<<20))
	require.ErrorIs(t, lcsFits(511, 512, 1<<20), errLCSMemory)
	require.ErrorIs(t, lcsFits(math.MaxUint32, 0, 1<<40), errLCSLong)
	require.ErrorIs(t, lcsFits(maxLCSText, maxLCSText, math.MaxInt64), errLCSMemory)

	r := newKeysRig(t)
	require.NoError(t, r.exec.config.Set(config.Pair{Name: "proto-max-bulk-len", Value: "1048576"}))
	r.run(0, "SET", "a", strings.Repeat("x", 512))
	require.Equal(t, "-"+string(errLCSMemory), r.do(0, "LCS a a LEN"))
}
