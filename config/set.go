// CONFIG SET: validate every pair, apply every change, or leave everything as it was.
//
// The order of the tests and every text are redis-server's. Errors are whole reply lines with
// their code ("ERR ...", "LOADING ..."), without the leading dash and line end.

package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// Caller is what CONFIG SET has to know about the client.
type Caller struct {
	Local   bool // its connection does not leave the machine
	Loading bool // the server is loading a dataset
}

// change is one pair of a CONFIG SET on its way.
type change struct {
	row   int
	name  string // the parameter's name or alias, as the table spells it
	value string
}

// Set is SetBy for a remote client of a server that is not loading.
func (c *Config) Set(pairs ...Pair) error { return c.SetBy(Caller{}, pairs...) }

// SetBy answers CONFIG SET for a client. Either all pairs take effect or none does; the error is
// the client's reply. Setting a value a parameter already has calls no applier.
func (c *Config) SetBy(by Caller, pairs ...Pair) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.Now()
	changes, err := c.settable(by, old, pairs)
	if err != nil {
		return err
	}
	next, err := c.changed(old, changes)
	if err == nil {
		err = c.apply(old, next, changes)
	}
	if err != nil {
		return also(err, restoreDir(old))
	}
	c.now.Store(next)
	return nil
}

// restoreDir goes back to the directory that a failed change may have left.
func restoreDir(old *Snapshot) error {
	if workingDir() == old.Dir {
		return nil
	}
	return syscall.Chdir(old.Dir)
}

// settable tests what does not depend on the values.
func (c *Config) settable(by Caller, old *Snapshot, pairs []Pair) ([]change, error) {
	changes := make([]change, 0, len(pairs))
	for _, p := range pairs {
		i, ok := c.param(p.Name)
		if !ok {
			return nil, fmt.Errorf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", oneLine(p.Name))
		}
		next := change{row: i, name: strings.ToLower(p.Name), value: p.Value}
		if why := c.locked(by, old, next); why != "" {
			return nil, setError(p.Name, why)
		}
		if by.Loading && c.rows[i].Flags.Has(DenyLoading) {
			return nil, errors.New("LOADING Redis is loading the dataset in memory")
		}
		// A parameter and its alias do not count as the same, the later of the two wins.
		if slices.ContainsFunc(changes, func(o change) bool { return o.name == next.name }) {
			return nil, setError(p.Name, "duplicate parameter")
		}
		changes = append(changes, next)
	}
	return changes, nil
}

// locked says why a parameter cannot be set by this client, "" if it can. Our own immutable
// parameters take the value they have: tools that write back all they read must not trip over
// names redis-server does not have.
func (c *Config) locked(by Caller, old *Snapshot, ch change) string {
	r := &c.rows[ch.row]
	same := r.Flags.Has(Own) && ch.value == old.values[ch.row]
	switch {
	case r.Flags.Has(Immutable) && !same:
		return "can't set immutable config"
	case r.Flags.Has(Protected) && !old.EnableProtected.Allows(by.Local):
		return "can't set protected config"
	}
	return ""
}

// changed validates the values, in order, and builds the state they lead to.
func (c *Config) changed(old *Snapshot, changes []change) (*Snapshot, error) {
	values := slices.Clone(old.values)
	for _, ch := range changes {
		v, err := c.newValue(&c.rows[ch.row], ch.value, values)
		if err != nil {
			return nil, setError(ch.name, err.Error())
		}
		values[ch.row] = v
	}
	return c.build(values, old.RenameCommands, old.Users, old.ConfigFile), nil
}

func (c *Config) newValue(r *Row, given string, values []string) (string, error) {
	v, err := r.value(setWords(r, given), values[c.index[r.Name]], false)
	if err != nil {
		return "", err
	}
	if r.runtime != nil {
		if err := r.runtime(v); err != nil {
			return "", err
		}
	}
	if r.Support == Refused && r.refused(v) && !c.accepts(values, r) {
		return "", errors.New(r.Why)
	}
	return v, nil
}

// setWords cuts the argument of CONFIG SET at every single blank, without quoting.
func setWords(r *Row, given string) []string {
	switch {
	case !r.Flags.Has(MultiArg):
		return []string{given}
	case given == "":
		return nil
	}
	return strings.Split(given, " ")
}

// apply runs the appliers of what has changed. If one fails, those that ran are run back.
func (c *Config) apply(old, next *Snapshot, changes []change) error {
	var ran []int
	for _, ch := range changes {
		touched := old.values[ch.row] != next.values[ch.row] || c.rows[ch.row].Flags.Has(volatile)
		apply := c.appliers[ch.row]
		if apply == nil || !touched || slices.Contains(ran, ch.row) {
			continue
		}
		ran = append(ran, ch.row)
		if err := apply(old, next); err != nil {
			return also(setError(ch.name, err.Error()), c.unapply(old, next, ran))
		}
	}
	return nil
}

// unapply runs appliers with the states exchanged, the failed one too: it may have got half way.
func (c *Config) unapply(old, next *Snapshot, ran []int) error {
	var errs []error
	for _, row := range ran {
		if err := c.appliers[row](next, old); err != nil {
			errs = append(errs, fmt.Errorf("restoring %s: %w", c.rows[row].Name, err))
		}
	}
	return errors.Join(errs...)
}

// also adds to err, on the same line, what went wrong in undoing its cause.
func also(err, undo error) error {
	if undo == nil {
		return err
	}
	return fmt.Errorf("%w; %s", err, oneLine(undo.Error()))
}

func setError(name, why string) error {
	return fmt.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - %s", oneLine(name), oneLine(why))
}

// oneLine keeps a client's text from breaking the reply line that quotes it. A NUL ends it, as it ends a C string.
func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
}
