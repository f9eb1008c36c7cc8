// debug_reload.go: DEBUG RELOAD. There is no file to save to yet; what it shows in Redis, that every value survives being written and read, and
// in which encoding it comes back, it shows here too: each value is turned into the bytes that a file would have of it, and is read from them.

package command

import (
	"fmt"

	"respite/proto"
	"respite/rdb"
	"respite/shards"
)

// reloadChunk is how many keys are reloaded in one commit, so that the pre-images of all keys are not kept at once.
const reloadChunk = 1024

func debugReload(c *Call) error {
	home := c.Tx.DB()
	for db := range c.Server.group.Databases() {
		c.Tx.Select(db)
		if err := c.reloadDB(db); err != nil {
			c.Tx.Select(home)
			return err
		}
	}
	c.Tx.Select(home)
	c.Reply.OK()
	return nil
}

// reloadDB reloads the values of the current database. As it commits on the way, an error leaves those reloaded that came before.
func (c *Call) reloadDB(db int) error {
	var keys [][]byte
	c.Tx.Each(func(key []byte, _ shards.Item) bool {
		keys = append(keys, append([]byte(nil), key...))
		return true
	})
	var payload []byte
	for i, key := range keys {
		if i%reloadChunk == reloadChunk-1 {
			c.Tx.End()
			c.Tx.Begin(db, c.Server.group.Now())
		}
		it, ok := c.Tx.Peek(key)
		if !ok {
			continue // its deadline has passed
		}
		payload = rdb.AppendValue(payload[:0], it.View(), c.Tx.Encoding())
		if err := c.reload(key, it, payload); err != nil {
			return Error(fmt.Sprintf("ERR Error trying to load the value of '%s': %v", cString(key), err))
		}
		if len(payload) >= proto.BigArg {
			payload = nil // a text of this length stays where it is
		}
	}
	return nil
}

// reload puts the value that a payload without its footer has in the place of what a key holds.
func (c *Call) reload(key []byte, it shards.Item, payload []byte) error {
	used := it.Recency()
	c.draft.Begin(c.Tx.Nodes(key))
	defer c.draft.Discard()
	text, isText, err := c.load(payload)
	if err != nil {
		return err
	}
	slot := c.Tx.WriteFound(key, it)
	if isText {
		c.PutString(slot, text)
	} else {
		c.draft.MoveTo(slot)
	}
	slot.SetRecency(used)
	c.Tx.ChangedBy(key, shards.EventUnnamed, 0)
	return nil
}
