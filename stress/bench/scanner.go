// The reply scanner: counts replies in a byte stream and checks that each has
// the one shape its command must answer with, without decoding anything.
//
// Invariant: a scanner sees every byte of its connection once and in order, so
// a reply may be split anywhere. Whole replies take the fast path; only the
// reply that a read cut in two is matched byte by byte.

package bench

import (
	"bytes"
	"fmt"
)

// A shape is the form that every reply to one kind of request must have.
type shape struct {
	head string // exact first bytes: "+OK\r\n", or the "$32\r\n" of a bulk string
	body int    // bytes of any content after head, closed by CRLF; 0 means that head is all
	line bool   // after head come one or more digits and CRLF
	text bool   // a bulk string of any length without line ends in it
}

// bulkShape is a bulk string of exactly size bytes.
func bulkShape(size int) shape { return shape{head: fmt.Sprintf("$%d\r\n", size), body: size} }

// lineShape is one fixed line, such as "+OK".
func lineShape(text string) shape { return shape{head: text + "\r\n"} }

// integerShape is any integer reply that is not negative.
func integerShape() shape { return shape{head: ":", line: true} }

// textShape is a bulk string of one line, however long, such as the id of an entry.
func textShape() shape { return shape{head: "$", text: true} }

// length is the size of a whole reply in bytes; integers and texts have none.
func (s shape) length() int {
	if s.body == 0 {
		return len(s.head)
	}
	return len(s.head) + s.body + len(crlf)
}

const (
	crlf = "\r\n"
	// maxDigits is as long as a 64-bit integer prints.
	maxDigits = 19
	// shownBytes is how much of a wrong reply an error message quotes.
	shownBytes = 80
)

// A scanner follows the replies of one connection. at is the number of bytes
// of the current reply that were already matched.
type scanner struct {
	shape shape
	at    int
	digit byte // the last byte of an integer reply: is a digit or '\r' behind us?
}

// scan matches the next bytes of the stream and returns how many replies they
// complete. Any byte that does not fit the shape is an error, and so is '-'.
func (s *scanner) scan(b []byte) (replies int, err error) {
	switch {
	case s.shape.line:
		return s.scanIntegers(b)
	case s.shape.text:
		return s.scanTexts(b)
	}
	n := s.shape.length()
	for i := 0; i < len(b); {
		if s.at == 0 && len(b)-i >= n {
			if !s.shape.matches(b[i : i+n]) {
				return replies, s.wrong(b[i:])
			}
			i += n
			replies++
			continue
		}
		step, ok := s.part(b[i:], n)
		if !ok {
			return replies, s.wrong(b[i:])
		}
		i += step
		if s.at == n {
			s.at = 0
			replies++
		}
	}
	return replies, nil
}

// matches tells whether reply, one whole reply long, has the shape.
func (s *shape) matches(reply []byte) bool {
	if string(reply[:len(s.head)]) != s.head {
		return false
	}
	return s.body == 0 || string(reply[len(reply)-len(crlf):]) == crlf
}

// part matches one byte of head or closing CRLF, or as much of the body as b
// holds, of a reply of n bytes that did not arrive whole.
func (s *scanner) part(b []byte, n int) (step int, ok bool) {
	bodyEnd := len(s.shape.head) + s.shape.body
	switch {
	case s.at < len(s.shape.head):
		step, ok = 1, b[0] == s.shape.head[s.at]
	case s.at < bodyEnd:
		step, ok = min(len(b), bodyEnd-s.at), true
	default:
		step, ok = 1, b[0] == crlf[len(crlf)-(n-s.at)]
	}
	s.at += step
	return step, ok
}

// scanIntegers is scan for replies whose length varies.
func (s *scanner) scanIntegers(b []byte) (replies int, err error) {
	for i, c := range b {
		switch {
		case s.at == 0 && c == ':':
		case s.at >= 1 && s.at <= maxDigits && isDigit(c) && s.digit != '\r':
		case s.at >= 2 && c == '\r' && isDigit(s.digit):
		case c == '\n' && s.digit == '\r':
			s.at, s.digit = 0, 0
			replies++
			continue
		default:
			return replies, s.wrong(b[i:])
		}
		s.at++
		s.digit = c
	}
	return replies, nil
}

// scanTexts is scan for texts: each is two lines, and at counts those of them that have begun.
func (s *scanner) scanTexts(b []byte) (replies int, err error) {
	for len(b) > 0 {
		if s.at == 0 {
			if b[0] != s.shape.head[0] {
				return replies, s.wrong(b)
			}
			s.at = 1
		}
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			return replies, nil
		}
		b = b[end+1:]
		if s.at++; s.at > textLines {
			s.at = 0
			replies++
		}
	}
	return replies, nil
}

// textLines are the lines of a bulk string of one line: its length and itself.
const textLines = 2

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// wrong describes the reply that did not fit, up to the end of its line.
func (s *scanner) wrong(rest []byte) error {
	shown := rest[:min(len(rest), shownBytes)]
	if end := bytes.IndexByte(shown, '\n'); end >= 0 {
		shown = shown[:end+1]
	}
	return fmt.Errorf("unexpected reply: want one like %q, %d bytes of it matched, then came %q", s.shape.example(), s.at, shown)
}

// example is the beginning of a right reply, for messages.
func (s shape) example() string {
	switch {
	case s.line:
		return s.head + "1" + crlf
	case s.text:
		return s.head + "1" + crlf + "x" + crlf
	}
	return s.head
}
