// commands.go: the COMMAND family. Everything that it answers is derived from the rows of the table; nothing about a
// command is written here, with one exception that Redis makes too: what SET does with its key depends on its options
// (variableFlags).

package command

import (
	"cmp"
	"slices"
	"strings"

	"respite/text"
)

func commandRows() []Row {
	const flags = Loading | Stale
	unordered := []string{"nondeterministic_output_order"}
	return []Row{
		{
			Name: "command", Arity: -1, Flags: flags, ACL: "connection", Place: OnConnection, Run: commandAll, Tips: unordered,
			Since: "2.8.13", Cost: "O(N) in the number of commands", Doc: "Describes all commands.", Sub: []Row{
				{
					Name: "count", Arity: 2, Flags: flags, ACL: "connection", Place: OnConnection, Run: commandCount,
					Since: "2.8.13", Cost: "O(1)", Doc: "Counts the commands.",
				},
				{
					Name: "docs", Arity: -2, Flags: flags, ACL: "connection", Place: OnConnection, Run: commandDocs, Tips: unordered,
					Since: "7.0.0", Cost: "O(N) in the number of commands asked for", Doc: "Documents commands, or all of them.",
				},
				{
					Name: "getkeys", Arity: -3, Flags: flags, ACL: "connection", Place: OnConnection, Run: commandGetKeys,
					Since: "2.8.13", Cost: "O(N) in the number of arguments", Doc: "Finds the keys among the arguments of a command.",
				},
				{
					Name: "getkeysandflags", Arity: -3, Flags: flags, ACL: "connection", Place: OnConnection, Run: commandGetKeysAndFlags,
					Since: "7.0.0", Cost: "O(N) in the number of arguments", Doc: "Finds the keys among the arguments of a command, and what it does with them.",
				},
				{
					Name: "help", Arity: 2, Flags: flags, ACL: "connection", Place: OnConnection, Run: commandHelp,
					Since: "5.0.0", Cost: "O(1)", Doc: "Lists the subcommands.",
				},
				{
					Name: "info", Arity: -2, Flags: flags, ACL: "connection", Place: OnConnection, Run: commandInfo, Tips: unordered,
					Since: "2.8.13", Cost: "O(N) in the number of commands asked for", Doc: "Describes commands, or all of them.",
				},
				{
					Name: "list", Arity: -2, Flags: flags, ACL: "connection", Place: OnConnection, Run: commandList, Tips: unordered,
					Since: "7.0.0", Cost: "O(N) in the number of commands", Doc: "Lists the names of commands.",
				},
			},
		},
	}
}

const (
	errInvalidCommand   = Error("ERR Invalid command specified")
	errNoKeyArguments   = Error("ERR The command has no key arguments")
	errInvalidArguments = Error("ERR Invalid arguments specified for command")
	errInvalidArity     = Error("ERR Invalid number of arguments specified for command")
)

// top is the commands that can be called, without subcommands, in the order of the table.
func (t *Table) top() []*Row {
	rows := make([]*Row, 0, len(t.byName))
	for _, r := range t.byName {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b *Row) int { return cmp.Compare(a.id, b.id) })
	return rows
}

func commandAll(c *Call) error {
	rows := c.Server.table.top()
	c.Reply.Array(len(rows))
	for _, r := range rows {
		c.describe(r)
	}
	return nil
}

func commandCount(c *Call) error {
	c.Reply.Int(int64(len(c.Server.table.byName)))
	return nil
}

func commandInfo(c *Call) error {
	if len(c.Args) == 2 {
		return commandAll(c)
	}
	c.Reply.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if r := c.Server.table.Named(string(name)); r != nil {
			c.describe(r)
			continue
		}
		c.Reply.Null()
	}
	return nil
}

// describe writes a row as COMMAND INFO shows it: ten elements, the last the subcommands in the same form.
func (c *Call) describe(r *Row) {
	first, last, step := r.legacyRange()
	c.Reply.Array(10)
	c.Reply.BulkString(r.full)
	c.Reply.Int(int64(r.Arity))
	c.statusSet(r.flagList())
	c.Reply.Int(int64(first))
	c.Reply.Int(int64(last))
	c.Reply.Int(int64(step))
	c.statusSet(prefixed("@", r.categories()))
	c.Reply.Set(len(r.Tips))
	for _, tip := range r.Tips {
		c.Reply.BulkString(tip)
	}
	c.Reply.Set(len(r.Keys))
	for i := range r.Keys {
		c.describeKeys(&r.Keys[i])
	}
	if len(r.Sub) == 0 {
		c.Reply.Set(0)
		return
	}
	c.Reply.Array(len(r.Sub))
	for i := range r.Sub {
		c.describe(&r.Sub[i])
	}
}

