// Tests of start-ups that succeed, of refusals, and of the reader's safety. Start-ups that fail
// as redis-server's do are compared with it in oracle_test.go.

package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseCommandLine(t *testing.T) {
	tests := []struct {
		name string
		conf string
		args []string
		want map[string]string
	}{
		{"nothing", "", nil, map[string]string{"port": "6379", "save": ""}},
		{"option", "", []string{"--port", "1"}, map[string]string{"port": "1"}},
		{"in one argument", "", []string{"--port 1", "--hz 20"}, map[string]string{"port": "1", "hz": "20"}},
		{"several values", "", []string{"--bind", "::1", "127.0.0.1", "--port", "1"}, map[string]string{"bind": "::1 127.0.0.1", "port": "1"}},
		{"several values in one", "", []string{"--bind", "::1 127.0.0.1"}, map[string]string{"bind": "::1 127.0.0.1"}},
		{"value with dashes", "", []string{"--proc-title-template", "--{port}", "--port", "1"}, map[string]string{"proc-title-template": "--{port}", "port": "1"}},
		{"value with blanks", "", []string{"--requirepass", "a \"b'"}, map[string]string{"requirepass": "a \"b'"}},
		{"empty save", "", []string{"--save", "", "--port", "1"}, map[string]string{"save": "", "port": "1"}},
		{"save without value", "", []string{"--save", "--port", "1"}, map[string]string{"save": "", "port": "1"}},
		{"save last", "", []string{"--port", "1", "--save"}, map[string]string{"save": "", "port": "1"}},
		{"accepted save", "", []string{"--save", "100", "100", "--save", "7 8", "--accept-unsupported", "save"}, map[string]string{"save": "100 100 7 8"}},
		{"file", "port 1\n", nil, map[string]string{"port": "1"}},
		{"file and option", "port 1\nhz 20\n", []string{"--port", "2"}, map[string]string{"port": "2", "hz": "20"}},
		{"without dashes", "port 1\n", []string{"loglevel", "verbose"}, map[string]string{"port": "1", "loglevel": "verbose"}},
		{"last one wins", "port 1\nPORT 2\n", nil, map[string]string{"port": "2"}},
		{"quotes", "logfile ''\nrequirepass \"a\\x41\\n\"\n\tunixsocket   'a b'  \r\n", nil, map[string]string{"logfile": "", "requirepass": "aA\n", "unixsocket": "a b"}},
		{"aliases", "slave-serve-stale-data no\nhash-max-ziplist-entries 7\n", nil, map[string]string{"replica-serve-stale-data": "no", "hash-max-listpack-entries": "7"}},
		{"deprecated", "list-max-ziplist-entries 1\n", nil, map[string]string{"list-max-listpack-size": "-2"}},
		{
			"limits add up", "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit replica 4 5 6\n", nil,
			map[string]string{"client-output-buffer-limit": "normal 1 2 3 slave 4 5 6 pubsub 33554432 8388608 60"},
		},
		{"multi in one word", "oom-score-adj-values \"1 2 3\"\n", nil, map[string]string{"oom-score-adj-values": "1 2 3"}},
		{"refused, then not", "appendonly yes\nappendonly no\n", nil, map[string]string{"appendonly": "no"}},
		{"replicaof no one", "replicaof no one\n", nil, map[string]string{"replicaof": ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.args
			if tt.conf != "" {
				args = append([]string{writeConf(t, tt.conf)}, args...)
			}
			c := mustParse(t, "", args...)
			for name, want := range tt.want {
				require.Equal(t, want, value(t, c, name), name)
			}
		})
	}
}

func TestParseStdin(t *testing.T) {
	tests := []struct {
		name, file string
		args       []string
	}{
		{"as the file", "-", []string{"--hz", "20"}},
		{"first argument", "", []string{"-", "--hz", "20"}},
		{"last argument", "", []string{"--hz", "20", "-"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New()
			c.stdin = strings.NewReader("port 1\nhz 30\n")
			require.NoError(t, c.Parse(tt.file, tt.args))
			require.Equal(t, 1, c.Now().Port)
			require.Equal(t, 20, c.Now().Hz)
			require.Empty(t, c.File())
		})
	}
}

