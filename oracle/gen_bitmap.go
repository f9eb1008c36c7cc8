package oracle

// The generator's table of the bitmap commands. Positions that are accepted are near
// ("bit"), so that no stream grows strings without bound. Their strings are those of
// all tables, for text, integers and large values all have bits.

import "strconv"

func bitmapTable() Table {
	return Table{
		Name: "bitmap",
		Kinds: map[string]func(g *Generator) string{
			"bit":   (*Generator).bit,
			"on":    (*Generator).bitValue,
			"type":  (*Generator).fieldType,
			"place": (*Generator).fieldOffset,
			"edge":  (*Generator).bitEdge,
			"far":   func(g *Generator) string { return strconv.Itoa(g.rand.IntN(70_000)) },
		},
		Forms: []Form{
			{4, "SETBIT key bit on"},
			{1, "SETBIT key far on"},
			{3, "GETBIT key bit"},
			{2, "BITCOUNT key"},
			{4, "BITCOUNT key edge edge [BYTE|BIT|value]"},
			{1, "BITCOUNT key edge"},
			{2, "BITPOS key on"},
			{2, "BITPOS key on edge"},
			{4, "BITPOS key on edge edge [BYTE|BIT|value]"},
			{1, "BITPOS key on edge edge BIT edge"},
			{4, "BITOP (AND|OR|XOR) key (key)+"},
			{2, "BITOP NOT key key [key]"},
			{1, "BITOP value key key"},
			{2, "BITFIELD key"},
			{3, "BITFIELD key (GET type place)+"},
			{8, "BITFIELD key (SET type place int|INCRBY type place int|GET type place|OVERFLOW (WRAP|SAT|FAIL))+"},
			{2, "BITFIELD key OVERFLOW (WRAP|SAT|FAIL|value) (SET|INCRBY) type place int"},
			{1, "BITFIELD key (SET type place|GET type|OVERFLOW|value)"},
			{2, "BITFIELD_RO key (GET type place)+"},
			{1, "BITFIELD_RO key (GET type place|SET type place int|OVERFLOW SAT)+"},
			{1, "COMMAND GETKEYSANDFLAGS BITFIELD key (GET type place|SET type place int|OVERFLOW SAT|value)+"},
		},
	}
}

func (g *Generator) bit() string {
	if g.rand.IntN(10) == 0 {
		return pick(g, "-1", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "x", "", "1.0", "#1", " 1")
	}
	return strconv.Itoa(g.rand.IntN(1000))
}

func (g *Generator) bitValue() string {
	if g.rand.IntN(12) == 0 {
		return pick(g, "2", "-1", "x", "", "01", "4294967296", "9223372036854775808")
	}
	return strconv.Itoa(g.rand.IntN(2))
}

// fieldType draws types of all widths, the widest and narrowest more often.
func (g *Generator) fieldType() string {
	switch g.rand.IntN(12) {
	case 0:
		return pick(g, "u64", "i65", "u0", "i0", "i-1", "I8", "U8", "8", "u", "", "x8", "i 8", "u08", "u8\\x00x", "u8\x00x", "\x00", "i9223372036854775808")
	case 1, 2, 3:
		return pick(g, "i64", "u63", "i63", "i1", "u1", "u8", "i8", "i32", "u32")
	case 4:
		return "i" + strconv.Itoa(1+g.rand.IntN(64))
	}
	return pick(g, "i", "u") + strconv.Itoa(1+g.rand.IntN(20))
}

// fieldOffset draws offsets in bits and in widths. Products that wrap are among them.
func (g *Generator) fieldOffset() string {
	switch g.rand.IntN(12) {
	case 0:
		return pick(g, "-1", "#-1", "#", "##1", "x", "#x", "", "4294967296", "#4294967296", "9223372036854775807", "#9223372036854775807",
			"#2305843009213693952", "#1152921504606846977", "9223372036854775808", "# 1")
	case 1, 2, 3:
		return "#" + strconv.Itoa(g.rand.IntN(20))
	}
	return strconv.Itoa(g.rand.IntN(300))
}

// bitEdge draws ends of ranges, in bytes and in bits.
func (g *Generator) bitEdge() string {
	if g.rand.IntN(3) == 0 {
		return strconv.Itoa(g.rand.IntN(1200) - 600)
	}
	return g.index()
}
