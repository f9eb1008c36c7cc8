// table.go: all rows in one place, checked at start-up, with what is derived from them. A new family adds one line to
// families.

package command

import (
	"errors"
	"fmt"
	"strings"

	"respite/text"
)

// family is the rows of one file.
type family struct {
	group string
	rows  []Row
}

func families() []family {
	return []family{
		{"connection", connectionRows()},
		{"string", stringRows()},
		{"list", listRows()},
		{"hash", hashRows()},
		{"bitmap", bitmapRows()},
		{"hyperloglog", hyperloglogRows()},
		{"set", setRows()},
		{"sorted_set", zsetRows()},
		{"stream", streamRows()},
		{"geo", geoRows()},
		{"pubsub", pubsubRows()},
		{"generic", keysRows()},
		{"transactions", transactionRows()},
		{"server", serverRows()},
		{"server", aclRows()},
	}
}

// Table is the command table. It does not change once built.
type Table struct {
	byName map[string]*Row
	finder finder // over byName
	all    []*Row // commands and subcommands, by id
}

// NewTable builds and checks the table; rename maps a command's name to its new one, "" for none at all
// (rename-command). Its errors are about rows or renames that contradict themselves.
func NewTable(rename map[string]string) (*Table, error) {
	t := &Table{byName: map[string]*Row{}}
	for _, f := range families() {
		for i := range f.rows {
			if err := t.add(&f.rows[i], nil, f.group); err != nil {
				return nil, err
			}
		}
	}
	err := t.rename(rename)
	t.finder = newFinder(t.byName)
	return t, err
}

func (t *Table) add(r, parent *Row, group string) error {
	r.id, r.parent, r.full = len(t.all), parent, r.Name
	if r.Group == "" {
		r.Group = group
	}
	if parent != nil {
		r.full = parent.Name + "|" + r.Name
	}
	for _, k := range r.Keys {
		if k.KeyNum || k.Keyword != "" || k.Flags&Incomplete != 0 || k.Find != nil {
			r.Flags |= MovableKeys
		}
	}
	r.pair, r.lone = r.keyPair(), r.isLone()
	t.all = append(t.all, r)
	if err := r.check(); err != nil {
		return fmt.Errorf("command %s: %w", r.full, err)
	}
	if len(r.Sub) > 0 {
		r.subs = map[string]*Row{}
	}
	for i := range r.Sub {
		r.subs[r.Sub[i].Name] = &r.Sub[i]
		if err := t.add(&r.Sub[i], r, group); err != nil {
			return err
		}
	}
	r.finder = newFinder(r.subs)
	if parent != nil {
		return nil
	}
	if t.byName[r.Name] != nil {
		return fmt.Errorf("command %s is in the table twice", r.Name)
	}
	t.byName[r.Name] = r
	return nil
}

// keyPair is where the keys of a command are that always has two, in a spec each, and does not wait for them.
func (r *Row) keyPair() (at [2]int) {
	if len(r.Keys) != len(at) || r.Roams != nil || r.Flags&Blocking != 0 {
		return at
	}
	for i := range at {
		k := &r.Keys[i]
		if k.Last != 0 || k.KeyNum || k.Keyword != "" || k.Flags&Incomplete != 0 || k.Find != nil || k.First >= max(r.Arity, -r.Arity) {
			return [2]int{}
		}
		at[i] = k.First
	}
	return at
}

// check refuses a row that contradicts itself.
func (r *Row) check() error {
	container := len(r.Sub) > 0
	for _, rule := range []struct {
		broken bool
		what   string
	}{
		{r.Name == "" || r.Name != strings.ToLower(r.Name), "bad name"},
		{r.Arity == 0, "no arity"},
		{r.Doc == "" || r.Since == "" || r.Group == "", "undocumented"},
		{r.Run == nil && !container, "no function"},
		{(r.Place == ByKeys || r.Place == ByKeysAlone) && len(r.Keys) == 0 && !container, "no keys and no place to run"},
		{r.Split != Whole && (len(r.Keys) != 1 || r.Keys[0].Last >= 0), "splits, but not over all its keys"},
		{r.Flags&Write != 0 && r.Flags&ReadOnly != 0, "both reads only and writes"},
	} {
		if rule.broken {
			return errors.New(rule.what)
		}
	}
	return nil
}

// The refusals of rename-command, as redis-server words them.
var (
	errRenameUnknown = errors.New("No such command in rename-command")
	errRenameTaken   = errors.New("Target command name already exists")
)

// CheckRename returns a check of one rename-command after another, each seen as it was configured.
func CheckRename() (func(from, to string) error, error) {
	t, err := NewTable(nil)
	if err != nil {
		return nil, err
	}
	return func(from, to string) error {
		return t.rename(map[string]string{from: to})
	}, nil
}

// rename gives commands other names, or none, all in one step.
func (t *Table) rename(names map[string]string) error {
	renamed := map[string]*Row{}
	for old, name := range names {
		old, name = strings.ToLower(old), strings.ToLower(name)
		r := t.byName[old]
		if r == nil {
			return errRenameUnknown
		}
		delete(t.byName, old)
		if name == "" {
			continue
		}
		if renamed[name] != nil {
			return errRenameTaken
		}
		renamed[name] = r
	}
	for name, r := range renamed {
		if t.byName[name] != nil {
			return errRenameTaken
		}
		t.byName[name] = r
	}
	return nil
}

