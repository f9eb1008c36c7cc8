package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseCells(t *testing.T) {
	tests := []struct{ list, want string }{
		{"get:1,set:16", "[get:1 set:16]"},
		{" MSET:7 ", "[mset:7]"},
		{"incr", "[incr:1 incr:16 incr:100]"},
		{"", "[get:1 get:16 get:100 set:1 set:16 set:100 incr:1 incr:16 incr:100 mset:1 mset:16 mset:100]"},
	}
	for _, test := range tests {
		cells, err := parseCells(test.list)
		require.NoError(t, err, test.list)
		require.Equal(t, test.want, fmt.Sprint(cells), test.list)
	}
	for _, list := range []string{"flushall", "get:0", "get:-1", "get:x", "get:1001", "get:1,,set:1", "get:"} {
		_, err := parseCells(list)
		require.Error(t, err, list)
	}
}

// goodOptions are the defaults of the flags.
func goodOptions() options {
	return options{
		clients: 50, threads: 1, rounds: 5, measure: time.Second, idle: 10_000, active: 1,
		keys: []int{10}, valueSizes: []int{1},
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := goodOptions()
	require.NoError(t, good.check(modes()[0]))
	tests := map[string]func(*options){
		"--rounds":      func(o *options) { o.rounds = 0 },
		"--clients":     func(o *options) { o.clients = 0 },
		"--threads":     func(o *options) { o.threads = o.clients + 1 },
		"--seconds":     func(o *options) { o.measure = 0 },
		"--warm-up":     func(o *options) { o.warmUp = -1 },
		"--settle":      func(o *options) { o.settle = -1 },
		"--overwrite":   func(o *options) { o.overwrite = -1 },
		"--open-loop":   func(o *options) { o.percents = []int{50, 0} },
		"--idle":        func(o *options) { o.idle = maxIdle + 1 },
		"--active":      func(o *options) { o.active = 100.5 },
		"--keys":        func(o *options) { o.keys = []int{5, 0} },
		"--value-sizes": func(o *options) { o.valueSizes = []int{maxValue + 1} },
	}
	for flag, spoil := range tests {
		o := goodOptions()
		spoil(&o)
		require.ErrorContains(t, o.check(modes()[0]), flag)
	}
}

func TestActiveClientsAreAPartOfTheIdleOnes(t *testing.T) {
	o := goodOptions()
	require.Equal(t, 100, o.activeClients())
	o.idle, o.active = 10, 1
	require.Equal(t, 1, o.activeClients(), "at least one")
	o.threads = 2
	idle := mode{name: idleMode}
	require.ErrorContains(t, o.check(idle), "--threads")
	o.active = 100
	require.NoError(t, o.check(idle))
}
