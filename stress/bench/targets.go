// What can be measured: the targets by the names that --targets takes.
//
// Invariant: redis is always among the targets of a run, because every ratio
// is taken to it. Only programs that a run needs are looked up.

package bench

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Targets by the names of --targets; see server.go for what the tables call them.
const (
	respiteTarget   = "respite"
	redisTarget     = "redis"
	repliesTarget   = "replies"
	netpollTarget   = "netpoll"
	ioThreadsTarget = "io-threads"
	againTarget     = "redis-again"
)

// ioThreads is how many threads of redis-server read and write sockets.
const ioThreads = 2

// programs are the command lines' first words, as they were given.
type programs struct {
	respite, redis string
	self           string // this program, for the replies-only server
}

// A knownTarget is a name of --targets and how to make the target of it.
type knownTarget struct {
	name    string
	program string
	make    func(program string) target
}

func (p programs) known() []knownTarget {
	return []knownTarget{
		{respiteTarget, p.respite, func(program string) target { return redisLike(respiteName, program) }},
		{redisTarget, p.redis, func(program string) target { return redisLike(redisName, program) }},
		{repliesTarget, p.self, repliesOnly},
		{netpollTarget, p.respite, func(program string) target {
			return redisLike(netpollTarget, program).with("--io-engine", "netpoll")
		}},
		{ioThreadsTarget, p.redis, func(program string) target {
			n := strconv.Itoa(ioThreads)
			return redisLike("redis io-threads "+n, program).with("--io-threads", n, "--io-threads-do-reads", "yes")
		}},
		// A second redis-server: what its ratios differ from 1 by is the machine's doing, and so much of the others' ratios may be too.
		{againTarget, p.redis, func(program string) target { return redisLike("redis again", program) }},
	}
}

// stores tells whether what is measured depends on data. The replies-only
// server stores nothing, so it has no memory to measure, no elements to pop.
func stores(m mode, set string) bool { return m.name == memoryMode || set == typeSet }

// defaultTargets are the targets of a run that names none.
func defaultTargets(m mode, set string) string {
	if stores(m, set) {
		return respiteTarget + "," + redisTarget
	}
	return respiteTarget + "," + redisTarget + "," + repliesTarget
}

// parseTargets reads "respite,redis" and looks up the programs behind it.
func (p programs) parseTargets(list string, m mode, set string) (targets []target, err error) {
	names, err := p.targetNames(list)
	if err != nil {
		return nil, err
	}
	if stores(m, set) && slices.Contains(names, repliesTarget) {
		return nil, fmt.Errorf("--targets %s goes neither with --memory nor with --set %s: it stores nothing", repliesTarget, typeSet)
	}
	for _, name := range names {
		i := slices.IndexFunc(p.known(), func(k knownTarget) bool { return k.name == name })
		k := p.known()[i]
		program, err := findProgram(k.program)
		if err != nil {
			return nil, err
		}
		targets = append(targets, k.make(program))
	}
	return targets, nil
}

// targetNames splits and checks the list.
func (p programs) targetNames(list string) (names []string, err error) {
	var all []string
	for _, k := range p.known() {
		all = append(all, k.name)
	}
	for _, word := range strings.Split(list, ",") {
		name := strings.ToLower(strings.TrimSpace(word))
		switch {
		case !slices.Contains(all, name):
			return nil, fmt.Errorf("target %q: no such target, there are %s", word, strings.Join(all, ","))
		case slices.Contains(names, name):
			return nil, fmt.Errorf("target %q is named twice", name)
		}
		names = append(names, name)
	}
	if !slices.Contains(names, redisTarget) {
		return nil, fmt.Errorf("--targets %s lacks %s, which all ratios are taken to", list, redisTarget)
	}
	return names, nil
}

// redisAmong is the position of the target that ratios are taken to.
func redisAmong(targets []target) int {
	return slices.IndexFunc(targets, func(t target) bool { return t.name == redisName })
}

// findProgram looks a program up; servers run in directories of their own, so
// its path must be absolute.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find a server to measure: %w", err)
	}
	return filepath.Abs(path)
}
