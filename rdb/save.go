package rdb

import (
	"encoding/binary"

	"respite/text"
	"respite/value"
)

// Values to bytes. A packed collection is written as it is, in the types of version 10; a set in a listpack, which that version does not
// know, is written member by member.

// maxIntText is how long a text may be that is tried as an integer of 32 bits.
const maxIntText = 11

// The containers of a node of TypeListQuicklist2.
const (
	nodePlain  = 1
	nodePacked = 2
)

// AppendValue writes a value, its type first; lim has the size of a list's nodes. A new data type is a case here and one in
// Reader.Collection.
func AppendValue(b []byte, v value.View, lim *value.Limits) []byte {
	switch value.TypeOf(v.Kind) {
	case value.String:
		var digits value.IntText
		b = AppendString(append(b, byte(TypeString)), value.StringBytes(v.Kind, v.Bytes, digits[:0]))
	case value.List:
		b = appendList(b, v, lim)
	case value.Set:
		b = appendSet(b, v)
	case value.ZSet:
		b = appendSortedSet(b, v)
	case value.Hash:
		b = appendHash(b, v)
	case value.Stream:
		b = appendStream(b, v)
	}
	return b
}

// AppendString writes a text, as an integer where that is shorter.
func AppendString(b, s []byte) []byte {
	if len(s) <= maxIntText {
		if n, ok := text.ParseInt(s); ok {
			if out, ok := AppendInt(b, n); ok {
				return out
			}
		}
	}
	return AppendText(b, s)
}

func appendElement(b []byte, e value.Element) []byte {
	var digits value.IntText
	return AppendString(b, e.Bytes(&digits))
}

func appendPacked(b []byte, t Type, packed []byte) []byte {
	return AppendText(append(b, byte(t)), packed)
}

// appendList writes how many nodes there are in the form of 32 bits where there may be several, for that is known only afterwards.
func appendList(b []byte, v value.View, lim *value.Limits) []byte {
	l := value.ListOf(v)
	b = append(b, byte(TypeListQuicklist2))
	if value.EncodingOf(v.Kind) == value.Packed {
		return AppendText(append(b, 1, nodePacked), v.Bytes)
	}
	b = append(b, length32, 0, 0, 0, 0)
	at, nodes := len(b), uint32(0)
	l.EachNode(lim.ListMaxListpackSize, func(pack []byte) {
		b = AppendText(append(b, nodePacked), pack)
		nodes++
	})
	binary.BigEndian.PutUint32(b[at-4:], nodes)
	return b
}

func appendSet(b []byte, v value.View) []byte {
	if v.Kind == value.KindSetInts {
		return appendPacked(b, TypeSetIntset, v.Bytes)
	}
	s := value.MembersOf(v)
	b = AppendLength(append(b, byte(TypeSet)), uint64(s.Len()))
	for it := s.Iter(); it.Next(); {
		b = appendElement(b, it.Element())
	}
	return b
}

func appendHash(b []byte, v value.View) []byte {
	switch {
	case v.Kind == value.KindHashPacked:
		return appendPacked(b, TypeHashListpack, v.Bytes)
	case value.IsTimed(v.Kind) && value.EarliestDeadline(v) != 0:
		return appendTimedHash(b, v)
	}
	h := value.ViewHash(v)
	b = AppendLength(append(b, byte(TypeHash)), uint64(h.Len()))
	h.Each(func(field, val value.Element) bool {
		b = appendElement(appendElement(b, field), val)
		return true
	})
	return b
}

// appendTimedHash writes a hash some of whose fields have deadlines. Those of a large one are written as distances from the earliest, plus 1.
func appendTimedHash(b []byte, v value.View) []byte {
	earliest := value.EarliestDeadline(v)
	if v.Kind == value.KindHashPackedTimed {
		b = binary.LittleEndian.AppendUint64(append(b, byte(TypeHashTimedListpack)), uint64(earliest))
		return AppendText(b, value.TimedListpack(v))
	}
	h := value.ViewHash(v)
	b = binary.LittleEndian.AppendUint64(append(b, byte(TypeHashTimed)), uint64(earliest))
	b = AppendLength(b, uint64(h.Len()))
	h.EachTimed(func(field, val value.Element, ms int64) {
		if ms != 0 {
			ms = ms - earliest + 1
		}
		b = appendElement(appendElement(AppendLength(b, uint64(ms)), field), val)
	})
	return b
}

// appendSortedSet writes the members of a large one from the last to the first, as Redis does, whose list grows fastest at its beginning.
func appendSortedSet(b []byte, v value.View) []byte {
	if value.EncodingOf(v.Kind) == value.Packed {
		return appendPacked(b, TypeZsetListpack, v.Bytes)
	}
	s := value.OpenSortedSet(v)
	n := s.Len()
	b = AppendLength(append(b, byte(TypeZset2)), uint64(n))
	s.Walk(value.Walk{From: n - 1, N: n, Reverse: true, Scores: true}, func(member value.Element, score float64) bool {
		b = AppendDouble(appendElement(b, member), score)
		return true
	})
	return b
}
