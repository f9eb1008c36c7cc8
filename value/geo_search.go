// geo_search.go: the members of a sorted set whose scores are positions in a shape.

package value

import (
	"cmp"
	"slices"
)

// GeoMatch is a member that was found.
type GeoMatch struct {
	Member []byte // a view of the set, but for integers
	Score  float64
	At     GeoPoint
	Metres float64 // from the centre
}

// GeoMatches are members that were found, in the order of EachRange and, within a range, of scores.
type GeoMatches struct {
	List   []GeoMatch
	digits []byte // of members that are integers
}

// Near returns the members in a shape; with a limit above 0 it stops when it has found so many.
func (s SortedSet) Near(shape *GeoShape, limit int) (found GeoMatches) {
	more := func() bool { return limit <= 0 || len(found.List) < limit }
	shape.EachRange(func(low, high float64) bool {
		from, n := s.ScoreSpan(ScoreRange{Min: low, Max: high, MaxEx: true})
		s.Walk(Walk{From: from, N: n, Scores: true}, func(e Element, score float64) bool {
			at := GeoAt(score)
			if metres, ok := shape.Distance(at); ok {
				found.add(e, GeoMatch{Score: score, At: at, Metres: metres})
			}
			return more()
		})
		return more()
	})
	return found
}

func (f *GeoMatches) add(e Element, m GeoMatch) {
	m.Member = e.Text
	if e.IsInt {
		from := len(f.digits)
		f.digits = e.Append(f.digits) // where it moves, members that were added before keep the old bytes
		m.Member = f.digits[from:]
	}
	f.List = append(f.List, m)
}

// Sort puts the nearest first, or with farthest that one; equally near ones stay as they are.
func (f *GeoMatches) Sort(farthest bool) {
	slices.SortStableFunc(f.List, func(a, b GeoMatch) int {
		if farthest {
			return cmp.Compare(b.Metres, a.Metres)
		}
		return cmp.Compare(a.Metres, b.Metres)
	})
}
