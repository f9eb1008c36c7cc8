// clients_kill.go: CLIENT KILL. A client that kills itself gets its answer first.

package command

import (
	"fmt"

	"respite/acl"
)

const (
	errNoClient = Error("ERR No such client")
	errKillID   = Error("ERR client-id should be greater than 0")
)

// killFilter says whom to kill: all conditions that are set have to hold.
type killFilter struct {
	addr, laddr *string
	user        *acl.User
	id          int64
	class       clientClass
	byClass     bool
	me          bool // the caller is not spared
}

// oldKillArgs is the number of arguments of CLIENT KILL addr, the old form.
const oldKillArgs = 3

// clientKill takes CLIENT KILL addr, or CLIENT KILL with options and their values.
func clientKill(c *Call) error {
	if len(c.Args) == oldKillArgs {
		addr := string(c.Args[2])
		if c.kill(killFilter{addr: &addr, me: true}) == 0 {
			return errNoClient
		}
		c.Reply.OK()
		return nil
	}
	f, err := parseKill(c)
	if err != nil {
		return err
	}
	c.Reply.Int(int64(c.kill(f)))
	return nil
}

func parseKill(c *Call) (f killFilter, err error) {
	for i := 2; i < len(c.Args) && err == nil; i += 2 {
		if i+1 == len(c.Args) {
			return f, errSyntax
		}
		err = f.parse(c, i)
	}
	return f, err
}

// parse takes the option at argument i and its value.
func (f *killFilter) parse(c *Call, i int) (err error) {
	switch value := string(c.Args[i+1]); {
	case c.Option(i, "id"):
		if f.id, err = c.Int(i + 1); err != nil || f.id <= 0 {
			return errKillID
		}
	case c.Option(i, "type"):
		f.class, err = c.parseClass(i + 1)
		f.byClass = true
	case c.Option(i, "addr"):
		f.addr = &value
	case c.Option(i, "laddr"):
		f.laddr = &value
	case c.Option(i, "user"):
		if f.user = c.Server.users.Get(value); f.user == nil {
			return Error(fmt.Sprintf("ERR No such user '%s'", value))
		}
	case c.Option(i, "skipme") && c.Option(i+1, "yes"):
		f.me = false
	case c.Option(i, "skipme") && c.Option(i+1, "no"):
		f.me = true
	default:
		return errSyntax
	}
	return err
}

// kill ends the clients that match and returns how many they were.
func (c *Call) kill(f killFilter) (killed int) {
	for _, s := range c.Server.clients() {
		switch {
		case !f.matches(s) || s == c.Session && !f.me:
			continue
		case s == c.Session:
			s.closing = true
		default:
			s.Kill()
		}
		killed++
	}
	return killed
}

func (f *killFilter) matches(s *Session) bool {
	remote, local := s.conn.Addr()
	switch {
	case f.id != 0 && f.id != s.ID,
		f.byClass && f.class != s.class(),
		f.addr != nil && *f.addr != remote,
		f.laddr != nil && *f.laddr != local,
		f.user != nil && f.user != s.user.Load():
		return false
	}
	return true
}
