package oracle

// Comparison of two whole datasets: the keys of every database, then type, encoding
// and deadline of each key, then its value. It reads over a connection of its own,
// so the stream's database and protocol stay as they are.

import (
	"fmt"
	"slices"
	"strconv"
)

// allDatabases is how many databases a server has by default.
const allDatabases = 16

// place is a key of a database.
type place struct {
	db  int
	key string
}

func (d *duel) compareDatasets() error {
	places, err := d.compareKeys()
	if err != nil {
		return err
	}
	types, err := d.compareEach(places, agree, func(p place) [][]string {
		return [][]string{{"TYPE", p.key}, {"PEXPIRETIME", p.key}}
	})
	if err != nil {
		return err
	}
	encodings, err := d.compareEncodings(places, types)
	if err != nil {
		return err
	}
	if err := d.allShown(types); err != nil {
		return err
	}
	for _, table := range d.tables {
		var ordered, unordered []place
		for i, p := range places {
			switch {
			case types[i].Text != table.Type:
			case table.Unordered && (encodings[i].Text == "hashtable" || types[i].Text == setType && encodings[i].Text == "listpack"):
				unordered = append(unordered, p)
			default:
				ordered = append(ordered, p)
			}
		}
		show := func(p place) [][]string { return [][]string{table.Show(p.key)} }
		same := equal
		if table.Loose {
			same = agree
		}
		if _, err := d.compareEach(ordered, same, show); err != nil {
			return err
		}
		if _, err := d.compareEach(unordered, sameElements, show); err != nil {
			return err
		}
	}
	return nil
}

// compareEncodings returns how the first server encodes each place.
func (d *duel) compareEncodings(places []place, types []Value) ([]Value, error) {
	ask := func(p place) [][]string { return [][]string{{"OBJECT", "ENCODING", p.key}} }
	var others []place
	for i, p := range places {
		if types[i].Text != setType {
			others = append(others, p)
		}
	}
	same := func(args []string, a, b Value) bool { return equal(args, a, b) || sameListEncoding(a, b) }
	if _, err := d.compareEach(others, same, ask); err != nil {
		return nil, err
	}
	return d.compareEach(places, agree, ask)
}

// allShown makes sure that no value goes uncompared for want of a table.
func (d *duel) allShown(types []Value) error {
	for _, v := range types {
		if !slices.ContainsFunc(d.tables, func(table Table) bool { return table.Type == v.Text }) {
			return fmt.Errorf("no table shows values of type %q", v.Text)
		}
	}
	return nil
}

// compareKeys compares the key names of all databases and returns them.
func (d *duel) compareKeys() ([]place, error) {
	var commands [][]string
	for db := range allDatabases {
		commands = append(commands, []string{"SELECT", strconv.Itoa(db)}, []string{"KEYS", "*"})
	}
	a, b, err := d.ask(commands, func(r *rival) *Conn { return r.audit })
	if err != nil {
		return nil, err
	}
	var places []place
	for db := range allDatabases {
		first, second := sorted(a[2*db+1]), sorted(b[2*db+1])
		if !first.Equal(second) {
			return nil, fmt.Errorf("the keys of database %d differ\n%s:\n%s\n%s:\n%s", db, d.first.name, first, d.second.name, second)
		}
		for _, key := range first.Elems {
			places = append(places, place{db, key.Text})
		}
	}
	return places, nil
}

// compareEach asks both servers the same about each place, has same compare the
// replies, and returns those to the first question.
func (d *duel) compareEach(places []place, same func(args []string, a, b Value) bool, questions func(place) [][]string) ([]Value, error) {
	var commands [][]string
	var starts []int // index of the first question about each place
	for _, p := range places {
		commands = append(commands, []string{"SELECT", strconv.Itoa(p.db)})
		starts = append(starts, len(commands))
		commands = append(commands, questions(p)...)
	}
	a, b, err := d.ask(commands, func(r *rival) *Conn { return r.audit })
	if err != nil {
		return nil, err
	}
	for i, args := range commands {
		if !same(args, a[i], b[i]) {
			at, _ := slices.BinarySearch(starts, i+1)
			return nil, fmt.Errorf("the datasets differ in database %d: %w", places[at-1].db, d.difference(args, a[i], b[i]))
		}
	}
	first := make([]Value, len(places))
	for i, start := range starts {
		first[i] = a[start]
	}
	return first, nil
}
