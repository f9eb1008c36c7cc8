package oracle

// The generator's table of streams. Ids are drawn from a small range, so that commands
// meet; the id * would depend on the servers' clocks and is left out.

import (
	"slices"
	"strconv"
)

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

			"group":    func(g *Generator) string { return pick(g, "g", "g", "g", "h", "", "STREAMS", "x\x00y") },
			"rare":     func(g *Generator) string { return pick(g, "h", "x\x00y", "none") },
			"consumer": func(g *Generator) string { return pick(g, "alice", "bob", "carol", "", "x\x00y") },
			"lastread": func(g *Generator) string { return pick(g, "0", "$", "5", "20-1", "x") },
			"blockms":  func(g *Generator) string { return pick(g, "1", "1", "1", "-1", "x", "") },
			"idle":     func(g *Generator) string { return pick(g, "0", "0", "1000000", "-1", "x") },
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
			{1, "XREAD [COUNT count] STREAMS key id"},
			{1, "XREAD [COUNT count] STREAMS key key lastread lastread"},
			{1, "XREAD [COUNT count] BLOCK blockms STREAMS key key lastread lastread"},
			{3, "XGROUP CREATE key group lastread [MKSTREAM] [ENTRIESREAD count]"},
			{1, "XGROUP SETID key group lastread [ENTRIESREAD count]"},
			{1, "XGROUP CREATECONSUMER key group consumer"},
			{1, "XGROUP DELCONSUMER key group consumer"},
			{1, "XGROUP DESTROY key rare"},
			{8, "XREADGROUP GROUP group consumer [COUNT count] [NOACK] STREAMS key >"},
			{3, "XREADGROUP GROUP group consumer [COUNT count] STREAMS key key > id"},
			{1, "XREADGROUP GROUP group consumer [COUNT count] [NOACK] BLOCK blockms STREAMS key >"},
			{3, "XACK key group (id)+"},
			{2, "XPENDING key group"},
			{2, "XPENDING key group [IDLE idle] bound bound count [consumer]"},
			{3, "XCLAIM key group consumer idle (id)+ [FORCE] [JUSTID] [RETRYCOUNT count] [TIME 1000|IDLE 5000000] [LASTID id]"},
			{2, "XAUTOCLAIM key group consumer idle bound [COUNT count] [JUSTID]"},
			{2, "XINFO STREAM key"},
			{2, "XINFO STREAM key FULL [COUNT count]"},
			{2, "XINFO GROUPS key"},
			{1, "XINFO CONSUMERS key group"},
			{1, "XINFO HELP"},
			{1, "XGROUP HELP"},
		},
		Type:  "stream",
		Show:  func(key string) []string { return []string{"XINFO", "STREAM", key, "FULL", "COUNT", "0"} },
		Loose: true,
		// Set once: where these limits change in mid-stream, 7.0.15 damages nodes of its own and fails an assertion (listpack.c,
		// lpValidateNext).
		Settings: []string{"stream-node-max-entries", "5"},
		// Damage may have made an id of the clock, or that of the last entry, which XREAD knows since 7.4.
		Avoid: func(args []string) bool {
			return is("xadd")(args) && slices.Contains(args, "*") || is("xread")(args) && slices.Contains(args, "+")
		},
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

// sameStreamInfo compares replies to XINFO, XPENDING and XGROUP CREATECONSUMER. Times are those of each server's clock; 7.2 tells more
// of consumers than 7.0 does, and creates those that 7.0 does not because they read nothing. So consumers that hold nothing count
// as absent.
func sameStreamInfo(a, b Value) bool { return plainInfo(a).Equal(plainInfo(b)) }

// plainInfo leaves out what sameStreamInfo does not compare.
func plainInfo(v Value) Value {
	elems := make([]Value, 0, len(v.Elems))
	for i := 0; i < len(v.Elems); i++ {
		elem := v.Elems[i]
		switch elem.Text {
		case "idle", "inactive", "seen-time", "active-time", "consumers":
			// The value follows. Of XINFO STREAM FULL the consumers are a list of their own.
			if i+1 < len(v.Elems) && elem.Kind == '$' {
				i++
				if v.Elems[i].Kind == '*' {
					elems = append(elems, busyConsumers(v.Elems[i]))
				}
				continue
			}
		}
		if ms, ok := elem.Int(); ok && ms > lagMillis {
			elem.Text = "time"
		} else if len(elem.Elems) > 0 {
			elem = plainInfo(elem)
		}
		elems = append(elems, elem)
	}
	if len(v.Elems) > 0 {
		v.Elems = elems
	}
	return v
}

// busyConsumers leaves out consumers that hold nothing.
func busyConsumers(v Value) Value {
	var busy []Value
	for _, consumer := range v.Elems {
		consumer = plainInfo(consumer)
		holds := true
		for i := range len(consumer.Elems) - 1 {
			if name := consumer.Elems[i].Text; name == "pel-count" || name == "pending" {
				if n, ok := consumer.Elems[i+1].Int(); ok && n == 0 {
					holds = false
				}
			}
		}
		if holds {
			busy = append(busy, consumer)
		}
	}
	v.Elems = busy
	return v
}
