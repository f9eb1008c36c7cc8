package stress

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"respite/proto"
)

func bulk(s string) proto.Value    { return proto.Value{Type: proto.TypeBulk, Str: []byte(s)} }
func number(n int64) proto.Value   { return proto.Value{Type: proto.TypeInt, Int: n} }
func failure(s string) proto.Value { return proto.Value{Type: proto.TypeError, Str: []byte(s)} }
func null() proto.Value            { return proto.Value{Type: proto.TypeBulk, Null: true} }

func array(items ...proto.Value) proto.Value {
	return proto.Value{Type: proto.TypeArray, Elems: items}
}

func TestChecksOfReplies(t *testing.T) {
	pairOf := wantArray([]func(proto.Value) error{wantText("a"), wantNull})
	tests := []struct {
		name  string
		check func(proto.Value) error
		good  []proto.Value
		bad   []proto.Value
	}{
		{"text", wantText("a"), []proto.Value{bulk("a")}, []proto.Value{bulk("b"), bulk(""), null(), number(1), failure("a")}},
		{"empty text", wantText(""), []proto.Value{bulk("")}, []proto.Value{null(), bulk("a")}},
		{"integer", wantInt(3), []proto.Value{number(3)}, []proto.Value{number(2), bulk("3"), null(), failure("3")}},
		{"range", wantBetween(1, 5), []proto.Value{number(1), number(5)}, []proto.Value{number(0), number(6)}},
		{"null", wantNull, []proto.Value{null()}, []proto.Value{bulk(""), number(0), failure("")}},
		{"array", pairOf, []proto.Value{array(bulk("a"), null())}, []proto.Value{array(null(), bulk("a")), array(bulk("a")), bulk("a")}},
		{"error", wantError("ERR x"), []proto.Value{failure("ERR x y")}, []proto.Value{failure("ERR y"), bulk("ERR x"), number(0)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, v := range tt.good {
				require.NoError(t, tt.check(v))
			}
			for _, v := range tt.bad {
				require.Error(t, tt.check(v), describe(v))
			}
		})
	}
}

func TestVolatileKeyBrackets(t *testing.T) {
	now := time.Now()
	young := &volatileKey{value: "v", earliest: now.Add(time.Hour), latest: now.Add(time.Hour)}
	old := &volatileKey{value: "v", earliest: now.Add(-time.Hour), latest: now.Add(-time.Hour)}
	unanswered := &volatileKey{value: "v", earliest: now.Add(-time.Hour)}
	tests := []struct {
		name  string
		key   *volatileKey
		reply proto.Value
		ok    bool
	}{
		{"young and there", young, bulk("v"), true},
		{"young and gone", young, null(), false},
		{"young and another value", young, bulk("w"), false},
		{"old and gone", old, null(), true},
		{"old and there", old, bulk("v"), false},
		{"set not yet answered", unanswered, bulk("v"), true},
		{"never set", nil, null(), true},
		{"never set and there", nil, bulk("v"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.ok, tt.key.want(now)(tt.reply) == nil)
		})
	}
}

func TestTrafficIsReproducible(t *testing.T) {
	make := func() *traffic { return newTraffic("p:", rand.New(rand.NewPCG(1, 2))) }
	a, b := make(), make()
	for range 1000 {
		require.Equal(t, a.next().args[0], b.next().args[0])
	}
}

func TestVerdictsSeeContradictions(t *testing.T) {
	var v verdicts
	var last [orderKeys]int64
	v.judge(5, 5)
	v.judge(5, 6)
	v.progress(&last, 3, 7)
	v.progress(&last, 3, 7)
	require.Zero(t, v.contradictions.count()+v.setbacks.count())
	v.judge(6, 5)
	v.progress(&last, 3, 6)
	require.EqualValues(t, 3, v.pairs.Load())
	require.EqualValues(t, 1, v.contradictions.count())
	require.EqualValues(t, 1, v.setbacks.count())
	require.Contains(t, v.contradictions.example(), "saw round 6, then round 5")
}

func TestSpreadKeysCoverTheHashSpace(t *testing.T) {
	for i, key := range spreadKeys("p:") {
		require.EqualValues(t, i, xxhash.Sum64String(key)>>orderShift)
	}
}

func TestPairsAreOrdered(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[[2]int]bool{}
	for range 10_000 {
		early, late := pair(rng)
		require.Less(t, early, late)
		seen[[2]int{early, late}] = true
	}
	require.Len(t, seen, orderKeys*(orderKeys-1)/2)
}

func TestGrowthIsJudged(t *testing.T) {
	r := &Run{Options: DefaultOptions()}
	before := footprint{used: 100 * mib, resident: 100 * mib, goroutines: 10, clients: 1}
	require.Zero(t, r.grown(before, before))
	after := footprint{
		used: before.used + defaultGrowthMiB*mib + 1, resident: before.resident + defaultResidentMiB*mib + 1,
		goroutines: before.goroutines + defaultGoroutines + 1, clients: before.clients + clientSlack + 1,
	}
	require.Equal(t, 4, r.grown(before, after))
}

func TestUnreportedFiguresAreNotJudged(t *testing.T) {
	r := &Run{suite: &SuiteReport{}, stopped: func() bool { return false }}
	r.boundGrowth("goroutines", -1, 5, 0, plain)
	r.boundGrowth("memory", 0, 2, 1, plain)
	require.Equal(t, Noted, r.suite.Checks[0].Result)
	require.Equal(t, Failed, r.suite.Checks[1].Result)
}

// TestNothingIsNotEnough has suites report that they came to do nothing.
func TestNothingIsNotEnough(t *testing.T) {
	r := &Run{Options: DefaultOptions(), suite: &SuiteReport{}, stopped: func() bool { return false }}
	(&stability{Run: r, single: newLatency(), pipelined: newLatency()}).report()
	(&fuzz{Run: r, seen: newLatency()}).report()
	(&order{Run: r, target: 1, reads: &meter{}}).report()
	(&openLoop{Run: r}).report("bystanders")
	for _, c := range r.suite.Checks {
		if c.Result != Noted {
			require.Equal(t, Failed, c.Result, c.Name)
		}
	}
	require.Greater(t, len(r.suite.Checks), 10)
}

func TestResidentOfThisProcess(t *testing.T) {
	n, err := residentOf(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, n, int64(mib))
	_, err = residentOf(-1)
	require.Error(t, err)
}

func TestLatencyKeepsWhatIsOutOfRange(t *testing.T) {
	l := newLatency()
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond, time.Hour} {
		l.record(d)
	}
	require.EqualValues(t, 4, l.count())
	require.GreaterOrEqual(t, l.max(), 10*time.Minute)
	require.Contains(t, l.String(), "p99.9")
}

func TestCrewStopsAtTheFirstError(t *testing.T) {
	boom := errors.New("boom")
	err := crew(context.Background(), 3, func(ctx context.Context, i int) error {
		if i == 0 {
			return boom
		}
		<-ctx.Done()
		return ctx.Err()
	})
	require.ErrorIs(t, err, boom)
}

func TestEventually(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	_, ok, err := eventually(ctx, time.Minute, func() (bool, error) { n++; return n == 3, nil })
	require.True(t, ok)
	require.NoError(t, err)
	_, ok, err = eventually(ctx, 2*pollEvery, func() (bool, error) { return false, nil })
	require.False(t, ok)
	require.NoError(t, err)
	cancel()
	_, _, err = eventually(ctx, time.Minute, func() (bool, error) { return false, nil })
	require.ErrorIs(t, err, context.Canceled)
}
