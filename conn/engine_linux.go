// engine_linux.go: the epoll engine. A poller watches many sockets and takes their connections' steps itself, one after
// the other, so that a request costs one read, one write, a part of an epoll_wait, and no goroutine switch. A connection
// has a goroutine of its own only while it has to wait for something: just before, the goroutine that leads the poller
// leaves that to a new one (yield), and is an ordinary one until the connection's turn is over.
//
// Invariants: a connection is claimed or idle (watch.claim), and only who claims an idle one may touch it, until he sets it
// idle again; what happens meanwhile marks it, and is looked at before. Sockets are watched edge-triggered, from their
// first to their last moment; a read that did not fill its room has emptied the socket, unless the end of the stream has
// come, which stays noted. Only who has claimed a connection closes its socket. What an event names may have ended and
// be another connection by now: that one finds nothing to read.

package conn

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"respite/command"
)

// epoll is the engine of that name: the pollers.
type epoll struct {
	netpoll  // for connections that are not sockets of ours
	newRound func(onLong func()) *command.Round
	pollers  []*poller
	next     atomic.Uint32
	running  sync.WaitGroup
}

const (
	maxEvents     = 128 // per epoll_wait
	shareInterval = 8 * time.Millisecond
	shareWith     = 8  // one offer in so many is made to what waits for any processor, the others to what waits for this one
	bellSlot      = -1 // where a poller's bell is watched
	watched       = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	hangUp        = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
)

// poller watches sockets. What is not under the lock belongs to the goroutine that leads.
type poller struct {
	engine *epoll
	fd     int
	bell   int // an eventfd that ends the wait
	over   atomic.Bool
	single bool // there is one processor
	born   time.Time
	shared time.Duration // since then, when the processor was last offered
	shares uint          // how often it was
	began  time.Duration // when the cycle began; negative: there is none
	taken  int64         // commands in this cycle
	counts cycles

	mu    sync.Mutex
	slots []*watch
	free  []int32

	events [maxEvents]unix.EpollEvent
	ready  []*watch // whose turn it is in this round, from at on
	at     int
	ending *ending  // of this round
	later  []*watch // who have more to read, in the next round
}

// newEpoll starts n pollers.
func newEpoll(n int, newRound func(onLong func()) *command.Round) (engine, error) {
	e := &epoll{newRound: newRound}
	for range n {
		p, err := newPoller(e)
		if err != nil {
			e.stop()
			return nil, err
		}
		e.pollers = append(e.pollers, p)
		e.running.Add(1)
		go p.lead()
	}
	return e, nil
}

func newPoller(e *epoll) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, bell, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: bellSlot})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("eventfd: %w", err), unix.Close(fd))
	}
	p := &poller{engine: e, fd: fd, bell: bell, single: runtime.GOMAXPROCS(0) == 1, born: time.Now(), began: -1}
	p.ending = newEnding(p)
	return p, nil
}

