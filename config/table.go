// The table of parameters: one row per directive of redis-server 7.2, and our own at the end.
//
// Names, defaults, bounds, flags and enum words are those of redis-server 7.2 (where it differs
// from 7.0, 7.2 counts), except that save points default to none. A row that reaches nothing in
// the server is inert and says why; one whose effect would be a broken promise is refused.
// The next editor who keeps a promise turns inert or refuses into a binder, in the same row.

package config

import (
	"errors"
	"math"
	"strings"
)

const (
	intMin  = math.MinInt32
	intMax  = math.MaxInt32
	uintMax = math.MaxUint32
	longMax = math.MaxInt64

	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30

	maxShards  = 256
	maxPollers = 256
	minHz      = 1
	maxHz      = 500
	maxMode    = 0o777

	maxPercent = 100
)

// Why rows are without effect or refused, where several share the reason.
const (
	noRDB     = "there are no RDB snapshots yet"
	noAOF     = "there is no append-only file yet"
	noRepl    = "there is no replication yet"
	noCluster = "there is no cluster mode yet"
	noModules = "there are no loadable modules"
	noC       = "it tunes redis-server's C internals"
)

// allRows lists every row, in the order CONFIG GET prints them.
func allRows() []Row {
	groups := [][]Row{
		listenRows(), tlsRows(), accessRows(), clientRows(), datasetRows(), lazyfreeRows(), encodingRows(),
		observeRows(), processRows(), rdbRows(), aofRows(), replicaRows(), replicationRows(), clusterRows(),
		memoryInternRows(), internalRows(), directiveRows(), ownRows(),
	}
	var rows []Row
	for _, g := range groups {
		rows = append(rows, g...)
	}
	return rows
}

func listenRows() []Row {
	return []Row{
		special("bind", "127.0.0.1 -::1", readBind, "Addresses to listen on; a leading - tolerates an address that is not there.").
			with(MultiArg).into(toWords(func(s *Snapshot) *[]string { return &s.Bind })).rewritten(bindLines),
		integer("port", 6379, 0, maxPort, "TCP port to listen on; 0 for none.").
			into(toInt(func(s *Snapshot) *int { return &s.Port })),
		integer("tcp-backlog", 511, 0, intMax, "Connections the kernel may queue before they are accepted.").
			with(Immutable).into(toInt(func(s *Snapshot) *int { return &s.TCPBacklog })),
		integer("tcp-keepalive", 300, 0, intMax, "Seconds between TCP keep-alive probes; 0 for none.").
			into(toInt(func(s *Snapshot) *int { return &s.TCPKeepAlive })),
		str("unixsocket", "", "Path of a Unix socket to listen on.").
			with(Immutable | EmptyUnset).into(toString(func(s *Snapshot) *string { return &s.UnixSocket })),
		octal("unixsocketperm", "0", maxMode, "File mode of the Unix socket, in octal.").
			with(Immutable).into(toMode(func(s *Snapshot) *uint32 { return &s.UnixSocketPerm })),
		boolean("protected-mode", true, "Refuse clients from other machines while no password is set.").
			into(toBool(func(s *Snapshot) *bool { return &s.ProtectedMode })),
		str("bind-source-addr", "", "Local address of outgoing connections.").
			with(EmptyUnset).inert(noRepl),
		integer("socket-mark-id", 0, 0, uintMax, "Firewall mark put on sockets.").
			with(Immutable).inert("sockets are not marked"),
	}
}

