// Decoder: replies as a client reads them, for tests and load generators.
//
// It accepts what servers send and nothing looser: every line ends in CRLF,
// every number is canonical. It trusts no length: memory grows with the bytes
// that really arrive.

package proto

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"respite/text"
)

// DecoderLimits bounds what a Decoder accepts of one reply.
type DecoderLimits struct {
	MaxBulk  int // longest string in bytes
	MaxElems int // most elements in all aggregates together
	MaxDepth int // most aggregates inside one another
}

// DefaultDecoderLimits returns limits that no reply of a real server exceeds.
func DefaultDecoderLimits() DecoderLimits {
	return DecoderLimits{MaxBulk: defaultBulk, MaxElems: 1 << 28, MaxDepth: 128}
}

// ErrReply is wrapped by every error that means that the bytes are no reply,
// or one beyond the limits. After any error the stream is out of step.
var ErrReply = errors.New("malformed reply")

// Decoder reads replies. It is not safe for concurrent use.
type Decoder struct {
	br     *bufio.Reader
	limits DecoderLimits
	elems  int    // elements of the current reply so far
	long   []byte // a line longer than the buffer
}

// NewDecoder returns a Decoder of src.
func NewDecoder(src io.Reader, limits DecoderLimits) *Decoder {
	return &Decoder{br: bufio.NewReaderSize(src, largeBuffer), limits: limits}
}

// Buffered returns how many bytes were read from the source and not decoded.
func (d *Decoder) Buffered() int { return d.br.Buffered() }

// Decode reads one reply. The error is io.EOF only between two replies.
func (d *Decoder) Decode() (Value, error) {
	var v Value
	err := d.DecodeInto(&v)
	return v, err
}

