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
		require.InEpsilon(t, usage(" SAMPLES 0"), usage(""), 0.05, command)
		require.InEpsilon(t, usage(" SAMPLES 0"), usage(" SAMPLES 1000"), 0.01, command)
		require.Equal(t, usage(" SAMPLES 0"), usage(" SAMPLES 1000000"), command)
	}
}
