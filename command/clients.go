// clients.go: CLIENT, as far as it is about the caller itself. What it shows of others is in clients_list.go, how it
// sends them away in clients_kill.go and how it makes them wait in pause.go.

package command

import "fmt"

func clientRows() []Row {
	const flags = NoScript | Loading | Stale
	everywhere := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	return append(trackingRows(), []Row{
		{
			Name: "getname", Arity: 2, Flags: flags, Place: OnConnection, Run: clientGetName,
			Since: "2.6.9", Cost: "O(1)", Doc: "Returns the name of the connection.",
		},
		{
			Name: "help", Arity: 2, Flags: Loading | Stale, Place: OnConnection, Run: clientHelp,
			Since: "5.0.0", Cost: "O(1)", Doc: "Lists the subcommands.",
		},
		{
			Name: "id", Arity: 2, Flags: flags, Place: OnConnection, Run: clientID,
			Since: "5.0.0", Cost: "O(1)", Doc: "Returns the number of the connection.",
		},
		{
			Name: "info", Arity: 2, Flags: flags, Place: OnConnection, Run: clientInfo,
			Tips:  []string{"nondeterministic_output"},
			Since: "6.2.0", Cost: "O(1)", Doc: "Describes the connection.",
		},
		{
			Name: "kill", Arity: -3, Flags: flags | Admin, Place: Alone, Run: clientKill,
			Since: "2.4.0", Cost: "O(N) in the number of clients", Doc: "Ends connections.",
		},
		{
			Name: "list", Arity: -2, Flags: flags | Admin, Place: Alone, Run: clientList,
			Tips:  []string{"nondeterministic_output"},
			Since: "2.4.0", Cost: "O(N) in the number of clients", Doc: "Describes connections.",
		},
		{
			Name: "no-evict", Arity: 3, Flags: flags | Admin, Place: OnConnection, Run: clientNoEvict,
			Since: "7.0.0", Cost: "O(1)", Doc: "Keeps the connection when clients go for want of memory.",
		},
		{
			Name: "no-touch", Arity: 3, Flags: flags, Place: OnConnection, Run: clientNoTouch,
			Since: "7.2.0", Cost: "O(1)", Doc: "Makes the connection's reads leave the recency of keys alone.",
		},
		{
			Name: "pause", Arity: -3, Flags: flags | Admin, Place: Alone, Run: clientPause,
			Since: "3.0.0", Cost: "O(N) in the number of clients", Doc: "Makes commands wait for some time.",
		},
		{
			Name: "reply", Arity: 3, Flags: flags, Place: OnConnection, Run: clientReply,
			Since: "3.2.0", Cost: "O(1)", Doc: "Switches the connection's replies off and on.",
		},
		{
			Name: "setinfo", Arity: 4, Flags: flags, Place: OnConnection, Run: clientSetInfo, Tips: everywhere,
			Since: "7.2.0", Cost: "O(1)", Doc: "Names the library that the client uses.",
		},
		{
			Name: "setname", Arity: 3, Flags: flags, Place: OnConnection, Run: clientSetName, Tips: everywhere,
			Since: "2.6.9", Cost: "O(1)", Doc: "Names the connection.",
		},
		{
			Name: "unblock", Arity: -3, Flags: flags | Admin, Place: Alone, Run: clientUnblock,
			Since: "5.0.0", Cost: "O(log N) in the number of clients", Doc: "Ends the wait of a client.",
		},
		{
			Name: "unpause", Arity: 2, Flags: flags | Admin, Place: Alone, Run: clientUnpause,
			Since: "6.2.0", Cost: "O(N) in the number of clients that wait", Doc: "Ends a pause.",
		},
	}...)
}

const errClientName = Error("ERR Client names cannot contain spaces, newlines or special characters.")

// isPrintable reports whether a name would not break the lines of CLIENT LIST.
func isPrintable(name []byte) bool {
	for _, ch := range name {
		if ch < '!' || ch > '~' {
			return false
		}
	}
	return true
}

func clientSetName(c *Call) error {
	if !isPrintable(c.Args[2]) {
		return errClientName
	}
	c.Session.setName(c.Args[2])
	c.Reply.OK()
	return nil
}

// setName names the client; no name is an empty one.
func (s *Session) setName(name []byte) {
	s.identity.Lock()
	defer s.identity.Unlock()
	s.name = string(name)
}

func clientGetName(c *Call) error {
	s := c.Session
	s.identity.Lock()
	name := s.name
	s.identity.Unlock()
	if name == "" {
		c.Reply.Null()
		return nil
	}
	c.Reply.BulkString(name)
	return nil
}

