// Fuzz targets: arbitrary bytes in arbitrary cuts.

package proto

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzReaderCuts checks that the cuts make no difference, and neither do
// Release and the size of the buffer that happens to be in use.
func FuzzReaderCuts(f *testing.F) {
	for _, cases := range [][]readCase{multibulkCases(), expectedCases(), inlineCases()} {
		for _, c := range cases {
			f.Add([]byte(c.in), []byte{3, 1, 200}, true, uint16(100))
		}
	}
	big := AppendCommand(nil, []byte("SET"), []byte("k"), bytes.Repeat([]byte("v"), BigArg+1))
	f.Add(append(big, big...), []byte{255, 0, 255}, true, uint16(9))
	f.Add(bytes.Repeat([]byte("1"), maxLine+1), []byte{254}, false, uint16(50))
	f.Fuzz(func(t *testing.T, in, sizes []byte, auth bool, limit uint16) {
		const unit = 1 << 10
		l := Limits{MaxBulk: defaultBulk, MaxQuery: int64(limit)*unit + 1, Authenticated: auth}
		whole := readPieces(l, in)
		for _, scale := range []int{1, 700} {
			cuts := []int{scale}
			for _, size := range sizes {
				cuts = append(cuts, int(size)*scale)
			}
			r := NewReader(&pieces{cut(in, cuts)})
			between := func() {}
			if len(sizes)%2 == 1 {
				between = r.Release
			}
			require.Equal(t, whole, readAll(r, l, between))
		}
	})
}

// FuzzDecoder checks that no bytes do harm, and that what is decoded is the
// same when it comes byte by byte.
func FuzzDecoder(f *testing.F) {
	for _, c := range replyCases() {
		for _, proto := range []int{2, 3} {
			f.Add(c.encode(proto))
		}
	}
	for in := range malformedReplies() {
		if len(in) < smallBuffer {
			f.Add([]byte(in))
		}
	}
	limits := DecoderLimits{MaxBulk: 1 << 20, MaxElems: 1 << 12, MaxDepth: 8}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole := NewDecoder(bytes.NewReader(in), limits)
		split := NewDecoder(&pieces{cut(in, []int{1})}, limits)
		for {
			want, err := whole.Decode()
			got, gotErr := split.Decode()
			require.Equal(t, err, gotErr)
			if err != nil {
				return
			}
			require.True(t, sameValue(want, got), "%+v and %+v", want, got)
		}
	})
}
