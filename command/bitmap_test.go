package command

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/config"
	"respite/shards"
)

// Each command tells of exactly the changes that it makes.
func TestBitmapEvents(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"SETBIT a 1 0", []string{"0 setbit a"}},
		{"SETBIT a 1 1", nil},
		{"SETBIT a 7 0", nil},
		{"SETBIT a 8 0", []string{"0 setbit a"}},
		{"SETBIT b 0 0", []string{"0 setbit b"}},
		{"GETBIT a 1", nil},
		{"BITCOUNT a", nil},
		{"BITPOS a 1", nil},
		{"BITOP NOT b a", []string{"0 set b"}},
		{"BITOP OR a a", []string{"0 set a"}},
		{"BITOP OR a b", []string{"0 del a"}},
		{"BITOP OR b c", nil},
		{"BITFIELD a GET u8 0", nil},
		{"BITFIELD a SET u8 0 49", []string{"0 setbit a"}},
		{"BITFIELD a SET u8 0 112", nil},
		{"BITFIELD a SET u8 0 1 SET u8 0 112", []string{"0 setbit a"}},
		{"BITFIELD a INCRBY u8 0 0", nil},
		{"BITFIELD a SET u8 #1 0", []string{"0 setbit a"}},
		{"BITFIELD a OVERFLOW FAIL SET u8 0 256", nil},
		{"BITFIELD a OVERFLOW FAIL SET u8 1 256", []string{"0  a"}},
		{"BITFIELD b OVERFLOW FAIL SET u1 0 2", []string{"0  b"}},
		{"BITFIELD b GET u8 0", nil},
		{"BITFIELD_RO b GET u8 0", nil},
	} {
		r := newKeysRig(t)
		r.do(0, "SET a p")
		r.events = nil
		r.do(0, c.line)
		require.Equal(t, c.want, r.events, c.line)
	}
}

// A refused command has changed nothing and has told nobody of a change.
func TestRefusedBitmapCommandsChangeNothing(t *testing.T) {
	const wrongType = "-" + string(errWrongType)
	for _, c := range []struct{ line, want string }{
		{"SETBIT list 0 1", wrongType},
		{"SETBIT list -1 1", "-" + string(errBitOffset)},
		{"SETBIT list 0 2", "-" + string(errBit)},
		{"SETBIT a 8388608 1", "-" + string(errBitOffset)},
		{"GETBIT list 0", wrongType},
		{"GETBIT list x", "-" + string(errBitOffset)},
		{"BITCOUNT list", wrongType},
		{"BITCOUNT list x y", wrongType},
		{"BITCOUNT list 1", wrongType},
		{"BITPOS list 1", wrongType},
		{"BITPOS list 2", "-" + string(errFindBit)},
		{"BITPOS list 1 x", wrongType},
		{"BITOP AND a list", wrongType},
		{"BITOP AND a a nosuch list", wrongType},
		{"BITOP NOT a list list", "-" + string(errNotOfSeveral)},
		{"BITOP NAND a list", "-" + string(errSyntax)},
		{"BITFIELD list", wrongType},
		{"BITFIELD list GET u8 0", wrongType},
		{"BITFIELD list SET u8 0 1", wrongType},
		{"BITFIELD list SET u64 0 1", "-" + string(errFieldType)},
		{"BITFIELD a SET u8 0 1 SET u8 8388608 1", "-" + string(errBitOffset)},
		{"BITFIELD_RO list GET u8 0", wrongType},
		{"BITFIELD_RO list SET u8 0 1", "-" + string(errFieldReadOnly)},
	} {
		r := newKeysRig(t)
		require.NoError(t, r.exec.config.Set(config.Pair{Name: "proto-max-bulk-len", Value: "1048576"}))
		r.do(0, "SET a 1")
		r.putList()
		require.Equal(t, c.want, r.do(0, c.line), c.line)
		require.Empty(t, r.events, c.line)
		require.Equal(t, "$1 1", r.do(0, "GET a"), c.line)
		require.Equal(t, "$3 int", r.do(0, "OBJECT ENCODING a"), c.line)
		require.Equal(t, "+list", r.do(0, "TYPE list"), c.line)
	}
}

// BITOP may keep its result where a list was.
func TestBitopReplacesAnyType(t *testing.T) {
	r := newKeysRig(t)
	r.putList()
	r.do(0, "SET a 1")
	require.Equal(t, ":1", r.do(0, "BITOP OR list a"))
	require.Equal(t, "$1 1", r.do(0, "GET list"))
	r.putList()
	require.Equal(t, ":0", r.do(0, "BITOP OR list nosuch"))
	require.Equal(t, ":0", r.do(0, "EXISTS list"))
}

