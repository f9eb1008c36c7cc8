package command

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// While a dataset is being read, commands run by the flag of their rows, a transaction by those of what it has queued.
func TestLoadingRefuses(t *testing.T) {
	r := newClientsRig(t, "--enable-debug-command", "yes")
	c := r.connect()
	queued := r.connect()
	require.Equal(t, "+OK\r\n+QUEUED\r\n", queued.do("MULTI", "GET k"))
	free := r.connect()
	require.Equal(t, "+OK\r\n+QUEUED\r\n", free.do("MULTI", "TIME"))
	load := r.exec.BeginLoad(1000)
	for line, runs := range map[string]bool{
		"GET k": false, "SET k v": false, "PUBLISH c m": true, "PING": false, "DBSIZE": false, "FLUSHALL": false, "ECHO x": true,
		"BLPOP k 0": false, "KEYS *": false, "OBJECT ENCODING k": false,
		"INFO": true, "CONFIG GET maxmemory": true, "CLIENT ID": true, "SELECT 0": true, "MULTI": true, "DISCARD": true, "WATCH k": true,
		"HELLO": true, "COMMAND COUNT": true, "DEBUG SLEEP 0": true, "SLOWLOG LEN": true, "LATENCY RESET": true, "RESET": true, "ROLE": true,
	} {
		require.Equal(t, !runs, c.do(line) == refusal(errLoading), line)
	}
	c.do("RESET") // the lines came in any order
	// Which refusal comes first.
	require.Contains(t, c.do("GET"), "wrong number of arguments")
	require.Contains(t, c.do("NOSUCH"), "unknown command")
	require.Equal(t, "+OK\r\n"+refusal(errLoading)+refusal(errExecAbort), c.do("MULTI", "SET k v", "EXEC"))
	require.Equal(t, "-EXECABORT Transaction discarded because of: "+string(errLoading)+"\r\n", queued.do("EXEC"))
	require.Contains(t, free.do("EXEC"), "*1\r\n*2\r\n")
	require.Equal(t, refusal(errLoading), c.do("CONFIG SET repl-diskless-load swapdb"))
	require.Equal(t, "+OK\r\n", c.do("CONFIG SET maxmemory-samples 6"))
	load.End()
	require.Equal(t, "$-1\r\n", c.do("GET k"))
	require.Equal(t, "$-1\r\n", queued.do("GET k"))
}

// INFO and the endpoints tell of a load.
func TestLoadingIsShown(t *testing.T) {
	r := newServerRig(t)
	endpoint := func(path string) int {
		w := httptest.NewRecorder()
		r.exec.Web().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	require.Equal(t, "0", r.field("persistence", "loading"))
	require.Equal(t, []int{200, 200}, []int{endpoint("/healthz"), endpoint("/readyz")})
	load := r.exec.BeginLoad(999)
	load.Read(200)
	load.Read(50)
	for field, want := range map[string]string{
		"loading": "1", "loading_total_bytes": "999", "loading_loaded_bytes": "250", "loading_loaded_perc": "25.00%", "loading_eta_seconds": "1",
	} {
		require.Equal(t, want, r.field("persistence", field), field)
	}
	require.Equal(t, []int{200, 503}, []int{endpoint("/healthz"), endpoint("/readyz")})
	require.Equal(t, int64(29), load.figures(load.started+10*second).eta)
	load.End()
	require.Equal(t, "0", r.field("persistence", "loading"))
	require.NotContains(t, r.do("INFO persistence"), "loading_total_bytes")
}

// During a DEBUG RELOAD others wait at first, and are told to come again once it has read as much as the configuration says.
func TestReloadTellsThatItLoads(t *testing.T) {
	r := newClientsRig(t, "--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024", "--key-load-delay", "500")
	c, other := r.connect(), r.connect()
	c.do("DEBUG POPULATE 300 key 64")
	for _, lines := range [][]string{{"DEBUG RELOAD"}, {"MULTI", "SET k v", "DEBUG RELOAD", "GET k", "EXEC"}} {
		answered := make(chan string, 1)
		go func() { answered <- c.do(lines...) }()
		require.Eventually(t, r.exec.Loading, time.Minute, time.Millisecond)
		require.Equal(t, refusal(errLoading), other.do("GET key:1"))
		reply := <-answered
		require.True(t, strings.HasSuffix(reply, "+OK\r\n") || strings.HasSuffix(reply, "*3\r\n+OK\r\n+OK\r\n$1\r\nv\r\n"), reply)
		require.Contains(t, other.do("GET key:1"), "value:1")
		require.False(t, r.exec.Loading())
	}
}
