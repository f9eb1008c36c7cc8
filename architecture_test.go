// The import rules of the project, as a table that is checked.
//
// A room is a package folder. Its row says what lives there and which other
// rooms its code may import; whatever is not listed is refused, and so is a
// package without a row. Rows of rooms that do not exist yet are fine: they are
// the plan. Whoever adds a room or needs a new import changes the row here and
// the drawing in docs/architecture.md, in the same commit.
//
// Tests may wire rooms together as they like, with two exceptions: the test
// rooms are for tests alone, and nobody imports the client suites.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	modulePath = "respite"
	mainRoom   = "main"
)

// room is a row of the table.
type room struct {
	purpose string
	imports string // rooms that its code may import, separated by spaces
	access  access
}

// access says who may import a room.
type access int

const (
	forRooms  access = iota // rooms whose row lists it, and all tests
	forTests                // tests only
	forNobody               // not even tests
)

// rooms is the table, by folder. main may import every room for rooms.
func rooms() map[string]room {
	return map[string]room{
		"conn":     {purpose: "sockets: listeners, one goroutine per connection, the outbox", imports: "command proto config stats"},
		"proto":    {purpose: "RESP: bytes to arguments, replies to bytes", imports: "text"},
		"command":  {purpose: "the command table, the gate, the executor, sessions", imports: "proto shards value text config pubsub acl stats rdb script cluster"},
		"shards":   {purpose: "ownership of the data: shard goroutines, Tx, routing, the clock", imports: "keyspace value expiry text"},
		"keyspace": {purpose: "the pointer-free hash table, arena and node slabs"},
		"value":    {purpose: "the data types as plain single-owner structures", imports: "keyspace text"},
		"expiry":   {purpose: "the timer wheel"},
		"text":     {purpose: "Redis's rules for text: glob, numbers, hash tags"},
		"config":   {purpose: "the table of parameters, redis.conf, CONFIG REWRITE", imports: "text"},
		"pubsub":   {purpose: "channels and their subscribers", imports: "text"},
		"acl":      {purpose: "users and their rules", imports: "text"},
		"stats":    {purpose: "counters, histograms, slow log, the format of INFO", imports: "text"},
		"rdb":      {purpose: "the RDB codec", imports: "value proto text"},
		"journal":  {purpose: "the ordered stream of effects and its AOF files", imports: "value proto"},
		"repl":     {purpose: "both roles of PSYNC", imports: "value proto rdb journal"},
		"script":   {purpose: "Lua, the script cache, function libraries", imports: "text"},
		"cluster":  {purpose: "slots, nodes, redirects", imports: "proto"},

		"stress":       {purpose: "black-box runs against a listening port", imports: "proto"},
		"stress/bench": {purpose: "side-by-side benchmarks with redis-server", imports: "proto"},

		"oracle":  {purpose: "comparison with a real redis-server", imports: "proto text", access: forTests},
		"clients": {purpose: "suites of real clients", access: forNobody},
	}
}

// listedPackage has the fields of `go list -json` that the rules need.
type listedPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImportsFollowTheTable(t *testing.T) {
	table := rooms()
	for _, goos := range []string{"linux", "darwin", "windows"} {
		packages := listPackages(t, goos)
		require.NotEmpty(t, packages)
		require.Empty(t, violations(table, packages), "on %s", goos)
	}
}

func TestTableIsComplete(t *testing.T) {
	table := rooms()
	for name, row := range table {
		require.NotEmpty(t, row.purpose, name)
		for _, imported := range strings.Fields(row.imports) {
			target, known := table[imported]
			require.True(t, known, "%s lists %s, which has no row", name, imported)
			require.Equal(t, forRooms, target.access, "%s lists %s, which is not for rooms", name, imported)
			require.NotEqual(t, name, imported)
		}
	}
}

