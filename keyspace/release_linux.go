package keyspace

import (
	"syscall"
	"unsafe"
)

// release gives the memory of a page that nobody will read back to the operating system at once. The page itself is left to
// the garbage collector, which does not look into it; memory that it hands out again reads as zeros until then. Without
// this, pages that expired stay resident until the next collection, and the runtime's scavenger takes 10 seconds and more for 100 MB of them.
func (p *page) release() {
	_ = syscall.Madvise(unsafe.Slice((*byte)(unsafe.Pointer(p)), pageBytes), syscall.MADV_DONTNEED) // else the collector does it
}
