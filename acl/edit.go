package acl

// edit.go: the reader of rules, as ACL SETUSER and files have them. An edit works on a copy of a user's rules, and nobody sees the
// copy before all rules were read.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"respite/text"
)

// Why a rule is refused. The texts are Redis's.
var (
	errUnknown  = errors.New("Unknown command or category name in ACL")
	errSyntax   = errors.New("Syntax error")
	errAllKeys  = errors.New("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns")
	errAllChans = errors.New("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels")
	errNoSuch   = errors.New("The password you are trying to remove from the user does not exist")
	errHash     = errors.New("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")
	errSubArg   = errors.New("Allowing first-arg of a subcommand is not supported")
	errTwice    = errors.New("Duplicate user found. A user can only be defined once in config files")
	errFormat   = errors.New("Wrong format")
)

// edit is rules being changed.
type edit struct {
	catalog     *Catalog
	allChannels bool // what a new selector may do: acl-pubsub-default
	rules       Rules
	root        *selector
}

// edit begins a change of some rules; nil are those of a new user, who may do nothing.
func (u *Users) edit(old *Rules) *edit {
	e := &edit{catalog: u.catalog, allChannels: u.allChannels()}
	if old == nil {
		e.root = e.newSelector()
		e.rules.selectors = []*selector{e.root}
		return e
	}
	e.rules = *old
	e.rules.passwords = slices.Clone(old.passwords)
	e.rules.selectors = slices.Clone(old.selectors)
	e.root = old.selectors[0].clone()
	e.rules.selectors[0] = e.root
	return e
}

func (e *edit) newSelector() *selector {
	return &selector{commands: newBitset(len(e.catalog.commands)), allChannels: e.allChannels}
}

// done is the new rules. The edit is over.
func (e *edit) done() *Rules { return e.rules.seal() }

// ruleError is a rule that was refused.
type ruleError struct {
	index int // among the rules, selectors put together
	rule  string
	why   error
}

func (e *ruleError) Error() string {
	return fmt.Sprintf("Error in ACL SETUSER modifier '%s': %s", printed(e.rule), e.why)
}

func (e *ruleError) Unwrap() error { return e.why }

