package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/proto"
	"respite/shards"
	"respite/value"
)

// newSetRig is a rig with the limits that redis-server has by default, and some sets: a and b are small, big has two thousand members.
func newSetRig(t *testing.T) *keysRig {
	t.Helper()
	r := newKeysRig(t)
	limits := r.exec.group.Limits()
	limits.Encoding = value.Limits{SetMaxIntsetEntries: 512, SetMaxListpackEntries: 128, SetMaxListpackValue: 64}
	r.exec.group.SetLimits(limits)
	r.do(0, "SADD a 1 2 x")
	r.do(0, "SADD b 2 3 x")
	r.do(0, "SET text t")
	r.fill("big", 0, 2000)
	r.events = nil
	return r
}

// fill adds the members from to to-1 to a set.
func (r *keysRig) fill(key string, from, to int) {
	words := []string{"SADD", key}
	for i := from; i < to; i++ {
		words = append(words, "member:"+strconv.Itoa(i))
	}
	require.Equal(r.t, ":"+strconv.Itoa(to-from), r.run(0, words...))
}

// setElements are the words of an aggregate's elements, sorted, and what stands before the first.
func setElements(reply string) (head string, all []string) {
	words := strings.Fields(reply)
	for i := 2; i < len(words); i += 2 {
		all = append(all, words[i])
	}
	slices.Sort(all)
	return words[0], all
}

// Each command tells of exactly the changes that it makes.
func TestSetEvents(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"SADD a 1 2", nil},
		{"SADD a 1 7 8", []string{"0 sadd a"}},
		{"SADD new 1", []string{"0 sadd new"}},
		{"SREM a 7", nil},
		{"SREM nokey 7", nil},
		{"SREM a 1 7", []string{"0 srem a"}},
		{"SREM a 1 2 x", []string{"0 srem a", "0 del a"}},
		{"SPOP nokey", nil},
		{"SPOP a 0", nil},
		{"SPOP a", []string{"0 spop a"}},
		{"SPOP a 2", []string{"0 spop a"}},
		{"SPOP a 3", []string{"0 spop a", "0 del a"}},
		{"SPOP big 1999", []string{"0 spop big"}},
		{"SMOVE a b 1", []string{"0 srem a", "0 sadd b"}},
		{"SMOVE a b 2", []string{"0 srem a"}},
		{"SMOVE a b 7", nil},
		{"SMOVE a a 1", nil},
		{"SMOVE nokey a 1", nil},
		{"SMOVE a new 1", []string{"0 srem a", "0 sadd new"}},
		{"SINTERSTORE new a b", []string{"0 sinterstore new"}},
		{"SUNIONSTORE a a b", []string{"0 sunionstore a"}},
		{"SDIFFSTORE text a b", []string{"0 sdiffstore text"}},
		{"SINTERSTORE text a nokey", []string{"0 del text"}},
		{"SUNIONSTORE text nokey", []string{"0 del text"}},
		{"SDIFFSTORE a a a", []string{"0 del a"}},
		{"SDIFFSTORE new a a", nil},
		{"SMEMBERS a", nil},
		{"SUNION a b", nil},
		{"SRANDMEMBER a 2", nil},
		{"SSCAN a 0", nil},
	} {
		t.Run(c.line, func(t *testing.T) {
			r := newSetRig(t)
			r.do(0, c.line)
			require.Equal(t, c.want, r.events)
		})
	}
}

// Lookups of what will be written count neither as hits nor as misses, others do.
func TestSetHits(t *testing.T) {
	r := newSetRig(t)
	for _, line := range []string{
		"SADD a 1", "SREM a 7", "SMOVE a b 7", "SMOVE a a 1", "SMOVE nokey b 1", "SPOP nokey", "SPOP nokey 2", // none
		"SCARD a", "SISMEMBER a 1", "SINTER a nokey b", "SUNIONSTORE new a b", "SRANDMEMBER nokey", // 6, 2
	} {
		r.do(0, line)
	}
	var stats shards.Stats
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) { stats = tx.Stats() })
	require.EqualValues(t, 6, stats.Hits)
	require.EqualValues(t, 2, stats.Misses)
}

