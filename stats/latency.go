package stats

import (
	"slices"
	"strings"
	"sync"
)

// Monitor keeps the latency spikes of LATENCY: events that took longer than latency-monitor-threshold. The zero value
// is ready.
type Monitor struct {
	mu     sync.Mutex
	events map[string]*series
}

// Spike is the worst that an event took within a second.
type Spike struct{ Unix, Millis int64 }

const maxSpikes = 160 // kept of an event, the latest

// series is the spikes of one event, the oldest first.
type series struct {
	spikes []Spike
	worst  int64 // of all time, since the last reset
}

// Event is one event as LATENCY LATEST shows it.
type Event struct {
	Name   string
	Latest Spike
	Worst  int64 // milliseconds, since the last reset
}

// Add notes that an event took so many milliseconds at a second of unix time.
func (m *Monitor) Add(event string, unix, millis int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.events == nil {
		m.events = map[string]*series{}
	}
	s := m.events[event]
	if s == nil {
		s = &series{}
		m.events[event] = s
	}
	s.add(Spike{unix, millis})
}

func (s *series) add(sp Spike) {
	s.worst = max(s.worst, sp.Millis)
	if n := len(s.spikes); n > 0 && s.spikes[n-1].Unix == sp.Unix {
		s.spikes[n-1].Millis = max(s.spikes[n-1].Millis, sp.Millis)
		return
	}
	if len(s.spikes) == maxSpikes {
		s.spikes = slices.Delete(s.spikes, 0, 1)
	}
	s.spikes = append(s.spikes, sp)
}

// Latest lists the events by name.
func (m *Monitor) Latest() []Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	events := make([]Event, 0, len(m.events))
	for name, s := range m.events {
		events = append(events, Event{name, s.spikes[len(s.spikes)-1], s.worst})
	}
	slices.SortFunc(events, func(a, b Event) int { return strings.Compare(a.Name, b.Name) })
	return events
}

// History returns the spikes of an event, the oldest first; none if there is no such event.
func (m *Monitor) History(event string) []Spike {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.events[event]; s != nil {
		return slices.Clone(s.spikes)
	}
	return nil
}

// Reset forgets events, all if none is named, and returns how many there were.
func (m *Monitor) Reset(events ...string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(events) == 0 {
		n = len(m.events)
		m.events = nil
		return n
	}
	for _, name := range events {
		if m.events[name] != nil {
			delete(m.events, name)
			n++
		}
	}
	return n
}
