package command

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDeadlinesAreTold(t *testing.T) {
	r := newKeysRig(t)
	r.play([]keysStep{
		{"TTL nokey", ":-2"},
		{"SET k v", "+OK"},
		{"PTTL k", ":-1"},
		{"PEXPIRE k 1499", ":1"},
		{"TTL k", ":1"},
		{"PEXPIRE k 1500", ":1"},
		{"TTL k", ":2"},
		{"EXPIRETIME k", ":1700000002"},
		{"PEXPIRETIME k", ":1700000001500"},
		{"PEXPIREAT k 9223372036854775807", ":1"},
		{"EXPIRETIME k", ":9223372036854776"},
		{"PERSIST k", ":1"},
		{"PERSIST k", ":0"},
		{"EXPIRETIME k", ":-1"},
	})
}

func TestExpireRefusals(t *testing.T) {
	r := newKeysRig(t)
	r.play([]keysStep{
		{"SET k v", "+OK"},
		{"EXPIRE k x NOSUCH", "-ERR Unsupported option NOSUCH"},
		{"EXPIRE k 1 NX XX NOSUCH", "-ERR Unsupported option NOSUCH"},
		{"EXPIRE k x NX XX", "-" + errExpireNX.Error()},
		{"EXPIRE k 1 GT LT NX", "-" + errExpireNX.Error()},
		{"EXPIRE k 1 lt gt", "-" + errExpireGTLT.Error()},
		{"EXPIRE nokey 9223372036854775", "-ERR invalid expire time in 'expire' command"},
		{"PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"},
		{"EXPIREAT k -9223372036854775808", "-ERR invalid expire time in 'expireat' command"},
		{"PTTL k", ":-1"},
		{"PEXPIRE k -9223372036854775808", ":1"},
		{"EXISTS k", ":0"},
	})
	require.Equal(t, "-ERR Unsupported option a", r.run(0, "EXPIRE", "k", "1", "a\x00b"))
}

// A key lives through the millisecond of its deadline.
func TestKeyIsGoneAfterItsDeadline(t *testing.T) {
	r := newKeysRig(t)
	r.play([]keysStep{{"SET k v", "+OK"}, {"PEXPIRE k 10", ":1"}})
	r.advance(10 * time.Millisecond)
	require.Equal(t, ":0", r.do(0, "PTTL k"))
	r.advance(time.Millisecond)
	require.Equal(t, ":-2", r.do(0, "PTTL k"))
	require.Contains(t, r.events, "0 expired k")
}
