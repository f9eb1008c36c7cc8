package oracle

// The generator's table of the set commands. SPOP takes all or nothing: what it leaves would be chance (see
// isChance). Members come from few texts, so that sets have some in common; intsets are kept short, so that they
// outgrow their encoding.

import "strconv"

func setTable() Table {
	return Table{
		Name:      "set",
		Type:      setType,
		Show:      func(key string) []string { return []string{"SMEMBERS", key} },
		Unordered: true,
		Settings:  []string{"set-max-intset-entries", "16"},
		Kinds: map[string]func(g *Generator) string{
			"member": (*Generator).member,
			"popped": func(g *Generator) string {
				return pick(g, "0", "100000", "100000", "100000", "9223372036854775807", "-1", "9223372036854775808", "x", "", "1.0", "-0")
			},
			"drawn": func(g *Generator) string {
				if g.rand.IntN(4) == 0 {
					return pick(g, "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809", "x", "", "1.0", "+1")
				}
				return strconv.Itoa(g.rand.IntN(60) - 30)
			},
			"numkeys": func(g *Generator) string {
				return pick(g, "0", "1", "1", "2", "2", "3", "4", "-1", "x", "", "9223372036854775807", "9223372036854775808", "01")
			},
			"limit": func(g *Generator) string {
				return pick(g, "0", "1", "2", "5", "100", "-1", "x", "", "9223372036854775807", "9223372036854775808")
			},
		},
		Forms: []Form{
			{14, "SADD key (member)+"},
			{6, "SREM key (member)+"},
			{3, "SISMEMBER key member"},
			{2, "SMISMEMBER key (member)+"},
			{2, "SCARD key"},
			{2, "SMEMBERS key"},
			{5, "SMOVE key key member"},
			{1, "SPOP key popped"},
			{2, "SRANDMEMBER key"},
			{2, "SRANDMEMBER key drawn"},
			{3, "SINTER (key)+"},
			{3, "SUNION (key)+"},
			{3, "SDIFF (key)+"},
			{3, "SINTERSTORE key (key)+"},
			{3, "SUNIONSTORE key (key)+"},
			{3, "SDIFFSTORE key (key)+"},
			{3, "SINTERCARD numkeys (key)+ [LIMIT limit]"},
			{1, "SINTERCARD numkeys key [key] [LIMIT limit] [LIMIT limit]"},
			{3, "SSCAN key 0 [MATCH pattern] [COUNT int]"},
			{1, "SSCAN key int"},
		},
	}
}

func (g *Generator) member() string {
	switch g.rand.IntN(8) {
	case 0:
		return g.integer()
	case 1:
		return g.value()
	case 2:
		return pick(g, "a", "b", "c", "abc", "k4", "", "\x00", "\xff\xfe", "a\r\nb")
	case 3:
		n := pick(g, 63, 64, 65, 300)
		return string(append(make([]byte, n-1), pick(g, byte('a'), 'b')))
	}
	return strconv.Itoa(g.rand.IntN(40) - 10)
}

// isChance reports whether a command changes the dataset in a way that two servers cannot agree on.
func isChance(args []string) bool { return is("spop")(args) && len(args) == 2 }
