// What several tests of this package need.

package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// value is what CONFIG GET answers for one exact name.
func value(t *testing.T, c *Config, name string) string {
	t.Helper()
	pairs := c.Get(name)
	require.Len(t, pairs, 1, name)
	return pairs[0].Value
}

// writeConf puts a configuration file into a directory of its own and returns its path.
func writeConf(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "redis.conf")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
	return name
}

func mustParse(t *testing.T, file string, args ...string) *Config {
	t.Helper()
	c := New()
	require.NoError(t, c.Parse(file, args))
	return c
}
