// check.go: is everything as it should be? For tests.

package shards

import (
	"fmt"

	"respite/keyspace"
	"respite/value"
)

// Check walks all that the shards held have, in every database, and returns the first fault: of the keyspace, of a value, or a node
// that nobody owns.
func (tx *Tx) Check() (err error) {
	tx.eachShard(func(s *shard) {
		for i, d := range s.dbs {
			if fault := d.check(); fault != nil && err == nil {
				err = fmt.Errorf("shard %d, database %d: %w", s.index, i, fault)
			}
		}
	})
	return err
}

func (d *db) check() error {
	if err := d.space.CheckOwners(); err != nil {
		return err
	}
	if err := d.space.Check(); err != nil {
		return err
	}
	var err error
	d.space.Each(func(ref keyspace.Ref) bool {
		if err = value.Check(Item{d, ref}.View()); err != nil {
			err = fmt.Errorf("%q: %w", d.space.Key(ref), err)
		}
		return err == nil
	})
	return err
}
