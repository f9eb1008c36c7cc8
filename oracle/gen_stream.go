package oracle

// The generator's table of streams. Ids are drawn from a small range, so that commands
// meet; the id * would depend on the servers' clocks and is left out.

import "strconv"

func streamTable() Table {
	return Table{
		Name: "stream",
		Kinds: map[string]func(g *Generator) string{
			"id":    (*Generator).streamID,
			"newid": (*Generator).newStreamID,
			"bound": (*Generator).streamBound,
			"count": (*Generator).streamCount,
			"field": func(g *Generator) string { return pick(g, "a", "a", "a", "b", "12", "", "x\x00y") },

			"delid":  (*Generator).streamDelID,
			"lastid": func(g *Generator) string { return strconv.Itoa(60+g.rand.IntN(3)) + pick(g, "", "-0", "-7") },

			"nodeentries": func(g *Generator) string { return pick(g, "0", "1", "2", "3", "5", "100") },
			"nodebytes":   func(g *Generator) string { return pick(g, "0", "64", "100", "300", "4096") },
		},
		Forms: []Form{
			{12, "XADD key newid (field value)+"},
			{4, "XADD key [NOMKSTREAM] [MAXLEN count|MAXLEN = count|MAXLEN ~ count|MINID id|MINID ~ id] [LIMIT count] newid (field value)+"},
			{1, "XLEN key"},
			{2, "XRANGE key bound bound [COUNT count]"},
			{2, "XREVRANGE key bound bound [COUNT count]"},
			{3, "XDEL key (delid)+"},
			{2, "XTRIM key (MAXLEN|MINID) [=|~] id [LIMIT count]"},
			{1, "XTRIM key MAXLEN [=|~] count [LIMIT count]"},
			{1, "XSETID key lastid [ENTRIESADDED count] [MAXDELETEDID delid]"},
			{1, "CONFIG SET STREAM-NODE-MAX-ENTRIES nodeentries"},
			{1, "CONFIG SET STREAM-NODE-MAX-BYTES nodebytes"},
		},
		Type: "stream",
		Show: func(key string) []string { return []string{"XRANGE", key, "-", "+"} },
	}
}

// streamID is the id of an entry that there may be.
func (g *Generator) streamID() string {
	if g.rand.IntN(12) == 0 {
		return pick(g, "0-0", "0", "18446744073709551615-18446744073709551615", "18446744073709551615", "9223372036854775808-5",
			"-", "+", "$", ">", "1-*", "x", "", "5-x", " 5", "+5-+1", "5--1", "007-01", "5-", "18446744073709551616")
	}
	id := strconv.Itoa(g.rand.IntN(60))
	if g.rand.IntN(4) != 0 {
		id += "-" + strconv.Itoa(g.rand.IntN(4))
	}
	return id
}

// newStreamID is an id for XADD, mostly a little above those drawn before, so that streams grow.
func (g *Generator) newStreamID() string {
	if g.rand.IntN(200) == 0 {
		return pick(g, "18446744073709551615-18446744073709551615", "18446744073709551615-*", "18446744073709551614-18446744073709551615",
			"300-18446744073709551615", "9223372036854775808-9223372036854775807")
	}
	if g.rand.IntN(3) == 0 {
		return g.streamID()
	}
	ms := strconv.Itoa(g.rand.IntN(1 + g.rand.IntN(60)))
	if g.rand.IntN(3) == 0 {
		return ms + "-" + strconv.Itoa(g.rand.IntN(300))
	}
	return ms + "-*"
}

func (g *Generator) streamBound() string {
	switch g.rand.IntN(6) {
	case 0, 1:
		return pick(g, "-", "+")
	case 2:
		return "(" + g.streamID()
	}
	return g.streamID()
}

func (g *Generator) streamCount() string {
	if g.rand.IntN(10) == 0 {
		return pick(g, "-1", "x", "", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1.5")
	}
	return strconv.Itoa(g.rand.IntN(12))
}

// streamDelID is an id to delete or to set as deleted. It is below those that XSETID sets: 7.2 refuses a last id below it, and
// 7.0 does not.
func (g *Generator) streamDelID() string {
	if g.rand.IntN(20) == 0 {
		return pick(g, "0-0", "-", "x", "", "1-*", "59-x", "+5", "5--1")
	}
	return strconv.Itoa(g.rand.IntN(60)) + pick(g, "", "-0", "-1", "-2", "-3", "-4")
}
