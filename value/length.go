package value

// Length is how large a value is, as clients count: the bytes of a string, the elements of a collection, those included whose deadlines
// have passed. It costs the same for any size, but for packed collections of 65535 elements and more. What is of no kind that
// a key can have is 0 long.
func Length(v View) int64 {
	e := EncodingOf(v.Kind)
	switch TypeOf(v.Kind) {
	case String:
		return int64(StringLen(v.Kind, v.Bytes))
	case List:
		if e == Packed || e == QuickList {
			l := ListOf(v)
			return int64(l.Len())
		}
	case Set:
		s := MembersOf(v)
		return int64(s.Len())
	case ZSet:
		return int64(OpenSortedSet(v).Len())
	case Hash:
		if e == Packed || e == HashTable || IsTimed(v.Kind) {
			h := ViewHash(v)
			return int64(h.Len())
		}
	case Stream:
		if e == StreamTree {
			s := OpenStream(v)
			return int64(s.Len)
		}
	}
	return 0
}
