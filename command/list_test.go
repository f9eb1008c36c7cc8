package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/shards"
	"respite/value"
)

// Each command tells of exactly the changes that it makes, in Redis's order: a move is a push first.
func TestListEvents(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"LPUSH l x y", []string{"0 lpush l"}},
		{"RPUSH new x", []string{"0 rpush new"}},
		{"LPUSHX l x", []string{"0 lpush l"}},
		{"RPUSHX l x", []string{"0 rpush l"}},
		{"RPUSHX nokey x", nil},
		{"LPOP l", []string{"0 lpop l"}},
		{"RPOP l 2", []string{"0 rpop l"}},
		{"RPOP l 3", []string{"0 rpop l", "0 del l"}},
		{"LPOP l 0", nil},
		{"LPOP nokey", nil},
		{"LPOP one", []string{"0 lpop one", "0 del one"}},
		{"LMPOP 2 nokey l LEFT COUNT 2", []string{"0 lpop l"}},
		{"LMPOP 2 one l RIGHT", []string{"0 rpop one", "0 del one"}},
		{"LMOVE l one LEFT RIGHT", []string{"0 rpush one", "0 lpop l"}},
		{"RPOPLPUSH one l", []string{"0 lpush l", "0 rpop one", "0 del one"}},
		{"RPOPLPUSH one one", []string{"0 lpush one", "0 rpop one"}},
		{"RPOPLPUSH nokey l", nil},
		{"LSET l 0 x", []string{"0 lset l"}},
		{"LSET l 9 x", nil},
		{"LINSERT l BEFORE b x", []string{"0 linsert l"}},
		{"LINSERT l BEFORE nosuch x", nil},
		{"LREM l 0 b", []string{"0 lrem l"}},
		{"LREM l 0 nosuch", nil},
		{"LREM one -1 1", []string{"0 lrem one", "0 del one"}},
		{"LTRIM l 0 -1", []string{"0 ltrim l"}},
		{"LTRIM l 1 1", []string{"0 ltrim l"}},
		{"LTRIM l 5 6", []string{"0 ltrim l", "0 del l"}},
		{"LTRIM nokey 0 1", nil},
		{"LRANGE l 0 -1", nil},
		{"LPOS l b", nil},
		{"LINDEX l 0", nil},
		{"LLEN l", nil},
	} {
		r := newKeysRig(t)
		r.play([]keysStep{{"RPUSH l a b c", ":3"}, {"RPUSH one 1", ":1"}})
		r.events = nil
		r.do(0, c.line)
		require.Equal(t, c.want, r.events, c.line)
	}
}

// What is refused changes nothing, and creates nothing.
func TestRefusedListCommandsChangeNothing(t *testing.T) {
	r := newKeysRig(t)
	r.play([]keysStep{{"SET s 1", "+OK"}, {"RPUSH l a b c", ":3"}})
	r.events = nil
	const wrongType = "-" + string(errWrongType)
	r.play([]keysStep{
		{"LPUSH s a", wrongType},
		{"RPUSHX s a", wrongType},
		{"LPOP s", wrongType},
		{"LMPOP 2 nokey s LEFT", wrongType},
		{"LMOVE l s LEFT LEFT", wrongType},
		{"RPOPLPUSH s l", wrongType},
		{"LSET s 0 a", wrongType},
		{"LSET l 3 a", "-" + string(errIndex)},
		{"LINSERT s BEFORE a b", wrongType},
		{"LREM s 0 a", wrongType},
		{"LTRIM s 0 1", wrongType},
	})
	require.Empty(t, r.events)
	r.play([]keysStep{{"LRANGE l 0 -1", "*3 $1 a $1 b $1 c"}, {"GET s", "$1 1"}, {"DBSIZE", ":2"}})
}

