// Access control lists in a whole server: the files that users come from, and rules that change under load.

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/config"
	"respite/oracle"
)

// refused sends one command, which must be refused.
func refused(t *testing.T, c *oracle.Conn, args ...string) string {
	t.Helper()
	v, err := c.Do(args...)
	require.NoError(t, err)
	require.Equal(t, byte('-'), v.Kind, "%q: %s", args, v)
	return v.Text
}

func TestUserLines(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "redis.conf")
	require.NoError(t, os.WriteFile(conf, []byte("user alice on nopass ~a* +get \"~b\\\"c\"\nuser default on >secret ~* &* +@all\n"), 0o600))
	s := startServer(t, conf)
	c := s.connect(t, resp2)
	require.Equal(t, "NOAUTH Authentication required.", refused(t, c, "PING"))
	require.Equal(t, "OK", do(t, c, "AUTH", "secret").Text)
	require.Equal(t, "OK", do(t, c, "ACL", "SETUSER", "bob", "on", "+@read").Text)
	require.Equal(t, "OK", do(t, c, "CONFIG", "REWRITE").Text)
	content, err := os.ReadFile(conf)
	require.NoError(t, err)
	require.Contains(t, string(content), `user alice on nopass sanitize-payload ~a* "~b\"c" resetchannels -@all +get`+"\n")
	require.Contains(t, string(content), "user bob on sanitize-payload resetchannels -@all +@read\n")

	again := startServer(t, conf)
	c2 := again.connect(t, resp2)
	require.Equal(t, "OK", do(t, c2, "AUTH", "secret").Text)
	require.Equal(t, do(t, c, "ACL", "LIST"), do(t, c2, "ACL", "LIST"))
}

func TestUserFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.acl")
	require.NoError(t, os.WriteFile(file, []byte("user alice on nopass ~a* +get +ping\n"), 0o600))
	s := startServer(t, "--aclfile", file, "--requirepass", "ignored")
	c, alice := s.connect(t, resp2), s.connect(t, resp2)
	require.Equal(t, "OK", do(t, alice, "AUTH", "alice", "x").Text)
	require.Equal(t, "OK", do(t, c, "ACL", "SETUSER", "bob", "on").Text)
	require.Equal(t, "OK", do(t, c, "ACL", "SAVE").Text)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "user alice on nopass sanitize-payload ~a* resetchannels -@all +get +ping\n"+
		"user bob on sanitize-payload resetchannels -@all\nuser default on nopass sanitize-payload ~* &* +@all\n", string(content))

	require.NoError(t, os.WriteFile(file, []byte("user alice bad\n"), 0o600))
	require.Equal(t, "ERR "+file+":1: Syntax error. WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
		refused(t, c, "ACL", "LOAD"))
	require.Equal(t, "PONG", do(t, alice, "PING").Text)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	require.Equal(t, "OK", do(t, c, "ACL", "LOAD").Text)
	_, err = alice.Do("PING")
	require.Error(t, err, "all clients but those of the default user have to go")
	require.Equal(t, "PONG", do(t, c, "PING").Text)
}

func TestBadUsersStopTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.acl")
	require.NoError(t, os.WriteFile(file, []byte("user a\nuser a\n"), 0o600))
	conf := filepath.Join(t.TempDir(), "redis.conf")
	require.NoError(t, os.WriteFile(conf, []byte("user a on +nope\n"), 0o600))
	for want, args := range map[string][]string{
		"Duplicate user 'a' found on line 2":                              {"--aclfile", file},
		"opening file 'none': No such file or directory":                  {"--aclfile", "none"},
		"Error loading ACL rule '+nope' for the user named 'a'":           {conf},
		"please define either an ACL file or declare users directly in y": {conf, "--aclfile", file},
	} {
		cfg := config.New()
		require.NoError(t, cfg.Parse("", args))
		_, err := newServer(cfg, os.Stderr)
		require.ErrorContains(t, err, want)
	}
}

// TestRulesChangeUnderLoad changes and deletes users whose clients run commands: nobody is ever allowed what no rules of his allow.
func TestRulesChangeUnderLoad(t *testing.T) {
	s := startServer(t)
	admin := s.connect(t, resp2)
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		clients.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				c := s.connect(t, resp2)
				_, _ = c.Do("AUTH", "u", "x")
				for range 20 {
					if v, err := c.Do("SET", "forbidden"+strconv.Itoa(i), "v"); err != nil || v.Text == "OK" && v.Kind == '+' {
						if err == nil {
							who, err := c.Do("ACL", "WHOAMI")
							if err == nil && who.Text == "u" {
								t.Error("a forbidden key was written")
							}
						}
						break
					}
					_, _ = c.Do("SUBSCRIBE", "c")
					_, _ = c.Do("UNSUBSCRIBE")
				}
				_ = c.Close()
			}
		})
	}
	for range 100 {
		do(t, admin, "ACL", "SETUSER", "u", "on", "nopass", "+@all", "~allowed*", "&c")
		do(t, admin, "ACL", "SETUSER", "u", "resetchannels", "-set")
		do(t, admin, "ACL", "SETUSER", "u", "+set", "&c")
		do(t, admin, "ACL", "DELUSER", "u")
		do(t, admin, "ACL", "LOG", "RESET")
	}
	close(stop)
	clients.Wait()
}
