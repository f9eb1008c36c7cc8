// The load generator: clients on a few epoll loops. In a closed loop each client
// sends a pipeline, counts its replies, notes how long that took and sends the
// next one. In an open loop a schedule says when each request is due, whatever
// became of those before; latency counts from there, so that a server that
// hangs is charged for the requests that should have been sent meanwhile.
//
// It shares the machine's cores with the server that it measures, so it must
// be cheap: requests are ready bytes, replies are counted, not decoded, and one
// loop serves all clients. Against redis-server with 50 clients on two cores
// this costs 7.9 µs of CPU per GET at depth 1 and 0.8 µs at depth 16, of which
// five sixths are system calls. A goroutine per connection on the runtime's
// own poller cost 11.3 and 1.05 µs; calling epoll_wait behind the scheduler's
// back saved nothing at depth 1 and too little elsewhere to be worth it.
//
// Invariant: in a closed loop a client has at most one pipeline under way; in an
// open one a pipeline is one request, and replies come in the order of the
// schedule. A loop touches only its own clients; what others read of it is atomic.

package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

const (
	// readBuffer takes the replies to the deepest usual pipeline in one read.
	readBuffer = 64 << 10
	stallLimit = 15 * time.Second
	// Latencies are recorded in nanoseconds with three significant digits.
	maxLatency    = time.Minute
	latencyDigits = 3
	// sendBurst is how many requests that are due go out before the loop looks
	// at its sockets again.
	sendBurst = 16
	// oversleep is how much longer than asked for a sleep may last. Until that
	// close to the time of a request an open loop sleeps; then it only looks at
	// its sockets, again and again, and yields its processor in between. At more
	// than some 1,000 requests a second that burns a core, but nothing else is
	// precise enough. Lateness with a request every 25 µs and no server, on two
	// virtual cores that their host takes away now and then, median and p99 of
	// the best of several runs: 26 and 100 µs with epoll_pwait2 and a timer slack
	// of 1 ns (so long it takes to wake a core), 55 and 140 µs with the usual
	// slack, 593 and 1,204 µs with timeouts of 1 ms, 0.7 and 49 µs without
	// sleeping, 1.5 and 68 µs with the yield. The yield pays when a server runs:
	// the kernel may wake it on this core, where it would wait for the end of a
	// time slice that is burnt on looking. With redis-server at half its maximum
	// the p99 of lateness was 44 to 94 µs in quiet runs; beside other load it was
	// lower than without the yield in five of six pairs (0.5 against 1.8 ms), and
	// the p99 of latency in all six.
	oversleep = 100 * time.Microsecond
)

// A load is one run of requests against a port.
type load struct {
	port    int
	clients int
	threads int   // epoll loops
	sockets []int // one per client, which stay open; if nil, the load opens and closes its own
	reply   shape
	feed    feed          // of an open loop: one request at a time, without end
	rate    float64       // requests per second of an open loop; 0 for a closed one
	stall   time.Duration // how long the server may answer nothing at all
}

// A runningLoad is a load whose loops are at work.
type runningLoad struct {
	loops   []*loop
	start   time.Time // what the times of the load count from
	window  window
	borrows bool        // the sockets belong to somebody else
	stop    atomic.Bool // clients finish what is under way and send no more
	failed  chan error  // takes one error of each loop
	done    sync.WaitGroup
}

type loop struct {
	run      *runningLoad
	poller   *poller
	clients  []client
	feed     feed
	schedule *schedule // of an open loop
	turn     int       // the client that the schedule comes to next
	stall    time.Duration
	active   int           // pipelines under way
	answered atomic.Uint64 // commands
	latency  *hdrhistogram.Histogram
	lateness *hdrhistogram.Histogram // from due to sent
	buf      []byte
}

type client struct {
	id       int
	fd       int
	replies  scanner
	inFlight int
	unsent   []byte        // what the socket did not take, a part of the feed
	queued   []byte        // what an open loop sends after that, a copy
	sent     time.Duration // the pipeline of a closed loop
	// Numbers on the schedule of an open loop: the next request that is due,
	// and the oldest that has no reply.
	next, oldest int
}

