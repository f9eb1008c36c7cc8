// list_limit.go: when a list is packed and when it is a tree. Redis keeps a list in one listpack until that is about to exceed
// list-max-listpack-size, and makes a quicklist of it before it adds what would; a quicklist that has shrunk to a single node of half
// the limit becomes a listpack again (src/t_list.c, src/quicklist.c of 7.2). Lists are the only type that goes back.
//
// Where Redis's nodes begin and end is not known here. A list that would fit one node counts as having one: it goes back a
// little earlier than a quicklist whose few elements stand in two nodes.

package value

import "math"

// The sizes of a listpack that list-max-listpack-size names by -1 to -5 are smallestNode, doubled up to largestDoubling times.
const (
	smallestNode    = 4 << 10
	largestDoubling = 4

	// safeNode is the longest listpack in bytes if the limit is one of elements (SIZE_SAFETY_LIMIT), unless it has but one.
	safeNode = 8 << 10
)

// listLimit is how large one listpack of a list may become.
type listLimit struct{ bytes, count int }

// listLimitOf reads a value of list-max-listpack-size.
func listLimitOf(size int) listLimit {
	if size < 0 {
		return listLimit{smallestNode << min(-size-1, largestDoubling), math.MaxInt}
	}
	return listLimit{math.MaxInt, max(size, 1)}
}

// exceeded reports whether a listpack of so many bytes and elements would be too large.
func (l listLimit) exceeded(bytes, n int) bool {
	if l.count < math.MaxInt {
		return bytes > safeNode || n > l.count
	}
	return bytes > l.bytes
}

// half is the limit below which a tree becomes a listpack.
func (l listLimit) half() listLimit { return listLimit{l.bytes / 2, halfCount(l.count)} }

func halfCount(n int) int {
	if n == math.MaxInt {
		return n
	}
	return n / 2
}

// isOneNode reports whether a list whose listpack would have so many bytes and n elements is small enough, and would be a single
// node of a quicklist.
func (l listLimit) isOneNode(bytes, n int) bool {
	if l.count < math.MaxInt {
		return n <= l.count && (n == 1 || bytes <= safeNode)
	}
	return bytes <= l.bytes
}

// mayBeOneNode reports whether isOneNode could be true of any n elements.
func (l listLimit) mayBeOneNode(n int) bool { return l.isOneNode(listpackEmptySize+n*minEntry, n) }