// legacyRange is first key, last key and step, as clients from before key specifications read them: the specs that are
// plain ranges are joined, if they stand beside each other.
func (r *Row) legacyRange() (first, last, step int) {
	for i := range r.Keys {
		k := &r.Keys[i]
		if k.Keyword != "" || k.KeyNum || k.Find != nil || k.Limit > 1 || k.Flags&(NotKey|Incomplete) != 0 && k.First == 0 {
			continue
		}
		end := k.Last
		if end >= 0 {
			end += k.First
		}
		switch {
		case first == 0:
			first, last, step = k.First, end, max(k.Step, 1)
		case k.First == last+1 && step == 1 && k.Step <= 1:
			last = end
		}
	}
	return first, last, step
}

// describeKeys writes a key specification.
func (c *Call) describeKeys(k *KeySpec) {
	n := 3
	if k.Notes != "" {
		n++
	}
	c.Reply.Map(n)
	if k.Notes != "" {
		c.pair("notes", k.Notes)
	}
	c.Reply.BulkString("flags")
	c.statusSet(k.Flags.names())
	c.Reply.BulkString("begin_search")
	c.Reply.Map(2)
	if k.Find != nil && k.Keyword == "" {
		c.unknown()
		c.Reply.BulkString("find_keys")
		c.Reply.Map(2)
		c.unknown()
		return
	}
	if k.Keyword != "" {
		c.pair("type", "keyword")
		c.Reply.BulkString("spec")
		c.Reply.Map(2)
		c.pair("keyword", strings.ToUpper(k.Keyword))
		c.number("startfrom", k.First)
	} else {
		c.pair("type", "index")
		c.Reply.BulkString("spec")
		c.Reply.Map(1)
		c.number("index", k.First)
	}
	c.describeFind(k)
}

// unknown writes that half of a key specification which a key has whose place no specification can tell.
func (c *Call) unknown() {
	c.pair("type", "unknown")
	c.Reply.BulkString("spec")
	c.Reply.Map(0)
}

// describeFind writes the half of a key specification that says how many keys there are.
func (c *Call) describeFind(k *KeySpec) {
	c.Reply.BulkString("find_keys")
	c.Reply.Map(2)
	if k.KeyNum {
		c.pair("type", "keynum")
		c.Reply.BulkString("spec")
		c.Reply.Map(3)
		c.number("keynumidx", k.KeyNumAt)
		c.number("firstkey", k.KeyFirst)
		c.number("keystep", max(k.Step, 1))
		return
	}
	c.pair("type", "range")
	c.Reply.BulkString("spec")
	c.Reply.Map(3)
	c.number("lastkey", k.Last)
	c.number("keystep", max(k.Step, 1))
	c.number("limit", k.Limit)
}

func (c *Call) pair(name, value string) {
	c.Reply.BulkString(name)
	c.Reply.BulkString(value)
}

func (c *Call) number(name string, n int) {
	c.Reply.BulkString(name)
	c.Reply.Int(int64(n))
}

// statusSet writes a set of simple strings.
func (c *Call) statusSet(names []string) {
	c.Reply.Set(len(names))
	for _, n := range names {
		c.Reply.Simple(n)
	}
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}

// names are the flags as COMMAND INFO and COMMAND GETKEYSANDFLAGS spell them.
func (f KeyFlags) names() (names []string) {
	for _, k := range keyFlagNames {
		if f&k.flag != 0 {
			names = append(names, k.name)
		}
	}
	return names
}

func commandDocs(c *Call) error {
	rows := c.Server.table.top()
	if len(c.Args) > 2 {
		rows = rows[:0]
		for _, name := range c.Args[2:] {
			if r := c.Server.table.Named(string(name)); r != nil {
				rows = append(rows, r)
			}
		}
	}
	c.Reply.Map(len(rows))
	for _, r := range rows {
		c.document(r)
	}
	return nil
}

// document writes a row's name and what COMMAND DOCS tells of it.
func (c *Call) document(r *Row) {
	c.Reply.BulkString(r.full)
	at, n := c.Reply.DeferMap(), 0
	field := func(name, value string) {
		if value != "" {
			c.pair(name, value)
			n++
		}
	}
	field("summary", r.Doc)
	field("since", r.Since)
	field("group", strings.ReplaceAll(r.Group, "_", "-"))
	field("complexity", r.Cost)
	if flags := r.docFlags(); len(flags) > 0 {
		c.Reply.BulkString("doc_flags")
		c.statusSet(flags)
		n++
	}
	field("deprecated_since", r.Deprecated)
	field("replaced_by", r.Instead)
	if len(r.Sub) > 0 {
		c.Reply.BulkString("subcommands")
		c.Reply.Map(len(r.Sub))
		for i := range r.Sub {
			c.document(&r.Sub[i])
		}
		n++
	}
	c.Reply.SetMap(at, n)
}

