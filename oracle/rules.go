package oracle

// The known differences between the target, Redis 7.2, and the oracle, redis-server
// 7.0.15. A rule turns a reply of the oracle into what the target says; everything
// that no rule names has to be equal to the byte. A run counts how often each rule
// changed a reply, and a rule that changed none in a full run is stale: remove it.
// A new rule needs a source that says that 7.2 differs; "ours differs" is none.

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"respite/text"
)

// Rule is one known difference.
type Rule struct {
	Name    string
	Why     string // what changed, and where that is documented
	Applies func(args []string) bool
	// Adapt returns the target's reply for the oracle's.
	Adapt func(args []string, oracle Value) Value
}

// Rulebook holds the rules of one run and counts how often each fired. It is not
// safe for concurrent use.
type Rulebook struct {
	rules []Rule
	fired map[string]int
}

// NewRulebook returns all rules with their counters at zero.
func NewRulebook() *Rulebook { return &Rulebook{rules: knownRules(), fired: map[string]int{}} }

// adapt turns a reply of the oracle into the target's. A nil book changes nothing.
func (b *Rulebook) adapt(args []string, oracle Value) Value {
	if b == nil {
		return oracle
	}
	reply := oracle
	for _, rule := range b.rules {
		if !rule.Applies(args) {
			continue
		}
		if adapted := rule.Adapt(args, reply); !adapted.Equal(reply) {
			b.fired[rule.Name]++
			reply = adapted
		}
	}
	return reply
}

// exempt counts a step that is marked @since 7.2. The mark is wrong if the oracle
// already replies as written. No rulebook exempts nothing.
func (b *Rulebook) exempt(s *Step, got Value, proto int) error {
	if b == nil {
		return nil
	}
	if s.matches(s.Want(proto), got) {
		return errors.New("marked @since 7.2, but the oracle already replies so: remove the mark")
	}
	b.fired[since72]++
	return nil
}

// Stale returns the names of the rules that never fired.
func (b *Rulebook) Stale() []string {
	var names []string
	for _, rule := range b.rules {
		if b.fired[rule.Name] == 0 {
			names = append(names, rule.Name)
		}
	}
	return names
}

// String says how often each rule fired, a line each.
func (b *Rulebook) String() string {
	var out strings.Builder
	for _, rule := range b.rules {
		fmt.Fprintf(&out, "rule %-24s fired %4d times: %s\n", rule.Name, b.fired[rule.Name], rule.Why)
	}
	return out.String()
}

