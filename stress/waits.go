// Suite waits: what clients that wait for keys leave behind, which is nothing. First very many waits run out, each for two keys
// that are on different shards, where there are shards. Then clients hang up while they wait, in waves, in all the ways in
// which one can; what is pushed afterwards must not be for them. "Afterwards" means that the end of their streams has
// reached the server's system: over loopback it has when the call that closes a socket returns.

package stress

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Shape of the waits.
const (
	waitsCount       = 1_000_000 // that run out
	waitsConnections = 200
	waitsDepth       = 20 // of a pipeline: they run out one after the other
	waitsTimeout     = "0.001"
	waitsLongest     = 15 * time.Minute
	hangUps          = 10_000
	hangUpWave       = 1000
	hangUpWorkers    = 20
	hangUpShare      = waitsCount / hangUps // of waits, where their number is given
	hangUpNotice     = 30 * time.Second     // until the server must have noticed
	waitsPush        = 500                  // elements a push
	// waitsSpare is how many descriptors we need besides the connections.
	waitsSpare = 64
)

// waits carries the state of the suite.
type waits struct {
	*Run
	watch   *client
	a, b, c string // keys; a and b are on different shards, c is where b is
	before  footprint
	blocked int64 // blocked_clients before the suite
	served  int64 // clients that stayed and were served
}

func runWaits(ctx context.Context, r *Run) error {
	w := &waits{Run: r}
	var err error
	if w.watch, err = r.dialer.dial(ctx); err != nil {
		return err
	}
	defer w.watch.close()
	one, two, err := w.watch.tagsApart()
	if err != nil {
		return err
	}
	w.a, w.b, w.c = r.key("{%s}:a", one), r.key("{%s}:b", two), r.key("{%s}:c", two)
	if w.before, err = r.footprint(w.watch); err != nil {
		return err
	}
	if w.blocked, err = w.watch.infoNumber("blocked_clients"); err != nil {
		return err
	}
	if err := w.runOut(ctx); err != nil {
		return err
	}
	if err := w.hangUp(ctx); err != nil {
		return err
	}
	return w.nothingLeft(ctx)
}

// runOut lets waits run out, several connections at once.
func (w *waits) runOut(ctx context.Context) error {
	n := or(w.Count, waitsCount)
	ctx, cancel := context.WithTimeout(ctx, waitsLongest)
	defer cancel()
	m := w.meter(ctx, "waits", int64(n))
	defer m.finish()
	var wrong tally
	start, connections := time.Now(), min(or(w.Connections, waitsConnections), n)
	err := crew(ctx, connections, func(ctx context.Context, worker int) error {
		c, err := w.dialer.dial(ctx)
		if err != nil {
			return err
		}
		defer c.close()
		for left := n/connections + min(1, max(0, n%connections-worker)); left > 0; {
			depth := min(left, waitsDepth)
			if err := w.waitInVain(c, depth, &wrong); err != nil {
				return err
			}
			left -= depth
			m.add(depth)
		}
		return nil
	})
	if err != nil {
		return err
	}
	took := time.Since(start)
	w.Check("waits that run out", wrong.count() == 0, "%d of two keys, %.1f s, %.0f/s over %d connections, %d wrong%s",
		n, took.Seconds(), float64(n)/took.Seconds(), connections, wrong.count(), wrong.example())
	return nil
}

// waitInVain sends several waits in one write.
func (w *waits) waitInVain(c *client, depth int, wrong *tally) error {
	for range depth {
		c.queue("BLPOP", w.a, w.b, waitsTimeout)
	}
	if err := c.flush(); err != nil {
		return err
	}
	for range depth {
		v, err := c.receive()
		if err != nil {
			return err
		}
		if err := wantNull(v); err != nil {
			wrong.add(err)
		}
	}
	return nil
}

// hangUp lets clients go while they wait, a wave after the other.
func (w *waits) hangUp(ctx context.Context) error {
	all := hangUps
	if w.Count > 0 {
		all = max(w.Count/hangUpShare, 2)
	}
	if err := raiseFileLimit(uint64(min(all, hangUpWave) + waitsSpare)); err != nil {
		return err
	}
	m := w.meter(ctx, "hang-ups", int64(all))
	defer m.finish()
	var lost, slow tally
	for left := all; left > 0; {
		n := min(left, hangUpWave)
		if err := w.wave(ctx, n, &lost, &slow); err != nil {
			return err
		}
		left -= n
		m.add(n)
	}
	w.Check("hang-ups while waiting", slow.count() == 0, "%d clients in waves of %d%s", all, min(all, hangUpWave), slow.example())
	w.Check("elements popped for who is gone", lost.count() == 0, "%d waves wrong%s; %d clients that stayed were served",
		lost.count(), lost.example(), w.served)
	return nil
}

