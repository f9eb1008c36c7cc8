// acl_users.go: who a client is (AUTH, HELLO), and the users that a server starts with.

package command

import (
	"errors"
	"fmt"
	"strings"

	"respite/acl"
	"respite/config"
	"respite/text"
)

// newUsers makes the users of a server: the default user, with requirepass as his password, and the others of the configuration
// file later (LoadUsers).
func newUsers(t *Table, c *config.Config) *acl.Users {
	users := acl.NewUsers(newCatalog(t.all), func() bool { return c.Now().ACLPubSubDefault == "allchannels" })
	if pass := c.Now().RequirePass; pass != "" {
		users.SetDefaultPassword(pass)
	}
	c.OnSet("requirepass", func(_, next *config.Snapshot) error {
		users.SetDefaultPassword(next.RequirePass)
		return nil
	})
	c.OnUsers(func() (lines []string) {
		if c.Now().ACLFile != "" {
			return nil
		}
		for _, u := range users.All() {
			lines = append(lines, configured(u))
		}
		return lines
	})
	return users
}

// configured is a user as a line of a configuration file, where words that hold quotes and the like need quotes themselves.
func configured(u *acl.User) string {
	words := strings.Split(u.Line(), " ")
	for i, word := range words {
		if again, err := text.SplitArgs(word); err != nil || len(again) != 1 || again[0] != word {
			words[i] = string(text.AppendQuoted(nil, []byte(word)))
		}
	}
	return strings.Join(words, " ")
}

// CheckUsers returns a check of one user line of a configuration file after another.
func CheckUsers() (func(words []string) error, error) {
	t, err := NewTable(nil)
	if err != nil {
		return nil, err
	}
	return acl.NewUsers(newCatalog(t.all), func() bool { return false }).CheckConfigured(), nil
}

// LoadUsers makes the users of the configuration file, or of the file of users. The server must not go on after an error.
func (e *Executor) LoadUsers() error {
	now := e.config.Now()
	if now.ACLFile != "" && len(now.Users) > 0 {
		return errors.New("Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This setup " +
			"is very likely to lead to configuration errors and security holes, please define either an ACL file or declare users directly in " +
			"your redis.conf, but not both.")
	}
	off, err := e.users.Configure(now.Users)
	if err != nil {
		return fmt.Errorf("%w\nCritical error while loading ACLs. Exiting.", err)
	}
	if len(off) > 0 {
		e.log.Info("Users of the configuration file are disabled (there is no 'on' in their rules). Make sure this is not a configuration error.",
			"users", strings.Join(off, " "))
	}
	if now.ACLFile == "" {
		return nil
	}
	if _, err := e.users.Load(now.ACLFile); err != nil {
		return fmt.Errorf("Aborting Redis startup because of ACL errors: %w", err)
	}
	return nil
}

// NeedsNoPassword reports whether the default user takes any password: then protected mode keeps other machines out.
func (e *Executor) NeedsNoPassword() bool { return e.users.Default().Rules().NoPass() }

// Authenticated reports whether the client has said who it is, or need not.
func (s *Session) Authenticated() bool {
	return s.authenticated || s.exec.users.Default().Rules().Open()
}

// standardUser makes the client the user that it was when it was new.
func (s *Session) standardUser() {
	user := s.exec.users.Default()
	s.user.Store(user)
	s.authenticated = user.Rules().Open()
}

// authenticate lets the client in as a user; verb is what it called, as it spelt it. A failure leaves it what it was.
func (s *Session) authenticate(verb, name, password []byte) error {
	user := s.exec.users.Authenticate(string(name), password)
	if user != nil {
		old := s.user.Swap(user)
		if !user.Gone() { // who deletes him from now on finds this client
			s.authenticated = true
			return nil
		}
		s.user.Store(old)
	}
	context := acl.AtTopLevel
	if s.queueLength() >= 0 { // EXEC runs it, or the gate would have queued it
		context = acl.InMulti
	}
	s.noteRefusal(denial{acl.DeniedAuth, string(verb)}, string(name), context, s.queueLength())
	return errWrongPass
}

// userName is the name of the client's user.
func (s *Session) userName() string { return s.user.Load().Name() }
