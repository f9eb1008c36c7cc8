// keys_scan.go: commands that find keys: SCAN, KEYS, RANDOMKEY.
//
// SCAN goes on from shard to shard within one call until it has looked at COUNT keys. A client that asks once, with a
// COUNT above the size of a small database, gets all of it and cursor 0, as it is used to; with a call a shard it would
// get one shard's share. So SCAN holds all shards, but for no longer than COUNT keys take.

package command

import (
	"math"
	"strconv"
	"strings"

	"respite/shards"
	"respite/text"
	"respite/value"
)

func scanRows() []Row {
	return []Row{
		{
			Name: "scan", Arity: -2, Flags: ReadOnly | Keyspace, Place: OnAllShards, Run: scan,
			Since: "2.8.0", Cost: "O(1) a call, O(N) for all of a database", Doc: "Returns some keys, and a cursor to go on from.",
			Tips: []string{"nondeterministic_output", "request_policy:special", "response_policy:special"},
		},
		{
			Name: "keys", Arity: 2, Flags: ReadOnly | Keyspace | Dangerous, Place: OnAllShards, Run: keysLike,
			Since: "1.0.0", Cost: "O(N) in the number of keys in the database", Doc: "Returns all keys that fit a pattern.",
			Tips: []string{"request_policy:all_shards", "nondeterministic_output_order"},
		},
		{
			Name: "randomkey", Arity: 1, Flags: ReadOnly | Keyspace, Place: OnAllShards, Run: randomkey,
			Since: "1.0.0", Cost: "O(1)", Doc: "Returns a key at random.",
			Tips: []string{"request_policy:all_shards", "response_policy:special", "nondeterministic_output"},
		},
	}
}

const (
	defaultScanCount = 10
	// maxScanSteps bounds what a SCAN does in a database where nearly all keys have expired: it replies early.
	maxScanSteps = shards.MaxShards + 10
)

// errCursor is the answer to a cursor that is no number.
const errCursor = Error("ERR invalid cursor")

// scanFilter is what follows the cursor of SCAN and its like.
type scanFilter struct {
	count    int
	matched  bool // by the pattern
	pattern  []byte
	typed    bool
	only     value.Type // if typed; 0, which no key has, for a name that is no type
	noValues bool       // HSCAN: fields alone
}

// parseScanFilter reads the options from an argument on; of is the type whose elements are scanned, 0 for keys.
func parseScanFilter(c *Call, from int, of value.Type) (f scanFilter, err error) {
	f.count = defaultScanCount
	for i := from; i < len(c.Args); i += 2 {
		if of == value.Hash && c.Option(i, "novalues") {
			f.noValues = true
			i--
			continue
		}
		if i+1 == len(c.Args) {
			return f, errSyntax
		}
		switch arg := c.Args[i+1]; {
		case c.Option(i, "count"):
			n, err := c.Int(i + 1)
			if err != nil {
				return f, err
			}
			if n < 1 {
				return f, errSyntax
			}
			f.count = int(n)
		case c.Option(i, "match"):
			f.pattern, f.matched = arg, !isAnyKey(arg)
		case of == 0 && c.Option(i, "type"):
			f.typed = true
			f.only, _ = value.ParseType(strings.ToLower(string(arg)))
		default:
			return f, errSyntax
		}
	}
	return f, nil
}

// isAnyKey reports whether a pattern lets every key pass, and so need not be matched. It is more than a short cut: no
// glob but the empty one fits the empty key.
func isAnyKey(pattern []byte) bool { return string(pattern) == "*" }

func (f *scanFilter) wants(key []byte, it shards.Item) bool {
	return f.matches(key) && (!f.typed || it.Type() == f.only)
}

// matches reports whether the name of a key or an element fits the pattern.
func (f *scanFilter) matches(name []byte) bool {
	return !f.matched || text.Match(f.pattern, name, false)
}

func scan(c *Call) error {
	cursor, ok := parseCursor(c.Args[1])
	if !ok {
		return errCursor
	}
	f, err := parseScanFilter(c, 2, 0)
	if err != nil {
		return err
	}
	at, seen, found := c.beginScan(), 0, 0
	for range maxScanSteps {
		cursor = c.Tx.Scan(cursor, f.count-seen, func(key []byte, it shards.Item) {
			seen++
			if f.wants(key, it) {
				c.Reply.Bulk(key)
				found++
			}
		})
		if cursor == 0 || seen >= f.count {
			break
		}
	}
	c.endScan(at, cursor, found)
	return nil
}

// parseCursor reads a cursor as C's strtoul does, which Redis leaves it to: a sign is allowed, a minus wraps around,
// nothing at all is 0, and the text ends at a NUL. Spaces are refused.
func parseCursor(b []byte) (cursor uint64, ok bool) {
	digits, _, _ := strings.Cut(string(b), "\x00")
	if digits == "" {
		return 0, true
	}
	negative := digits[0] == '-'
	if negative || digits[0] == '+' {
		digits = digits[1:]
	}
	cursor, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, false
	}
	if negative {
		cursor = math.MaxUint64 - cursor + 1
	}
	return cursor, true
}

// keysLike is KEYS.
func keysLike(c *Call) error {
	pattern := c.Args[1]
	all := isAnyKey(pattern)
	at, n := c.Reply.DeferArray(), 0
	c.Tx.Each(func(key []byte, _ shards.Item) bool {
		if all || text.Match(pattern, key, false) {
			c.Reply.Bulk(key)
			n++
		}
		return true
	})
	c.Reply.SetArray(at, n)
	return nil
}

func randomkey(c *Call) error {
	key, ok := c.Tx.Random()
	if !ok {
		c.Reply.Null()
		return nil
	}
	c.Reply.Bulk(key)
	return nil
}
