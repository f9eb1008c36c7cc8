// keysizes.go: which keys are used most and which are largest: HOTKEYS, BIGKEYS and INFO's section keysizes. What is known of keys the shards
// know (shards/hot.go, shards/survey.go); nothing here goes over the keyspace. The two commands are Respite's own.

package command

import (
	"fmt"
	"math/bits"
	"strings"

	"respite/shards"
	"respite/stats"
	"respite/value"
)

func keysizeRows() []Row {
	return []Row{
		{
			Name: "hotkeys", Arity: -1, Flags: Admin | NoScript, Place: OnAllShards, Run: hotkeys,
			Tips:  []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			Since: ownSince, Cost: "O(N log N) in the number of keys that are counted, 128 a shard",
			Doc: "[COUNT count | RESET]. Returns the keys that commands name most, the hottest first, each a map of key, db, accesses " +
				"(estimated, of the last minutes), error (how much that may be too high) and per-second; RESET begins to count anew.",
		},
		{
			Name: "bigkeys", Arity: -1, Flags: Admin | NoScript, Place: OnAllShards, Run: bigkeys,
			Tips:  []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			Since: ownSince, Cost: "O(N log N) in the number of keys that are remembered, 128 a type, database and shard",
			Doc: "[COUNT count] [TYPE type]. Returns the largest keys of each type, or of one, each a map of key, db, type, size and unit " +
				"(bytes of strings, elements of all else). On large keyspaces it may not know of what has changed in the last seconds.",
		},
	}
}

// ownSince is the version of Respite that got the commands that Redis does not have.
const ownSince = "0.1.0"

// errNoHotKeys is worded as Redis words OBJECT FREQ's refusal.
const errNoHotKeys = Error("ERR Hot keys are not tracked. Please note that hotkeys-sample-every is 0.")

const (
	keysShown     = 10 // by HOTKEYS and BIGKEYS unless told otherwise
	hotKeyFields  = 5
	bigKeyFields  = 5
	decimalsShown = 100 // a rate is told to the hundredth
)

// heat counts an access to each key that the command names.
func (c *Call) heat() {
	c.Row.keyPositions(c.Args, func(i int, k *KeySpec) {
		if k.Flags&NotKey == 0 {
			c.Tx.Heat(c.Args[i])
		}
	})
}

// keysOptions are the options of HOTKEYS and BIGKEYS.
type keysOptions struct {
	count int
	reset bool
	types []value.Type
}

func parseHotkeys(c *Call) (o keysOptions, err error) {
	o.count = keysShown
	switch n := len(c.Args); {
	case n == 1:
	case n == 2 && c.Option(1, "reset"):
		o.reset = true
	case n == 3 && c.Option(1, "count"):
		o.count, err = c.countAt(2)
	default:
		err = errSyntax
	}
	return o, err
}

func parseBigkeys(c *Call) (o keysOptions, err error) {
	o.count, o.types = keysShown, allTypes()
	for i := 1; i < len(c.Args) && err == nil; i += 2 {
		switch {
		case i+1 == len(c.Args):
			err = errSyntax
		case c.Option(i, "count"):
			o.count, err = c.countAt(i + 1)
		case c.Option(i, "type"):
			t, ok := value.ParseType(strings.ToLower(string(c.Args[i+1])))
			if !ok {
				return o, Error(fmt.Sprintf("ERR unknown type name '%s'", printed(c.Args[i+1], maxEchoedName)))
			}
			o.types = []value.Type{t}
		default:
			err = errSyntax
		}
	}
	return o, err
}

// countAt reads argument i as how many keys to return.
func (c *Call) countAt(i int) (int, error) {
	n, err := c.Int(i)
	if err != nil {
		return 0, err
	}
	if n <= 0 {
		return 0, errNotPositive
	}
	return int(min(n, maxKeysShown)), nil
}

// maxKeysShown is more keys than shards ever remember.
const maxKeysShown = 1 << 20

func allTypes() []value.Type {
	return []value.Type{value.String, value.List, value.Set, value.ZSet, value.Hash, value.Stream}
}

func hotkeys(c *Call) error {
	o, err := parseHotkeys(c)
	switch {
	case err != nil:
		return err
	case c.Server.group.Limits().HotEvery == 0:
		return errNoHotKeys
	case o.reset:
		c.Tx.ForgetHotKeys()
		c.Reply.OK()
		return nil
	}
	hottest := c.Tx.HotKeys(o.count)
	c.Reply.Array(len(hottest))
	for i := range hottest {
		c.hotKey(&hottest[i])
	}
	return nil
}

func (c *Call) hotKey(k *shards.HotKey) {
	c.Reply.Map(hotKeyFields)
	c.Reply.BulkString("key")
	c.Reply.Bulk(k.Key)
	c.number("db", k.DB)
	c.number("accesses", int(k.Accesses))
	c.number("error", int(k.Error))
	c.Reply.BulkString("per-second")
	c.Reply.Double(float64(int64(k.PerSecond*decimalsShown)) / decimalsShown)
}

func bigkeys(c *Call) error {
	o, err := parseBigkeys(c)
	if err != nil {
		return err
	}
	at, n := c.Reply.DeferArray(), 0
	for _, t := range o.types {
		for _, k := range c.Tx.Biggest(t, o.count) {
			c.bigKey(&k)
			n++
		}
	}
	c.Reply.SetArray(at, n)
	return nil
}

func (c *Call) bigKey(k *shards.BigKey) {
	unit := "elements"
	if k.Type == value.String {
		unit = "bytes"
	}
	c.Reply.Map(bigKeyFields)
	c.Reply.BulkString("key")
	c.Reply.Bulk(k.Key)
	c.number("db", k.DB)
	c.pair("type", k.Type.String())
	c.number("size", int(k.Size))
	c.pair("unit", unit)
}

// infoKeysizes is the section of Redis 8 (src/server.c there): how many keys of each type have a size from a power of two to the next.
// Streams are not in it.
func infoKeysizes(c *Call, r *stats.Report) {
	for db := range c.Server.group.Databases() {
		if keys, _ := c.Tx.Len(db); keys == 0 {
			continue
		}
		sizes := c.Tx.Sizes(db)
		for t, name := range [...]string{
			value.String: "strings_sizes", value.List: "lists_items", value.Set: "sets_items", value.ZSet: "zsets_items", value.Hash: "hashes_items",
		} {
			if line := distribution(sizes[t][:]); line != "" {
				r.Add(fmt.Sprintf("db%d_distrib_%s", db, name), line)
			}
		}
	}
}

// distribution writes the places of a histogram that are not empty, by the least size that they are for.
func distribution(counts []int64) string {
	var places []string
	for i, n := range counts {
		if n > 0 {
			places = append(places, fmt.Sprintf("%s=%d", sizeLabel(i), n))
		}
	}
	return strings.Join(places, ",")
}

// sizeLabel is the least size of a place: "0", "1", "2", ... "512", "1K", ... .
func sizeLabel(place int) string {
	if place == 0 {
		return "0"
	}
	const unitBits, units = 10, "KMGTPE"
	size := uint64(1) << (place - 1)
	unit := (bits.Len64(size) - 1) / unitBits
	if unit == 0 {
		return fmt.Sprint(size)
	}
	return fmt.Sprintf("%d%c", size>>(unit*unitBits), units[unit-1])
}
