package keyspace

import (
	"strings"
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

// A Space that is dismantled gives back every page, those of its nodes too, as many at a time as it is told to.
func TestDismantledSpaceIsEmpty(t *testing.T) {
	s := linked(newSpace())
	fillSpace(t, s, 0, 1000, 2000)
	for range 100 {
		leafNode(s.Nodes(), strings.Repeat("n", PageNode))
	}
	var pages []*page
	for _, a := range []*arena{&s.arena, &s.nodes.arena} {
		for _, table := range a.tables {
			for _, p := range table.pages {
				if p != nil {
					pages = append(pages, p)
				}
			}
		}
	}
	const step = 3
	for left, more := len(pages), true; more; left -= step {
		more = s.Dismantle(step)
		empty := 0
		for _, p := range pages {
			if *p == (page{}) {
				empty++
			}
		}
		require.Equal(t, min(len(pages)-left+step, len(pages)), empty)
	}
	require.False(t, s.Dismantle(step))
}
