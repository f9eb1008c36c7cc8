// Parameters with a grammar of their own: save points, output limits, addresses, events.
//
// Each has a reader to canonical text and, where the Snapshot keeps it, a binder back from it.
// Numbers in these lists are read the lenient way of C's strtoll (blanks, a plus sign and an
// empty text are numbers), because redis-server reads them so and configuration files rely on it.

package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"respite/text"
)

const (
	maxBindAddrs   = 16   // addresses of bind
	oomValues      = 3    // numbers of oom-score-adj-values
	oomLimit       = 2000 // their largest magnitude
	maxPort        = 65535
	maxHostname    = 256 // characters of an announced host name, exclusive
	limitWords     = 4   // class, hard, soft, seconds
	percentileFrac = 6   // decimals kept of a latency percentile
)

// lenientInt reads what C's strtoll would consume whole.
func lenientInt(word string) (int64, bool) {
	word = strings.TrimLeft(word, " \t\n\v\f\r")
	if word == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(word, 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// oneEmpty reports the way of writing "none at all".
func oneEmpty(words []string) bool { return len(words) == 1 && words[0] == "" }

// readSave reads save points, pairs of seconds and changes. Lines of one start-up add up.
func readSave(_ *Row, words []string, old string, more bool) (string, error) {
	if oneEmpty(words) {
		return "", nil
	}
	if len(words)%2 != 0 {
		return "", errors.New("Invalid save parameters")
	}
	out := make([]string, 0, len(words)+1)
	if more && old != "" {
		out = append(out, old)
	}
	for i, word := range words {
		n, ok := lenientInt(word)
		least := int64(1 - i%2) // seconds from 1, changes from 0
		if !ok || n < least {
			return "", errors.New("Invalid save parameters")
		}
		out = append(out, itoa(n))
	}
	return strings.Join(out, " "), nil
}

// readOutputLimits reads "class hard soft seconds" groups; classes not named keep their limits.
func readOutputLimits(_ *Row, words []string, old string, _ bool) (string, error) {
	if len(words)%limitWords != 0 {
		return "", errors.New("Wrong number of arguments in buffer limit configuration.")
	}
	limits := parseOutputLimits(old)
	for ; len(words) > 0; words = words[limitWords:] {
		class, ok := clientClass(words[0])
		if !ok {
			return "", errors.New("Invalid client class specified in buffer limit configuration.")
		}
		limit, ok := readOutputLimit(words[1:limitWords])
		if !ok {
			return "", errors.New("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		limits[class] = limit
	}
	return limits.String(), nil
}

func readOutputLimit(words []string) (OutputLimit, bool) {
	hard, err := text.ParseMemory(words[0])
	if err != nil {
		return OutputLimit{}, false
	}
	soft, err := text.ParseMemory(words[1])
	if err != nil {
		return OutputLimit{}, false
	}
	seconds, ok := lenientInt(words[2])
	return OutputLimit{Hard: hard, Soft: soft, SoftSeconds: int(seconds)}, ok && seconds >= 0
}

func clientClass(word string) (int, bool) {
	switch strings.ToLower(word) {
	case "normal":
		return ClientNormal, true
	case "slave", "replica":
		return ClientReplica, true
	case "pubsub":
		return ClientPubSub, true
	}
	return 0, false
}

// String prints the limits as CONFIG GET does.
func (l OutputLimits) String() string {
	groups := make([]string, len(l))
	for i, class := range [...]string{"normal", "slave", "pubsub"} {
		groups[i] = fmt.Sprintf("%s %d %d %d", class, l[i].Hard, l[i].Soft, l[i].SoftSeconds)
	}
	return strings.Join(groups, " ")
}

// parseOutputLimits decodes what String printed.
func parseOutputLimits(v string) (limits OutputLimits) {
	words := strings.Fields(v)
	for i := 0; i+limitWords <= len(words); i += limitWords {
		class, _ := clientClass(words[i])
		limits[class] = OutputLimit{decimal(words[i+1]), decimal(words[i+2]), int(decimal(words[i+3]))}
	}
	return limits
}

func bindOutputLimits(s *Snapshot, v string) { s.ClientOutputBufferLimit = parseOutputLimits(v) }

func readOOMValues(_ *Row, words []string, _ string, _ bool) (string, error) {
	if len(words) != oomValues {
		return "", errWrongArgs()
	}
	out := make([]string, len(words))
	for i, word := range words {
		n, ok := lenientInt(word)
		if !ok || n < -oomLimit || n > oomLimit {
			return "", errors.New("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
		}
		out[i] = itoa(n)
	}
	return strings.Join(out, " "), nil
}

func readBind(_ *Row, words []string, _ string, _ bool) (string, error) {
	if len(words) > maxBindAddrs {
		return "", errors.New("Too many bind addresses specified.")
	}
	words, ok := plainWords(words)
	if !ok {
		return "", errors.New("Failed to bind to specified addresses.")
	}
	return strings.Join(words, " "), nil
}

// plainWords splits words at blanks as well. It refuses what cannot stand in a configuration file without quotes: such bytes
// are in no address and no name, and CONFIG REWRITE writes lists of these as they are.
func plainWords(words []string) (plain []string, ok bool) {
	joined := strings.Join(words, " ")
	unquotable := func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' }
	if strings.ContainsFunc(joined, unquotable) {
		return nil, false
	}
	return strings.Fields(joined), true
}

func readReplicaOf(_ *Row, words []string, _ string, _ bool) (string, error) {
	if len(words) != 2 {
		return "", errWrongArgs()
	}
	if strings.EqualFold(words[0], no) && strings.EqualFold(words[1], "one") {
		return "", nil
	}
	host, ok := plainWords(words[:1])
	if !ok || len(host) != 1 {
		return "", errors.New("Invalid master host")
	}
	port, ok := lenientInt(words[1])
	if !ok || port < 0 || port > maxPort {
		return "", errors.New("Invalid master port")
	}
	return host[0] + " " + itoa(port), nil
}

func readPercentiles(_ *Row, words []string, _ string, _ bool) (string, error) {
	if oneEmpty(words) {
		return "", nil
	}
	out := make([]string, len(words))
	for i, word := range words {
		f, ok := text.ParseFloat([]byte(word))
		if !ok {
			return "", errors.New("Invalid latency-tracking-info-percentiles parameters")
		}
		if f < 0 || f > 100 {
			return "", errors.New("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
		}
		fixed := strconv.FormatFloat(f, 'f', percentileFrac, 64)
		out[i] = strings.TrimSuffix(strings.TrimRight(fixed, "0"), ".")
	}
	return strings.Join(out, " "), nil
}

// readDir changes the working directory: relative paths of later directives count from there.
// Whoever calls it goes back to the old one if the setting as a whole fails.
func readDir(r *Row, words []string, old string, more bool) (string, error) {
	return single(func(_ *Row, word string) (string, error) {
		if err := syscall.Chdir(word); err != nil {
			return "", errors.New(sysText(err))
		}
		return workingDir(), nil
	})(r, words, old, more)
}

// workingDir asks the kernel, not $PWD, which may name the same place by way of a link.
func workingDir() string {
	dir, err := syscall.Getwd()
	if err != nil {
		return ""
	}
	return dir
}

// sysText is the operating system's text for err, capitalised as C's strerror prints it.
func sysText(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

func readEvents(r *Row, words []string, old string, more bool) (string, error) {
	return single(func(_ *Row, word string) (string, error) {
		classes, ok := ParseEvents(word)
		if !ok {
			return "", errors.New("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
		}
		return classes.String(), nil
	})(r, words, old, more)
}

func bindEvents(s *Snapshot, v string) { s.NotifyKeyspaceEvents, _ = ParseEvents(v) }

// eventLetters pairs the letters of notify-keyspace-events with their classes, in printing order.
func eventLetters() []struct {
	letter byte
	class  EventClass
} {
	return []struct {
		letter byte
		class  EventClass
	}{
		{'A', EventAll},
		{'g', EventGeneric},
		{'$', EventString},
		{'l', EventList},
		{'s', EventSet},
		{'h', EventHash},
		{'z', EventZset},
		{'x', EventExpired},
		{'e', EventEvicted},
		{'t', EventStream},
		{'d', EventModule},
		{'n', EventNew},
		{'K', EventKeyspace},
		{'E', EventKeyevent},
		{'m', EventKeyMiss},
	}
}

// ParseEvents reads the letters of notify-keyspace-events.
func ParseEvents(letters string) (classes EventClass, ok bool) {
	table := eventLetters()
next:
	for i := range len(letters) {
		for _, e := range table {
			if e.letter == letters[i] {
				classes |= e.class
				continue next
			}
		}
		return 0, false
	}
	return classes, true
}

// String prints the letters in redis-server's order, A standing for the classes it includes.
func (c EventClass) String() string {
	var out []byte
	all := c&EventAll == EventAll
	for _, e := range eventLetters() {
		inA := all && e.class&EventAll != 0 && e.letter != 'A'
		if !inA && c&e.class == e.class {
			out = append(out, e.letter)
		}
	}
	return string(out)
}

// shownEvents is how CONFIG GET prints the classes: like redis-server, which leaves n out beside A.
func shownEvents(v string) string {
	if strings.HasPrefix(v, "A") {
		return strings.Replace(v, "n", "", 1)
	}
	return v
}

func checkShutdown(v string) error {
	var s Snapshot
	toShutdown(func(s *Snapshot) *ShutdownFlags { return &s.ShutdownOnSigint })(&s, v)
	if s.ShutdownOnSigint&ShutdownSave != 0 && s.ShutdownOnSigint&ShutdownNoSave != 0 {
		return errors.New("shutdown options SAVE and NOSAVE can't be used simultaneously")
	}
	return nil
}

// baseName refuses paths where only a name in the working directory is meant.
func baseName(param, what string, emptyOK bool) func(string) error {
	return func(v string) error {
		if v == "" && !emptyOK {
			return fmt.Errorf("%s can't be empty", param)
		}
		if strings.ContainsAny(v, `/\`) {
			return fmt.Errorf("%s can't be a path, just a %s", param, what)
		}
		return nil
	}
}

func checkHostname(v string) error {
	if len(v) >= maxHostname {
		return fmt.Errorf("Hostnames must be less than %d characters", maxHostname)
	}
	for _, c := range []byte(v) {
		if !isAlnum(c) && c != '-' && c != '.' {
			return errors.New("Hostnames may only contain alphanumeric characters, hyphens or dots")
		}
	}
	return nil
}

func checkNodeName(v string) error {
	if strings.ContainsAny(v, "!#$%&()*+:;<>?@[]^{|}~") {
		return errors.New("Announced human node name contained invalid character")
	}
	return nil
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// checkTitle accepts a template that has only known variables and does not come out empty when
// the optional ones (the title and the server mode) are.
func checkTitle(v string) error {
	out, ok := ExpandTitle(v, func(name string) (string, bool) {
		switch name {
		case "title", "server-mode", "unixsocket", "config-file":
			return "", true
		case "listen-addr", "port", "tls-port":
			return "x", true
		}
		return "", false
	})
	if !ok || strings.Trim(out, " ") == "" {
		return errors.New("template format is invalid or contains unknown variables")
	}
	return nil
}

// ExpandTitle fills in a proc-title-template: {name} is replaced by what value says, {{ is a
// brace. ok is false for an unknown name and for a brace that is not closed.
func ExpandTitle(template string, value func(name string) (string, bool)) (title string, ok bool) {
	var out strings.Builder
	for {
		plain, rest, found := strings.Cut(template, "{")
		out.WriteString(plain)
		if !found {
			return out.String(), true
		}
		if strings.HasPrefix(rest, "{") {
			out.WriteByte('{')
			template = rest[1:]
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		v, known := value(name)
		if !closed || !known {
			return "", false
		}
		out.WriteString(v)
		template = after
	}
}
