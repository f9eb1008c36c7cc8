package value_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/shards"
	"respite/value"
)

// A key's slot is a Room: packed values are edited where they live while they grow, move, become large and shrink again.
func TestPackedValuesInTheSlotOfAKey(t *testing.T) {
	g := shards.New(shards.Options{Shards: 1, Poison: true})
	g.Start()
	defer g.Close()
	random := rand.New(rand.NewPCG(1, 2))
	packed, numbers := []byte("packed"), []byte("numbers")
	var model []string
	var set []int64

	g.Run(g.All(), 0, func(tx *shards.Tx) {
		slot, ints := tx.Write(packed), tx.Write(numbers)
		slot.Put(value.MakeKind(value.List, value.Raw), value.EmptyListpack())
		ints.Put(value.MakeKind(value.Set, value.Raw), value.EmptyIntset())
	})
	for round := range 3000 {
		g.Run(g.All(), 0, func(tx *shards.Tx) {
			slot, ints := tx.Write(packed), tx.Write(numbers)
			model = editListpack(&slot, model, random, round/500%2 == 0)
			set = editIntset(&ints, set, random)
			tx.Changed(packed, shards.EventSet)
		})
		g.Run(g.All(), 0, func(tx *shards.Tx) {
			it, _ := tx.Read(packed)
			l := value.Listpack(it.Value())
			require.NoError(t, l.Check())
			require.Equal(t, len(model), l.Len())
			for i, at := 0, l.First(); at != value.ListpackEnd; i, at = i+1, l.Next(at) {
				require.True(t, l.At(at).Equal([]byte(model[i])))
			}
			it, _ = tx.Read(numbers)
			s := value.Intset(it.Value())
			require.NoError(t, s.Check())
			require.Equal(t, len(set), s.Len())
			for i, n := range set {
				require.Equal(t, n, s.At(i))
			}
		})
	}
}

// editListpack makes one random change in the room and in the model; the room grows in the long run, or shrinks.
func editListpack(r value.Room, model []string, random *rand.Rand, grow bool) []string {
	index := random.IntN(len(model) + 1)
	at := value.Listpack(r.Mutable()).Seek(index)
	elem := strings.Repeat("12", random.IntN(100))
	if at == value.ListpackEnd || grow && random.IntN(3) > 0 {
		value.ListpackInsert(r, at, []byte(elem), []byte("17"))
		return slices.Insert(model, index, elem, "17")
	}
	if random.IntN(2) == 0 {
		value.ListpackReplace(r, at, []byte(elem))
		model[index] = elem
		return model
	}
	value.ListpackDelete(r, at, 2)
	return slices.Delete(model, index, min(index+2, len(model)))
}

func editIntset(r value.Room, set []int64, random *rand.Rand) []int64 {
	n := random.Int64N(1<<(10+random.IntN(10)*4)) - 500
	i, found := slices.BinarySearch(set, n)
	if !found {
		value.IntsetAdd(r, n)
		set = slices.Insert(set, i, n)
	}
	if len(set) > 100 {
		i = random.IntN(len(set))
		value.IntsetRemove(r, set[i])
		set = slices.Delete(set, i, i+1)
	}
	return set
}
