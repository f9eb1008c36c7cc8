package oracle

// Which commands have no transcript. The names come from the server itself, so a
// command cannot be added without one.

import (
	"fmt"
	"slices"
	"strings"
)

// CommandNames asks a server for all its commands and subcommands, in the wire's
// form: "get", "client|kill".
func CommandNames(dial Dialer) ([]string, error) {
	c, err := Connect(dial, resp2)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	list, err := c.mustDo("COMMAND", "LIST")
	if err != nil {
		return nil, err
	}
	info, err := c.mustDo("COMMAND", "INFO")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, elem := range list.Elems {
		names = append(names, elem.Text)
	}
	for _, row := range info.Elems {
		names = append(names, subcommands(row)...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func subcommands(row Value) []string {
	if len(row.Elems) <= infoSubcommands {
		return nil
	}
	var names []string
	for _, sub := range row.Elems[infoSubcommands].Elems {
		if len(sub.Elems) > 0 {
			names = append(names, sub.Elems[0].Text)
		}
	}
	return names
}

// Uncovered returns the names that no transcript of dir sends, sorted. A name is a
// command or, as "client|kill", a subcommand.
func Uncovered(dir string, names []string) ([]string, error) {
	all, err := Load(dir)
	if err != nil {
		return nil, fmt.Errorf("coverage: %w", err)
	}
	sent := map[string]bool{}
	for _, transcript := range all {
		for _, b := range transcript.Blocks {
			for _, s := range b.Steps {
				markSent(sent, s)
			}
		}
	}
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return sent[strings.ToLower(name)] })
	slices.Sort(missing)
	return missing, nil
}

func markSent(sent map[string]bool, s *Step) {
	if s.action != sendCommand {
		return
	}
	name := strings.ToLower(s.Args[0])
	sent[name] = true
	if len(s.Args) > 1 {
		sent[name+"|"+strings.ToLower(s.Args[1])] = true
	}
}
