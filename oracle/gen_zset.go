package oracle

// The generator's table of the sorted set commands. Some members are too long for a
// listpack, so that both encodings meet. Ranges by member are defined only where all
// scores are equal: they have keys of their own (kind "lexkey"), which get no other
// scores.

import (
	"strconv"
	"strings"
)

func zsetTable() Table {
	return Table{
		Name:  "zset",
		Type:  "zset",
		Show:  func(key string) []string { return []string{"ZRANGE", key, "0", "-1", "WITHSCORES"} },
		Kinds: zsetKinds(),
		Forms: []Form{
			{16, "ZADD key (score member)+"},
			{6, "ZADD key [NX|XX] [GT|LT] [CH] (score member)+"},
			{2, "ZADD key [NX] [XX] [GT] [LT] [CH] [INCR] score member"},
			{3, "ZINCRBY key score member"},
			{4, "ZREM key (member)+"},
			{1, "ZCARD key"},
			{2, "ZCOUNT key bound bound"},
			{2, "ZSCORE key member"},
			{1, "ZMSCORE key (member)+"},
			{2, "ZRANK key member"},
			{2, "ZREVRANK key member"},
			{2, "ZRANGE key rank rank [WITHSCORES] [REV]"},
			{2, "ZRANGE key bound bound BYSCORE [REV] [WITHSCORES] [LIMIT rank rank]"},
			{1, "ZRANGE key bound bound [BYSCORE] [BYLEX] [REV] [WITHSCORES] [LIMIT rank rank]"},
			{2, "ZREVRANGE key rank rank [WITHSCORES]"},
			{2, "ZRANGEBYSCORE key bound bound [WITHSCORES] [LIMIT rank rank]"},
			{2, "ZREVRANGEBYSCORE key bound bound [WITHSCORES] [LIMIT rank rank]"},
			{2, "ZRANGESTORE key key rank rank [REV]"},
			{2, "ZRANGESTORE key key bound bound BYSCORE [REV] [LIMIT rank rank]"},
			{1, "ZREMRANGEBYRANK key rank rank"},
			{1, "ZREMRANGEBYSCORE key bound bound"},
			{1, "ZPOPMIN key [rank]"},
			{1, "ZPOPMAX key [rank]"},
			{1, "ZMPOP (1 key|2 key key|3 key key key|rank key key) (MIN|MAX) [COUNT rank]"},
			{1, "BZPOPMIN (key)+ timeout"},
			{1, "BZPOPMAX (key)+ timeout"},
			{1, "BZMPOP timeout (1 key|2 key key|3 key key key|rank key key) (MIN|MAX) [COUNT rank]"},
			{2, "ZUNION (1 key|2 key key|3 key key key|rank key key) [AGGREGATE SUM|AGGREGATE MIN|AGGREGATE MAX] [WITHSCORES]"},
			{2, "ZUNION 2 key key [WEIGHTS score score] [AGGREGATE SUM|AGGREGATE MIN|AGGREGATE MAX] [WITHSCORES]"},
			{2, "ZINTER 2 key key [WEIGHTS score score] [AGGREGATE SUM|AGGREGATE MIN|AGGREGATE MAX] [WITHSCORES]"},
			{2, "ZDIFF (2 key key|3 key key key|rank key key) [WITHSCORES]"},
			{3, "ZUNIONSTORE key (2 key key|3 key key key|rank key key) [AGGREGATE SUM|AGGREGATE MIN|AGGREGATE MAX]"},
			{3, "ZUNIONSTORE key 3 key key key WEIGHTS score score score [AGGREGATE SUM|AGGREGATE MIN|AGGREGATE MAX]"},
			{2, "ZINTERSTORE key 2 key key [WEIGHTS score score] [AGGREGATE SUM|AGGREGATE MIN|AGGREGATE MAX]"},
			{2, "ZDIFFSTORE key (1 key|2 key key|3 key key key|rank key key)"},
			{2, "ZINTERCARD (1 key|2 key key|3 key key key|rank key key) [LIMIT rank]"},
			{2, "ZRANDMEMBER key [rank] [WITHSCORES]"},
			{2, "ZSCAN key 0 [MATCH memberpattern] [COUNT int]"},
			{5, "ZADD lexkey (0 member)+"},
			{1, "ZREM lexkey member"},
			{1, "ZLEXCOUNT lexkey lexbound lexbound"},
			{1, "ZRANGE lexkey lexbound lexbound BYLEX [REV] [LIMIT rank rank]"},
			{1, "ZRANGEBYLEX lexkey lexbound lexbound [LIMIT rank rank]"},
			{1, "ZREVRANGEBYLEX lexkey lexbound lexbound [LIMIT rank rank]"},
			{1, "ZREMRANGEBYLEX lexkey lexbound lexbound"},
			{1, "ZRANGESTORE lexkey lexkey lexbound lexbound BYLEX [REV] [LIMIT rank rank]"},
			{1, "ZLEXCOUNT nokey lexbound lexbound"},
		},
	}
}

