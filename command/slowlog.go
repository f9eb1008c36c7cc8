// slowlog.go: what is logged of commands that took long, and the SLOWLOG family.

package command

import (
	"respite/config"
	"respite/stats"
)

func slowlogRows() []Row {
	const flags = Admin | Loading | Stale
	return []Row{
		{Name: "slowlog", Arity: -2, Since: "2.2.12", Cost: "Depends on subcommand.", Doc: "A container for commands about the slow log.", Sub: []Row{
			{
				Name: "get", Arity: -2, Flags: flags, Place: Alone, Run: slowlogGet,
				Tips:  []string{"request_policy:all_nodes", "nondeterministic_output"},
				Since: "2.2.12", Cost: "O(N) in the number of entries returned", Doc: "Returns the latest slow commands.",
			},
			{
				Name: "help", Arity: 2, Flags: Loading | Stale, Place: OnConnection, Run: slowlogHelp,
				Since: "6.2.0", Cost: "O(1)", Doc: "Lists the subcommands.",
			},
			{
				Name: "len", Arity: 2, Flags: flags, Place: Alone, Run: slowlogLen,
				Tips:  []string{"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"},
				Since: "2.2.12", Cost: "O(1)", Doc: "Counts the entries of the slow log.",
			},
			{
				Name: "reset", Arity: 2, Flags: flags, Place: Alone, Run: slowlogReset,
				Tips:  []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
				Since: "2.2.12", Cost: "O(N) in the number of entries", Doc: "Empties the slow log.",
			},
		}},
	}
}

const (
	errSlowlogCount      = Error("ERR count should be greater than or equal to -1")
	slowlogDefault       = 10 // entries that SLOWLOG GET returns unless told otherwise
	maxSlowlogGetArgs    = 3
	slowlogEntryFields   = 6
	redacted             = "(redacted)"
	latencyFast          = "fast-command"
	latencySlow          = "command"
	helloAuthArgs        = 2 // what follows AUTH in HELLO
	firstConfigParameter = 2
	firstUserArg         = 2 // of ACL SETUSER
)

// latencyEvent is the event of LATENCY that a slow run of the command counts for.
func latencyEvent(r *Row) string {
	if r.Flags&Fast != 0 {
		return latencyFast
	}
	return latencySlow
}

// logSlow puts a command into the slow log.
func (e *Executor) logSlow(c *Call, start, micros, limit int64) {
	if c.Row.Flags&SkipSlowlog != 0 {
		return
	}
	s := c.Session
	remote, _ := s.conn.Addr()
	s.identity.Lock()
	name := s.name
	s.identity.Unlock()
	e.stats.Slow.Add(stats.SlowEntry{
		Unix: start / second, Micros: micros, Args: stats.ShortArgs(e.withoutSecrets(c)), Addr: remote, Name: name,
	}, limit)
}

// withoutSecrets is a command's arguments as others may see them.
func (e *Executor) withoutSecrets(c *Call) [][]byte {
	switch c.Row.full {
	case "config|set":
		return hide(c.Args, func(i int) bool {
			return i > firstConfigParameter && i%2 != 0 && e.sensitive(c.Args[i-1])
		})
	case "acl|setuser":
		return hide(c.Args, func(i int) bool { return i >= firstUserArg })
	case "hello":
		auth := len(c.Args)
		return hide(c.Args, func(i int) bool {
			if i < auth && c.Option(i, "auth") {
				auth = i
			}
			return i > auth && i <= auth+helloAuthArgs
		})
	case "auth":
		return hide(c.Args, func(i int) bool { return i > 0 })
	case "migrate":
		return withoutMigrateSecrets(c)
	}
	return c.whole()
}

func (e *Executor) sensitive(parameter []byte) bool {
	row, ok := e.config.Row(string(parameter))
	return ok && row.Flags.Has(config.Sensitive)
}

// hide returns arguments with those that are secret replaced.
func hide(args [][]byte, secret func(i int) bool) [][]byte {
	shown := make([][]byte, len(args))
	for i, a := range args {
		shown[i] = a
		if secret(i) {
			shown[i] = []byte(redacted)
		}
	}
	return shown
}

func slowlogGet(c *Call) error {
	count := int64(slowlogDefault)
	switch {
	case len(c.Args) > maxSlowlogGetArgs:
		return errSubcommandArgs(c)
	case len(c.Args) == maxSlowlogGetArgs:
		n, err := c.Int(2)
		if err != nil || n < -1 {
			return errSlowlogCount
		}
		count = n
	}
	entries := c.Server.stats.Slow.Newest(count)
	c.Reply.Array(len(entries))
	for i := range entries {
		c.slowEntry(&entries[i])
	}
	return nil
}

func (c *Call) slowEntry(e *stats.SlowEntry) {
	c.Reply.Array(slowlogEntryFields)
	c.Reply.Int(e.ID)
	c.Reply.Int(e.Unix)
	c.Reply.Int(e.Micros)
	c.Reply.Array(len(e.Args))
	for _, a := range e.Args {
		c.Reply.BulkString(a)
	}
	c.Reply.BulkString(e.Addr)
	c.Reply.BulkString(e.Name)
}

func slowlogLen(c *Call) error {
	c.Reply.Int(int64(c.Server.stats.Slow.Len()))
	return nil
}

func slowlogReset(c *Call) error {
	c.Server.stats.Slow.Reset()
	c.Reply.OK()
	return nil
}

func slowlogHelp(c *Call) error {
	return c.help(
		"GET [<count>]", "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
		"    Entries are made of:", "    id, timestamp, time in microseconds, arguments array, client IP and port,", "    client name",
		"LEN", "    Return the length of the slowlog.",
		"RESET", "    Reset the slowlog.",
	)
}
