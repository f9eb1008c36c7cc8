// What a run was asked to do: the flags' values, checked before anything starts.

package bench

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The sets of commands by the names that --set takes.
const (
	stringSet = "strings"
	typeSet   = "types"
)

// options are the settings of all modes.
type options struct {
	targets  []target // one of them is redis
	clients  int
	threads  int
	markdown bool

	set       string // stringSet or typeSet
	cells     []cell
	typeCells []typeCell
	rounds    int
	warmUp    time.Duration
	measure   time.Duration

	percents []int   // rates of the open loop, of redis's maximum
	idle     int     // connections
	active   float64 // percent of them that send

	keys       []int
	valueSizes []int
	ttl        bool
	overwrite  int
	settle     time.Duration
}

// A cell is one command at one pipeline depth.
type cell struct {
	command command
	depth   int
}

func (c cell) String() string { return fmt.Sprintf("%s:%d", c.command.name, c.depth) }

// getCell is what the modes other than throughput ask for: one GET at a time.
func getCell() cell { return cell{command: commands()[0], depth: 1} }

// defaultDepths are the pipeline depths of a run that names no cells.
func defaultDepths() []int { return []int{1, 16, 100} }

// parseCells reads "get:1,set:16"; a command without a depth gets all of
// defaultDepths, an empty list is every command so.
func parseCells(list string) (cells []cell, err error) {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	words, err := parseCellWords(list, names, defaultDepths())
	for _, w := range words {
		cells = append(cells, cell{command: commands()[w.command], depth: w.depth})
	}
	return cells, err
}

// A cellWord is a command, by its position among the known ones, and a depth.
type cellWord struct{ command, depth int }

// parseCellWords reads the list of --cells: commands with depths, or without,
// which means all of depths; an empty list is all commands.
func parseCellWords(list string, names []string, depths []int) (cells []cellWord, err error) {
	known := strings.Join(names, ",")
	if list == "" {
		list = known
	}
	for _, word := range strings.Split(list, ",") {
		name, depth, hasDepth := strings.Cut(strings.TrimSpace(word), ":")
		command := slices.Index(names, strings.ToLower(name))
		if command < 0 {
			return nil, fmt.Errorf("cell %q: no such command, there are %s", word, known)
		}
		asked := depths
		if hasDepth {
			n, err := strconv.Atoi(depth)
			if err != nil || n < 1 || n > maxDepth {
				return nil, fmt.Errorf("cell %q: the depth must be between 1 and %d", word, maxDepth)
			}
			asked = []int{n}
		}
		for _, d := range asked {
			cells = append(cells, cellWord{command, d})
		}
	}
	return cells, nil
}

const (
	// maxDepth leaves several pipelines even on the shortest tape.
	maxDepth   = 1_000
	maxClients = 1_000
	// maxPercent still means something: a target may be faster than redis.
	maxPercent = 1_000
	// maxIdle is all ports that one address has for connections to a server.
	maxIdle = 1<<16 - 1<<10
)

// activeClients is how many connections of --idle send, at least one.
func (o *options) activeClients() int {
	return max(1, int(math.Round(float64(o.idle)*o.active/100)))
}

// senders is how many connections a mode sends on.
func (o *options) senders(m mode) int {
	if m.name == idleMode {
		return o.activeClients()
	}
	return o.clients
}

// check refuses settings that cannot be run.
func (o *options) check(m mode) error {
	return cmp.Or(o.checkRounds(m), o.checkLoads(), o.checkDataSets())
}

func (o *options) checkRounds(m mode) error {
	switch {
	case o.rounds < 1:
		return errors.New("--rounds must be at least 1")
	case o.clients < 1 || o.clients > maxClients:
		return fmt.Errorf("--clients must be between 1 and %d", maxClients)
	case o.threads < 1 || o.threads > o.senders(m):
		return errors.New("--threads must be between 1 and the number of clients that send")
	case o.measure <= 0 || o.warmUp < 0 || o.settle < 0:
		return errors.New("--seconds must be positive, --warm-up and --settle not negative")
	}
	return nil
}

func (o *options) checkLoads() error {
	switch {
	case slices.ContainsFunc(o.percents, func(n int) bool { return n < 1 || n > maxPercent }):
		return fmt.Errorf("--open-loop must be percentages between 1 and %d", maxPercent)
	case o.idle < 1 || o.idle > maxIdle:
		return fmt.Errorf("--idle must be between 1 and %d", maxIdle)
	case o.active <= 0 || o.active > 100:
		return errors.New("--active must be above 0 and at most 100 percent")
	}
	return nil
}

func (o *options) checkDataSets() error {
	switch {
	case o.overwrite < 0:
		return errors.New("--overwrite must not be negative")
	case slices.ContainsFunc(o.keys, func(n int) bool { return n < 1 || n > maxKeys }):
		return fmt.Errorf("--keys must be between 1 and %d", maxKeys)
	case slices.ContainsFunc(o.valueSizes, func(n int) bool { return n < 1 || n > maxValue }):
		return fmt.Errorf("--value-sizes must be between 1 and %d", maxValue)
	}
	return nil
}

const (
	maxKeys  = 1 << 30
	maxValue = 1 << 20
)
