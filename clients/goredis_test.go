// go-redis 9, with its default options unless an option is what is tested.

package clients

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func goRedisSuite(t *testing.T, tg target) {
	s := tg.start(t)
	for _, tc := range []struct {
		name string
		run  func(*testing.T, *server)
	}{
		{"default options", goRedisDefaults},
		{"RESP2", goRedisRESP2},
		{"values and expiry", goRedisValues},
		{"SetArgs", goRedisSetArgs},
		{"pipeline", goRedisPipeline},
		{"pool", goRedisPool},
		{"scan iterator", goRedisScan},
		{"timeouts", goRedisTimeouts},
		{"killed connection", goRedisKilled},
		{"TLS", goRedisTLS},
		{"Unix socket", goRedisUnix},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, s) })
	}
	t.Run("password", func(t *testing.T) { goRedisPassword(t, tg) })
}

// goRedis connects with the given options, of which Addr may be left out.
func goRedis(t *testing.T, s *server, options redis.Options) *redis.Client {
	t.Helper()
	if options.Addr == "" {
		options.Addr = s.addr
	}
	client := redis.NewClient(&options)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func goRedisDefaults(t *testing.T, s *server) {
	ctx := t.Context()
	client := goRedis(t, s, redis.Options{ClientName: "go", DB: 3})
	require.Equal(t, "PONG", client.Ping(ctx).Val())

	info, err := client.ClientInfo(ctx).Result()
	require.NoError(t, err)
	require.Equal(t, 3, info.Resp, "HELLO 3 was accepted")
	require.Equal(t, "go", info.Name)
	require.Equal(t, 3, info.DB)
	if info.LibName != "" { // CLIENT SETINFO exists since Redis 7.2
		require.Contains(t, info.LibName, "go-redis")
		require.NotEmpty(t, info.LibVer)
	}
	databases, err := client.ConfigGet(ctx, "databases").Result()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"databases": "16"}, databases)
}

func goRedisRESP2(t *testing.T, s *server) {
	client := goRedis(t, s, redis.Options{Protocol: 2})
	info, err := client.ClientInfo(t.Context()).Result()
	require.NoError(t, err)
	require.Equal(t, 2, info.Resp)
	require.ErrorIs(t, client.Get(t.Context(), "resp2:missing").Err(), redis.Nil)
}

func goRedisValues(t *testing.T, s *server) {
	ctx := t.Context()
	client := goRedis(t, s, redis.Options{})
	require.NoError(t, client.Set(ctx, "value", "a\r\n\x00\xff", time.Minute).Err())
	require.Equal(t, "a\r\n\x00\xff", client.Get(ctx, "value").Val())
	require.InDelta(t, time.Minute, client.PTTL(ctx, "value").Val(), float64(20*time.Second))
	require.ErrorIs(t, client.Get(ctx, "missing").Err(), redis.Nil)

	require.Equal(t, int64(1), client.Incr(ctx, "counter").Val())
	require.InDelta(t, 2.5, client.IncrByFloat(ctx, "counter", 1.5).Val(), 0)
	require.EqualError(t, client.Incr(ctx, "counter").Err(), "ERR value is not an integer or out of range")
	require.Equal(t, []any{"2.5", nil}, client.MGet(ctx, "counter", "missing").Val())

	require.NoError(t, client.Do(ctx, "SETEX", "brief", 3600, "x").Err())
	require.True(t, client.PExpire(ctx, "brief", 50*time.Millisecond).Val())
	require.Eventually(t, func() bool { return client.Exists(ctx, "brief").Val() == 0 },
		time.Minute, 10*time.Millisecond)
}

