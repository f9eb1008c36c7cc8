// DUMP and RESTORE between this server and a real one: what either writes, the other reads, whatever the type and encoding.

package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/oracle"
	"respite/rdb"
)

// dumped is a value to be carried over.
type dumped struct {
	name  string
	build [][]string // commands without the key, which is put behind the name
	exact bool       // both servers write it in the same bytes
}

// many is a command with n arguments behind it, of which arg returns some at a time.
func many(n int, command string, arg func(i int) []string) [][]string {
	args := []string{command}
	for i := range n {
		args = append(args, arg(i)...)
	}
	return [][]string{args}
}

func texts(format string) func(i int) []string {
	return func(i int) []string { return []string{fmt.Sprintf(format, i)} }
}

func dumpedValues() []dumped {
	long := strings.Repeat("long", 1000)
	huge := strings.Repeat("huge", 20_000)
	set := func(text string) [][]string { return [][]string{{"SET", text}} }
	values := []dumped{
		{"empty string", set(""), true},
		{"text", set("text\x00\xff\r\n"), true},
		{"long text", set(long), true},
		{"huge text", set(huge), true},
		{"a text that reads as an integer", [][]string{{"SET", "5"}, {"APPEND", "5"}}, true},

		{"list of a few", many(5, "RPUSH", texts("element %d")), true},
		{"list of all forms", [][]string{{"RPUSH", "", "0", "127", "128", "-4096", "4095", "40000", "-8388608", "1000000000", "9223372036854775807", "01", "-0", strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("y", 4095), "a\x00b"}}, true},
		{"list of several nodes", many(5000, "RPUSH", texts("element %d of several")), false},
		{"list of integers", many(5000, "RPUSH", strconvArg), false},
		{"list of a long element", [][]string{{"RPUSH", "a", huge, "b"}}, false},

		{"intset of 16 bits", [][]string{{"SADD", "1", "-5", "300"}}, true},
		{"intset of 32 bits", [][]string{{"SADD", "1", "-5", "70000"}}, true},
		{"intset of 64 bits", [][]string{{"SADD", "1", "-5", "5000000000"}}, true},
		{"intset that has narrowed", [][]string{{"SADD", "1", "70000"}, {"SREM", "70000"}}, true},
		{"set of a few", [][]string{{"SADD", "1", "a", "", "\xff\x00"}}, false},
		{"set of long members", [][]string{{"SADD", "1", long, huge}}, false},
		{"set of many", many(3000, "SADD", texts("member:%d")), false},
		{"set of many integers", many(3000, "SADD", strconvArg), false},

		{"hash of a few", [][]string{{"HSET", "f", "v", "n", "12", "", "", "m", "-70000"}}, true},
		{"hash of long values", [][]string{{"HSET", "f", long, "g", "5"}}, false},
		{"hash of many", many(1000, "HSET", func(i int) []string { return []string{fmt.Sprint("field:", i), strconv.Itoa(i)} }), false},

		{"sorted set of a few", [][]string{{"ZADD", "1", "a", "-1.5", "b", "inf", "c", "-inf", "d", "1", "10", "100000", "e"}}, true},
		{"sorted set of long members", [][]string{{"ZADD", "1", long, "1.5", "b", "-inf", "c"}}, true},
		{"sorted set of many", many(1000, "ZADD", func(i int) []string { return []string{strconv.Itoa(i % 100), fmt.Sprint("member:", i)} }), true},
		{"sorted set without sign", [][]string{{"ZADD", "-0", "a", "0", "b"}}, true},
	}
	values = append(values, dumpedStreams()...)
	for _, n := range []string{"0", "-1", "127", "-128", "128", "32767", "-32768", "32768", "2147483647", "-2147483648", "2147483648", "-9223372036854775808"} {
		values = append(values, dumped{"integer " + n, set(n), true})
	}
	return values
}

