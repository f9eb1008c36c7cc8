// memory.go: the MEMORY family.

package command

import (
	"fmt"
	"math"
	"runtime/debug"
	"strings"

	"respite/stats"
)

func memoryRows() []Row {
	report := []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}
	return []Row{
		{Name: "memory", Arity: -2, Since: "4.0.0", Cost: "Depends on subcommand.", Doc: "A container for commands about memory.", Sub: []Row{
			{
				Name: "doctor", Arity: 2, Place: OnAllShards, Run: memoryDoctor, Tips: report,
				Since: "4.0.0", Cost: "O(1)", Doc: "Returns a report on memory for people.",
			},
			{
				Name: "help", Arity: 2, Flags: Loading | Stale, Place: OnConnection, Run: memoryHelp,
				Since: "4.0.0", Cost: "O(1)", Doc: "Lists the subcommands.",
			},
			{
				Name: "malloc-stats", Arity: 2, Place: Alone, Run: memoryMallocStats, Tips: report,
				Since: "4.0.0", Cost: "O(1)", Doc: "Returns what the Go runtime says of its memory.",
			},
			{
				Name: "purge", Arity: 2, Place: Alone, Run: memoryPurge,
				Tips:  []string{"request_policy:all_shards", "response_policy:all_succeeded"},
				Since: "4.0.0", Cost: "O(N) in the size of the heap", Doc: "Gives free memory back to the operating system.",
			},
			{
				Name: "stats", Arity: 2, Place: OnAllShards, Run: memoryStats, Tips: report,
				Since: "4.0.0", Cost: "O(1)", Doc: "Returns where the memory is.",
			},
			{
				Name: "usage", Arity: -3, Flags: ReadOnly, Keys: keys(RO, 2, 2, 1), Run: memoryUsage,
				Since: "4.0.0", Cost: "O(N) in the number of samples", Doc: "Returns how many bytes a key and its value take.",
			},
		}},
	}
}

const firstMemoryOption = 3

// leastSamples is about how many nodes of each level of a tree stand for all of them, unless the client asks for more.
const leastSamples = 16

// memoryUsage knows the size of every value exactly, but for the nodes of large collections: it looks at some, or at all with SAMPLES 0.
func memoryUsage(c *Call) error {
	samples := leastSamples
	for i := firstMemoryOption; i < len(c.Args); i += 2 {
		if !c.Option(i, "samples") || i+1 == len(c.Args) {
			return errSyntax
		}
		n, err := c.Int(i + 1)
		if err != nil {
			return err
		}
		if n < 0 {
			return errSyntax
		}
		samples = max(int(min(n, math.MaxInt32)), leastSamples)
		if n == 0 {
			samples = 0
		}
	}
	it, ok := c.Tx.Peek(c.Args[2])
	if !ok {
		c.Reply.Null()
		return nil
	}
	if samples == 0 || samples > leastSamples {
		c.long(it.View().Entries())
	}
	c.Reply.Int(int64(it.Size(samples)))
	return nil
}

func memoryStats(c *Call) error {
	m := c.Server.memory(c.Tx)
	start := c.Server.self.startMemory
	at, n := c.Reply.DeferMap(), 0
	field := func(name string, bytes int64) { c.Reply.BulkString(name); c.Reply.Int(bytes); n++ }
	double := func(name string, f float64) { c.Reply.BulkString(name); c.Reply.Double(f); n++ }
	field("peak.allocated", m.peak)
	field("total.allocated", m.used)
	field("startup.allocated", start)
	field("replication.backlog", 0)
	field("clients.slaves", 0)
	field("clients.normal", m.clients)
	field("cluster.links", 0)
	field("aof.buffer", 0)
	field("lua.caches", 0)
	field("functions.caches", 0)
	n += c.memoryOfDatabases()
	field("overhead.total", m.overhead)
	field("keys.count", m.keys)
	field("keys.bytes-per-key", (m.used-start)/max(m.keys, 1))
	field("dataset.bytes", m.dataset)
	double("dataset.percentage", m.datasetShare(start))
	double("peak.percentage", share(m.used, m.peak))
	field("allocator.allocated", m.heap.Allocated)
	field("allocator.active", m.heap.Active)
	field("allocator.resident", m.heap.Resident)
	double("allocator-fragmentation.ratio", ratio(m.heap.Active, m.heap.Allocated))
	field("allocator-fragmentation.bytes", m.heap.Active-m.heap.Allocated)
	double("allocator-rss.ratio", ratio(m.heap.Resident, m.heap.Active))
	field("allocator-rss.bytes", m.heap.Resident-m.heap.Active)
	double("rss-overhead.ratio", ratio(m.process.Resident, m.heap.Resident))
	field("rss-overhead.bytes", m.process.Resident-m.heap.Resident)
	double("fragmentation", ratio(m.process.Resident, m.used))
	field("fragmentation.bytes", m.process.Resident-m.used)
	c.Reply.SetMap(at, n)
	return nil
}

