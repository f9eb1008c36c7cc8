// info_stats.go: the sections of INFO about the server's work and its memory, and the ticker's part in them.

package command

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"respite/acl"
	"respite/pubsub"
	"respite/shards"
	"respite/stats"
)

func infoStats(c *Call, r *stats.Report) {
	e := c.Server
	net, rates, data := e.network(), e.stats.Rates.Now(), c.Tx.Stats()
	r.Add("total_connections_received", net.Accepted)
	r.Add("total_commands_processed", e.stats.Processed())
	r.Add("instantaneous_ops_per_sec", int64(rates.Commands))
	r.Add("total_net_input_bytes", net.InBytes)
	r.Add("total_net_output_bytes", net.OutBytes)
	r.Add("total_net_repl_input_bytes", 0)
	r.Add("total_net_repl_output_bytes", 0)
	r.Addf("instantaneous_input_kbps", "%.2f", rates.InBytes/kibibyte)
	r.Addf("instantaneous_output_kbps", "%.2f", rates.OutBytes/kibibyte)
	r.Add("instantaneous_input_repl_kbps", "0.00")
	r.Add("instantaneous_output_repl_kbps", "0.00")
	r.Add("rejected_connections", net.Rejected)
	r.Add("sync_full", 0)
	r.Add("sync_partial_ok", 0)
	r.Add("sync_partial_err", 0)
	r.Add("expired_keys", data.Expired)
	r.Add("expired_subkeys", data.ExpiredFields)
	r.Add("expired_stale_perc", "0.00")
	r.Add("expired_time_cap_reached_count", 0)
	r.Add("expire_cycle_cpu_milliseconds", data.ExpiryTurnsNS/millisecond)
	r.Add("evicted_keys", data.Evicted)
	r.Add("evicted_clients", net.Evicted)
	r.Add("total_eviction_exceeded_time", 0)
	r.Add("current_eviction_exceeded_time", 0)
	r.Add("keyspace_hits", data.Hits)
	r.Add("keyspace_misses", data.Misses)
	infoMoreStats(c, r)
}

const kibibyte = 1024

// infoMoreStats is the second half of the section, most of it about what the server does not have.
func infoMoreStats(c *Call, r *stats.Report) {
	r.Add("pubsub_channels", c.Server.channels.Len(pubsub.Channels))
	r.Add("pubsub_patterns", c.Server.channels.Len(pubsub.Patterns))
	r.Add("pubsubshard_channels", c.Server.channels.Len(pubsub.ShardChannels))
	for _, name := range [...]string{
		"latest_fork_usec", "total_forks", "migrate_cached_sockets",
		"slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits",
		"active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time",
	} {
		r.Add(name, 0)
	}
	r.Add("tracking_total_keys", c.Server.group.TrackedKeys())
	r.Add("tracking_total_items", c.Tx.TrackedItems())
	r.Add("tracking_total_prefixes", c.Server.broadcasts.Len())
	r.Add("unexpected_error_replies", 0)
	r.Add("total_error_replies", c.Server.stats.Errors.Total())
	r.Add("dump_payload_sanitizations", 0)
	infoTurns(c, r)
	r.Add("acl_access_denied_auth", c.Server.refusals.Denied(acl.DeniedAuth))
	r.Add("acl_access_denied_cmd", c.Server.refusals.Denied(acl.DeniedCommand))
	r.Add("acl_access_denied_key", c.Server.refusals.Denied(acl.DeniedKey))
	r.Add("acl_access_denied_channel", c.Server.refusals.Denied(acl.DeniedChannel))
	r.Add("expire_lag_ms", c.Tx.ExpiryLag())
}

// infoTurns is what the section says of system calls and event loops. A cycle of an event loop is what is done between two waits for
// sockets (conn/cycles.go), or one of the chores that come ten times a second (Tick), so a server at rest has ten cycles a second, as
// redis-server with its default hz. The goroutine that runs commands reads for them itself, so none of what is read is another thread's
// work; what a client does not take at once is sent by another goroutine. Reply buffers are pooled, so none is resized for a client.
func infoTurns(c *Call, r *stats.Report) {
	e := c.Server
	net, rates := e.network(), e.stats.Rates.Now()
	cycles := e.cycles(&net)
	r.Add("total_reads_processed", net.Reads)
	r.Add("total_writes_processed", net.Writes)
	r.Add("io_threaded_reads_processed", 0)
	r.Add("io_threaded_writes_processed", net.Drains)
	r.Add("reply_buffer_shrinks", 0)
	r.Add("reply_buffer_expands", 0)
	r.Add("eventloop_cycles", cycles.Count)
	r.Add("eventloop_duration_sum", cycles.Nanos/microsecond)
	r.Add("eventloop_duration_cmd_sum", c.commandTime()/microsecond)
	r.Add("instantaneous_eventloop_cycles_per_sec", int64(rates.Cycles))
	r.Add("instantaneous_eventloop_duration_usec", int64(rates.Nanos/max(rates.Cycles, 1)/microsecond))
}

