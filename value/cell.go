// cell.go: where a collection lives. A small one is packed into the bytes of its key; a large one is trees of nodes, and the key's bytes
// are a record of their roots. Handlers open a collection over a View to read it and over a Cell to change it, and need not know which it is.
//
// What a key's kind says is what OBJECT ENCODING answers and what the bytes are, both: listpack and intset are packed,
// the encodings from hashtable on are trees. A collection changes from packed to trees where Redis changes its encoding, and never back.

package value

import (
	"encoding/binary"
	"fmt"

	"respite/keyspace"
)

// View is a value to read. It is valid until its key is written.
type View struct {
	Kind  keyspace.Kind
	Bytes []byte
	Nodes *keyspace.Nodes // of which the value's trees are made
}

// Cell is the place of a value that is open for change: a slot of a transaction.
type Cell interface {
	View() View
	Mutable() []byte                  // the bytes, for change in place
	Resize(n int) []byte              // the bytes, made n long, for change in place
	Put(kind keyspace.Kind, v []byte) // sets kind and bytes; the nodes of a value that was there before are given up
	SetKind(kind keyspace.Kind)       // changes the kind alone, between kinds of packed values or those of values that own nodes
}

// Limits are the sizes up to which collections stay packed, by the names of the configuration.
type Limits struct {
	HashMaxListpackEntries int64
	HashMaxListpackValue   int64 // bytes, like all sizes below
	SetMaxIntsetEntries    int64
	SetMaxListpackEntries  int64
	SetMaxListpackValue    int64
	ZsetMaxListpackEntries int64
	ZsetMaxListpackValue   int64
	ListMaxListpackSize    int // entries, or -1 to -5 for 4 to 64 KiB
	StreamNodeMaxBytes     int64
	StreamNodeMaxEntries   int64
}

// Entries is how many entries the value's trees have; none of a packed collection or a string.
func (v View) Entries() (n int) {
	if !v.Kind.OwnsNodes() {
		return 0
	}
	for i := range int(v.Bytes[0]) {
		t := v.treeAt(i)
		n += t.len
	}
	return n
}

// treeAt opens the nth tree of a value that is a record of trees.
func (v View) treeAt(n int) tree { return treeIn(v.Nodes, v.Bytes, n) }

// treeIn opens the nth tree of a record.
func treeIn(nodes *keyspace.Nodes, record []byte, n int) tree {
	at := keyspace.RootsOffset + n*keyspace.RootBytes
	return tree{
		nodes: nodes,
		root:  binary.LittleEndian.Uint32(record[at:]),
		len:   int(binary.LittleEndian.Uint32(record[at+4:])),
	}
}

// save writes where a tree is now into its record.
func (t *tree) save(record []byte, n int) {
	at := keyspace.RootsOffset + n*keyspace.RootBytes
	binary.LittleEndian.PutUint32(record[at:], t.root)
	binary.LittleEndian.PutUint32(record[at+4:], uint32(t.len))
}

// newRecord is the record of n empty trees, with room for further bytes behind.
func newRecord(n, further int) []byte {
	record := make([]byte, keyspace.RootsOffset+n*keyspace.RootBytes+further)
	record[0] = byte(n)
	return record
}

// Check looks for damage that a command which failed half-way may have left in a collection. The error says what is broken.
func Check(v View) error {
	switch v.Kind {
	case kindListPacked:
		return Listpack(v.Bytes).Check()
	case kindListTree:
		t := openListTree(v)
		return t.check()
	case KindSetInts:
		return Intset(v.Bytes).Check()
	case KindSetPacked:
		return Listpack(v.Bytes).Check()
	case KindHashPacked:
		return checkHash(v.Bytes)
	case KindHashPackedTimed:
		return checkPackedTimed(v.Bytes)
	case kindZSetPacked:
		return OpenSortedSet(v).check()
	}
	if !v.Kind.OwnsNodes() {
		return nil
	}
	for i := range int(v.Bytes[0]) {
		t := v.treeAt(i)
		if err := t.check(); err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
	}
	switch TypeOf(v.Kind) {
	case Hash:
		return checkTable(v)
	case ZSet:
		return OpenSortedSet(v).check()
	case Stream:
		return checkStream(v)
	}
	return nil
}
