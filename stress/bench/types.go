// The commands of the data types: what `--set types` measures. Each runs on one key, as redis-benchmark has it, or spread over
// many keys, where collections are small and the keys' own cost shows.
//
// Elements are 16 bytes long and numbered, so a reply has one length, whatever is in it, and is checked as a whole.
//
// Invariant: a measurement is a number of requests, not a time: who is faster must neither meet a larger collection nor run
// out of elements earlier. Where a measurement changes its data (spends), the data are made anew for each.

package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"respite/proto"
)

const (
	typeKeys    = 100_000 // keys of a cell with many
	typeDepth   = 16      // pipeline depth of a cell that names none
	elementSize = 16
	// few is how many elements a collection has of which nothing else is said: it stays packed when some are added.
	few        = 10
	hashFields = 20
	shortRange = 100
	longRange  = 600
	// longList is what ranges of one list are taken of.
	longList    = 100_000
	bitmapBits  = 8 * 64 << 20
	appendedTo  = 1 << 20
	smallBitmap = 64
	scoreDigits = 6
	// loadElements is how many elements one request of a preparation adds at most.
	loadElements = 100
)

// Requests of a measurement for each of its --seconds: about what a server does at depth 16 on a small machine.
const (
	quickRate  = 400_000
	middleRate = 40_000
	slowRate   = 10_000
)

// A spreading is how a command's keys are chosen.
type spreading string

const (
	oneKey   spreading = "one"
	manyKeys spreading = "many"
)

// A typeCommand is one kind of request on collections of one kind.
type typeCommand struct {
	name   string
	add    adder                        // makes the collections; nil: nothing has to be there
	one    int                          // elements of the collection of one key
	each   int                          // elements of each of many; 0: not measured so
	spends bool                         // it changes what it needs
	takes  bool                         // it takes an element with each request: there are enough of them
	twins  bool                         // the other key has the same elements
	rate   int                          // requests a second
	reply  shape                        // to each request
	words  func(k pair, n int) []string // request n
	across bool                         // the two keys are on different shards
}

// A pair is a key and, for commands of two, another one.
type pair struct {
	key, other    string
	first, length int // numbers of the elements that the key has, at the beginning
}

// An adder is a request that gives a key n elements from number first on.
type adder func(key string, first, n int) []string

// typeCommands lists what can be measured, by the names that --cells takes.
func typeCommands() []typeCommand {
	return slices.Concat(listCommands(), setCommands(), hashCommands(), sortedSetCommands(), otherTypeCommands())
}

func listCommands() []typeCommand {
	push := elements("RPUSH")
	move := func(k pair, _ int) []string { return []string{"RPOPLPUSH", k.key, k.other} }
	return []typeCommand{
		{
			name: "lpush", add: push, one: few, each: few, spends: true, rate: quickRate, reply: integerShape(),
			words: func(k pair, n int) []string { return []string{"LPUSH", k.key, fresh(n)} },
		},
		{
			name: "lpop", add: push, one: few, each: few, spends: true, takes: true, rate: quickRate, reply: bulkShape(elementSize),
			words: func(k pair, _ int) []string { return []string{"LPOP", k.key} },
		},
		{
			name: "lrange-100", add: push, one: longList, each: shortRange, rate: middleRate, reply: arrayShape(shortRange),
			words: func(k pair, _ int) []string { return []string{"LRANGE", k.key, "0", strconv.Itoa(shortRange - 1)} },
		},
		{
			name: "lrange-600", add: push, one: longList, each: longRange, rate: slowRate, reply: arrayShape(longRange),
			words: func(k pair, _ int) []string { return []string{"LRANGE", k.key, "0", strconv.Itoa(longRange - 1)} },
		},
		{
			name: "lpos", add: push, one: few, each: few, rate: quickRate, reply: integerShape(),
			words: func(k pair, n int) []string { return []string{"LPOS", k.key, k.member(n)} },
		},
		{
			name: "lrem", add: push, one: few, each: few, rate: quickRate, reply: lineShape(":0"),
			words: func(k pair, n int) []string { return []string{"LREM", k.key, "0", fresh(n)} },
		},
		{
			name: "rpoplpush", add: push, one: few, each: few, spends: true, takes: true, rate: quickRate,
			reply: bulkShape(elementSize), words: move,
		},
		{
			name: "rpoplpush-across", add: push, one: few, each: few, spends: true, takes: true, rate: quickRate,
			reply: bulkShape(elementSize), words: move, across: true,
		},
	}
}