// cycles are those of the sockets and of the chores together.
func (e *Executor) cycles(net *Network) Cycles {
	sum := net.Cycles
	sum.Count += e.chores.count.Load()
	sum.Nanos += e.chores.nanos.Load()
	sum.Longest = max(sum.Longest, e.chores.longest.Load())
	return sum
}

// commandTime is how long all commands took, in nanoseconds.
func (c *Call) commandTime() (sum int64) {
	c.eachRan(func(_ *Row, n stats.Counts) { sum += n.Nanos })
	return sum
}

// infoDebug is about event loops as well. The chores are Tick, and the turns in which shards expire, evict and tidy up.
func infoDebug(c *Call, r *stats.Report) {
	net := c.Server.network()
	cycles := c.Server.cycles(&net)
	r.Add("eventloop_duration_aof_sum", 0)
	r.Add("eventloop_duration_cron_sum", (c.Server.chores.nanos.Load()+c.Tx.Stats().ExpiryTurnsNS)/microsecond)
	r.Add("eventloop_duration_max", cycles.Longest/microsecond)
	r.Add("eventloop_cmd_per_cycle_max", cycles.MostCommands)
}

// eachRan calls fn with every command that has run or was turned away.
func (c *Call) eachRan(fn func(r *Row, n stats.Counts)) {
	for _, row := range c.Server.table.all {
		if n := c.Server.stats.Counts(row.id); n.Calls > 0 || n.Rejected > 0 {
			fn(row, n)
		}
	}
}

