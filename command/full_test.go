package command

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/config"
	"respite/shards"
	"respite/value"
)

// fullPages is how many pages of 64 KiB the arenas of these tests have: more than what must be left of them.
const fullPages = 150

func newFullRig(t *testing.T) *clientsRig {
	t.Helper()
	cfg := config.New()
	require.NoError(t, cfg.Parse("", nil))
	group := shards.New(shards.Options{Shards: 2, Databases: 2, MaxArena: fullPages << 16, Poison: true})
	exec, err := NewExecutor(group, cfg, slog.New(slog.DiscardHandler), Hooks{})
	require.NoError(t, err)
	group.SetLimits(shards.Limits{Encoding: value.Limits{
		HashMaxListpackEntries: 128, HashMaxListpackValue: 64, SetMaxIntsetEntries: 512, SetMaxListpackEntries: 128, SetMaxListpackValue: 64,
		ZsetMaxListpackEntries: 128, ZsetMaxListpackValue: 64, ListMaxListpackSize: -2, StreamNodeMaxBytes: 4096, StreamNodeMaxEntries: 100,
	}})
	group.Start()
	t.Cleanup(group.Close)
	return &clientsRig{t: t, exec: exec}
}

// requireSound checks everything that the server has.
func (r *clientsRig) requireSound(after string) {
	r.t.Helper()
	r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) { require.NoError(r.t, tx.Check(), after) })
}

// fillers put much into collections; %d is a number that rises.
var fillers = []struct {
	command string
	element string
}{
	{"SADD {k}set", "member:%d:of:some:length:or:other"},
	{"HSET {k}hash", "field:%d:of:some:length %d"},
	{"ZADD {k}zset", "%d member:%d:of:some:length"},
	{"RPUSH {k}list", "element:%d:of:some:length:or:other:until:it:is:full"},
	{"XADD {k}stream *", "field:%d value"},
	{"LPUSH {k}list2", "element:%d:of:some:length:or:other:until:it:is:full"},
}

// more is a command with so many elements from a number on.
func more(command, element string, from, n int) string {
	words := []string{command}
	for i := from; i < from+n; i++ {
		words = append(words, strings.ReplaceAll(element, "%d", strconv.Itoa(i)))
	}
	return strings.Join(words, " ")
}

// Whatever command finds the arena full: nothing is left half-done, nothing is lost, and what frees memory goes on working.
func TestAFullArenaLosesNothing(t *testing.T) {
	for _, filler := range fillers {
		t.Run(filler.command, func(t *testing.T) {
			r := newFullRig(t)
			c := r.connect()
			refused := 0
			for n := 0; refused < 3; n += 50 {
				require.Less(t, n, 2_000_000)
				reply := c.do(more(filler.command, filler.element, n, 50))
				if reply == refusal(errOOM) {
					refused++
					r.requireSound("refused")
				} else {
					require.NotEqual(t, byte('-'), reply[0], reply)
				}
			}
			for _, line := range []string{
				"SUNIONSTORE {k}to {k}set", "SINTERSTORE {k}to {k}set {k}set", "SORT {k}list ALPHA STORE {k}to", "SORT {k}set ALPHA STORE {k}to",
				"ZUNIONSTORE {k}to 2 {k}zset {k}set", "ZRANGESTORE {k}to {k}zset 0 -1", "COPY {k}set {k}to", "COPY {k}zset {k}to", "COPY {k}hash {k}to",
				"COPY {k}stream {k}to", "COPY {k}list {k}to DB 1", "RENAME {k}set {other}set", "XGROUP CREATE {k}stream g 0",
				"XREADGROUP GROUP g c COUNT 20000 STREAMS {k}stream >", "LMOVE {k}list {k}list3 LEFT RIGHT", "SMOVE {k}set {k}set3 member:1:of:some:length:or:other",
			} {
				c.do(line)
				r.requireSound(line)
			}
			for _, line := range []string{"SPOP {k}set 500", "LPOP {k}list 500", "ZPOPMIN {k}zset 500", "HDEL {k}hash field:1:of:some:length", "LTRIM {k}list 100 -100"} {
				reply := c.do(line)
				require.NotEqual(t, byte('-'), reply[0], line+": "+reply)
				r.requireSound(line)
			}
		})
	}
}

