package oracle

// The generator of the random differential: a seeded source of commands. Each data
// type has a table of its own (gen_string.go, gen_keys.go); the kinds of arguments
// that all tables share are here. What is drawn must mean the same to two servers
// whose clocks are some milliseconds apart: see the kinds of time.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Table is what a data type adds to the generator.
type Table struct {
	Name  string
	Kinds map[string]func(g *Generator) string // kinds of arguments it adds
	Forms []Form

	// Type is what TYPE says of the keys of this table, Show the command that reads a
	// whole value, Unordered whether its reply has no order where the encoding is a hash
	// table. Empty for tables that add no type.
	Type      string
	Show      func(key string) []string
	Unordered bool
	// Loose says that what Show shows has times and the like in it, which need not be
	// the same on both servers.
	Loose bool

	// Settings are arguments of CONFIG SET: names and values under which the servers are
	// compared.
	Settings []string

	// Transactions and Watched say that one draw in so many is a transaction of commands of all tables, or a single
	// command that is watched (gen_multi.go); 0: none.
	Transactions, Watched int

	// DryRuns says that one draw in so many asks whether a user may run a command of any table (gen_acl.go); 0: none.
	DryRuns int

	// Avoid reports commands that are not to be sent, for the servers differ there and
	// may: damage can make them of the forms of any table. nil avoids none.
	Avoid func(args []string) bool
}

// Form is one command. A form with a larger weight is drawn more often.
type Form struct {
	Weight int
	Args   string // in the language of grammar.go
}

// Generator draws commands. The same seed and tables draw the same stream.
type Generator struct {
	rand   *rand.Rand
	forms  []node
	picks  []int // indexes into forms, each as often as it weighs
	tables []Table
	ahead  [][]string // drawn, and to be returned next
}

const (
	universe   = 12 // distinct keys
	databases  = 3  // databases that are used
	mutateOnce = 20 // one command in so many is damaged
)

// NewGenerator compiles the tables.
func NewGenerator(seed uint64, tables ...Table) *Generator {
	g := &Generator{rand: rand.New(rand.NewPCG(seed, 0)), tables: tables}
	for _, table := range tables {
		kinds := sharedKinds()
		for name, draw := range table.Kinds {
			kinds[name] = draw
		}
		for _, form := range table.Forms {
			for range form.Weight {
				g.picks = append(g.picks, len(g.forms))
			}
			g.forms = append(g.forms, parseForm(form.Args, kinds))
		}
	}
	return g
}

// AllTables are the tables of all data types.
func AllTables() []Table {
	return []Table{
		connectionTable(), stringTable(), listTable(), setTable(), zsetTable(), geoTable(), hashTable(), bitmapTable(),
		hyperloglogTable(), streamTable(), sortTable(), keysTable(), dumpTable(), multiTable(), aclTable(),
	}
}

// Next draws a command.
func (g *Generator) Next() []string {
	for _, table := range g.tables {
		switch {
		case len(g.ahead) > 0:
		case table.Transactions > 0 && g.rand.IntN(table.Transactions) == 0:
			g.ahead = g.block()
		case table.Watched > 0 && g.rand.IntN(table.Watched) == 0:
			g.ahead = g.watched()
		case table.DryRuns > 0 && g.rand.IntN(table.DryRuns) == 0:
			g.ahead = [][]string{g.dryRun()}
		}
	}
	if len(g.ahead) == 0 {
		return g.single()
	}
	next := g.ahead[0]
	g.ahead = g.ahead[1:]
	return next
}

// single draws a command for itself.
func (g *Generator) single() []string {
	for {
		args := g.forms[g.picks[g.rand.IntN(len(g.picks))]].draw(g, nil)
		if g.rand.IntN(mutateOnce) == 0 {
			args = g.mutated(args)
		}
		if !isChance(args) && !waitsLong(args) && !g.avoids(args) {
			return args
		}
	}
}

func (g *Generator) avoids(args []string) bool {
	return slices.ContainsFunc(g.tables, func(table Table) bool { return table.Avoid != nil && table.Avoid(args) })
}

