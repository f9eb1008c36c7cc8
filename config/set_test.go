// Tests of CONFIG SET where state, appliers and our own rules matter. Texts that redis-server
// shares are in the transcript.

package config

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSetReachesSnapshot(t *testing.T) {
	c := New()
	before := c.Now()
	require.NoError(t, c.Set(
		Pair{"maxmemory", "1gb"}, Pair{"maxmemory-clients", "5%"}, Pair{"shutdown-on-sigterm", "force now"},
		Pair{"client-output-buffer-limit", "pubsub 1 2 3"}, Pair{"notify-keyspace-events", "KA"}, Pair{"lua-time-limit", "7"}))
	s := c.Now()
	require.Equal(t, int64(gib), s.MaxMemory)
	require.Equal(t, int64(-5), s.MaxMemoryClients)
	require.Equal(t, ShutdownForce|ShutdownNow, s.ShutdownOnSigterm)
	require.Equal(t, OutputLimit{1, 2, 3}, s.ClientOutputBufferLimit[ClientPubSub])
	require.Equal(t, EventKeyspace|EventAll, s.NotifyKeyspaceEvents)
	require.Equal(t, int64(7), s.BusyReplyThreshold)
	require.Zero(t, before.MaxMemory, "a snapshot never changes")
}

func TestSetByCaller(t *testing.T) {
	tests := []struct {
		name, access string
		by           Caller
		pair         Pair
		want         string
	}{
		{"protected", "no", Caller{Local: true}, Pair{"dbfilename", "x"}, "ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config"},
		{"protected, local from afar", "local", Caller{}, Pair{"dbfilename", "x"}, "ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config"},
		{"protected, local", "local", Caller{Local: true}, Pair{"dbfilename", "x"}, ""},
		{"protected, path", "yes", Caller{}, Pair{"dbfilename", "a/x"}, "ERR CONFIG SET failed (possibly related to argument 'dbfilename') - dbfilename can't be a path, just a filename"},
		{"loading", "yes", Caller{Loading: true}, Pair{"repl-diskless-load", "swapdb"}, "LOADING Redis is loading the dataset in memory"},
		{"loading, harmless", "yes", Caller{Loading: true}, Pair{"hz", "20"}, ""},
		{"dir", "yes", Caller{}, Pair{"dir", "./none"}, "ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or directory"},
		{"refused", "yes", Caller{}, Pair{"appendonly", "yes"}, "ERR CONFIG SET failed (possibly related to argument 'appendonly') - there is no append-only file yet"},
		{"refused value of a kept promise", "yes", Caller{}, Pair{"appendonly", "no"}, ""},
		{"refused save", "yes", Caller{}, Pair{"save", "3600 1"}, "ERR CONFIG SET failed (possibly related to argument 'save') - there are no RDB snapshots yet"},
		{"line breaks", "yes", Caller{}, Pair{"a\r\nb", "x"}, "ERR Unknown option or number of arguments for CONFIG SET - 'a  b'"},
		{"own, immutable", "yes", Caller{}, Pair{"shards", "3"}, "ERR CONFIG SET failed (possibly related to argument 'shards') - can't set immutable config"},
		{"own, same value", "yes", Caller{}, Pair{"shards", "0"}, ""},
		{"NUL", "yes", Caller{}, Pair{"a\x00b", "x"}, "ERR Unknown option or number of arguments for CONFIG SET - 'a'"},
		{"not a parameter", "yes", Caller{}, Pair{"include", "x"}, "ERR Unknown option or number of arguments for CONFIG SET - 'include'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := mustParse(t, "", "--enable-protected-configs", tt.access)
			err := c.SetBy(tt.by, tt.pair)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestSetRefusedIfAccepted(t *testing.T) {
	c := mustParse(t, "", "--accept-unsupported", "appendonly", "slaveof")
	require.NoError(t, c.Set(Pair{"appendonly", "yes"}))
	require.Equal(t, "yes", value(t, c, "appendonly"))
	require.Error(t, c.Set(Pair{"save", "1 1"}))
}

func TestSetDir(t *testing.T) {
	start, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	t.Chdir(start)
	require.NoError(t, os.Mkdir("sub", 0o755))
	c := mustParse(t, "", "--enable-protected-configs", "yes")
	require.Error(t, c.Set(Pair{"dir", "sub"}, Pair{"hz", "x"}))
	require.Equal(t, start, workingDir(), "a failed change leaves the directory")
	require.NoError(t, c.Set(Pair{"dir", "sub"}))
	require.Equal(t, filepath.Join(start, "sub"), c.Now().Dir)
	require.Equal(t, filepath.Join(start, "sub"), workingDir())
}

func TestAppliers(t *testing.T) {
	c := New()
	var calls []string
	note := func(name string, err error) Applier {
		return func(old, next *Snapshot) error {
			calls = append(calls, name)
			require.Same(t, c.Now(), published(c, old, next), "nothing is published while appliers run")
			return err
		}
	}
	c.OnSet("port", note("port", nil))
	c.OnSet("bind", note("bind", nil))
	c.OnSet("maxclients", note("maxclients", errors.New("too\nmany")))
	c.OnSet("tls-cert-file", note("cert", nil))

	require.NoError(t, c.Set(Pair{"port", "6379"}))
	require.Empty(t, calls, "no change, no call")
	require.NoError(t, c.Set(Pair{"tls-cert-file", ""}))
	require.Equal(t, []string{"cert"}, calls, "the file may have changed under the same name")

	calls = nil
	err := c.Set(Pair{"bind", "::1"}, Pair{"port", "1"}, Pair{"maxclients", "5"}, Pair{"hz", "20"})
	require.EqualError(t, err, "ERR CONFIG SET failed (possibly related to argument 'maxclients') - too many; restoring maxclients: too many")
	require.Equal(t, []string{"bind", "port", "maxclients", "bind", "port", "maxclients"}, calls)
	require.Equal(t, 6379, c.Now().Port)
	require.Equal(t, 10, c.Now().Hz)
}

// published picks whichever of the two is published: going there it is old, going back it is next.
func published(c *Config, old, next *Snapshot) *Snapshot {
	if c.Now() == old {
		return old
	}
	return next
}

func TestOnSetUnknown(t *testing.T) {
	require.Panics(t, func() { New().OnSet("none", nil) })
}

func TestConcurrentUse(t *testing.T) {
	c := New()
	var wg sync.WaitGroup
	for _, port := range []string{"1", "2"} {
		wg.Add(2)
		go func() {
			defer wg.Done()
			for range 200 {
				_ = c.Set(Pair{"port", port}, Pair{"tls-port", port})
			}
		}()
		go func() {
			defer wg.Done()
			for range 200 {
				s := c.Now()
				if s.Port != s.TLSPort && s.Port != 6379 {
					t.Error("half a change was seen")
				}
				c.Get("*port*")
			}
		}()
	}
	wg.Wait()
}

// TestGetAll sets every visible parameter to what it is, as test suites and tools do.
func TestGetAll(t *testing.T) {
	c := mustParse(t, "", "--enable-protected-configs", "yes")
	for _, p := range c.Get("*") {
		if r, _ := c.Row(p.Name); r.Flags.Has(Immutable) && !r.Flags.Has(Own) {
			continue
		}
		require.NoError(t, c.Set(p), p.Name)
		require.Equal(t, p.Value, value(t, c, p.Name))
	}
}
