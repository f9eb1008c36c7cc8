package command

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Where a command may not wait it answers at once: the pops as if time were up, the moves that there is nothing.
func TestBlockingCommandsWhereNobodyMayWait(t *testing.T) {
	for line, want := range map[string]string{
		"BLPOP a b 0":                "*-1\r\n",
		"BRPOP a b 0":                "*-1\r\n",
		"BLMPOP 0 2 a b LEFT":        "*-1\r\n",
		"BLMOVE a b LEFT RIGHT 0":    "$-1\r\n",
		"BRPOPLPUSH a b 0":           "$-1\r\n",
		"BLPOP a b x":                refusal(errTimeoutFloat),
		"BLMPOP 0 2 full a LEFT":     "*2\r\n$4\r\nfull\r\n*1\r\n$1\r\nx\r\n",
		"BLPOP a full 0":             "*2\r\n$4\r\nfull\r\n$1\r\nx\r\n",
		"BLMOVE full b LEFT RIGHT 0": "$1\r\nx\r\n",
	} {
		r := newClientsRig(t)
		c := r.connect()
		c.do("RPUSH full x")
		require.Equal(t, want, c.doWithoutWaiting(line), line)
	}
}

// doWithoutWaiting runs a command over all shards as a transaction would.
func (c *testClient) doWithoutWaiting(line string) string {
	var args [][]byte
	for _, word := range strings.Fields(line) {
		args = append(args, []byte(word))
	}
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	s := c.session
	s.takeUp()
	require.NoError(c.t, s.runCut(s.exec.table.Lookup(args), args, s.exec.group.All(), w))
	require.NoError(c.t, s.Flush(w))
	require.NoError(c.t, w.Flush())
	return out.String()
}

// XREAD with + waits for any entry while there is none, and is given the last that there is by then.
func TestReadOfTheLastEntryWaits(t *testing.T) {
	r := newClientsRig(t)
	waits, adds := r.connect(), r.connect()
	require.Equal(t, "$3\r\n1-0\r\n:1\r\n", adds.do("XADD k 1-0 a 1", "XDEL k 1-0"))
	answered := make(chan string, 1)
	go func() { answered <- waits.do("XREAD BLOCK 0 STREAMS k other + +") }()
	require.Eventually(t, func() bool { return r.exec.Blocked() == 1 }, time.Minute, time.Millisecond)
	adds.do("MULTI", "XADD other 2-0 a 2", "XADD other 3-0 a 3", "EXEC")
	require.Equal(t, "*1\r\n*2\r\n$5\r\nother\r\n*1\r\n*2\r\n$3\r\n3-0\r\n*2\r\n$1\r\na\r\n$1\r\n3\r\n", <-answered)
}

// A handler that fails while it is served answers its own client; who woke it notices nothing.
func TestAFailureWhileServedIsTheWaitersOwn(t *testing.T) {
	r := newClientsRig(t)
	waits, other, pusher := r.connect(), r.connect(), r.connect()
	row := *r.exec.table.byName["blpop"]
	sound := row.Run
	row.Run = func(c *Call) error {
		if err := sound(c); err != nil || c.waits.keys != nil {
			return err
		}
		panic("while it is served")
	}
	answered := make(chan string, 1)
	go func() { answered <- waits.doRow(&row, "k", "0") }()
	require.Eventually(t, func() bool { return r.exec.Blocked() == 1 }, time.Minute, time.Millisecond)
	behind := make(chan string, 1)
	go func() { behind <- other.do("BLPOP k 0") }()
	require.Eventually(t, func() bool { return r.exec.Blocked() == 2 }, time.Minute, time.Millisecond)
	require.Equal(t, ":1\r\n:0\r\n", pusher.do("RPUSH k x", "LLEN k"))
	require.Equal(t, refusal(errInternal), <-answered)
	require.Equal(t, "*2\r\n$1\r\nk\r\n$1\r\nx\r\n", <-behind)
	require.Zero(t, r.exec.Blocked())
}

// doRow runs a command by its row.
func (c *testClient) doRow(row *Row, args ...string) string {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	words := [][]byte{[]byte(row.Name)}
	for _, a := range args {
		words = append(words, []byte(a))
	}
	c.session.takeUp()
	_ = c.session.place(row, words, w)
	_ = c.session.Flush(w)
	_ = w.Flush()
	return out.String()
}
