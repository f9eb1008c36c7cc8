package rdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// Reader reads values from bytes. Texts that it returns are views of them unless they had to be unpacked.
type Reader struct {
	b  []byte
	at int
}

// NewReader reads from b.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Left is how many bytes are not read yet.
func (r *Reader) Left() int { return len(r.b) - r.at }

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// Bytes reads n bytes.
func (r *Reader) Bytes(n uint64) ([]byte, error) {
	if n > uint64(r.Left()) {
		return nil, corrupt("%d bytes are missing", n-uint64(r.Left()))
	}
	b := r.b[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return b, nil
}

// Byte reads a byte.
func (r *Reader) Byte() (byte, error) {
	b, err := r.Bytes(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// Length reads a length.
func (r *Reader) Length() (uint64, error) {
	n, encoding, err := r.lengthOrEncoding()
	if err == nil && encoding >= 0 {
		return 0, corrupt("an encoding where a length belongs")
	}
	return n, err
}

// Count reads the number of elements of a collection, each of which takes at least least bytes.
func (r *Reader) Count(least int) (int, error) {
	n, err := r.Length()
	if err != nil {
		return 0, err
	}
	if n > uint64(r.Left()/least) {
		return 0, corrupt("%d elements in %d bytes", n, r.Left())
	}
	return int(n), nil
}

// lengthOrEncoding reads a length, or which encoding of a text follows; encoding is -1 for a length.
func (r *Reader) lengthOrEncoding() (n uint64, encoding int, err error) {
	first, err := r.Byte()
	if err != nil {
		return 0, 0, err
	}
	low := first & 0x3f
	switch {
	case first>>6 == length6:
		return uint64(low), -1, nil
	case first>>6 == length14:
		second, err := r.Byte()
		return uint64(low)<<8 | uint64(second), -1, err
	case first == length32:
		b, err := r.Bytes(4)
		if err != nil {
			return 0, 0, err
		}
		return uint64(binary.BigEndian.Uint32(b)), -1, nil
	case first == length64:
		b, err := r.Bytes(8)
		if err != nil {
			return 0, 0, err
		}
		return binary.BigEndian.Uint64(b), -1, nil
	case first>>6 == lengthEncoded:
		return 0, int(low), nil
	}
	return 0, 0, corrupt("length begins with %#x", first)
}

// Text reads a text in any of its forms.
func (r *Reader) Text() ([]byte, error) {
	n, encoding, err := r.lengthOrEncoding()
	switch {
	case err != nil:
		return nil, err
	case encoding < 0:
		return r.Bytes(n)
	case encoding == encodedLZF:
		return r.compressed()
	case encoding > encodedLZF:
		return nil, corrupt("encoding %d of a text", encoding)
	}
	b, err := r.Bytes(1 << encoding)
	if err != nil {
		return nil, err
	}
	var value int64
	switch encoding {
	case encodedInt8:
		value = int64(int8(b[0]))
	case encodedInt16:
		value = int64(int16(binary.LittleEndian.Uint16(b)))
	case encodedInt32:
		value = int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return strconv.AppendInt(nil, value, 10), nil
}

// compressed reads a text that LZF has compressed.
func (r *Reader) compressed() ([]byte, error) {
	packed, err := r.Length()
	if err != nil {
		return nil, err
	}
	size, err := r.Length()
	if err != nil {
		return nil, err
	}
	b, err := r.Bytes(packed)
	if err != nil {
		return nil, err
	}
	return unpackLZF(b, size)
}

// Double reads a number of 8 bytes.
func (r *Reader) Double() (float64, error) {
	b, err := r.Bytes(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
}

// The lengths that stand for the numbers that have no text in the old form of a number.
const (
	doubleNaN    = 253
	doubleInf    = 254
	doubleNegInf = 255
)

// OldDouble reads a number in the form of TypeZset: a byte of length and the text.
func (r *Reader) OldDouble() (float64, error) {
	n, err := r.Byte()
	if err != nil {
		return 0, err
	}
	switch n {
	case doubleNaN:
		return math.NaN(), nil
	case doubleInf:
		return math.Inf(1), nil
	case doubleNegInf:
		return math.Inf(-1), nil
	}
	b, err := r.Bytes(uint64(n))
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return 0, corrupt("%q is no number", b)
	}
	return f, nil
}

// Uint64 reads a number of 8 bytes, little-endian: a time in milliseconds.
func (r *Reader) Uint64() (uint64, error) {
	b, err := r.Bytes(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}
