// Waiting for sorted sets: who is served by what, with several clients.

package main

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/oracle"
)

// poppedScored is what BZPOPMIN answers with in the protocol that the i-th of the sleepers speaks.
func poppedScored(i int, key, member, score string) string {
	if resp2+i%2 == resp3 {
		return fmt.Sprintf("*3\n  %q\n  %q\n  ,%s", key, member, score)
	}
	return fmt.Sprintf("*3\n  %q\n  %q\n  %q", key, member, score)
}

func TestWaitersForSortedSetsAreServedInOrder(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		keys := s.spreadKeys("z", 3)
		all := s.sleepers(t, 30, append(append([]string{"BZPOPMIN"}, keys...), "0")...)
		c := s.connect(t, resp2)
		for i := range all {
			do(t, c, "ZADD", keys[i%3], strconv.Itoa(i), "m")
			require.Equal(t, "0", do(t, c, "ZCARD", keys[i%3]).Text)
		}
		for i, sleeper := range all {
			require.Equal(t, poppedScored(i, keys[i%3], "m", strconv.Itoa(i)), receive(t, sleeper))
		}
		s.nobodyWaits(t)
	})
}

// TestOneAddServesMany gives those who wait their members from both ends, the first who came first.
func TestOneAddServesMany(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		const pairs = 10
		var all []*oracle.Conn
		for range pairs {
			all = append(all, s.sleepers(t, 1, "BZPOPMIN", "z", "0")...)
			all = append(all, s.sleepers(t, 1, "BZPOPMAX", "z", "0")...)
		}
		all = append(all, s.sleepers(t, 1, "BZMPOP", "0", "2", "none", "z", "MAX", "COUNT", "2")...)
		args := []string{"ZADD", "z"}
		for i := range 2*pairs + 3 {
			args = append(args, strconv.Itoa(i), "m"+strconv.Itoa(i))
		}
		c := s.connect(t, resp2)
		do(t, c, args...)
		require.Equal(t, "1", do(t, c, "ZCARD", "z").Text)
		for i := range pairs {
			least, greatest := strconv.Itoa(i), strconv.Itoa(2*pairs+2-i)
			require.Equal(t, poppedScored(0, "z", "m"+least, least), receive(t, all[2*i]))
			require.Equal(t, poppedScored(0, "z", "m"+greatest, greatest), receive(t, all[2*i+1]))
		}
		require.Equal(t, "*2\n  \"z\"\n  *2\n    *2\n      \"m12\"\n      \"12\"\n    *2\n      \"m11\"\n      \"11\"", receive(t, all[2*pairs]))
		s.nobodyWaits(t)
	})
}

// TestWhatServesWaitersForSortedSets tries everything that can make a sorted set.
func TestWhatServesWaitersForSortedSets(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		c := s.connect(t, resp2)
		do(t, c, "ZADD", "{t}s", "1", "a", "2", "b")
		for _, tc := range []struct {
			args  []string
			score string
		}{
			{[]string{"ZADD", "{t}z", "7", "a"}, "7"},
			{[]string{"ZADD", "{t}z", "INCR", "7.5", "a"}, "7.5"},
			{[]string{"ZINCRBY", "{t}z", "-3", "a"}, "-3"},
			{[]string{"ZUNIONSTORE", "{t}z", "1", "{t}s", "WEIGHTS", "2"}, "2"},
			{[]string{"ZINTERSTORE", "{t}z", "2", "{t}s", "{t}s"}, "2"},
			{[]string{"ZDIFFSTORE", "{t}z", "2", "{t}s", "{t}none"}, "1"},
			{[]string{"ZRANGESTORE", "{t}z", "{t}s", "0", "-1"}, "1"},
			{[]string{"COPY", "{t}s", "{t}z"}, "1"},
			{[]string{"RENAME", "{t}s", "{t}z"}, "1"},
		} {
			one := s.sleepers(t, 1, "BZPOPMIN", "{t}z", "0")[0]
			do(t, c, "SADD", "{t}z", "a") // serves nobody
			do(t, c, "DEL", "{t}z")
			do(t, c, tc.args...)
			require.Equal(t, poppedScored(0, "{t}z", "a", tc.score), receive(t, one), tc.args)
			do(t, c, "DEL", "{t}z")
		}
		s.nobodyWaits(t)
	})
}

// TestWaitersOfTwoTypes wait for the same key, and each gets what is of its type.
func TestWaitersOfTwoTypes(t *testing.T) {
	onEngines(t, func(t *testing.T, s *testServer) {
		scored := s.sleepers(t, 1, "BZPOPMAX", "k", "0")[0]
		listed := s.sleepers(t, 1, "BLPOP", "k", "0")[0]
		c := s.connect(t, resp2)
		do(t, c, "RPUSH", "k", "x")
		require.Equal(t, popped("k", "x"), receive(t, listed))
		do(t, c, "ZADD", "k", "1", "m")
		require.Equal(t, poppedScored(0, "k", "m", "1"), receive(t, scored))
		s.nobodyWaits(t)
	})
}
