package oracle

// How many changes a server counts, which INFO shows as rdb_changes_since_last_save: the random differential asks for it on
// the way and compares by how much it has grown. Commands for which the real server counts by an older rule are left out:
// it is asked before and behind them.

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

var (
	askChanges = []string{"INFO", "persistence"}
	inChanges  = regexp.MustCompile(`rdb_changes_since_last_save:(\d+)\r\n`)
)

// countsDifferently reports whether 7.0 counts other changes of a command than 7.2.
func countsDifferently(args []string) bool {
	// A bit that is set to what it is counts no longer; a consumer that is created to read or claim nothing does.
	return is("setbit", "bitfield", "xreadgroup", "xclaim", "xautoclaim")(args)
}

// countable reports whether none of the commands is queued: the questions between them would be queued as well.
func (d *duel) countable(commands [][]string) bool {
	free := !d.queues
	for _, args := range commands {
		switch {
		case is("multi")(args):
			free, d.queues = false, true
		case is("exec", "discard")(args):
			d.queues = false
		}
	}
	return free
}

// withCounts puts questions for the count around the commands.
func withCounts(commands [][]string) (all [][]string) {
	all = append(make([][]string, 0, len(commands)+2), askChanges)
	for _, args := range commands {
		if !countsDifferently(args) {
			all = append(all, args)
			continue
		}
		if !isAskChanges(all[len(all)-1]) {
			all = append(all, askChanges)
		}
		all = append(all, args, askChanges)
	}
	return append(all, askChanges)
}

func isAskChanges(args []string) bool { return slices.Equal(args, askChanges) }

// compareCounts compares by how much the counts have grown between each two questions with comparable commands between them.
func (d *duel) compareCounts(commands [][]string, a, b []Value) error {
	last := -1
	for i, args := range commands {
		if !isAskChanges(args) {
			continue
		}
		if last >= 0 && !slices.ContainsFunc(commands[last+1:i], countsDifferently) {
			first, second := changesIn(a[i])-changesIn(a[last]), changesIn(b[i])-changesIn(b[last])
			if first > second || second-first > mayRemoveExpired(commands[last+1:i], b[last+1:i]) {
				return fmt.Errorf("the changes counted from %s to %s differ: %s %d, %s %d", commandLine(commands[last+1]),
					commandLine(commands[i-1]), d.first.name, first, d.second.name, second)
			}
		}
		last = i
	}
	return nil
}

// mayRemoveExpired is how many of the commands may have removed a key that was past its deadline, which the real server then counts as a
// change: those that store nothing do not look at the deadline of what is in their way.
func mayRemoveExpired(commands [][]string, replies []Value) (n int64) {
	for i, args := range commands {
		stored, ok := replies[i].Int()
		switch {
		case is("restore", "restore-asking")(args):
			n++
		case ok && stored == 0 && is("bitop", "sort", "sinterstore", "sunionstore", "sdiffstore", "zinterstore", "zunionstore", "zdiffstore",
			"zrangestore", "georadius", "georadiusbymember", "geosearchstore")(args):
			n++
		}
	}
	return n
}

// changesIn reads the answer to askChanges; of one that is none, 0.
func changesIn(info Value) int64 {
	found := inChanges.FindStringSubmatch(info.Text)
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseInt(found[1], 10, 64)
	return n
}
