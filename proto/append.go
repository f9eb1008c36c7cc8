// Encoders that append to a byte slice: the common ground of Reply, of clients
// and of whatever else writes RESP (append-only files, replication streams).

package proto

import "strconv"

// AppendCommand appends a command as a client sends it: an array of bulk
// strings.
func AppendCommand[T []byte | string](dst []byte, args ...T) []byte {
	dst = appendHeader(dst, '*', int64(len(args)))
	for _, arg := range args {
		dst = appendBulk(dst, arg)
	}
	return dst
}

// AppendBulk appends a bulk string.
func AppendBulk[T []byte | string](dst []byte, b T) []byte { return appendBulk(dst, b) }

func appendBulk[T []byte | string](dst []byte, b T) []byte {
	dst = appendHeader(dst, '$', int64(len(b)))
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}

// appendHeader appends a type byte, a number and a line end. One digit is most
// of what a server sends.
func appendHeader(dst []byte, prefix byte, n int64) []byte {
	if 0 <= n && n <= 9 {
		return append(dst, prefix, '0'+byte(n), '\r', '\n')
	}
	dst = strconv.AppendInt(append(dst, prefix), n, 10)
	return append(dst, '\r', '\n')
}