func setCommands() []typeCommand {
	add := elements("SADD")
	return []typeCommand{
		{
			name: "sadd", add: add, one: few, each: few, spends: true, rate: quickRate, reply: integerShape(),
			words: func(k pair, n int) []string { return []string{"SADD", k.key, fresh(n)} },
		},
		{
			name: "spop", add: add, one: few, each: few, spends: true, takes: true, rate: quickRate, reply: bulkShape(elementSize),
			words: func(k pair, _ int) []string { return []string{"SPOP", k.key} },
		},
		{
			name: "sismember", add: add, one: longList, each: few, rate: quickRate, reply: integerShape(),
			words: func(k pair, n int) []string { return []string{"SISMEMBER", k.key, element(n)} },
		},
		{
			name: "smembers-10", add: add, one: few, each: few, rate: quickRate / 2, reply: arrayShape(few),
			words: func(k pair, _ int) []string { return []string{"SMEMBERS", k.key} },
		},
		{
			name: "sinter-10", add: add, one: few, each: few, twins: true, rate: quickRate / 2, reply: arrayShape(few),
			words: func(k pair, _ int) []string { return []string{"SINTER", k.key, k.other} },
		},
	}
}

func hashCommands() []typeCommand {
	return []typeCommand{
		{
			name: "hset", add: fields, one: few, each: few, spends: true, rate: quickRate, reply: integerShape(),
			words: func(k pair, n int) []string { return []string{"HSET", k.key, fresh(n), element(n)} },
		},
		{
			name: "hget", add: fields, one: longList, each: few, rate: quickRate, reply: bulkShape(elementSize),
			words: func(k pair, n int) []string { return []string{"HGET", k.key, k.member(n)} },
		},
		{
			name: "hgetall-20", add: fields, one: hashFields, each: hashFields, rate: 2 * middleRate, reply: arrayShape(2 * hashFields),
			words: func(k pair, _ int) []string { return []string{"HGETALL", k.key} },
		},
	}
}

func sortedSetCommands() []typeCommand {
	return []typeCommand{
		{
			name: "zadd", add: scored, one: few, each: few, spends: true, rate: quickRate, reply: integerShape(),
			words: func(k pair, n int) []string { return []string{"ZADD", k.key, score(n), fresh(n)} },
		},
		{
			name: "zrange-100", add: scored, one: longList, each: shortRange, rate: middleRate, reply: arrayShape(shortRange),
			words: func(k pair, _ int) []string { return []string{"ZRANGE", k.key, "0", strconv.Itoa(shortRange - 1)} },
		},
		{
			name: "zpopmin", add: scored, one: few, each: few, spends: true, takes: true, rate: quickRate, reply: scoredShape(),
			words: func(k pair, _ int) []string { return []string{"ZPOPMIN", k.key} },
		},
	}
}

func otherTypeCommands() []typeCommand {
	return []typeCommand{
		{
			name: "xadd", one: few, each: few, spends: true, rate: quickRate, reply: textShape(),
			words: func(k pair, n int) []string { return []string{"XADD", k.key, "*", "field", element(n)} },
		},
		{
			name: "bitcount", add: stringOf(smallBitmap), one: 1, each: 1, rate: quickRate, reply: integerShape(),
			words: func(k pair, _ int) []string { return []string{"BITCOUNT", k.key} },
		},
		{
			name: "setbit-64m", add: stringOf(bitmapBits / 8), one: 1, rate: quickRate, reply: integerShape(),
			words: func(k pair, n int) []string {
				const prime = 536_870_909
				return []string{"SETBIT", k.key, strconv.Itoa(n * prime % bitmapBits), "1"}
			},
		},
		{
			name: "append-1m", add: stringOf(appendedTo), one: 1, spends: true, rate: quickRate, reply: integerShape(),
			words: func(k pair, n int) []string { return []string{"APPEND", k.key, element(n)} },
		},
	}
}

