// Tests of CONFIG REWRITE: the file that redis-server would write, and the way back from it.

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/text"
)

// TestRewriteLikeRedis changes a few settings of a file and compares what is written with what
// redis-server wrote. It appends in the order of a hash table, so that part is compared sorted.
func TestRewriteLikeRedis(t *testing.T) {
	before, err := os.ReadFile("testdata/before.conf")
	require.NoError(t, err)
	golden, err := filepath.Abs("testdata/after.conf")
	require.NoError(t, err)
	pairs := rewritePairs(t)
	name := writeConf(t, string(before))
	t.Chdir(filepath.Dir(name))
	if updating() {
		o := startOracle(t, "unix", "sock", "redis.conf")
		for _, p := range pairs {
			require.Equal(t, []string{"OK"}, o.do(t, "CONFIG", "SET", p.Name, p.Value))
			o.do(t, "AUTH", "a b\x00")
		}
		require.Equal(t, []string{"OK"}, o.do(t, "CONFIG", "REWRITE"))
		require.NoError(t, os.WriteFile(golden, []byte(settled(t, name)), 0o644))
		return
	}
	c := mustParse(t, name)
	require.NoError(t, c.Set(pairs...))
	require.NoError(t, c.Rewrite())
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), settled(t, name))

	again := mustParse(t, name)
	require.Equal(t, c.Get("*"), again.Get("*"))
	require.NoError(t, again.Rewrite())
	require.Equal(t, string(want), settled(t, name), "a second rewrite changes nothing")
}

func rewritePairs(t *testing.T) (pairs []Pair) {
	content, err := os.ReadFile("testdata/rewrite.txt")
	require.NoError(t, err)
	for l := range strings.Lines(string(content)) {
		words, err := text.SplitArgs(l)
		require.NoError(t, err)
		pairs = append(pairs, Pair{words[0], words[1]})
	}
	return pairs
}

// settled is a file with its appended lines sorted and the directory replaced. The line that
// redis-server adds for the default ACL user is left out (there are no ACL users
// here yet), and so are empty lines, of which a second rewrite puts one at the end.
func settled(t *testing.T, name string) string {
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	s := strings.ReplaceAll(string(content), workingDir(), "DIR")
	head, tail, found := strings.Cut(s, rewriteSignature+"\n")
	require.True(t, found)
	lines := slices.DeleteFunc(sorted(strings.SplitAfter(tail, "\n")), func(l string) bool {
		return l == "" || l == "\n" || strings.HasPrefix(l, "user default ")
	})
	return head + rewriteSignature + "\n" + strings.Join(lines, "")
}

func TestRewriteWithoutFile(t *testing.T) {
	require.EqualError(t, New().Rewrite(), "ERR The server is running without a config file")
}

func TestRewriteKeepsModeAndLeavesNothing(t *testing.T) {
	name := writeConf(t, "port 1\n")
	require.NoError(t, os.Chmod(name, 0o640))
	c := mustParse(t, name)
	require.NoError(t, c.Rewrite())
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
	entries, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	require.Len(t, entries, 1)

	require.NoError(t, os.Remove(name))
	require.NoError(t, c.Rewrite(), "a file that is gone is written anew")
	require.Equal(t, 1, mustParse(t, name).Now().Port)

	require.NoError(t, os.RemoveAll(filepath.Dir(name)))
	require.EqualError(t, c.Rewrite(), "ERR Rewriting config file: No such file or directory")
}

func TestRewriteOfAcceptedAndOwn(t *testing.T) {
	c := mustParse(t, writeConf(t, "user alice on\nloadmodule x.so\n"),
		"--accept-unsupported", "loadmodule", "save", "replicaof", "--save", "60 1 30 2",
		"--replicaof", "h", "1", "--shards", "4", "--bind", "", "--log-format", "json")
	require.NoError(t, c.Rewrite())
	content, err := os.ReadFile(c.File())
	require.NoError(t, err)
	for _, l := range []string{
		"user alice on", "loadmodule x.so", "save 60 1", "save 30 2", "replicaof h 1", "shards 4", "log-format json",
		"accept-unsupported loadmodule save replicaof", `bind ""`,
	} {
		require.Contains(t, string(content), l+"\n")
	}
	require.Equal(t, c.Get("*"), mustParse(t, c.File()).Get("*"))
}

