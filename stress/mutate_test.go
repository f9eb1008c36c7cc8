package stress

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestGuardRefuses(t *testing.T) {
	tests := []struct {
		name   string
		chunks []string
	}{
		{"plain", []string{"*1\r\n$8\r\nSHUTDOWN\r\n"}},
		{"lower case", []string{"shutdown\r\n"}},
		{"inside other bytes", []string{"\x00\xffFlushAll\x00"}},
		{"across two writes", []string{"SHUT", "DOWN\r\n"}},
		{"across many writes", []string{"d", "e", "b", "u", "g"}},
		{"quoted letter", []string{`"SHUT"DOWN` + "\r\n"}},
		{"escaped letter", []string{`"SHUT\DOWN"` + "\r\n"}},
		{"hexadecimal letter", []string{`"\x53HUTDOWN"` + "\r\n"}},
		{"all hexadecimal, in pieces", []string{`"\x44\x45\x4`, `2\x55\x47"`}},
		{"single quotes", []string{`'con'fig`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGuard()
			admitted := true
			for _, chunk := range tt.chunks {
				admitted = g.admits([]byte(chunk))
			}
			require.False(t, admitted, "the last piece completes a dangerous word")
		})
	}
}

func TestGuardForgetsWithTheConnection(t *testing.T) {
	g := newGuard()
	require.True(t, g.admits([]byte("SHUT")))
	g.reset()
	require.True(t, g.admits([]byte("DOWN\r\n")))
}

// TestMutatorIsHarmless looks at the stream as a whole, with a parser of its
// own for the words: no cut of it into chunks may hide one.
func TestMutatorIsHarmless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &mutator{
			rng:    rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)),
			prefix: "respite:stress:0:fuzz:",
			guard:  newGuard(),
		}
		var stream []byte
		for range 20 {
			stream = append(stream, m.next()...)
		}
		for _, word := range dangers() {
			require.NotContains(t, string(bytes.ToUpper(stream)), string(word))
		}
	})
}

func TestHarmlessCommandsPassTheGuard(t *testing.T) {
	for _, command := range harmless("k", "o") {
		for _, arg := range command {
			require.True(t, newGuard().admits([]byte(arg)), arg)
		}
	}
}

func FuzzUnquote(f *testing.F) {
	f.Add([]byte(`"a\x41\n" 'b'`))
	f.Fuzz(func(t *testing.T, p []byte) {
		require.LessOrEqual(t, len(unquote(p)), len(p))
	})
}