// printed is what an error repeats of a text: Redis prints it as a C string.
func printed(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// all applies rules one after another, up to the first that is refused.
func (e *edit) all(rules []string) error {
	for i, rule := range rules {
		if err := e.apply(rule); err != nil {
			return &ruleError{i, rule, err}
		}
	}
	return nil
}

// unmatchedError is a selector without its end; start is where among the arguments it begins.
type unmatchedError struct {
	start int
	rule  string
}

func (e *unmatchedError) Error() string {
	return fmt.Sprintf("Unmatched parenthesis in acl selector starting at '%s'.", printed(e.rule))
}

// joinSelectors makes one rule of each selector that is spread over several arguments.
func joinSelectors(args []string) (rules []string, err error) {
	open := -1
	for i, arg := range args {
		switch {
		case open >= 0:
			rules[len(rules)-1] += " " + arg
			if strings.HasSuffix(arg, ")") {
				open = -1
			}
			continue
		case strings.HasPrefix(arg, "(") && !strings.HasSuffix(arg, ")"):
			open = i
		}
		rules = append(rules, arg)
	}
	if open >= 0 {
		return nil, &unmatchedError{open, args[open]}
	}
	return rules, nil
}

// apply applies a rule about the user, or one about his root selector.
func (e *edit) apply(rule string) error {
	r := &e.rules
	switch word := strings.ToLower(rule); {
	case rule == "":
	case word == "on", word == "off":
		r.enabled = word == "on"
	case word == "skip-sanitize-payload", word == "sanitize-payload":
		r.skipSanitize = word == "skip-sanitize-payload"
	case word == "nopass", word == "resetpass":
		r.noPass, r.passwords = word == "nopass", nil
	case strings.ContainsRune(">#<!", rune(rule[0])):
		return e.password(rule)
	case rule[0] == '(' && strings.HasSuffix(rule, ")"):
		return e.addSelector(rule[1 : len(rule)-1])
	case word == "clearselectors":
		r.selectors = r.selectors[:1]
	case word == "reset":
		e.root = e.newSelector()
		e.rules = Rules{selectors: []*selector{e.root}}
	default:
		return e.permit(e.root, rule)
	}
	return nil
}

// password adds or removes a password, or the digest of one.
func (e *edit) password(rule string) error {
	r, hash := &e.rules, rule[1:]
	if rule[0] == '>' || rule[0] == '<' {
		hash = digest([]byte(hash))
	} else if !isDigest(hash) {
		return errHash
	}
	at := slices.Index(r.passwords, hash)
	switch rule[0] {
	case '>', '#':
		if at < 0 {
			r.passwords = append(r.passwords, hash)
		}
		r.noPass = false
	default:
		if at < 0 {
			return errNoSuch
		}
		r.passwords = slices.Delete(r.passwords, at, at+1)
	}
	return nil
}

func digest(password []byte) string {
	sum := sha256.Sum256(password)
	return hex.EncodeToString(sum[:])
}

func isDigest(s string) bool {
	return len(s) == hex.EncodedLen(sha256.Size) && strings.Trim(s, "0123456789abcdef") == ""
}

// addSelector reads what stands between parentheses. Broken quotes make it empty, as in Redis.
func (e *edit) addSelector(rules string) error {
	s := e.newSelector()
	words, _ := text.SplitArgs(rules)
	for _, rule := range words {
		if err := e.permit(s, rule); err != nil {
			return err
		}
	}
	e.rules.selectors = append(e.rules.selectors, s)
	return nil
}

// permit applies a rule about a selector.
func (e *edit) permit(s *selector, rule string) error {
	switch word := strings.ToLower(rule); word {
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
	case "allcommands", "+@all":
		s.setAll(true)
	case "nocommands", "-@all":
		s.setAll(false)
	default:
		return e.permitSome(s, rule)
	}
	return nil
}

func (s *selector) setAll(allow bool) {
	s.commands.fill(allow)
	s.allCommands, s.future, s.changes, s.firstArgs = allow, allow, nil, nil
}

func (e *edit) permitSome(s *selector, rule string) error {
	switch {
	case rule == "":
		return errSyntax
	case rule[0] == '~', rule[0] == '%':
		return s.addKeys(rule)
	case rule[0] == '&':
		return s.addChannel(rule[1:])
	case rule[0] == '+' || rule[0] == '-':
		if strings.HasPrefix(rule[1:], "@") {
			return e.category(s, rule[1:], rule[0] == '+')
		}
		if rule[0] == '+' && strings.Contains(rule, "|") {
			return e.allowPart(s, rule[1:])
		}
		return e.command(s, rule[1:], rule[0] == '+')
	}
	return errSyntax
}

// addKeys takes ~glob, or %R~glob, %W~glob and %RW~glob.
func (s *selector) addKeys(rule string) error {
	if s.allKeys {
		return errAllKeys
	}
	p := keyPattern{[]byte(rule[1:]), Read | Write}
	if rule[0] == '%' {
		var ok bool
		if p, ok = parseAccess(rule[1:]); !ok {
			return errSyntax
		}
	}
	if HasSpaces(string(p.glob)) {
		return errSyntax
	}
	at := slices.IndexFunc(s.keys, func(k keyPattern) bool { return bytes.Equal(k.glob, p.glob) })
	if at < 0 {
		s.keys = append(s.keys, p)
		return nil
	}
	s.keys[at].allow |= p.allow
	return nil
}

// parseAccess reads what stands behind a percent sign. As in Redis, without a tilde the pattern is the empty one.
func parseAccess(s string) (p keyPattern, ok bool) {
	for i := range len(s) {
		switch c := s[i] &^ ('a' - 'A'); {
		case c == 'R' && p.allow&Read == 0:
			p.allow |= Read
		case c == 'W' && p.allow&Write == 0:
			p.allow |= Write
		case s[i] == '~' && p.allow != 0:
			p.glob = []byte(s[i+1:])
			return p, true
		default:
			return p, false
		}
	}
	return p, p.allow != 0
}

func (s *selector) addChannel(glob string) error {
	switch {
	case s.allChannels:
		return errAllChans
	case HasSpaces(glob):
		return errSyntax
	case !slices.ContainsFunc(s.channels, func(known []byte) bool { return string(known) == glob }):
		s.channels = append(s.channels, []byte(glob))
	}
	return nil
}

// HasSpaces reports whether a text has white space or NUL bytes in it, which names of users and patterns must not: rules are written
// down without quotes.
func HasSpaces(s string) bool { return strings.ContainsAny(s, " \t\n\v\f\r\x00") }

// category allows or forbids the commands of a category; name begins with '@'.
func (e *edit) category(s *selector, name string, allow bool) error {
	i := e.catalog.category(name[1:])
	if i < 0 {
		return errUnknown
	}
	s.note(name, allow)
	s.change(e.catalog.with[i], allow)
	for _, id := range e.catalog.in[i] {
		delete(s.firstArgs, id)
	}
	return nil
}

// command allows or forbids a command with its subcommands, or one subcommand.
func (e *edit) command(s *selector, name string, allow bool) error {
	id, ok := e.catalog.find(name)
	if !ok {
		return errUnknown
	}
	e.change(s, id, allow)
	s.note(name, allow)
	return nil
}

func (e *edit) change(s *selector, id int, allow bool) {
	set := newBitset(len(e.catalog.commands))
	e.catalog.mark(set, id)
	s.change(set, allow)
	delete(s.firstArgs, id)
}

func (s *selector) change(set bitset, allow bool) {
	s.commands.change(set, allow)
	s.allCommands = s.allCommands && allow
}

// allowPart takes "client|list", or "select|0" of a command without subcommands, which then is allowed with that first argument only.
func (e *edit) allowPart(s *selector, rule string) error {
	bar := strings.LastIndexByte(rule, '|')
	id, ok := e.catalog.find(rule[:bar])
	part := rule[bar+1:]
	switch {
	case !ok:
		return errUnknown
	case e.catalog.commands[id].Parent >= 0:
		return errSubArg
	case part == "", HasSpaces(part): // Redis takes spaces, and ends when it is to list them
		return errSyntax
	case e.catalog.subs[id] != nil:
		sub, ok := e.catalog.find(rule)
		if !ok {
			return errUnknown
		}
		e.change(s, sub, true)
	default:
		s.addFirstArg(id, part)
	}
	s.note(rule, true)
	return nil
}

func (s *selector) addFirstArg(id int, arg string) {
	if slices.ContainsFunc(s.firstArgs[id], func(known string) bool { return strings.EqualFold(known, arg) }) {
		return
	}
	if s.firstArgs == nil {
		s.firstArgs = map[int][]string{}
	}
	s.firstArgs[id] = append(slices.Clone(s.firstArgs[id]), arg)
}

// note keeps a rule about commands. It takes the place of those that it makes void: the same one, and those about its parts.
func (s *selector) note(name string, allow bool) {
	name = strings.ToLower(name)
	s.changes = slices.DeleteFunc(s.changes, func(old string) bool {
		return old[1:] == name || strings.HasPrefix(old[1:], name+"|")
	})
	sign := "-"
	if allow {
		sign = "+"
	}
	s.changes = append(s.changes, sign+name)
}
