// Reading a Reply back: ranges between marks, written out, copied into another
// reply, or taken apart into elements.
//
// A command that several shards answer in part is put together from such
// ranges, so nothing here may assume that a range is a whole reply, except
// Elements and ParseInt, which say so.

package proto

import (
	"bytes"
	"io"

	"respite/text"
)

// Bytes returns the whole reply. Without references it is a view that is valid
// until the reply changes, with references it is a copy.
func (r *Reply) Bytes() []byte {
	if len(r.refs) == 0 {
		return r.buf
	}
	return r.AppendRange(make([]byte, 0, r.Len()), Mark{}, r.Mark())
}

// Size returns the bytes between two marks.
func (r *Reply) Size(from, to Mark) int {
	return to.buf - from.buf + to.inRefs - from.inRefs
}

// AppendRange appends the bytes between two marks to dst.
func (r *Reply) AppendRange(dst []byte, from, to Mark) []byte {
	at := from.buf
	for _, ref := range r.refs[from.refs:to.refs] {
		dst = append(dst, r.buf[at:ref.at]...)
		dst = append(dst, ref.body...)
		at = ref.at
	}
	return append(dst, r.buf[at:to.buf]...)
}

// AppendChunks appends the bytes between two marks to dst as slices of the
// reply and of what it references, for a gathering write.
func (r *Reply) AppendChunks(dst [][]byte, from, to Mark) [][]byte {
	at := from.buf
	for _, ref := range r.refs[from.refs:to.refs] {
		dst = append(dst, r.buf[at:ref.at], ref.body)
		at = ref.at
	}
	if at == to.buf {
		return dst
	}
	return append(dst, r.buf[at:to.buf])
}

// WriteTo writes the bytes between two marks to w and returns how many were
// written.
func (r *Reply) WriteTo(w io.Writer, from, to Mark) (int64, error) {
	var room [8][]byte
	var written int64
	for _, chunk := range r.AppendChunks(room[:0], from, to) {
		n, err := w.Write(chunk)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// AppendFrom appends the bytes between two marks of another reply; what is
// referenced there is referenced here.
func (r *Reply) AppendFrom(src *Reply, from, to Mark) {
	moved := len(r.buf) - from.buf
	for _, b := range src.refs[from.refs:to.refs] {
		r.refs = append(r.refs, ref{b.at + moved, b.body})
	}
	r.inRefs += to.inRefs - from.inRefs
	r.buf = append(r.buf, src.buf[from.buf:to.buf]...)
}

// Type returns the type byte of the reply that begins at m, 0 at the end.
func (r *Reply) Type(m Mark) byte {
	if m.buf >= len(r.buf) {
		return 0
	}
	return r.buf[m.buf]
}

// ParseInt returns the value of the integer reply that from and to delimit; ok
// is false if it is another reply.
func (r *Reply) ParseInt(from, to Mark) (n int64, ok bool) {
	b := r.buf[from.buf:to.buf]
	if from.refs != to.refs || len(b) <= 1+crlf || b[0] != ':' {
		return 0, false
	}
	return text.ParseInt(b[1 : len(b)-crlf])
}

// Elements walks over the elements of one aggregate reply.
type Elements struct {
	r    *Reply
	next Mark
	left int
}

// Elements returns the elements of the array, set or push, or the keys and
// values of the map, that begins at from. Of any other reply, null included,
// there are none.
func (r *Reply) Elements(from Mark) Elements {
	e := Elements{r: r, next: from}
	switch r.Type(from) {
	case '*', '~', '>', '%':
		e.left = e.skipHeader()
	}
	return e
}

// Len returns how many elements are still to come.
func (e *Elements) Len() int { return e.left }

// Next returns the marks around the next element; ok is false after the last.
func (e *Elements) Next() (from, to Mark, ok bool) {
	if e.left <= 0 {
		return e.next, e.next, false
	}
	e.left--
	from = e.next
	for open := 1; open > 0; open-- {
		open += e.skipHeader()
	}
	return from, e.next, true
}

// skipHeader moves next behind the header and the body, if it has one, of the
// reply there, and returns how many elements follow.
func (e *Elements) skipHeader() int {
	b := e.r.buf[e.next.buf:]
	switch b[0] {
	case '*', '~', '>', '%', '$', '=':
	default:
		e.next.buf += bytes.IndexByte(b, '\n') + 1
		return 0
	}
	n, size, _ := length(b, errBigCount, errCount)
	e.next.buf += size
	switch b[0] {
	case '%':
		return 2 * int(n)
	case '$', '=':
		e.skipBody(int(n))
		return 0
	}
	return max(int(n), 0)
}

func (e *Elements) skipBody(n int) {
	if n < 0 {
		return
	}
	refs := e.r.refs
	if i := e.next.refs; i < len(refs) && refs[i].at == e.next.buf {
		e.next.refs++
		e.next.inRefs += n
		n = 0
	}
	e.next.buf += n + crlf
}
