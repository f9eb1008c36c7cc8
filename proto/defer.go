// Aggregates whose length is known only when their elements have been appended
// (SCAN, KEYS, filters), and SCAN's cursor, which stands before them.
//
// A header of one digit is put down first; if the length turns out longer, the
// elements move over by the missing digits. So the reply stays one run of
// bytes, at the price of one move of what follows the header.

package proto

const shortHeader = len("*0\r\n")

// DeferArray begins an array of unknown length and returns its place for
// SetArray, which must be called once the elements have been appended. Nested
// ones are set from the inside out, and marks taken since are dead after it.
func (r *Reply) DeferArray() (at int) { return r.deferred('*') }

// DeferMap is DeferArray for Map.
func (r *Reply) DeferMap() (at int) { return r.deferred('%') }

// DeferSet is DeferArray for Set.
func (r *Reply) DeferSet() (at int) { return r.deferred('~') }

// SetArray sets the length of the array begun at at to n elements.
func (r *Reply) SetArray(at, n int) { r.setLength(at, '*', n) }

// SetMap sets the length of the map begun at at to n pairs.
func (r *Reply) SetMap(at, n int) { r.setLength(at, '%', n) }

// SetSet sets the length of the set begun at at to n elements.
func (r *Reply) SetSet(at, n int) { r.setLength(at, '~', n) }

// DeferBulk leaves out a bulk string that is known only when what follows it has been appended, and returns its place for SetBulk. It
// is nested with deferred lengths as they are among each other.
func (r *Reply) DeferBulk() (at int) { return len(r.buf) }

// SetBulk appends a bulk string at a place.
func (r *Reply) SetBulk(at int, b []byte) {
	var room [2 * bulkRoom]byte // for a number, which it mostly is
	bulk := appendBulk(room[:0], b)
	r.insert(at, len(bulk))
	copy(r.buf[at:], bulk)
}

func (r *Reply) deferred(prefix byte) int {
	at := len(r.buf)
	r.aggregate(prefix, 0)
	return at
}

func (r *Reply) setLength(at int, prefix byte, n int) {
	var room [24]byte
	prefix, n = r.degrade(prefix, n)
	header := appendHeader(room[:0], prefix, int64(n))
	if longer := len(header) - shortHeader; longer > 0 {
		r.insert(at, longer)
	}
	copy(r.buf[at:], header)
}
