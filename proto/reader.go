// Reader: bytes to arguments.
//
// The parser never blocks and never looks back: Next consumes what is buffered
// and remembers where it stopped, Fill makes one read. Arguments are views of
// the buffer, which only Fill and Release may move, so a whole pipeline can be
// parsed and run without a copy.
//
// Invariant: the outcome depends on the bytes alone, never on how the reads
// cut them. Whoever adds a rule must phrase it as "the first n bytes of the
// command decide", and must look only at the bytes that window returns.

package proto

import (
	"bufio"
	"bytes"
	"io"

	"respite/text"
)

const (
	crlf = 2
	// trustedBulk is how much is allocated on the word of a bulk header; beyond
	// it memory grows with the bytes that really arrive.
	trustedBulk = 1 << 20
)

// Reader parses the requests of one connection. It is not safe for concurrent
// use.
type Reader struct {
	src   source
	pool  *Pool
	small *bufio.Reader // the buffer at rest
	br    *bufio.Reader // the buffer in use: small, or a large one of the pool
	buf   []byte        // what br holds
	work  *scratch      // nil at rest
	err   error         // the error that ended the stream of commands

	start int   // offset in buf of the current command, or of what is left of it there
	pos   int   // offset from start of the first byte not looked at
	moved int64 // bytes of the current command that are no longer in buf
	left  int   // arguments of the current command still to come, 0 before its header
	bulk  int   // length of the argument to come, -1 before its header
}

// NewReader returns a Reader of src with buffers of its own.
func NewReader(src io.Reader) *Reader { return new(Pool).NewReader(src) }

// NewReader returns a Reader of src that borrows large buffers from p.
func (p *Pool) NewReader(src io.Reader) *Reader {
	r := &Reader{src: source{src: src}, pool: p, bulk: -1}
	r.small = bufio.NewReaderSize(&r.src, smallBuffer)
	r.br = r.small
	return r
}

// Next returns the next whole command that is buffered; ok is false if more
// bytes are needed. It never reads src. The arguments, at least one, are valid
// until Fill or Release. An error, an Error or ErrQueryLimit, is final.
func (r *Reader) Next(l *Limits) (args [][]byte, ok bool, err error) {
	for r.err == nil && (r.start < len(r.buf) || r.moved > 0) {
		if r.work == nil {
			r.work = r.pool.takeScratch()
		}
		first := len(r.work.args)
		done, err := r.parse(l)
		switch {
		case err != nil:
			r.err = err
		case !done:
			return nil, false, r.overLimit(l)
		case len(r.work.args) > first:
			args = r.work.args[first:]
			return args[:len(args):len(args)], true, nil
		}
	}
	return nil, false, r.err
}

// overLimit ends the stream if the incomplete command is already too long.
func (r *Reader) overLimit(l *Limits) error {
	if r.moved+int64(len(r.buf)-r.start) > l.MaxQuery {
		r.err = ErrQueryLimit
	}
	return r.err
}

// window returns the bytes of the buffer that the current command may use.
func (r *Reader) window(l *Limits) []byte {
	b := r.buf[r.start:]
	if rest := l.MaxQuery - r.moved; int64(len(b)) > rest {
		return b[:max(rest, 0)]
	}
	return b
}

// parse advances the current command. When it is done its arguments, if it has
// any, have been appended to work.args.
func (r *Reader) parse(l *Limits) (done bool, err error) {
	b := r.window(l)
	if len(b) < r.pos {
		return false, nil // the limit was lowered to less than what is parsed
	}
	if r.left == 0 {
		if len(b) == 0 {
			return false, nil
		}
		if b[0] != '*' {
			return r.inline(b)
		}
		if ok, err := r.count(b, l); !ok || err != nil {
			return false, err
		}
	}
	for {
		if err := r.bulks(b, l); err != nil {
			return false, err
		}
		if r.left == 0 {
			r.finish()
			return true, nil
		}
		if r.bulk < BigArg || !r.bigBulk(l) {
			return false, nil
		}
		b = r.window(l)
	}
}

// count reads the header of a multibulk command. A count of zero or less makes
// an empty command.
func (r *Reader) count(b []byte, l *Limits) (ok bool, err error) {
	n, next, err := length(b, errBigCount, errCount)
	switch {
	case next == 0 || err != nil:
		return false, err
	case n > maxArgs:
		return false, errCount
	case n > unauthArgs && !l.Authenticated:
		return false, errUnauthCount
	}
	r.pos = next
	r.left = int(max(n, 0))
	r.work.spans = r.work.spans[:0]
	return true, nil
}

// bulks reads arguments from b until the command is whole, or until it needs
// more bytes, or until a big argument comes.
func (r *Reader) bulks(b []byte, l *Limits) (err error) {
	w, base := r.work, r.spilled()
	spans, pos, bulk, left := w.spans, r.pos, r.bulk, r.left
	for left > 0 {
		if bulk < 0 {
			n, size := shortLength(b[pos:])
			if size == 0 {
				if n, size, err = bulkHeader(b[pos:], l); size == 0 {
					break
				}
			}
			bulk = n
			pos += size
		}
		end := pos + bulk + crlf
		if end > len(b) || bulk >= BigArg {
			break
		}
		spans = append(spans, span{base + pos, bulk})
		bulk, pos, left = -1, end, left-1
	}
	w.spans, r.pos, r.bulk, r.left = spans, pos, bulk, left
	return err
}

