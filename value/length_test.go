package value

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLengthOfStrings(t *testing.T) {
	var scratch [8]byte
	for _, text := range []string{"", "abc", "-12345", "007"} {
		kind, kept := EncodeString([]byte(text), &scratch)
		require.EqualValues(t, len(text), Length(View{Kind: kind, Bytes: kept}), text)
	}
}

func TestWhatIsOfNoKindHasNoLength(t *testing.T) {
	for _, typ := range []Type{List, Set, ZSet, Hash, Stream} {
		require.Zero(t, Length(View{Kind: MakeKind(typ, Raw), Bytes: []byte("x")}), typ)
	}
	require.Zero(t, Length(View{}))
}