// A member that is moved to a set that cannot grow any more stays where it is.
func TestSMoveToAFullArenaLosesNothing(t *testing.T) {
	r := newFullRig(t)
	c := r.connect()
	for n := 0; n < 500; n += 50 {
		require.Equal(t, ":50\r\n", c.do(more("SADD {k}from", "mover:%d:"+strings.Repeat("x", 200), n, 50)))
	}
	for n, refused := 0, 0; refused < 3; n += 50 {
		if c.do(more("SADD {k}to", "member:%d:of:some:length:or:other", n, 50)) == refusal(errOOM) {
			refused++
		}
	}
	refused := 0
	for i := range 500 {
		member := fmt.Sprintf("mover:%d:%s", i, strings.Repeat("x", 200))
		if reply := c.do("SMOVE {k}from {k}to " + member); reply != refusal(errOOM) {
			require.Equal(t, ":1\r\n", reply, i)
			require.Equal(t, ":0\r\n:1\r\n", c.do("SISMEMBER {k}from "+member, "SISMEMBER {k}to "+member))
			continue
		}
		refused++
		require.Equal(t, ":1\r\n:0\r\n", c.do("SISMEMBER {k}from "+member, "SISMEMBER {k}to "+member))
	}
	require.Positive(t, refused)
	r.requireSound("moves")
}

// Random commands in a small arena.
func TestRandomCommandsInAFullArena(t *testing.T) {
	r := newFullRig(t)
	c := r.connect()
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // reproducible, not secret
	const rounds = 1500
	key := func(kind string) string { return fmt.Sprint("{k}", kind, rnd.IntN(3)) }
	makers := []func() string{
		func() string {
			return more("SADD "+key("set"), "m:%d:"+strings.Repeat("x", rnd.IntN(400)), rnd.IntN(1e6), 1+rnd.IntN(400))
		},
		func() string { return more("HSET "+key("hash"), "f:%d v:%d", rnd.IntN(1e6), 1+rnd.IntN(400)) },
		func() string { return more("ZADD "+key("zset"), "%d m:%d", rnd.IntN(1e6), 1+rnd.IntN(400)) },
		func() string {
			return more("RPUSH "+key("list"), "e:%d:"+strings.Repeat("x", rnd.IntN(300)), rnd.IntN(1e6), 1+rnd.IntN(400))
		},
		func() string {
			return more("XADD "+key("stream")+" *", "f:%d "+strings.Repeat("x", rnd.IntN(300)), rnd.IntN(1e6), 1+rnd.IntN(40))
		},
		func() string { return "SUNIONSTORE " + key("set") + " " + key("set") + " " + key("set") },
		func() string { return "SDIFFSTORE " + key("set") + " " + key("set") + " " + key("set") },
		func() string { return "ZUNIONSTORE " + key("zset") + " 2 " + key("zset") + " " + key("set") },
		func() string { return "SORT " + key("set") + " ALPHA STORE " + key("list") },
		func() string { return "COPY " + key("hash") + " " + key("hash") + " REPLACE" },
		func() string { return "COPY " + key("stream") + " " + key("stream") + " REPLACE" },
		func() string { return "SPOP " + key("set") + " 30" },
		func() string { return "LPOP " + key("list") + " 30" },
		func() string { return "SET " + key("set") + " " + strings.Repeat("x", rnd.IntN(6000)) },
	}
	refused := 0
	for i := range rounds {
		if i%1000 == 999 {
			c.do("UNLINK " + key("set") + " " + key("zset") + " " + key("list"))
		}
		line := makers[rnd.IntN(len(makers))]()
		if strings.Contains(c.do(line), string(errOOM)) {
			if refused++; refused%50 == 0 {
				r.requireSound(line[:min(len(line), 60)])
			}
		}
	}
	r.requireSound("all")
	require.Greater(t, refused, 100)
}
