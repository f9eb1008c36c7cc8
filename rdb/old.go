package rdb

import (
	"encoding/binary"
	"strconv"
)

// The packed collections of older versions, which are only read: each element is handed to a function as a text.
//
// A ziplist (before 7.0): total length 4, offset of the last entry 4, number of entries 2, entries, 0xFF. An entry: the length
// of the one before it (1 byte, or 0xFE and 4 bytes), an encoding, the text. Numbers are little-endian, but for 14 and 32-bit
// lengths of texts.
//
// A zipmap (before 2.6): number of pairs 1, then for each field its length and text, its value's length, a byte that says how
// many unused bytes follow the value, the text and those bytes, 0xFF. A length is 1 byte, or 0xFE and 4 bytes.

const (
	ziplistHeader = 10
	oldEnd        = 0xff
	oldBigLength  = 0xfe

	zipText6    = 0x00
	zipText14   = 0x40
	zipText32   = 0x80
	zipTextMask = 0xc0
	zipInt16    = 0xc0
	zipInt32    = 0xd0
	zipInt64    = 0xe0
	zipInt24    = 0xf0
	zipInt8     = 0xfe
	zipSmallMin = 0xf1 // 0 to 12 stand in the encoding itself
	zipSmallMax = 0xfd
)

// eachZiplist calls fn with every element of a ziplist.
func eachZiplist(b []byte, fn func(text []byte) error) error {
	if len(b) <= ziplistHeader || int(binary.LittleEndian.Uint32(b)) != len(b) || b[len(b)-1] != oldEnd {
		return corrupt("ziplist is damaged")
	}
	r := NewReader(b[:len(b)-1])
	r.at = ziplistHeader
	n, before := 0, 0
	for r.Left() > 0 {
		start := r.at
		text, err := r.ziplistEntry(before)
		if err != nil {
			return err
		}
		before = r.at - start
		if err := fn(text); err != nil {
			return err
		}
		n++
	}
	if stated := int(binary.LittleEndian.Uint16(b[8:])); stated != 0xffff && stated != n {
		return corrupt("ziplist of %d entries says %d", n, stated)
	}
	return nil
}

// ziplistEntry reads an entry that follows one of so many bytes.
func (r *Reader) ziplistEntry(before int) ([]byte, error) {
	stated, err := r.oldLength()
	if err != nil {
		return nil, err
	}
	if stated != uint64(before) {
		return nil, corrupt("ziplist entry after %d bytes says %d", before, stated)
	}
	encoding, err := r.Byte()
	if err != nil {
		return nil, err
	}
	if encoding&zipTextMask != zipTextMask {
		return r.ziplistText(encoding)
	}
	if encoding >= zipSmallMin && encoding <= zipSmallMax {
		return strconv.AppendInt(nil, int64(encoding-zipSmallMin), 10), nil
	}
	return r.ziplistInt(encoding)
}

func (r *Reader) ziplistText(encoding byte) ([]byte, error) {
	switch encoding & zipTextMask {
	case zipText6:
		return r.Bytes(uint64(encoding))
	case zipText14:
		low, err := r.Byte()
		if err != nil {
			return nil, err
		}
		return r.Bytes(uint64(encoding&^zipTextMask)<<8 | uint64(low))
	}
	if encoding != zipText32 {
		return nil, corrupt("ziplist encoding %#x", encoding)
	}
	b, err := r.Bytes(4)
	if err != nil {
		return nil, err
	}
	return r.Bytes(uint64(binary.BigEndian.Uint32(b)))
}

func (r *Reader) ziplistInt(encoding byte) ([]byte, error) {
	width := map[byte]uint64{zipInt8: 1, zipInt16: 2, zipInt24: 3, zipInt32: 4, zipInt64: 8}[encoding]
	if width == 0 {
		return nil, corrupt("ziplist encoding %#x", encoding)
	}
	b, err := r.Bytes(width)
	if err != nil {
		return nil, err
	}
	var wide [8]byte
	copy(wide[8-width:], b)
	return strconv.AppendInt(nil, int64(binary.LittleEndian.Uint64(wide[:]))>>(64-8*width), 10), nil
}

// oldLength reads a length of one byte or of 0xFE and four.
func (r *Reader) oldLength() (uint64, error) {
	n, err := r.Byte()
	if err != nil || n < oldBigLength {
		return uint64(n), err
	}
	if n == oldEnd {
		return 0, corrupt("end where a length belongs")
	}
	b, err := r.Bytes(4)
	if err != nil {
		return 0, err
	}
	return uint64(binary.LittleEndian.Uint32(b)), nil
}

// eachZipmap calls fn with every field and value of a zipmap.
func eachZipmap(b []byte, fn func(field, value []byte) error) error {
	if len(b) < 2 || b[len(b)-1] != oldEnd {
		return corrupt("zipmap is damaged")
	}
	r := NewReader(b[:len(b)-1])
	r.at = 1
	for r.Left() > 0 {
		n, err := r.oldLength()
		if err != nil {
			return err
		}
		field, err := r.Bytes(n)
		if err != nil {
			return err
		}
		value, err := r.zipmapValue()
		if err != nil {
			return err
		}
		if err := fn(field, value); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) zipmapValue() ([]byte, error) {
	n, err := r.oldLength()
	if err != nil {
		return nil, err
	}
	unused, err := r.Byte()
	if err != nil {
		return nil, err
	}
	value, err := r.Bytes(n)
	if err != nil {
		return nil, err
	}
	_, err = r.Bytes(uint64(unused))
	return value, err
}
