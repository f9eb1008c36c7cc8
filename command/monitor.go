// monitor.go: MONITOR, the feed of all commands. A line is made of a command that the gate has let pass, with the
// database that it leaves the client in; who commands an administrator's command, and what is secret, is not shown.

package command

import (
	"fmt"
	"strings"

	"respite/text"
)

// errMonitorData is Redis's answer to a client that monitors and touches data: it counts as a replica there, and a
// pause does not stop it.
const errMonitorData = Error("ERR Replica can't interact with the keyspace")

const errMonitorInMulti = Error("ERR MONITOR isn't allowed for DENY BLOCKING client")

// monitor begins the feed. To a client that has it already it answers nothing at all, as in Redis.
func monitor(c *Call) error {
	if c.held { // of a transaction, whose replies it must not come between
		return errMonitorInMulti
	}
	if c.Server.startMonitoring(c.Session) {
		c.Reply.OK()
	}
	return nil
}

// startMonitoring reports whether the session was not monitoring before.
func (e *Executor) startMonitoring(s *Session) bool {
	if s.monitoring {
		return false
	}
	s.setMonitoring(true)
	e.monitors.Add(1)
	return true
}

func (e *Executor) stopMonitoring(s *Session) {
	if s.monitoring {
		s.setMonitoring(false)
		e.monitors.Add(-1)
	}
}

func (s *Session) setMonitoring(on bool) {
	s.monitoring = on
	s.show(func(v *seen) { v.monitoring = on })
}

// feedMonitors sends a command to every client that monitors.
func (e *Executor) feedMonitors(s *Session, row *Row, args [][]byte) {
	line := s.monitorLine(e.withoutSecrets(&Call{Row: row, Args: args}))
	e.sessions.Range(func(_ int64, other *Session) bool {
		if v := other.shown(); v.monitoring && !v.replyOff {
			if other.conn.Post(line) {
				s.Carry(other)
			}
		}
		return true
	})
}

// monitorLine is a command as MONITOR shows it: the time in microseconds, the database, the client, the arguments.
func (s *Session) monitorLine(args [][]byte) []byte {
	now := s.exec.group.Now()
	client, _ := s.conn.Addr()
	if isUnix(client) {
		client = "unix:" + strings.TrimSuffix(client, unixPort)
	}
	line := fmt.Appendf(nil, "+%d.%06d [%d %s]", now/second, now%second/microsecond, s.db, client)
	for _, a := range args {
		line = text.AppendQuoted(append(line, ' '), a)
	}
	return append(line, '\r', '\n')
}
