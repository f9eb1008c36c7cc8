//go:build !race

package conn

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestIdleMemory bounds what a connection costs that was busy and fell quiet. The client's half of every connection is
// in the figure too, so it is measured by itself and taken off.
func TestIdleMemory(t *testing.T) {
	const clients, bound = 2000, 12 << 10
	f := newFixture(t)
	l, err := Listen("127.0.0.1", 0)
	require.NoError(t, err)
	heap, stack := inUse()
	near, far := make([]net.Conn, clients), make([]net.Conn, clients)
	for i := range near {
		near[i], err = net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		far[i], err = l.Accept()
		require.NoError(t, err)
		defer near[i].Close()
	}
	require.NoError(t, l.Close())
	socketHeap, socketStack := inUse()
	pipeline := strings.Repeat(request("SET", "key", "value")+request("GET", "key"), 50)
	want := strings.Repeat("+OK\r\n"+bulk("value"), 50)
	source := newFeed()
	f.server.Serve(source, nil)
	got := make([]byte, len(want))
	for i, c := range near {
		source.conns <- far[i]
		_, err = io.WriteString(c, pipeline)
		require.NoError(t, err)
		_, err = io.ReadFull(c, got)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	// The sweeper comes around twice.
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		heapNow, stackNow := inUse()
		heapEach := (heapNow - (heap+socketHeap)/2) / clients
		stackEach := (stackNow - (stack+socketStack)/2) / clients
		assert.LessOrEqual(t, heapEach+stackEach, int64(bound), "a connection takes %d bytes of heap and %d of stack", heapEach, stackEach)
	}, testWait, 3*sweepInterval)
}

// inUse is the memory of heap and stacks, in bytes, after the collector has shrunk what it can.
func inUse() (heap, stack int64) {
	for range 4 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse), int64(m.StackInuse)
}
