// The idle mode: many open connections, few of which work. What do the others
// cost in memory, and how much do they slow the few down?
//
// Every measurement has a server of its own, started for it: memory that a
// server keeps from one would be there before the next. The order matters for
// the same reason: the connections come before the keys.
//
// Invariant: when a measurement ends, its connections are closed and its server
// is gone.

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// spareClients may connect besides the idle ones: the load and the pings.
	spareClients = maxClients + 100
	// spareFiles are descriptors besides the clients', here and in a server;
	// redis-server wants 32 for itself.
	spareFiles = 128
	// slowestOpen, in connections per second, bounds the time of a run.
	slowestOpen = 1_000
)

// runIdle measures every target with its connections open and prints the table.
func runIdle(ctx context.Context, o *options, out, progress io.Writer) error {
	if err := raiseFileLimit(uint64(o.idle + spareClients + spareFiles)); err != nil {
		return err
	}
	cells := time.Duration(len(o.targets) * o.rounds)
	total := o.duration(len(o.targets))
	fmt.Fprintf(progress, "%d connections, %d of them active, %d targets x %d rounds x %s: more than %s\n",
		o.idle, o.activeClients(), len(o.targets), o.rounds, o.warmUp+o.measure, total.Round(time.Second))
	limit := slack*total + cells*(startAllow+time.Duration(o.idle)*time.Second/slowestOpen)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer cancel()
	data := newTestData()
	lead := []string{strconv.Itoa(o.idle), strconv.Itoa(o.activeClients())}
	res := newResults(idleLayout(), []group{{name: getCell().String(), lead: lead}}, o.targets)
	err := o.alternate(res, progress, func(_, target int) (sample, error) {
		return o.measureIdle(ctx, o.targets[target], data)
	})
	if err != nil {
		return err
	}
	return res.write(out, o.markdown)
}

// measureIdle starts a server, opens the connections and measures once.
func (o *options) measureIdle(ctx context.Context, t target, data *testData) (got sample, err error) {
	s, err := t.with("--maxclients", strconv.Itoa(o.idle+spareClients)).start(ctx)
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	before, err := readRSS(s.pid)
	if err != nil {
		return sample{}, err
	}
	sockets, err := o.openIdle(ctx, s.port)
	defer closeSockets(sockets)
	if err != nil {
		return sample{}, err
	}
	after, err := readRSS(s.pid)
	if err != nil {
		return sample{}, err
	}
	if err := o.preload(ctx, s.port, data.order, data.values); err != nil {
		return sample{}, fmt.Errorf("preload: %w", err)
	}
	got, err = o.measureActive(ctx, s, sockets, data)
	got.perConnection = float64(after-before) / float64(o.idle)
	return got, err
}

// openIdle opens the connections and has each send a PING, a few at a time: a
// server has accepted those that it answers, so its backlog does not overflow.
// What it returns has to be closed, error or not.
func (o *options) openIdle(ctx context.Context, port int) (sockets []int, err error) {
	for len(sockets) < o.idle {
		from := len(sockets)
		for range min(o.clients, o.idle-from) {
			fd, err := dial(port)
			if err != nil {
				return sockets, fmt.Errorf("connection %d: %w", len(sockets), err)
			}
			sockets = append(sockets, fd)
		}
		if err := o.pingAll(ctx, port, sockets[from:]); err != nil {
			return sockets, fmt.Errorf("PING on connections %d to %d: %w", from, len(sockets)-1, err)
		}
	}
	return sockets, nil
}

// pingAll sends one PING on each socket and waits for the replies.
func (o *options) pingAll(ctx context.Context, port int, sockets []int) error {
	feed := newLoadFeed(pingRequest, shuffled(len(sockets)), nil, len(sockets))
	return o.loader(port, lineShape("+PONG"), feed).on(sockets).drain(ctx)
}

// measureActive runs the closed loop on some of the sockets, evenly spread over
// them as a server would meet them.
func (o *options) measureActive(ctx context.Context, s *server, sockets []int, data *testData) (sample, error) {
	n := o.activeClients()
	active := make([]int, n)
	for i := range active {
		active[i] = sockets[i*len(sockets)/n]
	}
	get := getCell()
	feed := newTapeFeed(data.tape(get.command), get.depth, n)
	return o.measureLoad(ctx, s, o.loader(s.port, get.command.reply, feed).on(active), uint64(n))
}

// on is the load on sockets that are open and stay open.
func (l load) on(sockets []int) load {
	l.sockets, l.clients = sockets, len(sockets)
	l.threads = min(l.threads, l.clients)
	return l
}

// closeSockets closes connections by a reset: thousands that were closed in
// order would hold their ports for a minute.
func closeSockets(sockets []int) {
	for _, fd := range slices.Backward(sockets) {
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		_ = unix.Close(fd)
	}
}

// raiseFileLimit makes room for n open descriptors, here and in the servers
// that are started afterwards, within what the system allows this user.
func raiseFileLimit(n uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Cur >= n {
		return nil
	}
	limit.Cur = n
	limit.Max = max(limit.Max, limit.Cur) // only a privileged user may raise it
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of open files to %d: %w", n, err)
	}
	return nil
}
