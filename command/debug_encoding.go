// debug_encoding.go: the DEBUG subcommands about how a collection is kept.

package command

import (
	"fmt"

	"respite/value"
)

const (
	errNotTable    = Error("ERR The value stored at the specified key is not represented using an hash table")
	errNotListpack = Error("ERR Not a listpack encoded object.")
)

// debugHTStatsKey tells of what Redis keeps in a hash table. Here it is a tree, which has no size of its own and never rehashes.
func debugHTStatsKey(c *Call) error {
	it, ok := c.Tx.Peek(c.Args[2])
	if !ok {
		return errNoKey
	}
	n, v := 0, it.View()
	switch value.EncodingOf(v.Kind) {
	case value.SkipList:
		s := value.OpenSortedSet(v)
		n = s.Len()
	case value.HashTable:
		if value.TypeOf(v.Kind) == value.Hash {
			h := value.ViewHash(v)
			n = h.Len()
		} else {
			set := value.MembersOf(v)
			n = set.Len()
		}
	default:
		return errNotTable
	}
	c.Reply.Verbatim("txt", []byte(tableStats(n, n)))
	return nil
}

// debugListpack writes to the log, where Redis writes to its standard output.
func debugListpack(c *Call) error {
	it, ok := c.Tx.Peek(c.Args[2])
	switch {
	case !ok:
		return errNoKey
	case value.EncodingOf(it.Kind()) != value.Packed:
		return errNotListpack
	}
	l := value.Listpack(it.Value())
	elements := make([]string, 0, l.Len())
	for at := l.First(); at != value.ListpackEnd; at = l.Next(at) {
		elements = append(elements, fmt.Sprintf("%q", l.At(at).Append(nil)))
	}
	c.Server.log.Warn("DEBUG LISTPACK", "bytes", len(l), "entries", l.Len(), "elements", elements)
	c.Reply.Simple("Listpack structure printed on stdout")
	return nil
}
