// Package acl knows the users of a server and what each of them may do: Redis's access control lists. It knows no protocol, no
// connection and no command table: the commands, with their categories, are given to it as a Catalog, and where the keys and
// channels of a command stand is said by whoever asks (Request).
//
// acl.go is the catalog, rules.go what a user may do and how it is written down, edit.go the reader of rules, check.go the
// question that is asked before every command, users.go all users together, file.go their file, log.go what was refused.
//
// Invariant: Rules never change once somebody else can see them. A change of a user makes new ones and replaces one pointer, so a
// check is one atomic load and some tests of bits, and takes no lock. Selectors that were not edited are shared.
package acl

import (
	"slices"
	"strings"
)

// Command is a command or subcommand as rules speak of it.
type Command struct {
	Name       string   // in lower case, of a subcommand "client|list"
	Parent     int      // of a subcommand: the number of its container; else -1
	Categories []string // without '@'
	Open       bool     // anybody may call it, whatever his rules say
}

// Catalog is all commands, by number. It does not change.
type Catalog struct {
	commands   []Command
	byName     map[string]int
	subs       [][]int  // of containers
	categories []string // in the order in which Redis lists them
	with       []bitset // by category: the commands that a rule about it changes, with all subcommands of those
	in         [][]int  // by category: the commands that are in it
}

// NewCatalog makes a catalog. A command's number is its index; categories are the names of all there are, in the order in which
// they are listed.
func NewCatalog(commands []Command, categories []string) *Catalog {
	c := &Catalog{commands: commands, byName: make(map[string]int, len(commands)), subs: make([][]int, len(commands)), categories: categories}
	for id, cmd := range commands {
		c.byName[cmd.Name] = id
		if cmd.Parent >= 0 {
			c.subs[cmd.Parent] = append(c.subs[cmd.Parent], id)
		}
	}
	for _, category := range categories {
		with, in := newBitset(len(commands)), []int(nil)
		for id, cmd := range commands {
			if slices.Contains(cmd.Categories, category) {
				in = append(in, id)
				c.mark(with, id)
			}
		}
		c.with, c.in = append(c.with, with), append(c.in, in)
	}
	return c
}

// mark adds a command and its subcommands to a set.
func (c *Catalog) mark(set bitset, id int) {
	set.set(id)
	for _, sub := range c.subs[id] {
		set.set(sub)
	}
}

// Categories are the names of all categories.
func (c *Catalog) Categories() []string { return c.categories }

// In are the full names of the commands of a category, whose name may be in any case; ok is false if there is no such category.
func (c *Catalog) In(category string) (names []string, ok bool) {
	i := c.category(category)
	if i < 0 {
		return nil, false
	}
	for _, id := range c.in[i] {
		names = append(names, c.commands[id].Name)
	}
	return names, true
}

// category is the index of a category, -1 if there is none of that name.
func (c *Catalog) category(name string) int {
	return slices.IndexFunc(c.categories, func(known string) bool { return strings.EqualFold(known, name) })
}

// find finds a command, or a subcommand by its full name; the name may be in any case.
func (c *Catalog) find(name string) (id int, ok bool) {
	id, ok = c.byName[strings.ToLower(name)]
	return id, ok
}

// bitset is a set of commands.
type bitset []uint64

const wordBits = 64

func newBitset(n int) bitset { return make(bitset, (n+wordBits-1)/wordBits) }

func (b bitset) has(i int) bool { return b[i/wordBits]&(1<<(i%wordBits)) != 0 }
func (b bitset) set(i int)      { b[i/wordBits] |= 1 << (i % wordBits) }

// fill puts all bits on or off.
func (b bitset) fill(on bool) {
	for i := range b {
		b[i] = 0
		if on {
			b[i] = ^uint64(0)
		}
	}
}

// change adds the members of another set, or takes them away.
func (b bitset) change(other bitset, add bool) {
	for i, word := range other {
		if add {
			b[i] |= word
		} else {
			b[i] &^= word
		}
	}
}
