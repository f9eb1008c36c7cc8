package keyspace

import "fmt"

// check tests the slab of nodes: every number in use leads to a block in use that has that number, every block that is kept for a snapshot
// is found by it, and every counter is right. Blocks and numbers that were given up are allowed.
func (n *Nodes) check() error {
	unused := map[uint32]bool{}
	for number := n.unused; number != 0; number = uint32(*n.slot(number)) {
		unused[number] = true
	}
	for _, number := range n.retired {
		unused[number] = true
	}
	c := nodesChecker{n: n}
	for number := uint32(1); number <= n.used; number++ {
		if unused[number] {
			continue
		}
		b := n.block(number)
		switch {
		case b.header&flagKept != 0:
			return fmt.Errorf("node %d: block is kept for a snapshot", number)
		case n.snapshot == nil && len(n.doomed) == 0 && nodeEpochOf(b) != n.epoch:
			return fmt.Errorf("node %d: is old, but no snapshot is open", number)
		}
		if err := c.block(number, *n.slot(number)); err != nil {
			return err
		}
	}
	live := c.blocks
	if err := c.kept(); err != nil {
		return err
	}
	kept := c.blocks - live
	if live != n.live || kept != n.kept || c.large != n.side.live || c.bytes != n.side.bytes {
		return fmt.Errorf("nodes count %d and %d kept, %d large, %d bytes in them; found %d, %d, %d, %d",
			n.live, n.kept, n.side.live, n.side.bytes, live, kept, c.large, c.bytes)
	}
	return nil
}

// nodesChecker gathers what the nodes use.
type nodesChecker struct {
	n      *Nodes
	blocks int
	large  int
	bytes  int64
}

// block checks the block of a slot of the table.
func (c *nodesChecker) block(number uint32, slot uint64) error {
	ref := refOf(slot)
	p, off := c.n.arena.at(ref)
	b := block{p, off, p[off]}
	switch {
	case b.header&(flagFree|flagRetired) != 0:
		return fmt.Errorf("node %d: block is not in use", number)
	case b.header>>headerLink != uint64(number):
		return fmt.Errorf("node %d: block is of node %d", number, b.header>>headerLink)
	case b.header&headerLow != slot&headerLow:
		return fmt.Errorf("node %d: block has header %x, table says %x", number, b.header, slot)
	}
	payload := c.n.payload(b)
	if class := c.n.arena.meta(uint32(ref) >> pageShift).class; classFor(nodeBytes(len(payload))) != class {
		return fmt.Errorf("node %d: %d bytes in class %d", number, len(payload), class)
	}
	c.blocks++
	if b.header&flagLarge != 0 {
		c.large++
		c.bytes += int64(cap(payload))
	}
	return nil
}

// kept checks the blocks that the snapshot has for itself. Its table has others too, of numbers that mean nothing to it.
func (c *nodesChecker) kept() error {
	if c.n.snapshot == nil {
		return nil
	}
	copies := 0
	for i, chunk := range c.n.snapshot.nodes.table {
		if chunk == c.n.table[i] {
			continue
		}
		copies++
		for j, slot := range chunk {
			number := uint32(i<<nodeShift | j)
			if !c.isKept(number, refOf(slot)) {
				continue
			}
			if err := c.block(number, slot); err != nil {
				return fmt.Errorf("kept %w", err)
			}
		}
	}
	if copies != c.n.tableCopies {
		return fmt.Errorf("%d chunks of the snapshot's table counted, found %d", c.n.tableCopies, copies)
	}
	return nil
}

// isKept reports whether what a slot of the snapshot's table leads to is a block kept for this number.
func (c *nodesChecker) isKept(number uint32, ref Ref) bool {
	a := &c.n.arena
	page := uint32(ref) >> pageShift
	if page == 0 || page >= a.nextPage || a.tables[page>>tableShift].pages[page&tableMask] == nil {
		return false
	}
	p, off := a.at(ref)
	return p[off]&(flagKept|flagFree|flagRetired) == flagKept && p[off]>>headerLink == uint64(number)
}

// CheckOwners sweeps what is doomed and then looks for nodes that nobody owns, or two do. It is for tests.
func (s *Space) CheckOwners() error {
	const all = 1 << 30
	s.Sweep(all)
	seen := map[uint32]bool{}
	var err error
	var visit func(number uint32)
	visit = func(number uint32) {
		if seen[number] {
			err = fmt.Errorf("node %d has two owners", number)
			return
		}
		seen[number] = true
		payload := s.nodes.Read(number)
		s.nodes.Children(s.nodes.Level(number), payload, func(at int) { visit(rootAt(payload, at)) })
	}
	s.Each(func(ref Ref) bool {
		for _, root := range s.ownedBy(s.block(ref)) {
			if root != 0 {
				visit(root)
			}
		}
		return err == nil
	})
	if err == nil && len(seen) != s.nodes.live {
		err = fmt.Errorf("%d nodes, of which %d have an owner", s.nodes.live, len(seen))
	}
	return err
}
