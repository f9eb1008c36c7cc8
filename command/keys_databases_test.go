package command

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFlush(t *testing.T) {
	r := newKeysRig(t)
	fill := func() {
		for db := range r.exec.group.Databases() {
			r.do(db, "SET a 1 PX 100000")
			r.do(db, "SET b 1")
		}
	}
	for _, line := range []string{"FLUSHDB", "FLUSHDB async", "FLUSHDB SYNC"} {
		fill()
		require.Equal(t, "+OK", r.do(1, line))
		require.Equal(t, ":0", r.do(1, "DBSIZE"))
		require.Equal(t, ":2", r.do(2, "DBSIZE"))
	}
	for _, line := range []string{"FLUSHALL", "FLUSHALL ASYNC", "FLUSHALL sync"} {
		fill()
		require.Equal(t, "+OK", r.do(1, line))
		require.Empty(t, r.dump())
	}
	for _, line := range []string{"FLUSHDB NOW", "FLUSHALL SYNC ASYNC"} {
		fill()
		require.Equal(t, "-ERR syntax error", r.do(0, line))
		require.Equal(t, ":2", r.do(0, "DBSIZE"))
	}
}

func TestSwapRefusals(t *testing.T) {
	newKeysRig(t).play([]keysStep{
		{"SWAPDB x y", "-ERR invalid first DB index"},
		{"SWAPDB 99 y", "-ERR invalid second DB index"},
		{"SWAPDB 99999999999 0", "-ERR invalid first DB index"},
		{"SWAPDB 0 99", "-ERR DB index is out of range"},
		{"SWAPDB -1 0", "-ERR DB index is out of range"},
		{"SWAPDB 99 99", "-ERR DB index is out of range"},
	})
}
