//go:build unix

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The signals are a process's own, so the server is one.
func TestOutlivesItsReaders(t *testing.T) {
	p := startProcess(t, "")
	require.NoError(t, p.out.Close()) // every further line of the log is a SIGPIPE
	p.signal(unix.SIGHUP)
	p.signal(unix.SIGTERM)
	require.NoError(t, p.cmd.Wait(), "drained and ended in order")
}
