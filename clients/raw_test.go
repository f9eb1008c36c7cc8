// What is spoken by hand: inline commands, as typed into a bare socket and as
// health checks send them, and the protocol errors that end a connection.

package clients

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const rawTimeout = time.Minute

func rawSuite(t *testing.T, tg target) {
	s := tg.start(t)
	for _, tc := range []struct {
		name, send, want string
	}{
		{"inline PING", "PING\r\n", "+PONG\r\n"},
		{"a bare line feed ends a line", "PING\n", "+PONG\r\n"},
		{"empty lines are ignored", "\r\n\r\nPING\r\n", "+PONG\r\n"},
		{"quoted arguments", "SET raw \"a\\r\\nb\\x41\"\r\nGET raw\r\n", "+OK\r\n$5\r\na\r\nbA\r\n"},
		{"inline and multibulk mixed", "PING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING x\r\n", "+PONG\r\n$2\r\nhi\r\n$1\r\nx\r\n"},
		{"an empty array is ignored", "*0\r\nPING\r\n", "+PONG\r\n"},
		{"QUIT", "QUIT\r\nPING\r\n", "+OK\r\n"},
		{"unbalanced quotes", "SET raw \"a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"},
		{"a bad array length", "*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		{"a bad bulk length", "*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"a missing bulk header", "*1\r\n:1\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"},
		{
			"commands before a protocol error are run", "*1\r\n$4\r\nPING\r\n*1\r\n$-2\r\n",
			"+PONG\r\n-ERR Protocol error: invalid bulk length\r\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, exchange(t, s.addr, tc.send, len(tc.want)))
		})
	}
}

// exchange sends text and returns what the server answers, of which so many bytes are expected. It keeps its side
// open: Redis drops a client that half-closes, and with it replies not sent yet.
func exchange(t *testing.T, addr, text string, expected int) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, rawTimeout)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(rawTimeout)))
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	return string(readUntilQuiet(t, conn, expected))
}

// readUntilQuiet reads until the server closes or has said nothing for a while
// after what is expected.
func readUntilQuiet(t *testing.T, conn net.Conn, expected int) []byte {
	t.Helper()
	const quiet = 150 * time.Millisecond
	var reply []byte
	chunk := make([]byte, 1024)
	for {
		limit := quiet
		if len(reply) < expected {
			limit = rawTimeout
		}
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(limit)))
		n, err := conn.Read(chunk)
		reply = append(reply, chunk[:n]...)
		if err != nil {
			return reply
		}
	}
}
