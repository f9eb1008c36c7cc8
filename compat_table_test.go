// The command table against the real server's: that no command of a family that is built is missing, and that what COMMAND
// DOCS tells is the same. The sentences are our own, so of summary and complexity it only matters that they are there. What
// COMMAND INFO tells is compared in compat_test.go.

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/oracle"
)

// since70 are the commands that Redis has got since 7.0, so that the real server of the tests does not know them: those of
// 7.2, from its release notes, and those about fields of hashes of 7.4 and 8.0. Their facts are in the transcripts (@since 7.2).
var since70 = map[string]commandDocs{
	"client|no-touch":   {group: "connection", since: "7.2.0"},
	"client|setinfo":    {group: "connection", since: "7.2.0"},
	"cluster|myshardid": {group: "cluster", since: "7.2.0"},
	"hexpire":           {group: "hash", since: "7.4.0"},
	"hexpireat":         {group: "hash", since: "7.4.0"},
	"hexpiretime":       {group: "hash", since: "7.4.0"},
	"hpersist":          {group: "hash", since: "7.4.0"},
	"hpexpire":          {group: "hash", since: "7.4.0"},
	"hpexpireat":        {group: "hash", since: "7.4.0"},
	"hpexpiretime":      {group: "hash", since: "7.4.0"},
	"hpttl":             {group: "hash", since: "7.4.0"},
	"httl":              {group: "hash", since: "7.4.0"},
	"hgetdel":           {group: "hash", since: "8.0.0"},
	"hgetex":            {group: "hash", since: "8.0.0"},
	"hsetex":            {group: "hash", since: "8.0.0"},
	"waitaof":           {group: "generic", since: "7.2.0"},
}

// own are the commands that no Redis has.
var own = map[string]commandDocs{
	"bigkeys": {group: "server", since: "0.1.0"},
	"hotkeys": {group: "server", since: "0.1.0"},
}

// docs72 corrects what the real server says where 7.2 says otherwise (Redis 7.2, src/commands/*.json).
var docs72 = map[string]commandDocs{
	"client|pause": {group: "connection", since: "3.0.0"},
	"psetex":       deprecatedString("2.6.0", "2.6.12", "`SET` with the `PX` argument"),
	"setex":        deprecatedString("2.0.0", "2.6.12", "`SET` with the `EX` argument"),
	"setnx":        deprecatedString("1.0.0", "2.6.12", "`SET` with the `NX` argument"),
	"quit": {
		group: "connection", since: "1.0.0", flags: "deprecated", deprecated: "7.2.0", instead: "just closing the connection",
	},
}

func deprecatedString(since, deprecated, instead string) commandDocs {
	return commandDocs{group: "string", since: since, flags: "deprecated", deprecated: deprecated, instead: instead}
}

// The features that are not built yet, and so are what needs them.
const (
	needsCluster     = "cluster mode is not built yet"
	needsFiles       = "RDB and append-only files are not built yet"
	needsModules     = "there are no modules"
	needsReplication = "replication is not built yet"
	needsScripts     = "scripts and functions are not built yet"
)

// absentGroups are the groups of which no command is there, and absent the other commands that are missing (of a container: it and
// its subcommands), each with the reason.
var (
	absentGroups = map[string]string{
		"cluster":   needsCluster,
		"scripting": needsScripts,
	}
	absent = map[string]string{
		"bgrewriteaof": needsFiles,
		"bgsave":       needsFiles,
		"failover":     needsReplication,
		"lastsave":     needsFiles,
		"module":       needsModules,
		"psync":        needsReplication,
		"replconf":     needsReplication,
		"replicaof":    needsReplication,
		"save":         needsFiles,
		"slaveof":      needsReplication,
		"sync":         needsReplication,
	}
)

// commandDocs is what COMMAND DOCS tells of a command.
type commandDocs struct {
	group, since, flags, deprecated, instead string
	summary, complexity                      bool
}

// readDocs asks a server for the documentation of all its commands and their subcommands.
func readDocs(t *testing.T, dial oracle.Dialer) map[string]commandDocs {
	t.Helper()
	c, err := oracle.Connect(dial, resp3)
	require.NoError(t, err)
	defer c.Close()
	all := map[string]commandDocs{}
	addDocs(all, do(t, c, "COMMAND", "DOCS"))
	return all
}

func addDocs(all map[string]commandDocs, reply oracle.Value) {
	for command := range slices.Chunk(reply.Elems, 2) {
		var d commandDocs
		for field := range slices.Chunk(command[1].Elems, 2) {
			switch value := field[1]; field[0].Text {
			case "summary":
				d.summary = value.Text != ""
			case "complexity":
				d.complexity = value.Text != ""
			case "group":
				d.group = value.Text
			case "since":
				d.since = value.Text
			case "doc_flags":
				d.flags = joined(value)
			case "deprecated_since":
				d.deprecated = value.Text
			case "replaced_by":
				d.instead = value.Text
			case "subcommands":
				addDocs(all, value)
			}
		}
		all[command[0].Text] = d
	}
}

func joined(v oracle.Value) string {
	words := make([]string, len(v.Elems))
	for i, elem := range v.Elems {
		words[i] = elem.Text
	}
	return strings.Join(words, " ")
}

// targetDocs is what the target tells of its commands: the real server's answer, brought up to 7.2.
func targetDocs(t *testing.T) map[string]commandDocs {
	t.Helper()
	target := readDocs(t, oracle.Start(t).Dial)
	for name, d := range since70 {
		require.NotContains(t, target, name, "the real server knows it: take it off the list")
		target[name] = d
	}
	for name, d := range docs72 {
		before := target[name]
		d.summary, d.complexity = before.summary, before.complexity
		require.NotEqual(t, before, d, "the real server says so of %s: take it off the list", name)
		target[name] = d
	}
	return target
}

func TestNoCommandIsMissing(t *testing.T) {
	ours, target := readDocs(t, startServer(t).dial), targetDocs(t)
	used := map[string]bool{} // reasons that something is missing for
	for _, name := range slices.Sorted(maps.Keys(target)) {
		if _, ok := ours[name]; ok {
			continue
		}
		container, _, _ := strings.Cut(name, "|")
		switch group := target[name].group; {
		case absentGroups[group] != "":
			used[group] = true
		case absent[name] != "":
			used[name] = true
		case absent[container] != "":
			used[container] = true
		default:
			t.Errorf("%s, of group %s, is missing", name, group)
		}
	}
	for _, list := range []map[string]string{absentGroups, absent} {
		for name := range list {
			require.True(t, used[name], "%s is there: take it off the list", name)
		}
	}
}

func TestCommandDocsMatchRedis(t *testing.T) {
	ours, target := readDocs(t, startServer(t).dial), targetDocs(t)
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		want, known := target[name]
		if ownDocs, isOwn := own[name]; isOwn {
			require.False(t, known, name)
			want, known = ownDocs, true
			want.complexity = true
		}
		if !known {
			t.Errorf("%s is not in Redis", name)
			continue
		}
		got := ours[name]
		if _, written := since70[name]; written {
			want.complexity = got.complexity // the list does not tell
		}
		want.summary = true
		require.Equal(t, fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got), name)
	}
}
