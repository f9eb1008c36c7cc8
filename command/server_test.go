package command

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/config"
	"respite/proto"
	"respite/shards"
)

// serverRig is a whole executor and one client, whose commands take the way of a real connection's.
type serverRig struct {
	t       *testing.T
	exec    *Executor
	config  *config.Config
	session *Session
	network Network

	asked     []config.ShutdownFlags // of SHUTDOWN
	refusal   error                  // what it is answered
	abortable bool
	held      bool
	ending    time.Duration // how long clients have still to take their replies; 0: no end has begun
}

// quietConn is a connection to nobody.
type quietConn struct{}

func (quietConn) Post([]byte) bool                 { return false }
func (quietConn) SendPushes()                      {}
func (quietConn) PostPush(_, _, _ []byte) bool     { return false }
func (quietConn) HoldPushes(bool)                  {}
func (quietConn) Listen(bool)                      {}
func (quietConn) Carry(Conn)                       {}
func (quietConn) InsertPushes(*bufio.Writer) error { return nil }
func (quietConn) Speak(int)                        {}
func (quietConn) Kill()                            {}
func (quietConn) HungUp() bool                     { return false }
func (quietConn) Yield()                           {}
func (quietConn) Wait()                            {}
func (quietConn) Resume()                          {}
func (quietConn) Addr() (remote, local string)     { return "127.0.0.1:50000", "127.0.0.1:6379" }
func (quietConn) Local() bool                      { return true }
func (quietConn) Buffers() (in, out int64, n int)  { return 100, 20, 1 }
func (quietConn) Memory() int64                    { return 5000 }
func (quietConn) Admit(int64) bool                 { return true }
func (quietConn) Descriptor() int                  { return -1 }

func newServerRig(t *testing.T) *serverRig {
	t.Helper()
	r := &serverRig{t: t, config: config.New()}
	require.NoError(t, r.config.Parse("", []string{"--enable-debug-command", "yes"}))
	group := shards.New(shards.Options{Shards: 3, Databases: 4, Poison: true})
	group.Start()
	t.Cleanup(group.Close)
	exec, err := NewExecutor(group, r.config, slog.New(slog.NewTextHandler(io.Discard, nil)), Hooks{
		Shutdown: func(how config.ShutdownFlags) error {
			r.asked = append(r.asked, how)
			return r.refusal
		},
		AbortShutdown: func() bool { return r.abortable },
		HoldSignals:   func(on bool) { r.held = on },
		Network:       func() Network { return r.network },
		ResetNetwork:  func() { r.network = Network{} },
		ShutdownIn:    func() (time.Duration, bool) { return r.ending, r.ending != 0 },
	})
	require.NoError(t, err)
	r.exec = exec
	r.session = exec.NewSession(quietConn{})
	t.Cleanup(r.session.Close)
	return r
}

// do runs a command, words between spaces, and returns the bytes of its reply.
func (r *serverRig) do(line string) string { return r.run(strings.Fields(line)...) }

func (r *serverRig) run(words ...string) string {
	r.t.Helper()
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	require.NoError(r.t, r.session.Do(args, w))
	require.NoError(r.t, r.session.Flush(w))
	require.NoError(r.t, w.Flush())
	return out.String()
}

// replyText is a reply on one line, its parts between spaces.
func replyText(t *testing.T, reply *proto.Reply) string {
	t.Helper()
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	_, err := reply.WriteTo(w, proto.Mark{}, reply.Mark())
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	return strings.ReplaceAll(out.String(), "\r\n", " ")
}

// indexFrom is strings.Index from a position on.
func indexFrom(s, part string, from int) int {
	at := strings.Index(s[from:], part)
	if at < 0 {
		return at
	}
	return from + at
}

// field is a field of INFO.
func (r *serverRig) field(section, name string) string {
	r.t.Helper()
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `:(.*)\r$`).FindStringSubmatch(r.do("INFO " + section))
	require.NotNil(r.t, found, "%s has no %s", section, name)
	return found[1]
}

