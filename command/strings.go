// strings.go: strings.
package command

import (
	"respite/shards"
)

func stringRows() []Row {
	return []Row{
		{Name: "get", Arity: 2, Flags: ReadOnly | Fast, Keys: keys(RO|Access, 1, 1, 1), Run: get,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns the string at a key."},
		{Name: "set", Arity: -3, Flags: Write | DenyOOM, Keys: keys(RW|Access|Update|VariableFlags, 1, 1, 1), Run: set,
			Since: "1.0.0", Cost: "O(1)", Doc: "Sets a key to a string, whatever it held before."},
	}
}

func get(c *Call) error {
	it, ok, err := c.StringItem(c.Args[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Null()
		return nil
	}
	c.ReplyString(it)
	return nil
}

func set(c *Call) error {
	slot := c.Tx.Write(c.Args[1])
	c.PutString(&slot, c.Args[2])
	slot.Persist()
	c.Tx.Changed(c.Args[1], shards.EventSet)
	c.Reply.OK()
	return nil
}
