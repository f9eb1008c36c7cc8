// gate.go: who may do what, before anything is done. Which of several refusals a client sees is part of the protocol,
// so the order here is that of Redis's processCommand: unknown, arity, protected, authentication, and then what the
// state of the server forbids. A refused command still takes its place among the replies.

package command

// gate finds the row of a command, or says why it is refused.
func (s *Session) gate(args [][]byte) (*Row, error) {
	row := s.exec.table.Lookup(args)
	if s.last.Load() != row {
		s.last.Store(row)
	}
	switch {
	case row == nil:
		return nil, errUnknownCommand(args)
	case row.subs != nil && len(args) >= 2:
		return row, errUnknownSubcommand(row, args)
	case !row.arityOK(len(args)):
		return row, errArity(row)
	case row.subs != nil && row.Run == nil:
		return row, errArity(row)
	}
	if err := s.protected(row); err != nil {
		return row, err
	}
	if row.Flags&NoAuth == 0 && !s.Authenticated() {
		return row, errNoAuth
	}
	if s.multi != nil {
		if err := s.gateMulti(row); err != nil {
			return row, err
		}
	}
	if s.monitoring && row.Flags&(Write|ReadOnly|MayReplicate) != 0 {
		return row, errMonitorData
	}
	return row, nil
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