// dumpedStreams are streams; those with consumers have times in them, and are not the same bytes on two servers.
func dumpedStreams() []dumped {
	var several [][]string
	for i := range 350 {
		several = append(several, []string{"XADD", fmt.Sprintf("%d-%d", 100+i/3, 1+i%3), "field", strconv.Itoa(i * 37), "other", "text"})
	}
	holes := slices.Concat(several, [][]string{{"XADD", "500-0", "a field of its own", ""}, {"XDEL", "101-1", "133-2", "200-3", "216-1"}, {"XTRIM", "MINID", "=", "150"}, {"XSETID", "600-7"}})
	groups := slices.Concat(holes, [][]string{
		{"XGROUP CREATE", "g", "0"},
		{"XGROUP CREATE", "12", "$"},
		{"XGROUP CREATE", "", "160-1", "ENTRIESREAD", "5"},
		{"XGROUP CREATECONSUMER", "g", "idle"},
		{"XGROUP CREATECONSUMER", "12", "-7"},
		{"XREADGROUP", "g", "alice", "100"},
		{"XREADGROUP", "g", "bob", "30"},
		{"XREADGROUP", "", "x\x00\xff", "3"},
		{"XCLAIM", "g", "bob", "0", "150-1", "151-1", "TIME", "1700000000000", "RETRYCOUNT", "70000"},
		{"XACK", "g", "152-1", "153-2"},
		{"XDEL", "155-1", "160-2"},
	})
	return []dumped{
		{"stream of one", [][]string{{"XADD", "1-1", "f", "v"}}, true},
		{"stream of several nodes", several, true},
		{"stream of deleted entries", holes, true},
		{"stream of a node that is deleted", [][]string{{"XADD", "1-1", "f", "v"}, {"XADD", "1-2", "f", "v"}, {"XDEL", "1-2"}, {"XTRIM", "MINID", "=", "1-2"}}, true},
		{"emptied stream", [][]string{{"XADD", "1-1", "f", "v"}, {"XADD", "2-1", "f", "v"}, {"XTRIM", "MAXLEN", "1"}, {"XDEL", "2-1"}}, true},
		{"stream of a group alone", [][]string{{"XGROUP CREATE", "g", "$", "MKSTREAM"}}, true},
		{"stream of large entries", [][]string{{"XADD", "1-1", "f", strings.Repeat("x", 70_000)}, {"XADD", "1-5", "f", strings.Repeat("y", 5000)}, {"XADD", "18446744073709551615-18446744073709551615", "f", ""}}, true},
		{"stream of groups", groups, false},
	}
}

func strconvArg(i int) []string { return []string{strconv.Itoa(i * 3)} }

// make builds the value at a key.
func (d *dumped) make(t *testing.T, c *oracle.Conn, key string) {
	t.Helper()
	do(t, c, "DEL", key)
	for _, command := range d.build {
		do(t, c, withKey(command, key)...)
	}
}

// withKey puts the key where the command has it.
func withKey(command []string, key string) []string {
	name, sub, isSub := strings.Cut(command[0], " ")
	switch {
	case isSub:
		return slices.Concat([]string{name, sub, key}, command[1:])
	case name == "XREADGROUP": // group, consumer, count
		return []string{name, "GROUP", command[1], command[2], "COUNT", command[3], "STREAMS", key, ">"}
	}
	return slices.Insert(slices.Clone(command), 1, key)
}

// contents are what a key holds, in an order that does not depend on the encoding.
func contents(t *testing.T, c *oracle.Conn, key string) string {
	t.Helper()
	switch kind := do(t, c, "TYPE", key).Text; kind {
	case "string":
		return do(t, c, "GET", key).String()
	case "list":
		return do(t, c, "LRANGE", key, "0", "-1").String()
	case "zset":
		return do(t, c, "ZRANGE", key, "0", "-1", "WITHSCORES").String()
	case "set":
		return ordered(do(t, c, "SMEMBERS", key), 1)
	case "hash":
		return ordered(do(t, c, "HGETALL", key), 2)
	case "stream":
		return streamContents(t, c, key)
	default:
		require.Fail(t, "no contents", "%s is a %s", key, kind)
		return ""
	}
}

// streamContents are the entries, groups, consumers and pending entries of a stream, without times that pass.
func streamContents(t *testing.T, c *oracle.Conn, key string) string {
	t.Helper()
	out := do(t, c, "XRANGE", key, "-", "+").String()
	groups := do(t, c, "XINFO", "GROUPS", key)
	out += groups.String()
	for _, group := range groups.Elems {
		name := group.Elems[1].Text
		out += do(t, c, "XPENDING", key, name).String()
		for _, p := range do(t, c, "XPENDING", key, name, "-", "+", "10000").Elems {
			out += fmt.Sprintln(p.Elems[0], p.Elems[1], p.Elems[3])
		}
		for _, k := range do(t, c, "XINFO", "CONSUMERS", key, name).Elems {
			out += fmt.Sprintln(k.Elems[1], k.Elems[3])
		}
	}
	return out
}

// ordered sorts the elements of a reply, group by group.
func ordered(v oracle.Value, group int) string {
	var parts []string
	for part := range slices.Chunk(v.Elems, group) {
		text := ""
		for _, elem := range part {
			text += elem.String() + "\n"
		}
		parts = append(parts, text)
	}
	slices.Sort(parts)
	return strings.Join(parts, "")
}

