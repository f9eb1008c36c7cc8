// The programs that come with Redis: redis-cli and redis-benchmark.

package clients

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const toolTimeout = time.Minute

// tool runs a program with a standard input and returns what it printed.
type tool struct {
	program string
	args    []string // put before those of a call
}

func newTool(t *testing.T, name string, s *server) tool {
	t.Helper()
	return tool{program: lookUp(t, name), args: []string{"-p", s.port()}}
}

func (tl tool) run(t *testing.T, stdin []byte, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolTimeout)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, tl.program, append(append([]string(nil), tl.args...), args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
	err := cmd.Run()
	require.NoErrorf(t, err, "%v\n%s%s", args, out.String(), errs.String())
	return out.String(), errs.String()
}

// says runs a command and returns its standard output without the line end.
func (tl tool) says(t *testing.T, args ...string) string {
	t.Helper()
	out, _ := tl.run(t, nil, args...)
	return strings.TrimSuffix(out, "\n")
}

func redisCLISuite(t *testing.T, tg target) {
	cli := newTool(t, "redis-cli", tg.start(t))
	for _, tc := range []struct {
		name string
		run  func(*testing.T, tool)
	}{
		{"commands", cliCommands},
		{"binary values", cliBinary},
		{"mass insertion", cliPipe},
		{"scan", cliScan},
		{"big keys", cliBigKeys},
		{"stat", cliStat},
		{"RESP3", cliRESP3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, "OK", cli.says(t, "FLUSHALL"))
			tc.run(t, cli)
		})
	}
	t.Run("password", func(t *testing.T) { cliPassword(t, tg) })
}

func cliCommands(t *testing.T, cli tool) {
	require.Equal(t, "PONG", cli.says(t, "PING"))
	require.Equal(t, "OK", cli.says(t, "SET", "k", "v"))
	require.Equal(t, `"v"`, cli.says(t, "--no-raw", "GET", "k"))
	require.Equal(t, "(integer) 1", cli.says(t, "--no-raw", "DEL", "k"))
	require.Equal(t, "(nil)", cli.says(t, "--no-raw", "GET", "k"))
	require.Equal(t, "0", cli.says(t, "-n", "4", "DBSIZE"))
	require.Equal(t, "ERR unknown command 'nosuch', with args beginning with: 'x' ",
		strings.TrimRight(cli.says(t, "nosuch", "x"), "\n"))
	out, _ := cli.run(t, []byte("SET a 1\nINCR a\nSELECT 2\nGET a\n"), "--no-raw")
	require.Equal(t, "OK\n(integer) 2\nOK\n(nil)\n", out)
}

func cliBinary(t *testing.T, cli tool) {
	value := make([]byte, 0, 512)
	for i := range 256 {
		value = append(value, byte(i), '\n')
	}
	out, _ := cli.run(t, value, "-x", "SET", "binary")
	require.Equal(t, "OK\n", out)
	out, _ = cli.run(t, nil, "GET", "binary")
	require.Equal(t, append(value, '\n'), []byte(out))
}

func cliPipe(t *testing.T, cli tool) {
	const count = 10000
	var commands bytes.Buffer
	for i := range count {
		key := "mass:" + strconv.Itoa(i)
		fmt.Fprintf(&commands, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$1\r\nx\r\n", len(key), key)
	}
	out, _ := cli.run(t, commands.Bytes(), "--pipe")
	require.Contains(t, out, "errors: 0, replies: "+strconv.Itoa(count))
	require.Equal(t, strconv.Itoa(count), cli.says(t, "DBSIZE"))
}

func cliScan(t *testing.T, cli tool) {
	var want []string
	pairs := []string{"MSET", "other", "x"}
	for i := range 200 {
		key := "scan:" + strconv.Itoa(i)
		want = append(want, key)
		pairs = append(pairs, key, "x")
	}
	require.Equal(t, "OK", cli.says(t, pairs...))
	got := strings.Split(cli.says(t, "--scan", "--pattern", "scan:*"), "\n")
	require.ElementsMatch(t, want, got)
}

func cliBigKeys(t *testing.T, cli tool) {
	require.Equal(t, "OK", cli.says(t, "MSET", "small", "x", "big", strings.Repeat("x", 5000)))
	out := cli.says(t, "--bigkeys")
	require.Contains(t, out, "Sampled 2 keys in the keyspace!")
	require.Contains(t, out, `Biggest string found '"big"' has 5000 bytes`)
}

// cliStat reads the heading and one line of figures from a program that goes
// on printing until it is stopped.
func cliStat(t *testing.T, cli tool) {
	ctx, cancel := context.WithTimeout(t.Context(), toolTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, cli.program, append(append([]string(nil), cli.args...), "--stat", "-i", "0.1")...)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	const statLines = 3
	var lines []string
	for scanner := bufio.NewScanner(stdout); len(lines) < statLines && scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	cancel()
	require.Error(t, cmd.Wait(), "it is stopped by a signal")
	require.Len(t, lines, statLines)
	require.Contains(t, lines[1], "keys")
	fields := strings.Fields(lines[2])
	require.GreaterOrEqual(t, len(fields), 6, lines[2])
	require.Equal(t, "0", fields[0], "keys in %q", lines[2])
	require.Regexp(t, `^\d+(\.\d+)?[BKMG]$`, fields[1], "memory in %q", lines[2])
}

func cliRESP3(t *testing.T, cli tool) {
	require.Contains(t, cli.says(t, "-3", "CLIENT", "INFO"), " resp=3")
	require.Equal(t, `1# "databases" => "16"`, cli.says(t, "-3", "--no-raw", "CONFIG", "GET", "databases"))
}

func cliPassword(t *testing.T, tg target) {
	cli := newTool(t, "redis-cli", tg.start(t, "--requirepass", password))
	require.Equal(t, "NOAUTH Authentication required.", strings.TrimRight(cli.says(t, "PING"), "\n"))

	out, warnings := cli.run(t, nil, "-a", password, "PING")
	require.Equal(t, "PONG\n", out)
	require.Contains(t, warnings, "Using a password with '-a'")

	_, warnings = cli.run(t, nil, "-a", password, "--no-auth-warning", "PING")
	require.Empty(t, warnings)

	out, warnings = cli.run(t, nil, "-a", "wrong", "PING")
	require.Contains(t, warnings, "WRONGPASS invalid username-password pair or user is disabled.")
	require.Contains(t, out, "NOAUTH")
}

func redisBenchmarkSuite(t *testing.T, tg target) {
	benchmark := newTool(t, "redis-benchmark", tg.start(t))
	for _, depth := range []string{"1", "16"} {
		t.Run("depth "+depth, func(t *testing.T) {
			out, warnings := benchmark.run(t, nil,
				"--csv", "-t", "ping,set,get,incr,mset", "-n", "2000", "-c", "10", "-r", "1000", "-P", depth)
			require.Empty(t, warnings)
			for _, name := range []string{"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"} {
				require.Regexp(t, `(?m)^"`+regexp.QuoteMeta(name)+`","[1-9][\d.]*",`, out)
			}
		})
	}
	t.Run("quiet", func(t *testing.T) {
		out, warnings := benchmark.run(t, nil, "-q", "-t", "set,get", "-n", "2000", "-P", "16")
		require.Empty(t, warnings)
		require.Regexp(t, `SET: [1-9][\d.]* requests per second`, out)
		require.Regexp(t, `GET: [1-9][\d.]* requests per second`, out)
	})
}
