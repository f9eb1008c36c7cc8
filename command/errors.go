// errors.go: every text that a client can be refused with. They are Redis's texts to the byte: clients match on them.

package command

import (
	"bytes"
	"fmt"
)

// Error is an error that goes to the client as it is, its code first.
type Error string

func (e Error) Error() string { return string(e) }

// The errors of more than one command.
const (
	errSyntax          = Error("ERR syntax error")
	errNotInteger      = Error("ERR value is not an integer or out of range")
	errNotFloat        = Error("ERR value is not a valid float")
	errOutOfRange      = Error("ERR value is out of range")
	errNoKey           = Error("ERR no such key")
	errWrongType       = Error("WRONGTYPE Operation against a key holding the wrong kind of value")
	errNoAuth          = Error("NOAUTH Authentication required.")
	errOOM             = Error("OOM command not allowed when used memory > 'maxmemory'.")
	errDBIndex         = Error("ERR DB index is out of range")
	errTimeoutFloat    = Error("ERR timeout is not a float or out of range")
	errTimeoutInteger  = Error("ERR timeout is not an integer or out of range")
	errTimeoutNegative = Error("ERR timeout is negative")
	errTimeoutRange    = Error("ERR timeout is out of range")
	errSameObject      = Error("ERR source and destination objects are the same")
	errOverflow        = Error("ERR increment or decrement would overflow")
	errNaN             = Error("ERR increment would produce NaN or Infinity")
	errTooLong         = Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
	errInternal        = Error("ERR internal error; the command's changes were taken back, see the server's log")
)

const (
	maxEchoedArgs = 128 // bytes of arguments that an unknown-command error repeats
	maxEchoedName = 128 // bytes of a command name that an error repeats
)

// errUnknownCommand repeats the beginning of the arguments, as Redis does.
func errUnknownCommand(args [][]byte) error {
	var echoed []byte
	for _, a := range args[1:] {
		if len(echoed) >= maxEchoedArgs {
			break
		}
		echoed = append(append(append(echoed, '\''), printed(a, maxEchoedArgs-len(echoed))...), '\'', ' ')
	}
	return Error(fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", printed(args[0], maxEchoedName), echoed))
}

// errUnknownSubcommand is the answer to a container whose second word is none of its subcommands.
func errUnknownSubcommand(r *Row, args [][]byte) error {
	return Error(fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", printed(args[1], maxEchoedName), upper(r.Name)))
}

func errArity(r *Row) error {
	return Error(fmt.Sprintf("ERR wrong number of arguments for '%s' command", r.full))
}

func errInvalidExpire(r *Row) error {
	return Error(fmt.Sprintf("ERR invalid expire time in '%s' command", r.full))
}

// printed is what an error repeats of an argument: at most n bytes, and no further than a NUL, since Redis prints it as a C
// string.
func printed(b []byte, n int) []byte {
	b, _, _ = bytes.Cut(b, []byte{0})
	return b[:min(len(b), n)]
}

// errDebugProtected is the answer to DEBUG where enable-debug-command does not allow it.
const errDebugProtected = Error("ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", " +
	"you can run it from a local connection, otherwise you need to set this option in the configuration file, " +
	"and then restart the server.")
