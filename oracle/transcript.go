package oracle

// The transcript format. A file holds blocks separated by one blank line. A block
// starts on an empty dataset with connection 1, freshly opened; what it sets by
// CONFIG SET is restored after it. A block is a list of steps:
//
//	# a comment: a # alone or a # and a space
//	> SET "a key" v        a command, its arguments quoted as redis-cli quotes them
//	+OK                    its reply, in the readable form of value.go
//	> CONFIG GET port
//	*2                     elements of an aggregate stand two spaces further in
//	  "port"
//	  "6379"
//	3>                     the reply under RESP3, where it differs
//	%1
//	  "port"
//	  "6379"
//
// and of directives, which speak of the step that follows:
//
//	@conn 2       this and later steps use client connection 2 (opened here if new)
//	@unordered    aggregates of the reply compare as multisets
//	@near 5       integers of the reply may differ by 5
//	@match RE     the whole readable reply matches RE instead of being written out;
//	              may be repeated; a named group (?P<id>...) sets ${id} for later arguments
//	@noreply      the command is not answered
//	@wait 20ms    a pause
//	@since 7.2    the oracle does not know this: the reply is written by hand; 7.4, 8.0 and, for what is ours alone, respite likewise
//
// Three more directives are steps themselves:
//
//	@raw "..."    sends these bytes instead of a command
//	@read         reads one more reply without sending
//	@closed       the server has closed this connection
//
// A change of the format changes this comment, parser, Format and player.

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"respite/text"
)

const (
	resp2 = 2
	resp3 = 3
)

type action int

const (
	sendCommand action = iota
	sendRaw
	readOnly
	expectClose
)

// Transcript is one parsed file.
type Transcript struct {
	Path   string
	Blocks []*Block
}

// Block is one case: steps that build on each other, on an empty dataset.
type Block struct {
	Line  int // of its first line in the file
	Steps []*Step
	tail  []string // comments after the last step
}

// Step is one exchange with the server.
type Step struct {
	Line      int
	Conn      int
	Args      []string // of the command, ${name} not yet filled in
	Unordered bool
	Near      int64
	Match     []*regexp.Regexp

	action  action
	noReply bool
	since   bool // @since 7.2 or later, or respite
	wait    time.Duration
	prelude []string // comments and directives as they stand in the file
	source  string   // the line that makes the step
	want2   *Value   // nil: nothing written
	want3   *Value   // nil: as want2
}

// Want returns the written reply for the protocol; nil if there is none.
func (s *Step) Want(proto int) *Value {
	if proto == resp3 && s.want3 != nil {
		return s.want3
	}
	return s.want2
}

// answered reports whether the step reads a reply.
func (s *Step) answered() bool { return !s.noReply && s.action != expectClose }

// Load parses all transcripts of a directory, in the order of their names.
func Load(dir string) ([]*Transcript, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no transcripts in %s", dir)
	}
	var all []*Transcript
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		blocks, err := Parse(string(content))
		if err != nil {
			return nil, fmt.Errorf("%s:%w", path, err)
		}
		all = append(all, &Transcript{Path: path, Blocks: blocks})
	}
	return all, nil
}

// Parse reads the text of a transcript. The error begins with a line number.
func Parse(content string) ([]*Block, error) {
	p := &parser{lines: strings.Split(content, "\n")}
	for p.at < len(p.lines) {
		if p.lines[p.at] == "" {
			p.at++
			continue
		}
		if err := p.block(); err != nil {
			return nil, fmt.Errorf("%d: %w", p.at+1, err)
		}
	}
	return p.blocks, nil
}

// parser walks over the lines of a file; at is the line that an error speaks of.
type parser struct {
	lines  []string
	at     int
	blocks []*Block
	conn   int // of the steps to come
}

func (p *parser) block() error {
	b := &Block{Line: p.at + 1}
	p.conn = 1
	for p.at < len(p.lines) && p.lines[p.at] != "" {
		s, err := p.step()
		if err != nil {
			return err
		}
		if s.source == "" {
			b.tail = s.prelude
			break
		}
		b.Steps = append(b.Steps, s)
	}
	p.blocks = append(p.blocks, b)
	return nil
}