func infoCommandStats(c *Call, r *stats.Report) {
	c.eachRan(func(row *Row, n stats.Counts) {
		micros := n.Nanos / microsecond
		r.Addf("cmdstat_"+row.full, "calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			n.Calls, micros, float64(micros)/float64(max(n.Calls, 1)), n.Rejected, n.Failed)
	})
}

func infoErrorStats(c *Call, r *stats.Report) {
	for _, e := range c.Server.stats.Errors.All() {
		r.Addf("errorstat_"+e.Code, "count=%d", e.Count)
	}
}

func infoLatencyStats(c *Call, r *stats.Report) {
	percentiles := c.Server.config.Now().LatencyTrackingInfoPercentiles
	for _, row := range c.Server.table.all {
		h := c.Server.stats.Latencies(row.id)
		if h == nil {
			continue
		}
		var values []string
		for _, p := range percentiles {
			values = append(values, fmt.Sprintf("p%s=%.3f",
				strconv.FormatFloat(p, 'f', -1, 64), float64(h.ValueAtQuantile(p))/microsecond))
		}
		r.Add("latency_percentiles_usec_"+row.full, strings.Join(values, ","))
	}
}

// memory is how much the server uses, in bytes.
type memory struct {
	used     int64 // keys, values and clients' buffers
	clients  int64 // of that, the buffers
	index    int64 // of that, the tables of keys
	overhead int64 // of that, what is not data
	dataset  int64 // of that, what is
	keys     int64 // number of keys
	peak     int64 // the most used so far
	heap     stats.Heap
	process  stats.Process
}

// memory measures it; tx holds all shards.
func (e *Executor) memory(tx *shards.Tx) memory {
	m := memory{clients: e.measureClients(), heap: stats.ReadHeap(), process: stats.ReadProcess()}
	for db := range e.group.Databases() {
		keys, _ := tx.Len(db)
		m.keys += int64(keys)
		m.index += tx.Memory(db).Index
	}
	m.used = e.group.Used() + m.clients
	m.overhead = min(m.index+m.clients, m.used)
	m.dataset = m.used - m.overhead
	m.peak = e.notePeak(m.used)
	return m
}

// datasetShare is how much of what came after the start is data, in percent.
func (m *memory) datasetShare(atStart int64) float64 {
	return share(m.dataset, m.used-atStart)
}

func share(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

func ratio(a, b int64) float64 {
	if b <= 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// measureClients adds up what clients' buffers, queues and prefixes take.
func (e *Executor) measureClients() (n int64) {
	e.sessions.Range(func(_ int64, s *Session) bool {
		in, out, _ := s.conn.Buffers()
		n += in + out + s.queueMemory() + s.trackingMemory()
		return true
	})
	return n
}

// notePeak returns the most memory used so far.
func (e *Executor) notePeak(used int64) int64 {
	for {
		peak := e.self.peak.Load()
		if used <= peak || e.self.peak.CompareAndSwap(peak, used) {
			return max(used, peak)
		}
	}
}

// Tick takes the samples that INFO's rates and peaks are made of. Whoever runs the server calls it every
// stats.SampleInterval.
func (e *Executor) Tick() {
	start := e.group.Now()
	net := e.network()
	cycles := e.cycles(&net)
	e.stats.Rates.Sample(start, stats.Totals{
		Commands: e.stats.Processed(), InBytes: net.InBytes, OutBytes: net.OutBytes, Cycles: cycles.Count, Nanos: cycles.Nanos,
	})
	e.notePeak(e.group.Used() + net.Buffered)
	e.chores.add(e.group.Now() - start)
}

// chores counts what comes ten times a second.
type chores struct{ count, nanos, longest atomic.Int64 }

// add counts one; they do not overlap.
func (c *chores) add(nanos int64) {
	c.count.Add(1)
	c.nanos.Add(nanos)
	c.longest.Store(max(c.longest.Load(), nanos))
}

func (c *chores) reset() {
	c.count.Store(0)
	c.nanos.Store(0)
	c.longest.Store(0)
}

func infoMemory(c *Call, r *stats.Report) {
	m, cfg := c.Server.memory(c.Tx), c.Server.config.Now()
	start := c.Server.self.startMemory
	r.AddBytes("used_memory", m.used)
	r.AddBytes("used_memory_rss", m.process.Resident)
	r.AddBytes("used_memory_peak", m.peak)
	r.Addf("used_memory_peak_perc", "%.2f%%", share(m.used, m.peak))
	r.Add("used_memory_overhead", m.overhead)
	r.Add("used_memory_startup", start)
	r.Add("used_memory_dataset", m.dataset)
	r.Addf("used_memory_dataset_perc", "%.2f%%", m.datasetShare(start))
	r.Add("allocator_allocated", m.heap.Allocated)
	r.Add("allocator_active", m.heap.Active)
	r.Add("allocator_resident", m.heap.Resident)
	r.AddBytes("total_system_memory", m.process.SystemMemory)
	infoScripts(r)
	r.AddBytes("maxmemory", cfg.MaxMemory)
	r.Add("maxmemory_policy", cfg.MaxMemoryPolicy)
	r.Addf("allocator_frag_ratio", "%.2f", ratio(m.heap.Active, m.heap.Allocated))
	r.Add("allocator_frag_bytes", m.heap.Active-m.heap.Allocated)
	r.Addf("allocator_rss_ratio", "%.2f", ratio(m.heap.Resident, m.heap.Active))
	r.Add("allocator_rss_bytes", m.heap.Resident-m.heap.Active)
	r.Addf("rss_overhead_ratio", "%.2f", ratio(m.process.Resident, m.heap.Resident))
	r.Add("rss_overhead_bytes", m.process.Resident-m.heap.Resident)
	r.Addf("mem_fragmentation_ratio", "%.2f", ratio(m.process.Resident, m.used))
	r.Add("mem_fragmentation_bytes", m.process.Resident-m.used)
	r.Add("mem_not_counted_for_evict", 0)
	r.Add("mem_replication_backlog", 0)
	r.Add("mem_total_replication_buffers", 0)
	r.Add("mem_clients_slaves", 0)
	r.Add("mem_clients_normal", m.clients)
	r.Add("mem_cluster_links", 0)
	r.Add("mem_aof_buffer", 0)
	r.Add("mem_allocator", "go")
	r.Add("active_defrag_running", 0)
	r.Add("lazyfree_pending_objects", 0)
	r.Add("lazyfreed_objects", 0)
}

// infoScripts is what INFO memory says of scripts, of which there are none.
func infoScripts(r *stats.Report) {
	r.Add("used_memory_lua", 0)
	r.Add("used_memory_vm_eval", 0)
	r.Add("used_memory_lua_human", stats.HumanBytes(0))
	r.Add("used_memory_scripts_eval", 0)
	r.Add("number_of_cached_scripts", 0)
	r.Add("number_of_functions", 0)
	r.Add("number_of_libraries", 0)
	r.Add("used_memory_vm_functions", 0)
	r.AddBytes("used_memory_vm_total", 0)
	r.Add("used_memory_functions", 0)
	r.AddBytes("used_memory_scripts", 0)
}
