package oracle

// Access control lists in the random differential: users with rules of all kinds, and whether they may run commands of any
// table. How 7.0 writes rules down differs from 7.2, so only their verdicts are compared.

import "strings"

func aclTable() Table {
	return Table{
		Name: "acl",
		Kinds: map[string]func(g *Generator) string{
			"acluser": (*Generator).aclUser,
			"rule":    (*Generator).aclRule,
			"aclpart": (*Generator).aclSelectorRule,
			"aclwho":  func(g *Generator) string { return pick(g, "nobody", "", "r1", "r2") },
		},
		Forms: []Form{
			{3, "ACL SETUSER acluser rule"},
			{2, "ACL SETUSER acluser (rule)+"},
			{1, "ACL DELUSER acluser"},
			{1, "ACL DELUSER (aclwho)+"},
			{1, "ACL WHOAMI"},
			{1, "ACL DRYRUN aclwho GET key"},
		},
		DryRuns: 12,
		Avoid:   isPanicOfACL,
	}
}

// aclUser draws a user; some have all rights to begin with, so that single rules take some away.
func (g *Generator) aclUser() string { return pick(g, "r1", "r2", "r3", "r4") }

// aclCommands are commands, subcommands and categories of rules.
const aclCommands = "get set mget mset del lpush rpop sadd zadd zrange hset hget xadd xread geoadd georadius sort bitfield bitop pfadd pfcount object " +
	"object|encoding object|help client client|id config config|get config|set select publish subscribe psubscribe copy rename exists touch multi exec ping auth nope " +
	"config|nope get|x config|get|x @all @read @write @string @list @set @sortedset @hash @bitmap @hyperloglog @geo @stream @keyspace @fast @slow @dangerous " +
	"@admin @connection @transaction @pubsub @blocking @nope"

func (g *Generator) aclRule() string {
	switch g.rand.IntN(10) {
	case 0:
		return pick(g, "on", "off", "nopass", ">x", "<x", ">y", "!x", "#x", "resetpass", "sanitize-payload", "clearselectors", "reset", "nonsense")
	case 1:
		parts := make([]string, 1+g.rand.IntN(4))
		for i := range parts {
			parts[i] = g.aclSelectorRule()
		}
		return "(" + strings.Join(parts, " ") + ")"
	}
	return g.aclSelectorRule()
}

func (g *Generator) aclSelectorRule() string {
	switch g.rand.IntN(6) {
	case 0:
		return pick(g, "allkeys", "resetkeys", "allchannels", "resetchannels", "allcommands", "nocommands", "~*", "&*", "+select|0", "+select|1")
	case 1, 2:
		return pick(g, "~", "%R~", "%W~", "%RW~", "%wr~", "~") + pick(g, "k*", "k4", "k5*", "k[6-9]", "{tag}*", "*", "k1?")
	case 3:
		return "&" + pick(g, "c*", "c1", "k*", "*")
	}
	sign := pick(g, "+", "+", "-")
	return sign + pick(g, strings.Fields(aclCommands)...)
}

// dryRun draws the question whether a user may run a command.
func (g *Generator) dryRun() []string {
	for {
		args := append([]string{"ACL", "DRYRUN", g.aclUser()}, g.single()...)
		if !isPanicOfACL(args) {
			return args
		}
	}
}

// isPanicOfACL reports what the oracle ends at, or where it looks at the first of several options and then uses the last, whose keys we
// look at too; and whose arity, keys or categories 7.0 has otherwise.
func isPanicOfACL(args []string) bool {
	if !is("acl")(args) || len(args) < 2 {
		return false
	}
	if !is("dryrun")(args[1:]) {
		for _, arg := range args[2:] {
			if strings.HasPrefix(arg, "%") && !strings.Contains(arg, "~") || strings.Contains(arg, "|") && strings.ContainsAny(arg, " \x00") || arg == "default" {
				return true
			}
		}
		return is("genpass", "log", "list", "getuser", "cat", "help")(args[1:])
	}
	if len(args) < 4 {
		return false
	}
	command, stores := args[3:], 0
	for _, arg := range command {
		if strings.Contains(arg, "\x00") { // 7.0 names keys up to there
			return true
		}
		if strings.EqualFold(arg, "store") || strings.EqualFold(arg, "storedist") {
			stores++
		}
	}
	return stores > 1 || isRankOfFour(command) || is("migrate", "wait")(command)
}