// step reads directives up to a line that makes a step, then its replies. A step
// without source is the comments at the end of a block.
func (p *parser) step() (*Step, error) {
	s := &Step{}
	for ; p.at < len(p.lines) && p.lines[p.at] != ""; p.at++ {
		line := p.lines[p.at]
		made, err := p.opening(s, line)
		if err != nil {
			return nil, err
		}
		if !made {
			s.prelude = append(s.prelude, line)
			continue
		}
		s.source, s.Line, s.Conn = line, p.at+1, p.conn
		p.at++
		return s, p.replies(s)
	}
	if slices.ContainsFunc(s.prelude, func(line string) bool { return !isComment(line) }) {
		return nil, fmt.Errorf("a directive without a step")
	}
	return s, nil
}

func isComment(line string) bool { return line == "#" || strings.HasPrefix(line, "# ") }

// opening handles a line before the replies; made says that it makes the step.
func (p *parser) opening(s *Step, line string) (made bool, err error) {
	if isComment(line) {
		return false, nil
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case ">":
		s.Args, err = text.SplitArgs(rest)
		if err == nil && len(s.Args) == 0 {
			err = fmt.Errorf("an empty command")
		}
		return true, err
	case "@raw":
		s.action = sendRaw
		s.Args = make([]string, 1)
		s.Args[0], err = unquote(rest)
		return true, err
	case "@read":
		s.action = readOnly
		return true, nil
	case "@closed":
		s.action = expectClose
		return true, nil
	}
	return false, p.directive(s, word, rest)
}

func (p *parser) directive(s *Step, word, rest string) (err error) {
	switch word {
	case "@conn":
		p.conn, err = strconv.Atoi(rest)
	case "@unordered":
		s.Unordered = true
	case "@noreply":
		s.noReply = true
	case "@since":
		s.since = true
		if rest != "7.2" && rest != "7.4" && rest != "8.0" && rest != "respite" {
			err = fmt.Errorf("@since knows 7.2, 7.4, 8.0 and respite only")
		}
	case "@near":
		s.Near, err = strconv.ParseInt(rest, 10, 64)
	case "@wait":
		s.wait, err = time.ParseDuration(rest)
	case "@match":
		var re *regexp.Regexp
		re, err = regexp.Compile(`(?s)\A(?:` + rest + `)\z`)
		s.Match = append(s.Match, re)
	default:
		err = fmt.Errorf("unknown line %q", word+" "+rest)
	}
	return err
}

// replies reads the written replies of a step, none for one with @match.
func (p *parser) replies(s *Step) error {
	if p.replyStands() {
		v, err := p.reply()
		if err != nil {
			return err
		}
		s.want2 = &v
	}
	if p.at < len(p.lines) && p.lines[p.at] == "3>" {
		p.at++
		v, err := p.reply()
		if err != nil {
			return err
		}
		s.want3 = &v
	}
	if s.want2 != nil && (!s.answered() || s.Match != nil) {
		return fmt.Errorf("a written reply to a step that takes none")
	}
	return nil
}

func (p *parser) replyStands() bool {
	if p.at >= len(p.lines) {
		return false
	}
	line := p.lines[p.at]
	return line != "" && line != "3>" && line[0] != '@' && !isComment(line) && !strings.HasPrefix(line, "> ")
}

func (p *parser) reply() (Value, error) {
	v, n, err := ParseLines(p.lines[p.at:])
	p.at += n
	return v, err
}

// Format renders blocks as the text of a transcript; Parse(Format(b)) gives b.
func Format(blocks []*Block) string {
	var parts []string
	for _, b := range blocks {
		var lines []string
		for _, s := range b.Steps {
			lines = append(lines, s.lines()...)
		}
		lines = append(lines, b.tail...)
		parts = append(parts, strings.Join(lines, "\n")+"\n")
	}
	return strings.Join(parts, "\n")
}

func (s *Step) lines() []string {
	lines := append(slices.Clone(s.prelude), s.source)
	if s.want2 != nil {
		lines = append(lines, s.want2.Lines()...)
	}
	if s.want3 != nil && (s.want2 == nil || !s.want3.Equal(*s.want2)) {
		lines = append(append(lines, "3>"), s.want3.Lines()...)
	}
	return lines
}

// newStep makes a plain command step, for streams that become transcripts.
func newStep(args []string, reply Value) *Step {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = quoteArg(arg)
	}
	return &Step{Conn: 1, Args: args, source: "> " + strings.Join(quoted, " "), want2: &reply}
}

// quoteArg quotes an argument only if it would not stand for itself.
func quoteArg(arg string) string {
	if arg != "" && isPlain(arg) && !strings.ContainsAny(arg, " \"'\\$") {
		return arg
	}
	return quote(arg)
}
