// debug_digest.go: DEBUG DIGEST and DIGEST-VALUE, the signatures by which tests tell whether two servers, or one before and after,
// hold the same. They are Redis's to the bit: what is signed are the elements, never how they are kept, so that encodings and the order of
// what has none do not matter, and every bit of the data does.

package command

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"respite/shards"
	"respite/text"
	"respite/value"
)

// digest is a signature of a value or of all data.
type digest [sha1.Size]byte

// add takes something in whose order among its neighbours does not matter.
func (d *digest) add(b []byte) {
	for i, x := range sha1.Sum(b) {
		d[i] ^= x
	}
}

// mix takes something in that comes after all that the digest has so far.
func (d *digest) mix(b []byte) {
	d.add(b)
	*d = sha1.Sum(d[:])
}

// mixNumber is mix for a number of 32 bits.
func (d *digest) mixNumber(n int) { d.mix(binary.BigEndian.AppendUint32(nil, uint32(n))) }

func (d *digest) String() string { return hex.EncodeToString(d[:]) }

// digestTypes are the numbers of the types in a digest.
var digestTypes = map[value.Type]int{value.String: 0, value.List: 1, value.Set: 2, value.ZSet: 3, value.Hash: 4, value.Stream: 6}

// digestDeadline is what a key with a deadline has besides: not which one, for that differs by the time that a copy takes.
const digestDeadline = "!!expire!!"

// digestFieldDeadline is the same of a field of a hash (Redis 7.4, src/debug.c).
const digestFieldDeadline = "!!hexpire!!"

// sign takes in what a key holds.
func (d *digest) sign(it shards.Item) {
	d.mixNumber(digestTypes[it.Type()])
	switch v := it.View(); it.Type() {
	case value.String:
		var digits value.IntText
		d.mix(value.StringBytes(v.Kind, v.Bytes, digits[:0]))
	case value.List:
		d.signList(v)
	case value.Set:
		d.signSet(v)
	case value.ZSet:
		d.signSortedSet(v)
	case value.Hash:
		d.signHash(v)
	case value.Stream:
		d.signStream(v)
	}
	if _, timed := it.Deadline(); timed {
		d.add([]byte(digestDeadline))
	}
}

// mixElement is mix for an element of a collection.
func (d *digest) mixElement(e value.Element) {
	var digits value.IntText
	d.mix(e.Bytes(&digits))
}

func (d *digest) signList(v value.View) {
	l := value.ListOf(v)
	w := l.Walk(0, value.Right)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		d.mixElement(e)
	}
}

func (d *digest) signSet(v value.View) {
	var digits value.IntText
	s := value.MembersOf(v)
	for it := s.Iter(); it.Next(); {
		d.add(it.Element().Bytes(&digits))
	}
}

func (d *digest) signSortedSet(v value.View) {
	value.OpenSortedSet(v).Each(func(member value.Element, score float64) bool {
		var pair digest
		pair.mixElement(member)
		pair.mix(text.AppendFloat17(nil, score))
		d.add(pair[:])
		return true
	})
}

func (d *digest) signHash(v value.View) {
	h := value.ViewHash(v)
	h.EachTimed(func(field, val value.Element, deadline int64) {
		var pair digest
		pair.mixElement(field)
		pair.mixElement(val)
		if deadline != 0 {
			pair.add([]byte(digestFieldDeadline))
		}
		d.add(pair[:])
	})
}

// signStream leaves out the groups, as Redis does.
func (d *digest) signStream(v value.View) {
	s := value.OpenStream(v)
	w := s.Range(value.StreamID{}, value.MaxStreamID, false)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		d.mix(appendDigestID(nil, e.ID))
		for range e.Fields {
			field, val := e.Pair()
			d.mixElement(field)
			d.mixElement(val)
		}
	}
}

// appendDigestID writes an id as digests have it.
func appendDigestID(b []byte, id value.StreamID) []byte {
	b = append(strconv.AppendUint(b, id.Ms, 10), '.')
	return strconv.AppendUint(b, id.Seq, 10)
}

func debugDigest(c *Call) error {
	var all digest
	db := c.Tx.DB()
	for i := range c.Server.group.Databases() {
		c.Tx.Select(i)
		if n, _ := c.Tx.Len(i); n == 0 {
			continue
		}
		all.mixNumber(i)
		c.Tx.Each(func(key []byte, it shards.Item) bool {
			var d digest
			d.mix(key)
			d.sign(it)
			all.add(d[:])
			return true
		})
	}
	c.Tx.Select(db)
	c.Reply.Simple(all.String())
	return nil
}

func debugDigestValue(c *Call) error {
	c.Reply.Array(len(c.Args) - 2)
	for _, key := range c.Args[2:] {
		var d digest
		if it, ok := c.Tx.Peek(key); ok {
			d.sign(it)
		}
		c.Reply.Simple(d.String())
	}
	return nil
}
