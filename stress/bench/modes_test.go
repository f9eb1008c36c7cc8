package bench

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

// modeOf is the mode that the command would choose.
func modeOf(args ...string) (m mode, err error) {
	m, _, err = chosen(args...)
	return m, err
}

// chosen is the mode that the command would choose, and its warm-up.
func chosen(args ...string) (m mode, warm time.Duration, err error) {
	command := Command()
	command.Action = func(c *cli.Context) (err error) {
		m, err = pickMode(c)
		warm = warmUp(c, m)
		return err
	}
	app := &cli.App{Name: "respite", Commands: []*cli.Command{command}, Writer: io.Discard, ErrWriter: io.Discard}
	err = app.Run(append([]string{"respite", commandName}, args...))
	return m, warm, err
}

// A server that was started for one measurement takes longer to come to rest.
func TestIdleWarmsUpForLonger(t *testing.T) {
	for _, test := range []struct {
		args []string
		want time.Duration
	}{
		{nil, 200 * time.Millisecond},
		{[]string{"--active", "1"}, idleWarmUp},
		{[]string{"--active", "1", "--warm-up", "0.5"}, 500 * time.Millisecond},
	} {
		_, warm, err := chosen(test.args...)
		require.NoError(t, err)
		require.Equal(t, test.want, warm, test.args)
	}
}

func TestFlagsChooseTheMode(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{nil, throughputMode},
		{[]string{"--cells", "get:1", "--clients", "7", "--memory=false"}, throughputMode},
		{[]string{"--memory", "--ttl", "--targets", "redis"}, memoryMode},
		{[]string{"--open-loop", "50,80", "--threads", "2", "--rounds", "1"}, openLoopMode},
		{[]string{"--latency", "--seconds", "2", "--markdown"}, latencyMode},
		{[]string{"--idle", "5"}, idleMode},
		{[]string{"--active", "5"}, idleMode},
		{[]string{"--active", "5", "--idle", "7", "--warm-up", "1"}, idleMode},
	}
	for _, test := range tests {
		m, err := modeOf(test.args...)
		require.NoError(t, err, test.args)
		require.Equal(t, test.want, m.name, test.args)
	}
}

func TestFlagsOfTwoModesAreRefused(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"--memory", "--open-loop", "50"}, "--memory and --open-loop are different measurements"},
		{[]string{"--latency", "--idle", "9"}, "--latency and --idle are different measurements"},
		{[]string{"--active", "2", "--memory"}, "--memory and --idle are different measurements"},
		{[]string{"--ttl"}, "--ttl goes with --memory, not with throughput"},
		{[]string{"--open-loop", "50", "--cells", "get:1"}, "--cells goes with throughput, not with --open-loop"},
		{[]string{"--latency", "--clients", "2"}, "--clients goes with throughput, --memory, --open-loop, not with --latency"},
		{[]string{"--idle", "9", "--clients", "2"}, "not with --idle"},
		{[]string{"--memory", "--rounds", "2"}, "not with --memory"},
	}
	for _, test := range tests {
		_, err := modeOf(test.args...)
		require.ErrorContains(t, err, test.want, test.args)
	}
}
