// Package clients has tests only: programs that were written for Redis, run
// unmodified against a listening server. Every suite runs against our binary
// and against a real redis-server; one that fails on the latter is wrong about
// Redis. RESPITE_CLIENT_TARGETS=redis-server (or respite) runs one side.
//
// A new client is a function in the table below and, for Node.js, a file
// NAME.test.mjs, which learns from support.mjs where the servers are.

package clients

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const nodeTimeout = 3 * time.Minute

func TestClients(t *testing.T) {
	suites := []struct {
		name string
		run  func(*testing.T, target)
	}{
		{"ioredis5", nodeSuite("ioredis5.test.mjs")},
		{"ioredis6", nodeSuite("ioredis6.test.mjs")},
		{"node-redis", nodeSuite("node-redis.test.mjs")},
		{"pubsub", nodeSuite("pubsub.test.mjs")},
		{"tracking", nodeSuite("tracking.test.mjs")},
		{"queue", nodeSuite("queue.test.mjs")},
		{"go-redis", goRedisSuite},
		{"redis-cli", redisCLISuite},
		{"redis-benchmark", redisBenchmarkSuite},
		{"raw", rawSuite},
	}
	for _, tg := range targets(t) {
		t.Run(tg.name, func(t *testing.T) {
			for _, suite := range suites {
				t.Run(suite.name, func(t *testing.T) { suite.run(t, tg) })
			}
		})
	}
}

// nodeSuite runs a file of Node.js tests against two servers, of which the
// second wants a password.
func nodeSuite(file string) func(*testing.T, target) {
	return func(t *testing.T, tg target) {
		node := lookUp(t, "node")
		require.DirExists(t, "node_modules", "the Node modules are missing: run the task `setup`")
		open, locked := tg.start(t), tg.start(t, "--requirepass", password)

		ctx, cancel := context.WithTimeout(t.Context(), nodeTimeout)
		defer cancel()
		cmd := exec.CommandContext(ctx, node, "--test", "--test-timeout=60000", "--test-reporter=spec", file)
		cmd.WaitDelay = time.Second
		cmd.Env = append(os.Environ(),
			"RESPITE_ADDR="+open.addr,
			"RESPITE_SOCKET="+open.socket,
			"RESPITE_TLS_ADDR="+open.tlsAddr,
			"RESPITE_TLS_CA="+open.certs.certFile,
			"RESPITE_AUTH_ADDR="+locked.addr,
			"RESPITE_PASSWORD="+password,
		)
		out, err := cmd.CombinedOutput()
		require.NoErrorf(t, err, "%s\n%s\n%s", file, out, open.log())
		require.Contains(t, string(out), "ℹ fail 0")
		require.NotContains(t, string(out), "ℹ pass 0", "no test was found in %s", file)
	}
}
