package acl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Numbers of the commands of testCatalog.
const (
	cmdGet = iota
	cmdSet
	cmdSelect
	cmdAuth
	cmdConfig
	cmdConfigGet
	cmdConfigSet
	cmdPublish
)

func testCatalog() *Catalog {
	return NewCatalog([]Command{
		{Name: "get", Parent: -1, Categories: []string{"read", "fast"}},
		{Name: "set", Parent: -1, Categories: []string{"write", "slow"}},
		{Name: "select", Parent: -1, Categories: []string{"connection", "fast"}},
		{Name: "auth", Parent: -1, Categories: []string{"connection", "fast"}, Open: true},
		{Name: "config", Parent: -1, Categories: []string{"slow"}},
		{Name: "config|get", Parent: cmdConfig, Categories: []string{"admin", "slow"}},
		{Name: "config|set", Parent: cmdConfig, Categories: []string{"admin", "slow"}},
		{Name: "publish", Parent: -1, Categories: []string{"pubsub", "fast"}},
	}, []string{"read", "write", "fast", "slow", "connection", "admin", "pubsub"})
}

func newTestUsers() *Users { return NewUsers(testCatalog(), func() bool { return false }) }

// mustSet makes a user with rules.
func mustSet(t testing.TB, u *Users, name string, rules ...string) *Rules {
	t.Helper()
	change, err := u.Set(name, rules)
	require.NoError(t, err)
	return change.New
}

// The names of passwords' digests in the texts of rules.
const (
	digestOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	noRights  = "off sanitize-payload resetchannels -@all"
)

