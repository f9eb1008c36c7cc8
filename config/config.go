// Package config keeps the server's parameters: one table of rows (table.go), redis-server's
// configuration file and command line (parse.go), CONFIG GET, SET and REWRITE, and an immutable
// Snapshot for everybody else.
//
// Invariants: the present state is one pointer to a frozen Snapshot, replaced as a whole, so
// readers never lock and never see half a change. Parse, Set and Rewrite exclude each other.
// A change is published after every applier has agreed to it, and never if one did not.
package config

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"respite/text"
)

// Pair is a parameter's name and value.
type Pair struct{ Name, Value string }

// Config is the configuration of one server. Its methods may be called from any goroutine.
type Config struct {
	rows  []Row
	index map[string]int // lower-case name or alias to row number
	now   atomic.Pointer[Snapshot]
	stdin io.Reader

	mu       sync.Mutex // excludes writers; guards what follows
	appliers map[int]Applier
	rename   func(from, to string) error
	user     func(words []string) error
	users    func() []string
	notices  []string
}

// Applier carries a change into the running server. It is called with the state before and after
// and keeps either if it needs to; an error undoes the whole CONFIG SET, and then appliers that
// had agreed are called once more with the states exchanged. It must not call Set, Rewrite or OnSet.
type Applier = func(old, next *Snapshot) error

// New returns the defaults.
func New() *Config {
	c := &Config{rows: allRows(), stdin: os.Stdin, appliers: make(map[int]Applier)}
	c.index = indexRows(c.rows)
	values := make([]string, len(c.rows))
	for i := range c.rows {
		values[i] = c.rows[i].Default
	}
	values[c.index["dir"]] = workingDir()
	c.now.Store(c.build(values, nil, nil, ""))
	return c
}

func indexRows(rows []Row) map[string]int {
	index := make(map[string]int, 2*len(rows))
	for i := range rows {
		index[rows[i].Name] = i
		if rows[i].Alias != "" {
			index[rows[i].Alias] = i
		}
	}
	return index
}

// build freezes values and decodes them. It takes ownership of the slices and the map.
func (c *Config) build(values []string, renames map[string]string, users [][]string, file string) *Snapshot {
	s := &Snapshot{values: values, RenameCommands: renames, Users: users, ConfigFile: file}
	for i := range c.rows {
		if bind := c.rows[i].bind; bind != nil {
			bind(s, values[i])
		}
	}
	return s
}

// Now returns the present state.
func (c *Config) Now() *Snapshot { return c.now.Load() }

// Rows returns the table, for documentation and command-line flags.
func (c *Config) Rows() []Row { return slices.Clone(c.rows) }

// Row finds a parameter by name or alias, whatever the case.
func (c *Config) Row(name string) (Row, bool) {
	i, ok := c.param(name)
	if !ok {
		return Row{}, false
	}
	return c.rows[i], true
}

// param finds the row that CONFIG GET and CONFIG SET know under name.
func (c *Config) param(name string) (int, bool) {
	i, ok := c.index[strings.ToLower(name)]
	return i, ok && c.rows[i].Kind != Directive
}

// File is the absolute path of the configuration file, "" if there is none.
func (c *Config) File() string { return c.Now().ConfigFile }

// Notices says, one line each, which directives were given at start-up and have no effect.
func (c *Config) Notices() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.notices)
}

// OnSet registers what a changed value has to do in the running server, once per name. A name
// that is not in the table is a mistake in the program, and panics.
func (c *Config) OnSet(name string, apply Applier) {
	i, ok := c.param(name)
	if !ok {
		panic(fmt.Sprintf("config: no parameter %q", name))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.appliers[i] = apply
}

// OnRename registers the test that Parse puts to every rename-command line, in order: the error's
// text becomes the reason in the FatalError. to is "" when the command is removed.
func (c *Config) OnRename(check func(from, to string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rename = check
}

// OnUser registers the test that Parse puts to the words of every user line, but the first, in order: the error's text becomes the
// reason in the FatalError.
func (c *Config) OnUser(check func(words []string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user = check
}

// OnUsers registers what says which user lines Rewrite writes in place of those of the file. Until then it leaves them as they are.
func (c *Config) OnUsers(lines func() []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users = lines
}

// Get answers CONFIG GET. A pattern without wildcards is answered under the name as it was
// spelled; each parameter comes once, in the order of the patterns and, within one, of the table.
func (c *Config) Get(patterns ...string) []Pair {
	g := getter{c: c, now: c.Now(), seen: make(map[string]bool)}
	for _, p := range patterns {
		if strings.ContainsAny(p, "[*?") {
			g.matching(p)
		} else if i, ok := c.param(p); ok {
			g.add(p, i)
		}
	}
	return g.found
}

type getter struct {
	c     *Config
	now   *Snapshot
	seen  map[string]bool // lower-case names
	found []Pair
}

func (g *getter) matching(pattern string) {
	for i := range g.c.rows {
		r := &g.c.rows[i]
		if r.Kind == Directive || r.Flags.Has(Hidden) {
			continue
		}
		for _, name := range [...]string{r.Name, r.Alias} {
			if name != "" && text.Match([]byte(pattern), []byte(name), true) {
				g.add(name, i)
			}
		}
	}
}

func (g *getter) add(name string, i int) {
	key := strings.ToLower(name)
	if g.seen[key] {
		return
	}
	g.seen[key] = true
	v := g.now.values[i]
	if shown := g.c.rows[i].shown; shown != nil {
		v = shown(v)
	}
	g.found = append(g.found, Pair{name, v})
}
