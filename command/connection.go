// connection.go: the commands about the connection itself, and who its client is. All of them run on the connection's
// own goroutine, which alone changes a session.

package command

import (
	"bytes"
	"math"

	"respite/acl"
	"respite/text"
)

func connectionRows() []Row {
	const open = NoScript | Loading | Stale | Fast | NoAuth | AllowBusy // what a stranger may call, at any time
	return []Row{
		{
			Name: "ping", Arity: -1, Flags: Fast | Listening, Place: OnConnection, Run: ping,
			Tips:  []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns PONG, or its argument.",
		},
		{
			Name: "echo", Arity: 2, Flags: Loading | Stale | Fast, Place: OnConnection, Run: echo,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns its argument.",
		},
		{
			Name: "select", Arity: 2, Flags: Loading | Stale | Fast, Place: OnConnection, Run: selectDB,
			Since: "1.0.0", Cost: "O(1)", Doc: "Changes the database of the connection.",
		},
		{
			Name: "auth", Arity: -2, Flags: open, Place: OnConnection, Run: auth,
			Since: "1.0.0", Cost: "O(1)", Doc: "Says who the client is, by its password.",
		},
		{
			Name: "hello", Arity: -1, Flags: open | AfterPushes, Place: OnConnection, Run: hello,
			Since: "6.0.0", Cost: "O(1)", Doc: "Introduces client and server to each other and chooses the protocol.",
		},
		{
			Name: "quit", Arity: -1, Flags: open | Unqueued | AfterPushes | Listening, Place: OnConnection, Run: quit,
			Since: "1.0.0", Cost: "O(1)", Doc: "Ends the connection once its replies are sent.",
			Deprecated: "7.2.0", Instead: "just closing the connection",
		},
		{
			Name: "reset", Arity: 1, Flags: open | Unqueued | AfterPushes | Listening, Place: OnConnection, Run: reset,
			Since: "6.2.0", Cost: "O(1)", Doc: "Makes the connection as it was when it was new.",
		},
		{
			Name: "client", Arity: -2, Sub: clientRows(),
			Since: "2.4.0", Cost: "Depends on subcommand.", Doc: "A container for commands about clients.",
		},
		{
			Name: "monitor", Arity: 1, Flags: Admin | NoScript | Loading | Stale, Place: OnConnection, Run: monitor, Group: "server",
			Since: "1.0.0", Doc: "Shows every command that the server runs from now on.",
		},
	}
}

const (
	errIntRange = Error("ERR value is out of range, value must between -2147483648 and 2147483647")
	errNoPass   = Error("ERR AUTH <password> called without any password configured for the default user. " +
		"Are you sure your configuration is correct?")
	errWrongPass = Error("WRONGPASS invalid username-password pair or user is disabled.")
)

// ping answers PONG, or its argument; in the form of a message to a client that cannot tell replies from messages.
func ping(c *Call) error {
	if len(c.Args) > 2 {
		return errArity(c.Row)
	}
	switch messages := c.Session.onlyListens(); {
	case messages:
		c.Reply.Array(2)
		c.Reply.BulkString("pong")
		c.Reply.Bulk(bytes.Join(c.Args[1:], nil))
	case len(c.Args) == 1:
		c.Reply.Simple("PONG")
	default:
		c.Reply.Bulk(c.Args[1])
	}
	return nil
}

func echo(c *Call) error {
	c.Reply.Bulk(c.Args[1])
	return nil
}

func selectDB(c *Call) error {
	n, ok := text.ParseInt(c.Args[1])
	switch {
	case !ok:
		return errNotInteger
	case n < math.MinInt32 || n > math.MaxInt32:
		return errIntRange
	case n < 0 || n >= int64(c.Server.group.Databases()):
		return errDBIndex
	}
	c.Session.selectDB(int(n))
	c.Reply.OK()
	return nil
}

const maxAuthArgs = 3

// auth takes a password for the default user, or the name of a user and a password.
func auth(c *Call) error {
	if len(c.Args) > maxAuthArgs {
		return errSyntax
	}
	user, password := []byte(acl.DefaultName), c.Args[len(c.Args)-1]
	if len(c.Args) == maxAuthArgs {
		user = c.Args[1]
	} else if c.Server.NeedsNoPassword() {
		return errNoPass
	}
	if err := c.Session.authenticate(c.Args[0], user, password); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

func quit(c *Call) error {
	c.Session.closing = true
	c.Server.stopMonitoring(c.Session) // the reply is the last that the client gets
	c.Session.stopTracking()
	c.Session.subs.UnsubscribeAll()
	c.Reply.OK()
	return nil
}

// reset takes back all that the client asked for, down to its authentication. The names of its library stay: they are
// still true.
func reset(c *Call) error {
	s := c.Session
	s.exec.stopMonitoring(s)
	s.stopTracking()
	s.discard()
	s.subs.UnsubscribeAll()
	s.conn.Listen(false)
	s.selectDB(0)
	s.setProto(c.Reply, minProto)
	s.standardUser()
	s.setReply(replyOn)
	s.setNoTouch(false)
	s.noEvict.Store(false)
	s.setName(nil)
	c.Reply.Simple("RESET")
	return nil
}
