// What the random differential sends, against what the real server says that its commands take: a command or an option that no generator
// draws is not compared, however long a run is.

package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/oracle"
)

const (
	drawnCommands = 300_000 // of a seed: what a run of that length sends
	leastDrawn    = 5       // times each, so that none is there by chance alone
)

// undrawn are the commands ("name") and options ("name TOKEN") that generators leave out, and why. Transcripts have them all.
var undrawn = map[string]string{
	"georadius STOREDIST":         storesDistances,
	"georadiusbymember STOREDIST": storesDistances,
	"geosearchstore STOREDIST":    storesDistances,
	"object|refcount":             "shows how a server shares integers",
	"pfselftest":                  "takes the real server seconds, and has no other reply than OK",
	"xadd *":                      "depends on the servers' clocks",
}

const storesDistances = "Go's sine and C's differ in the last bit now and then"

func TestGeneratorsDrawEverything(t *testing.T) {
	drawn := draw(1, drawnCommands)
	var missing []string
	for _, what := range grammarOf(t, oracle.Start(t).Dial) {
		_, leftOut := undrawn[what]
		if enough := drawn[what] >= leastDrawn; enough == leftOut {
			missing = append(missing, what)
		}
	}
	require.Empty(t, missing, "no generator draws these, or undrawn lists them though one does")
}

// draw counts what a generator draws: commands, subcommands, and every argument of each.
func draw(seed uint64, n int) map[string]int {
	gen, drawn := oracle.NewGenerator(seed, oracle.AllTables()...), map[string]int{}
	for range n {
		args := gen.Next()
		name := strings.ToLower(args[0])
		drawn[name]++
		if len(args) > 1 {
			drawn[name+"|"+strings.ToLower(args[1])]++
		}
		for i, arg := range args[1:] {
			drawn[name+" "+strings.ToUpper(arg)]++
			if i > 0 {
				drawn[name+"|"+strings.ToLower(args[1])+" "+strings.ToUpper(arg)]++
			}
		}
	}
	return drawn
}

// grammarOf is every command of the data types that a server documents, and every word that one takes.
func grammarOf(t *testing.T, dial oracle.Dialer) []string {
	t.Helper()
	c, err := oracle.Connect(dial, resp2)
	require.NoError(t, err)
	defer c.Close()
	all := map[string]bool{}
	for command := range slices.Chunk(do(t, c, "COMMAND", "DOCS").Elems, 2) {
		addGrammar(all, command[0].Text, command[1])
	}
	return slices.Sorted(maps.Keys(all))
}

func addGrammar(all map[string]bool, name string, docs oracle.Value) {
	switch field(docs, "group").Text {
	case "hash", "list", "set", "sorted_set", "stream", "bitmap", "hyperloglog", "geo", "generic", "string":
		all[name] = true
		addWords(all, name, field(docs, "arguments"))
	}
	for sub := range slices.Chunk(field(docs, "subcommands").Elems, 2) {
		addGrammar(all, sub[0].Text, sub[1])
	}
}

func addWords(all map[string]bool, name string, arguments oracle.Value) {
	for _, argument := range arguments.Elems {
		if token := field(argument, "token").Text; token != "" {
			all[name+" "+strings.ToUpper(token)] = true
		}
		addWords(all, name, field(argument, "arguments"))
	}
}

// field is the value of a field of a map that came as an array; the zero Value if it has none.
func field(v oracle.Value, name string) oracle.Value {
	for pair := range slices.Chunk(v.Elems, 2) {
		if pair[0].Text == name && len(pair) == 2 {
			return pair[1]
		}
	}
	return oracle.Value{}
}
