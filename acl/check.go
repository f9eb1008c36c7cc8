package acl

// check.go: may this user run this command? It is asked before every command, so it allocates nothing and takes no lock.

import (
	"bytes"
	"strings"

	"respite/text"
)

// Denial is why a command is refused. A later one of these reasons says that a selector got further.
type Denial uint8

// The reasons.
const (
	Allowed Denial = iota
	DeniedCommand
	DeniedKey
	DeniedAuth // by the log only: a wrong password
	DeniedChannel
)

// String is the reason as ACL LOG has it.
func (d Denial) String() string {
	return [...]string{"", "command", "key", "auth", "channel"}[d]
}

// Request is a command that somebody wants to run.
type Request struct {
	ID       int // in the catalog
	Args     [][]byte
	Keys     []Key     // not looked at where the rules need none (NeedKeys)
	Channels []Channel // not looked at where the rules need none (NeedChannels)
}

// Key is an argument that is a key. One that is neither read nor written must be within some pattern all the same.
type Key struct {
	At   int // among the arguments
	Need Access
}

// Channel is an argument that is a channel, or a pattern of channels, which a rule must name literally.
type Channel struct {
	At      int
	Pattern bool
}

// Free reports whether the user may do everything.
func (r *Rules) Free() bool { return r.free }

// NeedKeys reports whether a Request has to name its keys.
func (r *Rules) NeedKeys() bool { return !r.allKeys }

// NeedChannels reports whether a Request has to name its channels.
func (r *Rules) NeedChannels() bool { return !r.allChannels }

// Check answers a request. If it is denied, at is the argument to blame: 0, or the key or channel of the selector that got furthest.
func (r *Rules) Check(c *Catalog, q *Request) (why Denial, at int) {
	why = DeniedCommand
	for _, s := range r.selectors {
		d, i := s.check(c, q)
		switch {
		case d == Allowed:
			return Allowed, 0
		case d > why, d == why && i > at:
			why, at = d, i
		}
	}
	return why, at
}

// CheckAll reports whether the request is allowed by a selector that also allows every key to be accessed in a way.
func (r *Rules) CheckAll(c *Catalog, q *Request, need Access) bool {
	for _, s := range r.selectors {
		if d, _ := s.check(c, q); d == Allowed && s.hasAllKeys(need) {
			return true
		}
	}
	return false
}

func (s *selector) hasAllKeys(need Access) bool {
	if s.allKeys {
		return true
	}
	for i := range s.keys {
		if k := &s.keys[i]; k.allow&need == need && string(k.glob) == "*" {
			return true
		}
	}
	return false
}

func (s *selector) check(c *Catalog, q *Request) (why Denial, at int) {
	if !s.allCommands && !c.commands[q.ID].Open && !s.commands.has(q.ID) && !s.allowsFirst(q) {
		return DeniedCommand, 0
	}
	if !s.allKeys {
		for _, k := range q.Keys {
			if !s.allowsKey(q.Args[k.At], k.Need) {
				return DeniedKey, k.At
			}
		}
	}
	if !s.allChannels {
		for _, ch := range q.Channels {
			if !s.allowsChannel(q.Args[ch.At], ch.Pattern) {
				return DeniedChannel, ch.At
			}
		}
	}
	return Allowed, 0
}

// allowsFirst reports whether a command that is not allowed as such is with its first argument.
func (s *selector) allowsFirst(q *Request) bool {
	if len(q.Args) < 2 {
		return false
	}
	for _, arg := range s.firstArgs[q.ID] {
		if strings.EqualFold(arg, string(q.Args[1])) {
			return true
		}
	}
	return false
}

func (s *selector) allowsKey(key []byte, need Access) bool {
	for i := range s.keys {
		if k := &s.keys[i]; k.allow&need == need && text.Match(k.glob, key, false) {
			return true
		}
	}
	return false
}

// AllowsChannel reports whether the user may listen to a channel, or to the channels that fit a pattern.
func (r *Rules) AllowsChannel(name []byte, isPattern bool) bool {
	for _, s := range r.selectors {
		if s.allChannels || s.allowsChannel(name, isPattern) {
			return true
		}
	}
	return false
}

func (s *selector) allowsChannel(name []byte, isPattern bool) bool {
	for _, glob := range s.channels {
		if isPattern && bytes.Equal(glob, name) || !isPattern && text.Match(glob, name, false) {
			return true
		}
	}
	return false
}
