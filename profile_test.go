// A load for `task profile`, whose profile of the server tells the compiler which calls are worth inlining. It goes the ways that matter,
// about as often as clients do: one request at a time most of all, pipelines, and commands of each data type.

package main

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/proto"
)

// Shape of BenchmarkProfile.
const (
	profileClients = 50
	profileKeys    = 100_000
	profileTape    = 2000            // commands of each client, sent again and again
	profileTime    = 3 * time.Second // of each load, b.N or not
)

func BenchmarkProfile(b *testing.B) {
	s := startServer(b)
	for _, kinds := range []string{
		"SET k# 0123456789abcdef0123456789abcdef",
		"GET k#",
		"SET k# 0123456789abcdef0123456789abcdef|GET k#|INCR n#",
		"MSET k# a k1# b k2# c|MGET k# k1#",
		"RPUSH l# x|LPOP l#|HSET h# f v|HGET h# f|SADD s# m|SREM s# m|ZADD z# 1 m|ZRANGE z# 0 -1|EXPIRE k# 100",
		// Large collections.
		"LPUSH list #|LPUSH list #|RPUSH list #|RPOPLPUSH list {list}|LPOP {list}|LPOP list",
		"SADD set #|SISMEMBER set #|SPOP set|HSET hash # #|HGET hash #|ZADD zset # #|ZADD zset # a#|ZPOPMIN zset",
	} {
		for _, depth := range []int{1, 1, 16, 100} {
			profileLoad(b, s.Addr, strings.Split(kinds, "|"), depth)
		}
	}
}

// profileLoad has all clients send pipelines for profileTime.
func profileLoad(b *testing.B, addr string, kinds []string, depth int) {
	b.Helper()
	end := time.Now().Add(profileTime)
	var clients sync.WaitGroup
	for i := range profileClients {
		c, err := net.Dial("tcp", addr)
		require.NoError(b, err)
		tape := profilePipelines(i, kinds, depth)
		clients.Go(func() {
			defer c.Close()
			replies := proto.NewDecoder(c, proto.DefaultDecoderLimits())
			var v proto.Value
			for n := 0; time.Now().Before(end); n++ {
				_, err := c.Write(tape[n%len(tape)])
				for left := depth; left > 0 && err == nil; left-- {
					err = replies.DecodeInto(&v)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
}

// profilePipelines are a client's requests about keys far apart; # in a command is a key's number.
func profilePipelines(client int, kinds []string, depth int) (tape [][]byte) {
	for n := 0; n < profileTape; {
		var p []byte
		for range depth {
			key := fmt.Sprintf("%06d", (client+n*profileClients)*7919%profileKeys)
			p = proto.AppendCommand(p, strings.Fields(strings.ReplaceAll(kinds[n%len(kinds)], "#", key))...)
			n++
		}
		tape = append(tape, p)
	}
	return tape
}