// elements is an adder for commands that take elements.
func elements(command string) adder {
	return func(key string, first, n int) []string {
		args := []string{command, key}
		for i := first; i < first+n; i++ {
			args = append(args, element(i))
		}
		return args
	}
}

// fields adds fields to a hash.
func fields(key string, first, n int) []string {
	args := []string{"HSET", key}
	for i := first; i < first+n; i++ {
		args = append(args, element(i), fresh(i))
	}
	return args
}

// scored adds elements to a sorted set.
func scored(key string, first, n int) []string {
	args := []string{"ZADD", key}
	for i := first; i < first+n; i++ {
		args = append(args, score(i), element(i))
	}
	return args
}

// stringOf makes a string of so many bytes.
func stringOf(size int) adder {
	return func(key string, _, _ int) []string { return []string{"SETRANGE", key, strconv.Itoa(size - 1), "x"} }
}

// element is the text of element n.
func element(n int) string { return numbered("element:", n) }

// fresh is an element that no preparation adds.
func fresh(n int) string { return numbered("another:", n) }

// numbered is eight letters and as many digits. Preparations need millions of them.
func numbered(prefix string, n int) string {
	var b [elementSize]byte
	for i := len(b) - 1; i >= copy(b[:], prefix); i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b[:])
}

// member is an element of the key's collection, another one for another n.
func (k pair) member(n int) string { return element(k.first + n%k.length) }

// score is a score of scoreDigits digits; scores of neighbours lie far apart.
func score(n int) string {
	const low, high, prime = 100_000, 1_000_000, 611_953
	return strconv.Itoa(low + n*prime%(high-low))
}

// arrayShape is an array of n elements.
func arrayShape(n int) shape {
	each := len("$16\r\n") + elementSize + len(crlf)
	return shape{head: fmt.Sprintf("*%d\r\n", n), body: n*each - len(crlf)}
}

// scoredShape is an array of one element and its score.
func scoredShape() shape {
	return shape{head: "*2\r\n$16\r\n", body: elementSize + len(crlf) + len("$6\r\n") + scoreDigits}
}

// together names two keys on one shard: the first's name is the other's hash tag.
func together(n int) (key, other string) {
	key = keyPrefix + strconv.Itoa(n)
	return key, "{" + key + "}"
}

// apart returns a function that names two keys on different shards, however many shards there are: shards are ranges of hashes.
func apart() func(n int) (key, other string) {
	const margin = 8 // of the range of hashes, at either end
	var low, high []string
	for i := 0; len(low) < typeKeys || len(high) < typeKeys; i++ {
		key := keyPrefix + strconv.Itoa(i)
		switch h := xxhash.Sum64String(key) >> 32; {
		case h < 1<<32/margin:
			low = append(low, key)
		case h >= (margin-1)<<32/margin:
			high = append(high, key)
		}
	}
	return func(n int) (key, other string) { return low[n], high[n] }
}

// A typeCell is a typeCommand on one key or on many, at one pipeline depth, with so many requests.
type typeCell struct {
	command  typeCommand
	spread   spreading
	depth    int
	requests int
	names    func(n int) (key, other string)
}

func newTypeCell(command typeCommand, s spreading, depth int, length time.Duration) typeCell {
	c := typeCell{command: command, spread: s, depth: depth, names: together}
	c.requests = max(int(float64(command.rate)*length.Seconds()), depth)
	if command.across {
		c.names = apart()
	}
	return c
}

func (c typeCell) String() string { return fmt.Sprintf("%s/%s:%d", c.command.name, c.spread, c.depth) }

// keys are those of request n.
func (c typeCell) keys(n int) (k pair) {
	k.length = c.length()
	const prime = 7_919 // few requests, too, go all over the keys
	if c.spread == manyKeys {
		n = n * prime % typeKeys
	} else {
		n = 0
	}
	k.key, k.other = c.names(n)
	k.first = n * k.length
	return k
}

