package command

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestReloadKeepsEverything reloads more keys than one commit takes, with texts that are adopted as they are and collections that are trees.
func TestReloadKeepsEverything(t *testing.T) {
	r := newKeysRig(t)
	large := func(i int) string { return strings.Repeat(fmt.Sprint(i), 50_000) }
	for i := range 2 * reloadChunk {
		r.run(0, "SET", fmt.Sprint("k", i), fmt.Sprint(i))
	}
	for i := range 4 {
		r.run(i, "SET", fmt.Sprint("large", i), large(i))
		for _, line := range []string{"SADD s", "HSET h", "ZADD z", "RPUSH l"} {
			words := strings.Fields(line)
			for j := range 2000 {
				words = append(words, fmt.Sprint(j))
			}
			r.run(i, words...)
		}
	}
	r.do(1, "SET timed v PX 5000")
	r.do(1, "SET gone v PX 5")
	shown := func() (all []string) {
		for i := range 4 {
			for _, line := range []string{"DBSIZE", "HGETALL h", "ZRANGE z 0 -1 WITHSCORES", "LRANGE l 0 -1", "SCARD s", "PTTL timed", "GET gone"} {
				all = append(all, r.do(i, line))
			}
		}
		return all
	}
	r.advance(time.Second)
	require.Equal(t, "$-1", r.do(1, "GET gone"))
	before := shown()
	for range 2 {
		require.Equal(t, "+OK", r.do(0, "DEBUG RELOAD"))
		require.Equal(t, before, shown())
	}
	for i := range 4 {
		require.True(t, strings.HasSuffix(r.do(i, fmt.Sprint("GET large", i)), " "+large(i)))
		require.Equal(t, ":1", r.do(i, "SISMEMBER s 1999"))
	}
	for i := range 2 * reloadChunk {
		require.True(t, strings.HasSuffix(r.do(0, fmt.Sprint("GET k", i)), fmt.Sprint(" ", i)))
	}
	require.Equal(t, "$-1", r.do(2, "GET timed"))
	require.Equal(t, ":4000", r.do(1, "PTTL timed"))
}

// Two keys that are idle for long stay so.
func TestReloadIsNoUse(t *testing.T) {
	r := newKeysRig(t)
	r.do(0, "SET k v")
	r.do(0, "HSET h f v")
	r.advance(time.Hour)
	r.do(0, "DEBUG RELOAD")
	require.Equal(t, ":3600", r.do(0, "OBJECT IDLETIME k"))
	require.Equal(t, ":3600", r.do(0, "OBJECT IDLETIME h"))
}
