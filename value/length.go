package value

// Length is how large a value is, as clients count: the bytes of a string, the elements of a collection, those included whose deadlines
// have passed. It costs the same for any size, but for packed collections of 65535 elements and more.
func Length(v View) int64 {
	switch TypeOf(v.Kind) {
	case String:
		return int64(StringLen(v.Kind, v.Bytes))
	case List:
		l := ListOf(v)
		return int64(l.Len())
	case Set:
		s := MembersOf(v)
		return int64(s.Len())
	case ZSet:
		return int64(OpenSortedSet(v).Len())
	case Hash:
		h := ViewHash(v)
		return int64(h.Len())
	case Stream:
		s := OpenStream(v)
		return int64(s.Len)
	}
	return 0
}
