package command

import (
	"fmt"
	"strconv"
	"testing"
)

// zsetBenches are commands about a member of a sorted set.
func zsetBenches(key, member string, n int) map[string][]string {
	score := strconv.Itoa(n * 31 % benchKeys)
	return map[string][]string{
		"ZADD":             {"ZADD", key, score, member},
		"ZINCRBY":          {"ZINCRBY", key, "1", member},
		"ZSCORE":           {"ZSCORE", key, member},
		"ZRANK":            {"ZRANK", key, member},
		"ZRANGE100":        {"ZRANGE", key, "0", "99"},
		"ZRANGEBYSCORE":    {"ZRANGEBYSCORE", key, score, "+inf", "LIMIT", "0", "10", "WITHSCORES"},
		"ZREMRANGEBYSCORE": {"ZREMRANGEBYSCORE", key, "-inf", "-1"},
	}
}

// BenchmarkZSet runs pipelines of one command over a large sorted set, and over small ones of ten members each.
func BenchmarkZSet(b *testing.B) {
	const depth, small = 16, 10
	for _, large := range []bool{true, false} {
		at := func(name string) (key, member string, n int) {
			n, _ = strconv.Atoi(name[len(name)-6:])
			if large {
				return "zset", "member:" + strconv.Itoa(n), n
			}
			return fmt.Sprintf("zset:%d", n/small), "member:" + strconv.Itoa(n%small), n
		}
		for command := range zsetBenches("", "", 0) {
			b.Run(fmt.Sprintf("%s/large=%v", command, large), func(b *testing.B) {
				s := benchServer(b, 2).NewSession(quietConn{})
				defer s.Close()
				play(b, s, record(depth, func(name string) []string {
					key, member, n := at(name)
					return zsetBenches(key, member, n)["ZADD"]
				}), 2*benchKeys)
				source := record(depth, func(name string) []string {
					key, member, n := at(name)
					return zsetBenches(key, member, n)[command]
				})
				b.ReportAllocs()
				b.ResetTimer()
				play(b, s, source, b.N)
			})
		}
	}
}
