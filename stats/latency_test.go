package stats

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMonitorKeepsTheWorstOfASecond(t *testing.T) {
	var m Monitor
	require.Empty(t, m.Latest())
	require.Empty(t, m.History("command"))
	m.Add("command", 10, 5)
	m.Add("command", 10, 9)
	m.Add("command", 10, 7)
	m.Add("command", 11, 3)
	m.Add("fast-command", 11, 1)
	require.Equal(t, []Spike{{10, 9}, {11, 3}}, m.History("command"))
	require.Equal(t, []Event{{"command", Spike{11, 3}, 9}, {"fast-command", Spike{11, 1}, 1}}, m.Latest())
}

func TestMonitorForgetsTheOldest(t *testing.T) {
	var m Monitor
	for i := range int64(maxSpikes + 2) {
		m.Add("command", i, 1000-i)
	}
	history := m.History("command")
	require.Len(t, history, maxSpikes)
	require.EqualValues(t, 2, history[0].Unix)
	require.EqualValues(t, 1000, m.Latest()[0].Worst, "the worst is of all time")
}

func TestMonitorReset(t *testing.T) {
	var m Monitor
	for _, name := range []string{"a", "b", "c"} {
		m.Add(name, 1, 1)
	}
	require.Equal(t, 1, m.Reset("a", "nosuch"))
	require.Equal(t, 2, m.Reset())
	require.Zero(t, m.Reset())
	require.Empty(t, m.Latest())
}

// TestGraph is what a real server draws of these spikes.
func TestGraph(t *testing.T) {
	var m Monitor
	for i, ms := range []int64{30, 50, 30, 103, 203} {
		m.Add("command", int64([]int{3, 5, 6, 7, 8}[i]), ms)
	}
	graph, ok := m.Graph("command", 10)
	require.True(t, ok)
	require.Equal(t, strings.Join([]string{
		"command - high 203 ms, low 30 ms (all time high 203 ms)",
		strings.Repeat("-", 80),
		"    #",
		"    |",
		"   #|",
		"_o_||",
		"     ",
		"75432",
		"sssss",
	}, "\n")+"\n", graph)
	_, ok = m.Graph("nosuch", 10)
	require.False(t, ok)
}

func TestGraphOfOneSpikeAndOldOnes(t *testing.T) {
	var m Monitor
	m.Add("e", 0, 5)
	graph, ok := m.Graph("e", 3*24*60*60)
	require.True(t, ok)
	require.True(t, strings.HasSuffix(graph, "\n_\n \n3\nd\n"), graph)
	require.Equal(t, "59s", age(59))
	require.Equal(t, "2m", age(150))
	require.Equal(t, "1h", age(3600))
	require.Equal(t, "0s", age(-1))
}

// TestLongGraph is what a real server drew of what it had seen.
func TestLongGraph(t *testing.T) {
	file, err := os.ReadFile("testdata/graph.txt")
	require.NoError(t, err)
	lines := strings.SplitN(string(file), "\n", 4)
	now, err := strconv.ParseInt(lines[1], 10, 64)
	require.NoError(t, err)
	var m Monitor
	for _, spike := range strings.Fields(lines[2]) {
		var unix, millis int64
		_, err := fmt.Sscanf(spike, "%d:%d", &unix, &millis)
		require.NoError(t, err)
		m.Add("command", unix, millis)
	}
	graph, ok := m.Graph("command", now)
	require.True(t, ok)
	require.Equal(t, lines[3], graph)
}
