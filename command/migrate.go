// migrate.go: MIGRATE, which moves keys to another server: DUMP here, RESTORE there, DEL here. It runs on the connection's goroutine and
// holds no shard while it waits for the other server (migrate_target.go). A key is removed only if nothing has happened to it since it
// was read; else what has become of it is sent again, over what was sent before, until nothing comes between. So no change is lost: it is
// in what the target has when the key is removed here.
//
// redis-server does nothing else meanwhile. Here others see the key until the move is over.

package command

import (
	"math"
	"slices"
	"time"

	"respite/rdb"
	"respite/shards"
)

func migrateRows() []Row {
	return []Row{{
		Name: "migrate", Arity: -6, Flags: Write | Keyspace | Dangerous, Place: Alone, Run: migrate,
		Keys: []KeySpec{
			{Flags: RW | Access | Delete, First: 3, Step: 1, Except: hasMigrateKeys},
			{Flags: RW | Access | Delete | Incomplete, First: -2, Keyword: "KEYS", Only: findMigrateKeys, Last: -1, Step: 1},
		},
		Tips:  []string{"nondeterministic_output"},
		Since: "2.6.0", Cost: "O(N) in the size of the values", Doc: "Moves keys to another server.",
	}}
}

const (
	errMigrateKeys = Error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
	errMigrateHeld = Error("ERR MIGRATE waits for another server, which a transaction must not")
	errConnecting  = Error("IOERR error or timeout connecting to the client")
	errWriting     = Error("IOERR error or timeout writing to target instance")
	errReading     = Error("IOERR error or timeout reading to target instance")
	errRestless    = Error("TRYAGAIN keys change faster than they can be moved")
)

const (
	firstMigrateOption = 6
	standardPatience   = 1000 // milliseconds, where none or less is given
	mostMigrateRounds  = 100  // how often keys that change all the time are sent again
)

// migrateOptions are the arguments of MIGRATE.
type migrateOptions struct {
	host, port    string
	db            int64
	patience      time.Duration // for each step of the way
	copy, replace bool
	user, pass    []byte // nil: not given
	keys          [][]byte
}

// migrateKeys is where the keys begin that follow the option KEYS, 0 if there are none. The words of AUTH and AUTH2 are none.
func migrateKeys(args [][]byte) int {
	for i := firstMigrateOption; i < len(args); i++ {
		switch {
		case equalFold(args[i], "auth"):
			i++
		case equalFold(args[i], "auth2"):
			i += 2
		case equalFold(args[i], "keys") && i+1 < len(args):
			return i + 1
		}
	}
	return 0
}

// hasMigrateKeys reports whether the third argument is no key, but stands for those after KEYS.
func hasMigrateKeys(args [][]byte) bool { return findMigrateKeys(args) > 0 }

// findMigrateKeys is migrateKeys where these are taken: where there is no key among the first arguments.
func findMigrateKeys(args [][]byte) int {
	if len(args) <= firstMigrateOption || len(args[3]) > 0 {
		return 0
	}
	return migrateKeys(args)
}

// withoutMigrateSecrets is a MIGRATE's arguments as others may see them.
func withoutMigrateSecrets(c *Call) [][]byte {
	secrets, keys := 0, migrateKeys(c.Args) // how many words of AUTH or AUTH2 are still to come
	return hide(c.Args, func(i int) bool {
		switch {
		case secrets > 0:
			secrets--
			return true
		case i < firstMigrateOption || keys > 0 && i >= keys:
		case c.Option(i, "auth"):
			secrets = 1
		case c.Option(i, "auth2"):
			secrets = 2
		}
		return false
	})
}

func parseMigrate(c *Call) (o migrateOptions, err error) {
	o.host, o.port, o.keys = string(c.Args[1]), string(c.Args[2]), c.Args[3:4]
	if err := o.parseWords(c); err != nil {
		return o, err
	}
	ms, err := c.Int(5)
	if err != nil {
		return o, err
	}
	if ms <= 0 {
		ms = standardPatience
	}
	o.patience = time.Duration(min(ms, math.MaxInt64/millisecond)) * time.Millisecond
	o.db, err = c.Int(4)
	return o, err
}

