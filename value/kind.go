// Package value holds the data types: plain single-owner structures that know neither clock nor lock nor RESP.
//
// kind.go names what a key can hold. A Kind is the byte that the keyspace keeps beside every key: the type in the
// high four bits, its encoding in the low four. The names are the ones that TYPE and OBJECT ENCODING report, so a new
// data type adds its constants here and nowhere else.
package value

import "respite/keyspace"

// Type is what TYPE reports.
type Type uint8

// The types. Zero is not a type, so that an uninitialised kind shows.
const (
	String Type = iota + 1
	List
	Set
	ZSet
	Hash
	Stream
)

var typeNames = [...]string{String: "string", List: "list", Set: "set", ZSet: "zset", Hash: "hash", Stream: "stream"}

// String returns the name that TYPE reports.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// ParseType finds a type by its name in lower case; ok is false for a name that is no type.
func ParseType(name string) (t Type, ok bool) {
	for i, n := range typeNames {
		if n == name && n != "" {
			return Type(i), true
		}
	}
	return 0, false
}

// Encoding is what OBJECT ENCODING reports.
type Encoding uint8

// The encodings of a string: a 64-bit integer in 8 bytes; text that was written whole and is short; any other text. Then those of
// small collections, which are packed into the bytes of their key.
const (
	Int Encoding = iota + 1
	EmbStr
	Raw
	Packed      // a listpack
	Ints        // an intset
	PackedTimed // a listpack whose elements may have deadlines: a hash's
)

// The encodings of large collections, which own nodes. A stream has no other.
const (
	HashTable Encoding = iota + keyspace.FirstOwning
	QuickList
	SkipList
	StreamTree
	TableTimed // a hash table whose elements may have deadlines: a hash's
)

var encodingNames = [...]string{
	Int: "int", EmbStr: "embstr", Raw: "raw", Packed: "listpack", Ints: "intset",
	PackedTimed: "listpackex",
	HashTable:   "hashtable", QuickList: "quicklist", SkipList: "skiplist", StreamTree: "stream", TableTimed: "hashtable",
}

// String returns the name that OBJECT ENCODING reports.
func (e Encoding) String() string {
	if int(e) < len(encodingNames) {
		return encodingNames[e]
	}
	return "unknown"
}

// encodingBits is how many low bits of a keyspace.Kind are the encoding.
const encodingBits = 4

// MakeKind is the kind of a type in an encoding.
func MakeKind(t Type, e Encoding) keyspace.Kind { return keyspace.MakeKind(uint8(t), uint8(e)) }

// TypeOf is the type of a kind.
func TypeOf(k keyspace.Kind) Type { return Type(k.Type()) }

// EncodingOf is the encoding of a kind.
func EncodingOf(k keyspace.Kind) Encoding { return Encoding(k.Encoding()) }
