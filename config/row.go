// The shape of one configuration parameter, and the small vocabulary the table is written in.
//
// A Row says everything there is to say about a directive: how a value is read and printed,
// which commands may change it, where it lands in the Snapshot, and what this server promises
// about it. Values are kept in one form only, the text CONFIG GET prints (the canonical form):
// reading turns words into it, a binder decodes it into the Snapshot, rewriting prints it.
// Invariant: a binder is only ever given a canonical value, so it cannot fail. A new kind
// needs a reader in kinds.go and, if its redis.conf form differs, a printer in rewrite.go.

package config

// Kind says how a parameter's value is read and printed.
type Kind uint8

// The kinds of parameters.
const (
	Bool      Kind = iota // "yes" or "no"
	Int                   // decimal, within Min and Max
	Memory                // bytes; units such as 10mb are read, plain bytes printed
	MemoryPct             // Memory, or a percentage "5%"
	Octal                 // octal digits, for file permissions
	Enum                  // one of Enum
	EnumSet               // several of Enum, separated by blanks
	String                // free text
	Special               // a grammar of its own, see special.go
	Directive             // a line of redis.conf that CONFIG GET and CONFIG SET do not know
)

// String names the kind as documentation does.
func (k Kind) String() string {
	return [...]string{"bool", "int", "memory", "memory or percent", "octal", "enum", "enum set", "string", "special", "directive"}[k]
}

// Flags restrict how a parameter may be read and changed.
type Flags uint16

// The flags of a parameter; their meaning is redis-server's.
const (
	Immutable   Flags = 1 << iota // only at start-up
	Sensitive                     // its argument is kept out of the slow log and MONITOR
	Protected                     // CONFIG SET needs enable-protected-configs
	MultiArg                      // takes several words
	Hidden                        // CONFIG GET shows it for its exact name only
	DenyLoading                   // CONFIG SET is refused while a dataset is being loaded
	EmptyUnset                    // an empty value means "not set" and CONFIG REWRITE drops the line
	Own                           // ours, unknown to redis-server
	volatile                      // setting it to its present value still runs the applier: the file behind it may have changed
)

// Has reports whether all of want are set.
func (f Flags) Has(want Flags) bool { return f&want == want }

// Support is what this server promises about a parameter.
type Support uint8

// The three promises.
const (
	Kept    Support = iota // the value is honoured
	Inert                  // every valid value is accepted and has no effect; Why says why
	Refused                // some values are refused until their promise is kept; Why says which
)

// Row describes one parameter. Copies handed out by Config.Rows are for reading.
type Row struct {
	Name    string   // as redis.conf spells it
	Alias   string   // a second, older spelling, or ""
	Default string   // canonical
	Kind    Kind     // how values are read
	Min     int64    // smallest value of Int, Memory and Octal; for MemoryPct minus the largest percentage
	Max     int64    // largest value of the same
	Enum    []string // the words of Enum and EnumSet, in the order that error texts list them
	Flags   Flags
	Support Support
	Why     string // for Inert: why it has no effect; for Refused: what is missing
	Doc     string // one line

	read    reader                           // words to canonical value
	check   func(value string) error         // a further test of a canonical value, or nil
	runtime func(value string) error         // a further test that CONFIG SET alone makes, or nil
	normal  func(value string) string        // folds equivalent values into one, or nil
	refused func(value string) bool          // Refused: is this value one of them
	bind    func(s *Snapshot, v string)      // copies a canonical value into its field, or nil
	shown   func(value string) string        // what CONFIG GET prints, if not the canonical value
	lines   func(name, v, def string) []line // its lines for CONFIG REWRITE, if not the plain one
}

// reader turns the words of a directive into a canonical value. old is the present value, which
// partial settings build on; more is true from the second line of one start-up on, where the
// directives that may be repeated add to old instead of replacing it.
type reader func(r *Row, words []string, old string, more bool) (string, error)

func boolean(name string, def bool, doc string) Row {
	return Row{Name: name, Kind: Bool, Default: yesNo(def), Doc: doc, read: readBool}
}

func integer(name string, def, low, high int64, doc string) Row {
	return Row{Name: name, Kind: Int, Default: itoa(def), Min: low, Max: high, Doc: doc, read: readInt}
}

func memory(name string, def, low int64, doc string) Row {
	return Row{Name: name, Kind: Memory, Default: itoa(def), Min: low, Max: longMax, Doc: doc, read: readMemory}
}

func memoryPct(name, def, doc string) Row {
	return Row{Name: name, Kind: MemoryPct, Default: def, Min: -maxPercent, Max: longMax, Doc: doc, read: readMemoryPct}
}

func octal(name, def string, high int64, doc string) Row {
	return Row{Name: name, Kind: Octal, Default: def, Max: high, Doc: doc, read: readOctal}
}

// enumSet's first word stands for the empty set.
func enumSet(name, def string, words []string, doc string) Row {
	return Row{Name: name, Kind: EnumSet, Default: def, Enum: words, Flags: MultiArg, Doc: doc, read: readEnumSet}
}

func enum(name, def string, words []string, doc string) Row {
	return Row{Name: name, Kind: Enum, Default: def, Enum: words, Doc: doc, read: readEnum}
}

func str(name, def, doc string) Row {
	return Row{Name: name, Kind: String, Default: def, Doc: doc, read: readString}
}

func special(name, def string, read reader, doc string) Row {
	return Row{Name: name, Kind: Special, Default: def, Doc: doc, read: read}
}

// directive is a row of redis.conf that is no parameter; its lines are handled in parse.go.
func directive(name, doc string) Row {
	return Row{Name: name, Kind: Directive, Flags: MultiArg, Doc: doc}
}

func (r Row) alias(name string) Row { r.Alias = name; return r }

func (r Row) with(f Flags) Row { r.Flags |= f; return r }

func (r Row) into(bind func(*Snapshot, string)) Row { r.bind = bind; return r }

func (r Row) checked(check func(string) error) Row { r.check = check; return r }

func (r Row) setOnly(test func(string) error) Row { r.runtime = test; return r }

func (r Row) shownAs(shown func(string) string) Row { r.shown = shown; return r }

func (r Row) rewritten(lines func(name, v, def string) []line) Row { r.lines = lines; return r }

func (r Row) normalised(normal func(string) string) Row { r.normal = normal; return r }

// inert marks a row whose values have no effect here.
func (r Row) inert(why string) Row {
	r.Support, r.Why = Inert, why
	return r
}

// refuses marks a row some of whose values would promise what the server does not do.
func (r Row) refuses(why string, refused func(string) bool) Row {
	r.Support, r.Why, r.refused = Refused, why, refused
	return r
}

// allInert marks every row of a group that has the same reason to be without effect.
func allInert(why string, rows ...Row) []Row {
	for i := range rows {
		rows[i] = rows[i].inert(why)
	}
	return rows
}

func isYes(v string) bool { return v == yes }

func isSet(v string) bool { return v != "" }

func isNotZero(v string) bool { return v != "0" }
