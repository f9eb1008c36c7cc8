// Start-up: the configuration file, standard input and the command line, in redis-server's grammar.
//
// The command line becomes text that is appended to the file, so that one reader judges all of
// it and later lines win. Included files are read in place. Nothing is published, and the working
// directory is as before, unless every line was good and no unkept promise was asked for.

package config

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"respite/text"
)

// Version is the version of Redis whose behaviour is offered, as FatalError prints it.
const Version = "7.2.5"

// Names that the reader itself acts on.
const (
	dirInclude        = "include"
	dirRename         = "rename-command"
	dirUser           = "user"
	dirLoadModule     = "loadmodule"
	dirSentinel       = "sentinel"
	acceptUnsupported = "accept-unsupported"
)

// maxInclude bounds nested includes; a file that includes itself ends here.
const maxInclude = 32

// FatalError is a configuration the server will not start with. Its text is what redis-server
// prints on standard error, line ends included.
type FatalError struct {
	Line   int    // from 1, counting the command line as the end of the file; 0 if no line is to blame
	Text   string // the line
	Reason string
}

// Error is the whole report.
func (e *FatalError) Error() string {
	head := fmt.Sprintf("\n*** FATAL CONFIG FILE ERROR (Redis %s) ***\n", Version)
	if e.Line > 0 {
		head += fmt.Sprintf("Reading the configuration file, at line %d\n>>> '%s'\n", e.Line, e.Text)
	}
	return head + e.Reason + "\n"
}

// Parse reads what the server was started with: a file ("" for none, "-" for standard input) and
// arguments. Without a file, a first argument that does not begin with a dash is the file.
// The error is a *FatalError, or names a file that cannot be opened.
func (c *Config) Parse(file string, args []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	src := sources(file, args)
	if src == (source{}) {
		return nil
	}
	old := c.Now()
	l := newLoader(c)
	if err := c.load(l, src); err != nil {
		return also(err, restoreDir(old))
	}
	c.notices = l.notices()
	c.now.Store(c.build(l.values, l.renames, l.users, l.file))
	return nil
}

func (c *Config) load(l *loader, src source) error {
	content, err := l.content(src)
	if err != nil {
		return err
	}
	if err := l.lines(content); err != nil {
		return err
	}
	if err := l.accepted(); err != nil {
		return err
	}
	if err := l.refusals(); err != nil {
		return err
	}
	return checkLogFile(l.values[c.index["logfile"]])
}

// content is the whole text to read; it notes the file's name.
func (l *loader) content(src source) (string, error) {
	var content string
	if src.file != "" {
		abs, err := filepath.Abs(src.file)
		if err != nil {
			return "", fmt.Errorf("find configuration file %s: %w", src.file, err)
		}
		l.file = abs
		if content, err = readFiles(abs); err != nil {
			return "", err
		}
	}
	if src.stdin {
		b, err := io.ReadAll(l.c.stdin)
		if err != nil {
			return "", fmt.Errorf("read configuration from standard input: %w", err)
		}
		content += string(b)
	}
	return content + "\n" + src.options, nil
}

// readFiles reads one file, or all that a name with wildcards matches, which may be none.
func readFiles(name string) (string, error) {
	names := []string{name}
	if strings.ContainsAny(name, "*?[") {
		names, _ = filepath.Glob(name) // a malformed pattern matches nothing, as with glob(3)
	}
	var out strings.Builder
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			return "", fmt.Errorf("Fatal error, can't open config file '%s': %s", n, sysText(err))
		}
		out.Write(b)
	}
	return out.String(), nil
}

// checkLogFile finds out now whether the log can be written: later there is nowhere to say so.
func checkLogFile(name string) error {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return &FatalError{Reason: "Can't open the log file: " + sysText(err)}
	}
	return f.Close()
}

// origin is the line a directive was given in.
type origin struct {
	line int
	text string
}

func (o origin) fatal(reason string) error {
	return &FatalError{Line: o.line, Text: o.text, Reason: reason}
}

// loader is one start-up in progress.
type loader struct {
	c          *Config
	file       string
	values     []string
	given      map[int]origin // the last line of every directive that was given
	renames    map[string]string
	users      [][]string // words of the user lines, but the first
	deprecated []string
	depth      int
}

func newLoader(c *Config) *loader {
	return &loader{c: c, values: slices.Clone(c.Now().values), given: make(map[int]origin), renames: make(map[string]string)}
}

