// Where keys are. Respite tells how many shards it has, and its documentation how keys are routed, so a suite can choose keys
// that are together, or apart. Any other server has one place for all.

package stress

import (
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// tagsApart returns two hash tags whose keys are on different shards, if the server has several.
func (c *client) tagsApart() (a, b string, err error) {
	f, err := c.info()
	if err != nil {
		return "", "", err
	}
	shards, _ := f.number("respite_shards")
	a, b = "0", "1"
	for n := 2; shards > 1 && shardOf(a, shards) == shardOf(b, shards); n++ {
		b = strconv.Itoa(n)
	}
	return a, b, nil
}

// shardOf is which of so many shards keeps the keys with a hash tag.
func shardOf(tag string, shards int64) int64 {
	return int64((xxhash.Sum64String(tag) >> 32) * uint64(shards) >> 32)
}
