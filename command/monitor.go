// monitor.go: MONITOR, the feed of all commands. A line is made when the gate has let a command pass.
package command

import (
	"errors"
	"fmt"

	"respite/text"
)

var errGone = errors.New("client was killed while it waited")

func (e *Executor) startMonitoring(s *Session) {
	if s.monitoring {
		return
	}
	s.monitoring = true
	e.monitors.Add(1)
}

func (e *Executor) stopMonitoring(s *Session) {
	if !s.monitoring {
		return
	}
	s.monitoring = false
	e.monitors.Add(-1)
}

// feedMonitors sends a command to every client that monitors.
func (e *Executor) feedMonitors(s *Session, args [][]byte) {
	now := e.group.Now()
	remote, _ := s.conn.Addr()
	line := fmt.Appendf(nil, "+%d.%06d [%d %s]", now/1e9, now%1e9/1e3, s.db, remote)
	for _, a := range args {
		line = text.AppendQuoted(append(line, ' '), a)
	}
	line = append(line, '\r', '\n')
	e.sessions.Range(func(_ int64, other *Session) bool {
		if other.shown().monitoring {
			other.conn.Push(line)
		}
		return true
	})
}