// memoryOfDatabases writes a pair for each database that is not empty, and returns how many.
func (c *Call) memoryOfDatabases() (n int) {
	for db := range c.Server.group.Databases() {
		if keys, _ := c.Tx.Len(db); keys == 0 {
			continue
		}
		c.Reply.BulkString(fmt.Sprintf("db.%d", db))
		c.Reply.Map(3)
		c.number("overhead.hashtable.main", int(c.Tx.Memory(db).Index))
		c.number("overhead.hashtable.expires", 0)
		c.number("overhead.hashtable.slot-to-keys", 0)
		n++
	}
	return n
}

// What MEMORY DOCTOR finds worth a word, redis-server's figures.
const (
	smallDataset   = 5 << 20 // bytes; below it ratios mean nothing
	highPeak       = 1.5     // peak to used
	highResident   = 1.4     // resident to used
	highRetained   = 1.1     // what the runtime has of the system to what its heap has
	muchResident   = 10 << 20
	largeBufferAvg = 200 << 10
)

func memoryDoctor(c *Call) error {
	m := c.Server.memory(c.Tx)
	c.Reply.Verbatim("txt", []byte(m.diagnosis(c.Server.sessions.Size())))
	return nil
}

// diagnosis says in words what is odd about the server's memory. The frame is redis-server's, which tools show and search; what is wrong,
// and what helps, is about a garbage-collected heap and so in words of our own.
func (m *memory) diagnosis(clients int) string {
	if m.used < smallDataset {
		return "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. " +
			"Please, leave for your mission on Earth and fill it with some data. " +
			"The new Sam and I will be back to our programming as soon as I finished rebooting.\n"
	}
	found := m.issues(clients)
	if len(found) == 0 {
		return "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
	}
	return "Sam, I detected a few issues in this Redis instance memory implants:\n\n * " + strings.Join(found, "\n\n * ") +
		"\n\nI'm here to keep you safe, Sam. I want to help you.\n"
}

func (m *memory) issues(clients int) (found []string) {
	if ratio(m.peak, m.used) > highPeak {
		found = append(found, "Peak memory: In the past this instance used more than 150% the memory that is currently using. Pages that ran "+
			"empty have gone back to the system, and shards compact what is left, so this alone is harmless.")
	}
	if ratio(m.process.Resident, m.used) > highResident && m.process.Resident-m.used > muchResident {
		found = append(found, "High total RSS: The resident size of the process is more than 1.4 times what data and clients take. The rest is "+
			"room that the garbage collector works in, buffers that are kept for later use, and the program itself. It is bounded by maxmemory, "+
			"from which the limit of the Go runtime is set; if it stays high without load, MEMORY PURGE collects at once.")
	}
	if ratio(m.heap.Resident, m.heap.Active) > highRetained && m.heap.Resident-m.heap.Active > muchResident {
		found = append(found, "High allocator RSS overhead: The Go runtime holds more than 1.1 times the memory that its heap uses. It gives such "+
			"memory back step by step; MEMORY PURGE does so at once.")
	}
	if m.clients/int64(max(clients, 1)) > largeBufferAvg {
		found = append(found, "Big client buffers: What is held for clients is more than 200K each on average. Clients that subscribe and do not "+
			"read fast enough, large replies, and very long pipelines and transactions are the usual causes. CLIENT LIST shows whose it is (qbuf, "+
			"omem, multi-mem, tot-mem); client-output-buffer-limit and maxmemory-clients bound it.")
	}
	return found
}

func memoryMallocStats(c *Call) error {
	h := stats.ReadHeap()
	c.Reply.Verbatim("txt", fmt.Appendf(nil, "Go runtime, bytes:\nallocated %d\nactive %d\nresident %d\n", h.Allocated, h.Active, h.Resident))
	return nil
}

func memoryPurge(c *Call) error {
	debug.FreeOSMemory()
	c.Reply.OK()
	return nil
}

func memoryHelp(c *Call) error {
	return c.help(
		"DOCTOR", "    Return memory problems reports.",
		"MALLOC-STATS", "    Return internal statistics report from the memory allocator.",
		"PURGE", "    Attempt to purge dirty pages for reclamation by the allocator.",
		"STATS", "    Return information about the memory usage of the server.",
		"USAGE <key> [SAMPLES <count>]", "    Return memory in bytes used by <key> and its value. Nested values are",
		"    sampled up to <count> times (default: 5, 0 means sample all).",
	)
}