func TestDumpsAreRestoredByRedis(t *testing.T) {
	for _, compression := range []string{"yes", "no"} {
		t.Run("rdbcompression "+compression, func(t *testing.T) {
			ours := startServer(t).connect(t, resp2)
			real, err := oracle.Connect(oracle.Start(t, "--rdbcompression", compression).Dial, resp2)
			require.NoError(t, err)
			defer real.Close()
			for _, d := range dumpedValues() {
				t.Run(d.name, func(t *testing.T) {
					d.make(t, ours, "k")
					d.make(t, real, "k")
					want := contents(t, real, "k")
					require.Equal(t, want, contents(t, ours, "k"))

					ourDump, realDump := do(t, ours, "DUMP", "k").Text, do(t, real, "DUMP", "k").Text
					if d.exact && compression == "no" {
						require.Equal(t, realDump, ourDump)
					}
					for _, c := range []*oracle.Conn{ours, real} {
						encoding := do(t, c, "OBJECT", "ENCODING", "k").Text
						for _, payload := range []string{ourDump, realDump} {
							do(t, c, "RESTORE", "k", "0", payload, "REPLACE")
							require.Equal(t, want, contents(t, c, "k"))
							if encoding == "stream" && compression == "no" {
								require.Equal(t, payload, do(t, c, "DUMP", "k").Text)
							}
							if encoding != "raw" {
								require.Equal(t, encoding, do(t, c, "OBJECT", "ENCODING", "k").Text)
							}
						}
					}
				})
			}
		})
	}
}

// onlyOurs are the fixtures of package rdb that redis-server 7.0.15 answers otherwise: it does not know a set in a listpack, nor the
// newest type of streams (7.2 does), nor hashes with deadlines (7.4 does). It does not look at the scores of a small sorted set, which it takes as they are, broken or not; nor at
// the ids and counts of a stream, beyond that entries have the elements they say.
var onlyOurs = []string{
	"set listpack", "!zset listpack out of order", "!zset listpack without score",
	"new stream", "new stream of a consumer that never was active",
	"!stream nodes out of order", "!stream nodes that overlap", "!stream node without entries",
	"!stream node of a text for a flag", "!stream node of a wide flag", "!stream node of an unknown flag", "!stream node of no fields",
	"!stream node of entries out of order", "!stream node of an id twice", "!stream node before its master id", "!stream node of id 0-0",
	"!stream of another length", "!stream of a last id that is too low",
}

// TestPayloadsMeanTheSame restores the fixtures of package rdb on both servers.
func TestPayloadsMeanTheSame(t *testing.T) {
	ours := startServer(t).connect(t, resp2)
	real, err := oracle.Connect(oracle.Start(t, "--sanitize-dump-payload", "yes").Dial, resp2)
	require.NoError(t, err)
	defer real.Close()
	content, err := os.ReadFile("rdb/testdata/payloads.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		name, quoted, isPayload := strings.Cut(strings.TrimSpace(line), ": ")
		if !isPayload || strings.HasPrefix(line, "#") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			body, err := strconv.Unquote(quoted)
			require.NoError(t, err)
			payload := string(rdb.AppendFooter([]byte(body)))
			do(t, ours, "SET", "k", "before")
			do(t, real, "SET", "k", "before")
			reply, err := ours.Do("RESTORE", "k", "0", payload, "REPLACE")
			require.NoError(t, err)
			if strings.HasPrefix(name, "!") {
				require.Equal(t, `-ERR Bad data format`, reply.String())
				require.Equal(t, "before", do(t, ours, "GET", "k").Text)
			}
			hasDeadlines := body[0] >= byte(rdb.TypeHashTimedRC) && body[0] <= byte(rdb.TypeHashTimedListpack)
			if slices.Contains(onlyOurs, name) || hasDeadlines {
				return
			}
			theirs, err := real.Do("RESTORE", "k", "0", payload, "REPLACE")
			require.NoError(t, err)
			require.Equal(t, theirs.String(), reply.String())
			require.Equal(t, contents(t, real, "k"), contents(t, ours, "k"))
		})
	}
}

// TestRefusedPayloadsLeaveNothing restores a large hash whose last field is there twice: what had been made of it is freed.
func TestRefusedPayloadsLeaveNothing(t *testing.T) {
	const (
		fields    = 10_000
		nodeTable = 16 << 10 // bytes that may stay: the table of nodes, not the nodes
	)
	s := startServer(t, "--shards", "1")
	c := s.connect(t, resp2)
	do(t, c, "SET", "k", "v")
	before := s.group.Used()

	body := rdb.AppendLength([]byte{byte(rdb.TypeHash)}, fields)
	for i := range fields {
		body = rdb.AppendText(rdb.AppendText(body, fmt.Appendf(nil, "field:%d", i%(fields-1))), []byte("value"))
	}
	reply, err := c.Do("RESTORE", "k", "0", string(rdb.AppendFooter(body)), "REPLACE")
	require.NoError(t, err)
	require.Equal(t, "-ERR Bad data format", reply.String())
	require.Equal(t, "v", do(t, c, "GET", "k").Text)
	require.Eventually(t, func() bool { return s.group.Used() < before+nodeTable }, time.Minute, time.Millisecond)
}
