package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

func TestTypeCells(t *testing.T) {
	tests := []struct{ list, spreads, want string }{
		{"lpush,zadd:1", "one,many", "[lpush/one:16 lpush/many:16 zadd/one:1 zadd/many:1]"},
		{" XADD:7", "Many", "[xadd/many:7]"},
		{"setbit-64m,lpop", "one,many", "[setbit-64m/one:16 lpop/one:16 lpop/many:16]"},
	}
	for _, test := range tests {
		cells, err := typeCellsOf(test.list, test.spreads, time.Second)
		require.NoError(t, err, test.list)
		require.Equal(t, test.want, fmt.Sprint(cells))
	}
	for _, test := range []struct{ list, spreads string }{{"get", "one"}, {"lpush:0", "one"}, {"lpush", "few"}, {"append-1m", "many"}} {
		_, err := typeCellsOf(test.list, test.spreads, time.Second)
		require.Error(t, err, test)
	}
}

// TestTypeRequestsAreNumbered looks at what a cell sends: the elements that it takes, looks for and adds are those that it should.
func TestTypeRequestsAreNumbered(t *testing.T) {
	words := func(list, spreads string) (c typeCell, prepared, sent []string) {
		cells, err := typeCellsOf(list, spreads, time.Millisecond)
		require.NoError(t, err)
		c = cells[0]
		for _, step := range c.fillings() {
			for n := range min(step.requests, 3) {
				prepared = append(prepared, commandLine(step.request(nil, []uint32{uint32(n)}, nil)))
			}
		}
		for n := range 3 {
			sent = append(sent, commandLine(c.write(nil, []uint32{uint32(n)}, nil)))
		}
		return c, prepared, sent
	}
	c, prepared, sent := words("lpop", "one")
	require.Equal(t, 400, c.requests)
	require.Len(t, prepared, 3)
	require.True(t, strings.HasPrefix(prepared[1], "RPUSH key:0 element:00000100 element:00000101 "), prepared[1])
	require.Equal(t, "LPOP key:0", sent[2])

	_, prepared, sent = words("sinter-10", "many")
	require.True(t, strings.HasPrefix(prepared[1], "SADD key:7919 element:00079190 "), prepared[1])
	require.True(t, strings.HasPrefix(prepared[4], "SADD {key:7919} element:00079190 "), prepared[4])
	require.Equal(t, "SINTER key:7919 {key:7919}", sent[1])

	_, prepared, sent = words("hget", "many")
	require.Contains(t, prepared[1], "element:00079191 another:00079191")
	require.Equal(t, "HGET key:7919 element:00079191", sent[1])
}

// commandLine is a request as words.
func commandLine(request []byte) string {
	fields := strings.Split(string(request), "\r\n")
	var words []string
	for i := 2; i < len(fields); i += 2 {
		words = append(words, fields[i])
	}
	return strings.Join(words, " ")
}

func TestKeysOfPairs(t *testing.T) {
	names := apart()
	for _, shards := range []uint64{2, 3, 5, 16} {
		for _, n := range []int{0, 1, typeKeys - 1} {
			a, b := names(n)
			shard := func(key string) uint64 { return xxhash.Sum64String(key) >> 32 * shards >> 32 }
			require.NotEqual(t, shard(a), shard(b), "%s and %s of %d shards", a, b, shards)
		}
	}
	key, other := together(7)
	require.Equal(t, "{"+key+"}", other)
}

func TestScoresHaveOneLength(t *testing.T) {
	var seen []string
	for n := range 10_000 {
		require.Len(t, score(n*977), scoreDigits)
		seen = append(seen, score(n))
	}
	slices.Sort(seen)
	require.Len(t, slices.Compact(seen), 10_000)
}

func TestScanTexts(t *testing.T) {
	stream := "$3\r\n1-1\r\n$5\r\n10-20\r\n$3\r\n1-2\r\n"
	for cut := range len(stream) {
		s := scanner{shape: textShape()}
		first, err := s.scan([]byte(stream[:cut]))
		require.NoError(t, err)
		second, err := s.scan([]byte(stream[cut:]))
		require.NoError(t, err)
		require.Equal(t, 3, first+second, "cut at %d", cut)
	}
	s := scanner{shape: textShape()}
	_, err := s.scan([]byte("$3\r\n1-1\r\n-ERR\r\n"))
	require.ErrorContains(t, err, "-ERR")
}
