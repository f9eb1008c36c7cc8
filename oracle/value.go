package oracle

// A reply of the wire as a tree, and its two forms: the bytes and the readable
// lines of a transcript. Both forms are bijective: a reply whose length prefixes
// are not in canonical decimal is refused when it is read, so equal lines mean
// equal bytes. RESP2 and RESP3 are read alike; the type byte tells which it was.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"respite/text"
)

const (
	maxDepth  = 64        // nested aggregates a reply may have
	maxLength = 512 << 20 // bytes of a bulk, elements of an aggregate
	indent    = "  "      // one level of an aggregate in readable lines
)

// ErrProtocol says that the peer sent something that is no canonical RESP reply.
var ErrProtocol = errors.New("malformed reply")

// Value is one reply. The type bytes are those of RESP: + - : $ * and, since
// RESP3, _ # , ( = ! % ~ > |.
type Value struct {
	Kind  byte
	Text  string  // payload of a scalar as it was sent, without CRLF; "txt:..." of a verbatim string
	Null  bool    // $-1 or *-1
	Elems []Value // elements of an aggregate; keys and values alternate in % and |
}

// ReadReply reads one whole reply and returns its bytes as they were sent.
func ReadReply(r *bufio.Reader) (raw []byte, err error) {
	v, err := ReadValue(r)
	if err != nil {
		return nil, err
	}
	return v.Append(nil), nil
}

// ReadValue reads one whole reply. The error is ErrProtocol, wrapped, for bytes
// that are no reply, and the reader's own error otherwise.
func ReadValue(r *bufio.Reader) (Value, error) { return readValue(r, 0) }

func readValue(r *bufio.Reader, depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, fmt.Errorf("%w: nested deeper than %d", ErrProtocol, maxDepth)
	}
	line, err := readLine(r)
	if err != nil {
		return Value{}, err
	}
	if line == "" {
		return Value{}, fmt.Errorf("%w: empty line", ErrProtocol)
	}
	v := Value{Kind: line[0], Text: line[1:]}
	switch {
	case isLine(v.Kind):
		return v, nil
	case isBlob(v.Kind):
		return readBlob(r, v)
	case isAggregate(v.Kind):
		return readElems(r, v, depth)
	}
	return Value{}, fmt.Errorf("%w: type byte %q", ErrProtocol, v.Kind)
}

func isLine(kind byte) bool      { return strings.IndexByte("+-:_#,(", kind) >= 0 }
func isBlob(kind byte) bool      { return strings.IndexByte("$=!", kind) >= 0 }
func isAggregate(kind byte) bool { return strings.IndexByte("*%~>|", kind) >= 0 }

// perElem is how many values follow for each element that a header counts.
func perElem(kind byte) int {
	if kind == '%' || kind == '|' {
		return 2
	}
	return 1
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", noEOF(err, len(line))
	}
	body, ok := strings.CutSuffix(line, "\r\n")
	if !ok || strings.ContainsRune(body, '\r') {
		return "", fmt.Errorf("%w: line %q does not end in CRLF", ErrProtocol, line)
	}
	return body, nil
}

