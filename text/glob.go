// Package text holds Redis's rules for text: glob patterns, strict integers, floating point numbers as C reads and
// prints them, hash tags, memory units, quoted arguments.
//
// Every function is pure and safe for concurrent use. Where Redis 7.0 on x86-64 Linux has a quirk, the quirk is kept:
// clients compare replies byte for byte. Functions on a command's hot path (Match, ParseInt, ParseFloat, AppendFloat,
// HashTag, AppendQuoted) do not allocate beyond the destination that the caller passes.
package text

// This file: the glob language of KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL key patterns.
//
// Every element of a pattern except '*' consumes exactly one byte, so a mismatch needs to go back to the last '*' only:
// an earlier one could not help. That bounds a match by len(pattern) * len(s) steps for every pattern.

// maxStars is how many runs of '*' with something after them a pattern may have and still match. Redis bounds the depth of
// its recursion so (CVE-2024-31228).
const maxStars = 1000

// Match reports whether the whole of s fits the glob pattern. It knows '*', '?', '[...]' with ranges and '^', and '\'.
// With fold, ASCII letters match regardless of case.
//
// As in Redis, an unterminated class ends with the pattern, a trailing backslash stands for itself, an escaped byte in a
// class is compared with case even if fold is set, no non-empty pattern matches the empty string, and a pattern with more
// than 1,000 separate stars before its last element matches nothing.
func Match(pattern, s []byte, fold bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	p, i := 0, 0
	star, from := -1, 0 // where the pattern goes on after the last '*', and the byte of s it was last tried at
	stars := 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			p = skipStars(pattern, p)
			if p == len(pattern) {
				return true
			}
			if stars++; stars > maxStars {
				return false
			}
			star, from = p, i
			continue
		}
		if size, ok := matchOne(pattern[p:], s[i], fold); ok {
			p += size
			i++
			continue
		}
		if star < 0 {
			return false
		}
		from++
		p, i = star, from
	}
	return skipStars(pattern, p) == len(pattern)
}

// skipStars returns the position of the first byte of pattern at or after p that is not a '*'.
func skipStars(pattern []byte, p int) int {
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p
}

// matchOne compares c with the first element of pattern, which is not a '*'. It returns the element's length.
func matchOne(pattern []byte, c byte, fold bool) (size int, ok bool) {
	if len(pattern) == 0 {
		return 0, false
	}
	switch first := pattern[0]; {
	case first == '?':
		return 1, true
	case first == '[':
		size, ok = matchClass(pattern[1:], c, fold)
		return size + 1, ok
	case first == '\\' && len(pattern) > 1:
		return 2, sameByte(pattern[1], c, fold)
	default:
		return 1, sameByte(first, c, fold)
	}
}

// matchClass compares c with a class given without its opening bracket. The size includes the closing bracket if there is one.
func matchClass(class []byte, c byte, fold bool) (size int, ok bool) {
	i := 0
	negated := len(class) > 0 && class[0] == '^'
	if negated {
		i++
	}
	found := false
	for ; i < len(class) && class[i] != ']'; i++ {
		switch rest := class[i:]; {
		case rest[0] == '\\' && len(rest) >= 2:
			found = found || rest[1] == c
			i++
		case len(rest) >= 3 && rest[1] == '-':
			found = found || inRange(rest[0], rest[2], c, fold)
			i += 2
		default:
			found = found || sameByte(rest[0], c, fold)
		}
	}
	if i < len(class) {
		i++
	}
	return i, found != negated
}

// inRange reports whether c lies between two ends in either order. The order of bytes is that of C's signed char, and the
// ends are put in order before they are folded, so [Z-a] matches nothing without case: both follow Redis on x86-64.
func inRange(lo, hi, c byte, fold bool) bool {
	if int8(lo) > int8(hi) {
		lo, hi = hi, lo
	}
	if fold {
		return foldedOrder(lo) <= foldedOrder(c) && foldedOrder(c) <= foldedOrder(hi)
	}
	return int8(lo) <= int8(c) && int8(c) <= int8(hi)
}

// foldedOrder is C's tolower of a signed char: glibc maps the bytes above 127 to themselves, except 255, which it takes for EOF.
func foldedOrder(c byte) int {
	if c == 0xff {
		return -1
	}
	return int(lower(c))
}

func sameByte(a, b byte, fold bool) bool {
	return a == b || fold && lower(a) == lower(b)
}

// lower is tolower of the C locale.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
