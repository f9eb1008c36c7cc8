package command

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkScrape is what a request for the metrics costs a server on which commands of twenty kinds have run.
func BenchmarkScrape(b *testing.B) {
	exec := benchServer(b, 2)
	s, w := exec.NewSession(quietConn{}), bufio.NewWriter(io.Discard)
	defer s.Close()
	for line := range strings.SplitSeq("GET k|INCR n|APPEND a x|STRLEN a|LPUSH l x|LPOP l|LLEN l|SADD s x|SCARD s|SPOP s|HSET h f v|HGET h f|HLEN h|"+
		"ZADD z 1 x|ZCARD z|ZPOPMIN z|EXPIRE k 100|TTL k|EXISTS k|TYPE k", "|") {
		require.NoError(b, s.Do(byteWords(line), w))
		require.NoError(b, s.Flush(w))
	}
	b.ReportAllocs()
	for b.Loop() {
		exec.Web().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
	}
}
