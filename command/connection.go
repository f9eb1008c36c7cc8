// connection.go: the commands about the connection itself.
package command

import (
	"respite/text"
)

func connectionRows() []Row {
	return []Row{
		{Name: "ping", Arity: -1, Flags: Fast, ACL: "connection", Place: OnConnection, Run: ping,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns PONG, or its argument.", Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"}},
		{Name: "echo", Arity: 2, Flags: Loading | Stale | Fast, Place: OnConnection, Run: echo,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns its argument."},
		{Name: "select", Arity: 2, Flags: Loading | Stale | Fast, Place: OnConnection, Run: selectDB,
			Since: "1.0.0", Cost: "O(1)", Doc: "Changes the database of the connection."},
		{Name: "quit", Arity: -1, Flags: AllowBusy | NoScript | Loading | Stale | Fast | NoAuth, Place: OnConnection, Run: quit,
			Since: "1.0.0", Cost: "O(1)", Doc: "Ends the connection once its replies are sent."},
	}
}

// ping answers PONG, or its argument.
func ping(c *Call) error {
	switch len(c.Args) {
	case 1:
		c.Reply.Simple("PONG")
	case 2:
		c.Reply.Bulk(c.Args[1])
	default:
		return errArity(c.Row)
	}
	return nil
}

func echo(c *Call) error {
	c.Reply.Bulk(c.Args[1])
	return nil
}

func selectDB(c *Call) error {
	n, ok := text.ParseInt(c.Args[1])
	if !ok {
		return errNotInteger
	}
	if n < 0 || n >= int64(c.Server.group.Databases()) {
		return errDBIndex
	}
	c.Session.selectDB(int(n))
	c.Reply.OK()
	return nil
}

func quit(c *Call) error {
	c.Session.closing = true
	c.Reply.OK()
	return nil
}
