package oracle

// The generator's tables of the commands on keys of any type and on the
// connection. DUMP and DEBUG OBJECT are left out: they show how a server stores
// things. So is OBJECT REFCOUNT, whose shared integers are such a detail too.

func keysTable() Table {
	return Table{
		Name: "keys",
		Kinds: map[string]func(g *Generator) string{
			"replicas": func(g *Generator) string { return pick(g, "0", "0", "-1", "1", "100", "x", "9223372036854775808") },
			"patience": func(g *Generator) string { return pick(g, "1", "1", "2", "-1", "x", "") },
			"nokey":    func(*Generator) string { return "" },
		},
		Avoid: isMigrateToSomebody,
		Forms: []Form{
			{2, "DEL (key)+"},
			{1, "UNLINK (key)+"},
			{2, "EXISTS (key)+"},
			{1, "TOUCH (key)+"},
			{1, "TYPE key"},
			{2, "RENAME key key"},
			{2, "RENAMENX key key"},
			{3, "COPY key key [DB db] [REPLACE]"},
			{2, "MOVE key db"},
			{1, "SWAPDB db db"},
			{2, "EXPIRE key secs [NX|XX|GT|LT]"},
			{2, "PEXPIRE key ms [NX|XX|GT|LT]"},
			{3, "EXPIREAT key atsecs [NX|XX|GT|LT]"},
			{3, "PEXPIREAT key atms [NX|XX|GT|LT]"},
			{1, "EXPIRE key secs [NX] [XX] [GT] [LT]"},
			{1, "PEXPIREAT key atms [NX] [XX] [GT] [LT]"},
			{1, "EXPIRETIME key"},
			{2, "PEXPIRETIME key"},
			{1, "TTL key"},
			{1, "PTTL key"},
			{2, "PERSIST key"},
			{1, "KEYS pattern"},
			{1, "SCAN 0 [MATCH pattern] [COUNT int] [TYPE STRING|TYPE HASH|TYPE NOTHING]"},
			{1, "RANDOMKEY"},
			{2, "OBJECT ENCODING key"},
			{1, "OBJECT FREQ key"},
			{1, "OBJECT IDLETIME key"},
			{1, "OBJECT HELP"},
			{1, "WAIT replicas patience"},
			{1, "MIGRATE 127.0.0.1 1 key db (int|1000) [COPY] [REPLACE] [AUTH value|AUTH2 value value]"},
			{1, "MIGRATE 127.0.0.1 1 (nokey|key) db 1000 [COPY] [REPLACE] [AUTH value] KEYS (key)+"},
			{1, "FLUSHDB [ASYNC|SYNC]"},
		},
	}
}

func connectionTable() Table {
	return Table{
		Name: "connection",
		Forms: []Form{
			{3, "SELECT db"},
			{1, "PING [value]"},
			{1, "ECHO value"},
			{1, "HELLO (2|3)"},
			{1, "RESET"},
		},
	}
}

// isMigrateToSomebody reports whether damage has given MIGRATE another address than one where nobody listens.
func isMigrateToSomebody(args []string) bool {
	return is("migrate")(args) && len(args) > 2 && (args[1] != "127.0.0.1" || args[2] != "1")
}
