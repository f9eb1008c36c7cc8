package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/shards"
	"respite/value"
)

// TestZSetEvents are redis-server's, seen with notify-keyspace-events KEA.
func TestZSetEvents(t *testing.T) {
	r := newKeysRig(t)
	for _, tc := range []struct{ line, events string }{
		{"ZADD z 1 a 2 b 3 c 4 d 5 e 6 f", "zadd z"},
		{"ZADD z 1 a", ""},
		{"ZADD z XX 1 nomember", ""},
		{"ZADD z INCR 1 a", "zincr z"},
		{"ZADD z INCR 0 a", ""},
		{"ZINCRBY z -1 a", "zincr z"},
		{"ZREM z nomember", ""},
		{"ZREM z a b", "zrem z"},
		{"ZREMRANGEBYRANK z 0 0", "zremrangebyrank z"},
		{"ZREMRANGEBYRANK z 9 9", ""},
		{"ZREMRANGEBYSCORE z 4 4", "zremrangebyscore z"},
		{"ZREMRANGEBYLEX z [e [e", "zremrangebylex z"},
		{"ZPOPMIN z 0", ""},
		{"ZPOPMIN z", "zpopmin z, del z"},
		{"ZADD z 1 a 2 b 3 c", "zadd z"},
		{"ZPOPMAX z", "zpopmax z"},
		{"ZMPOP 2 x z MAX COUNT 5", "zpopmax z, del z"},
		{"ZADD z 1 a 2 b", "zadd z"},
		{"ZREM z a b c", "zrem z, del z"},
		{"ZADD z 1 a 2 b", "zadd z"},
		{"ZRANGESTORE d z 0 0", "zrangestore d"},
		{"ZRANGESTORE d z 5 6", "del d"},
		{"ZRANGESTORE d z 5 6", ""},
		{"ZUNIONSTORE d 2 z nokey", "zunionstore d"},
		{"ZINTERSTORE d 2 z z", "zinterstore d"},
		{"ZDIFFSTORE d 2 z nokey", "zdiffstore d"},
		{"ZINTERSTORE d 2 z nokey", "del d"},
		{"ZREMRANGEBYSCORE z -inf inf", "zremrangebyscore z, del z"},
	} {
		r.events = nil
		r.do(0, tc.line)
		for i, e := range r.events {
			r.events[i] = strings.TrimPrefix(e, "0 ")
		}
		require.Equal(t, tc.events, strings.Join(r.events, ", "), tc.line)
	}
}

// TestRandomMembers draws from small and large sets, few and many at a time.
func TestRandomMembers(t *testing.T) {
	const members = 100
	for _, packed := range []int64{0, members} {
		r := newKeysRig(t)
		r.exec.group.SetLimits(shards.Limits{KeepExpired: true, Encoding: value.Limits{ZsetMaxListpackEntries: packed, ZsetMaxListpackValue: 64}})
		for i := range members {
			r.do(0, fmt.Sprintf("ZADD z %d m%d", i, i))
		}
		for _, count := range []int{1, 2, 12, 13, 50, 99, 100, 1000} {
			words := strings.Fields(r.do(0, fmt.Sprintf("ZRANDMEMBER z %d", count)))
			want := min(count, members)
			require.Equal(t, fmt.Sprintf("*%d", want), words[0])
			distinct := map[string]bool{}
			for _, w := range words[1:] {
				if w[0] == 'm' {
					distinct[w] = true
				}
			}
			require.Len(t, distinct, want)
		}
		drawn := map[string]int{}
		for range 300 {
			for _, w := range strings.Fields(r.do(0, "ZRANDMEMBER z 30"))[1:] {
				drawn[w]++
			}
			for _, w := range strings.Fields(r.do(0, "ZRANDMEMBER z -30"))[1:] {
				drawn[w]++
			}
			for _, w := range strings.Fields(r.do(0, "ZRANDMEMBER z 10 WITHSCORES"))[1:] {
				drawn[w]++
			}
		}
		for i := range members {
			require.InDelta(t, 210, drawn[fmt.Sprintf("m%d", i)], 90, i) // 70 of a hundred 300 times
		}
	}
}

// TestZUnionStoreOntoItsInput reads what the key held before it is overwritten, in every encoding it may have before and after.
func TestZUnionStoreOntoItsInput(t *testing.T) {
	for _, packed := range []int64{0, 1, 2, 128} {
		r := newKeysRig(t)
		r.exec.group.SetLimits(shards.Limits{KeepExpired: true, Encoding: value.Limits{ZsetMaxListpackEntries: packed, ZsetMaxListpackValue: 64}})
		r.do(0, "ZADD x 1 1 2 b")
		r.do(0, "ZADD y 5 b 6 333")
		r.do(0, "ZUNIONSTORE x 2 x y")
		require.Equal(t, "*6 $1 1 $1 1 $3 333 $1 6 $1 b $1 7", r.do(0, "ZRANGE x 0 -1 WITHSCORES"))
		r.do(0, "ZRANGESTORE x x 1 2")
		require.Equal(t, "*4 $3 333 $1 6 $1 b $1 7", r.do(0, "ZRANGE x 0 -1 WITHSCORES"))
	}
}
