// Linearizability: concurrent clients, each with one command at a time, must see replies that some order of all commands
// explains, an order in which a command that ended before another began comes first. The checker is porcupine; the model
// is a map of a few keys whose replies equal the server's to the byte.
//
// Pipelined commands overlap in time, which would excuse almost any order of theirs: they have a test of their own, in
// order_test.go.

package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"respite/oracle"
)

const (
	worldKeys = 4

	historyClients  = 6
	singleKeyRounds = 10
	singleKeyCalls  = 200 // a client in a round
	multiKeyRounds  = 40
	multiKeyCalls   = 40
	raceShare       = 4 // under the race detector a quarter of the rounds

	checkTime = time.Minute // for one history; they take milliseconds
)

// entry is what a key holds.
type entry struct {
	set  bool
	text string
}

// world is the state of all keys.
type world [worldKeys]entry

// model is the sequential server: the names of its keys, in the order of the world's entries.
type model []string

func some(text string) entry               { return entry{set: true, text: text} }
func status(text string) oracle.Value      { return oracle.Value{Kind: '+', Text: text} }
func refusal(text string) oracle.Value     { return oracle.Value{Kind: '-', Text: text} }
func integer(n int) oracle.Value           { return oracle.Value{Kind: ':', Text: strconv.Itoa(n)} }
func bulk(e entry) oracle.Value            { return oracle.Value{Kind: '$', Text: e.text, Null: !e.set} }
func array(v ...oracle.Value) oracle.Value { return oracle.Value{Kind: '*', Elems: v} }

// apply runs a command on a world; w is a copy.
func (m model) apply(w world, args []string) (world, oracle.Value) {
	named := func(i int) *entry { return &w[slices.Index(m, args[i])] }
	first, old := named(1), *named(1)
	switch args[0] {
	case "SET":
		*first = some(args[2])
		return w, status("OK")
	case "GET":
		return w, bulk(old)
	case "GETDEL":
		*first = entry{}
		return w, bulk(old)
	case "SETNX":
		if old.set {
			return w, integer(0)
		}
		*first = some(args[2])
		return w, integer(1)
	case "APPEND":
		*first = some(old.text + args[2])
		return w, integer(len(first.text))
	case "INCR":
		n, err := strconv.Atoi(cmp.Or(old.text, "0"))
		if err != nil {
			return w, refusal("ERR value is not an integer or out of range")
		}
		*first = some(strconv.Itoa(n + 1))
		return w, integer(n + 1)
	case "RENAME", "COPY":
		reply := move(args, first, named(2))
		return w, reply
	}
	reply := applyToMany(args, named)
	return w, reply
}

// move does RENAME and COPY.
func move(args []string, from, to *entry) oracle.Value {
	switch {
	case args[0] == "RENAME" && !from.set:
		return refusal("ERR no such key")
	case args[0] == "RENAME":
		*to, *from = *from, entry{}
		return status("OK")
	case !from.set, to.set && len(args) == 3: // COPY without REPLACE
		return integer(0)
	}
	*to = *from
	return integer(1)
}

// applyToMany does the commands on any number of keys.
func applyToMany(args []string, named func(int) *entry) oracle.Value {
	found, values := 0, array()
	for i := 1; i < len(args); i++ {
		switch e := named(i); args[0] {
		case "MSET":
			i++
			*e = some(args[i])
			values = status("OK")
		case "MGET":
			values.Elems = append(values.Elems, bulk(*e))
		case "DEL", "EXISTS":
			if e.set {
				found++
			}
			if args[0] == "DEL" {
				*e = entry{}
			}
			values = integer(found)
		}
	}
	return values
}

// checker is the model as porcupine takes it. Inputs are []string, outputs oracle.Value, states world.
func (m model) checker() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return world{} },
		Step: func(state, input, output any) (bool, any) {
			next, reply := m.apply(state.(world), input.([]string))
			return reply.Equal(output.(oracle.Value)), next
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%q -> %v", input, output) },
	}
}

// byKey splits a history of commands on single keys into one history a key.
func byKey(history []porcupine.Operation) [][]porcupine.Operation {
	of := map[string][]porcupine.Operation{}
	for _, op := range history {
		key := op.Input.([]string)[1]
		of[key] = append(of[key], op)
	}
	var parts [][]porcupine.Operation
	for _, part := range of {
		parts = append(parts, part)
	}
	return parts
}

