// Lines and lengths: the small pieces of which requests and replies are made.
//
// Lines end where redis-server's strchr sees them end: at the first delimiter
// in front of which there is no NUL byte. The byte after the CR of a length is
// there but never looked at, as in redis-server.

package proto

import (
	"bytes"

	"respite/text"
)

// quickDigits is how many digits cannot overflow and are worth a loop of their
// own: every length of practice.
const quickDigits = 9

// lineEnd returns the index of delim in b, searched for from the offset from,
// or -1 if it is not there within maxLine bytes, or not yet; resume is then the
// offset from which to search when more has come.
func lineEnd(b []byte, delim byte, from int) (end, resume int) {
	line := b[from:min(len(b), maxLine+1)]
	end = bytes.IndexByte(line, delim)
	stop := len(line)
	if end >= 0 {
		stop = end
	}
	if nul := bytes.IndexByte(line[:stop], 0); nul >= 0 {
		return -1, from + nul
	}
	if end < 0 {
		return -1, from + stop
	}
	return from + end, 0
}

// length reads the number between the type byte b[0] and the line end. next is
// the number of bytes it takes in all, 0 if the line is not all there. A line
// longer than any is the error tooBig, one that holds no number is invalid.
func length(b []byte, tooBig, invalid Error) (n int64, next int, err error) {
	if n, next := quickLength(b); next > 0 {
		return n, next, nil
	}
	end, _ := lineEnd(b, '\r', 0)
	switch {
	case end < 0 && len(b) > maxLine:
		return 0, 0, tooBig
	case end < 0 || end+crlf > len(b):
		return 0, 0, nil
	}
	n, ok := text.ParseInt(b[min(1, end):end])
	if !ok {
		return 0, 0, invalid
	}
	return n, end + crlf, nil
}

// quickLength is length for short canonical numbers; next is 0 for all else.
func quickLength(b []byte) (n int64, next int) {
	for i := 1; i < len(b) && i <= quickDigits+1; i++ {
		d := b[i] - '0'
		if d <= 9 {
			n = n*10 + int64(d)
			continue
		}
		canonical := i > 1 && (b[1] != '0' || i == 2)
		if b[i] == '\r' && canonical && i+1 < len(b) {
			return n, i + crlf
		}
		break
	}
	return 0, 0
}

// appendWords appends the words of a line without quotes, as views of it. White
// space of any kind may stand in front of a word, but vertical tab and form
// feed do not end one.
func appendWords(dst [][]byte, line []byte) [][]byte {
	for i := 0; ; {
		for i < len(line) && (endsWord(line[i]) || line[i] == '\v' || line[i] == '\f') {
			i++
		}
		if i == len(line) {
			return dst
		}
		from := i
		for i < len(line) && !endsWord(line[i]) {
			i++
		}
		dst = append(dst, line[from:i:i])
	}
}

func endsWord(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// grow returns b with room for more, at least twice as much but not more than
// limit bytes in all.
func grow(b []byte, limit int) []byte {
	grown := make([]byte, len(b), min(2*cap(b), limit))
	copy(grown, b)
	return grown
}
