package stats

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDoctorWithoutSpikes(t *testing.T) {
	var m Monitor
	require.True(t, strings.HasPrefix(m.Doctor(Checkup{}), "I'm sorry, Dave, I can't do that. Latency monitoring is disabled"))
	require.True(t, strings.HasPrefix(m.Doctor(Checkup{Threshold: 10}), "Dave, no latency spike was observed"))
}

func TestDoctorDescribesSpikes(t *testing.T) {
	var m Monitor
	m.Add("command", 3, 30)
	m.Add("command", 8, 200)
	m.Add("a", 10, 5)
	require.True(t, strings.HasPrefix(m.Doctor(Checkup{Now: 10}), strings.Join([]string{
		"Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?",
		"",
		"1. a: 1 latency spikes (average 5ms, mean deviation 0ms, period 1.00 sec). Worst all time event 5ms.",
		"2. command: 2 latency spikes (average 115ms, mean deviation 85ms, period 3.50 sec). Worst all time event 200ms.",
		"",
		"I have a few advices for you:",
		"",
		"- ",
	}, "\n")))
}

func TestDoctorAdvises(t *testing.T) {
	for _, tc := range []struct {
		event     string
		slowerMin int64
		want      []string
	}{
		{"command", -1, []string{"CONFIG SET slowlog-log-slower-than 10000", "SLOWLOG GET", "step by step"}},
		{"command", 11_000, []string{"CONFIG SET slowlog-log-slower-than 10000", "SLOWLOG GET", "step by step"}},
		{"command", 10_000, []string{"SLOWLOG GET", "step by step"}},
		{"fast-command", 0, []string{"noisy neighbour"}},
		{"expire-cycle", 0, []string{"random seconds"}},
		{"eviction-cycle", 0, []string{"maxmemory"}},
		{"something", 0, nil},
	} {
		var m Monitor
		m.Add(tc.event, 1, 50)
		report := m.Doctor(Checkup{Now: 2, Threshold: 10, SlowerMin: tc.slowerMin})
		require.Equal(t, len(tc.want), strings.Count(report, "\n- "), report)
		for _, want := range tc.want {
			require.Contains(t, report, want)
		}
		require.Equal(t, tc.want == nil, strings.HasSuffix(report, doctorAtLoss))
	}
}
