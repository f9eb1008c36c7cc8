package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// scanPieces feeds a stream in pieces to a new scanner.
func scanPieces(s shape, pieces ...string) (replies int, err error) {
	sc := scanner{shape: s}
	for _, piece := range pieces {
		n, err := sc.scan([]byte(piece))
		replies += n
		if err != nil {
			return replies, err
		}
	}
	return replies, nil
}

func TestScannerSplitAtEveryByte(t *testing.T) {
	value := "$5\r\nab\r\nc\r\n"
	tests := []struct {
		name   string
		shape  shape
		stream string
		want   int
	}{
		{"one line", lineShape("+OK"), "+OK\r\n", 1},
		{"lines", lineShape("+OK"), strings.Repeat("+OK\r\n", 7), 7},
		{"incomplete line", lineShape("+OK"), "+OK\r\n+OK\r", 1},
		{"a bulk string", bulkShape(4), "$4\r\nabcd\r\n", 1},
		{"bulk strings", bulkShape(4), strings.Repeat("$4\r\n\r\n\r\n\r\n", 5), 5},
		{"a body that looks like replies", bulkShape(5), value + value, 2},
		{"incomplete body", bulkShape(5), value + value[:6], 1},
		{"an integer", integerShape(), ":0\r\n", 1},
		{"integers", integerShape(), ":1\r\n:22\r\n:9223372036854775807\r\n", 3},
		{"incomplete integer", integerShape(), ":1\r\n:22", 1},
		{"nothing", integerShape(), "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for at := range len(test.stream) + 1 {
				got, err := scanPieces(test.shape, test.stream[:at], test.stream[at:])
				require.NoError(t, err, "split at %d", at)
				require.Equal(t, test.want, got, "split at %d", at)
			}
			got, err := scanPieces(test.shape, strings.Split(test.stream, "")...)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestScannerRefusesOtherReplies(t *testing.T) {
	tests := []struct {
		name   string
		shape  shape
		stream string
	}{
		{"an error instead of a line", lineShape("+OK"), "+OK\r\n-ERR no\r\n"},
		{"an error instead of a value", bulkShape(4), "-LOADING wait until it is loaded\r\n"},
		{"an error instead of an integer", integerShape(), "-WRONGTYPE\r\n"},
		{"another line", lineShape("+OK"), "+QUEUED\r\n"},
		{"a value that is too short", bulkShape(4), "$3\r\nabc\r\n"},
		{"a value that is too long", bulkShape(4), "$40\r\n" + strings.Repeat("a", 40) + "\r\n"},
		{"a longer body than declared", bulkShape(4), "$4\r\nabcde\r\n"},
		{"a missing value", bulkShape(4), "$-1\r\n"},
		{"an integer without digits", integerShape(), ":\r\n"},
		{"a negative integer", integerShape(), ":-1\r\n"},
		{"an integer without end", integerShape(), ":12345678901234567890\r\n"},
		{"a lone line feed", integerShape(), ":1\n"},
		{"a digit after the carriage return", integerShape(), ":1\r2\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for at := range len(test.stream) + 1 {
				_, err := scanPieces(test.shape, test.stream[:at], test.stream[at:])
				require.Error(t, err, "split at %d", at)
			}
		})
	}
}

func TestScannerQuotesTheWrongReply(t *testing.T) {
	_, err := scanPieces(lineShape("+OK"), "+OK\r\n-ERR out of memory\r\n+OK\r\n")
	require.ErrorContains(t, err, `"-ERR out of memory\r\n"`)
	require.ErrorContains(t, err, `"+OK\r\n"`)
}

func TestScannerCountsAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 40).Draw(t, "size")
		want := rapid.IntRange(0, 30).Draw(t, "replies")
		reply := bulkShape(size).head + strings.Repeat("\r", size) + crlf
		stream := strings.Repeat(reply, want)
		sc := scanner{shape: bulkShape(size)}
		got := 0
		for len(stream) > 0 {
			cut := rapid.IntRange(1, len(stream)).Draw(t, "cut")
			n, err := sc.scan([]byte(stream[:cut]))
			require.NoError(t, err)
			got += n
			stream = stream[cut:]
		}
		require.Equal(t, want, got)
	})
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("+OK\r\n$4\r\nabcd\r\n:12\r\n"), 3)
	f.Add([]byte(":1\r\n:2\r\n"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, at int) {
		if at < 0 || at > len(stream) {
			return
		}
		for _, s := range []shape{lineShape("+OK"), bulkShape(4), integerShape()} {
			whole, wholeErr := scanPieces(s, string(stream))
			split, splitErr := scanPieces(s, string(stream[:at]), string(stream[at:]))
			require.Equal(t, wholeErr == nil, splitErr == nil)
			if wholeErr == nil {
				require.Equal(t, whole, split)
			}
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	stream := []byte(strings.Repeat(bulkShape(valueSize).head+strings.Repeat("v", valueSize)+crlf, 100))
	sc := scanner{shape: bulkShape(valueSize)}
	b.ReportAllocs()
	for b.Loop() {
		if n, err := sc.scan(stream); err != nil || n != 100 {
			b.Fatal(n, err)
		}
	}
}
