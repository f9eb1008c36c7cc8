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

// lieAbout changes the replies to one command about keys of which the name has a part.
func lieAbout(name, part string, lie fault) fault {
	return lieTo(name, func(args []string, reply proto.Value) proto.Value {
		if len(args) < 2 || !strings.Contains(args[1], part) {
			return reply
		}
		return lie(args, reply)
	})
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
	t.Parallel()
	server := startRedis(t)
	stale := func(keys string) fault { return lieAbout("GET", keys, seldom(50, answer(bulk("1")))) }
	flip := func(_ []string, v proto.Value) proto.Value {
		if len(v.Elems) == 2 && len(v.Elems[0].Str) > 1000 {
			v.Elems[0].Str[999] ^= 1
		}
		return v
	}
	wordless := lieTo("GET", func(args []string, v proto.Value) proto.Value {
		if len(args) == 1 || strings.HasPrefix(string(v.Str), "WRONGTYPE") {
			return null()
		}
		return v
	})
	tests := []struct {
		name, suite string
		fault       fault
		checks      []string // that must fail
	}{
		{
			"an application's view", "integration",
			together(
				lieTo("TTL", answer(number(-1))),
				lieTo("EXISTS", answer(number(1))),
				lieTo("SET", seldom(100, answer(failure("ERR busy")))),
				lieTo("MGET", flip),
				lieTo("PING", answer(failure("LOADING wait"))),
			),
			[]string{
				"session JSON, TTL 3600, overwritten", "message array, TTL 300", "profile, TTL 1800", "invalidation by DEL",
				"100 pipelined SETs read back", "binary values, 0 to 1 MiB, checksums", "health by PING",
			},
		},
		{"a deadline too far", "integration", lieTo("TTL", answer(number(3601))), []string{"session JSON, TTL 3600, overwritten", "profile, TTL 1800"}},
		{"lost values", "integration", lieTo("GET", answer(null())), []string{"message array, TTL 300", "100 pipelined SETs read back"}},
		{
			"the basics", "validation",
			together(
				lieTo("QUIT", answer(failure("ERR stay"))),
				lieTo("PING", answer(bulk("PONG"))),
				lieTo("DEL", seldom(5000, answer(number(0)))),
				lieTo("INCR", seldom(1000, answer(number(1)))),
				lieTo("ECHO", seldom(100, answer(bulk("0-0")))),
				wordless,
			),
			[]string{
				"connect and tear down", "PING SET GET DEL EXISTS", "many keys", "5 clients increment one counter",
				"5 clients without cross talk", "error replies", "wrong type refused",
			},
		},
		{"rarely wrong", "stability", lieTo("GET", seldom(50, answer(bulk("?")))), []string{"wrong replies"}},
		{"rarely an error", "stability", seldom(100, answer(failure("ERR overloaded"))), []string{"wrong replies"}},
		{"stale reads", "order", together(stale("forward:"), stale("backward:")), []string{"late then early, one by one", "early then late, pipelined"}},
		{"one reply of many wrong", "backlog", lieTo("GET", seldom(5000, answer(bulk("?")))), []string{"replies read and right"}},
		{"bystanders see garbage", "backlog", lieTo("GET", answer(null())), []string{"bystanders"}},
		{"keys forgotten", "memory", lieTo("GET", seldom(100, answer(null()))), []string{"keys read back"}},
		{"fuzz disturbs others", "fuzz", lieAbout("GET", "checker:", answer(bulk("?"))), []string{"well-behaved clients"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := testOptions(spoil(t, server.addr, false, tt.fault))
			o.Duration = time.Nanosecond // what a suite does at least must be enough, since on a busy machine there may be no more
			o.Reads, o.Keys, o.Count = 2000, 1000, 20_000
			rep := execute(t, o, tt.suite)
			require.False(t, rep.Passed)
			for _, check := range tt.checks {
				require.Equal(t, Failed, result(t, rep, check).Result, page(t, rep))
			}
		})
	}
}

// together applies several faults to each reply.
func together(faults ...fault) fault {
	return func(args []string, reply proto.Value) proto.Value {
		for _, f := range faults {
			reply = f(args, reply)
		}
		return reply
	}
}

// TestProxyIsTransparent shows that the failures above are the lies' and not
// the proxy's.
func TestProxyIsTransparent(t *testing.T) {
	t.Parallel()
	o := testOptions(spoil(t, startRedis(t).addr, false, truthful))
	o.Duration, o.Reads, o.Count = 300*time.Millisecond, 2000, 5000
	rep := execute(t, o, "integration,stability,order,backlog")
	require.True(t, rep.Passed, page(t, rep))
}

func TestForgivingServerIsFound(t *testing.T) {
	t.Parallel()
	o := testOptions(spoil(t, startRedis(t).addr, true, truthful))
	o.Timeout = 3 * time.Second // how long we wait for the end of a connection that stays open
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
	t.Parallel()
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
			o.Duration, o.MaxGrowthSettle = 100*time.Millisecond, 100*time.Millisecond
			rep := execute(t, o, "stability")
			require.Equal(t, Failed, result(t, rep, tt.check).Result, page(t, rep))
		})
	}
}

func TestSlowExpiryIsFound(t *testing.T) {
	t.Parallel()
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
	o.MaxP999, o.MaxSettle, o.MaxResidentRecovery = defaultMaxP999, 300*time.Millisecond, 600*time.Millisecond
	return o
}

// TestDeadlockIsFound has a server that stops reading while its replies are
// not taken: the suite must say so instead of waiting for ever.
func TestDeadlockIsFound(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	o := testOptions(startProxy(t, &proxy{
		backend: startRedis(t).addr, fault: truthful, stallAfter: 5000, release: release,
	}))
	t.Cleanup(func() { close(release) }) // before the proxy is waited for
	o.Count, o.Timeout = 300_000, 3*time.Second
	rep := execute(t, o, "backlog")
	require.Equal(t, Failed, result(t, rep, "requests written before the first read").Result, page(t, rep))
}

// TestForgottenRequestIsFound has a server that never answers one request, most
// likely a bystander's, while the flood goes through.
func TestForgottenRequestIsFound(t *testing.T) {
	t.Parallel()
	var stuck atomic.Bool
	release := make(chan struct{})
	o := testOptions(startProxy(t, &proxy{
		backend: startRedis(t).addr, release: release,
		fault: lieTo("GET", func(_ []string, v proto.Value) proto.Value {
			if stuck.CompareAndSwap(false, true) {
				<-release
			}
			return v
		}),
	}))
	t.Cleanup(func() { close(release) })
	o.Count, o.Timeout = 2000, 3*time.Second
	require.False(t, execute(t, o, "backlog").Passed)
}

func TestUnlimitedServerIsFound(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	lie := lieTo("CONFIG", func(_ []string, v proto.Value) proto.Value { return v })
	o := testOptions(spoil(t, server.addr, false, lie))
	o.Count, o.Limit = 1000, true // too few to reach the limit
	rep := execute(t, o, "backlog")
	require.Equal(t, Failed, result(t, rep, "cut off at the output limit").Result, page(t, rep))
}

func TestIdleNeedsAProcess(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	o := testOptions(server.addr)
	rep := execute(t, o, "idle")
	require.Contains(t, result(t, rep, "ran to its end").Figure, "--pid")
	o.PID, o.Connections, o.MaxBytesPerConn = server.pid, 20, 1
	rep = execute(t, o, "idle")
	require.Equal(t, Failed, result(t, rep, "bytes per connection after "+o.Idle.String()).Result, page(t, rep))
}
