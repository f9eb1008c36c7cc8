// stream_id.go: the ids of stream entries: milliseconds and a sequence number, in that order, both without sign. As keys of trees they
// are 16 bytes, most significant first, so that bytes compare as ids do.

package value

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"respite/text"
)

// StreamID is the id of an entry.
type StreamID struct{ Ms, Seq uint64 }

// MaxStreamID is the greatest id.
var MaxStreamID = StreamID{math.MaxUint64, math.MaxUint64}

const (
	streamIDBytes = 16
	maxIDText     = 127 // bytes of an id's text that Redis looks at
)

// StreamIDText is room for the text of any id.
type StreamIDText [2*maxUintLen + 1]byte

const maxUintLen = 20 // digits of the longest unsigned 64-bit integer

// Compare is -1, 0 or 1 as id is less than, equal to or greater than other.
func (id StreamID) Compare(other StreamID) int {
	return cmp.Or(cmp.Compare(id.Ms, other.Ms), cmp.Compare(id.Seq, other.Seq))
}

// IsZero reports whether id is 0-0, which no entry has.
func (id StreamID) IsZero() bool { return id == StreamID{} }

// Next is the id after this one; ok is false if there is none.
func (id StreamID) Next() (next StreamID, ok bool) {
	switch {
	case id.Seq < math.MaxUint64:
		return StreamID{id.Ms, id.Seq + 1}, true
	case id.Ms < math.MaxUint64:
		return StreamID{id.Ms + 1, 0}, true
	}
	return StreamID{}, false
}

// Prev is the id before this one; ok is false if there is none.
func (id StreamID) Prev() (prev StreamID, ok bool) {
	switch {
	case id.Seq > 0:
		return StreamID{id.Ms, id.Seq - 1}, true
	case id.Ms > 0:
		return StreamID{id.Ms - 1, math.MaxUint64}, true
	}
	return MaxStreamID, false
}

// AppendText appends the id as clients see it.
func (id StreamID) AppendText(b []byte) []byte {
	b = append(strconv.AppendUint(b, id.Ms, 10), '-')
	return strconv.AppendUint(b, id.Seq, 10)
}

func (id StreamID) String() string { return string(id.AppendText(nil)) }

// key is the id as a key of a tree.
func (id StreamID) key() (b [streamIDBytes]byte) {
	id.put(b[:])
	return b
}

func (id StreamID) put(b []byte) {
	binary.BigEndian.PutUint64(b, id.Ms)
	binary.BigEndian.PutUint64(b[8:], id.Seq)
}

func streamIDAt(b []byte) StreamID {
	return StreamID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// ParsedID is an id as a client wrote it.
type ParsedID struct {
	StreamID
	AnySeq bool // it ends in -*: the sequence number is to be chosen
}

// ParseStreamID reads an id, "ms-seq" or "ms" alone, for which missing is the sequence number. The text ends at a NUL, as Redis takes it
// for a C string.
func ParseStreamID(b []byte, missing uint64) (id StreamID, ok bool) {
	p, ok := ParseNewStreamID(b, missing)
	return p.StreamID, ok && !p.AnySeq
}

// ParseNewStreamID is ParseStreamID for the id of a new entry, which may be "ms-*" too.
func ParseNewStreamID(b []byte, missing uint64) (id ParsedID, ok bool) {
	if len(b) > maxIDText {
		return id, false
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	ms, seq, hasSeq := strings.Cut(string(b), "-")
	if id.Ms, ok = parseUint(ms); !ok {
		return id, false
	}
	id.Seq = missing
	switch {
	case !hasSeq:
	case seq == "*":
		id.Seq, id.AnySeq = 0, true
	default:
		id.Seq, ok = parseUint(seq)
	}
	return id, ok
}

// parseUint reads an unsigned integer as Redis's string2ull does: what is no canonical 64-bit integer is left to C's strtoull, which allows
// space and a sign in front, and wraps a negative number around.
func parseUint(s string) (n uint64, ok bool) {
	if n, ok := text.ParseInt([]byte(s)); ok {
		return uint64(n), n >= 0
	}
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}
