// The way of a command without sockets: from its bytes to the bytes of its reply.

package command

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/config"
	"respite/proto"
	"respite/shards"
	"respite/value"
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

// record makes pipelines of commands about random keys.
func record(depth int, command func(key string) []string) *chunks {
	return recordIf(depth, command, func(string) bool { return true })
}

// recordIf makes pipelines of commands about random keys of a kind.
func recordIf(depth int, command func(key string) []string, wanted func(key string) bool) *chunks {
	random := rand.New(rand.NewPCG(1, 2))
	c := &chunks{}
	for range benchTape / depth {
		var b []byte
		for n := 0; n < depth; {
			if key := fmt.Sprintf("key:%012d", random.IntN(benchKeys)); wanted(key) {
				b = proto.AppendCommand(b, command(key)...)
				n++
			}
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

// benchServer is an executor over some shards with all keys in it, and the limits of a server that is not configured.
func benchServer(b *testing.B, n int) *Executor {
	b.Helper()
	group := shards.New(shards.Options{Shards: n})
	group.Start()
	b.Cleanup(group.Close)
	conf := config.New()
	exec, err := NewExecutor(group, conf, slog.New(slog.DiscardHandler), Hooks{})
	require.NoError(b, err)
	now, limits := conf.Now(), group.Limits()
	limits.HotEvery, limits.Encoding = now.HotkeysSampleEvery, value.Limits{
		HashMaxListpackEntries: now.HashMaxListpackEntries, HashMaxListpackValue: now.HashMaxListpackValue,
		SetMaxIntsetEntries: now.SetMaxIntsetEntries, SetMaxListpackEntries: now.SetMaxListpackEntries,
		SetMaxListpackValue: now.SetMaxListpackValue, ZsetMaxListpackEntries: now.ZsetMaxListpackEntries,
		ZsetMaxListpackValue: now.ZsetMaxListpackValue, ListMaxListpackSize: now.ListMaxListpackSize,
		StreamNodeMaxBytes: now.StreamNodeMaxBytes, StreamNodeMaxEntries: now.StreamNodeMaxEntries,
	}
	group.SetLimits(limits)
	s := exec.NewSession(quietConn{})
	defer s.Close()
	play(b, s, record(100, benchSet), 2*benchKeys)
	return exec
}

func benchSet(key string) []string { return []string{"SET", key, fmt.Sprintf("%032d", 0)} }
func benchGet(key string) []string { return []string{"GET", key} }

func BenchmarkPipeline(b *testing.B) {
	for _, bench := range []struct {
		name    string
		command func(key string) []string
	}{{"GET", benchGet}, {"SET", benchSet}} {
		for _, depth := range []int{1, 16, 100} {
			b.Run(fmt.Sprintf("%s/depth=%d", bench.name, depth), func(b *testing.B) {
				s := benchServer(b, 2).NewSession(quietConn{})
				defer s.Close()
				source := record(depth, bench.command)
				b.ReportAllocs()
				b.ResetTimer()
				play(b, s, source, b.N)
			})
		}
	}
}

// BenchmarkShards runs the same pipelines over more and more shards, in one session: what a command costs more is the price of
// a part, of which a pipeline has as many as shards that its keys are on. Compare with -cpu 1.
func BenchmarkShards(b *testing.B) {
	for _, depth := range []int{1, 16, 100} {
		for _, n := range []int{1, 2, 8, 16, 64, 256} {
			b.Run(fmt.Sprintf("GET/depth=%d/shards=%d", depth, n), func(b *testing.B) {
				s := benchServer(b, n).NewSession(quietConn{})
				defer s.Close()
				source := record(depth, benchGet)
				b.ReportAllocs()
				b.ResetTimer()
				play(b, s, source, b.N)
			})
		}
	}
}

// BenchmarkParallel runs sessions on all processors at once, each with a shard of its own to work on: what one costs more
// than alone is what processors share. Compare -cpu 1,2,4.
func BenchmarkParallel(b *testing.B) {
	const (
		n     = 16   // shards
		depth = 16   // of the pipelines
		share = 1600 // commands that a session takes at a time, whole pipelines
	)
	for _, bench := range []struct {
		name    string
		command func(key string) []string
	}{{"GET", benchGet}, {"SET", benchSet}} {
		b.Run(bench.name, func(b *testing.B) {
			exec := benchServer(b, n)
			sources := make([]*chunks, runtime.GOMAXPROCS(0))
			for i := range sources {
				sources[i] = recordIf(depth, bench.command, func(key string) bool { return exec.group.Route([]byte(key)) == i%n })
			}
			var next atomic.Int64
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				s := exec.NewSession(quietConn{})
				defer s.Close()
				source := sources[next.Add(1)-1]
				for more := true; more; {
					commands := 0
					for commands < share && more {
						if more = pb.Next(); more {
							commands++
						}
					}
					play(b, s, source, commands)
				}
			})
		})
	}
}

// BenchmarkHotKeys runs the same GETs in turns with and without the search for hot keys, so that what else the machine does meets both
// alike; it reports what each costs and what the search adds, in percent: medians of all turns.
func BenchmarkHotKeys(b *testing.B) {
	const turn = 1600 * 10 // commands, whole pipelines
	for _, depth := range []int{16, 100} {
		b.Run(fmt.Sprintf("GET/depth=%d", depth), func(b *testing.B) {
			exec := benchServer(b, 2)
			s := exec.NewSession(quietConn{})
			defer s.Close()
			source := record(depth, benchGet)
			every := [2]int64{0, config.New().Now().HotkeysSampleEvery}
			var took [2][]float64
			b.ResetTimer()
			for done := 0; done < b.N; done += 2 * turn {
				for i := range every {
					l := exec.group.Limits()
					l.HotEvery = every[i]
					exec.group.SetLimits(l)
					start := time.Now()
					play(b, s, source, turn)
					took[i] = append(took[i], float64(time.Since(start).Nanoseconds())/turn)
				}
			}
			for i := range took {
				slices.Sort(took[i])
			}
			without, with := took[0][len(took[0])/2], took[1][len(took[1])/2]
			b.ReportMetric(without, "ns/without")
			b.ReportMetric(with, "ns/with")
			b.ReportMetric(100*(with/without-1), "%more")
		})
	}
}
