// The other protocol that a port may be asked in: HTTP, for health checks and metrics. Only the beginning of a request is
// recognised here; what it means is not the protocol's business.

package proto

import "bytes"

// maxHead is the longest head of an HTTP request, in bytes.
const maxHead = 16 << 10

// errBigHead is the error for a longer one.
const errBigHead = Error("too big HTTP request")

// Request looks for an HTTP request where the next command would begin, by its first line: GET or HEAD, a path, and the
// version. Clients of Redis may send such a line as an inline command, but for the version. If there is one, is is true, Next must not be
// called, and head is the request line and the header lines with the empty line at their end, or nil as long as that has not come; it is valid
// until Fill or Release, and the body is never read.
func (r *Reader) Request() (head []byte, is bool, err error) {
	if r.left > 0 || r.moved > 0 {
		return nil, false, nil
	}
	b := r.buf[r.start:]
	if !bytes.HasPrefix(b, []byte("GET /")) && !bytes.HasPrefix(b, []byte("HEAD /")) {
		return nil, false, nil
	}
	line, _, whole := bytes.Cut(b, []byte{'\n'})
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if !whole || !bytes.HasSuffix(line, []byte(" HTTP/1.1")) && !bytes.HasSuffix(line, []byte(" HTTP/1.0")) {
		return nil, false, nil
	}
	switch end := headEnd(b); {
	case end > maxHead, end < 0 && len(b) > maxHead:
		r.err = errBigHead
		return nil, true, r.err
	case end < 0:
		return nil, true, nil
	default:
		r.start, r.pos = r.start+end, 0
		return b[:end], true, nil
	}
}

// headEnd returns how long a head is, or -1 if its empty line has not come. Lines may end without a carriage return.
func headEnd(b []byte) int {
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return -1
		}
		line := b[at : at+n]
		at += n + 1
		if len(bytes.TrimSuffix(line, []byte{'\r'})) == 0 {
			return at
		}
	}
}