func TestRulesAsText(t *testing.T) {
	for rules, want := range map[string]string{
		"":                                 noRights,
		"on nopass ~* &* +@all":            "on nopass sanitize-payload ~* &* +@all",
		"allkeys allchannels allcommands":  "off sanitize-payload ~* &* +@all",
		">x":                               "off sanitize-payload #" + digestOfX + " resetchannels -@all",
		">x >x #" + digestOfX:              "off sanitize-payload #" + digestOfX + " resetchannels -@all",
		"nopass >x":                        "off sanitize-payload #" + digestOfX + " resetchannels -@all",
		">x nopass":                        "off nopass sanitize-payload resetchannels -@all",
		">x <x":                            noRights,
		">x !" + digestOfX:                 noRights,
		">x resetpass":                     noRights,
		"skip-sanitize-payload":            "off skip-sanitize-payload resetchannels -@all",
		"+GET -get":                        noRights + " -get",
		"+get +set +get":                   noRights + " +set +get",
		"+config|get +config|SET -config":  noRights + " -config",
		"+select|0 +select|1 +Select|0":    noRights + " +select|1 +select|0",
		"+@all -@admin +config|get":        "off sanitize-payload resetchannels +@all -@admin +config|get",
		"+get +@all":                       "off sanitize-payload resetchannels +@all",
		"+@read -@read":                    noRights + " -@read",
		"~a %R~b %w~b %RW~c %rw~* ~d ~d":   "off sanitize-payload ~* resetchannels -@all",
		"~a %R~b %w~b %RW~c %rw~d ~d":      "off sanitize-payload ~a ~b ~c ~d resetchannels -@all",
		"%R~a %W~b":                        "off sanitize-payload %R~a %W~b resetchannels -@all",
		"~a resetkeys %R~b":                "off sanitize-payload %R~b resetchannels -@all",
		"&a &b &a":                         "off sanitize-payload resetchannels &a &b -@all",
		"&a resetchannels":                 noRights,
		"(+get ~a) ( %R~b +set ) ()":       noRights + " (~a resetchannels -@all +get) (%R~b resetchannels -@all +set) (resetchannels -@all)",
		"(+get ~a) clearselectors":         noRights,
		"(+get 'x)":                        noRights + " (resetchannels -@all)", // broken quotes, as in Redis
		"on >x ~a &b (~c) +get reset":      noRights,
		"on off  on":                       "on sanitize-payload resetchannels -@all",
		"ALLKEYS AllChannels +@ALL NOPASS": "off nopass sanitize-payload ~* &* +@all",
	} {
		u := newTestUsers()
		got := mustSet(t, u, "u", strings.Split(rules, " ")...)
		require.Equal(t, want, got.String(), rules)
		require.Equal(t, want, mustSet(t, u, "again", strings.Split(want, " ")...).String(), "read again")
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	for rules, want := range map[string]string{
		"nonsense":         "Error in ACL SETUSER modifier 'nonsense': Syntax error",
		"+nope":            "Error in ACL SETUSER modifier '+nope': Unknown command or category name in ACL",
		"+":                "Error in ACL SETUSER modifier '+': Unknown command or category name in ACL",
		"-nope":            "Error in ACL SETUSER modifier '-nope': Unknown command or category name in ACL",
		"+@nope":           "Error in ACL SETUSER modifier '+@nope': Unknown command or category name in ACL",
		"+config|nope":     "Error in ACL SETUSER modifier '+config|nope': Unknown command or category name in ACL",
		"+config|get|x":    "Error in ACL SETUSER modifier '+config|get|x': Allowing first-arg of a subcommand is not supported",
		"+select|":         "Error in ACL SETUSER modifier '+select|': Syntax error",
		"-select|0":        "Error in ACL SETUSER modifier '-select|0': Unknown command or category name in ACL",
		"%X~a":             "Error in ACL SETUSER modifier '%X~a': Syntax error",
		"%RR~a":            "Error in ACL SETUSER modifier '%RR~a': Syntax error",
		"%~a":              "Error in ACL SETUSER modifier '%~a': Syntax error",
		"%":                "Error in ACL SETUSER modifier '%': Syntax error",
		"~a\tb":            "Error in ACL SETUSER modifier '~a\tb': Syntax error",
		"&a\x00b":          "Error in ACL SETUSER modifier '&a': Syntax error",
		"allkeys ~a":       "Error in ACL SETUSER modifier '~a': " + errAllKeys.Error(),
		"allchannels &a":   "Error in ACL SETUSER modifier '&a': " + errAllChans.Error(),
		"<x":               "Error in ACL SETUSER modifier '<x': The password you are trying to remove from the user does not exist",
		"#x":               "Error in ACL SETUSER modifier '#x': " + errHash.Error(),
		"!x":               "Error in ACL SETUSER modifier '!x': " + errHash.Error(),
		"(+get nonsense)":  "Error in ACL SETUSER modifier '(+get nonsense)': Syntax error",
		"((+get))":         "Error in ACL SETUSER modifier '((+get))': Syntax error",
		"on (+get":         "Unmatched parenthesis in acl selector starting at '(+get'.",
		"(+get) ( ~a +get": "Unmatched parenthesis in acl selector starting at '('.",
	} {
		u := newTestUsers()
		_, err := u.Set("u", append([]string{"on"}, strings.Split(rules, " ")...))
		require.EqualError(t, err, want, rules)
		require.Nil(t, u.Get("u"))
	}
	_, err := newTestUsers().Set("a b", nil)
	require.ErrorIs(t, err, ErrUserName)
}

func args(line string) (out [][]byte) {
	for _, word := range strings.Fields(line) {
		out = append(out, []byte(word))
	}
	return out
}

func TestCheck(t *testing.T) {
	read := []Key{{1, Read}}
	for _, tc := range []struct {
		rules, line string
		id          int
		keys        []Key
		channels    []Channel
		why         Denial
		at          int
	}{
		{"", "get k", cmdGet, read, nil, DeniedCommand, 0},
		{"", "auth x", cmdAuth, nil, nil, Allowed, 0},
		{"+get", "get k", cmdGet, read, nil, DeniedKey, 1},
		{"+get ~k*", "get k1", cmdGet, read, nil, Allowed, 0},
		{"+get %W~k*", "get k1", cmdGet, read, nil, DeniedKey, 1},
		{"+get %R~k*", "get k1", cmdGet, []Key{{1, Read | Write}}, nil, DeniedKey, 1},
		{"+get %R~k* %W~k*", "get k1", cmdGet, []Key{{1, Read | Write}}, nil, Allowed, 0},
		{"+get %R~k*", "get k1", cmdGet, []Key{{1, 0}}, nil, Allowed, 0},
		{"+@all -@read allkeys", "get k", cmdGet, read, nil, DeniedCommand, 0},
		{"+select|0", "select 0", cmdSelect, nil, nil, Allowed, 0},
		{"+select|0", "select 1", cmdSelect, nil, nil, DeniedCommand, 0},
		{"+select|0 -select", "select 0", cmdSelect, nil, nil, DeniedCommand, 0},
		{"+select|0 -@fast", "select 0", cmdSelect, nil, nil, DeniedCommand, 0},
		{"+config -config|set", "config get", cmdConfigGet, nil, nil, Allowed, 0},
		{"+config -config|set", "config set", cmdConfigSet, nil, nil, DeniedCommand, 0},
		{"+@slow -@slow", "config get", cmdConfigGet, nil, nil, DeniedCommand, 0},
		{"+publish", "publish c m", cmdPublish, nil, []Channel{{1, false}}, DeniedChannel, 1},
		{"+publish &c*", "publish c1 m", cmdPublish, nil, []Channel{{1, false}}, Allowed, 0},
		{"+publish &c*", "publish c1 m", cmdPublish, nil, []Channel{{1, true}}, DeniedChannel, 1},
		{"+publish &c*", "publish c* m", cmdPublish, nil, []Channel{{1, true}}, Allowed, 0},
		// The selector that got furthest is the one to blame.
		{"(+get ~a) (+set ~b)", "get b", cmdGet, read, nil, DeniedKey, 1},
		{"(+get ~a) (+get ~b)", "get b", cmdGet, read, nil, Allowed, 0},
		{"+get ~a (+get ~b)", "get a b c", cmdGet, []Key{{1, Read}, {2, Read}}, nil, DeniedKey, 2},
		{"+get ~a (+get ~b)", "get b a c", cmdGet, []Key{{1, Read}, {2, Read}}, nil, DeniedKey, 2},
	} {
		r := mustSet(t, newTestUsers(), "u", strings.Split(tc.rules, " ")...)
		why, at := r.Check(testCatalog(), &Request{ID: tc.id, Args: args(tc.line), Keys: tc.keys, Channels: tc.channels})
		require.Equal(t, tc.why, why, "%s: %s", tc.rules, tc.line)
		require.Equal(t, tc.at, at, "%s: %s", tc.rules, tc.line)
	}
}

func TestCheckAll(t *testing.T) {
	q := &Request{ID: cmdGet, Args: args("get k"), Keys: []Key{{1, Read}}}
	for rules, want := range map[string]bool{
		"+get ~*": true, "+get %R~*": true, "+get %W~* ~k": false, "+get ~k": false, "~* (+get ~k)": false, "(+get %RW~*)": true,
	} {
		require.Equal(t, want, mustSet(t, newTestUsers(), "u", strings.Split(rules, " ")...).CheckAll(testCatalog(), q, Read), rules)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	r := mustSet(t, newTestUsers(), "u", "+@all", "-set", "~a*", "%R~k*", "&c", "(+set", "~s*)")
	q := &Request{ID: cmdGet, Args: args("get k1"), Keys: []Key{{1, Read}}}
	c := testCatalog()
	require.Zero(t, testing.AllocsPerRun(100, func() { r.Check(c, q) }))
}

func TestAuthenticate(t *testing.T) {
	u := newTestUsers()
	require.NotNil(t, u.Authenticate("default", []byte("anything")))
	require.Nil(t, u.Authenticate("nobody", nil))
	mustSet(t, u, "u", "on", ">x", ">y")
	require.Nil(t, u.Authenticate("u", []byte("z")))
	require.Nil(t, u.Authenticate("u", []byte(digestOfX)))
	for _, password := range []string{"x", "y"} {
		require.Equal(t, u.Get("u"), u.Authenticate("u", []byte(password)))
	}
	mustSet(t, u, "u", "off")
	require.Nil(t, u.Authenticate("u", []byte("x")))
	u.SetDefaultPassword("secret")
	require.Nil(t, u.Authenticate("default", []byte("anything")))
	require.NotNil(t, u.Authenticate("default", []byte("secret")))
	require.False(t, u.Default().Rules().Open())
	u.SetDefaultPassword("")
	require.True(t, u.Default().Rules().Open())
}

func TestDeleteTakesAllRights(t *testing.T) {
	u := newTestUsers()
	mustSet(t, u, "u", "on", "nopass", "+@all", "~*", "&*")
	user := u.Get("u")
	require.True(t, user.Rules().Free())
	require.Equal(t, user, u.Delete("u"))
	require.True(t, user.Gone())
	require.Equal(t, noRights, user.Rules().String())
	require.Nil(t, u.Delete("u"))
	require.Nil(t, u.Delete(DefaultName))
	require.Equal(t, []*User{u.Default()}, u.All())
}

func TestLosesChannels(t *testing.T) {
	for _, tc := range []struct {
		before, after string
		want          bool
	}{
		{"&a &b", "resetchannels &b &a &c", false},
		{"&a &b", "resetchannels &b", true},
		{"&a", "allchannels", false},
		{"allchannels", "resetchannels &*x", true},
		{"(&a)", "&a clearselectors", false},
		{"(&a)", "clearselectors", true},
		{"(allchannels)", "+get", false},
	} {
		u := newTestUsers()
		mustSet(t, u, "u", strings.Split(tc.before, " ")...)
		change, err := u.Set("u", strings.Split(tc.after, " "))
		require.NoError(t, err)
		require.Equal(t, tc.want, change.LosesChannels(), "%s, then %s", tc.before, tc.after)
	}
}

func TestFile(t *testing.T) {
	u, name := newTestUsers(), filepath.Join(t.TempDir(), "users.acl")
	mustSet(t, u, "alice", "on", ">x", "~a", "(+get", "%R~b)")
	mustSet(t, u, DefaultName, "-get")
	require.NoError(t, u.Save(name))
	lines := []string{u.All()[0].Line(), u.All()[1].Line()}
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, strings.Join(lines, "\n")+"\n", string(content))

	alice, standard := u.Get("alice"), u.Default()
	mustSet(t, u, "bob")
	gone, err := u.Load(name)
	require.NoError(t, err)
	require.Len(t, gone, 2)
	require.True(t, alice.Gone())
	require.Same(t, standard, u.Default())
	require.Equal(t, lines, []string{u.All()[0].Line(), u.All()[1].Line()})

	require.NoError(t, os.WriteFile(name, []byte("\n  user carol on \t\r\n"), 0o600))
	_, err = u.Load(name)
	require.NoError(t, err)
	require.Equal(t, "user default on nopass sanitize-payload ~* &* +@all", u.Default().Line(), "who is not in the file is as at first")
}

func TestBadFile(t *testing.T) {
	const end = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
	name := filepath.Join(t.TempDir(), "f")
	for content, want := range map[string]string{
		"# no":                               "F:1 should start with user keyword followed by the username. ",
		"\nuser":                             "F:2 should start with user keyword followed by the username. ",
		"User a":                             "F:1 should start with user keyword followed by the username. ",
		"user a\tb on":                       "'F:1: username 'a\tb' contains invalid characters. ",
		"user a\nuser b\nuser a":             "WARNING: Duplicate user 'a' found on line 3. ",
		"user a (+get":                       "F:1: Unmatched parenthesis in selector definition.",
		"user a +x -y +@z bad bad2":          "F:1: Error in applying operation '+x': Unknown command or category name in ACL. F:1: Error in applying operation '-y': Unknown command or category name in ACL. F:1: Error in applying operation '+@z': Unknown command or category name in ACL. F:1: Syntax error. ",
		"user a bad\nuser b >x <y\nuser c #": "F:1: Syntax error. F:2: " + errNoSuch.Error() + ". F:3: " + errHash.Error() + ". ",
	} {
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
		u := newTestUsers()
		_, err := u.Load(name)
		require.EqualError(t, err, strings.ReplaceAll(want, "F:", name+":")+end, content)
		require.Len(t, u.All(), 1)
	}
	_, err := newTestUsers().Load(name + "x")
	require.EqualError(t, err, "Error loading ACLs, opening file '"+name+"x': No such file or directory")
}

func TestConfiguredUsers(t *testing.T) {
	check := newTestUsers().CheckConfigured()
	require.NoError(t, check([]string{"a", "on", "+nope", "(+get", "~k)"}))
	require.EqualError(t, check([]string{"a"}), "Error in user declaration 'a': Duplicate user found. A user can only be defined once in config files")
	require.EqualError(t, check([]string{"b", "on", "bad"}), "Error in user declaration 'b': Syntax error")
	require.EqualError(t, check([]string{"c", "(+get"}), "Error in user declaration 'user': Wrong format")

	u := newTestUsers()
	off, err := u.Configure([][]string{{"a", "on", "+get"}, {"default", "on", ">x"}, {"b"}})
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, off)
	require.Equal(t, "on sanitize-payload #"+digestOfX+" resetchannels -@all", u.Default().Rules().String())
	_, err = u.Configure([][]string{{"c", "+nope"}})
	require.EqualError(t, err, "Error loading ACL rule '+nope' for the user named 'c': Unknown command or category name in ACL")
	_, err = u.Configure([][]string{{"c d"}})
	require.EqualError(t, err, "Spaces not allowed in ACL usernames")
}

