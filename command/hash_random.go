// hash_random.go: HRANDFIELD. Fields are drawn by their rank, so each is as likely as any other.

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
	h, ok, err := c.viewHash(c.Args[1])
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
	n := h.Len()
	d.distinct(&h, int(min(d.count, int64(n))), n)
	return nil
}

func oneRandomField(c *Call) error {
	h, ok, err := c.viewHash(c.Args[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Null()
		return nil
	}
	field, _ := h.At(rand.IntN(h.Len()))
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
	if count > 1 {
		h.Index()
	}
	n := h.Len()
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