// checkHistory fails the test unless the history is linearizable.
func checkHistory(t *testing.T, m porcupine.Model, history []porcupine.Operation) {
	t.Helper()
	result := porcupine.CheckOperationsTimeout(m, history, checkTime)
	require.NotEqual(t, porcupine.Unknown, result, "the check of %d commands takes too long: make the histories shorter", len(history))
	require.Equal(t, porcupine.Ok, result, "no order of the commands explains the replies:\n%s", listing(m, history))
}

// listing shows a history, a command a line, in the order in which the commands began.
func listing(m porcupine.Model, history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var out strings.Builder
	for _, op := range history {
		fmt.Fprintf(&out, "%9d to %9d ns, client %d: %s\n", op.Call, op.Return, op.ClientId, m.DescribeOperation(op.Input, op.Output))
	}
	return out.String()
}

// generator draws the next command of a client. id differs from command to command, so that a value tells who wrote it.
type generator func(r *rand.Rand, id string) []string

// record lets several clients send `calls` commands each to an empty server and returns what they saw.
func record(t *testing.T, clients []*oracle.Conn, seed uint64, calls int, next generator) []porcupine.Operation {
	t.Helper()
	do(t, clients[0], "FLUSHALL")
	histories := make([][]porcupine.Operation, len(clients))
	failures := make([]error, len(clients))
	start := time.Now()
	var running sync.WaitGroup
	for i, c := range clients {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		running.Go(func() {
			for n := 0; n < calls && failures[i] == nil; n++ {
				op := porcupine.Operation{ClientId: i, Input: next(r, fmt.Sprintf("%d.%d", i, n)), Call: int64(time.Since(start))}
				op.Output, failures[i] = c.Do(op.Input.([]string)...)
				op.Return = int64(time.Since(start))
				histories[i] = append(histories[i], op)
			}
		})
	}
	running.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	return slices.Concat(histories...)
}

// oneKey draws commands on single keys.
func (m model) oneKey(r *rand.Rand, id string) []string {
	key := m[r.IntN(len(m))]
	switch r.IntN(10) {
	case 0:
		return []string{"SET", key, id}
	case 1:
		return []string{"SET", key, strconv.Itoa(r.IntN(1000))}
	case 2, 3:
		return []string{"INCR", key}
	case 4:
		return []string{"APPEND", key, "," + id}
	case 5:
		return []string{"GETDEL", key}
	case 6:
		return []string{"SETNX", key, id}
	case 7:
		return []string{"DEL", key}
	}
	return []string{"GET", key}
}

// manyKeys draws commands that touch up to all keys.
func (m model) manyKeys(r *rand.Rand, id string) []string {
	keys := make([]string, 0, len(m))
	for _, i := range r.Perm(len(m)) {
		keys = append(keys, m[i])
	}
	chosen := keys[:1+r.IntN(len(keys))]
	switch r.IntN(10) {
	case 0, 1, 2:
		args := []string{"MSET"}
		for i, key := range chosen {
			args = append(args, key, fmt.Sprintf("%s.%d", id, i))
		}
		return args
	case 3:
		return append([]string{"DEL"}, chosen...)
	case 4:
		return append([]string{"EXISTS"}, chosen...)
	case 5:
		return []string{"RENAME", keys[0], keys[1]}
	case 6:
		return []string{"COPY", keys[0], keys[1]}
	case 7:
		return []string{"COPY", keys[0], keys[1], "REPLACE"}
	}
	return append([]string{"MGET"}, chosen...)
}

func TestLinearizability(t *testing.T) {
	singleKeyRounds, multiKeyRounds := singleKeyRounds, multiKeyRounds
	if underRace() {
		singleKeyRounds, multiKeyRounds = singleKeyRounds/raceShare, multiKeyRounds/raceShare
	}
	for _, args := range []string{"--shards 2 --io-pollers 4", "--shards 3 --io-pollers 2 --inline-runs no", "--shards 5 --io-engine netpoll"} {
		s := startServer(t, strings.Fields(args)...)
		keys := model(s.spreadKeys("", worldKeys))
		clients := make([]*oracle.Conn, historyClients)
		for i := range clients {
			clients[i] = s.connect(t, resp2)
		}
		t.Run("single keys, "+args, func(t *testing.T) {
			checker := keys.checker()
			checker.Partition = byKey
			for round := range singleKeyRounds {
				checkHistory(t, checker, record(t, clients, uint64(round), singleKeyCalls, keys.oneKey))
			}
		})
		t.Run("many keys, "+args, func(t *testing.T) {
			for round := range multiKeyRounds {
				checkHistory(t, keys.checker(), record(t, clients, uint64(round), multiKeyCalls, keys.manyKeys))
			}
		})
	}
}

