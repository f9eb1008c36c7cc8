// Transactions and linearizability: clients send commands, MULTI blocks over several shards, and transactions that watch what
// they have read, and some order of all of them must explain the replies. The model is that of linearizability_test.go.
//
//	go test . -race -run TestTransactions -histories 1000

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"respite/oracle"
)

var histories = flag.Int("histories", 60, "histories of transactions that are checked")

const (
	buyers       = 8  // clients
	dealings     = 10 // of a client in a history
	mostInBlock  = 4
	tornRounds   = 10 // histories within which a broken server must be found out
	tornDealings = 20
)

// dealing is one step of a client: a command, or a transaction with what the keys held that it watches.
type dealing struct {
	commands [][]string
	multi    bool
	watched  []string
	seen     []entry
}

func (d dealing) String() string {
	if !d.multi {
		return fmt.Sprintf("%q", d.commands[0])
	}
	return fmt.Sprintf("%q if %q are %v", d.commands, d.watched, d.seen)
}

// deal does a dealing in the model. ok is false if the reply is not what it must be.
func (m model) deal(w world, d dealing, got oracle.Value) (ok bool, next world) {
	if d.multi && got.Null {
		return len(d.watched) > 0, w
	}
	for i, key := range d.watched {
		if w[slices.Index(m, key)] != d.seen[i] {
			return false, w
		}
	}
	next, all := w, array()
	for _, args := range d.commands {
		var reply oracle.Value
		next, reply = m.apply(next, args)
		all.Elems = append(all.Elems, reply)
	}
	if !d.multi {
		return all.Elems[0].Equal(got), next
	}
	return all.Equal(got), next
}

// dealer is deal as porcupine takes it. Inputs are dealings, outputs oracle.Value.
func (m model) dealer() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return world{} },
		Step: func(state, input, output any) (bool, any) {
			ok, next := m.deal(state.(world), input.(dealing), output.(oracle.Value))
			return ok, next
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v -> %v", input, output) },
	}
}

// buyer is a client at work.
type buyer struct {
	id     int
	conn   *oracle.Conn
	rand   *rand.Rand
	keys   model
	start  time.Time
	serial int
	seen   []porcupine.Operation
}

// ask sends commands and notes the dealing that the last of them ends; which replies come before does not matter.
func (b *buyer) ask(d dealing, commands ...[]string) (oracle.Value, error) {
	op := porcupine.Operation{ClientId: b.id, Input: d, Call: int64(time.Since(b.start))}
	for _, args := range commands {
		b.conn.Queue(args...)
	}
	if err := b.conn.Flush(); err != nil {
		return oracle.Value{}, err
	}
	var last oracle.Value
	for range commands {
		var err error
		if last, err = b.conn.Receive(); err != nil {
			return last, err
		}
	}
	op.Output, op.Return = last, int64(time.Since(b.start))
	b.seen = append(b.seen, op)
	return last, nil
}

// command draws a command.
func (b *buyer) command() []string {
	b.serial++
	id := fmt.Sprintf("%d.%d", b.id, b.serial)
	if b.rand.IntN(2) == 0 {
		return b.keys.oneKey(b.rand, id)
	}
	return b.keys.manyKeys(b.rand, id)
}

// deal does something.
func (b *buyer) deal() error {
	var err error
	switch b.rand.IntN(3) {
	case 0:
		args := b.command()
		_, err = b.ask(dealing{commands: [][]string{args}}, args)
	case 1:
		err = b.exec(dealing{})
	default:
		err = b.watch()
	}
	return err
}

// exec sends a transaction, all at once or a command after the other.
func (b *buyer) exec(d dealing) error {
	d.multi = true
	for range 1 + b.rand.IntN(mostInBlock) {
		d.commands = append(d.commands, b.command())
	}
	block := slices.Concat([][]string{{"MULTI"}}, d.commands, [][]string{{"EXEC"}})
	if b.rand.IntN(2) == 0 {
		_, err := b.ask(d, block...)
		return err
	}
	last := len(block) - 1
	for _, args := range block[:last] {
		if _, err := b.conn.Do(args...); err != nil {
			return err
		}
	}
	_, err := b.ask(d, block[last])
	return err
}

// watch reads some keys and changes them if nobody has meanwhile.
func (b *buyer) watch() error {
	keys := slices.Clone(b.keys)
	b.rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	d := dealing{watched: keys[:1+b.rand.IntN(len(keys))]}
	if _, err := b.conn.Do(append([]string{"WATCH"}, d.watched...)...); err != nil {
		return err
	}
	read := append([]string{"MGET"}, d.watched...)
	values, err := b.ask(dealing{commands: [][]string{read}}, read)
	if err != nil {
		return err
	}
	for _, v := range values.Elems {
		d.seen = append(d.seen, entry{set: !v.Null, text: v.Text})
	}
	return b.exec(d)
}

// trade lets all clients deal with an emptied server and returns what they saw.
func trade(t *testing.T, keys model, conns []*oracle.Conn, seed uint64, n int) (history []porcupine.Operation) {
	t.Helper()
	do(t, conns[0], "FLUSHALL")
	all, failures := make([]*buyer, len(conns)), make([]error, len(conns))
	start := time.Now()
	var running sync.WaitGroup
	for i, c := range conns {
		all[i] = &buyer{id: i, conn: c, keys: keys, rand: rand.New(rand.NewPCG(seed, uint64(i))), start: start}
		running.Go(func() {
			for range n {
				if failures[i] = all[i].deal(); failures[i] != nil {
					return
				}
			}
		})
	}
	running.Wait()
	for i, b := range all {
		require.NoError(t, failures[i])
		history = append(history, b.seen...)
	}
	return history
}

// market is a server, and clients and keys that lie on all its shards.
func market(t *testing.T, args ...string) (*testServer, model, []*oracle.Conn) {
	t.Helper()
	s := startServer(t, append([]string{"--shards", "4"}, args...)...)
	conns := make([]*oracle.Conn, buyers)
	for i := range conns {
		conns[i] = s.connect(t, resp2)
	}
	return s, model(s.spreadKeys("", worldKeys)), conns
}

func TestTransactionsAreLinearizable(t *testing.T) {
	setups := []string{"--io-pollers 4", "--inline-runs no", "--io-engine netpoll"}
	seed := uint64(time.Now().UnixNano())
	for i, args := range setups {
		t.Run(args, func(t *testing.T) {
			_, keys, conns := market(t, strings.Fields(args)...)
			for round := range (*histories + i) / len(setups) {
				checkHistory(t, keys.dealer(), trade(t, keys, conns, seed+uint64(round), dealings))
			}
		})
	}
}

// TestTornTransactionsAreFound shows that the check finds a server that lets go of shards in the middle of a transaction.
func TestTornTransactionsAreFound(t *testing.T) {
	s, keys, conns := market(t, "--io-pollers", "4")
	s.group.Tear()
	for round := range tornRounds {
		history := trade(t, keys, conns, uint64(round), tornDealings)
		if porcupine.CheckOperationsTimeout(keys.dealer(), history, checkTime) == porcupine.Illegal {
			t.Logf("refuted by history %d", round+1)
			return
		}
	}
	t.Fatalf("%d histories of a server that tears transactions apart, and none was refuted", tornRounds)
}
