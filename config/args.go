// The command line, turned into lines of a configuration file the way redis-server does it.

package config

import (
	"strings"

	"respite/text"
)

// source is where a start-up takes its configuration from.
type source struct {
	file    string
	stdin   bool
	options string // lines made from the arguments
}

// sources sorts out file, standard input and options.
func sources(file string, args []string) source {
	if file == "" && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		file, args = args[0], args[1:]
	}
	src := source{file: file, stdin: file == "-"}
	if src.stdin {
		src.file = ""
	}
	b := optionLines{ready: true}
	for i, arg := range args {
		first := i == 0 && file == ""
		if arg == "-" && (first || i == len(args)-1) {
			src.stdin = true
			continue
		}
		b.add(arg, args[i+1:])
	}
	src.options = b.out.String()
	return src
}

// optionLines builds the lines. ready means that the directive in the making has a value, so
// that an argument with two dashes begins the next one; before that it is itself a value.
type optionLines struct {
	out   strings.Builder
	ready bool
}

func (b *optionLines) add(arg string, rest []string) {
	name, isOption := strings.CutPrefix(arg, "--")
	if !b.ready || !isOption {
		b.out.Write(text.AppendQuoted(nil, []byte(arg)))
		b.out.WriteByte(' ')
		b.ready = true
		return
	}
	if b.out.Len() > 0 {
		b.out.WriteByte('\n')
	}
	b.out.WriteString(name + " ")
	words, err := text.SplitArgs(arg)
	b.ready = err != nil || len(words) != 1
	if !b.ready {
		b.bare(arg, rest)
	}
}

// bare handles a name without a value: --save and --sentinel need none if an option or nothing
// follows, since start-up scripts build them from lists that may be empty.
func (b *optionLines) bare(arg string, rest []string) {
	last := len(rest) == 0
	followed := !last && strings.HasPrefix(rest[0], "--")
	switch strings.ToLower(arg) {
	case "--save":
		if last || followed {
			b.out.WriteString(`""`)
			b.ready = followed
		}
	case "--sentinel":
		b.ready = followed
	}
}