func TestViolations(t *testing.T) {
	table := map[string]room{
		"conn":    {purpose: "sockets", imports: "command"},
		"command": {purpose: "commands", imports: "data"},
		"data":    {purpose: "data"},
		"bench":   {purpose: "benchmarks"},
		"bench/x": {purpose: "a room within a room", imports: "data"},
		"oracle":  {purpose: "comparison", imports: "data", access: forTests},
		"clients": {purpose: "suites", access: forNobody},
	}
	for _, tc := range []struct {
		name string
		pkg  listedPackage
		want []string
	}{
		{"a listed import", listedPackage{ImportPath: "respite/conn", Imports: []string{"respite/command"}}, nil},
		{"other modules are not looked at", listedPackage{ImportPath: "respite/data", Imports: []string{"net", "respite.io/data", "respiteful"}}, nil},
		{"main imports all", listedPackage{ImportPath: "respite", Imports: []string{"respite/conn", "respite/data"}}, nil},
		{"a room's own folders", listedPackage{ImportPath: "respite/data/deep", Imports: []string{"respite/data"}}, nil},
		{"the longest row counts", listedPackage{ImportPath: "respite/bench/x/y", Imports: []string{"respite/data"}}, nil},
		{"tests wire rooms", listedPackage{ImportPath: "respite/data", TestImports: []string{"respite/conn"}, XTestImports: []string{"respite/oracle"}}, nil},
		{
			"an import that is not listed",
			listedPackage{ImportPath: "respite/conn", Imports: []string{"respite/data"}},
			[]string{"conn (sockets) may not import data (data)"},
		},
		{
			"upwards",
			listedPackage{ImportPath: "respite/data/deep", Imports: []string{"respite/command/sub"}},
			[]string{"data (data) may not import command (commands)"},
		},
		{
			"the shorter row does not lend its rights",
			listedPackage{ImportPath: "respite/bench", Imports: []string{"respite/data"}},
			[]string{"bench (benchmarks) may not import data (data)"},
		},
		{
			"a room without a row",
			listedPackage{ImportPath: "respite/util"},
			[]string{"respite/util belongs to no room of the table"},
		},
		{
			"an import without a row",
			listedPackage{ImportPath: "respite/conn", Imports: []string{"respite/util"}},
			[]string{"conn (sockets) may not import respite/util, which belongs to no room of the table"},
		},
		{
			"main imported by a room",
			listedPackage{ImportPath: "respite/data", TestImports: []string{"respite"}},
			[]string{"tests of data (data) may not import main"},
		},
		{
			"a test room in the program",
			listedPackage{ImportPath: "respite", Imports: []string{"respite/oracle"}},
			[]string{"main may not import oracle (comparison)"},
		},
		{
			"the suites in a test",
			listedPackage{ImportPath: "respite/data", XTestImports: []string{"respite/clients"}},
			[]string{"tests of data (data) may not import clients (suites)"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, violations(table, []listedPackage{tc.pkg}))
		})
	}
}

// violations returns a sentence for every import that the table does not allow
// and for every package that it does not know, sorted and without repetitions.
func violations(table map[string]room, packages []listedPackage) []string {
	var found []string
	for _, pkg := range packages {
		found = append(found, violationsOf(table, pkg)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func violationsOf(table map[string]room, pkg listedPackage) []string {
	from, known := roomOf(table, pkg.ImportPath)
	if !known {
		return []string{pkg.ImportPath + " belongs to no room of the table"}
	}
	var found []string
	for _, path := range pkg.Imports {
		if !codeMayImport(table, from, path) {
			found = append(found, describe(table, from)+" may not import "+describePath(table, path))
		}
	}
	for _, path := range slices.Concat(pkg.TestImports, pkg.XTestImports) {
		if !testsMayImport(table, from, path) {
			found = append(found, "tests of "+describe(table, from)+" may not import "+describePath(table, path))
		}
	}
	return found
}

func codeMayImport(table map[string]room, from, path string) bool {
	if !isOurs(path) {
		return true
	}
	to, known := roomOf(table, path)
	switch {
	case !known || to == mainRoom:
		return false
	case to == from:
		return true
	case table[to].access != forRooms:
		return false
	default:
		return from == mainRoom || slices.Contains(strings.Fields(table[from].imports), to)
	}
}

func testsMayImport(table map[string]room, from, path string) bool {
	if !isOurs(path) {
		return true
	}
	to, known := roomOf(table, path)
	if !known || to == mainRoom {
		return false
	}
	return to == from || table[to].access != forNobody
}

func isOurs(path string) bool {
	return path == modulePath || strings.HasPrefix(path, modulePath+"/")
}

// roomOf names the row that a package of ours belongs to: the longest folder of
// the table that is the package's own or lies above it.
func roomOf(table map[string]room, path string) (name string, known bool) {
	if path == modulePath {
		return mainRoom, true
	}
	folder := strings.TrimPrefix(path, modulePath+"/")
	for row := range table {
		if (folder == row || strings.HasPrefix(folder, row+"/")) && len(row) > len(name) {
			name = row
		}
	}
	return name, name != ""
}

func describe(table map[string]room, name string) string {
	if name == mainRoom {
		return mainRoom
	}
	return fmt.Sprintf("%s (%s)", name, table[name].purpose)
}

func describePath(table map[string]room, path string) string {
	name, known := roomOf(table, path)
	if !known {
		return path + ", which belongs to no room of the table"
	}
	return describe(table, name)
}

// listPackages asks the Go tool for the module's packages as an operating
// system sees them: files for other systems have imports of their own. A package
// that does not build is listed too (-e): that is for the compiler to report.
func listPackages(t *testing.T, goos string) []listedPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoErrorf(t, err, "go list on %s: %s", goos, stderr.String())
	return decodePackages(t, out)
}

// decodePackages reads the objects that `go list -json` prints one after another.
func decodePackages(t *testing.T, text []byte) []listedPackage {
	t.Helper()
	var packages []listedPackage
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var pkg listedPackage
		err := decoder.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages = append(packages, pkg)
	}
}
