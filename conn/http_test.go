package conn

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// ask sends an HTTP request as it is and returns the response with its body; the connection must end with it.
func (f *fixture) ask(request string) (*http.Response, string) {
	f.t.Helper()
	c := f.dial()
	c.send(request)
	return c.response()
}

func (c *client) response() (*http.Response, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.in, &http.Request{Method: http.MethodGet})
	require.NoError(c.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	_, err = c.in.ReadByte()
	require.ErrorIs(c.t, err, io.EOF)
	return resp, string(body)
}

func get(path string, headers ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + strings.Join(headers, "") + "\r\n"
}

func TestHealth(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		resp, body := f.ask(get(path))
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "ok\n", body)
	}
	for _, path := range []string{"/", "/healthz/x", "/etc/passwd"} {
		resp, _ := f.ask(get(path))
		require.Equal(t, http.StatusNotFound, resp.StatusCode, path)
	}
	f.eventually(func() bool { return f.server.Open() == 0 }, "connections end")
}

// A request may come in any pieces, with or without carriage returns, and what looks like one at first may be a command.
func TestRequestsInPieces(t *testing.T) {
	f := newFixture(t)
	for _, request := range []string{get("/healthz"), "GET /healthz HTTP/1.0\n\n"} {
		for cut := 1; cut < len(request); cut += 3 {
			c := f.dial()
			c.send(request[:cut])
			f.dial().do("+PONG\r\n", "PING")
			c.send(request[cut:])
			resp, body := c.response()
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Equal(t, "ok\n", body)
		}
	}
	c := f.dial()
	c.send("GET /heal")
	f.dial().do("+PONG\r\n", "PING")
	c.send("thz\r\nGET /\r\n")
	c.expect("$-1\r\n$-1\r\n")
}

// No line of a request is run, whatever it says, and what follows the request is not either.
func TestRequestsAreNotCommands(t *testing.T) {
	f := newFixture(t)
	f.dial().do("+OK\r\n", "SET", "k", "v")
	resp, _ := f.ask(get("/healthz", "FLUSHALL\r\n", "DEL k\r\n"))
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	resp, _ = f.ask(get("/healthz", "SET: k x\r\n") + "FLUSHALL\r\n")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	f.dial().do(bulk("v"), "GET", "k")

	c := f.dial()
	c.send(get("/healthz", "X: "+strings.Repeat("x", 100_000)+"\r\n"))
	require.Equal(t, "-ERR Protocol error: too big HTTP request\r\n", c.rest())
}

// Lines of an HTTP request as commands end the connection: after the replies to the commands before them, and before any that follow.
func TestCrossProtocol(t *testing.T) {
	f := newFixture(t)
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k 1\r\n",
		"PUT / HTTP/1.1\r\nhost: x\r\n\r\nSET k 1\r\n",
		"PING\r\n" + get("/metrics") + "SET k 1\r\n",
		request("PING") + request("PoSt", "a") + request("SET", "k", "1"),
	} {
		c := f.dial()
		c.send(request)
		require.NotContains(t, c.rest(), "+OK", request)
	}
	f.dial().do(":0\r\n", "EXISTS", "k")
	require.Equal(t, 1, strings.Count(f.log.String(), "Possible SECURITY ATTACK detected"), "the log is not flooded")
}

func TestMetrics(t *testing.T) {
	f := newFixture(t)
	c := f.dial()
	c.do("+OK\r\n", "SET", "k", "v")
	c.do(bulk("v"), "GET", "k")
	c.do("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", "LPUSH", "k", "x")
	resp, body := f.ask(get("/metrics"))
	require.Equal(t, http.StatusOK, resp.StatusCode)

	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	require.NoError(t, err)
	value := func(name, label string) float64 {
		require.Contains(t, families, name)
		for _, m := range families[name].GetMetric() {
			if len(m.GetLabel()) == 0 || m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
		t.Errorf("no %s of %q", name, label)
		return 0
	}
	require.EqualValues(t, 1, value("respite_commands_total", "get"))
	require.EqualValues(t, 1, value("respite_commands_failed_total", "lpush"))
	require.EqualValues(t, 1, value("respite_command_seconds", "set"))
	require.EqualValues(t, 1, value("respite_errors_total", "WRONGTYPE"))
	require.EqualValues(t, 1, value("respite_keys", "0"))
	require.GreaterOrEqual(t, value("respite_shard_queue", "1"), 0.0, "a shard may just have given itself a turn")
	require.EqualValues(t, 2, value("respite_clients", ""), "who asks is one of them")
	require.Positive(t, value("respite_memory_used_bytes", ""))
	require.Positive(t, value("go_goroutines", ""))
}

// The password of the server is that of its metrics; health is open.
func TestMetricsNeedThePassword(t *testing.T) {
	f := newFixture(t, "--requirepass", "secret")
	status := func(request string) int {
		resp, _ := f.ask(request)
		return resp.StatusCode
	}
	authorized := func(userPassword string) string {
		r, err := http.NewRequest(http.MethodGet, "/", nil)
		require.NoError(t, err)
		user, password, _ := strings.Cut(userPassword, ":")
		r.SetBasicAuth(user, password)
		return "Authorization: " + r.Header.Get("Authorization") + "\r\n"
	}
	require.Equal(t, http.StatusOK, status(get("/readyz")))
	require.Equal(t, http.StatusUnauthorized, status(get("/metrics")))
	require.Equal(t, http.StatusUnauthorized, status(get("/metrics", authorized("default:wrong"))))
	require.Equal(t, http.StatusUnauthorized, status(get("/metrics", authorized("other:secret"))))
	require.Equal(t, http.StatusOK, status(get("/metrics", authorized("default:secret"))))
	require.Equal(t, http.StatusOK, status(get("/metrics", authorized(":secret"))))

	c := f.dial()
	c.do("+OK\r\n", "AUTH", "secret")
	c.send("ACL LOG\r\nQUIT\r\n")
	log := c.rest()
	require.Equal(t, 2, strings.Count(log, "GET /metrics"), "who tries passwords is seen, and who has none is not: %s", log)
	require.Contains(t, log, "other")
}

func TestNoHTTP(t *testing.T) {
	for _, args := range [][]string{{"--http-endpoints", "no"}, {"--http-port", "1"}} {
		f := newFixture(t, args...)
		c := f.dial()
		c.send(get("/healthz"))
		require.Equal(t, "-ERR wrong number of arguments for 'get' command\r\n", c.rest(), "and Host: ends it")
	}
}

// Many ask at once, while commands run.
func TestScrapesUnderLoad(t *testing.T) {
	f := newFixture(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			resp, err := http.Get("http://" + f.addr + "/metrics")
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("scrape: %v %v", resp, err)
				return
			}
			_, err = io.Copy(io.Discard, bufio.NewReader(resp.Body))
			if err != nil {
				t.Errorf("scrape: %v", err)
			}
			_ = resp.Body.Close()
		}
	}()
	c := f.dial()
	for {
		select {
		case <-done:
			http.DefaultClient.CloseIdleConnections()
			return
		default:
			c.do("+PONG\r\n", "PING")
		}
	}
}

// Requests over TLS are answered and commands refused as on the plain port.
func TestHTTPOverTLS(t *testing.T) {
	f, a := newFixture(t), newAuthority(t)
	f.secure(a.server())
	trusting := &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	c := f.dialTLS(trusting)
	c.send(get("/healthz"))
	resp, body := c.response()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "ok\n", body)
	c = f.dialTLS(trusting)
	c.send("POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a b\r\n")
	require.Empty(t, c.rest())
	f.dialTLS(trusting).do("$-1\r\n", "GET", "a")
}