func TestParseInclude(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	write("a.conf", "port 2\n")
	write("d1.inc", "hz 20\n")
	write("d2.inc", "timeout 3\n")
	write("main.conf", "port 1\ninclude "+dir+"/a.conf\ninclude "+dir+"/d*.inc\ninclude "+dir+"/none*\n")
	s := mustParse(t, filepath.Join(dir, "main.conf")).Now()
	require.Equal(t, []int{2, 20, 3}, []int{s.Port, s.Hz, s.Timeout})

	write("self.conf", "include "+dir+"/self.conf\n")
	err := New().Parse(filepath.Join(dir, "self.conf"), nil)
	require.ErrorContains(t, err, "nested too deeply")

	write("broken.conf", "\nhz x\n")
	write("main.conf", "port 1\n\n\n\ninclude "+dir+"/broken.conf\n")
	err = New().Parse(filepath.Join(dir, "main.conf"), nil)
	require.ErrorContains(t, err, "at line 2\n>>> 'hz x'\n", "the line counts within the included file")

	missing := filepath.Join(dir, "missing")
	require.EqualError(t, New().Parse(missing, nil), "Fatal error, can't open config file '"+missing+"': No such file or directory")
}

func TestParseFile(t *testing.T) {
	name := writeConf(t, "port 1\n")
	t.Chdir(filepath.Dir(name))
	c := mustParse(t, "redis.conf")
	require.True(t, filepath.IsAbs(c.File()))
	require.Equal(t, "redis.conf", filepath.Base(c.File()))
}

func TestParseDir(t *testing.T) {
	start, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	t.Chdir(start)
	require.NoError(t, os.Mkdir("sub", 0o755))
	require.Error(t, New().Parse("", []string{"--dir", "sub", "--port", "x"}))
	require.Equal(t, start, workingDir())
	c := mustParse(t, "", "--dir", "sub", "--logfile", "log")
	require.Equal(t, filepath.Join(start, "sub"), c.Now().Dir)
	require.FileExists(t, "log", "relative names count from dir")
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]string{
		"appendonly yes": "appendonly is not supported: there is no append-only file yet",
		"replicaof h 1":  "replicaof is not supported: there is no replication yet",
		"slaveof h 1":    "replicaof is not supported: there is no replication yet",
		"cluster-enabled no\ncluster-enabled yes": "cluster-enabled is not supported: there is no cluster mode yet",
		"loadmodule x.so a":                       "loadmodule is not supported: there are no loadable modules",
		"save 3600 1":                             "save is not supported: there are no RDB snapshots yet",
		"daemonize yes":                           "daemonize is not supported: the server stays in the foreground",
		"min-replicas-to-write 1":                 "min-replicas-to-write is not supported: there is no replication yet",
		"tls-ciphers x":                           "tls-ciphers is not supported: Go chooses the cipher suites of TLS 1.2",
		"tls-ciphersuites x":                      "tls-ciphersuites is not supported: Go's TLS 1.3 has a fixed set of cipher suites",
	}
	for conf, want := range tests {
		t.Run(conf, func(t *testing.T) {
			err := New().Parse(writeConf(t, conf+"\n"), nil)
			var fatal *FatalError
			require.True(t, errors.As(err, &fatal))
			require.True(t, strings.HasPrefix(fatal.Reason, want), fatal.Reason)
			name, _, _ := strings.Cut(fatal.Reason, " ")
			require.Equal(t, strings.Count(conf, "\n")+1, fatal.Line)

			c := mustParse(t, writeConf(t, conf+"\n"), "--accept-unsupported", name)
			require.Len(t, c.Notices(), 1)
			require.Contains(t, c.Notices()[0], name+" was accepted and is not kept: ")
		})
	}
}

func TestParseNamesAllRefusals(t *testing.T) {
	err := New().Parse(writeConf(t, "appendonly yes\nloadmodule a\nport 1\n"), []string{"--save", "1 1", "--accept-unsupported", "LOADMODULE"})
	require.ErrorContains(t, err, "save is not supported")
	require.ErrorContains(t, err, "appendonly is not supported")
	require.NotContains(t, err.Error(), "loadmodule is not")
}

