package oracle

// The generator's table of the string commands. An accepted write offset is small
// (kind "offset"), so that no stream grows strings without bound.

import "strconv"

func stringTable() Table {
	return Table{
		Name: "string",
		Type: "string",
		Show: func(key string) []string { return []string{"GET", key} },
		Kinds: map[string]func(g *Generator) string{
			"offset": func(g *Generator) string {
				if g.rand.IntN(8) == 0 {
					return pick(g, "-1", "536870912", "536870911000", "9223372036854775807", "9223372036854775808", "x", "")
				}
				return strconv.Itoa(g.rand.IntN(150))
			},
		},
		Forms: []Form{
			{12, "SET key value [NX|XX] [GET] [EX secs|PX ms|EXAT atsecs|PXAT atms|KEEPTTL]"},
			{2, "SET key value [NX] [XX] [GET] [EX secs] [PX ms] [EXAT atsecs] [PXAT atms] [KEEPTTL]"},
			{4, "GET key"},
			{2, "GETDEL key"},
			{4, "GETEX key [EX secs|PX ms|EXAT atsecs|PXAT atms|PERSIST]"},
			{1, "GETEX key [EX secs] [PX ms] [EXAT atsecs] [PXAT atms] [PERSIST]"},
			{2, "GETSET key value"},
			{2, "SETNX key value"},
			{2, "SETEX key secs value"},
			{2, "PSETEX key ms value"},
			{3, "APPEND key value"},
			{2, "STRLEN key"},
			{3, "GETRANGE key index index"},
			{1, "SUBSTR key index index"},
			{3, "SETRANGE key offset value"},
			{2, "INCR key"},
			{2, "DECR key"},
			{3, "INCRBY key int"},
			{3, "DECRBY key int"},
			{4, "INCRBYFLOAT key float"},
			{2, "MGET (key)+"},
			{2, "MSET (key value)+"},
			{2, "MSETNX (key value)+"},
			{2, "LCS key key"},
			{2, "LCS key key [LEN] [IDX] [MINMATCHLEN int] [WITHMATCHLEN]"},
		},
	}
}
