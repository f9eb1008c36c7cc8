// clients_list.go: clients as they are shown to others: CLIENT LIST and INFO, and the line that logs have.

package command

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"respite/pubsub"
)

// clientClass is a kind of client, as TYPE of CLIENT LIST and KILL names it.
type clientClass uint8

const (
	classNormal clientClass = iota
	classReplica
	classMaster
	classPubSub
)

// parseClass reads argument i as a kind of client.
func (c *Call) parseClass(i int) (clientClass, error) {
	switch {
	case c.Option(i, "normal"):
		return classNormal, nil
	case c.Option(i, "replica"), c.Option(i, "slave"):
		return classReplica, nil
	case c.Option(i, "master"):
		return classMaster, nil
	case c.Option(i, "pubsub"):
		return classPubSub, nil
	}
	return 0, Error(fmt.Sprintf("ERR Unknown client type '%s'", c.Args[i]))
}

// class is what kind of client the session is. Who monitors is a normal client.
func (s *Session) class() clientClass {
	if s.subs.Subscribed() {
		return classPubSub
	}
	return classNormal
}

// clients are the sessions that nobody has sent away, in the order in which they came.
func (e *Executor) clients() []*Session {
	all := make([]*Session, 0, e.sessions.Size())
	e.sessions.Range(func(_ int64, s *Session) bool {
		if !s.killed.Load() {
			all = append(all, s)
		}
		return true
	})
	slices.SortFunc(all, func(a, b *Session) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// client finds a session by its number; nil if there is none, or it was sent away.
func (e *Executor) client(id int64) *Session {
	s, ok := e.sessions.Load(id)
	if !ok || s.killed.Load() {
		return nil
	}
	return s
}

const errClientID = Error("ERR Invalid client ID")

// clientList takes CLIENT LIST [TYPE type | ID id ...].
func clientList(c *Call) error {
	shown, err := selectClients(c)
	if err != nil {
		return err
	}
	var lines []byte
	for _, s := range shown {
		lines = append(s.appendLine(lines, c, s.queueLength()), '\n')
	}
	c.Reply.Verbatim("txt", lines)
	return nil
}

// selectClients are the sessions that CLIENT LIST is about.
func selectClients(c *Call) ([]*Session, error) {
	switch n := len(c.Args); {
	case n == 2:
		return c.Server.clients(), nil
	case n == 4 && c.Option(2, "type"):
		class, err := c.parseClass(3)
		if err != nil {
			return nil, err
		}
		return slices.DeleteFunc(c.Server.clients(), func(s *Session) bool { return s.class() != class }), nil
	case n >= 4 && c.Option(2, "id"):
		return clientsByID(c)
	}
	return nil, errSyntax
}

func clientsByID(c *Call) (found []*Session, err error) {
	for i := 3; i < len(c.Args); i++ {
		id, err := c.Int(i)
		if err != nil {
			return nil, errClientID
		}
		if s := c.Server.client(id); s != nil {
			found = append(found, s)
		}
	}
	return found, nil
}

func clientInfo(c *Call) error {
	c.Reply.Verbatim("txt", append(c.Session.appendLine(nil, c, c.Session.queueLength()), '\n'))
	return nil
}

// Describe is the client in a line, as CLIENT LIST shows it. It may be called from any goroutine.
func (s *Session) Describe() string { return string(s.appendLine(nil, nil, s.queueLength())) }

// appendLine appends the line of the client, with the fields of Redis 7.2; c is the command that asks, or nil, and
// queued the length of its transaction: one that has gone to its shard is not the session's any more. Redis has a reply buffer of fixed
// size besides its list of chunks; here all output that waits is in chunks.
func (s *Session) appendLine(b []byte, c *Call, queued int64) []byte {
	now := s.exec.group.Now()
	idle, arguments := now-s.lastActive.Load(), 0
	if c != nil && c.Session == s {
		idle = 0
		for _, a := range c.Args {
			arguments += len(a)
		}
	}
	remote, local := s.conn.Addr()
	input, output, chunks := s.conn.Buffers()
	memory, size := s.conn.Memory(), s.Memory()
	s.identity.Lock()
	defer s.identity.Unlock()
	return fmt.Appendf(b, "id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=%d sub=%d psub=%d ssub=%d multi=%d "+
		"qbuf=%d qbuf-free=%d argv-mem=%d multi-mem=%d rbs=0 rbp=0 obl=0 oll=%d omem=%d tot-mem=%d events=%s cmd=%s "+
		"user=%s redir=%d resp=%d lib-name=%s lib-ver=%s",
		s.ID, remote, local, s.conn.Descriptor(), s.name, (now-s.created)/second, max(idle, 0)/second, s.letters(remote, queued), s.seen.db,
		s.subs.Count(pubsub.Channels), s.subs.Count(pubsub.Patterns), s.subs.Count(pubsub.ShardChannels), queued,
		input, max(memory-output-input-int64(arguments), 0), arguments, s.queuedSize.Load(), chunks, output, size, events(output), s.lastCommand(),
		s.userName(), s.redirection(), s.seen.proto, s.libName, s.libVersion)
}

// letters are the letters of the client's state, in Redis's order. The lock of the identity is held.
func (s *Session) letters(remote string, queued int64) string {
	t := s.tracking.Load()
	var b strings.Builder
	for _, f := range [...]struct {
		on     bool
		letter byte
	}{
		{s.seen.monitoring, 'O'},
		{s.subs.Subscribed(), 'P'},
		{queued >= 0, 'x'},
		{s.seen.blocked, 'b'},
		{t != nil, 't'},
		{s.broken.Load(), 'R'},
		{t != nil && t.broadcast, 'B'},
		{s.doomed(), 'd'},
		{isUnix(remote), 'U'},
		{s.noEvict.Load(), 'e'},
		{s.seen.noTouch, 'T'},
	} {
		if f.on {
			b.WriteByte(f.letter)
		}
	}
	if b.Len() == 0 {
		return "N"
	}
	return b.String()
}

// unixPort ends the address of a Unix socket, after its path. No TCP client has that port.
const unixPort = ":0"

func isUnix(addr string) bool { return strings.HasSuffix(addr, unixPort) }

// events is what the server waits for on the client's socket: always input, and room for output that waits.
func events(output int64) string {
	if output > 0 {
		return "rw"
	}
	return "r"
}

// lastCommand is what the client sent last, NULL if that was no command.
func (s *Session) lastCommand() string {
	if row := s.last.Load(); row != nil {
		return row.full
	}
	return "NULL"
}
