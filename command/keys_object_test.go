package command

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/shards"
)

func TestObject(t *testing.T) {
	r := newKeysRig(t)
	r.play([]keysStep{
		{"SET small 9999", "+OK"},
		{"SET big 10000", "+OK"},
		{"SET negative -1", "+OK"},
		{"SET text x", "+OK"},
		{"OBJECT ENCODING small", "$3 int"},
		{"OBJECT ENCODING text", "$6 embstr"},
		{"OBJECT REFCOUNT small", ":2147483647"},
		{"OBJECT REFCOUNT big", ":1"},
		{"OBJECT REFCOUNT negative", ":1"},
		{"OBJECT REFCOUNT text", ":1"},
		{"OBJECT ENCODING nokey", "$-1"},
		{"OBJECT REFCOUNT nokey", "$-1"},
		{"OBJECT IDLETIME nokey", "$-1"},
		{"OBJECT FREQ nokey", "$-1"},
		{"OBJECT FREQ text", "-" + errNotLFU.Error()},
	})
	r.advance(7 * time.Second)
	require.Equal(t, ":7", r.do(0, "OBJECT IDLETIME text"))
}

func TestObjectUnderLFU(t *testing.T) {
	r := newKeysRig(t)
	r.exec.group.SetLimits(shards.Limits{KeepExpired: true, Policy: shards.Policy{Order: shards.LeastFrequent}, LFULogFactor: 10, LFUDecay: 1})
	r.play([]keysStep{
		{"SET k v", "+OK"},
		{"OBJECT FREQ k", ":5"},
		{"OBJECT IDLETIME k", "-" + errIsLFU.Error()},
		{"OBJECT FREQ nokey", "$-1"},
	})
}
