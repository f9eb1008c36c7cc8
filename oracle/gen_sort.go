package oracle

// The generator's table of SORT. It has sources of its own, of one type each, since not every order is told: that of
// a set that is not sorted, or of what is equal to ALPHA, depends on how a server hashes where it is no list, and with
// LIMIT on how it sorts. Weights are kept in keys and hashes that are named after elements, some of which are missing.
//
// redis-server takes an error of range that any command before has left in errno for one of SORT's own, as long as
// nothing has reset it; and one of its own too, where it makes a large sorted set of a small one that has a score so
// small. So every SORT is sent behind a ZADD, which resets it, and that behind a SORT_RO (withClearErrno).

import (
	"slices"
	"strconv"
	"strings"
)

func sortTable() Table {
	return Table{
		Name:  "sort",
		Avoid: isUntoldSort,
		Kinds: sortKinds(),
		Forms: []Form{
			{4, "RPUSH sortlist (elem)+ (elem)+"},
			{3, "SADD sortset (elem)+ (elem)+"},
			{3, "ZADD sortzset (score elem)+ (score elem)+"},
			{2, "DEL (sortlist|sortset|sortzset|weightkey|fieldkey|stored)"},
			{4, "MSET (weightkey weight)+"},
			{4, "HSET fieldkey (field weight)+"},
			{1, "EXPIREAT weightkey atsecs"},
			{5, "SORT source [BY by] [LIMIT n n] [(GET get)+] [ASC|DESC] [STORE stored]"},
			{5, "SORT own [BY by] [LIMIT n n] [(GET get)+] [ASC|DESC] [STORE stored]"},
			{3, "SORT own ALPHA [LIMIT n n] [(GET get)+] [ASC|DESC]"},
			{2, "SORT source ALPHA STORE stored [LIMIT n n] [(GET get)+] [ASC|DESC]"},
			{3, "SORT sortlist ALPHA BY by [(GET get)+] [ASC|DESC] [STORE stored]"},
			{3, "SORT (sortlist|sortzset) BY fixed [LIMIT n n] [(GET get)+] [ASC|DESC] [ALPHA] [STORE stored]"},
			{2, "SORT sortset BY fixed STORE stored [LIMIT n n] [(GET get)+] [ASC|DESC] [ALPHA]"},
			{1, "SORT (sortset|key) BY fixed [GET get] [ASC|DESC]"},
			{2, "SORT_RO own [BY by] [LIMIT n n] [(GET get)+] [ASC|DESC]"},
			{1, "SORT_RO source [STORE stored] [ALPHA] [LIMIT n] [BY] [GET]"},
			{1, "LRANGE stored 0 -1"},
			{1, "TTL stored"},
			{1, "OBJECT ENCODING sortzset"},
		},
	}
}

// What the names of the sources begin with. Lists and sorted sets have an order of their own.
const (
	sortListKey = "sl"
	sortSetKey  = "ss"
	sortZSetKey = "sz"
)

