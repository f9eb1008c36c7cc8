// draft.go: a value that is put together apart from any key: the result of a command that stores one, whose destination may be
// among its sources, or the value of a key that is only about to be made. Its bytes are a buffer that is used again; large collections are
// trees of the destination's nodes from the start, and only their record moves.

package value

import "respite/keyspace"

// maxKeptDraft is how many bytes of a draft's buffer stay for the next value.
const maxKeptDraft = 16 << 10

// Draft is a Cell of its own. The zero Draft is ready for Begin.
type Draft struct {
	buffer Buffer
	kind   keyspace.Kind
	nodes  *keyspace.Nodes
}

// Begin makes the draft an absent value whose trees will be made of these nodes.
func (d *Draft) Begin(nodes *keyspace.Nodes) {
	d.trim()
	d.buffer.B, d.kind, d.nodes = d.buffer.B[:0], 0, nodes
}

// trim gives a large buffer back.
func (d *Draft) trim() {
	if cap(d.buffer.B) > maxKeptDraft {
		d.buffer.B = nil
	}
}

// View is the value as it is now.
func (d *Draft) View() View { return View{Kind: d.kind, Bytes: d.buffer.B, Nodes: d.nodes} }

// Mutable implements Cell.
func (d *Draft) Mutable() []byte { return d.buffer.B }

// Resize implements Cell.
func (d *Draft) Resize(n int) []byte { return d.buffer.Resize(n) }

// Put implements Cell. Nodes of what was there before are the caller's.
func (d *Draft) Put(kind keyspace.Kind, v []byte) {
	d.kind, d.buffer.B = kind, append(d.buffer.B[:0], v...)
}

// SetKind implements Cell.
func (d *Draft) SetKind(kind keyspace.Kind) { d.kind = kind }

// MoveTo puts the value, which there must be, in the place of whatever another cell has. The draft is absent then.
func (d *Draft) MoveTo(to Cell) {
	to.Put(d.kind, d.buffer.B)
	d.kind = 0
}

// Discard gives up a value that has not been moved. The draft is absent then.
func (d *Draft) Discard() {
	if d.kind.OwnsNodes() {
		v := d.View()
		for i := range int(v.Bytes[0]) {
			if t := v.treeAt(i); t.root != 0 {
				d.nodes.Doom(t.root)
			}
		}
	}
	d.kind = 0
	d.trim()
}
