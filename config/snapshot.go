// Snapshot: every setting the server honours, typed and with its unit, frozen.
//
// A Snapshot is built whole from canonical values and never changed afterwards, so any
// goroutine may keep one as long as it likes; slices and maps in it are for reading only.
// A new field needs a binder in the table's row, nothing else.

package config

// Values of io-engine.
const (
	EngineAuto    = "auto"
	EngineNetpoll = "netpoll"
	EngineEpoll   = "epoll"
)

// Snapshot is one immutable state of the configuration. Take it from Config.Now once per unit
// of work, so that a CONFIG SET in between is seen wholly or not at all.
type Snapshot struct {
	// Listening.
	Bind             []string   // addresses; a leading "-" means: not an error if unavailable
	Port             int        // TCP; 0 listens on none
	TCPBacklog       int        // pending connections the kernel queues
	TCPKeepAlive     int        // seconds between probes; 0 switches them off
	UnixSocket       string     // path; "" listens on none
	UnixSocketPerm   uint32     // file mode of the socket; 0 leaves the umask's
	ProtectedMode    bool       // refuse non-loopback clients while no password is set
	TLSPort          int        // 0 listens on none
	TLSCertFile      string     // PEM
	TLSKeyFile       string     // PEM
	TLSKeyFilePass   string     // pass phrase of TLSKeyFile
	TLSCACertFile    string     // PEM bundle
	TLSCACertDir     string     // directory of PEM files
	TLSAuthClients   string     // "yes", "no" or "optional"
	TLSProtocols     string     // blank-separated, "" for the default set
	TLSSessionCache  bool       // allow session resumption
	EnableDebug      Access     // who may call DEBUG
	EnableModule     Access     // who may call MODULE
	EnableProtected  Access     // who may CONFIG SET protected parameters
	RequirePass      string     // password of the default user; "" for none
	Users            [][]string // words of the user lines, but the first
	ACLFile          string     // path; "" for none
	ACLPubSubDefault string     // "allchannels" or "resetchannels", for new users
	ACLLogMaxLen     int64      // entries

	// Clients.
	MaxClients              int64        // connections
	Timeout                 int          // seconds a client may idle; 0 for ever
	ProtoMaxBulkLen         int64        // bytes of one argument
	ClientQueryBufferLimit  int64        // bytes of unprocessed input
	ClientOutputBufferLimit OutputLimits // per client class
	MaxMemoryClients        int64        // bytes of all clients; negative: percent of MaxMemory; 0 unlimited
	TrackingTableMaxKeys    int64        // keys remembered for client-side caching; 0 unlimited
	RenameCommands          map[string]string

	// Dataset.
	Databases              int
	MaxMemory              int64  // bytes; 0 when not set
	MaxMemoryPolicy        string // "noeviction", "allkeys-lru", ...
	MaxMemorySamples       int    // candidates looked at per eviction
	MaxMemoryTenacity      int    // 0..100, how much of a turn eviction may take
	LFULogFactor           int
	LFUDecayTime           int // minutes
	ActiveExpireEffort     int // 1..10
	LazyfreeLazyEviction   bool
	LazyfreeLazyExpire     bool
	LazyfreeLazyServerDel  bool
	LazyfreeLazyUserDel    bool
	LazyfreeLazyUserFlush  bool
	NotifyKeyspaceEvents   EventClass
	BusyReplyThreshold     int64 // milliseconds before a script answers BUSY; 0 never
	KeyLoadDelay           int64 // microseconds to wait after each key that is loaded
	LoadingEventsInterval  int64 // bytes loaded before clients are told that the server is loading
	ReplicaServeStaleData  bool
	ReplicaReadOnly        bool
	ReplicaIgnoreMaxMemory bool
	MinReplicasToWrite     int
	MinReplicasMaxLag      int // seconds

	// Encoding limits: beyond them a value leaves its compact encoding.
	HashMaxListpackEntries int64
	HashMaxListpackValue   int64 // bytes
	SetMaxIntsetEntries    int64
	SetMaxListpackEntries  int64
	SetMaxListpackValue    int64 // bytes
	ZsetMaxListpackEntries int64
	ZsetMaxListpackValue   int64 // bytes
	ListMaxListpackSize    int   // entries, or -1..-5 for 4..64 KiB
	ListCompressDepth      int   // nodes left uncompressed at each end
	HLLSparseMaxBytes      int64
	StreamNodeMaxBytes     int64
	StreamNodeMaxEntries   int64

	// Observation.
	LogLevel                       string    // "debug", "verbose", "notice", "warning" or "nothing"
	LogFile                        string    // "" for standard output
	LogFormat                      string    // "text" or "json"
	AlwaysShowLogo                 bool      // also when standard output is no terminal
	SlowlogLogSlowerThan           int64     // microseconds; negative logs nothing, 0 everything
	SlowlogMaxLen                  int64     // entries
	LatencyMonitorThreshold        int64     // milliseconds; 0 switches it off
	LatencyTracking                bool      // per-command histograms
	LatencyTrackingInfoPercentiles []float64 // 0..100, for INFO latencystats

	// Process.
	Dir               string // working directory, absolute
	ConfigFile        string // what CONFIG REWRITE writes, absolute; "" for none
	PidFile           string // "" writes none
	Daemonize         bool   // only with accept-unsupported: the server stays in the foreground
	Supervised        string // "no", "upstart", "systemd" or "auto"
	SetProcTitle      bool
	ProcTitleTemplate string
	ShutdownTimeout   int           // seconds that clients have to take their last replies
	ShutdownOnSigint  ShutdownFlags // how SIGINT ends the server
	ShutdownOnSigterm ShutdownFlags // how SIGTERM ends the server
	Hz                int           // background turns a second, a hint
	DynamicHz         bool
	Shards            int // 0 for one per processor
	InlineRuns        bool
	IOEngine          string // EngineAuto, EngineNetpoll or EngineEpoll
	HTTPEndpoints     bool
	HTTPPort          int // 0 for the port of Redis
	IOPollers         int // 0 for three quarters of the processors, at least one

	HotkeysSampleEvery int64 // commands of which one is looked at; 0: none is

	values []string // canonical, by row number
}

