package oracle

// The generator's tables of the commands on keys of any type and on the
// connection. DUMP and DEBUG OBJECT are left out: they show how a server stores
// things. So is OBJECT REFCOUNT, whose shared integers are such a detail too.

func keysTable() Table {
	return Table{
		Name: "keys",
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