func goRedisSetArgs(t *testing.T, s *server) {
	ctx := t.Context()
	client := goRedis(t, s, redis.Options{})
	const key = "setargs"
	set := func(value string, args redis.SetArgs) (string, error) {
		return client.SetArgs(ctx, key, value, args).Result()
	}
	deadline := time.Now().Add(time.Hour).Truncate(time.Second)

	for _, step := range []struct {
		name  string
		value string
		args  redis.SetArgs
		reply string
		err   error
		left  string // the value afterwards
		ttl   time.Duration
	}{
		{"XX on nothing", "a", redis.SetArgs{Mode: "XX"}, "", redis.Nil, "", 0},
		{"NX GET on nothing", "a", redis.SetArgs{Mode: "NX", Get: true}, "", redis.Nil, "a", 0},
		{"NX on a value", "b", redis.SetArgs{Mode: "NX"}, "", redis.Nil, "a", 0},
		{"XX with a TTL", "b", redis.SetArgs{Mode: "XX", TTL: time.Minute}, "OK", nil, "b", time.Minute},
		{"KEEPTTL", "c", redis.SetArgs{KeepTTL: true}, "OK", nil, "c", time.Minute},
		{"GET", "d", redis.SetArgs{Get: true, TTL: 90 * time.Second}, "c", nil, "d", 90 * time.Second},
		{"EXAT", "e", redis.SetArgs{ExpireAt: deadline}, "OK", nil, "e", time.Hour},
		{"PX", "f", redis.SetArgs{TTL: 30500 * time.Millisecond}, "OK", nil, "f", 30500 * time.Millisecond},
		{"plain SET removes the TTL", "g", redis.SetArgs{}, "OK", nil, "g", 0},
	} {
		reply, err := set(step.value, step.args)
		require.ErrorIs(t, err, step.err, step.name)
		require.Equal(t, step.reply, reply, step.name)
		require.Equal(t, step.left, client.Get(ctx, key).Val(), step.name)
		if step.ttl > 0 {
			require.InDelta(t, step.ttl, client.PTTL(ctx, key).Val(), float64(20*time.Second), step.name)
		} else {
			require.Negative(t, client.PTTL(ctx, key).Val(), step.name)
		}
	}
}

func goRedisPipeline(t *testing.T, s *server) {
	ctx := t.Context()
	client := goRedis(t, s, redis.Options{})
	const count = 1000
	replies, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range count {
			p.Set(ctx, "pipe:"+strconv.Itoa(i), i, 0)
			p.Get(ctx, "pipe:"+strconv.Itoa(i))
		}
		return nil
	})
	require.NoError(t, err)
	require.Len(t, replies, 2*count)
	for i := range count {
		require.Equal(t, strconv.Itoa(i), replies[2*i+1].(*redis.StringCmd).Val())
	}

	replies, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "word", "abc", 0)
		p.Incr(ctx, "word")
		p.Get(ctx, "word")
		return nil
	})
	require.EqualError(t, err, "ERR value is not an integer or out of range")
	require.NoError(t, replies[0].Err())
	require.Error(t, replies[1].Err())
	require.Equal(t, "abc", replies[2].(*redis.StringCmd).Val())
}

func goRedisPool(t *testing.T, s *server) {
	const size, workers, rounds = 10, 40, 100
	ctx := t.Context()
	client := goRedis(t, s, redis.Options{PoolSize: size})
	failures := make(chan error, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() { failures <- poolWork(ctx, client, w, rounds) })
	}
	group.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.Equal(t, strconv.Itoa(workers*rounds), client.Get(ctx, "pool:sum").Val())
	require.LessOrEqual(t, client.PoolStats().TotalConns, uint32(size))
}

// poolWork writes and reads keys of its own, and reports a value that another
// worker's connection must have received in its place.
func poolWork(ctx context.Context, client *redis.Client, worker, rounds int) error {
	for i := range rounds {
		key, value := fmt.Sprintf("pool:%d", worker), fmt.Sprintf("%d/%d", worker, i)
		if err := client.Set(ctx, key, value, time.Minute).Err(); err != nil {
			return err
		}
		if got, err := client.Get(ctx, key).Result(); err != nil || got != value {
			return fmt.Errorf("GET %s: got %q, %w; want %q", key, got, err, value)
		}
		if err := client.Incr(ctx, "pool:sum").Err(); err != nil {
			return err
		}
	}
	return nil
}

