// keys_databases.go: commands about whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB. They hold every shard, since each
// shard has a part of every database; what they do there costs the same for any number of keys.

package command

func databaseRows() []Row {
	flushTips := []string{"request_policy:all_shards", "response_policy:all_succeeded"}
	return []Row{
		{
			Name: "dbsize", Arity: 1, Flags: ReadOnly | Fast | Keyspace, Place: OnAllShards, Run: dbsize, Group: "server",
			Since: "1.0.0", Cost: "O(1)", Doc: "Counts the keys of the database.",
			Tips: []string{"request_policy:all_shards", "response_policy:agg_sum"},
		},
		{
			Name: "flushdb", Arity: -1, Flags: Write | Keyspace | Dangerous, Place: OnAllShards, Run: flushdb, Group: "server",
			Since: "1.0.0", Cost: "O(1)", Doc: "Removes all keys of the database.", Tips: flushTips,
		},
		{
			Name: "flushall", Arity: -1, Flags: Write | Keyspace | Dangerous, Place: OnAllShards, Run: flushall, Group: "server",
			Since: "1.0.0", Cost: "O(D) in the number of databases", Doc: "Removes all keys of all databases.", Tips: flushTips,
		},
		{
			Name: "swapdb", Arity: 3, Flags: Write | Fast | Keyspace | Dangerous, Place: OnAllShards, Run: swapdb, Group: "server",
			Since: "4.0.0", Cost: "O(1)", Doc: "Exchanges two databases.",
		},
	}
}

func dbsize(c *Call) error {
	n, _ := c.Tx.Len(c.Tx.DB())
	c.Reply.Int(int64(n))
	return nil
}

func flushdb(c *Call) error {
	if err := checkFlushMode(c); err != nil {
		return err
	}
	c.Tx.FlushDB(c.Tx.DB())
	c.Reply.OK()
	return nil
}

func flushall(c *Call) error {
	if err := checkFlushMode(c); err != nil {
		return err
	}
	for db := range c.Server.group.Databases() {
		c.Tx.FlushDB(db)
	}
	c.Reply.OK()
	return nil
}

// checkFlushMode allows SYNC or ASYNC, which are the same here: nothing waits for memory to be freed.
func checkFlushMode(c *Call) error {
	if len(c.Args) == 1 || len(c.Args) == 2 && (c.Option(1, "sync") || c.Option(1, "async")) {
		return nil
	}
	return errSyntax
}

// The refusals of what is no number of a database.
const (
	errFirstDB  = Error("ERR invalid first DB index")
	errSecondDB = Error("ERR invalid second DB index")
)

func swapdb(c *Call) error {
	a, err := swapArg(c, 1, errFirstDB)
	if err != nil {
		return err
	}
	b, err := swapArg(c, 2, errSecondDB)
	switch {
	case err != nil:
		return err
	case !isDatabase(c, a) || !isDatabase(c, b):
		return errDBIndex
	}
	c.Tx.SwapDB(int(a), int(b))
	c.Reply.OK()
	return nil
}

// swapArg reads argument i of SWAPDB. Its own range is checked only when both are numbers.
func swapArg(c *Call, i int, invalid error) (n int64, err error) {
	n, err = c.Int(i)
	if err != nil || int64(int32(n)) != n {
		return 0, invalid
	}
	return n, nil
}
