package command

import (
	"fmt"
	"testing"
)

// BenchmarkSets runs the way of commands on sets without sockets: ten members each, and one set of a hundred thousand.
func BenchmarkSets(b *testing.B) {
	const depth = 16 // pipelines that one read takes
	exec := benchServer(b, 2)
	s := exec.NewSession(quietConn{})
	defer s.Close()
	small := func(key string) string { return "set:" + key[len(key)-3:] }
	play(b, s, record(depth, func(key string) []string {
		return []string{"SADD", small(key), "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	}), 20_000)
	play(b, s, record(depth, func(key string) []string { return []string{"SADD", "big", key} }), 2*benchKeys)
	for _, bench := range []struct {
		name    string
		command func(key string) []string
	}{
		{"SADD", func(key string) []string { return []string{"SADD", small(key), "d"} }},
		{"SISMEMBER", func(key string) []string { return []string{"SISMEMBER", small(key), "d"} }},
		{"SISMEMBER big", func(key string) []string { return []string{"SISMEMBER", "big", key} }},
		{"SADD big", func(key string) []string { return []string{"SADD", "big", key} }},
		{"SMEMBERS", func(key string) []string { return []string{"SMEMBERS", small(key)} }},
		{"SUNION", func(key string) []string { return []string{"SUNION", small(key), small(key)} }},
		{"SINTER", func(key string) []string { return []string{"SINTER", small(key), small(key)} }},
		{"SRANDMEMBER big", func(string) []string { return []string{"SRANDMEMBER", "big"} }},
		{"SPOP and SADD", func(key string) []string {
			if key[len(key)-1]%2 == 0 {
				return []string{"SPOP", "big"}
			}
			return []string{"SADD", "big", key}
		}},
	} {
		b.Run(fmt.Sprintf("%s/depth=%d", bench.name, depth), func(b *testing.B) {
			source := record(depth, bench.command)
			b.ReportAllocs()
			b.ResetTimer()
			play(b, s, source, b.N)
		})
	}
}
