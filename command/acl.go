// acl.go: ACL. What rules mean is the room acl's; here are its rows, replies, and what follows for clients: those whose user is deleted
// or loses channels they listen to are sent away.

package command

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"respite/acl"
	"respite/pubsub"
)

func aclRows() []Row {
	const (
		open  = NoScript | Loading | Stale
		flags = open | Admin
	)
	everywhere := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	return []Row{
		{Name: "acl", Arity: -2, Since: "6.0.0", Cost: "Depends on subcommand.", Doc: "A container for commands about users and what they may do.", Sub: []Row{
			{
				Name: "cat", Arity: -2, Flags: open, Place: OnConnection, Run: aclCat,
				Since: "6.0.0", Cost: "O(1) since the categories and commands are a fixed set.", Doc: "Lists the categories, or the commands of one.",
			},
			{
				Name: "deluser", Arity: -3, Flags: flags, Place: Alone, Run: aclDelUser, Tips: everywhere,
				Since: "6.0.0", Cost: "O(1) amortized time considering the typical user.", Doc: "Deletes users, and ends their connections.",
			},
			{
				Name: "dryrun", Arity: -4, Flags: flags, Place: OnConnection, Run: aclDryRun,
				Since: "7.0.0", Cost: "O(1).", Doc: "Tells whether a user may run a command, without running it.",
			},
			{
				Name: "genpass", Arity: -2, Flags: open, Place: OnConnection, Run: aclGenPass,
				Since: "6.0.0", Cost: "O(1)", Doc: "Makes a password that nobody can guess.",
			},
			{
				Name: "getuser", Arity: 3, Flags: flags, Place: OnConnection, Run: aclGetUser,
				Since: "6.0.0", Cost: "O(N), N rules of the user", Doc: "Returns the rules of a user.",
			},
			{
				Name: "help", Arity: 2, Flags: Loading | Stale, Place: OnConnection, Run: aclHelp,
				Since: "6.0.0", Cost: "O(1)", Doc: "Lists the subcommands.",
			},
			{
				Name: "list", Arity: 2, Flags: flags, Place: OnConnection, Run: aclList,
				Since: "6.0.0", Cost: "O(N), N users", Doc: "Returns all users as a file of users has them.",
			},
			{
				Name: "load", Arity: 2, Flags: flags, Place: Alone, Run: aclLoad,
				Since: "6.0.0", Cost: "O(N), N users", Doc: "Replaces the users by those of the file of users.",
			},
			{
				Name: "log", Arity: -2, Flags: flags, Place: OnConnection, Run: aclLog,
				Since: "6.0.0", Cost: "O(N), N entries", Doc: "Returns, or forgets, what was refused lately.",
			},
			{
				Name: "save", Arity: 2, Flags: flags, Place: Alone, Run: aclSave, Tips: everywhere,
				Since: "6.0.0", Cost: "O(N), N users", Doc: "Writes the users into the file of users.",
			},
			{
				Name: "setuser", Arity: -3, Flags: flags, Place: Alone, Run: aclSetUser, Tips: everywhere,
				Since: "6.0.0", Cost: "O(N), N rules", Doc: "Makes a user, or changes his rules.",
			},
			{
				Name: "users", Arity: 2, Flags: flags, Place: OnConnection, Run: aclUsers,
				Since: "6.0.0", Cost: "O(N), N users", Doc: "Returns the names of all users.",
			},
			{
				Name: "whoami", Arity: 2, Flags: open, Place: OnConnection, Run: aclWhoAmI,
				Since: "6.0.0", Cost: "O(1)", Doc: "Returns the name of the client's user.",
			},
		}},
	}
}

const (
	errDefaultUser = Error("ERR The 'default' user cannot be removed")
	errNoACLFile   = Error("ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER " +
		"command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis " +
		"configuration.")
	errACLSave  = Error("ERR There was an error trying to save the ACLs. Please check the server logs for more information")
	errPassBits = Error("ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096")
)

// maxACLArgs is the number of arguments of ACL CAT, GENPASS and LOG with their option.
const maxACLArgs = 3

func aclCat(c *Call) error {
	var names []string
	switch catalog := c.Server.users.Catalog(); {
	case len(c.Args) > maxACLArgs:
		return errSubcommandArgs(c)
	case len(c.Args) == maxACLArgs:
		var ok bool
		if names, ok = catalog.In(string(c.Args[2])); !ok {
			return Error(fmt.Sprintf("ERR Unknown category '%s'", printed(c.Args[2], maxEchoedName)))
		}
	default:
		names = catalog.Categories()
	}
	c.bulks(names)
	return nil
}