func tlsRows() []Row {
	rows := []Row{
		integer("tls-port", 0, 0, maxPort, "TCP port for TLS connections; 0 for none.").
			into(toInt(func(s *Snapshot) *int { return &s.TLSPort })),
		str("tls-cert-file", "", "Certificate of the server, PEM.").
			with(EmptyUnset | volatile).into(toString(func(s *Snapshot) *string { return &s.TLSCertFile })),
		str("tls-key-file", "", "Private key of the certificate, PEM.").
			with(EmptyUnset | volatile).into(toString(func(s *Snapshot) *string { return &s.TLSKeyFile })),
		str("tls-key-file-pass", "", "Pass phrase of the private key.").
			with(EmptyUnset).into(toString(func(s *Snapshot) *string { return &s.TLSKeyFilePass })),
		str("tls-ca-cert-file", "", "Certificates that client certificates are checked against, PEM.").
			with(EmptyUnset | volatile).into(toString(func(s *Snapshot) *string { return &s.TLSCACertFile })),
		str("tls-ca-cert-dir", "", "Directory of such certificates.").
			with(EmptyUnset | volatile).into(toString(func(s *Snapshot) *string { return &s.TLSCACertDir })),
		enum("tls-auth-clients", yes, []string{no, yes, "optional"}, "Whether clients must show a certificate.").
			into(toString(func(s *Snapshot) *string { return &s.TLSAuthClients })),
		str("tls-protocols", "", "TLS versions to allow.").
			with(EmptyUnset).into(toString(func(s *Snapshot) *string { return &s.TLSProtocols })),
		str("tls-ciphers", "", "Ciphers of TLS 1.2 to allow.").
			with(EmptyUnset).refuses("Go chooses the cipher suites of TLS 1.2", isSet),
		boolean("tls-session-caching", true, "Let TLS clients resume sessions.").
			into(toBool(func(s *Snapshot) *bool { return &s.TLSSessionCache })),
		str("tls-ciphersuites", "", "Cipher suites of TLS 1.3 to allow.").
			with(EmptyUnset).refuses("Go's TLS 1.3 has a fixed set of cipher suites", isSet),
		boolean("tls-cluster", false, "Use TLS on the cluster bus.").inert(noCluster),
		boolean("tls-replication", false, "Use TLS towards the master.").inert(noRepl),
	}
	rows = append(rows, allInert("Go's TLS decides it by itself",
		boolean("tls-prefer-server-ciphers", false, "Prefer the server's order of ciphers."),
		integer("tls-session-cache-size", 20*kib, 0, intMax, "Sessions kept for resumption."),
		integer("tls-session-cache-timeout", 300, 0, intMax, "Seconds a session may be resumed."),
		str("tls-dh-params-file", "", "Diffie-Hellman parameters.").with(EmptyUnset|volatile),
	)...)
	return append(rows, allInert(noRepl,
		str("tls-client-cert-file", "", "Certificate for outgoing connections.").with(EmptyUnset|volatile),
		str("tls-client-key-file", "", "Its private key.").with(EmptyUnset|volatile),
		str("tls-client-key-file-pass", "", "Its pass phrase.").with(EmptyUnset),
	)...)
}

func accessRows() []Row {
	access := []string{no, yes, "local"}
	return []Row{
		str("requirepass", "", "Password of the default user.").
			with(Sensitive | EmptyUnset).into(toString(func(s *Snapshot) *string { return &s.RequirePass })),
		enum("enable-protected-configs", no, access, "Who may change protected parameters.").
			with(Immutable).into(toString(func(s *Snapshot) *Access { return &s.EnableProtected })),
		enum("enable-debug-command", no, access, "Who may call DEBUG.").
			with(Immutable).into(toString(func(s *Snapshot) *Access { return &s.EnableDebug })),
		enum("enable-module-command", no, access, "Who may call MODULE.").
			with(Immutable).into(toString(func(s *Snapshot) *Access { return &s.EnableModule })),
		str("aclfile", "", "File of ACL users.").
			with(Immutable).into(toString(func(s *Snapshot) *string { return &s.ACLFile })),
		enum("acl-pubsub-default", "resetchannels", []string{"allchannels", "resetchannels"}, "Channels a new ACL user may use.").
			into(toString(func(s *Snapshot) *string { return &s.ACLPubSubDefault })),
		integer("acllog-max-len", 128, 0, longMax, "Entries of the ACL log.").
			into(toInt(func(s *Snapshot) *int64 { return &s.ACLLogMaxLen })),
	}
}

func clientRows() []Row {
	return []Row{
		integer("maxclients", 10000, 1, uintMax, "Clients connected at once.").
			into(toInt(func(s *Snapshot) *int64 { return &s.MaxClients })),
		integer("timeout", 0, 0, intMax, "Seconds after which an idle client is closed; 0 for never.").
			into(toInt(func(s *Snapshot) *int { return &s.Timeout })),
		memory("proto-max-bulk-len", 512*mib, mib, "Largest single argument, in bytes.").
			into(toInt(func(s *Snapshot) *int64 { return &s.ProtoMaxBulkLen })),
		memory("client-query-buffer-limit", gib, mib, "Unprocessed input a client may have, in bytes.").
			into(toInt(func(s *Snapshot) *int64 { return &s.ClientQueryBufferLimit })),
		special("client-output-buffer-limit", defaultOutputLimits().String(), readOutputLimits,
			"Replies that may wait for a client: class, hard limit, soft limit, seconds above the soft limit.").
			with(MultiArg).into(bindOutputLimits).rewritten(outputLimitLines),
		memoryPct("maxmemory-clients", "0", "Memory of all clients together; 0 for no limit.").
			into(toMemoryPct(func(s *Snapshot) *int64 { return &s.MaxMemoryClients })),
		integer("tracking-table-max-keys", 1000000, 0, longMax, "Keys remembered for client-side caching; 0 for no limit.").
			into(toInt(func(s *Snapshot) *int64 { return &s.TrackingTableMaxKeys })),
	}
}

