// The compatibility table of the README is made from the command table: this test compares the two, and with -update
// writes it.

package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"respite/command"
)

var updateReadme = flag.Bool("update-readme", false, "write the compatibility table into README.md")

func TestReadmeCompatibilityTable(t *testing.T) {
	const begin, end = "<!-- compatibility:begin -->\n", "<!-- compatibility:end -->"
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok, "README.md has no place for the table")
	_, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	want := head + begin + compatibilityTable(t) + end + tail
	if *updateReadme {
		require.NoError(t, os.WriteFile("README.md", []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text), "run: go test . -run TestReadme -update-readme")
}

// compatibilityTable lists the commands by group.
func compatibilityTable(t *testing.T) string {
	table, err := command.NewTable(nil)
	require.NoError(t, err)
	groups := map[string][]string{}
	for _, row := range table.Rows() {
		groups[row.Group] = append(groups[row.Group], strings.ToUpper(strings.ReplaceAll(row.FullName(), "|", " ")))
	}
	var names []string
	for g := range groups {
		names = append(names, g)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("| group | commands |\n|---|---|\n")
	for _, g := range names {
		slices.Sort(groups[g])
		fmt.Fprintf(&b, "| %s | %s |\n", g, strings.Join(groups[g], ", "))
	}
	return b.String()
}