func TestLog(t *testing.T) {
	var l Log
	add := func(object string, at int64) {
		l.Add(Entry{Reason: DeniedKey, Context: AtTopLevel, Object: object, User: "u", Client: object, Updated: at}, 3)
	}
	add("a", 1)
	add("b", 2)
	add("a", 60_001)
	require.Equal(t, []Entry{
		{2, DeniedKey, AtTopLevel, "a", "u", "a", 0, 1, 60_001},
		{1, DeniedKey, AtTopLevel, "b", "u", "b", 1, 2, 2},
	}, l.Newest(10))
	add("b", 60_003) // too late to be like the first
	add("c", 60_004)
	require.Len(t, l.Newest(10), 3)
	require.Equal(t, int64(3), l.Newest(1)[0].ID)
	require.Empty(t, l.Newest(-1))
	l.Reset()
	require.Empty(t, l.Newest(10))
	require.Equal(t, int64(5), l.Denied(DeniedKey))
}

func TestPubSubDefault(t *testing.T) {
	u := NewUsers(testCatalog(), func() bool { return true })
	require.Equal(t, "off sanitize-payload &* -@all (&* -@all)", mustSet(t, u, "u", "()").String())
	require.Equal(t, "off sanitize-payload &* -@all", mustSet(t, u, "u", "resetchannels", "reset").String())
}