func knownRules() []Rule {
	return []Rule{
		{
			Name:    "version",
			Why:     "HELLO, INFO and LOLWUT name the target's version (Redis 7.2.5, src/version.h)",
			Applies: is("hello", "info", "lolwut"),
			Adapt: func(_ []string, oracle Value) Value {
				return replaced(oracle, oracleVersion, targetVersion)
			},
		},
		{
			Name:    "client-lib-fields",
			Why:     "CLIENT LIST and INFO end in lib-name and lib-ver (Redis 7.2, CLIENT LIST's history)",
			Applies: isSub("client", "list", "info"),
			Adapt: func(_ []string, oracle Value) Value {
				return replaced(oracle, "\n", " lib-name= lib-ver=\n")
			},
		},
		{
			Name:    "client-help",
			Why:     "CLIENT HELP tells of SETINFO and NO-TOUCH (Redis 7.2, src/networking.c)",
			Applies: isSub("client", "help"),
			Adapt: func(_ []string, oracle Value) Value {
				oracle = inserted(oracle, "    Assign the name <name> to the current connection.",
					"SETINFO <option> <value>",
					"    Set client meta attr. Options are:",
					"    * LIB-NAME: the client lib name.",
					"    * LIB-VER: the client lib version.")
				return inserted(oracle, "    Protect current client connection from eviction.",
					"NO-TOUCH (ON|OFF)",
					"    Will not touch LRU/LFU stats when this mode is on.")
			},
		},
		{
			Name:    "noauth-hello",
			Why:     "the refusal of HELLO names its protocol argument (Redis 7.2, src/networking.c)",
			Applies: is("hello"),
			Adapt: func(_ []string, oracle Value) Value {
				return replaced(oracle, "the HELLO AUTH <user>", "the HELLO <proto> AUTH <user>")
			},
		},
		{
			Name:    "command-info",
			Why:     "tips of eleven commands, the arity of COMMAND GETKEYS and ZRANK, and noscript of blocking commands (Redis 7.2, src/commands/*.json)",
			Applies: isSub("command", "info"),
			Adapt: func(_ []string, oracle Value) Value {
				oracle.Elems = slices.Clone(oracle.Elems)
				for i, row := range oracle.Elems {
					oracle.Elems[i] = adaptInfoRow(row)
				}
				return oracle
			},
		},
		{
			Name:    "lpos-rank",
			Why:     "LPOS refuses a RANK whose opposite is no long (Redis 7.2 release notes, src/t_list.c)",
			Applies: isRankRefused,
			Adapt: func([]string, Value) Value {
				return Value{Kind: '-', Text: "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"}
			},
		},
		{
			Name:    "shortest-doubles",
			Why:     "scores have the fewest digits that read back, and no exponent up to 2^62 (Redis 7.2, pull requests 10587 and 11779)",
			Applies: func(args []string) bool { return isZSet(args) && !is("zscan")(args) },
			Adapt:   adaptScores,
		},
		{
			Name: "rank-withscore",
			Why:  "ZRANK and ZREVRANK take a third argument, which is WITHSCORE or refused (Redis 7.2, ZRANK's history)",
			Applies: func(args []string) bool {
				return is("zrank", "zrevrank")(args) && len(args) == 4 && !strings.EqualFold(args[3], "withscore")
			},
			Adapt: func(_ []string, oracle Value) Value {
				if strings.HasPrefix(oracle.Text, "ERR wrong number of arguments") {
					oracle.Text = "ERR syntax error"
				}
				return oracle
			},
		},
		{
			Name:    "xread-unbalanced",
			Why:     "the refusal of an odd list of streams names the command (Redis 7.2, src/t_stream.c)",
			Applies: is("xread", "xreadgroup"),
			Adapt: func(args []string, oracle Value) Value {
				oracle = replaced(oracle, "Unbalanced XREAD list", "Unbalanced '"+strings.ToLower(args[0])+"' list")
				if is("xreadgroup")(args) {
					oracle = replaced(oracle, "an ID or '$' must be", "an ID or '>' must be")
				}
				return oracle
			},
		},
		{
			Name:    "acl-texts",
			Why:     "refusals by access control lists name the user, or leave out what was asked for (Redis 7.2, src/acl.c)",
			Applies: func([]string) bool { return true },
			Adapt:   adaptRefusal,
		},
		{
			Name:    "acl-sanitize-payload",
			Why:     "rules of users always say sanitize-payload, where 7.0 does once they were reset or it was set (Redis 7.2, src/acl.c)",
			Applies: isSub("acl", "list", "getuser"),
			Adapt: func(args []string, oracle Value) Value {
				if is("getuser")(args[1:]) {
					return sanitized(oracle)
				}
				oracle.Elems = slices.Clone(oracle.Elems)
				for i, line := range oracle.Elems {
					oracle.Elems[i].Text = sanitizedLine(line.Text)
				}
				return oracle
			},
		},
		{
			Name:    since72,
			Why:     "what 7.0 does not know, marked @since 7.2 (Redis 7.2 release notes) or later (hash_ttl.txt); the transcript is the source",
			Applies: func([]string) bool { return false },
		},
	}
}

// deniedUser is the user as whom transcripts are refused commands: the oracle's texts do not name him.
const deniedUser = "acl1"

// adaptRefusal gives a refusal by access control lists its text of 7.2.
func adaptRefusal(args []string, oracle Value) Value {
	user := deniedUser
	if isSub("acl", "dryrun")(args) && len(args) > 2 {
		user = args[2]
	}
	for _, r := range [...][2]string{
		{"NOPERM this user has no permissions to run", "NOPERM User " + user + " has no permissions to run"},
		{"NOPERM this user has no permissions to access one of the keys used as arguments", "NOPERM No permissions to access a key"},
		{"NOPERM this user has no permissions to access one of the channels used as arguments", "NOPERM No permissions to access a channel"},
	} {
		if oracle.Kind == '-' {
			oracle.Text = strings.Replace(oracle.Text, r[0], r[1], 1)
		}
	}
	if rest, ok := strings.CutPrefix(oracle.Text, "This user has no permissions to "); ok && isSub("acl", "dryrun")(args) {
		oracle.Text = "User " + user + " has no permissions to " + rest
	}
	return oracle
}

