//go:build linux

package conn

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestKeepAlive(t *testing.T) {
	for _, seconds := range []string{"0", "1", "300"} {
		f := newFixture(t, "--tcp-keepalive", seconds)
		f.dial().do("+PONG\r\n", "PING")
		on, idle, interval := keepAliveOf(t, f.only().socket)
		if seconds == "0" {
			require.False(t, on)
			continue
		}
		require.True(t, on)
		require.Equal(t, seconds, fmt.Sprint(idle))
		require.Equal(t, max(idle/3, 1), interval)
	}
}

// keepAliveOf asks the system how it keeps a socket alive; times are in seconds.
func keepAliveOf(t *testing.T, socket net.Conn) (on bool, idle, interval int) {
	t.Helper()
	get := func(level, option int) int {
		n, err := unix.GetsockoptInt(descriptor(socket), level, option)
		require.NoError(t, err)
		return n
	}
	return get(unix.SOL_SOCKET, unix.SO_KEEPALIVE) != 0, get(unix.IPPROTO_TCP, unix.TCP_KEEPIDLE), get(unix.IPPROTO_TCP, unix.TCP_KEEPINTVL)
}
