package rdb

import (
	"encoding/binary"
	"math"

	"respite/value"
)

// Bytes to values. Every type has one function; it makes the collection in a draft, in the encoding that Redis would give it when it
// loads the same bytes under the same limits. What Redis checks only under sanitize-dump-payload is always checked.

// Type reads which type of value follows.
func (r *Reader) Type() (Type, error) {
	b, err := r.Byte()
	return Type(b), err
}

// Collection reads a value of any type but a string, which Text reads, into a draft that has begun. After an error, which wraps
// ErrCorrupt, the draft is to be discarded. A new data type is a case here and one in AppendValue.
func (r *Reader) Collection(t Type, d *value.Draft, lim *value.Limits) error {
	switch t {
	case TypeList, TypeListZiplist, TypeListQuicklist, TypeListQuicklist2:
		return r.anyList(t, d, lim)
	case TypeSet:
		return r.set(d, lim)
	case TypeHash, TypeHashZipmap, TypeHashTimed, TypeHashTimedRC, TypeHashTimedListpack, TypeHashTimedListpackRC:
		return r.anyHash(t, d, lim)
	case TypeZset:
		return r.sortedSet(d, lim, leastOldScored, (*Reader).OldDouble)
	case TypeZset2:
		return r.sortedSet(d, lim, leastScored, (*Reader).Double)
	case TypeSetIntset:
		return r.packed(d, lim, value.AdoptIntset)
	case TypeSetListpack:
		return r.packed(d, lim, value.AdoptSet)
	case TypeHashListpack:
		return r.packed(d, lim, value.AdoptHash)
	case TypeZsetListpack:
		return r.packed(d, lim, value.AdoptSortedSet)
	case TypeHashZiplist:
		return r.ziplist(d, lim, value.AdoptHash)
	case TypeZsetZiplist:
		return r.ziplist(d, lim, value.AdoptSortedSet)
	case TypeStreamListpacks, TypeStreamListpacks2, TypeStreamListpacks3:
		return r.stream(t, d)
	}
	return corrupt("type %d of a value", t)
}

// How many bytes an element takes at least.
const (
	leastText      = 1
	leastPair      = 2
	leastTimed     = 3
	leastOldScored = 2
	leastScored    = leastText + 8
)

// elements reads the number of elements of a collection, which is not 0.
func (r *Reader) elements(least int) (int, error) {
	n, err := r.Count(least)
	if err == nil && n == 0 {
		return 0, corrupt("empty collection")
	}
	return n, err
}

// unsound makes an error about the contents of a value one that wraps ErrCorrupt.
func unsound(err error) error {
	if err == nil {
		return nil
	}
	return corrupt("%v", err)
}

// adopt is one of package value's functions that take a packed collection as it is.
type adopt func(c value.Cell, lim *value.Limits, packed []byte) error

func (r *Reader) packed(d *value.Draft, lim *value.Limits, as adopt) error {
	b, err := r.Text()
	if err != nil {
		return err
	}
	return unsound(as(d, lim, b))
}

func (r *Reader) ziplist(d *value.Draft, lim *value.Limits, as adopt) error {
	pack, err := r.repacked()
	if err != nil {
		return err
	}
	return unsound(as(d, lim, pack))
}

// repacked reads a ziplist as the listpack of its elements.
func (r *Reader) repacked() ([]byte, error) {
	b, err := r.Text()
	if err != nil {
		return nil, err
	}
	pack := value.Buffer{B: value.EmptyListpack()}
	err = eachZiplist(b, func(elem []byte) error {
		value.ListpackInsert(&pack, value.ListpackEnd, elem)
		return nil
	})
	return pack.B, err
}

// anyList reads a list of one of four types.
func (r *Reader) anyList(t Type, d *value.Draft, lim *value.Limits) (err error) {
	l := value.NewList(d, lim.ListMaxListpackSize)
	switch t {
	case TypeList:
		err = r.each(l, (*Reader).listElement)
	case TypeListZiplist:
		err = r.listZiplist(l)
	case TypeListQuicklist:
		err = r.each(l, (*Reader).ziplistNode)
	default:
		err = r.each(l, (*Reader).listpackNode)
	}
	if err == nil && l.Done() == 0 {
		return corrupt("empty list")
	}
	return err
}

// each reads as many parts of a list as are said to be there.
func (r *Reader) each(l *value.ListBuilder, part func(*Reader, *value.ListBuilder) error) error {
	n, err := r.elements(leastText)
	for i := 0; i < n && err == nil; i++ {
		err = part(r, l)
	}
	return err
}

func (r *Reader) listElement(l *value.ListBuilder) error {
	elem, err := r.Text()
	if err == nil {
		l.Add(elem)
	}
	return err
}

func (r *Reader) listZiplist(l *value.ListBuilder) error {
	b, err := r.Text()
	if err != nil {
		return err
	}
	return eachZiplist(b, func(elem []byte) error { l.Add(elem); return nil })
}

func (r *Reader) ziplistNode(l *value.ListBuilder) error {
	pack, err := r.repacked()
	if err != nil {
		return err
	}
	return unsound(l.AddNode(pack))
}

func (r *Reader) listpackNode(l *value.ListBuilder) error {
	container, err := r.Length()
	if err != nil {
		return err
	}
	b, err := r.Text()
	switch {
	case err != nil:
		return err
	case container == nodePacked:
		return unsound(l.AddNode(b))
	case container == nodePlain:
		l.AddPlain(b)
		return nil
	}
	return corrupt("container %d of a list's node", container)
}

