// info.go: INFO. A section is a row of infoSections and one function; the room stats has the format. INFO runs with all
// shards held, so its figures are of one moment. Clients read the names below: none may be renamed, new ones are added
// at the end of their section.

package command

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"respite/stats"
)

func infoRows() []Row {
	return []Row{
		{
			Name: "info", Arity: -1, Flags: Loading | Stale, ACL: "dangerous", Place: OnAllShards, Run: info,
			Tips:  []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			Since: "1.0.0", Cost: "O(1)", Doc: "Tells about the server, its clients, its data and its work.",
		},
	}
}

// infoSection is one section. Those that are not shown by default are in "all", but for those in "everything" alone.
type infoSection struct {
	name, title string
	byDefault   bool
	inAll       bool
	write       func(*Call, *stats.Report)
}

const debugSection = "debug" // is shown to those who ask for it by its name

func infoSections() []infoSection {
	return []infoSection{
		{"server", "Server", true, true, infoServer},
		{"clients", "Clients", true, true, infoClients},
		{"memory", "Memory", true, true, infoMemory},
		{"persistence", "Persistence", true, true, infoPersistence},
		{"stats", "Stats", true, true, infoStats},
		{"replication", "Replication", true, true, infoReplication},
		{"cpu", "CPU", true, true, infoCPU},
		{"modules", "Modules", true, false, func(*Call, *stats.Report) {}},
		{"commandstats", "Commandstats", false, true, infoCommandStats},
		{"errorstats", "Errorstats", true, true, infoErrorStats},
		{"latencystats", "Latencystats", false, true, infoLatencyStats},
		{"cluster", "Cluster", true, true, infoCluster},
		{"keyspace", "Keyspace", true, true, infoKeyspace},
		{"keysizes", "Keysizes", false, true, infoKeysizes},
		{debugSection, "Debug", false, false, infoDebug},
	}
}

func info(c *Call) error {
	var r stats.Report
	for _, s := range infoSections() {
		if c.wantsSection(&s) {
			r.Section(s.title)
			s.write(c, &r)
		}
	}
	c.Reply.Verbatim("txt", []byte(r.String()))
	return nil
}

// wantsSection reports whether one of the arguments asks for a section.
func (c *Call) wantsSection(s *infoSection) bool {
	if len(c.Args) == 1 {
		return s.byDefault
	}
	for i := range c.Args[1:] {
		switch {
		case c.Option(i+1, s.name), c.Option(i+1, "everything") && s.name != debugSection,
			c.Option(i+1, "default") && s.byDefault, c.Option(i+1, "all") && s.inAll:
			return true
		}
	}
	return false
}

// serverIdentity is what tells this run of the server from every other, and what was so at its start.
type serverIdentity struct {
	runID         string // 40 hexadecimal digits
	replicationID string
	started       int64 // unix nanoseconds
	startMemory   int64 // bytes
	peak          atomic.Int64
}

const idBytes = 20 // of a run id

