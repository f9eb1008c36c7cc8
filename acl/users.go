package acl

// users.go: all users of a server. Whoever changes one makes new rules under the lock and then shows them; readers that hold a User
// need no lock.

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// DefaultName is the name of the user that every client is at first. It cannot be deleted.
const DefaultName = "default"

// User is a user that clients may be. Once he was deleted he may do nothing.
type User struct {
	name  string
	rules atomic.Pointer[Rules]
	gone  atomic.Bool
}

// Name is the user's name.
func (u *User) Name() string { return u.name }

// Rules are what the user may do at present.
func (u *User) Rules() *Rules { return u.rules.Load() }

// Gone reports whether the user was deleted.
func (u *User) Gone() bool { return u.gone.Load() }

// Users are all users.
type Users struct {
	catalog     *Catalog
	allChannels func() bool // whether new users may use all channels
	standard    *User

	mu     sync.RWMutex // guards what follows, and excludes changes of any user's rules
	byName map[string]*User
}

// NewUsers returns users of whom there is one, the default user, who may do everything without a password. allChannels says
// whether users and selectors that are made later may use all channels from the start.
func NewUsers(c *Catalog, allChannels func() bool) *Users {
	u := &Users{catalog: c, allChannels: allChannels, standard: &User{name: DefaultName}}
	u.standard.rules.Store(u.standardRules())
	u.byName = map[string]*User{DefaultName: u.standard}
	return u
}

func (u *Users) standardRules() *Rules {
	e := u.edit(nil)
	e.rules.enabled, e.rules.noPass = true, true
	e.root.setAll(true)
	e.root.allKeys, e.root.allChannels = true, true
	return e.done()
}

// Catalog is the commands that rules speak of.
func (u *Users) Catalog() *Catalog { return u.catalog }

// Default is the user that every client is at first.
func (u *Users) Default() *User { return u.standard }

// Get finds a user; nil if there is none of that name.
func (u *Users) Get(name string) *User {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.byName[name]
}

// All are the users, in the order of their names.
func (u *Users) All() []*User {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return slices.SortedFunc(maps.Values(u.byName), func(a, b *User) int { return cmp.Compare(a.name, b.name) })
}

// Authenticate finds the user of a name and a password; nil if they do not belong together, or the user is off.
func (u *Users) Authenticate(name string, password []byte) *User {
	user := u.Get(name)
	if user == nil || !user.Rules().accept(password) {
		return nil
	}
	return user
}

// accept compares digests of passwords in a time that does not depend on where they differ.
func (r *Rules) accept(password []byte) bool {
	if !r.enabled || r.noPass {
		return r.enabled
	}
	given, ok := []byte(digest(password)), 0
	for _, p := range r.passwords {
		ok |= subtle.ConstantTimeCompare(given, []byte(p))
	}
	return ok == 1
}

// ErrUserName refuses a name for a user.
var ErrUserName = errors.New("Usernames can't contain spaces or null characters")

// Change is what Set has done.
type Change struct {
	User     *User
	Old, New *Rules // Old is nil if the user is new
}

