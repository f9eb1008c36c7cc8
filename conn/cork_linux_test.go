package conn

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// cork makes a socket wait for the end of the stream with what it sends, so that both go in one segment.
func cork(t *testing.T, socket net.Conn) {
	t.Helper()
	require.NoError(t, unix.SetsockoptInt(descriptor(socket), unix.IPPROTO_TCP, unix.TCP_CORK, 1))
}
