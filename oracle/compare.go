package oracle

// How two replies compare. Bytes decide, except where a step says otherwise:
// unordered replies are brought into one order first, integers may be near.

import (
	"bytes"
	"regexp"
	"slices"
)

// matches reports whether got is what the step asks for. want is the written reply
// or the other server's; a step with patterns ignores it.
func (s *Step) matches(want *Value, got Value) bool {
	if s.Match != nil {
		readable := got.String()
		return !slices.ContainsFunc(s.Match, func(re *regexp.Regexp) bool { return !re.MatchString(readable) })
	}
	if want == nil {
		return false
	}
	a, b := *want, got
	if s.Unordered {
		a, b = sorted(a), sorted(b)
	}
	return near(a, b, s.Near)
}

// sorted returns the reply with the elements of each aggregate in one fixed order;
// the pairs of a map stay together.
func sorted(v Value) Value {
	if v.Elems == nil {
		return v
	}
	groups := make([]group, 0, len(v.Elems))
	for chunk := range slices.Chunk(v.Elems, perElem(v.Kind)) {
		var g group
		for _, elem := range chunk {
			ordered := sorted(elem)
			g.elems = append(g.elems, ordered)
			g.raw = ordered.Append(g.raw)
		}
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b group) int { return bytes.Compare(a.raw, b.raw) })
	v.Elems = make([]Value, 0, len(v.Elems))
	for _, g := range groups {
		v.Elems = append(v.Elems, g.elems...)
	}
	return v
}

// group is what moves together when an aggregate is sorted, and its bytes.
type group struct {
	elems []Value
	raw   []byte
}

// near is Equal with a tolerance for integers. Negative ones are answers of their
// own (no key, no deadline) and always compare exactly.
func near(a, b Value, tolerance int64) bool {
	if x, ok := a.Int(); ok && tolerance > 0 && x >= 0 {
		y, ok := b.Int()
		return ok && y >= 0 && max(x-y, y-x) <= tolerance
	}
	if len(a.Elems) == 0 || len(a.Elems) != len(b.Elems) || a.Kind != b.Kind {
		return a.Equal(b)
	}
	for i := range a.Elems {
		if !near(a.Elems[i], b.Elems[i], tolerance) {
			return false
		}
	}
	return true
}