func (c *Call) bulks(texts []string) {
	c.Reply.Array(len(texts))
	for _, text := range texts {
		c.Reply.BulkString(text)
	}
}

// aclSetUser changes a user by rules, all or none.
func aclSetUser(c *Call) error {
	rules := make([]string, 0, len(c.Args))
	for _, arg := range c.Args[3:] {
		rules = append(rules, string(arg))
	}
	change, err := c.Server.users.Set(string(c.Args[2]), rules)
	if err != nil {
		return Error("ERR " + err.Error())
	}
	if change.LosesChannels() {
		c.sendAway(func(s *Session) bool { return s.user.Load() == change.User && s.overhears() })
	}
	c.Reply.OK()
	return nil
}

// sendAway ends clients; the caller gets his reply first.
func (c *Call) sendAway(whom func(*Session) bool) {
	for _, s := range c.Server.clients() {
		switch {
		case !whom(s):
		case s == c.Session:
			s.closing = true
		default:
			s.Kill()
		}
	}
}

// overhears reports whether the client listens to something that his user may not hear.
func (s *Session) overhears() bool {
	rules := s.user.Load().Rules()
	for _, k := range [...]pubsub.Kind{pubsub.Channels, pubsub.Patterns, pubsub.ShardChannels} {
		if s.subs.Count(k) == 0 {
			continue
		}
		for _, name := range s.subs.Names(k) {
			if !rules.AllowsChannel([]byte(name), k == pubsub.Patterns) {
				return true
			}
		}
	}
	return false
}

// aclDelUser deletes users, who then may do nothing any more, and sends their clients away.
func aclDelUser(c *Call) error {
	for _, name := range c.Args[2:] {
		if string(name) == acl.DefaultName {
			return errDefaultUser
		}
	}
	deleted := 0
	for _, name := range c.Args[2:] {
		if c.Server.users.Delete(string(name)) != nil {
			deleted++
		}
	}
	if deleted > 0 {
		c.sendAway((*Session).isNobody)
	}
	c.Reply.Int(int64(deleted))
	return nil
}

// isNobody reports whether the client's user was deleted.
func (s *Session) isNobody() bool { return s.user.Load().Gone() }

// getUserFields is the number of pairs in ACL GETUSER's reply.
const getUserFields = 6

func aclGetUser(c *Call) error {
	user := c.Server.users.Get(string(c.Args[2]))
	if user == nil {
		c.Reply.Null()
		return nil
	}
	rules, r := user.Rules(), c.Reply
	r.Map(getUserFields)
	r.BulkString("flags")
	flags := rules.Flags()
	r.Set(len(flags))
	for _, flag := range flags {
		r.BulkString(flag)
	}
	r.BulkString("passwords")
	c.bulks(rules.Passwords())
	selectors := rules.Selectors()
	c.replySelector(selectors[0])
	r.BulkString("selectors")
	r.Array(len(selectors) - 1)
	for _, s := range selectors[1:] {
		r.Map(selectorFields)
		c.replySelector(s)
	}
	return nil
}

// selectorFields is the number of pairs that describe a selector.
const selectorFields = 3

func (c *Call) replySelector(s acl.Description) {
	c.pair("commands", s.Commands)
	c.pair("keys", s.Keys)
	c.pair("channels", s.Channels)
}

func aclList(c *Call) error {
	users := c.Server.users.All()
	c.Reply.Array(len(users))
	for _, u := range users {
		c.Reply.BulkString(u.Line())
	}
	return nil
}

func aclUsers(c *Call) error {
	users := c.Server.users.All()
	c.Reply.Array(len(users))
	for _, u := range users {
		c.Reply.BulkString(u.Name())
	}
	return nil
}

func aclWhoAmI(c *Call) error {
	c.Reply.BulkString(c.Session.userName())
	return nil
}

// aclLoad replaces all users. As in Redis, the clients of all but the default user have to go, whether or not theirs has changed.
func aclLoad(c *Call) error {
	file := c.Server.config.Now().ACLFile
	if file == "" {
		return errNoACLFile
	}
	gone, err := c.Server.users.Load(file)
	if err != nil {
		return Error("ERR " + err.Error())
	}
	if len(gone) > 0 {
		c.sendAway((*Session).isNobody)
	}
	c.Reply.OK()
	return nil
}

func aclSave(c *Call) error {
	file := c.Server.config.Now().ACLFile
	if file == "" {
		return errNoACLFile
	}
	if err := c.Server.users.Save(file); err != nil {
		c.Server.log.Warn("ACL SAVE failed; the file is as it was", "file", file, "error", err)
		return errACLSave
	}
	c.Reply.OK()
	return nil
}

