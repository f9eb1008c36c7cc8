package keyspace

import "fmt"

// check tests the slab of nodes: every number in use leads to a block in use that has that number, and every counter is right. Blocks
// and numbers that were given up are allowed.
func (n *Nodes) check() error {
	unused := map[uint32]bool{}
	for number := n.unused; number != 0; number = *n.slot(number) {
		unused[number] = true
	}
	for _, number := range n.retired {
		unused[number] = true
	}
	blocks, large, bytes := 0, 0, int64(0)
	for number := uint32(1); number <= n.used; number++ {
		if unused[number] {
			continue
		}
		b := n.block(number)
		switch {
		case b.header&(flagFree|flagRetired) != 0:
			return fmt.Errorf("node %d: block is not in use", number)
		case b.header>>headerLink != uint64(number):
			return fmt.Errorf("node %d: block is of node %d", number, b.header>>headerLink)
		}
		payload := n.payload(b)
		if class := n.arena.meta(*n.slot(number) >> pageShift).class; classFor(nodeBytes(len(payload))) != class {
			return fmt.Errorf("node %d: %d bytes in class %d", number, len(payload), class)
		}
		blocks++
		if b.header&flagLarge != 0 {
			large++
			bytes += int64(cap(payload))
		}
	}
	if blocks != n.live || large != n.side.live || bytes != n.side.bytes {
		return fmt.Errorf("nodes count %d, %d large, %d bytes in them; found %d, %d, %d", n.live, n.side.live, n.side.bytes, blocks, large, bytes)
	}
	return nil
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
