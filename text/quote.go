package text

import (
	"bytes"
	"errors"
	"strings"
)

// This file: lines of words with quotes, as inline commands and configuration files hold them, and the quoted form in which
// MONITOR, CLIENT LIST and CONFIG REWRITE print arbitrary bytes. AppendQuoted is the inverse of the double quotes here.

// ErrUnbalancedQuotes means that a quote is not closed, or that a closing quote is not followed by a space or the end.
var ErrUnbalancedQuotes = errors.New("unbalanced quotes")

// SplitArgs splits a line into words at white space. A word may hold parts in double quotes, with the escapes \n \r \t \b \a
// \xHH and a backslash before any other byte, and parts in single quotes, where \' is the only escape. A closing quote ends
// its word. As in Redis, the line ends at a NUL byte, and a blank line is no words and no error. The error is
// ErrUnbalancedQuotes.
func SplitArgs(line string) ([]string, error) {
	words, err := SplitArgBytes([]byte(line))
	if err != nil {
		return nil, err
	}
	args := make([]string, len(words))
	for i, word := range words {
		args[i] = string(word)
	}
	return args, nil
}

// SplitArgBytes is SplitArgs for bytes. The words share one new buffer, never memory with line.
func SplitArgBytes(line []byte) ([][]byte, error) {
	if end := bytes.IndexByte(line, 0); end >= 0 {
		line = line[:end]
	}
	var args [][]byte
	buf := make([]byte, 0, len(line)) // no word is longer than its spelling, so this never grows
	for {
		line = trimSpace(line)
		if len(line) == 0 {
			return args, nil
		}
		start := len(buf)
		var ok bool
		if buf, line, ok = appendWord(buf, line); !ok {
			return nil, ErrUnbalancedQuotes
		}
		args = append(args, buf[start:len(buf):len(buf)])
	}
}

func trimSpace(line []byte) []byte {
	for len(line) > 0 && isSpace(line[0]) {
		line = line[1:]
	}
	return line
}

// isSpace is isspace of the C locale.
func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

// appendWord takes a word off line. Only four kinds of white space end a word outside quotes: vertical tabs and form feeds,
// which separate words, do not end them.
func appendWord(dst, line []byte) (word, rest []byte, ok bool) {
	for i, c := range line {
		switch c {
		case ' ', '\n', '\r', '\t':
			return dst, line[i+1:], true
		case '"':
			return closeQuote(appendDoubleQuoted(dst, line[i+1:]))
		case '\'':
			return closeQuote(appendSingleQuoted(dst, line[i+1:]))
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil, true
}

// closeQuote checks what follows a closing quote. It passes its arguments on.
func closeQuote(dst, rest []byte, closed bool) (word, after []byte, ok bool) {
	return dst, rest, closed && (len(rest) == 0 || isSpace(rest[0]))
}

// appendDoubleQuoted takes the inside of double quotes and the closing quote off line.
func appendDoubleQuoted(dst, line []byte) (word, rest []byte, closed bool) {
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			return dst, line[i+1:], true
		case c == '\\' && i+3 < len(line) && line[i+1] == 'x' && isHexDigit(line[i+2]) && isHexDigit(line[i+3]):
			dst = append(dst, hexValue(line[i+2])<<4|hexValue(line[i+3]))
			i += 3
		case c == '\\' && i+1 < len(line):
			i++
			dst = append(dst, unescape(line[i]))
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil, false
}

// appendSingleQuoted takes the inside of single quotes and the closing quote off line.
func appendSingleQuoted(dst, line []byte) (word, rest []byte, closed bool) {
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'':
			return dst, line[i+1:], true
		case c == '\\' && i+1 < len(line) && line[i+1] == '\'':
			i++
			dst = append(dst, '\'')
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil, false
}

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}

// The letters of one-letter escapes and, at the same positions, the bytes that they stand for.
const (
	escapeLetters = `nrtba`
	escapedBytes  = "\n\r\t\b\a"
)

// unescape returns what a backslash and c stand for in double quotes.
func unescape(c byte) byte {
	if i := strings.IndexByte(escapeLetters, c); i >= 0 {
		return escapedBytes[i]
	}
	return c
}

// AppendQuoted appends s in double quotes, printable ASCII as it is, everything else escaped.
func AppendQuoted(dst, s []byte) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s {
		switch i := strings.IndexByte(escapedBytes, c); {
		case i >= 0:
			dst = append(dst, '\\', escapeLetters[i])
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case ' ' <= c && c <= '~':
			dst = append(dst, c)
		default:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	return append(dst, '"')
}
