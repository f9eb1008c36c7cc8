package main

import (
	"bytes"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/config"
)

func lifeUnderTest(t *testing.T, args ...string) (*life, *bytes.Buffer) {
	t.Helper()
	cfg, log := config.New(), new(bytes.Buffer)
	require.NoError(t, cfg.Parse("", args))
	return newLife(cfg, slog.New(slog.NewTextHandler(log, nil))), log
}

func TestSignals(t *testing.T) {
	for _, tc := range []struct {
		args  []string
		sig   os.Signal
		begun bool
		drain time.Duration
	}{
		{nil, syscall.SIGTERM, true, 10 * time.Second},
		{nil, os.Interrupt, true, 10 * time.Second},
		{[]string{"--shutdown-timeout", "0"}, syscall.SIGTERM, true, leastDrain},
		{[]string{"--shutdown-timeout", "7"}, syscall.SIGTERM, true, 7 * time.Second},
		{[]string{"--shutdown-on-sigterm", "now"}, syscall.SIGTERM, true, leastDrain},
		{[]string{"--shutdown-on-sigterm", "now"}, os.Interrupt, true, 10 * time.Second},
		{[]string{"--shutdown-on-sigint", "nosave", "now", "force"}, os.Interrupt, true, leastDrain},
		{[]string{"--shutdown-on-sigterm", "save"}, syscall.SIGTERM, false, 0},
		{[]string{"--shutdown-on-sigterm", "save"}, os.Interrupt, true, 10 * time.Second},
		{[]string{"--shutdown-on-sigterm", "save", "force"}, syscall.SIGTERM, true, 10 * time.Second},
	} {
		l, log := lifeUnderTest(t, tc.args...)
		require.False(t, l.signal(tc.sig), tc.args)
		require.Equal(t, tc.begun, l.hasBegun(), tc.args)
		require.Contains(t, log.String(), "scheduling shutdown...")
		require.Contains(t, log.String(), "User requested shutdown...")
		if !tc.begun {
			require.Contains(t, log.String(), "Error trying to save the DB, can't exit")
			require.Contains(t, log.String(), "Errors trying to shut down the server")
			require.False(t, l.signal(tc.sig), "it was refused, so this is the first again")
			continue
		}
		require.Equal(t, tc.drain, l.drainTime(), tc.args)
		require.True(t, l.signal(tc.sig))
		require.Contains(t, log.String(), "You insist... exiting now.")
	}
}

func TestAbort(t *testing.T) {
	l, log := lifeUnderTest(t)
	require.False(t, l.abort())
	l.hold(true)
	require.False(t, l.abort())
	require.False(t, l.signal(syscall.SIGTERM))
	require.False(t, l.hasBegun())
	require.True(t, l.abort())
	require.Contains(t, log.String(), "Shutdown manually aborted")
	require.False(t, l.abort())
	l.hold(false)
	require.False(t, l.hasBegun())
	l.hold(true)
	require.False(t, l.signal(syscall.SIGTERM))
	require.True(t, l.signal(syscall.SIGTERM), "somebody insists")
	l.hold(false)
	require.True(t, l.hasBegun())
	require.False(t, l.abort())
}

func TestShutdownCommand(t *testing.T) {
	l, _ := lifeUnderTest(t)
	l.hold(true) // is for signals
	require.ErrorIs(t, l.shutdown(config.ShutdownSave), errNoSave)
	require.False(t, l.hasBegun())
	require.NoError(t, l.shutdown(config.ShutdownSave|config.ShutdownForce|config.ShutdownNow))
	require.True(t, l.hasBegun())
	require.NoError(t, l.shutdown(config.ShutdownSave))
	require.Equal(t, leastDrain, l.drainTime())
}

func TestTimeLeft(t *testing.T) {
	l, _ := lifeUnderTest(t, "--shutdown-timeout", "7")
	_, ending := l.left()
	require.False(t, ending)
	require.NoError(t, l.shutdown(0))
	left, ending := l.left()
	require.True(t, ending)
	require.InDelta(t, 7, left.Seconds(), 1)
	l.last = time.Now().Add(-time.Second)
	left, _ = l.left()
	require.Zero(t, left)
}
