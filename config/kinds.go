// Readers of the plain kinds: words in, canonical value out, or redis-server's own error text.
//
// Every text here is one that clients and test suites match on, to the byte, as redis-server
// 7.2 says it. The order of the tests (parse, then bounds, then the row's own check) decides
// which text wins and is part of that.

package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"respite/text"
)

const (
	yes = "yes"
	no  = "no"
)

// maxEnumError is the room redis-server has for the text that lists an enum's words.
const maxEnumError = 255

func yesNo(b bool) string {
	if b {
		return yes
	}
	return no
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// value runs the row's reader and its further tests over words.
func (r *Row) value(words []string, old string, more bool) (string, error) {
	v, err := r.read(r, words, old, more)
	if err != nil {
		return "", err
	}
	if r.check != nil {
		if err := r.check(v); err != nil {
			return "", err
		}
	}
	if r.normal != nil {
		v = r.normal(v)
	}
	return v, nil
}

func errWrongArgs() error { return errors.New("wrong number of arguments") }

// single wraps a reader of exactly one word.
func single(read func(r *Row, word string) (string, error)) reader {
	return func(r *Row, words []string, _ string, _ bool) (string, error) {
		if len(words) != 1 {
			return "", errWrongArgs()
		}
		return read(r, words[0])
	}
}

func readBool(r *Row, words []string, old string, more bool) (string, error) {
	return single(func(_ *Row, word string) (string, error) {
		switch {
		case strings.EqualFold(word, yes):
			return yes, nil
		case strings.EqualFold(word, no):
			return no, nil
		}
		return "", errors.New("argument must be 'yes' or 'no'")
	})(r, words, old, more)
}

func readString(r *Row, words []string, old string, more bool) (string, error) {
	return single(func(_ *Row, word string) (string, error) { return word, nil })(r, words, old, more)
}

func readInt(r *Row, words []string, old string, more bool) (string, error) {
	return single(func(r *Row, word string) (string, error) {
		n, ok := text.ParseInt([]byte(word))
		if !ok {
			return "", errors.New("argument couldn't be parsed into an integer")
		}
		return itoa(n), r.within(n)
	})(r, words, old, more)
}

func readMemory(r *Row, words []string, old string, more bool) (string, error) {
	return single(func(r *Row, word string) (string, error) {
		n, err := text.ParseMemory(word)
		if err != nil {
			return "", errors.New("argument must be a memory value")
		}
		return itoa(n), r.within(n)
	})(r, words, old, more)
}

func readMemoryPct(r *Row, words []string, old string, more bool) (string, error) {
	return single(func(r *Row, word string) (string, error) {
		if n, err := text.ParseMemory(word); err == nil {
			return itoa(n), r.within(n)
		}
		digits, isPct := strings.CutSuffix(word, "%")
		n, ok := text.ParseInt([]byte(digits))
		if !isPct || !ok || n < 0 {
			return "", errors.New("argument must be a memory or percent value")
		}
		if n > -r.Min {
			return "", fmt.Errorf("percentage argument must be less or equal to %d", -r.Min)
		}
		return percent(n), nil
	})(r, words, old, more)
}

// percent prints a percentage; none is the same as zero bytes.
func percent(n int64) string {
	if n == 0 {
		return "0"
	}
	return itoa(n) + "%"
}

func readOctal(r *Row, words []string, old string, more bool) (string, error) {
	return single(func(r *Row, word string) (string, error) {
		n, err := strconv.ParseInt(word, 8, 64)
		if err != nil {
			return "", errors.New("argument couldn't be parsed as an octal number")
		}
		if n < r.Min || n > r.Max {
			return "", fmt.Errorf("argument must be between %o and %o inclusive", r.Min, r.Max)
		}
		return strconv.FormatInt(n, 8), nil
	})(r, words, old, more)
}

// within tests a number against the row's bounds.
func (r *Row) within(n int64) error {
	if n >= r.Min && n <= r.Max {
		return nil
	}
	return fmt.Errorf("argument must be between %d and %d inclusive", r.Min, r.Max)
}

func readEnum(r *Row, words []string, _ string, _ bool) (string, error) {
	if len(words) != 1 {
		return "", r.enumError()
	}
	i := r.enumIndex(words[0])
	if i < 0 {
		return "", r.enumError()
	}
	return r.Enum[i], nil
}

// readEnumSet reads a set of flags whose first word stands for none of them.
func readEnumSet(r *Row, words []string, _ string, _ bool) (string, error) {
	if len(words) == 0 {
		return "", r.enumError()
	}
	given := make([]bool, len(r.Enum))
	for _, word := range words {
		i := r.enumIndex(word)
		if i < 0 {
			return "", r.enumError()
		}
		given[i] = true
	}
	return r.enumSetText(given), nil
}

func (r *Row) enumSetText(given []bool) string {
	var out []string
	for i, word := range r.Enum[1:] {
		if given[i+1] {
			out = append(out, word)
		}
	}
	if len(out) == 0 {
		return r.Enum[0]
	}
	return strings.Join(out, " ")
}

func (r *Row) enumIndex(word string) int {
	for i, e := range r.Enum {
		if strings.EqualFold(e, word) {
			return i
		}
	}
	return -1
}

func (r *Row) enumError() error {
	s := "argument(s) must be one of the following: " + strings.Join(r.Enum, ", ")
	return errors.New(s[:min(len(s), maxEnumError)])
}
