// Tests against what a real redis-server says. The golden files in testdata were written by one
// (go test -update starts it again, from the path, on a loopback port of its own); differences
// that version 7.2 and this server make on purpose are named in the tests.

package config

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/text"
)

func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite golden files from a real redis-server")
	flag.Parse()
	os.Exit(m.Run())
}

// oracle is a running redis-server and a connection to it.
type oracle struct {
	conn net.Conn
	in   *bufio.Reader
}

// startOracle runs redis-server with args and connects to it.
func startOracle(t *testing.T, network, addr string, args ...string) *oracle {
	cmd := exec.Command("redis-server", args...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var conn net.Conn
	require.Eventually(t, func() (ok bool) {
		c, err := net.Dial(network, addr)
		conn = c
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	t.Cleanup(func() { _ = conn.Close() })
	return &oracle{conn: conn, in: bufio.NewReader(conn)}
}

// startPlainOracle runs redis-server with its defaults on a loopback port that is free.
func startPlainOracle(t *testing.T) *oracle {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().(*net.TCPAddr)
	require.NoError(t, l.Close())
	return startOracle(t, "tcp", addr.String(),
		"--port", strconv.Itoa(addr.Port), "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
}

// do sends a command and returns its reply, one string per element.
func (o *oracle) do(t *testing.T, words ...string) []string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	_, err := o.conn.Write(b.Bytes())
	require.NoError(t, err)
	return o.reply(t)
}

func (o *oracle) reply(t *testing.T) []string {
	head, err := o.in.ReadString('\n')
	require.NoError(t, err)
	head = strings.TrimRight(head, "\r\n")
	n, _ := strconv.Atoi(head[1:])
	switch head[0] {
	case '$':
		b := make([]byte, n+2)
		_, err := io.ReadFull(o.in, b)
		require.NoError(t, err)
		return []string{string(b[:n])}
	case '*':
		var out []string
		for range n {
			out = append(out, o.reply(t)...)
		}
		return out
	}
	return []string{head[1:]}
}

// TestTranscript replays CONFIG SET and GET in one go, as state carries over from line to line.
func TestTranscript(t *testing.T) {
	const file = "testdata/set.txt"
	golden, err := os.ReadFile(file)
	require.NoError(t, err)
	answer := ourConfig()
	if updating() {
		o := startPlainOracle(t)
		answer = func(words []string) []string { return o.do(t, append([]string{"CONFIG"}, words...)...) }
	}
	var out strings.Builder
	for _, l := range strings.SplitAfter(string(golden), "\n") {
		command, isCommand := strings.CutPrefix(l, "> ")
		if strings.HasPrefix(l, "#") || isCommand {
			out.WriteString(l)
		}
		if isCommand {
			words, err := text.SplitArgs(command)
			require.NoError(t, err)
			out.WriteString(render(words[0], answer(words)))
		}
	}
	if updating() {
		require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
		return
	}
	require.Equal(t, string(golden), out.String())
}

// render prints a reply; redis-server's order of CONFIG GET is that of a hash table, so pairs are sorted.
func render(command string, reply []string) string {
	if len(reply) == 0 {
		return "(empty)\n"
	}
	if command != "GET" {
		return quoted(reply[0]) + "\n"
	}
	var lines []string
	for i := 0; i < len(reply); i += 2 {
		lines = append(lines, quoted(reply[i])+" "+quoted(reply[i+1])+"\n")
	}
	return strings.Join(sorted(lines), "")
}

// ourConfig answers as the command table would: arity is its business, so it is told here.
func ourConfig() func(words []string) []string {
	c := New()
	return func(words []string) []string {
		switch {
		case words[0] == "GET":
			return flat(c.Get(words[1:]...))
		case len(words) < 3:
			return []string{"ERR wrong number of arguments for 'config|set' command"}
		case len(words)%2 == 0:
			return []string{"ERR syntax error"}
		}
		var pairs []Pair
		for i := 1; i < len(words); i += 2 {
			pairs = append(pairs, Pair{words[i], words[i+1]})
		}
		if err := c.Set(pairs...); err != nil {
			return []string{err.Error()}
		}
		return []string{"OK"}
	}
}

func flat(pairs []Pair) (out []string) {
	for _, p := range pairs {
		out = append(out, p.Name, p.Value)
	}
	return out
}

// TestDefaults compares CONFIG GET * with redis-server 7.0.15's, name by name.
func TestDefaults(t *testing.T) {
	const file = "testdata/defaults.txt"
	if updating() {
		reply := startPlainOracle(t).do(t, "CONFIG", "GET", "*")
		var lines []string
		for i := 0; i < len(reply); i += 2 {
			lines = append(lines, reply[i]+"\t"+reply[i+1])
		}
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(sorted(lines), "\n")+"\n"), 0o644))
	}
	golden, err := os.ReadFile(file)
	require.NoError(t, err)
	ours := make(map[string]string)
	for _, p := range New().Get("*") {
		ours[p.Name] = p.Value
	}
	for l := range strings.Lines(string(golden)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
		switch name {
		case "aof-disable-auto-gc": // hidden since 7.2
			require.NotContains(t, ours, name)
			continue
		case "port", "bind", "dir": // as the oracle was started
		default:
			require.Contains(t, ours, name)
			require.Equal(t, value, ours[name], name)
		}
		delete(ours, name)
	}
	var rest []string
	for name := range ours {
		rest = append(rest, name)
	}
	require.ElementsMatch(t, rest, []string{
		"cluster-announce-human-nodename", "locale-collate", "set-max-listpack-entries", "set-max-listpack-value", // 7.2
		"shards", "inline-runs", "io-engine", "io-pollers", "hotkeys-sample-every", "http-endpoints", "http-port", "log-format", "accept-unsupported", // ours
	})
}

