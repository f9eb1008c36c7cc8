package pubsub

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// reader is a subscriber that remembers what it got.
type reader struct {
	Client
	got   []string
	count atomic.Int64
	last  []int // by publisher: the number of its last message
	wrong atomic.Bool
}

func newReader(r *Registry) *reader {
	s := &reader{}
	s.Join(r, s)
	return s
}

func (s *reader) Deliver(m *Message) {
	s.count.Add(1)
	if s.last != nil {
		s.checkOrder(m)
		return
	}
	m.Wire = append(m.Wire, '.')
	how := "channel"
	switch m.Kind {
	case Patterns:
		how = "pattern " + m.Pattern
	case ShardChannels:
		how = "shard"
	}
	s.got = append(s.got, fmt.Sprintf("%s %s %s %d", how, m.Channel, m.Payload, len(m.Wire)))
}

// checkOrder wants the messages "publisher number" of each publisher in order.
func (s *reader) checkOrder(m *Message) {
	var publisher, n int
	_, err := fmt.Sscanf(string(m.Payload), "%d %d", &publisher, &n)
	if err != nil || n <= s.last[publisher] {
		s.wrong.Store(true)
	}
	s.last[publisher] = n
}

func (*reader) Carry(Subscriber) {}

func publish(r *Registry, k Kind, channel, payload string) int {
	return r.Publish(&Message{Kind: k, Channel: []byte(channel), Payload: []byte(payload)})
}

func TestPublish(t *testing.T) {
	r := NewRegistry()
	a, b := newReader(r), newReader(r)
	a.Subscribe(Channels, []byte("news"))
	a.Subscribe(Channels, []byte("news"))
	a.Subscribe(Patterns, []byte("n*"))
	b.Subscribe(Channels, []byte("news"))
	b.Subscribe(Patterns, []byte("other"))
	b.Subscribe(ShardChannels, []byte("news"))
	require.Equal(t, 3, publish(r, Channels, "news", "1"))
	require.Equal(t, 1, publish(r, Channels, "new", "2"))
	require.Equal(t, 1, publish(r, ShardChannels, "news", "3"))
	require.Zero(t, publish(r, ShardChannels, "n", "4"))
	// what the first subscriber of a topic makes of a message is there for the second, and for no other topic's
	require.Equal(t, []string{"channel news 1 1", "pattern n* news 1 1", "pattern n* new 2 1"}, a.got)
	require.Equal(t, []string{"channel news 1 2", "shard news 3 1"}, b.got)
	require.Equal(t, 2, r.Subscribers(Channels, []byte("news")))
	require.Equal(t, []string{"news"}, r.Names(Channels, []byte("*")))
	require.EqualValues(t, 2, r.Clients())
	b.End()
	b.Subscribe(Channels, []byte("late"))
	require.False(t, b.Subscribed())
	a.UnsubscribeAll()
	require.Zero(t, publish(r, Channels, "news", "5"))
	requireEmpty(t, r)
}

func requireEmpty(t require.TestingT, r *Registry) {
	for k := range kinds {
		require.Zero(t, r.Len(k))
		require.Zero(t, r.topics[k].Size())
	}
	require.Empty(t, r.list)
	require.Zero(t, r.Clients())
}

func TestNamesThatLookLikePatterns(t *testing.T) {
	r := NewRegistry()
	a := newReader(r)
	for _, name := range []string{"", "*", "[a]"} {
		a.Subscribe(Channels, []byte(name))
	}
	a.Subscribe(Patterns, nil)
	require.Equal(t, 2, publish(r, Channels, "", "x"))
	require.Equal(t, 1, publish(r, Channels, "*", "x"))
	require.Zero(t, publish(r, Channels, "a", "x"))
}

