package keyspace

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The memory of a released page is gone, which shows in that it reads as zeros, and the page can be used again.
func TestReleasedPageIsEmpty(t *testing.T) {
	a := newArena()
	p := a.takePage()
	a.spare = append(a.spare, p)
	for i := range p {
		p[i] = poison
	}
	p.release()
	for i := range p {
		require.Zero(t, p[i])
	}
	p[0] = poison
	require.Equal(t, uint64(poison), p[0])
}