// TestModelTellsBrokenHistories shows that the check finds what it is there for.
func TestModelTellsBrokenHistories(t *testing.T) {
	nothing := bulk(entry{})
	for _, tc := range []struct {
		name    string
		history []porcupine.Operation
		want    bool
	}{
		{"one after another", history(
			at(0, 1, status("OK"), "SET", "a", "1"),
			at(2, 3, integer(2), "INCR", "a"),
			at(4, 5, integer(3), "APPEND", "a", "xy"),
			at(6, 7, refusal("ERR value is not an integer or out of range"), "INCR", "a"),
			at(8, 9, bulk(some("2xy")), "GETDEL", "a"),
			at(10, 11, integer(1), "SETNX", "a", "v"),
			at(12, 13, integer(0), "SETNX", "a", "w"),
			at(14, 15, status("OK"), "RENAME", "a", "b"),
			at(16, 17, refusal("ERR no such key"), "RENAME", "a", "b"),
			at(18, 19, integer(1), "COPY", "b", "c"),
			at(20, 21, integer(0), "COPY", "b", "c"),
			at(22, 23, integer(1), "COPY", "b", "c", "REPLACE"),
			at(24, 25, array(nothing, bulk(some("v")), bulk(some("v"))), "MGET", "a", "b", "c"),
			at(26, 27, integer(2), "EXISTS", "a", "b", "b"),
			at(28, 29, integer(2), "DEL", "a", "b", "c"),
		), true},
		{"a read during a write may see it", history(
			at(0, 9, status("OK"), "SET", "a", "1"), at(2, 3, bulk(some("1")), "GET", "a")), true},
		{"or not", history(
			at(0, 9, status("OK"), "SET", "a", "1"), at(2, 3, nothing, "GET", "a")), true},
		{"but then a later one must not have missed it", history(
			at(0, 9, status("OK"), "SET", "a", "1"), at(2, 3, bulk(some("1")), "GET", "a"), at(4, 5, nothing, "GET", "a")), false},
		{"a stale read", history(
			at(0, 1, status("OK"), "SET", "a", "1"), at(2, 3, nothing, "GET", "a")), false},
		{"a lost update", history(
			at(0, 5, integer(1), "INCR", "a"), at(1, 6, integer(1), "INCR", "a")), false},
		{"two winners", history(
			at(0, 5, integer(1), "SETNX", "a", "1"), at(1, 6, integer(1), "SETNX", "a", "2")), false},
		{"taken twice", history(
			at(0, 1, status("OK"), "SET", "a", "1"),
			at(2, 5, bulk(some("1")), "GETDEL", "a"), at(3, 6, bulk(some("1")), "GETDEL", "a")), false},
		{"half an MSET", history(
			at(0, 9, status("OK"), "MSET", "a", "1", "b", "1"),
			at(1, 2, array(bulk(some("1")), nothing), "MGET", "a", "b")), false},
		{"two MSETs mixed", history(
			at(0, 5, status("OK"), "MSET", "a", "1", "b", "1"),
			at(1, 6, status("OK"), "MSET", "b", "2", "a", "2"),
			at(7, 8, array(bulk(some("1")), bulk(some("2"))), "MGET", "a", "b")), false},
		{"two readers see two writes in opposite orders", history(
			at(0, 9, status("OK"), "SET", "a", "1"), at(0, 9, status("OK"), "SET", "b", "1"),
			at(1, 2, array(bulk(some("1")), nothing), "MGET", "a", "b"),
			at(3, 4, array(nothing, bulk(some("1"))), "MGET", "a", "b")), false},
		{"half a RENAME", history(
			at(0, 1, status("OK"), "SET", "a", "1"),
			at(2, 9, status("OK"), "RENAME", "a", "b"),
			at(3, 4, integer(2), "EXISTS", "a", "b")), false},
		{"a key renamed away twice", history(
			at(0, 1, status("OK"), "SET", "a", "1"),
			at(2, 9, status("OK"), "RENAME", "a", "b"), at(2, 9, status("OK"), "RENAME", "a", "c")), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, porcupine.CheckOperations(model{"a", "b", "c", "d"}.checker(), tc.history))
		})
	}
}

func history(ops ...porcupine.Operation) []porcupine.Operation { return ops }

// at is a command that began and ended at these times.
func at(call, end int64, reply oracle.Value, args ...string) porcupine.Operation {
	return porcupine.Operation{Call: call, Return: end, Input: args, Output: reply}
}
