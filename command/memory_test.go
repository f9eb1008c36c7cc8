package command

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/rdb"
)

// MEMORY USAGE looks at a part of a large collection, and is not far from what all of it takes.
func TestMemoryUsageOfAPart(t *testing.T) {
	const n, batch = 200_000, 1000
	c := newClientsRig(t).connect()
	usage := func(options string) float64 {
		size, err := strconv.Atoi(strings.Trim(c.do("MEMORY USAGE k"+options), ":\r\n"))
		require.NoError(t, err)
		return float64(size)
	}
	for _, command := range []string{"SADD k", "RPUSH k", "ZADD k"} {
		c.do("DEL k")
		for i := 0; i < n; i += batch {
			var words strings.Builder
			for e := i; e < i+batch; e++ {
				if command == "ZADD k" {
					words.WriteString(" " + strconv.Itoa(e))
				}
				words.WriteString(" element:" + strconv.Itoa(e))
			}
			c.do(command + words.String())
		}
		require.InEpsilon(t, usage(" SAMPLES 0"), usage(""), 0.2, command)
		require.InEpsilon(t, usage(" SAMPLES 0"), usage(" SAMPLES 1000"), 0.05, command)
		require.Equal(t, usage(" SAMPLES 0"), usage(" SAMPLES 1000000"), command)
	}
}

// Who makes large collections over and over frees what is left behind, faster than the shard's turns would.
func TestReplacedCollectionsLeaveNoGarbage(t *testing.T) {
	const members, times = 20_000, 200
	words := []string{"SADD", "{x}set"}
	for i := range members {
		words = append(words, fmt.Sprint("member:", i))
	}
	refused := rdb.AppendLength([]byte{byte(rdb.TypeSet)}, members+1)
	for _, member := range append(words[2:], words[2]) { // the first comes twice
		refused = rdb.AppendString(refused, []byte(member))
	}
	for _, command := range [][]string{{"COPY", "{x}set", "{x}copy", "REPLACE"}, {"RESTORE", "{x}refused", "0", string(rdb.AppendFooter(refused))}} {
		r := newServerRig(t)
		used := func() (n int) {
			_, err := fmt.Sscan(r.field("memory", "used_memory"), &n)
			require.NoError(t, err)
			return n
		}
		before := used()
		r.run(words...)
		size := used() - before
		require.Positive(t, size)
		r.run("MULTI")
		for range times {
			require.Equal(t, "+QUEUED\r\n", r.run(command...))
		}
		replies := r.run("EXEC")
		if command[0] == "RESTORE" {
			require.Equal(t, times, strings.Count(replies, "-ERR Bad data format\r\n"))
		} else {
			require.Equal(t, times, strings.Count(replies, ":1\r\n"))
		}
		require.Less(t, used()-before, times/10*size, command[0])
	}
}