func TestAcceptUnsupportedNames(t *testing.T) {
	err := New().Parse("", []string{"--accept-unsupported", "appendonly port"})
	require.ErrorContains(t, err, "argument(s) must be one of the following: tls-ciphers, tls-ciphersuites, daemonize, save, appendonly, replicaof, min-replicas-to-write, cluster-enabled, loadmodule, sentinel")
}

func TestNotices(t *testing.T) {
	c := mustParse(t, writeConf(t, "port 1\nio-threads 4\nhz 10\nlua-replicate-commands yes\n"))
	require.Equal(t, []string{
		"hz has no effect: background work is timed by the shards themselves",
		"io-threads has no effect: it tunes redis-server's C internals",
		"lua-replicate-commands has no effect: it is deprecated",
	}, c.Notices())
}

func TestRenameCommand(t *testing.T) {
	conf := writeConf(t, "rename-command CONFIG \"\"\nrename-command Get fetch\n")
	c := New()
	var seen []string
	c.OnRename(func(from, to string) error { seen = append(seen, from+">"+to); return nil })
	require.NoError(t, c.Parse(conf, nil))
	require.Equal(t, map[string]string{"config": "", "get": "fetch"}, c.Now().RenameCommands)
	require.Equal(t, []string{"CONFIG>", "Get>fetch"}, seen)
	require.NoError(t, c.Set(Pair{"hz", "20"}))
	require.Len(t, c.Now().RenameCommands, 2)

	c = New()
	c.OnRename(func(string, string) error { return errors.New("No such command in rename-command") })
	require.EqualError(t, c.Parse(conf, nil), "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.5) ***\n"+
		"Reading the configuration file, at line 1\n>>> 'rename-command CONFIG \"\"'\nNo such command in rename-command\n")
}

// TestParseTypicalFile reads the directives that a distribution's redis.conf comes with.
func TestParseTypicalFile(t *testing.T) {
	content, err := os.ReadFile("testdata/typical.conf")
	require.NoError(t, err)
	err = New().Parse(writeConf(t, string(content)), nil)
	require.ErrorContains(t, err, ">>> 'daemonize yes'\ndaemonize is not supported")
	c := mustParse(t, writeConf(t, string(content)), "--accept-unsupported", "daemonize", "--logfile", "")
	require.Equal(t, []string{"127.0.0.1", "-::1"}, c.Now().Bind)
	require.NotEmpty(t, c.Notices())
}

// FuzzLines feeds the reader; whatever it accepts must come back the same from a rewritten file.
func FuzzLines(f *testing.F) {
	for _, tt := range fatalCases() {
		f.Add(tt.conf)
	}
	f.Add("Bind 0 \"\"")
	f.Add("bind 0 \"0000000'\"")
	f.Add("bind \"a\\x00b\" '\\'")
	f.Add("replicaof \"a'\" 1\nreplicaof \"\" 1")
	f.Add("accept-unsupported \"a'\"")
	f.Add("save 1 2\nbind ::1\nrename-command a \"\"\nclient-output-buffer-limit normal 1mb 2 3\n")
	f.Add("requirepass \"\\xff\\x00'\"\nmaxmemory 5gb\nnotify-keyspace-events An\nshutdown-on-sigint now force\n")
	f.Fuzz(func(t *testing.T, content string) {
		low := strings.ToLower(content)
		if strings.Contains(low, "include") || strings.Contains(low, "dir") {
			return // these reach for files
		}
		c := New()
		if newLoader(c).lines(content) != nil {
			return
		}
		l := newLoader(c)
		require.NoError(t, l.lines(content))
		c.now.Store(c.build(l.values, nil, nil, ""))
		again := newLoader(New())
		require.NoError(t, again.lines(c.rewritten(content, false)), "%q", c.rewritten(content, false))
		require.Equal(t, c.Get("*"), afterLoad(again).Get("*"))
	})
}

func afterLoad(l *loader) *Config {
	l.c.now.Store(l.c.build(l.values, nil, nil, ""))
	return l.c
}
