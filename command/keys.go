// keys.go: commands about keys, whatever they hold.
package command

import "respite/shards"

func keysRows() []Row {
	return []Row{
		{Name: "del", Arity: -2, Flags: Write | Keyspace, Keys: keys(RM|Delete, 1, -1, 1), Split: SplitSum, Run: del,
			Since: "1.0.0", Cost: "O(N) in the number of keys", Doc: "Removes keys.", Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"}},
	}
}

func del(c *Call) error {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if c.Tx.Delete(key) {
			c.Tx.Changed(key, shards.EventDel)
			n++
		}
	}
	c.Reply.Int(n)
	return nil
}
