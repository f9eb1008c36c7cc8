// keys_object.go: OBJECT, what is known of a key beside its value. None of it makes the key look used.

package command

import (
	"math"
	"strings"

	"respite/config"
	"respite/shards"
	"respite/value"
)

func objectRows() []Row {
	return []Row{
		{
			Name: "object", Arity: -2, Since: "2.2.3", Cost: "Depends on the subcommand.",
			Doc: "Looks at what a key holds from within.", Sub: []Row{
				objectRow(Row{Name: "encoding", Run: objectEncoding, Since: "2.2.3", Doc: "Returns how the value of a key is encoded."}),
				objectRow(Row{Name: "freq", Run: objectFreq, Since: "4.0.0", Doc: "Returns the logarithm of how often a key was used lately."}),
				objectRow(Row{Name: "idletime", Run: objectIdletime, Since: "2.2.3", Doc: "Returns the seconds since a key was last used."}),
				objectRow(Row{Name: "refcount", Run: objectRefcount, Since: "2.2.3", Doc: "Returns the number of references to the value of a key."}),
				{
					Name: "help", Arity: 2, Flags: Loading | Stale | Keyspace, Place: OnConnection, Run: objectHelp,
					Since: "6.2.0", Cost: "O(1)", Doc: "Returns a text about the subcommands.",
				},
			},
		},
	}
}

// objectRow completes a row of the subcommands that look at a key.
func objectRow(r Row) Row {
	r.Arity, r.Flags, r.Keys, r.Cost = 3, ReadOnly|Keyspace, keys(RO, 2, 2, 1), "O(1)"
	r.Tips = []string{"nondeterministic_output"}
	return r
}

// The refusals of what the policy in force does not track.
const (
	errNotLFU = Error("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that " +
		"when switching between policies at runtime LRU and LFU data will take some time to adjust.")
	errIsLFU = Error("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that " +
		"when switching between policies at runtime LRU and LFU data will take some time to adjust.")
)

func objectEncoding(c *Call) error {
	it, ok := lookAtObject(c)
	if ok {
		c.Reply.BulkString(value.EncodingOf(it.Kind()).String())
	}
	return nil
}

func objectFreq(c *Call) error {
	it, ok := lookAtObject(c)
	switch {
	case !ok:
		return nil
	case !c.Tx.Frequent():
		return errNotLFU
	}
	c.Reply.Int(int64(c.Tx.Frequency(it.Recency())))
	return nil
}

func objectIdletime(c *Call) error {
	it, ok := lookAtObject(c)
	switch {
	case !ok:
		return nil
	case c.Tx.Frequent():
		return errIsLFU
	}
	c.Reply.Int(c.Tx.Idle(it.Recency()))
	return nil
}

// Redis shares one object among all strings that are the same small integer (OBJ_SHARED_INTEGERS), and reports its
// count as the greatest int. Nothing is shared here, but clients see the difference.
const (
	sharedIntegers = 10_000
	sharedRefcount = math.MaxInt32
)

func objectRefcount(c *Call) error {
	it, ok := lookAtObject(c)
	switch {
	case !ok:
		return nil
	case looksShared(c.Server.config.Now(), it):
		c.Reply.Int(sharedRefcount)
	default:
		c.Reply.Int(1)
	}
	return nil
}

// looksShared reports whether Redis would share the item: not where eviction needs a recency of each key's own.
func looksShared(now *config.Snapshot, it shards.Item) bool {
	if it.Kind() != value.KindInt {
		return false
	}
	n := value.DecodeInt(it.Value())
	ownRecency := now.MaxMemory > 0 && (strings.HasSuffix(now.MaxMemoryPolicy, "-lru") || strings.HasSuffix(now.MaxMemoryPolicy, "-lfu"))
	return n >= 0 && n < sharedIntegers && !ownRecency
}

// lookAtObject finds the key of an OBJECT subcommand; it answers null if there is none.
func lookAtObject(c *Call) (it shards.Item, ok bool) {
	if it, ok = c.Tx.Inspect(c.Args[2]); !ok {
		c.Reply.Null()
	}
	return it, ok
}

func objectHelp(c *Call) error {
	return c.help(
		"ENCODING <key>",
		"    Return the kind of internal representation used in order to store the value",
		"    associated with a <key>.",
		"FREQ <key>",
		"    Return the access frequency index of the <key>. The returned integer is",
		"    proportional to the logarithm of the recent access frequency of the key.",
		"IDLETIME <key>",
		"    Return the idle time of the <key>, that is the approximated number of",
		"    seconds elapsed since the last access to the key.",
		"REFCOUNT <key>",
		"    Return the number of references of the value associated with the specified",
		"    <key>.",
	)
}
