// adopt.go: packed collections that come whole from elsewhere, out of a payload or a file. Nothing is known of their bytes, so all of them are
// checked: that the listpack or intset is sound, that something is in it, that members or fields are distinct, that scores are numbers
// and in order. They then stay as they are, or become trees if they are larger than the limits say. As in Redis, it is the number of elements that
// decides, not their length.

package value

import (
	"errors"
	"fmt"
)

// ErrUnsound is what the errors of this file wrap which are not about the packed bytes themselves.
var ErrUnsound = errors.New("value: unsound collection")

// AdoptHash makes a cell a hash of the fields and values, in turn, of a listpack. After an error the cell is as it was.
func AdoptHash(c Cell, lim *Limits, pack []byte) error {
	n, err := Listpack(pack).checkGroups(hashStride)
	if err != nil {
		return err
	}
	c.Put(KindHashPacked, pack)
	if int64(n) > lim.HashMaxListpackEntries {
		h := OpenHash(c, lim)
		h.enlarge()
	}
	return nil
}

// AdoptTimedHash makes a cell a hash of the fields, values and deadlines, in turn, of a listpack. After an error the cell is as it was.
func AdoptTimedHash(c Cell, lim *Limits, pack []byte) error {
	n, err := Listpack(pack).checkGroups(timedStride)
	if err != nil {
		return err
	}
	if err := Listpack(pack).checkOrder(Listpack(pack).First()); err != nil {
		return err
	}
	registered := Buffer{append(make([]byte, 0, len(pack)+minEntry), pack...)}
	ListpackInsert(&registered, Listpack(pack).First(), noDeadline)
	c.Put(KindHashPackedTimed, registered.B)
	if int64(n) > lim.HashMaxListpackEntries {
		h := OpenHash(c, lim)
		h.enlarge()
	}
	return nil
}

// TimedListpack is a packed hash with deadlines as AdoptTimedHash takes it: as Redis keeps it.
func TimedListpack(v View) []byte {
	pack := Buffer{append([]byte(nil), v.Bytes...)}
	ListpackDelete(&pack, Listpack(pack.B).First(), registration)
	return pack.B
}

// AdoptSet makes a cell a set of the members of a listpack. After an error the cell is as it was.
func AdoptSet(c Cell, lim *Limits, pack []byte) error {
	n, err := Listpack(pack).checkGroups(1)
	if err != nil {
		return err
	}
	c.Put(KindSetPacked, pack)
	if int64(n) > lim.SetMaxListpackEntries {
		s := EditSet(c, lim)
		s.spread()
	}
	return nil
}

// AdoptIntset makes a cell a set of the members of an intset. After an error the cell is as it was.
func AdoptIntset(c Cell, lim *Limits, ints []byte) error {
	if err := Intset(ints).Check(); err != nil {
		return err
	}
	n := Intset(ints).Len()
	if n == 0 {
		return fmt.Errorf("%w: it is empty", ErrUnsound)
	}
	c.Put(KindSetInts, ints)
	if int64(n) > lim.SetMaxIntsetEntries {
		s := EditSet(c, lim)
		s.spread()
	}
	return nil
}

// AdoptSortedSet makes a cell a sorted set of the members and scores, in turn, of a listpack. After an error the cell is as it was.
func AdoptSortedSet(c Cell, lim *Limits, pack []byte) error {
	l := Listpack(pack)
	n, err := l.checkGroups(2)
	if err != nil {
		return err
	}
	if err := l.checkScores(); err != nil {
		return err
	}
	c.Put(kindZSetPacked, pack)
	if int64(n) > lim.ZsetMaxListpackEntries {
		unpackSortedSet(c)
	}
	return nil
}

// checkGroups examines a listpack of groups of so many elements, whose first ones must be distinct texts, and returns how many groups
// there are: one at least.
func (l Listpack) checkGroups(stride int) (n int, err error) {
	if err := l.Check(); err != nil {
		return 0, err
	}
	elems := l.Len()
	if elems == 0 || elems%stride != 0 {
		return 0, fmt.Errorf("%w: %d elements in groups of %d", ErrUnsound, elems, stride)
	}
	var scratch, other IntText
	seen := NewSeen(func(pos int) []byte { return l.At(pos).Bytes(&other) })
	for at := l.First(); at != ListpackEnd; n++ {
		if !seen.Add(l.At(at).Bytes(&scratch), at) {
			return 0, fmt.Errorf("%w: element %d is there twice", ErrUnsound, n*stride)
		}
		for range stride {
			at = l.Next(at)
		}
	}
	return n, nil
}

// checkScores examines the scores of a sound listpack of members and scores.
func (l Listpack) checkScores() error {
	var scratch [2]IntText
	var last ScoredMember
	for at, i := l.First(), 0; at != ListpackEnd; i++ {
		member := l.At(at).Bytes(&scratch[i%2])
		at = l.Next(at)
		score, ok := l.At(at).number()
		if !ok {
			return fmt.Errorf("%w: the score of member %d is no number", ErrUnsound, i)
		}
		m := ScoredMember{member, score}
		if i > 0 && compareScored(last, m) > 0 {
			return fmt.Errorf("%w: member %d is out of order", ErrUnsound, i)
		}
		last = m
		at = l.Next(at)
	}
	return nil
}
