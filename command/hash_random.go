// hash_random.go: HRANDFIELD. Fields are drawn by their rank, so each is as likely as any other. As in Redis it takes fields away whose
// deadlines have passed; where there are many it takes some of them, and draws among those that are left without the others.

package command

import (
	"math"
	"math/rand/v2"

	"respite/value"
)

const (
	// fewOfAll is how many times more fields than are wanted there must be to draw their ranks instead of looking at every field.
	fewOfAll = 3
)

// draw is how many fields a HRANDFIELD returns, and how.
type draw struct {
	c      *Call
	count  int64 // negative: fields may come several times
	values bool  // with their values
}

// parse reads the words after the key. As with Redis, a count that is no integer is refused before words that are none.
func (d *draw) parse() error {
	c := d.c
	n, err := c.Int(2)
	switch {
	case err != nil:
		return err
	case n == math.MinInt64:
		return errNotInt64Range
	case len(c.Args) > 4 || len(c.Args) == 4 && !c.Option(3, "withvalues"):
		return errSyntax
	case len(c.Args) == 4 && (n < -math.MaxInt64/2 || n > math.MaxInt64/2):
		return errOutOfRange
	}
	d.count, d.values = n, len(c.Args) == 4
	return nil
}

func hrandfield(c *Call) error {
	if len(c.Args) == 2 {
		return oneRandomField(c)
	}
	d := draw{c: c}
	if err := d.parse(); err != nil {
		return err
	}
	h, ok, err := c.viewToDraw()
	if err != nil {
		return err
	}
	switch {
	case !ok || d.count == 0:
		c.Reply.Array(0)
		return nil
	case d.count < 0:
		return d.repeated(&h, -d.count)
	}
	n := h.Shown()
	d.distinct(&h, int(min(d.count, int64(n))), n)
	return nil
}

// mostDropped is how many fields whose deadlines have passed one HRANDFIELD takes away.
const mostDropped = 128

// viewToDraw finds the hash to draw from; ok is false if it has no field to show.
func (c *Call) viewToDraw() (h value.HashView, ok bool, err error) {
	key := c.Args[1]
	h, ok, err = c.viewHash(key)
	if !ok || h.Hidden() == 0 {
		return h, ok, err
	}
	if c.Tx.KeepsExpired() {
		return h, h.Shown() > 0, nil
	}
	slot := c.Tx.Write(key)
	cell := value.OpenHash(slot, c.Tx.Encoding())
	n, _ := cell.RemoveDue(c.Tx.Now(), mostDropped)
	c.Tx.FieldsExpired(key, n)
	left := cell.Len()
	c.dropIfEmpty(slot, key, left)
	if left == 0 {
		return h, false, nil
	}
	h = value.ViewHashAt(slot.View(), c.Tx.Now())
	return h, h.Shown() > 0, nil
}

func oneRandomField(c *Call) error {
	h, ok, err := c.viewToDraw()
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Null()
		return nil
	}
	field, _ := h.Any(rand.IntN)
	c.replyElement(field)
	return nil
}

// begin begins the reply with n fields. With values they are pairs in RESP3, and flat in RESP2.
func (d *draw) begin(n int) {
	if d.values && d.c.Reply.Proto() == 2 {
		n *= 2
	}
	d.c.Reply.Array(n)
}

func (d *draw) reply(field, val value.Element) {
	if d.values && d.c.Reply.Proto() == 3 {
		d.c.Reply.Array(2)
	}
	d.c.replyElement(field)
	if d.values {
		d.c.replyElement(val)
	}
}

// repeated answers with fields of which each is drawn from all.
func (d *draw) repeated(h *value.HashView, count int64) error {
	if count > 1 || h.Hidden() > 0 {
		h.Index()
	}
	n := h.Shown()
	d.c.long(int(count))
	d.begin(int(count))
	for ; count > 0; count-- {
		d.reply(h.At(rand.IntN(n)))
		if err := d.c.drawsOn(); err != nil {
			return err
		}
	}
	return nil
}

// distinct answers with count of n different fields, all if count is n.
func (d *draw) distinct(h *value.HashView, count, n int) {
	d.c.long(count)
	d.begin(count)
	if h.IsPacked() || count > n/fewOfAll {
		d.pick(h, count, n)
		return
	}
	h.Index()
	drawn := make(map[int]struct{}, count)
	for last := n - count; last < n; last++ {
		rank := rand.IntN(last + 1)
		if _, again := drawn[rank]; again {
			rank = last
		}
		drawn[rank] = struct{}{}
		d.reply(h.At(rank))
	}
}

// pick goes over all n fields and takes each with the share of those that are still wanted among those that are left.
func (d *draw) pick(h *value.HashView, count, n int) {
	h.Each(func(field, val value.Element) bool {
		if rand.IntN(n) < count {
			d.reply(field, val)
			count--
		}
		n--
		return count > 0
	})
}
