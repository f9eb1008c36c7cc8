package oracle

// The generator's table of the list commands. Elements are drawn from few values, so
// that some are equal; the limit of a listpack changes in mid-stream, and elements
// are now and then as large as that, so that lists of either encoding meet. Commands that
// wait are the only client's, so they end with a time-out if not at once.

import (
	"slices"
	"strconv"
)

func listTable() Table {
	return Table{
		Name: "list",
		Type: "list",
		Show: func(key string) []string { return []string{"LRANGE", key, "0", "-1"} },
		Kinds: map[string]func(g *Generator) string{
			"elem": func(g *Generator) string {
				switch g.rand.IntN(10) {
				case 0:
					return g.value()
				case 1:
					return g.bytes(pick(g, 126, 127, 128, 1000, 2000, 4095, 4096, 9000))
				case 2:
					return pick(g, "127", "128", "-1", "4095", "-4097", "32768", "8388608", "2147483648", "9223372036854775807")
				}
				return strconv.Itoa(g.rand.IntN(8))
			},
			"at": func(g *Generator) string {
				if g.rand.IntN(10) == 0 {
					return pick(g, "9223372036854775807", "-9223372036854775808", "-9223372036854775807", "9223372036854775808",
						"4294967296", "-4294967296", "x", "", "1.0")
				}
				return strconv.Itoa(g.rand.IntN(30) - 15)
			},
			"count": func(g *Generator) string {
				if g.rand.IntN(6) == 0 {
					return g.integer()
				}
				return strconv.Itoa(g.rand.IntN(6))
			},
			"wait": func(g *Generator) string {
				if g.rand.IntN(10) == 0 {
					return pick(g, "-1", "-0.5", "x", "", "nan", "1,5")
				}
				return pick(g, "0.001", "1e-3", "0.0001", "2e-300")
			},
			"limit": func(g *Generator) string { return pick(g, "1", "2", "4", "32", "-1", "-2", "-2", "-5", "0") },
		},
		Forms: []Form{
			{5, "LPUSH key (elem)+"},
			{8, "RPUSH key (elem)+"},
			{4, "RPUSH key (elem)+ (elem)+ (elem)+ (elem)+ (elem)+"},
			{1, "LPUSHX key (elem)+"},
			{1, "RPUSHX key (elem)+"},
			{2, "LPOP key [count]"},
			{2, "RPOP key [count]"},
			{1, "LLEN key"},
			{3, "LRANGE key at at"},
			{2, "LINDEX key at"},
			{3, "LSET key at elem"},
			{3, "LINSERT key (BEFORE|AFTER) elem elem"},
			{3, "LREM key at elem"},
			{2, "LTRIM key at at"},
			{2, "LTRIM key count -1"},
			{4, "LPOS key elem [RANK at] [COUNT count] [MAXLEN count]"},
			{3, "LMOVE key key (LEFT|RIGHT) (LEFT|RIGHT)"},
			{2, "RPOPLPUSH key key"},
			{2, "LMPOP 1 key (LEFT|RIGHT) [COUNT count]"},
			{1, "LMPOP 2 key key (LEFT|RIGHT) [COUNT count]"},
			{1, "LMPOP count (key)+ (LEFT|RIGHT|UP) [COUNT count]"},
			{1, "BLPOP (key)+ wait"},
			{1, "BRPOP (key)+ wait"},
			{1, "BLMOVE key key (LEFT|RIGHT) (LEFT|RIGHT|UP) wait"},
			{1, "BRPOPLPUSH key key wait"},
			{1, "BLMPOP wait count (key)+ (LEFT|RIGHT|UP) [COUNT count]"},
			{1, "BLMPOP wait 2 key key (LEFT|RIGHT) [COUNT count]"},
			{1, "OBJECT ENCODING key"},
			{1, "CONFIG SET LIST-MAX-LISTPACK-SIZE limit"},
		},
	}
}

// sameListEncoding reports whether two encodings are a list's. Redis 7.0 knows only the
// quicklist; since 7.2 a small list is a listpack (Redis 7.2 release notes, src/t_list.c),
// which the oracle cannot tell us. Which list is which is written down in the transcripts,
// as @since 7.2.
func sameListEncoding(a, b Value) bool {
	encodings := []string{"listpack", "quicklist"}
	return slices.Contains(encodings, a.Text) && slices.Contains(encodings, b.Text)
}
