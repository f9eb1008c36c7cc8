package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFrameWaitsForTheWholeRequest(t *testing.T) {
	for _, request := range []string{
		"*1\r\n$4\r\nPING\r\n",
		"*2\r\n$3\r\nGET\r\n$5\r\nkey:1\r\n",
		"*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$4\r\n\r\n\r\n\r\n",
		"*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$0\r\n\r\n",
	} {
		for at := range len(request) {
			n, _, err := frame([]byte(request[:at]))
			require.NoError(t, err, "%q", request[:at])
			require.Zero(t, n, "%q", request[:at])
		}
		n, letter, err := frame([]byte(request + "*2\r\n$3"))
		require.NoError(t, err)
		require.Equal(t, len(request), n)
		require.Equal(t, request[8], letter)
	}
}

func TestFrameRefusesOtherBytes(t *testing.T) {
	for _, request := range []string{
		"PING\r\n", "*x\r\n", "*-1\r\n", "*1\n$4\r\n", "*1\r\n+PING\r\n", "*1\r\n$99999999999\r\n", "*1\rx",
	} {
		_, _, err := frame([]byte(request))
		require.ErrorIs(t, err, errFraming, "%q", request)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$5\r\nkey:1\r\n"))
	f.Add([]byte("*1\r\n$-1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, _, err := frame(b)
		require.LessOrEqual(t, n, len(b))
		if err == nil && n > 0 {
			part, _, err := frame(b[:n-1])
			require.NoError(t, err)
			require.Zero(t, part, "a request is not whole before its last byte")
		}
	})
}
