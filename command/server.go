// server.go: the commands about the server that have no family of their own, and what those families share.
package command

import (
	"fmt"
	"slices"
)

func serverRows() []Row {
	return slices.Concat(commandRows(), configRows(), infoRows(), slowlogRows())
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
		cut(c.Args[1], maxEchoedName), upper(container.Name)))
}
