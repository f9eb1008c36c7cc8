// strings_lcs.go: LCS, the longest common subsequence of two strings, by dynamic programming over all pairs of
// prefixes. Of several longest ones the answer is the one that Redis gives: from the ends of both texts backwards, equal
// bytes are taken, and otherwise the first text gives way only if that leaves a longer subsequence.

package command

import (
	"math"

	"respite/proto"
	"respite/text"
	"respite/value"
)

const (
	errLCSType   = Error("ERR The specified keys must contain string values")
	errLCSBoth   = Error("ERR If you want both the length and indexes, please just use IDX.")
	errLCSLong   = Error("ERR String too long for LCS")
	errLCSMemory = Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
)

const (
	lcsCellSize = 4                  // bytes
	maxLCSText  = math.MaxUint32 - 2 // bytes of either text: lengths fit a cell
)

// lcsOptions are the words after the keys of LCS.
type lcsOptions struct {
	length     bool // LEN: only how long the subsequence is
	index      bool // IDX: where it is
	minRun     int64
	runLengths bool // WITHMATCHLEN
}

func (o *lcsOptions) parse(words [][]byte) error {
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case equalFold(word, "len"):
			o.length = true
		case equalFold(word, "idx"):
			o.index = true
		case equalFold(word, "withmatchlen"):
			o.runLengths = true
		case equalFold(word, "minmatchlen") && i+1 < len(words):
			i++
			n, ok := text.ParseInt(words[i])
			if !ok {
				return errNotInteger
			}
			o.minRun = n
		default:
			return errSyntax
		}
	}
	if o.length && o.index {
		return errLCSBoth
	}
	return nil
}

func lcs(c *Call) error {
	a, err := c.lcsText(c.Args[1])
	if err != nil {
		return err
	}
	b, err := c.lcsText(c.Args[2])
	if err != nil {
		return err
	}
	var o lcsOptions
	if err := o.parse(c.Args[3:]); err != nil {
		return err
	}
	if err := lcsFits(len(a), len(b), c.Server.config.Now().ProtoMaxBulkLen); err != nil {
		return err
	}
	c.longBytes(lcsCellSize * len(a) * len(b))
	t := newLCSTable(a, b)
	switch {
	case o.index:
		t.replyRuns(c.Reply, &o)
	case o.length:
		c.Reply.Int(int64(t.len()))
	default:
		c.Reply.Bulk(t.text())
	}
	return nil
}

// lcsText reads one of the texts. Its digits, if it is an integer, are its own: there are two texts at once.
func (c *Call) lcsText(key []byte) ([]byte, error) {
	it, ok, err := c.StringItem(key)
	if err != nil {
		return nil, errLCSType
	}
	if !ok {
		return nil, nil
	}
	return value.StringBytes(it.Kind(), it.Value(), nil), nil
}

// lcsFits refuses texts whose table would take more than limit bytes.
func lcsFits(a, b int, limit int64) error {
	if a > maxLCSText || b > maxLCSText {
		return errLCSLong
	}
	if int64(a+1) > limit/lcsCellSize/int64(b+1) {
		return errLCSMemory
	}
	return nil
}

// lcsTable has, in row i and column j, how long the longest common subsequence of a[:i] and b[:j] is.
type lcsTable struct {
	a, b  []byte
	cells []uint32 // row by row
}

func newLCSTable(a, b []byte) *lcsTable {
	t := &lcsTable{a: a, b: b, cells: make([]uint32, (len(a)+1)*(len(b)+1))}
	for i, ch := range a {
		above, row := t.row(i), t.row(i+1)
		for j := range b {
			if ch == b[j] {
				row[j+1] = above[j] + 1
			} else {
				row[j+1] = max(above[j+1], row[j])
			}
		}
	}
	return t
}

func (t *lcsTable) row(i int) []uint32 {
	width := len(t.b) + 1
	return t.cells[i*width : (i+1)*width]
}

// len is how long the subsequence is.
func (t *lcsTable) len() int { return int(t.cells[len(t.cells)-1]) }

// lcsRun is a stretch on which the subsequence takes every byte of both texts: a[a:a+n], which is b[b:b+n].
type lcsRun struct{ a, b, n int }

// runs calls fn with the runs that the subsequence is made of, the last first.
func (t *lcsTable) runs(fn func(lcsRun)) {
	i, j, n := len(t.a), len(t.b), 0
	end := func() {
		if n > 0 {
			fn(lcsRun{i, j, n})
			n = 0
		}
	}
	for i > 0 && j > 0 {
		if t.a[i-1] == t.b[j-1] {
			i, j, n = i-1, j-1, n+1
			continue
		}
		end()
		if t.row(i - 1)[j] > t.row(i)[j-1] {
			i--
		} else {
			j--
		}
	}
	end()
}

// text is the subsequence itself.
func (t *lcsTable) text() []byte {
	b := make([]byte, t.len())
	at := len(b)
	t.runs(func(r lcsRun) {
		at -= r.n
		copy(b[at:], t.a[r.a:r.a+r.n])
	})
	return b
}

// replyRuns answers with the runs that are long enough, as inclusive ranges in both texts, and the length of the whole.
func (t *lcsTable) replyRuns(r *proto.Reply, o *lcsOptions) {
	r.Map(2)
	r.BulkString("matches")
	at, count := r.DeferArray(), 0
	t.runs(func(run lcsRun) {
		if int64(run.n) < o.minRun {
			return
		}
		count++
		if o.runLengths {
			r.Array(3)
		} else {
			r.Array(2)
		}
		replyRange(r, run.a, run.n)
		replyRange(r, run.b, run.n)
		if o.runLengths {
			r.Int(int64(run.n))
		}
	})
	r.SetArray(at, count)
	r.BulkString("len")
	r.Int(int64(t.len()))
}

// replyRange answers with the first and last position of n bytes.
func replyRange(r *proto.Reply, from, n int) {
	r.Array(2)
	r.Int(int64(from))
	r.Int(int64(from + n - 1))
}