// Elements of either kind of list, and of any size, move between shards; nothing is lost on the way.
func TestListsMoveBetweenShards(t *testing.T) {
	for name, size := range map[string]int{"packed": -2, "trees": 1} {
		t.Run(name, func(t *testing.T) {
			r := newKeysRig(t)
			r.exec.group.SetLimits(shards.Limits{KeepExpired: true, Encoding: value.Limits{ListMaxListpackSize: size}})
			elems := []string{"1", "12345", strings.Repeat("x", 50), strings.Repeat("y", 6000), "b"}
			r.run(0, append([]string{"RPUSH", "key:0"}, elems...)...)
			for i := range 20 {
				from, to := fmt.Sprintf("key:%d", i), fmt.Sprintf("key:%d", i+1)
				for range elems {
					r.run(0, "LMOVE", from, to, "LEFT", "RIGHT")
					r.run(0, "RPOPLPUSH", to, to)
					r.run(0, "LMOVE", to, to, "LEFT", "RIGHT")
				}
				require.Equal(t, ":0", r.do(0, "EXISTS "+from))
			}
			got := strings.Fields(r.do(0, "LRANGE key:20 0 -1"))
			got = slices.DeleteFunc(got, func(word string) bool { return word[0] == '$' || word[0] == '*' })
			require.Equal(t, elems, got)
		})
	}
}

// A command that fails half-way leaves no half list: a small one is restored, a large one is whole.
func TestFailedListCommandIsTakenBack(t *testing.T) {
	for _, n := range []int{3, 5000} {
		r := newKeysRig(t)
		r.exec.group.SetLimits(shards.Limits{KeepExpired: true, Encoding: value.Limits{ListMaxListpackSize: -2}})
		for i := range n {
			r.do(0, fmt.Sprint("RPUSH l element:", i))
		}
		key := []byte("l")
		var need shards.Mask
		need.Set(r.exec.group.Route(key))
		job := r.exec.group.NewJob()
		job.RunBody(need, 0, func(tx *shards.Tx) {
			slot := tx.Write(key)
			value.ListPop(&slot, value.Left, 2)
			tx.Abort()
		})
		left := n
		if n > 3 {
			left = n - 2
		}
		require.Equal(t, fmt.Sprint(":", left), r.do(0, "LLEN l"))
		require.Equal(t, fmt.Sprintf("$%d element:%d", len(fmt.Sprint("element:", n-1)), n-1), r.do(0, "LINDEX l -1"))
	}
}

func TestListIndexes(t *testing.T) {
	for _, c := range []struct {
		start, end int64
		n          int
		from, to   int
	}{
		{0, -1, 3, 0, 3},
		{0, -1, 0, 0, 0},
		{-2, 5, 3, 1, 3},
		{2, 1, 3, 0, 0},
		{-9, -4, 3, 0, 0},
		{3, 3, 3, 0, 0},
		{-1 << 63, 1<<63 - 1, 3, 0, 3},
		{1<<63 - 1, -1 << 63, 3, 0, 0},
	} {
		from, to := elementRange(c.start, c.end, c.n)
		require.Equal(t, []int{c.from, c.to}, []int{from, to}, c)
	}
}

// BenchmarkLists runs pipelines of list commands over keys that hold ten elements each; a queue's push is followed by its pop.
func BenchmarkLists(b *testing.B) {
	elem := fmt.Sprintf("%032d", 0)
	pushed := 0
	for name, command := range map[string]func(key string) []string{
		"LPUSH":  func(key string) []string { return []string{"LPUSH", key, elem} },
		"LRANGE": func(key string) []string { return []string{"LRANGE", key, "0", "-1"} },
		"LMOVE":  func(key string) []string { return []string{"LMOVE", key, key, "LEFT", "RIGHT"} },
		"queue": func(string) []string {
			if pushed++; pushed%2 == 1 {
				return []string{"RPUSH", "queue", elem}
			}
			return []string{"LPOP", "queue"}
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := benchServer(b, 2).NewSession(quietConn{})
			defer s.Close()
			play(b, s, record(100, func(key string) []string { return []string{"DEL", key} }), 2*benchKeys)
			play(b, s, record(4, func(key string) []string {
				return append([]string{"RPUSH", key}, slices.Repeat([]string{elem}, 10)...)
			}), benchTape)
			source := record(16, command)
			b.ReportAllocs()
			b.ResetTimer()
			play(b, s, source, b.N)
		})
	}
}
