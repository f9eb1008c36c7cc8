// End to end: the command itself, against real servers.

package bench

import (
	"context"
	"os"
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
	out, progress, err := runBench(t.Context(), "--rounds", "1", "--seconds", "0.05", "--warm-up", "0.02")
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

// table reads the rows of a table that was printed as Markdown, by heading.
func table(t *testing.T, out string) (rows []map[string]string) {
	t.Helper()
	var heading []string
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		switch {
		case len(fields) < 2 || strings.HasPrefix(line, "|---"):
		case strings.Contains(line, " target "):
			heading = fields
		default:
			row := map[string]string{}
			for i, field := range fields {
				row[strings.TrimSpace(heading[i])] = strings.TrimSpace(field)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// value is a field of a row as a number.
func value(t *testing.T, row map[string]string, title string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(row[title], 64)
	require.NoError(t, err, "%s of %v", title, row)
	return v
}

func TestOpenLoopOfEveryRate(t *testing.T) {
	defer goleak.VerifyNone(t)
	out, progress, err := runBench(t.Context(), "--open-loop", "5,10", "--targets", "redis,io-threads,replies", "--markdown",
		"--rounds", "1", "--seconds", "0.2", "--warm-up", "0.05")
	require.NoError(t, err, progress)
	rows := table(t, out)
	require.Len(t, rows, 6, out)
	for i, row := range rows {
		require.Equal(t, []string{"redis", "redis io-threads 2", "replies only"}[i%3], row["target"])
		require.Positive(t, value(t, row, "reached/s"), out)
		require.Positive(t, value(t, row, "p50 µs"), out)
	}
	require.InEpsilon(t, 2, value(t, rows[3], "asked/s")/value(t, rows[0], "asked/s"), 0.01)
	require.Contains(t, out, "GET at 10% of redis's closed-loop maximum")
	require.Contains(t, progress, "2 rates x 3 targets x 1 rounds")
}

func TestLatencyOfOneClient(t *testing.T) {
	defer goleak.VerifyNone(t)
	out, progress, err := runBench(t.Context(), "--latency", "--markdown", "--rounds", "1", "--seconds", "0.1", "--warm-up", "0.03")
	require.NoError(t, err, progress)
	rows := table(t, out)
	require.Len(t, rows, 3, out)
	for _, row := range rows {
		// The product is the number of clients that keep a server busy, 50 in the other modes, if all round trips are alike; on a
		// busy machine they are not.
		require.Less(t, value(t, row, "commands/s")*value(t, row, "p50 µs"), 10e6, out)
		require.Positive(t, value(t, row, "mean µs"))
	}
}

func TestIdleConnections(t *testing.T) {
	defer goleak.VerifyNone(t)
	before := openFiles(t)
	out, progress, err := runBench(t.Context(), "--idle", "500", "--active", "2", "--markdown",
		"--rounds", "1", "--seconds", "0.1", "--warm-up", "0.03")
	require.NoError(t, err, progress)
	rows := table(t, out)
	require.Len(t, rows, 3, out)
	for _, row := range rows {
		require.Equal(t, []string{"500", "10"}, []string{row["connections"], row["active"]})
		require.Positive(t, value(t, row, "commands/s"))
	}
	perConnection := value(t, rows[1], "bytes/connection")
	require.Greater(t, perConnection, 500.0, out)
	require.Less(t, perConnection, 100_000.0, out)
	require.Equal(t, before, openFiles(t), "connections stay open")
	require.Contains(t, progress, "500 connections, 10 of them active")
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func TestHelpListsTheFlags(t *testing.T) {
	out, _, err := runBench(t.Context(), "--help")
	require.NoError(t, err)
	for _, m := range modes() {
		for _, flag := range append(m.marks, m.flags...) {
			require.Contains(t, out, "--"+flag+" ")
		}
	}
	for _, k := range (programs{}).known() {
		require.Contains(t, out, k.name)
	}
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
	require.Less(t, time.Since(began), time.Minute, "sooner than one measurement")
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
	case <-time.After(2 * stopLimit):
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

func TestTypesOnBothTargets(t *testing.T) {
	defer goleak.VerifyNone(t)
	cells := []string{"lpush", "lpop", "lrange-100", "rpoplpush-across", "sinter-10", "hgetall-20", "zpopmin", "xadd", "append-1m"}
	out, progress, err := runBench(t.Context(), "--set", "types", "--cells", strings.Join(cells, ","), "--keys-spread", "one", "--markdown",
		"--rounds", "2", "--seconds", "0.01", "--warm-up", "0.01")
	require.NoError(t, err, progress)
	rows := table(t, out)
	require.Len(t, rows, 2*len(cells), out)
	for i, row := range rows {
		require.Equal(t, strings.ToUpper(cells[i/2]), row["command"])
		require.Equal(t, []string{"one", "16"}, []string{row["keys"], row["depth"]})
		require.NotEmpty(t, row["commands/s"]) // so short a run may be over between two looks
	}
}

func TestOnceFeedSendsEveryRequestOnce(t *testing.T) {
	const clients, depth = 3, 4
	feed := newOnceFeed(newTape(commands()[0], shuffled(50), nil), depth, clients)
	total := 0
	for client := range clients {
		for {
			pipeline, n := feed.next(client)
			if n == 0 {
				break
			}
			require.Len(t, splitRequests(t, pipeline), n)
			total += n
		}
	}
	require.Equal(t, 50, total)
}

func TestMemoryOfTypes(t *testing.T) {
	defer goleak.VerifyNone(t)
	out, progress, err := runBench(t.Context(), "--memory", "--set", "types", "--keys", "5000", "--settle", "0.1", "--markdown")
	require.NoError(t, err, progress)
	rows := table(t, out)
	require.Len(t, rows, 2*len(memoryKinds()), out)
	for i, row := range rows {
		require.Equal(t, memoryKinds()[i/2].name, row["kind"])
		require.Greater(t, value(t, row, "bytes/key"), 50.0, out)
	}
	_, _, err = runBench(t.Context(), "--memory", "--set", "types", "--ttl")
	require.ErrorContains(t, err, "--ttl goes with --set strings")
}