// lines reads one text. Included texts come here again.
func (l *loader) lines(content string) error {
	for i, raw := range strings.Split(content, "\n") {
		at := origin{i + 1, strings.Trim(raw, " \t\r\n")}
		if at.text == "" || at.text[0] == '#' {
			continue
		}
		if err := l.line(at); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) line(at origin) error {
	words, err := text.SplitArgs(at.text)
	if err != nil {
		return at.fatal("Unbalanced quotes in configuration line")
	}
	if len(words) == 0 {
		return nil
	}
	words[0] = strings.ToLower(words[0])
	if i, ok := l.c.param(words[0]); ok {
		return l.set(i, words[1:], at)
	}
	if isDeprecated(words[0]) && len(words) == 2 {
		l.deprecated = append(l.deprecated, words[0])
		return nil
	}
	return l.directive(words, at)
}

// isDeprecated names directives of older versions that redis-server still passes over.
func isDeprecated(name string) bool {
	return name == "list-max-ziplist-entries" || name == "list-max-ziplist-value" || name == "lua-replicate-commands"
}

func (l *loader) set(i int, words []string, at origin) error {
	r := &l.c.rows[i]
	switch {
	case !r.Flags.Has(MultiArg) && len(words) != 1:
		return at.fatal("wrong number of arguments")
	case r.Flags.Has(MultiArg) && len(words) == 1 && words[0] != "":
		words, _ = text.SplitArgs(words[0]) // broken quotes leave no words, for the reader to judge
	}
	_, more := l.given[i]
	v, err := r.value(words, l.values[i], more)
	if err != nil {
		return at.fatal(err.Error())
	}
	l.values[i], l.given[i] = v, at
	return nil
}

// directive acts on a line that sets no parameter.
func (l *loader) directive(words []string, at origin) error {
	switch name := words[0]; {
	case name == dirInclude && len(words) == 2:
		return l.include(words[1], at)
	case name == dirRename && len(words) == 3:
		return l.renameCommand(words[1], words[2], at)
	case name == dirUser && len(words) >= 2:
		return l.defineUser(words[1:], at)
	case name == dirLoadModule && len(words) >= 2, name == dirSentinel && len(words) == 1:
		i := l.c.index[name]
		l.values[i], l.given[i] = at.text, at
		return nil
	case name == dirSentinel:
		return at.fatal("sentinel directive while not in sentinel mode")
	case strings.Contains(name, ".") && len(words) < 2:
		return at.fatal("Module config specified without value")
	case strings.Contains(name, "."):
		return at.fatal("Module Configuration detected without loadmodule directive or no ApplyConfig call: aborting")
	}
	return at.fatal("Bad directive or wrong number of arguments")
}

func (l *loader) include(name string, at origin) error {
	if l.depth == maxInclude {
		return at.fatal("include: files are nested too deeply")
	}
	content, err := readFiles(name)
	if err != nil {
		return err
	}
	l.depth++
	defer func() { l.depth-- }()
	return l.lines(content)
}

func (l *loader) renameCommand(from, to string, at origin) error {
	if l.c.rename != nil {
		if err := l.c.rename(from, to); err != nil {
			return at.fatal(err.Error())
		}
	}
	l.renames[strings.ToLower(from)] = to
	return nil
}

func (l *loader) defineUser(words []string, at origin) error {
	if l.c.user != nil {
		if err := l.c.user(words); err != nil {
			return at.fatal(err.Error())
		}
	}
	l.users = append(l.users, words)
	return nil
}

// accepted tests the names given to accept-unsupported.
func (l *loader) accepted() error {
	i := l.c.index[acceptUnsupported]
	for _, name := range strings.Fields(l.values[i]) {
		row, ok := l.c.index[strings.ToLower(name)]
		if !ok || l.c.rows[row].Support != Refused {
			return l.given[i].fatal("argument(s) must be one of the following: " + strings.Join(l.c.refusable(), ", "))
		}
	}
	return nil
}

// refusable lists the directives that accept-unsupported may name.
func (c *Config) refusable() (names []string) {
	for i := range c.rows {
		if c.rows[i].Support == Refused {
			names = append(names, c.rows[i].Name)
		}
	}
	return names
}

// accepts reports whether accept-unsupported names a row.
func (c *Config) accepts(values []string, r *Row) bool {
	return slices.ContainsFunc(strings.Fields(values[c.index[acceptUnsupported]]), func(name string) bool {
		return strings.EqualFold(name, r.Name) || strings.EqualFold(name, r.Alias)
	})
}

// unkept lists the rows whose given value asks for what the server does not do.
func (l *loader) unkept() (rows []int) {
	for _, i := range slices.Sorted(maps.Keys(l.given)) {
		r := &l.c.rows[i]
		if r.Support == Refused && r.refused(l.values[i]) {
			rows = append(rows, i)
		}
	}
	return rows
}

// refusals is one error that names every unkept promise that was not accepted.
func (l *loader) refusals() error {
	var at origin
	var reasons []string
	for _, i := range l.unkept() {
		r := &l.c.rows[i]
		if l.c.accepts(l.values, r) {
			continue
		}
		if at.line == 0 {
			at = l.given[i]
		}
		reasons = append(reasons, fmt.Sprintf("%s is not supported: %s. Remove it, or start with --%s %s",
			r.Name, r.Why, acceptUnsupported, r.Name))
	}
	if reasons == nil {
		return nil
	}
	return at.fatal(strings.Join(reasons, "\n"))
}

func (l *loader) notices() []string {
	var out []string
	for _, i := range slices.Sorted(maps.Keys(l.given)) {
		if r := &l.c.rows[i]; r.Support == Inert {
			out = append(out, fmt.Sprintf("%s has no effect: %s", r.Name, r.Why))
		}
	}
	for _, i := range l.unkept() {
		r := &l.c.rows[i]
		out = append(out, fmt.Sprintf("%s was accepted and is not kept: %s", r.Name, r.Why))
	}
	for _, name := range l.deprecated {
		out = append(out, name+" has no effect: it is deprecated")
	}
	return out
}