// length is how many elements each of the cell's collections begins with.
func (c typeCell) length() int {
	switch {
	case c.spread == manyKeys && c.command.takes:
		return c.command.each + c.requests/typeKeys
	case c.spread == manyKeys:
		return c.command.each
	case c.command.takes:
		return (c.requests/loadElements + 1) * loadElements
	}
	return c.command.one
}

// write writes the cell's nth request; it is what tapes are made of.
func (c typeCell) write(dst []byte, numbers []uint32, _ *valuePool) []byte {
	n := int(numbers[0])
	return proto.AppendCommand(dst, c.command.words(c.keys(n), n)...)
}

// A filling is one step of a preparation: so many requests, each of which is answered with an integer.
type filling struct {
	requests int
	request  request
}

// fillings are what has to be sent before a measurement.
func (c typeCell) fillings() (steps []filling) {
	if c.command.add == nil {
		return nil
	}
	steps = append(steps, c.filling(func(k pair) string { return k.key }))
	if c.command.twins {
		steps = append(steps, c.filling(func(k pair) string { return k.other }))
	}
	return steps
}

// filling makes the collections of one side of the pairs: the many keys' with a request each, the one key's bit by bit.
func (c typeCell) filling(side func(pair) string) filling {
	requests, each := typeKeys, c.length()
	if c.spread == oneKey {
		each = min(each, loadElements)
		requests = c.length() / each
	}
	return filling{requests, func(dst []byte, numbers []uint32, _ *valuePool) []byte {
		k := c.keys(int(numbers[0]))
		first := k.first
		if c.spread == oneKey {
			first = int(numbers[0]) * each
		}
		return proto.AppendCommand(dst, c.command.add(side(k), first, each)...)
	}}
}

// typeCellsOf reads "lpush:16,sadd" and the spreads: a command without a depth gets typeDepth, an empty list is every command.
func typeCellsOf(list, spreads string, length time.Duration) (cells []typeCell, err error) {
	chosen, err := parseSpreads(spreads)
	if err != nil {
		return nil, err
	}
	all := typeCommands()
	var names []string
	for _, c := range all {
		names = append(names, c.name)
	}
	words, err := parseCellWords(list, names, []int{typeDepth})
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		for _, s := range chosen {
			if c := all[w.command]; s == oneKey || c.each > 0 {
				cells = append(cells, newTypeCell(c, s, w.depth, length))
			}
		}
	}
	if len(cells) == 0 {
		return nil, fmt.Errorf("--keys-spread %s: none of the cells has many keys", spreads)
	}
	return cells, nil
}

// parseSpreads reads "one,many".
func parseSpreads(list string) (chosen []spreading, err error) {
	for _, word := range strings.Split(list, ",") {
		s := spreading(strings.ToLower(strings.TrimSpace(word)))
		if s != oneKey && s != manyKeys {
			return nil, fmt.Errorf("--keys-spread %q: there are %s and %s", word, oneKey, manyKeys)
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// memoryElements is how many elements a key has in the memory table of the data types, and fields an entry of its stream.
const memoryElements = 5

// A memoryKind is what the keys of a data set hold: request n makes the nth key, or the nth entry of a stream.
type memoryKind struct {
	name    string
	request request
	reply   shape
}

func memoryKinds() []memoryKind {
	filled := func(name string, add adder) memoryKind {
		return memoryKind{name, func(dst []byte, numbers []uint32, _ *valuePool) []byte {
			n := int(numbers[0])
			key, _ := together(n)
			return proto.AppendCommand(dst, add(key, n*memoryElements, memoryElements)...)
		}, integerShape()}
	}
	return []memoryKind{
		filled("hashes", fields),
		filled("lists", elements("RPUSH")),
		filled("sets", elements("SADD")),
		filled("sorted sets", scored),
		{"entries of a stream", func(dst []byte, numbers []uint32, _ *valuePool) []byte {
			args := []string{"XADD", "stream", "*"}
			for i := range memoryElements {
				args = append(args, "field"+strconv.Itoa(i), element(int(numbers[0])*memoryElements+i))
			}
			return proto.AppendCommand(dst, args...)
		}, textShape()},
	}
}
