// The load generator: closed-loop clients on a few epoll loops. Each client
// sends a pipeline, counts its replies, notes how long that took and sends the
// next one.
//
// It shares the machine's cores with the server that it measures, so it must
// be cheap: requests are ready bytes, replies are counted, not decoded, and one
// loop serves all clients. Against redis-server with 50 clients on two cores
// this costs 7.9 µs of CPU per GET at depth 1 and 0.8 µs at depth 16, of which
// five sixths are system calls. A goroutine per connection on the runtime's
// own poller cost 11.3 and 1.05 µs; calling epoll_wait behind the scheduler's
// back saved nothing at depth 1 and too little elsewhere to be worth it.
//
// Invariant: a client has at most one pipeline under way, and a loop touches
// only its own clients; what others read of it is atomic.

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
)

// A load is one closed-loop run against a port.
type load struct {
	port    int
	clients int
	threads int // epoll loops
	reply   shape
	feed    feed
	stall   time.Duration // how long the server may answer nothing at all
}

// A runningLoad is a load whose loops are at work.
type runningLoad struct {
	loops  []*loop
	record atomic.Bool // latencies count only while this is set
	stop   atomic.Bool // clients finish their pipeline and send no more
	failed chan error  // takes one error of each loop
	done   sync.WaitGroup
}

type loop struct {
	run      *runningLoad
	poller   *poller
	clients  []client
	feed     feed
	stall    time.Duration
	active   int           // clients with a pipeline under way
	answered atomic.Uint64 // commands
	latency  *hdrhistogram.Histogram
	start    time.Time // what client.sent counts from
	buf      []byte
}

type client struct {
	id       int
	fd       int
	replies  scanner
	inFlight int
	unsent   []byte
	sent     time.Duration // since loop.start
}

// begin connects all clients and sets the loops going.
func (l load) begin() (*runningLoad, error) {
	run := &runningLoad{failed: make(chan error, l.threads)}
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
		run: run, poller: poller, feed: l.feed, stall: l.stall, start: time.Now(), buf: make([]byte, readBuffer),
		latency: hdrhistogram.New(1, int64(maxLatency), latencyDigits),
	}
	for id := i; id < l.clients; id += l.threads {
		fd, err := dial(l.port)
		if err != nil {
			return one, err
		}
		one.clients = append(one.clients, client{id: id, fd: fd, replies: scanner{shape: l.reply}})
		if err := poller.add(fd, len(one.clients)-1); err != nil {
			return one, err
		}
	}
	return one, nil
}

// finish lets every client complete its pipeline, waits for the loops and
// closes the sockets. It returns the first error that a loop met.
func (r *runningLoad) finish() error {
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
		for i := range one.clients {
			_ = unix.Close(one.clients[i].fd)
		}
		one.poller.close()
	}
}

// answered is how many commands were answered so far.
func (r *runningLoad) answered() (total uint64) {
	for _, one := range r.loops {
		total += one.answered.Load()
	}
	return total
}

// latency merges what the loops recorded; call it after finish.
func (r *runningLoad) latency() *hdrhistogram.Histogram {
	merged := hdrhistogram.New(1, int64(maxLatency), latencyDigits)
	for _, one := range r.loops {
		merged.Merge(one.latency)
	}
	return merged
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
	for i := range l.clients {
		if err := l.send(&l.clients[i], time.Since(l.start)); err != nil {
			return err
		}
	}
	last := time.Now()
	for l.active > 0 {
		events, err := l.poller.wait()
		if err != nil {
			return err
		}
		if len(events) > 0 {
			last = time.Now()
		} else if time.Since(last) > l.stall {
			return fmt.Errorf("no reply for %s, %d clients are waiting", l.stall, l.active)
		}
		for _, event := range events {
			if err := l.ready(&l.clients[event.Fd]); err != nil {
				return err
			}
		}
	}
	return nil
}

// send starts the client's next pipeline at the time now, unless there is none.
func (l *loop) send(c *client, now time.Duration) (err error) {
	if l.run.stop.Load() {
		return nil
	}
	requests, n := l.feed.next(c.id)
	if n == 0 {
		return nil
	}
	l.active++
	c.inFlight = n
	c.sent = now
	c.unsent, err = writeSome(c.fd, requests)
	return err
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
	if len(c.unsent) > 0 {
		c.unsent, err = writeSome(c.fd, c.unsent)
	}
	return err
}

// received counts replies and, after the last of a pipeline, goes on to the next.
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
	if c.inFlight > 0 || replies == 0 {
		return nil
	}
	l.active--
	now := time.Since(l.start)
	if l.run.record.Load() {
		took := min(now-c.sent, maxLatency)
		if err := l.latency.RecordValue(int64(took)); err != nil {
			return fmt.Errorf("record a latency of %s: %w", took, err)
		}
	}
	return l.send(c, now)
}
