// server.go: the commands about the server that have no family of their own, and what those families share.

package command

import (
	"fmt"
	"slices"
)

func serverRows() []Row {
	return slices.Concat(
		commandRows(), configRows(), infoRows(), slowlogRows(), latencyRows(), memoryRows(), keysizeRows(), debugRows(), lolwutRows(), serverOwnRows(), shutdownRows(),
	)
}

func serverOwnRows() []Row {
	return []Row{
		{
			Name: "role", Arity: 1, Flags: NoScript | Loading | Stale | Fast, ACL: "admin dangerous", Place: OnConnection, Run: role,
			Since: "2.8.12", Cost: "O(1)", Doc: "Returns the server's part in replication.",
		},
		{
			Name: "time", Arity: 1, Flags: Loading | Stale | Fast, Place: OnConnection, Run: serverTime,
			Tips:  []string{"nondeterministic_output"},
			Since: "2.6.0", Cost: "O(1)", Doc: "Returns the time in seconds and microseconds.",
		},
	}
}

func serverTime(c *Call) error {
	now := c.Server.group.Now()
	c.Reply.Array(2)
	c.Reply.BulkInt(now / second)
	c.Reply.BulkInt(now % second / microsecond)
	return nil
}

// role answers for a server without replicas.
func role(c *Call) error {
	c.Reply.Array(3)
	c.Reply.BulkString("master")
	c.Reply.Int(0)
	c.Reply.Array(0)
	return nil
}

// help answers HELP of a container: how it is called, its subcommands, and HELP itself.
func (c *Call) help(lines ...string) error {
	head := upper(c.Row.Name)
	if c.Row.parent != nil {
		head = upper(c.Row.parent.Name)
	}
	c.Reply.Array(len(lines) + 3)
	c.Reply.Simple(head + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, l := range lines {
		c.Reply.Simple(l)
	}
	c.Reply.Simple("HELP")
	c.Reply.Simple("    Prints this help.")
	return nil
}

// errSubcommandArgs is the answer to a subcommand that looks at its arguments itself and cannot make sense of them.
func errSubcommandArgs(c *Call) error {
	container := c.Row
	if container.parent != nil {
		container = container.parent
	}
	return Error(fmt.Sprintf("ERR unknown subcommand or wrong number of arguments for '%s'. Try %s HELP.",
		printed(c.Args[1], maxEchoedName), upper(container.Name)))
}