func TestInfoSections(t *testing.T) {
	r := newServerRig(t)
	for _, tc := range []struct{ args, titles string }{
		{"", "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace"},
		{"default", "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace"},
		{"all", "Server Clients Memory Persistence Stats Replication CPU Commandstats Errorstats Latencystats Cluster Keyspace Keysizes"},
		{"everything", "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats Latencystats Cluster Keyspace Keysizes"},
		{"keyspace SERVER nosuch", "Server Keyspace"},
		{"debug", "Debug"},
		{"nosuch", ""},
	} {
		var titles []string
		for _, m := range regexp.MustCompile(`(?m)^# (\w+)\r$`).FindAllStringSubmatch(r.do("INFO "+tc.args), -1) {
			titles = append(titles, m[1])
		}
		require.Equal(t, tc.titles, strings.Join(titles, " "), tc.args)
	}
}

func TestInfoLinesEndInCRLF(t *testing.T) {
	r := newServerRig(t)
	_, text, _ := strings.Cut(r.do("INFO everything"), "\r\n")
	for line := range strings.Lines(text) {
		require.True(t, strings.HasSuffix(line, "\r\n"), "%q", line)
	}
}

func TestInfoCountsWhatWasDone(t *testing.T) {
	r := newServerRig(t)
	r.do("CONFIG RESETSTAT")
	r.do("SET a 1")
	r.do("GET a")
	r.do("GET nokey")
	r.do("DEL a b c d e f g")
	r.do("GET")
	r.do("NOSUCH")
	r.do("INCRBY a x")
	require.Equal(t, "1", r.field("stats", "keyspace_hits"))
	require.Equal(t, "1", r.field("stats", "keyspace_misses"))
	require.Equal(t, "3", r.field("stats", "total_error_replies"))
	require.Equal(t, "count=3", r.field("errorstats", "errorstat_ERR"))
	require.Regexp(t, `^calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0$`, r.field("commandstats", "cmdstat_get"))
	require.Regexp(t, `^calls=1,.*failed_calls=1$`, r.field("commandstats", "cmdstat_incrby"))
	require.Regexp(t, `^calls=1,`, r.field("commandstats", "cmdstat_del"), "a split command is one call")
	require.Regexp(t, `^calls=1,`, r.field("commandstats", "cmdstat_config|resetstat"))
	require.Regexp(t, `^p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}$`, r.field("latencystats", "latency_percentiles_usec_get"))
}

func TestInfoKnowsTheKeyspace(t *testing.T) {
	r := newServerRig(t)
	r.do("SET a 1")
	r.do("SET b 1 EX 100")
	r.do("SELECT 3")
	r.do("SET c 1")
	require.Regexp(t, `^keys=2,expires=1,avg_ttl=(9\d{4}|100000)$`, r.field("keyspace", "db0"))
	require.Equal(t, "keys=1,expires=0,avg_ttl=0", r.field("keyspace", "db3"))
}

func TestInfoShowsWhatTheListenersCount(t *testing.T) {
	r := newServerRig(t)
	r.network = Network{Accepted: 7, Rejected: 2, InBytes: 1000, OutBytes: 2000}
	require.Equal(t, "7", r.field("stats", "total_connections_received"))
	require.Equal(t, "2", r.field("stats", "rejected_connections"))
	require.Equal(t, "1000", r.field("stats", "total_net_input_bytes"))
	require.Equal(t, "2000", r.field("stats", "total_net_output_bytes"))
}

