// The way of a command without sockets: from its bytes to the bytes of its reply.

package command

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/config"
	"respite/proto"
	"respite/shards"
)

// Shape of BenchmarkPipeline.
const (
	benchKeys = 100_000
	benchTape = 1 << 16 // commands prepared
)

// chunks is a source that gives one pipeline a read, and begins again at the end.
type chunks struct {
	pipelines [][]byte
	next      int
}

func (c *chunks) Read(p []byte) (int, error) {
	n := copy(p, c.pipelines[c.next])
	c.next = (c.next + 1) % len(c.pipelines)
	return n, nil
}

// record makes pipelines of random commands.
func record(depth int, command func(key string) []string) *chunks {
	random := rand.New(rand.NewPCG(1, 2))
	c := &chunks{}
	for range benchTape / depth {
		var b []byte
		for range depth {
			b = proto.AppendCommand(b, command(fmt.Sprintf("key:%012d", random.IntN(benchKeys)))...)
		}
		c.pipelines = append(c.pipelines, b)
	}
	return c
}

// play runs n commands of a source in a session.
func play(b *testing.B, s *Session, source io.Reader, n int) {
	b.Helper()
	r, w, limits := proto.NewReader(source), bufio.NewWriterSize(io.Discard, 16<<10), s.Limits()
	for done := 0; done < n; {
		if err := r.Fill(); err != nil {
			b.Fatal(err)
		}
		for {
			args, ok, err := r.Next(&limits)
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			if err := s.Do(args, w); err != nil {
				b.Fatal(err)
			}
			done++
		}
		if err := s.Flush(w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPipeline(b *testing.B) {
	value := fmt.Sprintf("%032d", 0)
	set := func(key string) []string { return []string{"SET", key, value} }
	get := func(key string) []string { return []string{"GET", key} }
	for _, bench := range []struct {
		name    string
		command func(key string) []string
	}{{"GET", get}, {"SET", set}} {
		for _, depth := range []int{1, 16, 100} {
			b.Run(fmt.Sprintf("%s/depth=%d", bench.name, depth), func(b *testing.B) {
				group := shards.New(shards.Options{Shards: 2})
				group.Start()
				defer group.Close()
				exec, err := NewExecutor(group, config.New(), slog.New(slog.DiscardHandler), Hooks{})
				require.NoError(b, err)
				s := exec.NewSession(quietConn{})
				defer s.Close()
				play(b, s, record(100, set), 2*benchKeys)
				source := record(depth, bench.command)
				b.ReportAllocs()
				b.ResetTimer()
				play(b, s, source, b.N)
			})
		}
	}
}
