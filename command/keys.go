// keys.go: commands about keys, whatever they hold: their rows, and those that count, name or delete keys. The others
// of the family are in keys_rename.go, keys_scan.go, keys_object.go and keys_databases.go; deadlines are in keys_expire.go.
//
// Commands that ask about a key (EXISTS, TYPE, TTL, OBJECT) go through Tx.Look: they count as hits or misses, but do
// not make the key look used.

package command

import (
	"slices"

	"respite/shards"
)

func keysRows() []Row {
	return slices.Concat(countingRows(), renameRows(), expireRows(), scanRows(), objectRows(), databaseRows(), dumpRows(), sortRows(), waitRows(),
		migrateRows())
}

// sumOverShards are the tips of commands whose parts, one a shard, add up.
func sumOverShards() []string {
	return []string{"request_policy:multi_shard", "response_policy:agg_sum"}
}

func countingRows() []Row {
	return []Row{
		{
			Name: "del", Arity: -2, Flags: Write | Keyspace, Keys: keys(RM|Delete, 1, -1, 1), Split: SplitSum, Run: del,
			Since: "1.0.0", Cost: "O(N) in the number of keys", Doc: "Removes keys.", Tips: sumOverShards(),
		},
		{
			Name: "unlink", Arity: -2, Flags: Write | Fast | Keyspace, Keys: keys(RM|Delete, 1, -1, 1), Split: SplitSum, Run: del,
			Since: "4.0.0", Cost: "O(N) in the number of keys", Doc: "Removes keys; what they held is freed later.",
			Tips: sumOverShards(),
		},
		{
			Name: "exists", Arity: -2, Flags: ReadOnly | Fast | Keyspace, Keys: keys(RO, 1, -1, 1), Split: SplitSum, Run: exists,
			Since: "1.0.0", Cost: "O(N) in the number of keys", Doc: "Counts the keys that are there.", Tips: sumOverShards(),
		},
		{
			Name: "touch", Arity: -2, Flags: ReadOnly | Fast | Keyspace, Keys: keys(RO, 1, -1, 1), Split: SplitSum, Run: touch,
			Since: "3.2.1", Cost: "O(N) in the number of keys", Doc: "Counts the keys that are there and marks them as used.",
			Tips: sumOverShards(),
		},
		{
			Name: "type", Arity: 2, Flags: ReadOnly | Fast | Keyspace, Keys: keys(RO, 1, 1, 1), Run: typeOf,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns the type of what a key holds.",
		},
	}
}

// del is DEL and UNLINK: no removal here costs more than a few blocks, so there is nothing to put off.
func del(c *Call) error {
	return countKeys(c, func(key []byte) bool {
		if !c.Tx.Delete(key) {
			return false
		}
		c.Tx.Changed(key, shards.EventDel)
		return true
	})
}

func exists(c *Call) error {
	return countKeys(c, func(key []byte) bool {
		_, ok := c.Tx.Look(key)
		return ok
	})
}

func touch(c *Call) error { return countKeys(c, c.Tx.Touch) }

// countKeys answers for how many of the arguments yes says yes; a key that is given twice is asked about twice.
func countKeys(c *Call, yes func(key []byte) bool) error {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if yes(key) {
			n++
		}
	}
	c.Reply.Int(n)
	return nil
}

// noType is what TYPE says of a key that is not there.
const noType = "none"

func typeOf(c *Call) error {
	it, ok := c.Tx.Look(c.Args[1])
	if !ok {
		c.Reply.Simple(noType)
		return nil
	}
	c.Reply.Simple(it.Type().String())
	return nil
}