func goRedisScan(t *testing.T, s *server) {
	ctx := t.Context()
	client := goRedis(t, s, redis.Options{DB: 12})
	var want, got []string
	var pairs []any
	for i := range 500 {
		want = append(want, "scan:"+strconv.Itoa(i))
		pairs = append(pairs, want[i], i)
	}
	require.NoError(t, client.MSet(ctx, pairs...).Err())
	require.NoError(t, client.Set(ctx, "other", "x", 0).Err())
	for it := client.Scan(ctx, 0, "scan:*", 20).Iterator(); it.Next(ctx); {
		got = append(got, it.Val())
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, slices.Compact(got), "an element may come twice, none may be missed")
}

// goRedisTimeouts gives up on a reply that comes late, and finds that the next
// command does not receive it.
func goRedisTimeouts(t *testing.T, s *server) {
	ctx := t.Context()
	client := goRedis(t, s, redis.Options{ReadTimeout: 100 * time.Millisecond, MaxRetries: -1, PoolSize: 1})
	err := client.Do(ctx, "DEBUG", "SLEEP", "0.4").Err()
	require.ErrorContains(t, err, "i/o timeout")
	require.Eventually(t, func() bool { return client.Ping(ctx).Err() == nil }, time.Minute, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		said, err := client.Echo(ctx, "mine").Result()
		return err == nil && assert.Equal(t, "mine", said)
	}, time.Minute, 20*time.Millisecond, "a busy machine may take longer than the client waits")

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	patient := goRedis(t, s, redis.Options{ContextTimeoutEnabled: true, MaxRetries: -1})
	require.Error(t, patient.Do(short, "DEBUG", "SLEEP", "0.3").Err())
	require.Eventually(t, func() bool { return patient.Ping(ctx).Err() == nil }, time.Minute, 20*time.Millisecond)
}

func goRedisKilled(t *testing.T, s *server) {
	ctx := t.Context()
	victim, killer := goRedis(t, s, redis.Options{PoolSize: 1}), goRedis(t, s, redis.Options{})
	id := victim.ClientID(ctx).Val()
	require.Equal(t, int64(1), killer.ClientKillByFilter(ctx, "ID", strconv.FormatInt(id, 10)).Val())
	require.NoError(t, victim.Ping(ctx).Err(), "the pool replaces the connection")
	require.Greater(t, victim.ClientID(ctx).Val(), id)
}

func goRedisTLS(t *testing.T, s *server) {
	trusting := goRedis(t, s, redis.Options{
		Addr: s.tlsAddr, TLSConfig: &tls.Config{RootCAs: s.certs.pool, MinVersion: tls.VersionTLS12},
	})
	goRedisTLSRoundTrip(t, trusting)

	tls12 := goRedis(t, s, redis.Options{
		Addr: s.tlsAddr, TLSConfig: &tls.Config{RootCAs: s.certs.pool, MaxVersion: tls.VersionTLS12},
	})
	goRedisTLSRoundTrip(t, tls12)

	wary := goRedis(t, s, redis.Options{
		Addr: s.tlsAddr, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12}, MaxRetries: -1,
	})
	require.ErrorContains(t, wary.Ping(t.Context()).Err(), "certificate")
}

func goRedisTLSRoundTrip(t *testing.T, client *redis.Client) {
	t.Helper()
	const size = 1 << 20 // many TLS records
	value := string(slices.Repeat([]byte{'x'}, size))
	require.NoError(t, client.Set(t.Context(), "tls", value, 0).Err())
	require.Equal(t, value, client.Get(t.Context(), "tls").Val())
}

func goRedisUnix(t *testing.T, s *server) {
	client := goRedis(t, s, redis.Options{Network: "unix", Addr: s.socket})
	require.Equal(t, "near", client.Echo(t.Context(), "near").Val())
}

func goRedisPassword(t *testing.T, tg target) {
	ctx := t.Context()
	s := tg.start(t, "--requirepass", password)
	require.NoError(t, goRedis(t, s, redis.Options{Password: password}).Ping(ctx).Err())
	require.NoError(t, goRedis(t, s, redis.Options{Username: "default", Password: password}).Ping(ctx).Err())
	require.ErrorContains(t, goRedis(t, s, redis.Options{}).Ping(ctx).Err(), "NOAUTH")
	require.ErrorContains(t, goRedis(t, s, redis.Options{Password: "wrong"}).Ping(ctx).Err(), "WRONGPASS")
}