// docFlags are the flags that COMMAND DOCS shows, in Redis's order.
func (r *Row) docFlags() (names []string) {
	if r.Deprecated != "" {
		names = append(names, "deprecated")
	}
	if r.System {
		names = append(names, "syscmd")
	}
	return names
}

// commandFilter is FILTERBY of COMMAND LIST; the zero value lets every command pass.
type commandFilter struct {
	module, category, pattern []byte
}

func parseCommandFilter(c *Call) (f commandFilter, err error) {
	if len(c.Args) == 2 {
		return f, nil
	}
	if len(c.Args) != 5 || !c.Option(2, "filterby") {
		return f, errSyntax
	}
	switch by := c.Args[4]; {
	case c.Option(3, "module"):
		f.module = by
	case c.Option(3, "aclcat"):
		f.category = by
	case c.Option(3, "pattern"):
		f.pattern = by
	default:
		return f, errSyntax
	}
	return f, nil
}

func (f *commandFilter) passes(r *Row) bool {
	switch {
	case f.module != nil: // there are no modules
		return false
	case f.category != nil:
		return slices.Contains(r.categories(), strings.ToLower(string(f.category)))
	case f.pattern != nil:
		return text.Match(f.pattern, []byte(r.full), true)
	}
	return true
}

func commandList(c *Call) error {
	filter, err := parseCommandFilter(c)
	if err != nil {
		return err
	}
	at, n := c.Reply.DeferArray(), 0
	list := func(r *Row) {
		if filter.passes(r) {
			c.Reply.BulkString(r.full)
			n++
		}
	}
	for _, r := range c.Server.table.top() {
		list(r)
		for i := range r.Sub {
			list(&r.Sub[i])
		}
	}
	c.Reply.SetArray(at, n)
	return nil
}

// foundKey is a key among the arguments of a command, and what is done with it.
type foundKey struct {
	key   []byte
	flags KeyFlags
}

// findKeys answers for both GETKEYS.
func (c *Call) findKeys() ([]foundKey, error) {
	args := c.Args[2:]
	r := c.Server.table.Lookup(args)
	switch {
	case r == nil || r.Run == nil:
		return nil, errInvalidCommand
	case len(r.Keys) == 0:
		return nil, errNoKeyArguments
	case !r.arityOK(len(args)):
		return nil, errInvalidArity
	}
	var found []foundKey
	ok := r.keyPositions(args, func(i int, k *KeySpec) {
		if k.Flags&NotKey == 0 {
			found = append(found, foundKey{args[i], r.variableFlags(k, args)})
		}
	})
	switch {
	case ok && len(found) > 0:
		return found, nil
	case ok && r.Keys[0].Flags&NotKey != 0:
		return nil, errNoKeyArguments
	}
	return nil, errInvalidArguments
}

// variableFlags is what these very arguments do with a key, where the row's flags name all that any could.
func (r *Row) variableFlags(k *KeySpec, args [][]byte) KeyFlags {
	switch {
	case k.Flags&VariableFlags == 0:
		return k.Flags
	case r.full == "bitfield":
		return bitfieldFlags(args)
	}
	for _, option := range args[min(len(args), 3):] {
		if equalFold(option, "get") {
			return RW | Access | Update
		}
	}
	return OW | Update
}

func commandGetKeys(c *Call) error {
	found, err := c.findKeys()
	if err != nil {
		return err
	}
	c.Reply.Array(len(found))
	for _, f := range found {
		c.Reply.Bulk(f.key)
	}
	return nil
}

func commandGetKeysAndFlags(c *Call) error {
	found, err := c.findKeys()
	if err != nil {
		return err
	}
	c.Reply.Array(len(found))
	for _, f := range found {
		c.Reply.Array(2)
		c.Reply.Bulk(f.key)
		c.statusSet(f.flags.names())
	}
	return nil
}

func commandHelp(c *Call) error {
	return c.help(
		"(no subcommand)", "    Return details about all Redis commands.",
		"COUNT", "    Return the total number of commands in this Redis server.",
		"LIST", "    Return a list of all commands in this Redis server.",
		"INFO [<command-name> ...]", "    Return details about multiple Redis commands.",
		"    If no command names are given, documentation details for all", "    commands are returned.",
		"DOCS [<command-name> ...]", "    Return documentation details about multiple Redis commands.",
		"    If no command names are given, documentation details for all", "    commands are returned.",
		"GETKEYS <full-command>", "    Return the keys from a full Redis command.",
		"GETKEYSANDFLAGS <full-command>", "    Return the keys and the access flags from a full Redis command.",
	)
}
