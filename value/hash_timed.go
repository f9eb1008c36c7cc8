// hash_timed.go: hashes whose fields may have deadlines, in unix milliseconds. A hash becomes one of these when its first field gets a
// deadline, and stays it.
//
// A packed one is a listpack of groups of three: field, value, deadline, in the order of their deadlines; 0 is none, and comes last, so
// what is due is always in front. That is Redis's layout, behind one element of our own: when the hash is registered. A large one has three
// trees: the fields, as without deadlines; deadlines in their order, each with its field; and deadlines by field. Its record has the
// earliest deadline, so that most reads need look at no other tree than the first, and when the hash is registered.
//
// Registered is what Schedule has of a hash: the keeper of the keys sees to that, and no change here but SetRegistered touches it.

package value

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"respite/keyspace"
)

// The kinds of a hash whose fields may have deadlines.
const (
	KindHashPackedTimed = keyspace.Kind(uint8(Hash)<<encodingBits | uint8(PackedTimed))
	KindHashTableTimed  = keyspace.Kind(uint8(Hash)<<encodingBits | uint8(TableTimed))
)

// MaxFieldDeadline is the latest deadline that a field can have, as in Redis.
const MaxFieldDeadline = 1<<48 - 1

// IsTimed reports whether values of a kind have elements with deadlines.
func IsTimed(k keyspace.Kind) bool { return k == KindHashPackedTimed || k == KindHashTableTimed }

const (
	timedStride  = 3 // elements of the listpack that a field takes
	registration = 1 // elements in front of the first field

	deadlineBytes = 8

	// The trees of a large hash.
	timedFields    = 0
	timedOrder     = 1 // keys: deadline, most significant byte first, and the key of timedFields
	timedDeadlines = 2 // to deadlines
	timedTrees     = 3

	// What follows the trees in a record.
	timedEarliestAt   = keyspace.RootsOffset + timedTrees*keyspace.RootBytes
	timedRegisteredAt = timedEarliestAt + deadlineBytes
	timedFurther      = 2 * deadlineBytes
	timedRecord       = timedEarliestAt + timedFurther
)

// noDeadline is the element that stands for none.
var noDeadline = []byte("0")

// errTimed is what the errors about deadlines wrap.
var errTimed = errors.New("value: damaged deadlines")

// findTimed returns the position of a field in a packed hash with deadlines, or ListpackEnd.
func findTimed(pack Listpack, field []byte) int {
	return pack.Find(pack.Next(pack.First()), field, timedStride-1)
}

// deadlineAt is the deadline of the field at a position, 0 if it has none, and the position of that.
func (l Listpack) deadlineAt(at int) (ms int64, place int) {
	place = l.Next(l.Next(at))
	return l.At(place).Int, place
}

// isDue reports whether a deadline has passed.
func isDue(ms, now int64) bool { return ms != 0 && ms < now }

func viewTimedHash(v View, now int64) HashView {
	if v.Kind == KindHashTableTimed {
		h := HashView{tree: hashTree{v.treeAt(timedFields)}, record: v.Bytes, now: now}
		if isDue(EarliestDeadline(v), now) {
			h.hidden = countDue(v, now)
		}
		return h
	}
	pack := Listpack(v.Bytes)
	h := HashView{packed: pack, stride: timedStride, now: now}
	h.from, h.hidden = pack.skipDue(now)
	return h
}

// skipDue returns the position of the first field that is not due, and how many are.
func (l Listpack) skipDue(now int64) (at, due int) {
	for at = l.Next(l.First()); at != ListpackEnd; due++ {
		ms, place := l.deadlineAt(at)
		if !isDue(ms, now) {
			break
		}
		at = l.Next(place)
	}
	return at, due
}

// countDue is how many fields of a large hash are due.
func countDue(v View, now int64) int {
	order := v.treeAt(timedOrder)
	c := order.seek(binary.BigEndian.AppendUint64(nil, uint64(now)))
	return c.rank()
}

// deadlines is the third tree of a large hash with deadlines.
func (h *HashView) deadlines() hashTree {
	return hashTree{treeIn(h.tree.nodes, h.record, timedDeadlines)}
}

// deadlineOf is the deadline of a field, hidden or not, 0 if it has none; ok is false if there is no such field.
func (h *HashView) deadlineOf(field []byte) (ms int64, ok bool) {
	switch {
	case h.packed != nil && h.stride == hashStride:
		return 0, h.find(field) != ListpackEnd
	case h.packed != nil:
		at := findTimed(h.packed, field)
		if at == ListpackEnd {
			return 0, false
		}
		ms, _ = h.packed.deadlineAt(at)
		return ms, true
	case !h.tree.has(field):
		return 0, false
	case h.record == nil:
		return 0, true
	}
	t := h.deadlines()
	if val, found := t.get(field); found {
		ms = int64(binary.BigEndian.Uint64(val))
	}
	return ms, true
}