func sortKinds() map[string]func(g *Generator) string {
	numbered := func(name string) func(g *Generator) string {
		return func(g *Generator) string { return name + strconv.Itoa(g.rand.IntN(3)) }
	}
	own := func(g *Generator) string { return numbered(pick(g, sortListKey, sortSetKey, sortZSetKey))(g) }
	elem := func(g *Generator) string {
		if g.rand.IntN(60) == 0 {
			return pick(g, "", "x", "-inf", " 4", "4.0", "1e1")
		}
		return pick(g, "", "", "", "-") + strconv.Itoa(g.rand.IntN(15))
	}
	return map[string]func(g *Generator) string{
		"sortlist":  numbered(sortListKey),
		"sortset":   numbered(sortSetKey),
		"sortzset":  numbered(sortZSetKey),
		"own":       own,
		"elem":      elem,
		"weightkey": func(g *Generator) string { return "w_" + elem(g) },
		"fieldkey":  func(g *Generator) string { return "h_" + elem(g) },
		"field":     numbered("f"),
		"score":     func(g *Generator) string { return strconv.Itoa(g.rand.IntN(10)) },
		"source": func(g *Generator) string {
			if g.rand.IntN(2) == 0 {
				return g.key()
			}
			return own(g)
		},
		"stored": func(g *Generator) string {
			switch g.rand.IntN(4) {
			case 0:
				return g.key()
			case 1:
				return numbered(sortListKey)(g)
			}
			return numbered("sd")(g)
		},
		"weight": func(g *Generator) string {
			if g.rand.IntN(50) == 0 {
				return pick(g, "x", "nan", "1 ", " ", "\xff", "a\x00b")
			}
			return pick(g, "", " 3", "inf", "-inf", "1.5", "-0", "0x10", "2\x00", "9223372036854775807", strconv.Itoa(g.rand.IntN(9)-4), strconv.Itoa(g.rand.IntN(9)-4))
		},
		"by": func(g *Generator) string {
			return pick(g, "w_*", "w_*", "h_*->f0", "h_*->f1", "*", "none_*", "k*", "w_*->f0", "h_*")
		},
		"fixed": func(g *Generator) string { return pick(g, "nosort", "", "#", "x\x00*") },
		"get": func(g *Generator) string {
			return pick(g, "#", "w_*", "w_*", "h_*->f0", "h_*->f1", "h_*->", "*", "k*", "w_1", "h_*", "w_*->f0", "->*", "w_\x00*", "")
		},
		"n": func(g *Generator) string {
			if g.rand.IntN(12) == 0 {
				return pick(g, "9223372036854775807", "-9223372036854775808", "9223372036854775808", "x", "", "1.0", "100000")
			}
			return strconv.Itoa(g.rand.IntN(14) - 2)
		},
	}
}

func isSort(args []string) bool { return is("sort", "sort_ro")(args) }

// isUnorderedSort reports whether a SORT may return what has no order: its source need not be a list or sorted set, and is not sorted.
func isUnorderedSort(args []string) bool {
	if !isSort(args) || len(args) < 2 || hasWord(args, "store") ||
		strings.HasPrefix(args[1], sortListKey) || strings.HasPrefix(args[1], sortZSetKey) {
		return false
	}
	for i := 2; i+1 < len(args); i++ {
		by, _, _ := strings.Cut(args[i+1], "\x00")
		if strings.EqualFold(args[i], "by") && !strings.Contains(by, "*") {
			return true
		}
	}
	return false
}

// isUntoldSort reports whether a SORT may return or store what has no order, or a part of it. The forms draw none, but damaged ones may be.
func isUntoldSort(args []string) bool {
	if !isSort(args) || len(args) < 2 {
		return false
	}
	hasTies := hasWord(args, "alpha") && (hasWord(args, "by") || !hasWord(args, "store"))
	return isUnorderedSort(args) && hasWord(args, "limit") ||
		hasTies && !strings.HasPrefix(args[1], sortListKey) && (hasWord(args, "by") || !isOwnSource(args[1]))
}

// isOwnSource reports whether a key is one of the sources, none of whose elements has a NUL.
func isOwnSource(key string) bool {
	return strings.HasPrefix(key, sortListKey) || strings.HasPrefix(key, sortSetKey) || strings.HasPrefix(key, sortZSetKey)
}

func hasWord(args []string, word string) bool {
	return slices.ContainsFunc(args, func(arg string) bool { return strings.EqualFold(arg, word) })
}

// withClearErrno puts before every SORT one that makes its source large and sorts nothing, and a command that adds nothing, but reads a
// number well.
func withClearErrno(commands [][]string) (all [][]string) {
	if !slices.ContainsFunc(commands, isSort) {
		return commands
	}
	for _, args := range commands {
		if isSort(args) && len(args) > 1 {
			all = append(all, []string{"SORT_RO", args[1], "BY", "nosort", "LIMIT", "0", "0"}, []string{"ZADD", "nokey", "XX", "0", "member"})
		}
		all = append(all, args)
	}
	return all
}