const (
	defaultPassBits = 256
	maxPassBits     = 4096
	hexDigitBits    = 4
)

// aclGenPass answers random bits in hexadecimal, rounded up to whole digits.
func aclGenPass(c *Call) error {
	bits := int64(defaultPassBits)
	switch {
	case len(c.Args) > maxACLArgs:
		return errSubcommandArgs(c)
	case len(c.Args) == maxACLArgs:
		var err error
		if bits, err = c.Int(2); err != nil {
			return err
		}
	}
	if bits <= 0 || bits > maxPassBits {
		return errPassBits
	}
	digits := (bits + hexDigitBits - 1) / hexDigitBits
	random := make([]byte, (digits+1)/2)
	_, _ = rand.Read(random) // it cannot fail
	c.Reply.BulkString(hex.EncodeToString(random)[:digits])
	return nil
}

// aclLog takes ACL LOG [count | RESET].
func aclLog(c *Call) error {
	const defaultCount = 10
	count := int64(defaultCount)
	switch {
	case len(c.Args) > maxACLArgs:
		return errSubcommandArgs(c)
	case len(c.Args) == maxACLArgs && c.Option(2, "reset"):
		c.Server.refusals.Reset()
		c.Reply.OK()
		return nil
	case len(c.Args) == maxACLArgs:
		var err error
		if count, err = c.Int(2); err != nil {
			return err
		}
	}
	entries, now := c.Server.refusals.Newest(count), c.Server.group.Now()/millisecond
	c.Reply.Array(len(entries))
	for i := range entries {
		c.replyRefusal(&entries[i], now)
	}
	return nil
}

// refusalFields is the number of pairs in an entry of ACL LOG.
const refusalFields = 10

// replyRefusal writes an entry; now is in unix milliseconds.
func (c *Call) replyRefusal(e *acl.Entry, now int64) {
	c.Reply.Map(refusalFields)
	c.Reply.BulkString("count")
	c.Reply.Int(e.Count)
	c.pair("reason", e.Reason.String())
	c.pair("context", e.Context)
	c.pair("object", e.Object)
	c.pair("username", e.User)
	c.Reply.BulkString("age-seconds")
	c.Reply.Double(float64(now-e.Updated) / millisPerSecond)
	c.pair("client-info", e.Client)
	c.Reply.BulkString("entry-id")
	c.Reply.Int(e.ID)
	c.Reply.BulkString("timestamp-created")
	c.Reply.Int(e.Created)
	c.Reply.BulkString("timestamp-last-updated")
	c.Reply.Int(e.Updated)
}

// aclDryRun answers OK, or why the user may not run the command.
func aclDryRun(c *Call) error {
	user, args := c.Server.users.Get(string(c.Args[2])), c.Args[3:]
	if user == nil {
		return Error(fmt.Sprintf("ERR User '%s' not found", printed(c.Args[2], len(c.Args[2]))))
	}
	row := c.Server.table.Lookup(args)
	switch {
	case row == nil, row.subs != nil && len(args) >= 2:
		return Error(fmt.Sprintf("ERR Command '%s' not found", printed(args[0], len(args[0]))))
	case !row.arityOK(len(args)):
		return errArity(row)
	}
	if r, allowed := c.question.ask(c.Server, user.Rules(), row, args); !allowed {
		c.Reply.BulkString(r.told(user, row))
		return nil
	}
	c.Reply.OK()
	return nil
}

// aclHelp answers Redis 7.2's text.
func aclHelp(c *Call) error {
	return c.help(
		"CAT [<category>]", "    List all commands that belong to <category>, or all command categories", "    when no category is specified.",
		"DELUSER <username> [<username> ...]", "    Delete a list of users.",
		"DRYRUN <username> <command> [<arg> ...]", "    Returns whether the user can execute the given command without executing the command.",
		"GETUSER <username>", "    Get the user's details.",
		"GENPASS [<bits>]", "    Generate a secure 256-bit user password. The optional `bits` argument can", "    be used to specify a different size.",
		"LIST", "    Show users details in config file format.",
		"LOAD", "    Reload users from the ACL file.",
		"LOG [<count> | RESET]", "    Show the ACL log entries.",
		"SAVE", "    Save the current config to the ACL file.",
		"SETUSER <username> <attribute> [<attribute> ...]", "    Create or modify a user with the specified attributes.",
		"USERS", "    List all the registered usernames.",
		"WHOAMI", "    Return the current connection username.",
	)
}
