// Framing for the replies-only server: where a request ends, by the lengths
// that it declares. Nothing is decoded.

package bench

import (
	"bytes"
	"errors"
)

var errFraming = errors.New("a request is not an array of bulk strings")

// maxHeaderDigits keeps a declared length far from overflow.
const maxHeaderDigits = 9

// frame measures the first request of b: its length, 0 if it is not whole yet,
// and the first letter of its command.
func frame(b []byte) (n int, letter byte, err error) {
	args, n, err := header(b, '*')
	if n == 0 || err != nil {
		return 0, 0, err
	}
	for i := range args {
		size, used, err := header(b[n:], '$')
		if used == 0 || err != nil {
			return 0, 0, err
		}
		n += used
		if i == 0 && n < len(b) {
			letter = b[n]
		}
		if n += size + len(crlf); n > len(b) {
			return 0, 0, nil
		}
	}
	return n, letter, nil
}

// header reads a line of mark and a decimal count; used is 0 if it is not whole.
func header(b []byte, mark byte) (count, used int, err error) {
	if len(b) > 0 && b[0] != mark {
		return 0, 0, errFraming
	}
	for i := 1; i < len(b); i++ {
		switch {
		case isDigit(b[i]) && i <= maxHeaderDigits:
			count = count*10 + int(b[i]-'0')
		case bytes.HasPrefix(b[i:], []byte(crlf)):
			return count, i + len(crlf), nil
		case b[i] == '\r' && i == len(b)-1:
			return 0, 0, nil
		default:
			return 0, 0, errFraming
		}
	}
	return 0, 0, nil
}
