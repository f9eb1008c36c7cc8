// web.go: what HTTP requests are answered: whether the server is well, whether it is ready, and metrics. The figures are those of INFO; the room
// stats has the format.

package command

import (
	"net/http"
	"strconv"

	"respite/acl"
	"respite/shards"
	"respite/stats"
)

// Web answers GET and HEAD of /healthz, /readyz and /metrics. Once a password is set, metrics ask for it (HTTP's basic authentication, as the
// user of AUTH), who must be allowed to run INFO. The first two tell nothing and are open to all.
func (e *Executor) Web() http.Handler { return e.web }

func newWeb(e *Executor) http.Handler {
	metrics := stats.MetricsHandler(e.gather)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", e.healthy)
	mux.HandleFunc("GET /readyz", e.ready)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		user, password, given := r.BasicAuth()
		if user == "" {
			user = acl.DefaultName
		}
		switch asks := e.users.Authenticate(user, []byte(password)); {
		case asks == nil:
			if given {
				e.noteWebRefusal(r, denial{acl.DeniedAuth, r.Method + " " + r.URL.Path}, user)
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="respite"`)
			http.Error(w, "the server's password is needed", http.StatusUnauthorized)
		case !e.mayAsk(asks):
			e.noteWebRefusal(r, denial{acl.DeniedCommand, "info"}, user)
			http.Error(w, "the user may not run INFO", http.StatusForbidden)
		default:
			metrics.ServeHTTP(w, r)
		}
	})
	return mux
}

// noteWebRefusal writes a refusal to the log, as AUTH and INFO would have: who tries passwords is seen there, whichever way he comes.
func (e *Executor) noteWebRefusal(r *http.Request, why denial, user string) {
	e.refusals.Add(acl.Entry{
		Reason: why.why, Context: acl.AtTopLevel, Object: why.object, User: user, Client: "addr=" + r.RemoteAddr, Updated: e.group.Now() / millisecond,
	}, e.config.Now().ACLLogMaxLen)
}

// mayAsk reports whether a user may see metrics: they are what INFO tells.
func (e *Executor) mayAsk(u *acl.User) bool {
	_, allowed := new(question).ask(e, u.Rules(), e.table.Named("info"), [][]byte{[]byte("info")})
	return allowed
}

// ready answers whether clients will be: not while a dataset is being read.
func (e *Executor) ready(w http.ResponseWriter, r *http.Request) {
	if e.Loading() {
		http.Error(w, "loading", http.StatusServiceUnavailable)
		return
	}
	e.healthy(w, r)
}

// healthy answers once every shard has: a server whose shards hang is not well. While a dataset is being read they may be busy for long.
func (e *Executor) healthy(w http.ResponseWriter, _ *http.Request) {
	if !e.Loading() {
		e.group.Run(e.group.All(), 0, func(*shards.Tx) {})
	}
	_, _ = w.Write([]byte("ok\n")) // a client that is gone needs no answer
}

// gather writes the metrics. It holds all shards for what is asked of all data at once, and then each by itself for its counters of
// commands, so that nobody waits for all of it.
func (e *Executor) gather(s *stats.Scrape) {
	e.group.Run(e.group.All(), 0, func(tx *shards.Tx) { e.gatherData(s, tx) })
	e.gatherCommands(s)
	e.gatherMemory(s)
	e.gatherClients(s)
	for i := range e.group.N() {
		s.Gauge("respite_shard_queue", "Messages that wait for a busy shard.", float64(e.group.Queued(i)), "shard", strconv.Itoa(i))
	}
	for _, c := range e.stats.Errors.All() {
		s.Counter("respite_errors_total", "Error replies, by their code.", float64(c.Count), "code", c.Code)
	}
	s.Gauge("respite_info", "Always 1; its labels tell of the server.", 1, "version", Version, "redis_version", RedisVersion)
	s.Gauge("respite_uptime_seconds", "Time since the start.", seconds(e.group.Now()-e.self.started))
}

// seconds converts nanoseconds.
func seconds(nanos int64) float64 { return float64(nanos) / second }

func (e *Executor) gatherData(s *stats.Scrape, tx *shards.Tx) {
	for db := range e.group.Databases() {
		if keys, timed := tx.Len(db); keys > 0 || db == 0 {
			name := strconv.Itoa(db)
			s.Gauge("respite_keys", "Keys of a database.", float64(keys), "db", name)
			s.Gauge("respite_keys_with_deadline", "Keys of a database that expire.", float64(timed), "db", name)
		}
	}
	data := tx.Stats()
	s.Counter("respite_keyspace_hits_total", "Reads of keys that were there.", float64(data.Hits))
	s.Counter("respite_keyspace_misses_total", "Reads of keys that were not there.", float64(data.Misses))
	s.Counter("respite_expired_keys_total", "Keys removed because their deadline had passed.", float64(data.Expired))
	s.Counter("respite_evicted_keys_total", "Keys removed to make room.", float64(data.Evicted))
	s.Gauge("respite_expiry_lag_seconds", "How long the oldest key that is due has been.", seconds(tx.ExpiryLag()*millisecond))
}

func (e *Executor) gatherMemory(s *stats.Scrape) {
	clients := e.measureClients()
	used := e.group.Used() + clients
	s.Gauge("respite_memory_used_bytes", "Keys, values and clients' buffers.", float64(used))
	s.Gauge("respite_memory_clients_bytes", "Clients' buffers.", float64(clients))
	s.Gauge("respite_memory_peak_bytes", "The most that was used so far.", float64(e.notePeak(used)))
	s.Gauge("respite_memory_limit_bytes", "What may be used: maxmemory, or its default.", float64(e.group.Limits().MaxMemory))
}

// gatherCommands writes what is counted of every command that has run or was refused, and how long its runs took, if that is tracked
// (latency-tracking).
func (e *Executor) gatherCommands(s *stats.Scrape) {
	tally := s.Tally(len(e.table.all))
	for i := range e.group.N() {
		var one shards.Mask
		one.Set(i)
		e.group.Run(one, 0, func(*shards.Tx) { e.stats.AddShard(tally, i) })
	}
	e.stats.AddOwn(tally)
	for _, row := range e.table.all {
		n := tally.Command(row.id)
		if n.Calls == 0 && n.Rejected == 0 {
			continue
		}
		s.Counter("respite_commands_total", "Commands that were run.", float64(n.Calls), "command", row.full)
		s.Counter("respite_commands_failed_total", "Commands that were run and answered with an error.", float64(n.Failed), "command", row.full)
		s.Counter("respite_commands_rejected_total", "Commands that were refused before they ran.", float64(n.Rejected), "command", row.full)
		if n.Latencies.Total > 0 {
			s.Latencies("respite_command_seconds", "How long commands took.", &n.Latencies, n.Nanos, "command", row.full)
		}
	}
}

func (e *Executor) gatherClients(s *stats.Scrape) {
	n := e.network()
	s.Gauge("respite_clients", "Clients that are connected.", float64(e.sessions.Size()))
	s.Gauge("respite_clients_blocked", "Clients that wait for something that others do.", float64(e.Blocked()))
	s.Counter("respite_connections_total", "Connections that came.", float64(n.Accepted))
	s.Counter("respite_connections_refused_total", "Of those, turned away because of maxclients.", float64(n.Rejected))
	s.Counter("respite_clients_evicted_total", "Clients ended because of maxmemory-clients.", float64(n.Evicted))
	s.Counter("respite_network_received_bytes_total", "Bytes from clients.", float64(n.InBytes))
	s.Counter("respite_network_sent_bytes_total", "Bytes to clients.", float64(n.OutBytes))
}
