package command

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseCursor(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64
		ok   bool
	}{
		{"0", 0, true},
		{"", 0, true},
		{"007", 7, true},
		{"+5", 5, true},
		{"-1", math.MaxUint64, true},
		{"-0", 0, true},
		{"18446744073709551615", math.MaxUint64, true},
		{"-18446744073709551615", 1, true},
		{"5\x00junk", 5, true},
		{"18446744073709551616", 0, false},
		{"-18446744073709551616", 0, false},
		{" 0", 0, false},
		{"0 ", 0, false},
		{"+", 0, false},
		{"-+1", 0, false},
		{"1_0", 0, false},
		{"0x1", 0, false},
		{"1.5", 0, false},
	} {
		got, ok := parseCursor([]byte(c.text))
		require.Equal(t, c.ok, ok, "%q", c.text)
		require.Equal(t, c.want, got, "%q", c.text)
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, seed := range []string{"", "0", "-1", "+7", "18446744073709551616", "1\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := parseCursor(b)
		if !ok {
			require.Zero(t, n)
			return
		}
		again, ok := parseCursor(strconv.AppendUint(nil, n, 10))
		require.True(t, ok)
		require.Equal(t, n, again)
	})
}

// One call with a COUNT above the number of keys returns them all, on however many shards they are.
func TestScanOfSmallDatabaseIsOneCall(t *testing.T) {
	r := newKeysRig(t)
	require.Equal(t, "*2 $1 0 *0", r.do(0, "SCAN 0"))
	r.play([]keysStep{{"SET a 1", "+OK"}, {"SET b 1", "+OK"}, {"SET c 1", "+OK"}, {"SET gone 1", "+OK"}, {"PEXPIRE gone 5", ":1"}})
	r.advance(10 * time.Millisecond)
	for line, want := range map[string][]string{
		"SCAN 0 COUNT 100":                       {"a", "b", "c"},
		"SCAN 0 MATCH [bc] COUNT 100":            {"b", "c"},
		"SCAN 0 TYPE STRING COUNT 100":           {"a", "b", "c"},
		"SCAN 0 TYPE list COUNT 100":             nil,
		"SCAN 0 TYPE nosuch COUNT 100":           nil,
		"SCAN 0 COUNT 9223372036854775807":       {"a", "b", "c"},
		"SCAN 0 MATCH x MATCH a COUNT 100":       {"a"},
		"SCAN 0 TYPE list TYPE string COUNT 100": {"a", "b", "c"},
	} {
		next, found := scanReply(t, r.do(0, line))
		require.Equal(t, "0", next, line)
		slices.Sort(found)
		require.Equal(t, want, found, line)
	}
}

func TestScanRefusals(t *testing.T) {
	r := newKeysRig(t)
	r.play([]keysStep{
		{"SCAN x COUNT x", "-ERR invalid cursor"},
		{"SCAN 0 COUNT 0 NOSUCH", "-ERR syntax error"},
		{"SCAN 0 COUNT x", "-ERR value is not an integer or out of range"},
		{"SCAN 0 COUNT", "-ERR syntax error"},
		{"SCAN 0 NOSUCH 1", "-ERR syntax error"},
	})
}

// A star alone is no pattern: it lets the empty key pass, which no other glob fits.
func TestEmptyKeyFitsStarAlone(t *testing.T) {
	r := newKeysRig(t)
	r.run(0, "SET", "", "v")
	require.Equal(t, "*1 $0", r.do(0, "KEYS *"))
	require.Equal(t, "*0", r.do(0, "KEYS **"))
	require.Equal(t, "*2 $1 0 *1 $0", r.do(0, "SCAN 0 MATCH *"))
	require.Equal(t, "*2 $1 0 *0", r.do(0, "SCAN 0 MATCH **"))
}

// Every key that is there from the first call to the last is returned, with others coming and going meanwhile.
func TestScanUnderChurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newKeysRig(t)
		stays := rapid.IntRange(0, 300).Draw(t, "keys")
		for i := range stays {
			r.run(0, "SET", fmt.Sprint("stays", i), "v")
		}
		seen := map[string]bool{}
		count := rapid.IntRange(1, 50).Draw(t, "count")
		for cursor, calls := "0", 0; calls == 0 || cursor != "0"; calls++ {
			require.LessOrEqual(t, calls, 10*(stays+2), "no end")
			var found []string
			cursor, found = scanReply(t, r.do(0, fmt.Sprintf("SCAN %s COUNT %d MATCH stays*", cursor, count)))
			for _, key := range found {
				seen[key] = true
			}
			r.run(0, "SET", fmt.Sprint("comes", calls), "v")
			r.run(0, "DEL", fmt.Sprint("comes", calls/2))
		}
		require.Len(t, seen, stays)
	})
}

// scanReply takes a reply of SCAN apart.
func scanReply(t require.TestingT, reply string) (next string, keys []string) {
	words := strings.Fields(reply)
	require.GreaterOrEqual(t, len(words), 4, reply)
	return words[2], elements(strings.Join(words[3:], " "))
}

func TestRandomKey(t *testing.T) {
	r := newKeysRig(t)
	require.Equal(t, "$-1", r.do(0, "RANDOMKEY"))
	r.play([]keysStep{{"SET only 1", "+OK"}, {"RANDOMKEY", "$4 only"}, {"PEXPIRE only 5", ":1"}})
	r.advance(10 * time.Millisecond)
	require.Equal(t, "$-1", r.do(0, "RANDOMKEY"))
}
