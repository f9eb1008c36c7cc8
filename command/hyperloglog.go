// hyperloglog.go: sketches that count distinct elements: PFADD, PFCOUNT, PFMERGE and what looks into them. A sketch is a
// string, whose bytes are Redis's own (value/hyperloglog.go), so anybody may GET one, and SET whatever looks like one.
//
// Whether a sketch is sound shows only when its registers are looked at. So a sparse one is changed apart from the
// keyspace and put back whole, and an error finds nothing changed but this: a sketch that was looked at to be changed
// is raw text from then on, as with Redis.

package command

import (
	"math/rand/v2"
	"slices"

	"respite/shards"
	"respite/value"
)

func hyperloglogRows() []Row {
	return []Row{
		{
			Name: "pfadd", Arity: -2, Flags: Write | DenyOOM | Fast, Keys: keys(RW|Insert, 1, 1, 1), Run: pfadd,
			Since: "2.8.9", Cost: "O(1) for each element", Doc: "Adds elements to a HyperLogLog, creating it if needed.",
		},
		{
			Name: "pfcount", Arity: -2, Flags: ReadOnly | MayReplicate, Run: pfcount,
			Keys:  noted(keys(RW|Access, 1, -1, 1), pfcountNotes),
			Since: "2.8.9", Cost: "O(N) in the number of keys, and O(1) if the count of one is known",
			Doc: "Estimates how many distinct elements some HyperLogLogs have seen together.",
		},
		{
			Name: "pfdebug", Arity: 3, Flags: Write | DenyOOM | Admin, Keys: keys(RW|Access, 2, 2, 1), Run: pfdebug,
			System: true, Since: "2.8.9", Cost: "N/A", Doc: "Looks into a HyperLogLog.",
		},
		{
			Name: "pfmerge", Arity: -2, Flags: Write | DenyOOM, Run: pfmerge,
			Keys:  []KeySpec{keys(RW|Access|Insert, 1, 1, 1)[0], keys(RO|Access, 2, -1, 1)[0]},
			Since: "2.8.9", Cost: "O(N) in the number of keys", Doc: "Adds to a HyperLogLog what others have seen, creating it if needed.",
		},
		{
			Name: "pfselftest", Arity: 1, Flags: Admin, Place: Alone, Run: pfselftest,
			System: true, Since: "2.8.9", Cost: "N/A", Doc: "Tests HyperLogLogs with random elements.",
		},
	}
}

// pfcountNotes is the remark of Redis on the keys of PFCOUNT.
const pfcountNotes = "RW because it may change the internal representation of the key, and propagate to replicas"

const (
	errNotSketch     = Error("WRONGTYPE Key is not a valid HyperLogLog string value.")
	errCorruptSketch = Error("INVALIDOBJ Corrupted HLL object detected")
)

// sketchIn is the sketch that an item holds.
func sketchIn(it shards.Item) (value.HyperLogLog, error) {
	switch {
	case it.Type() != value.String:
		return nil, errWrongType
	case it.Kind() == value.KindInt || !value.IsHyperLogLog(it.Value()):
		return nil, errNotSketch
	}
	return it.Value(), nil
}

// rawSketch is the sketch that the item at a key holds, for a command that may change it.
func (c *Call) rawSketch(key []byte, it shards.Item) (value.HyperLogLog, error) {
	h, err := sketchIn(it)
	if err != nil || it.Kind() == value.KindRaw {
		return h, err
	}
	slot := c.Tx.Write(key)
	slot.SetKind(value.KindRaw)
	return slot.Item().Value(), nil
}

// changeSketch changes the sketch at a key, which is h, and puts the new one there if that is not in the same place.
func (c *Call) changeSketch(key []byte, h value.HyperLogLog, change func(value.HyperLogLog) (value.HyperLogLog, error)) error {
	if h.IsDense() { // changes in place, and cannot fail
		slot := c.Tx.Write(key)
		_, err := change(slot.Mutable())
		return err
	}
	h, err := change(slices.Clone(h))
	if err != nil {
		return errCorruptSketch
	}
	slot := c.Tx.Write(key)
	slot.PutOwned(value.KindRaw, h)
	return nil
}

