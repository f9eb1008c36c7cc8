package shards

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/value"
)

// turns gives the survey of a shard so many turns.
func turns(g *Group, s *shard, n int) {
	for range n {
		s.surveyTurn(g.clock() / millisecond)
	}
}

// surveyGroup is a group of one shard with a clock of its own, which nobody has started.
func surveyGroup(now *int64) (*Group, *shard) {
	g := New(Options{Shards: 1, Clock: func() int64 { *now += surveyRest * millisecond; return *now }})
	return g, g.shards[0]
}

func fill(tx *Tx, from, n, size int) {
	for i := range n {
		put(tx, fmt.Appendf(nil, "key:%d", from+i), string(make([]byte, size)))
	}
}

func TestSmallShardsAreSurveyedWhenAsked(t *testing.T) {
	now := int64(0)
	g, _ := surveyGroup(&now)
	inShard(g, now, func(tx *Tx) {
		fill(tx, 0, 10, 5)
		fill(tx, 10, 3, 1000)
		fill(tx, 13, 1, 0)
		sizes := tx.Sizes(0)[value.String]
		require.EqualValues(t, 1, sizes[0])
		require.EqualValues(t, 10, sizes[3], "from 4 to 7")
		require.EqualValues(t, 3, sizes[10], "from 512 to 1023")

		tx.Delete([]byte("key:10"))
		require.EqualValues(t, 2, tx.Sizes(0)[value.String][10])
		require.Len(t, tx.Biggest(value.String, 100), 13)
		require.Empty(t, tx.Biggest(value.List, 100))
		require.Equal(t, []BigKey{{Key: []byte("key:11"), Type: value.String, Size: 1000}}, tx.Biggest(value.String, 1))
	})
}

// TestLargeShardsAreSurveyedInTurns goes the long way: a pass in turns, changes after it that show only in the next, and none when nothing
// changes.
func TestLargeShardsAreSurveyedInTurns(t *testing.T) {
	now := int64(0)
	g, s := surveyGroup(&now)
	const keys = 4 * surveyAtOnce
	inShard(g, now, func(tx *Tx) { fill(tx, 0, keys, 1) })
	turns(g, s, keys/surveyStep+10)
	inShard(g, now, func(tx *Tx) {
		require.EqualValues(t, keys, tx.Sizes(0)[value.String][1])
		fill(tx, keys, 1, 77)
		require.Zero(t, tx.Sizes(0)[value.String][7], "not seen yet")
		put(tx, []byte("key:0"), "three")
	})
	turns(g, s, 10)
	require.Nil(t, s.survey.pass, "it rests")
	turns(g, s, surveyPause/surveyRest+2*keys/surveyStep)
	inShard(g, now, func(tx *Tx) {
		require.EqualValues(t, 1, tx.Sizes(0)[value.String][7])
		require.Equal(t, []BigKey{
			{Key: fmt.Appendf(nil, "key:%d", keys), Type: value.String, Size: 77},
			{Key: []byte("key:0"), Type: value.String, Size: 5},
		}, tx.Biggest(value.String, 2))
		put(tx, []byte("key:0"), "ten bytes.")
		require.EqualValues(t, 10, tx.Biggest(value.String, 2)[1].Size, "what is shown is looked up")
		require.True(t, tx.Delete([]byte("key:0")))
		require.EqualValues(t, 1, tx.Biggest(value.String, 2)[1].Size)
	})
	turns(g, s, surveyPause/surveyRest+2*keys/surveyStep)
	require.False(t, s.survey.stale)
	require.Nil(t, s.survey.pass)
	require.Greater(t, s.survey.due(), now, "nothing has changed, so no turn is needed")
}

func TestEmptiedAndSwappedDatabasesAreKnownAtOnce(t *testing.T) {
	now := int64(0)
	g, s := surveyGroup(&now)
	const keys = 2 * surveyAtOnce
	inShard(g, now, func(tx *Tx) { fill(tx, 0, keys, 1) })
	turns(g, s, keys/surveyStep+10)
	inShard(g, now, func(tx *Tx) {
		fill(tx, 0, 1, 3)
		tx.SwapDB(0, 1)
		require.Zero(t, tx.Sizes(0)[value.String][1])
		require.EqualValues(t, keys, tx.Sizes(1)[value.String][1])
		tx.FlushDB(1)
		require.Zero(t, tx.Sizes(1)[value.String][1])
		require.Empty(t, tx.Biggest(value.String, 1))
	})
}

// TestPassesCountEachKeyOnce changes keys between the turns of a pass: those that stay are counted once.
func TestPassesCountEachKeyOnce(t *testing.T) {
	now := int64(0)
	g, s := surveyGroup(&now)
	const keys = 3 * surveyAtOnce
	inShard(g, now, func(tx *Tx) { fill(tx, 0, keys, 100) })
	for n := 0; s.survey.known == nil; n++ {
		turns(g, s, 1)
		inShard(g, now, func(tx *Tx) { fill(tx, keys+100*n, 100, 1) }) // tables grow and split
	}
	require.EqualValues(t, keys, s.survey.known[0].sizes[value.String][7])
}

func BenchmarkSurvey(b *testing.B) {
	now := int64(0)
	g, s := surveyGroup(&now)
	const keys = 1_000_000
	inShard(g, now, func(tx *Tx) { fill(tx, 0, keys, 32) })
	s.survey.begin(len(s.dbs))
	b.ResetTimer()
	for done := 0; done < b.N; done += surveyStep {
		if s.surveySome(surveyStep) {
			s.survey.begin(len(s.dbs))
		}
	}
}