// The registry against sets: who has subscribed to what, and who gets what.
func TestRegistryIsAsNaiveSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := NewRegistry()
		readers := make([]*reader, 4)
		model := make([][kinds]map[string]bool, len(readers))
		for i := range readers {
			readers[i] = newReader(r)
			for k := range kinds {
				model[i][k] = map[string]bool{}
			}
		}
		names := rapid.SampledFrom([]string{"a", "b", "ab", "a*", "*", "?", ""})
		steps := rapid.IntRange(1, 60).Draw(t, "steps")
		for range steps {
			i, k, name := rapid.IntRange(0, len(readers)-1).Draw(t, "who"), Kind(rapid.IntRange(0, int(kinds)-1).Draw(t, "kind")), names.Draw(t, "name")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				readers[i].Subscribe(k, []byte(name))
				model[i][k][name] = true
			case 2:
				readers[i].Unsubscribe(k, []byte(name))
				delete(model[i][k], name)
			case 3:
				readers[i].UnsubscribeAll()
				for k := range kinds {
					clear(model[i][k])
				}
			case 4:
				n := 0
				for i := range model {
					if model[i][ShardChannels][name] {
						n++
					}
				}
				require.Equal(t, n, publish(r, ShardChannels, name, "x"))
				require.Equal(t, n, r.Subscribers(ShardChannels, []byte(name)))
			}
			require.Equal(t, len(model[i][k]), readers[i].Count(k))
			require.Len(t, readers[i].Names(k), len(model[i][k]))
		}
		for _, s := range readers {
			s.End()
		}
		requireEmpty(t, r)
	})
}

// Clients come, subscribe, unsubscribe and go while others publish: everybody who stays gets the messages of each publisher
// in order, and in the end nothing is left.
func TestChurn(t *testing.T) {
	const publishers, churners, stayers, rounds = 3, 4, 3, 2000
	r := NewRegistry()
	var steady []*reader
	for range stayers {
		s := newReader(r)
		s.last = make([]int, publishers)
		s.Subscribe(Channels, []byte("c0"))
		steady = append(steady, s)
	}
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for n := 1; n <= rounds; n++ {
				require.GreaterOrEqual(t, publish(r, Channels, "c0", fmt.Sprint(p, " ", n)), stayers)
				publish(r, Channels, "c"+strconv.Itoa(1+n%7), fmt.Sprint(p, " ", n))
			}
		})
	}
	for range churners {
		wg.Go(func() {
			for range rounds / 10 {
				s := newReader(r)
				s.last = make([]int, publishers)
				for range 10 {
					name := []byte("c" + strconv.Itoa(rand.IntN(8)))
					switch k := Kind(rand.IntN(2)); rand.IntN(3) {
					case 0:
						s.Unsubscribe(k, name)
					default:
						s.Subscribe(k, name)
					}
				}
				s.End()
				before := s.count.Load()
				require.Equal(t, before, s.count.Load())
			}
		})
	}
	wg.Wait()
	for _, s := range steady {
		require.False(t, s.wrong.Load())
		require.EqualValues(t, publishers*rounds, s.count.Load())
		s.End()
	}
	requireEmpty(t, r)
}

// All subscribers of a channel see its messages in one order, whoever published them.
func TestOneOrderForAll(t *testing.T) {
	r := NewRegistry()
	a, b := newReader(r), newReader(r)
	a.Subscribe(Channels, []byte("c"))
	b.Subscribe(Channels, []byte("c"))
	var wg sync.WaitGroup
	for p := range 4 {
		wg.Go(func() {
			for n := range 500 {
				publish(r, Channels, "c", fmt.Sprint(p, " ", n))
			}
		})
	}
	wg.Wait()
	strip := func(s string) string { return s[:len(s)-2] }
	require.Equal(t, len(a.got), len(b.got))
	require.True(t, slices.EqualFunc(a.got, b.got, func(x, y string) bool { return strip(x) == strip(y) }))
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(strconv.Itoa(n), func(b *testing.B) { benchmarkPublish(b, 1, n) })
	}
	b.Run("10000 channels of 10", func(b *testing.B) { benchmarkPublish(b, 10_000, 10) })
}

// sink takes messages and forgets them.
type sink struct{ Client }

func (*sink) Deliver(*Message) {}

func benchmarkPublish(b *testing.B, channels, subscribers int) {
	r := NewRegistry()
	names := make([][]byte, channels)
	for i := range names {
		names[i] = fmt.Appendf(nil, "channel:%d", i)
		for range subscribers {
			s := new(sink)
			s.Join(r, s)
			s.Subscribe(Channels, names[i])
		}
	}
	m := &Message{Payload: []byte("hello")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Channel = names[i%channels]
		if r.Publish(m) != subscribers {
			b.Fatal("somebody is missing")
		}
	}
}
