// Bytes for the fuzz suite: valid frames of harmless commands, mutated; frames
// with lying lengths; and plain noise. A guard stands between the generator and
// the socket: no stream may spell the name of a command that would stop,
// reconfigure, empty or copy the server, not even by accident, by an inline
// escape, or across two writes.

package stress

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strconv"

	"respite/proto"
)

// Shape of what is generated.
const (
	noiseLongest   = 512
	mutationsMost  = 8
	repeatLongest  = 64
	harmlessPX     = "2000" // fuzzed keys die by themselves
	harmlessMember = 16     // distinct fuzzed keys
)

// harmless lists the commands that may be mutated; what they write expires.
func harmless(key, other string) [][]string {
	return [][]string{
		{"PING"},
		{"PING", "hello"},
		{"ECHO", "hello"},
		{"SET", key, "value", "PX", harmlessPX},
		{"PSETEX", key, harmlessPX, "12"},
		{"SET", key, "value", "PX", harmlessPX, "NX", "GET"},
		{"GET", key},
		{"GETDEL", key},
		{"GETRANGE", key, "0", "-1"},
		{"STRLEN", key},
		{"MGET", key, other, key},
		{"DEL", key, other},
		{"EXISTS", key, other, key},
		{"TTL", key},
		{"PTTL", key},
		{"PEXPIRE", key, harmlessPX},
		{"TYPE", key},
		{"TOUCH", key, other},
		{"OBJECT", "ENCODING", key},
		{"TIME"},
		{"HELLO", "3"},
		{"HELLO", "2"},
		{"MULTI"},
		{"EXEC"},
		{"DISCARD"},
		{"WATCH", key},
		{"RESET"},
	}
}

// dangers lists the words that must never reach a server under test: names of
// commands, folded to upper case.
func dangers() [][]byte {
	words := []string{
		"SHUTDOWN", "DEBUG", "FLUSH", "CONFIG", "SLAVEOF", "REPLICAOF", "FAILOVER", "CLUSTER", "MODULE",
		"MIGRATE", "RESTORE", "SWAPDB", "SAVE", "BGREWRITE", "SYNC", "ACL", "CLIENT", "MONITOR", "EVAL",
		"SCRIPT", "FUNCTION", "FCALL", "SETRANGE", "SETBIT", "BITFIELD", "SUBSCRIBE", "BLOCK", "KEYS",
		"SORT", "RENAME", "MOVE", "COPY", "SLOWLOG", "LATENCY", "REPLCONF", "SELECT",
	}
	out := make([][]byte, len(words))
	for i, w := range words {
		out[i] = []byte(w)
	}
	return out
}

// guardMemory is how many bytes of a stream the guard remembers: enough for
// the longest word with every letter written as an escape.
const guardMemory = 128

// guard watches one stream of bytes.
type guard struct {
	words [][]byte
	tail  []byte // the last bytes let through
}

func newGuard() *guard { return &guard{words: dangers()} }

// reset forgets the stream: a new connection begins.
func (g *guard) reset() { g.tail = g.tail[:0] }

// admits tells whether the chunk may follow what was sent before, and
// remembers it if so.
func (g *guard) admits(chunk []byte) bool {
	stream := append(slices.Clone(g.tail), chunk...)
	for _, view := range [][]byte{bytes.ToUpper(stream), bytes.ToUpper(unquote(stream))} {
		for _, w := range g.words {
			if bytes.Contains(view, w) {
				return false
			}
		}
	}
	g.tail = stream[max(0, len(stream)-guardMemory):]
	return true
}

// unquote undoes, generously, what the inline parser takes for quoting: quotes
// vanish wherever they stand, \xHH becomes its byte, any other backslash
// vanishes too.
func unquote(p []byte) []byte {
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '"' || p[i] == '\'':
		case p[i] == '\\' && i+3 < len(p) && p[i+1]|0x20 == 'x' && isHex(p[i+2:i+4]):
			b, _ := hex.DecodeString(string(p[i+2 : i+4]))
			out = append(out, b...)
			i += 3
		case p[i] == '\\':
		default:
			out = append(out, p[i])
		}
	}
	return out
}

