// debug_reload.go: DEBUG RELOAD. There is no file to save to yet; what it shows in Redis, that every value survives being written and read, and
// in which encoding it comes back, it shows here too: each value is turned into the bytes that a file would have of it, and is read from them.

package command

import (
	"fmt"
	"time"

	"respite/proto"
	"respite/rdb"
	"respite/shards"
)

// reloadChunk is how many keys are reloaded in one commit, so that the pre-images of all keys are not kept at once.
const reloadChunk = 1024

// reloading is a DEBUG RELOAD under way. Others wait for it, as they do in Redis, until it has read as much as that reads before it looks at
// its clients; from then on they are told that the server is loading.
type reloading struct {
	*Call
	read int64 // bytes
	load *Load // nil: nobody has been told
}

func debugReload(c *Call) error {
	home, r := c.Tx.DB(), reloading{Call: c}
	defer r.end(home)
	for db := range c.Server.group.Databases() {
		c.Tx.Step(db)
		if err := r.reloadDB(db); err != nil {
			return err
		}
	}
	c.Reply.OK()
	return nil
}

func (r *reloading) end(home int) {
	r.Tx.Select(home)
	if r.load != nil {
		r.load.End()
	}
}

// passed says that a key has been read.
func (r *reloading) passed(bytes int) {
	cfg := r.Server.config.Now()
	r.read += int64(bytes)
	switch {
	case r.load != nil:
		r.load.Read(int64(bytes))
	case r.read >= cfg.LoadingEventsInterval && !r.Server.Loading():
		r.load = r.Server.BeginLoad(r.Server.group.Used())
		r.load.Read(r.read)
	}
	if cfg.KeyLoadDelay > 0 {
		time.Sleep(time.Duration(cfg.KeyLoadDelay) * time.Microsecond)
	}
}

// reloadDB reloads the values of the current database. As it commits on the way, an error leaves those reloaded that came before.
func (r *reloading) reloadDB(db int) error {
	var keys [][]byte
	r.Tx.Each(func(key []byte, _ shards.Item) bool {
		keys = append(keys, append([]byte(nil), key...))
		return true
	})
	var payload []byte
	for i, key := range keys {
		if i%reloadChunk == reloadChunk-1 {
			r.Tx.Step(db)
		}
		it, ok := r.Tx.Peek(key)
		if !ok {
			continue // its deadline has passed
		}
		payload = rdb.AppendValue(payload[:0], it.View(), r.Tx.Encoding())
		if err := r.reload(key, it, payload); err != nil {
			return Error(fmt.Sprintf("ERR Error trying to load the value of '%s': %v", cString(key), err))
		}
		r.passed(len(payload))
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