// begin connects all clients and sets the loops going.
func (l load) begin() (*runningLoad, error) {
	run := &runningLoad{start: time.Now(), borrows: l.sockets != nil, failed: make(chan error, l.threads)}
	run.window.shut()
	for i := range l.threads {
		one, err := l.newLoop(run, i)
		if one != nil {
			run.loops = append(run.loops, one)
		}
		if err != nil {
			run.close()
			return nil, err
		}
	}
	if l.rate > 0 {
		run.pace(newSchedule(run.now(), l.rate, l.clients))
	}
	for _, one := range run.loops {
		run.done.Go(func() {
			if err := one.serve(); err != nil {
				run.failed <- err
			}
		})
	}
	return run, nil
}

// newLoop makes loop number i with its share of the clients. On an error the
// loop that is returned, if any, still has to be closed.
func (l load) newLoop(run *runningLoad, i int) (*loop, error) {
	poller, err := newPoller()
	if err != nil {
		return nil, err
	}
	one := &loop{
		run: run, poller: poller, feed: l.feed, stall: l.stall, buf: make([]byte, readBuffer),
		latency: newHistogram(), lateness: newHistogram(),
	}
	for id := i; id < l.clients; id += l.threads {
		fd, err := l.socket(id)
		if err != nil {
			return one, err
		}
		one.clients = append(one.clients, client{id: id, fd: fd, replies: scanner{shape: l.reply}, next: id, oldest: id})
		if err := poller.add(fd, len(one.clients)-1); err != nil {
			return one, err
		}
	}
	return one, nil
}

func (l load) socket(client int) (fd int, err error) {
	if l.sockets != nil {
		return l.sockets[client], nil
	}
	return dial(l.port)
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(maxLatency), latencyDigits)
}

// pace turns loops that have not begun into an open loop.
func (r *runningLoad) pace(s *schedule) {
	for _, one := range r.loops {
		one.schedule = s
	}
}

// now is the time since the load's start.
func (r *runningLoad) now() time.Duration { return time.Since(r.start) }

// finish lets every client complete what is under way, waits for the loops and
// closes the sockets. It returns the first error that a loop met.
func (r *runningLoad) finish() error {
	r.window.close(r.now())
	r.stop.Store(true)
	return r.wait()
}

// wait is finish for feeds that end by themselves.
func (r *runningLoad) wait() error {
	r.done.Wait()
	r.close()
	select {
	case err := <-r.failed:
		return err
	default:
		return nil
	}
}

func (r *runningLoad) close() {
	for _, one := range r.loops {
		one.poller.close()
		if r.borrows {
			continue
		}
		for i := range one.clients {
			_ = unix.Close(one.clients[i].fd)
		}
	}
}

// answered is how many commands were answered so far.
func (r *runningLoad) answered() (total uint64) {
	for _, one := range r.loops {
		total += one.answered.Load()
	}
	return total
}

// histograms merge what the loops recorded; call it after finish.
func (r *runningLoad) histograms() (latency, lateness *hdrhistogram.Histogram) {
	latency, lateness = newHistogram(), newHistogram()
	for _, one := range r.loops {
		latency.Merge(one.latency)
		lateness.Merge(one.lateness)
	}
	return latency, lateness
}

