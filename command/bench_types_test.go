package command

import (
	"fmt"
	"strconv"
	"testing"

	"respite/proto"
)

// typeBench is the way of one command of a data type, on one key, as redis-benchmark has it.
type typeBench struct {
	name string
	fill func(n int) [][]string // what is sent before, if n commands are measured; nil: nothing
	word func(n int) []string   // command n
}

func element(n int) string { return fmt.Sprintf("element:%08d", n) }

// addAtOnce is how many elements a preparation adds with a command.
const addAtOnce = 100

// filled is a preparation that adds n elements or so, each of which is some arguments.
func filled(command string, n int, args func(n int) []string) (all [][]string) {
	for from := 0; from < n; from += addAtOnce {
		add := []string{command, "k"}
		for i := range addAtOnce {
			add = append(add, args(from+i)...)
		}
		all = append(all, add)
	}
	return all
}

func alone(n int) []string { return []string{element(n)} }

// scattered puts scores of neighbours far apart.
func scattered(n int) string { return strconv.Itoa(100_000 + n*611_953%900_000) }

func scoredAlone(n int) []string { return []string{scattered(n), element(n)} }

func typeBenches() []typeBench {
	const length = 100_000 // of the large collections
	small := make([]string, 10)
	for i := range small {
		small[i] = element(i)
	}
	to := func(command, key string) []string { return append([]string{command, key}, small...) }
	return []typeBench{
		{"LPUSH", nil, func(n int) []string { return []string{"LPUSH", "k", element(n)} }},
		{"LPUSH+LPOP", nil, func(n int) []string {
			if n%2 == 0 {
				return []string{"LPUSH", "k", element(n)}
			}
			return []string{"LPOP", "k"}
		}},
		{
			"LPOP", func(n int) [][]string { return filled("RPUSH", n, alone) },
			func(int) []string { return []string{"LPOP", "k"} },
		},
		{
			"RPOPLPUSH", func(n int) [][]string { return filled("RPUSH", n, alone) },
			func(int) []string { return []string{"RPOPLPUSH", "k", "{k}"} },
		},
		{
			"LRANGE_600", func(int) [][]string { return filled("RPUSH", length, alone) },
			func(int) []string { return []string{"LRANGE", "k", "0", "599"} },
		},
		{
			"LPOS_10", func(int) [][]string { return [][]string{to("RPUSH", "k")} },
			func(n int) []string { return []string{"LPOS", "k", small[n%len(small)]} },
		},
		{"SADD", nil, func(n int) []string { return []string{"SADD", "k", element(n)} }},
		{
			"SMEMBERS_10", func(int) [][]string { return [][]string{to("SADD", "k")} },
			func(int) []string { return []string{"SMEMBERS", "k"} },
		},
		{
			"SINTER_10", func(int) [][]string { return [][]string{to("SADD", "k"), to("SADD", "{k}")} },
			func(int) []string { return []string{"SINTER", "k", "{k}"} },
		},
		{"HSET", nil, func(n int) []string { return []string{"HSET", "k", element(n), element(n + 1)} }},
		{
			"HGETALL_20",
			func(int) [][]string {
				args := []string{"HSET", "k"}
				for i := range 20 {
					args = append(args, element(i), element(i+1))
				}
				return [][]string{args}
			},
			func(int) []string { return []string{"HGETALL", "k"} },
		},
		{"ZADD", nil, func(n int) []string { return []string{"ZADD", "k", scattered(n), element(n)} }},
		{
			"ZPOPMIN", func(n int) [][]string { return filled("ZADD", n, scoredAlone) },
			func(int) []string { return []string{"ZPOPMIN", "k"} },
		},
		{"XADD", nil, func(n int) []string { return []string{"XADD", "k", "*", "field", element(n)} }},
	}
}

// BenchmarkTypes runs the way of commands of the data types without its sockets. What adds elements adds new ones: -benchtime 1000000x has
// the collections that `respite bench --set types` makes.
func BenchmarkTypes(b *testing.B) {
	const (
		depth = 16
		most  = 2 << 20 // commands prepared
	)
	for _, bench := range typeBenches() {
		b.Run(bench.name, func(b *testing.B) {
			s := benchServer(b, 2).NewSession(quietConn{})
			defer s.Close()
			source := &chunks{}
			for n := 0; n < min(b.N, most); n += depth {
				var p []byte
				for i := range depth {
					p = proto.AppendCommand(p, bench.word(n+i)...)
				}
				source.pipelines = append(source.pipelines, p)
			}
			if bench.fill != nil {
				for _, args := range bench.fill(b.N + depth) {
					play(b, s, &chunks{pipelines: [][]byte{proto.AppendCommand(nil, args...)}}, 1)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			play(b, s, source, b.N)
		})
	}
}
