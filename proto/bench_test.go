// Benchmarks of the paths every command takes, and the size of a reader at
// rest.

package proto

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// endless is a source that repeats whole commands for ever.
type endless struct {
	data []byte
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.data[e.at:])
	e.at = (e.at + n) % len(e.data)
	return n, nil
}

func setCommand(valueLen int) []byte {
	return AppendCommand(nil, "SET", "key:000000000001", strings.Repeat("v", valueLen))
}

func BenchmarkReader(b *testing.B) {
	for _, bench := range []struct {
		name  string
		data  []byte
		depth int
	}{
		{"SET/depth=1", setCommand(32), 1},
		{"SET/depth=16", setCommand(32), 16},
		{"SET/depth=100", setCommand(32), 100},
		{"GET/depth=16", AppendCommand(nil, "GET", "key:000000000001"), 16},
		{"PING/depth=16", []byte(ping), 16},
		{"inline/depth=16", []byte("PING\r\n"), 16},
		{"SET64KiB/depth=1", setCommand(64 << 10), 1},
		{"MSET1000/depth=1", AppendCommand(nil, make([][]byte, 1000)...), 1},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			readCommands(b, &endless{data: bytes.Repeat(bench.data, bench.depth)}, b.N)
		})
	}
}

func readCommands(tb testing.TB, src io.Reader, n int) {
	l := DefaultLimits()
	r := NewReader(src)
	for read := 0; read < n; {
		_, ok, err := r.Next(&l)
		switch {
		case err != nil:
			tb.Fatal(err)
		case ok:
			read++
		default:
			_ = r.Fill()
		}
	}
}

func BenchmarkReply(b *testing.B) {
	value := bytes.Repeat([]byte("v"), 32)
	for _, bench := range []struct {
		name  string
		write func(r *Reply)
	}{
		{"OK", (*Reply).OK},
		{"Int", func(r *Reply) { r.Int(12345) }},
		{"Bulk32", func(r *Reply) { r.Bulk(value) }},
		{"Ref32", func(r *Reply) { r.Ref(value) }},
		{"Double", func(r *Reply) { r.Double(3.14) }},
		{"Map", func(r *Reply) { r.Map(1); r.BulkString("k"); r.Bulk(value) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			var r Reply
			for i := range b.N {
				if i%64 == 0 {
					r.Reset(3)
				}
				bench.write(&r)
			}
		})
	}
}

func BenchmarkDecoder(b *testing.B) {
	b.ReportAllocs()
	var r Reply
	r.Reset(2)
	r.Bulk(bytes.Repeat([]byte("v"), 32))
	d := NewDecoder(&endless{data: r.Bytes()}, DefaultDecoderLimits())
	var v Value
	for range b.N {
		if err := d.DecodeInto(&v); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReaderAllocatesNothing(t *testing.T) {
	l := DefaultLimits()
	for _, in := range []string{string(setCommand(1000)), "SET k v\r\n"} {
		r := NewReader(&endless{data: []byte(in)})
		batch := func() {
			for ok := true; ok; {
				_, ok, _ = r.Next(&l)
			}
			_ = r.Fill()
		}
		for range 10 {
			batch()
		}
		require.Zero(t, testing.AllocsPerRun(100, batch))
	}
}

// collect frees what is unreachable, which takes a sync.Pool two rounds.
func collect(m *runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(m)
}

func TestReaderAtRestIsSmall(t *testing.T) {
	const readers, most = 1000, 4403 // 4.3 KiB
	pool := new(Pool)
	l := DefaultLimits()
	kept := make([]*Reader, 0, readers)
	readCommands(t, &endless{data: setCommand(10)}, 1) // whatever is allocated once
	var before, after runtime.MemStats
	collect(&before)
	for range readers {
		r := pool.NewReader(&endless{data: bytes.Repeat(setCommand(1000), 20)})
		for range 10 {
			for ok := true; ok; {
				_, ok, _ = r.Next(&l)
			}
			_ = r.Fill()
		}
		for ok := true; ok; {
			_, ok, _ = r.Next(&l)
		}
		r.Release()
		r.src.src = nil // the data of the source is not the reader's
		kept = append(kept, r)
	}
	collect(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / readers
	t.Logf("%d bytes each", each)
	require.LessOrEqual(t, each, int64(most))
	runtime.KeepAlive(kept)
}
