package bench

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/proto"
)

func TestRequestsAreTheBytesOfTheirCommand(t *testing.T) {
	values := newValuePool(3)
	one, two := string(values.of(7)), string(values.of(123456))
	keys := []uint32{7, 123456}
	tests := []struct {
		name  string
		write request
		want  []string
	}{
		{"get", getRequest, []string{"GET", "key:7"}},
		{"set", setRequest, []string{"SET", "key:7", one}},
		{"incr", incrRequest, []string{"INCR", "counter:7"}},
		{"mset", msetRequest, []string{"MSET", "key:7", one, "key:123456", two}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.write([]byte("before"), keys, values)
			require.Equal(t, string(proto.AppendCommand([]byte("before"), test.want...)), string(got))
		})
	}
}

func TestDeadlinesOutliveTheRun(t *testing.T) {
	for range 1_000 {
		ttl := randomTTL()
		require.GreaterOrEqual(t, ttl, uint32(minTTL))
		require.Less(t, ttl, uint32(minTTL+ttlSpread))
	}
}

func TestValuesDifferAndHaveTheirSize(t *testing.T) {
	values := newValuePool(valueSize)
	seen := map[string]bool{}
	for key := range uint32(10_000) {
		value := values.of(key)
		require.Len(t, value, valueSize)
		seen[string(value)] = true
	}
	require.Len(t, seen, 10_000)
}

func TestShuffledIsAPermutationOfItsOwn(t *testing.T) {
	order := shuffled(1_000)
	require.Equal(t, order, shuffled(1_000))
	require.False(t, slices.IsSorted(order))
	slices.Sort(order)
	for i, key := range order {
		require.Equal(t, uint32(i), key)
	}
}

// splitRequests cuts a pipeline into its requests.
func splitRequests(t *testing.T, pipeline []byte) (requests []string) {
	t.Helper()
	for len(pipeline) > 0 {
		n, _, err := frame(pipeline)
		require.NoError(t, err)
		require.Positive(t, n, "a whole request")
		requests = append(requests, string(pipeline[:n]))
		pipeline = pipeline[n:]
	}
	return requests
}

func TestTapeFeedPlaysEveryRequest(t *testing.T) {
	const clients, depth = 3, 4
	values := newValuePool(valueSize)
	feed := newTapeFeed(newTape(commands()[1], shuffled(120), values), depth, clients)
	seen := map[string]int{}
	for range feed.pipelines() / clients {
		for client := range clients {
			pipeline, n := feed.next(client)
			require.Equal(t, depth, n)
			requests := splitRequests(t, pipeline)
			require.Len(t, requests, depth)
			for _, request := range requests {
				seen[request]++
			}
		}
	}
	require.Len(t, seen, 120, "every key once in a lap")
}

func TestTapeFeedWrapsAround(t *testing.T) {
	feed := newTapeFeed(newTape(commands()[0], shuffled(10), nil), 4, 1)
	first, _ := feed.next(0)
	second, _ := feed.next(0)
	again, _ := feed.next(0)
	require.NotEqual(t, string(first), string(second))
	require.Equal(t, string(first), string(again), "the rest of the tape is too short for a pipeline")
}

func TestMSETTapeTakesTenKeysARequest(t *testing.T) {
	mset := commands()[3]
	require.Equal(t, "mset", mset.name)
	tape := newTape(mset, shuffled(105), newValuePool(valueSize))
	require.Len(t, tape.ends, 10)
	require.Len(t, splitRequests(t, tape.bytes), 10)
}

func TestLoadFeedSendsEveryKeyOnce(t *testing.T) {
	const clients = 7
	feed := newLoadFeed(incrRequest, shuffled(1_000), nil, clients)
	seen := map[string]int{}
	for client := range clients {
		for {
			pipeline, n := feed.next(client)
			requests := splitRequests(t, pipeline)
			require.Len(t, requests, n)
			if n == 0 {
				break
			}
			for _, request := range requests {
				seen[request]++
			}
		}
	}
	require.Len(t, seen, 1_000)
}

func TestFeedsDoNotAllocate(t *testing.T) {
	values := newValuePool(valueSize)
	for name, write := range map[string]request{"set": setRequest, "ttl": setTTLRequest, "expire": expireRequest} {
		feed := newLoadFeed(write, shuffled(100_000), values, 1)
		feed.next(0)
		require.Zero(t, testing.AllocsPerRun(100, func() { feed.next(0) }), name)
	}
	feed := newTapeFeed(newTape(commands()[0], shuffled(1_000), values), 16, 1)
	require.Zero(t, testing.AllocsPerRun(100, func() { feed.next(0) }))
}