func defaultOutputLimits() OutputLimits {
	return OutputLimits{
		ClientReplica: {Hard: 256 * mib, Soft: 64 * mib, SoftSeconds: 60},
		ClientPubSub:  {Hard: 32 * mib, Soft: 8 * mib, SoftSeconds: 60},
	}
}

func datasetRows() []Row {
	policies := []string{
		"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction",
	}
	return []Row{
		integer("databases", 16, 1, intMax, "Number of databases.").
			with(Immutable).into(toInt(func(s *Snapshot) *int { return &s.Databases })),
		memory("maxmemory", 0, 0, "Memory budget in bytes; 0 takes three quarters of what the machine or container has.").
			into(toInt(func(s *Snapshot) *int64 { return &s.MaxMemory })),
		enum("maxmemory-policy", "noeviction", policies, "Which keys go when the budget is used up.").
			into(toString(func(s *Snapshot) *string { return &s.MaxMemoryPolicy })),
		integer("maxmemory-samples", 5, 1, intMax, "Keys looked at for each that is evicted.").
			into(toInt(func(s *Snapshot) *int { return &s.MaxMemorySamples })),
		integer("maxmemory-eviction-tenacity", 10, 0, 100, "How long eviction may hold up commands.").
			into(toInt(func(s *Snapshot) *int { return &s.MaxMemoryTenacity })),
		integer("lfu-log-factor", 10, 0, intMax, "Hits it takes to saturate a key's frequency.").
			into(toInt(func(s *Snapshot) *int { return &s.LFULogFactor })),
		integer("lfu-decay-time", 1, 0, intMax, "Minutes after which a key's frequency is lowered.").
			into(toInt(func(s *Snapshot) *int { return &s.LFUDecayTime })),
		integer("active-expire-effort", 1, 1, 10, "How hard expired keys are looked for.").
			into(toInt(func(s *Snapshot) *int { return &s.ActiveExpireEffort })),
		special("notify-keyspace-events", "", readEvents, "Keyspace events to publish.").
			into(bindEvents).shownAs(shownEvents).rewritten(eventLines),
		integer("busy-reply-threshold", 5000, 0, longMax, "Milliseconds after which a script makes other clients get BUSY.").
			alias("lua-time-limit").into(toInt(func(s *Snapshot) *int64 { return &s.BusyReplyThreshold })),
	}
}

func lazyfreeRows() []Row {
	return []Row{
		boolean("lazyfree-lazy-eviction", false, "Free evicted values in the background.").
			into(toBool(func(s *Snapshot) *bool { return &s.LazyfreeLazyEviction })),
		boolean("lazyfree-lazy-expire", false, "Free expired values in the background.").
			into(toBool(func(s *Snapshot) *bool { return &s.LazyfreeLazyExpire })),
		boolean("lazyfree-lazy-server-del", false, "Free overwritten values in the background.").
			into(toBool(func(s *Snapshot) *bool { return &s.LazyfreeLazyServerDel })),
		boolean("lazyfree-lazy-user-del", false, "Let DEL behave as UNLINK.").
			into(toBool(func(s *Snapshot) *bool { return &s.LazyfreeLazyUserDel })),
		boolean("lazyfree-lazy-user-flush", false, "Let FLUSHALL and FLUSHDB default to ASYNC.").
			into(toBool(func(s *Snapshot) *bool { return &s.LazyfreeLazyUserFlush })),
	}
}

