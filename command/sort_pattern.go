// sort_pattern.go: the patterns of BY and GET. The first asterisk stands for an element, and what comes of it names a key that
// holds a string; or, with an arrow and a field behind, a hash. Redis looks for all of these signs in a C string: behind a
// NUL they mean nothing, and a lone "#" is the element itself.

package command

import (
	"bytes"

	"respite/shards"
	"respite/value"
)

// sortPattern is one pattern. Without varies and itself it finds nothing.
type sortPattern struct {
	itself        bool
	varies        bool // has an asterisk: names a key for each element
	before, after []byte
	field         []byte // "" is no field
}

func parseSortPattern(b []byte) (p sortPattern) {
	signs, _, _ := bytes.Cut(b, []byte{0})
	if string(signs) == "#" {
		p.itself = true
		return p
	}
	at := bytes.IndexByte(signs, '*')
	if at < 0 {
		return p
	}
	p.varies, p.before, p.after = true, b[:at], b[at+1:]
	const arrow = "->"
	if found := bytes.Index(signs[at+1:], []byte(arrow)); found >= 0 && at+1+found+len(arrow) < len(signs) {
		p.after, p.field = p.after[:found], p.after[found+len(arrow):]
	}
	return p
}

// sortFound is what a pattern finds for an element.
type sortFound struct {
	value.Element
	ok     bool
	item   shards.Item // whose value the element is
	isItem bool
}

// share is the value for a reply that references it; ok is false if it is to be copied.
func (f *sortFound) share() (big []byte, ok bool) {
	if !f.isItem {
		return nil, false
	}
	return f.item.Share()
}

// lookup finds what a pattern means for an element.
func (s *sorter) lookup(p *sortPattern, e value.Element) (f sortFound) {
	switch {
	case p.itself:
		return sortFound{Element: e, ok: true}
	case !p.varies:
		return f
	}
	s.name = append(e.Append(append(s.name[:0], p.before...)), p.after...)
	it, ok := s.c.Tx.Read(s.name)
	switch {
	case !ok:
	case len(p.field) == 0 && it.Type() == value.String:
		f = sortFound{Element: value.StringElement(it.View()), ok: true, item: it, isItem: true}
	case len(p.field) > 0 && it.Type() == value.Hash:
		hash := value.ViewHashAt(it.View(), s.c.Tx.Now())
		f.Element, f.ok = hash.Get(p.field)
	}
	return f
}
