package command

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/shards"
	"respite/value"
)

// newHashRig is a rig whose hashes are packed up to so many fields.
func newHashRig(t rigTB, entries int64) *keysRig {
	r := newKeysRig(t)
	l := r.exec.group.Limits()
	l.Encoding = value.Limits{HashMaxListpackEntries: entries, HashMaxListpackValue: 64}
	r.exec.group.SetLimits(l)
	return r
}

// fillHash makes a hash of so many fields, f0 with the value v0 and so on.
func (r *keysRig) fillHash(key string, fields int) {
	for i := range fields {
		require.Equal(r.t, ":1", r.do(0, fmt.Sprintf("HSET %s f%d v%d", key, i, i)))
	}
}

// bulks are the payloads of a reply of bulk strings.
func bulks(reply string) (texts []string) {
	words := strings.Fields(reply)
	for i, w := range words {
		if w[0] == '$' {
			texts = append(texts, words[i+1])
		}
	}
	return texts
}

// bothEncodings runs a test on a packed hash and on a large one of so many fields.
func bothEncodings(t *testing.T, fields int, test func(t *testing.T, r *keysRig)) {
	for name, entries := range map[string]int64{"packed": int64(fields), "large": 0} {
		t.Run(name, func(t *testing.T) {
			r := newHashRig(t, entries)
			r.fillHash("h", fields)
			test(t, r)
		})
	}
}

func TestHrandfieldDrawsDifferentFieldsWithTheirValues(t *testing.T) {
	const fields = 50
	bothEncodings(t, fields, func(t *testing.T, r *keysRig) {
		for _, count := range []int{1, 2, 10, 16, 17, 40, 49, 50, 51, 1000} {
			drawn := bulks(r.do(0, fmt.Sprintf("HRANDFIELD h %d WITHVALUES", count)))
			require.Len(t, drawn, 2*min(count, fields))
			seen := map[string]bool{}
			for pair := range slices.Chunk(drawn, 2) {
				require.Equal(t, "v"+pair[0][1:], pair[1])
				require.False(t, seen[pair[0]], "drawn twice: %s", pair[0])
				seen[pair[0]] = true
			}
		}
		for _, count := range []int{1, 5, 200} {
			drawn := bulks(r.do(0, fmt.Sprintf("HRANDFIELD h -%d WITHVALUES", count)))
			require.Len(t, drawn, 2*count)
			for pair := range slices.Chunk(drawn, 2) {
				require.Equal(t, "v"+pair[0][1:], pair[1])
			}
		}
	})
}

// TestHrandfieldDrawsEveryFieldAlike counts how often each field comes, in all the ways in which fields are drawn.
func TestHrandfieldDrawsEveryFieldAlike(t *testing.T) {
	const fields, draws = 20, 12_000
	bothEncodings(t, fields, func(t *testing.T, r *keysRig) {
		for _, c := range []struct {
			line string
			each int
		}{{"HRANDFIELD h", 1}, {"HRANDFIELD h 3", 3}, {"HRANDFIELD h 12", 12}, {"HRANDFIELD h -12", 12}} {
			drawn := map[string]int{}
			for range draws / c.each {
				for _, f := range bulks(r.do(0, c.line)) {
					drawn[f]++
				}
			}
			require.Len(t, drawn, fields)
			for f, n := range drawn {
				require.InDelta(t, draws/fields, n, 0.25*draws/fields, "%s: %s", c.line, f)
			}
		}
	})
}

// TestRepeatedElementsComeToAnEnd asks for more than the memory could hold.
func TestRepeatedElementsComeToAnEnd(t *testing.T) {
	r := newKeysRig(t)
	long := strings.Repeat("x", 8<<20)
	require.Equal(t, ":1", r.run(0, "HSET", "h", long, "v"))
	require.Equal(t, ":1", r.run(0, "SADD", "s", long))
	require.Equal(t, ":1", r.run(0, "ZADD", "z", "1", long))
	for _, line := range []string{"HRANDFIELD h", "SRANDMEMBER s", "ZRANDMEMBER z"} {
		require.Equal(t, "-"+errOOM.Error(), r.do(0, line+" -9223372036854775807"))
	}
}

// TestHscanSeesWhatStays scans a large hash whose other fields come and go.
func TestHscanSeesWhatStays(t *testing.T) {
	const fields = 3000
	r := newHashRig(t, 64)
	r.fillHash("h", fields)
	seen := map[string]string{}
	calls := 0
	for cursor := "0"; calls == 0 || cursor != "0"; calls++ {
		reply := bulks(r.do(0, "HSCAN h "+cursor+" COUNT 20"))
		cursor = reply[0]
		for pair := range slices.Chunk(reply[1:], 2) {
			seen[pair[0]] = pair[1]
		}
		for range 30 {
			r.do(0, fmt.Sprintf("HSET h other%d x", rand.IntN(2000)))
			r.do(0, fmt.Sprintf("HDEL h other%d", rand.IntN(2000)))
		}
	}
	require.Greater(t, calls, fields/40)
	for i := range fields {
		require.Equal(t, fmt.Sprint("v", i), seen[fmt.Sprint("f", i)])
	}
}