// DecodeInto is Decode into a Value whose memory is used again.
func (d *Decoder) DecodeInto(v *Value) error {
	d.elems = 0
	if _, err := d.br.Peek(1); err != nil {
		return err
	}
	err := d.value(v, 0)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (d *Decoder) value(v *Value, depth int) error {
	*v = Value{Str: v.Str[:0], Elems: v.Elems[:0]}
	line, err := d.line()
	if err != nil {
		return err
	}
	if line[0] == '|' {
		if line, err = d.attributes(v, line, depth); err != nil {
			return err
		}
	}
	v.Type = Type(line[0])
	switch body := line[1:]; v.Type {
	case TypeSimple, TypeError:
		v.Str = append(v.Str, body...)
		return nil
	case TypeBulk, TypeBulkError, TypeVerbatim:
		return d.bulk(v, body)
	case TypeArray, TypeSet, TypePush, TypeMap:
		return d.aggregate(v, body, depth)
	default:
		return scalar(v, body)
	}
}

// attributes reads the attribute whose header is line, and the header of the
// reply that it belongs to.
func (d *Decoder) attributes(v *Value, line []byte, depth int) ([]byte, error) {
	n, ok := text.ParseInt(line[1:])
	if !ok || n < 0 {
		return nil, malformed("attribute", line)
	}
	var err error
	if v.Attrs, err = d.elements(nil, n, 2, depth); err != nil {
		return nil, err
	}
	if line, err = d.line(); err == nil && line[0] == '|' {
		err = malformed("attribute of an attribute", line)
	}
	return line, err
}

// scalar reads the types that are a line and nothing more.
func scalar(v *Value, body []byte) error {
	ok := false
	switch v.Type {
	case TypeInt:
		v.Int, ok = text.ParseInt(body)
	case TypeNull:
		v.Null, ok = true, len(body) == 0
	case TypeBool:
		v.Int, ok = parseBool(body)
	case TypeDouble:
		v.Str = append(v.Str, body...)
		v.Float, ok = parseDouble(body)
	case TypeBigNumber:
		v.Str = append(v.Str, body...)
		ok = isBigNumber(body)
	}
	if !ok {
		return malformed(fmt.Sprintf("type %q", byte(v.Type)), body)
	}
	return nil
}

func (d *Decoder) bulk(v *Value, header []byte) error {
	n, ok := text.ParseInt(header)
	switch {
	case ok && n == -1 && v.Type == TypeBulk:
		v.Null = true
		return nil
	case !ok || n < 0 || n > int64(d.limits.MaxBulk):
		return malformed("length", header)
	}
	if err := d.body(v, int(n)); err != nil {
		return err
	}
	if v.Type == TypeVerbatim {
		return splitVerbatim(v)
	}
	return nil
}

// body reads n bytes and the line end behind them.
func (d *Decoder) body(v *Value, n int) error {
	for len(v.Str) < n {
		part := min(n-len(v.Str), trustedBulk)
		v.Str = slices.Grow(v.Str, part)
		from := len(v.Str)
		v.Str = v.Str[:from+part]
		if _, err := io.ReadFull(d.br, v.Str[from:]); err != nil {
			return err
		}
	}
	end, err := d.br.Peek(crlf)
	if err != nil {
		return err
	}
	if end[0] != '\r' || end[1] != '\n' {
		return malformed("end of a string", end)
	}
	_, err = d.br.Discard(crlf)
	return err
}

// splitVerbatim takes the format and its colon off a verbatim string.
func splitVerbatim(v *Value) error {
	const formatLen = 3
	if len(v.Str) <= formatLen || v.Str[formatLen] != ':' {
		return malformed("verbatim string", v.Str)
	}
	v.Format = string(v.Str[:formatLen])
	v.Str = append(v.Str[:0], v.Str[formatLen+1:]...)
	return nil
}

func (d *Decoder) aggregate(v *Value, header []byte, depth int) error {
	n, ok := text.ParseInt(header)
	switch {
	case ok && n == -1 && v.Type == TypeArray:
		v.Null = true
		return nil
	case !ok || n < 0:
		return malformed("length", header)
	}
	each := 1
	if v.Type == TypeMap {
		each = 2
	}
	var err error
	v.Elems, err = d.elements(v.Elems, n, each, depth)
	return err
}

// elements reads n elements of so many values each, using the memory of elems.
func (d *Decoder) elements(elems []Value, n int64, each, depth int) ([]Value, error) {
	if depth >= d.limits.MaxDepth || n > int64(d.limits.MaxElems-d.elems)/int64(each) {
		return elems, fmt.Errorf("%w: %d elements at depth %d exceed the limits", ErrReply, n, depth)
	}
	d.elems += int(n) * each
	for range int(n) * each {
		if len(elems) < cap(elems) {
			elems = elems[:len(elems)+1] // whose strings can be used again
		} else {
			elems = append(elems, Value{})
		}
		if err := d.value(&elems[len(elems)-1], depth+1); err != nil {
			return elems, err
		}
	}
	return elems, nil
}

// line reads a line, at least its type byte, and returns it without its end.
// It is valid until the next read.
func (d *Decoder) line() ([]byte, error) {
	line, err := d.br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line, err = d.longLine(line)
	}
	if err != nil {
		return nil, err
	}
	if len(line) <= crlf || line[len(line)-crlf] != '\r' {
		return nil, malformed("line", line)
	}
	return line[:len(line)-crlf], nil
}

// longLine reads the rest of a line that begins with head.
func (d *Decoder) longLine(head []byte) ([]byte, error) {
	d.long = append(d.long[:0], head...)
	for {
		part, err := d.br.ReadSlice('\n')
		d.long = append(d.long, part...)
		switch {
		case err != bufio.ErrBufferFull:
			return d.long, err
		case len(d.long) > d.limits.MaxBulk:
			return nil, malformed("line", d.long[:1])
		}
	}
}

func parseBool(b []byte) (n int64, ok bool) {
	switch string(b) {
	case "t":
		return 1, true
	case "f":
		return 0, true
	}
	return 0, false
}

func parseDouble(b []byte) (float64, bool) {
	if string(b) == "nan" {
		return math.NaN(), true
	}
	return text.ParseFloat(b)
}

func isBigNumber(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte{'-'})
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// malformed says what could not be read, with the beginning of what was there.
func malformed(what string, b []byte) error {
	const shown = 32
	return fmt.Errorf("%w: %s %q", ErrReply, what, b[:min(len(b), shown)])
}
