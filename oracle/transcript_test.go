package oracle

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseTranscript(t *testing.T) {
	content := `# first
@conn 2
@near 5
> GET "a b"
"v\x00"
3>
_

@match :(?P<id>\d+)
> CLIENT ID
@raw "PING\r\n"
+PONG
@noreply
> CLIENT REPLY OFF
@wait 5ms
@read
%1
  "k"
  *2
    :1
    #t
@closed
# last
`
	blocks, err := Parse(content)
	require.NoError(t, err)
	require.Equal(t, content, Format(blocks))

	require.Len(t, blocks, 2)
	first := blocks[0].Steps[0]
	require.Equal(t, []string{"GET", "a b"}, first.Args)
	require.Equal(t, 2, first.Conn)
	require.Equal(t, "$2\r\nv\x00\r\n", string(first.Want(resp2).Append(nil)))
	require.Equal(t, "_\r\n", string(first.Want(resp3).Append(nil)))
	require.Equal(t, 1, blocks[1].Steps[0].Conn, "a block starts on connection 1")
	require.Equal(t, "%1\r\n$1\r\nk\r\n*2\r\n:1\r\n#t\r\n", string(blocks[1].Steps[3].Want(resp3).Append(nil)))
}

func TestParseTranscriptErrors(t *testing.T) {
	for name, content := range map[string]string{
		"unknown line":          "GET k\n",
		"unknown directive":     "@nosuch\n> PING\n",
		"empty command":         "> \n",
		"unbalanced quotes":     "> GET \"k\n",
		"bad number":            "@near x\n> PING\n",
		"bad pattern":           "@match (\n> PING\n",
		"bad pause":             "@wait 5\n> PING\n",
		"directive alone":       "> PING\n+PONG\n@unordered\n",
		"reply of a pattern":    "@match .*\n> PING\n+PONG\n",
		"reply without a reply": "@noreply\n> PING\n+PONG\n",
		"cut array":             "> KEYS *\n*2\n  \"a\"\n",
		"bad indentation":       "> KEYS *\n*1\n\"a\"\n",
		"bare bulk header":      "> GET k\n$5\n",
		"other version":         "@since 9.0\n> PING\n",
	} {
		_, err := Parse(content)
		require.Error(t, err, name)
	}
}

func FuzzParseTranscript(f *testing.F) {
	f.Add("> PING\n+PONG\n3>\n_\n\n# c\n@raw \"x\"\n*1\n  \"a\"\n")
	f.Fuzz(func(t *testing.T, content string) {
		blocks, err := Parse(content)
		if err != nil {
			return
		}
		formatted := Format(blocks)
		again, err := Parse(formatted)
		require.NoError(t, err, "%q", formatted)
		require.Equal(t, formatted, Format(again))
	})
}

func TestStepMatches(t *testing.T) {
	reply := func(lines ...string) Value {
		v, n, err := ParseLines(lines)
		require.NoError(t, err)
		require.Equal(t, len(lines), n)
		return v
	}
	ab, ba := reply("*2", `  "a"`, `  "b"`), reply("*2", `  "b"`, `  "a"`)
	require.False(t, (&Step{}).matches(&ab, ba))
	require.True(t, (&Step{Unordered: true}).matches(&ab, ba))
	aa := reply("*2", `  "a"`, `  "a"`)
	require.False(t, (&Step{Unordered: true}).matches(&aa, ab), "a multiset, not a set")
	pairs, swapped := reply("%2", "  :1", "  :2", "  :3", "  :4"), reply("%2", "  :1", "  :4", "  :3", "  :2")
	require.False(t, (&Step{Unordered: true}).matches(&pairs, swapped), "pairs stay together")

	five, seven, none := reply(":5"), reply(":7"), reply(":-1")
	require.True(t, (&Step{Near: 2}).matches(&five, seven))
	require.False(t, (&Step{Near: 1}).matches(&five, seven))
	require.False(t, (&Step{Near: 100}).matches(&five, none), "-1 is an answer of its own")
	require.False(t, (&Step{Near: 100}).matches(&none, five))
	require.False(t, (&Step{}).matches(nil, five), "nothing is written")
}

func TestRulebook(t *testing.T) {
	b := NewRulebook()
	hello := Value{Kind: '$', Text: "7.0.15"}
	require.Equal(t, "7.2.5", b.adapt([]string{"HELLO"}, hello).Text)
	require.Equal(t, "7.0.15", b.adapt([]string{"GET", "k"}, hello).Text)
	require.NotContains(t, b.Stale(), "version")
	require.Contains(t, b.Stale(), since72)
	require.Contains(t, b.String(), "fired    1 times")

	var nobook *Rulebook
	require.Equal(t, hello, nobook.adapt([]string{"HELLO"}, hello))

	pong := Value{Kind: '+', Text: "PONG"}
	require.ErrorContains(t, b.exempt(&Step{want2: &pong}, pong, resp2), "remove the mark")
	require.NoError(t, b.exempt(&Step{want2: &pong}, Value{Kind: '-', Text: "ERR"}, resp2))
	require.NotContains(t, b.Stale(), since72)
}

func TestUncovered(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.txt"), []byte("> Get k\n\n> client KILL x\n"), 0o600))
	missing, err := Uncovered(dir, []string{"get", "set", "client", "client|kill", "client|list"})
	require.NoError(t, err)
	require.Equal(t, []string{"client|list", "set"}, missing)

	_, err = Uncovered(t.TempDir(), nil)
	require.Error(t, err, "an empty directory covers nothing")
}

func TestCommandNames(t *testing.T) {
	names, err := CommandNames(Start(t).Dial)
	require.NoError(t, err)
	require.Subset(t, names, []string{"get", "set", "client", "client|kill", "config|get"})
	require.True(t, slices.IsSorted(names))
}

func TestGeneratorIsDeterministic(t *testing.T) {
	a, b, other := NewGenerator(1, AllTables()...), NewGenerator(1, AllTables()...), NewGenerator(2, AllTables()...)
	same := true
	for range 1000 {
		args := a.Next()
		require.NotEmpty(t, args)
		require.Equal(t, args, b.Next())
		same = same && slices.Equal(args, other.Next())
	}
	require.False(t, same, "another seed draws another stream")
}

func TestForms(t *testing.T) {
	g := NewGenerator(1, connectionTable())
	seen := map[int]bool{}
	form := parseForm("SET key (A|B) [NX|XX] [GET] (value)+", sharedKinds())
	for range 1000 {
		args := form.draw(g, nil)
		require.GreaterOrEqual(t, len(args), 4)
		require.LessOrEqual(t, len(args), 3+2+maxRepeat)
		seen[len(args)] = true
	}
	require.Len(t, seen, 2+maxRepeat, "every option and every repetition is drawn")
	for _, bad := range []string{"SET [NX", "SET nosuch", "SET )", "(A"} {
		require.Panics(t, func() { parseForm(bad, sharedKinds()) }, bad)
	}
}
