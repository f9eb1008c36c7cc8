package rdb

// LZF, the compression of texts in RDB files (Marc Lehmann's LibLZF). Compressed bytes are runs and copies:
//
//	000LLLLL                    L+1 bytes follow as they are
//	LLLooooo oooooooo           copy L+2 bytes from o+1 bytes back; L is 1 to 6
//	111ooooo LLLLLLLL oooooooo  copy L+9 bytes likewise
//
// It is only read: a text is as valid without it.

const (
	lzfRunMax    = 1 << 5 // control bytes below are runs
	lzfLongCopy  = 7      // the L of the form with a further byte
	lzfCopyExtra = 2
	// lzfMaxRatio bounds how much a byte can stand for: a copy of 264 bytes takes 3.
	lzfMaxRatio = 264 / 3
)

// unpackLZF returns the size bytes that packed stands for.
func unpackLZF(packed []byte, size uint64) ([]byte, error) {
	if size > uint64(len(packed))*lzfMaxRatio {
		return nil, corrupt("%d compressed bytes cannot stand for %d", len(packed), size)
	}
	out := make([]byte, 0, size)
	for at := 0; at < len(packed); {
		var ok bool
		control := int(packed[at])
		at++
		if control < lzfRunMax {
			out, at, ok = lzfRun(out, packed, at, control+1)
		} else {
			out, at, ok = lzfCopy(out, packed, at, control)
		}
		if !ok || uint64(len(out)) > size {
			return nil, corrupt("compressed text is damaged")
		}
	}
	if uint64(len(out)) != size {
		return nil, corrupt("compressed text is of %d bytes, not %d", len(out), size)
	}
	return out, nil
}

func lzfRun(out, packed []byte, at, n int) (more []byte, next int, ok bool) {
	if n > len(packed)-at {
		return out, at, false
	}
	return append(out, packed[at:at+n]...), at + n, true
}

func lzfCopy(out, packed []byte, at, control int) (more []byte, next int, ok bool) {
	n, back := control>>5, control&(lzfRunMax-1)<<8
	if n == lzfLongCopy {
		if at == len(packed) {
			return out, at, false
		}
		n += int(packed[at])
		at++
	}
	if at == len(packed) {
		return out, at, false
	}
	back += int(packed[at]) + 1
	at++
	from := len(out) - back
	if from < 0 {
		return out, at, false
	}
	for i := range n + lzfCopyExtra {
		out = append(out, out[from+i]) // what is copied may reach into the copy
	}
	return out, at, true
}