// clientSetInfo sets what the client says of its library.
func clientSetInfo(c *Call) error {
	s := c.Session
	var field *string
	switch {
	case c.Option(2, "lib-name"):
		field = &s.libName
	case c.Option(2, "lib-ver"):
		field = &s.libVersion
	default:
		return Error(fmt.Sprintf("ERR Unrecognized option '%s'", c.Args[2]))
	}
	if !isPrintable(c.Args[3]) {
		return Error(fmt.Sprintf("ERR %s cannot contain spaces, newlines or special characters.", c.Args[2]))
	}
	s.identity.Lock()
	*field = string(c.Args[3])
	s.identity.Unlock()
	c.Reply.OK()
	return nil
}

func clientID(c *Call) error {
	c.Reply.Int(c.Session.ID)
	return nil
}

// onOff reads argument i as on or off.
func (c *Call) onOff(i int) (on bool, err error) {
	switch {
	case c.Option(i, "on"):
		return true, nil
	case c.Option(i, "off"):
		return false, nil
	}
	return false, errSyntax
}

func clientNoEvict(c *Call) error {
	on, err := c.onOff(2)
	if err != nil {
		return err
	}
	c.Session.noEvict.Store(on)
	c.Reply.OK()
	return nil
}

func clientNoTouch(c *Call) error {
	on, err := c.onOff(2)
	if err != nil {
		return err
	}
	c.Session.setNoTouch(on)
	c.Reply.OK()
	return nil
}

func (s *Session) setNoTouch(on bool) {
	s.noTouch = on
	s.show(func(v *seen) { v.noTouch = on })
}

// clientReply switches replies off, on again, or off for one command. Only switching them on is answered; SKIP means
// nothing while they are off.
func clientReply(c *Call) error {
	s := c.Session
	switch {
	case c.Option(2, "on"):
		s.setReply(replyOn)
		c.Reply.OK()
	case c.Option(2, "off"):
		s.setReply(replyOff)
	case !c.Option(2, "skip"):
		return errSyntax
	case s.reply != replyOff:
		s.reply = replySkipNext
	}
	return nil
}

func (s *Session) setReply(mode replyMode) {
	s.reply = mode
	s.show(func(v *seen) { v.replyOff = mode == replyOff })
}

// clientHelp answers Redis 7.2's text, whole.
func clientHelp(c *Call) error {
	return c.help(
		"CACHING (YES|NO)", "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
		"GETREDIR", "    Return the client ID we are redirecting to when tracking is enabled.",
		"GETNAME", "    Return the name of the current connection.",
		"ID", "    Return the ID of the current connection.",
		"INFO", "    Return information about the current client connection.",
		"KILL <ip:port>", "    Kill connection made from <ip:port>.",
		"KILL <option> <value> [<option> <value> [...]]", "    Kill connections. Options are:",
		"    * ADDR (<ip:port>|<unixsocket>:0)", "      Kill connections made from the specified address",
		"    * LADDR (<ip:port>|<unixsocket>:0)", "      Kill connections made to specified local address",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)", "      Kill connections by type.",
		"    * USER <username>", "      Kill connections authenticated by <username>.",
		"    * SKIPME (YES|NO)", "      Skip killing current connection (default: yes).",
		"LIST [options ...]", "    Return information about client connections. Options:",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)", "      Return clients of specified type.",
		"UNPAUSE", "    Stop the current client pause, resuming traffic.",
		"PAUSE <timeout> [WRITE|ALL]", "    Suspend all, or just write, clients for <timeout> milliseconds.",
		"REPLY (ON|OFF|SKIP)", "    Control the replies sent to the current connection.",
		"SETNAME <name>", "    Assign the name <name> to the current connection.",
		"SETINFO <option> <value>", "    Set client meta attr. Options are:",
		"    * LIB-NAME: the client lib name.", "    * LIB-VER: the client lib version.",
		"UNBLOCK <clientid> [TIMEOUT|ERROR]", "    Unblock the specified blocked client.",
		"TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]", "         [OPTIN] [OPTOUT] [NOLOOP]",
		"    Control server assisted client side caching.",
		"TRACKINGINFO", "    Report tracking status for the current connection.",
		"NO-EVICT (ON|OFF)", "    Protect current client connection from eviction.",
		"NO-TOUCH (ON|OFF)", "    Will not touch LRU/LFU stats when this mode is on.",
	)
}
