// Limits and errors of the request side of the protocol.
//
// The texts of Error are those redis-server 7.0 sends, to the byte: client
// libraries and test suites match on them. A limit is counted in bytes of the
// command being read, never in bytes of one read from the socket, so that the
// same bytes give the same outcome however the network cuts them.

package proto

import (
	"errors"
	"math"
)

const (
	// BigArg is the length in bytes from which a bulk argument is read straight
	// into an allocation of its own (see Reader.Owned).
	BigArg = 32 << 10

	maxLine      = 64 << 10      // longest inline request or length line, without its end
	maxArgs      = math.MaxInt32 // most arguments of one command
	unauthArgs   = 10            // most arguments before AUTH
	unauthBulk   = 16 << 10      // longest argument before AUTH
	defaultBulk  = 512 << 20     // default of proto-max-bulk-len
	defaultQuery = 1 << 30       // default of client-query-buffer-limit
)

// Limits bounds what a Reader accepts. The values are read at each call of
// Next, so a change applies from the next unparsed byte on.
type Limits struct {
	MaxBulk       int64 // proto-max-bulk-len: longest argument in bytes
	MaxQuery      int64 // client-query-buffer-limit: longest command in bytes as sent
	Authenticated bool  // false before AUTH: few and short arguments only
}

// DefaultLimits returns the limits of an authenticated client of a server with
// no configuration.
func DefaultLimits() Limits {
	return Limits{MaxBulk: defaultBulk, MaxQuery: defaultQuery, Authenticated: true}
}

// Error is a protocol error. It is answered with "-ERR " + Error() and the
// connection is closed. It may hold one raw byte of the client's, so it goes
// out through Reply.Error, which keeps line ends from breaking the reply.
type Error string

// Error returns the text with the prefix under which clients know it.
func (e Error) Error() string { return "Protocol error: " + string(e) }

// ErrQueryLimit reports a command longer than Limits.MaxQuery: the connection
// is closed without a reply.
var ErrQueryLimit = errors.New("command exceeds client-query-buffer-limit")

const (
	errBigInline     = Error("too big inline request")
	errQuotes        = Error("unbalanced quotes in request")
	errBigCount      = Error("too big mbulk count string")
	errCount         = Error("invalid multibulk length")
	errUnauthCount   = Error("unauthenticated multibulk length")
	errBigBulkCount  = Error("too big bulk count string")
	errBulk          = Error("invalid bulk length")
	errUnauthBulk    = Error("unauthenticated bulk length")
	errExpectedStart = "expected '$', got '"
)

// errExpected is the error for a bulk header that begins with c.
func errExpected(c byte) Error {
	return Error(append([]byte(errExpectedStart), c, '\''))
}