// shortLength is bulkHeader for lengths of one or two digits, which nearly all are, and which no limit forbids; size is 0 for all else.
func shortLength(b []byte) (n, size int) {
	if len(b) < len("$00\r\n") || b[0] != '$' {
		return 0, 0
	}
	d, e := b[1]-'0', b[2]-'0'
	switch {
	case d > 9:
		return 0, 0
	case b[2] == '\r':
		return int(d), len("$0\r\n")
	case e <= 9 && d > 0 && b[3] == '\r':
		return int(d)*10 + int(e), len("$00\r\n")
	}
	return 0, 0
}

// bulkHeader reads "$n" with its line end. size is the number of bytes it
// takes, 0 if it is not all there or wrong.
func bulkHeader(b []byte, l *Limits) (n, size int, err error) {
	if v, size := quickLength(b); size > 0 && b[0] == '$' && v <= unauthBulk && v <= l.MaxBulk {
		return int(v), size, nil
	}
	v, size, err := length(b, errBigBulkCount, errBulk)
	switch {
	case size == 0 && err != errBulk:
		return 0, 0, err
	case b[0] != '$':
		return 0, 0, errExpected(b[0])
	case err != nil:
		return 0, 0, err
	case v < 0 || v > l.MaxBulk:
		return 0, 0, errBulk
	case v > unauthBulk && !l.Authenticated:
		return 0, 0, errUnauthBulk
	}
	return int(v), size, nil
}

// bigBulk moves what the buffer has of a big argument to its own allocation
// and reports whether the argument is complete.
func (r *Reader) bigBulk(l *Limits) bool {
	w := r.work
	if w.big == nil {
		r.spillParsed()
		w.big = make([]byte, 0, min(r.bulk, trustedBulk))
	}
	b := r.window(l)
	n := min(len(b), r.bulk-len(w.big))
	if n > cap(w.big)-len(w.big) {
		w.big = grow(w.big, r.bulk)
	}
	w.big = append(w.big, b[:n]...)
	r.skip(n)
	if len(w.big) < r.bulk || len(b)-n < crlf {
		return false
	}
	r.skip(crlf)
	w.bigs = append(w.bigs, w.big)
	w.spans = append(w.spans, span{0, r.bulk})
	w.big, r.bulk = nil, -1
	r.left--
	return true
}

// skip takes n bytes of the current command out of the buffer.
func (r *Reader) skip(n int) {
	r.start += n
	r.moved += int64(n)
}

// spilled returns how many bytes of the current command are in work.spill.
func (r *Reader) spilled() int { return len(r.work.spill) - r.work.spillFrom }

// spillParsed moves the parsed part of the current command to work.spill.
func (r *Reader) spillParsed() {
	w := r.work
	w.spill = append(w.spill, r.buf[r.start:r.start+r.pos]...)
	r.skip(r.pos)
	r.pos = 0
}

// finish turns the spans of a whole command into arguments.
func (r *Reader) finish() {
	w := r.work
	if r.moved > 0 {
		r.finishMoved()
	} else {
		b, args := r.buf[r.start:], w.args
		for _, s := range w.spans {
			args = append(args, b[s.off:s.off+s.n:s.off+s.n])
		}
		w.args = args
	}
	r.end()
}

// finishMoved is finish for a command that is not all in the buffer.
func (r *Reader) finishMoved() {
	w, base, big := r.work, r.spilled(), 0
	for _, s := range w.spans {
		switch {
		case s.n >= BigArg:
			w.args = append(w.args, w.bigs[big])
			big++
		case s.off < base:
			at := w.spillFrom + s.off
			w.args = append(w.args, w.spill[at:at+s.n:at+s.n])
		default:
			at := r.start + s.off - base
			w.args = append(w.args, r.buf[at:at+s.n:at+s.n])
		}
	}
	w.done()
}

// end makes the byte after the current command the start of the next one.
func (r *Reader) end() {
	r.start += r.pos
	r.pos, r.moved = 0, 0
}

// Owned reports whether argument i of the last command that Next returned is
// an allocation of its own, which the caller may keep.
func (r *Reader) Owned(i int) bool {
	return r.work != nil && i < len(r.work.spans) && r.work.spans[i].n >= BigArg
}

// inline reads a command that is a line of words.
func (r *Reader) inline(b []byte) (done bool, err error) {
	end, resume := lineEnd(b, '\n', r.pos)
	switch {
	case end < 0 && len(b) > maxLine:
		return false, errBigInline
	case end < 0:
		r.pos = resume
		return false, nil
	}
	r.work.spans = r.work.spans[:0]
	if err := r.words(bytes.TrimSuffix(b[:end], []byte{'\r'})); err != nil {
		return false, err
	}
	r.pos = end + 1
	r.end()
	return true, nil
}

// words appends the words of line to work.args. Only quotes need a copy.
func (r *Reader) words(line []byte) error {
	if bytes.IndexByte(line, '"') < 0 && bytes.IndexByte(line, '\'') < 0 {
		r.work.args = appendWords(r.work.args, line)
		return nil
	}
	words, err := text.SplitArgBytes(line)
	if err != nil {
		return errQuotes
	}
	r.work.args = append(r.work.args, words...)
	return nil
}