// What a command puts together of large sets is right, whichever way it takes.
func TestLargeSets(t *testing.T) {
	r := newSetRig(t)
	r.fill("half", 1000, 3000)
	for i := range 20 {
		r.fill(fmt.Sprint("tenth", i), 100*i, 100*i+50)
	}
	count := func(line string) int {
		head, all := setElements(r.do(0, line))
		require.Equal(t, "*"+strconv.Itoa(len(all)), head)
		require.Len(t, slices.Compact(all), len(all))
		return len(all)
	}
	tenths := ""
	for i := range 20 {
		tenths += fmt.Sprint(" tenth", i)
	}
	require.Equal(t, 2000, count("SMEMBERS big"))
	require.Equal(t, 2000, count("SUNION big"))
	require.Equal(t, 3000, count("SUNION big half"))
	require.Equal(t, 3003, count("SUNION a half big b"+tenths)-1)
	require.Equal(t, 1000, count("SUNION"+tenths))
	require.Equal(t, 1000, count("SINTER big half"))
	require.Equal(t, 1000, count("SDIFF big half"))
	require.Equal(t, 1000, count("SDIFF big"+tenths))
	require.Equal(t, 0, count("SDIFF big half big"))
	r.play([]keysStep{
		{"SINTERCARD 2 big half", ":1000"},
		{"SINTERCARD 2 half big LIMIT 17", ":17"},
		{"SUNIONSTORE d big half" + tenths, ":3000"},
		{"SDIFFSTORE e d half", ":1000"},
		{"SINTERSTORE d d half", ":2000"},
		{"SDIFFSTORE d big" + tenths, ":1000"},
		{"OBJECT ENCODING d", "$9 hashtable"},
		{"SCARD d", ":1000"},
		{"SDIFFSTORE d tenth0 tenth1", ":50"},
		{"OBJECT ENCODING d", "$8 listpack"},
		{"SUNIONSTORE big nokey", ":0"},
		{"EXISTS big", ":0"},
	})
}

// A large set that is copied or renamed, be it to another shard, is found by its members there, and a copy is its own.
func TestLargeSetsMove(t *testing.T) {
	for _, name := range []string{"one", "two", "three", "four"} {
		r := newSetRig(t)
		r.play([]keysStep{
			{"COPY big " + name, ":1"},
			{"SREM big member:7", ":1"},
			{"SMISMEMBER " + name + " member:7 member:8 member:2000", "*3 :1 :1 :0"},
			{"RENAME " + name + " " + name + name, "+OK"},
			{"SADD " + name + name + " member:7 member:2000", ":1"},
			{"SCARD " + name + name, ":2001"},
			{"SCARD big", ":1999"},
			{"SINTERCARD 2 big " + name + name, ":1999"},
			{"SDIFFSTORE d " + name + name + " big", ":2"},
			{"SMISMEMBER d member:7 member:2000", "*2 :1 :1"},
		})
	}
}

// SPOP takes different members out, however many of all it takes, and what stays is encoded as by Redis.
func TestPopOfLargeSets(t *testing.T) {
	for _, c := range []struct {
		count int
		after string
	}{{1, "hashtable"}, {1600, "hashtable"}, {1700, "hashtable"}, {1990, "listpack"}} {
		r := newSetRig(t)
		_, popped := setElements(r.do(0, fmt.Sprint("SPOP big ", c.count)))
		require.Len(t, popped, c.count)
		_, left := setElements(r.do(0, "SMEMBERS big"))
		all := append(popped, left...)
		slices.Sort(all)
		require.Len(t, slices.Compact(all), 2000)
		require.Contains(t, r.do(0, "OBJECT ENCODING big"), c.after)
	}
}

func TestSampleOfLargeSets(t *testing.T) {
	r := newSetRig(t)
	for _, n := range []int{1, 10, 1000, 1999, 2000, 5000} {
		_, all := setElements(r.do(0, fmt.Sprint("SRANDMEMBER big ", n)))
		require.Len(t, slices.Compact(all), min(n, 2000))
	}
	_, all := setElements(r.do(0, "SRANDMEMBER big -5000"))
	require.Len(t, all, 5000)
	require.Less(t, len(slices.Compact(all)), 2000)
}

// SSCAN of a large set goes on from its cursor and sees every member once.
func TestScanOfLargeSet(t *testing.T) {
	r := newSetRig(t)
	seen, cursor := 0, "0"
	for {
		words := strings.Fields(r.do(0, "SSCAN big "+cursor+" COUNT 50"))
		cursor = words[2]
		seen += (len(words) - 4) / 2
		if cursor == "0" {
			break
		}
	}
	require.Equal(t, 2000, seen)
}

// Commands on small sets, and those about one member of a large one, allocate nothing. (What changes a set tells the rig, which does.)
func TestSetCommandsAllocateNothing(t *testing.T) {
	r := newSetRig(t)
	for _, line := range []string{
		"SADD a 1", "SADD a 7", "SREM a 7", "SADD big m", "SREM big m", "SISMEMBER big m", "SMISMEMBER a 1 2", "SCARD a", "SMEMBERS a", "SINTER a b",
		"SINTERCARD 2 a b", "SRANDMEMBER a", "SRANDMEMBER big", "SRANDMEMBER a 1", "SRANDMEMBER a -3", "SDIFF a b", "SUNION a b",
	} {
		args := [][]byte{}
		for _, word := range strings.Fields(line) {
			args = append(args, []byte(word))
		}
		row := r.exec.table.Lookup(args)
		var reply proto.Reply
		reply.Reset(2)
		call := &Call{Args: args, Reply: &reply, Row: row, Server: r.exec}
		r.exec.group.Run(r.need(row, args), 0, func(tx *shards.Tx) {
			call.Tx = tx
			require.Zero(t, testing.AllocsPerRun(20, func() {
				reply.Reset(2)
				if err := row.Run(call); err != nil {
					t.Fatal(err)
				}
				r.events = r.events[:0]
			}), line)
		})
	}
}
