package oracle

// The differential of client-side caching: of each server three connections. Main tracks what it reads, in a mode that is drawn for each
// epoch, and redirects to a listener; a writer sends a part of main's stream again, so that keys are changed by others too. After each
// chunk the keys are compared that the listeners were told of.
//
// That is no matter of chance: an invalidation is in the listener's output before the reply to the command that caused it is in anybody's,
// so once all replies are there, an answer to the listener comes behind all of them. With BCAST how often one key is told depends on how
// a pipeline is cut into reads, so it counts once. The order of keys is each server's affair.

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

const invalidateChannel = "__redis__:invalidate"

// invalidations is the part of a duel that is about them.
type invalidations struct {
	rand *rand.Rand
	mode []string // arguments of CLIENT TRACKING, drawn for each epoch
	told int      // keys that both listeners were told of
}

// draw draws the mode of an epoch.
func (i *invalidations) draw() {
	modes := [][]string{
		{},
		{"NOLOOP"},
		{"OPTIN"},
		{"OPTOUT"},
		{"OPTIN", "NOLOOP"},
		{"OPTOUT", "NOLOOP"},
		{"BCAST"},
		{"BCAST", "NOLOOP"},
		{"BCAST", "PREFIX", "k", "PREFIX", "{"},
		{"BCAST", "PREFIX", "k:1", "PREFIX", "k:2", "NOLOOP"},
	}
	i.mode = modes[i.rand.IntN(len(modes))]
}

func (i *invalidations) broadcasts() bool { return slices.Contains(i.mode, "BCAST") }

// hears makes main of a server track, and the listener and the writer.
func (r *rival) hears(mode []string) (err error) {
	c, err := Connect(r.side.Dial, resp2)
	if err != nil {
		return err
	}
	r.listener = &listener{c}
	if r.writer, err = Connect(r.side.Dial, resp2); err != nil {
		return err
	}
	id, err := c.mustDo("CLIENT", "ID")
	if err != nil {
		return err
	}
	if _, err = c.mustDo("SUBSCRIBE", invalidateChannel); err != nil {
		return err
	}
	_, err = r.main.mustDo(append([]string{"CLIENT", "TRACKING", "ON", "REDIRECT", id.Text}, mode...)...)
	return err
}

// everyKey stands for an invalidation of all keys.
const everyKey = "(all keys)"

// told is the keys that the listener was told of since the last call.
func (l *listener) told() (keys []string, err error) {
	l.Queue("PUNSUBSCRIBE", "nosuch")
	if err := l.Flush(); err != nil {
		return nil, err
	}
	const payload, fields = 2, 3
	for {
		v, err := l.Receive()
		switch {
		case err != nil:
			return nil, fmt.Errorf("the listener: %w", err)
		case len(v.Elems) > 0 && v.Elems[0].Text == "punsubscribe":
			slices.Sort(keys)
			return keys, nil
		case len(v.Elems) != fields || v.Elems[1].Text != invalidateChannel:
			return nil, fmt.Errorf("the listener got\n%s", v)
		case v.Elems[payload].Null:
			keys = append(keys, everyKey)
		}
		for _, key := range v.Elems[payload].Elems {
			keys = append(keys, fmt.Sprintf("%q", key.Text))
		}
	}
}

// again sends a part of a chunk over the writers. Replies are not compared: what the commands do shows in the dataset.
func (d *duel) again(chunk [][]string) error {
	var commands [][]string
	for i, args := range chunk {
		if i%3 == 0 && !isOfConnection(args) {
			commands = append(commands, args)
		}
	}
	_, _, err := d.ask(withClearErrno(commands), func(r *rival) *Conn { return r.writer })
	return err
}

// isOfConnection reports commands that change what the next ones of a connection mean, or wait.
func isOfConnection(args []string) bool {
	return is("multi", "exec", "discard", "watch", "unwatch", "hello", "reset", "select", "client", "auth", "acl", "quit",
		"blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop", "xread", "xreadgroup", "wait")(args)
}

// compareInvalidations compares what the listeners were told.
func (d *duel) compareInvalidations() error {
	a, err := d.first.listener.told()
	if err != nil {
		return err
	}
	b, err := d.second.listener.told()
	if err != nil {
		return err
	}
	if d.invalidations.broadcasts() {
		a, b = slices.Compact(a), slices.Compact(b)
	}
	d.invalidations.told += len(a)
	if !slices.Equal(a, b) {
		return fmt.Errorf("invalidations differ with CLIENT TRACKING ON %q\n%s: %q\n%s: %q", d.invalidations.mode, d.first.name, a, d.second.name, b)
	}
	return nil
}

// RunRandomInvalidations is RunRandom with the invalidations of client-side caching compared too.
func RunRandomInvalidations(t testing.TB, ours, reference Side, seed uint64, n int) {
	t.Helper()
	d := newDuel(ours, reference, append(AllTables(), Table{
		Name:  "invalidations",
		Forms: []Form{{6, "CLIENT CACHING (YES|NO)"}},
		Avoid: invalidatesDifferently,
	}))
	d.invalidations = &invalidations{rand: rand.New(rand.NewPCG(seed, 1))}
	d.run(t, seed, n)
	t.Logf("%d invalidations", d.invalidations.told)
	if d.invalidations.told < n/leastTold {
		t.Errorf("only %d invalidations: the listeners have heard nothing worth comparing", d.invalidations.told)
	}
}

// leastTold is how many commands there are to an invalidation, at most.
const leastTold = 50

// invalidatesDifferently reports commands that end the tracking, and those after which the servers tell of other keys for a reason: a
// SWAPDB voids all keys here and none there; 7.0 refuses a ZRANK with WITHSCORE, or what stands there, before it has read; of commands
// that are refused because of the number of their keys, the real server tracks those that atoi makes something of, and we those of an
// XREAD with a key or an id too many.
func invalidatesDifferently(args []string) bool {
	return is("reset", "swapdb")(args) || is("zrank", "zrevrank")(args) && len(args) > zrankArgs || setsAtOnce(args) || isUnbalanced(args) ||
		is("sintercard", "zintercard", "zinter", "zunion", "zdiff")(args) && len(args) > 1 && !isPlainNumber(args[1])
}

// zrankArgs is how many arguments ZRANK has in 7.0, its name included.
const zrankArgs = 3

// isUnbalanced reports an XREAD that does not have an id for every key.
func isUnbalanced(args []string) bool {
	at := slices.IndexFunc(args, func(arg string) bool { return is("streams")([]string{arg}) })
	return is("xread")(args) && (len(args)-at)%2 == 0
}

func isPlainNumber(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && strconv.Itoa(n) == s
}
