// Tests of the table itself: every row is whole, every default is a value its own reader prints.

package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRowsAreWhole(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range New().Rows() {
		require.NotEmpty(t, r.Name)
		require.Equal(t, strings.ToLower(r.Name), r.Name)
		require.False(t, seen[r.Name], "%s is there twice", r.Name)
		require.False(t, r.Alias != "" && seen[r.Alias], "%s is there twice", r.Alias)
		seen[r.Name], seen[r.Alias] = true, true
		require.True(t, strings.HasSuffix(r.Doc, "."), "%s: the doc is a sentence", r.Name)
		require.NotEmpty(t, r.Kind.String())
		require.Equal(t, r.Support != Kept, r.Why != "", "%s: whatever is not kept says why", r.Name)
		require.Equal(t, r.Support == Refused, r.refused != nil, r.Name)
		kept := r.Support == Kept && r.Kind != Directive && r.Name != acceptUnsupported
		require.False(t, kept && r.bind == nil, "%s is kept but reaches no field", r.Name)
	}
}

func TestDefaultsAreCanonical(t *testing.T) {
	for _, r := range New().Rows() {
		if r.Kind == Directive || r.Name == "dir" || r.Name == "replicaof" {
			continue // the last two have no way to write their default
		}
		v, err := r.value(setWords(&r, r.Default), r.Default, false)
		require.NoError(t, err, r.Name)
		require.Equal(t, r.Default, v, r.Name)
		require.False(t, r.Support == Refused && r.refused(v), "%s: the default is never refused", r.Name)
	}
}

func TestSnapshotOfDefaults(t *testing.T) {
	s := New().Now()
	require.Equal(t, []string{"127.0.0.1", "-::1"}, s.Bind)
	require.Equal(t, 6379, s.Port)
	require.Equal(t, int64(10000), s.MaxClients)
	require.Equal(t, OutputLimits{{}, {256 * mib, 64 * mib, 60}, {32 * mib, 8 * mib, 60}}, s.ClientOutputBufferLimit)
	require.Equal(t, "noeviction", s.MaxMemoryPolicy)
	require.Equal(t, []float64{50, 99, 99.9}, s.LatencyTrackingInfoPercentiles)
	require.Equal(t, AccessNo, s.EnableDebug)
	require.Equal(t, workingDir(), s.Dir)
	require.Equal(t, -2, s.ListMaxListpackSize)
	require.Equal(t, "text", s.LogFormat)
	require.Zero(t, s.NotifyKeyspaceEvents)
	require.Zero(t, s.ShutdownOnSigterm)
	require.Empty(t, s.RenameCommands)
}

func TestRowLookup(t *testing.T) {
	c := New()
	r, ok := c.Row("RequirePass")
	require.True(t, ok)
	require.True(t, r.Flags.Has(Sensitive))
	r, ok = c.Row("slaveof")
	require.True(t, ok)
	require.Equal(t, "replicaof", r.Name)
	_, ok = c.Row("include")
	require.False(t, ok, "a line of redis.conf is no parameter")
}

func TestAccess(t *testing.T) {
	require.True(t, AccessYes.Allows(false))
	require.True(t, AccessLocal.Allows(true))
	require.False(t, AccessLocal.Allows(false))
	require.False(t, AccessNo.Allows(true))
}

func TestExpandTitle(t *testing.T) {
	title, ok := ExpandTitle("{title} {{x} {port}", func(name string) (string, bool) { return "<" + name + ">", true })
	require.True(t, ok)
	require.Equal(t, "<title> {x} <port>", title)
	_, ok = ExpandTitle("{", func(string) (string, bool) { return "", true })
	require.False(t, ok)
}

func TestEventClasses(t *testing.T) {
	classes, ok := ParseEvents("KEn$")
	require.True(t, ok)
	require.Equal(t, EventKeyspace|EventKeyevent|EventNew|EventString, classes)
	require.Equal(t, "$nKE", classes.String())
	classes, _ = ParseEvents("g$lshzxetd")
	require.Equal(t, EventAll, classes)
	require.Equal(t, "A", classes.String())
}
