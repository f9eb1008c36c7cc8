// Package rdb reads and writes values in the format of Redis's RDB files and of DUMP's payloads.
//
// A value is a type byte and then what that type says: lengths, texts and numbers in the forms of this file, or packed
// collections as they are. Writing uses the forms of version 10, which Redis from 7.0 on reads, but for hashes whose fields have
// deadlines, which are of version 12 (Redis 7.4); reading knows those of every version up to 11, and of such hashes. Whatever is read is taken to be hostile: nothing is allocated on the word of a length that the bytes
// at hand do not bear out, and every error wraps ErrCorrupt.
package rdb

import (
	"encoding/binary"
	"errors"
	"hash/crc64"
	"math"
	"math/bits"
)

// The versions of the format.
const (
	WriteVersion = 10 // what is written
	ReadVersion  = 11 // the highest that is read
	TimedVersion = 12 // what hashes with deadlines are written and read in
)

// ErrCorrupt is what every error of reading wraps.
var ErrCorrupt = errors.New("rdb: bad data format")

// Type is the first byte of a value.
type Type byte

// The types, by the names and numbers of Redis's rdb.h.
const (
	TypeString           Type = 0
	TypeList             Type = 1
	TypeSet              Type = 2
	TypeZset             Type = 3 // scores as text
	TypeHash             Type = 4
	TypeZset2            Type = 5 // scores as 8 bytes
	TypeHashZipmap       Type = 9
	TypeListZiplist      Type = 10
	TypeSetIntset        Type = 11
	TypeZsetZiplist      Type = 12
	TypeHashZiplist      Type = 13
	TypeListQuicklist    Type = 14 // of ziplists
	TypeStreamListpacks  Type = 15
	TypeHashListpack     Type = 16
	TypeZsetListpack     Type = 17
	TypeListQuicklist2   Type = 18 // of listpacks and plain texts
	TypeStreamListpacks2 Type = 19
	TypeSetListpack      Type = 20
	TypeStreamListpacks3 Type = 21

	// Of hashes whose fields have deadlines; the first two are those of release candidates of Redis 7.4.
	TypeHashTimedRC         Type = 22
	TypeHashTimedListpackRC Type = 23
	TypeHashTimed           Type = 24
	TypeHashTimedListpack   Type = 25
)

// The two high bits of a length's first byte.
const (
	length6       = 0 // the other six bits
	length14      = 1 // those and the next byte
	lengthLong    = 2 // the next 4 or 8 bytes, big-endian
	lengthEncoded = 3 // no length: the other six bits say which encoding of a text follows

	length32 = lengthLong << 6
	length64 = lengthLong<<6 | 1
)

// The encodings of a text.
const (
	encodedInt8  = 0
	encodedInt16 = 1
	encodedInt32 = 2
	encodedLZF   = 3
)

// AppendLength writes a length.
func AppendLength(b []byte, n uint64) []byte {
	switch {
	case n < 1<<6:
		return append(b, byte(n))
	case n < 1<<14:
		return append(b, length14<<6|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, length32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, length64), n)
}

// AppendText writes a text as it is, without looking for a shorter form.
func AppendText(b, text []byte) []byte {
	return append(AppendLength(b, uint64(len(text))), text...)
}

// AppendInt writes the text of an integer in its shortest form; ok is false if the form is not one of integers: the text must be
// written then.
func AppendInt(b []byte, n int64) (out []byte, ok bool) {
	switch {
	case n >= math.MinInt8 && n <= math.MaxInt8:
		return append(b, lengthEncoded<<6|encodedInt8, byte(n)), true
	case n >= math.MinInt16 && n <= math.MaxInt16:
		return binary.LittleEndian.AppendUint16(append(b, lengthEncoded<<6|encodedInt16), uint16(n)), true
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return binary.LittleEndian.AppendUint32(append(b, lengthEncoded<<6|encodedInt32), uint32(n)), true
	}
	return b, false
}

// AppendDouble writes a number as 8 bytes.
func AppendDouble(b []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
}

// footerBytes is what a DUMP payload ends with: the version (2 bytes) and a checksum (8 bytes) of all before it.
const footerBytes = 10

// AppendFooter ends a DUMP payload, which is all of b.
func AppendFooter(b []byte) []byte {
	version := uint16(WriteVersion)
	if isTimed(b) {
		version = TimedVersion
	}
	b = binary.LittleEndian.AppendUint16(b, version)
	return binary.LittleEndian.AppendUint64(b, Checksum(0, b))
}

// isTimed reports whether a payload is that of a hash with deadlines, whose type is its first byte.
func isTimed(b []byte) bool {
	return len(b) > 0 && Type(b[0]) >= TypeHashTimedRC && Type(b[0]) <= TypeHashTimedListpack
}

// CheckFooter tests the end of a DUMP payload and returns what is before it. The checksum is not tested if trusted is set.
func CheckFooter(b []byte, trusted bool) (payload []byte, ok bool) {
	if len(b) < footerBytes {
		return nil, false
	}
	at := len(b) - footerBytes
	newest := uint16(ReadVersion)
	if isTimed(b) {
		newest = TimedVersion
	}
	if version := binary.LittleEndian.Uint16(b[at:]); version > newest {
		return nil, false
	}
	if !trusted && binary.LittleEndian.Uint64(b[at+2:]) != Checksum(0, b[:at+2]) {
		return nil, false
	}
	return b[:at], true
}

// jones is the polynomial of Redis's CRC-64 (Jones, "A CRC-64 with low density", as crc64.c of Redis names it); tables want it
// with its bits in reverse.
const jones = 0xad93d23594c935a9

var jonesTable = crc64.MakeTable(bits.Reverse64(jones))

// Checksum goes on with a checksum over further bytes; it begins at 0. Go's CRC-64 inverts the register before and after,
// Redis's does not.
func Checksum(sum uint64, b []byte) uint64 { return ^crc64.Update(^sum, jonesTable, b) }
