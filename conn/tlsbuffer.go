// tlsbuffer.go: the memory that crypto/tls keeps of a busy time. Its read buffer grows to hold the largest record so far,
// by doubling, to 32 KiB and more for clients that fill their records, and it has no way to give it back: for 10,000
// idle connections that is 300 MiB. So this reaches into tls.Conn. If its inside is another one some day, nothing is
// given back and TestRestingTLSGivesItsBufferBack fails.

package conn

import (
	"bytes"
	"crypto/tls"
	"reflect"
)

// rawInput is the field of tls.Conn that holds what was read from the socket and is not decrypted yet.
var rawInput = func() []int {
	f, ok := reflect.TypeFor[tls.Conn]().FieldByName("rawInput")
	if !ok || f.Type != reflect.TypeFor[bytes.Buffer]() {
		return nil
	}
	return f.Index
}()

// recordBuffer is the buffer that t reads records into; nil if it is not known. It belongs to the goroutine that reads.
func recordBuffer(t *tls.Conn) *bytes.Buffer {
	if rawInput == nil {
		return nil
	}
	return (*bytes.Buffer)(reflect.ValueOf(t).Elem().FieldByIndex(rawInput).Addr().UnsafePointer())
}

// dropRecordBuffer gives back the memory of t's record buffer, unless a part of a record is in it. Only the goroutine that
// reads t may call it, between two reads.
func dropRecordBuffer(t *tls.Conn) {
	if b := recordBuffer(t); b != nil && b.Len() == 0 {
		*b = bytes.Buffer{}
	}
}