func (r *Reader) set(d *value.Draft, lim *value.Limits) error {
	n, err := r.elements(leastText)
	if err != nil {
		return err
	}
	begin := value.Ints
	if int64(n) > lim.SetMaxIntsetEntries {
		begin = value.HashTable
	}
	s := value.NewSet(d, d.View().Nodes, lim, begin)
	defer s.Save()
	for range n {
		member, err := r.Text()
		if err != nil {
			return err
		}
		if !s.Add(member) {
			return corrupt("member is there twice")
		}
	}
	return nil
}

// anyHash reads a hash of one of the types that are not a listpack alone.
func (r *Reader) anyHash(t Type, d *value.Draft, lim *value.Limits) error {
	switch t {
	case TypeHash:
		return r.hash(d, lim)
	case TypeHashZipmap:
		return r.hashZipmap(d, lim)
	case TypeHashTimed, TypeHashTimedRC:
		return r.hashTimed(t, d, lim)
	}
	return r.hashTimedListpack(t, d, lim)
}

func (r *Reader) hash(d *value.Draft, lim *value.Limits) error {
	n, err := r.elements(leastPair)
	if err != nil {
		return err
	}
	d.Put(value.KindHashPacked, value.EmptyListpack())
	h := value.OpenHash(d, lim)
	h.ExpectFields(n)
	for range n {
		field, err := r.Text()
		if err != nil {
			return err
		}
		val, err := r.Text()
		if err != nil {
			return err
		}
		if !h.Set(field, val) {
			return corrupt("field is there twice")
		}
	}
	return nil
}

// hashTimed reads fields and values, each with its deadline before it: as the distance from one that is said first, plus 1, or as it is
// in the older type; 0 is none.
func (r *Reader) hashTimed(t Type, d *value.Draft, lim *value.Limits) (err error) {
	earliest := int64(1)
	if t == TypeHashTimed {
		if earliest, err = r.fieldDeadline(); err != nil {
			return err
		}
	}
	n, err := r.elements(leastTimed)
	if err != nil {
		return err
	}
	d.Put(value.KindHashPacked, value.EmptyListpack())
	h := value.OpenHash(d, lim)
	h.ExpectFields(n)
	for range n {
		if err := r.timedField(&h, earliest); err != nil {
			return err
		}
	}
	return nil
}

// fieldDeadline reads the earliest deadline of a hash, in 8 bytes. What is 1 above the latest there can be says that there is none.
func (r *Reader) fieldDeadline() (ms int64, err error) {
	b, err := r.Bytes(8)
	if err != nil {
		return 0, err
	}
	if ms = int64(binary.LittleEndian.Uint64(b)); ms < 0 || ms > value.MaxFieldDeadline+1 {
		return 0, corrupt("earliest deadline %d", ms)
	}
	return ms, nil
}

// timedField reads one field of hashTimed.
func (r *Reader) timedField(h *value.HashCell, earliest int64) error {
	distance, err := r.Length()
	if err != nil {
		return err
	}
	field, err := r.Text()
	if err != nil {
		return err
	}
	val, err := r.Text()
	switch {
	case err != nil:
		return err
	case !h.Set(field, val):
		return corrupt("field is there twice")
	case distance == 0:
		return nil
	}
	if distance > value.MaxFieldDeadline+1 {
		return corrupt("deadline of %d", distance)
	}
	ms := earliest + int64(distance) - 1
	if ms < 1 || ms > value.MaxFieldDeadline {
		return corrupt("deadline %d", ms)
	}
	h.SetDeadline(field, ms)
	return nil
}

// hashTimedListpack reads fields, values and deadlines in a listpack. What it says of the earliest deadline is in the listpack, too.
func (r *Reader) hashTimedListpack(t Type, d *value.Draft, lim *value.Limits) error {
	if t == TypeHashTimedListpack {
		if _, err := r.fieldDeadline(); err != nil {
			return err
		}
	}
	return r.packed(d, lim, value.AdoptTimedHash)
}

func (r *Reader) hashZipmap(d *value.Draft, lim *value.Limits) error {
	b, err := r.Text()
	if err != nil {
		return err
	}
	d.Put(value.KindHashPacked, value.EmptyListpack())
	h := value.OpenHash(d, lim)
	err = eachZipmap(b, func(field, val []byte) error {
		if !h.Set(field, val) {
			return corrupt("field is there twice")
		}
		return nil
	})
	if err == nil && h.Len() == 0 {
		return corrupt("empty hash")
	}
	return err
}

// sortedSet reads members and scores in any order; score reads one.
func (r *Reader) sortedSet(d *value.Draft, lim *value.Limits, least int, score func(*Reader) (float64, error)) error {
	n, err := r.elements(least)
	if err != nil {
		return err
	}
	members := make([]value.ScoredMember, 0, n)
	seen := value.NewSeen(func(i int) []byte { return members[i].Member })
	for i := range n {
		m := value.ScoredMember{}
		if m.Member, err = r.Text(); err != nil {
			return err
		}
		if m.Score, err = score(r); err != nil {
			return err
		}
		if math.IsNaN(m.Score) || !seen.Add(m.Member, i) {
			return corrupt("member %d is there twice or has no score", i)
		}
		members = append(members, m)
	}
	value.SortMembers(members)
	value.PutSortedSet(d, lim, members)
	return nil
}