// Deadline returns the deadline of a field, 0 if it has none; ok is false if there is no such field.
func (h *HashView) Deadline(field []byte) (ms int64, ok bool) {
	ms, ok = h.deadlineOf(field)
	if ok && isDue(ms, h.now) {
		return 0, false
	}
	return ms, ok
}

// hides reports whether a field is there and hidden.
func (h *HashView) hides(field []byte) bool {
	ms, ok := h.deadlineOf(field)
	return ok && isDue(ms, h.now)
}

// Missed reports whether Get was asked for a field that is hidden.
func (h *HashView) Missed() bool { return h.missed }

// Hidden returns how many fields are hidden.
func (h *HashView) Hidden() int { return h.hidden }

// eachShown calls fn with the fields of a large hash that are not hidden, and their ranks, until it returns false.
func (h *HashView) eachShown(fn func(rank int, field, val []byte) bool) {
	rank := 0
	h.tree.each(func(field, val []byte) bool {
		rank++
		return h.hides(field) || fn(rank-1, field, val)
	})
}

// anyTries is how often Any draws before it looks at all fields.
const anyTries = 64

// Any returns a field that is shown, of which there must be one, and its value. draw returns any number from 0 to below n.
func (h *HashView) Any(draw func(n int) int) (field, val Element) {
	if h.packed != nil || h.hidden == 0 {
		return h.At(draw(h.Shown()))
	}
	for range anyTries {
		field, val = h.At(draw(h.Len()))
		if !h.hides(field.Text) {
			return field, val
		}
	}
	h.Index()
	return h.At(draw(h.Shown()))
}

// EachTimed calls fn with every field that is shown, its value, and its deadline, 0 if it has none.
func (h *HashView) EachTimed(fn func(field, val Element, ms int64)) {
	if h.packed != nil {
		for at := h.from; at != ListpackEnd; {
			ms, val := int64(0), h.packed.Next(at)
			if h.stride == timedStride {
				ms, _ = h.packed.deadlineAt(at)
			}
			fn(h.packed.At(at), h.packed.At(val), ms)
			at = h.after(val)
		}
		return
	}
	h.Each(func(field, val Element) bool {
		ms, _ := h.deadlineOf(field.Text)
		fn(field, val, ms)
		return true
	})
}

// EarliestDeadline returns the earliest deadline in a value of a timed kind, 0 if there is none.
func EarliestDeadline(v View) (ms int64) {
	if v.Kind == KindHashTableTimed {
		return int64(binary.LittleEndian.Uint64(v.Bytes[timedEarliestAt:]))
	}
	pack := Listpack(v.Bytes)
	if at := pack.Next(pack.First()); at != ListpackEnd {
		ms, _ = pack.deadlineAt(at)
	}
	return ms
}

// Registered returns when a value of a timed kind is registered, 0 if it is not.
func Registered(v View) (ms int64) {
	if v.Kind == KindHashTableTimed {
		return int64(binary.LittleEndian.Uint64(v.Bytes[timedRegisteredAt:]))
	}
	pack := Listpack(v.Bytes)
	return pack.At(pack.First()).Int
}

// SetRegistered notes in a cell of a timed kind when it is registered, 0 if it is not any more.
func SetRegistered(c Cell, ms int64) {
	v := c.View()
	if v.Kind == KindHashTableTimed {
		binary.LittleEndian.PutUint64(c.Mutable()[timedRegisteredAt:], uint64(ms))
		return
	}
	var digits IntText
	ListpackReplace(c, Listpack(v.Bytes).First(), strconv.AppendInt(digits[:0], ms, 10))
}

// openTimed opens a hash of a timed kind for change.
func (h *HashCell) openTimed(v View) {
	h.timed = true
	if v.Kind == KindHashTableTimed {
		h.tree, h.large = hashTree{v.treeAt(timedFields)}, true
		return
	}
	h.fields, h.bytes = Listpack(v.Bytes).Len()/timedStride, len(v.Bytes)
}

// Deadline returns the deadline of a field, whether it has passed or not, 0 if it has none; ok is false if there is no such field.
func (h *HashCell) Deadline(field []byte) (ms int64, ok bool) {
	v := ViewHash(h.cell.View())
	return v.deadlineOf(field)
}

// Persist takes the deadline of a field, and reports whether it had one.
func (h *HashCell) Persist(field []byte) bool {
	switch {
	case !h.timed:
		return false
	case h.large:
		return h.forget(field)
	}
	pack := Listpack(h.cell.Mutable())
	at := findTimed(pack, field)
	if at == ListpackEnd {
		return false
	}
	if ms, _ := pack.deadlineAt(at); ms == 0 {
		return false
	}
	h.place(at, field, 0)
	return true
}

