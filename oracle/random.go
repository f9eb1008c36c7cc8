package oracle

// The random differential: one generated stream goes to two servers, about a
// hundred commands a round trip; all replies are compared, and after each chunk the
// whole dataset. An epoch starts from empty servers, so a failing stream is at most
// an epoch long before it is shrunk (shrink.go).

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	chunkLength = 100  // commands a round trip
	epochLength = 2000 // commands from one FLUSHALL to the next
)

// RunRandom sends n commands of the tables, drawn from the seed, to both servers and
// fails the test at the first difference, with a stream shrunk to the commands that
// are needed, as a transcript block with the second server's replies.
func RunRandom(t testing.TB, ours, reference Side, seed uint64, n int, tables ...Table) {
	t.Helper()
	newDuel(ours, reference, tables).run(t, seed, n)
}

// newDuel prepares a differential with some tables, or all.
func newDuel(ours, reference Side, tables []Table) *duel {
	if len(tables) == 0 {
		tables = AllTables()
	}
	return &duel{first: &rival{name: "ours", side: ours}, second: &rival{name: "real", side: reference}, tables: tables}
}

func (d *duel) run(t testing.TB, seed uint64, n int) {
	t.Helper()
	t.Logf("random differential: seed %d, %d commands", seed, n)
	defer d.close()
	gen := NewGenerator(seed, d.tables...)
	started := time.Now()
	for sent := 0; sent < n; sent += epochLength {
		stream, diff := d.epoch(gen, min(epochLength, n-sent))
		if diff != nil {
			t.Fatalf("seed %d, after %d commands: %v\n\n%s", seed, sent+len(stream), diff, d.explain(stream))
		}
	}
	t.Logf("%d commands without a difference in %v", n, time.Since(started).Round(time.Millisecond))
}

// duel is two servers that get the same commands.
type duel struct {
	first, second *rival
	tables        []Table
	queue         queue                 // of main, by the first one's replies
	queues        bool                  // main may be between MULTI and EXEC
	events        func([]event) []event // what of the events is compared; nil: nothing
	invalidations *invalidations        // nil: not compared
}

// rival is one of them: the stream goes over main, the dataset is read over audit.
type rival struct {
	name        string
	side        Side
	main, audit *Conn
	queue       queue     // of main
	listener    *listener // nil: neither events nor invalidations are compared
	writer      *Conn     // nil: invalidations are not compared
}

// epoch empties both servers and sends n commands. It returns what it sent, up to
// the first difference.
func (d *duel) epoch(gen *Generator, n int) (stream [][]string, diff error) {
	if d.invalidations != nil {
		d.invalidations.draw()
	}
	if err := d.reset(); err != nil {
		return nil, err
	}
	for len(stream) < n {
		chunk := make([][]string, min(chunkLength, n-len(stream)))
		for i := range chunk {
			chunk[i] = gen.Next()
		}
		stream = append(stream, chunk...)
		if err := d.chunk(chunk); err != nil {
			return stream, err
		}
	}
	return stream, nil
}

// send sends a stream and returns the first difference.
func (d *duel) send(stream [][]string) error {
	for chunk := range slices.Chunk(stream, chunkLength) {
		if err := d.chunk(chunk); err != nil {
			return err
		}
	}
	return nil
}