// TestRulesComeBack draws rules; what they are written down as gives them again, with the same verdicts.
func TestRulesComeBack(t *testing.T) {
	word := rapid.SampledFrom([]string{
		"on", "off", "nopass", ">x", ">y", "<x", "resetpass", "+get", "-get", "+set", "-set", "+config", "-config", "+config|get", "-config|set", "+select|0",
		"+select|1", "-select", "+@all", "-@all", "+@read", "-@fast", "+@slow", "-@admin", "~a", "%R~a", "%W~b*", "~*", "resetkeys", "&c", "&*", "resetchannels",
		"(+get ~a)", "(+@all -set %W~* &c)", "clearselectors", "reset", "skip-sanitize-payload", "sanitize-payload",
	})
	rapid.Check(t, func(t *rapid.T) {
		u := newTestUsers()
		for range rapid.IntRange(1, 15).Draw(t, "n") {
			_, _ = u.Set("u", []string{word.Draw(t, "rule")}) // some are refused
		}
		if u.Get("u") == nil {
			return
		}
		first := u.Get("u").Rules()
		change, err := u.Set("again", strings.Split(first.String(), " "))
		require.NoError(t, err)
		require.Equal(t, first.String(), change.New.String())
		for id := range testCatalog().commands {
			for _, key := range []string{"a", "b1", "c"} {
				q := &Request{ID: id, Args: args("x " + key), Keys: []Key{{1, Read}}, Channels: []Channel{{1, false}}}
				why, at := first.Check(testCatalog(), q)
				again, atAgain := change.New.Check(testCatalog(), q)
				require.Equal(t, why, again)
				require.Equal(t, at, atAgain)
			}
		}
	})
}