func encodingRows() []Row {
	return []Row{
		integer("hash-max-listpack-entries", 512, 0, longMax, "Fields up to which a hash stays compact.").
			alias("hash-max-ziplist-entries").into(toInt(func(s *Snapshot) *int64 { return &s.HashMaxListpackEntries })),
		memory("hash-max-listpack-value", 64, 0, "Bytes of a field or value up to which a hash stays compact.").
			alias("hash-max-ziplist-value").into(toInt(func(s *Snapshot) *int64 { return &s.HashMaxListpackValue })),
		integer("set-max-intset-entries", 512, 0, longMax, "Members up to which a set of integers stays compact.").
			into(toInt(func(s *Snapshot) *int64 { return &s.SetMaxIntsetEntries })),
		integer("set-max-listpack-entries", 128, 0, longMax, "Members up to which a set stays compact.").
			into(toInt(func(s *Snapshot) *int64 { return &s.SetMaxListpackEntries })),
		integer("set-max-listpack-value", 64, 0, longMax, "Bytes of a member up to which a set stays compact.").
			into(toInt(func(s *Snapshot) *int64 { return &s.SetMaxListpackValue })),
		integer("zset-max-listpack-entries", 128, 0, longMax, "Members up to which a sorted set stays compact.").
			alias("zset-max-ziplist-entries").into(toInt(func(s *Snapshot) *int64 { return &s.ZsetMaxListpackEntries })),
		memory("zset-max-listpack-value", 64, 0, "Bytes of a member up to which a sorted set stays compact.").
			alias("zset-max-ziplist-value").into(toInt(func(s *Snapshot) *int64 { return &s.ZsetMaxListpackValue })),
		integer("list-max-listpack-size", -2, intMin, intMax, "Size of a list's nodes: entries, or -1 to -5 for 4 to 64 KiB.").
			alias("list-max-ziplist-size").into(toInt(func(s *Snapshot) *int { return &s.ListMaxListpackSize })),
		integer("list-compress-depth", 0, 0, intMax, "Nodes at each end of a list that are not compressed; 0 compresses none.").
			into(toInt(func(s *Snapshot) *int { return &s.ListCompressDepth })),
		memory("hll-sparse-max-bytes", 3000, 0, "Bytes up to which a HyperLogLog stays sparse.").
			into(toInt(func(s *Snapshot) *int64 { return &s.HLLSparseMaxBytes })),
		memory("stream-node-max-bytes", 4096, 0, "Bytes of a stream's node; 0 for no limit.").
			into(toInt(func(s *Snapshot) *int64 { return &s.StreamNodeMaxBytes })),
		integer("stream-node-max-entries", 100, 0, longMax, "Entries of a stream's node; 0 for no limit.").
			into(toInt(func(s *Snapshot) *int64 { return &s.StreamNodeMaxEntries })),
	}
}

func observeRows() []Row {
	levels := []string{"debug", "verbose", "notice", "warning", "nothing"}
	return append([]Row{
		enum("loglevel", "notice", levels, "Least important messages that are logged.").
			into(toString(func(s *Snapshot) *string { return &s.LogLevel })),
		str("logfile", "", "File to log to; empty for standard output.").
			with(Immutable).into(toString(func(s *Snapshot) *string { return &s.LogFile })),
		boolean("always-show-logo", false, "Show the logo at start-up even if the output is no terminal.").
			with(Immutable).into(toBool(func(s *Snapshot) *bool { return &s.AlwaysShowLogo })),
		integer("slowlog-log-slower-than", 10000, -1, longMax, "Microseconds from which a command enters the slow log; -1 for never.").
			into(toInt(func(s *Snapshot) *int64 { return &s.SlowlogLogSlowerThan })),
		integer("slowlog-max-len", 128, 0, longMax, "Entries of the slow log.").
			into(toInt(func(s *Snapshot) *int64 { return &s.SlowlogMaxLen })),
		integer("latency-monitor-threshold", 0, 0, longMax, "Milliseconds from which an event is a latency event; 0 for never.").
			into(toInt(func(s *Snapshot) *int64 { return &s.LatencyMonitorThreshold })),
		boolean("latency-tracking", true, "Keep a latency histogram per command.").
			into(toBool(func(s *Snapshot) *bool { return &s.LatencyTracking })),
		special("latency-tracking-info-percentiles", "50 99 99.9", readPercentiles, "Percentiles that INFO latencystats prints.").
			with(MultiArg).rewritten(percentileLines).
			into(toFloats(func(s *Snapshot) *[]float64 { return &s.LatencyTrackingInfoPercentiles })),
	}, allInert("logs go to standard output or to logfile",
		boolean("syslog-enabled", false, "Log to syslog.").with(Immutable),
		str("syslog-ident", "redis", "Name used in syslog.").with(Immutable),
		enum("syslog-facility", "local0", syslogFacilities(), "Facility used in syslog.").with(Immutable),
	)...)
}

