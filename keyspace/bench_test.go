package keyspace

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const benchKeys = 1_000_000

// names returns keys in random order, cut from one string so that they cost the benchmarks little.
func names(from, n int) [][]byte {
	buf := make([]byte, 0, n*12)
	keys := make([][]byte, n)
	for i, k := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		at := len(buf)
		buf = strconv.AppendInt(append(buf, "key:"...), int64(from+k), 10)
		keys[i] = buf[at:len(buf):len(buf)]
	}
	return keys
}

func benchSpace(b *testing.B, keys [][]byte) *Space {
	s := New(maphash.MakeSeed())
	val := make([]byte, 32)
	for _, k := range keys {
		if _, err := s.Insert(k, 0, val); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	b.ReportAllocs()
	return s
}

func BenchmarkFindHit(b *testing.B) {
	keys := names(0, benchKeys)
	s := benchSpace(b, keys)
	n := 0
	for b.Loop() {
		if s.Find(keys[n]) == 0 {
			b.Fatal("absent")
		}
		if n++; n == len(keys) {
			n = 0
		}
	}
}

func BenchmarkFindMiss(b *testing.B) {
	s := benchSpace(b, names(0, benchKeys))
	absent := names(2*benchKeys, benchKeys)
	b.ResetTimer()
	n := 0
	for b.Loop() {
		if s.Find(absent[n]) != 0 {
			b.Fatal("present")
		}
		if n++; n == len(absent) {
			n = 0
		}
	}
}

func BenchmarkGet(b *testing.B) {
	keys := names(0, benchKeys)
	s := benchSpace(b, keys)
	n, sum := 0, 0
	for b.Loop() {
		sum += int(s.Value(s.Find(keys[n]))[0])
		if n++; n == len(keys) {
			n = 0
		}
	}
}

func BenchmarkReplaceInPlace(b *testing.B) {
	keys := names(0, benchKeys)
	s := benchSpace(b, keys)
	val := make([]byte, 32)
	n := 0
	for b.Loop() {
		if _, err := s.Replace(s.Find(keys[n]), 0, val); err != nil {
			b.Fatal(err)
		}
		if n++; n == len(keys) {
			n = 0
		}
	}
}

func BenchmarkReplaceMoving(b *testing.B) {
	keys := names(0, benchKeys)
	s := benchSpace(b, keys)
	vals := [2][]byte{make([]byte, 64), make([]byte, 32)}
	n, turn := 0, 0
	for b.Loop() {
		if _, err := s.Replace(s.Find(keys[n]), 0, vals[turn]); err != nil {
			b.Fatal(err)
		}
		s.Reclaim()
		if n++; n == len(keys) {
			n, turn = 0, 1-turn
		}
	}
}

// BenchmarkInsert fills Spaces of a million keys one after another.
func BenchmarkInsert(b *testing.B) {
	keys := names(0, benchKeys)
	s := benchSpace(b, nil)
	val := make([]byte, 32)
	n := 0
	for b.Loop() {
		if _, err := s.Insert(keys[n], 0, val); err != nil {
			b.Fatal(err)
		}
		if n++; n == len(keys) {
			s, n = New(maphash.MakeSeed()), 0
		}
	}
}

// BenchmarkDeleteInsert takes a key out and puts it back, in a Space of a million.
func BenchmarkDeleteInsert(b *testing.B) {
	keys := names(0, benchKeys)
	s := benchSpace(b, keys)
	val := make([]byte, 32)
	n := 0
	for b.Loop() {
		s.Delete(s.Find(keys[n]))
		s.Reclaim()
		if _, err := s.Insert(keys[n], 0, val); err != nil {
			b.Fatal(err)
		}
		if n++; n == len(keys) {
			n = 0
		}
	}
}

func BenchmarkScan(b *testing.B) {
	s := benchSpace(b, names(0, benchKeys))
	cursor := uint64(0)
	for b.Loop() {
		cursor = s.Scan(cursor, 10, func(Ref) {})
	}
}

func BenchmarkRandom(b *testing.B) {
	s := benchSpace(b, names(0, benchKeys))
	r := uint64(0)
	for b.Loop() {
		s.Random(r)
		r++
	}
}

// heapInUse is what the runtime holds for objects, free room of their spans included: what stays resident.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.MSpanInuse)
}

// TestBytesPerKey holds the memory goal: keys "key:N", values of 32 bytes, spread over two Spaces. The last sizes are a sixteenth of 2.0, 3.0 and
// 4.3 million: the index stands at the same point of its cycle of growing and splitting there.
func TestBytesPerKey(t *testing.T) {
	for _, c := range []struct {
		keys  int
		timer bool
		limit float64
	}{
		{10_000, false, 90},
		{125_000, false, 69},
		{187_500, false, 69},
		{187_500, true, 85},
		{268_750, false, 69},
	} {
		t.Run(fmt.Sprintf("%d timer %v", c.keys, c.timer), func(t *testing.T) {
			before := heapInUse()
			spaces := fillSpaces(t, c.keys, c.timer)
			perKey := float64(heapInUse()-before) / float64(c.keys)
			start := time.Now()
			runtime.GC()
			used := spaces[0].Used() + spaces[1].Used()
			t.Logf("%.2f bytes per key in the heap, %.2f used, full collection %v", perKey, float64(used)/float64(c.keys), time.Since(start))
			require.Less(t, perKey, c.limit)
			require.NoError(t, spaces[0].Check())
			runtime.KeepAlive(spaces)
		})
	}
}

func fillSpaces(t *testing.T, n int, timer bool) [2]*Space {
	spaces := [2]*Space{New(maphash.MakeSeed()), New(maphash.MakeSeed())}
	val := make([]byte, 32)
	buf := make([]byte, 0, 16)
	for i := range n {
		s := spaces[i&1]
		buf = strconv.AppendInt(append(buf[:0], "key:"...), int64(1_000_000+i), 10)
		ref, err := s.Insert(buf, 0, val)
		if err == nil && timer {
			_, err = s.AddTimer(ref)
			s.Reclaim()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return spaces
}