// Set changes a user by rules, or makes him. Either all rules take effect or, after an error, none.
func (u *Users) Set(name string, args []string) (Change, error) {
	if HasSpaces(name) {
		return Change{}, ErrUserName
	}
	rules, err := joinSelectors(args)
	if err != nil {
		return Change{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	user, old := u.byName[name], (*Rules)(nil)
	if user != nil {
		old = user.Rules()
	}
	e := u.edit(old)
	if err := e.all(rules); err != nil {
		return Change{}, err
	}
	if user == nil {
		user = &User{name: name}
	}
	changed := e.done()
	user.rules.Store(changed)
	u.byName[name] = user
	return Change{user, old, changed}, nil
}

// LosesChannels reports whether the user may have lost channels: then those who listen to them have to go.
func (c Change) LosesChannels() bool {
	if c.Old == nil || slices.ContainsFunc(c.New.selectors, func(s *selector) bool { return s.allChannels }) {
		return false
	}
	kept := map[string]bool{}
	for _, s := range c.New.selectors {
		for _, glob := range s.channels {
			kept[string(glob)] = true
		}
	}
	for _, s := range c.Old.selectors {
		if s.allChannels || slices.ContainsFunc(s.channels, func(glob []byte) bool { return !kept[string(glob)] }) {
			return true
		}
	}
	return false
}

// SetDefaultPassword gives the default user one password in place of all others; with "" he needs none.
func (u *Users) SetDefaultPassword(password string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	e := u.edit(u.standard.Rules())
	e.rules.noPass, e.rules.passwords = password == "", nil
	if password != "" {
		e.rules.passwords = []string{digest([]byte(password))}
	}
	u.standard.rules.Store(e.done())
}

// Delete removes a user, and returns him, who is gone then; nil if there is none of that name. The default user stays.
func (u *Users) Delete(name string) *User {
	u.mu.Lock()
	defer u.mu.Unlock()
	user := u.byName[name]
	if user == nil || user == u.standard {
		return nil
	}
	delete(u.byName, name)
	u.dismiss(user)
	return user
}

// dismiss takes all rights from a user who is in the table no more.
func (u *Users) dismiss(user *User) {
	user.gone.Store(true)
	e := u.edit(nil)
	e.root.allChannels = false
	user.rules.Store(e.done())
}

// replace puts a new table of users, by their rules, in place of the old one. The default user stays who he is, and so does his
// clients' being him; all others are gone, and returned.
func (u *Users) replace(loaded map[string]*Rules) (gone []*User) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, user := range u.byName {
		if user != u.standard {
			u.dismiss(user)
			gone = append(gone, user)
		}
	}
	u.byName = map[string]*User{DefaultName: u.standard}
	if loaded[DefaultName] == nil {
		u.standard.rules.Store(u.standardRules())
	}
	for name, rules := range loaded {
		user := u.byName[name]
		if user == nil {
			user = &User{name: name}
			u.byName[name] = user
		}
		user.rules.Store(rules)
	}
	return gone
}

// Line is a user as configuration files and ACL LIST have him.
func (u *User) Line() string { return "user " + u.name + " " + u.Rules().String() }

// Configured is a user as a configuration file defines him: his name and his rules.
type Configured struct {
	Name  string
	Rules []string
}

// CheckConfigured returns a check of one user line of a configuration file after another, without the word user; the error is its reason.
// Commands that are not known are found out later, by Configure.
func (u *Users) CheckConfigured() func(words []string) error {
	seen := map[string]bool{}
	return func(words []string) error {
		name, args := words[0], words[1:]
		line := append([]string{"user"}, words...)
		if seen[name] {
			return declarationError(line, 1, errTwice)
		}
		rules, err := joinSelectors(args)
		if unmatched := (*unmatchedError)(nil); errors.As(err, &unmatched) {
			return declarationError(line, unmatched.start, errFormat)
		}
		e := u.edit(nil)
		for i, rule := range rules {
			if err := e.apply(rule); err != nil && !errors.Is(err, errUnknown) {
				return declarationError(line, i, err)
			}
		}
		seen[name] = true
		return nil
	}
}

// declarationError names, as Redis does, the word of the line that has the number of the rule among the rules.
func declarationError(line []string, at int, why error) error {
	return fmt.Errorf("Error in user declaration '%s': %w", printed(line[at]), why)
}

// Configure makes the users of a configuration file, and returns those that are off, which may be a mistake.
func (u *Users) Configure(lines [][]string) (off []string, err error) {
	for _, words := range lines {
		name := words[0]
		if HasSpaces(name) {
			return nil, errors.New("Spaces not allowed in ACL usernames")
		}
		rules, err := joinSelectors(words[1:])
		if err != nil {
			return nil, err
		}
		if name == DefaultName {
			rules = append([]string{"reset"}, rules...)
		}
		change, err := u.Set(name, rules)
		if refused := (*ruleError)(nil); errors.As(err, &refused) {
			return nil, fmt.Errorf("Error loading ACL rule '%s' for the user named '%s': %w", refused.rule, name, refused.why)
		}
		if err != nil {
			return nil, err
		}
		if !change.New.enabled {
			off = append(off, name)
		}
	}
	return off, nil
}
