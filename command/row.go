// Package command is the command table, the gate and the executor: everything between a parsed command and its reply.
//
// row.go is what a command is: one row beside one function. All that Redis tells about a command (COMMAND INFO, DOCS,
// GETKEYS, ACL categories) and all that the executor needs (shards, splitting, refusals) is derived from the row here
// and in table.go, never written a second time.
package command

import (
	"strings"
)

// Flags of a row, as COMMAND INFO names them.
type Flags uint32

// The flags. Those that Redis also has carry its names.
const (
	Write Flags = 1 << iota
	ReadOnly
	DenyOOM
	Admin
	PubSub
	NoScript
	Blocking
	Loading
	Stale
	SkipMonitor
	SkipSlowlog
	Asking
	Fast
	NoAuth
	MayReplicate
	NoAsyncLoading
	NoMulti
	AllowBusy
	MovableKeys // derived from Keys
	Dangerous   // ACL category only
	Keyspace    // ACL category only
	AfterPushes // what the client was sent before its reply is of another kind: it precedes the reply
	Listening   // a client that speaks RESP2 may use it while it has subscriptions
	Unqueued    // runs at once where others are queued: between MULTI and EXEC
	Short       // not fast by Redis's book, but as short as if it were: it shares the clock with its neighbours
)

// flagNames are the flags that COMMAND INFO shows, in Redis's order. Redis hides may_replicate.
var flagNames = [...]struct {
	flag Flags
	name string
}{
	{Write, "write"},
	{ReadOnly, "readonly"},
	{DenyOOM, "denyoom"},
	{Admin, "admin"},
	{PubSub, "pubsub"},
	{NoScript, "noscript"},
	{Blocking, "blocking"},
	{Loading, "loading"},
	{Stale, "stale"},
	{SkipMonitor, "skip_monitor"},
	{SkipSlowlog, "skip_slowlog"},
	{Asking, "asking"},
	{Fast, "fast"},
	{NoAuth, "no_auth"},
	{NoAsyncLoading, "no_async_loading"},
	{NoMulti, "no_multi"},
	{AllowBusy, "allow_busy"},
	{MovableKeys, "movablekeys"},
}

// KeyFlags say what a command does with the keys of a KeySpec, as COMMAND INFO names it.
type KeyFlags uint16

// The key flags: one of RO, RW, OW, RM, and what is done with the data.
const (
	RO KeyFlags = 1 << iota
	RW
	OW
	RM
	Access
	Update
	Insert
	Delete
	NotKey
	Incomplete
	VariableFlags
)

var keyFlagNames = [...]struct {
	flag KeyFlags
	name string
}{
	{RO, "RO"},
	{RW, "RW"},
	{OW, "OW"},
	{RM, "RM"},
	{Access, "access"},
	{Update, "update"},
	{Insert, "insert"},
	{Delete, "delete"},
	{NotKey, "not_key"},
	{Incomplete, "incomplete"},
	{VariableFlags, "variable_flags"},
}

// KeySpec says where keys stand among the arguments. First is a position, or, with Keyword set, the argument after that
// keyword, searched from position First (backwards from the end if negative). From there either a range (Last is
// relative to the first key, or, if negative, counted from the end of the command; Step; Limit as in Redis's key
// specifications) or, with KeyNum, a count at offset KeyNumAt followed by that many keys at offset KeyFirst. Find, if set,
// finds the keys before Keyword does, where an argument of an option may spell that; without Keyword it finds the one key whose
// place nothing else tells, which is shown as unknown.
type KeySpec struct {
	Flags              KeyFlags
	First              int
	Keyword            string
	Last, Step, Limit  int
	KeyNum             bool
	KeyNumAt, KeyFirst int
	Find               func(args [][]byte) int  // where the keys begin, 0 if there are none
	Except             func(args [][]byte) bool // whether there are none after all
	Only               func(args [][]byte) int  // finds the keys in place of Keyword, 0 if there are none
	Notes              string
}

// keys is a KeySpec of a plain range; last counts from the end if negative, else from the start of the command.
func keys(flags KeyFlags, first, last, step int) []KeySpec {
	if last >= 0 {
		last -= first
	}
	return []KeySpec{{Flags: flags, First: first, Last: last, Step: step}}
}

// noted gives key specs the remark that COMMAND INFO shows with them.
func noted(specs []KeySpec, notes string) []KeySpec {
	for i := range specs {
		specs[i].Notes = notes
	}
	return specs
}