// SetDeadline gives a field, which must be there, a deadline from 1 to MaxFieldDeadline.
func (h *HashCell) SetDeadline(field []byte, ms int64) {
	if !h.timed {
		h.makeTimed()
	}
	if h.large {
		t := h.times()
		t.set(field, ms)
		h.saveTimes(&t)
		return
	}
	h.place(findTimed(h.cell.Mutable(), field), field, ms)
}

// place moves the field at a position in a packed hash to where its new deadline belongs, behind those of the same.
func (h *HashCell) place(at int, field []byte, ms int64) {
	var digits, deadline IntText
	var short [shortKey]byte
	pack := Listpack(h.cell.Mutable())
	val := append(short[:0], pack.At(pack.Next(at)).Bytes(&digits)...)
	ListpackDelete(h.cell, at, timedStride)
	pack = h.cell.Mutable()
	to := ListpackEnd
	if ms != 0 {
		to = pack.placeFor(ms)
	}
	ListpackInsert(h.cell, to, field, val, strconv.AppendInt(deadline[:0], ms, 10))
}

// placeFor is the position of the first field with a later deadline or none.
func (l Listpack) placeFor(ms int64) int {
	for at := l.Next(l.First()); at != ListpackEnd; {
		other, place := l.deadlineAt(at)
		if other == 0 || other > ms {
			return at
		}
		at = l.Next(place)
	}
	return ListpackEnd
}

// RemoveDue takes fields out whose deadlines are before now, about max of them, and returns how many it took; more says whether
// others are due.
func (h *HashCell) RemoveDue(now int64, max int) (removed int, more bool) {
	if !h.timed {
		return 0, false
	}
	if !h.large {
		_, due := Listpack(h.cell.Mutable()).skipDue(now)
		if due > 0 {
			pack := Listpack(h.cell.Mutable())
			ListpackDelete(h.cell, pack.Next(pack.First()), timedStride*due)
			h.fields -= due
		}
		return due, false
	}
	t := h.times()
	for removed < max && isDue(t.earliest(), now) {
		t.removeFirst(&h.tree)
		removed++
	}
	h.saveTimes(&t)
	h.save()
	return removed, isDue(t.earliest(), now)
}

// makeTimed turns a hash into one whose fields may have deadlines.
func (h *HashCell) makeTimed() {
	h.timed = true
	if h.large {
		old := len(h.cell.Mutable())
		record := h.cell.Resize(timedRecord)
		clear(record[old:])
		record[0] = timedTrees
		h.cell.SetKind(KindHashTableTimed)
		return
	}
	pack := Listpack(h.cell.Mutable())
	timed := Buffer{make([]byte, 0, len(pack)+(h.fields+registration)*minEntry)}
	timed.B = append(timed.B, EmptyListpack()...)
	ListpackInsert(&timed, ListpackEnd, noDeadline)
	var fieldDigits, valDigits IntText
	for at := pack.First(); at != ListpackEnd; {
		val := pack.Next(at)
		ListpackInsert(&timed, ListpackEnd, pack.At(at).Bytes(&fieldDigits), pack.At(val).Bytes(&valDigits), noDeadline)
		at = pack.Next(val)
	}
	h.cell.Put(KindHashPackedTimed, timed.B)
}

// enlargeTimed is enlarge for a hash of a timed kind. The record is put when it is complete, for with its kind it says what is due.
func (h *HashCell) enlargeTimed(v View) {
	h.tree, h.large = hashTree{tree{nodes: v.Nodes}}, true
	t := hashTimes{order: tree{nodes: v.Nodes}, deadlines: hashTree{tree{nodes: v.Nodes}}}
	var fieldDigits, valDigits IntText
	pack := Listpack(v.Bytes)
	for at := pack.Next(pack.First()); at != ListpackEnd; {
		field := pack.At(at).Bytes(&fieldDigits)
		h.tree.put(field, pack.At(pack.Next(at)).Bytes(&valDigits))
		ms, place := pack.deadlineAt(at)
		if ms != 0 {
			t.set(field, ms)
		}
		at = pack.Next(place)
	}
	record := newRecord(timedTrees, timedFurther)
	h.tree.save(record, timedFields)
	t.save(record)
	h.cell.Put(KindHashTableTimed, record)
}

// hashTimes are the trees of the deadlines of a large hash.
type hashTimes struct {
	order     tree
	deadlines hashTree
}

func (h *HashCell) times() hashTimes {
	v := h.cell.View()
	return hashTimes{v.treeAt(timedOrder), hashTree{v.treeAt(timedDeadlines)}}
}

func (h *HashCell) saveTimes(t *hashTimes) { t.save(h.cell.Mutable()) }

// save writes where the trees are now into their record.
func (t *hashTimes) save(record []byte) {
	t.order.save(record, timedOrder)
	t.deadlines.save(record, timedDeadlines)
	binary.LittleEndian.PutUint64(record[timedEarliestAt:], uint64(t.earliest()))
}