// Lookups that write leave the counters of hits and misses alone, as Redis's do.
func TestBitmapHits(t *testing.T) {
	r := newKeysRig(t)
	for _, line := range []string{
		"SETBIT a 0 1", "BITFIELD a SET u8 0 1", "BITFIELD a INCRBY u8 0 1", // none
		"GETBIT a 0", "BITCOUNT a", "BITPOS a 1", "BITFIELD a GET u8 0", "BITFIELD_RO nosuch", "BITOP OR b a nosuch", // 5, 2
	} {
		r.do(0, line)
	}
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) {
		require.EqualValues(t, 5, tx.Stats().Hits)
		require.EqualValues(t, 2, tx.Stats().Misses)
	})
}

// allocated is how many bytes of memory do takes, freed ones included.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A bit of a large string changes in place. After a reply that references the string it is copied, once.
func TestSetbitOfALargeStringIsInPlace(t *testing.T) {
	const size = 64 << 20
	r := newKeysRig(t)
	last := strconv.Itoa(size*bitsPerByte - 1)
	require.Equal(t, ":0", r.run(0, "SETBIT", "a", last, "1"))
	change := func() {
		for i := range 100 {
			r.do(0, fmt.Sprint("SETBIT a ", i*1000, " 1"))
			r.do(0, fmt.Sprint("BITFIELD a INCRBY u7 #", i*1000, " 1"))
		}
	}
	require.Less(t, allocated(change), uint64(size/8))

	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) {
		it, ok := tx.Read([]byte("a"))
		require.True(t, ok)
		shared, ok := it.Share()
		require.True(t, ok)
		require.Len(t, shared, size)
	})
	require.Less(t, allocated(change), uint64(size+size/8))
	require.Less(t, allocated(change), uint64(size/8))
}

// Bitmaps of every size and encoding, changed in every way, read like a set of positions.
func TestBitmapsAgreeWithModel(t *testing.T) {
	const span = 5000 * bitsPerByte // across the size from which strings are kept by themselves
	key := rapid.SampledFrom([]string{"a", "b", "c"})
	rapid.Check(t, func(t *rapid.T) {
		r := newKeysRig(t)
		m := map[string]map[int]bool{"a": {}, "b": {}, "c": {}}
		t.Repeat(map[string]func(*rapid.T){
			"setbit": func(t *rapid.T) {
				k, at := key.Draw(t, "key"), rapid.IntRange(0, span-1).Draw(t, "at")
				on := rapid.Bool().Draw(t, "on")
				want := map[bool]string{false: ":0", true: ":1"}
				require.Equal(t, want[m[k][at]], r.run(0, "SETBIT", k, strconv.Itoa(at), want[on][1:]))
				m[k][at] = on
			},
			"field": func(t *rapid.T) {
				k, at, width := key.Draw(t, "key"), rapid.IntRange(0, span-64).Draw(t, "at"), rapid.IntRange(1, 63).Draw(t, "width")
				n := rapid.Uint64Range(0, 1<<width-1).Draw(t, "n")
				r.run(0, "BITFIELD", k, "SET", "u"+strconv.Itoa(width), strconv.Itoa(at), strconv.FormatUint(n, 10))
				for i := range width {
					m[k][at+i] = n>>(width-1-i)&1 == 1
				}
			},
			"xor": func(t *rapid.T) {
				k, one, other := key.Draw(t, "key"), key.Draw(t, "one"), key.Draw(t, "other")
				r.run(0, "BITOP", "XOR", k, one, other)
				sum := map[int]bool{}
				for _, from := range []map[int]bool{m[one], m[other]} {
					for at, on := range from {
						sum[at] = sum[at] != on
					}
				}
				m[k] = sum
			},
			"": func(t *rapid.T) {
				for k, bits := range m {
					count, first := 0, -1
					for at, on := range bits {
						if on {
							count++
						}
						if on && (first < 0 || at < first) {
							first = at
						}
					}
					require.Equal(t, fmt.Sprint(":", count), r.do(0, "BITCOUNT "+k))
					require.Equal(t, fmt.Sprint(":", first), r.do(0, "BITPOS "+k+" 1"))
				}
			},
		})
	})
}

func TestGetKeysAndFlagsOfBitfield(t *testing.T) {
	for line, want := range map[string]KeyFlags{
		"BITFIELD k":                             RO | Access,
		"BITFIELD k GET u8 0 OVERFLOW x get a b": RO | Access,
		"BITFIELD k GET u8":                      RW | Access | Update,
		"BITFIELD k SET u8 0 1":                  RW | Access | Update,
		"BITFIELD k GET u8 0 INCRBY u8 0 1":      RW | Access | Update,
		"BITFIELD k OVERFLOW":                    RW | Access | Update,
		"BITFIELD k x":                           RW | Access | Update,
	} {
		require.Equal(t, want, bitfieldFlags(words(line)), line)
	}
}

// BITOP works over all shards at once.
func TestBitopOverAllShards(t *testing.T) {
	r := newKeysRig(t)
	for i := range 20 {
		k := strconv.Itoa(i)
		r.do(0, "SETBIT "+k+" "+k+" 1")
	}
	keys := strings.Fields("0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19")
	require.Equal(t, ":3", r.run(0, append([]string{"BITOP", "OR", "all"}, keys...)...))
	require.Equal(t, ":20", r.do(0, "BITCOUNT all"))
}