// FuzzRules reads any rules: what was taken is written down as rules that are taken, and say the same.
func FuzzRules(f *testing.F) {
	f.Add("on >x ~a %R~b &c +get -@all (+get ~k)")
	f.Add("+select|0 +config|get (\"~a b\" %RW~*) reset")
	f.Fuzz(func(t *testing.T, line string) {
		u := newTestUsers()
		change, err := u.Set("u", strings.Split(line, " "))
		if err != nil {
			return
		}
		again, err := u.Set("again", strings.Split(change.New.String(), " "))
		if strings.Contains(line, "(") && strings.ContainsAny(line, `"'`) { // what stands between quotes in a selector is written without them, as in Redis
			return
		}
		require.NoError(t, err)
		require.Equal(t, change.New.String(), again.New.String())
	})
}

// FuzzFile reads any file of users: either it is refused, or what is saved then is read again as the same.
func FuzzFile(f *testing.F) {
	f.Add("user a on >x ~a +get (+set ~b)\nuser default on nopass\n")
	f.Add("user  on\r\n\n user b\t")
	f.Fuzz(func(t *testing.T, content string) {
		u := newTestUsers()
		loaded, complaints := u.parse("f", content)
		if complaints != "" || strings.ContainsAny(content, `"'`) {
			return
		}
		var out strings.Builder
		for name, rules := range loaded {
			out.WriteString("user " + name + " " + rules.String() + "\n")
		}
		again, complaints := u.parse("f", out.String())
		require.Empty(t, complaints)
		require.Len(t, again, len(loaded))
		for name, rules := range loaded {
			require.Equal(t, rules.String(), again[name].String())
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	r := mustSet(b, newTestUsers(), "u", "+@all", "-set", "~a*", "%R~k*", "&c")
	c := testCatalog()
	q := &Request{ID: cmdGet, Args: args("get k1"), Keys: []Key{{1, Read}}}
	for b.Loop() {
		r.Check(c, q)
	}
}