// waitsLong reports whether junk has become the time-out of a command that waits.
func waitsLong(args []string) bool {
	at := len(args) - 1
	switch {
	case is("xread", "xreadgroup")(args):
		at = 1 + slices.IndexFunc(args, func(arg string) bool { return strings.EqualFold(arg, "block") })
		if at == 0 || at == len(args) {
			return false
		}
	case is("wait")(args):
	case is("blmpop", "bzmpop")(args):
		at = min(1, at)
	case !is("blpop", "brpop", "blmove", "brpoplpush", "bzpopmin", "bzpopmax")(args):
		return false
	}
	return slices.Contains([]string{"0", "1.5", "+1", "0x10"}, args[at])
}

// mutated damages the arguments: wrong arity, options in the wrong place, junk.
func (g *Generator) mutated(args []string) []string {
	at := g.rand.IntN(len(args))
	switch g.rand.IntN(5) {
	case 0:
		return args[:max(1, len(args)-1)]
	case 1:
		return append(args, g.junk())
	case 2:
		return append(args, args[at])
	case 3:
		if at > 0 {
			args[at] = g.junk()
		}
	case 4:
		if at > 1 && !isDecimal(args[at]) && !isDecimal(args[at-1]) { // a swapped number could become a short lifetime
			args[at], args[at-1] = args[at-1], args[at]
		}
	}
	return args
}

func isDecimal(arg string) bool {
	_, err := strconv.ParseInt(arg, 10, 64)
	return err == nil
}

func (g *Generator) junk() string {
	return pick(g, "", "x", "NX", "XX", "GET", "KEEPTTL", "-1", "0", "1.5", "nan", " 1", "1 ", "+1", "0x10", "\x00", "*", string([]byte{0xff, 0xfe}))
}

// cased writes a word in upper, lower or mixed case.
func (g *Generator) cased(word string) string {
	switch g.rand.IntN(8) {
	case 0:
		return strings.ToLower(word)
	case 1:
		return word[:1] + strings.ToLower(word[1:])
	}
	return word
}

func pick[T any](g *Generator, from ...T) T { return from[g.rand.IntN(len(from))] }

func sharedKinds() map[string]kind {
	return map[string]kind{
		"key":     (*Generator).key,
		"db":      (*Generator).db,
		"value":   (*Generator).value,
		"int":     (*Generator).integer,
		"float":   (*Generator).float,
		"index":   (*Generator).index,
		"pattern": (*Generator).pattern,
		"secs":    (*Generator).secs,
		"ms":      (*Generator).millis,
		"atsecs":  (*Generator).atSecs,
		"atms":    (*Generator).atMillis,
	}
}

// key draws from a small set, so that commands meet; some names are hard to handle.
func (g *Generator) key() string {
	switch n := g.rand.IntN(universe); n {
	case 0:
		return ""
	case 1:
		return "bin\x00\r\n\xff"
	case 2:
		return "{tag}a"
	case 3:
		return "{tag}b"
	default:
		return "k" + strconv.Itoa(n)
	}
}

func (g *Generator) db() string {
	if g.rand.IntN(20) == 0 {
		return pick(g, "-1", "16", "100000000000", "9223372036854775808", "x", "1.0", "")
	}
	return strconv.Itoa(g.rand.IntN(databases))
}

func (g *Generator) value() string {
	switch g.rand.IntN(6) {
	case 0:
		return g.integer()
	case 1:
		return g.float()
	case 2:
		return g.bytes(pick(g, 0, 1, 19, 20, 21, 43, 44, 45, 63, 64, 65, 200))
	case 3:
		return pick(g, "", "0", "-0", "00", "1 ", " 1", "+1", "inf", "nan", "1e5", "0x1f", "a\x00b", "\xff\xfe", "true")
	case 4:
		return pick(g, "ohmytext", "mynewtext", "abcabc", "bca", "ohmytextohmytext")
	}
	return strconv.Itoa(g.rand.IntN(100))
}

func (g *Generator) bytes(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abc\x00\xff"[g.rand.IntN(5)]
	}
	return string(b)
}

func (g *Generator) integer() string {
	switch g.rand.IntN(4) {
	case 0:
		edges := []int64{0, -1, 1, 9999, 10000, math.MaxInt32, math.MinInt32, math.MaxUint32, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1}
		return strconv.FormatInt(pick(g, edges...), 10)
	case 1:
		return pick(g, "9223372036854775808", "-9223372036854775809", "18446744073709551616", "", "1.0", "abc", "01", "-0", "1e3")
	}
	return strconv.Itoa(g.rand.IntN(2000) - 1000)
}

