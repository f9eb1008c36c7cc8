package stats

import (
	"runtime/metrics"
	"time"
)

// Process is what the operating system says of the server's process; what it does not say is zero.
type Process struct {
	OS                 string // name, release and machine
	UserCPU, SystemCPU time.Duration
	Resident           int64 // bytes of memory
	SystemMemory       int64 // bytes that the machine has
}

// Heap is what the Go runtime says of its memory, in bytes.
type Heap struct {
	Allocated int64 // objects, garbage that was not found yet included
	Active    int64 // spans with objects in them
	Resident  int64 // mapped and not given back
}

// ReadHeap asks the runtime; it does not stop the world.
func ReadHeap() Heap {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	n := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	return Heap{Allocated: n(0), Active: n(0) + n(1), Resident: n(2) - n(3)}
}
