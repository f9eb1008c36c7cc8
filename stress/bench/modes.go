// The modes of the command: what each measures with, and which flags go
// together. A flag that the chosen mode would ignore is refused, so that nobody
// reads a table as the answer to a question that was not asked.

package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

const (
	throughputMode = "throughput"
	memoryMode     = "memory"
	openLoopMode   = "open-loop"
	latencyMode    = "latency"
	idleMode       = "idle"
)

// A mode is one kind of measurement. Its name is that of the flag that chooses
// it, but for throughput, which no flag chooses.
type mode struct {
	name  string
	run   func(ctx context.Context, o *options, out, progress io.Writer) error
	marks []string // flags any of which chooses the mode
	flags []string // flags that the mode understands besides those of all modes
}

func modes() []mode {
	rounds := []string{"rounds", "seconds", "warm-up"}
	load := append([]string{"clients", "threads"}, rounds...)
	return []mode{
		{throughputMode, runThroughput, nil, append([]string{"cells", setFlag, spreadFlag}, load...)},
		{memoryMode, runMemory, []string{memoryMode}, []string{"clients", "threads", setFlag, "keys", "value-sizes", "ttl", "overwrite", "settle"}},
		{openLoopMode, runOpenLoop, []string{openLoopMode}, load},
		{latencyMode, runLatency, []string{latencyMode}, rounds},
		{idleMode, runIdle, []string{idleMode, "active"}, append([]string{"threads"}, rounds...)},
	}
}

// pickMode finds the mode that the flags ask for and refuses flags of others.
func pickMode(c *cli.Context) (mode, error) {
	given := func(flag string) bool { return c.IsSet(flag) && c.Value(flag) != false }
	chosen := modes()[0]
	for _, m := range modes()[1:] {
		if !slices.ContainsFunc(m.marks, given) {
			continue
		}
		if chosen.marks != nil {
			return mode{}, fmt.Errorf("--%s and --%s are different measurements: choose one", chosen.name, m.name)
		}
		chosen = m
	}
	for _, m := range modes() {
		for _, flag := range m.flags {
			if given(flag) && !slices.Contains(chosen.flags, flag) {
				return mode{}, fmt.Errorf("--%s goes with %s, not with %s", flag, homes(flag), chosen)
			}
		}
	}
	return chosen, nil
}

// homes names the modes that understand a flag.
func homes(flag string) string {
	var names []string
	for _, m := range modes() {
		if slices.Contains(m.flags, flag) {
			names = append(names, m.String())
		}
	}
	return strings.Join(names, ", ")
}

func (m mode) String() string {
	if m.marks == nil {
		return m.name
	}
	return "--" + m.name
}