func TestRewriteOfUsers(t *testing.T) {
	c := mustParse(t, writeConf(t, "user alice on\nport 7\nuser bob off\n"))
	require.Equal(t, [][]string{{"alice", "on"}, {"bob", "off"}}, c.Now().Users)
	require.NoError(t, c.Set(Pair{"hz", "20"}))
	require.Len(t, c.Now().Users, 2)
	for _, step := range []struct {
		lines      []string
		begin, end string
	}{
		{[]string{"user bob on", "user carol off", "user default on"}, "user bob on\nport 7\nuser carol off\n\n" + rewriteSignature + "\n", "\nuser default on\n"},
		{nil, "\nport 7\n\n" + rewriteSignature + "\n", "save \"\"\n\n"},
	} {
		c.OnUsers(func() []string { return step.lines })
		require.NoError(t, c.Rewrite())
		content, err := os.ReadFile(c.File())
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(content), step.begin), "%s", content)
		require.True(t, strings.HasSuffix(string(content), step.end), "%s", content)
	}
}

func TestUserLinesAreChecked(t *testing.T) {
	c := New()
	c.OnUser(func(words []string) error { return fmt.Errorf("no %s", words[0]) })
	require.EqualError(t, c.Parse(writeConf(t, "port 7\nuser alice on\n"), nil), "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.5) ***\n"+
		"Reading the configuration file, at line 2\n>>> 'user alice on'\nno alice\n")
}

// TestRewriteRoundTrip sets random values and reads them back from the rewritten file.
func TestRewriteRoundTrip(t *testing.T) {
	rows := slices.DeleteFunc(New().Rows(), func(r Row) bool {
		return r.Kind == Directive || r.Kind == Special || r.Flags.Has(Own)
	})
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		name := filepath.Join(dir, "redis.conf")
		require.NoError(t, os.WriteFile(name, []byte(rapid.SampledFrom([]string{"", "# x\n", "hz 5\nhz 6\n\n\nport 1"}).Draw(t, "file")), 0o644))
		c := New()
		require.NoError(t, c.Parse(name, []string{"--enable-protected-configs", "yes"}))
		for range rapid.IntRange(1, 20).Draw(t, "settings") {
			r := rapid.SampledFrom(rows).Draw(t, "row")
			_ = c.Set(Pair{r.Name, draw(t, r)}) // whether it is taken does not matter
		}
		require.NoError(t, c.Rewrite())
		again := New()
		require.NoError(t, again.Parse(name, nil))
		require.Equal(t, c.Get("*"), again.Get("*"))
	})
}

// draw makes a value that has a chance to be valid for a row.
func draw(t *rapid.T, r Row) string {
	switch r.Kind {
	case Bool:
		return rapid.SampledFrom([]string{"yes", "no", "NO"}).Draw(t, "bool")
	case Enum, EnumSet:
		return rapid.SampledFrom(r.Enum).Draw(t, "enum")
	case String:
		if r.Flags.Has(volatile) {
			return rapid.StringMatching(`[a-z/. ]{0,8}`).Draw(t, "path")
		}
		return string(rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "string"))
	case MemoryPct:
		return rapid.StringMatching(`[0-9]{1,3}(%|mb|kb|)`).Draw(t, "memory or percent")
	}
	return rapid.StringMatching(`-?[0-9]{1,6}(mb|kb|gb|)`).Draw(t, "number")
}

// What a forced rewrite writes down, defaults included, comes back the same.
func TestRewriteAll(t *testing.T) {
	name := writeConf(t, "maxmemory 100mb\n")
	t.Chdir(filepath.Dir(name))
	c := mustParse(t, name)
	require.NoError(t, c.RewriteAll())
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	for _, l := range []string{"maxmemory 100mb\n", "\ntimeout 0\n", "\nmaxclients 10000\n", "\nloglevel notice\n"} {
		require.Contains(t, string(content), l)
	}
	again := mustParse(t, name)
	require.Equal(t, c.Get("*"), again.Get("*"))
	require.NoError(t, again.RewriteAll())
	twice, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(content)), strings.TrimSpace(string(twice)))
	require.Error(t, New().RewriteAll(), "there is no file")
}
