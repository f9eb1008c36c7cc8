package oracle

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueueFollowsATransaction(t *testing.T) {
	status := func(s string) Value { return Value{Kind: '+', Text: s} }
	array := func(n int) Value { return Value{Kind: '*', Elems: make([]Value, n)} }
	var q queue
	for _, step := range []struct {
		name  string
		reply Value
		ran   int
	}{
		{"MULTI", status("OK"), 0},
		{"GET", status("QUEUED"), 0},
		{"multi", Value{Kind: '-', Text: "ERR MULTI calls can not be nested"}, 0},
		{"WATCH", Value{Kind: '-', Text: "ERR WATCH inside MULTI is not allowed"}, 0},
		{"SET", status("QUEUED"), 0},
		{"EXEC", array(2), 2},
		{"EXEC", Value{Kind: '-', Text: "ERR EXEC without MULTI"}, 0},
		{"MULTI", status("OK"), 0},
		{"GET", status("QUEUED"), 0},
		{"RESET", status("RESET"), 0},
		{"MULTI", status("OK"), 0},
		{"GET", status("QUEUED"), 0},
		{"EXEC", Value{Kind: '*', Null: true}, 0},
		{"LRANGE", array(1), 0},
	} {
		require.Len(t, q.follow([]string{step.name}, step.reply), step.ran, step.name)
	}
}

// Blocks are whole: what a transaction begins it ends, and a command that is watched stands alone.
func TestGeneratorDrawsTransactions(t *testing.T) {
	g := NewGenerator(1, AllTables()...)
	open, blocks := false, 0
	for range 20_000 {
		switch args := g.Next(); {
		case is("multi")(args) && len(args) == 1:
			require.False(t, open)
			open = true
		case is("exec", "discard")(args) && len(args) == 1 && open:
			open = false
			blocks++
		}
	}
	require.Greater(t, blocks, 1000)
}
