// call.go: one command being run, as its handler sees it. A handler does not know whether a socket, a transaction or a
// script called it; it takes arguments, works through Tx and writes one reply. If it returns an error, whatever it
// wrote is cut off again and the error is the reply.

package command

import (
	"runtime"
	"strings"

	"respite/proto"
	"respite/shards"
	"respite/text"
	"respite/value"
)

// Call is one run of a command.
type Call struct {
	Args    [][]byte // the name first; valid until the reply is sent
	Reply   *proto.Reply
	Tx      *shards.Tx // nil where Place says that the command needs no data
	Row     *Row
	Session *Session  // who called
	Server  *Executor // what the command belongs to

	mayBlock bool    // the command may wait: it came by itself from a client
	waits    waitFor // what it waits for, if it does: see block.go

	tracks bool // what the command reads is remembered for its client

	loud     bool         // the reply is a push, which CLIENT REPLY does not silence
	queue    *transaction // what EXEC is to run
	held     bool         // the command is one of a transaction's, whose shards are held: it must not wait for anybody
	question question     // to the access control lists

	muted bool // what the client is not to get of the reply is not in it any more

	of *pending // the command as it came, of which this is a part or the whole; nil where it runs on the connection
	outcome
	slot    *shards.Slot  // a collection that is open for change
	set     value.SetEdit // of the set in slot, or one that is being made in draft
	draft   value.Draft
	sets    []value.Members // what readSets has read
	replied int             // elements, in replies
	ahead   int             // elements that the command is about to go over, if they are many
	began   int             // how long the reply was before
	element []byte          // an element that is moved within its list
	integer [8]byte         // an encoded integer on its way to the keyspace
	digits  [32]byte        // the text of an integer on its way out
}

// outcome is how a call ended.
type outcome struct {
	failed   bool // the reply is an error
	rejected bool // it was turned away for want of memory, and the handler did not run
}

// manyElements is over how many elements of collections, or arguments, a command may go as if it were short: some 200 microseconds.
const manyElements = 2048

// manyBytes is the same for bytes of strings that are looked at.
const manyBytes = 1 << 20

// long says that the command is about to go over n elements, so that nobody has to wait for it who needs not its shard. What
// goes over fewer costs less than that. Commands with many arguments need not say it.
func (c *Call) long(n int) {
	if n >= manyElements {
		c.Tx.Long()
		c.replied, c.ahead, c.began = 0, n, c.Reply.Len()
	}
}

// breath is after how many elements of a reply others may go on: a power of two.
const breath = 1024

// mostRoom is how many bytes room is made for at once, or as many as there are.
const mostRoom = 32 << 20

// breathe lets others have the processor: the runtime by itself takes it away after ten milliseconds only. In a long reply it
// makes room for the rest, as what has been written lets expect, so that the reply need not move as it grows.
func (c *Call) breathe() {
	runtime.Gosched()
	left := c.ahead - c.replied
	if left <= 0 {
		return
	}
	each := (c.Reply.Len()-c.began)/c.replied + 1
	soon := 2 * breath * each // elements differ
	if c.Reply.Room() < min(soon, 2*left*each) {
		most := max(mostRoom, c.Reply.Len())
		c.Reply.Grow(min(min(left, most)*each+soon, most))
	}
}

// longAfter is long for a loop that does not know how many elements are to come: it has gone over n so far.
func (c *Call) longAfter(n int64) {
	if n == manyElements {
		c.Tx.Long()
	}
}

// longBytes is long for bytes.
func (c *Call) longBytes(n int) {
	if n >= manyBytes {
		c.Tx.Long()
	}
}

// Option reports whether argument i is the given word, whatever its case; word is in lower case.
func (c *Call) Option(i int, word string) bool { return equalFold(c.Args[i], word) }

func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, ch := range b {
		if 'A' <= ch && ch <= 'Z' {
			ch += 'a' - 'A'
		}
		if ch != word[i] {
			return false
		}
	}
	return true
}

// Int reads argument i as a 64-bit integer.
func (c *Call) Int(i int) (int64, error) {
	n, ok := text.ParseInt(c.Args[i])
	if !ok {
		return 0, errNotInteger
	}
	return n, nil
}

// IntIn reads argument i as an integer of a range; out of it is refused as Redis refuses it.
func (c *Call) IntIn(i int, low, high int64) (int64, error) {
	n, err := c.Int(i)
	if err != nil {
		return 0, err
	}
	if n < low || n > high {
		return 0, errOutOfRange
	}
	return n, nil
}

// StringItem finds a string; ok is false if the key is absent.
func (c *Call) StringItem(key []byte) (it shards.Item, ok bool, err error) {
	it, ok = c.Tx.Read(key)
	if ok && it.Type() != value.String {
		return it, false, errWrongType
	}
	return it, ok, nil
}

// String reads a string; ok is false if the key is absent. The text is valid until the key is written.
func (c *Call) String(key []byte) (b []byte, ok bool, err error) {
	it, ok, err := c.StringItem(key)
	if err != nil || !ok {
		return nil, false, err
	}
	return c.text(it), true, nil
}

// text is what a string item reads as.
func (c *Call) text(it shards.Item) []byte {
	return value.StringBytes(it.Kind(), it.Value(), c.digits[:0])
}

// ReplyString answers with a string item's text, by reference if it is large.
func (c *Call) ReplyString(it shards.Item) {
	if big, ok := it.Share(); ok {
		c.Reply.Ref(big)
		return
	}
	c.Reply.Bulk(c.text(it))
}

// PutString sets a slot to a text, in the encoding that suits it.
func (c *Call) PutString(slot *shards.Slot, b []byte) {
	kind, kept := value.EncodeString(b, &c.integer)
	if len(kept) >= proto.BigArg {
		slot.PutOwned(kind, kept)
		return
	}
	slot.Put(kind, kept)
}

// PutInt sets a slot to an integer.
func (c *Call) PutInt(slot *shards.Slot, n int64) {
	slot.Put(value.KindInt, value.EncodeInt(n, &c.integer))
}

func upper(s string) string { return strings.ToUpper(s) }