func (o *migrateOptions) parseWords(c *Call) error {
	for i := firstMigrateOption; i < len(c.Args); i++ {
		left := len(c.Args) - 1 - i
		switch {
		case c.Option(i, "copy"):
			o.copy = true
		case c.Option(i, "replace"):
			o.replace = true
		case c.Option(i, "auth") && left >= 1:
			i++
			o.user, o.pass = nil, c.Args[i]
		case c.Option(i, "auth2") && left >= 2:
			i += 2
			o.user, o.pass = c.Args[i-1], c.Args[i]
		case c.Option(i, "keys"):
			if len(c.Args[3]) > 0 {
				return errMigrateKeys
			}
			o.keys = c.Args[i+1:]
			return nil
		default:
			return errSyntax
		}
	}
	return nil
}

func migrate(c *Call) error {
	o, err := parseMigrate(c)
	switch {
	case err != nil:
		return err
	case c.held:
		return errMigrateHeld
	}
	m := newMigration(c, &o)
	defer m.forget()
	m.step()
	if len(m.left) == 0 {
		c.Reply.Simple("NOKEY")
		return nil
	}
	t, err := c.dialTarget(&o)
	if err != nil {
		return err
	}
	defer t.close()
	if err := m.run(t); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

// migration is a MIGRATE at work.
type migration struct {
	c     *Call
	o     *migrateOptions
	need  shards.Mask
	left  []*migrant // that are still to be sent, or to be removed here
	fault error      // the first that the target told
}

// migrant is a key on its way.
type migrant struct {
	key      []byte
	payload  []byte        // nil: it is gone, and so must the copy be that the target has
	deadline int64         // in unix milliseconds, 0: none
	sent     bool          // the target has a version of it
	refused  bool          // it stays here
	watch    *shards.Watch // what is sent is how the key is
}

func newMigration(c *Call, o *migrateOptions) *migration {
	m := &migration{c: c, o: o}
	for _, key := range o.keys {
		m.need.Set(c.Server.group.Route(key))
		m.left = append(m.left, &migrant{key: key, watch: new(shards.Watch)})
	}
	c.Session.begin() // a pause waits until it is over
	return m
}

// run sends the keys until they have arrived as they are.
func (m *migration) run(t *target) error {
	for range mostMigrateRounds {
		if err := t.send(m.left); err != nil {
			return err
		}
		err := m.receive(t)
		if !m.o.copy {
			m.step()
		}
		switch {
		case err != nil:
			return err
		case len(m.left) == 0 || m.o.copy:
			return m.fault
		}
	}
	return errRestless
}

// receive reads the answer to each key. One that the target refuses, or that is not heard of, stays here.
func (m *migration) receive(t *target) (err error) {
	for _, k := range m.left {
		var refusal error
		if err == nil {
			refusal, err = t.receive()
		}
		k.refused = err != nil || refusal != nil
		k.sent = !k.refused
		if m.fault == nil {
			m.fault = refusal
		}
	}
	return err
}

// step removes the keys here that have arrived as they are, and reads the others again.
func (m *migration) step() {
	if len(m.left) == 0 {
		return
	}
	s := m.c.Session
	s.batch.job.RunBody(m.need, s.db, func(tx *shards.Tx) {
		m.left = m.removeArrived(tx)
		m.left = slices.DeleteFunc(m.left, func(k *migrant) bool { return !k.read(tx) && !k.sent })
	})
}

// removeArrived removes keys and returns those that have changed meanwhile.
func (m *migration) removeArrived(tx *shards.Tx) (changed []*migrant) {
	var arrived []*migrant
	for _, k := range m.left {
		switch {
		case k.refused:
		case k.sent && tx.Intact(k.watch):
			arrived = append(arrived, k)
		default:
			changed = append(changed, k)
		}
		tx.Unwatch(k.watch)
	}
	for _, k := range arrived {
		if tx.Delete(k.key) {
			tx.Changed(k.key, shards.EventDel)
		}
	}
	return changed
}

// read takes down what a key holds, and watches it. It reports whether the key is there.
func (k *migrant) read(tx *shards.Tx) bool {
	it, ok := tx.Read(k.key)
	k.payload, k.deadline, k.watch = nil, 0, new(shards.Watch)
	if ok {
		k.payload = rdb.AppendFooter(rdb.AppendValue(nil, it.View(), tx.Encoding()))
		k.deadline, _ = it.Deadline()
	}
	if ok || k.sent {
		tx.Watch(k.watch, [][]byte{k.key})
	}
	return ok
}

// forget takes away what is left with shards.
func (m *migration) forget() {
	for _, k := range m.left {
		m.c.Session.release(k.watch)
	}
}
