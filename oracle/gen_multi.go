package oracle

// Transactions in the random differential. A block of commands of any table is put between MULTI and EXEC, with or
// without a WATCH before it; and a single command between WATCH and an empty transaction, which tells whether it has
// touched a key. Replies within an array of EXEC are compared as those of the commands that were queued (queue).

import "strings"

func multiTable() Table {
	return Table{
		Name: "multi",
		Forms: []Form{
			{1, "EXEC"},
			{1, "DISCARD"},
			{1, "UNWATCH"},
			{1, "WATCH (key)+"},
		},
		Transactions: 40,
		Watched:      15,
	}
}

const (
	mostInBlock   = 8  // commands between MULTI and EXEC
	mostWatched   = 3  // commands between WATCH and MULTI
	discardOne    = 12 // one block in so many is discarded
	watchOneBlock = 3  // one in so many watches
)

// block draws a transaction. There is no MIGRATE in it, which we refuse.
func (g *Generator) block() (commands [][]string) {
	if g.rand.IntN(watchOneBlock) == 0 {
		commands = append(commands, g.watch(1+g.rand.IntN(universe)))
		for range g.rand.IntN(mostWatched) {
			commands = append(commands, g.single())
		}
	}
	commands = append(commands, []string{"MULTI"})
	for range g.rand.IntN(mostInBlock) {
		if args := g.single(); !isFullScan(args) && !isRankOfFour(args) && !is("migrate")(args) {
			commands = append(commands, args)
		}
	}
	if g.rand.IntN(discardOne) == 0 {
		return append(commands, []string{"DISCARD"})
	}
	return append(commands, []string{"EXEC"})
}

// isRankOfFour reports whether 7.0 refuses to queue what 7.2 queues: see the rule "rank-withscore".
func isRankOfFour(args []string) bool { return is("zrank", "zrevrank")(args) && len(args) == 4 }

// watched draws a command between WATCH and a transaction that does nothing. It watches one of the command's arguments, or many keys.
func (g *Generator) watched() [][]string {
	args := g.single()
	watch := g.watch(universe)
	if n := len(args); n > 1 && g.rand.IntN(2) == 0 {
		watch = []string{"WATCH", args[1+g.rand.IntN(n-1)]}
	}
	return [][]string{watch, args, {"MULTI"}, {"EXEC"}}
}

func (g *Generator) watch(n int) []string {
	args := []string{"WATCH"}
	for range n {
		args = append(args, g.key())
	}
	return args
}

// queue is the commands that a connection has queued, as far as its replies tell.
type queue [][]string

func isQueued(reply Value) bool { return reply.Kind == '+' && reply.Text == "QUEUED" }

// follow notes a command and its reply. For an EXEC that ran, it returns what was queued.
func (q *queue) follow(args []string, reply Value) (ran [][]string) {
	if isQueued(reply) {
		*q = append(*q, args)
		return nil
	}
	if len(args) == 0 || is("watch", "unwatch")(args) {
		return nil
	}
	if is("exec")(args) && reply.Kind == '*' && len(reply.Elems) == len(*q) {
		ran = *q
	}
	if !is("multi")(args) || !strings.HasPrefix(reply.Text, "ERR") {
		*q = nil
	}
	return ran
}

// adapt is Rulebook.adapt for a reply on a connection that queues commands.
func (q *queue) adapt(rules *Rulebook, args []string, reply Value) Value {
	ran := q.follow(args, reply)
	if isQueued(reply) {
		return reply
	}
	if ran == nil {
		return rules.adapt(args, reply)
	}
	adapted := make([]Value, len(ran))
	for i, args := range ran {
		adapted[i] = rules.adapt(args, reply.Elems[i])
	}
	reply.Elems = adapted
	return reply
}

// agreeAll is agree for a reply on a connection that queues commands.
func (q *queue) agreeAll(args []string, a, b Value) bool {
	ran := q.follow(args, a)
	if ran == nil || len(b.Elems) != len(ran) {
		return agree(args, a, b)
	}
	for i, args := range ran {
		if !agree(args, a.Elems[i], b.Elems[i]) {
			return false
		}
	}
	return a.Kind == b.Kind
}