// noEOF turns an end in the middle of a reply into io.ErrUnexpectedEOF, so that
// io.EOF always means a close between replies.
func noEOF(err error, got int) error {
	if errors.Is(err, io.EOF) && got > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readLength turns the header's text into a length; null is -1.
func readLength(v Value) (int, error) {
	n, err := strconv.Atoi(v.Text)
	nullable := v.Kind == '$' || v.Kind == '*'
	if err != nil || strconv.Itoa(n) != v.Text || n > maxLength || n < -1 || n < 0 && !nullable {
		return 0, fmt.Errorf("%w: length %q of type %q", ErrProtocol, v.Text, v.Kind)
	}
	return n, nil
}

func readBlob(r *bufio.Reader, v Value) (Value, error) {
	n, err := readLength(v)
	if err != nil {
		return Value{}, err
	}
	v.Text, v.Null = "", n < 0
	if v.Null {
		return v, nil
	}
	var body bytes.Buffer // grows with what arrives, not with what is claimed
	if _, err := io.CopyN(&body, r, int64(n)+2); err != nil {
		return Value{}, noEOF(err, 1)
	}
	payload, ok := bytes.CutSuffix(body.Bytes(), []byte("\r\n"))
	if !ok {
		return Value{}, fmt.Errorf("%w: a bulk of %d bytes is not followed by CRLF", ErrProtocol, n)
	}
	v.Text = string(payload)
	return v, nil
}

func readElems(r *bufio.Reader, v Value, depth int) (Value, error) {
	n, err := readLength(v)
	if err != nil {
		return Value{}, err
	}
	v.Text, v.Null = "", n < 0
	for range max(n, 0) * perElem(v.Kind) {
		elem, err := readValue(r, depth+1)
		if err != nil {
			return Value{}, noEOF(err, 1)
		}
		v.Elems = append(v.Elems, elem)
	}
	return v, nil
}

// Append appends the bytes of the reply to dst.
func (v Value) Append(dst []byte) []byte {
	dst = append(dst, v.Kind)
	switch {
	case v.Null:
		return append(dst, "-1\r\n"...)
	case isBlob(v.Kind):
		dst = strconv.AppendInt(dst, int64(len(v.Text)), 10)
		dst = append(append(dst, "\r\n"...), v.Text...)
	case isAggregate(v.Kind):
		dst = strconv.AppendInt(dst, int64(len(v.Elems)/perElem(v.Kind)), 10)
	default:
		dst = append(dst, v.Text...)
	}
	dst = append(dst, "\r\n"...)
	for _, elem := range v.Elems {
		dst = elem.Append(dst)
	}
	return dst
}

// Equal reports whether both replies are the same bytes.
func (v Value) Equal(w Value) bool {
	if v.Kind != w.Kind || v.Text != w.Text || v.Null != w.Null || len(v.Elems) != len(w.Elems) {
		return false
	}
	for i := range v.Elems {
		if !v.Elems[i].Equal(w.Elems[i]) {
			return false
		}
	}
	return true
}

// Int returns the integer that a : reply carries.
func (v Value) Int() (int64, bool) {
	n, err := strconv.ParseInt(v.Text, 10, 64)
	return n, err == nil && v.Kind == ':'
}

// String is the readable form: the lines of a transcript.
func (v Value) String() string { return strings.Join(v.Lines(), "\n") }

// Lines returns the readable form: a scalar is its type byte and its payload, a
// bulk is its quoted payload alone, an aggregate is its header and its elements,
// one level further in.
func (v Value) Lines() []string { return v.appendLines(nil, "") }

func (v Value) appendLines(lines []string, lead string) []string {
	lines = append(lines, lead+v.line())
	for _, elem := range v.Elems {
		lines = elem.appendLines(lines, lead+indent)
	}
	return lines
}

func (v Value) line() string {
	switch {
	case v.Null:
		return string(v.Kind) + "-1"
	case v.Kind == '$':
		return quote(v.Text)
	case isBlob(v.Kind), isLine(v.Kind) && !isPlain(v.Text):
		return string(v.Kind) + quote(v.Text)
	case isAggregate(v.Kind):
		return string(v.Kind) + strconv.Itoa(len(v.Elems)/perElem(v.Kind))
	}
	return string(v.Kind) + v.Text
}

// isPlain reports whether a line's payload can stand in a transcript unquoted.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return !strings.HasPrefix(s, `"`) && strings.TrimSpace(s) == s
}

func quote(s string) string { return string(text.AppendQuoted(nil, []byte(s))) }

func unquote(s string) (string, error) {
	args, err := text.SplitArgs(s)
	if err != nil || len(args) != 1 {
		return "", fmt.Errorf("bad quoted string %s", s)
	}
	return args[0], nil
}

// ParseLines reads the readable form of one reply at the start of lines and
// returns how many lines it took.
func ParseLines(lines []string) (v Value, taken int, err error) { return parseLines(lines, "") }

func parseLines(lines []string, lead string) (Value, int, error) {
	if len(lines) == 0 {
		return Value{}, 0, errors.New("a reply is cut short")
	}
	line, ok := strings.CutPrefix(lines[0], lead)
	if !ok || line == "" || line[0] == ' ' {
		return Value{}, 0, fmt.Errorf("bad indentation of %q", lines[0])
	}
	v, count, err := parseLine(line)
	taken := 1
	for i := 0; err == nil && i < count; i++ {
		var elem Value
		var n int
		elem, n, err = parseLines(lines[taken:], lead+indent)
		v.Elems = append(v.Elems, elem)
		taken += n
	}
	return v, taken, err
}

// parseLine reads one line; count says how many values it announces.
func parseLine(line string) (v Value, count int, err error) {
	v = Value{Kind: line[0], Text: line[1:]}
	switch {
	case v.Kind == '"':
		v.Kind = '$'
		v.Text, err = unquote(line)
	case line == "$-1" || line == "*-1":
		v.Text, v.Null = "", true
	case isAggregate(v.Kind):
		count, err = readLength(v)
		v.Text, count = "", count*perElem(v.Kind)
	case strings.HasPrefix(v.Text, `"`) && (isLine(v.Kind) || v.Kind == '=' || v.Kind == '!'):
		v.Text, err = unquote(v.Text)
	case !isLine(v.Kind):
		err = fmt.Errorf("%q is no reply", line)
	}
	return v, count, err
}
