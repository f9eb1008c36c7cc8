package command

import (
	"bufio"
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/shards"
)

// lone is a client of a round.
type lone struct {
	*Session
	out bytes.Buffer
	w   *bufio.Writer
}

func (r *serverRig) lone() *lone {
	l := &lone{Session: r.exec.NewSession(quietConn{})}
	l.w = bufio.NewWriter(&l.out)
	r.t.Cleanup(l.Close)
	return l
}

// sends takes one command, words between spaces, and reports whether it waits for the round.
func (l *lone) sends(t *testing.T, round *Round, line string) (joined bool) {
	t.Helper()
	require.NoError(t, l.DoIn(round, byteWords(line), l.w))
	return l.InRound()
}

func byteWords(line string) (args [][]byte) {
	for _, word := range strings.Fields(line) {
		args = append(args, []byte(word))
	}
	return args
}

// collects takes the reply of a command that joined, and reports whether it ran with the others: a shard may have had a turn of its own.
func (l *lone) collects(t *testing.T) (together bool) {
	t.Helper()
	together, err := l.Collect(l.w)
	require.NoError(t, err)
	if !together {
		require.NoError(t, l.Flush(l.w))
	}
	require.False(t, l.InRound())
	require.False(t, l.busy.Load())
	return together
}

// takes returns what the client has got since it was last asked.
func (l *lone) takes(t *testing.T) string {
	t.Helper()
	require.NoError(t, l.w.Flush())
	defer l.out.Reset()
	return l.out.String()
}

func TestLoneCommandsRunTogether(t *testing.T) {
	r := newServerRig(t)
	round := r.exec.NewRound(func() {})
	a, b, c, d := r.lone(), r.lone(), r.lone(), r.lone()
	for range 3 {
		require.True(t, a.sends(t, round, "SET k v"))
		require.True(t, b.sends(t, round, "INCR n"))
		require.True(t, c.sends(t, round, "LPOP k"))
		require.True(t, d.sends(t, round, "GET k"))
		round.Run()
		for _, l := range []*lone{a, b, c, d} {
			l.collects(t)
		}
		round.Reset()
		require.Equal(t, "+OK\r\n", a.takes(t))
		require.Equal(t, errWrongType.Error(), strings.TrimSuffix(strings.TrimPrefix(c.takes(t), "-"), "\r\n"))
		require.Equal(t, "$1\r\nv\r\n", d.takes(t))
	}
	require.Equal(t, ":1\r\n:2\r\n:3\r\n", b.takes(t))
	require.Contains(t, r.field("commandstats", "cmdstat_lpop"), "calls=3,")
	require.Contains(t, r.field("commandstats", "cmdstat_lpop"), "failed_calls=3")
	require.Contains(t, r.field("commandstats", "cmdstat_set"), "calls=3,")
	require.GreaterOrEqual(t, a.lastActive.Load(), a.created)
}

// own owns the shard of a key until the returned function is called.
func (r *serverRig) own(key string) (free func()) {
	held, until, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		var need shards.Mask
		need.Set(r.exec.group.Route([]byte(key)))
		r.exec.group.Run(need, 0, func(*shards.Tx) {
			close(held)
			<-until
		})
	}()
	<-held
	return func() {
		close(until)
		<-over
	}
}

// twoShards names two keys on different shards.
func (r *serverRig) twoShards() (a, b string) {
	a, b = "k", "other"
	for r.exec.group.Route([]byte(a)) == r.exec.group.Route([]byte(b)) {
		b += "x"
	}
	return a, b
}

// strayRig is a round that has run but for the command of one client, whose shard is owned until free is called.
type strayRig struct {
	*serverRig
	round              *Round
	stray, other       *lone
	strayKey, otherKey string
	free               func()
}

func newStrayRig(t *testing.T) *strayRig {
	t.Helper()
	r := newServerRig(t)
	s := &strayRig{serverRig: r, round: r.exec.NewRound(func() {}), stray: r.lone(), other: r.lone()}
	s.strayKey, s.otherKey = r.twoShards()
	s.free = r.own(s.strayKey)
	require.True(t, s.stray.sends(t, s.round, "APPEND "+s.strayKey+" v"))
	require.True(t, s.other.sends(t, s.round, "APPEND "+s.otherKey+" v"))
	s.round.Run()
	return s
}

