package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswerKeepsThePartOfARequest(t *testing.T) {
	stream := "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"
	for at := range len(stream) + 1 {
		c := &repliesConn{in: make([]byte, len(stream))}
		var out strings.Builder
		for _, piece := range []string{stream[:at], stream[at:]} {
			c.filled += copy(c.in[c.filled:], piece)
			require.NoError(t, c.answer("$1\r\nv\r\n"))
			out.Write(c.out)
		}
		require.Equal(t, "$1\r\nv\r\n:1\r\n+OK\r\n", out.String(), "split at %d", at)
		require.Zero(t, c.filled)
	}
}

func TestAnswerMakesRoomForALongRequest(t *testing.T) {
	request := "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$40\r\n" + strings.Repeat("v", 40) + "\r\n"
	c := &repliesConn{in: make([]byte, 8)}
	for len(request) > 0 {
		n := copy(c.in[c.filled:], request)
		require.Positive(t, n)
		c.filled += n
		request = request[n:]
		require.NoError(t, c.answer(""))
	}
	require.Equal(t, "+OK\r\n", string(c.out))
}
