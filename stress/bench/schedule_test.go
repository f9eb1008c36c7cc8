package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// By whatever loops a load is dealt out, its requests are due evenly and each
// client's are too.
func TestScheduleIsEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(10, 1e6).Draw(t, "rate")
		clients := rapid.IntRange(1, 1_000).Draw(t, "clients")
		s := newSchedule(time.Second, rate, clients)
		n := rapid.IntRange(0, 1e6).Draw(t, "request")
		period := float64(time.Second) / rate
		require.InDelta(t, period, s.due(n+1)-s.due(n), 2)
		require.InDelta(t, period*float64(clients), s.due(s.after(n))-s.due(n), 2)
		require.Equal(t, n%clients, s.after(n)%clients, "the same client")
	})
	s := newSchedule(time.Second, 40_000, 50)
	require.Equal(t, time.Second, s.due(0))
	require.Equal(t, time.Second+25*time.Microsecond, s.due(1))
	require.Equal(t, time.Hour+time.Second, s.due(40_000*3_600), "no drift")
}

func TestWindowHoldsWhatBeginsInIt(t *testing.T) {
	var w window
	w.shut()
	require.False(t, w.holds(0))
	require.False(t, w.holds(time.Hour))
	require.False(t, w.ahead(0), "nothing will come")
	w.open(10)
	require.True(t, w.ahead(5))
	require.False(t, w.holds(9))
	require.True(t, w.holds(10))
	require.True(t, w.holds(time.Hour), "it is still open")
	w.close(20)
	require.True(t, w.holds(19))
	require.False(t, w.holds(20))
	require.True(t, w.ahead(19))
	require.False(t, w.ahead(20))
	w.close(30)
	require.False(t, w.holds(20), "it stays closed")
}