// A command for a shard that somebody owns does not wait with the others, and they not for it.
func TestStraysOfARound(t *testing.T) {
	s := newStrayRig(t)
	round, a, b := s.round, s.stray, s.other
	ran, err := b.Collect(b.w)
	require.NoError(t, err)
	require.True(t, ran)
	require.Equal(t, ":1\r\n", b.takes(t))
	ran, err = a.Collect(a.w)
	require.NoError(t, err)
	require.False(t, ran)
	round.Reset() // its arguments are its own by now
	require.True(t, b.sends(t, round, "STRLEN "+s.otherKey))
	s.free()
	require.NoError(t, a.Flush(a.w))
	require.Equal(t, ":1\r\n", a.takes(t))
	require.Equal(t, "$1\r\nv\r\n", s.do("GET "+s.strayKey))
	round.Run()
	b.collects(t)
	require.Equal(t, ":1\r\n", b.takes(t))
}

// A command whose shard is owned for no longer than the others' replies take is still one of the round.
func TestStraysThatAreTriedAgain(t *testing.T) {
	s := newStrayRig(t)
	round, a, b := s.round, s.stray, s.other
	round.RunStrays()
	require.True(t, a.Strays())
	b.collects(t)
	s.free()
	for a.Strays() { // the shard may be given up a little later
		round.RunStrays()
		runtime.Gosched()
	}
	require.True(t, a.collects(t))
	round.Reset()
	require.False(t, a.Strays())
	require.Equal(t, ":1\r\n", a.takes(t))
	require.Equal(t, "$1\r\nv\r\n", s.do("GET "+s.strayKey))
}

// What might wait, needs more than its shard, or is not silent about itself goes its own way.
func TestWhatGoesAlone(t *testing.T) {
	for name, tt := range map[string]struct{ before, line, reply string }{
		"no key":         {"", "PING", "+PONG\r\n"},
		"unknown":        {"", "NONE k", "-ERR unknown command 'NONE', with args beginning with: 'k' \r\n"},
		"arity":          {"", "GET", "-ERR wrong number of arguments for 'get' command\r\n"},
		"several keys":   {"", "MGET a b", "*2\r\n$-1\r\n$-1\r\n"},
		"two keys":       {"", "RENAMENX a b", "-ERR no such key\r\n"},
		"waits":          {"RPUSH l x", "BLPOP l 0", "*2\r\n$1\r\nl\r\n$1\r\nx\r\n"},
		"goes over many": {"", "SMEMBERS s", "*0\r\n"},
		"transaction":    {"MULTI", "GET k", "+QUEUED\r\n"},
		"reply":          {"CLIENT REPLY SKIP", "GET k", ""},
		"tracking":       {"HELLO 3|CLIENT TRACKING ON", "GET k", "_\r\n"},
		"many arguments": {"", "SADD s" + strings.Repeat(" x", mostLoneArgs), ":1\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newServerRig(t)
			round := r.exec.NewRound(func() {})
			l := r.lone()
			for line := range strings.SplitSeq(tt.before, "|") {
				if line != "" {
					require.NoError(t, l.Do(byteWords(line), l.w))
					require.NoError(t, l.Flush(l.w))
				}
			}
			l.takes(t)
			require.False(t, l.sends(t, round, tt.line))
			require.NoError(t, l.Flush(l.w))
			require.Equal(t, tt.reply, l.takes(t))
		})
	}
}

func TestNobodyJoinsWhileOthersListen(t *testing.T) {
	r := newServerRig(t)
	round := r.exec.NewRound(func() {})
	l := r.lone()
	r.do("MONITOR")
	require.False(t, l.sends(t, round, "GET k"))
	require.NoError(t, l.Flush(l.w))
	r.do("RESET")
	r.do("HELLO 3")
	r.do("CLIENT TRACKING ON BCAST")
	require.False(t, l.sends(t, round, "SET k v"))
	require.NoError(t, l.Flush(l.w))
	r.do("CLIENT TRACKING OFF")
	require.True(t, l.sends(t, round, "SET k v"))
	round.Run()
	l.collects(t)
}

// A command of a round that turns out to be long says so.
func TestLongCommandOfARound(t *testing.T) {
	r := newServerRig(t)
	long := 0
	round := r.exec.NewRound(func() { long++ })
	l := r.lone()
	for together := false; !together; {
		r.run(append([]string{"RPUSH", "l"}, make([]string, manyElements)...)...)
		require.True(t, l.sends(t, round, fmt.Sprint("LPOP l ", manyElements)))
		round.Run()
		together = l.collects(t)
		round.Reset()
		require.Equal(t, fmt.Sprintf("*%d\r\n", manyElements)+strings.Repeat("$0\r\n\r\n", manyElements), l.takes(t))
	}
	require.Equal(t, 1, long)
}
