// latency.go: the LATENCY family: spikes that the monitor saw, and histograms of every command.

package command

import (
	"respite/stats"
)

func latencyRows() []Row {
	const flags = Admin | NoScript | Loading | Stale
	report := []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"}
	return []Row{
		{Name: "latency", Arity: -2, Since: "2.8.13", Cost: "Depends on subcommand.", Doc: "A container for commands about latency.", Sub: []Row{
			{
				Name: "doctor", Arity: 2, Flags: flags, Place: Alone, Run: latencyDoctor, Tips: report,
				Since: "2.8.13", Cost: "O(1)", Doc: "Returns a report on latency for people.",
			},
			{
				Name: "graph", Arity: 3, Flags: flags, Place: Alone, Run: latencyGraph, Tips: report,
				Since: "2.8.13", Cost: "O(1)", Doc: "Draws the latencies of an event.",
			},
			{
				Name: "help", Arity: 2, Flags: Loading | Stale, Place: OnConnection, Run: latencyHelp,
				Since: "2.8.13", Cost: "O(1)", Doc: "Lists the subcommands.",
			},
			{
				Name: "histogram", Arity: -2, Flags: flags, Place: OnAllShards, Run: latencyHistogram, Tips: report,
				Since: "7.0.0", Cost: "O(N) in the number of commands with latencies", Doc: "Returns how the latencies of commands are distributed.",
			},
			{
				Name: "history", Arity: 3, Flags: flags, Place: Alone, Run: latencyHistory, Tips: report,
				Since: "2.8.13", Cost: "O(1)", Doc: "Returns the latencies of an event.",
			},
			{
				Name: "latest", Arity: 2, Flags: flags, Place: Alone, Run: latencyLatest, Tips: report,
				Since: "2.8.13", Cost: "O(1)", Doc: "Returns the latest latency of every event.",
			},
			{
				Name: "reset", Arity: -2, Flags: flags, Place: Alone, Run: latencyReset,
				Tips:  []string{"request_policy:all_nodes", "response_policy:agg_sum"},
				Since: "2.8.13", Cost: "O(1)", Doc: "Forgets the latencies of events, or of all.",
			},
		}},
	}
}

// Spiked notes that the shards' own work, by one of the names of LATENCY's events, took so many nanoseconds.
func (e *Executor) Spiked(event string, nanos int64) {
	e.stats.Latency.Add(event, e.group.Now()/second, nanos/millisecond)
}

func latencyLatest(c *Call) error {
	events := c.Server.stats.Latency.Latest()
	c.Reply.Array(len(events))
	for _, e := range events {
		c.Reply.Array(4)
		c.Reply.BulkString(e.Name)
		c.Reply.Int(e.Latest.Unix)
		c.Reply.Int(e.Latest.Millis)
		c.Reply.Int(e.Worst)
	}
	return nil
}

func latencyHistory(c *Call) error {
	spikes := c.Server.stats.Latency.History(string(c.Args[2]))
	c.Reply.Array(len(spikes))
	for _, s := range spikes {
		c.Reply.Array(2)
		c.Reply.Int(s.Unix)
		c.Reply.Int(s.Millis)
	}
	return nil
}

func latencyReset(c *Call) error {
	var events []string
	for _, e := range c.Args[2:] {
		events = append(events, string(e))
	}
	c.Reply.Int(int64(c.Server.stats.Latency.Reset(events...)))
	return nil
}

func latencyGraph(c *Call) error {
	event := string(c.Args[2])
	graph, ok := c.Server.stats.Latency.Graph(event, c.Server.group.Now()/second)
	if !ok {
		return Error("ERR No samples available for event '" + event + "'")
	}
	c.Reply.Verbatim("txt", []byte(graph))
	return nil
}

func latencyDoctor(c *Call) error {
	now := c.Server.config.Now()
	report := c.Server.stats.Latency.Doctor(stats.Checkup{
		Now: c.Server.group.Now() / second, Threshold: now.LatencyMonitorThreshold, SlowerMin: now.SlowlogLogSlowerThan,
	})
	c.Reply.Verbatim("txt", []byte(report))
	return nil
}

func latencyHistogram(c *Call) error {
	at, n := c.Reply.DeferMap(), 0
	for _, row := range c.histogramRows() {
		h := c.Server.stats.Latencies(row.id)
		if h == nil {
			continue
		}
		c.Reply.BulkString(row.full)
		c.Reply.Map(2)
		c.Reply.BulkString("calls")
		c.Reply.Int(h.TotalCount())
		c.Reply.BulkString("histogram_usec")
		bars := stats.Cumulative(h)
		c.Reply.Map(len(bars))
		for _, b := range bars {
			c.Reply.Int(b.Micros)
			c.Reply.Int(b.Count)
		}
		n++
	}
	c.Reply.SetMap(at, n)
	return nil
}

// histogramRows is the rows that the arguments name, a container standing for its subcommands; all if none is named.
func (c *Call) histogramRows() (rows []*Row) {
	if len(c.Args) == 2 {
		return c.Server.table.all
	}
	for _, name := range c.Args[2:] {
		row := c.Server.table.Named(string(name))
		if row == nil {
			continue
		}
		rows = append(rows, row)
		for i := range row.Sub {
			rows = append(rows, &row.Sub[i])
		}
	}
	return rows
}

func latencyHelp(c *Call) error {
	return c.help(
		"DOCTOR", "    Return a human readable latency analysis report.",
		"GRAPH <event>", "    Return an ASCII latency graph for the <event> class.",
		"HISTORY <event>", "    Return time-latency samples for the <event> class.",
		"LATEST", "    Return the latest latency samples for all events.",
		"RESET [<event> ...]", "    Reset latency data of one or more <event> classes.",
		"    (default: reset all data for all event classes)",
		"HISTOGRAM [COMMAND ...]",
		"    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
		"    If no commands are specified then all histograms are replied.",
	)
}
