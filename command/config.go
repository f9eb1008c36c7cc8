// config.go: the CONFIG family. The room config decides which values are valid, and words the refusals; what follows
// from a change in the running server hangs on its appliers.

package command

import (
	"respite/config"
)

func configRows() []Row {
	const flags = Admin | NoScript | Loading | Stale
	everywhere := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	return []Row{
		{Name: "config", Arity: -2, Since: "2.0.0", Cost: "Depends on subcommand.", Doc: "A container for commands about the configuration.", Sub: []Row{
			{
				Name: "get", Arity: -3, Flags: flags, Place: OnConnection, Run: configGet,
				Since: "2.0.0", Cost: "O(N) in the number of parameters", Doc: "Returns the values of parameters.",
			},
			{
				Name: "help", Arity: 2, Flags: Loading | Stale, Place: OnConnection, Run: configHelp,
				Since: "5.0.0", Cost: "O(1)", Doc: "Lists the subcommands.",
			},
			{
				Name: "resetstat", Arity: 2, Flags: flags, Place: OnAllShards, Run: configResetStat, Tips: everywhere,
				Since: "2.0.0", Cost: "O(1)", Doc: "Zeroes the counters that INFO shows.",
			},
			{
				Name: "rewrite", Arity: 2, Flags: flags, Place: Alone, Run: configRewrite, Tips: everywhere,
				Since: "2.8.0", Cost: "O(1)", Doc: "Writes the configuration in force into its file.",
			},
			{
				Name: "set", Arity: -4, Flags: flags, Place: Alone, Run: configSet, Tips: everywhere,
				Since: "2.0.0", Cost: "O(N) in the number of parameters", Doc: "Changes parameters, all or none.",
			},
		}},
	}
}

func configGet(c *Call) error {
	patterns := make([]string, 0, len(c.Args)-2)
	for _, p := range c.Args[2:] {
		patterns = append(patterns, string(p))
	}
	found := c.Server.config.Get(patterns...)
	c.Reply.Map(len(found))
	for _, p := range found {
		c.pair(p.Name, p.Value)
	}
	return nil
}

func configSet(c *Call) error {
	if len(c.Args)%2 != 0 {
		return errSyntax
	}
	var pairs []config.Pair
	for i := 2; i < len(c.Args); i += 2 {
		pairs = append(pairs, config.Pair{Name: string(c.Args[i]), Value: string(c.Args[i+1])})
	}
	by := config.Caller{Local: c.Session.conn.Local(), Loading: c.Server.Loading()}
	if err := c.Server.config.SetBy(by, pairs...); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

func configRewrite(c *Call) error {
	if err := c.Server.config.Rewrite(); err != nil {
		return err
	}
	c.Server.log.Warn("CONFIG REWRITE executed with success")
	c.Reply.OK()
	return nil
}

func configResetStat(c *Call) error {
	c.Tx.ResetStats()
	c.Server.stats.Reset()
	c.Server.chores.reset()
	if reset := c.Server.hooks.ResetNetwork; reset != nil {
		reset()
	}
	c.Reply.OK()
	return nil
}

func configHelp(c *Call) error {
	return c.help(
		"GET <pattern>", "    Return parameters matching the glob-like <pattern> and their values.",
		"SET <directive> <value>", "    Set the configuration <directive> to <value>.",
		"RESETSTAT", "    Reset statistics reported by the INFO command.",
		"REWRITE", "    Rewrite the configuration file.",
	)
}