// stop ends the pollers; their connections are gone.
func (e *epoll) stop() {
	for _, p := range e.pollers {
		p.over.Store(true)
		_, _ = unix.Write(p.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
	e.running.Wait()
	for _, p := range e.pollers {
		_ = unix.Close(p.fd)
		_ = unix.Close(p.bell)
	}
}

// lead takes the steps of connections that are ready, until one of them yields the poller or the engine stops.
func (p *poller) lead() {
	for !p.over.Load() {
		if p.at == len(p.ready) {
			if !p.ending.run() {
				return
			}
			p.round()
			continue
		}
		w := p.ready[p.at]
		p.ready[p.at] = nil
		p.at++
		if !w.serve(p) {
			return // somebody else leads
		}
	}
	p.engine.running.Done()
}

// ending is what a round leaves for its end: lone commands, which run together, and replies. It belongs to the goroutine that leads
// the poller, and stays with that if it has to leave the poller to another one.
type ending struct {
	poller *poller
	round  *command.Round
	ran    []*watch
	strays []*watch // of those, who are left for last
	leads  bool     // while it runs: the goroutine still leads
}

func newEnding(p *poller) *ending {
	e := &ending{poller: p}
	e.round = p.engine.newRound(e.yield)
	return e
}

// yield leaves the poller to a new goroutine.
func (e *ending) yield() {
	if e.leads {
		e.leads = false
		e.poller.ending = newEnding(e.poller)
		go e.poller.lead()
	}
}

// run runs the lone commands and sends the replies of the round, and reports whether the goroutine still leads. All together wake their
// clients less often than one by one: a client's thread that has been woken for the first finds the others when it is done with it. Commands
// whose shard is busy are tried again when the other replies are on their way.
func (e *ending) run() bool {
	e.leads = true
	e.round.Run()
	for i, w := range e.ran {
		e.ran[i] = nil
		if w.session.Strays() {
			e.strays = append(e.strays, w)
		} else {
			e.finish(w)
		}
	}
	e.ran = e.ran[:0]
	if len(e.strays) > 0 {
		e.round.RunStrays()
		for i, w := range e.strays {
			e.strays[i] = nil
			e.finish(w)
		}
		e.strays = e.strays[:0]
	}
	e.round.Reset()
	return e.leads
}

// finish sends the replies of one connection, and lets go of it or sees that somebody goes on with it.
func (e *ending) finish(w *watch) {
	switch done, err := w.reply(); {
	case !done:
		go w.catchUp()
	case err != nil:
		go w.end(err)
	case w.emptied() && w.letGo():
	case e.leads:
		e.poller.later = append(e.poller.later, w)
	default:
		go w.serve(nil)
	}
}

// round begins a new round with the connections that have more to read and those that something has come for.
func (p *poller) round() {
	p.ready, p.later, p.at = p.later, p.ready[:0], 0
	now := time.Since(p.born)
	p.endCycle(now)
	wait := -1
	if len(p.ready) > 0 {
		wait = 0
	} else {
		p.share(now)
	}
	n, err := unix.EpollWait(p.fd, p.events[:], wait)
	if err != nil {
		return // EINTR
	}
	p.began = time.Since(p.born)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.events[:n] {
		e := &p.events[i]
		if e.Fd == bellSlot {
			continue
		}
		if w := p.slots[e.Fd]; w != nil && w.notice(e.Events) {
			p.ready = append(p.ready, w)
		}
	}
}

// share lets other goroutines run now and then. The runtime takes the processor away from a goroutine that has not been
// scheduled for 10 milliseconds, and goes on doing so every 20 microseconds if the goroutine is in a system call each time,
// because coming back from one does not count as being scheduled. A single processor is offered before every wait.
func (p *poller) share(now time.Duration) {
	if !p.single && now-p.shared < shareInterval {
		return
	}
	p.shared = now
	p.shares++
	if p.single || p.shares%shareWith == 0 {
		runtime.Gosched()
	} else {
		goyield()
	}
}

// endCycle counts the round that is over.
func (p *poller) endCycle(now time.Duration) {
	if p.began >= 0 {
		p.counts.add(int64(now-p.began), p.taken)
	}
	p.began, p.taken = -1, 0
}

// cycles implements engine.
func (e *epoll) cycles() (all []*cycles) {
	for _, p := range e.pollers {
		all = append(all, &p.counts)
	}
	return all
}

// processors implements engine.
func (*epoll) processors() int { return 0 }

// add makes the poller watch a connection's socket. The connection is claimed.
func (p *poller) add(w *watch) error {
	p.mu.Lock()
	if len(p.free) == 0 {
		p.slots = append(p.slots, nil)
		p.free = append(p.free, int32(len(p.slots)-1))
	}
	last := len(p.free) - 1
	w.slot = p.free[last]
	p.free = p.free[:last]
	p.slots[w.slot] = w
	p.mu.Unlock()
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, w.socket.fd, &unix.EpollEvent{Events: watched, Fd: w.slot}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// watch is a connection on a poller. It implements driver.
type watch struct {
	*conn
	socket *socket
	poller *poller
	slot   int32
	claim  atomic.Uint32
	hungUp atomic.Bool   // the end of the stream has come, or will be found when reading
	last   outcome       // of the last step
	left   time.Duration // since when it does not lead a poller, as an age of the server
	leads  *poller       // the poller that the goroutine leads which takes a step, nil if none
}

// States of watch.claim.
const (
	idle    uint32 = iota // nobody's
	claimed               // somebody's
	marked                // somebody's, who must look again before he lets go
)

// notice takes an event, and reports whether the connection was idle and is the caller's now.
func (w *watch) notice(events uint32) bool {
	if events&hangUp != 0 {
		w.hungUp.Store(true)
		w.session.HangUp()
	}
	if events&(unix.EPOLLOUT|hangUp) != 0 {
		w.socket.write.poke()
	}
	if events&(unix.EPOLLIN|hangUp) == 0 {
		return false
	}
	w.socket.read.poke()
	return w.take()
}

// take claims an idle connection. One that is claimed is marked instead.
func (w *watch) take() bool {
	for {
		switch w.claim.Load() {
		case idle:
			if w.claim.CompareAndSwap(idle, claimed) {
				return true
			}
		case claimed:
			if w.claim.CompareAndSwap(claimed, marked) {
				return false
			}
		default:
			return false
		}
	}
}

// letGo makes a claimed connection idle; if it was marked, it is still the caller's, who must look again.
func (w *watch) letGo() bool {
	w.weigh()
	if w.claim.CompareAndSwap(claimed, idle) {
		return true
	}
	w.claim.Store(claimed)
	return false
}

// serve takes steps of a claimed connection until there is nothing to read. If the goroutine leads a poller, p, it takes
// one, the rest is left to the end of the round and to the next one, and serve reports whether it still leads.
func (w *watch) serve(p *poller) (leads bool) {
	for {
		w.leads, w.round = p, nil
		if p == nil {
			w.left = w.server.age()
		} else {
			w.round = p.ending.round
		}
		w.last = w.step()
		w.count()
		if w.last == ended {
			w.end(w.poll.err)
			return w.leads != nil
		}
		p, w.leads = w.leads, nil
		if p != nil && w.last != drained {
			p.ending.ran = append(p.ending.ran, w)
			return true
		}
		if w.last != drained {
			if err := w.send(); err != nil {
				w.end(err)
				return false
			}
		}
		if w.emptied() && w.letGo() {
			return p != nil
		}
	}
}

// reply sends the replies of the last step, that of a lone command included if it has run. If it has not, done is false.
func (w *watch) reply() (done bool, err error) {
	if w.session.InRound() {
		if done, err = w.session.Collect(w.replies); !done {
			return false, nil
		}
	}
	return true, w.sendAfter(err)
}

// catchUp runs a lone command that has not run with its round, and goes on.
func (w *watch) catchUp() {
	w.leads, w.left = nil, w.server.age()
	err := w.sendAfter(w.session.Flush(w.replies))
	w.endTurn(w.left)
	if err != nil {
		w.end(err)
		return
	}
	w.serve(nil)
}

// count adds a step to the poller's cycle if it was taken there, or else makes it one of its own.
func (w *watch) count() {
	if w.leads != nil {
		w.leads.taken += w.takeCount()
		return
	}
	w.endTurn(w.left)
}

// emptied reports whether the last step left nothing to read.
func (w *watch) emptied() bool {
	return w.last == drained || w.last == short && !w.hungUp.Load()
}

// yield implements driver.
func (w *watch) yield() {
	if p := w.leads; p != nil {
		w.leads = nil
		w.left = w.server.age()
		go p.lead()
	}
}

// nudge implements driver.
func (w *watch) nudge() {
	ending := w.isEnding()
	if ending {
		w.socket.read.setDeadline(longAgo()) // for a handshake
	}
	if !w.take() {
		return
	}
	if !ending {
		w.rest()
		if w.letGo() {
			return
		}
	}
	go w.serve(nil)
}

// isIdle implements driver.
func (w *watch) isIdle() bool { return w.claim.Load() == idle }

// isHungUp implements driver. The system may know before the poller does.
func (w *watch) isHungUp() bool { return w.hungUp.Load() || hungUp(w.socket.fd) }

// tellsHangUp implements driver: the poller watches all the time.
func (*watch) tellsHangUp(bool) {}

// readsWait implements driver.
func (w *watch) readsWait(yes bool) { w.socket.waits = yes }

// leave implements driver.
func (w *watch) leave() {
	p := w.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots[w.slot] = nil
	p.free = append(p.free, w.slot)
}

// adopt implements engine.
func (e *epoll) adopt(c *conn) driver {
	s, ok := c.socket.(*socket)
	if !ok {
		return e.netpoll.adopt(c)
	}
	w := &watch{conn: c, socket: s, poller: e.pollers[e.next.Add(1)%uint32(len(e.pollers))]}
	w.claim.Store(claimed)
	c.poll.fd = s.fd
	return w
}

// begin implements driver.
func (w *watch) begin() {
	if err := w.poller.add(w); err != nil {
		go w.end(err)
		return
	}
	if w.stream != &w.out || !w.letGo() {
		go w.first()
	}
}

// first is the beginning of a connection that does not simply wait for its client.
func (w *watch) first() {
	w.readsWait(true)
	err := w.handshake()
	w.readsWait(false)
	if err != nil {
		w.end(err)
		return
	}
	w.serve(nil)
}

// accept implements engine. A listener of Go's gives sockets that Go's netpoller watches; a duplicate of the descriptor is
// not watched, and is all that is left when the original is closed.
func (e *epoll) accept(l net.Listener) (net.Conn, error) {
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	system, ok := c.(syscall.Conn)
	if !ok {
		return c, nil
	}
	fd, err := duplicate(system)
	_ = c.Close()
	if err != nil {
		return nil, fmt.Errorf("duplicate a descriptor: %w", err)
	}
	return &socket{fd: fd, remote: c.RemoteAddr(), local: c.LocalAddr()}, nil
}
