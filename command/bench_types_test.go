package command

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"respite/proto"
)

// BenchmarkTypes runs the way of commands of the data types without its sockets: on one key, as redis-benchmark has it.
func BenchmarkTypes(b *testing.B) {
	const length = 100_000 // of the large collections
	small := make([]string, 10)
	for i := range small {
		small[i] = fmt.Sprintf("element:%08d", i)
	}
	for _, bench := range []struct {
		name    string
		fill    func(run func(args ...string)) // what is there at the beginning
		command func(n int) []string
	}{
		{"LPUSH", nil, func(n int) []string { return []string{"LPUSH", "k", fmt.Sprintf("element:%08d", n)} }},
		{"LPUSH+LPOP", nil, func(n int) []string {
			if n%2 == 0 {
				return []string{"LPUSH", "k", fmt.Sprintf("element:%08d", n)}
			}
			return []string{"LPOP", "k"}
		}},
		{"LRANGE_600", func(run func(...string)) {
			for n := range length {
				run("RPUSH", "k", fmt.Sprintf("element:%08d", n))
			}
		}, func(int) []string { return []string{"LRANGE", "k", "0", "599"} }},
		{
			"LPOS_10", func(run func(...string)) { run(append([]string{"RPUSH", "k"}, small...)...) },
			func(n int) []string { return []string{"LPOS", "k", small[n%len(small)]} },
		},
		{"SADD", nil, func(n int) []string { return []string{"SADD", "k", fmt.Sprintf("element:%08d", n)} }},
		{
			"SMEMBERS_10", func(run func(...string)) { run(append([]string{"SADD", "k"}, small...)...) },
			func(int) []string { return []string{"SMEMBERS", "k"} },
		},
		{"SINTER_10", func(run func(...string)) {
			run(append([]string{"SADD", "k"}, small...)...)
			run(append([]string{"SADD", "{k}"}, small...)...)
		}, func(int) []string { return []string{"SINTER", "k", "{k}"} }},
		{"HSET", nil, func(n int) []string { return []string{"HSET", "k", fmt.Sprintf("element:%08d", n), "value"} }},
		{"HGETALL_20", func(run func(...string)) {
			args := []string{"HSET", "k"}
			for i := range 20 {
				args = append(args, fmt.Sprintf("element:%08d", i), fmt.Sprintf("another:%08d", i))
			}
			run(args...)
		}, func(int) []string { return []string{"HGETALL", "k"} }},
		{"ZADD", nil, func(n int) []string {
			return []string{"ZADD", "k", strconv.Itoa(n * 977 % length), fmt.Sprintf("element:%08d", n)}
		}},
		{"XADD", nil, func(n int) []string { return []string{"XADD", "k", "*", "field", fmt.Sprintf("element:%08d", n)} }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := benchServer(b, 2).NewSession(quietConn{})
			defer s.Close()
			if bench.fill != nil {
				bench.fill(func(args ...string) { runOnce(b, s, args) })
			}
			const depth = 16
			order := rand.New(rand.NewPCG(1, 2)).Perm(benchTape)
			source := &chunks{}
			for n := 0; n < benchTape; n += depth {
				var p []byte
				for i := range depth {
					p = proto.AppendCommand(p, bench.command(order[n+i]&^1+i%2)...)
				}
				source.pipelines = append(source.pipelines, p)
			}
			b.ReportAllocs()
			b.ResetTimer()
			play(b, s, source, b.N)
		})
	}
}

// runOnce runs one command.
func runOnce(b *testing.B, s *Session, args []string) {
	b.Helper()
	play(b, s, &chunks{pipelines: [][]byte{proto.AppendCommand(nil, args...)}}, 1)
}
