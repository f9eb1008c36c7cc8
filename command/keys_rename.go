// keys_rename.go: commands that give a value another key, or another database: RENAME, RENAMENX, COPY, MOVE. What a key
// holds goes along with its deadline. A key in another database is on the same shard (routing does not know databases),
// so these commands hold no more shards than their keys need.

package command

import (
	"math"

	"respite/shards"
)

func renameRows() []Row {
	one := func(flags KeyFlags, at int) KeySpec { return keys(flags, at, at, 1)[0] }
	return []Row{
		{
			Name: "rename", Arity: 3, Flags: Write | Keyspace, Run: rename,
			Keys:  []KeySpec{one(RW|Access|Delete, 1), one(OW|Update, 2)},
			Since: "1.0.0", Cost: "O(1)", Doc: "Gives a key a new name; whatever had that name is gone.",
		},
		{
			Name: "renamenx", Arity: 3, Flags: Write | Fast | Keyspace, Run: renamenx,
			Keys:  []KeySpec{one(RW|Access|Delete, 1), one(OW|Insert, 2)},
			Since: "1.0.0", Cost: "O(1)", Doc: "Gives a key a new name unless that is taken.",
		},
		{
			Name: "copy", Arity: -3, Flags: Write | DenyOOM | Keyspace, Run: copyKey,
			Keys:  []KeySpec{one(RO|Access, 1), one(OW|Update, 2)},
			Since: "6.2.0", Cost: "O(N) in the size of the value", Doc: "Copies what a key holds to another key.",
		},
		{
			Name: "move", Arity: 3, Flags: Write | Fast | Keyspace, Run: move,
			Keys:  keys(RW|Access|Update, 1, 1, 1),
			Since: "1.0.0", Cost: "O(1)", Doc: "Moves a key to another database unless it is there already.",
		},
	}
}

func rename(c *Call) error {
	from, to := c.Args[1], c.Args[2]
	if _, ok := c.Tx.Peek(from); !ok {
		return errNoKey
	}
	if string(from) != string(to) {
		renameTo(c.Tx, from, to)
	}
	c.Reply.OK()
	return nil
}

func renamenx(c *Call) error {
	from, to := c.Args[1], c.Args[2]
	if _, ok := c.Tx.Peek(from); !ok {
		return errNoKey
	}
	if _, taken := c.Tx.Peek(to); taken {
		c.Reply.Int(0)
		return nil
	}
	renameTo(c.Tx, from, to)
	c.Reply.Int(1)
	return nil
}

// renameTo renames a key, which is there: one change, though two keys tell of it.
func renameTo(tx *shards.Tx, from, to []byte) {
	tx.Rename(from, to)
	tx.Changed(from, shards.EventRenameFrom)
	tx.Also(to, shards.EventRenameTo)
}

// copyOptions are what follows the keys of COPY.
type copyOptions struct {
	db      int
	replace bool
}

func parseCopyOptions(c *Call) (o copyOptions, err error) {
	o.db = c.Tx.DB()
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Option(i, "replace"):
			o.replace = true
		case c.Option(i, "db") && i+1 < len(c.Args):
			i++
			if o.db, err = databaseArg(c, i); err != nil {
				return o, err
			}
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

func copyKey(c *Call) error {
	o, err := parseCopyOptions(c)
	if err != nil {
		return err
	}
	from, to := c.Args[1], c.Args[2]
	if o.db == c.Tx.DB() && string(from) == string(to) {
		return errSameObject
	}
	it, ok := c.Tx.Read(from)
	if !ok || !o.replace && existsIn(c.Tx, o.db, to) {
		c.Reply.Int(0)
		return nil
	}
	within(c.Tx, o.db, func() {
		slot := c.Tx.Write(to)
		slot.Delete() // so that what is copied is a new key
		c.Tx.Copy(it, slot)
		c.Tx.Changed(to, shards.EventCopyTo)
	})
	c.Reply.Int(1)
	return nil
}

func move(c *Call) error {
	key := c.Args[1]
	db, err := databaseArg(c, 2)
	if err != nil {
		return err
	}
	if db == c.Tx.DB() {
		return errSameObject
	}
	if _, ok := c.Tx.Peek(key); !ok || existsIn(c.Tx, db, key) {
		c.Reply.Int(0)
		return nil
	}
	moveTo(c.Tx, db, key)
	c.Reply.Int(1)
	return nil
}

// moveTo takes a key, which is there, to a database where it is not. It is one change, of
// which each database is told its own event.
func moveTo(tx *shards.Tx, db int, key []byte) {
	from := tx.Write(key)
	within(tx, db, func() {
		to := tx.Write(key)
		tx.Copy(from.Item(), to)
	})
	from.Delete()
	tx.Changed(key, shards.EventMoveFrom)
	within(tx, db, func() { tx.Also(key, shards.EventMoveTo) })
}

// within calls do with the transaction on another database.
func within(tx *shards.Tx, db int, do func()) {
	home := tx.DB()
	tx.Select(db)
	defer tx.Select(home)
	do()
}

func existsIn(tx *shards.Tx, db int, key []byte) (ok bool) {
	within(tx, db, func() { _, ok = tx.Peek(key) })
	return ok
}

// errNotInt32 is the answer to an integer that C's int does not hold.
const errNotInt32 = Error("ERR value is out of range, value must between -2147483648 and 2147483647")

// databaseArg reads argument i as the number of a database.
func databaseArg(c *Call, i int) (db int, err error) {
	n, err := c.Int(i)
	switch {
	case err != nil:
		return 0, err
	case n < math.MinInt32 || n > math.MaxInt32:
		return 0, errNotInt32
	case !isDatabase(c, n):
		return 0, errDBIndex
	}
	return int(n), nil
}

func isDatabase(c *Call, n int64) bool { return n >= 0 && n < int64(c.Server.group.Databases()) }