func (d *duel) chunk(chunk [][]string) error {
	for rest := chunk; len(rest) > 0; {
		n := segment(rest)
		if err := d.exchange(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if d.invalidations != nil {
		if err := d.again(chunk); err != nil {
			return err
		}
		if err := d.compareInvalidations(); err != nil {
			return err
		}
	}
	if err := d.compareEvents(); err != nil {
		return err
	}
	return d.compareDatasets()
}

// segment returns how many commands go out together: a SCAN, whose iteration takes
// round trips of its own, goes alone.
func segment(chunk [][]string) int {
	for i, args := range chunk {
		if isFullScan(args) {
			return max(i, 1)
		}
	}
	return len(chunk)
}

func isFullScan(args []string) bool {
	at := cursorAt(args)
	return at > 0 && len(args) > at && args[at] == "0"
}

// cursorAt is where a command of the SCAN family has its cursor; 0 for any other.
func cursorAt(args []string) int {
	switch {
	case is("scan")(args):
		return 1
	case is("hscan", "sscan", "zscan")(args):
		return 2
	}
	return 0
}

// perElement is how many values a command returns of each element of a collection.
func perElement(args []string) int {
	if is("hgetall", "hscan", "zscan")(args) {
		return 2
	}
	return 1
}

func (d *duel) exchange(commands [][]string) error {
	if isFullScan(commands[0]) {
		return d.exchangeScan(commands[0])
	}
	commands = withClearErrno(commands)
	counted := d.countable(commands)
	if counted {
		commands = withCounts(commands)
	}
	a, b, err := d.ask(commands, func(r *rival) *Conn { return r.main })
	if err != nil {
		return err
	}
	for i, args := range commands {
		if !isAskChanges(args) && !d.queue.agreeAll(args, a[i], b[i]) {
			return d.difference(args, a[i], b[i])
		}
	}
	if !counted {
		return nil
	}
	return d.compareCounts(commands, a, b)
}

// ask sends commands to both servers, then reads the replies of both.
func (d *duel) ask(commands [][]string, over func(*rival) *Conn) (a, b []Value, err error) {
	for _, r := range []*rival{d.first, d.second} {
		for _, args := range commands {
			over(r).Queue(args...)
		}
		if err := over(r).Flush(); err != nil {
			return nil, nil, fmt.Errorf("%s: send: %w", r.name, err)
		}
	}
	if a, err = d.first.receive(commands, over(d.first)); err == nil {
		b, err = d.second.receive(commands, over(d.second))
	}
	return a, b, err
}

func (r *rival) receive(commands [][]string, c *Conn) ([]Value, error) {
	replies := make([]Value, len(commands))
	for i, args := range commands {
		v, err := c.Receive()
		if err != nil {
			return nil, fmt.Errorf("%s: no reply to %q: %w", r.name, args, err)
		}
		if c == r.main {
			replies[i] = r.queue.adapt(r.side.Rules, args, v)
			continue
		}
		replies[i] = r.side.Rules.adapt(args, v)
	}
	return replies, nil
}

func (d *duel) difference(args []string, a, b Value) error {
	return fmt.Errorf("replies to %s differ\n%s:\n%s\n%s:\n%s", commandLine(args), d.first.name, a, d.second.name, b)
}

func commandLine(args []string) string {
	return strings.TrimPrefix(newStep(args, Value{}).source, "> ")
}

func (d *duel) exchangeScan(args []string) error {
	a, err := d.first.scan(args)
	if err != nil {
		return err
	}
	b, err := d.second.scan(args)
	if err == nil && !sameElements(args, a, b) {
		err = d.difference(args, a, b)
	}
	return err
}

// maxScanRounds stops an iteration that does not end.
const maxScanRounds = 10_000

// scan does a full iteration and returns the set of keys or elements, or the error
// reply.
func (r *rival) scan(args []string) (Value, error) {
	keys, seen := Value{Kind: '*'}, map[string]bool{}
	next, at := slices.Clone(args), cursorAt(args)
	for range maxScanRounds {
		v, err := r.main.Do(next...)
		if err != nil || v.Kind == '-' {
			return v, err
		}
		if len(v.Elems) != 2 {
			return v, fmt.Errorf("%s: SCAN replied\n%s", r.name, v)
		}
		for element := range slices.Chunk(v.Elems[1].Elems, perElement(args)) {
			if !seen[element[0].Text] {
				seen[element[0].Text] = true
				keys.Elems = append(keys.Elems, element...)
			}
		}
		if next[at] = v.Elems[0].Text; next[at] == "0" {
			return keys, nil
		}
	}
	return keys, fmt.Errorf("%s: %s does not come to an end", r.name, commandLine(args))
}

// reset opens fresh connections and empties both servers.
func (d *duel) reset() error {
	d.close()
	d.queue, d.queues = nil, false
	for _, r := range []*rival{d.first, d.second} {
		if err := r.open(d.tables); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if d.invalidations != nil {
			if err := r.hears(d.invalidations.mode); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
		if d.events == nil {
			continue
		}
		var err error
		if r.listener, err = newListener(r.side.Dial); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

func (r *rival) open(tables []Table) (err error) {
	if r.main, err = Connect(r.side.Dial, resp2); err != nil {
		return err
	}
	if r.audit, err = Connect(r.side.Dial, resp2); err != nil {
		return err
	}
	for _, table := range tables {
		if len(table.Settings) == 0 {
			continue
		}
		if _, err = r.audit.mustDo(append([]string{"CONFIG", "SET"}, table.Settings...)...); err != nil {
			return err
		}
	}
	_, err = r.audit.mustDo("FLUSHALL")
	return err
}

func (d *duel) close() {
	for _, r := range []*rival{d.first, d.second} {
		for _, c := range []*Conn{r.main, r.audit, r.writer} {
			if c != nil {
				_ = c.Close()
			}
		}
		if r.listener != nil {
			_ = r.listener.Close()
		}
		r.main, r.audit, r.writer, r.queue, r.listener = nil, nil, nil, nil, nil
	}
}

// agree compares two replies to one command. Most must be equal; what depends on
// chance or on the lag between two clocks is held to less.
func agree(args []string, a, b Value) bool {
	switch strings.ToLower(args[0]) {
	case "hello":
		return a.Kind == b.Kind && len(a.Elems) == len(b.Elems)
	case "randomkey":
		return a.Kind == b.Kind && a.Null == b.Null
	case "keys":
		return sorted(a).Equal(sorted(b))
	case "hgetall", "hkeys", "hvals": // in order where that means something: see compareDatasets
		return sameElements(args, a, b)
	case "sort", "sort_ro":
		return a.Equal(b) || isUnorderedSort(args) && sameElements(args, a, b)
	case "smembers", "sinter", "sunion", "sdiff", "spop":
		return sameElements(args, a, b)
	case "hrandfield", "srandmember", "zrandmember":
		return sameShape(a, b)
	case "scan", "hscan", "sscan", "zscan": // not a full iteration: a cursor that means something to one server only
		return a.Kind == b.Kind && (a.Kind != '-' || a.Equal(b))
	case "ttl":
		return near(a, b, lagMillis/1000)
	case "pttl":
		return near(a, b, lagMillis)
	case "expiretime":
		return sameDeadline(a, b, 1000)
	case "pexpiretime":
		return sameDeadline(a, b, 1)
	case "xinfo":
		if is("consumers")(args[1:]) {
			return busyConsumers(a).Equal(busyConsumers(b))
		}
		return sameStreamInfo(a, b)
	case "xpending":
		return near(plainInfo(a), plainInfo(b), lagMillis)
	case "xgroup":
		if x, ok := a.Int(); ok && len(args) > 1 && is("createconsumer")(args[1:]) {
			y, ok := b.Int()
			return ok && max(x, y) <= 1
		}
		return a.Equal(b)
	case "migrate":
		return a.Equal(b) || isUnreached(a) && isUnreached(b)
	case "object":
		// IDLETIME; the others give no integer here. Small integers are shared by all keys of a redis-server, and
		// idle since any of them was last used: two times of any size agree.
		x, ok := a.Int()
		y, ok2 := b.Int()
		return ok && ok2 && x >= 0 && y >= 0 || isSetEncoding(args, a, b) || sameListEncoding(a, b) || a.Equal(b)
	}
	return a.Equal(b)
}

// isUnreached reports whether a MIGRATE has found nobody at the other end. On a busy machine redis-server sees that when it writes, else when it
// connects.
func isUnreached(v Value) bool {
	return v.Kind == '-' &&
		(v.Text == "IOERR error or timeout connecting to the client" || v.Text == "IOERR error or timeout writing to target instance")
}

func equal(_ []string, a, b Value) bool { return a.Equal(b) }

// sameElements compares replies whose order means nothing; what belongs to one element
// stays together.
func sameElements(args []string, a, b Value) bool {
	if perElement(args) == 2 && a.Kind == '*' && b.Kind == '*' && len(a.Elems)%2 == 0 && len(b.Elems)%2 == 0 {
		a.Kind, b.Kind = '%', '%'
	}
	if is("zscan")(args) {
		// How a score is printed there depends on the encoding, and 7.0 and 7.2 agree on one only.
		odd := func(i int) bool { return i%2 != 0 }
		a, b = shortestDoubles(a, odd), shortestDoubles(b, odd)
	}
	return sorted(a).Equal(sorted(b))
}

// sameShape compares replies of drawn elements: as many of the same kinds, or the same
// error.
func sameShape(a, b Value) bool {
	if a.Kind == '-' || a.Kind != b.Kind || a.Null != b.Null || len(a.Elems) != len(b.Elems) {
		return a.Equal(b)
	}
	for i := range a.Elems {
		if !sameShape(a.Elems[i], b.Elems[i]) {
			return false
		}
	}
	return true
}

// sameDeadline compares deadlines in units of so many milliseconds: absolute ones
// exactly, those of relative times within the lag.
func sameDeadline(a, b Value, unit int64) bool {
	x, ok := a.Int()
	y, ok2 := b.Int()
	if !ok || !ok2 || x < 0 || isAbsolute(x*unit) || isAbsolute(y*unit) {
		return a.Equal(b)
	}
	return near(a, b, lagMillis/unit)
}
