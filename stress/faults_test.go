// Every check must be able to fail: a right server behind a proxy that tells
// one lie, and the suite that has to catch it.

package stress

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/proto"
)

// truthful changes nothing.
func truthful(_ []string, reply proto.Value) proto.Value { return reply }

// lieTo changes the replies to one command.
func lieTo(name string, lie func(args []string, reply proto.Value) proto.Value) fault {
	return func(args []string, reply proto.Value) proto.Value {
		if len(args) == 0 || args[0] != name {
			return reply
		}
		return lie(args, reply)
	}
}

// answer replaces a reply.
func answer(v proto.Value) fault {
	return func([]string, proto.Value) proto.Value { return v }
}

// seldom lets a fault happen once in n replies.
func seldom(n int64, f fault) fault {
	var count atomic.Int64
	return func(args []string, reply proto.Value) proto.Value {
		if count.Add(1)%n != 0 {
			return reply
		}
		return f(args, reply)
	}
}

func TestFaultsAreFound(t *testing.T) {
	server := startRedis(t)
	stale := seldom(50, func(_ []string, _ proto.Value) proto.Value { return bulk("1") })
	flip := func(_ []string, v proto.Value) proto.Value {
		if len(v.Elems) == 2 && len(v.Elems[0].Str) > 1000 {
			v.Elems[0].Str[999] ^= 1
		}
		return v
	}
	tests := []struct {
		name, suite, check string
		fault              fault
	}{
		{"no deadline", "integration", "session JSON, TTL 3600, overwritten", lieTo("TTL", answer(number(-1)))},
		{"deadline too far", "integration", "profile, TTL 1800", lieTo("TTL", answer(number(3600)))},
		{"lost messages", "integration", "message array, TTL 300", lieTo("GET", answer(null()))},
		{"undead key", "integration", "invalidation by DEL", lieTo("EXISTS", answer(number(1)))},
		{"lost SET in a pipeline", "integration", "100 pipelined SETs read back", lieTo("SET", seldom(100, answer(failure("ERR busy"))))},
		{"one bit flipped", "integration", "binary values, 0 to 1 MiB, checksums", lieTo("MGET", flip)},
		{"unwell", "integration", "health by PING", lieTo("PING", answer(failure("LOADING wait")))},
		{"PING answers too much", "validation", "PING SET GET DEL EXISTS", lieTo("PING", answer(bulk("PONG")))},
		{"one of many keys lost", "validation", "many keys", lieTo("GET", seldom(5000, answer(null())))},
		{"lost update", "validation", "5 clients increment one counter", lieTo("INCR", seldom(1000, answer(number(1))))},
		{"another's reply", "validation", "5 clients without cross talk", lieTo("ECHO", seldom(100, answer(bulk("0-0"))))},
		{"silent arity", "validation", "error replies", lieTo("GET", func(args []string, v proto.Value) proto.Value {
			if len(args) == 1 {
				return null()
			}
			return v
		})},
		{"types mixed up", "validation", "wrong type refused", lieTo("GET", func(_ []string, v proto.Value) proto.Value {
			if strings.HasPrefix(string(v.Str), "WRONGTYPE") {
				return null()
			}
			return v
		})},
		{"rarely wrong", "stability", "wrong replies", lieTo("GET", seldom(300, answer(bulk("?"))))},
		{"rarely an error", "stability", "wrong replies", seldom(500, answer(failure("ERR overloaded")))},
		{"stale read", "order", "late then early, one by one", lieTo("GET", stale)},
		{"stale read in a pipeline", "order", "early then late, pipelined", lieTo("GET", stale)},
		{"one reply of many wrong", "backlog", "replies read and right", lieTo("GET", seldom(5000, answer(bulk("?"))))},
		{"a bystander sees garbage", "backlog", "bystanders", lieTo("GET", seldom(2, answer(null())))},
		{"keys forgotten", "memory", "keys read back", lieTo("GET", seldom(100, answer(null())))},
		{"fuzz disturbs others", "fuzz", "well-behaved clients", lieTo("GET", seldom(50, answer(bulk("?"))))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := testOptions(spoil(t, server.addr, false, tt.fault))
			o.Duration = 300 * time.Millisecond
			o.MinCommands, o.Reads, o.Keys, o.Count = 1, 2000, 1000, 20_000
			rep := execute(t, o, tt.suite)
			require.False(t, rep.Passed)
			require.Equal(t, Failed, result(t, rep, tt.check).Result, page(t, rep))
		})
	}
}

// TestProxyIsTransparent shows that the failures above are the lies' and not
// the proxy's.
func TestProxyIsTransparent(t *testing.T) {
	o := testOptions(spoil(t, startRedis(t).addr, false, truthful))
	o.Duration, o.MinCommands, o.Reads, o.Count = 300*time.Millisecond, 100, 2000, 5000
	rep := execute(t, o, "integration,stability,order,backlog")
	require.True(t, rep.Passed, page(t, rep))
}