// earliest is the earliest deadline, 0 if there is none.
func (t *hashTimes) earliest() int64 {
	if t.order.len == 0 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(t.order.firstKey(t.order.root)))
}

// orderScratch is where a short key of timedOrder is put together.
type orderScratch [deadlineBytes + shortKey]byte

// orderEntry is the key in timedOrder of the field that has a key in timedDeadlines.
func orderEntry(ms int64, key []byte, scratch *orderScratch) []byte {
	return append(binary.BigEndian.AppendUint64(scratch[:0], uint64(ms)), key...)
}

// set gives a field a deadline.
func (t *hashTimes) set(field []byte, ms int64) {
	var scratch keyScratch
	var order orderScratch
	var val [deadlineBytes]byte
	binary.BigEndian.PutUint64(val[:], uint64(ms))
	key := t.deadlines.key(field, &scratch)
	c, found := t.deadlines.find(key)
	if found {
		_, was := c.entry()
		old := int64(binary.BigEndian.Uint64(was))
		if old == ms {
			return
		}
		c.replace(val[:])
		t.displace(orderEntry(old, key, &order))
	} else {
		t.deadlines.insert(&c, key, val[:])
	}
	t.order.put(orderEntry(ms, key, &order), nil)
}

// displace takes an entry out of the order.
func (t *hashTimes) displace(entry []byte) {
	if c, found := t.order.find(entry); found {
		c.remove()
	}
}

// removeFirst takes the field with the earliest deadline out, and out of the tree of fields too.
func (t *hashTimes) removeFirst(fields *hashTree) {
	first := t.order.at(0)
	entry, _ := first.entry()
	key := entry[deadlineBytes:]
	if c, found := fields.find(key); found {
		c.remove()
	}
	if c, found := t.deadlines.find(key); found {
		c.remove()
	}
	first.remove()
}

// forget takes the deadline of a field of a large hash, and reports whether it had one.
func (h *HashCell) forget(field []byte) bool {
	t := h.times()
	if t.order.len == 0 {
		return false
	}
	var scratch keyScratch
	key := t.deadlines.key(field, &scratch)
	c, found := t.deadlines.find(key)
	if !found {
		return false
	}
	_, val := c.entry()
	ms := int64(binary.BigEndian.Uint64(val))
	c.remove()
	var order orderScratch
	t.displace(orderEntry(ms, key, &order))
	h.saveTimes(&t)
	return true
}

// checkPackedTimed looks for damage in a packed hash with deadlines.
func checkPackedTimed(l Listpack) error {
	if err := l.Check(); err != nil {
		return err
	}
	if n := l.Len(); n%timedStride != registration || !l.At(l.First()).IsInt {
		return fmt.Errorf("%w: %d elements are no fields with values and deadlines", ErrListpack, n)
	}
	return l.checkOrder(l.Next(l.First()))
}

// checkOrder examines the deadlines of the fields from a position on.
func (l Listpack) checkOrder(at int) error {
	for last := int64(1); at != ListpackEnd; {
		e := l.At(l.Next(l.Next(at)))
		ms, place := l.deadlineAt(at)
		switch {
		case !e.IsInt || ms < 0 || ms > MaxFieldDeadline:
			return fmt.Errorf("%w: %q is none", errTimed, e.Append(nil))
		case ms != 0 && (last == 0 || ms < last):
			return fmt.Errorf("%w: %d is out of order", errTimed, ms)
		}
		last = ms
		at = l.Next(place)
	}
	return nil
}

// checkTable looks for trees of a large hash, each of which is sound, that contradict each other.
func checkTable(v View) error {
	if v.Kind != KindHashTableTimed {
		return nil
	}
	fields := hashTree{v.treeAt(timedFields)}
	t := hashTimes{v.treeAt(timedOrder), hashTree{v.treeAt(timedDeadlines)}}
	if t.order.len != t.deadlines.len || t.earliest() != EarliestDeadline(v) {
		return fmt.Errorf("%w: %d in order, %d by field, the earliest %d or %d",
			errTimed, t.order.len, t.deadlines.len, t.earliest(), EarliestDeadline(v))
	}
	c := t.order.at(0)
	for ok := !c.isEnd(); ok; ok = c.next() {
		entry, _ := c.entry()
		key := entry[deadlineBytes:]
		at, found := t.deadlines.find(key)
		if !found {
			return fmt.Errorf("%w: %q has one in the order only", errTimed, key)
		}
		if _, val := at.entry(); string(val) != string(entry[:deadlineBytes]) {
			return fmt.Errorf("%w: %q has two", errTimed, key)
		}
		if _, found := fields.find(key); !found {
			return fmt.Errorf("%w: %q has one and is no field", errTimed, key)
		}
	}
	return nil
}
