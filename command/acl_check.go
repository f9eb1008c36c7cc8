// acl_check.go: the access control lists before every command: in the gate, again at EXEC, and again when a command that waited goes on.
// What users may do is the room acl's; here is which keys and channels a command is about, and what a refusal looks like. Scripts are
// to ask Session.permit for each command that they call.

package command

import (
	"fmt"

	"respite/acl"
)

// Channels says which arguments of a command are channels.
type Channels uint8

// What a command does with them.
const (
	NoChannels       Channels = iota
	PublishesTo               // the first argument
	ListensTo                 // all arguments
	ListensToMatches          // all arguments, and they are patterns
)

// newCatalog is the table as rules see it: under the names that commands have without rename-command.
func newCatalog(rows []*Row) *acl.Catalog {
	commands := make([]acl.Command, len(rows))
	for i, r := range rows {
		commands[i] = acl.Command{Name: r.full, Parent: -1, Categories: r.categories(), Open: r.Flags&NoAuth != 0}
		if r.parent != nil {
			commands[i].Parent = r.parent.id
		}
	}
	return acl.NewCatalog(commands, categoryOrder[:])
}

// question is a request to the access control lists. Its lists are used again.
type question struct{ acl.Request }

// about makes the question one about a command, as far as rules need to know it.
func (q *question) about(rules *acl.Rules, row *Row, args [][]byte) {
	q.ID, q.Args, q.Keys, q.Channels = row.id, args, q.Keys[:0], q.Channels[:0]
	if rules.NeedKeys() && len(row.Keys) > 0 {
		q.addKeys(row)
	}
	if rules.NeedChannels() && row.Chans != NoChannels {
		q.addChannels(row)
	}
}

// addKeys adds all keys, those of an option that is repeated too: what Redis does not look at there is what it then uses. Arguments that do
// not fit the row, or that announce no keys where some must be, have none; the command will refuse them.
func (q *question) addKeys(row *Row) {
	if !row.keyPositions(q.Args, func(i int, k *KeySpec) { q.addKey(row, i, k) }) {
		q.Keys = q.Keys[:0]
		return
	}
	if row.Flags&MovableKeys != 0 {
		row.repeatedKeys(q.Args, func(i int, k *KeySpec) { q.addKey(row, i, k) })
	}
}

func (q *question) addKey(row *Row, i int, k *KeySpec) {
	if k.Flags&NotKey == 0 {
		q.Keys = append(q.Keys, acl.Key{At: i, Need: row.variableFlags(k, q.Args).access()})
	}
}

// access is what rules about keys must allow.
func (f KeyFlags) access() (need acl.Access) {
	if f&Access != 0 {
		need |= acl.Read
	}
	if f&(Insert|Delete|Update) != 0 {
		need |= acl.Write
	}
	return need
}

func (q *question) addChannels(row *Row) {
	last := len(q.Args) - 1
	if row.Chans == PublishesTo {
		last = 1
	}
	for i := 1; i <= last; i++ {
		q.Channels = append(q.Channels, acl.Channel{At: i, Pattern: row.Chans == ListensToMatches})
	}
}

// denial is why somebody may not run a command.
type denial struct {
	why    acl.Denial
	object string
}

// ask asks whether a user may run a command; allowed is true most of the time.
func (q *question) ask(e *Executor, rules *acl.Rules, row *Row, args [][]byte) (r denial, allowed bool) {
	q.about(rules, row, args)
	why, at := rules.Check(e.users.Catalog(), &q.Request)
	q.Args = nil
	switch why {
	case acl.Allowed:
		return r, true
	case acl.DeniedCommand:
		return denial{why, row.full}, false
	}
	return denial{why, string(args[at])}, false
}

// permit asks whether the client may run a command, and notes in the log of refusals if he may not. It may be called wherever the command
// runs, with a question that nobody else uses. queued is the length of the transaction that the client is in, -1 if it is in none.
func (s *Session) permit(q *question, row *Row, args [][]byte, context string, queued int64) (r denial, allowed bool) {
	user := s.user.Load()
	rules := user.Rules()
	if rules.Free() {
		return r, true
	}
	if r, allowed = q.ask(s.exec, rules, row, args); !allowed {
		s.noteRefusal(r, user.Name(), context, queued)
	}
	return r, allowed
}

// noteRefusal writes a refusal to the log.
func (s *Session) noteRefusal(r denial, user, context string, queued int64) {
	e := s.exec
	e.refusals.Add(acl.Entry{
		Reason: r.why, Context: context, Object: r.object, User: user, Client: string(s.appendLine(nil, nil, queued)),
		Updated: e.group.Now() / millisecond,
	}, e.config.Now().ACLLogMaxLen)
}

// gateACL is the gate's question.
func (s *Session) gateACL(row *Row, args [][]byte) error {
	context := acl.AtTopLevel
	if s.multi != nil {
		context = acl.InMulti
	}
	if r, allowed := s.permit(&s.question, row, args, context, s.queueLength()); !allowed {
		return r.error(s.user.Load(), row)
	}
	return nil
}

// error is the refusal as a client that runs a command is told of it.
func (r denial) error(u *acl.User, row *Row) error {
	switch r.why {
	case acl.DeniedKey:
		return Error("NOPERM No permissions to access a key")
	case acl.DeniedChannel:
		return Error("NOPERM No permissions to access a channel")
	}
	return Error("NOPERM " + r.told(u, row))
}

// told is the refusal with all that is known of it, as ACL DRYRUN has it.
func (r denial) told(u *acl.User, row *Row) string {
	switch r.why {
	case acl.DeniedKey:
		return fmt.Sprintf("User %s has no permissions to access the '%s' key", u.Name(), r.object)
	case acl.DeniedChannel:
		return fmt.Sprintf("User %s has no permissions to access the '%s' channel", u.Name(), r.object)
	}
	return fmt.Sprintf("User %s has no permissions to run the '%s' command", u.Name(), row.full)
}

// permitQueued asks again for one of so many commands that were queued: rules may have changed since then.
func (c *Call) permitQueued(queued int) error {
	r, allowed := c.Session.permit(&c.question, c.Row, c.Args, acl.InMulti, int64(queued))
	if allowed {
		return nil
	}
	reason := "no permission to execute the command or subcommand"
	switch r.why {
	case acl.DeniedKey:
		reason = "no permission to touch the specified keys"
	case acl.DeniedChannel:
		reason = "no permission to access one of the channels used as arguments"
	}
	return Error("NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
		"This command is no longer allowed for the following reason: " + reason)
}

// permitAgain asks again for a command that has waited.
func (c *Call) permitAgain() error {
	if r, allowed := c.Session.permit(&c.question, c.Row, c.Args, acl.AtTopLevel, c.Session.queueLength()); !allowed {
		return r.error(c.Session.user.Load(), c.Row)
	}
	return nil
}

// readsAll reports whether the caller may run the command and read every key: what SORT looks up has names that nobody knows before.
func (c *Call) readsAll() bool {
	if c.Session == nil { // the server itself calls
		return true
	}
	rules := c.Session.user.Load().Rules()
	if rules.Free() {
		return true
	}
	c.question.about(rules, c.Row, c.whole())
	return rules.CheckAll(c.Server.users.Catalog(), &c.question.Request, acl.Read)
}

// disallow ends a call that is not permitted any more before it runs.
func (c *Call) disallow(err error) {
	c.outcome = outcome{}
	c.fail(c.Reply.Mark(), err)
	c.rejected = true
	c.Server.stats.Rejected(c.Row.id)
}
