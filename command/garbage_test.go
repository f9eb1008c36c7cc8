// What short commands leave behind. (Under the race detector pools lose things on purpose.)

//go:build !race

package command

import (
	"bufio"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/config"
	"respite/proto"
	"respite/shards"
)

// TestShortCommandsLeaveNoGarbage keeps the way of a command free of allocations: 24 bytes a reply were 1 % of the profile at depth 1,
// and collections besides.
func TestShortCommandsLeaveNoGarbage(t *testing.T) {
	group := shards.New(shards.Options{Shards: 2})
	group.Start()
	defer group.Close()
	exec, err := NewExecutor(group, config.New(), slog.New(slog.DiscardHandler), Hooks{})
	require.NoError(t, err)
	s := exec.NewSession(quietConn{})
	defer s.Close()
	w, limits := bufio.NewWriterSize(io.Discard, 16<<10), s.Limits()
	for _, command := range [][]string{{"SET", "key", "value"}, {"GET", "key"}, {"INCR", "n"}, {"PING"}} {
		r := proto.NewReader(&chunks{pipelines: [][]byte{proto.AppendCommand(nil, command...)}})
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			require.NoError(t, r.Fill())
			args, _, err := r.Next(&limits)
			require.NoError(t, err)
			require.NoError(t, s.Do(args, w))
			require.NoError(t, s.Flush(w))
		}), command[0])
	}
}
