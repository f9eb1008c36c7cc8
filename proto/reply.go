// Reply: replies to bytes.
//
// A handler says what it answers (a map, a double, null); Reply alone knows
// whether the client speaks RESP2 or RESP3 and degrades what RESP2 lacks.
// Bytes are appended to one buffer; a large string may be referenced instead
// of copied, and is then woven in when the reply is written out.
//
// Invariant: refs are in the order of their place in buf, so a pair of Marks
// always delimits both. What inserts into buf (see defer.go) must move the
// refs behind it.

package proto

import (
	"runtime"
	"slices"
	"strconv"
	"strings"

	"respite/text"
)

const (
	// MaxKept is the capacity in bytes up to which Drop keeps a buffer.
	MaxKept = 64 << 10

	keptRefs = 1 << 10
	bulkRoom = 32        // bytes that a bulk string takes beside its body, at most
	moveStep = 256 << 10 // bytes of a reply that are moved at once
)

// ref is a body that is referenced: it belongs before buf[at].
type ref struct {
	at   int
	body []byte
}

// Reply collects replies of one connection in the protocol version it speaks.
// Reset must come before the first use. It is not safe for concurrent use.
type Reply struct {
	buf    []byte
	refs   []ref
	inRefs int // bytes of all referenced bodies
	resp3  bool
}

// Mark is a position in a Reply. The zero Mark is the beginning. A mark dies
// when the reply is cut back behind it, and when a deferred length in front of
// it is set.
type Mark struct{ buf, refs, inRefs int }

// Reset empties the reply and sets the protocol version, 2 or 3.
func (r *Reply) Reset(proto int) {
	r.resp3 = proto == 3
	r.Truncate(Mark{})
}

// Drop empties the reply and lets go of buffers larger than MaxKept.
func (r *Reply) Drop() {
	r.Truncate(Mark{})
	if cap(r.buf) > MaxKept {
		r.buf = nil
	}
	if cap(r.refs) > keptRefs {
		r.refs = nil
	}
}

// Grow makes room for n further bytes. A large buffer is cleared and filled in steps between which the garbage collector can stop the
// goroutine. What append does is one step, of ten milliseconds and more for 20 MB, and while the collector waits for it so do others.
func (r *Reply) Grow(n int) {
	if n <= r.Room() {
		return
	}
	buf := make([]byte, 0, len(r.buf)+n)
	for part := range slices.Chunk(r.buf, moveStep) {
		if len(buf) > 0 {
			runtime.Gosched() // a loop of moves hardly ever stands where it can be stopped
		}
		buf = append(buf, part...)
	}
	r.buf = buf
}

// enlarge is Grow for who does not know how much is to come behind these n bytes. Small buffers are left to append.
func (r *Reply) enlarge(n int) {
	if len(r.buf) >= moveStep {
		r.Grow(max(n, len(r.buf)/2))
	}
}

// insert makes room for n bytes at a place of the buffer, where no reference stands, and moves what stands behind it in steps, as Grow does.
func (r *Reply) insert(at, n int) {
	if n > r.Room() {
		r.enlarge(n)
	}
	end := len(r.buf)
	r.buf = slices.Grow(r.buf, n)[:end+n]
	for end > at {
		from := max(end-moveStep, at)
		copy(r.buf[from+n:], r.buf[from:end])
		if end = from; end > at {
			runtime.Gosched()
		}
	}
	for i := len(r.refs) - 1; i >= 0 && r.refs[i].at > at; i-- {
		r.refs[i].at += n
	}
}

// Room returns for how many further bytes there is room.
func (r *Reply) Room() int { return cap(r.buf) - len(r.buf) }

// Lend gives an empty reply a buffer to begin with, unless it has one that is larger.
func (r *Reply) Lend(buf []byte) {
	if len(r.buf) == 0 && cap(buf) > cap(r.buf) {
		r.buf = buf[:0]
	}
}

// TakeLarge empties the reply and takes its buffer from it if that is larger than what Drop would keep; else it returns nil.
func (r *Reply) TakeLarge() (buf []byte) {
	r.Truncate(Mark{})
	if cap(r.buf) > MaxKept {
		buf, r.buf = r.buf, nil
	}
	return buf
}

// SetProto changes the protocol version, 2 or 3, of what is appended from here on.
func (r *Reply) SetProto(proto int) { r.resp3 = proto == 3 }

// Proto returns the protocol version, 2 or 3.
func (r *Reply) Proto() int {
	if r.resp3 {
		return 3
	}
	return 2
}

// Len returns the length of the reply in bytes, referenced bodies included.
func (r *Reply) Len() int { return len(r.buf) + r.inRefs }

// Mark returns the end of the reply so far.
func (r *Reply) Mark() Mark { return Mark{len(r.buf), len(r.refs), r.inRefs} }

// Truncate cuts the reply back to m.
func (r *Reply) Truncate(m Mark) {
	clear(r.refs[m.refs:])
	r.buf, r.refs, r.inRefs = r.buf[:m.buf], r.refs[:m.refs], m.inRefs
}

// OK appends the simple string OK.
func (r *Reply) OK() { r.buf = append(r.buf, "+OK\r\n"...) }

// Simple appends a simple string; line ends in it become spaces.
func (r *Reply) Simple(s string) { r.line('+', s) }

// Error appends an error. msg is the whole text with its code, as in
// "ERR syntax error"; line ends in it become spaces, at its ends they go.
func (r *Reply) Error(msg string) { r.line('-', strings.Trim(msg, "\r\n")) }

