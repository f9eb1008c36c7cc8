package oracle

// The generator's table of RESTORE. Its payloads are those of package rdb's fixtures that both servers know: DUMP's own bytes differ
// between servers where a value is large, and are compared in tests of their own.

func dumpTable() Table {
	return Table{
		Name: "dump",
		Kinds: map[string]func(g *Generator) string{
			"payload": (*Generator).payload,
			"lifetime": func(g *Generator) string {
				if g.rand.IntN(2) == 0 {
					return "0"
				}
				return g.millis()
			},
			"idle": func(g *Generator) string { return pick(g, "0", "1", "1000", "-1", "x", "", "9223372036854775808") },
			"freq": func(g *Generator) string { return pick(g, "0", "100", "255", "256", "-1", "x", "") },
		},
		Forms: []Form{
			{4, "RESTORE key lifetime payload [REPLACE]"},
			{4, "RESTORE key 0 payload REPLACE"},
			{2, "RESTORE key atms payload ABSTTL [REPLACE]"},
			{1, "RESTORE key lifetime payload [REPLACE] [IDLETIME idle] [FREQ freq]"},
			{1, "RESTORE-ASKING key lifetime payload [REPLACE]"},
			{1, "DUMP"},
		},
		Avoid: func(args []string) bool { return is("dump")(args) && len(args) == 2 }, // damage has given it a key
	}
}

// payload draws one of DUMP's payloads; some are damaged.
func (g *Generator) payload() string {
	payload := pick(g,
		"\x00\x04text\x0a\x00|\xf3&m\xca\xb5\xa51",                                         // string
		"\x00\xc3\x0eA,\x03abca\xe0\xff\x02\xe1\x15\x07\x01bc\x0a\x00\xd2W3\xce\xc0D\xe1+", // string compressed
		"\x00\xc0\xfb\x0a\x00I\xc4\xc6\xf4\xd7&?h",                                         // string int8
		"\x00\xc2 \xa1\x07\x00\x0a\x007n\xa58<\x9a\xdc\xe9",                                // string int32
		"\x12\x01\x02\xc3\x16.\x0e.\x00\x00\x00\x04\x00\x81a\x02\x0c\x01\x80\x01\x9ex\xe0\x14\x00\x01\x1f\xff\x0a\x000\xe9I&\xbc\xd3\x5c\x18",                                 // list
		"\x12\x02\x02\x10\x10\x00\x00\x00\x03\x00\x81a\x02\x81b\x02\x81c\x02\xff\x02\x11\x11\x00\x00\x00\x03\x00\x81d\x02\x81e\x02\xf1\x88\x13\x03\xff\x0a\x00[X\x8aP\xba;hs", // list of nodes
		"\x02\x04\x01a\x01b\x00\xc0\x05\x0a\x00\xcb\xe1\x1e\xd4\x1a*\xa6\xd8",                                                                                                 // set
		"\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\xd4\xfe\x01\x00\x02\x00\x0a\x00\xbd\xdd\x00F\xb3\x8d\xe8\x1d",                                                               // set ints16
		"\x0b\x14\x04\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00p\x11\x01\x00\x0a\x00\x85\xd5\xc1\x06[\x1d\xd0U",                                             // set ints32
		"\x10\x12\x12\x00\x00\x00\x04\x00\x81f\x02\x81v\x02\x81g\x02\x0c\x01\xff\x0a\x00\xde\x139\x93\xf7\x83\x81~",                                                           // hash packed
		"\x04\x03\x01f\x01v\x00\x01x\x01g\xc0\x0c\x0a\x00\x8a\xf1\xf3\xc7V\xb9\xa3(",                                                                                          // hash
		"\x11\x1c\x1c\x00\x00\x00\x06\x00\x81a\x02\x01\x01\x81b\x02\x832.5\x04\x81c\x02\x83inf\x04\xff\x0a\x00k\x1d\xde\xdc\xe8\xe2\xc3\x99",                                  // zset packed
		"\x05\x03\x01b\x00\x00\x00\x00\x00\x00\x04@\x01a\x00\x00\x00\x00\x00\x00\xf0?\x01c\x00\x00\x00\x00\x00\x00\xf0\xff\x0a\x00\x9a$\xca\x8f\xdc\xb1\xd0\x8c",              // zset
		"\x03\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x02-7\x0a\x00\x0c\x18\x09\x8bsS\x19\xe5",                                                                                 // old zset
		"\x09\x10\x02\x01f\x01\x00v\x01g\x02\x0312\x00\x00\x00\xff\x0a\x00F\xdf}\x1b\x18\xe0SQ",                                                                               // hash zipmap
		"\x0aA\xad\xad\x01\x00\x00\xa5\x01\x00\x00\x0b\x00\x00\x01a\x03\xf6\x02\xfe\xfb\x03\xc0,\x01\x04\xf0\x90\xee\xfe\x05\xd0\x00\x00\x00@\x06\xe0\x00\x00\x00\x00\x00\xff\xff\xff\x0a\x00\x02@FyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyIA,zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\xfe/\x01\x00\x00\x01w\xff\x0a\x00\xcda\xaef52\x9e\xbd", // list ziplist
		"\x0c  \x00\x00\x00\x1a\x00\x00\x00\x06\x00\x00\x01a\x03\xf2\x02\x01b\x03\x032.5\x05\x01c\x03\x03inf\xff\x0a\x00\xeeZ\xa1\xf6\xb0\xdd\xeb\xb6", // zset ziplist
		"\x0d\x16\x16\x00\x00\x00\x13\x00\x00\x00\x04\x00\x00\x01f\x03\x01v\x03\x01g\x03\xfd\xff\x0a\x00W,\x814\x9a\xc2=\xb6",                          // hash ziplist
		"\x0e\x02A\xad\xad\x01\x00\x00\xa5\x01\x00\x00\x0b\x00\x00\x01a\x03\xf6\x02\xfe\xfb\x03\xc0,\x01\x04\xf0\x90\xee\xfe\x05\xd0\x00\x00\x00@\x06\xe0\x00\x00\x00\x00\x00\xff\xff\xff\x0a\x00\x02@FyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyIA,zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\xfe/\x01\x00\x00\x01w\xff\x10\x10\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x03end\xff\x0a\x00\xb6\x93J\xdc\xdaG\xde\x99", // list of ziplists
		"\x02\x00\x0a\x00:\xce9\x00\x9b\x899\xe8",     // to be refused: empty set
		"\x02\x02\x01a\x01a\x0a\x00W\xbev/\xc2\xd6R:", // to be refused: set twice
	)
	if g.rand.IntN(10) == 0 {
		return payload[:g.rand.IntN(len(payload))]
	}
	return payload
}