// sanitizedLine adds what 7.2 tells of a user to a line of ACL LIST.
func sanitizedLine(line string) string {
	words := strings.Split(line, " ")
	if len(words) < 3 || strings.Contains(line, "sanitize-payload ") {
		return line
	}
	at := 3
	if len(words) > at && words[at] == "nopass" {
		at++
	}
	return strings.Join(slices.Insert(words, at, "sanitize-payload"), " ")
}

// sanitized does so in a reply of ACL GETUSER, which begins with the flags.
func sanitized(v Value) Value {
	if len(v.Elems) < 2 || slices.ContainsFunc(v.Elems[1].Elems, func(flag Value) bool { return strings.HasSuffix(flag.Text, "sanitize-payload") }) {
		return v
	}
	v.Elems = slices.Clone(v.Elems)
	v.Elems[1].Elems = append(slices.Clone(v.Elems[1].Elems), Value{Kind: '$', Text: "sanitize-payload"})
	return v
}

// setType is what TYPE says of a set.
const setType = "set"

// isSetEncoding is the rule "set-encoding", which needs both replies: Redis 7.2 has small sets that are no sets of integers as listpacks
// (release notes of 7.2, src/t_set.c), where 7.0 has hash tables. Transcripts mark it @since 7.2; the random differential allows it, but for
// keys that are no sets, whose encodings compareDatasets holds to be equal.
func isSetEncoding(args []string, target, oracle Value) bool {
	return isSub("object", "encoding")(args) && target.Text == "listpack" && oracle.Text == "hashtable"
}

const (
	since72       = "since-7.2"
	oracleVersion = "7.0.15"
	targetVersion = "7.2.5"
)

func is(names ...string) func(args []string) bool {
	return func(args []string) bool { return len(args) > 0 && slices.Contains(names, strings.ToLower(args[0])) }
}

func isSub(name string, subs ...string) func(args []string) bool {
	return func(args []string) bool {
		return is(name)(args) && len(args) > 1 && slices.Contains(subs, strings.ToLower(args[1]))
	}
}

// isRankRefused reports whether the first option of an LPOS that is refused is a RANK of the least long.
func isRankRefused(args []string) bool {
	if !is("lpos")(args) {
		return false
	}
	for i := 3; i+1 < len(args); i += 2 {
		n, err := strconv.ParseInt(args[i+1], 10, 64)
		isPlain := err == nil && strconv.FormatInt(n, 10) == args[i+1]
		switch word := strings.ToLower(args[i]); {
		case word == "rank" && isPlain && n == math.MinInt64:
			return true
		case word == "rank" && isPlain && n != 0:
		case (word == "count" || word == "maxlen") && isPlain && n >= 0:
		default:
			return false
		}
	}
	return false
}

// Positions in a row of COMMAND INFO.
const (
	infoName        = 0
	infoArity       = 1
	infoFlags       = 2
	infoCategories  = 6
	infoTips        = 7
	infoSubcommands = 9
)

// adaptInfoRow gives a row the flags and tips that it has in 7.2.
func adaptInfoRow(row Value) Value {
	if len(row.Elems) <= infoTips {
		return row
	}
	row.Elems = slices.Clone(row.Elems)
	tips := &row.Elems[infoTips]
	switch row.Elems[infoName].Text {
	case "msetnx":
		tips.Elems = nil
	case "scan":
		tips.Elems = bulks("nondeterministic_output", "request_policy:special", "response_policy:special")
	case "randomkey":
		tips.Elems = bulks("request_policy:all_shards", "response_policy:special", "nondeterministic_output")
	case "zrank", "zrevrank":
		row.Elems[infoArity] = Value{Kind: ':', Text: "-3"}
	case "command|getkeys", "command|getkeysandflags":
		row.Elems[infoArity] = Value{Kind: ':', Text: "-3"}
	case "client|setname", "config|resetstat", "config|rewrite", "acl|deluser", "acl|save", "acl|setuser":
		tips.Elems = bulks("request_policy:all_nodes", "response_policy:all_succeeded")
	case "latency|reset":
		tips.Elems = bulks("request_policy:all_nodes", "response_policy:agg_sum")
	case "blmove", "blpop", "brpop", "brpoplpush", "bzpopmin", "bzpopmax":
		flags := &row.Elems[infoFlags]
		flags.Elems = slices.DeleteFunc(slices.Clone(flags.Elems), func(v Value) bool { return v.Text == "noscript" })
	case "wait":
		flags, categories := &row.Elems[infoFlags], &row.Elems[infoCategories]
		flags.Elems = []Value{{Kind: '+', Text: "blocking"}}
		categories.Elems = slices.Insert(slices.Clone(categories.Elems), 1, Value{Kind: '+', Text: "@blocking"})
	}
	return row
}