// wave lets n clients wait and go, pushes, and looks for what was pushed.
func (w *waits) wave(ctx context.Context, n int, lost, slow *tally) error {
	clients := make([]*client, n)
	defer closeAll(clients)
	err := crew(ctx, hangUpWorkers, func(_ context.Context, worker int) (err error) {
		for i := worker; i < n && err == nil; i += hangUpWorkers {
			clients[i], err = w.sleeper(ctx, i)
		}
		return err
	})
	if err != nil {
		return err
	}
	stays, err := w.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer stays.close()
	if err := w.untilBlocked(ctx, n); err != nil {
		return err
	}
	stays.queue("BRPOP", w.b, "0")
	if err := stays.flush(); err != nil {
		return err
	}
	if err := w.untilBlocked(ctx, n+1); err != nil {
		return err
	}
	for i, c := range clients {
		c.hangUp(i)
	}
	if err := w.oneTurn(); err != nil {
		return err
	}
	if err := w.push(stays, n, lost); err != nil {
		return err
	}
	return w.untilGone(ctx, slow)
}

// sleeper is a client that waits.
func (w *waits) sleeper(ctx context.Context, i int) (*client, error) {
	c, err := w.dialer.dial(ctx)
	if err != nil {
		return nil, err
	}
	switch i % 3 {
	case 0:
		c.queue("BLPOP", w.a, w.b, "0")
	case 1:
		c.queue("BRPOP", w.b, w.a, "0")
	default:
		c.queue("BLMOVE", w.a, w.c, "LEFT", "RIGHT", "0")
	}
	err = c.flush()
	return c, err
}

// untilBlocked waits until so many of the suite's clients wait.
func (w *waits) untilBlocked(ctx context.Context, n int) error {
	_, ok, err := eventually(ctx, w.Timeout, func() (bool, error) {
		blocked, err := w.watch.infoNumber("blocked_clients")
		return blocked-w.blocked >= int64(n), err
	})
	if err == nil && !ok {
		err = fmt.Errorf("%d clients are not blocked", n)
	}
	return err
}

// hangUp ends a connection from the client's side: by closing it, by a reset, or by saying that nothing more will be sent.
func (c *client) hangUp(way int) {
	timed, _ := c.conn.(*timedConn)
	tcp, ok := timed.Conn.(*net.TCPConn)
	switch {
	case ok && way%3 == 1:
		_ = tcp.SetLinger(0)
	case ok && way%3 == 2:
		_ = tcp.CloseWrite()
		return
	}
	c.close()
}

// oneTurn gives a redis-server a turn of its event loop, in which it takes leave of those who hung up: it serves them from a push that it
// reads in the same turn as the ends of their streams. Respite looks at their sockets when it serves.
func (w *waits) oneTurn() error {
	if !strings.HasPrefix(w.server, "redis") {
		return nil
	}
	_, err := w.watch.ask("PING")
	return err
}

// push pushes to both keys, and wants everything to be there but what the client that stayed is given.
func (w *waits) push(stays *client, n int, lost *tally) error {
	for _, key := range []string{w.a, w.b} {
		for left := n; left > 0; left -= waitsPush {
			args := []string{"RPUSH", key}
			for i := range min(left, waitsPush) {
				args = append(args, strconv.Itoa(i))
			}
			if _, err := w.watch.ask(args...); err != nil {
				return err
			}
		}
	}
	if v, err := stays.receive(); err != nil || v.IsError() {
		return fmt.Errorf("the client that stayed was not served: %s%s", describe(v), because(err))
	}
	w.served++
	for key, want := range map[string]int64{w.a: int64(n), w.b: int64(n - 1), w.c: 0} {
		have, err := w.watch.askInt("LLEN", key)
		if err != nil {
			return err
		}
		if have != want {
			lost.add(fmt.Errorf("%d of %d elements left in %s", have, want, key))
		}
	}
	_, err := w.watch.ask("DEL", w.a, w.b, w.c)
	return err
}

// untilGone waits until nobody waits any more.
func (w *waits) untilGone(ctx context.Context, slow *tally) error {
	took, ok, err := eventually(ctx, hangUpNotice, func() (bool, error) {
		blocked, err := w.watch.infoNumber("blocked_clients")
		return blocked <= w.blocked, err
	})
	if err == nil && !ok {
		slow.add(fmt.Errorf("clients are still blocked after %.1f s", took.Seconds()))
	}
	return err
}

// nothingLeft compares the server with itself before the waits.
func (w *waits) nothingLeft(ctx context.Context) error {
	f, err := w.watch.info()
	if err != nil {
		return err
	}
	if keys, ok := f.number("total_blocking_keys"); ok {
		w.Check("keys that somebody waits for", keys == 0, "%d", keys)
	} else {
		w.Note("keys that somebody waits for", "not reported by this server")
	}
	return w.checkGrowth(ctx, w.watch, w.before)
}
