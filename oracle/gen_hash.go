package oracle

// The generator's table of the hash commands. The limits are low, so that hashes leave their compact encoding now and then: by the number
// of their fields, which is still larger than any command brings (Redis 7.2 counts those of one command before it looks at them, 7.0
// does not), or by a long field or value.

import "strconv"

func hashTable() Table {
	return Table{
		Name:      "hash",
		Type:      "hash",
		Show:      func(key string) []string { return []string{"HGETALL", key} },
		Unordered: true,
		Settings:  []string{"hash-max-listpack-entries", "6"},
		Kinds: map[string]func(g *Generator) string{
			"field": func(g *Generator) string {
				switch g.rand.IntN(20) {
				case 0:
					return pick(g, "", "0", "-5", "007", "bin\x00\r\n\xff", "9223372036854775807")
				case 1:
					return g.bytes(pick(g, 63, 64, 64, 64, 65))
				}
				return "f" + strconv.Itoa(g.rand.IntN(8))
			},
			"count": func(g *Generator) string {
				if g.rand.IntN(4) == 0 {
					return pick(g, "9223372036854775807", "-9223372036854775808", "9223372036854775808", "4611686018427387904", "x", "", "1.5")
				}
				return strconv.Itoa(g.rand.IntN(24) - 12)
			},
			"like": func(g *Generator) string { return pick(g, "*", "f*", "f[1-4]", "?", "", "bin*", "*\xff", "f\\3", "[") },
		},
		Forms: []Form{
			{12, "HSET key (field value)+"},
			{2, "HMSET key (field value)+"},
			{3, "HSETNX key field value"},
			{4, "HGET key field"},
			{2, "HMGET key (field)+"},
			{2, "HGETALL key"},
			{1, "HKEYS key"},
			{1, "HVALS key"},
			{2, "HLEN key"},
			{2, "HSTRLEN key field"},
			{2, "HEXISTS key field"},
			{5, "HDEL key (field)+"},
			{5, "HINCRBY key field int"},
			{5, "HINCRBYFLOAT key field float"},
			{1, "HRANDFIELD key"},
			{3, "HRANDFIELD key count [WITHVALUES]"},
			{2, "HSCAN key 0 [MATCH like] [COUNT int]"},
			{1, "HSCAN key int [MATCH like] [COUNT int]"},
		},
	}
}