func TestInfoTellsOfEventLoops(t *testing.T) {
	r := newServerRig(t)
	r.network = Network{
		Reads: 5, Writes: 6, Drains: 2,
		Cycles: Cycles{Count: 100, Nanos: 7_000_000, Longest: 2_000_000, MostCommands: 30},
	}
	for name, want := range map[string]string{
		"total_reads_processed": "5", "total_writes_processed": "6", "io_threaded_reads_processed": "0", "io_threaded_writes_processed": "2",
		"eventloop_cycles": "100", "eventloop_duration_sum": "7000", "instantaneous_eventloop_cycles_per_sec": "0",
	} {
		require.Equal(t, want, r.field("stats", name), name)
	}
	r.do("DEBUG SLEEP 0.002")
	took, err := strconv.Atoi(r.field("stats", "eventloop_duration_cmd_sum"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, took, 2000)
	require.Equal(t, "2000", r.field("debug", "eventloop_duration_max"))
	require.Equal(t, "30", r.field("debug", "eventloop_cmd_per_cycle_max"))
	require.Equal(t, "0", r.field("debug", "eventloop_duration_aof_sum"))

	r.exec.Tick()
	r.network.Cycles.Count += 1000
	r.network.Cycles.Nanos += 1000 * 50_000
	time.Sleep(5 * time.Millisecond)
	r.exec.Tick()
	require.Equal(t, "1102", r.field("stats", "eventloop_cycles"), "chores are cycles")
	require.NotEqual(t, "0", r.field("stats", "instantaneous_eventloop_cycles_per_sec"))
	require.Regexp(t, "^(49|50)$", r.field("stats", "instantaneous_eventloop_duration_usec"))
	for r.field("debug", "eventloop_duration_cron_sum") == "0" { // a chore takes less than a microsecond
		r.exec.Tick()
	}

	r.do("CONFIG RESETSTAT")
	require.Equal(t, "0", r.field("stats", "eventloop_cycles"))
	require.Equal(t, "0", r.field("stats", "total_reads_processed"))
}

func TestInfoTellsOfTheEnd(t *testing.T) {
	r := newServerRig(t)
	require.NotContains(t, r.do("INFO server"), "shutdown_in_milliseconds")
	r.ending = 1500 * time.Millisecond
	require.Equal(t, "1500", r.field("server", "shutdown_in_milliseconds"))
}

func TestTickMakesRates(t *testing.T) {
	r := newServerRig(t)
	r.exec.Tick()
	for range 50 {
		r.do("PING")
	}
	r.network.InBytes = 1 << 20
	time.Sleep(5 * time.Millisecond)
	r.exec.Tick()
	require.NotEqual(t, "0", r.field("stats", "instantaneous_ops_per_sec"))
	require.NotEqual(t, "0.00", r.field("stats", "instantaneous_input_kbps"))
}

func TestRefusedForMemoryIsRejectedNotCalled(t *testing.T) {
	r := newServerRig(t)
	r.do("SET k v")
	r.exec.group.SetLimits(shards.Limits{MaxMemory: 1})
	require.Equal(t, "-OOM command not allowed when used memory > 'maxmemory'.\r\n", r.do("SET k v"))
	require.Contains(t, r.do("MSETNX a 1 b 2 c 3 d 4 e 5 f 6"), "-OOM ")
	r.do("ECHO x")
	r.exec.group.SetLimits(shards.Limits{})
	require.Regexp(t, `^calls=1,`, r.field("commandstats", "cmdstat_echo"), "the refusal of one command does not stick to the next")
	require.Regexp(t, `^calls=1,.*rejected_calls=1,failed_calls=0$`, r.field("commandstats", "cmdstat_set"))
	require.Equal(t, "count=2", r.field("errorstats", "errorstat_OOM"))
}

func TestSlowLogEntries(t *testing.T) {
	r := newServerRig(t)
	r.do("CONFIG SET slowlog-log-slower-than 0")
	r.do("SLOWLOG RESET")
	r.do("DEL a b c d e f g")
	got := r.do("SLOWLOG GET 1")
	require.Regexp(t, `(?s)^\*1\r\n\*6\r\n:\d+\r\n:\d+\r\n:\d+\r\n\*8\r\n\$3\r\nDEL\r\n.*\$15\r\n127\.0\.0\.1:50000\r\n\$0\r\n\r\n$`, got)
	r.do("CONFIG SET slowlog-log-slower-than -1")
	r.do("SLOWLOG RESET")
	require.Equal(t, ":0\r\n", r.do("SLOWLOG LEN"))
}

func TestSlowLogHidesSecrets(t *testing.T) {
	r := newServerRig(t)
	r.do("CONFIG SET slowlog-log-slower-than 0")
	for _, line := range []string{
		"CONFIG SET timeout 1 masterauth hunter2", "HELLO 2 AUTH default hunter2",
		"MIGRATE 127.0.0.1 1 k 0 1 COPY AUTH hunter2", "MIGRATE 127.0.0.1 1 k 0 1 AUTH2 auth hunter2 REPLACE",
	} {
		r.do(line)
		got := r.do("SLOWLOG GET 1")
		require.NotContains(t, got, "hunter2", line)
		require.Contains(t, got, "(redacted)", line)
	}
}

func TestLatencyMonitorSeesSlowCommands(t *testing.T) {
	r := newServerRig(t)
	require.Equal(t, "*0\r\n", r.do("LATENCY LATEST"))
	r.do("CONFIG SET latency-monitor-threshold 1")
	r.do("DEBUG SLEEP 0.01")
	require.Contains(t, r.do("LATENCY LATEST"), "\r\ncommand\r\n")
	require.Contains(t, r.do("LATENCY DOCTOR"), "command: 1 latency spikes")
	require.Contains(t, r.do("LATENCY GRAPH command"), "command - high ")
	require.Equal(t, ":1\r\n", r.do("LATENCY RESET command"))
}

func TestLatencyHistogramOfAContainer(t *testing.T) {
	r := newServerRig(t)
	r.do("CONFIG GET timeout")
	r.do("CONFIG SET timeout 0")
	got := r.do("LATENCY HISTOGRAM config nosuch")
	require.True(t, strings.HasPrefix(got, "*4\r\n$10\r\nconfig|get\r\n"), got)
	require.Contains(t, got, "config|set")
	r.do("CONFIG SET latency-tracking no")
	r.do("CONFIG RESETSTAT")
	r.do("GET a")
	require.Equal(t, "*0\r\n", r.do("LATENCY HISTOGRAM get"))
}

func TestShutdown(t *testing.T) {
	const save, noSave, now, force = config.ShutdownSave, config.ShutdownNoSave, config.ShutdownNow, config.ShutdownForce
	for line, how := range map[string]config.ShutdownFlags{
		"SHUTDOWN":                  0,
		"SHUTDOWN SAVE":             save,
		"SHUTDOWN save force":       save | force,
		"SHUTDOWN NOSAVE NOW FORCE": noSave | now | force,
		"SHUTDOWN NOW now":          now,
	} {
		r := newServerRig(t)
		require.Empty(t, r.do(line), line)
		require.Equal(t, []config.ShutdownFlags{how}, r.asked, line)
		require.True(t, r.session.Closing(), line)
		r = newServerRig(t)
		r.refusal = errors.New("refused")
		require.Equal(t, "-ERR Errors trying to SHUTDOWN. Check logs.\r\n", r.do(line), line)
		require.False(t, r.session.Closing(), line)
	}
	r := newServerRig(t)
	for _, line := range []string{"SHUTDOWN NOSAVE SAVE", "SHUTDOWN nosuch", "SHUTDOWN ABORT NOW", "SHUTDOWN FORCE ABORT", "SHUTDOWN ABORT x"} {
		require.Equal(t, "-ERR syntax error\r\n", r.do(line), line)
	}
	require.Equal(t, "-ERR No shutdown in progress.\r\n", r.do("SHUTDOWN ABORT"))
	require.Equal(t, "+OK\r\n", r.do("DEBUG PAUSE-CRON 1"))
	require.True(t, r.held)
	r.abortable = true
	require.Equal(t, "+OK\r\n", r.do("SHUTDOWN ABORT"))
	require.Equal(t, "+OK\r\n", r.do("DEBUG PAUSE-CRON 0"))
	require.False(t, r.held)
	require.Empty(t, r.asked)
	require.False(t, r.session.Closing())
}

// While a dataset is being read SHUTDOWN saves nothing, whatever it says.
func TestShutdownDuringLoad(t *testing.T) {
	r := newServerRig(t)
	r.exec.BeginLoad(1)
	require.Empty(t, r.do("SHUTDOWN SAVE NOW"))
	require.Equal(t, []config.ShutdownFlags{config.ShutdownNoSave | config.ShutdownNow}, r.asked)
}

func TestTimeAndLolwut(t *testing.T) {
	r := newServerRig(t)
	require.Regexp(t, `^\*2\r\n\$10\r\n\d{10}\r\n\$\d\r\n\d{1,6}\r\n$`, r.do("TIME"))
	for _, line := range []string{"LOLWUT", "LOLWUT VERSION 5 -1 99999", "LOLWUT VERSION 6 3 3", "LOLWUT x"} {
		require.True(t, strings.HasSuffix(r.do(line), "Redis ver. 7.2.5\n\r\n"), line)
	}
	require.Equal(t, "-ERR value is not an integer or out of range\r\n", r.do("LOLWUT VERSION x"))
}

func TestDebugDigest(t *testing.T) {
	r := newServerRig(t)
	empty := r.do("DEBUG DIGEST")
	require.Equal(t, "+"+strings.Repeat("0", 40)+"\r\n", empty)
	seen := map[string]string{empty: "nothing"}
	for _, line := range []string{"SET a 1", "SET b 1", "SET a 2", "EXPIRE a 1000", "SELECT 1", "SET a 1"} {
		r.do(line)
		d := r.do("DEBUG DIGEST")
		if line == "SELECT 1" {
			continue
		}
		require.Empty(t, seen[d], line)
		seen[d] = line
	}
	r.do("FLUSHALL")
	require.Equal(t, empty, r.do("DEBUG DIGEST"))
}

func TestDebugRewriteAllNeedsAFile(t *testing.T) {
	require.Equal(t, "-ERR CONFIG-REWRITE-FORCE-ALL failed\r\n", newServerRig(t).do("DEBUG CONFIG-REWRITE-FORCE-ALL"))
}

func TestDebugPopulateCommitsAsItGoes(t *testing.T) {
	r := newServerRig(t)
	r.do("SELECT 2")
	r.do("SET key:1 kept")
	require.Equal(t, "+OK\r\n", r.do(fmt.Sprintf("DEBUG POPULATE %d", 3*populateChunk+1)))
	require.Equal(t, fmt.Sprintf(":%d\r\n", 3*populateChunk+1), r.do("DBSIZE"))
	require.Equal(t, "$4\r\nkept\r\n", r.do("GET key:1"))
	require.Equal(t, "$7\r\nvalue:2\r\n", r.do("GET key:2"))
	require.Equal(t, "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n", r.do("DEBUG POPULATE 1 k 600000000"))
}

func TestDebugActiveExpire(t *testing.T) {
	r := newServerRig(t)
	r.do("DEBUG SET-ACTIVE-EXPIRE 0")
	r.do("SET k v PX 1")
	time.Sleep(50 * time.Millisecond)
	require.Equal(t, ":1\r\n", r.do("DBSIZE"))
	r.do("DEBUG SET-ACTIVE-EXPIRE 1")
	require.Eventually(t, func() bool { return r.do("DBSIZE") == ":0\r\n" }, time.Minute, 5*time.Millisecond)
}

func TestDebugRefusesWhatItDoesNotKnow(t *testing.T) {
	r := newServerRig(t)
	for _, line := range []string{"DEBUG nosuch", "DEBUG SLEEP", "DEBUG ERROR", "DEBUG HELP x", "DEBUG POPULATE", "DEBUG JMAP"} {
		name := strings.Fields(line)[1]
		require.Equal(t, "-ERR unknown subcommand or wrong number of arguments for '"+name+"'. Try DEBUG HELP.\r\n", r.do(line))
	}
	require.Equal(t, "-MY error\r\n", r.run("DEBUG", "ERROR", "MY error"))
	require.Contains(t, r.do("DEBUG HELP"), "+SLEEP <seconds>\r\n")
}

func TestDebugProtocolInBothVersions(t *testing.T) {
	r := newServerRig(t)
	require.Equal(t, "$39\r\nSome real reply following the attribute\r\n", r.do("DEBUG PROTOCOL attrib"))
	require.Equal(t, "-ERR RESP2 is not supported by this command\r\n", r.do("DEBUG PROTOCOL push"))
	r.do("HELLO 3")
	require.Equal(t, "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n$39\r\nSome real reply following the attribute\r\n",
		r.do("DEBUG PROTOCOL attrib"))
	require.Equal(t, ">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n$40\r\nSome real reply following the push reply\r\n", r.do("DEBUG PROTOCOL push"))
	require.Equal(t, "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n", r.do("DEBUG PROTOCOL map"))
}

func TestMemoryStatsAddUp(t *testing.T) {
	r := newServerRig(t)
	require.Equal(t, "+OK\r\n", r.do("DEBUG POPULATE 1000 k 100"))
	require.Contains(t, r.do("MEMORY STATS"), "\r\ndb.0\r\n")
	used, over, data := 0, 0, 0
	for name, n := range map[string]*int{"used_memory": &used, "used_memory_overhead": &over, "used_memory_dataset": &data} {
		_, err := fmt.Sscan(r.field("memory", name), n)
		require.NoError(t, err)
	}
	require.Equal(t, used, over+data)
	require.Greater(t, data, 100*1000)
	require.Contains(t, r.do("MEMORY DOCTOR"), "very little memory")
}

func TestMemoryDiagnosis(t *testing.T) {
	fine := memory{used: 100 << 20, peak: 100 << 20}
	fine.process.Resident = 109 << 20 // 9 % and less than 10 MB more
	require.Equal(t, "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n", fine.diagnosis(1))
	bad := memory{used: 100 << 20, peak: 151 << 20, clients: 50 << 20}
	bad.process.Resident = 141 << 20
	bad.heap.Active, bad.heap.Resident = 100<<20, 111<<20
	report := bad.diagnosis(1)
	require.True(t, strings.HasPrefix(report, "Sam, I detected a few issues in this Redis instance memory implants:\n\n * Peak memory: "), report)
	require.True(t, strings.HasSuffix(report, ".\n\nI'm here to keep you safe, Sam. I want to help you.\n"), report)
	for _, word := range []string{"Peak memory:", "High total RSS:", "High allocator RSS overhead:", "Big client buffers:"} {
		require.Contains(t, report, "\n\n * "+word)
	}
	small := memory{used: 6 << 20, peak: 6 << 20}
	small.process.Resident = 16 << 20 // much of it is the program itself
	require.Contains(t, small.diagnosis(1), "can't find any")
	require.NotContains(t, bad.diagnosis(1000), "Big client buffers:")
}

// Every family answers HELP, with its own name on top and HELP itself at the end.
func TestHelp(t *testing.T) {
	r := newServerRig(t)
	for _, name := range []string{"COMMAND", "CONFIG", "SLOWLOG", "LATENCY", "MEMORY", "DEBUG"} {
		got := r.do(name + " HELP")
		require.Contains(t, got, "+"+name+" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n")
		require.True(t, strings.HasSuffix(got, "+HELP\r\n+    Prints this help.\r\n"), name)
	}
}
