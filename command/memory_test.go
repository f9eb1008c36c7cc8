package command

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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

// Who replaces a large collection over and over frees what it leaves behind, faster than the shard's turns would.
func TestReplacingCollectionsLeavesNoGarbage(t *testing.T) {
	const copies = 200
	c := newClientsRig(t).connect()
	used := func() int {
		_, after, _ := strings.Cut(c.do("INFO memory"), "\r\nused_memory:")
		digits, _, _ := strings.Cut(after, "\r\n")
		n, err := strconv.Atoi(digits)
		require.NoError(t, err)
		return n
	}
	var members strings.Builder
	for i := range 20_000 {
		members.WriteString(" member:" + strconv.Itoa(i))
	}
	before := used()
	c.do("SADD {x}set" + members.String())
	size := used() - before
	require.Positive(t, size)
	c.do("MULTI")
	for range copies {
		c.do("COPY {x}set {x}copy REPLACE")
	}
	c.do("EXEC")
	require.Less(t, used()-before, copies/10*size)
}