// Place says where a command without keys runs; commands with keys run where their keys are.
type Place uint8

// The places.
const (
	ByKeys       Place = iota // the shards of its keys
	OnConnection              // the connection answers at once, in order, without a cut in the batch: state of its own
	AfterBatch                // likewise, but it sees what the commands before it did: it waits for those
	Alone                     // the connection runs it when the commands before it are done; no data
	OnAllShards               // all shards, borrowed
	ByKeysAlone               // the shards of its keys, when the commands before it are done
	ByQueue                   // EXEC: where the keys of its transaction are
)

// Split says how a command over keys of several shards is taken apart into one part a shard, and put together again.
type Split uint8

// The splits.
const (
	Whole      Split = iota // not at all: its shards are borrowed
	SplitSum                // each part answers an integer; the reply is their sum
	SplitArray              // each part answers an element a key; the reply has them in the order of the keys
	SplitOK                 // every part answers OK
)

// Row is one command or subcommand.
type Row struct {
	Name  string // lower case; of a subcommand, the second word alone
	Arity int    // arguments with the name; negative: at least that many
	Flags Flags
	ACL   string // categories beyond those that flags and group imply, space between
	Keys  []KeySpec
	Roams func(args [][]byte) bool // whether it also reads keys that are not among these arguments: it then has all shards
	Chans Channels                 // which arguments are channels
	Run   func(*Call) error
	Place Place
	Split Split
	Sub   []Row
	Group string // set by the table from the family that lists it, unless given
	Since string
	Cost  string
	Doc   string
	Tips  []string
	// Since when the command is deprecated, "" if it is not, and what to use instead.
	Deprecated, Instead string
	System              bool // for servers and their developers, not for applications: COMMAND DOCS calls it "syscmd"

	id     int // index among all rows, for counters
	parent *Row
	full   string // "client|list"
	subs   map[string]*Row
	pair   [2]int // where its two keys are, if it always has two and they are the same arguments each time; else 0
	lone   bool   // see isLone
	finder finder // over subs
}

// FullName is the name as counters and ACL rules spell it: "get", "client|list".
func (r *Row) FullName() string { return r.full }

// arityOK reports whether n arguments, name included, suit the row.
func (r *Row) arityOK(n int) bool {
	if r.Arity >= 0 {
		return n == r.Arity
	}
	return n >= -r.Arity
}

// hasOneKey reports whether the commands have one key, in the same place each time.
func (r *Row) hasOneKey() bool {
	return len(r.Keys) == 1 && r.Keys[0].Last == 0 && r.Keys[0].Keyword == "" && !r.Keys[0].KeyNum
}

// flagList is what COMMAND INFO shows.
func (r *Row) flagList() (names []string) {
	for _, f := range flagNames {
		if r.Flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// categories are the row's ACL categories without '@', by Redis's rules: implied by flags, by the group, then its own.
func (r *Row) categories() []string {
	set := map[string]bool{}
	for _, c := range strings.Fields(r.ACL) {
		set[c] = true
	}
	implied := []struct {
		when bool
		name string
	}{
		{r.Flags&Write != 0, "write"},
		{r.Flags&ReadOnly != 0 && !set["scripting"], "read"},
		{r.Flags&Admin != 0, "admin"},
		{r.Flags&(Admin|Dangerous) != 0, "dangerous"},
		{r.Flags&Keyspace != 0, "keyspace"},
		{r.Flags&PubSub != 0, "pubsub"},
		{r.Flags&Fast != 0, "fast"},
		{r.Flags&Fast == 0, "slow"},
		{r.Flags&Blocking != 0, "blocking"},
		{r.Run != nil && groupCategory[r.Group] != "", groupCategory[r.Group]}, // a mere container has none
	}
	for _, i := range implied {
		if i.when {
			set[i.name] = true
		}
	}
	return inOrder(set)
}

// groupCategory is the ACL category that a group of commands implies.
var groupCategory = map[string]string{
	"string": "string", "bitmap": "bitmap", "connection": "connection", "list": "list", "set": "set", "hash": "hash",
	"sorted_set": "sortedset", "stream": "stream", "hyperloglog": "hyperloglog", "geo": "geo", "scripting": "scripting",
	"transactions": "transaction",
}

// categoryOrder is the order in which Redis lists ACL categories.
var categoryOrder = [...]string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream",
	"pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
}

func inOrder(set map[string]bool) (names []string) {
	for _, c := range categoryOrder {
		if set[c] {
			names = append(names, c)
		}
	}
	return names
}
