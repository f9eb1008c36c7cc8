// round.go: the commands of several sessions that run together. A client that waits for each reply sends one command at a time, and
// what it costs to own a shard, read the clock and see to what was changed is then as much as the command itself. Whoever reads from
// many connections in turn may let such lone commands wait until all have been read, and run them like the pipeline of one client.
//
// Only commands that are short and have one key join, so that nobody waits for anybody else's; on a shard that somebody owns none is
// run, and each goes its own way.

package command

import (
	"bufio"

	"respite/shards"
)

// Round is lone commands of several sessions. It belongs to one goroutine.
type Round struct {
	batch  *batch
	strays shards.Mask // shards that were not idle
}

// NewRound returns an empty round. onLong is called when a command of it is about to be busy for long.
func (e *Executor) NewRound(onLong func()) *Round {
	r := &Round{batch: newBatch(e)}
	r.batch.job.OnWait(onLong)
	return r
}

// mostLoneArgs is the most arguments of a command in a round.
const mostLoneArgs = 32

// DoIn takes the only command that a client has sent. If it can it joins the round, and Collect must follow once that has run; if not
// it is taken as by Do.
func (s *Session) DoIn(r *Round, args [][]byte, w *bufio.Writer) error {
	row := s.exec.table.Lookup(args)
	if row == nil || !s.mayJoin(row, len(args)) {
		return s.do(row, args, w)
	}
	err := s.gate(row, args)
	if err == nil {
		s.begin()
	}
	if err != nil || s.paused(row) {
		s.takeUp()
		return s.proceed(row, args, err, w)
	}
	r.add(s, row, args)
	return nil
}

// mayJoin reports whether a command needs nothing but its shard, for a short time.
func (s *Session) mayJoin(row *Row, args int) bool {
	e := s.exec
	return row.lone && args <= mostLoneArgs && s.batch == nil && s.multi == nil && s.reply == replyOn && !s.caching &&
		e.monitors.Load() == 0 && e.trackers.Load() == 0
}

// isLone reports whether a row's commands may join a round.
func (r *Row) isLone() bool {
	return r.Place == ByKeys && r.Flags&(Fast|Short) != 0 && r.Flags&Blocking == 0 && r.hasOneKey()
}

func (r *Round) add(s *Session, row *Row, args [][]byte) {
	b := r.batch
	s.round, s.seat = r, len(b.commands)
	c := b.add(s, row, append(b.room(len(args)), args...), b.exec.group.Route(args[row.Keys[0].First]))
	c.from = len(b.parts[c.part].items) - 1
}

// Run runs the commands, but for those on shards that somebody else owns, the strays.
func (r *Round) Run() {
	r.strays = r.batch.busy
	r.RunStrays()
}

// RunStrays runs those of the strays whose shards are idle by now. Most owners of a shard have it for as long as a few replies take to
// send, while to send a command to it takes a goroutine.
func (r *Round) RunStrays() {
	b := r.batch
	if len(b.commands) == 0 {
		return
	}
	for i := range b.exec.group.N() {
		if r.strays.Has(i) && b.job.RunIdle(i, b.parts[i]) {
			r.strays.Unset(i)
		}
	}
	if b.exec.broadcasts.due.Load() {
		b.exec.broadcasts.spread(&b.exec.courier)
	}
}

// Reset empties the round. All sessions in it must have collected.
func (r *Round) Reset() {
	if len(r.batch.commands) > 0 {
		r.batch.reset()
		r.strays = shards.Mask{}
	}
}

// InRound reports whether a command of the session is in a round.
func (s *Session) InRound() bool { return s.round != nil }

// Strays reports whether a command of the session is in a round that has run, and has been left out.
func (s *Session) Strays() bool {
	return s.round != nil && s.round.strays.Has(s.round.batch.commands[s.seat].part)
}

// Collect writes the reply of the session's command of a round, which has run, to w. If the command has not, ran is false: it is the
// session's own from here on, and Flush must follow.
func (s *Session) Collect(w *bufio.Writer) (ran bool, err error) {
	r := s.round
	s.round = nil
	c := &r.batch.commands[s.seat]
	if r.strays.Has(c.part) {
		s.takeUp()
		s.batch.add(s, c.row, append(s.batch.room(len(c.args)), c.args...), c.part)
		return false, nil
	}
	p := r.batch.parts[c.part]
	it := &p.items[c.from]
	if s.outputLimit() > 0 && !s.admits(int64(p.reply.Size(it.from, it.to))) {
		err = errTooMuch
	} else {
		_, err = p.reply.WriteTo(w, it.from, it.to)
	}
	s.lastActive.Store(p.ended)
	s.settle()
	return true, err
}