// Shapes of members: a listpack takes none above longestPacked.
const (
	longestPacked = 64
	members       = 300 // distinct ordinary ones: more than a listpack takes
)

func zsetKinds() map[string]func(g *Generator) string {
	return map[string]func(g *Generator) string{
		"member": func(g *Generator) string {
			switch g.rand.IntN(30) {
			case 0:
				return pick(g, "", "a", "\x00", "\xff\xfe", "b\r\n", "-1", "007", "9223372036854775808")
			case 1:
				return strings.Repeat(pick(g, "x", "y", "\xff"), longestPacked)
			case 2:
				if g.rand.IntN(4) == 0 {
					return strings.Repeat(pick(g, "x", "y"), longestPacked+1)
				}
			case 3, 4, 5, 6, 7, 8:
				return "m" + strconv.Itoa(g.rand.IntN(members))
			}
			return pick(g, "m", "", "-") + strconv.Itoa(g.rand.IntN(20))
		},
		"score": func(g *Generator) string {
			switch g.rand.IntN(8) {
			case 0:
				return g.float()
			case 1:
				return pick(g, "0", "-0", "inf", "-inf", "1e17", "4611686018427387904", "9223372036854775807", "1e20", "0.1", "0.30000000000000004", "5e-324", "nan")
			case 2:
				return pick(g, "1.5", "-2.25", "12345.67890123", "1e-5", "1e-7", "3.0", "0x10")
			}
			return strconv.Itoa(g.rand.IntN(20) - 10)
		},
		"bound": func(g *Generator) string {
			bound := strconv.Itoa(g.rand.IntN(24) - 12)
			switch g.rand.IntN(6) {
			case 0:
				bound = pick(g, "-inf", "+inf", "inf", "0.1", "1e400", "1e-400", "", " 1", "1 ", "nan", "x", "1.5", "[1", "1e20", "0x1p3")
			case 1, 2:
				bound = pick(g, "-inf", "+inf")
			}
			return pick(g, "", "", "(") + bound
		},
		"lexkey": func(g *Generator) string { return "lex" + strconv.Itoa(g.rand.IntN(3)) },
		"nokey":  func(*Generator) string { return "nokey" },
		"lexbound": func(g *Generator) string {
			switch g.rand.IntN(6) {
			case 0:
				return pick(g, "", "-", "+", "x", "--", "+\x00x", "[", "(", "[\xff")
			case 1:
				return pick(g, "-", "+")
			}
			return pick(g, "[", "(") + pick(g, "m", "-", "", "x") + strconv.Itoa(g.rand.IntN(30))
		},
		"rank": func(g *Generator) string {
			if g.rand.IntN(10) == 0 {
				return pick(g, "1000", "-1000", "9223372036854775807", "9223372036854775808", "x", "")
			}
			return strconv.Itoa(g.rand.IntN(24) - 8)
		},
		"timeout": func(g *Generator) string {
			if g.rand.IntN(6) == 0 {
				return pick(g, "-1", "x", "", "nan", "-0.5")
			}
			return "0.001"
		},
		"memberpattern": func(g *Generator) string { return pick(g, "*", "m*", "m1?", "1*", "", "[0-9]*", "x*") },
	}
}