// fatalCase is a start-up that must fail. conf is the file's content, "" for no file.
type fatalCase struct {
	name, conf string
	args       []string
}

func fatalCases() []fatalCase {
	return []fatalCase{
		{"unknown option", "", []string{"--invalid"}},
		{"unknown option with value", "", []string{"--invalid", "x"}},
		{"no value", "", []string{"--port"}},
		{"no value before another", "", []string{"--port", "--loglevel", "verbose"}},
		{"not a number", "", []string{"--port", "x"}},
		{"in one argument", "", []string{"--port x"}},
		{"two values", "", []string{"--port", "1", "2"}},
		{"enum", "", []string{"--appendfsync", "fun"}},
		{"second option", "", []string{"--hz", "1", "--port", "70000"}},
		{"value in quotes", "", []string{"--port", "a \"b"}},
		{"value without dashes belongs to the one before", "", []string{"--port", "0", "loglevel", "verbose"}},
		{"replicaof port", "", []string{"--replicaof", "host", "port"}},
		{"replicaof words", "", []string{"--replicaof", "host"}},
		{"replicaof one argument", "", []string{"--replicaof", "host abc"}},
		{"save odd", "", []string{"--save", "100"}},
		{"save zero", "", []string{"--save", "0 100"}},
		{"bool", "", []string{"--daemonize", "maybe"}},
		{"empty int", "", []string{"--port", ""}},
		{"octal", "", []string{"--unixsocketperm", "9"}},
		{"octal range", "", []string{"--unixsocketperm", "1000"}},
		{"memory", "", []string{"--maxmemory", "1tb"}},
		{"sigterm", "", []string{"--shutdown-on-sigterm", "foo"}},
		{"sigterm both", "", []string{"--shutdown-on-sigterm", "save nosave"}},
		{"dir", "", []string{"--dir", "./none"}},
		{"file line", "port 0\n\n# comment\n  Hz x  \n", nil},
		{"file quotes", "port \"0\n", nil},
		{"file unknown", "foo bar\n", nil},
		{"file then option", "port 0\nhz 10\n", []string{"--hz", "x"}},
		{"file without line end then option", "port 0", []string{"--hz", "x"}},
		{"file then words", "port 0\n", []string{"hz", "x"}},
		{"include words", "include a b\n", nil},
		{"nothing of many", "include none*.conf\nfoo\n", nil},
		{"deprecated", "list-max-ziplist-entries 1\nlua-replicate-commands yes no\n", nil},
		{"rename words", "rename-command get\n", nil},
		{"sentinel", "sentinel monitor\n", nil},
		{"module value", "a.b\n", nil},
		{"multi without words", "bind\noom-score-adj-values\n", nil},
		{"percentile", "latency-tracking-info-percentiles 1 x\n", nil},
		{"class", "client-output-buffer-limit foo 1 1 1\n", nil},
		{"events", "notify-keyspace-events Q\n", nil},
		{"basename", "appenddirname a/b\n", nil},
		{"empty basename", "appendfilename ''\n", nil},
		{"log file", "logfile ./none/log\n", nil},
		{"log file later", "logfile ./none/log\nlogfile ''\nhz x\n", nil},
	}
}

func (f fatalCase) commandLine() []string {
	if f.conf == "" {
		return f.args
	}
	return append([]string{"redis.conf"}, f.args...)
}

// TestFatal compares what is said about configurations that do not start.
func TestFatal(t *testing.T) {
	const file = "testdata/fatal.txt"
	abs, err := filepath.Abs(file)
	require.NoError(t, err)
	var out strings.Builder
	for _, f := range fatalCases() {
		t.Chdir(t.TempDir())
		if f.conf != "" {
			require.NoError(t, os.WriteFile("redis.conf", []byte(f.conf), 0o644))
		}
		fmt.Fprintf(&out, "== %s\n%s", f.name, fatalText(t, f))
	}
	if updating() {
		require.NoError(t, os.WriteFile(abs, []byte(out.String()), 0o644))
	}
	golden, err := os.ReadFile(abs)
	require.NoError(t, err)
	require.Equal(t, string(golden), out.String())
}

func fatalText(t *testing.T, f fatalCase) string {
	if updating() {
		var stderr bytes.Buffer
		cmd := exec.Command("redis-server", f.commandLine()...)
		cmd.Stderr = &stderr
		require.Error(t, cmd.Run(), f.name)
		return strings.Replace(stderr.String(), "(Redis 7.0.15)", "(Redis "+Version+")", 1)
	}
	err := New().Parse("", f.commandLine())
	var fatal *FatalError
	require.True(t, errors.As(err, &fatal), "%s: %v", f.name, err)
	return err.Error()
}
