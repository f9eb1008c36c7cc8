package main

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// http-port is for HTTP alone, and the port of Redis is not for HTTP then.
func TestHTTPPort(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	require.NoError(t, free.Close())
	s := startServer(t, "--http-port", port)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(addr string) (int, string) {
		resp, err := client.Get("http://" + addr + "/healthz")
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	code, body := get("127.0.0.1:" + port)
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "ok\n", body)
	code, _ = get(s.Addr)
	require.Zero(t, code)
}
