// The other half of Reader: where bytes come from and where they are kept.
//
// One Fill is one read of the source, whatever it is for: the buffer, or
// straight into a big argument. A buffer is at most half full of parsed bytes
// when it is read into: what is parsed of a longer command spills.

package proto

import (
	"bufio"
	"io"
)

// source is what the buffers read: bytes left over from the buffer used
// before, then the connection. It holds back an error that came with bytes, so
// that a buffer never has one in store when another takes its place.
type source struct {
	src  io.Reader
	rest []byte
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	if len(s.rest) > 0 {
		n := copy(p, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	if err := s.err; err != nil {
		s.err = nil
		return 0, err
	}
	n, err := s.src.Read(p)
	if n > 0 && err != nil {
		s.err, err = err, nil
	}
	return n, err
}

// Fill forgets the commands that Next returned, whose arguments die, and reads
// the source once, blocking as it does, and returns its error; the commands
// that came before the error are still there for Next. If the buffer is full
// of commands that Next has not been asked for, Fill reads nothing.
func (r *Reader) Fill() error {
	full := r.br.Buffered() == r.br.Size()
	if r.work != nil {
		r.work.reset(r.left > 0)
		if r.left > 0 && len(r.buf)-r.start > largeBuffer/2 {
			r.spillParsed()
		}
	}
	r.discard()
	if r.work != nil && r.work.big != nil && len(r.work.big) < r.bulk {
		return r.fillBig()
	}
	if full && r.br == r.small {
		r.moveTo(r.pool.takeLarge())
	}
	if r.br.Buffered() == r.br.Size() {
		return nil
	}
	_, err := r.br.Peek(r.br.Buffered() + 1)
	r.look()
	return err
}

// fillBig reads the source into the big argument that is being filled. What is
// asked for is less than a buffer near its end, so the tail comes through the
// buffer, together with what follows it.
func (r *Reader) fillBig() error {
	w := r.work
	if len(w.big) == cap(w.big) {
		w.big = grow(w.big, r.bulk)
	}
	n, err := r.br.Read(w.big[len(w.big):cap(w.big)])
	w.big = w.big[:len(w.big)+n]
	r.moved += int64(n)
	r.look()
	return err
}

// discard drops what is consumed from the buffer.
func (r *Reader) discard() {
	// Discard cannot fail: start is within what is buffered.
	_, _ = r.br.Discard(r.start)
	r.start = 0
	r.look()
}

// look makes buf what br holds.
func (r *Reader) look() {
	r.buf, _ = r.br.Peek(r.br.Buffered())
}

// moveTo goes on with another buffer, which takes over what is buffered.
func (r *Reader) moveTo(br *bufio.Reader) {
	r.src.rest = r.buf
	br.Reset(&r.src)
	// One read of src.rest, which fits in br: it cannot fail.
	_, _ = br.Peek(len(r.buf))
	r.src.rest = nil
	r.br = br
	r.look()
}

// Release gives back what only traffic needs; the arguments that Next returned
// die. Bytes that are buffered stay. A connection calls it when it goes quiet.
func (r *Reader) Release() {
	if w := r.work; w != nil {
		w.reset(r.left > 0)
		if cap(w.big)-len(w.big) >= BigArg { // what is not there yet may never come
			w.big = append(make([]byte, 0, max(len(w.big), BigArg)), w.big...)
		}
	}
	r.discard()
	if r.br != r.small && len(r.buf) <= smallBuffer {
		large := r.br
		r.moveTo(r.small)
		r.pool.putLarge(large)
	}
	r.PutDown()
}

// PutDown gives back what parsing took, unless a command is only half there; the arguments that Next returned die. A connection calls
// it whenever it has run what came: the next one to parse on this processor finds in its cache what this one used.
func (r *Reader) PutDown() {
	if r.work == nil || r.left > 0 || r.moved > 0 {
		return
	}
	r.work.reset(false)
	r.pool.putScratch(r.work)
	r.work = nil
}

// Buffered returns how many bytes have come that Next has not returned.
func (r *Reader) Buffered() int {
	return int(r.moved) + len(r.buf) - r.start
}

// Query returns how many bytes of input the buffers hold: what has come and is not parsed, and of a big argument all that has come.
func (r *Reader) Query() int {
	n := len(r.buf) - r.start
	if r.work != nil {
		n += len(r.work.big)
	}
	return n
}

// Idle reports that no byte of a further command has come.
func (r *Reader) Idle() bool { return r.Buffered() == 0 }

// InBuffer reports that the arguments of the command that Next has just returned are views of the buffer, so that not PutDown but only the
// next Fill or Release ends them.
func (r *Reader) InBuffer() bool { return len(r.work.spill) == 0 }

// Footprint returns the bytes of memory that the buffers of r take.
func (r *Reader) Footprint() int {
	n := smallBuffer
	if r.br != r.small {
		n += largeBuffer
	}
	if w := r.work; w != nil {
		n += cap(w.spill) + cap(w.big) + sizeofArg*cap(w.args) + sizeofSpan*cap(w.spans)
		for _, b := range w.bigs {
			n += cap(b)
		}
	}
	return n
}