// Access is who may do a thing that is closed by default.
type Access string

// The three answers.
const (
	AccessNo    Access = "no"    // nobody
	AccessYes   Access = "yes"   // everybody
	AccessLocal Access = "local" // loopback and Unix socket connections
)

// Allows reports whether a client may; local says that its connection does not leave the machine.
func (a Access) Allows(local bool) bool {
	return a == AccessYes || a == AccessLocal && local
}

// OutputLimit bounds the replies that wait for one client. Zero means no limit.
type OutputLimit struct {
	Hard        int64 // bytes; the client is closed at once
	Soft        int64 // bytes; the client is closed after SoftSeconds above it
	SoftSeconds int
}

// OutputLimits holds one limit per client class, indexed by the Client... constants.
type OutputLimits [3]OutputLimit

// Client classes of OutputLimits, in the order CONFIG GET prints them.
const (
	ClientNormal = iota
	ClientReplica
	ClientPubSub
)

// ShutdownFlags are the words of shutdown-on-sigint and shutdown-on-sigterm; none is the default.
type ShutdownFlags uint8

// The flags of a shutdown by signal.
const (
	ShutdownSave   ShutdownFlags = 1 << iota // save even without save points
	ShutdownNoSave                           // do not save
	ShutdownNow                              // do not wait for lagging replicas
	ShutdownForce                            // exit even if saving fails
)

// EventClass is a set of keyspace event classes. The bits are redis-server's.
type EventClass uint16

// The classes, each with its letter in notify-keyspace-events.
const (
	EventKeyspace EventClass = 1 << iota // K: publish on __keyspace@N__
	EventKeyevent                        // E: publish on __keyevent@N__
	EventGeneric                         // g
	EventString                          // $
	EventList                            // l
	EventSet                             // s
	EventHash                            // h
	EventZset                            // z
	EventExpired                         // x
	EventEvicted                         // e
	EventStream                          // t
	EventKeyMiss                         // m, not part of A
	eventLoaded                          // has no letter
	EventModule                          // d
	EventNew                             // n, not part of A

	// EventAll is the letter A.
	EventAll = EventGeneric | EventString | EventList | EventSet | EventHash | EventZset |
		EventExpired | EventEvicted | EventStream | EventModule
)
