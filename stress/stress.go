// Package stress runs black-box suites against a listening Redis-compatible
// server: respite or redis-server alike, over TCP or TLS.
//
// A suite is a value in the table below: a name, one line of documentation and
// a function that drives the server and writes its findings to a Run. Suites
// touch only keys below their own prefix and remove them when they end; they
// never flush a database. Every load is bounded in count or time and stops
// when its context does, with the findings so far still reported.
//
// To add a suite, write it in a file of its own, list it in Suites, and give
// its options a flag in command.go.
package stress

import (
	"context"
	"fmt"
	"strings"
)

// allSuites is the name that stands for the suites marked everyday.
const allSuites = "all"

// Suite is one named black-box run.
type Suite struct {
	Name string
	Doc  string
	// Run drives the server and records checks. The error it returns is for
	// what kept the suite from going on, and counts as a failed check.
	Run func(ctx context.Context, r *Run) error
	// everyday suites are part of "all".
	everyday bool
}

// Suites lists every suite in the order in which "all" runs them.
func Suites() []Suite {
	return []Suite{
		{Name: "integration", Doc: "what an application does: sessions, messages, profiles, invalidation, integrity", Run: runIntegration, everyday: true},
		{Name: "validation", Doc: "the basics: connections, commands, many keys, concurrent clients, errors", Run: runValidation, everyday: true},
		{Name: "stability", Doc: "continuous mixed traffic with known answers, reconnects, malformed frames", Run: runStability, everyday: true},
		{Name: "fuzz", Doc: "random and mutated bytes while well-behaved clients keep checking", Run: runFuzz},
		{Name: "order", Doc: "pipelined writes are seen in the order in which they were sent", Run: runOrder},
		{Name: "expiry", Doc: "a mass expiry within one second under an open-loop load", Run: runExpiry},
		{Name: "backlog", Doc: "a client that sends everything before it reads anything", Run: runBacklog},
		{Name: "waits", Doc: "clients that wait for keys in vain, and hang up while they wait", Run: runWaits},
		{Name: "large", Doc: "short commands while collections of a million elements are read, put together and removed", Run: runLarge},
		{Name: "memory", Doc: "resident bytes per key after a load in random order", Run: runMemory},
		{Name: "idle", Doc: "resident bytes per idle connection", Run: runIdle},
	}
}

// selectSuites resolves a comma-separated list of suite names, in the order
// given and each once.
func selectSuites(list string) ([]Suite, error) {
	var picked []Suite
	seen := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		matches := suitesNamed(strings.TrimSpace(name))
		if len(matches) == 0 {
			return nil, fmt.Errorf("unknown suite %q, want one of %s", name, suiteNames())
		}
		for _, s := range matches {
			if !seen[s.Name] {
				seen[s.Name] = true
				picked = append(picked, s)
			}
		}
	}
	return picked, nil
}

func suitesNamed(name string) []Suite {
	var out []Suite
	for _, s := range Suites() {
		if s.Name == name || (name == allSuites && s.everyday) {
			out = append(out, s)
		}
	}
	return out
}

func suiteNames() string {
	names := []string{allSuites}
	for _, s := range Suites() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}