func isHex(p []byte) bool {
	_, err := hex.DecodeString(string(p))
	return err == nil
}

// mutator makes chunks of hostile bytes for one connection.
type mutator struct {
	rng    *rand.Rand
	prefix string
	guard  *guard
}

// next makes one chunk that the guard admits.
func (m *mutator) next() []byte {
	for {
		chunk := m.chunk()
		if len(chunk) > 0 && m.guard.admits(chunk) {
			return chunk
		}
	}
}

func (m *mutator) chunk() []byte {
	switch m.rng.IntN(8) {
	case 0:
		return m.noise()
	case 1:
		return m.lie()
	case 2:
		return m.frame()
	case 3:
		return m.inline()
	}
	return m.mutate(m.frame())
}

// frame is one or several valid commands.
func (m *mutator) frame() []byte {
	var out []byte
	for range 1 + m.rng.IntN(3) {
		out = proto.AppendCommand(out, m.command()...)
	}
	return out
}

func (m *mutator) command() []string {
	list := harmless(m.key(), m.key())
	return list[m.rng.IntN(len(list))]
}

func (m *mutator) key() string { return m.prefix + strconv.Itoa(m.rng.IntN(harmlessMember)) }

// inline is a command as people type it, mutated half of the time.
func (m *mutator) inline() []byte {
	var out []byte
	for _, arg := range m.command() {
		out = append(append(out, arg...), ' ')
	}
	out = append(out, "\r\n"...)
	if m.rng.IntN(2) == 0 {
		return m.mutate(out)
	}
	return out
}

func (m *mutator) noise() []byte {
	out := make([]byte, 1+m.rng.IntN(noiseLongest))
	for i := range out {
		out[i] = byte(m.rng.Uint32())
	}
	return out
}

// lie claims counts and lengths that do not fit what follows.
func (m *mutator) lie() []byte {
	numbers := []string{
		"-1", "0", "1", "-2", "2147483647", "2147483648", "536870912", "536870913", "1048577",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "00000000001", "+3", "1e3", "", " 1",
	}
	pick := func() string { return numbers[m.rng.IntN(len(numbers))] }
	switch m.rng.IntN(3) {
	case 0:
		return []byte("*" + pick() + "\r\n$4\r\nPING\r\n")
	case 1:
		return []byte("*2\r\n$4\r\nECHO\r\n$" + pick() + "\r\nhello\r\n")
	}
	return []byte("*" + pick() + "\r\n$" + pick() + "\r\n")
}

// mutate changes a frame in a few places.
func (m *mutator) mutate(p []byte) []byte {
	for range 1 + m.rng.IntN(mutationsMost) {
		if len(p) == 0 {
			return p
		}
		p = m.mutateOnce(p)
	}
	return p
}

func (m *mutator) mutateOnce(p []byte) []byte {
	at := m.rng.IntN(len(p))
	end := at + m.rng.IntN(len(p)-at+1)
	special := []byte("\r\n\x00\"'\\*$-+:0123456789 \xff")
	switch m.rng.IntN(7) {
	case 0:
		p[at] ^= 1 << m.rng.IntN(8)
	case 1:
		p[at] = special[m.rng.IntN(len(special))]
	case 2:
		p = slices.Delete(p, at, end)
	case 3:
		p = slices.Insert(p, at, special[m.rng.IntN(len(special))])
	case 4:
		p = slices.Insert(p, end, p[at:end]...)
	case 5:
		p = slices.Insert(p, at, bytes.Repeat(p[at:at+1], m.rng.IntN(repeatLongest))...)
	case 6:
		p = p[:at]
	}
	return p
}
