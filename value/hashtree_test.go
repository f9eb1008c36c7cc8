package value

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHashTree(t *testing.T) {
	s := newTestSpace()
	tr := hashTree{tree{nodes: s.Nodes()}}
	member := func(i int) []byte { return fmt.Appendf(nil, "m%d%s", i, strings.Repeat("x", i%200)) }
	const n = 10_000
	for i := range n {
		require.True(t, tr.put(member(i), fmt.Append(nil, i)))
	}
	require.False(t, tr.put(member(7), []byte("seven")))
	require.NoError(t, tr.check())
	val, ok := tr.get(member(7))
	require.True(t, ok)
	require.Equal(t, "seven", string(val))
	_, ok = tr.get([]byte("absent"))
	require.False(t, ok)
	for i := 0; i < n; i += 2 {
		require.True(t, tr.remove(member(i)))
	}
	require.False(t, tr.remove(member(0)))
	require.Equal(t, n/2, tr.len)
	s.Reclaim()
	seen := 0
	tr.each(func(m, _ []byte) bool { seen++; return true })
	require.Equal(t, n/2, seen)
}

// TestHashTreeScan sees every member that stays, whatever comes and goes meanwhile.
func TestHashTreeScan(t *testing.T) {
	s := newTestSpace()
	tr := hashTree{tree{nodes: s.Nodes()}}
	for i := range 5000 {
		tr.put(fmt.Append(nil, "stays", i), nil)
	}
	seen := map[string]bool{}
	calls := 0
	for cursor := uint64(0); calls == 0 || cursor != 0; calls++ {
		cursor = tr.scan(cursor, 10, func(m, _ []byte) { seen[string(m)] = true })
		for range 20 {
			tr.put(fmt.Append(nil, "comes", rand.IntN(1000)), nil)
			tr.remove(fmt.Append(nil, "comes", rand.IntN(1000)))
		}
		s.Reclaim()
	}
	for i := range 5000 {
		require.True(t, seen[fmt.Sprint("stays", i)])
	}
	require.Greater(t, calls, 300)
	require.Zero(t, tr.scan(1<<40, 10, func(_, _ []byte) { t.Fatal("behind the end") }))
}
