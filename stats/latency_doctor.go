// latency_doctor.go: LATENCY DOCTOR, a report for people. Its frame and what it says of each event are redis-server's words, which tools
// show and search; what it advises is about this server, so in words of our own.

package stats

import (
	"fmt"
	"slices"
	"strings"
)

// Checkup is what the doctor has to know besides the spikes.
type Checkup struct {
	Now       int64 // a second of unix time
	Threshold int64 // latency-monitor-threshold: milliseconds, 0 if spikes are not noted
	SlowerMin int64 // slowlog-log-slower-than: microseconds, negative if there is no slow log
}

const (
	doctorOff = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. " +
		"You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. " +
		"If we weren't in a deep space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n"
	doctorCalm = "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. " +
		"I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n"
	doctorBegins  = "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n"
	doctorAdvises = "\nI have a few advices for you:\n\n"
	doctorAtLoss  = "\nWhile there are latency events logged, I'm not able to suggest any easy fix.\n"
)

// Doctor is the report.
func (m *Monitor) Doctor(c Checkup) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case len(m.events) > 0:
	case c.Threshold == 0:
		return doctorOff
	default:
		return doctorCalm
	}
	names := make([]string, 0, len(m.events))
	for name := range m.events {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	var advices []string
	b.WriteString(doctorBegins)
	for i, name := range names {
		fmt.Fprintf(&b, "%d. %s: %s\n", i+1, name, m.events[name].analysis(c.Now))
		advices = append(advices, c.advise(name)...)
	}
	if len(advices) == 0 {
		b.WriteString(doctorAtLoss)
		return b.String()
	}
	b.WriteString(doctorAdvises)
	for i, advice := range advices {
		if !slices.Contains(advices[:i], advice) {
			b.WriteString("- " + advice + "\n")
		}
	}
	return b.String()
}

const largeValues = "What takes long is proportional to what a command goes over: its arguments, its reply, the elements that it looks at. " +
	"Take collections of millions of elements apart into smaller ones, and ask for ranges of them (SCAN and its kin, LRANGE, ZRANGE with " +
	"LIMIT). To delete, expire or evict them is no such command: that is done step by step."

// advise is what may help against an event.
func (c *Checkup) advise(event string) (advices []string) {
	switch event {
	case "command":
		switch {
		case c.SlowerMin < 0:
			advices = append(advices, fmt.Sprintf("Slow commands are not logged. Enable the Slow Log by 'CONFIG SET slowlog-log-slower-than %d'.",
				c.Threshold*microsecondsAMilli))
		case c.SlowerMin/microsecondsAMilli > c.Threshold:
			advices = append(advices, fmt.Sprintf("The Slow Log only has commands slower than what you call a spike. Please use "+
				"'CONFIG SET slowlog-log-slower-than %d'.", c.Threshold*microsecondsAMilli))
		}
		return append(advices, "Check your Slow Log (SLOWLOG GET) to learn which commands are slow. A command over keys of many shards, "+
			"a transaction, KEYS and SORT with BY or GET hold all those shards for as long as they run.", largeValues)
	case "fast-command":
		return []string{"A command that does next to nothing took long: the system did not give the server a processor, or the Go runtime " +
			"was collecting garbage. Lower the load of the machine, look for a noisy neighbour (redis-cli --intrinsic-latency 100 shows " +
			"what the machine itself does), and leave the container more memory than maxmemory."}
	case "expire-cycle":
		return []string{"Many keys expired at once. Each turn of expiry is short, so this points to a machine that is short of processors; " +
			"if not, spread deadlines by adding some random seconds to them."}
	case "eviction-cycle":
		return []string{"Much had to be evicted at once: after maxmemory was lowered, or when a command needed a lot of memory (a STORE form " +
			"of a large result, RESTORE). Lower maxmemory in steps."}
	}
	return nil
}

const microsecondsAMilli = 1000

// analysis describes the spikes of an event: how many, how far apart, how bad.
func (s *series) analysis(now int64) string {
	n := int64(len(s.spikes))
	var sum, deviation int64
	for _, sp := range s.spikes {
		sum += sp.Millis
	}
	average := sum / n
	for _, sp := range s.spikes {
		deviation += max(sp.Millis-average, average-sp.Millis)
	}
	period := now - s.spikes[0].Unix
	if period == 0 {
		period = 1
	}
	return fmt.Sprintf("%d latency spikes (average %dms, mean deviation %dms, period %.2f sec). Worst all time event %dms.",
		n, average, deviation/n, float64(period)/float64(n), s.worst)
}