func bulks(texts ...string) []Value {
	values := make([]Value, len(texts))
	for i, s := range texts {
		values[i] = Value{Kind: '$', Text: s}
	}
	return values
}

// inserted returns the array with lines added after the one that is given.
func inserted(v Value, after string, lines ...string) Value {
	at := slices.IndexFunc(v.Elems, func(elem Value) bool { return elem.Text == after })
	if at < 0 {
		return v
	}
	added := make([]Value, len(lines))
	for i, line := range lines {
		added[i] = Value{Kind: '+', Text: line}
	}
	v.Elems = slices.Insert(slices.Clone(v.Elems), at+1, added...)
	return v
}

// replaced returns the reply with old replaced in every payload.
func replaced(v Value, old, with string) Value {
	v.Text = strings.ReplaceAll(v.Text, old, with)
	v.Elems = slices.Clone(v.Elems)
	for i := range v.Elems {
		v.Elems[i] = replaced(v.Elems[i], old, with)
	}
	return v
}

// isZSet reports whether a command is one of sorted sets.
func isZSet(args []string) bool {
	if len(args) == 0 {
		return false
	}
	name := strings.ToLower(args[0])
	return strings.HasPrefix(name, "z") || strings.HasPrefix(name, "bz")
}

// doublePrecision is how many digits 7.0 prints a double with.
const doublePrecision = 17

// adaptScores returns the reply of a sorted set command with the scores in it as 7.2 prints them. In RESP2 they are bulks, as
// members are, and are known by their place.
func adaptScores(args []string, v Value) Value {
	every, odd, none := func(int) bool { return true }, func(i int) bool { return i%2 != 0 }, func(int) bool { return false }
	switch {
	case is("zscore", "zincrby", "zadd")(args):
		return shortestDouble(v, true)
	case is("zmscore")(args):
		return shortestDoubles(v, every)
	case is("bzpopmin", "bzpopmax")(args):
		return shortestDoubles(v, func(i int) bool { return i == 2 })
	case is("zmpop", "bzmpop")(args) && len(v.Elems) == 2:
		v.Elems = slices.Clone(v.Elems)
		pairs := slices.Clone(v.Elems[1].Elems)
		for i := range pairs {
			pairs[i] = shortestDoubles(pairs[i], odd)
		}
		v.Elems[1].Elems = pairs
		return v
	case is("zpopmin", "zpopmax")(args) || slices.ContainsFunc(args, func(arg string) bool { return strings.EqualFold(arg, "withscores") }):
		return shortestDoubles(v, odd)
	}
	return shortestDoubles(v, none)
}

// shortestDoubles returns the reply with doubles, and bulks at certain places of an aggregate, as 7.2 prints scores.
func shortestDoubles(v Value, isScore func(i int) bool) Value {
	v.Elems = slices.Clone(v.Elems)
	for i, elem := range v.Elems {
		if elem.Elems != nil {
			v.Elems[i] = shortestDoubles(elem, isScore)
			continue
		}
		v.Elems[i] = shortestDouble(elem, isScore(i))
	}
	return v
}

func shortestDouble(v Value, isScore bool) Value {
	if v.Kind != ',' && (v.Kind != '$' || !isScore) {
		return v
	}
	if f, err := strconv.ParseFloat(v.Text, 64); err == nil && v.Text == printedBy70(f) {
		v.Text = string(text.AppendFloat(nil, f))
	}
	return v
}

// printedBy70 is a double in C's %.17g, in which Go writes it but for the infinities.
func printedBy70(f float64) string {
	if math.IsInf(f, 0) {
		return ""
	}
	return strconv.FormatFloat(f, 'g', doublePrecision, 64)
}
