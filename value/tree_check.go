package value

import "fmt"

// check walks the whole tree and returns the first broken invariant: of the order of keys and separators, of counts and of the nodes'
// layout. It is for tests and for what a command that failed left behind.
func (t *tree) check() error {
	if t.root == 0 {
		if t.len != 0 {
			return fmt.Errorf("an empty tree says %d entries", t.len)
		}
		return nil
	}
	c := treeChecker{t: t}
	n, err := c.node(t.root, int(t.level(t.root)), nil)
	if err == nil && n != t.len {
		err = fmt.Errorf("tree says %d entries, has %d", t.len, n)
	}
	return err
}

type treeChecker struct {
	t    *tree
	last []byte // the greatest key so far
	any  bool
}

// node checks a node of a level, none of whose keys may be below least, and returns how many entries are below it.
func (c *treeChecker) node(node uint32, level int, least []byte) (n int, err error) {
	p := c.t.page(node)
	if got := c.t.level(node); int(got) != level {
		return 0, fmt.Errorf("node %d: level %d where %d belongs", node, got, level)
	}
	if err := p.check(); err != nil {
		return 0, fmt.Errorf("node %d: %w", node, err)
	}
	if level == 0 {
		return p.count(), c.leaf(node, p, least)
	}
	for i := range p.count() {
		if i > 0 {
			least = c.t.separator(p, i)
			if c.any && compare(c.last, least) >= 0 && len(least) > 0 {
				return 0, fmt.Errorf("node %d: separator %d is not above %q", node, i, c.last)
			}
		}
		_, mark := p.entry(i)
		if err := c.head(p, i, least, len(mark) > 0); i > 0 && err != nil {
			return 0, fmt.Errorf("node %d: %w", node, err)
		}
		child, count := p.child(i)
		got, err := c.node(child, level-1, least)
		if err != nil {
			return 0, err
		}
		if got != count {
			return 0, fmt.Errorf("node %d: says %d entries below child %d, has %d", node, count, i, got)
		}
		n += count
	}
	return n, nil
}

func (c *treeChecker) leaf(node uint32, p page, least []byte) error {
	for i := range p.count() {
		key := p.key(i)
		if err := c.head(p, i, key, false); err != nil {
			return fmt.Errorf("leaf %d: %w", node, err)
		}
		if compare(key, least) < 0 {
			return fmt.Errorf("leaf %d: key %q is below %q", node, key, least)
		}
		if c.any && len(key) > 0 && compare(c.last, key) >= 0 {
			return fmt.Errorf("leaf %d: key %q is not above %q", node, key, c.last)
		}
		c.last, c.any = key, true
	}
	return nil
}

// head tests the ith head of a page, if it has heads. That of an indirect separator may be less than its key's, but not than that of
// the key before.
func (c *treeChecker) head(p page, i int, key []byte, isIndirect bool) error {
	if !p.isHeaded() {
		return nil
	}
	got, want := p.head(i), headOf(key)
	if got == want || isIndirect && headOf(c.last) <= got && got < want {
		return nil
	}
	return fmt.Errorf("head %d is %x, key %q", i, got, key)
}

// check tests a page's layout.
func (p page) check() error {
	n, top := p.count(), p.u16(pageTop)
	if n == 0 {
		return fmt.Errorf("page without entries")
	}
	if top == topOfLarge {
		top = len(p) - p.slotBytes()
	}
	if top+n*p.slotBytes() > len(p) {
		return fmt.Errorf("%d entries up to %d in a page of %d bytes", n, top, len(p))
	}
	sum := 0
	for i := range n {
		key, val, end := p.bounds(i)
		if p.u16(p.slotAt(i)) < pageHeader || end > top {
			return fmt.Errorf("entry %d from %d to %d, top is %d", i, p.u16(p.slotAt(i)), end, top)
		}
		sum += entryBytes(val-key, end-val)
	}
	if got := top - pageHeader - p.u16(pageWaste); got != sum {
		return fmt.Errorf("entries take %d bytes, page says %d", sum, got)
	}
	return nil
}