func (g *Generator) float() string {
	switch g.rand.IntN(4) {
	case 0:
		return pick(g, "0", "-0", "0.1", "-0.1", "1e300", "-1e300", "1e-300", "1e4932", "1e5000", "3.0e3", "0x1p3", "1.7976931348623157e308")
	case 1:
		return pick(g, "inf", "-inf", "+inf", "nan", "", " 1", "1 ", "1,5", "1e", ".5", "5.", "--1", "infinity")
	case 2:
		return strconv.FormatFloat(g.rand.NormFloat64()*math.Pow10(g.rand.IntN(30)-10), 'g', -1, 64)
	}
	return fmt.Sprintf("%d.%0*d", g.rand.IntN(2000)-1000, 1+g.rand.IntN(12), g.rand.IntN(10))
}

// index is an offset into a string: mostly inside, sometimes at a limit. Large ones
// that Redis accepts are left out, for they would allocate 512 MB.
func (g *Generator) index() string {
	if g.rand.IntN(5) == 0 {
		return pick(g, "536870912", "2147483647", "-2147483648", "4294967296", "9223372036854775807", "-9223372036854775808",
			"9223372036854775808", "x", "", "1.0")
	}
	return strconv.Itoa(g.rand.IntN(140) - 70)
}

func (g *Generator) pattern() string {
	return pick(g, "*", "k*", "k?", "k[4-6]", "k[^4]", "{tag}*", "", "bin*", "nothing", "k[", `k\4`, "[", "*a*", "k1[01]")
}

// Times. Two servers read their own clocks, so a relative time becomes deadlines
// that differ by the lag between them. Relative times that are accepted are
// therefore drawn from a wide range, so that GT, LT and an expiry in mid-run never
// depend on the lag; absolute ones lie in a range that relative ones do not reach,
// and compare exactly (isAbsolute).
const (
	minRelative = 2_000          // seconds; no run lasts that long
	maxRelative = 1_000_000_000  // seconds
	bigRelative = 50_000_000_000 // seconds; plus up to maxRelative
	minAbsolute = 4_200_000_000  // seconds since 1970: the year 2103
	maxAbsolute = 9_000_000_000
	lagMillis   = 60_000 // what deadlines of relative times may differ by
)

// isAbsolute reports whether a deadline (ms) was given as an absolute time.
func isAbsolute(deadline int64) bool {
	return deadline >= minAbsolute*1000 && deadline <= maxAbsolute*1000
}

func (g *Generator) badTime() string {
	return pick(g, "0", "-1", "-1000", "-9223372036854775808", "9223372036854775807", "9223372036854775", "9223372036854775808", "x", "", "1.5")
}

func (g *Generator) relative() int64 {
	secs := minRelative + g.rand.Int64N(maxRelative)
	if g.rand.IntN(8) == 0 {
		secs += bigRelative
	}
	return secs
}

func (g *Generator) secs() string {
	if g.rand.IntN(6) == 0 {
		return g.badTime()
	}
	return strconv.FormatInt(g.relative(), 10)
}

func (g *Generator) millis() string {
	if g.rand.IntN(6) == 0 {
		return pick(g, "0", "-1", "-1000", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "x", "", "1.5")
	}
	return strconv.FormatInt(g.relative()*1000+g.rand.Int64N(1000), 10)
}

// absolute draws from few values, so that GT and LT meet equal deadlines as well.
func (g *Generator) absolute() int64 {
	return minAbsolute + g.rand.Int64N(8)*(maxAbsolute-minAbsolute)/8
}

func (g *Generator) atSecs() string {
	if g.rand.IntN(6) == 0 {
		return pick(g, "0", "-1", "1", "1000000000", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "x", "", "1.5")
	}
	return strconv.FormatInt(g.absolute(), 10)
}

func (g *Generator) atMillis() string {
	if g.rand.IntN(6) == 0 {
		return pick(g, "0", "-1", "1", "1000000000000", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "x", "", "1.5")
	}
	return strconv.FormatInt(g.absolute()*1000+pick(g, int64(0), 1, 499, 500, 501, 999), 10)
}