// drain runs a load whose feed ends. Cancelling ctx stops it early.
func (l load) drain(ctx context.Context) error {
	run, err := l.begin()
	if err != nil {
		return err
	}
	undo := context.AfterFunc(ctx, func() { run.stop.Store(true) })
	defer undo()
	if err := run.wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// serve runs the loop until its clients have nothing more to send.
func (l *loop) serve() error {
	if err := l.sendFirst(); err != nil {
		return err
	}
	last := l.run.now()
	for l.active > 0 || l.paced() {
		events, err := l.poller.wait(l.patience())
		if err != nil {
			return err
		}
		if now := l.run.now(); len(events) > 0 || l.active == 0 {
			last = now
		} else if now-last > l.stall {
			return fmt.Errorf("no reply for %s, %d pipelines are waiting", l.stall, l.active)
		}
		for _, event := range events {
			if err := l.ready(&l.clients[event.Fd]); err != nil {
				return err
			}
			// A round of events takes longer than requests should be late.
			if err := l.sendDue(); err != nil {
				return err
			}
		}
		if err := l.sendDue(); err != nil {
			return err
		}
	}
	return nil
}

// paced tells whether a schedule has more to send. What was due before the end
// of the window is sent even after the stop: to leave out what we are late with
// would make the latencies look better than they are.
func (l *loop) paced() bool {
	return l.schedule != nil && (!l.run.stop.Load() || l.run.window.ahead(l.nextDue()))
}

func (l *loop) nextDue() time.Duration { return l.schedule.due(l.clients[l.turn].next) }

// patience is how long the loop may sleep while no socket is ready.
func (l *loop) patience() time.Duration {
	if !l.paced() {
		return waitSlice
	}
	return min(waitSlice, l.nextDue()-l.run.now()-oversleep)
}

// sendFirst sends every client's first pipeline of a closed loop.
func (l *loop) sendFirst() error {
	if l.schedule != nil {
		return nil
	}
	for i := range l.clients {
		if err := l.sendNext(&l.clients[i], l.run.now()); err != nil {
			return err
		}
	}
	return nil
}

// sendDue sends what is due by the schedule of an open loop, a burst at most: a
// loop that can never catch up must still see its replies.
func (l *loop) sendDue() error {
	for range sendBurst {
		if !l.paced() {
			return nil
		}
		c := &l.clients[l.turn]
		now, due := l.run.now(), l.nextDue()
		if due > now {
			return nil
		}
		if err := l.record(l.lateness, due, now); err != nil {
			return err
		}
		if err := l.send(c); err != nil {
			return err
		}
		c.next = l.schedule.after(c.next)
		l.turn = (l.turn + 1) % len(l.clients)
	}
	return nil
}

// sendNext goes on with a client of a closed loop at the time now.
func (l *loop) sendNext(c *client, now time.Duration) error {
	if l.run.stop.Load() {
		return nil
	}
	c.sent = now
	return l.send(c)
}

// send starts the client's next pipeline, unless there is none.
func (l *loop) send(c *client) (err error) {
	requests, n := l.feed.next(c.id)
	if n == 0 {
		return nil
	}
	l.active++
	c.inFlight += n
	if len(c.unsent) > 0 {
		c.queued = append(c.queued, requests...)
		return nil
	}
	c.unsent, err = writeSome(c.fd, requests)
	return err
}

// flush sends what the client's socket did not take before.
func (c *client) flush() (err error) {
	for len(c.unsent) > 0 {
		if c.unsent, err = writeSome(c.fd, c.unsent); err != nil || len(c.unsent) > 0 {
			return err
		}
		c.unsent, c.queued = c.queued, nil
	}
	return nil
}

// ready handles an event of the client's socket: it may be readable, writable
// or both. Reading first makes room for a server that is stuck writing.
func (l *loop) ready(c *client) (err error) {
	for {
		n, err := readSome(c.fd, l.buf)
		if err != nil {
			return err
		}
		if n == 0 {
			return errors.New("the server closed the connection")
		}
		if n > 0 {
			if err := l.received(c, l.buf[:n]); err != nil {
				return err
			}
		}
		if n < len(l.buf) {
			break
		}
	}
	return c.flush()
}

// received counts replies and notes how long they took.
func (l *loop) received(c *client, b []byte) error {
	replies, err := c.replies.scan(b)
	if err != nil {
		return err
	}
	c.inFlight -= replies
	if c.inFlight < 0 {
		return fmt.Errorf("%d replies more than requests", -c.inFlight)
	}
	l.answered.Add(uint64(replies))
	if l.schedule != nil {
		return l.answer(c, replies)
	}
	if c.inFlight > 0 || replies == 0 {
		return nil
	}
	return l.complete(c)
}

// complete ends the pipeline of a closed loop and goes on to the next.
func (l *loop) complete(c *client) error {
	l.active--
	now := l.run.now()
	if err := l.record(l.latency, c.sent, now); err != nil {
		return err
	}
	return l.sendNext(c, now)
}

// answer ends the oldest requests of an open loop.
func (l *loop) answer(c *client, replies int) error {
	now := l.run.now()
	for range replies {
		l.active--
		if err := l.record(l.latency, l.schedule.due(c.oldest), now); err != nil {
			return err
		}
		c.oldest = l.schedule.after(c.oldest)
	}
	return nil
}

// record notes the time from began to now, if it began in the window.
func (l *loop) record(h *hdrhistogram.Histogram, began, now time.Duration) error {
	if !l.run.window.holds(began) {
		return nil
	}
	took := min(now-began, maxLatency)
	if err := h.RecordValue(int64(took)); err != nil {
		return fmt.Errorf("record a time of %s: %w", took, err)
	}
	return nil
}
