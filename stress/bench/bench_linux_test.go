// End to end: the command itself, against real servers.

package bench

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"
)

// redisServer is the real server; the tests need it and fail without it.
const redisServer = "redis-server"

func startRedis(t *testing.T) *server {
	t.Helper()
	program, err := findProgram(redisServer)
	require.NoError(t, err)
	s, err := redisLike(redisName, program).start(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.stop()) })
	return s
}

// runBench runs the command as its program would and returns what it printed.
func runBench(ctx context.Context, args ...string) (out, progress string, err error) {
	var stdout, stderr strings.Builder
	app := &cli.App{Name: "respite", Commands: []*cli.Command{Command()}, Writer: &stdout, ErrWriter: &stderr}
	err = app.RunContext(ctx, append([]string{"respite", commandName, "--bin", redisServer, "--redis", redisServer}, args...))
	return stdout.String(), stderr.String(), err
}

func TestEveryCellOnEveryTarget(t *testing.T) {
	defer goleak.VerifyNone(t)
	out, progress, err := runBench(t.Context(), "--rounds", "1", "--seconds", "0.1", "--warm-up", "0.03")
	require.NoError(t, err, progress)
	lines := strings.Split(out, "\n")
	for i, c := range []string{"GET", "SET", "INCR", "MSET"} {
		for j, depth := range defaultDepths() {
			for k, name := range []string{"respite", "redis", "replies"} {
				fields := strings.Fields(lines[1+9*i+3*j+k])
				require.Equal(t, []string{c, strconv.Itoa(depth), name}, fields[:3], out)
			}
		}
	}
	require.Contains(t, progress, "12 cells x 3 targets x 1 rounds")
}

func TestMemoryOfBothServers(t *testing.T) {
	defer goleak.VerifyNone(t)
	out, progress, err := runBench(t.Context(), "--memory", "--markdown",
		"--keys", "20000", "--value-sizes", "32", "--ttl", "--overwrite", "2", "--settle", "0.1")
	require.NoError(t, err, progress)
	rows := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, rows, 4, out)
	for _, row := range rows[2:] {
		perKey, err := strconv.ParseFloat(strings.TrimSpace(strings.Split(row, "|")[7]), 64)
		require.NoError(t, err, row)
		require.Greater(t, perKey, 50.0, "a key and its 32 bytes")
		require.Less(t, perKey, 1_000.0)
	}
	require.Contains(t, progress, "1 data sets on 2 servers")
}

func TestMemoryRefusesWhatDoesNotFit(t *testing.T) {
	_, _, err := runBench(t.Context(), "--memory", "--keys", "1000000000", "--value-sizes", "1000000")
	require.ErrorContains(t, err, "lower --keys")
}

func TestCancellingEndsARun(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	_, _, err := runBench(ctx, "--cells", "get:1", "--seconds", "60")
	require.Error(t, err)
	require.Less(t, time.Since(began), 20*time.Second)
}

func TestServersStopWithTheContext(t *testing.T) {
	program, err := exec.LookPath(redisServer)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := redisLike(redisName, program).start(ctx)
	require.NoError(t, err)
	cancel()
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		t.Fatal("the server outlives its context")
	}
	require.ErrorIs(t, syscall.Kill(s.pid, 0), syscall.ESRCH)
	require.NoError(t, s.stop())
	require.NoDirExists(t, s.dir)
}

func TestAServerThatDoesNotStartIsQuoted(t *testing.T) {
	program, err := exec.LookPath(redisServer)
	require.NoError(t, err)
	broken := target{name: "broken", program: program, args: func(int, string) []string { return []string{"--no-such-option", "1"} }}
	_, err = broken.start(t.Context())
	require.ErrorContains(t, err, "the process ended")
	require.ErrorContains(t, err, "no-such-option")
	_, _, err = runBench(t.Context(), "--bin", "no-such-program")
	require.ErrorContains(t, err, "no-such-program")
}
