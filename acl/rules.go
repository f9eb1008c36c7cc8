package acl

// rules.go: what a user may do, and the text that says so. The text gives the same rules when it is read again; it is what ACL
// LIST shows and what files hold.

import (
	"maps"
	"slices"
	"strings"
)

// Rules are what one user may do. They do not change.
type Rules struct {
	enabled      bool
	noPass       bool     // any password will do
	skipSanitize bool     // kept for its text: payloads are always checked
	passwords    []string // SHA-256, in hexadecimal
	selectors    []*selector
	free         bool // the first selector allows everything
	allKeys      bool // every selector allows all keys
	allChannels  bool // every selector allows all channels
	text         string
}

// selector is a set of permissions. A command must be allowed by one selector as a whole. The first one of a user, the root, is
// what rules outside of parentheses change.
type selector struct {
	allCommands bool   // nothing was taken away since all commands were allowed
	future      bool   // commands that come to be are allowed
	commands    bitset // that are allowed
	firstArgs   map[int][]string
	changes     []string // the rules about commands since all or none were allowed, as they were given: "+get", "-@admin"

	allKeys     bool
	keys        []keyPattern
	allChannels bool
	channels    [][]byte // patterns
}

// Access is what is done with a key, or allowed to be done.
type Access uint8

// The kinds of access.
const (
	Read Access = 1 << iota
	Write
)

type keyPattern struct {
	glob  []byte
	allow Access
}

// clone is a copy that can be edited.
func (s *selector) clone() *selector {
	c := *s
	c.commands = slices.Clone(s.commands)
	c.firstArgs = maps.Clone(s.firstArgs)
	c.changes = slices.Clone(s.changes)
	c.keys = slices.Clone(s.keys)
	c.channels = slices.Clone(s.channels)
	return &c
}

// seal works out what depends on the rest. The rules must not be edited any more.
func (r *Rules) seal() *Rules {
	root := r.selectors[0]
	r.free = root.allCommands && root.allKeys && root.allChannels
	r.allKeys, r.allChannels = true, true
	for _, s := range r.selectors {
		r.allKeys = r.allKeys && s.allKeys
		r.allChannels = r.allChannels && s.allChannels
	}
	r.text = r.describe()
	return r
}

// String is the rules as ACL LIST shows them behind the user's name.
func (r *Rules) String() string { return r.text }

// Flags are the names of what is on or off, in the order in which Redis has them.
func (r *Rules) Flags() []string {
	flags := []string{"off"}
	if r.enabled {
		flags[0] = "on"
	}
	if r.noPass {
		flags = append(flags, "nopass")
	}
	if r.skipSanitize {
		return append(flags, "skip-sanitize-payload")
	}
	return append(flags, "sanitize-payload")
}

// Passwords are the SHA-256 digests of the user's passwords, in hexadecimal.
func (r *Rules) Passwords() []string { return r.passwords }

// Open reports whether nobody need give a password to be this user.
func (r *Rules) Open() bool { return r.noPass && r.enabled }

// NoPass reports whether any password will do.
func (r *Rules) NoPass() bool { return r.noPass }

// Description is one selector of a user, as ACL GETUSER shows it.
type Description struct {
	Commands, Keys, Channels string
}

// Selectors are the user's selectors, the root first.
func (r *Rules) Selectors() []Description {
	out := make([]Description, len(r.selectors))
	for i, s := range r.selectors {
		out[i] = Description{s.describeCommands(), s.describeKeys(), s.describeChannels()}
	}
	return out
}

func (r *Rules) describe() string {
	words := r.Flags()
	for _, p := range r.passwords {
		words = append(words, "#"+p)
	}
	for i, s := range r.selectors {
		text := s.describe()
		if i > 0 {
			text = "(" + text + ")"
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

// describe is all of a selector. Channels begin with resetchannels, since acl-pubsub-default may be another one when it is read again.
func (s *selector) describe() string {
	var words []string
	if keys := s.describeKeys(); keys != "" {
		words = append(words, keys)
	}
	if !s.allChannels {
		words = append(words, "resetchannels")
	}
	if channels := s.describeChannels(); channels != "" {
		words = append(words, channels)
	}
	return strings.Join(append(words, s.describeCommands()), " ")
}

func (s *selector) describeCommands() string {
	first := "-@all"
	if s.future {
		first = "+@all"
	}
	return strings.Join(append([]string{first}, s.changes...), " ")
}

// describeKeys is the patterns of keys. Where %RW~* is one of them the others say nothing, and would be refused when they are read again
// behind it: there Redis writes what it cannot read.
func (s *selector) describeKeys() string {
	if s.hasAllKeys(Read | Write) {
		return "~*"
	}
	words := make([]string, len(s.keys))
	for i, k := range s.keys {
		words[i] = k.String()
	}
	return strings.Join(words, " ")
}

func (k keyPattern) String() string {
	switch k.allow {
	case Read:
		return "%R~" + string(k.glob)
	case Write:
		return "%W~" + string(k.glob)
	}
	return "~" + string(k.glob)
}

func (s *selector) describeChannels() string {
	if s.allChannels {
		return "&*"
	}
	words := make([]string, len(s.channels))
	for i, c := range s.channels {
		words[i] = "&" + string(c)
	}
	return strings.Join(words, " ")
}