func syslogFacilities() []string {
	return []string{"user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}
}

func processRows() []Row {
	signalWords := []string{"default", "save", "nosave", "now", "force"}
	return []Row{
		special("dir", "", readDir, "Working directory.").
			with(Protected | DenyLoading).into(toString(func(s *Snapshot) *string { return &s.Dir })).rewritten(alwaysLine),
		str("pidfile", "", "File that gets the process number.").
			with(Immutable | EmptyUnset).into(toString(func(s *Snapshot) *string { return &s.PidFile })),
		boolean("daemonize", false, "Detach from the terminal.").
			with(Immutable).refuses("the server stays in the foreground", isYes).
			into(toBool(func(s *Snapshot) *bool { return &s.Daemonize })),
		enum("supervised", no, []string{"upstart", "systemd", "auto", no}, "Supervisor to tell when the server is ready.").
			with(Immutable).into(toString(func(s *Snapshot) *string { return &s.Supervised })),
		boolean("set-proc-title", true, "Show the server's state in its process title.").
			with(Immutable).into(toBool(func(s *Snapshot) *bool { return &s.SetProcTitle })),
		str("proc-title-template", "{title} {listen-addr} {server-mode}", "What the process title says.").
			checked(checkTitle).into(toString(func(s *Snapshot) *string { return &s.ProcTitleTemplate })),
		integer("shutdown-timeout", 10, 0, intMax, "Seconds that clients have, when the server ends, to take their last replies.").
			into(toInt(func(s *Snapshot) *int { return &s.ShutdownTimeout })),
		enumSet("shutdown-on-sigint", "default", signalWords, "How SIGINT ends the server.").
			checked(checkShutdown).into(toShutdown(func(s *Snapshot) *ShutdownFlags { return &s.ShutdownOnSigint })),
		enumSet("shutdown-on-sigterm", "default", signalWords, "How SIGTERM ends the server.").
			checked(checkShutdown).into(toShutdown(func(s *Snapshot) *ShutdownFlags { return &s.ShutdownOnSigterm })),
		integer("hz", 10, 0, intMax, "Background turns a second.").
			normalised(clampHz).inert("background work is timed by the shards themselves").
			into(toInt(func(s *Snapshot) *int { return &s.Hz })),
		boolean("dynamic-hz", true, "Raise hz with the number of clients.").
			inert("background work is timed by the shards themselves").
			into(toBool(func(s *Snapshot) *bool { return &s.DynamicHz })),
	}
}

// clampHz takes any number as a hint and brings it into range.
func clampHz(v string) string { return itoa(min(max(decimal(v), minHz), maxHz)) }

func rdbRows() []Row {
	rows := []Row{
		special("save", "", readSave, "Save points: seconds and changes after which a snapshot is written.").
			with(MultiArg).refuses(noRDB, isSet).rewritten(saveLines),
		integer("key-load-delay", 0, intMin, intMax, "Microseconds to wait after each loaded key, for tests.").
			with(Hidden).into(toInt(func(s *Snapshot) *int64 { return &s.KeyLoadDelay })),
		integer("loading-process-events-interval-bytes", 2*mib, kib, intMax, "Bytes loaded before clients are told so.").
			with(Hidden).into(toInt(func(s *Snapshot) *int64 { return &s.LoadingEventsInterval })),
	}
	return append(rows, allInert(noRDB,
		str("dbfilename", "dump.rdb", "Name of the snapshot file.").
			with(Protected).checked(baseName("dbfilename", "filename", true)),
		boolean("rdbcompression", true, "Compress strings in snapshots."),
		boolean("rdbchecksum", true, "End snapshots with a checksum.").with(Immutable),
		boolean("rdb-del-sync-files", false, "Delete snapshots that served only replication."),
		boolean("rdb-save-incremental-fsync", true, "Sync a snapshot to disk piece by piece."),
		boolean("stop-writes-on-bgsave-error", true, "Refuse writes after a snapshot failed."),
		enum("sanitize-dump-payload", no, []string{no, yes, "clients"}, "Check serialised values in full."),
		integer("rdb-key-save-delay", 0, intMin, intMax, "Microseconds to wait after each saved key, for tests.").with(Hidden),
	)...)
}

func aofRows() []Row {
	rows := []Row{
		boolean("appendonly", false, "Keep an append-only file.").
			with(DenyLoading).refuses(noAOF, isYes),
	}
	return append(rows, allInert(noAOF,
		str("appendfilename", "appendonly.aof", "Base name of the append-only files.").
			with(Immutable).checked(baseName("appendfilename", "filename", false)),
		str("appenddirname", "appendonlydir", "Directory of the append-only files.").
			with(Immutable).checked(baseName("appenddirname", "dirname", false)),
		enum("appendfsync", "everysec", []string{"everysec", "always", no}, "When the append-only file is synced to disk."),
		boolean("no-appendfsync-on-rewrite", false, "Do not sync while a rewrite runs."),
		integer("auto-aof-rewrite-percentage", 100, 0, intMax, "Growth in percent that starts a rewrite; 0 for never."),
		memory("auto-aof-rewrite-min-size", 64*mib, 0, "Size below which no rewrite starts."),
		boolean("aof-load-truncated", true, "Load a file whose end is missing."),
		boolean("aof-use-rdb-preamble", true, "Let a rewrite write a snapshot."),
		boolean("aof-timestamp-enabled", false, "Note the time in the file."),
		boolean("aof-rewrite-incremental-fsync", true, "Sync a rewrite to disk piece by piece."),
		boolean("aof-disable-auto-gc", false, "Keep old append-only files, for tests.").with(Hidden),
	)...)
}

// replicaRows are the parameters of the replication area that the command gate itself honours.
func replicaRows() []Row {
	return []Row{
		special("replicaof", "", readReplicaOf, "Master to replicate: host and port.").
			alias("slaveof").with(Immutable|MultiArg).refuses(noRepl, isSet).rewritten(replicaOfLines),
		boolean("replica-serve-stale-data", true, "Let a replica answer while its link is down.").
			alias("slave-serve-stale-data").into(toBool(func(s *Snapshot) *bool { return &s.ReplicaServeStaleData })),
		boolean("replica-read-only", true, "Refuse writes on a replica.").
			alias("slave-read-only").into(toBool(func(s *Snapshot) *bool { return &s.ReplicaReadOnly })),
		boolean("replica-ignore-maxmemory", true, "Let a replica leave eviction to its master.").
			alias("slave-ignore-maxmemory").into(toBool(func(s *Snapshot) *bool { return &s.ReplicaIgnoreMaxMemory })),
		integer("min-replicas-to-write", 0, 0, intMax, "Replicas that must be in reach for writes to be taken.").
			alias("min-slaves-to-write").into(toInt(func(s *Snapshot) *int { return &s.MinReplicasToWrite })).
			refuses(noRepl, isNotZero),
		integer("min-replicas-max-lag", 10, 0, intMax, "Seconds of lag up to which a replica counts as in reach.").
			alias("min-slaves-max-lag").into(toInt(func(s *Snapshot) *int { return &s.MinReplicasMaxLag })),
	}
}

func replicationRows() []Row {
	return allInert(noRepl,
		str("masteruser", "", "User name for the master.").with(Sensitive|EmptyUnset),
		str("masterauth", "", "Password for the master.").with(Sensitive|EmptyUnset),
		boolean("replica-lazy-flush", false, "Free the old dataset of a full sync in the background.").alias("slave-lazy-flush"),
		integer("replica-priority", 100, 0, intMax, "Preference of this replica in a failover; 0 for never.").alias("slave-priority"),
		str("replica-announce-ip", "", "Address a replica gives to its master.").alias("slave-announce-ip").with(EmptyUnset),
		integer("replica-announce-port", 0, 0, maxPort, "Port a replica gives to its master.").alias("slave-announce-port"),
		boolean("replica-announced", true, "Show this replica to sentinels."),
		boolean("replica-ignore-disk-write-errors", false, "Let a replica go on when its disk fails."),
		boolean("repl-diskless-sync", true, "Send snapshots without writing them to disk."),
		integer("repl-diskless-sync-delay", 5, 0, intMax, "Seconds to wait for more replicas."),
		integer("repl-diskless-sync-max-replicas", 0, 0, intMax, "Replicas after which not to wait."),
		enum("repl-diskless-load", "disabled", []string{"disabled", "on-empty-db", "swapdb"}, "Load snapshots from the socket.").with(DenyLoading),
		boolean("repl-disable-tcp-nodelay", false, "Send to replicas in larger packets."),
		integer("repl-ping-replica-period", 10, 1, intMax, "Seconds between pings to replicas.").alias("repl-ping-slave-period"),
		integer("repl-timeout", 60, 1, intMax, "Seconds after which the link counts as broken."),
		memory("repl-backlog-size", mib, 1, "Bytes of the stream kept for partial syncs."),
		integer("repl-backlog-ttl", 3600, 0, longMax, "Seconds after which the backlog is dropped."),
		enum("propagation-error-behavior", "ignore", []string{"ignore", "panic", "panic-on-replicas"}, "What an error in the stream does."),
	)
}

func clusterRows() []Row {
	rows := []Row{
		boolean("cluster-enabled", false, "Be a node of a cluster.").
			with(Immutable).refuses(noCluster, isYes),
	}
	endpoints := []string{"ip", "hostname", "unknown-endpoint"}
	return append(rows, allInert(noCluster,
		str("cluster-config-file", "nodes.conf", "File that keeps the cluster's state.").with(Immutable),
		integer("cluster-port", 0, 0, maxPort, "Port of the cluster bus.").with(Immutable),
		integer("cluster-node-timeout", 15000, 0, longMax, "Milliseconds after which a node counts as failed."),
		integer("cluster-ping-interval", 0, 0, longMax, "Milliseconds between pings, for tests.").with(Hidden),
		integer("cluster-replica-validity-factor", 10, 0, intMax, "How old a replica's data may be for a failover.").
			alias("cluster-slave-validity-factor"),
		integer("cluster-migration-barrier", 1, 0, intMax, "Replicas a master keeps for itself."),
		boolean("cluster-allow-replica-migration", true, "Let replicas move to masters without any."),
		boolean("cluster-require-full-coverage", true, "Stop when a slot has no node."),
		boolean("cluster-replica-no-failover", false, "Never fail over by itself.").alias("cluster-slave-no-failover"),
		boolean("cluster-allow-reads-when-down", false, "Serve reads while the cluster is down."),
		boolean("cluster-allow-pubsubshard-when-down", true, "Serve sharded pub/sub while the cluster is down."),
		memory("cluster-link-sendbuf-limit", 0, 0, "Bytes that may wait on a link of the bus; 0 for no limit."),
		str("cluster-announce-ip", "", "Address to announce.").with(EmptyUnset),
		integer("cluster-announce-port", 0, 0, maxPort, "Port to announce."),
		integer("cluster-announce-tls-port", 0, 0, maxPort, "TLS port to announce."),
		integer("cluster-announce-bus-port", 0, 0, maxPort, "Bus port to announce."),
		str("cluster-announce-hostname", "", "Host name to announce.").with(EmptyUnset).checked(checkHostname),
		str("cluster-announce-human-nodename", "", "Node name for log lines.").with(EmptyUnset).checked(checkNodeName),
		enum("cluster-preferred-endpoint-type", "ip", endpoints, "What CLUSTER SLOTS prints first."),
	)...)
}

func memoryInternRows() []Row {
	rows := []Row{
		boolean("activedefrag", false, "Move values together to give memory back.").setOnly(refuseDefrag),
		integer("active-defrag-cycle-min", 1, 1, 99, "Least CPU in percent."),
		integer("active-defrag-cycle-max", 25, 1, 99, "Most CPU in percent."),
		integer("active-defrag-threshold-lower", 10, 0, 1000, "Fragmentation in percent from which to start."),
		integer("active-defrag-threshold-upper", 100, 0, 1000, "Fragmentation in percent from which to work hardest."),
		memory("active-defrag-ignore-bytes", 100*mib, 1, "Fragmentation in bytes from which to start."),
		integer("active-defrag-max-scan-fields", 1000, 1, longMax, "Fields of a value handled in one go."),
	}
	rows = allInert("shards compact their memory by themselves", rows...)
	return append(rows, allInert(noC,
		boolean("activerehashing", true, "Move hash tables in idle time."),
		boolean("jemalloc-bg-thread", true, "Let jemalloc clean up in the background."),
		boolean("disable-thp", true, "Switch transparent huge pages off.").with(Immutable),
		enum("oom-score-adj", no, []string{no, yes, "relative", "absolute"}, "Tell the kernel whom to kill first.").
			normalised(relativeIsYes),
		special("oom-score-adj-values", "0 200 800", readOOMValues, "Scores of master, replica and child.").
			with(MultiArg).rewritten(wordsLine),
	)...)
}

// relativeIsYes folds the two words that mean the same.
func relativeIsYes(v string) string {
	if v == "relative" {
		return yes
	}
	return v
}

// refuseDefrag answers a running server's client as a redis-server without jemalloc does: test
// suites and tools take it for "not available here". At start-up the setting is merely inert.
func refuseDefrag(v string) error {
	if v == no {
		return nil
	}
	return errors.New("Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified " +
		"Jemalloc like the one shipped by default with the Redis source distribution")
}

func internalRows() []Row {
	return allInert(noC,
		integer("io-threads", 1, 1, 128, "Threads for input and output.").with(Immutable),
		boolean("io-threads-do-reads", false, "Let those threads read too.").with(Immutable),
		str("server_cpulist", "", "Processors of the server.").with(Immutable|EmptyUnset),
		str("bio_cpulist", "", "Processors of background threads.").with(Immutable|EmptyUnset),
		str("aof_rewrite_cpulist", "", "Processors of AOF rewrites.").with(Immutable|EmptyUnset),
		str("bgsave_cpulist", "", "Processors of snapshots.").with(Immutable|EmptyUnset),
		boolean("crash-log-enabled", true, "Write a report when crashing."),
		boolean("crash-memcheck-enabled", true, "Test memory when crashing."),
		boolean("use-exit-on-panic", false, "Exit instead of aborting, for tests.").with(Hidden),
		integer("watchdog-period", 0, 0, intMax, "Milliseconds after which the watchdog reports a stall.").with(Hidden),
		str("ignore-warnings", "", "Start-up warnings to pass over."),
		str("locale-collate", "", "Locale of SORT ALPHA."),
	)
}

// directiveRows are the lines of redis.conf that are no parameters.
func directiveRows() []Row {
	return []Row{
		directive(dirInclude, "Read another file here; its name may have wildcards."),
		directive(dirRename, "Rename a command; an empty new name removes it."),
		directive(dirUser, "Define an ACL user."),
		directive(dirLoadModule, "Load a module.").refuses(noModules, isSet),
		directive(dirSentinel, "Run as a Sentinel.").refuses("there is no Sentinel mode", isSet),
	}
}

func ownRows() []Row {
	rows := []Row{
		integer("shards", 0, 0, maxShards, "Shards of the keyspace; 0 for one per processor.").
			into(toInt(func(s *Snapshot) *int { return &s.Shards })),
		boolean("inline-runs", true, "Let connections run commands of idle shards themselves.").
			into(toBool(func(s *Snapshot) *bool { return &s.InlineRuns })),
		enum("io-engine", EngineAuto, []string{EngineAuto, EngineNetpoll, EngineEpoll}, "What wakes connections; auto: the best there is.").
			into(toString(func(s *Snapshot) *string { return &s.IOEngine })),
		integer("io-pollers", 0, 0, maxPollers, "Processors that wait for sockets; 0 for three quarters of them, at least one.").
			into(toInt(func(s *Snapshot) *int { return &s.IOPollers })),
		boolean("http-endpoints", true, "Answer HTTP requests for /healthz, /readyz and /metrics.").
			into(toBool(func(s *Snapshot) *bool { return &s.HTTPEndpoints })),
		integer("http-port", 0, 0, maxPort, "Port for those requests; 0 for the port of Redis.").
			into(toInt(func(s *Snapshot) *int { return &s.HTTPPort })),
		enum("log-format", "text", []string{"text", "json"}, "How log lines are written.").
			into(toString(func(s *Snapshot) *string { return &s.LogFormat })),
		special(acceptUnsupported, "", readWords, "Directives whose unkept promise is accepted.").
			with(MultiArg).rewritten(wordsLine),
	}
	for i := range rows {
		rows[i] = rows[i].with(Immutable | Own)
	}
	return append(rows,
		integer("hotkeys-sample-every", 500, 0, intMax, "Of so many commands one is looked at for HOTKEYS; 0 for none.").
			with(Own).into(toInt(func(s *Snapshot) *int64 { return &s.HotkeysSampleEvery })),
	)
}

// readWords reads a set of words; lines of one start-up add up.
func readWords(_ *Row, words []string, old string, more bool) (string, error) {
	if more && old != "" {
		words = append(strings.Fields(old), words...)
	}
	words, ok := plainWords(words)
	if !ok {
		return "", errors.New("argument(s) must be names of directives")
	}
	return strings.Join(words, " "), nil
}