func (r *Reply) line(prefix byte, s string) {
	r.buf = append(r.buf, prefix)
	from := len(r.buf)
	r.buf = append(r.buf, s...)
	if strings.ContainsAny(s, "\r\n") {
		for i, c := range r.buf[from:] {
			if c == '\r' || c == '\n' {
				r.buf[from+i] = ' '
			}
		}
	}
	r.buf = append(r.buf, "\r\n"...)
}

// Int appends an integer.
func (r *Reply) Int(n int64) { r.buf = appendHeader(r.buf, ':', n) }

// Bulk appends a bulk string.
func (r *Reply) Bulk(b []byte) {
	if need := bulkRoom + len(b); need > r.Room() {
		r.enlarge(need)
	}
	r.buf = appendBulk(r.buf, b)
}

// BulkString appends a bulk string.
func (r *Reply) BulkString(s string) { r.buf = appendBulk(r.buf, s) }

// BulkInt appends the decimal form of n as a bulk string.
func (r *Reply) BulkInt(n int64) {
	var digits [20]byte
	r.Bulk(strconv.AppendInt(digits[:0], n, 10))
}

// Place returns where the next reply will stand, for BulkAt.
func (r *Reply) Place() int { return len(r.buf) }

// BulkAt returns the body of the bulk string that was appended at a place, valid until more is appended. Places behind a deferred length
// end when that is set.
func (r *Reply) BulkAt(place int) []byte {
	n, at := 0, place+len("$")
	for ; r.buf[at] != '\r'; at++ {
		n = 10*n + int(r.buf[at]-'0')
	}
	at += len("\r\n")
	return r.buf[at : at+n]
}

// Ref appends a bulk string whose body is not copied: b must not change until
// the reply has been written out, truncated, reset or dropped.
func (r *Reply) Ref(b []byte) {
	if len(b) == 0 {
		r.Bulk(nil)
		return
	}
	r.buf = appendHeader(r.buf, '$', int64(len(b)))
	r.refs = append(r.refs, ref{len(r.buf), b})
	r.inRefs += len(b)
	r.buf = append(r.buf, "\r\n"...)
}

// Null appends null: in RESP2 a null bulk string.
func (r *Reply) Null() { r.either("_\r\n", "$-1\r\n") }

// NullArray appends null: in RESP2 a null array.
func (r *Reply) NullArray() { r.either("_\r\n", "*-1\r\n") }

// Bool appends a boolean: in RESP2 the integer 1 or 0.
func (r *Reply) Bool(b bool) {
	if b {
		r.either("#t\r\n", ":1\r\n")
		return
	}
	r.either("#f\r\n", ":0\r\n")
}

func (r *Reply) either(resp3, resp2 string) {
	if r.resp3 {
		r.buf = append(r.buf, resp3...)
		return
	}
	r.buf = append(r.buf, resp2...)
}

// Array begins an array of n elements, which follow.
func (r *Reply) Array(n int) { r.buf = appendHeader(r.buf, '*', int64(n)) }

// Map begins a map of n pairs, which follow, each a key and a value: in RESP2
// an array of 2n elements.
func (r *Reply) Map(n int) { r.aggregate('%', n) }

// Set begins a set of n elements, which follow: in RESP2 an array.
func (r *Reply) Set(n int) { r.aggregate('~', n) }

// Push begins a push message of n elements, which follow: in RESP2 an array.
func (r *Reply) Push(n int) { r.aggregate('>', n) }

func (r *Reply) aggregate(prefix byte, n int) {
	prefix, n = r.degrade(prefix, n)
	r.buf = appendHeader(r.buf, prefix, int64(n))
}

// degrade returns the aggregate that the client knows for this one.
func (r *Reply) degrade(prefix byte, n int) (byte, int) {
	switch {
	case r.resp3:
		return prefix, n
	case prefix == '%':
		return '*', 2 * n
	}
	return '*', n
}

// Double appends a number in Redis's shortest form: in RESP2 as a bulk string.
func (r *Reply) Double(f float64) {
	var digits [32]byte
	r.DoubleText(text.AppendFloat(digits[:0], f))
}

// DoubleText is Double for a number that is text already.
func (r *Reply) DoubleText(b []byte) { r.scalar(',', b) }

// BigNumber appends a decimal number of any size: in RESP2 as a bulk string.
func (r *Reply) BigNumber(s string) { r.scalar('(', []byte(s)) }

func (r *Reply) scalar(prefix byte, b []byte) {
	if !r.resp3 {
		r.Bulk(b)
		return
	}
	r.buf = append(r.buf, prefix)
	r.buf = append(r.buf, b...)
	r.buf = append(r.buf, "\r\n"...)
}

// Verbatim appends text with a three-letter format such as "txt": in RESP2 as
// a bulk string without the format.
func (r *Reply) Verbatim(ext string, b []byte) {
	if !r.resp3 {
		r.Bulk(b)
		return
	}
	r.buf = appendHeader(r.buf, '=', int64(len(ext)+1+len(b)))
	r.buf = append(r.buf, ext...)
	r.buf = append(r.buf, ':')
	r.buf = append(r.buf, b...)
	r.buf = append(r.buf, "\r\n"...)
}

// Raw appends bytes that are already in the client's protocol.
func (r *Reply) Raw(b []byte) { r.buf = append(r.buf, b...) }
