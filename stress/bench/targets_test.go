package bench

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTargetsKeepTheirOrder(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	p := programs{respite: self, redis: self, self: self}
	targets, err := p.parseTargets(" io-threads,Redis ,netpoll,replies,respite,redis-again", mode{}, stringSet)
	require.NoError(t, err)
	var names []string
	for _, target := range targets {
		names = append(names, target.name)
	}
	require.Equal(t, []string{"redis io-threads 2", "redis", "netpoll", "replies only", "respite", "redis again"}, names)
	require.Equal(t, 1, redisAmong(targets))
	require.Subset(t, targets[0].commandLine(1, ""), []string{"--port", "--io-threads", "2", "--io-threads-do-reads", "yes"})
	require.Subset(t, targets[2].commandLine(1, ""), []string{"--port", "--io-engine", "netpoll"})
}

func TestTargetsAreChecked(t *testing.T) {
	tests := []struct{ name, list, want string }{
		{"unknown", "redis,valkey", `target "valkey": no such target, there are respite,redis,replies,netpoll,io-threads,redis-again`},
		{"empty", "redis,,respite", `target "": no such target`},
		{"twice", "redis,respite,redis", `"redis" is named twice`},
		{"no reference", "respite,netpoll", "lacks redis, which all ratios are taken to"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := programs{}.parseTargets(test.list, mode{}, stringSet)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := programs{}.parseTargets("redis,replies", mode{name: memoryMode}, stringSet)
	require.ErrorContains(t, err, "it stores nothing")
}

func TestOnlyNeededProgramsAreLookedUp(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	p := programs{respite: "no-such-program", redis: self, self: self}
	_, err = p.parseTargets("redis,io-threads,replies", mode{}, stringSet)
	require.NoError(t, err)
	_, err = p.parseTargets("redis,netpoll", mode{}, stringSet)
	require.ErrorContains(t, err, "no-such-program")
}

func TestDirectivesAreForServersThatTakeThem(t *testing.T) {
	plain := redisLike(redisName, "redis-server")
	more := plain.with("--maxclients", "7")
	require.Equal(t, append(plain.commandLine(1, "d"), "--maxclients", "7"), more.commandLine(1, "d"))
	require.Empty(t, plain.directives)
	require.Equal(t, repliesOnly("x").commandLine(1, "d"), repliesOnly("x").with("--maxclients", "7").commandLine(1, "d"))
}
