package oracle

// The little language in which generator tables write a command's arguments:
//
//	SET key value [NX|XX] [GET] [EX secs|PX ms|KEEPTTL]
//
// An upper-case word is itself, a lower-case word is a kind of argument that the
// generator draws (kinds.go). [ ] is present or absent, ( ) groups, | chooses,
// a + after a group repeats it. Optional groups that stand side by side are drawn in
// any order, because Redis takes options in any order.

import (
	"fmt"
	"strings"
)

// node is a part of a form; it appends what it draws to args.
type node interface {
	draw(g *Generator, args []string) []string
}

type (
	literal  string // an upper-case word
	kind     func(g *Generator) string
	sequence []node
	choice   []node
	options  []node // side by side, each present or absent
	repeat   struct{ body node }
)

func (l literal) draw(g *Generator, args []string) []string { return append(args, g.cased(string(l))) }
func (k kind) draw(g *Generator, args []string) []string    { return append(args, k(g)) }

func (s sequence) draw(g *Generator, args []string) []string {
	for _, part := range s {
		args = part.draw(g, args)
	}
	return args
}

func (c choice) draw(g *Generator, args []string) []string {
	return c[g.rand.IntN(len(c))].draw(g, args)
}

func (o options) draw(g *Generator, args []string) []string {
	for _, i := range g.rand.Perm(len(o)) {
		if g.rand.IntN(3) == 0 {
			args = o[i].draw(g, args)
		}
	}
	return args
}

// maxRepeat bounds how often a repeated group is drawn.
const maxRepeat = 5

func (r repeat) draw(g *Generator, args []string) []string {
	for range 1 + g.rand.IntN(maxRepeat) {
		args = r.body.draw(g, args)
	}
	return args
}

// parseForm compiles a form. It panics on a malformed one: forms are constants of
// this package's tables.
func parseForm(form string, kinds map[string]kind) node {
	spaced := strings.NewReplacer("[", " [ ", "]", " ] ", "(", " ( ", ")", " ) ", "|", " | ", "+", " + ").Replace(form)
	p := &formParser{form: form, words: strings.Fields(spaced), kinds: kinds}
	parsed := p.alternatives()
	if p.peek() != "" {
		p.fail()
	}
	return parsed
}

type formParser struct {
	form  string
	words []string
	kinds map[string]kind
}

func (p *formParser) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

// take consumes the next word if it is this one.
func (p *formParser) take(word string) bool {
	if p.peek() != word {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *formParser) fail() { panic(fmt.Sprintf("bad form %q at %q", p.form, p.words)) }

func (p *formParser) alternatives() node {
	all := choice{p.sequence()}
	for p.take("|") {
		all = append(all, p.sequence())
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

func (p *formParser) sequence() node {
	var parts sequence
	for {
		switch word := p.peek(); word {
		case "", "|", "]", ")":
			return parts
		case "[":
			parts = append(parts, p.options())
		case "(":
			parts = append(parts, p.group())
		default:
			parts = append(parts, p.word(word))
		}
	}
}

func (p *formParser) options() node {
	var all options
	for p.take("[") {
		all = append(all, p.alternatives())
		if !p.take("]") {
			p.fail()
		}
	}
	return all
}

func (p *formParser) group() node {
	p.take("(")
	body := p.alternatives()
	if !p.take(")") {
		p.fail()
	}
	if p.take("+") {
		return repeat{body}
	}
	return body
}

func (p *formParser) word(word string) node {
	p.take(word)
	if word == strings.ToUpper(word) {
		return literal(word)
	}
	drawn, ok := p.kinds[word]
	if !ok {
		p.fail()
	}
	return drawn
}