func TestForgivingServerIsFound(t *testing.T) {
	o := testOptions(spoil(t, startRedis(t).addr, true, truthful))
	o.Timeout = 300 * time.Millisecond
	o.Duration = 300 * time.Millisecond
	rep := execute(t, o, "validation,stability")
	require.Equal(t, Failed, result(t, rep, "protocol error closes only its connection").Result)
	require.Equal(t, Failed, result(t, rep, "malformed frames refused").Result)
}

// spoilInfo makes a field of INFO grow with every look.
func spoilInfo(field string, step int64) fault {
	var looks atomic.Int64
	return lieTo("INFO", func(_ []string, v proto.Value) proto.Value {
		return bulk(string(v.Str) + "\r\n" + field + ":" + plain(looks.Add(step)) + "\r\n")
	})
}

func TestLeaksAreFound(t *testing.T) {
	server := startRedis(t)
	tests := []struct{ field, check string }{
		{"used_memory", "used_memory growth"},
		{"used_memory_rss", "resident growth"},
		{"respite_goroutines", "goroutine growth"},
		{"connected_clients", "client growth"},
	}
	for _, tt := range tests {
		t.Run(tt.field, func(t *testing.T) {
			t.Parallel()
			o := testOptions(spoil(t, server.addr, false, spoilInfo(tt.field, 1<<30)))
			o.Duration, o.MinCommands = 100*time.Millisecond, 1
			rep := execute(t, o, "stability")
			require.Equal(t, Failed, result(t, rep, tt.check).Result, page(t, rep))
		})
	}
}

func TestSlowExpiryIsFound(t *testing.T) {
	server := startRedis(t)
	t.Run("keys stay", func(t *testing.T) {
		t.Parallel()
		var looks atomic.Int64
		lie := lieTo("DBSIZE", func(_ []string, _ proto.Value) proto.Value { return number(looks.Add(1)) })
		rep := execute(t, expiryOptions(spoil(t, server.addr, false, lie)), "expiry")
		require.Equal(t, Failed, result(t, rep, "keys gone after the second").Result, page(t, rep))
	})
	t.Run("memory stays and reads are slow", func(t *testing.T) {
		t.Parallel()
		grow := spoilInfo("used_memory_rss", 1<<30)
		slow := func(args []string, v proto.Value) proto.Value {
			if len(args) > 0 && args[0] == "GET" {
				time.Sleep(10 * time.Millisecond)
			}
			return grow(args, v)
		}
		rep := execute(t, expiryOptions(spoil(t, server.addr, false, slow)), "expiry")
		require.Equal(t, Failed, result(t, rep, "resident size after").Result, page(t, rep))
		require.Equal(t, Failed, result(t, rep, "latency during and after").Result, page(t, rep))
	})
}

func expiryOptions(addr string) Options {
	o := testOptions(addr)
	o.Keys, o.LiveKeys, o.Rate = 100, 10, 100
	o.MaxSettle, o.MaxResidentRecovery = 300*time.Millisecond, 600*time.Millisecond
	return o
}

// TestDeadlockIsFound has a server that stops reading while its replies are
// not taken: the suite must say so instead of waiting for ever.
func TestDeadlockIsFound(t *testing.T) {
	server := startRedis(t)
	var stuck atomic.Bool
	release := make(chan struct{})
	o := testOptions(spoil(t, server.addr, false, lieTo("GET", func(_ []string, v proto.Value) proto.Value {
		if stuck.CompareAndSwap(false, true) {
			<-release
		}
		return v
	})))
	t.Cleanup(func() { close(release) }) // before the proxy is waited for
	o.Count, o.Timeout = 20_000, 500*time.Millisecond
	rep := execute(t, o, "backlog")
	require.False(t, rep.Passed)
}

func TestUnlimitedServerIsFound(t *testing.T) {
	server := startRedis(t)
	lie := lieTo("CONFIG", func(_ []string, v proto.Value) proto.Value { return v })
	o := testOptions(spoil(t, server.addr, false, lie))
	o.Count, o.Limit = 1000, true // too few to reach the limit
	rep := execute(t, o, "backlog")
	require.Equal(t, Failed, result(t, rep, "cut off at the output limit").Result, page(t, rep))
}

func TestIdleNeedsAProcess(t *testing.T) {
	server := startRedis(t)
	o := testOptions(server.addr)
	rep := execute(t, o, "idle")
	require.Contains(t, result(t, rep, "ran to its end").Figure, "--pid")
	o.PID, o.Connections, o.MaxBytesPerConn = server.pid, 20, 1
	rep = execute(t, o, "idle")
	require.Equal(t, Failed, result(t, rep, "bytes per connection after "+o.Idle.String()).Result, page(t, rep))
}