func newID() string {
	b := make([]byte, idBytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func infoServer(c *Call, r *stats.Report) {
	e, cfg, now := c.Server, c.Server.config.Now(), c.Server.group.Now()
	uptime := (now - e.self.started) / second
	executable, _ := os.Executable() // empty where the system does not say
	r.Add("redis_version", RedisVersion)
	r.Add("redis_git_sha1", "00000000")
	r.Add("redis_git_dirty", 0)
	r.Add("redis_build_id", "0")
	r.Add("redis_mode", "standalone")
	r.Add("os", stats.ReadProcess().OS)
	r.Add("arch_bits", wordBits)
	r.Add("monotonic_clock", "POSIX clock_gettime")
	r.Add("multiplexing_api", "go-netpoll")
	r.Add("atomicvar_api", "sync/atomic")
	r.Add("gcc_version", "0.0.0")
	r.Add("go_version", runtime.Version())
	r.Add("process_id", os.Getpid())
	r.Add("process_supervised", cfg.Supervised)
	r.Add("run_id", e.self.runID)
	r.Add("tcp_port", cfg.Port)
	r.Add("server_time_usec", now/microsecond)
	r.Add("uptime_in_seconds", uptime)
	r.Add("uptime_in_days", uptime/secondsADay)
	r.Add("hz", cfg.Hz)
	r.Add("configured_hz", cfg.Hz)
	r.Add("lru_clock", now/second&lruClockMask)
	r.Add("executable", executable)
	r.Add("config_file", cfg.ConfigFile)
	r.Add("io_threads_active", 0)
	if left, ending := e.shutdownIn(); ending {
		r.Add("shutdown_in_milliseconds", left.Milliseconds())
	}
	infoListeners(c, r)
	r.Add("respite_version", Version)
	r.Add("respite_shards", e.group.N())
	r.Add("respite_goroutines", runtime.NumGoroutine())
}

const (
	wordBits     = 32 << (^uint(0) >> 63)
	secondsADay  = 24 * 60 * 60
	lruClockMask = 1<<24 - 1
)

// infoListeners adds a line for each way to connect.
func infoListeners(c *Call, r *stats.Report) {
	cfg := c.Server.config.Now()
	n := 0
	if cfg.Port != 0 {
		var binds strings.Builder
		for _, b := range cfg.Bind {
			binds.WriteString(",bind=" + b)
		}
		r.Addf(fmt.Sprintf("listener%d", n), "name=tcp%s,port=%d", binds.String(), cfg.Port)
		n++
	}
	if cfg.UnixSocket != "" {
		r.Addf(fmt.Sprintf("listener%d", n), "name=unix,bind=%s", cfg.UnixSocket)
	}
}

func infoClients(c *Call, r *stats.Report) {
	var input, output int64
	c.Server.sessions.Range(func(_ int64, s *Session) bool {
		in, out, _ := s.conn.Buffers()
		input, output = max(input, in), max(output, out)
		return true
	})
	r.Add("connected_clients", c.Server.sessions.Size())
	r.Add("cluster_connections", 0)
	r.Add("maxclients", c.Server.config.Now().MaxClients)
	r.Add("client_recent_max_input_buffer", input)
	r.Add("client_recent_max_output_buffer", output)
	r.Add("blocked_clients", c.Server.Blocked())
	r.Add("tracking_clients", c.Server.trackers.Load())
	r.Add("pubsub_clients", c.Server.channels.Clients())
	r.Add("clients_in_timeout_table", 0)
	keys, onGone := c.Tx.Waited()
	r.Add("total_blocking_keys", keys)
	r.Add("total_blocking_keys_on_nokey", onGone)
}

func infoPersistence(c *Call, r *stats.Report) {
	load := c.Server.load.Load()
	r.Add("loading", zeroOrOne(load != nil))
	r.Add("async_loading", 0)
	r.Add("current_cow_peak", 0)
	r.Add("current_cow_size", 0)
	r.Add("current_cow_size_age", 0)
	r.Add("current_fork_perc", "0.00")
	r.Add("current_save_keys_processed", 0)
	r.Add("current_save_keys_total", 0)
	r.Add("rdb_changes_since_last_save", c.Tx.Stats().Dirty)
	r.Add("rdb_bgsave_in_progress", 0)
	r.Add("rdb_last_save_time", c.Server.self.started/second)
	r.Add("rdb_last_bgsave_status", "ok")
	r.Add("rdb_last_bgsave_time_sec", -1)
	r.Add("rdb_current_bgsave_time_sec", -1)
	r.Add("rdb_saves", 0)
	r.Add("rdb_last_cow_size", 0)
	r.Add("rdb_last_load_keys_expired", 0)
	r.Add("rdb_last_load_keys_loaded", 0)
	r.Add("aof_enabled", 0)
	r.Add("aof_rewrite_in_progress", 0)
	r.Add("aof_rewrite_scheduled", 0)
	r.Add("aof_last_rewrite_time_sec", -1)
	r.Add("aof_current_rewrite_time_sec", -1)
	r.Add("aof_last_bgrewrite_status", "ok")
	r.Add("aof_rewrites", 0)
	r.Add("aof_rewrites_consecutive_failures", 0)
	r.Add("aof_last_write_status", "ok")
	r.Add("aof_last_cow_size", 0)
	r.Add("module_fork_in_progress", 0)
	r.Add("module_fork_last_cow_size", 0)
	if load != nil {
		f := load.figures(c.Server.group.Now())
		r.Add("loading_start_time", f.started)
		r.Add("loading_total_bytes", f.total)
		r.Add("loading_rdb_used_mem", f.used)
		r.Add("loading_loaded_bytes", f.read)
		r.Addf("loading_loaded_perc", "%.2f%%", f.percent)
		r.Add("loading_eta_seconds", f.eta)
	}
}

// zeroOrOne is a yes or no as INFO shows it.
func zeroOrOne(b bool) int {
	if b {
		return 1
	}
	return 0
}

// network is what the listeners count.
func (e *Executor) network() Network {
	if e.hooks.Network == nil {
		return Network{}
	}
	return e.hooks.Network()
}

// shutdownIn is how long clients have still to take their replies, if the end has begun.
func (e *Executor) shutdownIn() (left time.Duration, ending bool) {
	if e.hooks.ShutdownIn == nil {
		return 0, false
	}
	return e.hooks.ShutdownIn()
}

func infoReplication(c *Call, r *stats.Report) {
	r.Add("role", "master")
	r.Add("connected_slaves", 0)
	r.Add("master_failover_state", "no-failover")
	r.Add("master_replid", c.Server.self.replicationID)
	r.Add("master_replid2", strings.Repeat("0", 2*idBytes))
	r.Add("master_repl_offset", 0)
	r.Add("second_repl_offset", -1)
	r.Add("repl_backlog_active", 0)
	r.Add("repl_backlog_size", c.parameter("repl-backlog-size"))
	r.Add("repl_backlog_first_byte_offset", 0)
	r.Add("repl_backlog_histlen", 0)
}

// parameter is a value of the configuration as CONFIG GET prints it.
func (c *Call) parameter(name string) string {
	for _, p := range c.Server.config.Get(name) {
		return p.Value
	}
	return ""
}

func infoCPU(_ *Call, r *stats.Report) {
	p := stats.ReadProcess()
	r.Addf("used_cpu_sys", "%.6f", p.SystemCPU.Seconds())
	r.Addf("used_cpu_user", "%.6f", p.UserCPU.Seconds())
	r.Add("used_cpu_sys_children", "0.000000")
	r.Add("used_cpu_user_children", "0.000000")
}

func infoCluster(_ *Call, r *stats.Report) { r.Add("cluster_enabled", 0) }

func infoKeyspace(c *Call, r *stats.Report) {
	for db := range c.Server.group.Databases() {
		if keys, timed := c.Tx.Len(db); keys > 0 {
			r.Addf(fmt.Sprintf("db%d", db), "keys=%d,expires=%d,avg_ttl=%d", keys, timed, c.Tx.AverageTTL(db))
		}
	}
}
