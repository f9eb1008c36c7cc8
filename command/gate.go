// gate.go: who may do what, before anything is done. Which of several refusals a client sees is part of the protocol,
// so the order here is that of Redis's processCommand: unknown, arity, protected, authentication, access control, and then what the
// state of the server forbids. A refused command still takes its place among the replies.

package command

import "fmt"

// gate says why a command, whose row is nil if there is none, is refused.
func (s *Session) gate(row *Row, args [][]byte) error {
	if s.last.Load() != row {
		s.last.Store(row)
	}
	if err := stated(row, args); err != nil {
		return err
	}
	if err := s.protected(row); err != nil {
		return err
	}
	if err := s.permitted(row, args); err != nil {
		return err
	}
	if s.multi != nil {
		if err := s.gateMulti(row); err != nil {
			return err
		}
	}
	return s.occupied(row)
}

// stated refuses what is no command, or has too few or too many arguments.
func stated(row *Row, args [][]byte) error {
	switch {
	case row == nil && isCrossProtocol(args):
		return errCrossProtocol
	case row == nil:
		return errUnknownCommand(args)
	case row.subs != nil && len(args) >= 2:
		return errUnknownSubcommand(row, args)
	case !row.arityOK(len(args)), row.subs != nil && row.Run == nil:
		return errArity(row)
	}
	return nil
}

// permitted refuses what the client may not do, because it is not authenticated, in a transaction, or its user's rules say so.
func (s *Session) permitted(row *Row, args [][]byte) error {
	switch {
	case row.Flags&NoAuth == 0 && !s.Authenticated():
		return errNoAuth
	case s.multi != nil && row.Flags&NoMulti != 0:
		return errNotInMulti
	case s.user.Load().Rules().Free():
		return nil
	}
	return s.gateACL(row, args)
}

// occupied refuses what a client cannot do while it listens or monitors, or the server has no data to show yet.
func (s *Session) occupied(row *Row) error {
	if row.Flags&Listening == 0 && s.onlyListens() {
		return errOnlyListens(row)
	}
	if s.isLoading(row) {
		return errLoading
	}
	if s.monitoring && row.Flags&(Write|ReadOnly|MayReplicate) != 0 {
		return errMonitorData
	}
	return nil
}

func errOnlyListens(r *Row) error {
	return Error(fmt.Sprintf("ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", r.full))
}

// errCrossProtocol ends the connection of a client that sends lines of an HTTP request as commands: a browser may have been made to do
// that by a page that attacks the server. No client sees the text.
const errCrossProtocol = Error("ERR HTTP sent as commands")

// isCrossProtocol reports whether a command is a line of an HTTP request that may carry commands in its body.
func isCrossProtocol(args [][]byte) bool {
	return equalFold(args[0], "post") || equalFold(args[0], "host:")
}

// warnInterval is the least time between two warnings about such clients, in nanoseconds.
const warnInterval = 60 * second

// abandon ends the connection, without a reply, of a client that is not what it seems. The replies before go out.
func (s *Session) abandon() {
	s.closing = true
	e := s.exec
	now, last := e.group.Now(), e.warned.Load()
	if now-last < warnInterval && last != 0 || !e.warned.CompareAndSwap(last, now) {
		return
	}
	remote, _ := s.conn.Addr()
	e.log.Warn("Possible SECURITY ATTACK detected: somebody sends the lines POST or Host: of an HTTP request as commands, "+
		"perhaps by means of a browser that a page misuses to reach this server. The connection was aborted", "from", remote)
}

// protected refuses commands that enable-debug-command and its like close.
func (s *Session) protected(row *Row) error {
	if row.Name != "debug" || row.parent != nil {
		return nil
	}
	if s.exec.config.Now().EnableDebug.Allows(s.conn.Local()) {
		return nil
	}
	return errDebugProtected
}
