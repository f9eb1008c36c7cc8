package value

import "respite/keyspace"

// testCell is a key of a space that a collection is changed in.
type testCell struct {
	space *keyspace.Space
	ref   keyspace.Ref
}

var testKey = []byte("key")

func newTestCell() *testCell { return &testCell{space: newTestSpace()} }

func (c *testCell) must(ref keyspace.Ref, err error) {
	if err != nil {
		panic(err)
	}
	c.ref = ref
}

func (c *testCell) View() View {
	if c.ref == 0 {
		return View{Nodes: c.space.Nodes()}
	}
	return View{Kind: c.space.Kind(c.ref), Bytes: c.space.Value(c.ref), Nodes: c.space.Nodes()}
}

func (c *testCell) Mutable() []byte            { return c.space.Mutable(c.ref) }
func (c *testCell) SetKind(kind keyspace.Kind) { c.space.SetKind(c.ref, kind) }

func (c *testCell) Resize(n int) []byte {
	ref, b, err := c.space.Resize(c.ref, n)
	c.must(ref, err)
	return b
}

func (c *testCell) Put(kind keyspace.Kind, v []byte) {
	if c.ref == 0 {
		c.must(c.space.Insert(testKey, kind, v))
		return
	}
	c.must(c.space.Replace(c.ref, kind, v))
}

// drop removes the key, as the one who finds it empty does.
func (c *testCell) drop() {
	c.space.Delete(c.ref)
	c.ref = 0
}