// Lookup finds the row of a command by its arguments. It returns the container where a subcommand is unknown.
func (t *Table) Lookup(args [][]byte) *Row {
	r := t.finder.find(args[0])
	if r == nil || r.subs == nil || len(args) < 2 {
		return r
	}
	if sub := r.finder.find(args[1]); sub != nil {
		return sub
	}
	return r
}

// Named finds a command, or with a bar a subcommand, by its name in any case.
func (t *Table) Named(name string) *Row {
	head, tail, isSub := strings.Cut(strings.ToLower(name), "|")
	r := t.byName[head]
	if r == nil || !isSub {
		return r
	}
	return r.subs[tail]
}

// keyPositions calls fn with the index of every key argument, in the order in which Redis names them, and the spec it is by, which is empty
// where the number of keys is written loosely. It reports whether the arguments fit the specs.
func (r *Row) keyPositions(args [][]byte, fn func(i int, k *KeySpec)) bool {
	loosely := r.looselyCounted(args)
	for i := range r.Keys {
		k := &r.Keys[i]
		if loosely {
			k = &r.Keys[len(r.Keys)-1-i]
		}
		first, last, step, ok := k.bounds(args)
		if !ok {
			return false
		}
		if loosely {
			k = &KeySpec{}
		}
		for at := first; at <= last; at += step {
			fn(at, k)
		}
	}
	return true
}

// looselyCounted reports whether the number of keys is not written as an integer of 32 bits is. Redis then leaves the specs, names the
// counted keys first and the others after them, and does not know what they are used for.
func (r *Row) looselyCounted(args [][]byte) bool {
	if len(r.Keys) == 0 {
		return false
	}
	k := &r.Keys[len(r.Keys)-1]
	if at := k.First + k.KeyNumAt; k.KeyNum && at < len(args) {
		n, isInt := text.ParseInt(args[at])
		return !isInt || n != int64(text.LeadingInt32(args[at]))
	}
	return false
}

// repeatedKeys calls fn with the index of every argument after a keyword that was there before. Redis tells of the first one only, but what
// the command then uses is the last.
func (r *Row) repeatedKeys(args [][]byte, fn func(i int, k *KeySpec)) {
	for i := range r.Keys {
		k := &r.Keys[i]
		if k.Keyword == "" || k.First < 0 {
			continue
		}
		first := k.findKeyword(args)
		for at := max(first, 1); first > 0 && at+1 < len(args); at++ {
			if strings.EqualFold(string(args[at]), k.Keyword) {
				fn(at+1, k)
			}
		}
	}
}

// bounds is where a spec's keys begin and end (inclusive) in these arguments.
func (k *KeySpec) bounds(args [][]byte) (first, last, step int, ok bool) {
	if k.Except != nil && k.Except(args) {
		return 1, 0, 1, true
	}
	if k.Find != nil && k.Keyword == "" {
		first = k.Find(args)
		return max(first, 1), first, 1, true // from 1 to 0: no keys
	}
	first = k.First
	if k.Keyword != "" {
		if first = k.findKeyword(args); first == 0 {
			return 1, 0, 1, true // the keyword is optional: no keys
		}
	}
	if k.KeyNum {
		return k.counted(args, first)
	}
	step = max(k.Step, 1)
	switch {
	case k.Last >= 0:
		last = first + k.Last
	case k.Limit > 1:
		last = first + (len(args)-first)/k.Limit + k.Last
	default:
		last = len(args) + k.Last
	}
	return first, last, step, first < len(args) && last < len(args) && last >= first
}

// counted is bounds for a spec whose keys are preceded by their number. Redis finds the keys of a command that it will refuse because of
// how that number is written, and tells of them.
func (k *KeySpec) counted(args [][]byte, first int) (from, to, step int, ok bool) {
	at := first + k.KeyNumAt
	if at >= len(args) {
		return 0, 0, 0, false
	}
	n := int(text.LeadingInt32(args[at]))
	from = first + k.KeyFirst
	if n < 1 || n > len(args)-from {
		return 0, 0, 0, false
	}
	return from, from + n - 1, max(k.Step, 1), true
}

// findKeyword returns the position after the keyword, 0 if it is not there.
func (k *KeySpec) findKeyword(args [][]byte) int {
	if k.Only != nil {
		return k.Only(args)
	}
	if k.Find != nil {
		if at := k.Find(args); at > 0 {
			return at
		}
	}
	at, by := k.First, 1
	if at < 0 {
		at, by = len(args)+at, -1
	}
	for ; at > 0 && at < len(args); at += by {
		if strings.EqualFold(string(args[at]), k.Keyword) && at+1 < len(args) {
			return at + 1
		}
	}
	return 0
}

// Rows are all commands and subcommands.
func (t *Table) Rows() []*Row { return t.all }