func TestHashEvents(t *testing.T) {
	r := newHashRig(t, 64)
	for _, step := range []struct {
		line, reply string
		events      []string
	}{
		{"HSET h a 1 b 2", ":2", []string{"0 hset h"}},
		{"HMSET h a 1", "+OK", []string{"0 hset h"}},
		{"HSETNX h a 1", ":0", nil},
		{"HSETNX h c 1", ":1", []string{"0 hset h"}},
		{"HINCRBY h a 1", ":2", []string{"0 hincrby h"}},
		{"HINCRBYFLOAT h a 0.5", "$3 2.5", []string{"0 hincrbyfloat h"}},
		{"HINCRBY h a 1", "-ERR hash value is not an integer", nil},
		{"HDEL h x y", ":0", nil},
		{"HDEL h a x", ":1", []string{"0 hdel h"}},
		{"HDEL h b c", ":2", []string{"0 hdel h", "0 del h"}},
		{"HDEL h b", ":0", nil},
		{"HGETALL h", "*0", nil},
	} {
		r.events = nil
		require.Equal(t, step.reply, r.do(0, step.line), step.line)
		require.Equal(t, step.events, r.events, step.line)
	}
}

// TestAbortTakesChangesOfHashesBack panics in the midst of changes: small hashes are as they were, large ones are sound.
func TestAbortTakesChangesOfHashesBack(t *testing.T) {
	for name, c := range map[string]struct {
		fields   int
		entries  int64
		restored bool
	}{
		"packed": {20, 64, true}, "packed in a slice of its own": {500, 1000, false}, "large": {500, 64, false},
		"turns large": {64, 64, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newHashRig(t, c.entries)
			r.fillHash("h", c.fields)
			before := r.do(0, "HGETALL h")
			r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) {
				slot := tx.Write([]byte("h"))
				h := value.OpenHash(slot, tx.Encoding())
				for i := range 100 {
					h.Set(fmt.Appendf(nil, "more%d", i), []byte("value"))
				}
				h.Remove([]byte("f1"))
				tx.Abort()
			})
			if c.restored {
				require.Equal(t, before, r.do(0, "HGETALL h"))
				return
			}
			require.Equal(t, fmt.Sprint(":", c.fields+99), r.do(0, "HLEN h"))
			require.Equal(t, "$-1", r.do(0, "HGET h f1"))
		})
	}
}

// TestHashKeysMoveBetweenShards copies and renames hashes of both encodings to shards of their own.
func TestHashKeysMoveBetweenShards(t *testing.T) {
	bothEncodings(t, 300, func(t *testing.T, r *keysRig) {
		want := bulks(r.do(0, "HGETALL h"))
		slices.Sort(want)
		for i := range 10 {
			to := fmt.Sprint("copy", i)
			require.Equal(t, ":1", r.do(0, "COPY h "+to))
			require.Equal(t, ":0", r.do(0, "HSET h f0 changed"))
			got := bulks(r.do(0, "HGETALL "+to))
			slices.Sort(got)
			require.Equal(t, want, got)
			require.Equal(t, ":0", r.do(0, "HSET h f0 v0"))
			require.Equal(t, "+OK", r.do(0, "RENAME "+to+" h"))
			got = bulks(r.do(0, "HGETALL h"))
			slices.Sort(got)
			require.Equal(t, want, got)
		}
		require.Equal(t, ":1", r.do(0, "DEL h"))
	})
}

// BenchmarkHashes runs the way of the main commands on many hashes of ten fields.
func BenchmarkHashes(b *testing.B) {
	field := func() string { return fmt.Sprintf("field:%d", rand.IntN(10)) }
	commands := map[string]func(key string) []string{
		"HSET":    func(key string) []string { return []string{"HSET", "h" + key, field(), "some value of that length"} },
		"HGET":    func(key string) []string { return []string{"HGET", "h" + key, field()} },
		"HGETALL": func(key string) []string { return []string{"HGETALL", "h" + key} },
		"HINCRBY": func(key string) []string { return []string{"HINCRBY", "h" + key, "n", "1"} },
		"new HSET": func(key string) []string {
			return []string{"HSET", "new" + key + field(), "a", "1", "b", "2", "c", "3", "d", "4", "e", "5"}
		},
	}
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		b.Run(name, func(b *testing.B) {
			exec := benchServer(b, 2)
			exec.group.SetLimits(shards.Limits{Encoding: value.Limits{HashMaxListpackEntries: 512, HashMaxListpackValue: 64}})
			s := exec.NewSession(quietConn{})
			defer s.Close()
			for i := range 10 {
				fill := func(key string) []string {
					return []string{"HSET", "h" + key, fmt.Sprintf("field:%d", i), "some value of that length"}
				}
				play(b, s, record(16, fill), 2*benchKeys)
			}
			source := record(16, commands[name])
			b.ReportAllocs()
			b.ResetTimer()
			play(b, s, source, b.N)
		})
	}
}
