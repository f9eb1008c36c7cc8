//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// serveVariable makes this test binary a server, which TestOutlivesItsReaders starts: the signals are a process's own.
const serveVariable = "RESPITE_TEST_SERVE"

func TestOutlivesItsReaders(t *testing.T) {
	if port := os.Getenv(serveVariable); port != "" {
		os.Exit(run([]string{"respite", "--port", port, "--bind", "127.0.0.1", "--save", ""}))
	}
	port, err := freePort()
	require.NoError(t, err)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	var stderr bytes.Buffer
	cmd := exec.Command(os.Args[0], "-test.run", "^TestOutlivesItsReaders$")
	cmd.Env = append(os.Environ(), serveVariable+"="+strconv.Itoa(port))
	cmd.Stdout, cmd.Stderr = writer, &stderr
	require.NoError(t, cmd.Start())
	require.NoError(t, writer.Close())
	awaitReady(t, reader)
	require.NoError(t, reader.Close()) // every further line of the log is a SIGPIPE

	require.NoError(t, cmd.Process.Signal(unix.SIGHUP))
	require.NoError(t, cmd.Process.Signal(unix.SIGTERM))
	require.NoErrorf(t, cmd.Wait(), "drained and ended in order: %s", stderr.String())
}

// awaitReady reads the log until the server accepts connections.
func awaitReady(t *testing.T, log *os.File) {
	t.Helper()
	require.NoError(t, log.SetReadDeadline(time.Now().Add(10*time.Second)))
	var seen []byte
	for buf := make([]byte, 4096); !bytes.Contains(seen, []byte("Ready to accept")); {
		n, err := log.Read(buf)
		require.NoErrorf(t, err, "%s", seen)
		seen = append(seen, buf[:n]...)
	}
}