// maxSparse is how long a sparse sketch may become, in bytes.
func (c *Call) maxSparse() int { return int(c.Server.config.Now().HLLSparseMaxBytes) }

func pfadd(c *Call) error {
	key, elements := c.Args[1], c.Args[2:]
	h, ok, err := c.sketchOrNew(key)
	if err != nil {
		return err
	}
	if elements, err = h.Unseen(elements); err != nil {
		return errCorruptSketch
	}
	if ok && len(elements) == 0 {
		c.Reply.Int(0)
		return nil
	}
	added := 0
	err = c.changeSketch(key, h, func(h value.HyperLogLog) (_ value.HyperLogLog, err error) {
		h, added, err = h.Add(elements, c.maxSparse())
		return h, err
	})
	if err != nil {
		return err
	}
	if !ok {
		added++ // the key itself
	}
	c.Tx.ChangedBy(key, shards.EventPFAdd, added)
	c.Reply.Int(1)
	return nil
}

// sketchOrNew is the sketch at a key that is about to change, or a new one that is not there yet.
func (c *Call) sketchOrNew(key []byte) (h value.HyperLogLog, ok bool, err error) {
	it, ok := c.Tx.Peek(key)
	if !ok {
		return value.NewHyperLogLog(), false, nil
	}
	h, err = c.rawSketch(key, it)
	return h, true, err
}

// pfcount of one key keeps the count in the sketch, which Redis's notifications do not tell of.
func pfcount(c *Call) error {
	if len(c.Args) > 2 {
		return pfcountOfSeveral(c)
	}
	key := c.Args[1]
	it, ok := c.Tx.Read(key)
	if !ok {
		c.Reply.Int(0)
		return nil
	}
	h, err := c.rawSketch(key, it)
	if err != nil {
		return err
	}
	n, known := h.Cached()
	if !known {
		if n, err = h.Count(); err != nil {
			return errCorruptSketch
		}
		slot := c.Tx.Write(key)
		value.HyperLogLog(slot.Mutable()).SetCached(n)
		c.Tx.Changed(key, shards.EventUnnamed)
	}
	c.Reply.Int(int64(n))
	return nil
}

func pfcountOfSeveral(c *Call) error {
	registers, _, err := c.union(c.Args[1:])
	if err != nil {
		return err
	}
	c.Reply.Int(int64(registers.Count()))
	return nil
}

// sketchElements is how many elements of a collection take as long to go over as the registers of a sketch.
const sketchElements = 128

// union is what the sketches at some keys have seen together, and whether any is dense. An absent key has seen nothing.
func (c *Call) union(keys [][]byte) (registers *value.RegisterSet, dense bool, err error) {
	c.long(len(keys) * sketchElements)
	registers = new(value.RegisterSet)
	for _, key := range keys {
		it, ok := c.Tx.Read(key)
		if !ok {
			continue
		}
		h, err := sketchIn(it)
		if err != nil {
			return nil, false, err
		}
		if err := h.Merge(registers); err != nil {
			return nil, false, errCorruptSketch
		}
		dense = dense || h.IsDense()
	}
	return registers, dense, nil
}

// pfmerge makes a dense sketch if any of its sources is one. It is a change even if nothing is new.
func pfmerge(c *Call) error {
	key := c.Args[1]
	registers, dense, err := c.union(c.Args[1:])
	if err != nil {
		return err
	}
	h, _, err := c.sketchOrNew(key)
	if err != nil {
		return err
	}
	err = c.changeSketch(key, h, func(h value.HyperLogLog) (value.HyperLogLog, error) {
		if dense {
			if h, err = h.Dense(); err != nil {
				return nil, err
			}
		}
		return h.Raise(registers, c.maxSparse())
	})
	if err != nil {
		return err
	}
	c.Tx.Changed(key, shards.EventPFAdd)
	c.Reply.OK()
	return nil
}

func pfselftest(c *Call) error {
	if err := value.CheckHyperLogLog(rand.New(rand.NewPCG(rand.Uint64(), 0))); err != nil {
		return Error(err.Error())
	}
	c.Reply.OK()
	return nil
}
